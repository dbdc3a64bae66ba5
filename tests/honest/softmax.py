"""SoftmaxLayer: (forward(X), delta(Y, d)) for each coding."""

from __future__ import annotations

import itertools
import math

import numpy as np

from tests.honest.sums import Array, Fun, columns, exact_sum, halves, kahan, one_by_one


def shifted(X: Array) -> Array:
    """The logits less their row's maximum."""
    return X - X.max(axis=1, keepdims=True)


def log_softmax(X: Array) -> Array:
    """(x - m) - log S."""
    Z = shifted(X)
    return Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))


def log_sum_exp(X: Array) -> Array:
    """m + log S, (N, 1)."""
    m = X.max(axis=1, keepdims=True)
    return m + np.log(np.exp(X - m).sum(axis=1, keepdims=True))


def summed_by(total: Fun) -> Fun:
    """e / S, with S by some way to sum the columns of e."""

    def forward(X: Array) -> Array:
        E = np.exp(shifted(X))
        return E / total(E)

    return forward


def softmax_by_samples(X: Array) -> Array:
    P = np.empty_like(X)
    for row, x in enumerate(X):
        e = np.exp(x - np.max(x))
        P[row] = e / np.sum(e)
    return P


def softmax_in_python(X: Array) -> Array:
    rows = []
    for x in X:
        m = x.max()
        e = [math.exp(logit - m) for logit in x]
        rows.append([each / math.fsum(e) for each in e])
    return np.array(rows, X.dtype)


def softmax_with_more_digits(X: Array) -> Array:
    Z = shifted(X.astype(np.longdouble))
    E = np.exp(Z)
    return (E / E.sum(axis=1, keepdims=True)).astype(X.dtype)


def softmax_with_low_parts(X: Array) -> Array:
    """What rounding took from x - m comes back as exp(hi + lo) = exp(hi) (1 + lo)."""
    m = X.max(axis=1, keepdims=True)
    hi = X - m
    back = hi + m
    lo = (X - back) + ((back - hi) - m)
    E = np.exp(hi) * (1 + np.where(np.abs(lo) < 1, lo, 0))
    return E / E.sum(axis=1, keepdims=True)


def _softmax_sorted(X: Array) -> Array:
    """With the terms of the sum from the smallest to the largest."""
    E = np.exp(shifted(X))
    return E / np.cumsum(np.sort(E, axis=1), axis=1)[:, -1:]


def _softmax_by_quotients(X: Array) -> Array:
    """1 / sum_c exp(x_c - x_k): what overflows here is the reciprocal of a subnormal probability."""
    return 1 / np.exp(X[:, None, :] - X[:, :, None]).sum(axis=2)


def _jacobians(Y: Array) -> Array:
    return np.stack([np.diag(y) - np.outer(y, y) for y in Y])


def _delta_by_entries(Y: Array, d: Array) -> Array:
    result = np.zeros_like(Y)
    for n, k, j in itertools.product(range(len(Y)), range(Y.shape[1]), range(Y.shape[1])):
        slope = Y[n, k] * (1 - Y[n, k]) if j == k else -Y[n, j] * Y[n, k]
        result[n, k] += slope * d[n, j]
    return result


def _delta_by_differences(Y: Array, d: Array) -> Array:
    return Y * (Y[:, None, :] * (d[:, :, None] - d[:, None, :])).sum(axis=2)


def _delta_with_more_digits(Y: Array, d: Array) -> Array:
    P = Y.astype(np.longdouble)
    return (P * (d - (P * d).sum(axis=1, keepdims=True))).astype(np.result_type(Y, d))


