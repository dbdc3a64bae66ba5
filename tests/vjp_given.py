"""Cases, answers and bounds that the tests of comparisons with differences share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.cases import Case
from reference.numerics.estimate import Estimate

Array = NDArray[Any]
X, WHOLE, Y, C = np.array([[0.5, -1.0], [2.0, 4.0]]), np.array([3, 4]), np.array([0.25, 8.0]), np.array([1.5, -0.5])
ARGS = (X, WHOLE, Y)
ORDINARY, EXTREME = Case("short numbers", ARGS, 7), Case("numbers of size 30", ARGS, 8, ordinary=False)
ANSWERS, BOUNDS = (3.0 * X, 5.0 * Y), [np.full(X.shape, 0.25), np.full(Y.shape, 0.125)]
STEPS = {0: 0.5 * np.abs(X), 1: 0.25 * np.abs(Y)}


def exact(value: Any, error: Any = 0.0) -> Estimate:
    value = np.asarray(value, float)
    return Estimate(value, np.broadcast_to(np.asarray(error, float), value.shape))
