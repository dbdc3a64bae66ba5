"""What numpy's functions do with recorded arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis import rules
from reference.gradients.diagnosis.recorded import HANDLERS, NotTracedError, first_traced, plain

Array = NDArray[Any]


def _sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
    keep = bool(keepdims)
    _nothing_else(out, kwargs)
    axis = normal(axis, a.ndim)
    settings = {"axis": axis, "keepdims": keep}
    return a.step(
        "sum",
        [a],
        lambda x: np.sum(x, axis=axis, keepdims=keep),
        pulls=(rules.sum_pull(axis, keep),),
        settings=settings,
    )


def _mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
    axis = normal(axis, a.ndim)
    total = _sum(a, axis, dtype, out, keepdims, **kwargs)
    return total / float(rules.count(a.shape, axis))


def _var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, **kw: Any
) -> Any:
    axis = normal(axis, a.ndim)
    centred = a - _mean(a, axis, keepdims=True)
    return _sum(centred**2, axis, dtype, out, keepdims, **kw) / float(rules.count(a.shape, axis) - ddof)


def _std(a: Any, *args: Any, **kwargs: Any) -> Any:
    return np.sqrt(_var(a, *args, **kwargs))


def _extreme(function: Any, arg: Any) -> Callable[..., Any]:
    def run(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
        _nothing_else(out, kwargs)
        keep = bool(keepdims)
        axis = normal(axis, a.ndim)
        if isinstance(axis, tuple) and len(axis) not in {1, a.ndim}:
            raise NotTracedError("max over several axes")

        def pull(g: Any, inputs: Any, y: Any) -> Any:
            best = _mask_of_best(inputs[0], axis, arg)
            return best * rules.spread(g, inputs[0].shape, axis, keepdims=keep)

        settings = {"axis": axis, "keepdims": keep}
        return a.step("max", [a], lambda x: function(x, axis=axis, keepdims=keep), pulls=(pull,), settings=settings)

    return run


def _mask_of_best(x: Array, axis: Any, arg: Any) -> Array:
    mask = np.zeros(x.shape)
    if axis is None or (isinstance(axis, tuple) and len(axis) == x.ndim):
        mask.flat[int(arg(x))] = 1.0
        return mask
    axis = axis[0] if isinstance(axis, tuple) else axis
    np.put_along_axis(mask, np.expand_dims(arg(x, axis=axis), axis), 1.0, axis)
    return mask


def _prod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
    keep = bool(keepdims)
    axis = normal(axis, a.ndim)

    def pull(g: Any, inputs: Any, y: Any) -> Any:
        return rules.spread(g * y, inputs[0].shape, axis, keepdims=keep) / inputs[0]

    return a.step("prod", [a], lambda x: np.prod(x, axis=axis, keepdims=keep), pulls=(pull,))


def _cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    if axis is None:
        a, axis = a.reshape(-1), 0

    def pull(g: Any, inputs: Any, y: Any) -> Any:
        return np.flip(np.cumsum(np.flip(g, axis), axis=axis), axis)

    return a.step("cumsum", [a], lambda x: np.cumsum(x, axis=axis), pulls=(pull,), settings={"axis": axis})


def _where(condition: Any, *args: Any) -> Any:
    taken = plain(condition)
    if not args:
        return np.where(taken)
    first = first_traced(args)
    chosen = np.asarray(taken, bool)
    given = [first.lifted(chosen), *(first.lifted(each) for each in args)]

    def partials(c: Any, a: Any, b: Any, y: Any) -> tuple[Any, Any, Any]:
        return 0.0, np.asarray(c, float), 1.0 - c

    # The condition is recorded as it came out; it is computed anew for no other arguments.
    return first.step("where", given, np.where, partials=partials)


def _joined(function: Any) -> Callable[..., Any]:
    def run(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        first = first_traced(arrays)
        given = [first.lifted(each) for each in arrays]
        sizes = np.cumsum([0, *(each.value.size for each in given)])
        ids = [
            np.arange(each.value.size).reshape(each.shape) + start for each, start in zip(given, sizes, strict=False)
        ]
        order = np.asarray(function(ids, *args, **kwargs)).reshape(-1)

        def pull_of(place: int) -> Any:
            def pull(g: Any, inputs: Any, y: Any) -> Any:
                whole = np.zeros(sizes[-1])
                whole[order] = g.reshape(-1)
                return whole[sizes[place] : sizes[place + 1]].reshape(inputs[place].shape)

            return pull

        pulls = tuple(pull_of(place) for place in range(len(given)))
        return first.step("join", given, lambda *parts: function(list(parts), *args, **kwargs), pulls=pulls)

    return run


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    first = first_traced((a, b))
    a, b = first.lifted(a), first.lifted(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim > 2:  # noqa: PLR2004 - of matrices and vectors dot is matmul
        raise NotTracedError("dot of many axes")
    return np.matmul(a, b)


def _outer(a: Any, b: Any, out: Any = None) -> Any:
    first = first_traced((a, b))
    return np.multiply(first.lifted(a).reshape(-1, 1), first.lifted(b).reshape(-1))


def _inner(a: Any, b: Any) -> Any:
    first = first_traced((a, b))
    a, b = first.lifted(a), first.lifted(b)
    if a.ndim == b.ndim == 1:
        return np.matmul(a, b)
    raise NotTracedError("inner")


def _einsum(subscripts: Any, *operands: Any, **_: Any) -> Any:
    if not isinstance(subscripts, str):
        raise NotTracedError("einsum")
    first = first_traced(operands)
    given = [first.lifted(each) for each in operands]
    try:
        pulls = rules.einsum_pulls(subscripts, len(given))
    except ValueError as error:
        raise NotTracedError(f"einsum {subscripts}") from error
    return first.step("einsum", given, lambda *arrays: np.einsum(subscripts, *arrays), pulls=pulls)


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    first = first_traced((a, b))
    a, b = first.lifted(a), first.lifted(b)
    if isinstance(axes, int):
        axes = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    left, right = ([each] if isinstance(each, int) else list(each) for each in axes)
    letters = "abcdefghijklmnopqrstuvwxyz"
    one = list(letters[: a.ndim])
    two = list(letters[a.ndim : a.ndim + b.ndim])
    for i, j in zip(left, right, strict=True):
        two[j] = one[i]
    kept = [c for n, c in enumerate(one) if n not in [i % a.ndim for i in left]]
    kept += [c for n, c in enumerate(two) if n not in [j % b.ndim for j in right]]
    return _einsum(f"{''.join(one)},{''.join(two)}->{''.join(kept)}", a, b)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, **kwargs: Any) -> Any:
    a_min, a_max = kwargs.get("min", a_min), kwargs.get("max", a_max)
    if a_min is not None:
        a = np.maximum(a, a_min)
    return a if a_max is None else np.minimum(a, a_max)


def _pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    if mode != "constant" or kwargs.get("constant_values", 0) != 0:
        raise NotTracedError("pad")
    index = np.pad(np.arange(array.value.size).reshape(array.shape) + 1, pad_width) - 1
    return array.step("pad", [array], lambda x: np.pad(x, pad_width), pulls=(rules.gather_pull(index),))


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:  # noqa: A002 - numpy's name
    if ord not in {None, 2} or (ord == 2 and axis is None and x.ndim > 1):  # noqa: PLR2004 - the Euclidean norm
        raise NotTracedError("norm")
    return np.sqrt(_sum(x**2, axis, keepdims=keepdims))


def _sort(a: Any, axis: Any = -1, **_: Any) -> Any:
    order = np.argsort(a.value, axis=axis)
    return a.gathered(lambda ids: np.take_along_axis(ids, order, axis))


def _trace(a: Any, *args: Any, **kwargs: Any) -> Any:
    return a.gathered(lambda ids: np.diagonal(ids, *args, **kwargs)).sum(axis=-1)


def _copied(a: Any, *_: Any, **__: Any) -> Any:
    return a.copy()


def _inv(a: Any) -> Any:
    def pull(g: Any, inputs: Any, y: Any) -> Any:
        turned = np.swapaxes(y, -1, -2)
        return -turned @ g @ turned

    return a.step("inv", [a], np.linalg.inv, pulls=(pull,))


def _solve(a: Any, b: Any) -> Any:
    first = first_traced((a, b))
    a, b = first.lifted(a), first.lifted(b)
    if a.ndim != 2 or b.ndim > 2:  # noqa: PLR2004 - one system
        raise NotTracedError("solve of several systems")

    def of_matrix(g: Any, inputs: Any, y: Any) -> Any:
        found = -np.linalg.solve(inputs[0].T, g)
        return np.outer(found, y) if y.ndim == 1 else found @ y.T

    def of_right_side(g: Any, inputs: Any, y: Any) -> Any:
        return np.linalg.solve(inputs[0].T, g)

    return first.step("solve", [a, b], np.linalg.solve, pulls=(of_matrix, of_right_side))


def _split(a: Any, sections: Any, axis: Any = 0) -> Any:
    parts = np.array_split(np.arange(a.shape[axis]), sections, axis=0)
    return [a.gathered(lambda ids, part=part: np.take(ids, part, axis=axis)) for part in parts]


def _nothing_else(out: Any, kwargs: Any) -> None:
    # As by default: no ``initial`` value, and ``where`` everything is.
    if out is not None or any(value is not None and value is not True for value in kwargs.values()):
        raise NotTracedError("options")


def normal(axis: Any, ndim: int) -> Any:
    """The axis, or the axes, counted from the first."""
    if axis is None:
        return None
    if isinstance(axis, tuple | list):
        return tuple(int(each) % ndim for each in axis)
    return int(axis) % ndim


HANDLERS |= {
    "sum": _sum, "mean": _mean, "var": _var, "std": _std,
    "max": _extreme(np.max, np.argmax), "amax": _extreme(np.max, np.argmax),
    "min": _extreme(np.min, np.argmin), "amin": _extreme(np.min, np.argmin),
    "prod": _prod, "cumsum": _cumsum, "where": _where, "concatenate": _joined(np.concatenate),
    "stack": _joined(np.stack), "hstack": _joined(np.hstack), "vstack": _joined(np.vstack),
    "column_stack": _joined(np.column_stack), "dot": _dot, "outer": _outer, "inner": _inner, "vdot": _inner,
    "einsum": _einsum, "tensordot": _tensordot, "clip": _clip, "pad": _pad, "norm": _norm, "sort": _sort,
    "trace": _trace, "copy": _copied, "inv": _inv,
    "solve": _solve, "split": _split, "array_split": _split,
}  # fmt: skip
