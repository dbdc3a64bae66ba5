"""A network and its batch: how it is made, what is true of it, and where rounding decides nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reference.execution.worker.protocol import New, Put, Ref, Seed
from reference.lab.network import NetCase, is_decided
from reference.lab.own_layers import OWN_LAYERS
from reference.numerics import tolerances
from reference.numerics.oracles import ball
from tests.comparing import needs_flint
from tests.one_net import HIDDEN, LOGITS, LOSSES, SOFTMAX, THETA, T, X, case, run

pytestmark = pytest.mark.catalogue


def test_layers_have_names() -> None:
    """Of their kind and number, the last one OUT; those after the logits and softmax are output layers."""
    net = case()
    assert (net.row, net.row_names) == (
        ("linear", "relu", "linear", "softmax"), ("Linear_1", "ReLU_1", "Linear_OUT", "Softmax_OUT"),
    )  # fmt: skip
    assert net.linear == ["Linear_1", "Linear_OUT"]
    assert net.labels == ["Linear_1.W", "Linear_1.b", "Linear_OUT.W", "Linear_OUT.b"]
    other = case(kinds=("linear", "linear"), names=("a", "b"), before_softmax=("relu",))
    assert (other.row, other.row_names) == (
        ("linear", "linear", "relu", "softmax"), ("a", "b", "relu_OUT", "Softmax_OUT"),
    )  # fmt: skip
    assert (other.all_kinds, other.linear) == (("linear", "linear"), ["a", "b"])
    assert (net.loss, case(compound=False).loss) == ("LossCrossEntropyForSoftmaxLogits", "LossCrossEntropy")


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("compound", [True, False])
def test_a_network_is_made_of_layers_and_a_loss(own: bool, compound: bool) -> None:
    """By the contract's names; softmax is an output layer where the loss takes logits, and else a layer."""
    steps = case(own=own, compound=compound, by_position=own).steps()
    assert (steps[0] is OWN_LAYERS) == own
    made = [each for each in steps if isinstance(each, New)]
    prefix = "own:" if own else ""
    loss = "LossCrossEntropyForSoftmaxLogits" if compound else "LossCrossEntropy"
    layers = ["LinearLayer", "ReLULayer", "LinearLayer", "SoftmaxLayer"]
    assert [each.cls for each in made] == [*(prefix + each for each in (*layers, loss)), "MLP"]
    assert [each.name for each in made] == ["Linear_1", "ReLU_1", "Linear_OUT", "Softmax_OUT", "CE", "net"]
    assert all(each.arguments["name"] == each.name for each in made[:-1])
    assert made[0].arguments == {"n_inputs": 2, "n_units": 2, "rng": Seed(1), "name": "Linear_1"}
    assert made[2].arguments == {"n_inputs": 2, "n_units": 3, "rng": Seed(1), "name": "Linear_OUT"}
    puts = [each for each in steps if isinstance(each, Put)]
    assert [f"{each.name}.{each.attribute}" for each in puts] == case().labels
    assert all(each.value is array for each, array in zip(puts, THETA, strict=True))
    refs = [Ref(each) for each in ("Linear_1", "ReLU_1", "Linear_OUT", "Softmax_OUT")]
    given = {"n_inputs": 2, "layers": refs[:3] if compound else refs, "loss": Ref("CE")}
    assert made[-1].arguments == (given | {"output_layers": refs[3:]} if compound else given)
    assert made[-1].by_position == own
    assert not any(each.by_position for each in made[:-1])


def test_the_key_tells_what_is_true() -> None:
    """Of its layers and numbers; who made the layers, and their names, change nothing."""
    net = case()
    assert net.key == case(own=False).key == case(by_position=True).key
    others = [case(compound=False), case(X=2 * X), case(T=T[::-1]), case(theta=(*THETA[:3], THETA[3] + 1)),
              case(before_softmax=("relu",))]  # fmt: skip
    assert len({net.key, *(each.key for each in others)}) == len(others) + 1


@needs_flint
@pytest.mark.parametrize("compound", [True, False])
def test_definitions_are_those_of_the_network(compound: bool) -> None:
    """What comes out of each layer, the losses, their mean and the gradient, by numpy and by finite differences."""
    net = case(compound=compound)
    passed = [X @ THETA[0] + THETA[1], HIDDEN, LOGITS, SOFTMAX]
    for count, due in enumerate(passed, 1):
        found = run(net).truth(net.outputs, count=count)
        assert found.value == pytest.approx(due, rel=1e-12)
        assert net.bound_after(count).shape == due.shape
    assert run(net).truth(net.hidden).value == pytest.approx(LOGITS, rel=1e-12)
    assert run(net).truth(net.probabilities).value == pytest.approx(SOFTMAX, rel=1e-12)
    assert run(net).truth(net.losses).value == pytest.approx(LOSSES, rel=1e-12)
    assert run(net).truth(net.mean_loss).value == pytest.approx(LOSSES.mean(), rel=1e-12)
    delta = (SOFTMAX - T) / 2
    before = (delta @ THETA[2].T) * (HIDDEN > 0)
    gradient = (X.T @ before, before.sum(axis=0), HIDDEN.T @ delta, delta.sum(axis=0))
    # Asked directly and through a run, which remembers what it has been told.
    for told in (net.true_gradient(ball), run(net).true_gradient()):
        for found, due in zip(told, gradient, strict=True):
            assert found.value == pytest.approx(due, rel=1e-12)


