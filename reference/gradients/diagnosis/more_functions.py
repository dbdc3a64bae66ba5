"""What more of numpy's functions do with recorded arrays: those that are made of the simpler ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference.gradients.diagnosis import rules
from reference.gradients.diagnosis.functions import normal
from reference.gradients.diagnosis.recorded import HANDLERS, NotTracedError, first_traced


def _triangle(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(m: Any, k: int = 0) -> Any:
        places = function(np.arange(1, m.size + 1).reshape(m.shape), k)
        return m * (places > 0).astype(float)

    return run


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if prepend is not None or append is not None:
        raise NotTracedError("diff")
    for _ in range(n):
        here, before = (slice(1, None), slice(None, -1))
        lead = (slice(None),) * (axis % a.ndim)
        a = a[(*lead, here)] - a[(*lead, before)]
    return a


def _cross(a: Any, b: Any, **kwargs: Any) -> Any:
    first = first_traced((a, b))
    a, b = first.lifted(a), first.lifted(b)
    if kwargs or a.shape[-1] != 3 or b.shape[-1] != 3:  # noqa: PLR2004 - in space
        raise NotTracedError("cross")
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return np.stack(parts, axis=-1)


def _diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:  # noqa: PLR2004 - the diagonal of a matrix
        return v.gathered(lambda ids: np.diagonal(ids, k))
    index = np.diag(np.arange(1, v.size + 1), k) - 1
    return v.step("pad", [v], lambda x: np.diag(x, k), pulls=(rules.gather_pull(index),), settings={"index": index})


def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    if returned:
        raise NotTracedError("average")
    if weights is None:
        return np.mean(first_traced((a,)), axis=axis, keepdims=keepdims)
    first = first_traced((a, weights))
    a, weights = first.lifted(a), first.lifted(weights)
    if weights.ndim == 1 < a.ndim and axis is not None:
        shape = [1] * a.ndim
        shape[normal(axis, a.ndim)] = weights.size
        weights = weights.reshape(*shape)
    if weights.ndim != a.ndim:
        raise NotTracedError("average")
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    return np.sum(a * weights, axis=axis, keepdims=keepdims) / total


def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    first = first_traced((arr, values))
    parts = [first.lifted(each) for each in (arr, values)]
    if axis is None:
        parts, axis = [each.reshape(-1) for each in parts], 0
    return np.concatenate(parts, axis=axis)


def _trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    first = first_traced((y, x))
    y = first.lifted(y)
    lead = (slice(None),) * (axis % y.ndim)
    width: Any = dx
    if x is not None:
        x = first.lifted(x)
        width = np.diff(x, axis=-1 if x.ndim == 1 else axis)
        if width.ndim == 1 < y.ndim:
            shape = [1] * y.ndim
            shape[axis % y.ndim] = width.size
            width = width.reshape(*shape)
    return (width * (y[(*lead, slice(1, None))] + y[(*lead, slice(None, -1))]) / 2.0).sum(axis=axis)


def _spread_out(a: Any, axis: Any = None, **kwargs: Any) -> Any:
    return np.max(a, axis=axis, **kwargs) - np.min(a, axis=axis, **kwargs)


def _det(a: Any) -> Any:
    def pull(g: Any, inputs: Any, y: Any) -> Any:
        return (g * y)[..., None, None] * np.swapaxes(np.linalg.inv(inputs[0]), -1, -2)

    return a.step("det", [a], np.linalg.det, pulls=(pull,))


class _SignAndLogarithm(NamedTuple):
    """The two results of ``np.linalg.slogdet``, by their names."""

    sign: Any
    logabsdet: Any


def _slogdet(a: Any) -> Any:
    def pull(g: Any, inputs: Any, y: Any) -> Any:
        return np.asarray(g)[..., None, None] * np.swapaxes(np.linalg.inv(inputs[0]), -1, -2)

    sign = np.linalg.slogdet(a.value)[0]
    return _SignAndLogarithm(sign, a.step("logdet", [a], lambda x: np.linalg.slogdet(x)[1], pulls=(pull,)))


def _select(conditions: Any, choices: Any, default: Any = 0) -> Any:
    found: Any = default
    for condition, choice in reversed(list(zip(conditions, choices, strict=True))):
        found = np.where(condition, first_traced((choices, default)).lifted(choice), found)
    return found


HANDLERS |= {
    "tril": _triangle(np.tril), "triu": _triangle(np.triu), "diff": _diff, "cross": _cross, "diag": _diag,
    "average": _average, "append": _append, "trapezoid": _trapezoid, "trapz": _trapezoid, "ptp": _spread_out,
    "det": _det, "slogdet": _slogdet, "select": _select,
}  # fmt: skip
