"""What shows a failure: numbers for a picture, and arrays in a script. Nothing is judged here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import Evidence
from reference.numerics.estimate import Estimate

_MOST_ENTRIES = 400


def evidence_of(name: str, actual: NDArray[Any], truth: Estimate, bound: NDArray[Any]) -> Evidence | None:
    """The array that came and the one that was due, unless they are too large to be looked at."""
    if actual.size > _MOST_ENTRIES:
        return None
    return Evidence(name, actual.tolist(), truth.value.tolist(), (bound + truth.error).tolist())


def literal(array: NDArray[Any]) -> str:
    """An expression that makes the array again, to the bit."""
    dtype = "" if array.dtype == np.float64 else f", dtype=np.{array.dtype}"
    return f"np.array({array.tolist()!r}{dtype})".replace("nan", "np.nan").replace("inf", "np.inf")
