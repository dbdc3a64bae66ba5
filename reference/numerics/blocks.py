"""Products of matrices in blocks so small that a BLAS computes each in one thread.

Several threads save nothing at the sizes that are asked about, and they wait in a loop for one another: that takes
several times the processor time, which on a machine with little to spare is time itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: Multiplications in a block. OpenBLAS computes up to 2^18 in one thread, whatever the shapes (its interface/gemm.c).
_MOST = 2**18


def by_rows(function: Callable[[Array], Array], rows: Array, work: int) -> Array:
    """``function`` of the rows of an array, block by block; ``work`` is the number of multiplications for each row."""
    step = max(_MOST // max(work, 1), 1)
    return np.concatenate([function(rows[start : start + step]) for start in range(0, len(rows), step)])


def product(one: Array, other: Array) -> Array:
    """The product of two matrices."""
    return by_rows(lambda rows: rows @ other, one, other.size)
