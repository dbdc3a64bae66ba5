"""The network: its forward pass, its losses and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bp
from reference.numerics.oracles import finite_differences, torch_autograd
from tests.comparing import assert_within, gamma, needs_torch
from tests.strategies import SHORT, Array, arrays, few_examples, one_hot


def build(widths: list[int], *, stable: bool, seed: int = 0) -> bp.MLP:
    """Linear and ReLU in turn, then softmax: in the net, or as an output layer beside the compound loss."""
    rng = np.random.RandomState(seed)
    layers: list[Any] = []
    for number, (d, u) in enumerate(pairwise(widths), start=1):
        layers += [bp.LinearLayer(d, u, rng, f"Linear_{number}"), bp.ReLULayer(f"ReLU_{number}")]
    softmax = bp.SoftmaxLayer("Softmax")
    if stable:
        return bp.MLP(widths[0], layers[:-1], bp.LossCrossEntropyForSoftmaxLogits("CE"), [softmax])
    return bp.MLP(widths[0], [*layers[:-1], softmax], bp.LossCrossEntropy("CE"))


@st.composite
def questions(draw: st.DrawFn) -> tuple[bp.MLP, Array, Array, bool]:
    """A net of some depth with short weights, inputs and targets."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    stable = draw(st.booleans())
    net = build(widths, stable=stable)
    for W, b in net.parameters().values():
        W[:], b[:] = draw(arrays(*W.shape)), draw(arrays(*b.shape, elements=SHORT.map(lambda x: x / 2 + 1 / 32)))
    n = draw(st.integers(1, 4))
    return net, draw(arrays(n, widths[0])), draw(one_hot(n, widths[-1])), stable


def mean_loss(net: bp.MLP, X: Array, T: Array) -> Any:
    """The net's mean loss as a function of its parameters, for the oracles; the net itself is left as it was."""
    arrays = [array for pair in net.parameters().values() for array in pair]
    before = [array.copy() for array in arrays]

    def put(theta: Sequence[Array]) -> None:
        for array, new in zip(arrays, theta, strict=True):
            array[:] = new

    def loss(*theta: Array) -> Array:
        put(theta)
        result = net.evaluate(X, T).mean()
        put(before)
        return np.asarray(result)

    return loss


@few_examples
@given(questions())
def test_gradient_is_derivative_of_the_mean_loss(question: tuple[bp.MLP, Array, Array, bool]) -> None:
    """The gradient agrees with central differences of `evaluate`, except at kinks."""
    net, X, T, stable = question
    theta = [array for pair in net.parameters().values() for array in pair]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        expected = finite_differences.vjp(mean_loss(net, X, T), np.array(1.0), theta)
        found = [array for pair in net.gradient(X, T).values() for array in pair]
    if not stable and not all(np.isfinite(one).all() for one in found):
        return  # probabilities that underflow are for the compound loss
    for one, estimate in zip(found, expected, strict=True):
        known = np.isfinite(estimate.error)
        excess = np.abs(one - estimate.value)[known] - estimate.error[known]
        # A net of 3 layers of width 4 on numbers up to 4: activations below 4 (4 * 4)^3, 100 roundings each.
        assert (excess <= gamma(100) * 4 * 16**3).all()


@needs_torch
@given(questions())
def test_gradient_agrees_with_torch(question: tuple[bp.MLP, Array, Array, bool]) -> None:
    """The gradient agrees with that of the same net in PyTorch, where ReLU at exactly 0 gives 0 too."""
    net, X, T, stable = question

    def definition(*theta: Any) -> Any:
        Z = theta[0].new_tensor(X)
        for W, b in zip(theta[:-2:2], theta[1:-2:2], strict=True):
            Z = (Z @ W + b).relu()
        Z = Z @ theta[-2] + theta[-1]
        return -(theta[0].new_tensor(T) * Z.log_softmax(dim=1)).sum(dim=1).mean()

    theta = [array for pair in net.parameters().values() for array in pair]
    expected = torch_autograd.vjp(definition, np.array(1.0), theta)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = [array for pair in net.gradient(X, T).values() for array in pair]
    for one, estimate in zip(found, expected, strict=True):
        if stable or np.isfinite(one).all():  # probabilities that underflow are for the compound loss
            assert_within(one, estimate, gamma(100) * 4 * 16**3)


