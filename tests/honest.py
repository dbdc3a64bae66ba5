"""Correct implementations of the lab, each coded in another way: none of them may ever be failed.

`HONEST` maps a coding's name to a whole implementation for `reference.check`. One class of it is coded in the way that
the name says; the others are the plain ones. Nothing here comes from ``bp``, which is one more coding.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Fun = Callable[..., Any]


# Sums, in different orders


def one_by_one(terms: Iterable[Array]) -> Array:
    """From the first to the last, as a loop does it."""
    return functools.reduce(lambda total, term: total + term, terms)


def kahan(terms: Iterable[Array]) -> Array:
    """With the lost digits carried along (Kahan 1965)."""
    total, lost = 0, 0
    for term in terms:
        corrected = term - lost
        new = total + corrected
        lost = (new - total) - corrected
        total = new
    return np.asarray(total)


def halves(terms: Sequence[Array]) -> Array:
    """Each half by itself, and then the two together."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return halves(terms[:middle]) + halves(terms[middle:])


def columns(X: Array) -> list[Array]:
    """The columns of a matrix, each (N, 1)."""
    return [X[:, [k]] for k in range(X.shape[1])]


def exact_sum(rows: Array) -> Array:
    """(N, K) -> (N, 1), rounded once."""
    return np.array([[math.fsum(row)] for row in rows], rows.dtype)


# LinearLayer: forward(X, W, b), delta(W, d), grad(X, d)


def _linear_loops(X: Array, W: Array, b: Array) -> Array:
    Y = np.empty((len(X), len(b)), np.result_type(X, W, b))
    for n, u in np.ndindex(Y.shape):
        Y[n, u] = b[u]
        for i in range(len(W)):
            Y[n, u] += X[n, i] * W[i, u]
    return Y


def _linear_fsum(X: Array, W: Array, b: Array) -> Array:
    dtype = np.result_type(X, W, b)
    return np.array([[math.fsum([*(x * W[:, u]), b[u]]) for u in range(len(b))] for x in X], dtype)


def _grad_by_samples(X: Array, d: Array) -> list[Array]:
    dW, db = np.zeros((X.shape[1], d.shape[1]), np.result_type(X, d)), np.zeros(d.shape[1], d.dtype)
    for x, e in zip(X, d, strict=True):
        dW += np.outer(x, e) / len(X)
        db += e / len(X)
    return [dW, db]


def _augmented(X: Array) -> Array:
    return np.hstack([X, np.ones((len(X), 1), X.dtype)])


def _grad_augmented(X: Array, d: Array) -> list[Array]:
    both = _augmented(X).T @ d / len(X)
    return [both[:-1], both[-1]]


