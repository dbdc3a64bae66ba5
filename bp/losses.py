"""The losses of the lab, one value per sample; their ``delta`` is dl/dX per sample, not divided by N."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bp.layers import quiet
from bp.messages import Array, checked
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

    Both messages are right to two units in the last place for one-hot targets and every finite logit (`bp.softmax`).
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
        softmax = Softmax(X)
        t = T.argmax(axis=1)
        if (T[softmax.columns, t] == 1).all():  # one-hot: the other classes add nothing
            losses = softmax.surprise(t)
        else:
            terms = softmax.surprise()
            terms[T.T == 0] = 0  # it may be infinite, and 0 times that is 0 here
            losses = (terms * T.T).sum(axis=0)
        return in_precision_of(losses[:, np.newaxis], X, T)

    @checked
    @quiet
    def delta(self, X: Array, T: Array) -> Array:
        """dl/ds = p(s) - t, (N, K), with 1 - p_t as the sum of the other probabilities where t_t = 1.

        By the chain rule, sum_j (-t_j / p_j) p_j ([i = j] - p_i) = -t_i + p_i sum_j t_j, and the targets sum to 1.
        """
        softmax = Softmax(X)
        samples, t = softmax.columns, T.argmax(axis=1)
        slope = 0 - softmax.minus_slope(t)  # 0, not -0
        one_hot = T[samples, t] == 1
        delta = softmax.probabilities()
        if not one_hot.all():
            delta -= T.T
        delta[t, samples] = np.where(one_hot, slope, delta[t, samples])
        return in_precision_of(delta.T, X, T)
