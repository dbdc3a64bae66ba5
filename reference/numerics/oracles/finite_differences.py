"""Central differences with extrapolation: asks the forward pass alone, and knows what it does not know.

Step sizes h_0, h_0/2, ... give D(h) = (f(h) - f(-h)) / 2h = f'(0) + c_2 h^2 + c_4 h^4 + ...; Richardson's
extrapolation removes the powers one by one, and the disagreement of neighbours in the tableau is the error of
truncation (Ridders 1982, *Advances in Engineering Software* 4(2)). Rounding is not assumed but measured, at places
that lie close together (as Moré and Wild 2011 do, *Estimating computational noise*, SIAM J. Sci. Comput. 33(3), but
random ones), and carried through the tableau. Each entry takes the step with the smallest sum of both.

At a kink the central difference converges to the mean of two slopes, which is no derivative. The one-sided differences
then do not approach each other in proportion to h, as they do for a smooth function. Neither a step at which that is
seen nor a larger one, which has the kink within it too, is used; where none is left, the error is infinite.

A kink beside 0, nearer than the steps, hides from D: J max(t - tau, 0) puts J/2 (1 - tau/h) into it, nearly the same
for all of them, and a curvature that is large hides it from the one-sided differences. But what lies on one side of 0
is half odd and half even, and D, the odd part, does not tell how well the even part converges: that is E(h) =
(f(h) - 2 f(0) + f(-h)) / h^2 = f''(0) + e_2 h^2 + e_4 h^4 + ..., of the same powers, into which the kink puts
J (1 - tau/h) / h, which doubles from step to step. So E is extrapolated as D is, and h times the disagreement of its
neighbours is an error of D, too: for a smooth function as small as D's own, beside a kink as large as J. Several kinks
may still balance; `tests/test_oracles.py` counts how often.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.numerics.estimate import Estimate

Array = NDArray[np.float64]

_LEVELS = 9
_FIRST_STEP = 0.125  # of the argument's size: large enough that rounding leaves some 14 digits of a smooth function
#: Places where to look for rounding, and how close together, as a part of the argument's size.
_POINTS, _RANGE = 9, 2.0**-27
_SAFETY = 8.0  # on both parts of the error: each is an estimate
#: Between the 1/2 of a smooth function and the 1 of a kink.
_KINK_RATIO = 0.6


#: What this oracle is called in a finding.
NAME = "finite differences"


def derivative(f: Callable[[Any], Any], scale: float = 1.0, *, near: float = 1.0, together: bool = False) -> Estimate:
    """The derivative of ``f`` at 0, entry by entry.

    Parameters
    ----------
    f
        From a number to an array of any shape, always the same.
    scale
        The size of what the number is added to; the steps are fractions of it.
    near
        Below 1: steps shorter by that factor, for a function with many kinks, at the price of accuracy.
    together
        Whether ``f`` is given all the numbers in a list at once, and answers with as many arrays.
    """
    return derivative_and_step(f, scale, near=near, together=together)[0]


def derivative_and_step(
    f: Callable[[Any], Any], scale: float = 1.0, *, near: float = 1.0, together: bool = False
) -> tuple[Estimate, Array]:
    """As `derivative`; and for each entry the shortest step that went into it, NaN where none could be trusted."""
    steps = np.asarray(_FIRST_STEP * near * scale * 0.5 ** np.arange(_LEVELS), dtype=np.float64)
    places = np.random.RandomState(0).uniform(-1, 1, _POINTS) * _RANGE * scale
    points = [0.0, *steps.tolist(), *(-steps).tolist(), *places.tolist()]
    with np.errstate(all="ignore"):
        values = f(points) if together else [f(point) for point in points]
        table = np.array([np.asarray(value, dtype=np.float64) for value in values])
        centre, ahead, behind, close = np.split(table, np.cumsum([1, _LEVELS, _LEVELS]))
        centre = centre[0]
        h = steps.reshape(-1, *([1] * centre.ndim))
        # At least the last place of the numbers that are subtracted, also where f happens to be small at 0.
        rounded = 2.0**-52 * np.maximum(np.abs(ahead), np.abs(behind))
        rounding = _SAFETY * np.maximum(jumps(places, close), rounded) / h
        forward, backward = (ahead - centre) / h, (centre - behind) / h
        odd, even = (ahead - behind) / (2 * h), (forward - backward) / h
        value, error, shortest = _extrapolated(odd, even, h, rounding, _is_smooth(forward, backward, rounding))
    known = np.isfinite(error)
    return Estimate(np.where(known, value, 0.0), error), np.where(known, steps[shortest], np.nan)


def directional(
    forward: Callable[..., Any],
    args: Sequence[Array],
    directions: Sequence[Array],
    *,
    within: float = math.inf,
    together: bool = False,
) -> Estimate:
    """The derivative of ``forward(*args)`` along ``directions``, one for each argument; of the output's shape.

    Parameters
    ----------
    forward
        From arrays to an array.
    args, directions
        Where, and which way; of the same shapes, converted to float64.
    within
        How many times the directions the arguments may be moved at most: as far as ``forward`` is known to have no
        kink.
    together
        Whether ``forward`` is given a list of many ``args`` at once, and answers with as many arrays.

    Raises
    ------
    ValueError
        A direction has another shape than its argument.
    """
    args, directions = doubles(args, "args"), doubles(directions, "directions")
    for number, (argument, direction) in enumerate(zip(args, directions, strict=True)):
        if argument.shape != direction.shape:
            raise ValueError(f"directions[{number}]: expected shape {argument.shape}, got {direction.shape}")
    size = max((float(np.abs(a).max(initial=0.0)) for a in args), default=0.0)
    length = max((float(np.abs(d).max(initial=0.0)) for d in directions), default=0.0)
    scale = (size or 1.0) / (length or 1.0)
    near = 1.0
    while _FIRST_STEP * near * scale > within:
        near /= 2

    def moved(t: float) -> list[Array]:
        return [a + t * d for a, d in zip(args, directions, strict=True)]

    if together:
        return derivative(lambda ts: forward([moved(t) for t in ts]), scale, near=near, together=True)
    return derivative(lambda t: forward(*moved(t)), scale, near=near)


def vjp(forward: Callable[..., ArrayLike], cotangent: ArrayLike, args: Sequence[ArrayLike]) -> tuple[Estimate, ...]:
    """The gradient of <cotangent, forward(*args)> with respect to every entry of each argument.

    Parameters
    ----------
    forward
        From arrays to an array.
    cotangent
        Of the output's shape. It multiplies the differences of outputs, not the outputs, so that a small gradient does
        not drown in a large sum.
    args
        Where; converted to float64.

    Raises
    ------
    ValueError
        The cotangent has another shape than the output.
    """
    where = doubles(args, "args")
    weights = np.asarray(cotangent, dtype=np.float64)
    shape = np.shape(forward(*where))
    if weights.shape != shape:
        raise ValueError(f"cotangent: expected the shape of the output, {shape}, got {weights.shape}")
    return tuple(_gradient(forward, weights, where, number) for number in range(len(where)))


def _gradient(forward: Callable[..., ArrayLike], weights: Array, args: list[Array], number: int) -> Estimate:
    value, error = np.zeros(args[number].shape), np.zeros(args[number].shape)
    for index in np.ndindex(args[number].shape):

        def moved(t: float, index: tuple[int, ...] = index) -> ArrayLike:
            argument = args[number].copy()
            argument[index] += t
            return forward(*args[:number], argument, *args[number + 1 :])

        outputs = derivative(moved, max(abs(float(args[number][index])), 1.0))
        value[index] = (weights * outputs.value).sum()
        # An output whose cotangent is 0 does not matter, whatever is not known about it.
        matters = np.where(weights == 0, 0.0, outputs.error)
        rounding = 2.0**-52 * weights.size * np.abs(weights * outputs.value).sum()
        error[index] = (np.abs(weights) * matters).sum() + rounding
    return Estimate(value, error)


def _extrapolated(
    odd: Array, even: Array, steps: Array, rounding: Array, smooth: NDArray[np.bool_]
) -> tuple[Array, Array, NDArray[np.intp]]:
    """The entry of the tableau with the smallest error, that error, and the number of the shortest step in it.

    The error is infinite where no step can be trusted.
    """
    amplification = 1.0  # of the rounding, by the weights of the extrapolation
    usable = smooth
    best = np.full(odd.shape[1:], np.inf)
    value = np.zeros(odd.shape[1:])
    shortest = np.zeros(odd.shape[1:], dtype=np.intp)
    for power in range(1, len(steps)):
        factor = 4.0**power
        odd, truncation = _following(odd, factor)
        even, one_sided = _following(even, factor)
        usable = usable[1:] & usable[:-1]
        amplification *= (factor + 1) / (factor - 1)
        # By the second step of the entry: a kink that only the first does not reach is in it.
        truncation = np.maximum(truncation, 2 * steps[power:] * one_sided)
        error = _SAFETY * truncation + amplification * rounding[power:]
        for row, (candidate, its_error, allowed) in enumerate(zip(odd, error, usable, strict=True)):
            better = allowed & (its_error < best)  # NaN is not better
            value, best = np.where(better, candidate, value), np.where(better, its_error, best)
            shortest = np.where(better, row + power, shortest)
    return value, best, shortest


def _following(column: Array, factor: float) -> tuple[Array, Array]:
    """The next column of the tableau, and how far its entries are from the two that each was made of."""
    following = (factor * column[1:] - column[:-1]) / (factor - 1)
    return following, np.maximum(np.abs(following - column[1:]), np.abs(following - column[:-1]))


def _is_smooth(forward: Array, backward: Array, rounding: Array) -> NDArray[np.bool_]:
    """Step by step: whether f shows no kink within it.

    The one-sided differences of a smooth function differ by h f''(0) + O(h^3), so that half the step leaves half of it;
    across a kink at 0 they differ by the same jump for every step, across one beside 0 by nearly that. A curvature may
    hide it where the step is large, so that what a shorter step shows counts.
    """
    gap = np.abs(forward - backward)
    shrinks = (gap[1:] <= _KINK_RATIO * gap[:-1]) | (gap[1:] <= 4 * rounding[1:])
    first = np.zeros((1, *gap.shape[1:]), dtype=bool)  # nothing larger to compare with
    each = np.concatenate([first, shrinks])
    return np.asarray(np.logical_and.accumulate(each[::-1])[::-1])


def jumps(places: Array, table: Array) -> Array:
    """How far the rows of ``table``, one for each place, jump about: their largest distance from parabolas.

    The places lie so close together that a smooth function is a parabola. They had better be drawn at random: equal
    distances may happen to be multiples of the last place of what is rounded, and then all rows are rounded alike.
    """
    basis, _ = np.linalg.qr(np.vander(places, 3))
    rows = table.reshape(len(places), -1)
    rest = np.abs(rows - basis @ (basis.T @ rows)).max(axis=0)
    return np.asarray(rest.reshape(table.shape[1:]))


def doubles(arrays: Sequence[ArrayLike], name: str) -> list[Array]:
    """Double precision, or a `ValueError` that names which of ``name`` holds no real numbers."""
    converted = [np.asarray(array) for array in arrays]
    for number, array in enumerate(converted):
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{name}[{number}]: expected real numbers, got an array of dtype {array.dtype}")
    return [array.astype(np.float64) for array in converted]
