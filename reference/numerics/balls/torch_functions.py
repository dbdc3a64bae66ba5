"""Basic functions of torch (aten) on arrays of balls, those that are more than one of numpy's."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

from reference.numerics.balls import more_functions
from reference.numerics.balls.array import BallArray, balls, converted, elements, full, plain, wrapped
from reference.numerics.balls.elementary import UNARY
from reference.numerics.balls.linalg import vector_norm
from reference.numerics.balls.scalar import Ball, boxed, made
from reference.numerics.balls.tape import Refused
from reference.numerics.balls.ufuncs import ONE, TWO


def each(name: str) -> Callable[..., Any]:
    """A function of one number, entry by entry."""
    function = ONE[name]
    return lambda x, **_: wrapped(function(plain(balls(x))))


def axes(dim: Any) -> Any:
    """torch's dim as numpy's axis."""
    return None if dim is None or dim == [] else tuple(dim) if isinstance(dim, list | tuple) else dim


def summed(x: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    """The sum over some axes."""
    return np.sum(x, axis=axes(dim), keepdims=keepdim)


def variance(x: Any, dim: Any = None, unbiased: Any = True, keepdim: bool = False, *, correction: Any = None) -> Any:
    """The variance, with the correction for the mean as torch has it."""
    less = float(unbiased) if correction is None else correction
    return np.var(balls(x), axis=axes(dim), ddof=less, keepdims=keepdim)


def divided(a: Any, b: Any, rounding_mode: Any = None) -> Any:
    """The quotient, rounded if that is asked for."""
    if rounding_mode is None:
        return balls(a) / b
    return np.floor(balls(a) / b) if rounding_mode == "floor" else np.trunc(balls(a) / b)


def power(a: Any, b: Any) -> Any:
    """A power, entry by entry."""
    return wrapped(TWO["power"](plain(balls(a)), plain(b) if isinstance(b, BallArray) else b))


def selected(x: Any, dim: int, index: int) -> Any:
    """One slice along an axis, without that axis; a view, since it may be written into."""
    place = (slice(None),) * (dim % x.ndim)
    if x.ndim == 1:
        index = index % x.shape[0]
        return x[index : index + 1].reshape(())
    return x[(*place, index)]


def sliced(x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """A range along an axis; a view."""
    last = None if end is None or end > x.shape[dim] else end
    return x[(*(slice(None),) * (dim % x.ndim), slice(start, last, step))]


def places(indices: Any) -> tuple[Any, ...]:
    """The indices of torch as one of numpy."""
    return tuple(slice(None) if index is None else np.asarray(index) for index in indices)


def index_put(x: Any, indices: Any, values: Any, accumulate: bool = False, **_: Any) -> Any:
    """The array with some entries replaced, or added to."""
    result = balls(x).copy()
    if accumulate:
        np.add.at(plain(result), places(indices), elements(values))
    else:
        result[places(indices)] = values
    return result


def filled(shape: Any, value: Any, dtype: Any = None, **_: Any) -> Any:
    """A new array of one number."""
    if dtype is not None and not dtype.is_floating_point:
        return np.full(shape, value, str(dtype).removeprefix("torch."))
    return full(shape, value)


def copied(x: Any, dtype: Any = None, **_: Any) -> Any:
    """A copy, in another type if that is asked for."""
    if dtype is None:
        return x.copy()
    if dtype.is_floating_point:
        return balls(x).copy()
    name = str(dtype).removeprefix("torch.")
    return converted(x, name) if isinstance(x, BallArray) else x.astype(name)


def expanded(x: Any, shape: Any, **_: Any) -> Any:
    """The array with axes of length 1 stretched."""
    lead = len(shape) - x.ndim
    return wrapped(np.broadcast_to(plain(x), [x.shape[k - lead] if n == -1 else n for k, n in enumerate(shape)]))


def broadcast(x: Any, shape: Any, dims: Any) -> Any:
    """The array with its axes at given places of a larger shape."""
    sizes = [1] * len(shape)
    for axis, dim in enumerate(dims):
        sizes[dim] = x.shape[axis]
    return wrapped(np.broadcast_to(plain(x).reshape(sizes), shape))


def in_order(x: Any, dim: int = -1, descending: bool = False, stable: Any = None) -> Any:
    """The entries in order, and their places."""
    del stable
    order = np.argsort(-x if descending else x, axis=dim)
    return np.take_along_axis(x, order, dim), order


def top(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:  # noqa: A002 - torch's name
    """The largest entries, or the smallest, and their places."""
    del sorted
    values, order = in_order(x, dim, largest)
    return np.take(values, range(k), dim), np.take(order, range(k), dim)


def extreme(name: str) -> Callable[..., Any]:
    """The largest entry or the smallest: of all, along an axis with its places, or of two arrays."""
    value, place = getattr(np, name), getattr(np, f"arg{name}")

    def extreme(x: Any, *args: Any, **options: Any) -> Any:
        dim = options.get("dim", args[0] if args else None)
        if isinstance(dim, np.ndarray):
            return (np.maximum if name == "max" else np.minimum)(x, dim)
        if dim is None:
            return value(x)
        keepdim = options.get("keepdim", args[1] if len(args) > 1 else False)
        where = place(x, axis=dim)
        chosen = np.take_along_axis(x, np.expand_dims(where, dim), dim)
        return (chosen, np.expand_dims(where, dim)) if keepdim else (np.squeeze(chosen, dim), where)

    return extreme


def scattered(x: Any, dim: int, index: Any, source: Any, *, adds: bool) -> Any:
    """The array with entries along an axis replaced, or added to."""
    result, index = balls(x).copy(), np.asarray(index)
    places: list[Any] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    places[dim] = index
    values = source if np.ndim(source) == 0 else source[tuple(slice(n) for n in index.shape)]
    if adds:
        np.add.at(plain(result), tuple(places), elements(values))
    else:
        result[tuple(places)] = values
    return result


def log_cumulative(x: Any, dim: int) -> Any:
    """log of the cumulative sum of exp."""
    return wrapped(np.log(np.cumsum(np.exp(x), axis=dim)))


def softplus(x: Any, beta: Any = 1, threshold: Any = 20, **_: Any) -> Any:
    """The function that it is called after; above its threshold torch takes x itself, which is granted."""

    def one(ball: Ball) -> Any:
        scaled = ball * beta
        result = UNARY["softplus"](scaled) / beta
        if scaled.value < threshold or not isinstance(threshold, int | float):
            return result
        slope = 1 / (1 + (-scaled.value).exp())
        return made(result.value.union(ball.value), (ball, slope.union(arb(1))))

    return wrapped(np.frompyfunc(one, 1, 1)(plain(balls(x))))


def gelu(x: Any, approximate: str = "none") -> Any:
    """x times the normal distribution function, or the approximation by tanh that torch has."""
    x = balls(x)
    if approximate == "tanh":
        inner = np.sqrt(balls(2 / balls(np.pi))) * (x + balls(0.044715) * x**3)
        return x * (1 + np.tanh(inner)) / 2
    return x * each("ndtr")(x)


#: selu's constants, which torch's documentation gives to these digits.
SELU = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def selu(x: Any) -> Any:
    """The scaled exponential linear unit."""
    scale, alpha = SELU
    return scale * elu(x, alpha)


def elu(x: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1) -> Any:
    """The exponential linear unit."""

    def one(ball: Ball) -> Any:
        return ball * scale if ball > 0 else UNARY["expm1"](ball * input_scale) * alpha * scale

    return wrapped(np.frompyfunc(one, 1, 1)(plain(balls(x))))


def unbound(x: Any, dim: int = 0) -> list[Any]:
    """All slices along an axis."""
    return [selected(x, dim, k) for k in range(x.shape[dim])]


def split(x: Any, size: int, dim: int = 0) -> list[Any]:
    """Parts of one length along an axis."""
    return [sliced(x, dim, k, k + size) for k in range(0, x.shape[dim], size)]


def split_with_sizes(x: Any, sizes: Any, dim: int = 0) -> list[Any]:
    """Parts of given lengths along an axis."""
    ends = np.cumsum([0, *sizes]).tolist()
    return [sliced(x, dim, start, end) for start, end in itertools.pairwise(ends)]


def padded(x: Any, pads: Any, value: Any = 0) -> Any:
    """The array with a border of one number."""
    widths = [(0, 0)] * (x.ndim - len(pads) // 2)
    widths += [(pads[2 * k], pads[2 * k + 1]) for k in reversed(range(len(pads) // 2))]
    if any(n < 0 for pair in widths for n in pair):
        raise Refused("torch's constant_pad_nd of negative widths")
    return wrapped(np.pad(plain(balls(x)), widths, constant_values=boxed(value)))


def distance(a: Any, b: Any, p: Any = 2, *_: Any) -> Any:
    """The distances between the rows of two arrays."""
    off = a[..., :, None, :] - b[..., None, :, :]
    if p == 2:  # noqa: PLR2004 - Euclid's
        return np.sqrt(np.sum(off * off, axis=-1))
    return np.sum(np.abs(off) ** p, axis=-1) ** (1 / p)


def norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:  # noqa: A002 - torch's name
    """The norm of the numbers along some axes, as of a vector."""
    if ord == 0:
        raise Refused("torch's norm of order 0")
    return vector_norm(balls(x), ord, axes(dim), keepdims=keepdim)


def log_softmax(x: Any, dim: int, *_: Any) -> Any:
    """log of softmax, shifted by the middle of the largest entry, which changes nothing."""
    moved = x - more_functions.middles(np.max(x, axis=dim, keepdims=True))
    return moved - np.log(np.sum(np.exp(moved), axis=dim, keepdims=True))


def prod(x: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    """The product over some axes."""
    return np.prod(x, axis=axes(dim), keepdims=keepdim)


def median(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The lower median, as torch has it."""
    values, order = in_order(x.ravel() if dim is None else x, -1 if dim is None else dim)
    axis = -1 if dim is None else dim
    k = (values.shape[axis] - 1) // 2
    if dim is None:
        return values[k]
    chosen = np.take(values, [k], dim), np.take(order, [k], dim)
    return chosen if keepdim else tuple(np.squeeze(each_, dim) for each_ in chosen)


def squeezed(x: Any, dim: Any) -> Any:
    """The array without axes of length 1."""
    if dim is None:
        return np.squeeze(x)
    wanted = dim if isinstance(dim, list | tuple) else [dim]
    return np.squeeze(x, axis=tuple(each_ for each_ in wanted if x.ndim and x.shape[each_] == 1))


def x_log_y(a: Any, b: Any) -> Any:
    """x log y, which is 0 where x is."""
    return wrapped(TWO["xlogy"](plain(balls(a)), plain(balls(b))))


def polygamma(n: Any, x: Any) -> Any:
    """The derivative of digamma of order n."""
    return wrapped(TWO["polygamma"](n, plain(balls(x))))


def log_sum_exp(x: Any, dim: Any, *, keepdim: bool) -> Any:
    """log of the sum of exp over some axes."""
    axis = axes(dim)
    result = more_functions.log_sum_exp(x, axis)
    return result if keepdim else np.squeeze(result, axis=axis)
