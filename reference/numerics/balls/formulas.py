"""Whether a formula computes what it is for, such as a derivative: both in ball arithmetic, where nothing is rounded.

Constants in the code mean their shortest decimal here, those of 15 digits and more may have been rounded, and pi, or
the root of 2, is what it is called. So the difference of the formula and the truth encloses 0 or it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from reference.numerics import ball_tolerances
from reference.numerics.balls.array import BallArray, balls, of_numbers, plain
from reference.numerics.balls.evaluation import adjoints, arguments, as_balls, is_single, seed
from reference.numerics.balls.scalar import Ball
from reference.numerics.balls.tape import TAPE, TIES, Refused, Undecided, accumulate, recording
from reference.numerics.oracles.ball import precision

Index = tuple[int, ...]
#: The truth and what a formula gives: an array of balls for each result.
Sides = tuple[list[BallArray], list[BallArray]]


@dataclass(frozen=True)
class Difference:
    """How results by formula compare with the truth.

    Attributes
    ----------
    place, index
        The result and the entry that differ, if any does; else that are known worst. A gradient has the number of its
        argument.
    due, came
        The truth and the formula there, as doubles.
    relative
        The part of the truth by which they differ for certain; 0 where the difference encloses 0.
    width
        How wide the difference is enclosed, as a part of the truth: what remains open.
    truths
        The whole truth, as doubles, for each result.
    underflows
        Whether the truth there is nearer to 0 than all normal doubles, and not exactly 0.
    exact
        The truth and the formula at every entry, in order, as enclosures of the last precision.
    """

    place: int
    index: Index
    due: float
    came: float
    relative: float
    width: float
    truths: tuple[NDArray[np.float64], ...]
    underflows: bool
    exact: tuple[tuple[Any, Any], ...]

    @property
    def is_known(self) -> bool:
        """Whether the two are known well enough to be compared."""
        return self.width <= ball_tolerances.FORMULA_KNOWN * max(self.relative, 1.0)

    @property
    def is_wrong(self) -> bool:
        """Whether the formula is another one than the truth, by more than an iteration leaves that has ended."""
        return self.relative > ball_tolerances.FORMULA_AGREES


def difference(
    definition: Callable[..., Any],
    formula: Callable[..., Any],
    cotangent: NDArray[Any],
    args: Sequence[Any],
    places: Sequence[int],
    at: tuple[int, Index] | None = None,
) -> Difference | None:
    """The entry in which the formula differs most from the derivative for certain, or is known least.

    Parameters
    ----------
    definition
        From arrays of balls to an array of balls.
    formula
        From a cotangent and the arguments, as arrays of balls, to a gradient for each argument.
    cotangent, args
        Exact numbers.
    places
        The arguments whose gradients are compared.
    at
        The argument and the entry to compare; None: all of them.

    Returns
    -------
    Difference or None
        None at a tie, where there may be no derivative.

    Raises
    ------
    Refused
        The definition or the formula does not run on balls.
    Undecided
        A comparison could not be decided at any precision.
    """

    def sides() -> Sides | None:
        truths = _derivative(definition, cotangent, args, places)
        if TIES:
            return None
        TAPE.clear()
        return truths, _by_formula(formula, cotangent, args, places)

    return compared(sides, places, at, single=is_single(args))


def compared(
    sides: Callable[[], Sides | None],
    places: Sequence[int],
    at: tuple[int, Index] | None = None,
    *,
    single: bool = False,
    floor: float | None = None,
) -> Difference | None:
    """The entry in which two computations on balls differ most for certain, or that is known least.

    Parameters
    ----------
    sides
        Computes the truth and what the formula gives, each an array of balls for each result, at the precision of the
        moment; None where the truth is not known. It is called again at higher ones until the difference is decided.
    places
        The numbers of the results.
    at
        The result and the entry to compare; None: all of them.
    single
        Whether single precision inside is as good as the arguments.
    floor
        How far the two may be apart in absolute terms; None: by a part of the largest number, or of 1.

    Raises
    ------
    Refused
        One of the computations does not run on balls.
    Undecided
        A comparison could not be decided at any precision.
    """
    last: Difference | None = None
    reason: Undecided | None = None
    for bits in ball_tolerances.BALL_BITS:
        with precision(bits), recording(decimal=True, single=single):
            try:
                both = sides()
            except Undecided as error:
                reason = error
                continue
            found = None if both is None else _compared(*both, places, at, floor)
        if found is None:
            return None
        decided = found.relative > 0 or found.width <= ball_tolerances.FORMULA_WIDTH
        if decided or (last is not None and _stalls(last, found)):
            return found
        last = found
    if last is None:
        raise reason or Undecided("the formula")
    return last


def _stalls(last: Difference, found: Difference) -> bool:
    """Whether more bits do not help: what is left are constants that were rounded.

    A truth that may be 0 and is not known to be so needs more bits, even where these do not help at once: cosh(x) - 1
    at 1e-100 is enclosed by x^2 as long as 1 hides the rest.
    """
    if any(due.contains(0) and not due.is_zero() for due, _ in found.exact if due.is_finite()):
        return False
    return np.isfinite(found.width) and found.width >= last.width / 2


def _derivative(
    definition: Callable[..., Any], cotangent: NDArray[Any], args: Sequence[Any], places: Sequence[int]
) -> list[BallArray]:
    given, leaves = arguments(exact(args, places), places)
    output = as_balls(definition(*given))
    seed(output, cotangent.astype(np.float64).reshape(output.shape))
    accumulate()
    return [adjoints(leaf) for leaf in leaves]


def _by_formula(
    formula: Callable[..., Any], cotangent: NDArray[Any], args: Sequence[Any], places: Sequence[int]
) -> list[BallArray]:
    weights, *given = exact([cotangent, *args], [])
    answer = formula(weights, *given)
    parts = answer if isinstance(answer, tuple | list) else (answer,)
    if len(parts) != len(args):
        raise Refused("the gradient", f"has {len(parts)} parts for {len(args)} arguments")
    return [as_result(parts[place], args[place].shape, "the gradient") for place in places]


def as_result(part: Any, shape: tuple[int, ...], what: str) -> BallArray:
    """What a formula gives, as an array of balls of the due shape.

    Raises
    ------
    Refused
        It is no array of numbers, or has another shape.
    """
    if not isinstance(part, Ball | BallArray | np.ndarray | int | float):
        raise Refused(what, f"is of type {type(part).__name__}")
    array: BallArray = balls(part)
    if array.shape != shape:
        raise Refused(what, f"has the shape {array.shape} in place of {shape}")
    return array


def exact(args: Sequence[Any], places: Sequence[int]) -> list[Any]:
    """The arguments of floating point as balls without a derivative, but for those at ``places``."""
    return [
        each
        if place in places or each.dtype.kind != "f"
        else of_numbers([Ball(arb(x)) for x in each.astype(np.float64).ravel().tolist()], each.shape)
        for place, each in enumerate(args)
    ]


def _compared(
    truths: list[BallArray],
    answers: list[BallArray],
    places: Sequence[int],
    at: tuple[int, Index] | None,
    floor: float | None,
) -> Difference | None:
    found: list[tuple[float, float, int, int]] = []
    for position, (truth, answer) in enumerate(zip(truths, answers, strict=True)):
        pairs = zip(plain(truth).ravel(), plain(answer).ravel(), strict=True)
        size = max((abs(ball.value).upper() for ball in plain(truth).ravel()), default=arb(0))
        granted = ball_tolerances.FORMULA_FLOOR * max(size, arb(1)) if floor is None else arb(floor)
        for number, (due, came) in enumerate(pairs):
            index = tuple(int(each) for each in np.unravel_index(number, truth.shape))
            if at is not None and at != (places[position], index):
                continue
            if due.value.is_finite() and came.value.is_finite():
                found.append((*_distance(due.value, came.value, size, granted), position, number))
    if not found:
        return None
    relative, width, position, number = max(found)
    exact_due, exact_came = (plain(side[position]).ravel()[number].value for side in (truths, answers))
    underflows = not exact_due.is_zero() and bool(abs(exact_due) < ball_tolerances.SMALLEST_NORMAL)
    index = tuple(int(each) for each in np.unravel_index(number, truths[position].shape))
    whole = tuple(np.reshape([float(ball.value) for ball in plain(each).ravel()], each.shape) for each in truths)
    return Difference(
        places[position],
        index,
        float(exact_due),
        float(exact_came),
        relative,
        width,
        whole,
        underflows,
        _all_pairs(truths, answers),
    )


def _all_pairs(truths: list[BallArray], answers: list[BallArray]) -> tuple[tuple[Any, Any], ...]:
    return tuple(
        (due.value, came.value)
        for truth, answer in zip(truths, answers, strict=True)
        for due, came in zip(plain(truth).ravel(), plain(answer).ravel(), strict=True)
    )


def _distance(due: Any, came: Any, size: Any, granted: Any) -> tuple[float, float]:
    """By what part of the truth the two differ for certain, and how wide that is enclosed."""
    off = came - due
    scale = abs(due).lower()
    if not scale > 0:
        scale = size * ball_tolerances.FORMULA_ZERO
    if not scale > 0:
        scale = arb(1)
    # A guard against overflow, such as cosh of what is clipped at 350, is no other formula.
    if abs(off).upper() <= granted:
        return 0.0, 0.0
    least = abs(off).lower()
    part = max(float(least / scale), ball_tolerances.SMALLEST_NORMAL) if least > 0 else 0.0
    return part, float((off.rad() / scale).upper())
