"""Whether a function has steps, as rounding has: beyond 2^52 every double is whole, and none are seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.numerics import function_tolerances
from reference.numerics.sampling import seeded

Array = NDArray[Any]


def has_steps(function: Callable[..., Array], floats: Sequence[Array]) -> bool:
    """Whether the values jump somewhere along a line through ordinary numbers.

    The stretch in which the values change most against their neighbours is halved, again and again: a smooth function
    changes less and less in it, one with a step does not.
    """
    rng = seeded(0)
    start = [rng.randn(*a.shape) for a in floats]
    line = [rng.uniform(1.0, 3.0, a.shape) for a in floats]

    def at(t: float) -> Array:
        value = np.asarray(function(*(a + t * d for a, d in zip(start, line, strict=True))), dtype=np.float64)
        return np.where(np.isfinite(value), value, 0.0).ravel()

    places = np.linspace(0.0, 1.0, function_tolerances.STAIRCASE_PLACES)
    values = np.array([at(t) for t in places])
    changes = np.abs(np.diff(values, axis=0)).max(axis=1, initial=0.0)
    if not changes.any():
        return False
    worst = int(np.argmax(changes))
    low, high = places[worst], places[worst + 1]
    first = float(changes[worst])
    before, after = at(low), at(high)
    for _ in range(function_tolerances.STAIRCASE_HALVINGS):
        middle = (low + high) / 2
        value = at(middle)
        if np.abs(value - before).max() >= np.abs(after - value).max():
            high, after = middle, value
        else:
            low, before = middle, value
    return bool(np.abs(after - before).max() > function_tolerances.STAIRCASE_JUMP * first)
