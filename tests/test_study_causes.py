"""The gradient of a layer is taken apart into factors whose product it is."""

from __future__ import annotations

import numpy as np
import pytest

import bp
from reports.study import causes, saturation
from reports.training.experiments import Experiment, build_net

pytestmark = pytest.mark.outside

DEEP = Experiment("deep", "MNIST", (5, 4, 6, 3), stable=True, batch_size=8, alpha=0.1, n_epochs=1)


def batch(n: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(0)
    return rng.standard_normal((n, 5)), np.eye(3)[rng.randint(0, 3, n)]


def test_the_factors_make_up_the_gradient() -> None:
    """Mean |dW| is the product of its factors exactly, and is that of the network's own gradient."""
    net, (X, T) = build_net(DEEP), batch()
    found = causes.of_gradient(net, X, T)
    gradients = net.gradient(X, T)
    assert list(found) == ["Linear_1", "Linear_2", "Linear_OUT"]
    for name, layer in found.items():
        size = np.abs(gradients[name][0]).mean()
        assert layer["gradient"] == pytest.approx(size, rel=1e-12)
        assert layer["input"] * layer["delta"] * layer["together"] * layer["left"] == pytest.approx(size, rel=1e-12)
        assert layer["relative"] == pytest.approx(size / np.abs(net.parameters()[name][0]).mean(), rel=1e-12)
        assert 0 < layer["left"] <= 1


def test_what_is_left_of_the_sum() -> None:
    """Of one sample nothing cancels, of two samples with opposite terms all does."""
    layer = bp.LinearLayer(2, 1, np.random.RandomState(0), "Linear_OUT")
    net = bp.MLP(2, [layer], _Signs("signs"))
    one = causes.of_gradient(net, np.array([[1.0, 2.0]]), np.array([[1.0]]))["Linear_OUT"]
    assert (one["input"], one["delta"], one["left"]) == (1.5, 1.0, 1.0)
    two = causes.of_gradient(net, np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[1.0], [-1.0]]))["Linear_OUT"]
    assert (two["input"], two["delta"], two["left"]) == (1.5, 1.0, 0.0)


class _Signs(bp.LossCrossEntropy):
    """A loss whose delta is its targets."""

    def delta(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return T


def test_units_that_are_on() -> None:
    """The share of units that are on is that of outputs above zero."""
    net, (X, T) = build_net(DEEP), batch()
    Y = net.propagate(X, last_layer="Linear_1")
    assert causes.of_gradient(net, X, T)["Linear_1"]["on"] == (Y > 0).mean()


def test_the_comparison_multiplies_up() -> None:
    """The quotients of the factors multiply to that of the relative gradients, and the largest is named."""
    net, (X, T) = build_net(DEEP), batch()
    found = causes.of_gradient(net, X, T)
    compared = causes.compare(found, "Linear_OUT", "Linear_1")
    assert np.prod(list(compared["factors"].values())) == pytest.approx(compared["relative"], rel=1e-12)
    assert compared["factors"][compared["most"]] == max(compared["factors"].values())
    assert (
        causes.compare(found | {"Linear_1": dict.fromkeys(found["Linear_1"], 0.0)}, "Linear_OUT", "Linear_1")["most"]
        is None
    )


def test_thresholds_are_where_doubles_change() -> None:
    """Beyond each threshold a double does what the report says, and just before it does not."""
    others = np.array([[0.0, -1.0, 0.5], [2.0, 1.0, 0.0]])
    found = saturation.thresholds(others)
    assert 1 + np.exp(-found["two_classes"] - 0.01) == 1 < 1 + np.exp(-found["two_classes"] + 0.01)
    assert all(1 + np.exp(others[0] - found["zero_possible"] - 0.01) == 1)
    assert 1 + np.exp(others - found["zero_certain"] + 0.01).sum(axis=1).min() > 1
    assert 1 + np.exp(others - found["zero_certain"] - 0.01).sum(axis=1).min() == 1
    tiny = np.finfo(float).tiny
    assert np.exp(-found["subnormal"] - 0.01) < tiny < np.exp(-found["subnormal"] + 0.01)
    with np.errstate(over="ignore"):
        assert np.exp(found["overflow"] + 0.01) == np.inf > np.exp(found["overflow"] - 0.01)
