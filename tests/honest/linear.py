"""LinearLayer: (forward(X, W, b), delta(W, d), grad(X, d)) for each coding."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tests.honest.sums import Array, Fun, exact_sum, halves, kahan, one_by_one


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


class Gradients(NamedTuple):
    """What ``grad`` answers, with names."""

    of_weights: Array
    of_biases: Array


def _in_blocks(A: Array, B: Array) -> Array:
    """A B, where the inner axis is cut into blocks of two."""
    return one_by_one([A[:, start : start + 2] @ B[start : start + 2] for start in range(0, len(B), 2)])


def strassen(A: Array, B: Array) -> Array:
    """A B by seven products of blocks in place of eight (Strassen 1969), once: no conventional summation."""
    n, d, u = A.shape[0], A.shape[1], B.shape[1]
    A, B = (np.pad(M, [(0, size % 2) for size in M.shape]) for M in (A, B))
    (a, b), (c, e) = (np.hsplit(half, 2) for half in np.vsplit(A, 2))
    (f, g), (h, i) = (np.hsplit(half, 2) for half in np.vsplit(B, 2))
    m1, m2, m3 = (a + e) @ (f + i), (c + e) @ f, a @ (g - i)
    m4, m5, m6, m7 = e @ (h - f), (a + b) @ i, (c - a) @ (f + g), (b - e) @ (h + i)
    whole = np.block([[m1 + m4 - m5 + m7, m3 + m5], [m2 + m4, m1 - m2 + m3 + m6]])
    assert d == len(B) - d % 2
    return np.asarray(whole[:n, :u])


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
    "transposed": (
        lambda X, W, b: (W.T @ X.T + b[:, None]).T,
        lambda W, d: np.einsum("du,nu->nd", W, d, optimize=True),
        lambda X, d: Gradients((d.T @ X).T / len(X), d.T.mean(axis=1)),
    ),
    "blocks": (
        lambda X, W, b: _in_blocks(X, W) + b,
        lambda W, d: _in_blocks(d, W.T),
        lambda X, d: (
            _in_blocks(X.T, d) / len(X),
            np.bincount(np.tile(np.arange(d.shape[1]), len(d)), d.ravel()).astype(d.dtype) / len(d),
        ),
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
