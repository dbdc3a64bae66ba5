"""Memory for the arrays that a step writes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bp.messages import Array

#: The bytes that a processor reads or writes at once, at most: a line of its cache.
_LINE = 64
#: How long a row must be to be worth it: to place an array takes as long as two calls of a step.
_LEAST = 100


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array of anything; a large one begins where a line of the cache does, which numpy's own need not.

    Otherwise every vector of eight numbers that is read or written would lie in two lines.
    """
    if shape[-1] < _LEAST:
        return np.empty(shape, dtype)
    memory = np.empty(math.prod(shape) * dtype.itemsize + _LINE, np.uint8)
    return np.ndarray(shape, dtype, memory, offset=-memory.__array_interface__["data"][0] % _LINE)


def full(shape: tuple[int, ...], value: float | Array, dtype: np.dtype[Any]) -> Array:
    """The same, with one number everywhere, or one in each column."""
    array = empty(shape, dtype)
    array[...] = value
    return array
