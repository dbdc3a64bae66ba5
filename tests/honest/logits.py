"""LossCrossEntropyForSoftmaxLogits: (forward(X, T), delta(X, T)) for each coding."""

from __future__ import annotations

import math

import numpy as np

from tests.honest.softmax import (
    SOFTMAX,
    log_softmax,
    log_sum_exp,
    shifted,
    softmax_by_samples,
    softmax_in_python,
    softmax_with_low_parts,
    softmax_with_more_digits,
)
from tests.honest.sums import Array, Fun, columns, kahan, one_by_one


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
    P = softmax_by_samples(X)
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


def _losses_of_reciprocals(X: Array, T: Array) -> Array:
    P = SOFTMAX["less the maximum"][0](X)
    p = (P * T).sum(axis=1, keepdims=True)
    return np.where(p > 0.1, np.log(1 / np.where(p > 0.1, p, 1)), -(T * log_softmax(X)).sum(axis=1, keepdims=True))


def _losses_against_the_others(X: Array, T: Array) -> Array:
    """log(1 + exp(lse of the others - x_t))."""
    if X.shape[1] == 1:
        return np.zeros_like(X)
    others = X[T == 0].reshape(len(X), -1)
    return np.logaddexp(0, log_sum_exp(others - target_of(X, T)))


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
    "in Python": (_logits_losses_in_python, lambda X, T: softmax_in_python(X) - T),
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
    "log of 1 / p where the target is likely": (
        _losses_of_reciprocals,
        lambda X, T: np.where(T == 1, -_rest_of_row(p := SOFTMAX["less the maximum"][0](X), T.argmax(axis=1)), p),
    ),
    "one against the others": (_losses_against_the_others, lambda X, T: np.subtract(SOFTMAX["columns"][0](X), T)),
    "with more digits": (_losses_with_more_digits, lambda X, T: softmax_with_more_digits(X) - T),
    "with low parts": (
        lambda X, T: np.sum((log_sum_exp(X) - X) * T, axis=1, keepdims=True),
        lambda X, T: softmax_with_low_parts(X) - T,
    ),
}
