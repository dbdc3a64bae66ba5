"""Tensors of PyTorch as arrays and back, and calls of a `torch.autograd.Function`. Torch is imported when needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def joined(parts: Sequence[Any]) -> torch.Tensor:
    """All entries of several tensors, as one tensor with one axis."""
    import torch  # noqa: PLC0415 - which is optional

    return torch.cat([torch.as_tensor(each).reshape(-1) for each in parts])


def as_array_if_tensor(value: Any) -> Any:
    """The array of a tensor; anything else as it is."""
    import torch  # noqa: PLC0415 - which is optional

    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


def applied(function: Any, values: Sequence[Any]) -> Any:
    """What ``function.apply`` answers, as arrays; a tensor shares an array's memory where PyTorch can use it."""
    return _detached(function.apply(*_shared(values)))


def pulled_back(function: Any, cotangent: Any, values: Sequence[Any]) -> tuple[Any, ...]:
    """The gradients of ``function.apply`` for a cotangent of its output, one for each argument; None where none is."""
    import torch  # noqa: PLC0415 - which is optional

    tensors = _shared(values)
    inputs = [each.requires_grad_() for each in tensors if isinstance(each, torch.Tensor) and each.is_floating_point()]
    answer = function.apply(*tensors)
    outputs = [each for each in (answer if isinstance(answer, tuple) else (answer,)) if each.requires_grad]
    weights = _shared(cotangent if isinstance(cotangent, tuple | list) else (cotangent,))
    weights = [each for each in weights if isinstance(each, torch.Tensor)]
    found = iter(torch.autograd.grad(outputs, inputs, weights, allow_unused=True))
    of_each = [next(found) if any(each is one for one in inputs) else None for each in tensors]
    return tuple(_detached(each) for each in of_each)


def _shared(values: Sequence[Any]) -> list[Any]:
    """Arrays as tensors, in the same memory where PyTorch can use it."""
    import torch  # noqa: PLC0415 - which is optional

    return [
        torch.from_numpy(each if each.flags.c_contiguous and each.flags.writeable else np.array(each, order="C"))
        if isinstance(each, np.ndarray)
        else each
        for each in values
    ]


def _detached(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_detached(each) for each in value)
    return value.detach().numpy() if hasattr(value, "detach") else value
