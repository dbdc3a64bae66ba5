"""Estimates the constant in a known mistake from answers: what limit, which epsilon, which slope."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from reference.numerics import tolerances

#: Steps of the bisection; a double has no more digits.
_HALVINGS = 80
#: Digits that are tried for a constant, the fewest first.
_DIGITS = (1, 2, 3, 4, 6, 8, 10, 12, 15)
#: Constants that a program has by name.
_NAMED = (
    *(float(number) for kind in (np.float64, np.float32) for number in (np.finfo(kind).eps, np.finfo(kind).tiny)),
    *(math.log(2), math.log(10), 1 / math.log(2), 1 / math.log(10), math.pi, math.e, math.sqrt(2), 1 / 3, 2 / 3),
)


def roots(of: Callable[[float], float], low: float, high: float, *, signed: bool = False) -> Iterator[float]:
    """Arguments at which a function changes its sign, found on a grid of all sizes and then by bisection.

    Parameters
    ----------
    of
        Monotone between neighbours on the grid, or nearly; a NaN is skipped.
    low, high
        The smallest and the largest size, both positive.
    signed
        Whether negative arguments are tried as well.
    """
    sizes = _grid(low, high)
    points = [*(-size for size in reversed(sizes)), *sizes] if signed else sizes
    before: tuple[float, float] | None = None
    for point in points:
        value = of(point)
        if math.isnan(value):
            before = None
            continue
        if value == 0:
            yield point
        elif before is not None and (before[1] < 0) != (value < 0) and before[1] != 0:
            yield _bisected(of, before[0], point, rising=value > 0)
        before = point, value


def _grid(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(max(low, tolerances.SMALLEST_CONSTANT))), math.ceil(math.log10(high))
    powers = [10.0**power for power in range(max(first, -323), min(last, 308) + 1)]
    least, most = tolerances.NEAT_RANGE
    middle = [factor * power for power in powers if least <= power <= most for factor in (1.5, 3.0, 6.0)]
    return sorted(size for size in {*powers, *middle, low, high} if low <= size <= high)


def _bisected(of: Callable[[float], float], low: float, high: float, *, rising: bool) -> float:
    for _ in range(_HALVINGS):
        if low > 0 and high / low > 4:  # noqa: PLR2004 - sizes first, digits then
            middle = math.sqrt(low) * math.sqrt(high)
        elif high < 0 and low / high > 4:  # noqa: PLR2004
            middle = -math.sqrt(-low) * math.sqrt(-high)
        else:
            middle = low + (high - low) / 2
        value = of(middle)
        if middle in {low, high}:
            break
        if value == 0:
            return middle
        if math.isnan(value) or (value > 0) == rising:
            high = middle
        else:
            low = middle
    return high


def neat(estimate: float) -> Iterator[float]:
    """Numbers that may have been meant by an estimate, the most likely first."""
    seen = set()
    candidates = [sign * named for named in _NAMED for sign in (1, -1)]
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
