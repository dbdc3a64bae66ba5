"""The generators that are made in little time are numpy's own: `seeded`, of the checks and of the worker process."""

from __future__ import annotations

import numpy as np
import pytest

from reference.execution.worker import generators as of_worker
from reference.numerics import sampling as of_checks

SEEDED = {"of checks": of_checks.seeded, "of the worker": of_worker.seeded}


@pytest.mark.parametrize("seed", [0, 1, 1234, 2**31, 2**32 - 1])
@pytest.mark.parametrize("whose", SEEDED)
def test_numbers_are_those_of_numpys_generator(whose: str, seed: int) -> None:
    """With any seed the state is that of ``RandomState(seed)``, and so are the numbers of every kind."""
    ours, theirs = SEEDED[whose](seed), np.random.RandomState(seed)
    for one, other in zip(ours.get_state(), theirs.get_state(), strict=True):
        assert np.array_equal(one, other)
    for draw in ("rand", "randn", "standard_cauchy"):
        assert np.array_equal(getattr(ours, draw)(700), getattr(theirs, draw)(700)), draw


@pytest.mark.parametrize("whose", SEEDED)
def test_generators_share_nothing(whose: str) -> None:
    """Numbers that are drawn from one leave another as it is."""
    one, other = SEEDED[whose](5), SEEDED[whose](5)
    one.rand(1000)
    assert np.array_equal(other.rand(9), np.random.RandomState(5).rand(9))
