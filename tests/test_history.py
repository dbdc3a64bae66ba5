"""The record of a training."""

from __future__ import annotations

import numpy as np
import pytest

import bp


def test_a_moment_is_one_number_of_each_kind() -> None:
    """One evaluation is a loss and an accuracy for each set and a mean |W| for each layer."""
    history = bp.History.of([(0.5, 0.75)], {"Linear_1": np.array([[1.0, -3.0]])})
    assert (history.loss_train, history.acc_train) == ([0.5], [0.75])
    assert (history.loss_test, history.acc_test) == ([], [])
    assert history.amplitude == {"Linear_1": [2.0]}
    both = bp.History.of([(0.5, 0.75), (0.25, 1.0)], {})
    assert (both.loss_test, both.acc_test) == ([0.25], [1.0])


def test_it_is_read_by_name_and_as_a_whole() -> None:
    """Its parts are read by name, as in the lab's ``run_info``, and as a dict for JSON."""
    history = bp.History(loss_train=[0.5], stopped="why", stopped_at={"epoch": 1})
    assert history["loss_train"] is history.loss_train
    assert history.as_dict() == {
        "loss_train": [0.5], "loss_test": [], "acc_train": [], "acc_test": [], "amplitude": {},
        "stopped": "why", "stopped_at": {"epoch": 1},
    }  # fmt: skip
    with pytest.raises(KeyError, match=r"expected one of .*'loss_train'.*, got 'epochs'"):
        history["epochs"]


def test_epochs_are_counted_from_the_start_before_training() -> None:
    """The first number is that of the untrained net and counts as no epoch."""
    assert [bp.History(loss_train=[1.0] * n).epochs for n in range(4)] == [0, 0, 1, 2]


def test_later_epochs_are_appended() -> None:
    """Later epochs are appended list by list and layer by layer, new layers included."""
    history = bp.History.of([(1.0, 0.0), (2.0, 0.5)], {"A": np.ones((1, 1))})
    history.extend(bp.History.of([(0.5, 1.0), (1.5, 0.75)], {"A": 3 * np.ones((1, 1)), "B": np.ones((1, 1))}))
    assert history.loss_train == [1.0, 0.5]
    assert history.loss_test == [2.0, 1.5]
    assert history.acc_train == [0.0, 1.0]
    assert history.acc_test == [0.5, 0.75]
    assert history.amplitude == {"A": [1.0, 3.0], "B": [1.0]}
