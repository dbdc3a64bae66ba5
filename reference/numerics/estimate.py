"""The result of every oracle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.numerics import ball_tolerances


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


def of_enclosures(entries: list[Any], shape: tuple[int, ...]) -> tuple[Estimate, NDArray[np.float64]]:
    """Doubles for enclosures (`flint.arb`) in order, with bounds on their errors; and the radii, of the same shape."""
    middle = np.array(list(map(float, entries)), dtype=np.float64)
    # 0 also where it is too small for a double
    radius = np.array([float(entry.rad()) for entry in entries], dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        # float() gives a neighbour of the midpoint, and may have rounded the radius down.
        error = radius * ball_tolerances.RADIUS_ROUNDING + np.spacing(np.abs(middle))
    error[np.isinf(middle) & (radius == 0)] = 0  # rightly infinite: the true value exceeds all doubles
    error[np.isnan(error)] = np.inf
    for index in np.flatnonzero((middle == 0) & (radius == 0)):
        if entries[index].is_zero():
            error[index] = 0
    return Estimate(middle.reshape(shape), error.reshape(shape)), radius.reshape(shape)
