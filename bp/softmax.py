"""Softmax accurate to the last digit, for the layers of assignment 3.

For the logits x of a sample, m their maximum and e_k = exp(x_k - m), softmax is p_k = e_k / S with S = 1 + R, where
R is the sum over all classes but one that attains the maximum: that one contributes exactly 1. Written so, nothing
overflows (assignment 2), and four places remain where the usual formulas lose digits (Blanchard, Higham and Higham
2021, *Accurately computing the log-sum-exp and softmax functions*, IMA J. Numer. Anal. 41(4), sections 3 and 4):

1. x_k - m is rounded, and exp turns an absolute error of its argument, up to 2^-44 for 700, into a relative one: up to
   512 units in the last place. `bp.exponential` takes x_k and m apart instead, so that no digit of either is lost.
2. The loss of a sample that is surely right is log S = log(1 + R) with R next to nothing, and its gradient is p_t - 1 =
   -R / S. If R is added to 1 first, its digits are lost; kept apart it gives both to the last digit, by log1p(R) and by
   -R / S. The same holds for the gradient at any target t: it is minus the sum of the *other* classes' terms, over S.
3. A rounded sum depends on the order of its terms; `bp.pairs.exact_sum` does not. So no bit changes with the order of
   classes.
4. exp, log and every sum and quotient round. So all of them are pairs of doubles here, and only results are rounded.

What is left is that one rounding and the 57 bits of exp: no result is off by more than 0.6 units in the last place,
subnormal ones included. Searches found up to 0.55 for probabilities and gradients and 0.53 for losses
(``bp bench --only search``).

Arrays are transposed here, (K, N): classes down and samples across, so that numpy's loops are long where K is small.
All terms are 2^256 times as large as they should be: see `bp.exponential`.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bp.exponential import LOWER, RAISE, RAISED, exp_of_differences, log_of_sum
from bp.messages import Array
from bp.pairs import ONE, Doubles, exact_sum, flattened, lowered, two_product, two_sum, two_sum_of_larger, upper_half

#: Below this many classes it is faster to copy the logits to long rows of samples.
_FEW_CLASSES = 64
#: `exp_of_differences` takes numbers up to 2^45. Maxima from 2^40 on are subtracted first, which is exact wherever the
#: difference matters.
_FAR, _FARTHEST = 2.0**40, -(2.0**44)
#: A probability whose logit is less than this below the maximum is normal, for a million classes.
_FAINT = 690.0
#: Below it double precision has fewer digits soon.
_FEW_DIGITS = 2.0**-900
#: `vector_jacobian` multiplies by 2^_MOST_RAISED at most: with more the factor itself would overflow.
_MOST_RAISED = 1000
#: The exponent that `mean_surprise` gives to the largest logarithm of a sample, far from overflow and underflow.
_MIDDLE = 500
_LEAST_NORMAL = float(np.finfo(np.float64).smallest_normal)


class Softmax:
    """Softmax of the logits ``X`` (N, K), in the parts from which probabilities, losses and gradients are made.

    Attributes
    ----------
    X, m
        The logits, (K, N), and their maximum, (N,).
    head, tail
        exp(x_k - m) as a sum of two, (K, N), but 0 for one class that attains the maximum.
    others
        R, (N,), as two numbers whose sum is not rounded.
    R, rest
        The rounded R, and its rounding error, both (N,).
    """

    def __init__(self, X: Array) -> None:
        self.X, self.head, self.tail, *self._spare = _transposed(X, 4)
        spare, _ = self._spare
        self._at_top, self.m = _maxima(self.X, self.head)
        lowest, highest = self.X.min(), self.m.max()
        self._faint = not lowest > highest - _FAINT
        x, m = self.X, self.m
        self._far = not (lowest > _FARTHEST and highest < _FAR)
        if self._far:
            shift = np.where(np.abs(m) >= _FAR, m, 0)
            x, m = np.maximum(x - shift, _FARTHEST), m - shift
        exp_of_differences(x, m, self.head, self.tail, spare)
        flattened(self.head)[self._at_top] = 0
        self.others = exact_sum(self.head, self.tail, None, *self._spare)
        self.R, self.rest = two_sum_of_larger(*self.others)

    def probabilities(self) -> Doubles:
        """p_k = (head + tail) / S, (K, N). It overwrites the terms, so it can be called only once."""
        flattened(self.head)[self._at_top] = RAISED
        return self._over_sum(self.head, self.tail, *self._spare, faint=self._faint)

    def _over_sum(self, z: Doubles, more: Doubles, spare: Doubles, out: Doubles, *, faint: bool = True) -> Doubles:
        """2^-256 (z + more) / S, rounded once, |more| < |z| / 63; the memory of all arguments is used up.

        1 / S = r (1 + rho) and z = z_1 + z_2, where r and z_1 have 26 bits. So r z_1 is exact, and what is to be added
        to it, r (z_2 + more) (1 + rho) + r rho z_1, is so much smaller that its own rounding does not matter (Dekker
        1971, *A floating-point technique for extending the available precision*, Numer. Math. 18, section 5).
        ``faint`` False says that no quotient is subnormal.
        """
        r, rho = self._inverse if faint else (self._inverse[0] * LOWER, self._inverse[1])
        z_1 = upper_half(z, out)
        z -= z_1
        more += z
        more *= r * (ONE + rho)
        more += np.multiply(z_1, r * rho, out=spare)
        z_1 *= r
        if not faint:
            z_1 += more
            return z_1
        quotient = np.add(z_1, more, out=spare)
        result = np.multiply(quotient, LOWER, out=z)
        few_digits = np.nonzero(np.abs(result) < _LEAST_NORMAL)
        high = quotient[few_digits]
        result[few_digits] = lowered(high, more[few_digits] - (high - z_1[few_digits]), RAISE)
        return result

    @cached_property
    def _inverse(self) -> tuple[Doubles, Doubles]:
        """r, the upper half of 1 / S, and rho with r (1 + rho) = 1 / (1 + R): for d = 1 - r (1 + R) it is d / (1 - d).

        S = 1 + R and R are rounded; their rounding errors are known exactly: (1 - S) + R, and `rest`.
        """
        R = self.R * LOWER
        S = ONE + R
        r, S_1 = upper_half(ONE / S), upper_half(S)
        lost = ((ONE - S) + R) + self.rest * LOWER
        d = ((ONE - r * S_1) - r * (S - S_1)) - r * lost
        return r, d / (ONE - d)

    def surprise(self, t: NDArray[np.intp]) -> Doubles:
        """-log p_t = log(1 + R) + (m - x_t) for one class t of each sample, (N,): no term is negative."""
        L, missing = log_of_sum(self.R, self.rest)
        with np.errstate(invalid="ignore") if self._far else nullcontext():  # m - x_t may be infinite
            below, lack = two_sum(self.m, -_at(self.X, t))
            surprise, rounded = two_sum(L * LOWER, below)
        lack += missing * LOWER
        rounded += lack
        if self._far:
            rounded[surprise == np.inf] = 0  # what rounding took is NaN then
        surprise += rounded
        if surprise.min() < _FEW_DIGITS:  # only log(1 + R) can be so small
            faint = surprise < _FEW_DIGITS
            surprise[faint] = lowered(L[faint], missing[faint], RAISE)
        return surprise

    def mean_surprise(self, T: Doubles) -> Doubles:
        """sum_k -t_k log p_k for targets (K, N) that are not negative: no term is negative, nothing cancels.

        Each sample's logarithms are scaled so that the largest that counts is near 2^500: then none overflows, and no
        product with a target underflows that would count.
        """
        x = np.where(T == 0, self.m, self.X)  # the others' differences may be infinite
        scale = _MIDDLE - np.frexp((self.m / 2 - x / 2).max(axis=0) + self.R * LOWER)[1]
        down, up = np.minimum(scale, 0), np.maximum(scale, 0)
        below, lack = (np.ldexp(part, up) for part in two_sum(np.ldexp(self.m, down), -np.ldexp(x, down)))
        L, missing = (np.ldexp(part, scale - RAISE) for part in log_of_sum(self.R, self.rest))
        logs, rounded = two_sum(L, below)
        rounded += lack
        rounded += missing
        products, lost = two_product(logs, T)
        rounded *= T
        rounded += lost
        return lowered(*two_sum(*exact_sum(products, rounded, None, *np.empty((2, *T.shape)))), scale)

    def minus_slope(self, t: NDArray[np.intp]) -> Doubles:
        """1 - p_t for one class t of each sample, (N,): the sum of the others' terms over S.

        That is R itself if t is the class with the maximum; else R without e_t, plus 1 for the class with the maximum.
        """
        (high, low), places = self.others, _places(self.head, t)
        elsewhere: Doubles = (_at(self.X, t) < self.m).astype(np.float64)
        high, rounded = two_sum(high, -elsewhere * flattened(self.head).take(places))
        low = low - elsewhere * flattened(self.tail).take(places) + rounded
        high, rounded = two_sum(high, elsewhere * RAISED)
        high, low = two_sum(high, low + rounded)
        return self._over_sum(high, low, *np.empty((2, *high.shape)))

    def slope_of_class(self, t: NDArray[np.intp]) -> Doubles:
        """p, but p_t - 1 for one class t of each sample, (K, N). It can be called only once."""
        slope = 0 - self.minus_slope(t)  # 0, not -0
        P = self.probabilities()
        flattened(P)[_places(P, t)] = slope
        return P

    def slope(self, T: Doubles) -> Doubles:
        """p_k sum_j t_j - t_k for targets (K, N), as (e_k sum_j t_j - t_k S) / S. It can be called only once."""
        sum_t, lack_t = two_sum(*exact_sum(T, None, None, *np.empty((2, *T.shape))))
        S, lack_S = two_sum(np.full_like(self.R, RAISED), self.R)
        flattened(self.head)[self._at_top] = RAISED
        ours, ours_lack = two_product(self.head, sum_t)
        theirs, theirs_lack = two_product(T, S)
        high, low = two_sum(ours, -theirs)
        low += (ours_lack - theirs_lack) + (self.tail * sum_t + self.head * lack_t - T * (lack_S + self.rest))
        return self._over_sum(*two_sum(high, low), *self._spare)


def _maxima(X: Doubles, like: Doubles) -> tuple[NDArray[np.intp], Doubles]:
    """Where each sample has its maximum, or one of them, in an array laid out as ``like``, and the maxima, (N,).

    The places are in any order of samples.
    """
    if not (X.flags.c_contiguous and like.flags.c_contiguous):
        k = X.argmax(axis=0)
        return _places(like, k), _at(X, k)
    m = X.max(axis=0)
    found = (m == X).ravel().nonzero()[0]  # faster than argmax, but it finds all maxima and no NaN
    return found if len(found) == len(m) else _places(like, X.argmax(axis=0)), m


def _at(X: Doubles, k: NDArray[np.intp]) -> Doubles:
    """X[k, n] for every n."""
    taken: Doubles = flattened(X).take(_places(X, k)) if _is_dense(X) else X[k, np.arange(X.shape[1])]
    return taken


def _places(X: Doubles, k: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where the X[k, n] are in the flattened X: numpy takes those several times faster."""
    samples = np.arange(X.shape[1])
    return k * X.shape[1] + samples if X.flags.c_contiguous else samples * len(X) + k


def _is_dense(X: Doubles) -> bool:
    """Whether X lies in memory in one piece, so that it can be flattened without a copy."""
    return X.flags.c_contiguous or X.flags.f_contiguous


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
    scale = np.ldexp(ONE, np.minimum(RAISE - exponents, _MOST_RAISED))
    np.multiply(delta_next.T, scale, out=apart)
    apart -= np.where(y == y.max(axis=0), apart, -np.inf).max(axis=0)
    np.multiply(y, apart, out=products)
    high, low = exact_sum(products, None, np.abs(products).max(axis=0), *spare)
    apart -= high
    apart -= low
    apart *= y
    apart /= scale
    result: Doubles = apart
    return result