SOFTMAX: dict[str, tuple[Fun, Fun]] = {
    "less the maximum": (
        summed_by(lambda E: E.sum(axis=1, keepdims=True)),
        lambda Y, d: Y * (d - (d * Y).sum(axis=1, keepdims=True)),
    ),
    "log-domain": (lambda X: np.exp(log_softmax(X)), lambda Y, d: Y * d - Y * (Y * d).sum(axis=1, keepdims=True)),
    "logaddexp": (
        lambda X: np.exp(shifted(X) - np.logaddexp.reduce(shifted(X), axis=1, keepdims=True)),
        lambda Y, d: (Y * d) - Y * np.einsum("nk,nk->n", Y, d)[:, None],
    ),
    "einsum": (
        summed_by(lambda E: np.einsum("nk->n", E)[:, None]),
        lambda Y, d: np.einsum("nj,njk->nk", d, np.einsum("nj,jk->njk", Y, np.eye(Y.shape[1], dtype=Y.dtype))
                               - np.einsum("nj,nk->njk", Y, Y)),
    ),
    "Jacobian matrices": (
        softmax_by_samples,
        lambda Y, d: np.stack([J @ e for J, e in zip(_jacobians(Y), d, strict=True)]),
    ),
    "batch of Jacobian matrices": (
        lambda X: np.apply_along_axis(lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(), 1, X),
        lambda Y, d: (d[:, None, :] @ _jacobians(Y))[:, 0, :],
    ),
    "times 1 / S": (
        lambda X: np.exp(shifted(X)) * (1 / np.exp(shifted(X)).sum(axis=1, keepdims=True)),
        lambda Y, d: (d - np.sum(d * Y, axis=1).reshape(-1, 1)) * Y,
    ),
    "from the last to the first": (
        summed_by(lambda E: one_by_one(columns(E)[::-1])),
        lambda Y, d: Y * (d - one_by_one(columns(Y * d)[::-1])),
    ),
    "Kahan's sums": (
        summed_by(lambda E: kahan(columns(E))),
        lambda Y, d: Y * (d - kahan(columns(Y * d))),
    ),
    "half and half": (
        summed_by(lambda E: halves(columns(E))),
        lambda Y, d: Y * (d - halves(columns(Y * d))),
    ),
    "in Python": (softmax_in_python, _delta_by_entries),
    "sums of quotients": (_softmax_by_quotients, _delta_by_differences),
    "pairs of classes": (
        summed_by(lambda E: E @ np.ones((E.shape[1], 1), E.dtype)),
        _delta_by_differences,
    ),
    "rounded once": (summed_by(exact_sum), lambda Y, d: Y * (d - exact_sum(Y * d))),
    "with more digits": (softmax_with_more_digits, _delta_with_more_digits),
    "with low parts": (
        softmax_with_low_parts,
        lambda Y, d: Y * (d - np.matmul(d[:, None, :], Y[:, :, None])[:, 0]),
    ),
    "sorted": (
        _softmax_sorted,
        lambda Y, d: Y * (d - np.add.reduceat(Y * d, [0], axis=1)),
    ),
    "log of each quotient": (
        lambda X: np.exp(shifted(X) - np.log(np.exp(shifted(X)) @ np.ones((X.shape[1], 1), X.dtype))),
        lambda Y, d: np.where(Y == 0, 0, Y) * (d - np.inner(Y, d).diagonal()[:, None]),
    ),
    "columns": (
        lambda X: (np.exp(X.T - X.T.max(axis=0)) / np.exp(X.T - X.T.max(axis=0)).sum(axis=0)).T.copy(),
        lambda Y, d: (Y.T * (d.T - (Y.T * d.T).sum(axis=0))).T.copy(),
    ),
}  # fmt: skip

#: Correct for logits of ordinary size alone. By name: forward, and the size of logits up to which it is meant.
SOFTMAX_IN_BOUNDS: dict[str, tuple[Fun, float]] = {
    "not shifted": (lambda X: np.exp(X) / np.exp(X).sum(axis=1, keepdims=True), 80.0),
    # Of two equal logits of 1e300 it makes two probabilities of 1.
    "log-sum-exp": (lambda X: np.exp(X - log_sum_exp(X)), 2.0**12),
    "logaddexp of logits": (lambda X: np.exp(X - np.logaddexp.reduce(X, axis=1, keepdims=True)), 2.0**12),
}
