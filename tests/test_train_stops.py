"""Training that fails stops with the place and the reason, and impossible settings are refused."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import bp
from tests.lab_nets import SPIRALS, XOR, parameters, spiral_net, spiral_run
from tests.strategies import Array


def test_stopping_is_told_to_the_caller() -> None:
    """The warning's line is that which called `train`."""
    with pytest.warns(RuntimeWarning) as warned:
        bp.train(spiral_net(), np.full((1, 2), np.nan), SPIRALS[1][:1])
    assert {each.filename for each in warned} == {__file__}


@pytest.mark.parametrize("kind", ["training", "test"])
def test_evaluation_says_which_set_and_when(kind: str) -> None:
    """A failed evaluation names the set and the epoch."""
    X, T = np.array([[1.0], [2.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    bad = np.array([[1.0], [1.7e308]])
    layer = bp.LinearLayer(1, 2, np.random.RandomState(0), "L")
    layer.W[:], layer.b[:] = [[-1.0, 1.0]], 0
    net = bp.MLP(1, [layer], bp.LossCrossEntropyForSoftmaxLogits("CE"))
    sets = [bad, X] if kind == "training" else [X, bad]
    with pytest.warns(
        RuntimeWarning, match=f"stopped before the first epoch, in the evaluation of the {kind} set: the loss"
    ):
        bp.train(net, sets[0], T, n_epochs=2, X_test=sets[1], T_test=T)


class Careless(bp.ReLULayer):
    """Somebody's own, which loses its head in the second epoch."""

    calls = 0

    def forward(self, X: Array) -> Array:
        self.calls += 1
        return X * (np.nan if self.calls > 5 else 1.0)


def test_evaluation_after_an_epoch_says_after_which() -> None:
    """An evaluation that fails after the second epoch names that epoch."""
    layers = [bp.LinearLayer(2, 2, np.random.RandomState(0), "L"), Careless("own")]
    net = bp.MLP(2, layers, bp.LossCrossEntropyForSoftmaxLogits("CE"))
    with pytest.warns(RuntimeWarning, match="stopped after epoch 2, in the evaluation of the training set"):
        history = bp.train(net, *XOR, batch_size=4, n_epochs=3)
    assert history.stopped_at is not None
    assert (history.stopped_at["epoch"], history.stopped_at["batch"]) == (2, None)


def test_a_sum_that_overflows_is_told_where_no_value_is_to_blame() -> None:
    """If only the sum of the losses overflows, the message says so and names no array."""
    layer = bp.LinearLayer(1, 2, np.random.RandomState(0), "L")
    layer.W[:], layer.b[:] = [[-1.0, 1.0]], 0
    net = bp.MLP(1, [layer], bp.LossCrossEntropyForSoftmaxLogits("CE"))
    X, T = np.full((4, 1), 8e307), np.array([[1.0, 0.0]] * 4)
    with np.errstate(over="ignore"), pytest.warns(RuntimeWarning, match="the training set: the loss is not finite"):
        history = bp.train(net, X, T, fast=False)
    assert history.stopped_at == {"epoch": 0, "batch": None, "what": None}


class Own(bp.LinearLayer):
    """Somebody's own linear layer, whose gradient is lost, though every message on the way is finite."""

    def grad(self, X: Array, delta_next: Array) -> list[Array]:
        return [np.full_like(self.W, np.nan), np.full_like(self.b, np.nan)]


def test_a_gradient_that_is_lost_in_a_layer_of_ones_own_stops_the_training() -> None:
    """A gradient that is not finite stops the training even if every other array is finite."""
    layer = Own(2, 2, np.random.RandomState(0), "L")
    before = layer.W.copy()
    net = bp.MLP(2, [layer], bp.LossCrossEntropyForSoftmaxLogits("CE"))
    with pytest.warns(RuntimeWarning, match="in epoch 1, batch 1 of 4: the gradient is not finite"):
        bp.train(net, *XOR)
    assert layer.W.tolist() == before.tolist()


class OwnSoftmax(bp.NaiveSoftmaxLayer):
    """Somebody's own, so that the sets are put through the net to see whether they fit."""


@pytest.mark.parametrize("softmax", [bp.NaiveSoftmaxLayer, OwnSoftmax])
def test_checking_the_sets_says_nothing_itself(softmax: type[bp.NaiveSoftmaxLayer]) -> None:
    """A numpy warning of the first evaluation is given once, not also by the check of the sets."""
    layer = bp.LinearLayer(1, 2, np.random.RandomState(0), "L")
    net = bp.MLP(1, [layer, softmax("S")], bp.LossCrossEntropy("CE"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        bp.train(net, np.full((1, 1), 1e6), np.array([[0.0, 1.0]]), n_epochs=0, fast=False, stop_on_nonfinite=False)
    assert sum("overflow" in str(each.message) for each in said) == 1


@pytest.mark.parametrize("argument", ["X_train", "T_train", "X_test", "T_test"])
def test_sets_that_are_no_matrices_are_named(argument: str) -> None:
    """A set that is no matrix is refused with the argument's name."""
    sets = dict(zip(("X_train", "T_train", "X_test", "T_test"), SPIRALS, strict=True)) | {argument: np.ones(3)}
    with pytest.raises(ValueError, match=f"^train: {argument}: expected a two-dimensional array"):
        bp.train(spiral_net(), **sets)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"alpha": 0.0}, r"finite alpha > 0, got 0\.0$"),
        ({"alpha": -1}, "finite alpha > 0, got -1$"),
        ({"alpha": math.nan}, "finite alpha > 0, got nan"),
        ({"alpha": math.inf}, "finite alpha > 0, got inf"),
        ({"alpha": "1"}, "finite alpha > 0, got '1' of type str"),
        ({"alpha": Fraction(1, 10)}, "finite alpha > 0, got .* of type Fraction, and not a number of Python or numpy"),
        ({"alpha": 10**400}, "finite alpha > 0, got 10000"),
        ({"alpha": True}, "finite alpha > 0, got True"),
        ({"history": {}}, r"history to be a bp\.History or None, got a dict"),
        ({"X_train": np.ma.MaskedArray(SPIRALS[0])}, "X_train: expected every number to be there"),
        ({"T_test": np.ma.MaskedArray(SPIRALS[3])}, "T_test: expected every number to be there"),
        ({"X_train": [[10**400, 1]] * 300}, "X_train: expected real numbers"),
        ({"X_train": [[Fraction(1, 2), 1]] * 300}, "X_train: expected real numbers"),
        ({"batch_size": 0}, "batch_size to be an integer of at least 1, got 0"),
        ({"batch_size": 301}, "batch_size from 1 to N = 300, got 301"),
        ({"batch_size": 2.0}, r"batch_size to be an integer of at least 1, got 2\.0"),
        ({"batch_size": True}, "batch_size to be an integer of at least 1, got True"),
        ({"n_epochs": -1}, "n_epochs to be an integer of at least 0, got -1"),
        ({"T_train": SPIRALS[1][:7]}, "as many rows in T_train as in X_train, 300, got 7"),
        ({"T_train": 2 * SPIRALS[1]}, "T_train: expected rows that are probability distributions"),
        ({"T_train": SPIRALS[1][:, :2] + [[0, 0.0]]}, "T_train: expected rows that are probability distributions"),
        ({"X_train": SPIRALS[0][0]}, "X_train: expected a two-dimensional array"),
        ({"X_train": SPIRALS[0][:0]}, "X_train: expected at least one sample"),
        ({"X_train": SPIRALS[0].astype(str)}, "X_train: expected real numbers"),
        ({"T_test": None}, "expected X_test and T_test, got only one of the two"),
        ({"X_test": SPIRALS[2][:, :1]}, r"Linear_1\.forward: X: expected shape \(N, 2\), got \(1, 1\)"),
        ({"X_train": np.ones((300, 10))}, r"Linear_1\.forward: X: expected shape \(N, 2\), got \(1, 10\)"),
        ({"T_train": np.eye(10)[[0] * 300]}, r"CE\.forward: T: expected shape \(1, 3\), got \(1, 10\)"),
        ({"T_train": np.ones((300, 1))}, r"CE\.forward: T: expected shape \(1, 3\), got \(1, 1\)"),
    ],
)
def test_bad_settings_are_named_and_change_nothing(settings: dict[str, Any], said: str) -> None:
    """An impossible setting raises a ValueError before the first step."""
    net = spiral_net()
    before = [array.copy() for array in parameters(net)]
    X_train, T_train, X_test, T_test = SPIRALS
    arguments = {"X_train": X_train, "T_train": T_train, "X_test": X_test, "T_test": T_test, "batch_size": 300}
    with pytest.raises(ValueError, match=said):
        bp.train(net, **(arguments | settings))
    assert all(np.array_equal(a, b) for a, b in zip(before, parameters(net), strict=True))


@pytest.mark.parametrize("state", ["warn", "raise"])
def test_divergence_stops_with_its_place(state: Any) -> None:
    """Divergence is reported with epoch, batch and layer; the bad step is not taken and the curves are kept."""
    net = spiral_net()
    steps: list[list[Array]] = []

    class Remembering(bp.LinearLayer):
        def update_params(self, dtheta: Any) -> None:
            super().update_params(dtheta)
            steps.append([self.W.copy(), self.b.copy()])

    net.layers[2].__class__ = Remembering
    with np.errstate(over="ignore", divide=state, invalid=state), pytest.warns(RuntimeWarning) as warned:
        history = spiral_run(net, 1000, 800.0, batch_size=100)
    said = [str(warning.message) for warning in warned if "training stopped" in str(warning.message)]
    assert said == [history.stopped]
    assert history.stopped is not None
    assert history.stopped.startswith(
        "training stopped in epoch 1, batch 2 of 3: the output of Softmax_OUT is not finite"
    )
    assert "nan for sample 1" in history.stopped  # samples 100 to 199 are in the second batch
    assert history.stopped_at == {"epoch": 1, "batch": 2, "what": "the output of Softmax_OUT"}
    assert len(history.loss_train) == len(history.acc_test) == 1
    assert len(steps) == 1
    assert all(np.array_equal(a, b) for a, b in zip(steps[0], parameters(net)[2:], strict=True))


def test_divergence_that_only_evaluation_sees() -> None:
    """A loss that is not finite stops the run and names its sample, even if all gradients are finite."""
    X, T = np.array([[1.0], [-1.7e308]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    layer = bp.LinearLayer(1, 2, np.random.RandomState(0), "L")
    layer.W[:], layer.b[:] = [[-1.0, 1.0]], 0
    net = bp.MLP(1, [layer], bp.LossCrossEntropyForSoftmaxLogits("CE"))
    X_test, T_test = X[1:], T[1:, ::-1]
    with pytest.warns(RuntimeWarning, match="before the first epoch, in the evaluation of the test set"):
        history = bp.train(net, X[:1], T[:1], n_epochs=3, X_test=X_test, T_test=T_test)
    assert history.stopped_at == {"epoch": 0, "batch": None, "what": "the loss of CE"}
    assert history.epochs == 0


def test_nan_in_the_data_is_traced_to_it() -> None:
    """A NaN in the data is reported as one of the input, not of a layer."""
    X = SPIRALS[0].copy()
    X[123, 0] = np.nan
    with pytest.warns(RuntimeWarning, match="the input is not finite: nan for sample 123"):
        bp.train(spiral_net(), X, SPIRALS[1], batch_size=300, n_epochs=1)


def test_going_on_regardless() -> None:
    """With stop_on_nonfinite=False training goes on, with NaN in the curves."""
    with np.errstate(all="ignore"):
        history = spiral_run(spiral_net(), 3, 800.0, batch_size=100, stop_on_nonfinite=False)
    assert history.epochs == 3
    assert math.isnan(history.loss_train[-1])
    assert history.stopped is None


def test_numpys_own_exceptions_pass_when_going_on() -> None:
    """With stop_on_nonfinite=False an exception that numpy was asked to raise passes through."""
    with np.errstate(over="ignore", divide="raise", invalid="raise"), pytest.raises(FloatingPointError):
        spiral_run(spiral_net(), 3, 800.0, batch_size=100, stop_on_nonfinite=False)
