"""Arithmetic without rounding errors: numbers as sums of two doubles, a rounded one and what rounding took from it."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
_Number = TypeVar("_Number", bound=np.generic)


def constant(value: float) -> Doubles:
    """``value`` as an array without axes, which never changes.

    numpy converts a number of Python, or one of its own, in every operation anew. For short arrays that takes as long
    as the operation.
    """
    array = np.array(value, np.float64)
    array.flags.writeable = False
    return array


def flattened(array: NDArray[_Number]) -> NDArray[_Number]:
    """A view of ``array``, which lies in memory in one piece, with one axis, in the order of memory."""
    return array.ravel("K")


ONE = constant(1)
_TAU, _UNIT = constant(1.5 * 2.0**-40), constant(2.0**-92)
_UPPER_BITS = np.array(-(2**27))


def two_sum(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """a + b, and what rounding took from it, exactly (Knuth, *TAOCP* vol. 2, section 4.2.2, theorem B)."""
    total = a + b
    b_there = total - a
    return total, (a - (total - b_there)) + (b - b_there)


def two_sum_of_larger(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """`two_sum` in half as many operations, where a is 0 or not smaller than b in size (ibid., exercise 4.2.2-17)."""
    total = a + b
    return total, b - (total - a)


def upper_half(z: Doubles, out: Doubles | None = None) -> Doubles:
    """z with the lower 27 of its 53 bits set to 0."""
    out = np.empty_like(z) if out is None else out
    np.bitwise_and(z.view(np.int64), _UPPER_BITS, out=out.view(np.int64))
    return out


def two_product(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """a b, and what rounding took from it, right to 2^-79 of the product unless it is subnormal.

    Dekker 1971, *A floating-point technique for extending the available precision*, Numer. Math. 18, section 5.
    """
    product, a_1, b_1 = a * b, upper_half(a), upper_half(b)
    a_2, b_2 = a - a_1, b - b_1
    return product, ((a_1 * b_1 - product) + a_1 * b_2 + a_2 * b_1) + a_2 * b_2


def lowered(high: Doubles, low: Doubles, by: NDArray[np.intp] | int) -> Doubles:
    """2^-by (high + low), rounded once although the result may be subnormal; ``high`` is high + low, rounded.

    A subnormal number has fewer digits, so that ``high`` is rounded a second time when it is scaled down. What that
    takes, if anything, is exact, and is added to ``low`` before the correction is scaled down.
    """
    result: Doubles = np.ldexp(high, np.negative(by))
    lost = high - np.ldexp(result, by)
    lost += low * (lost != 0)  # where nothing is lost, ``low`` itself would be rounded up to half a unit of the result
    lost[np.isinf(result)] = 0
    result += np.ldexp(lost, np.negative(by))
    over = np.isinf(result) & np.isfinite(high)
    if over.any():  # ``high`` was rounded up to 2^1024; what lies half a unit below it, at least, is the largest number
        below = np.nextafter(high, 0)
        nearer = over & (low <= (below - high) / 2)
        result = np.where(nearer, np.ldexp(below, np.negative(by)), result)
    return result


def exact_sum(
    terms: Doubles, more: Doubles | None, largest: Doubles | None, high: Doubles, low: Doubles
) -> tuple[Doubles, Doubles]:
    """The sums of terms + more over the first axis, as two numbers each, to be added; the same in any order.

    ``largest``, (N,), is at least the size of every term; if there are no negative ones, None stands for their
    maximum. Sums are exact only where it is 0 or at least 2^-900. ``more`` is much smaller than the terms, by 2^-4 at
    least. ``high`` and ``low`` are memory to work in.

    With sigma a power of two above the sum of all sizes, (z + sigma) - sigma is z rounded to a multiple of sigma's unit
    in the last place, so that these parts add up without rounding; what is left of each z, with its ``more``, is
    treated alike, and the rest of that is below 2^-70 of the sum (Demmel and Nguyen 2013, *Fast reproducible
    floating-point summation*, ARITH 21, section 4).

    To save passes through memory tau, the second sigma, is added with the first, and never taken off: all of ``low``
    is between two powers of two then, where neighbours are equally far apart and their bit patterns successive
    integers. So the patterns less that of tau count units, and integers add without rounding.
    """
    k = len(terms)
    if largest is None:
        largest = terms.max(axis=0)
    sigma = np.ldexp(2.0 ** (k.bit_length() + 1), np.frexp(largest)[1])
    tau = sigma * _TAU
    z = terms if more is None else np.add(terms, more, out=high)
    np.add(z, sigma, out=high)
    high -= sigma + tau
    total: Doubles = high.sum(axis=0) + k * tau
    np.subtract(terms, high, out=low)
    if more is not None:
        low += more
    units = low.view(np.int64).sum(axis=0) - k * tau.view(np.int64)  # modulo 2^64, like the sum
    return total, units * (sigma * _UNIT)  # the unit in the last place of tau