@given(questions())
def test_evaluate_is_the_loss_of_what_propagates(question: tuple[bp.MLP, Array, Array, bool]) -> None:
    """`evaluate` gives one loss for each sample, without the output layers."""
    net, X, T, stable = question
    outputs = net.propagate(X, output_layers=False)
    with np.errstate(divide="ignore"):
        losses = net.evaluate(X, T)
        assert np.array_equal(losses, net.loss.forward(outputs, T))
    assert losses.shape == (len(X), 1)
    probabilities = net.propagate(X)
    assert (np.abs(probabilities.sum(axis=1) - 1) <= gamma(20)).all()
    expected = bp.SoftmaxLayer("s").forward(outputs) if stable else outputs
    assert np.array_equal(probabilities, expected)


def test_last_layer_ends_the_run() -> None:
    """`propagate` stops after any layer by its name, output layers included."""
    net = build([2, 3, 2], stable=True)
    X = np.array([[1.0, 2.0], [-1.0, 0.5]])
    hidden = net.layers[0].forward(X)
    assert np.array_equal(net.propagate(X, last_layer="Linear_1"), hidden)
    assert np.array_equal(net.propagate(X, last_layer="ReLU_1"), np.maximum(hidden, 0))
    assert np.array_equal(net.propagate(X, last_layer="Softmax"), net.propagate(X))
    with pytest.raises(ValueError, match=r"one of \['Linear_1', 'ReLU_1', 'Linear_2', 'Softmax'\], got 'ReLU_9'"):
        net.propagate(X, last_layer="ReLU_9")
    with pytest.raises(ValueError, match="got 'Softmax'"):
        net.propagate(X, output_layers=False, last_layer="Softmax")


def test_gradient_names_every_layer_with_parameters() -> None:
    """The gradient has the result of each `grad` by the layer's name, in the order of the network."""
    net = build([2, 3, 4, 2], stable=True)
    gradient = net.gradient(np.ones((5, 2)), np.eye(2)[[0, 1, 0, 1, 1]])
    assert list(gradient) == ["Linear_1", "Linear_2", "Linear_3"]
    for name, (W, b) in net.parameters().items():
        assert [part.shape for part in gradient[name]] == [W.shape, b.shape]
        assert any(part.any() for part in gradient[name])


def test_gradient_changes_nothing() -> None:
    """`gradient` changes neither parameters nor batch, and a second call gives the same."""
    net = build([2, 3, 2], stable=True)
    X, T = np.array([[1.0, 2.0], [0.5, -1.0]]), np.eye(2)
    X.flags.writeable = T.flags.writeable = False
    before = [array.copy() for pair in net.parameters().values() for array in pair]
    first = net.gradient(X, T)
    net.evaluate(2 * X, T[::-1])
    second = net.gradient(X, T)
    after = [array for pair in net.parameters().values() for array in pair]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(np.array_equal(a, b) for name in first for a, b in zip(first[name], second[name], strict=True))


def test_no_delta_below_the_first_parameters() -> None:
    """No delta is computed below the first layer with parameters."""

    class Front(bp.ReLULayer):
        def delta(self, Y: Array, delta_next: Array) -> Array:
            raise AssertionError("nobody asked")

    rng = np.random.RandomState(0)
    net = bp.MLP(2, [Front("F"), bp.LinearLayer(2, 2, rng, "L")], bp.LossCrossEntropyForSoftmaxLogits("CE"))
    assert list(net.gradient(np.ones((1, 2)), np.array([[1.0, 0.0]]))) == ["L"]


def test_a_net_without_parameters_has_no_gradient() -> None:
    """The gradient of a net without parameters is an empty dict."""
    net = bp.MLP(2, [bp.ReLULayer("R")], bp.LossCrossEntropyForSoftmaxLogits("CE"))
    assert net.gradient(np.ones((1, 2)), np.array([[1.0, 0.0]])) == {}


