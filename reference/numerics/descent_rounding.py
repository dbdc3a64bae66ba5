"""What a network answers for a whole batch, and how far apart rounding can take two honest codings of it: cheaply.

The bounds of `reference.numerics.rounding` and `network_rounding` are for small batches, whose truth comes from exact
arithmetic. For the lab's 3000 images of 784 pixels that would take minutes. Here the expected values are computed once
in double precision, as any honest coding computes them, and bounded is by how much **two honest codings** can differ.

Theorem. Let A, Z, delta be what one honest coding computes and A', Z', delta' what another one computes from the same
X, T and parameters. For each sample (each row, with the Euclidean norm |.|):

- a linear layer computes each entry of A W + b up to gamma(D + 1) (|A| |W| + |b|) (Higham 2002, section 3.1), where
  the inequality of Cauchy and Schwarz bounds the row by own = gamma(D + 1) (|A| |W|_F + |b|). So
  |Z - Z'| <= |W|_2 |A - A'| + own + own', with the spectral norm |W|_2, and ReLU enlarges no difference;
- log p_k moves by at most 2 max |z - z'|, and softmax and loss are rounded as `reference.numerics.rounding` proves;
- backwards |delta W^T - delta' W^T| <= |W|_2 |delta - delta'| + the same kind of own roundings. Both codings pass
  the delta of a unit, or both stop it, unless its Z is within |Z - Z'| of 0. Such a unit is *undecided*: both masks
  are right there, and the difference is granted all of the delta that the unit may pass;
- a gradient is the mean over the samples of products of A and delta: the bounds of its factors give its bound.

|W|_2 is where this is sharper than carrying errors with the entries' absolute values: for a layer of 64 units it is
about 3, where the absolute values have about 9, and each of five layers multiplies by it, forwards and backwards. What
the bound cannot see is low precision that grows on the way; the checks of small batches see that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference.numerics import rounding, tolerances
from reference.numerics.rounding import SINGLE, Precision

Array = NDArray[np.float64]
_INFLATED = tolerances.OWN_ROUNDING


@dataclass(frozen=True)
class Due:
    """An array as one honest coding computes it, and how far another honest coding may be from it."""

    value: Array
    bound: Array


@dataclass(frozen=True)
class _Rows:
    """An array with a row for each sample, and how far each row of another coding may be from it, (N,)."""

    value: Array
    gap: Array


@dataclass(frozen=True)
class BatchDue:
    """What a network has to answer for one batch.

    Attributes
    ----------
    probabilities
        (N, K).
    losses
        (N, 1).
    """

    probabilities: Due
    losses: Due
    _layers: tuple[_Layer, ...]
    _delta: _Rows
    _precision: Precision

    def gradient(self) -> tuple[Due, ...]:
        """What is due for W_1, b_1, W_2, b_2, ..."""
        delta, p = self._delta, self._precision
        found: list[Due] = []
        for layer, before in zip(self._layers[::-1], [*self._layers[-2::-1], None], strict=True):
            found[:0] = _gradient(layer.inputs, delta, p, SINGLE.gamma(2) if layer.single else 0.0)
            if before is not None:
                passed = _before(delta, layer.W, layer.norm, p)
                delta = _through_mask(passed, layer.inputs.value > 0, before.undecided)
        return tuple(found)


@dataclass(frozen=True)
class _Layer:
    """A linear layer in one forward pass.

    Attributes
    ----------
    W, norm
        Its weights and their spectral norm.
    inputs
        What it was given.
    undecided
        Of which of its units the sign is decided by rounding, (N, U).
    single
        Whether the inputs are in single precision, so that dividing them by N rounds to it.
    """

    W: Array
    norm: float
    inputs: _Rows
    undecided: NDArray[np.bool_]
    single: bool


def due(X: NDArray[np.generic], T: NDArray[np.generic], theta: Sequence[Array], p: Precision) -> BatchDue | None:
    """What is due for a batch by the theorem above; None where an honest coding might overflow.

    Parameters
    ----------
    X, T
        Inputs (N, D) and one-hot targets (N, K).
    theta
        W_1, b_1, W_2, b_2, ... of linear layers with ReLU between them.
    p
        The arithmetic that the implementation is granted. X in single precision may be divided by N before anything
        else, in its own precision.
    """
    A = _Rows(np.asarray(X, dtype=np.float64), np.zeros(len(X)))
    layers: list[_Layer] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for W, b in zip(theta[::2], theta[1::2], strict=True):
            first = not layers
            norm = 0.0 if first else _spectral_norm(W)  # X has no gap that it could enlarge
            Z = _linear(A, W, b, norm, p)
            undecided = np.abs(Z.value) <= Z.gap[:, None]
            layers.append(_Layer(W, norm, A, undecided, single=first and X.dtype == np.float32))
            A = _Rows(np.maximum(Z.value, 0), Z.gap)
        targets = np.asarray(T, dtype=np.float64)
        probabilities, losses, delta = _loss(Z, targets, p)
        of_targets = (targets * probabilities.value).sum(axis=1)
    if not np.isfinite(Z.value).all() or not (of_targets > tolerances.SMALLEST_TARGET).all():
        return None
    return BatchDue(probabilities, losses, tuple(layers), delta, p)


def _linear(A: _Rows, W: Array, b: Array, norm: float, p: Precision) -> _Rows:
    """A W + b."""
    n = len(W) + 1
    own = p.gamma(n) * ((_norms(A.value) + A.gap) * np.linalg.norm(W) + np.linalg.norm(b))
    gap = norm * A.gap + 2 * own + 4 * n * p.tiny * W.shape[1]
    return _Rows(A.value @ W + b, gap * _INFLATED)


def _loss(Z: _Rows, T: Array, p: Precision) -> tuple[Due, Due, _Rows]:
    """Probabilities, losses, and the delta of the loss, p - t, by two layers or one.

    Where p differs by at most 2 gap in its logarithm, its own roundings come on top, twice. The loss may also be
    computed from the other classes, as -log(1 - (1 - p_t)): its error is one of 1 - p_t, over p_t.
    """
    E = np.exp(Z.value - Z.value.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    k = T.shape[1]
    moved = 2 * Z.gap[:, None]
    target = (T * P).sum(axis=1, keepdims=True)
    probability = (2 * rounding.softmax(Z.value, P, p) + P * np.expm1(moved)) * tolerances.SECOND_ORDER
    others = p.gamma(2 * k + 2) * (1 - target + k * p.u) / target
    loss = (2 * (rounding.logits_loss(Z.value, T, P, p) + others + p.u) + moved) * tolerances.SECOND_ORDER
    rounded = p.gamma(max(2 * k + 2, k + 5)) * (P + T) + 2 * (k + 2 + 2 / target) * p.tiny
    delta = (probability + 2 * rounded) * tolerances.SECOND_ORDER
    losses = -(T * (Z.value - Z.value.max(axis=1, keepdims=True))).sum(axis=1, keepdims=True)
    losses += np.log(E.sum(axis=1, keepdims=True))
    return Due(P, probability), Due(losses, loss), _Rows(P - T, _norms(delta) * _INFLATED)


def _before(delta: _Rows, W: Array, norm: float, p: Precision) -> _Rows:
    """Delta times W transposed: the delta of the layer's inputs."""
    n = W.shape[1]
    own = p.gamma(n) * (_norms(delta.value) + delta.gap) * np.linalg.norm(W)
    return _Rows(delta.value @ W.T, (norm * delta.gap + 2 * own + 4 * n * p.tiny * len(W)) * _INFLATED)


