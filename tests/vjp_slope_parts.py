"""What the tests of slopes share: arguments, a function of them, and estimates."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.numerics import tolerances
from reference.numerics.estimate import Estimate

X, Y = np.array([0.5, -4.0]), np.array([[2.0], [8.0]])
SECOND, SCALE = tolerances.SECOND_STEP_RATIO, tolerances.STEP_SCALE


def estimate(value: Any, error: Any = 0.0) -> Estimate:
    value = np.asarray(value, float)
    return Estimate(value, np.broadcast_to(np.asarray(error, float), value.shape).copy())


def total(x: Any, y: Any) -> Any:
    return x * 2.0 + y.sum()
