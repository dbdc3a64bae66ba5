"""How far rounding can take an honest implementation from the truth: the tolerance of every comparison.

Each bound holds for every order of summation, with or without fused multiply-add, in whatever BLAS (Higham, *Accuracy
and Stability of Numerical Algorithms*, 2nd ed. 2002, chapters 3 and 4), and for every honest way to write the formula
that the docstring names: where there are several, the bound is the largest of theirs. So an implementation within the
contract is never failed, by theorem; what lies beyond the bound is not rounding.

Notation: u is the unit roundoff (2^-53 in double, 2^-24 in single precision); gamma(n) = n u / (1 - n u) bounds the
relative error of n successive roundings (Higham, lemma 3.1); |A| is taken entry by entry. Errors are counted in u.

Granted in addition: `LIBRARY_ULPS` units in the last place to each exp and log, down to subnormal results (numpy's
single-precision exp and log are the worst of those in use, with less than 4); gradual underflow, as numpy has it.
Assumed: no intermediate result overflows in the arithmetic that is granted, and n u < 2^-12 for sums of n terms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference.numerics import tolerances

Array = NDArray[np.float64]

_LIBRARY = 2 * tolerances.LIBRARY_ULPS


@dataclass(frozen=True)
class Precision:
    """The arithmetic that an implementation is granted.

    Attributes
    ----------
    u
        Unit roundoff.
    tiny
        Smallest positive number, subnormal ones included: the absolute error of an operation that underflows.
    largest
        Largest finite number; infinity: nothing overflows.
    """

    u: float
    tiny: float
    largest: float = math.inf

    def gamma(self, n: float) -> float:
        """n u / (1 - n u), a bound on the relative error of n successive roundings (Higham, lemma 3.1)."""
        return n * self.u / (1 - n * self.u)


DOUBLE = Precision(tolerances.DOUBLE_UNIT, tolerances.SMALLEST_DOUBLE, float(np.finfo(np.float64).max))
SINGLE = Precision(tolerances.SINGLE_UNIT, tolerances.SMALLEST_SINGLE, float(np.finfo(np.float32).max))


def precision_of(*arrays: NDArray[Any]) -> Precision:
    """The arithmetic that the contract grants for these arguments and parameters: single if one of them is.

    If types are mixed, numpy computes an operation in double only if one of its operands is a double: X W is in single
    precision even if b is a double, and so is softmax even if the targets are doubles. Better than that cannot be
    demanded of every honest coding.
    """
    return SINGLE if any(array.dtype == np.float32 for array in arrays) else DOUBLE


def linear_forward(X: Array, W: Array, b: Array, p: Precision) -> Array:
    """The bound for X W + b, (N, U): |error| <= gamma(D + 1) (|X| |W| + |b|) for D products and D additions.

    See Higham, section 3.1.
    """
    d = X.shape[1]
    return _with_higher_orders(p.gamma(d + 1) * (np.abs(X) @ np.abs(W) + np.abs(b)), d * p.tiny)


def linear_delta(W: Array, delta_next: Array, p: Precision) -> Array:
    """The bound for delta_next W^T, (N, D): |error| <= gamma(U) |delta_next| |W|^T."""
    u = W.shape[1]
    return _with_higher_orders(p.gamma(u) * (np.abs(delta_next) @ np.abs(W).T), u * p.tiny)


def linear_grad(X: Array, delta_next: Array, p: Precision) -> tuple[Array, Array]:
    """The bounds for X^T delta_next / N, (D, U), and for the mean of delta_next, (U,): N + 2 roundings each.

    The sum of N products takes N roundings; the average takes one if it is a division and two if it is a multiplication
    by a rounded 1/N, before or after the sum. If one factor is averaged first and underflows, the error is ``tiny``
    times the other factor.
    """
    n = len(X)
    size, size_next = np.abs(X).T, np.abs(delta_next)
    factors = size.sum(axis=1, keepdims=True) + size_next.sum(axis=0)
    weights = _with_higher_orders(p.gamma(n + 2) * (size @ size_next) / n, (n + 1 + factors) * p.tiny)
    return weights, _with_higher_orders(p.gamma(n + 2) * size_next.sum(axis=0) / n, (n + 1) * p.tiny)


def exact(like: Array) -> Array:
    """The bound 0, in the shape of ``like``, for what only selects or multiplies by 0 or 1: ReLU and its delta."""
    return np.zeros(like.shape)


def softmax(X: Array, P: Array, p: Precision) -> Array:
    """The bound for softmax, (N, K), of four codings.

    They are exp(x_k - m) / S, exp((x_k - m) - log S), exp(x_k - lse) and 1 / sum_c exp(x_c - x_k).

    Here m = max x, S = sum_c exp(x_c - m), lse = m + log S; P are the probabilities, up to rounding. The bound is
    relative: with c roundings, c u / (1 - c u), as exp turns an absolute error into a relative one. Rounding x_k - m
    costs g_k = m - x_k, and S inherits the mean g (Blanchard, Higham and Higham 2021, *Accurately computing the
    log-sum-exp and softmax functions*, IMA J. Numer. Anal. 41(4), theorem 3.2, entry by entry).

    - The quotient has the errors of numerator and denominator, and two roundings where it is a product with 1/S. The
      naive coding, which shifts by 0, has no g.
    - The second form rounds log S, and the difference, whose size is -log p_k. If log S is computed by ``logaddexp`` of
      all x - m, the error is that of `_by_logaddexp`.
    - The third form rounds numbers of the size of lse, whether lse is m + log S or ``logaddexp`` of all x. For logits
      of 1e300 it is worthless: it gives a probability of 1 to each of two equal logits. So its error is granted only up
      to one part in a thousand, that is for |x| < 2^43 / K in double precision, 2^14 / K in single.
    - The fourth form has no more roundings than the quotient. But its sum is 1 / p_k, which overflows where p_k is
      below 1 / max, with the largest number max of the precision; there it answers 0.
    """
    bound = _with_higher_orders(P * _relative(X, P, p), (tolerances.LIBRARY_ULPS + 2) * p.tiny)
    return np.where(1 / p.largest > P, np.maximum(bound, P), bound)


def softmax_delta(Y: Array, delta_next: Array, p: Precision) -> Array:
    """The bound for softmax's delta, (N, K), from its outputs y and the delta d behind it.

    The formulas: y (d - <d, y>), y d - y <d, y>, y_k sum_j y_j (d_k - d_j), or d times the matrix diag(y) - y y^T. The
    truth is the derivative where softmax is y / sum(y). Roundings: K of the sum of products, one each for the
    difference and the product with y_k, one more in the matrix, whose row k has y_k and all y_k y_j in it:
    gamma(K + 3) y_k (|d_k| + sum_j y_j |d_j|). The outputs y are rounded and their sum is 1 + e only, whereas the
    formulas take it to be 1: that adds 2 |e| times the same.
    """
    k = Y.shape[1]
    size = np.abs(delta_next)
    mean_size = (Y * size).sum(axis=1, keepdims=True)
    # The sum of K doubles computed here has itself an error of up to gamma(K) in double precision.
    off = np.abs(Y.sum(axis=1, keepdims=True) - 1) + DOUBLE.gamma(k)
    bound = Y * (p.gamma(k + 3) + 2 * off) * (size + mean_size)
    return _with_higher_orders(bound, (k + 2 + size + size.sum(axis=1, keepdims=True)) * p.tiny)


def cross_entropy(P: Array, T: Array, p: Precision, errors: Array | None = None) -> Array:
    """The bound for -sum_k t_k log p_k, (N, 1): the larger error of two kinds of codings.

    - Through a logarithm: -log p, log(1 / p), -2 log sqrt p, -log2(p) log 2. Each term takes part in K - 1 additions,
      one log and up to two products (the second is with log 2, after log2): K + 1 roundings and the library's, relative
      to the loss. The argument of log may be rounded itself: by u for 1 / p, and log turns that relative error into an
      absolute one; by u for sqrt p, which the factor 2 doubles. So 2 u of absolute error are granted besides, but where
      p is 1: then 1 / p and sqrt p are exact.
    - Through the others: -log1p(-s) with the sum s of the other probabilities, or log1p(p - 1). It is the same number
      as s = 1 - p, and accurate where p is near 1: K - 2 additions, or one subtraction, leave an error of
      gamma(K - 2) (1 - p) in s, which log1p divides by p. If the probabilities sum to 1 + e, |e| / p comes on top.
      Where p is small that coding has lost its digits and is not honest: it is granted where its error is below a
      thousandth.

    ``errors`` are the relative errors of probabilities that an implementation has computed itself, (N, K); None: it is
    given P. They reach -log p as they are, and the sum of the others with their weights, which is granted where p is at
    least 1 / 2: below that the errors that the others share would be granted many times over.
    """
    k = P.shape[1]
    own = np.zeros(P.shape) if errors is None else P * errors
    excess = _excess(P) if errors is None else own.sum(axis=1, keepdims=True) - own
    chosen = np.where(T == 0, 1.0, P)
    with np.errstate(divide="ignore", over="ignore"):
        size = (T * np.abs(np.where(T == 0, 0.0, -np.log(chosen)))).sum(axis=1, keepdims=True)
        of_others = (p.gamma(max(k - 2, 1)) * (1 - chosen) + excess) / chosen
        is_honest = (of_others <= tolerances.MAX_ERROR_THROUGH_LSE) & ((errors is None) | (chosen >= 1 / 2))
        of_others = np.where(is_honest, of_others, 0.0)
    of_argument = np.where(chosen == 1, 0.0, p.gamma(2)) + (0.0 if errors is None else errors)
    absolute = (T * np.maximum(of_argument, of_others)).sum(axis=1, keepdims=True)
    return _with_higher_orders(p.gamma(k + _LIBRARY + 2) * size + absolute, k * p.tiny)


def _excess(P: Array) -> Array:
    """How far the sums of probabilities are from 1, (N, 1); digits that rounding takes from the sum are kept."""
    total, lost = -np.ones(len(P)), np.zeros(len(P))
    for column in P.T:
        new = total + column
        back = new - total
        lost += (total - (new - back)) + (column - back)  # what it took, exactly (Knuth's TwoSum)
        total = new
    return np.asarray(np.abs(total + lost)[:, None])


def cross_entropy_delta(P: Array, T: Array, p: Precision) -> Array:
    """The bound for -t_k / p_k, (N, K), also as t_k times a rounded 1 / p_k: two roundings."""
    quotient = T / np.where(T == 0, 1.0, P)
    return _with_higher_orders(p.gamma(2) * quotient, p.tiny)


def logits_loss(X: Array, T: Array, P: Array, p: Precision) -> Array:
    """The bound for cross-entropy of logits, (N, 1), with one-hot T: the largest error of four codings.

    With m, S, lse and g as in `softmax`; the error of S passes through log as it is, and log adds its own.

    - log S - (x_t - m), also with log1p of S without its largest term: x_t - m and the result are rounded.
    - m + log S - x_t: lse and the result are rounded (Blanchard, Higham and Higham 2021, section 4).
    - -log p_t where p_t does not underflow: the relative error of p_t, by whichever coding of `softmax`, and a log of
      the size of the result.
    - ``logaddexp`` of all logits, with x_t subtracted before or after: see `_by_logaddexp`.

    By the first and the last coding a loss far below u loses all its digits and may come out as 0.
    """
    n = X.shape[1]
    with np.errstate(over="ignore"):
        gap = X.max(axis=1, keepdims=True) * p.u - (T * X).sum(axis=1, keepdims=True) * p.u  # in u: cannot overflow
        _, mean_gap, log_sum, of_sum, lse_size = _log_sum_exp(X, P)
        loss, lse = gap + p.u * log_sum, p.u * lse_size
        total = p.u * (of_sum + _LIBRARY * log_sum)
        codings = (
            gap + total + loss,
            lse + total + loss,
            (T * _errors(X, P, p)).sum(axis=1, keepdims=True) + _LIBRARY * np.minimum(loss, tolerances.FAR_LOGIT * p.u),
            _by_logaddexp(np.maximum(lse, loss), n, p) + gap + p.u * mean_gap + loss,
        )
        return _with_higher_orders(np.maximum.reduce(codings), p.tiny)


def logits_delta(X: Array, T: Array, P: Array, p: Precision) -> Array:
    """The bound for p - t, (N, K).

    At the target it may be computed as (exp(x_t - m) - S) / S or as minus the sum of the other terms over S. For p - t:
    the error of p and one rounding of the difference. In the other two codings the errors that numerator and
    denominator share are those of p again; the others are their own roundings: 2 K - 1 in the two sums, and three.
    """
    return softmax(X, P, p) + _with_higher_orders(p.gamma(2 * X.shape[1] + 2) * np.abs(P - T), p.tiny)


def roundings_of_delta(k: int) -> int:
    """How many roundings of P + T the delta of a network's loss has besides those of softmax, with K classes.

    By the compound layer 2 K + 2 (`logits_delta`). By two layers K + 5: -t / p is rounded twice, and `softmax_delta`
    with |d_t| y_t = 1 has K + 3.
    """
    return max(2 * k + 2, k + 5)


def _relative(X: Array, P: Array, p: Precision) -> Array:
    """The relative error of `softmax`, entry by entry, where P does not underflow."""
    errors = _errors(X, P, p)
    relative: Array = errors / (1 - errors)
    return relative


def _errors(X: Array, P: Array, p: Precision) -> Array:
    """The error of log P, entry by entry, by any coding of `softmax`."""
    n = X.shape[1]
    gaps, mean_gap, log_sum, of_sum, lse_size = _log_sum_exp(X, P)
    last = gaps + log_sum + _LIBRARY  # exp(x_k - ...) rounds a difference of this size, and exp itself
    quotient = gaps + _LIBRARY + of_sum + 2
    log_of_sum = gaps + of_sum + _LIBRARY * log_sum + last
    shifts = gaps + mean_gap + last
    lse = p.u * lse_size
    stable = np.maximum.reduce([p.u * quotient, p.u * log_of_sum, _by_logaddexp(p.u * log_sum, n, p) + p.u * shifts])
    through_lse = np.maximum(lse + p.u * log_of_sum, _by_logaddexp(lse, n, p) + p.u * last)
    errors: Array = np.maximum(stable, np.minimum(through_lse, tolerances.MAX_ERROR_THROUGH_LSE))
    return errors


class _LogSumExp(NamedTuple):
    """What the error of a softmax or a log-sum-exp depends on.

    Attributes
    ----------
    gaps
        How far each logit is below its row's maximum, (N, K).
    mean_gap
        Their mean, weighted with the probabilities, (N, 1).
    log_sum
        log S, (N, 1); S is the reciprocal of the largest probability.
    of_sum
        The relative error of S, in u: that of its terms, weighted, and K - 1 additions; (N, 1).
    lse_size
        A bound on |lse| and on the maximum from which it is computed, (N, 1).
    """

    gaps: Array
    mean_gap: Array
    log_sum: Array
    of_sum: Array
    lse_size: Array


def _log_sum_exp(X: Array, P: Array) -> _LogSumExp:
    largest = X.max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):
        gaps = np.minimum(largest - X, tolerances.FAR_LOGIT)
    mean_gap = (P * gaps).sum(axis=1, keepdims=True)
    log_sum = -np.log(P.max(axis=1, keepdims=True))
    return _LogSumExp(gaps, mean_gap, log_sum, mean_gap + (_LIBRARY + X.shape[1] - 1), np.abs(largest) + log_sum)


def _by_logaddexp(size: Array, n: int, p: Precision) -> Array:
    """The error of log-sum-exp by n - 1 steps a + log1p(exp(b - a)), a >= b; ``size`` bounds u times the result.

    A partial result is L_j = lse + log pi_j, where pi_j is the probability added up so far. Its errors reach the result
    with the weight pi_j, so that each rounding costs at most |lse| + 1/e, since -pi log pi <= 1/e. In one step b has a
    weight w <= 1/2 in the derivative: rounding b - a costs w (a - b) <= 1/e, exp w of its error, log1p at most log 2 of
    its own. Together below |lse| + 1.5 times the library's error. The inputs may be shifted: that costs their mean gap.
    """
    return (n - 1) * (size + p.u * 1.5 * _LIBRARY)


def _with_higher_orders(bound: Array, underflow: Array | float) -> Array:
    """Add to a first-order bound the terms of second order, and twice the error of operations that underflow."""
    return np.asarray(bound * tolerances.SECOND_ORDER + 2 * underflow)