def _through_mask(before: _Rows, on: NDArray[np.bool_], undecided: NDArray[np.bool_]) -> _Rows:
    """What ReLU lets pass of a delta: where rounding decides the mask, all or nothing of it."""
    gap = before.gap
    if undecided.any():
        gap = gap + _norms(np.where(undecided, np.abs(before.value) + gap[:, None], 0.0))
    return _Rows(before.value * on, gap)


def _gradient(A: _Rows, delta: _Rows, p: Precision, averaged_first: float) -> tuple[Due, Due]:
    """The gradients for W and b of a linear layer; ``averaged_first``: the relative error of A / N, if it has its own.

    A sum of N products and its average are N + 2 roundings, as in `rounding.linear_grad`.
    """
    n = len(A.value)
    size_of_A, size = np.abs(A.value), np.abs(delta.value)
    gap_A, gap = float(np.linalg.norm(A.gap)), float(np.linalg.norm(delta.gap))
    columns_A, columns = _column_norms(A.value) + gap_A, _column_norms(delta.value) + gap
    W = (size_of_A.T @ delta.gap)[:, None] + A.gap @ (size + delta.gap[:, None])
    W += (2 * p.gamma(n + 2) + averaged_first) * np.outer(columns_A, columns)
    b = delta.gap.sum() + 2 * p.gamma(n + 2) * np.sqrt(n) * columns
    underflow = 4 * (n + 1 + columns_A.sum() + columns.sum()) * np.sqrt(n) * p.tiny
    return (
        Due(A.value.T @ delta.value / n, (W / n + underflow) * _INFLATED),
        Due(delta.value.mean(axis=0), (b / n + underflow) * _INFLATED),
    )


def _norms(rows: Array) -> Array:
    """The Euclidean norm of each row."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows)))


def _column_norms(columns: Array) -> Array:
    """The Euclidean norm of each column."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->j", columns, columns)))


def _spectral_norm(W: Array) -> float:
    """A bound on |W|_2: the largest singular value, which is computed up to a small multiple of u |W|_2."""
    return float(np.linalg.norm(W, 2)) * _INFLATED if np.isfinite(W).all() else np.inf
