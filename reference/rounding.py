"""How far rounding can take an honest implementation from the truth: the tolerance of every comparison.

Each bound holds for every order of summation, with or without fused multiply-add, in whatever BLAS (Higham, *Accuracy
and Stability of Numerical Algorithms*, 2nd ed. 2002, chapters 3 and 4), and for every honest way to write the formula
that the docstring names. So an implementation within the contract is never failed, by theorem; what lies beyond the
bound is not rounding.

Notation: u is the unit roundoff (2^-53 in double, 2^-24 in single precision); gamma(n) = n u / (1 - n u) bounds the
relative error of n successive roundings (Higham, lemma 3.1); |A| is taken entry by entry. Library functions are granted
`LIBRARY_ULPS` units in the last place: numpy's single-precision exp and log are the worst of those in use, with less
than 4. Each bound is computed in double precision itself, which the factor `_OWN_ROUNDING` covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Granted to exp and log, in units in the last place, hence twice as many u.
LIBRARY_ULPS = 4.0
_LIBRARY = 2 * LIBRARY_ULPS
_OWN_ROUNDING = 1 + 2.0**-20
#: Relative error that codings through log-sum-exp may show at most, however large the logits: see `softmax`.
_SHIFT_CAP = 2.0**-20


@dataclass(frozen=True)
class Precision:
    """The arithmetic that an implementation is granted.

    Attributes
    ----------
    u
        Unit roundoff.
    tiny
        Smallest positive number, subnormal ones included: the absolute error of an operation that underflows.
    """

    u: float
    tiny: float

    def gamma(self, n: float) -> float:
        """n u / (1 - n u)."""
        return n * self.u / (1 - n * self.u)


DOUBLE = Precision(2.0**-53, 2.0**-1074)
SINGLE = Precision(2.0**-24, 2.0**-149)


def precision_of(*arrays: NDArray[Any]) -> Precision:
    """What the contract grants where these are the arguments and parameters: single if one of them is."""
    return SINGLE if any(array.dtype == np.float32 for array in arrays) else DOUBLE


def linear_forward(X: Array, W: Array, b: Array, p: Precision) -> Array:
    """X W + b: D products, D additions; |error| <= gamma(D + 1) (|X| |W| + |b|) (Higham, section 3.1)."""
    d = X.shape[1]
    return _padded(p.gamma(d + 1) * (np.abs(X) @ np.abs(W) + np.abs(b)), d, p)


def linear_delta(W: Array, delta_next: Array, p: Precision) -> Array:
    """delta_next W^T: |error| <= gamma(U) |delta_next| |W|^T."""
    u = W.shape[1]
    return _padded(p.gamma(u) * (np.abs(delta_next) @ np.abs(W).T), u, p)


def linear_grad(X: Array, delta_next: Array, p: Precision) -> tuple[Array, Array]:
    """X^T delta_next / N and the mean of delta_next: N + 2 roundings.

    N for the sum of N products, two for the average: dividing is one, multiplying by a rounded 1/N two, before or after
    the sum.
    """
    n = len(X)
    weights = p.gamma(n + 2) * (np.abs(X).T @ np.abs(delta_next)) / n
    biases = p.gamma(n + 2) * np.abs(delta_next).sum(axis=0) / n
    return _padded(weights, n, p), _padded(biases, n, p)


def exact(like: Array) -> Array:
    """No error at all: what only selects and multiplies by 0 or 1, as ReLU and its delta do."""
    return np.zeros(like.shape)


def softmax(X: Array, P: Array, p: Precision) -> Array:
    """exp(x_k - m) / S, S the sum over c of exp(x_c - m), with m the row's maximum, 0, or log-sum-exp.

    With g_k = max(x) - x_k: rounding x_k - m turns into a relative error g_k u of exp(x_k - m), and the sum inherits
    the mean of g (Blanchard, Higham and Higham 2021, theorem 3.2, entry by entry); exp itself has `LIBRARY_ULPS`, the
    sum n - 1 roundings, the quotient one. The coding exp(x_k - (m + log S)) rounds a number of the size of m:
    u (|m| + log n) more. With that term the bound would say nothing for huge logits, where that coding is indeed
    worthless (of two equal logits of 1e300 it makes two probabilities of 1), so the term stops at 2^-20.
    """
    lse = np.minimum(p.u * (np.abs(X).max(axis=1, keepdims=True) + 2 * np.log(X.shape[1])), _SHIFT_CAP)
    return _padded(P * np.expm1(_shifted_softmax(X, P, p) + lse), 2, p)


def softmax_delta(X: Array, P: Array, delta_next: Array, p: Precision) -> Array:
    """y (d - <d, y>) or d times the Jacobian matrix diag(y) - y y^T; y are probabilities as `softmax` may give them.

    The formulas' own roundings: gamma(K + 3) y_k (|d_k| + sum_j y_j |d_j|), twice, since the matrix has both y_k and
    y_k^2 in its diagonal. The truth is that of the logits X. A relative error e_k of y_k moves the product by
    y_k (e_k (|d_k| + sum_j y_j |d_j|) + sum_j y_j e_j |d_j|), to first order.
    """
    size = np.abs(delta_next)
    mean_size = (P * size).sum(axis=1, keepdims=True)
    given = _shifted_softmax(X, P, p)
    inherited = given * (size + mean_size) + (P * given * size).sum(axis=1, keepdims=True)
    return _padded(P * (2 * p.gamma(P.shape[1] + 3) * (size + mean_size) + inherited), P.shape[1], p)


def _shifted_softmax(X: Array, P: Array, p: Precision) -> Array:
    """The relative error of the shifted formula, entry by entry: see `softmax`."""
    with np.errstate(over="ignore"):
        gaps = np.minimum(X.max(axis=1, keepdims=True) - X, 1500.0)  # exp is 0 long before, however it was rounded
    mean_gap = (P * gaps).sum(axis=1, keepdims=True)
    relative: Array = p.u * (X.shape[1] + 2 * _LIBRARY + 4 + gaps + mean_gap)
    return relative


def cross_entropy(P: Array, T: Array, p: Precision) -> Array:
    """-sum_k t_k log p_k: one log, one product and K - 1 additions a term; (N, 1)."""
    k = P.shape[1]
    with np.errstate(divide="ignore"):
        surprise = np.where(T == 0, 0.0, -np.log(np.where(T == 0, 1.0, P)))
    size = (T * np.abs(surprise)).sum(axis=1, keepdims=True)
    return _padded(p.gamma(k + _LIBRARY + 1) * size, k, p)


def cross_entropy_delta(P: Array, T: Array, p: Precision) -> Array:
    """-t_k / p_k, or t_k times a rounded 1 / p_k: two roundings."""
    quotient = np.divide(T, P, out=np.zeros(P.shape), where=T != 0)
    return _padded(p.gamma(2) * quotient, 1, p)


def logits_loss(X: Array, T: Array, P: Array, p: Precision) -> Array:
    """Softmax and cross-entropy in one, by log S - (x_t - m), by m + log S - x_t, or by -log p_t; (N, 1).

    The first two round numbers of the size of m, x_t and x_t - m (Blanchard, Higham and Higham 2021, section 4); the
    last inherits the relative error of p_t as an absolute one. Losses far below u may therefore come out as 0.
    """
    n = X.shape[1]
    maximum = X.max(axis=1, keepdims=True)
    target = (T * X).sum(axis=1, keepdims=True)
    with np.errstate(over="ignore", invalid="ignore"):
        gaps = maximum - X
        mean_gap = np.where(P > 0, P * gaps, 0).sum(axis=1, keepdims=True)
        size = 2 * np.abs(maximum) + np.abs(target) + 2 * np.abs(maximum - target)
        return _padded(p.u * (2 * size + mean_gap + n + (3 + np.log(n)) * _LIBRARY + 8), 2, p)


def logits_delta(X: Array, T: Array, P: Array, p: Precision) -> Array:
    """p - t: the error of p, and one subtraction."""
    return softmax(X, P, p) + _padded(p.u * np.abs(P - T), 1, p)


def _padded(bound: Array, operations: float, p: Precision) -> Array:
    """Room for the bound's own rounding, and for operations that underflow."""
    return bound * _OWN_ROUNDING + 2 * operations * p.tiny


