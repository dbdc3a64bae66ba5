"""Softmax accurate to the last digits, for the layers of assignment 3.

For the logits x of a sample, m their maximum and e_k = exp(x_k - m), softmax is p_k = e_k / S with S = 1 + R, where
R is the sum over all classes but one that attains the maximum: that one contributes exactly 1. Written so, nothing
overflows (assignment 2), and three places remain where the usual formulas lose digits (Blanchard, Higham and Higham
2021, *Accurately computing the log-sum-exp and softmax functions*, IMA J. Numer. Anal. 41(4), sections 3 and 4):

1. x_k - m is rounded, and exp turns an absolute error of its argument, up to 2^-44 for 700, into a relative one: up to
   512 units in the last place. But the rounding error of a subtraction is a number of its own kind and can be had
   exactly (Knuth, *TAOCP* vol. 2, section 4.2.2, theorem B): x_k - m = hi + lo, and e_k = exp(hi) (1 + lo), since
   lo^2 < 2^-88.
2. The loss of a sample that is surely right is log S = log(1 + R) with R next to nothing, and its gradient is p_t - 1 =
   -R / S. If R is added to 1 first, its digits are lost; kept apart it gives both to the last digit, by log1p(R) and by
   -R / S. The same holds for the gradient at any target t: it is minus the sum of the *other* classes' terms, over S.
3. A rounded sum depends on the order of its terms; `exact_sum` does not. So no bit changes with the order of classes.

What is left is the error of exp itself, which counts up to twice in a result just below a power of two, and one
rounding: 2 units in the last place with numpy 2, whose exp is right to 0.7 (1.47 was measured, 1.8 for losses). With
numpy 1.26 on a processor with AVX-512 exp is right to 1.5 only, and that comes on top.

Arrays are transposed here, (K, N): classes down and samples across, so that numpy's loops are long where K is small.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bp.messages import Array

Doubles = NDArray[np.float64]

#: Below this many classes it is faster to copy the logits to long rows of samples.
_FEW_CLASSES = 64
#: Differences of logits can exceed the largest number only if the maximum is larger than this, half the unit in the
#: last place of the largest number.
_FAR = 2.0**970
#: Terms smaller than this are near the subnormal numbers, which have fewer digits: see `Softmax._with_digits`.
_SMALL = 2.0**-900
#: The smallest positive number.
_LEAST = 2.0**-1074
#: Logits this far below the maximum have terms that are subnormal, or nothing at all.
_FAINT, _NOTHING = -708.0, -746.0
#: log(2^256) to twice the precision of a double, as a sum of two.
_RAISE = 256
_RAISE_HI = _RAISE * float.fromhex("0x1.62e42fefa39efp-1")
_RAISE_LO = _RAISE * float.fromhex("0x1.abc9e3b39803fp-56")


class Softmax:
    """Softmax of the logits ``X`` (N, K), in the parts from which probabilities, losses and gradients are made.

    Attributes
    ----------
    hi, lo
        Of x_k - m, (K, N): see the module's first point.
    terms
        exp(hi), (K, N), but 0 at ``top``.
    top
        Where the maximum is, (N,).
    others
        R, (N,), as two numbers whose sum is not rounded.
    R, rest
        The rounded R, and its rounding error, both (N,).
    """

    def __init__(self, X: Array) -> None:
        X, self.hi, self.lo, self.terms, *self._spare = _transposed(X, 5)
        self.columns = np.arange(X.shape[1])
        self.top = X.argmax(axis=0)
        m = X[self.top, self.columns]
        np.subtract(X, m, out=self.hi)
        if m.max() > _FAR:
            with np.errstate(invalid="ignore"):
                _error_of_difference(X, m, self.hi, out=self.lo, spare=self.terms)
            self.lo[np.isinf(self.hi)] = 0  # exp is 0 there; inf - inf made NaN of it
        else:
            _error_of_difference(X, m, self.hi, out=self.lo, spare=self.terms)
        np.exp(self.hi, out=self.terms)
        self.terms[self.top, self.columns] = 0
        self.others = exact_sum(self.terms, self.terms.max(axis=0), self.lo, *self._spare)
        small = np.flatnonzero(self.others[0] < _SMALL)
        if small.size:
            self._with_digits(small)
        high, low = self.others
        self.R: Doubles = high + low
        self.rest: Doubles = (high - self.R) + low

    def _with_digits(self, small: NDArray[np.intp]) -> None:
        """Compute R again, for samples whose terms are nearly subnormal, from terms 2^256 times as large."""
        terms, correction = _raised(self.hi[:, small])
        at_top = self.top[small], np.arange(small.size)
        terms[at_top], correction[terms == 0] = 0, 0
        lo = self.lo[:, small] + correction
        high, low = exact_sum(terms, terms.max(axis=0), lo, np.empty_like(terms), np.empty_like(terms))
        self.others[0][small] = np.ldexp(high + low, -_RAISE)
        self.others[1][small] = 0

    def probabilities(self) -> Doubles:
        """p_k = exp(hi) (1 + lo) / S, (K, N). It overwrites the terms, so it can be called only once.

        A subnormal exp(hi) has few digits. It is therefore computed 2^256 times as large, so that only the result is
        rounded to few digits.
        """
        self.terms[self.top, self.columns] = 1
        if self.hi.min() >= _FAINT:
            return self._over_sum(self.terms, self.lo, self._spare[0])
        faint = np.nonzero((self.hi < _FAINT) & (self.hi > _NOTHING))
        self.terms[faint], correction = _raised(self.hi[faint])
        self.lo[faint] += correction
        P = self._over_sum(self.terms, self.lo, self._spare[0])
        P[faint] = np.ldexp(P[faint], -_RAISE)
        return P

    def _over_sum(self, z: Doubles, lo: Doubles, out: Doubles) -> Doubles:
        """z (1 + lo) / S, rounded once; the memory of z and lo is used up.

        With 1 / S = r (1 + rho) and z = z_1 + z_2, of which r and z_1 have 26 bits, it is r [z_1 + z_2 + z (lo + rho)].
        r z_1 is exact, and what is to be added to it is so much smaller that its own rounding does not matter (Dekker
        1971, *A floating-point technique for extending the available precision*, Numer. Math. 18, section 5).
        """
        r, rho = self._inverse
        lo += rho
        lo *= z
        z_1 = _upper_half(z, out)
        z -= z_1
        lo += z
        lo *= r
        z_1 *= r
        z_1 += lo
        return z_1

    @cached_property
    def _inverse(self) -> tuple[Doubles, Doubles]:
        """r, the upper half of 1 / S, and rho with r (1 + rho) = 1 / (1 + R): for d = 1 - r (1 + R) it is d / (1 - d).

        S = 1 + R and R are rounded; their rounding errors are known exactly: (1 - S) + R, and `rest`.
        """
        R = self.R
        S = 1 + R
        r, S_1 = _upper_half(1 / S), _upper_half(S)
        lost = ((1 - S) + R) + self.rest
        d = ((1 - r * S_1) - r * (S - S_1)) - r * lost
        return r, d / (1 - d)

    def surprise(self, t: NDArray[np.intp] | None = None) -> Doubles:
        """-log p_k = log(1 + R) - hi - lo: no term is negative, nothing cancels. (K, N), or (N,) for a class t each.

        The rounding error of R, `rest`, changes the logarithm by rest / (1 + R).
        """
        place = ... if t is None else (t, self.columns)
        surprise: Doubles = np.log1p(self.R) - self.hi[place]
        surprise -= self.lo[place] - self.rest / (1 + self.R)
        return surprise

    def minus_slope(self, t: NDArray[np.intp]) -> Doubles:
        """1 - p_t for one class t of each sample, (N,): the sum of the others' terms over S.

        That is R itself if t is the class with the maximum; else R without e_t, plus 1 for the class with the maximum.
        """
        (high, low), e = self.others, self.terms[t, self.columns]
        elsewhere = t != self.top
        high, rounded = _two_sum(high, np.where(elsewhere, -e, 0))
        low = low - elsewhere * e * self.lo[t, self.columns] + rounded
        high, rounded = _two_sum(high, elsewhere.astype(np.float64))
        high, low = _two_sum(high, low + rounded)
        lo = low / np.maximum(high, _LEAST)  # where high is 0 low is 0 too
        return self._over_sum(high, lo, np.empty_like(high))


def in_precision_of(values: Doubles, *arguments: Array) -> Array:
    """``values`` in the precision that numpy's arithmetic gives for these arguments."""
    return values.astype(np.result_type(*arguments), copy=False)