class Tanh:
    """A layer of the reader's own: it needs no class of ours, only the messages."""

    name = "Tanh"

    def has_params(self) -> bool:
        return False

    def forward(self, X: Array) -> Array:
        return np.tanh(X)

    def delta(self, Y: Array, delta_next: Array) -> Array:
        return delta_next * (1 - Y**2)


def test_own_layers_fit_in() -> None:
    """A user's own layer that has the methods of the contract can be differentiated and trained."""
    rng = np.random.RandomState(0)
    layers = [bp.LinearLayer(2, 3, rng, "L1"), Tanh(), bp.LinearLayer(3, 2, rng, "L2")]
    net = bp.MLP(2, layers, bp.LossCrossEntropyForSoftmaxLogits("CE"))
    X, T = bp.load_XOR()
    theta = [array for pair in net.parameters().values() for array in pair]
    expected = finite_differences.vjp(mean_loss(net, X, T), np.array(1.0), theta)
    found = [array for pair in net.gradient(X, T).values() for array in pair]
    for one, estimate in zip(found, expected, strict=True):
        assert_within(one, estimate, gamma(100))
    history = bp.train(net, X, T, batch_size=4, n_epochs=50, alpha=0.5)
    assert history.loss_train[-1] < history.loss_train[0]


def test_names_must_differ() -> None:
    """Two layers of one name are refused, also across the output layers."""
    rng = np.random.RandomState(0)
    one, two = bp.LinearLayer(2, 2, rng, "L"), bp.LinearLayer(2, 2, rng, "L")
    with pytest.raises(ValueError, match=r"got twice: \['L'\]"):
        bp.MLP(2, [one, two], bp.LossCrossEntropy("CE"))
    with pytest.raises(ValueError, match=r"got twice: \['S'\]"):
        bp.MLP(2, [bp.SoftmaxLayer("S")], bp.LossCrossEntropy("CE"), [bp.SoftmaxLayer("S")])


def test_widths_must_chain() -> None:
    """A layer whose inputs do not fit the outputs of the one before is refused when the net is made."""
    rng = np.random.RandomState(0)
    layers = [bp.LinearLayer(2, 3, rng, "L1"), bp.ReLULayer("R"), bp.LinearLayer(4, 2, rng, "L2")]
    with pytest.raises(ValueError, match="expected L2 to take the 3 values of L1, it takes 4"):
        bp.MLP(2, layers, bp.LossCrossEntropy("CE"))
    with pytest.raises(ValueError, match="expected L1 to take the 5 values of n_inputs, it takes 2"):
        bp.MLP(5, layers[:2], bp.LossCrossEntropy("CE"))


@pytest.mark.parametrize("message", ["evaluate", "gradient"])
def test_bad_batches_are_named(message: str) -> None:
    """A batch that does not fit raises an error that names the layer or the loss."""
    net = build([2, 3, 2], stable=True)
    with pytest.raises(ValueError, match=r"^Linear_1\.forward: X: expected shape \(N, 2\), got \(1, 3\)"):
        getattr(net, message)(np.ones((1, 3)), np.array([[1.0, 0.0]]))
    with pytest.raises(ValueError, match=r"^CE\.\w+: T: expected shape \(2, 2\), got \(1, 2\)"):
        getattr(net, message)(np.ones((2, 2)), np.array([[1.0, 0.0]]))


class Scaling:
    """Somebody's own layer: weights, and no biases."""

    name = "own"

    def __init__(self) -> None:
        self.W = np.full((1, 2), 3.0)

    def has_params(self) -> bool:
        return False

    def forward(self, X: Array) -> Array:
        return X * self.W

    def delta(self, Y: Array, delta_next: Array) -> Array:
        return delta_next * self.W


def test_parameters_are_pairs() -> None:
    """`parameters` gives pairs W, b, and leaves out a layer that has only one of them."""
    linear = bp.LinearLayer(2, 2, np.random.RandomState(0), "L")
    net = bp.MLP(2, [linear, Scaling()], bp.LossCrossEntropyForSoftmaxLogits("CE"))
    assert net.n_inputs == 2
    assert list(net.parameters()) == ["L"]
    assert net.parameters()["L"] == (linear.W, linear.b)
