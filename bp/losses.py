"""The losses of the lab, one value per sample; their ``delta`` is dl/dX per sample, not divided by N."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bp.layers import quiet
from bp.messages import Array, checked
from bp.pairs import Doubles
from bp.softmax import Softmax, in_precision_of


class Loss(Protocol):
    """The methods that `MLP` calls on a loss."""

    name: str

    def forward(self, X: Array, T: Array) -> Array:
        """One loss per sample, (N, 1)."""

    def delta(self, X: Array, T: Array) -> Array:
        """dl/dX, (N, K)."""


class _CrossEntropy:
    n_inputs: int | None = None
    n_units: int | None = None

    def __init__(self, name: str) -> None:
        self.name = name


class LossCrossEntropy(_CrossEntropy):
    """Multinomial cross-entropy of probabilities X against targets T: l = -sum_k t_k log p_k.

    Examples
    --------
    >>> loss = LossCrossEntropy("CE")
    >>> X, T = np.array([[0.5, 0.5]]), np.array([[0.0, 1.0]])
    >>> print(loss.forward(X, T).round(4).tolist(), loss.delta(X, T).tolist())
    [[0.6931]] [[0.0, -2.0]]
    """

    @checked
    def forward(self, X: Array, T: Array) -> Array:
        """Losses (N, 1) from probabilities X and targets T, both (N, K).

        A class with t_k = 0 adds nothing, whatever its probability: 0 log 0 = 0. For a target of probability 0 the loss
        is inf, and numpy reports a division by zero according to its error state.
        """
        log_p = np.zeros(X.shape, np.result_type(X, T))
        np.log(X, out=log_p, where=T != 0, dtype=log_p.dtype)
        total: Array = (T * log_p).sum(axis=1, keepdims=True)
        return 0 - total  # not -total: the loss of a certain sample is 0, not -0

    @checked
    def delta(self, X: Array, T: Array) -> Array:
        """dl/dp_k = -t_k / p_k, (N, K); 0 where t_k = 0."""
        quotient = np.zeros(X.shape, np.result_type(X, T))
        return np.divide(-T, X, out=quotient, where=T != 0)


class LossCrossEntropyForSoftmaxLogits(_CrossEntropy):
    """Softmax and cross-entropy in one: l = -sum_k t_k log p_k(s), from the logits s, without ever passing p to log.

    Both messages are right to 0.6 units in the last place for every finite logit (`bp.softmax`); for soft targets the
    delta is right to 0.6 units of the larger of p and t.
    The usual formulas, log(sum) - s_t and p - t, give 0 for a sample that is surely right, and its gradient.

    Examples
    --------
    >>> loss = LossCrossEntropyForSoftmaxLogits("CE")
    >>> print(loss.delta([[2.0, 2.0]], [[0.0, 1.0]]).tolist())
    [[0.5, -0.5]]
    >>> print(f"{loss.forward([[0.0, 50.0]], [[0.0, 1.0]])[0, 0]:.4g}")  # not 0: exp(-50)
    1.929e-22
    """

    @checked
    @quiet
    def forward(self, X: Array, T: Array) -> Array:
        """Losses (N, 1) from logits X and targets T, both (N, K): l = sum_k t_k (log(1 + R) - (s_k - max s))."""
        losses = _by_kind_of_target(X, T, Softmax.surprise, Softmax.mean_surprise)
        return in_precision_of(losses[:, np.newaxis], X, T)

    @checked
    @quiet
    def delta(self, X: Array, T: Array) -> Array:
        """dl/ds = p(s) - t, (N, K), with 1 - p_t as the sum of the other probabilities where t_t = 1.

        By the chain rule, sum_j (-t_j / p_j) p_j ([i = j] - p_i) = -t_i + p_i sum_j t_j, and the targets sum to 1.
        """
        return in_precision_of(_by_kind_of_target(X, T, Softmax.slope_of_class, Softmax.slope).T, X, T)


def _by_kind_of_target(
    X: Array,
    T: Array,
    of_class: Callable[[Softmax, NDArray[np.intp]], Doubles],
    of_targets: Callable[[Softmax, Doubles], Doubles],
) -> Doubles:
    """A quantity of each sample, (..., N): by ``of_class`` for samples with a one-hot target, else by ``of_targets``.

    Each sample is computed in the same way whatever other samples are in the batch.
    """
    places = (T != 0).ravel().nonzero()[0]
    if len(places) == len(T) and not np.count_nonzero(T.take(places) != 1):
        return of_class(Softmax(X), places - np.arange(0, T.size, T.shape[1]))
    one_hot = (T.max(axis=1) == 1) & (np.count_nonzero(T, axis=1) == 1)
    soft = of_targets(Softmax(X[~one_hot]), np.ascontiguousarray(T[~one_hot].T, np.float64))
    both = np.empty((*soft.shape[:-1], len(T)))
    both[..., ~one_hot] = soft
    if one_hot.any():
        both[..., one_hot] = of_class(Softmax(X[one_hot]), T[one_hot].argmax(axis=1))
    return both
