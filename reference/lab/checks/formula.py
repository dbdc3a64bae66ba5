"""Whether a method computes its definition, apart from how well doubles compute it: both sides in ball arithmetic.

For code that runs in this process, where it may be followed: a sandbox holds no differentiator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reference.engine.formulas import digits_of_answer, judge
from reference.findings import NotApplicable, Violation
from reference.lab.cases import Case, Sizes
from reference.lab.context import ORDINARY_SIZES, Context
from reference.lab.contract import Message
from reference.lab.near_formulas import named
from reference.numerics import ball_tolerances, tolerances
from reference.numerics.compare import worst_entry
from reference.numerics.oracles import ball
from reference.numerics.sampling import Draw, normal_numbers, numbers_of_all_sizes
from reference.wording import fact

if TYPE_CHECKING:
    from reference.numerics.balls import Difference

Array = NDArray[Any]

#: How far logits are below the largest one of their row, so that probabilities have sizes of 1 to 1e-304: far below
#: whatever people add to them, compare them with or clip them at. A choice: the last ones are normal doubles still.
_LEVELS = np.array([0.0, 20.0, 50.0, 200.0, 500.0, 693.0])
_BEYOND_LEVEL = 7.0
#: The same where logits are given: the last of these probabilities is 0 in doubles. A choice.
_LEVELS_OF_LOGITS = np.array([*_LEVELS, 1000.0])
#: What is added to all logits of a row: exp of most of them is beyond doubles. A choice.
_OFFSETS = np.array([0.0, 0.0, 0.0, 0.0, 1000.0, -1000.0, 1000.0])
#: Powers of ten of the sizes of numbers that are no logits, either way. A choice: far below every threshold.
_POWERS = 40.0


@dataclass(frozen=True)
class _Posed:
    """A case, and what is special about it, in words."""

    kind: str
    case: Case


@dataclass(frozen=True)
class _Method:
    """A method, held against its definition."""

    context: Context
    message: Message
    classes: Mapping[str, type]

    unit = tolerances.DOUBLE_UNIT

    def difference(self, posed: _Posed) -> Difference | None:
        """How the code differs from the definition."""
        return self._difference(posed.case)

    def scaled(self, posed: _Posed, found: Difference, factor: float) -> Difference | None:
        """The difference for numbers that are so many times as large."""
        case = posed.case
        scaled = {name: array * factor if name != "T" else array for name, array in case.arguments.items()}
        origin = None if case.origin is None else case.origin * factor
        return self._difference(replace(case, arguments=scaled, origin=origin), (found.place, found.index))

    def computed(self, posed: _Posed, found: Difference) -> tuple[float, float]:
        """The entry in doubles, and its bound."""
        actual = self._actual(posed.case)[found.place]
        bound = self.context.answer(self.message, posed.case).bounds[found.place]
        return float(actual[found.index]), float(np.broadcast_to(bound, actual.shape)[found.index])

    def violation(self, posed: _Posed, found: Difference) -> Violation:
        """The entry, by the code and by the definition."""
        place: dict[str, Any] = {"what": self.message.parts[found.place], "index": found.index}
        due = fact("by formula", value=found.due, **place)
        came = fact("entry", value=found.came, **place)
        slight = found.relative < 1
        came = came.and_("definition off by", part=found.relative) if slight else came.and_("definition off")
        word, constants = named(self.message, posed.case, found)
        if constants:
            came = came.and_("estimated", constants=constants)
        return self.context.violation(self.message, posed.case, due, came, word, index=found.index)

    def tell_lost_digits(self, posed: _Posed, found: Difference) -> None:
        """Note where an answer in doubles is farther from the truth than rounding has to take it."""
        if found.is_wrong or self.context.notes:
            return
        expected = self.context.answer(self.message, posed.case)
        parts = zip(
            self.message.parts,
            self._actual(posed.case),
            expected.truth,
            expected.bounds,
            strict=True,
        )
        for what, actual, truth, bound in parts:
            index = worst_entry(actual, truth, bound)
            if index is not None:
                lost = digits_of_answer(float(actual[index]), float(truth.value[index]), self.unit)
                self.context.note(fact("digits lost", digits=lost, inputs=posed.kind, what=what, index=index))
                return

    def why_unknown(self) -> str:
        """Never the case: the definition is known everywhere."""
        return "the definition is known in no case"

    def _actual(self, case: Case) -> tuple[Array, ...]:
        """The answer in doubles; NaN where none comes, which is what other checks are about."""
        try:
            return self.context.actual(self.message, case)
        except Violation:
            return tuple(np.full(shape, np.nan) for shape in self.message.shapes(case))

    def _difference(self, case: Case, at: tuple[int, tuple[int, ...]] | None = None) -> Difference | None:
        from reference.lab import exact  # noqa: PLC0415 - needs flint, which is optional

        return exact.difference(self.classes, self.message, case, at)


def check_formula(context: Context, message: Message) -> None:
    """In exact arithmetic the method computes its definition: whatever it is off by in doubles is rounding alone."""
    reason = ball.available()
    if reason:
        raise NotApplicable(fact("no oracle", said=reason))
    context.note_oracle(ball.NAME)
    judge(_Method(context, message, context.classes or {}), _cases(context, message))


def _cases(context: Context, message: Message) -> Iterator[_Posed]:
    """Generic cases: ordinary numbers, of all sizes, and as far apart as they may be."""
    rng = context.rng(f"{message.subject}.formula")
    for posed in _drawn(context, message, rng):
        yield replace(posed, case=replace(posed.case, parameters=_told_apart(posed.case.parameters)))


def _drawn(context: Context, message: Message, rng: np.random.RandomState) -> Iterator[_Posed]:
    for number in range(ball_tolerances.FORMULA_ROUNDS[context.effort]):
        yield _Posed("ordinary numbers", message.draw(ORDINARY_SIZES[number % 2], normal_numbers(rng)))
        yield _Posed("numbers of all sizes", message.draw(ORDINARY_SIZES[1], numbers_of_all_sizes(rng, message.key)))
        if message.key in {"linear", "relu"}:
            yield _Posed("numbers of all sizes", message.draw(ORDINARY_SIZES[1], _of_every_size(rng)))
        else:
            yield _Posed("logits far apart", _with_ordinary_cotangent(_far_apart(message, rng), rng))


def _told_apart(parameters: Mapping[str, Array]) -> dict[str, Array]:
    """Parameters that mean the same as decimals, in which constants are read, and as doubles; some move by a rounding.

    A layer may keep them where they cannot be replaced by exact numbers.
    """
    return {name: np.vectorize(_as_read, otypes=[float])(array) for name, array in parameters.items()}


def _as_read(x: float) -> float:
    digits = ball_tolerances.DECIMAL_DIGITS
    while len(Decimal(repr(float(x))).normalize().as_tuple().digits) < digits and Decimal(repr(float(x))) != Decimal(x):
        x = float(np.nextafter(x, np.inf))
    return x


def _of_every_size(rng: np.random.RandomState) -> Draw:
    """Numbers of sizes from 1e-40 to 1e40 and of both signs; those of a row have one size, so that none is lost."""

    def draw(shape: tuple[int, ...]) -> Array:
        powers = rng.permutation(np.linspace(-_POWERS, _POWERS, shape[0])).reshape(-1, *(1 for _ in shape[1:]))
        signs = (-1.0) ** np.indices(shape).sum(axis=0)
        return np.asarray(signs * 10.0 ** (powers + rng.uniform(-1, 1, shape)))

    return draw


def _far_apart(message: Message, rng: np.random.RandomState) -> Case:
    """Each row has a logit at each level, and the target goes through the levels from row to row."""
    all_levels = _LEVELS if message.key == "cross_entropy" else _LEVELS_OF_LOGITS
    n = len(all_levels)
    levels = all_levels[(2 * np.arange(n)[:, None] + np.arange(n)) % n]
    X = _OFFSETS[:n, None] - levels - rng.uniform(0, _BEYOND_LEVEL, (n, n)) * (levels > 0)
    return message.draw(Sizes(n, n, n), lambda _: X)


def _with_ordinary_cotangent(case: Case, rng: np.random.RandomState) -> Case:
    if "delta_next" not in case.arguments:
        return case
    return replace(case, arguments={**case.arguments, "delta_next": rng.randn(*case.arguments["delta_next"].shape)})