@dataclass(frozen=True)
class NetBounds:
    """Bounds for a whole network: its outputs, its losses (N, 1), and the gradient of each W and b in turn."""

    logits: Array
    probabilities: Array
    losses: Array
    gradient: tuple[Array, ...]


def network(X: Array, theta: Sequence[Array], T: Array, p: Precision) -> NetBounds:
    """Running error analysis of linear layers with ReLU between them, softmax and cross-entropy, forward and back.

    An error e of a layer's inputs becomes e |W|, to which come the layer's own roundings (`linear_forward`). ReLU and
    its mask are exact as long as no unit is nearer to 0 than its error, which questions see to. Errors e of the logits
    move probabilities by a relative 2 max |e|, whichever way softmax and cross-entropy are coded, as two layers or as
    one. Backwards likewise: a delta with error E, times inputs with error e, averaged over N samples. Second-order
    terms are covered by a factor of 2.
    """
    weights, biases = theta[::2], theta[1::2]
    inputs, errors = [X], [np.zeros(X.shape)]
    for W, b in zip(weights, biases, strict=True):
        A, e = inputs[-1], errors[-1]
        errors.append(e @ np.abs(W) + linear_forward(np.abs(A) + e, W, b, p))
        inputs.append(A @ W + b)
        if len(inputs) <= len(weights):
            inputs[-1] = np.maximum(inputs[-1], 0)
    Z, e_logits = inputs[-1], errors[-1]
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    moved = 2 * e_logits.max(axis=1, keepdims=True)
    relative = (softmax(Z, P, p) / P).max(axis=1, keepdims=True) + moved
    losses = logits_loss(Z, T, P, p) + 2 * relative
    delta, e_delta = P - T, (relative + p.gamma(Z.shape[1] + 12)) * (P + T)
    gradient: list[Array] = []
    n = len(X)
    for layer in reversed(range(len(weights))):
        A, e = inputs[layer], errors[layer]
        own_W, own_b = linear_grad(A, delta, p)
        gradient[:0] = [
            2 * (own_W + (np.abs(A).T @ e_delta + e.T @ (np.abs(delta) + e_delta)) / n),
            2 * (own_b + e_delta.sum(axis=0) / n),
        ]
        e_delta = (e_delta @ np.abs(weights[layer]).T + linear_delta(weights[layer], delta, p)) * (A > 0)
        delta = (delta @ weights[layer].T) * (A > 0)
    return NetBounds(2 * e_logits, 2 * P * relative, losses, tuple(gradient))
