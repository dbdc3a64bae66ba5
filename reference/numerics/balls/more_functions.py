"""Further functions of numpy on balls: statistics, interpolation, differences, products of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.numerics.balls.array import BallArray, balls, elements, full, of_numbers, plain, wrapped
from reference.numerics.balls.functions import axes_of, own, rows_along, stored
from reference.numerics.balls.linalg import product
from reference.numerics.balls.scalar import Ball, compared
from reference.numerics.balls.tape import Refused


def middles(x: Any) -> BallArray:
    """The middle of each ball, as an exact constant."""
    array = balls(x)
    return of_numbers([Ball(ball.value.mid()) for ball in plain(array).ravel()], array.shape)


def log_sum_exp(array: BallArray, axis: Any, weights: Any = None) -> Any:
    """log of the sum of exp, with all axes kept; shifted by the middle of the largest entry, which changes nothing."""
    shift = middles(np.max(array, axis=axis, keepdims=True))
    terms = np.exp(array - shift)
    return np.log(np.sum(terms if weights is None else terms * weights, axis=axis, keepdims=True)) + shift


@own(np.median)
def _median(a: Any, axis: Any = None, out: Any = None, overwrite_input: Any = None, keepdims: Any = False) -> Any:
    del out, overwrite_input
    rows, shape = rows_along(balls(a), axis, keepdims=keepdims is True)
    n = rows.shape[-1]
    ordered = np.sort(rows, axis=-1)
    middle = (ordered[..., (n - 1) // 2] + ordered[..., n // 2]) / 2
    return _shaped(middle, shape)


@own(np.quantile)
def _quantile(a: Any, q: Any, axis: Any = None, *args: Any, keepdims: Any = False, **options: Any) -> Any:
    if args or options.get("method", "linear") != "linear" or options.get("weights") is not None:
        raise Refused("np.quantile by another method than 'linear'")
    rows, shape = rows_along(balls(a), axis, keepdims=keepdims is True)
    ordered = np.sort(rows, axis=-1)

    def at(level: float) -> Any:
        place = level * (rows.shape[-1] - 1)
        low = int(np.floor(place))
        high = min(low + 1, rows.shape[-1] - 1)
        return _shaped(ordered[..., low] + (ordered[..., high] - ordered[..., low]) * (place - low), shape)

    levels = np.asarray(q, dtype=np.float64)
    found = [balls(at(float(level))) for level in levels.ravel()]
    return np.stack(found).reshape(levels.shape + found[0].shape) if levels.ndim else _shaped(found[0], shape)


@own(np.percentile)
def _percentile(a: Any, q: Any, *args: Any, **options: Any) -> Any:
    return _quantile(a, np.asarray(q) / 100, *args, **options)


def _shaped(result: Any, shape: tuple[int, ...]) -> Any:
    whole = balls(result).reshape(shape)
    return whole if whole.ndim else whole.item()


@own(np.cov)
def _cov(m: Any, y: Any = None, rowvar: Any = True, bias: Any = False, ddof: Any = None, **options: Any) -> Any:
    if y is not None or any(value is not None for value in options.values()):
        raise Refused("np.cov with further arguments")
    array = np.atleast_2d(balls(m))
    array = array if rowvar or array.shape[0] == 1 else array.T
    off = array - array.mean(axis=1, keepdims=True)
    less = (0 if bias else 1) if ddof is None else ddof
    return np.squeeze(off @ off.T / (array.shape[1] - less))


@own(np.corrcoef)
def _corrcoef(x: Any, y: Any = None, rowvar: Any = True) -> Any:
    covariance = _cov(x, y, rowvar)
    spread = np.sqrt(np.diagonal(covariance))
    return covariance / spread[:, None] / spread[None, :]


@own(np.gradient)
def _gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: Any = 1) -> Any:
    array = balls(f)
    axes = axes_of(array, axis)
    if edge_order != 1 or any(np.ndim(each) for each in spacing):
        raise Refused("np.gradient with places or edge_order=2")
    steps = list(spacing) * len(axes) if len(spacing) == 1 else list(spacing) or [1] * len(axes)
    found = [_differences(array, each, step) for each, step in zip(axes, steps, strict=True)]
    return found[0] if len(found) == 1 else found


def _differences(array: BallArray, axis: int, step: Any) -> Any:
    moved = np.moveaxis(array, axis, 0)
    inner = (moved[2:] - moved[:-2]) / (2 * step)
    ends = [(moved[1:2] - moved[:1]) / step, inner, (moved[-1:] - moved[-2:-1]) / step]
    return np.moveaxis(np.concatenate(ends), 0, axis)


@own(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    if period is not None:
        raise Refused("np.interp with period=")
    places, heights = balls(xp), balls(fp)

    def at(number: Any) -> Any:
        if number < places[0]:
            return heights[0] if left is None else left
        if number > places[-1]:
            return heights[-1] if right is None else right
        k = min(max(int(np.searchsorted(places, number, side="right")) - 1, 0), len(places) - 2)
        slope = (heights[k + 1] - heights[k]) / (places[k + 1] - places[k])
        return heights[k] + slope * (number - places[k])

    return wrapped(elements(np.frompyfunc(at, 1, 1)(plain(balls(x)))))


@own(np.dot)
def _dot(a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        raise Refused("np.dot with out=")
    one, other = balls(a), balls(b)
    if one.ndim == 0 or other.ndim == 0:
        return one * other if max(one.ndim, other.ndim) else one.item() * other.item()
    if other.ndim <= 2:  # noqa: PLR2004 - as matrices and vectors
        return wrapped(product(plain(one), plain(other)))
    return np.tensordot(one, other, (-1, -2))


@own(np.vdot)
def _vdot(a: Any, b: Any) -> Any:
    return _dot(balls(a).ravel(), balls(b).ravel())


@own(np.inner)
def _inner(a: Any, b: Any) -> Any:
    one, other = balls(a), balls(b)
    return one * other if one.ndim == 0 or other.ndim == 0 else np.tensordot(one, other, (-1, -1))


@own(np.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    one, other = balls(a), balls(b)
    if isinstance(axes, int | np.integer):
        left, right = tuple(range(one.ndim - int(axes), one.ndim)), tuple(range(int(axes)))
    else:
        left, right = axes_of(one, axes[0]), axes_of(other, axes[1])
    rest_left = [each for each in range(one.ndim) if each not in left]
    rest_right = [each for each in range(other.ndim) if each not in right]
    inner = int(np.prod([one.shape[each] for each in left], dtype=int))
    rows = one.transpose([*rest_left, *left]).reshape(-1, inner)
    columns = other.transpose([*right, *rest_right]).reshape(inner, -1)
    shape = tuple(one.shape[each] for each in rest_left) + tuple(other.shape[each] for each in rest_right)
    return _shaped(wrapped(product(plain(rows), plain(columns))), shape)


@own(np.einsum)
def _einsum(subscripts: Any, *operands: Any, **options: Any) -> Any:
    if not isinstance(subscripts, str) or options.get("out") is not None:
        raise Refused("np.einsum without a string of subscripts")
    arrays = [balls(each) for each in operands]
    found = _as_product(subscripts.replace(" ", ""), arrays) if len(arrays) == 2 else None  # noqa: PLR2004 - a pair
    if found is None:
        found = wrapped(elements(np.einsum(subscripts, *(plain(each) for each in arrays))))
    return found.item() if isinstance(found, np.ndarray) and not found.ndim else found


def _as_product(subscripts: str, arrays: list[BallArray]) -> Any:
    """Two operands by one matrix product for each of the letters in common, or None where it is no such product."""
    inputs, _, out = subscripts.partition("->")
    one, other = inputs.split(",")
    if "." in subscripts or "->" not in subscripts or any(len(set(part)) != len(part) for part in (one, other, out)):
        return None
    if set(out) - set(one + other) or (set(one) ^ set(other)) - set(out):
        return None
    batch = [each for each in out if each in one and each in other]
    left, right = [each for each in one if each not in other], [each for each in other if each not in one]
    inner = [each for each in one if each in other and each not in out]
    sizes = {**dict(zip(one, arrays[0].shape, strict=True)), **dict(zip(other, arrays[1].shape, strict=True))}

    def size(letters: list[str]) -> int:
        return int(np.prod([sizes[each] for each in letters], dtype=int))

    rows = arrays[0].transpose([one.index(each) for each in batch + left + inner])
    columns = arrays[1].transpose([other.index(each) for each in batch + inner + right])
    whole = product(
        plain(rows.reshape(size(batch), size(left), size(inner))),
        plain(columns.reshape(size(batch), size(inner), size(right))),
    )
    letters = batch + left + right
    shaped = np.asarray(whole).reshape([sizes[each] for each in letters])
    return wrapped(shaped.transpose([letters.index(each) for each in out]))


@own(np.cumsum)
def _cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    del dtype, out
    return _accumulated(np.add, a, axis)


@own(np.cumprod)
def _cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    del dtype, out
    return _accumulated(np.multiply, a, axis)


def _accumulated(ufunc: Any, a: Any, axis: Any) -> Any:
    array = balls(a)
    array = array.ravel() if axis is None else array
    return wrapped(ufunc.accumulate(plain(array), axis=0 if axis is None else axis))


@own(np.trapezoid if hasattr(np, "trapezoid") else np.trapz)  # type: ignore[attr-defined, unused-ignore]  # noqa: NPY201 - numpy 1
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    heights = np.moveaxis(balls(y), axis, -1)
    if x is None:
        widths: Any = dx
    else:
        widths = np.diff(balls(x)) if np.ndim(x) == 1 else np.diff(np.moveaxis(balls(x), axis, -1))
    return np.sum((heights[..., 1:] + heights[..., :-1]) * widths, axis=-1) / 2


@own(np.piecewise)
def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **options: Any) -> Any:
    array = balls(x)
    tests = [np.asarray(each, dtype=bool) for each in condlist]
    functions = list(funclist)
    if len(functions) == len(tests) + 1:
        tests.append(~np.any(tests, axis=0))
    result = np.zeros_like(array)
    for test, function in zip(tests, functions, strict=True):
        result[test] = function(array[test], *args, **options) if callable(function) else function
    return result


@own(np.unique)
def _unique(ar: Any, return_index: Any = False, return_inverse: Any = False, return_counts: Any = False) -> Any:
    if return_index or return_inverse or return_counts:
        raise Refused("np.unique with places")
    ordered = np.sort(balls(ar).ravel())
    kept = [each for k, each in enumerate(ordered) if k == 0 or not bool(each == ordered[k - 1])]
    return of_numbers(kept, (len(kept),))


@own(np.round, np.around)
def _round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    scale = 10**decimals if decimals >= 0 else 1
    down = 10**-decimals if decimals < 0 else 1
    return stored(np.rint(balls(a) * scale / down) * down / scale, out)


@own(np.searchsorted)
def _searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    order = balls(a) if sorter is None else balls(a)[sorter]
    name = "less" if side == "left" else "less_equal"

    def place(number: Any) -> int:
        return sum(bool(compared(each, number, name)) for each in order.flat)

    found = np.frompyfunc(place, 1, 1)(plain(balls(v)))
    return found.astype(np.intp) if isinstance(found, np.ndarray) else np.intp(found)


def _writing(function: Any) -> Any:
    """A function that writes into its first argument; what it has written are balls afterwards."""

    def write(array: Any, *args: Any, **options: Any) -> None:
        if not isinstance(array, BallArray):
            raise Refused(f"np.{function.__name__}", "writes into an array of doubles from outside the function")
        target = plain(array)
        function(target, *map(plain, args), **{name: plain(each) for name, each in options.items()})
        target[...] = elements(target)

    return write


for _function in (np.put, np.putmask, np.place, np.fill_diagonal, np.put_along_axis):
    own(_function)(_writing(_function))


@own(np.bincount)
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    counts = np.bincount(x, minlength=minlength)
    if weights is None:
        return counts
    sums = full(counts.shape, 0.0)
    np.add.at(sums, x, balls(weights))
    return sums
