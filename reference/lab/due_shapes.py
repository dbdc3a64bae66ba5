"""Answers in the shape that was due, and violations that show the same defect."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import Violation

Array = NDArray[Any]


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


def same_kind(one: Violation, other: Violation) -> bool:
    """Whether two violations show the same defect, the first about as grossly as the second.

    A number where another number is due is of another kind than a NaN, and a difference in the last digits than one in
    the first: half as many digits may be lost.
    """
    if (one.mistake, one.due.kind, one.came.kind) != (other.mistake, other.due.kind, other.came.kind):
        return False
    if np.isinf(one.grossness) or np.isinf(other.grossness):
        return one.grossness == other.grossness
    return one.grossness >= math.sqrt(other.grossness)
