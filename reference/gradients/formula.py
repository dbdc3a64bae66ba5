"""Whether the formula of a gradient is right, apart from how well doubles compute it: both sides in ball arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reference.engine.formulas import attempted, digits_lost, judge
from reference.findings import NotApplicable, Violation
from reference.gradients import rigorous
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.subject import asked
from reference.numerics import ball_tolerances
from reference.wording import fact

if TYPE_CHECKING:
    from reference.numerics.balls import Difference

Array = NDArray[Any]


def check_formula(context: Context) -> None:
    """The formula of the gradient is the derivative, whatever rounding does to the numbers that it computes."""
    reason = rigorous.available()
    if reason:
        raise NotApplicable(fact("no oracle", said=reason))
    context.note_oracle(rigorous.NAME)
    judge(_Gradient(context), _cases(context))


@dataclass(frozen=True)
class _Gradient:
    """The gradient by formula, held against the derivative."""

    context: Context

    @property
    def unit(self) -> float:
        """The unit roundoff of the arguments."""
        return self.context.unit

    def difference(self, case: Case) -> Difference | None:
        """How the gradient differs from the derivative."""
        return _difference(self.context, case, self.context.cotangents(case)[0])

    def scaled(self, case: Case, found: Difference, factor: float) -> Difference | None:
        """The difference with the argument at the entry so many times as large."""
        args = [array.copy() for array in case.args]
        args[found.place][found.index] *= factor
        cotangent = self.context.cotangents(case)[0]
        return _difference(self.context, replace(case, args=tuple(args)), cotangent, (found.place, found.index))

    def computed(self, case: Case, found: Difference) -> tuple[float, float]:
        """The entry in doubles, and its bound."""
        answers, bounds = self.context.gradients(case, self.context.cotangents(case)[0])
        position = self.context.pattern.differentiable.index(found.place)
        return float(answers[position][found.index]), float(bounds[position][found.index])

    def violation(self, case: Case, found: Difference) -> Violation:
        """The entry, by formula and by the derivative."""
        place: dict[str, Any] = {"what": f"gradient[{found.place}]", "index": found.index}
        return Violation(
            fact("by formula", value=found.due, **place),
            fact("entry", value=found.came, **place).and_("formula off", part=found.relative),
            index=found.index,
            counterexample=asked(case.args, self.context.cotangents(case)[0]),
        )

    def tell_lost_digits(self, case: Case, found: Difference) -> None:
        """Note where few digits are computed."""
        _tell_lost_digits(self.context, case, found)

    def why_unknown(self) -> str:
        """Why the derivative is known in no case."""
        return _why_unknown(self.context)


def _why_unknown(context: Context) -> str:
    """Why the derivative is known in no case."""
    judge = context.known.rigorous if context.spec is None else context.spec.rigorous
    what = "the forward pass" if context.spec is None else "the specification"
    said = judge.refusal or judge.raised
    if said:
        return f"in exact arithmetic {said}"
    return f"{what} computes something else in doubles than in exact arithmetic"


def _cases(context: Context) -> Iterator[Case]:
    """The generic cases in which the derivative is known, as many as there is time for."""
    size = sum(each.size for each in context.pattern.args)
    most = min(ball_tolerances.FORMULA_CASES[context.effort], 1 + ball_tolerances.FORMULA_NUMBERS // max(size, 1))
    if size > ball_tolerances.FORMULA_NUMBERS:
        raise NotApplicable(fact("formula not followed", reason=f"{size} numbers take too long"))
    asked_for = 0
    for case in context.generic():
        if asked_for == most:
            return
        if _is_known(context, case):
            asked_for += 1
            yield case


def _is_known(context: Context, case: Case) -> bool:
    if context.spec is not None:
        return context.spec.rigorous.refusal is None
    return context.known.is_known(case)


def _sides(context: Context) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What is differentiated, and the gradient by formula; fresh copies, for both may keep state."""
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    forward, vjp = balls.rebound_together(context.subject.forward, context.subject.vjp)

    def formula(cotangent: Any, *args: Any) -> Any:
        with suppress(balls.Refused):  # vjp may do without
            forward(*(each.copy() for each in args))
        return vjp(cotangent, *args)

    if context.spec is None:
        return balls.rebound(context.subject.forward), formula
    return context.spec.rigorous.on_balls(), formula


def _difference(
    context: Context, case: Case, cotangent: Array, at: tuple[int, tuple[int, ...]] | None = None
) -> Difference | None:
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    definition, formula = _sides(context)
    return balls.difference(definition, formula, cotangent, case.args, context.pattern.differentiable, at)


def right_at(context: Context, case: Case, cotangent: Array, number: int, index: tuple[int, ...]) -> float | None:
    """The derivative at one entry, where the formula is known to be that; else None."""
    if rigorous.available() or not _is_known(context, case):
        return None
    found = attempted(lambda: _difference(context, case, cotangent, (number, index)))
    if found is None or not found.is_known:
        return None
    if found.is_wrong:
        context.formula_is_wrong = True
        return None
    return found.due


def rounding(context: Context, case: Case, cotangent: Array, position: int) -> Array | None:
    """How far rounding may take one gradient that the formula computes in doubles; None where balls cannot tell."""
    _, formula = _sides(context)
    return rigorous.rounding_of(formula, [cotangent, *case.args], context.pattern.differentiable[position])


def stays_in_doubles(context: Context, case: Case, cotangent: Array) -> bool:
    """Whether the formula passes through no number beyond doubles, if nothing is rounded."""
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    _, formula = _sides(context)
    try:
        return not balls.leaves_doubles(
            formula, [cotangent, *case.args], [0, *(1 + n for n in context.pattern.differentiable)]
        )
    except (Exception, SystemExit):  # undecided, or what the code raises at such arguments
        return False


def _tell_lost_digits(context: Context, case: Case, found: Difference) -> None:
    answers, _ = context.gradients(case, context.cotangents(case)[0])
    for number, answer, truth in zip(context.pattern.differentiable, answers, found.truths, strict=True):
        known = (
            np.isfinite(answer) & np.isfinite(truth) & (np.abs(truth) > ball_tolerances.SMALLEST_NORMAL / context.unit)
        )
        if context.notes or not known.any():
            continue
        relative = np.abs(answer - truth)[known] / np.abs(truth)[known]
        digits = digits_lost(float(relative.max()), context.unit)
        if digits >= ball_tolerances.DIGITS_TOLD:
            index = tuple(int(i) for i in np.argwhere(known)[int(np.argmax(relative))])
            place: dict[str, Any] = {"what": f"gradient[{number}]", "index": index}
            context.note(fact("digits lost", digits=digits, inputs=name(case), **place))


def name(case: Case) -> str:
    """What a case is called in a note."""
    return "the given inputs" if case.kind == "as given" else f"drawn inputs ({case.kind})"
