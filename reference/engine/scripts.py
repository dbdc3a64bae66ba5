"""The scripts that show a failure: what those of the lab's classes and those of functions have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def literal(array: NDArray[Any]) -> str:
    """An expression that makes the array again, to the bit."""
    dtype = "" if array.dtype == np.float64 else f", dtype=np.{array.dtype}"
    return f"np.array({array.tolist()!r}{dtype})".replace("nan", "np.nan").replace("inf", "np.inf")