def _transposed(X: Array, n_more: int) -> list[Doubles]:
    """``X`` transposed, in double precision, (K, N), and ``n_more`` uninitialised arrays like it.

    All memory is allocated in one piece, which is faster than several.
    """
    n, k = X.shape
    if k >= _FEW_CLASSES:
        return [np.asarray(X.T, dtype=np.float64), *np.empty((n_more, n, k)).transpose(0, 2, 1)]
    space = np.empty((1 + n_more, k, n))
    space[0] = X.T
    return list(space)


def _raised(hi: Doubles) -> tuple[Doubles, Doubles]:
    """exp(hi) 2^256, and a correction like lo: hi + log 2^256 is rounded, and the logarithm has a second half."""
    raised = hi + _RAISE_HI
    with np.errstate(invalid="ignore"):
        return np.exp(raised), (_RAISE_HI - (raised - hi)) + _RAISE_LO


def _error_of_difference(a: Doubles, b: Doubles, difference: Doubles, out: Doubles, spare: Doubles) -> None:
    """(a - (difference - t)) - (t + b) with t = difference - a: what rounding took from a - b, as in `_two_sum`."""
    t = np.subtract(difference, a, out=spare)
    np.subtract(difference, t, out=out)
    np.subtract(a, out, out=out)
    t += b
    out -= t


