"""Numbers that are drawn: generators that are made in little time are numpy's own, and of which kinds numbers are."""

from __future__ import annotations

import numpy as np
import pytest

from reference.execution.worker import generators as of_worker
from reference.numerics import sampling

SEEDED = {"of checks": sampling.seeded, "of the worker": of_worker.seeded}


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


def test_short_numbers_are_multiples_of_an_eighth() -> None:
    """From -2 to 2 without 0, all of them equally often, each entry by itself."""
    drawn = sampling.short_numbers(sampling.seeded(1))((40, 80))
    numbers, counts = np.unique(drawn, return_counts=True)
    assert numbers.tolist() == [k / 8 for k in range(-16, 17) if k]
    assert drawn.shape == (40, 80)
    assert 50 < counts.min() <= counts.max() < 150


def test_numbers_of_other_kinds() -> None:
    """Normal ones, rounded to single precision, of all sizes, and logits."""
    normal = sampling.normal_numbers(sampling.seeded(1))((30, 40))
    assert normal.shape == (30, 40)
    assert (abs(normal.mean()), normal.std()) == pytest.approx((0, 1), abs=0.1)
    single = sampling.single_precision(sampling.normal_numbers(sampling.seeded(1)))((30, 40))
    assert single.dtype == np.float32
    assert np.array_equal(single, normal.astype(np.float32))
    for key in ("softmax", "logits", "cross_entropy"):
        logits = sampling.numbers_of_all_sizes(sampling.seeded(1), key)((1000,))
        assert (logits.min(), logits.max()) == pytest.approx((-30, 30), abs=0.5)
    sizes = np.log10(np.abs(sampling.numbers_of_all_sizes(sampling.seeded(1), "linear")((20, 100))))
    assert sizes.shape == (20, 100)
    assert sizes.min() == pytest.approx(-13, abs=2)
    assert sizes.max() == pytest.approx(6, abs=1)
    assert np.median(sizes) == pytest.approx(-3.2, abs=0.7)
