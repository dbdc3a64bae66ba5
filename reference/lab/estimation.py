"""Estimates the constant in a known mistake from answers: what limit, which epsilon, which slope."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from reference.numerics import tolerances

#: Steps to a root at most; halving a double takes no more.
_STEPS = 80
#: How near a root is known, as a fraction.
_DIGITS_LEFT = 2 * float(np.finfo(np.float64).eps)
#: Powers of ten up to which constants are written as decimals, and up to which they are written at all.
_BY_HAND, _BY_NAME = 4, 20
#: Digits that are tried for a constant, the fewest first.
_DIGITS = (1, 2, 3, 4, 6, 8, 10, 12, 15)
#: Constants that a program has by name.
NAMED = (
    *(float(number) for kind in (np.float64, np.float32) for number in (np.finfo(kind).eps, np.finfo(kind).tiny)),
    *(math.log(2), math.log(10), 1 / math.log(2), 1 / math.log(10), math.pi, math.e, math.sqrt(2), 1 / 3, 2 / 3),
)


def roots(of: Callable[[float], float], points: Sequence[float]) -> Iterator[float]:
    """Arguments at which a function changes its sign, between neighbours of these points and at the points.

    Parameters
    ----------
    of
        Monotone between neighbours, or nearly; a NaN is skipped.
    points
        In order.
    """
    before: tuple[float, float] | None = None
    for point in points:
        value = of(point)
        if math.isnan(value):
            before = None
            continue
        if value == 0:
            yield point
        elif before is not None and (before[1] < 0) != (value < 0) and before[1] != 0:
            yield _solved(of, before, (point, value))
        before = point, value


def grid(low: float, high: float, *, signed: bool = False) -> list[float]:
    """Points of all sizes between two: close together where constants are written by hand, and far apart elsewhere."""
    first, last = math.floor(math.log10(max(low, tolerances.SMALLEST_CONSTANT))), math.ceil(math.log10(high))
    # Of the largest powers every eighth: 10^309, which no double is, is none of them.
    powers = [power for power in range(first, last + 1) if power % _step(power) == 0]
    least, most = tolerances.NEAT_RANGE
    middle = [factor * 10.0**power for power in powers if least <= 10.0**power <= most for factor in (1.5, 3.0, 6.0)]
    sizes = sorted(size for size in {*(10.0**power for power in powers), *middle, low, high} if low <= size <= high)
    return [*(-size for size in reversed(sizes)), *sizes] if signed else sizes


def _step(power: int) -> int:
    """How many powers of ten are between two points: a choice of time."""
    size = abs(power)
    return 1 if size <= _BY_HAND else 2 if size <= _BY_NAME else 8


def _solved(of: Callable[[float], float], one: tuple[float, float], other: tuple[float, float]) -> float:
    """The root between two points of different signs: their sizes are halved first, then Chandrupatla's method."""
    while other[0] > 4 * one[0] > 0 or one[0] < 4 * other[0] < 0:
        middle = math.copysign(math.sqrt(abs(one[0])) * math.sqrt(abs(other[0])), one[0])
        value = of(middle)
        if value == 0 or math.isnan(value):
            return middle
        one, other = ((middle, value), other) if (value > 0) == (one[1] > 0) else (one, (middle, value))
    (a, of_a), (b, of_b) = one, other
    part = 0.5
    for _ in range(_STEPS):
        new = a + part * (b - a)
        of_new = of(new)
        if of_new == 0 or math.isnan(of_new):
            return new
        if (of_new > 0) == (of_a > 0):
            c, of_c = a, of_a
        else:
            c, of_c, b, of_b = b, of_b, a, of_a
        a, of_a = new, of_new
        best = a if abs(of_a) < abs(of_b) else b
        room = _DIGITS_LEFT * abs(best) / abs(b - a)
        if room > 1 / 2:
            return best
        part = min(max(_part(a, of_a, b, of_b, c, of_c), room), 1 - room)
    return best


def _part(a: float, of_a: float, b: float, of_b: float, c: float, of_c: float) -> float:
    """Where between a and b to look next: by a parabola through three points, or in the middle.

    The signs of b and c differ.
    """
    across, along = (a - b) / (c - b), (of_a - of_b) / (of_c - of_b)
    # A power would raise an exception where a product is infinite.
    if along * along < across and (1 - along) * (1 - along) < 1 - across:
        bend = (c - a) / (b - a) * of_a / (of_c - of_a) * of_b / (of_c - of_b)
        return of_a / (of_b - of_a) * of_c / (of_b - of_c) + bend
    return 1 / 2


def neat(estimate: float) -> Iterator[float]:
    """Numbers that may have been meant by an estimate, the most likely first."""
    seen = set()
    candidates = [sign * named for named in NAMED for sign in (1, -1)]
    candidates = [each for each in candidates if math.isclose(each, estimate, rel_tol=tolerances.NEAT_RELATIVE)]
    for digits in _DIGITS:
        rounder = float(f"{estimate:.{digits - 1}e}")
        if math.isclose(rounder, estimate, rel_tol=tolerances.NEAT_RELATIVE):
            candidates.append(rounder)
    for number in (*candidates, estimate):
        if number not in seen:
            seen.add(number)
            yield number


def neat_between(low: float, high: float) -> float:
    """The number with the fewest digits from ``low`` to ``high``, both of one sign or zero."""
    if low <= 0 <= high:
        return 0.0
    middle = math.copysign(math.sqrt(abs(low)) * math.sqrt(abs(high)), low)
    for digits in _DIGITS:
        for number in (middle, high, low):
            rounder = float(f"{number:.{digits - 1}e}")
            if low <= rounder <= high:
                return rounder
    return middle
