"""Enclosures of a function's values and gradients, at the lowest precision at which they are good enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import ArrayLike, NDArray

from reference.numerics import ball_tolerances
from reference.numerics.balls.array import BallArray, balls, of_numbers, plain
from reference.numerics.balls.scalar import Ball
from reference.numerics.balls.tape import (
    TAPE,
    TIES,
    Refused,
    Undecided,
    accumulate,
    accumulate_beyond,
    recording,
)
from reference.numerics.estimate import Estimate, of_enclosures
from reference.numerics.oracles.ball import precision

Array = NDArray[np.float64]
#: From arrays of balls (and other arguments as they are) to an array of balls.
Run = Callable[..., Any]


@dataclass(frozen=True)
class Enclosure:
    """What an evaluation on balls tells.

    Attributes
    ----------
    value
        Of the function.
    gradients
        Of <cotangent, function>, one for each argument that is differentiated; empty without a cotangent.
    ties
        Names of the operations that met equal operands: the function may have no derivative here.
    bits
        The precision that was needed.
    """

    value: Estimate
    gradients: tuple[Estimate, ...]
    ties: tuple[str, ...]
    bits: int


def enclose(
    run: Run,
    args: Sequence[Any],
    places: Sequence[int],
    cotangent: ArrayLike | None = None,
    *,
    resolutions: Sequence[Any] | None = None,
    offset: Sequence[ArrayLike] | None = None,
) -> Enclosure:
    """The value of a function, and the gradient of <cotangent, function> for some of its arguments.

    Parameters
    ----------
    run
        The function on balls: for numpy a rebound copy, for torch a wrapped one.
    args
        All arguments; those of floating point are exact.
    places
        Which of them are differentiated; the others are passed on as they are.
    cotangent
        Of the output's shape, exact.
    resolutions
        For each gradient, a width of enclosures that is narrow enough: a fraction of the allowance of a verdict.
        Whatever is narrower than 2^-60 of itself is so anyway.
    offset
        For each of these arguments a direction; the function is evaluated 2^-300 of it away.

    Raises
    ------
    Refused
        An operation has no form on balls, or the result is no array of balls.
    Undecided
        A comparison could not be decided at any precision.
    """
    last: Enclosure | None = None
    reason: Undecided | None = None
    for bits in ball_tolerances.BALL_BITS:
        if offset is not None and bits < ball_tolerances.NEARBY_BITS:
            continue
        with precision(bits), recording(single=is_single(args)):
            try:
                found, narrow = _once(run, args, places, cotangent, resolutions, offset, bits)
            except Undecided as error:
                reason = error
                continue
        if narrow or _stalls(last, found):
            return found
        last = found
    if last is None:
        raise reason or Undecided("the function")
    return last


def sampled(
    run: Run, args: Sequence[Any], places: Sequence[int], cotangent: ArrayLike, chosen: Sequence[NDArray[np.bool_]]
) -> Enclosure:
    """As `enclose` at the lowest precision, with the gradient for some of many entries; infinite errors elsewhere.

    Parameters
    ----------
    run, args, places, cotangent
        As in `enclose`.
    chosen
        For each argument that is differentiated, which of its entries are wanted.

    Raises
    ------
    Refused, Undecided
        As for `enclose`.
    """
    bits = ball_tolerances.BALL_BITS[0]
    with precision(bits), recording(single=is_single(args)):
        given, leaves = arguments(args, places, chosen=chosen)
        output = as_balls(run(*given))
        value, _ = rounded(output)
        seed(output, cotangent)
        accumulate()
        found = [rounded(adjoints(leaf))[0] for leaf in leaves]
        gradients = [
            Estimate(each.value, np.where(wanted, each.error, np.inf))
            for each, wanted in zip(found, chosen, strict=True)
        ]
        return Enclosure(value, tuple(gradients), tuple(TIES), bits)


def beyond_doubles(
    run: Run, args: Sequence[Any], places: Sequence[int], *, underflow: bool = False
) -> list[NDArray[np.bool_]]:
    """For each argument, which entries reach the result through numbers that are beyond all doubles.

    With ``underflow`` through numbers, too, that are nearer to 0 than all doubles.
    """
    information = np.finfo(np.float32 if is_single(args) else np.float64)
    largest, smallest = arb(float(information.max)), arb(float(information.tiny) if underflow else 0.0)
    with precision(ball_tolerances.BALL_BITS[0]), recording(single=is_single(args)):
        given, leaves = arguments(args, places)
        output = as_balls(run(*given))
        seed(output, np.ones(output.shape))
        accumulate_beyond(largest, smallest)
        found = [[ball.value.mid().is_nan() for ball in plain(adjoints(leaf)).ravel()] for leaf in leaves]
        return [np.array(each, dtype=bool).reshape(leaf.shape) for each, leaf in zip(found, leaves, strict=True)]


def leaves_doubles(run: Run, args: Sequence[Any], places: Sequence[int]) -> bool:
    """Whether the function passes through numbers that are beyond all doubles, but finite, on its way to the result."""
    largest = arb(float(np.finfo(np.float64).max))
    with precision(ball_tolerances.BALL_BITS[0]), recording(single=is_single(args)):
        given, _ = arguments(args, places)
        run(*given)
        found = [result.value for result, _ in TAPE if result is not None]
        return any(bool(abs(value) > largest) and value.is_finite() for value in found)


def around(
    run: Run, args: Sequence[Any], places: Sequence[int], cotangent: ArrayLike
) -> tuple[tuple[Estimate, ...], tuple[str, ...]] | None:
    """Enclosures of all gradients of <cotangent, function> as near the arguments as roundings may take these.

    Where the function has a kink, the gradients on both sides of it are among them, if the operation is one whose
    slopes are enclosed: the names of those that met operands that may be equal come with them.

    Returns
    -------
    The enclosures and the names, or None
        None where a comparison has two outcomes there.

    Raises
    ------
    Refused
        As for `enclose`.
    """
    with precision(ball_tolerances.BALL_BITS[0]), recording(single=is_single(args), wide=True):
        given, leaves = arguments(args, places, radius=ball_tolerances.AROUND_RADIUS)
        try:
            output = as_balls(run(*given))
        except Undecided:
            return None
        seed(output, cotangent)
        accumulate()
        return tuple(rounded(adjoints(leaf))[0] for leaf in leaves), tuple(TIES)


def _once(
    run: Run, args: Sequence[Any], places: Sequence[int], cotangent: Any, resolutions: Any, offset: Any, bits: int
) -> tuple[Enclosure, bool]:
    given, leaves = arguments(args, places, offset)
    output = as_balls(run(*given))
    value, narrow = rounded(output, None if resolutions is None or cotangent is None else np.inf)
    gradients: list[Estimate] = []
    if cotangent is not None:
        seed(output, cotangent)
        accumulate()
        for number, leaf in enumerate(leaves):
            resolution = None if resolutions is None else resolutions[number]
            gradient, fine = rounded(adjoints(leaf), resolution)
            gradients.append(gradient)
            narrow = narrow and fine
    return Enclosure(value, tuple(gradients), tuple(TIES), bits), narrow


def arguments(
    args: Sequence[Any],
    places: Sequence[int],
    offset: Sequence[ArrayLike] | None = None,
    radius: float = 0.0,
    chosen: Sequence[NDArray[np.bool_]] | None = None,
) -> tuple[list[Any], list[BallArray]]:
    """The arguments as the function sees them, and among them the arrays of balls that are differentiated.

    ``radius`` is that of the balls, as a part of the largest number of an argument, or of 1 where that is larger.
    ``chosen`` tells for each of these arrays which entries are differentiated; where it is missing, all are.
    """
    given: list[Any] = []
    leaves: list[BallArray] = []
    for place, each in enumerate(args):
        if place not in places:
            given.append(each.copy() if isinstance(each, np.ndarray) else each)
            continue
        values = [arb(number) for number in each.astype(np.float64).ravel().tolist()]
        if offset is not None:
            step = arb(2) ** -ball_tolerances.NEARBY_BITS_AWAY
            directions = np.asarray(offset[len(leaves)], dtype=np.float64).ravel().tolist()
            values = [value + step * arb(d) for value, d in zip(values, directions, strict=True)]
        if radius:
            around = arb(0, radius * max(1.0, float(np.abs(each).max(initial=0.0))))
            values = [value + around for value in values]
        tracked = [True] * len(values) if chosen is None else chosen[len(leaves)].ravel().tolist()
        leaf = of_numbers([Ball(value, is_one) for value, is_one in zip(values, tracked, strict=True)], each.shape)
        leaves.append(leaf)
        # A copy: what the function writes into its argument is a new number.
        given.append(leaf.copy())
    return given, leaves


def as_balls(result: Any) -> BallArray:
    """The result of a function.

    Raises
    ------
    Refused
        It holds doubles: somewhere it has left the balls.
    """
    if isinstance(result, list | tuple):
        result = balls(result)
    found = balls(result) if isinstance(result, Ball) else result
    if not isinstance(found, BallArray):
        raise Refused("the result", f"is of type {type(result).__name__}: it does not depend on the arguments as balls")
    return found


def seed(output: BallArray, cotangent: ArrayLike) -> None:
    """Give the outputs their adjoints."""
    weights = np.asarray(cotangent, dtype=np.float64)
    if weights.shape != output.shape:
        raise ValueError(f"cotangent: expected the shape of the output, {output.shape}, got {weights.shape}")
    for ball, weight in zip(plain(output).ravel(), weights.ravel().tolist(), strict=True):
        if ball.tracked:
            ball.adjoint = arb(weight) if ball.adjoint is None else ball.adjoint + arb(weight)


def adjoints(leaf: BallArray) -> BallArray:
    """The gradient with respect to an argument, after `accumulate`."""
    zero = arb(0)
    numbers = [Ball(zero if ball.adjoint is None else ball.adjoint) for ball in plain(leaf).ravel()]
    return of_numbers(numbers, leaf.shape)


def rounded(numbers: BallArray, resolution: Any = None) -> tuple[Estimate, bool]:
    """Doubles and bounds on their errors, and whether the enclosures are narrow enough.

    Parameters
    ----------
    numbers
        The enclosures.
    resolution
        A radius that is narrow enough, entry by entry; none but the relative one where it is None.
    """
    found, radius = of_enclosures([ball.value for ball in plain(numbers).ravel()], numbers.shape)
    middle = found.value
    with np.errstate(invalid="ignore", over="ignore"):
        fine = (radius == 0) | (radius <= ball_tolerances.BALL_RELATIVE * np.abs(middle)) | ~np.isfinite(middle)
        if resolution is not None:
            fine |= radius <= np.broadcast_to(resolution, numbers.shape)
    return found, bool(fine.all())


def _stalls(before: Enclosure | None, now: Enclosure) -> bool:
    """Whether more bits did not help: what is left is no rounding."""
    if before is None:
        return False
    pairs = zip((before.value, *before.gradients), (now.value, *now.gradients), strict=True)
    return all(_same(one.error, other.error) for one, other in pairs)


def _same(one: Array, other: Array) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(((other >= one / 2) | (other == 0) | ~np.isfinite(other)).all())


def is_single(args: Sequence[Any]) -> bool:
    """Whether an argument is an array in single precision."""
    return any(isinstance(each, np.ndarray) and each.dtype == np.float32 for each in args)
