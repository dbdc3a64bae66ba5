"""The facts that the report states about a run are computed rightly."""

from __future__ import annotations

import numpy as np
import pytest

import bp
from reports.study import facts

pytestmark = pytest.mark.outside


def test_first_epoch_at_least() -> None:
    """The result is the epoch, where 0 is before training, or None if there is none."""
    assert facts.first_epoch_at_least([0.5, 0.9, 0.8, 0.95], 0.9) == 1
    assert facts.first_epoch_at_least([0.9], 0.9) == 0
    assert facts.first_epoch_at_least([0.5, 0.8], 0.9) is None
    assert facts.first_epoch_at_least([], 0.9) is None


def test_fall_of_last_tenth() -> None:
    """The fall is relative to the loss a tenth of the epochs before the end."""
    assert facts.fall_of_last_tenth([8.0] * 18 + [4.0, 4.0, 1.0]) == 0.75  # 20 epochs: from epoch 18 to epoch 20
    assert facts.fall_of_last_tenth([2.0, 1.0]) == 0.5
    assert facts.fall_of_last_tenth([0.0, 0.0]) == 0.0
    assert facts.fall_of_last_tenth([2.0]) is None


def test_facts_of_a_history() -> None:
    """Amplitudes are relative to their start, and the one that moves most may have shrunk."""
    history = bp.History(
        [3.0, 1.0, 2.0], [4.0, 1.5, 2.5], [0.1, 0.92, 0.9], [0.1, 0.8, 0.91],
        {"Linear_1": [2.0, 1.0, 1.0], "Linear_OUT": [1.0, 1.1, 1.25]},
    )  # fmt: skip
    found = facts.of_history(history)
    assert found["epoch_of_90_percent_train"] == 1
    assert found["epoch_of_90_percent_test"] == 2
    assert (found["lowest_loss_test_epoch"], found["lowest_loss_test"]) == (1, 1.5)
    assert found["amplitude_ratio"] == {"Linear_1": 0.5, "Linear_OUT": 1.25}
    assert found["amplitude_moves_most"] == "Linear_1"


def test_facts_of_nothing() -> None:
    """A run that stopped before its first number has no facts, which is no error."""
    found = facts.of_history(bp.History())
    assert found.pop("amplitude_ratio") == {}
    assert set(found.values()) == {None}
    assert facts.ending(bp.History(stopped="s", stopped_at={"epoch": 0, "batch": None, "what": "w"}))["loss"] is None


def test_dead_units_and_classes() -> None:
    """A unit is dead if no sample switches it on; only classes that the network predicts are counted."""
    rng = np.random.RandomState(0)
    hidden, out = bp.LinearLayer(2, 3, rng, "Linear_1"), bp.LinearLayer(3, 2, rng, "Linear_OUT")
    net = bp.MLP(2, [hidden, bp.ReLULayer("ReLU_1"), out, bp.SoftmaxLayer("S")], bp.LossCrossEntropy("CE"))
    hidden.W[:], hidden.b[:] = 0, [-1, -2, 3]
    out.W[:], out.b[:] = 0, [1, 0]
    assert facts.of_shallow_net(net, np.ones((4, 2), np.float32)) == {
        "hidden_units": 3, "dead_units": 2, "classes_predicted": 1,
    }  # fmt: skip


@pytest.mark.parametrize("n", [1, 1000, 2500])
def test_largest_logit_is_that_of_all_samples(n: int) -> None:
    """The largest logit is the largest in size, over all slices of the samples."""
    out = bp.LinearLayer(1, 2, np.random.RandomState(0), "Linear_OUT")
    out.W[:], out.b[:] = [[1.0, -2.0]], 0
    net = bp.MLP(1, [out], bp.LossCrossEntropyForSoftmaxLogits("CE"))
    X = np.zeros((n, 1), np.float32)
    X[-1] = 5
    assert facts.of_deep_net(net, X) == {"largest_logit": 10.0}
