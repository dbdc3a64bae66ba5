"""The result of every oracle."""

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
        The oracle's approximation of the true value, of any shape, float64.
    error
        Of the same shape: ``abs(value - truth) <= error``. Infinite where the oracle cannot tell (for instance at a
        kink inside a finite-difference stencil), so that nothing is judged there.
    """

    value: NDArray[np.float64]
    error: NDArray[np.float64]
