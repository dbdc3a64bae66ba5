"""The exponential and the logarithm to 57 bits, as sums of two doubles: what `bp.softmax` adds up and divides.

numpy's own exp is off by 0.7 units in the last place, and its log1p by as much. In a quotient of terms and their sum
these errors add up to more than two units. So exp(x) is composed of two factors, exp(g) exp(r), where g is x rounded to
a multiple of 1/64. exp(g) stands in a table, as the double nearest to it and what that lacks. The remainder r is so
small that numpy's expm1(r) is good enough: its error of a unit in *its* last place is 1/64 of a unit of the result
(Tang 1989, *Table-driven implementation of the exponential function in IEEE floating-point arithmetic*, ACM Trans.
Math. Softw. 15(2)).

All results are 2^256 times as large as they should be, so that no term that counts is near the subnormal numbers, which
have fewer digits.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bp.pairs import ONE, Doubles, constant, flattened, two_sum_of_larger

#: Results are 2^RAISE times as large as they should be.
RAISE = 256
RAISED, LOWER = constant(2.0**RAISE), constant(2.0**-RAISE)
#: exp is 0 below `LOWEST`; even raised, a sum of a million such terms would be too small for a double when lowered.
LOWEST = -768
_HIGHEST, _STEPS = 32, 64
#: Added to a number up to 2^45 in size it rounds it to a multiple of 1/64, and the result's bit pattern counts these
#: multiples. The rounder is negative, so that patterns grow as numbers fall, also for far lower ones: no pattern of a
#: number below `LOWEST` is one of a number above it.
_ROUNDER = constant(-1.5 * 2.0**52 / _STEPS)
#: The place of exp(0) in the table, and the bit pattern of 0 so rounded less that place.
_PLACE_OF_ONE = np.array(_HIGHEST * _STEPS)
_FIRST_PATTERN = _ROUNDER.view(np.int64) - _PLACE_OF_ONE
#: The table is made of integers that count units of 2^-1400: far more bits than are kept.
_BITS = 1400
#: The coefficients of exp(r) - 1 - r, from that of r^7 to that of r^2.
_LAST, *_COEFFICIENTS = (constant(1 / math.factorial(n)) for n in range(7, 1, -1))


@cache
def _table() -> tuple[Doubles, Doubles]:
    """2^256 exp(g) for g = 32, 32 - 1/64, ..., -768: the nearest doubles, and what they lack; the last entry is 0.

    exp(g) is exp(whole part) exp(fraction). The upper 26 bits of both factors have an exact product, and what is left
    is so small that its rounding does not matter.
    """
    whole, whole_lacks = (part[:, np.newaxis] for part in _powers(Fraction(1), LOWEST, _HIGHEST + 1, RAISE))
    fraction, fraction_lacks = _powers(Fraction(1, _STEPS), 0, _STEPS, 0)
    product = whole * fraction
    lack = whole * fraction_lacks + whole_lacks * (fraction + fraction_lacks)
    high = product + lack
    low = (product - high) + lack
    high, low = (part.ravel()[-_STEPS::-1].copy() for part in (high, low))
    high[-1] = low[-1] = 0
    return high, low


def _powers(step: Fraction, first: int, end: int, raised: int) -> tuple[Doubles, Doubles]:
    """2^raised exp(step n) for n from ``first`` to ``end``: the upper 26 bits, and the rest, right to 2^-79.

    Numbers are integers that count units of 2^-`_BITS`.
    """
    one = 1 << _BITS
    base, term, n = one, one, 0
    while term:  # those of the series of exp(step)
        n += 1
        term = term * step.numerator // (step.denominator * n)
        base += term
    inverse, power = one * one // base, one
    for _ in range(-first):
        power = power * inverse >> _BITS
    highs, lows = [], []
    for _ in range(first, end):
        lower_bits = power.bit_length() - 26
        high = power >> lower_bits << lower_bits
        highs.append(float(Fraction(high, 1 << _BITS - raised)))
        lows.append(float(Fraction(power - high, 1 << _BITS - raised)))
        power = power * base >> _BITS
    return np.array(highs), np.array(lows)


def exp_of_differences(x: Doubles, m: Doubles, head: Doubles, tail: Doubles, spare: Doubles) -> None:
    """Write 2^256 exp(x - m) into head + tail, |tail| < head / 63, where x <= m and both are at most 2^45 in size.

    x is (K, N), m (N,). Each is rounded to a multiple of 1/64 by itself: so the difference of these is exact, and that
    of the remainders is rounded in a place that does not matter, although x - m may not be a double.
    """
    g, g_m = np.add(x, _ROUNDER, out=head), m + _ROUNDER
    places = np.subtract(_patterns(g), _patterns(g_m) - _PLACE_OF_ONE, out=_patterns(tail))
    r = np.subtract(g, _ROUNDER, out=spare)
    np.subtract(x, r, out=r)
    r -= m - (g_m - _ROUNDER)
    _look_up(places, head, tail)
    np.expm1(r, out=r)
    r *= head
    tail += r


def _patterns(z: Doubles) -> NDArray[np.int64]:
    """The bit patterns of numbers, as integers."""
    return z.view(np.int64)


def _look_up(places: NDArray[np.int64], head: Doubles, tail: Doubles) -> None:
    """Write the table's entries at these places into head and tail; places and tail may be the same memory.

    Flat arrays are several times faster than others.
    """
    flat = flattened(places)
    high, low = _table()
    high.take(flat, out=flattened(head), mode="clip")
    low.take(flat, out=flattened(tail), mode="clip")


def log_of_sum(R: Doubles, rest: Doubles) -> tuple[Doubles, Doubles]:
    """2^256 log(1 + R + rest) as a sum of two doubles; R >= 0 and rest, (N,), are 2^256 times as large as well.

    It is numpy's L = log1p(R) and a step of Newton's method, (1 + R + rest - exp(L)) / exp(L), with exp(L) = (e + lack)
    exp(r) from the table. To lose no digits where L is small that is put together from

        exp(L) - 1 = (e - 1) + r + [(e - 1) r + lack (1 + r) + e (exp(r) - 1 - r)],

    where the bracket is much smaller than the rest, and the rest nearly cancels R, without rounding.
    """
    unraised = R * LOWER
    L = np.log1p(unraised)
    g = L + _ROUNDER
    r = L - (g - _ROUNDER)
    e, lack = np.empty((2, *L.shape))
    _look_up(_patterns(g) - _FIRST_PATTERN, e, lack)
    bracket = r * _LAST
    for coefficient in _COEFFICIENTS:
        bracket += coefficient
        bracket *= r
    bracket *= r
    bracket *= e
    bracket += lack
    e -= RAISED
    bracket += (e + lack) * r
    missing = ((R - e) - r * RAISED) - bracket
    missing += rest
    missing /= unraised + ONE
    return two_sum_of_larger(L * RAISED, missing)
