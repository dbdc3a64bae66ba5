"""That the formula has no favourite sizes and magnitudes: batches to thousands, numbers from 1e-300 to 1e300."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import Violation
from reference.lab import large
from reference.lab.cases import Case, Sizes
from reference.lab.context import Context
from reference.lab.contract import Message, probabilities
from reference.numerics.sampling import Draw, signs

Array = NDArray[Any]
Random = np.random.RandomState

#: The largest sizes that are asked about: samples, inputs, units, classes.
MOST_SAMPLES, MOST_INPUTS, MOST_UNITS, MOST_CLASSES = 4096, 1024, 512, 1000
#: From where on many of them are many.
_MANY_SAMPLES, _MANY_INPUTS = 1000, 500
#: An axis, the units and the classes where another axis is long; all axes where several are. Both ends are included.
_MODERATE, _MODERATE_UNITS, _MODERATE_CLASSES, _SEVERAL = (9, 64), (11, 64), (10, 32), (65, 160)
#: Entries of any array of a case, by effort, and how many rounds of sizes are drawn. A choice of time.
MOST_ENTRIES = {"quick": 2**15, "normal": 2**17, "exhaustive": 2**19}
#: Entries of the Jacobians of all samples of a layer without parameters: 32 MiB, a second or two in a loop of Python.
MOST_OF_JACOBIANS = 2**22
_ROUNDS = {"quick": 1, "normal": 2, "exhaustive": 20}
#: Up to these sizes the other checks ask.
_ASKED_ELSEWHERE = 8
#: One axis in so many is of length 1.
_ONES = 4
#: Of which cases numbers of every magnitude are asked.
_FEW_SIZES = (Sizes(1, 1, 5), Sizes(3, 2, 5), Sizes(6, 3, 9))
#: Powers of ten between which arrays are scaled, so that their products neither overflow nor underflow.
_LARGE, _HUGE, _TINY, _ANY = (0, 20), (20, 140), (-140, -20), (-140, 140)
#: The ends of what a double can be, and for outputs of ReLU, with what comes back.
_ENDS = (1e300, 5e-324, -5e-324, -1e300)
_ENDS_OF_OUTPUTS, _ENDS_OF_COTANGENTS = (5e-324, 1e-15, 1e300, 0.0), (1e300, -1e300, 5e-324, 1.0)
#: Powers of ten from the smallest to the largest number that is drawn.
_MAGNITUDES_OF_DOUBLES = (-323, 300)
#: One entry in so many is 0.
_ZEROS = 4
#: Cases of sizes in between, in each round.
_BETWEEN = 5


def check_any_size(context: Context, message: Message) -> None:
    """Batches of up to 4096 samples and layers of up to 1024 inputs, 512 units or 1000 classes are like small ones."""
    rng = context.rng(f"{message.subject}.any_size")
    for sizes in drawn_sizes(message, rng, _ROUNDS[context.effort], MOST_ENTRIES[context.effort]):
        violation = _at(context, message, sizes)
        if violation is not None:
            raise _smallest(context, message, sizes, violation)


def drawn_sizes(message: Message, rng: Random, rounds: int, most: int) -> Iterator[Sizes]:
    """Sizes over the whole range, with one large one along each axis in every round.

    No array of a case has more than ``most`` entries, and the Jacobians of all its samples together not more than
    `MOST_OF_JACOBIANS`: a layer may well compute them.
    """
    for sizes in _all_sizes(message, rng, rounds, most):
        yield sizes if message.parameters else replace(sizes, n=min(sizes.n, max(MOST_OF_JACOBIANS // sizes.u**2, 1)))


def _all_sizes(message: Message, rng: Random, rounds: int, most: int) -> Iterator[Sizes]:
    moderate, widest = (_MODERATE_UNITS, MOST_UNITS) if message.parameters else (_MODERATE_CLASSES, MOST_CLASSES)
    samples, inputs, units = (_MANY_SAMPLES, MOST_SAMPLES), (_MANY_INPUTS, MOST_INPUTS), (widest // 2, widest)
    for _ in range(rounds):
        yield _fitting(_sizes_within(rng, samples, _MODERATE, moderate), "n", most)
        if message.parameters:
            yield _fitting(_sizes_within(rng, _MODERATE, inputs, moderate), "d", most)
        yield _fitting(_sizes_within(rng, _MODERATE, _MODERATE, units), "u", most)
        # Several axes that are not small, together.
        yield _fitting(_sizes_within(rng, _SEVERAL, _SEVERAL, _SEVERAL), "n", most)
        for _ in range(_BETWEEN):
            axes = [1 if rng.randint(_ONES) == 0 else _spread(rng, 2, 100) for _ in range(3)]
            axes[rng.randint(3)] = _spread(rng, _ASKED_ELSEWHERE + 1, 100)
            yield Sizes(*axes)


def _sizes_within(rng: Random, *ends: tuple[int, int]) -> Sizes:
    """Sizes of which each is between its ends, which are included."""
    return Sizes(*(int(rng.randint(low, high + 1)) for low, high in ends))


def _spread(rng: Random, low: int, high: int) -> int:
    """A size between these; small ones are as likely as large ones."""
    return int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))


def _fitting(sizes: Sizes, axis: str, most: int) -> Sizes:
    """The sizes with the others cut down until no array is too large; ``axis`` stays."""
    room = max(most // getattr(sizes, axis), 1)
    return Sizes(*(size if name == axis else min(size, room) for name, size in vars(sizes).items()))


def _at(context: Context, message: Message, sizes: Sizes) -> Violation | None:
    """The violation of a case of these sizes, or None."""
    key = f"{message.subject}.any_size.{astuple(sizes)}"
    case = context.drawn(key, lambda: large.spread(message, large.drawn(message, sizes, context.rng(key))))
    (violation,) = context.violations(message, [case])
    if violation is None:
        return None
    shapes = tuple((name, array.shape) for name, array in {**case.arguments, **case.parameters}.items())
    mistake = violation.mistake or "batch-size-dependent"
    return violation.but(due=violation.due.and_("of shapes", shapes=shapes), mistake=mistake)


def _smallest(context: Context, message: Message, sizes: Sizes, violation: Violation) -> Violation:
    """The violation of smaller sizes, where there is one: by bisection, axis by axis."""
    for axis in ("n", "d", "u"):
        right, wrong = 0, getattr(sizes, axis)
        while wrong - right > 1:
            middle = (right + wrong) // 2
            found = _at(context, message, replace(sizes, **{axis: middle}))
            if found is None:
                right = middle
            else:
                wrong, violation = middle, found
        sizes = replace(sizes, **{axis: wrong})
    return violation


def check_any_magnitude(context: Context, message: Message) -> None:
    """Numbers from 1e-300 to 1e300, subnormal ones where nothing is multiplied, and zeros of both signs."""
    rng = context.rng(f"{message.subject}.magnitudes")
    cases = []
    for sizes in _FEW_SIZES:
        for _ in range(context.rounds):
            cases += _MAGNITUDES[message.subject](message, sizes, rng)
    context.judge_each(message, cases)


def _of_products(message: Message, sizes: Sizes, rng: Random) -> list[Case]:
    """Cases of a linear layer whose products neither overflow nor underflow: each array has a size of its own."""
    return [message.draw(sizes, _scaled(rng, *powers)) for powers in (_LARGE, _HUGE, _TINY, _ANY)]


def _scaled(rng: Random, low: float, high: float) -> Draw:
    def draw(shape: tuple[int, ...]) -> Array:
        return _with_zeros(rng, rng.randn(*shape) * 10.0 ** rng.uniform(low, high))

    return draw


def _with_zeros(rng: Random, array: Array) -> Array:
    """The array with some entries an exact 0, of either sign."""
    zeros = rng.choice([0.0, -0.0], array.shape)
    return np.where(rng.randint(_ZEROS, size=array.shape), array, zeros)


def _of_all_magnitudes(rng: Random) -> Draw:
    """Draw numbers of both signs from 5e-324 to 1e300, zeros among them."""

    def draw(shape: tuple[int, ...]) -> Array:
        drawn = signs(rng, shape) * 10.0 ** rng.uniform(*_MAGNITUDES_OF_DOUBLES, shape)
        return _with_zeros(rng, drawn)

    return draw


def _inputs(message: Message, sizes: Sizes, rng: Random) -> list[Case]:
    drawn = [message.draw(sizes, _of_all_magnitudes(rng)) for _ in range(4)]
    ends = np.resize(_ENDS, (sizes.n, sizes.u))
    return [*drawn, Case({"X": ends})]


def _outputs(message: Message, sizes: Sizes, rng: Random) -> list[Case]:
    """Outputs of ReLU; where one is 0, its input was below 0, so that the derivative is 0."""
    cases = []
    for _ in range(4):
        X = _of_all_magnitudes(rng)((sizes.n, sizes.u))
        X = np.where(X == 0, -1.0, X)
        cases.append(Case({"Y": np.maximum(X, 0), "delta_next": _of_all_magnitudes(rng)(X.shape)}, {}, X))
    ends = np.resize(_ENDS_OF_OUTPUTS, (sizes.n, sizes.u))
    delta_next = np.resize(_ENDS_OF_COTANGENTS, ends.shape)
    return [*cases, Case({"Y": ends, "delta_next": delta_next}, {}, np.where(ends == 0, -1.0, ends))]


def _cotangents(message: Message, sizes: Sizes, rng: Random) -> list[Case]:
    Y = probabilities(rng.randn(sizes.n, sizes.u))
    return [Case({"Y": Y, "delta_next": _scaled(rng, *powers)(Y.shape)}) for powers in (_LARGE, _HUGE, _TINY)]


_MAGNITUDES: dict[str, Callable[[Message, Sizes, Random], list[Case]]] = {
    "LinearLayer.forward": _of_products,
    "LinearLayer.delta": _of_products,
    "LinearLayer.grad": _of_products,
    "ReLULayer.forward": _inputs,
    "ReLULayer.delta": _outputs,
    "SoftmaxLayer.delta": _cotangents,
}
#: Of whose numbers every magnitude is asked here; for the others `reference.lab.checks.edges` asks.
SUBJECTS = frozenset(_MAGNITUDES)