LINEAR: dict[str, tuple[Fun, Fun, Fun]] = {
    "matrix products": (
        lambda X, W, b: X @ W + b,
        lambda W, d: d @ W.T,
        lambda X, d: [X.T @ d / len(X), d.mean(axis=0)],
    ),
    "einsum": (
        lambda X, W, b: np.einsum("nd,du->nu", X, W) + b,
        lambda W, d: np.einsum("nu,du->nd", d, W),
        lambda X, d: [np.einsum("nd,nu->du", X, d) / len(X), np.einsum("nu->u", d) / len(X)],
    ),
    "ones beside the inputs": (
        lambda X, W, b: _augmented(X) @ np.vstack([W, b]),
        lambda W, d: (W @ d.T).T,
        _grad_augmented,
    ),
    "loops over all": (
        _linear_loops,
        lambda W, d: _linear_loops(d, W.T, np.zeros(len(W), d.dtype)),
        _grad_by_samples,
    ),
    "one sample at a time": (
        lambda X, W, b: np.array([b + W.T.dot(x) for x in X]),
        lambda W, d: np.array([W.dot(e) for e in d]),
        lambda X, d: (np.mean([np.outer(x, e) for x, e in zip(X, d, strict=True)], axis=0), np.mean(d, axis=0)),
    ),
    "Kahan's sums": (
        lambda X, W, b: kahan([b, *(X[:, [i]] * W[i] for i in range(len(W)))]),
        lambda W, d: kahan(d[:, [u]] * W[:, u] for u in range(W.shape[1])),
        lambda X, d: [kahan(x[:, None] * e for x, e in zip(X, d, strict=True)) / len(X), kahan(d) / len(d)],
    ),
    "rounded once": (
        _linear_fsum,
        lambda W, d: _linear_fsum(d, W.T, np.zeros(len(W), d.dtype)),
        lambda X, d: [
            _linear_fsum(X.T, d, np.zeros(d.shape[1], d.dtype)) / len(X),
            exact_sum(d.T)[:, 0] / len(d),
        ],
    ),
    "from the last to the first": (
        lambda X, W, b: one_by_one([b, *(X[:, [i]] * W[i] for i in reversed(range(len(W))))]),
        lambda W, d: d[:, ::-1] @ W[:, ::-1].T,
        lambda X, d: [X[::-1].T @ d[::-1] / len(X), np.add.accumulate(d[::-1])[-1] / len(d)],
    ),
    "all products first": (
        lambda X, W, b: np.add.reduce(X[:, :, None] * W, axis=1) + b,
        lambda W, d: (d[:, None, :] * W).sum(axis=2),
        lambda X, d: [(X[:, :, None] * d[:, None, :]).mean(axis=0), np.average(d, axis=0)],
    ),
    "averaged before the sum": (
        lambda X, W, b: np.tensordot(X, W, axes=(1, 0)) + b[None, :],
        lambda W, d: np.inner(d, W),
        lambda X, d: [X.T @ (d / len(d)), (d / len(d)).sum(axis=0)],
    ),
    "times 1 / N": (
        lambda X, W, b: np.dot(X, W) + np.tile(b, (len(X), 1)),
        lambda W, d: np.tensordot(d, W, axes=(1, 1)),
        lambda X, d: [np.dot(X.T, d) * (1 / len(X)), np.dot(np.ones(len(d), d.dtype), d) * (1 / len(d))],
    ),
    "inputs averaged": (
        lambda X, W, b: np.asfortranarray(X) @ np.asfortranarray(W) + b,
        lambda W, d: np.matmul(d, W.T.copy()),
        lambda X, d: [(X * (1 / len(X))).T @ d, np.add.reduce(d * (1 / len(d)))],
    ),
    "half and half": (
        lambda X, W, b: halves([b, *(X[:, [i]] * W[i] for i in range(len(W)))]),
        lambda W, d: halves([d[:, [u]] * W[:, u] for u in range(W.shape[1])]),
        lambda X, d: [halves([x[:, None] * e for x, e in zip(X, d, strict=True)]) / len(X), halves(list(d)) / len(d)],
    ),
    "with more digits": (
        lambda X, W, b: (X.astype(np.longdouble) @ W + b).astype(np.result_type(X, W, b)),
        lambda W, d: (d.astype(np.longdouble) @ W.T).astype(np.result_type(W, d)),
        lambda X, d: [
            (X.T.astype(np.longdouble) @ d / len(X)).astype(np.result_type(X, d)),
            d.mean(axis=0, dtype=np.longdouble).astype(d.dtype),
        ],
    ),
}


# ReLULayer: forward(X), delta(Y, d)


def _relu_in_a_copy(X: Array) -> Array:
    Y = X.copy()
    Y[Y < 0] = 0
    return Y


def _delta_one_by_one(Y: Array, d: Array) -> Array:
    return np.array([[d[n, k] if Y[n, k] > 0 else 0 for k in range(Y.shape[1])] for n in range(len(Y))], d.dtype)


def _relu_refusing_nan(X: Array) -> Array:
    if np.isnan(X).any():
        raise ValueError("ReLU: NaN in the input")
    return np.where(X > 0, X, 0)


