"""What every oracle answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A value and a bound on its own error, entry by entry.

    Attributes
    ----------
    value
        What the oracle holds to be true, of any shape, float64.
    error
        Same shape: ``abs(value - truth) <= error``. Infinite where the oracle cannot tell
        (a kink inside a finite-difference stencil, say), so that nothing is judged there.
    """

    value: NDArray[np.float64]
    error: NDArray[np.float64]
