"""The losses of the lab, one value per sample; their ``delta`` is dl/dX per sample, not divided by N."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bp.layers import quiet
from bp.messages import Array, checked


class Loss(Protocol):
    """What `MLP` asks of a loss."""

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
    """Multinomial cross-entropy of probabilities X against targets T: l = -sum_k t_k log p_k."""

    @checked
    def forward(self, X: Array, T: Array) -> Array:
        """Losses (N, 1) from probabilities X and targets T, both (N, K).

        A class that is no target adds nothing, whatever its probability: 0 log 0 = 0. A target of probability 0 costs
        inf, and numpy reports a division by zero as its error state says.
        """
        log_p = np.zeros(X.shape, np.result_type(X, T))
        np.log(X, out=log_p, where=T != 0)
        total: Array = (T * log_p).sum(axis=1, keepdims=True)
        return 0 - total  # not -total: the loss of a certain sample is 0, not -0

    @checked
    def delta(self, X: Array, T: Array) -> Array:
        """dl/dp_k = -t_k / p_k, (N, K); 0 where t_k = 0."""
        quotient = np.zeros(X.shape, np.result_type(X, T))
        return np.divide(-T, X, out=quotient, where=T != 0)


class LossCrossEntropyForSoftmaxLogits(_CrossEntropy):
    """Softmax and cross-entropy in one: l = -sum_k t_k log p_k(s), from the logits s, without ever forming p.

    With m = max(s): -log p_k = log(sum_c exp(s_c - m)) - (s_k - m). Nothing overflows, and no probability that
    underflows is ever passed to log.
    """

    @checked
    @quiet
    def forward(self, X: Array, T: Array) -> Array:
        """Losses (N, 1) from logits X and targets T, both (N, K)."""
        Z = X - X.max(axis=1, keepdims=True)
        surprise = np.log(np.exp(Z).sum(axis=1, keepdims=True)) - Z
        # Z is -inf where the logits are very far apart: times a target of 0 that must be 0, not NaN.
        terms = np.zeros(X.shape, np.result_type(X, T))
        np.multiply(T, surprise, out=terms, where=T != 0)
        losses: Array = terms.sum(axis=1, keepdims=True)
        return losses

    @checked
    @quiet
    def delta(self, X: Array, T: Array) -> Array:
        """dl/ds = p(s) - t, (N, K).

        By the chain rule, sum_j (-t_j / p_j) p_j ([i = j] - p_i) = -t_i + p_i sum_j t_j, and the targets sum to 1.
        """
        E: Array = np.exp(X - X.max(axis=1, keepdims=True))
        total: Array = E.sum(axis=1, keepdims=True)
        return E / total - T