def _masked_copy(Y: Array, d: Array) -> Array:
    result = d.copy()
    result[Y <= 0] = 0
    return result


RELU: dict[str, tuple[Fun, Fun]] = {
    "maximum": (lambda X: np.maximum(X, 0), lambda Y, d: d * (Y > 0)),
    "mask": (lambda X: X * (X > 0), lambda Y, d: np.where(Y > 0, d, 0)),
    "where": (lambda X: np.where(X < 0, 0, X), lambda Y, d: np.where(Y == 0, 0, d)),
    "absolute value": (lambda X: (X + np.abs(X)) / 2, lambda Y, d: d * np.sign(Y)),
    "copy": (_relu_in_a_copy, _masked_copy),
    "clip": (lambda X: np.clip(X, 0, None), lambda Y, d: d * Y.astype(bool)),
    "heaviside": (lambda X: X * np.heaviside(X, 0), lambda Y, d: d * np.heaviside(Y, 0)),
    "one by one": (
        lambda X: np.array([[0 if x < 0 else x for x in row] for row in X], X.dtype),
        _delta_one_by_one,
    ),
    "minus the minimum": (lambda X: X - np.minimum(X, 0), lambda Y, d: d - d * (Y <= 0)),
    "minus the negative": (lambda X: -np.minimum(-X, 0), lambda Y, d: np.multiply(d, Y != 0)),
    "refuses NaN": (_relu_refusing_nan, lambda Y, d: np.select([Y > 0], [d])),
    "Jacobian matrices": (
        lambda X: np.einsum("nk,nk->nk", X, (X >= 0).astype(X.dtype)),
        lambda Y, d: np.stack([np.diag(y > 0).astype(e.dtype) @ e for y, e in zip(Y, d, strict=True)]),
    ),
}


# SoftmaxLayer: forward(X), delta(Y, d)


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


def _softmax_by_samples(X: Array) -> Array:
    P = np.empty_like(X)
    for row, x in enumerate(X):
        e = np.exp(x - np.max(x))
        P[row] = e / np.sum(e)
    return P


def _softmax_in_python(X: Array) -> Array:
    rows = []
    for x in X:
        m = x.max()
        e = [math.exp(logit - m) for logit in x]
        rows.append([each / math.fsum(e) for each in e])
    return np.array(rows, X.dtype)


def _softmax_with_more_digits(X: Array) -> Array:
    Z = shifted(X.astype(np.longdouble))
    E = np.exp(Z)
    return (E / E.sum(axis=1, keepdims=True)).astype(X.dtype)


