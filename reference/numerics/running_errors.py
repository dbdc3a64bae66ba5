"""How far rounding can take an honest network, by running error analysis: for layers in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference.numerics import tolerances
from reference.numerics.rounding import (
    Precision,
    _relative,
    _with_higher_orders,
    cross_entropy,
    linear_delta,
    linear_forward,
    linear_grad,
    logits_loss,
    roundings_of_delta,
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NetBounds:
    """Rounding bounds for each array that a network computes.

    Attributes
    ----------
    hidden
        For the outputs of each hidden layer, (N, U).
    logits, probabilities
        For the outputs, (N, K).
    losses
        For the losses, (N, 1).
    gradient
        For the gradient of the mean loss with respect to W_1, b_1, W_2, b_2, ..., in their shapes.
    """

    hidden: tuple[Array, ...]
    logits: Array
    probabilities: Array
    losses: Array
    gradient: tuple[Array, ...]
    after: tuple[Array, ...]


@dataclass(frozen=True)
class _Computed:
    """An array computed here in double precision, and a bound on its error and on that of an honest coding."""

    value: Array
    error: Array

    @property
    def size(self) -> Array:
        """A bound on the absolute value that an honest coding may have: its error may be opposite to ours."""
        return np.abs(self.value) + 2 * self.error

    def where(self, on: NDArray[np.bool_]) -> _Computed:
        """The numbers and errors times a mask."""
        return _Computed(self.value * on, self.error * on)


def network(
    X: Array,
    theta: Sequence[Array],
    T: Array,
    p: Precision,
    kinds: Sequence[str] | None = None,
    before_softmax: Sequence[str] = (),
) -> NetBounds:
    """Bounds for a network of linear layers, ReLU, softmax and cross-entropy, by running error analysis.

    ``kinds`` are "linear" and "relu" in the order of the layers whose outputs the loss gets as logits; None: ReLU
    stands between every two linear layers. Output layers are those in ``before_softmax``, which are "relu", and then
    softmax.

    An error e of a layer's inputs becomes e |W|, to which come the layer's own roundings (`linear_forward`); ReLU
    enlarges nothing. Errors e_k of the logits move log p_k by e_k + sum_j p_j e_j at most. Backwards likewise: a delta
    with error E, times inputs with error e, averaged over N samples. Where a hidden unit is nearer to 0 than its error,
    rounding decides whether delta passes, so that it may be off by all of it. Softmax and cross-entropy may be two
    layers or one; probabilities of targets must not underflow.
    """
    kinds = alternating(len(theta) // 2) if kinds is None else kinds
    parameters = [
        None if kind == "relu" else theta[2 * kinds[:place].count("linear") :][:2] for place, kind in enumerate(kinds)
    ]
    passed = [_Computed(X, np.zeros(X.shape))]
    for each in parameters:
        A = passed[-1]
        if each is None:
            passed.append(_Computed(np.maximum(A.value, 0), A.error))
        else:
            W, b = each
            passed.append(_Computed(A.value @ W + b, A.error @ np.abs(W) + linear_forward(A.size, W, b, p)))
    Z = passed[-1]
    probabilities, losses, delta = _probabilities_losses_delta(Z, T, p)
    if before_softmax:
        probabilities, _, _ = _probabilities_losses_delta(_Computed(np.maximum(Z.value, 0), Z.error), T, p)
    gradient: list[Array] = []
    for place in reversed(range(len(kinds))):
        each, A = parameters[place], passed[place]
        if each is None:
            open_units, before = np.abs(A.value) <= 2 * A.error, delta
            delta = before.where(A.value > 0)
            delta.error[open_units] = before.size[open_units]
        else:
            W, _ = each
            gradient[:0] = _errors_of_parameters(A, delta, p)
            error = delta.error @ np.abs(W).T + linear_delta(W, delta.size, p)
            delta = _Computed(delta.value @ W.T, error)
    after = tuple(A.error for A in passed[1:])
    hidden = tuple(A.error for A, kind in zip(passed[1:], kinds, strict=True) if kind == "relu")
    return NetBounds(hidden, Z.error, probabilities, losses, tuple(gradient), after)


def alternating(count: int) -> tuple[str, ...]:
    """The kinds of layers of so many linear layers with ReLU between them."""
    return ("linear", *("relu", "linear") * (count - 1))


def _probabilities_losses_delta(Z: _Computed, T: Array, p: Precision) -> tuple[Array, Array, _Computed]:
    """The bounds of probabilities, (N, K), and losses, (N, 1), and the delta of the loss, (N, K).

    For the roundings of delta see `roundings_of_delta`. The excess of the probabilities' sum over 1 cancels in both
    ways to compute it. An entry that underflows in the matrix is multiplied by d_t = -1 / p_t.
    """
    E = np.exp(Z.value - Z.value.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    moved = Z.error + (P * Z.error).sum(axis=1, keepdims=True)
    relative = _relative(Z.value, P, p) + moved
    probabilities = _with_higher_orders(P * relative, (tolerances.LIBRARY_ULPS + 2) * p.tiny)
    k = P.shape[1]
    by_one, by_two = logits_loss(Z.value, T, P, p), cross_entropy(P, T, p, _relative(Z.value, P, p))
    losses = np.maximum(by_one, by_two) + _with_higher_orders((T * moved).sum(axis=1, keepdims=True), p.tiny)
    rounded = p.gamma(roundings_of_delta(k)) * (P + T)
    largest = (T / np.where(T == 0, 1.0, P)).sum(axis=1, keepdims=True)
    return (
        probabilities,
        losses,
        _Computed(P - T, probabilities + _with_higher_orders(rounded, (k + 2 + 2 * largest) * p.tiny)),
    )


def _errors_of_parameters(A: _Computed, delta: _Computed, p: Precision) -> tuple[Array, Array]:
    """The errors of the gradient with respect to a linear layer's W, (D, U), and b, (U,)."""
    own_W, own_b = linear_grad(A.size, delta.size, p)
    n = len(A.value)
    return (
        _with_higher_orders(own_W + (A.size.T @ delta.error + A.error.T @ delta.size) / n, p.tiny),
        _with_higher_orders(own_b + delta.error.sum(axis=0) / n, p.tiny),
    )
