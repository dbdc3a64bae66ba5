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
        x, w = _spread(x, stride), np.flip(w, tuple(range(2, 2 + dims)))
        w = np.concatenate([each.swapaxes(0, 1) for each in np.split(w, groups, 0)])
        before = [dilation[k] * (w.shape[2 + k] - 1) - padding[k] for k in range(dims)]
        more = [*output_padding] * (dims if len(output_padding) == 1 else 1)
        if any(pad < 0 for pad in before):
            raise Refused("a transposed convolution with more padding than its kernel has")
        ends = [(pad, pad + one) for pad, one in zip(before, more, strict=True)]
        x = wrapped(np.pad(plain(x), ((0, 0), (0, 0), *ends), constant_values=boxed(0)))
        padding, stride = [0] * dims, [1] * dims
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


def _adaptive(reduce: Callable[..., Any]) -> Callable[..., Any]:
    """The mean, or the largest entry, of each of so many parts of the last axes, as torch cuts them."""

    def adaptive(x: Any, sizes: Any) -> Any:
        result = balls(x)
        for axis, wanted in zip(range(-len(sizes), 0), sizes, strict=True):
            n = result.shape[axis]
            moved = np.moveaxis(result, axis, 0)
            cuts = [(k * n // wanted, -(-(k + 1) * n // wanted)) for k in range(wanted)]
            result = np.moveaxis(np.stack([reduce(moved[start:end], axis=0) for start, end in cuts]), 0, axis)
        return result

    return adaptive


def _adaptive_max(x: Any, sizes: Any) -> Any:
    values = _adaptive(np.max)(x, sizes)
    return values, np.zeros(values.shape, np.int64)


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


def _batch_norm(x: Any, weight: Any, bias: Any, *options: Any) -> tuple[Any, Any, Any]:
    """Normalised by the batch, or by what was kept of earlier ones; what is kept of this one changes nothing here."""
    *kept, training, _, eps = options  # there may be nothing that is kept
    mean, variance = kept or (None, None)
    axes = (0, *range(2, x.ndim))
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape))
    if training or mean is None:
        centre, spread = np.mean(x, axis=axes, keepdims=True), np.var(x, axis=axes, keepdims=True)
    else:
        centre, spread = balls(mean).reshape(shape), balls(variance).reshape(shape)
    scale = 1 / np.sqrt(spread + eps)
    result = (x - centre) * scale
    result = result if weight is None else result * balls(weight).reshape(shape)
    result = result if bias is None else result + balls(bias).reshape(shape)
    return result, centre.ravel(), scale.ravel()


def _strided(x: Any, size: Any, stride: Any, offset: Any = None) -> Any:
    """Entries at regular distances of the array as a row; a copy, into which nothing may be written."""
    places = np.asarray(offset or 0)
    for n, step in zip(size, stride, strict=True):
        places = places[..., None] + np.arange(n) * step
    return balls(x).ravel()[places]


def _trilinear(
    a: Any, b: Any, c: Any, expand_a: Any, expand_b: Any, expand_c: Any, summed: Any, unroll: int = 1
) -> Any:
    """Products of three arrays, stretched along some axes, and summed over some."""
    del unroll
    parts = [
        np.expand_dims(x, tuple(axes)) for x, axes in ((balls(a), expand_a), (balls(b), expand_b), (balls(c), expand_c))
    ]
    return np.sum(parts[0] * parts[1] * parts[2], axis=tuple(summed))


LAYERS: dict[str, Callable[..., Any]] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _max_pool,
    "avg_pool2d": _avg_pool,
    "avg_pool1d": _avg_pool,
    "avg_pool3d": _avg_pool,
    "_adaptive_avg_pool2d": _adaptive(np.mean),
    "adaptive_max_pool2d": _adaptive_max,
    "embedding": _embedding,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit": _batch_norm,
    "as_strided": _strided,
    "_trilinear": _trilinear,
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