def _softmax_with_low_parts(X: Array) -> Array:
    """What rounding took from x - m comes back as exp(hi + lo) = exp(hi) (1 + lo)."""
    m = X.max(axis=1, keepdims=True)
    hi = X - m
    back = hi + m
    lo = (X - back) + ((back - hi) - m)
    E = np.exp(hi) * (1 + np.where(np.abs(lo) < 1, lo, 0))
    return E / E.sum(axis=1, keepdims=True)


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
        _softmax_by_samples,
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
    "in Python": (_softmax_in_python, _delta_by_entries),
    "pairs of classes": (
        summed_by(lambda E: E @ np.ones((E.shape[1], 1), E.dtype)),
        _delta_by_differences,
    ),
    "rounded once": (summed_by(exact_sum), lambda Y, d: Y * (d - exact_sum(Y * d))),
    "with more digits": (_softmax_with_more_digits, _delta_with_more_digits),
    "with low parts": (
        _softmax_with_low_parts,
        lambda Y, d: Y * (d - np.matmul(d[:, None, :], Y[:, :, None])[:, 0]),
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


# LossCrossEntropy: forward(X, T), delta(X, T)


def _log_of(P: Array, where: Array) -> Array:
    return np.log(P, out=np.zeros_like(P), where=where)


def _losses_in_python(P: Array, T: Array) -> Array:
    chosen = [p[list(t).index(1)] for p, t in zip(P, T, strict=True)]
    return np.array([[-math.log(p) if p > 0 else math.inf] for p in chosen], P.dtype)


def _ce_delta_in_python(P: Array, T: Array) -> Array:
    D = np.zeros_like(P)
    for n, k in np.ndindex(P.shape):
        if T[n, k]:
            D[n, k] = -1 / P[n, k]
    return D


def _ce_delta_put(P: Array, T: Array) -> Array:
    D = np.zeros_like(P)
    at = T.argmax(axis=1)[:, None]
    np.put_along_axis(D, at, -1 / np.take_along_axis(P, at, axis=1), axis=1)
    return D


def _ce_delta_at(P: Array, T: Array) -> Array:
    D = np.zeros_like(P)
    at = np.arange(len(P)), T.argmax(axis=1)
    D[at] = -1 / P[at]
    return D


CROSS_ENTROPY: dict[str, tuple[Fun, Fun]] = {
    "sum of t log p": (
        lambda P, T: -(T * np.log(np.where(T > 0, P, 1))).sum(axis=1, keepdims=True),
        lambda P, T: -T / np.where(T > 0, P, 1),
    ),
    "log where": (
        lambda P, T: -np.sum(T * _log_of(P, T > 0), axis=1).reshape(-1, 1),
        lambda P, T: np.divide(-T, P, out=np.zeros_like(P), where=T > 0),
    ),
    "index": (lambda P, T: -np.log(P[np.arange(len(P)), T.argmax(axis=1)])[:, None], _ce_delta_at),
    "boolean index": (
        lambda P, T: -np.log(P[T.astype(bool)]).reshape(-1, 1),
        lambda P, T: np.where(T == 1, -1 / np.where(T == 1, P, 1), 0),
    ),
    "log of the sum": (
        lambda P, T: -np.log((P * T).sum(axis=1, keepdims=True)),
        lambda P, T: -T / (P * T).sum(axis=1, keepdims=True),
    ),
    "product of powers": (
        lambda P, T: -np.log(np.prod(P**T, axis=1, keepdims=True)),
        lambda P, T: -T * np.where(T == 1, P, 1) ** -1,
    ),
    "in Python": (_losses_in_python, _ce_delta_in_python),
    "binary logarithm": (
        lambda P, T: -np.log2((P * T).max(axis=1, keepdims=True)) * P.dtype.type(math.log(2)),
        lambda P, T: -T * (1 / np.where(T > 0, P, 1)),
    ),
    "along the axis": (
        lambda P, T: -np.log(np.take_along_axis(P, T.argmax(axis=1)[:, None], axis=1)),
        _ce_delta_put,
    ),
    "einsum": (
        lambda P, T: -np.einsum("nk,nk->n", T, _log_of(P, T > 0))[:, None],
        lambda P, T: np.einsum("nk,nk->nk", -T, np.reciprocal(P, out=np.ones_like(P), where=T > 0)),
    ),
    "off the target 1": (
        lambda P, T: -np.log(P * T + (1 - T)).sum(axis=1, keepdims=True),
        lambda P, T: -T / (P * T + (1 - T)),
    ),
    "with more digits": (
        lambda P, T: -np.log((P.astype(np.longdouble) * T).sum(axis=1, keepdims=True)).astype(P.dtype),
        lambda P, T: (-T / np.where(T > 0, P, 1).astype(np.longdouble)).astype(P.dtype),
    ),
}


# LossCrossEntropyForSoftmaxLogits: forward(X, T), delta(X, T)


def target_of(X: Array, T: Array) -> Array:
    """x_t, (N, 1)."""
    return X[np.arange(len(X)), T.argmax(axis=1)][:, None]


def _log_sum_less_gap(total: Fun) -> Fun:
    """Log S - (x_t - m), with S by some way to sum columns."""
    return lambda X, T: np.log(total(np.exp(shifted(X)))) - target_of(shifted(X), T)


def _rest_of_row(E: Array, at: Array) -> Array:
    """The sum of each row without its entry ``at``, (N, 1)."""
    others = E.copy()
    np.put_along_axis(others, at[:, None], 0, axis=1)
    return others.sum(axis=1, keepdims=True)


def _loss_by_log1p(X: Array, T: Array) -> Array:
    Z = shifted(X)
    return np.log1p(_rest_of_row(np.exp(Z), Z.argmax(axis=1))) - target_of(Z, T)


def _delta_without_cancellation(X: Array, T: Array) -> Array:
    E = np.exp(shifted(X))
    S = E.sum(axis=1, keepdims=True)
    return np.where(T == 1, -_rest_of_row(E, T.argmax(axis=1)) / S, E / S)


def _delta_in_place(X: Array, T: Array) -> Array:
    P = _softmax_by_samples(X)
    P[np.arange(len(X)), np.argmax(T, axis=1)] -= 1
    return P


def _losses_by_samples(X: Array, T: Array) -> Array:
    losses = np.zeros((len(X), 1), X.dtype)
    for n, (x, t) in enumerate(zip(X, T, strict=True)):
        m = np.max(x)
        losses[n] = m + np.log(np.sum(np.exp(x - m))) - np.dot(t, x)
    return losses


def _deltas_by_samples(X: Array, T: Array) -> Array:
    return np.array([np.exp(x - x.max()) / np.exp(x - x.max()).sum() - t for x, t in zip(X, T, strict=True)])


def _logits_losses_in_python(X: Array, T: Array) -> Array:
    losses = []
    for x, t in zip(X, T, strict=True):
        m = x.max()
        gap = m - x[int(t.argmax())]
        losses.append([math.log(math.fsum(math.exp(logit - m) for logit in x)) + gap])
    return np.array(losses, X.dtype)


def _losses_with_more_digits(X: Array, T: Array) -> Array:
    return _loss_by_log1p(X.astype(np.longdouble), T).astype(X.dtype)


def _losses_by_adding_up(X: Array, T: Array) -> Array:
    return np.logaddexp.reduce(X - target_of(X, T), axis=1, keepdims=True)


COMPOUND: dict[str, tuple[Fun, Fun]] = {
    "log S - (x_t - m)": (
        _log_sum_less_gap(lambda E: E.sum(axis=1, keepdims=True)),
        lambda X, T: SOFTMAX["less the maximum"][0](X) - T,
    ),
    "m + log S - x_t": (lambda X, T: log_sum_exp(X) - (T * X).sum(axis=1, keepdims=True), _delta_in_place),
    "logaddexp": (
        lambda X, T: np.logaddexp.reduce(X, axis=1)[:, None] - X[T == 1][:, None],
        lambda X, T: SOFTMAX["times 1 / S"][0](X) - T,
    ),
    "logaddexp of differences": (_losses_by_adding_up, lambda X, T: SOFTMAX["logaddexp"][0](X) - T),
    "log1p": (_loss_by_log1p, _delta_without_cancellation),
    "log-softmax": (
        lambda X, T: -(T * log_softmax(X)).sum(axis=1, keepdims=True),
        lambda X, T: np.exp(log_softmax(X)) - T,
    ),
    "log-softmax at the target": (
        lambda X, T: -target_of(log_softmax(X), T),
        lambda X, T: -(T - np.exp(log_softmax(X))),
    ),
    "one sample at a time": (_losses_by_samples, _deltas_by_samples),
    "in Python": (_logits_losses_in_python, lambda X, T: _softmax_in_python(X) - T),
    "Kahan's sums": (
        _log_sum_less_gap(lambda E: kahan(columns(E))),
        lambda X, T: SOFTMAX["Kahan's sums"][0](X) - T,
    ),
    "from the last to the first": (
        _log_sum_less_gap(lambda E: one_by_one(columns(E)[::-1])),
        lambda X, T: SOFTMAX["from the last to the first"][0](X) + -T,
    ),
    "einsum": (
        lambda X, T: np.einsum("nk,nk->n", T, log_sum_exp(X) - X)[:, None],
        lambda X, T: SOFTMAX["einsum"][0](X) - np.eye(T.shape[1], dtype=X.dtype)[T.argmax(axis=1)],
    ),
    "over one denominator": (
        lambda X, T: np.log(np.exp(shifted(X)).sum(axis=1, keepdims=True)) + (T * -shifted(X)).sum(axis=1)[:, None],
        lambda X, T: (
            (np.exp(shifted(X)) - T * np.exp(shifted(X)).sum(axis=1, keepdims=True))
            / np.exp(shifted(X)).sum(axis=1, keepdims=True)
        ),
    ),
    "with more digits": (_losses_with_more_digits, lambda X, T: _softmax_with_more_digits(X) - T),
    "with low parts": (
        lambda X, T: np.sum((log_sum_exp(X) - X) * T, axis=1, keepdims=True),
        lambda X, T: _softmax_with_low_parts(X) - T,
    ),
}


# MLP: propagate(layers, X), gradient(layers, loss, X, T)


def _propagate_loop(layers: Sequence[Any], X: Array) -> Array:
    for layer in layers:
        X = layer.forward(X)
    return X


def _propagate_recursively(layers: Sequence[Any], X: Array) -> Array:
    return _propagate_recursively(layers[1:], layers[0].forward(X)) if layers else X


def _activations(layers: Sequence[Any], X: Array) -> list[Array]:
    """X and every layer's outputs."""
    return list(itertools.accumulate(layers, lambda A, layer: layer.forward(A), initial=X))


def _gradient_zipped(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    A = _activations(layers, X)
    delta, result = loss.delta(A[-1], T), {}
    for layer, inputs, outputs in zip(reversed(layers), reversed(A[:-1]), reversed(A[1:]), strict=True):
        if layer.has_params():
            result[layer.name] = layer.grad(inputs, delta)
        delta = layer.delta(outputs, delta)
    return result


def _gradient_by_index(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    A = {0: X}
    for number, layer in enumerate(layers):
        A[number + 1] = layer.forward(X=A[number])
    delta, result = loss.delta(X=A[len(layers)], T=T), {}
    for number in range(len(layers) - 1, -1, -1):
        layer = layers[number]
        if layer.has_params():
            result[layer.name] = layer.grad(X=A[number], delta_next=delta)
        if number:
            delta = layer.delta(Y=A[number + 1], delta_next=delta)
    return result


def _gradient_recursively(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    def back(inputs: Array, rest: Sequence[Any]) -> tuple[Array, dict[str, Any]]:
        if not rest:
            return loss.delta(inputs, T), {}
        outputs = rest[0].forward(inputs)
        delta, found = back(outputs, rest[1:])
        own = {rest[0].name: rest[0].grad(inputs, delta)} if rest[0].has_params() else {}
        return rest[0].delta(outputs, delta), own | found

    return back(X, layers)[1]


def _gradient_deltas_first(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    A = _activations(layers, X)
    deltas = deque([loss.delta(A[-1], T)])
    for layer, outputs in zip(layers[::-1], A[:0:-1], strict=True):
        deltas.appendleft(layer.delta(outputs, deltas[0]))
    after = list(deltas)[1:]
    return {
        layer.name: layer.grad(inputs, delta)
        for layer, inputs, delta in zip(layers, A[:-1], after, strict=True)
        if layer.has_params()
    }


def _gradient_with_a_tape(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    result: dict[str, Any] = {}
    tape: list[Callable[[Array], Array]] = []

    def step(layer: Any, inputs: Array) -> Array:
        outputs = layer.forward(inputs)

        def back(delta: Array) -> Array:
            if layer.has_params():
                result[layer.name] = layer.grad(inputs, delta)
            return layer.delta(outputs, delta)

        tape.append(back)
        return outputs

    delta = loss.delta(functools.reduce(lambda A, layer: step(layer, A), layers, X), T)
    while tape:
        delta = tape.pop()(delta)
    return result


def _gradient_with_a_stack(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    stack = []
    for layer in layers:
        stack.append((layer, X))
        X = layer.forward(X)
    outputs, delta, result = X, loss.delta(X, T), {}
    while stack:
        layer, inputs = stack.pop()
        result.update({layer.name: list(layer.grad(inputs, delta))} if layer.has_params() else {})
        outputs, delta = inputs, layer.delta(outputs, delta)
    return dict(reversed(result.items()))


def _gradient_by_generator(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    def walk() -> Iterator[tuple[str, Any]]:
        A = _activations(layers, X)
        delta = loss.delta(A[-1], T)
        for k in range(1, len(layers) + 1):
            layer = layers[-k]
            if layer.has_params():
                yield layer.name, layer.grad(A[-k - 1], delta)
            delta = layer.delta(A[-k], delta)

    return dict(walk())


def _gradient_from_scratch(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    """Nothing is kept: what a layer was given is computed anew."""

    def delta_after(number: int) -> Array:
        outputs = _propagate_loop(layers[: number + 1], X)
        if number == len(layers) - 1:
            return loss.delta(outputs, T)
        return layers[number + 1].delta(_propagate_loop(layers[: number + 2], X), delta_after(number + 1))

    return {
        layer.name: layer.grad(_propagate_loop(layers[:number], X), delta_after(number))
        for number, layer in enumerate(layers)
        if layer.has_params()
    }


def _gradient_by_samples(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    each = [_gradient_zipped(layers, loss, X[[n]], T[[n]]) for n in range(len(X))]
    return {name: [sum(one[name][part] for one in each) / len(each) for part in (0, 1)] for name in each[0]}


def _gradient_as_tuples(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    return {name: tuple(parts) for name, parts in _gradient_by_index(layers, loss, X, T).items()}


NETS: dict[str, tuple[Fun, Fun]] = {
    "zipped backwards": (_propagate_loop, _gradient_zipped),
    "by index": (_propagate_loop, _gradient_by_index),
    "recursion": (_propagate_recursively, _gradient_recursively),
    "deltas first": (lambda layers, X: _activations(layers, X)[-1], _gradient_deltas_first),
    "tape of closures": (
        lambda layers, X: functools.reduce(lambda A, layer: layer.forward(A), layers, X),
        _gradient_with_a_tape,
    ),
    "stack": (_propagate_loop, _gradient_with_a_stack),
    "generator": (lambda layers, X: deque(iter(_activations(layers, X)), maxlen=1)[0], _gradient_by_generator),
    "nothing kept": (_propagate_recursively, _gradient_from_scratch),
    "one sample at a time": (
        lambda layers, X: np.vstack([_propagate_loop(layers, X[[n]]) for n in range(len(X))]),
        _gradient_by_samples,
    ),
    "tuples": (_propagate_loop, _gradient_as_tuples),
}


# Classes


class Named:
    def __init__(self, name: str) -> None:
        self.name = name

    def has_params(self) -> bool:
        return False


class PlainLinear:
    """The contract's attributes and constructor; the messages come with the coding."""

    rebinds = False

    def __init__(self, n_inputs: int, n_units: int, rng: Any, name: str) -> None:
        self.n_inputs, self.n_units, self.rng, self.name = n_inputs, n_units, rng, name
        self.initialize()

    def has_params(self) -> bool:
        return True

    def initialize(self) -> None:
        self.W = self.rng.normal(0, np.sqrt(2 / self.n_inputs), (self.n_inputs, self.n_units))
        self.b = np.ones(self.n_units)

    def update_params(self, dtheta: Sequence[Array]) -> None:
        if self.rebinds:
            self.W, self.b = self.W + dtheta[0], self.b + dtheta[1]
        else:
            self.W += dtheta[0]
            self.b += dtheta[1]


class PlainNet:
    """Which layers run; how they are walked comes with the coding."""

    walk: Fun
    back: Fun

    def __init__(self, n_inputs: int, layers: Sequence[Any], loss: Any, output_layers: Sequence[Any] = ()) -> None:
        self.n_inputs, self.loss = n_inputs, loss
        self.layers, self.output_layers = list(layers), list(output_layers)

    def propagate(self, X: Array, output_layers: bool = True, last_layer: str | None = None) -> Array:
        layers = self.layers + self.output_layers if output_layers else self.layers
        names = [layer.name for layer in layers]
        return type(self).walk(layers if last_layer is None else layers[: names.index(last_layer) + 1], X)

    def evaluate(self, X: Array, T: Array) -> Array:
        return self.loss.forward(self.propagate(X, output_layers=False), T)

    def gradient(self, X: Array, T: Array) -> dict[str, Any]:
        return type(self).back(self.layers, self.loss, X, T)


def linear_class(forward: Fun, delta: Fun, grad: Fun, *, rebinds: bool = False) -> type:
    """A LinearLayer."""
    return type(
        "LinearLayer",
        (PlainLinear,),
        {
            "rebinds": rebinds,
            "forward": lambda self, X: forward(X, self.W, self.b),
            "delta": lambda self, Y, delta_next: delta(self.W, delta_next),
            "grad": lambda self, X, delta_next: grad(X, delta_next),
        },
    )


def layer_class(name: str, forward: Fun, delta: Fun) -> type:
    """A layer without parameters."""
    return type(
        name,
        (Named,),
        {
            "forward": lambda self, X: forward(X),
            "delta": lambda self, Y, delta_next: delta(Y, delta_next),
        },
    )


def loss_class(name: str, forward: Fun, delta: Fun) -> type:
    """A loss."""
    return type(
        name,
        (Named,),
        {"forward": lambda self, X, T: forward(X, T), "delta": lambda self, X, T: delta(X, T)},
    )


def net_class(walk: Fun, back: Fun) -> type:
    """A network."""
    return type("MLP", (PlainNet,), {"walk": staticmethod(walk), "back": staticmethod(back)})


def _codings() -> dict[str, dict[str, type]]:
    """Class of the contract -> coding's name -> class."""
    rebinding = {"one sample at a time", "einsum"}
    return {
        "LinearLayer": {name: linear_class(*each, rebinds=name in rebinding) for name, each in LINEAR.items()},
        "ReLULayer": {name: layer_class("ReLULayer", *each) for name, each in RELU.items()},
        "SoftmaxLayer": {name: layer_class("SoftmaxLayer", *each) for name, each in SOFTMAX.items()},
        "LossCrossEntropy": {name: loss_class("LossCrossEntropy", *each) for name, each in CROSS_ENTROPY.items()},
        "LossCrossEntropyForSoftmaxLogits": {
            name: loss_class("LossCrossEntropyForSoftmaxLogits", *each) for name, each in COMPOUND.items()
        },
        "MLP": {name: net_class(*each) for name, each in NETS.items()},
    }


#: Class of the contract -> coding's name -> class.
CODINGS = _codings()
#: The first coding of each class.
PLAIN = {cls: next(iter(each.values())) for cls, each in CODINGS.items()}
#: "class: coding" -> an implementation for `reference.check`.
HONEST = {
    f"{cls}: {name}": {**PLAIN, cls: coding} for cls, codings in CODINGS.items() for name, coding in codings.items()
}
#: The same for assignment 1 alone.
NAIVE = {
    name: {**PLAIN, "SoftmaxLayer": layer_class("SoftmaxLayer", forward, SOFTMAX["less the maximum"][1])}
    for name, (forward, _) in SOFTMAX_IN_BOUNDS.items()
}
