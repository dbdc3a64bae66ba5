"""The report's measurement of time and memory is complete, and its numbers are of the right kind."""

from __future__ import annotations

import numpy as np
import pytest

from reference.numerics.oracles import torch_autograd
from reports.study import efficiency
from reports.study.bench.training import Plan
from reports.training.experiments import EXPERIMENTS, load_data
from tests.study import silent_display

pytestmark = pytest.mark.outside


def test_every_contestant_is_timed() -> None:
    """Each experiment has the time of every contestant that is there, our ratio to it, and the memory of an epoch."""
    plan = Plan(rounds=1, images=60, small_epochs=2, compiled=False)
    record = efficiency.part([EXPERIMENTS["spirals"]], plan, load_data).make(silent_display()).record
    found = record["experiments"]["spirals"]
    others = {"textbook", "products"} | ({"eager"} if torch_autograd.available() is None else set())
    assert found["samples"] == 300
    assert set(found["ms"]) == {"ours"} | others
    assert set(found["ratio"]) == others
    assert all(value > 0 for value in (*found["ms"].values(), *found["ratio"].values(), *found["mb"].values()))
    assert record["machine"]["cpu"]


def test_the_peak_is_what_was_held_at_one_time() -> None:
    """Memory that is given back before more is taken does not count twice."""

    def work() -> None:
        for _ in range(3):
            np.ones(1_000_000)

    assert efficiency._peak(work) == pytest.approx(8, rel=0.05)
