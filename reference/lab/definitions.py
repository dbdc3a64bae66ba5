"""The lab's functions as definitions of the forward pass, for oracles to evaluate and to differentiate.

Written once, in the style of torch tensors; the balls of `reference.numerics.oracles.ball` have the same methods. No
derivative stands here. Constants (targets) are numpy arrays and become whatever the argument is.
"""

from __future__ import annotations

from typing import Any


def linear(X: Any, W: Any, b: Any) -> Any:
    """X W + b: (N, D), (D, U), (U,) -> (N, U)."""
    return X @ W + b


def relu(X: Any) -> Any:
    """max(x, 0), entry by entry."""
    return X.relu()


def softmax(X: Any) -> Any:
    """exp(x_k) / sum_c exp(x_c), row by row, (N, K).

    Numerator and denominator are divided by the same positive number exp(max x), which changes neither the value nor
    the derivative, whatever it is: hence ``detach``.
    """
    E = (X - X.detach().amax(dim=1, keepdim=True)).exp()
    return E / E.sum(dim=1, keepdim=True)


def cross_entropy(P: Any, T: Any) -> Any:
    """-sum_k t_k log p_k, row by row: (N, K) -> (N, 1); a class with t_k = 0 adds 0, whatever its p_k."""
    targets, others = P.new_tensor(T), P.new_tensor((T == 0).astype(float))
    return -(targets * (P + others).log()).sum(dim=1, keepdim=True)


def cross_entropy_of_logits(X: Any, T: Any) -> Any:
    """-sum_k t_k log softmax_k(x) = sum_k t_k (log sum_c exp(x_c) - x_k), row by row: (N, K) -> (N, 1).

    With max x taken off every logit of the row, as in `softmax`.
    """
    Z = X - X.detach().amax(dim=1, keepdim=True)
    return (X.new_tensor(T) * (Z.exp().sum(dim=1, keepdim=True).log() - Z)).sum(dim=1, keepdim=True)
