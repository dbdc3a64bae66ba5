"""LossCrossEntropy: (forward(P, T), delta(P, T)) for each coding."""

from __future__ import annotations

import math

import numpy as np

from tests.honest.sums import Array, Fun


def _log_of(P: Array, where: Array) -> Array:
    return np.log(P, out=np.zeros_like(P), where=where)


def _losses_in_python(P: Array, T: Array) -> Array:
    chosen = [p[list(t).index(1)] for p, t in zip(P, T, strict=True)]
    return np.array([[-math.log(p) if p > 0 else math.inf] for p in chosen], P.dtype)


def _losses_of_probabilities_alone(P: Array, T: Array) -> Array:
    """With a logarithm that raises for what is no probability."""
    chosen = [p[list(t).index(1)] for p, t in zip(P, T, strict=True)]
    return np.array([[math.inf if p == 0 else -math.log(p)] for p in chosen], P.dtype)


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


def _p_of(P: Array, T: Array) -> Array:
    return (P * T).sum(axis=1, keepdims=True)


def _losses_through_the_others(P: Array, T: Array) -> Array:
    """Where the target is likely 1 - p has more digits than p, and so has its logarithm."""
    p, others = _p_of(P, T), (P * (1 - T)).sum(axis=1, keepdims=True)
    return np.where(p > 0.5, -np.log1p(-np.minimum(others, 0.75)), -np.log(p))


def _losses_of_reciprocals(P: Array, T: Array) -> Array:
    """The reciprocal of a subnormal number overflows."""
    p = _p_of(P, T)
    return np.where(p > 1 / np.finfo(P.dtype).max * 4, np.log(1 / p), -np.log(p))


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
    "of probabilities alone": (_losses_of_probabilities_alone, _ce_delta_in_python),
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
    "log of 1 / p": (
        _losses_of_reciprocals,
        lambda P, T: np.where(T > 0, -T / np.where(T > 0, P, 1), 0),
    ),
    "root": (
        lambda P, T: -2 * np.log(np.sqrt((P * T).sum(axis=1, keepdims=True))),
        lambda P, T: -(T / np.where(T > 0, P, 1)),
    ),
    "others": (_losses_through_the_others, lambda P, T: -T * np.reciprocal(np.where(T > 0, P, 1))),
    "1 - p": (
        lambda P, T: np.where((p := _p_of(P, T)) > 0.5, -np.log1p(p - 1), -np.log(p)),
        _ce_delta_put,
    ),
    "with more digits": (
        lambda P, T: -np.log((P.astype(np.longdouble) * T).sum(axis=1, keepdims=True)).astype(P.dtype),
        lambda P, T: (-T / np.where(T > 0, P, 1).astype(np.longdouble)).astype(P.dtype),
    ),
}

#: Correct for probabilities of ordinary size alone.
CROSS_ENTROPY_IN_BOUNDS: dict[str, tuple[Fun, Fun]] = {
    "through the others alone": (
        lambda P, T: -np.log1p(-(P * (1 - T)).sum(axis=1, keepdims=True)),
        CROSS_ENTROPY["index"][1],
    ),
}
