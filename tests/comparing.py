"""Comparisons whose tolerance is an oracle's own error and the rounding that a formula is granted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball, torch_autograd

U = 2.0**-53

needs_flint = pytest.mark.skipif(ball.available() is not None, reason=str(ball.available()))
needs_torch = pytest.mark.skipif(torch_autograd.available() is not None, reason=str(torch_autograd.available()))


def gamma(n: int) -> float:
    """n u / (1 - n u), a bound on n roundings (Higham 2002, lemma 3.1)."""
    return n * U / (1 - n * U)


def assert_within(actual: NDArray[Any], truth: Estimate, bound: NDArray[Any] | float = 0.0) -> None:
    """Assert that ``actual`` is within the oracle's error and ``bound`` of the truth, where the error is finite."""
    assert actual.shape == truth.value.shape
    excess = np.abs(actual - truth.value) - (truth.error + bound)
    assert not (excess > 0).any(), f"off by {np.abs(actual - truth.value).max()}:\n{actual}\nis not\n{truth}"
    assert np.isfinite(actual).all()


def exactly(value: NDArray[Any]) -> Estimate:
    """An estimate without error."""
    return Estimate(value, np.zeros(value.shape))
