"""How noisy a forward pass is: by how much its values scatter where they should lie on a smooth curve.

Single precision inside, or an iteration that stops at 1e-9, leaves noise that is far above the rounding of doubles. Its
differences are granted as much (`reference.gradients.differences`), which a reader should be told.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.context import Context
from reference.gradients.differences import Differences
from reference.gradients.specification import doubles
from reference.numerics import function_tolerances, tolerances
from reference.numerics.oracles.finite_differences import rounding_noise
from reference.numerics.sampling import seeded
from reference.wording import fact

Array = NDArray[Any]


def tell(context: Context, oracle: Differences) -> None:
    """Note how noisy the values are at an ordinary input, where that is more than doubles explain."""
    for case in context.calm()[:1]:
        found = measured(oracle, doubles(context.pattern.floats(case.args)))
        if found > function_tolerances.NOISE_TOLD:
            context.note(fact("noisy", noise=found))


def measured(oracle: Differences, floats: tuple[Array, ...]) -> float:
    """How far the values scatter around a parabola, as a part of their largest; 0 where they are not finite.

    The smaller scatter of two ranges counts: what a smooth function leaves falls fast with the range, noise does not.
    """
    return min(_scatter(oracle, floats, each) for each in function_tolerances.NOISE_RANGES)


def _scatter(oracle: Differences, floats: tuple[Array, ...], reach: float) -> float:
    rng = seeded(0)
    places = rng.uniform(-reach, reach, tolerances.DIFFERENCE_ROUNDING_POINTS)
    directions = [rng.uniform(0.25, 1.0, each.shape) * np.maximum(np.abs(each), 1.0) for each in floats]
    rows = [oracle.function(*(a + place * d for a, d in zip(floats, directions, strict=True))) for place in places]
    table = np.array(rows, dtype=np.float64)
    if not (table.size and np.isfinite(table).all()):
        return 0.0
    return float(rounding_noise(places, table).max() / (np.abs(table).max() or 1.0))