def _two_sum(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """a + b, and what rounding took from it, exactly (Knuth, *TAOCP* vol. 2, section 4.2.2, theorem B)."""
    total = a + b
    b_there = total - a
    return total, (a - (total - b_there)) + (b - b_there)


def _upper_half(z: Doubles, out: Doubles | None = None) -> Doubles:
    """z with the lower 27 of its 53 bits set to 0."""
    out = np.empty_like(z) if out is None else out
    np.bitwise_and(z.view(np.int64), -(2**27), out=out.view(np.int64))
    return out


def exact_sum(
    terms: Doubles, largest: Doubles, lo: Doubles | None, high: Doubles, low: Doubles
) -> tuple[Doubles, Doubles]:
    """The sums of terms (1 + lo) over the first axis, |lo| < 2^-40, where no term is larger than ``largest``, (N,).

    As two numbers each, to be added; and the same in any order. With sigma a power of two above the sum of all sizes,
    (z + sigma) - sigma is z rounded to a multiple of sigma's unit in the last place, so that these parts add up without
    rounding; what is left of each z, with its correction, is treated alike, and the rest of that is below 2^-70 of the
    sum (Demmel and Nguyen 2013, *Fast reproducible floating-point summation*, ARITH 21, section 4). ``high`` and
    ``low`` are memory to work in.

    To save passes through memory tau, the second sigma, is added with the first, and never taken off: all of ``low``
    is between two powers of two then, where neighbours are equally far apart and their bit patterns successive
    integers. So the patterns less that of tau count units, and integers add without rounding.
    """
    k = len(terms)
    sigma = np.ldexp(1.0, np.frexp(largest)[1] + k.bit_length() + 1)
    tau = np.maximum(sigma * (1.5 * 2.0**-40), _LEAST)  # not 0, since then -0 had a pattern of its own
    np.add(terms, sigma, out=high)
    high -= sigma + tau
    total: Doubles = high.sum(axis=0) + k * tau
    np.subtract(terms, high, out=low)
    if lo is not None:
        low += np.multiply(terms, lo, out=high)
    units = low.view(np.int64).sum(axis=0) - k * tau.view(np.int64)  # modulo 2^64, like the sum
    return total, units * np.spacing(tau)


def vector_jacobian(Y: Array, delta_next: Array) -> Doubles:
    """sum_j d_j dy_j/ds_i for outputs y of softmax and d = delta_next, both (N, K); transposed, (K, N).

    y_i (d_i - sum_j y_j d_j) cancels where one y is nearly 1. Since the y sum to 1 any number may be taken off all d_j:
    with that of a class m where y is largest the term of m, which has nearly all the weight, is gone:

        y_i [(d_i - d_m) - sum_j y_j (d_j - d_m)].

    Of several such classes the one with the largest d, so that the result does not depend on their order. Each sample's
    d are near 2^256 meanwhile: their differences cannot overflow then, and the products with any y are not subnormal.
    """
    y, products, apart, *spare = _transposed(Y, 4)
    exponents = np.frexp(np.abs(delta_next).max(axis=1))[1]
    scale = np.ldexp(1.0, np.clip(_RAISE - exponents, -1000, 1000))
    np.multiply(delta_next.T, scale, out=apart)
    apart -= np.where(y == y.max(axis=0), apart, -np.inf).max(axis=0)
    np.multiply(y, apart, out=products)
    high, low = exact_sum(products, np.abs(products).max(axis=0), None, *spare)
    apart -= high
    apart -= low
    apart *= y
    apart /= scale
    result: Doubles = apart
    return result
