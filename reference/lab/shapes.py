"""The shapes that are due, of the parts of an answer, from those of the case; and answers in these shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from reference.lab.contract import Case

Array = NDArray[Any]
Shapes = tuple[tuple[int, ...], ...]


def outputs(case: Case) -> Shapes:
    """(N, U), where U is D but for a linear layer."""
    n, d = case.arguments["X"].shape
    return ((n, case.parameters["W"].shape[1] if case.parameters else d),)


def inputs(case: Case) -> Shapes:
    """(N, D)."""
    n, u = next(iter(case.arguments.values())).shape
    return ((n, case.parameters["W"].shape[0] if case.parameters else u),)


def gradients(case: Case) -> Shapes:
    """Of W and of b."""
    return tuple(array.shape for array in case.parameters.values())


def losses(case: Case) -> Shapes:
    """(N, 1)."""
    return ((case.n_samples, 1),)


def in_shape(array: Array, shape: tuple[int, ...]) -> Array | None:
    """The array in the due shape, where its entries have one place each there; None elsewhere.

    With rows and columns exchanged it is transposed, with as many entries in another shape it is reshaped, and one
    number stands for all entries.
    """
    if array.shape != shape and array.shape == shape[::-1]:
        return array.T
    if array.size == int(np.prod(shape)):
        return array.reshape(shape)
    return np.broadcast_to(array.reshape(()), shape) if array.size == 1 else None
