"""Definitions on torch tensors, in ball arithmetic: a tensor that carries an array of balls, below torch's autograd.

torch breaks its functions down to a few hundred basic ones (aten); those in `torch_forms` have a form on balls, and for
the others torch's own decompositions are asked. Functions that make new tensors are caught by a dispatch mode. The
derivative is that of our tape and never one of torch's formulas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from reference.numerics.ball_tolerances import MOST_OPERATIONS
from reference.numerics.balls.array import BallArray, balls, one_element, plain
from reference.numerics.balls.scalar import Ball
from reference.numerics.balls.tape import SETTINGS, TAPE, Refused
from reference.numerics.balls.torch_forms import DECOMPOSED, FORMS


class BallTensor(torch.Tensor):  # type: ignore[misc, unused-ignore]
    """A tensor of float64 whose numbers are balls."""

    balls: BallArray

    @staticmethod
    def __new__(cls, array: BallArray) -> BallTensor:
        """Make one of an array of balls, which is shared."""
        tensor = torch.Tensor._make_wrapper_subclass(cls, array.shape, dtype=torch.float64)
        tensor.balls = array
        return tensor  # type: ignore[no-any-return, unused-ignore]

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call one of torch's functions; attention by a form of its own, since torch rounds its scale on the way."""
        if function is torch.nn.functional.scaled_dot_product_attention:
            return _attention(*args, **kwargs or {})
        with torch._C.DisableTorchFunctionSubclass():
            return function(*args, **kwargs or {})

    @classmethod
    def __torch_dispatch__(  # type: ignore[override, unused-ignore]
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run one of torch's basic functions on balls."""
        return _run(function, args, kwargs or {})

    def __repr__(self, **_: Any) -> str:  # type: ignore[override, unused-ignore]
        return f"BallTensor(shape={tuple(self.shape)})"

    def tolist(self) -> Any:
        """A list would hold doubles."""
        raise Refused("Tensor.tolist()", "would lose the enclosures and the derivative")

    def numpy(self, **_: Any) -> Any:
        """An array of numpy would hold doubles."""
        raise Refused("Tensor.numpy()", "would lose the enclosures and the derivative")


class _Mode(TorchDispatchMode):  # type: ignore[misc, no-untyped-call, unused-ignore]
    """Catches the functions that make tensors, so that balls can be written into these."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here; loading the compiler would take a second  # pragma: no mutate

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = kwargs or {}
        if any(isinstance(each, BallTensor) for each in tree_flatten((args, options))[0]):
            with self:
                return _run(function, args, options)
        result = function(*args, **options)
        made = _name(function) in _MAKERS and isinstance(result, torch.Tensor) and result.dtype.is_floating_point
        if made and (result.dtype != torch.float32 or SETTINGS["single"] or _is_default(options)):
            return BallTensor(_constant(result))
        return result


_MAKERS = {"zeros", "ones", "empty", "full", "eye", "scalar_tensor", "empty_strided", "tensor", "lift_fresh"}
_MAKERS |= {"new_zeros", "new_ones", "new_full", "new_empty", "zeros_like", "ones_like", "full_like", "empty_like"}


def _is_default(options: dict[str, Any]) -> bool:
    """Whether single precision was not asked for, but is what torch takes where nothing is said."""
    return options.get("dtype") is None


def _attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """torch's attention by its definition: torch multiplies both factors by a root of the scale, a rounded double."""
    if dropout_p or enable_gqa:
        raise Refused("attention with dropout or grouped queries")
    size = torch.full((), query.shape[-1], dtype=torch.float64)
    scores = query @ key.transpose(-2, -1) * (size.rsqrt() if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return torch.softmax(scores, dim=-1) @ value


def on_balls(function: Callable[..., Any]) -> Callable[..., Any]:
    """From arrays of balls to an array of balls, by a function of tensors."""

    def run(*args: Any) -> Any:
        tensors = [_tensor(each) for each in args]
        with torch.no_grad(), _Mode():  # type: ignore[no-untyped-call, unused-ignore]
            result = function(*tensors)
        if isinstance(result, list | tuple) and len(result) == 1:
            result = result[0]
        return result.balls if isinstance(result, BallTensor) else result

    return run


def _tensor(x: Any) -> Any:
    if isinstance(x, BallArray):
        return BallTensor(x)
    return torch.from_numpy(np.array(x)) if isinstance(x, np.ndarray) else x


def _constant(tensor: Any) -> BallArray:
    return balls(tensor.detach().to(torch.float64).numpy())  # type: ignore[no-any-return]


def _name(function: Any) -> str:
    return str(function._schema.name.split("::")[1])


def _array(x: Any) -> Any:
    """A tensor as an array: of balls, if its numbers are real."""
    if isinstance(x, BallTensor):
        return x.balls
    if isinstance(x, torch.Tensor):
        return _constant(x) if x.dtype.is_floating_point else x.numpy()
    return x


def _as_tensor(x: Any) -> Any:
    if isinstance(x, Ball):
        return BallTensor(one_element(x))
    if isinstance(x, BallArray):
        return BallTensor(x)
    if isinstance(x, np.ndarray):
        return _as_tensor(x.view(BallArray)) if np.ndarray.dtype.__get__(x).kind == "O" else torch.from_numpy(x.copy())
    if isinstance(x, np.bool_ | np.integer):
        return torch.tensor(x.item())
    if isinstance(x, tuple | list):
        return type(x)(_as_tensor(each) for each in x)
    return x


#: Options that say nothing about the numbers.
_STORAGE = {"memory_format", "layout", "pin_memory", "device", "non_blocking", "requires_grad", "generator"}


def _run(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """One of torch's basic functions on balls: by its form here, or by what torch makes it of."""
    if len(TAPE) > MOST_OPERATIONS:
        raise Refused(f"more than {MOST_OPERATIONS} operations", "take too long in ball arithmetic")
    name = _name(function)
    if name in {"_local_scalar_dense", "item"}:
        raise Refused("Tensor.item()", "would lose the enclosure and the derivative")
    _check_dtype(name, kwargs.get("dtype"))
    base = name[:-1] if name.endswith("_") and not name.startswith("__") else name
    form = FORMS.get(base)
    if form is not None:
        options = {key: _array(each) for key, each in tree_map(_array, kwargs).items() if key not in _STORAGE}
        if base == "as_strided" and not args[0].is_contiguous():
            raise Refused("torch's as_strided of a tensor whose axes were exchanged in place")
        result = form(*tree_map(_array, args), **options)
        if torch.Tag.inplace_view in function.tags and isinstance(args[0], BallTensor):
            return _reshaped(function, args, kwargs, result)
        return _written(name, args[0], result) if base != name else _as_tensor(result)
    decompose = DECOMPOSED.get(function, function.decompose)
    result = decompose(*args, **kwargs)
    if result is NotImplemented:
        raise Refused(f"torch's {name}")
    return result


def _check_dtype(name: str, dtype: Any) -> None:
    if isinstance(dtype, torch.dtype) and (dtype.is_complex or dtype in {torch.float16, torch.bfloat16}):
        raise Refused(f"torch's {name} to {dtype}", "rounds, or is complex")
    if dtype == torch.float32 and not SETTINGS["single"] and name in {"_to_copy", "to"}:
        raise Refused(f"torch's {name} to {dtype}", "rounds")


def _reshaped(function: Any, args: Any, kwargs: Any, result: Any) -> Any:
    """A tensor whose shape is changed in place, such as by squeeze_."""
    with no_dispatch():
        function(*args, **kwargs)
    args[0].balls = balls(result)
    return args[0]


def _written(name: str, target: Any, result: Any) -> Any:
    """An operation in place."""
    if not isinstance(target, BallTensor):
        if isinstance(target, torch.Tensor) and not target.dtype.is_floating_point:
            target.copy_(torch.from_numpy(np.array(result)))
            return target
        raise Refused(f"torch's {name}", "writes into a tensor from outside the function")
    values = balls(result)
    plain(target.balls)[...] = plain(values)
    return target
