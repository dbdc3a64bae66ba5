"""Hypothesis profiles, chosen by ``HYPOTHESIS_PROFILE`` (CI gets the repeatable one), and the real MNIST."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from numpy.typing import NDArray

import bp
from reports import data

pytest_plugins = ["pytester"]

# Phase.explain re-runs a failing test many times to little use where the counterexample is an array.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
# Deadlines would make the two noisy cores of a CI machine part of the verdict.
_COMMON = {"deadline": None, "phases": _PHASES, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("dev", max_examples=50, **_COMMON)
settings.register_profile("ci", max_examples=100, derandomize=True, database=None, print_blob=True, **_COMMON)
settings.register_profile("nightly", max_examples=2000, print_blob=True, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session")
def mnist() -> tuple[NDArray[np.float32], ...]:
    """The real MNIST, from wherever it can be had; a skip with the reason where it cannot."""
    try:
        return bp.load_MNIST(data.ensure())
    except data.FetchError as error:
        pytest.skip(f"MNIST cannot be had here: {error}")
