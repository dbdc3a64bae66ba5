"""Whether a formula of a gradient is the derivative: both in ball arithmetic, where rounding is no excuse.

Constants in the code mean their shortest decimal here, those of 15 digits and more may have been rounded, and pi, or
the root of 2, is what it is called. So the difference of the two gradients encloses 0 or it does not.
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
from reference.numerics.balls.tape import TAPE, TIES, Refused, Undecided, accumulate, precision, recording

Index = tuple[int, ...]


@dataclass(frozen=True)
class Difference:
    """How a gradient by formula compares with the derivative.

    Attributes
    ----------
    place, index
        The argument and the entry that differ, if any does; else that are known worst.
    due, came
        The derivative and the formula there, as doubles.
    relative
        The part of the derivative by which they differ for certain; 0 where the difference encloses 0.
    width
        How wide the difference is enclosed, as a part of the derivative: what remains open.
    gradients
        The whole derivative, as doubles, for each argument.
    """

    place: int
    index: Index
    due: float
    came: float
    relative: float
    width: float
    gradients: tuple[NDArray[np.float64], ...]


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
    last: Difference | None = None
    reason: Undecided | None = None
    for bits in ball_tolerances.BALL_BITS:
        with precision(bits), recording(decimal=True, single=is_single(args)):
            try:
                truths = _derivative(definition, cotangent, args, places)
                if TIES:
                    return None
                TAPE.clear()
                answers = _by_formula(formula, cotangent, args, places)
            except Undecided as error:
                reason = error
                continue
            found = _compared(truths, answers, places, at)
        if found is None:
            return None
        decided = found.relative > 0 or found.width <= ball_tolerances.FORMULA_WIDTH
        if decided or (last is not None and found.width >= last.width / 2):
            return found
        last = found
    if last is None:
        raise reason or Undecided("the formula")
    return last


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
    found = []
    for place in places:
        part = parts[place]
        if not isinstance(part, Ball | BallArray | np.ndarray | int | float):
            raise Refused("the gradient", f"is of type {type(part).__name__}")
        array = balls(part)
        if array.shape != args[place].shape:
            raise Refused("the gradient", f"has another shape than the argument, {array.shape}")
        found.append(array)
    return found


def exact(args: Sequence[Any], places: Sequence[int]) -> list[Any]:
    """The arguments of floating point as balls without a derivative, but for those at ``places``."""
    return [
        each
        if place in places or each.dtype.kind != "f"
        else of_numbers([Ball(arb(x)) for x in each.astype(np.float64).ravel().tolist()], each.shape)
        for place, each in enumerate(args)
    ]


def _compared(
    truths: list[BallArray], answers: list[BallArray], places: Sequence[int], at: tuple[int, Index] | None
) -> Difference | None:
    worst: tuple[float, float, int, int] | None = None
    for position, (truth, answer) in enumerate(zip(truths, answers, strict=True)):
        pairs = zip(plain(truth).ravel(), plain(answer).ravel(), strict=True)
        size = max((abs(ball.value).upper() for ball in plain(truth).ravel()), default=arb(0))
        for number, (due, came) in enumerate(pairs):
            index = tuple(int(each) for each in np.unravel_index(number, truth.shape))
            if at is not None and at != (places[position], index):
                continue
            if due.value.is_finite() and came.value.is_finite():
                distance = _distance(due.value, came.value, size)
                worst = max(worst or (-1.0, -1.0, 0, 0), (*distance, position, number))
    if worst is None:
        return None
    relative, width, position, number = worst
    due, came = (float(plain(side[position]).ravel()[number].value) for side in (truths, answers))
    index = tuple(int(each) for each in np.unravel_index(number, truths[position].shape))
    whole = tuple(np.reshape([float(ball.value) for ball in plain(each).ravel()], each.shape) for each in truths)
    return Difference(places[position], index, due, came, relative, width, whole)


def _distance(due: Any, came: Any, size: Any) -> tuple[float, float]:
    """By what part of the derivative the two differ for certain, and how wide that is enclosed."""
    off = came - due
    scale = abs(due).lower()
    if not scale > 0:
        scale = size * arb(10) ** -60
    if not scale > 0:
        scale = arb(1)
    # A guard against overflow, such as cosh of what is clipped at 350, is no other formula.
    if abs(off).upper() <= ball_tolerances.FORMULA_FLOOR * max(size, arb(1)):
        return 0.0, 0.0
    least = abs(off).lower()
    return (max(float(least / scale), float(arb(2) ** -1000)) if least > 0 else 0.0), float((off.rad() / scale).upper())
