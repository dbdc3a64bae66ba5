"""The basic functions of torch (aten) on arrays of balls, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from flint import arb
from torch._decomp import core_aten_decompositions, get_decompositions

from reference.numerics.balls.array import BallArray, balls, converted, elements, of_numbers, plain, wrapped
from reference.numerics.balls.elementary import UNARY
from reference.numerics.balls.scalar import Ball, boxed, made, power
from reference.numerics.balls.tape import Refused
from reference.numerics.balls.torch_layers import LAYERS

aten = torch.ops.aten

_MORE = """_softmax _log_softmax native_layer_norm native_group_norm native_batch_norm _native_batch_norm_legit mean
elu hardtanh leaky_relu mish nll_loss_forward mse_loss huber_loss smooth_l1_loss binary_cross_entropy
binary_cross_entropy_with_logits logsumexp addmm baddbmm std_mean var_mean linalg_vector_norm norm celu
softshrink hardswish hardsigmoid embedding split masked_fill glu _prelu_kernel lerp kl_div im2col col2im reflection_pad2d
addcmul addcdiv addmv dot mv triu tril nan_to_num soft_margin_loss unfold upsample_bilinear2d upsample_nearest2d
replication_pad2d reflection_pad1d pixel_shuffle pixel_unshuffle linalg_cross nansum trace diagonal_scatter select_scatter
slice_scatter aminmax logaddexp2 hardshrink threshold square heaviside renorm index_add index_copy index_fill masked_scatter
_scaled_dot_product_flash_attention_for_cpu rrelu_with_noise""".split()


def _decompositions() -> dict[Any, Any]:
    found = dict(core_aten_decompositions())
    wanted = [getattr(aten, name) for name in _MORE if hasattr(aten, name)]
    for packet in wanted:
        try:
            found.update(get_decompositions([packet]))
        except (RuntimeError, TypeError):  # a version of torch that does not have it
            continue
    return found


#: What torch makes of its functions.
DECOMPOSED = _decompositions()


def each(name: str) -> Callable[..., Any]:
    """A function of one number, entry by entry."""
    function = np.frompyfunc(UNARY[name], 1, 1)
    return lambda x, **_: wrapped(function(plain(balls(x))))


def axes(dim: Any) -> Any:
    """torch's dim as numpy's axis."""
    return None if dim is None or dim == [] else tuple(dim) if isinstance(dim, list | tuple) else dim


def _sum(x: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    if not isinstance(x, BallArray):
        return np.sum(x, axis=axes(dim), keepdims=keepdim)
    return np.sum(x, axis=axes(dim), keepdims=keepdim)


def _var(x: Any, dim: Any = None, unbiased: Any = True, keepdim: bool = False, *, correction: Any = None) -> Any:
    less = float(unbiased) if correction is None else correction
    return np.var(balls(x), axis=axes(dim), ddof=less, keepdims=keepdim)


def _divided(a: Any, b: Any, rounding_mode: Any = None) -> Any:
    if rounding_mode is None:
        return balls(a) / b
    return np.floor(balls(a) / b) if rounding_mode == "floor" else np.trunc(balls(a) / b)


def _power(a: Any, b: Any) -> Any:
    return wrapped(np.frompyfunc(power, 2, 1)(plain(balls(a)), plain(b) if isinstance(b, BallArray) else b))


def _selected(x: Any, dim: int, index: int) -> Any:
    place = (slice(None),) * (dim % x.ndim)
    if x.ndim == 1:
        index = index % x.shape[0]
        return x[index : index + 1].reshape(())
    return x[(*place, index)]


def _sliced(x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    last = None if end is None or end > x.shape[dim] else end
    return x[(*(slice(None),) * (dim % x.ndim), slice(start, last, step))]


def _places(indices: Any) -> tuple[Any, ...]:
    return tuple(slice(None) if index is None else np.asarray(index) for index in indices)


def _index_put(x: Any, indices: Any, values: Any, accumulate: bool = False, **_: Any) -> Any:
    result = balls(x).copy()
    if accumulate:
        np.add.at(plain(result), _places(indices), elements(values))
    else:
        result[_places(indices)] = values
    return result


def _full(shape: Any, value: Any, dtype: Any = None, **_: Any) -> Any:
    if dtype is not None and not dtype.is_floating_point:
        return np.full(shape, value, str(dtype).removeprefix("torch."))
    result = np.empty(shape, object)
    result[...] = elements(value)
    return result.view(BallArray)


def _copied(x: Any, dtype: Any = None, **_: Any) -> Any:
    if dtype is None:
        return x.copy()
    if dtype.is_floating_point:
        return balls(x).copy()
    name = str(dtype).removeprefix("torch.")
    return converted(x, name) if isinstance(x, BallArray) else x.astype(name)


def _expanded(x: Any, shape: Any, **_: Any) -> Any:
    lead = len(shape) - x.ndim
    return wrapped(np.broadcast_to(plain(x), [x.shape[k - lead] if n == -1 else n for k, n in enumerate(shape)]))


def _broadcast(x: Any, shape: Any, dims: Any) -> Any:
    sizes = [1] * len(shape)
    for axis, dim in enumerate(dims):
        sizes[dim] = x.shape[axis]
    return wrapped(np.broadcast_to(plain(x).reshape(sizes), shape))


def _sorted(x: Any, dim: int = -1, descending: bool = False, stable: Any = None) -> Any:
    del stable
    order = np.argsort(-x if descending else x, axis=dim)
    return np.take_along_axis(x, order, dim), order


def _top(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:  # noqa: A002 - torch's name
    del sorted
    values, order = _sorted(x, dim, largest)
    return np.take(values, range(k), dim), np.take(order, range(k), dim)


def _extreme(name: str) -> Callable[..., Any]:
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


def _scattered(x: Any, dim: int, index: Any, source: Any, *, adds: bool) -> Any:
    result, index = balls(x).copy(), np.asarray(index)
    places: list[Any] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    places[dim] = index
    values = source if np.ndim(source) == 0 else source[tuple(slice(n) for n in index.shape)]
    if adds:
        np.add.at(plain(result), tuple(places), elements(values))
    else:
        result[tuple(places)] = values
    return result


def _log_cumulative(x: Any, dim: int) -> Any:
    return wrapped(np.log(np.cumsum(np.exp(x), axis=dim)))


def _softplus(x: Any, beta: Any = 1, threshold: Any = 20, **_: Any) -> Any:
    """The function that it is called after; above its threshold torch takes x itself, which is granted."""

    def one(ball: Ball) -> Ball:
        scaled = ball * beta
        result = UNARY["softplus"](scaled) / beta
        if scaled.value < threshold or not isinstance(threshold, int | float):
            return result
        slope = 1 / (1 + (-scaled.value).exp())
        return made(result.value.union(ball.value), (ball, slope.union(arb(1))))

    return wrapped(np.frompyfunc(one, 1, 1)(plain(balls(x))))


def _gelu(x: Any, approximate: str = "none") -> Any:
    x = balls(x)
    if approximate == "tanh":
        inner = np.sqrt(balls(2 / balls(np.pi))) * (x + balls(0.044715) * x**3)
        return x * (1 + np.tanh(inner)) / 2
    return x * each("ndtr")(x)


#: selu's constants, which torch's documentation gives to these digits.
_SELU = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _selu(x: Any) -> Any:
    scale, alpha = _SELU
    return scale * _elu(x, alpha)


def _elu(x: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1) -> Any:
    def one(ball: Ball) -> Ball:
        return ball * scale if ball > 0 else UNARY["expm1"](ball * input_scale) * alpha * scale

    return wrapped(np.frompyfunc(one, 1, 1)(plain(balls(x))))


def _unbound(x: Any, dim: int = 0) -> list[Any]:
    return [_selected(x, dim, k) for k in range(x.shape[dim])]


def _split(x: Any, size: int, dim: int = 0) -> list[Any]:
    return [_sliced(x, dim, k, k + size) for k in range(0, x.shape[dim], size)]


def _split_with_sizes(x: Any, sizes: Any, dim: int = 0) -> list[Any]:
    ends = np.cumsum([0, *sizes]).tolist()
    return [_sliced(x, dim, start, end) for start, end in zip(ends[:-1], ends[1:], strict=True)]


def _padded(x: Any, pads: Any, value: Any = 0) -> Any:
    widths = [(0, 0)] * (x.ndim - len(pads) // 2)
    widths += [(pads[2 * k], pads[2 * k + 1]) for k in reversed(range(len(pads) // 2))]
    if any(n < 0 for pair in widths for n in pair):
        raise Refused("torch's constant_pad_nd of negative widths")
    return wrapped(np.pad(plain(balls(x)), widths, constant_values=boxed(value)))


def _distance(a: Any, b: Any, p: Any = 2, *_: Any) -> Any:
    off = a[..., :, None, :] - b[..., None, :, :]
    if p == 2:  # noqa: PLR2004 - Euclid's
        return np.sqrt(np.sum(off * off, axis=-1))
    return np.sum(np.abs(off) ** p, axis=-1) ** (1 / p)


def _norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:  # noqa: A002 - torch's name
    x, axis = balls(x), axes(dim)
    if ord == 2:  # noqa: PLR2004 - Euclid's
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdim))
    size = np.abs(x)
    if ord in {math.inf, -math.inf}:
        return (np.max if ord > 0 else np.min)(size, axis=axis, keepdims=keepdim)
    if ord == 0:
        raise Refused("torch's norm of order 0")
    return np.sum(size**ord, axis=axis, keepdims=keepdim) ** (Ball(arb(1)) / ord)


def _log_softmax(x: Any, dim: int, *_: Any) -> Any:
    shift = np.max(x, axis=dim, keepdims=True)
    middle = of_numbers([Ball(ball.value.mid()) for ball in plain(balls(shift)).ravel()], shift.shape)
    moved = x - middle
    return moved - np.log(np.sum(np.exp(moved), axis=dim, keepdims=True))


def _prod(x: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    return np.prod(x, axis=axes(dim), keepdims=keepdim)


def _median(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    values, order = _sorted(x.ravel() if dim is None else x, -1 if dim is None else dim)
    axis = -1 if dim is None else dim
    k = (values.shape[axis] - 1) // 2
    if dim is None:
        return values[k]
    chosen = np.take(values, [k], dim), np.take(order, [k], dim)
    return chosen if keepdim else tuple(np.squeeze(each_, dim) for each_ in chosen)


def _truth(ufunc: Any) -> Callable[..., Any]:
    return lambda a, b: ufunc(a, b)


FORMS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b, alpha=1: balls(a) + (b if alpha == 1 else balls(b) * alpha),
    "sub": lambda a, b, alpha=1: balls(a) - (b if alpha == 1 else balls(b) * alpha),
    "rsub": lambda a, b, alpha=1: b - balls(a) * alpha,
    "mul": lambda a, b: balls(a) * b,
    "div": _divided,
    "neg": lambda a: -balls(a),
    "pow": _power,
    "abs": lambda x: np.abs(x),
    "sign": lambda x: np.sign(x),
    "sgn": lambda x: np.sign(x),
    "square": lambda x: x * x,
    "relu": lambda x: np.maximum(x, 0),
    "maximum": lambda a, b: np.maximum(balls(a), b),
    "minimum": lambda a, b: np.minimum(balls(a), b),
    "fmax": lambda a, b: np.fmax(balls(a), b),
    "fmin": lambda a, b: np.fmin(balls(a), b),
    "clamp": lambda x, min=None, max=None: np.clip(balls(x), min, max),  # noqa: A006 - torch's names
    "clamp_min": lambda x, low: np.maximum(balls(x), low),
    "clamp_max": lambda x, high: np.minimum(balls(x), high),
    "remainder": lambda a, b: np.remainder(balls(a), b),
    "fmod": lambda a, b: np.fmod(balls(a), b),
    "atan2": lambda a, b: np.arctan2(balls(a), b),
    "hypot": lambda a, b: np.hypot(balls(a), b),
    "logaddexp": lambda a, b: np.logaddexp(balls(a), b),
    "xlogy": lambda a, b: _x_log_y(a, b),
    "copysign": lambda a, b: np.copysign(balls(a), b),
    "where": lambda c, a, b: np.where(c, balls(a), balls(b)),
    "sum": _sum,
    "mean": lambda x, dim=None, keepdim=False, **_: np.mean(x, axis=axes(dim), keepdims=keepdim),
    "amax": lambda x, dim=None, keepdim=False: np.max(x, axis=axes(dim), keepdims=keepdim),
    "amin": lambda x, dim=None, keepdim=False: np.min(x, axis=axes(dim), keepdims=keepdim),
    "max": _extreme("max"),
    "min": _extreme("min"),
    "median": _median,
    "argmax": lambda x, dim=None, keepdim=False: np.argmax(x, axis=dim, keepdims=keepdim),
    "argmin": lambda x, dim=None, keepdim=False: np.argmin(x, axis=dim, keepdims=keepdim),
    "argsort": lambda x, dim=-1, descending=False: _sorted(x, dim, descending)[1],
    "var": _var,
    "std": lambda *args, **options: np.sqrt(_var(*args, **options)),
    "prod": _prod,
    "linalg_vector_norm": _norm,
    "mm": lambda a, b: balls(a) @ balls(b),
    "bmm": lambda a, b: balls(a) @ balls(b),
    "mv": lambda a, b: balls(a) @ balls(b),
    "dot": lambda a, b: balls(a) @ balls(b),
    "addmm": lambda c, a, b, beta=1, alpha=1: (balls(a) @ balls(b)) * alpha + balls(c) * beta,
    "view": np.reshape,
    "_unsafe_view": np.reshape,
    "reshape": np.reshape,
    "_reshape_alias": lambda x, shape, *_: np.reshape(x, shape),
    "permute": np.transpose,
    "transpose": np.swapaxes,
    "t": lambda x: x.T,
    "expand": _expanded,
    "broadcast_in_dim": _broadcast,
    "unsqueeze": np.expand_dims,
    "squeeze": lambda x, dim=None: _squeezed(x, dim),
    "cat": lambda parts, dim=0: np.concatenate([balls(part) for part in parts], axis=dim),
    "stack": lambda parts, dim=0: np.stack([balls(part) for part in parts], axis=dim),
    "slice": _sliced,
    "select": _selected,
    "index": lambda x, indices: x[_places(indices)],
    "index_select": lambda x, dim, index: np.take(x, np.asarray(index), dim),
    "index_put": _index_put,
    "_index_put_impl": _index_put,
    "gather": lambda x, dim, index, **_: np.take_along_axis(x, np.asarray(index), dim),
    "take": lambda x, index: x.ravel()[np.asarray(index)],
    "scatter_add": lambda x, dim, index, source: _scattered(x, dim, index, source, adds=True),
    "scatter": lambda x, dim, index, source: _scattered(x, dim, index, source, adds=False),
    "masked_select": lambda x, mask: x[np.broadcast_to(mask, x.shape)],
    "masked_fill": lambda x, mask, value: np.where(mask, balls(value), x),
    "unbind": _unbound,
    "split": _split,
    "split_with_sizes": _split_with_sizes,
    "flip": lambda x, dims: np.flip(x, tuple(dims)),
    "roll": lambda x, shifts, dims=None: np.roll(x, tuple(shifts), axes(dims)),
    "repeat": lambda x, counts: np.tile(x, tuple(counts)),
    "diagonal": lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
    "triu": lambda x, diagonal=0: np.triu(x, diagonal),
    "tril": lambda x, diagonal=0: np.tril(x, diagonal),
    "constant_pad_nd": _padded,
    "clone": lambda x, **_: x.copy(),
    "alias": lambda x: x,
    "lift_fresh_copy": lambda x: x,
    "lift_fresh": lambda x: x,
    "detach": lambda x: of_numbers([Ball(ball.value) for ball in plain(x).ravel()], x.shape),
    "_to_copy": _copied,
    "copy": lambda x, source, *_: wrapped(np.broadcast_to(plain(balls(source)), x.shape)),
    "fill": lambda x, value: _full(x.shape, value),
    "zero": lambda x: _full(x.shape, 0.0),
    "full": _full,
    "full_like": lambda x, value, **options: _full(x.shape, value, **options),
    "zeros_like": lambda x, **options: _full(x.shape, 0.0, **options),
    "empty_like": lambda x, **options: _full(x.shape, 0.0, **options),
    "ones_like": lambda x, **options: _full(x.shape, 1.0, **options),
    "new_zeros": lambda x, shape, **options: _full(shape, 0.0, **options),
    "new_empty": lambda x, shape, **options: _full(shape, 0.0, **options),
    "new_ones": lambda x, shape, **options: _full(shape, 1.0, **options),
    "new_full": lambda x, shape, value, **options: _full(shape, value, **options),
    "scalar_tensor": lambda value, **options: _full((), value, **options),
    "gt": _truth(np.greater),
    "ge": _truth(np.greater_equal),
    "lt": _truth(np.less),
    "le": _truth(np.less_equal),
    "eq": _truth(np.equal),
    "ne": _truth(np.not_equal),
    "logical_and": _truth(np.logical_and),
    "logical_or": _truth(np.logical_or),
    "logical_not": lambda x: np.logical_not(x),
    "isnan": lambda x: np.isnan(x),
    "isinf": lambda x: np.isinf(x),
    "isfinite": lambda x: np.isfinite(x),
    "any": lambda x, dim=None, keepdim=False: np.any(x, axis=axes(dim), keepdims=keepdim),
    "all": lambda x, dim=None, keepdim=False: np.all(x, axis=axes(dim), keepdims=keepdim),
    "is_same_size": lambda a, b: a.shape == b.shape,
    "equal": lambda a, b: np.array_equal(a, b),
    "cumsum": lambda x, dim, **_: np.cumsum(x, axis=dim),
    "cumprod": lambda x, dim, **_: np.cumprod(x, axis=dim),
    "logcumsumexp": _log_cumulative,
    "logsumexp": lambda x, dim, keepdim=False: _log_sum_exp(x, dim, keepdim=keepdim),
    "_log_softmax": _log_softmax,
    "_softmax": lambda x, dim, *_: np.exp(_log_softmax(x, dim)),
    "sort": _sorted,
    "topk": _top,
    "softplus": _softplus,
    "gelu": _gelu,
    "selu": _selu,
    "elu": _elu,
    "silu": lambda x: x * each("expit")(x),
    "mish": lambda x: x * np.tanh(each("softplus")(x)),
    "log_sigmoid_forward": lambda x: (each("log_expit")(x), x),
    "_cdist_forward": _distance,
    "_euclidean_dist": _distance,
    "rsqrt": each("rsqrt"),
    "reciprocal": each("reciprocal"),
    "polygamma": lambda n, x: wrapped(_polygamma(n, x)),
    **LAYERS,
}
_SAME = """exp exp2 expm1 log log2 log10 log1p sqrt sin cos tan sinh cosh tanh erf erfc erfinv digamma lgamma sinc logit
deg2rad rad2deg""".split()
_OTHERS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh"}
_OTHERS |= {"atanh": "arctanh", "sigmoid": "expit", "special_ndtri": "", "special_log_ndtr": "log_ndtr", "i0": "i0"}
_OTHERS |= {"special_erfcx": "erfcx", "special_entr": "entr", "special_i1": "i1", "special_i0e": "i0e"}
_OTHERS |= {"special_bessel_j0": "j0", "special_bessel_j1": "j1", "special_bessel_y0": "y0", "special_bessel_y1": "y1"}
_OTHERS |= {"mvlgamma": "", "special_ndtr": "ndtr"}
for _name, _function in {**dict(zip(_SAME, _SAME, strict=True)), **_OTHERS}.items():
    if _function:
        FORMS[_name] = each(_function)
for _name in ("floor", "ceil", "trunc"):
    FORMS[_name] = getattr(np, _name)
FORMS["round"] = lambda x, decimals=0: np.round(x, decimals)
FORMS["frac"] = lambda x: x - np.trunc(x)


def _squeezed(x: Any, dim: Any) -> Any:
    if dim is None:
        return np.squeeze(x)
    wanted = dim if isinstance(dim, list | tuple) else [dim]
    return np.squeeze(x, axis=tuple(each_ for each_ in wanted if x.ndim and x.shape[each_] == 1))


def _x_log_y(a: Any, b: Any) -> Any:
    from reference.numerics.balls.ufuncs import TWO  # noqa: PLC0415 - one function

    return wrapped(TWO["xlogy"](plain(balls(a)), plain(balls(b))))


def _polygamma(n: Any, x: Any) -> Any:
    from reference.numerics.balls.ufuncs import TWO  # noqa: PLC0415 - one function

    return TWO["polygamma"](n, plain(balls(x)))


def _log_sum_exp(x: Any, dim: Any, *, keepdim: bool) -> Any:
    axis = axes(dim)
    most = balls(np.max(x, axis=axis, keepdims=True))
    middle = of_numbers([Ball(ball.value.mid()) for ball in plain(most).ravel()], most.shape)
    result = np.log(np.sum(np.exp(x - middle), axis=axis, keepdims=True)) + middle
    return result if keepdim else np.squeeze(result, axis=axis)
