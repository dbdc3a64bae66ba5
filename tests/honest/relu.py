"""ReLULayer: (forward(X), delta(Y, d)) for each coding."""

from __future__ import annotations

import numpy as np

from tests.honest.sums import Array, Fun


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
    "pieces": (
        lambda X: np.piecewise(X, [X <= 0], [0, lambda x: x]),
        lambda Y, d: d * np.ceil(np.clip(Y, 0, 1)),
    ),
    "signs": (
        lambda X: np.where(np.signbit(X) & ~np.isnan(X), 0, X),
        lambda Y, d: np.choose((Y > 0).astype(int), [np.zeros_like(d), d]),
    ),
    "Jacobian matrices": (
        lambda X: np.einsum("nk,nk->nk", X, (X >= 0).astype(X.dtype)),
        lambda Y, d: np.stack([np.diag(y > 0).astype(e.dtype) @ e for y, e in zip(Y, d, strict=True)]),
    ),
}
