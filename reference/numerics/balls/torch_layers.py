"""Convolutions, pooling and linear algebra of torch on arrays of balls."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from reference.numerics.balls.array import BallArray, balls, elements, plain, wrapped
from reference.numerics.balls.functions import reduced
from reference.numerics.balls.linalg import product
from reference.numerics.balls.scalar import boxed
from reference.numerics.balls.tape import Refused


def _convolution(
    x: Any,
    w: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool = False,
    output_padding: Any = (0,),
    groups: int = 1,
    *_: Any,
) -> Any:
    """A convolution of any number of axes, as one matrix product for each group."""
    x, w = balls(x), balls(w)
    dims = len(stride)
    if transposed:
        if groups != 1 or any(output_padding):
            raise Refused("a transposed convolution with groups or output padding")
        x, w = _spread(x, stride), np.flip(w, tuple(range(2, 2 + dims))).swapaxes(0, 1)
        padding = [dilation[k] * (w.shape[2 + k] - 1) - padding[k] for k in range(dims)]
        stride = [1] * dims
    parts = [
        _one_convolution(part, kernel, stride, padding, dilation)
        for part, kernel in zip(np.split(plain(x), groups, 1), np.split(plain(w), groups, 0), strict=True)
    ]
    result = wrapped(np.concatenate(parts, 1))
    return result if bias is None else result + balls(bias).reshape((1, -1) + (1,) * dims)


def _spread(x: BallArray, stride: Any) -> BallArray:
    """The array with zeros between its entries."""
    sizes = [(n - 1) * step + 1 for n, step in zip(x.shape[2:], stride, strict=True)]
    result = elements(np.zeros((*x.shape[:2], *sizes))).view(BallArray)
    result[(slice(None), slice(None), *(slice(None, None, step) for step in stride))] = x
    return result  # type: ignore[no-any-return]


def _one_convolution(x: Any, w: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    dims = len(stride)
    x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)), constant_values=boxed(0))
    reach = [step * (n - 1) + 1 for step, n in zip(dilation, w.shape[2:], strict=True)]
    windows = sliding_window_view(x, reach, axis=tuple(range(2, 2 + dims)))
    windows = windows[
        (slice(None), slice(None), *(slice(None, None, s) for s in stride), *(slice(None, None, d) for d in dilation))
    ]
    sizes = windows.shape[2 : 2 + dims]
    rows = np.moveaxis(windows, 1, 1 + dims).reshape(x.shape[0] * math.prod(sizes), -1)
    found = np.asarray(product(rows, w.reshape(w.shape[0], -1).T)).reshape((x.shape[0], *sizes, w.shape[0]))
    return np.moveaxis(found, -1, 1)


def _windows(x: Any, size: Any, stride: Any, padding: Any, fill: Any) -> Any:
    size, dims = list(size), len(size)
    stride = list(stride) or size
    padding = list(padding) * (dims if len(padding) == 1 else 1)
    widths = [(0, 0)] * (x.ndim - dims) + [(p, p) for p in padding]
    padded = np.pad(plain(x), widths, constant_values=boxed(fill))
    found = sliding_window_view(padded, size, axis=tuple(range(-dims, 0)))
    steps = tuple(slice(None, None, s) for s in stride)
    place: tuple[Any, ...] = (..., *steps, *(slice(None),) * dims)
    return found[place]


def _max_pool(
    x: Any, size: Any, stride: Any = (), padding: Any = (0,), dilation: Any = (1,), ceil_mode: bool = False
) -> Any:
    if ceil_mode or any(step != 1 for step in dilation):
        raise Refused("max pooling with dilation or ceil_mode")
    found = _windows(x, size, stride, padding, -np.inf)
    flat = found.reshape((*found.shape[: -len(size)], -1))
    values = balls(reduced("maximum", flat, -1))
    return values, np.zeros(values.shape, np.int64)


def _avg_pool(
    x: Any,
    size: Any,
    stride: Any = (),
    padding: Any = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: Any = None,
) -> Any:
    if ceil_mode or divisor is not None or (any(padding) and not count_include_pad):
        raise Refused("average pooling with ceil_mode, a divisor, or uncounted padding")
    found = _windows(x, size, stride, padding, 0)
    flat = found.reshape((*found.shape[: -len(size)], -1))
    return balls(reduced("add", flat, -1)) / math.prod(size)


def _adaptive_average(x: Any, sizes: Any) -> Any:
    """The mean of each of so many parts of the last axes, as torch cuts them."""
    result = balls(x)
    for axis, wanted in zip(range(-len(sizes), 0), sizes, strict=True):
        n = result.shape[axis]
        moved = np.moveaxis(result, axis, 0)
        cuts = [(k * n // wanted, -(-(k + 1) * n // wanted)) for k in range(wanted)]
        result = np.moveaxis(np.stack([np.mean(moved[start:end], axis=0) for start, end in cuts]), 0, axis)
    return result


def _embedding(weight: Any, index: Any, *_: Any) -> Any:
    return weight[np.asarray(index)]


def _no_error(a: Any) -> Any:
    return np.zeros(np.shape(a)[:-2], np.int32)


def _solved(a: Any, b: Any, *, left: bool = True, **_: Any) -> Any:
    a, b = balls(a), balls(b)
    found = (
        np.linalg.solve(a, b)
        if left
        else np.swapaxes(np.linalg.solve(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2)), -1, -2)
    )
    return found, a, _no_error(a), _no_error(a)


def _triangular(a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    if unitriangular:
        raise Refused("a triangular system with ones on the diagonal")
    part = np.triu(a) if upper else np.tril(a)
    return _solved(part, b, left=left)[0]


def _log_determinant(a: Any) -> Any:
    sign, size = np.linalg.slogdet(balls(a))
    return balls(sign), balls(size), balls(a), _no_error(a)


def _cholesky(a: Any, *, upper: bool = False, **_: Any) -> Any:
    return np.linalg.cholesky(balls(a), upper=upper), _no_error(a)


def _qr(a: Any, mode: str = "reduced") -> Any:
    if mode == "r":  # torch gives an empty array beside it
        return balls(np.zeros(0)), np.linalg.qr(balls(a), "r")
    return np.linalg.qr(balls(a), mode)  # type: ignore[call-overload]


LAYERS: dict[str, Callable[..., Any]] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _max_pool,
    "avg_pool2d": _avg_pool,
    "avg_pool1d": _avg_pool,
    "_adaptive_avg_pool2d": _adaptive_average,
    "embedding": _embedding,
    "linalg_inv_ex": lambda a, **_: (np.linalg.inv(balls(a)), _no_error(a)),
    "linalg_cholesky_ex": _cholesky,
    "cholesky": lambda a, upper=False: np.linalg.cholesky(balls(a), upper=upper),
    "_linalg_solve_ex": _solved,
    "linalg_solve_triangular": _triangular,
    "_linalg_det": lambda a: (balls(np.linalg.det(balls(a))), a, _no_error(a)),
    "_linalg_slogdet": _log_determinant,
    "linalg_qr": _qr,
    "linalg_pinv": lambda a, *_, **__: np.linalg.pinv(balls(a)),
    "_linalg_check_errors": lambda *_, **__: None,
}