def test_each_layer_has_its_bound() -> None:
    """Softmax that of probabilities; a layer before the logits its own; output layers before softmax that of logits."""
    net = case(before_softmax=("relu",))
    bounds = net.bounds
    assert net.bound_after(5) is bounds.probabilities
    assert net.bound_after(4) is bounds.logits
    assert [net.bound_after(count) is bounds.after[count - 1] for count in (1, 2, 3)] == [True] * 3
    assert net.bound_after(3).shape == LOGITS.shape


@pytest.mark.parametrize(
    ("move", "due"),
    [
        ((1.0, 0.0, 0.0), 0.5), ((0.0, 1.0, 0.0), 0.5), ((0.5, 0.0, 0.0), 1.0), ((0.99, 0.0, 0.0), 1.0),
        ((-0.5, -0.5, 0.0), 0.5), ((0.0, 0.0, 1.0), 0.5), ((0.0, 0.0, 3.0), 0.25), ((0.5, 0.0, 0.5), 0.5),
        ((0.0, 0.0, 0.0), 1.0), ((5.0, 0.0, 0.0), 0.125),
    ],
)  # fmt: skip
def test_no_unit_changes_its_sign_within_reach(move: tuple[float, float, float], due: float) -> None:
    """The reach is 1, halved until the units, here 1 and 1, certainly stay on their side of 0."""
    theta = tuple(np.array(each) for each in ([[1.0]], [0.0], [[1.0]], [0.0], [[1.0, 2.0]], [0.0, 0.0]))
    net = NetCase((1, 1, 1, 2), theta, np.ones((1, 1)), np.array([[1.0, 0.0]]), compound=True)
    dW, db, later = move
    directions = [np.array(each) for each in ([[dW]], [db], [[later]], [0.0], [[9.0, 9.0]], [9.0, 9.0])]
    assert net.kink_free(directions) == due


def test_units_that_are_off_move_nothing_after_them() -> None:
    """Where a unit stays below 0 the next layer moves by its own parameters alone."""
    theta = tuple(np.array(each) for each in ([[-1.0]], [0.0], [[8.0]], [1.0], [[1.0, 2.0]], [0.0, 0.0]))
    net = NetCase((1, 1, 1, 2), theta, np.ones((1, 1)), np.array([[1.0, 0.0]]), compound=True)
    zeros = [np.zeros(array.shape) for array in theta]
    assert net.kink_free([np.full((1, 1), 0.9), *zeros[1:]]) == 1.0
    assert net.kink_free([zeros[0], zeros[1], zeros[2], np.ones(1), *zeros[4:]]) == 0.5
    on = replace(net, theta=(-theta[0], *theta[1:]))
    assert on.kink_free([np.full((1, 1), 0.9), *zeros[1:]]) == 1.0
    assert on.kink_free([np.full((1, 1), 0.9), zeros[1], zeros[2], np.full(1, 2.0), *zeros[4:]]) == 0.5


def test_rounding_decides_nothing_where_units_are_far_from_0() -> None:
    """By more than a margin; ReLU of ReLU decides nothing more; logits of a sample lie within a spread."""
    one = np.ones((1, 1))
    last = [np.array([[1.0, 0.0]]), np.zeros(2)]
    margin, spread = tolerances.UNIT_MARGIN, tolerances.LOGIT_SPREAD
    assert is_decided(one, [one * 2 * margin, np.zeros(1), *last])
    assert is_decided(one, [-one * 2 * margin, np.zeros(1), *last])
    assert not is_decided(one, [one * margin / 2, np.zeros(1), *last])
    assert not is_decided(one, [one * margin, np.zeros(1), *last])
    assert is_decided(one, [0.9 * spread * last[0], last[1]])
    assert not is_decided(one, [spread * last[0], last[1]])
    # Of each sample by itself: another one's may be as far off as they like.
    assert is_decided(np.array([[1.0], [9.0]]), [np.array([[spread, spread]]), np.zeros(2)])
    off = [-one, np.zeros(1), *last]
    assert is_decided(one, off, ("linear", "relu", "relu", "linear"))
    assert not is_decided(one, off, ("linear", "relu", "linear", "relu"))
    assert is_decided(one, [one, np.zeros(1), one, np.zeros(1)], ("linear", "relu", "linear", "relu"))
