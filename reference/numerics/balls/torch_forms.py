"""The basic functions of torch (aten) on arrays of balls, by name, and what torch makes of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch._decomp import core_aten_decompositions, get_decompositions

from reference.numerics.balls import torch_functions as own
from reference.numerics.balls.array import balls, of_numbers, plain, wrapped
from reference.numerics.balls.scalar import Ball
from reference.numerics.balls.torch_layers import LAYERS
from reference.numerics.balls.torch_more import MORE

aten = torch.ops.aten

_MORE = """_softmax _log_softmax native_layer_norm native_group_norm native_batch_norm _native_batch_norm_legit mean elu
hardtanh leaky_relu mish nll_loss_forward mse_loss huber_loss smooth_l1_loss binary_cross_entropy
binary_cross_entropy_with_logits logsumexp addmm baddbmm std_mean var_mean linalg_vector_norm norm celu
softshrink hardswish hardsigmoid embedding split masked_fill glu _prelu_kernel lerp kl_div im2col col2im
reflection_pad2d addcmul addcdiv addmv dot mv triu tril nan_to_num soft_margin_loss unfold upsample_bilinear2d
upsample_nearest2d replication_pad2d reflection_pad1d pixel_shuffle pixel_unshuffle linalg_cross nansum trace
diagonal_scatter select_scatter slice_scatter aminmax logaddexp2 hardshrink threshold square heaviside renorm
index_add index_copy index_fill masked_scatter _scaled_dot_product_flash_attention_for_cpu
grid_sampler_2d upsample_bicubic2d upsample_linear1d upsample_trilinear3d upsample_nearest1d upsample_nearest3d
replication_pad1d replication_pad3d reflection_pad3d max_pool3d_with_indices""".split()  # noqa: SIM905 - a list of words


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


FORMS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b, alpha=1: balls(a) + (b if alpha == 1 else balls(b) * alpha),
    "sub": lambda a, b, alpha=1: balls(a) - (b if alpha == 1 else balls(b) * alpha),
    "rsub": lambda a, b, alpha=1: b - balls(a) * alpha,
    "mul": lambda a, b: balls(a) * b,
    "div": own.divided,
    "neg": lambda a: -balls(a),
    "pow": own.power,
    "abs": np.abs,
    "sign": np.sign,
    "sgn": np.sign,
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
    "xlogy": own.x_log_y,
    "copysign": lambda a, b: np.copysign(balls(a), b),
    "where": lambda c, a, b: np.where(c, balls(a), balls(b)),
    "sum": own.summed,
    "mean": lambda x, dim=None, keepdim=False, **_: np.mean(x, axis=own.axes(dim), keepdims=keepdim),
    "amax": lambda x, dim=None, keepdim=False: np.max(x, axis=own.axes(dim), keepdims=keepdim),
    "amin": lambda x, dim=None, keepdim=False: np.min(x, axis=own.axes(dim), keepdims=keepdim),
    "max": own.extreme("max"),
    "min": own.extreme("min"),
    "median": own.median,
    "argmax": lambda x, dim=None, keepdim=False: np.argmax(x, axis=dim, keepdims=keepdim),
    "argmin": lambda x, dim=None, keepdim=False: np.argmin(x, axis=dim, keepdims=keepdim),
    "argsort": lambda x, dim=-1, descending=False: own.in_order(x, dim, descending)[1],
    "var": own.variance,
    "std": lambda *args, **options: np.sqrt(own.variance(*args, **options)),
    "prod": own.prod,
    "linalg_vector_norm": own.norm,
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
    "expand": own.expanded,
    "broadcast_in_dim": own.broadcast,
    "unsqueeze": np.expand_dims,
    "squeeze": lambda x, dim=None: own.squeezed(x, dim),
    "cat": lambda parts, dim=0: np.concatenate([balls(part) for part in parts], axis=dim),
    "stack": lambda parts, dim=0: np.stack([balls(part) for part in parts], axis=dim),
    "slice": own.sliced,
    "select": own.selected,
    "index": lambda x, indices: x[own.places(indices)],
    "index_select": lambda x, dim, index: np.take(x, np.asarray(index), dim),
    "index_put": own.index_put,
    "_index_put_impl": own.index_put,
    "gather": lambda x, dim, index, **_: np.take_along_axis(x, np.asarray(index), dim),
    "take": lambda x, index: x.ravel()[np.asarray(index)],
    "scatter_add": lambda x, dim, index, source: own.scattered(x, dim, index, source, adds=True),
    "scatter": lambda x, dim, index, source: own.scattered(x, dim, index, source, adds=False),
    "masked_select": lambda x, mask: x[np.broadcast_to(mask, x.shape)],
    "masked_fill": lambda x, mask, value: np.where(mask, balls(value), x),
    "unbind": own.unbound,
    "split": own.split,
    "split_with_sizes": own.split_with_sizes,
    "flip": lambda x, dims: np.flip(x, tuple(dims)),
    "roll": lambda x, shifts, dims=None: np.roll(x, tuple(shifts), own.axes(dims)),
    "repeat": lambda x, counts: np.tile(x, tuple(counts)),
    "diagonal": lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
    "triu": lambda x, diagonal=0: np.triu(x, diagonal),
    "tril": lambda x, diagonal=0: np.tril(x, diagonal),
    "constant_pad_nd": own.padded,
    "clone": lambda x, **_: x.copy(),
    "alias": lambda x: x,
    "lift_fresh_copy": lambda x: x,
    "lift_fresh": lambda x: x,
    "detach": lambda x: of_numbers([Ball(ball.value) for ball in plain(x).ravel()], x.shape),
    "_to_copy": own.copied,
    "copy": lambda x, source, *_: wrapped(np.broadcast_to(plain(balls(source)), x.shape)),
    "fill": lambda x, value: own.filled(x.shape, value),
    "zero": lambda x: own.filled(x.shape, 0.0),
    "full": own.filled,
    "full_like": lambda x, value, **options: own.filled(x.shape, value, **options),
    "zeros_like": lambda x, **options: own.filled(x.shape, 0.0, **options),
    "empty_like": lambda x, **options: own.filled(x.shape, 0.0, **options),
    "ones_like": lambda x, **options: own.filled(x.shape, 1.0, **options),
    "new_zeros": lambda x, shape, **options: own.filled(shape, 0.0, **options),
    "new_empty": lambda x, shape, **options: own.filled(shape, 0.0, **options),
    "new_ones": lambda x, shape, **options: own.filled(shape, 1.0, **options),
    "new_full": lambda x, shape, value, **options: own.filled(shape, value, **options),
    "scalar_tensor": lambda value, **options: own.filled((), value, **options),
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_not": np.logical_not,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "any": lambda x, dim=None, keepdim=False: np.any(x, axis=own.axes(dim), keepdims=keepdim),
    "all": lambda x, dim=None, keepdim=False: np.all(x, axis=own.axes(dim), keepdims=keepdim),
    "is_same_size": lambda a, b: a.shape == b.shape,
    "equal": np.array_equal,
    "cumsum": lambda x, dim, **_: np.cumsum(x, axis=dim),
    "cumprod": lambda x, dim, **_: np.cumprod(x, axis=dim),
    "logcumsumexp": own.log_cumulative,
    "logsumexp": lambda x, dim, keepdim=False: own.log_sum_exp(x, dim, keepdim=keepdim),
    "log_softmax": own.log_softmax,
    "_softmax": lambda x, dim, *_: np.exp(own.log_softmax(x, dim)),
    "sort": own.in_order,
    "topk": own.top,
    "softplus": own.softplus,
    "gelu": own.gelu,
    "selu": own.selu,
    "elu": own.elu,
    "silu": lambda x: x * own.each("expit")(x),
    "mish": lambda x: x * np.tanh(own.each("softplus")(x)),
    "log_sigmoid_forward": lambda x: (own.each("log_expit")(x), x),
    "_cdist_forward": own.distance,
    "_euclidean_dist": own.distance,
    "rsqrt": own.each("rsqrt"),
    "reciprocal": own.each("reciprocal"),
    "polygamma": own.polygamma,
    **LAYERS,
    **MORE,
}
_SAME = """exp exp2 expm1 log log2 log10 log1p sqrt sin cos tan sinh cosh tanh erf erfc erfinv digamma lgamma sinc logit
deg2rad rad2deg""".split()  # noqa: SIM905 - a list of words
_OTHERS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh"}
_OTHERS |= {"atanh": "arctanh", "sigmoid": "expit", "special_ndtri": "", "special_log_ndtr": "log_ndtr", "i0": "i0"}
_OTHERS |= {"special_erfcx": "erfcx", "special_entr": "entr", "special_i1": "i1", "special_i0e": "i0e"}
_OTHERS |= {"special_bessel_j0": "j0", "special_bessel_j1": "j1", "special_bessel_y0": "y0", "special_bessel_y1": "y1"}
_OTHERS |= {"mvlgamma": "", "special_ndtr": "ndtr"}
for _name, _function in {**dict(zip(_SAME, _SAME, strict=True)), **_OTHERS}.items():
    if _function:
        FORMS[_name] = own.each(_function)
for _name in ("floor", "ceil", "trunc"):
    FORMS[_name] = getattr(np, _name)
FORMS["round"] = lambda x, decimals=0: np.round(x, decimals)
FORMS["frac"] = lambda x: x - np.trunc(x)
