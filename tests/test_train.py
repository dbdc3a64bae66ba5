"""Training: the lab's numbers, an independent loop in PyTorch for comparison, and what it reports and accepts."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import bp
from bp import messages
from bp.fast.net import shape_of
from bp.plain import Plain
from bp.samples import Samples
from reports.study.bench.torch_training import Training
from reports.training.experiments import EXPERIMENTS, build_net
from tests.comparing import needs_torch
from tests.lab_nets import SPIRALS, XOR, parameters, spiral_net, spiral_run
from tests.strategies import NIGHTLY, Array


def assert_same_curves(history: bp.History, expected: dict[str, list[float]], relative: float) -> None:
    """Losses and amplitudes to that relative error; accuracies exactly."""
    for name, values in expected.items():
        if name.startswith("acc"):
            assert history[name] == values
        elif name.startswith("loss"):
            np.testing.assert_allclose(history[name], values, rtol=relative, atol=0)
    for number, values in enumerate(history.amplitude.values()):
        np.testing.assert_allclose(values, expected[f"amplitude_{number}"], rtol=relative, atol=0)


def torch_run(net: bp.MLP, loss: Any, train: Any, test: Any, n_epochs: int, **settings: Any) -> dict[str, list[float]]:
    """The curves of the same training with PyTorch: a number before training and after each epoch."""
    weights, biases = zip(*net.parameters().values(), strict=True)
    training = Training(weights, biases, [train] if test is None else [train, test], loss=loss, **settings)
    curves: dict[str, list[float]] = {}
    for epoch in range(n_epochs + 1):
        if epoch:
            training.descend()
        for name, (mean, accuracy) in zip(("train", "test"), training.evaluate(), strict=False):
            curves.setdefault(f"loss_{name}", []).append(mean)
            curves.setdefault(f"acc_{name}", []).append(accuracy)
        for number, amplitude in enumerate(training.amplitudes()):
            curves.setdefault(f"amplitude_{number}", []).append(amplitude)
    return curves


@needs_torch
@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_spirals_run_as_in_torch(alpha: float) -> None:
    """The first 100 epochs agree with an independent PyTorch loop to 1e-9, epoch by epoch."""
    net = spiral_net()
    expected = torch_run(net, "probabilities", SPIRALS[:2], SPIRALS[2:], batch_size=300, n_epochs=100, alpha=alpha)
    assert_same_curves(spiral_run(net, 100, alpha), expected, 1e-9)


@needs_torch
def test_xor_runs_as_in_torch() -> None:
    """The whole XOR run, batch of four."""
    net = build_net(EXPERIMENTS["xor"])
    expected = torch_run(net, "probabilities", XOR, None, batch_size=4, n_epochs=100, alpha=0.1)
    assert_same_curves(bp.train(net, *XOR, batch_size=4, n_epochs=100, alpha=0.1), expected, 1e-9)


@needs_torch
def test_deep_net_on_mini_batches_runs_as_in_torch() -> None:
    """The compound loss, four layers, consecutive mini-batches of which the last is smaller."""
    rng = np.random.RandomState(3)
    widths = [2, 8, 7, 6, 3]
    layers: list[Any] = []
    for number, (d, u) in enumerate(pairwise(widths)):
        layers += [bp.LinearLayer(d, u, rng, f"Linear_{number}"), bp.ReLULayer(f"ReLU_{number}")]
    net = bp.MLP(2, layers[:-1], bp.LossCrossEntropyForSoftmaxLogits("CE"), [bp.SoftmaxLayer("S")])
    X, T, X_test, T_test = SPIRALS
    order = rng.permutation(len(X))  # so that a batch holds all classes
    settings = {"batch_size": 70, "n_epochs": 15, "alpha": 0.1}
    expected = torch_run(net, "logits", (X[order], T[order]), (X_test, T_test), **settings)
    history = bp.train(net, X[order], T[order], **settings, X_test=X_test, T_test=T_test)
    assert_same_curves(history, expected, 1e-9)


def test_lab_alpha_1_learns_the_spirals() -> None:
    """After 1000 epochs at least 98 % of the test points are right."""
    history = spiral_run(spiral_net(), 1000)
    assert history.acc_test[-1] >= 0.98
    assert history.loss_train[-1] < 0.05


def test_lab_alpha_5_collapses() -> None:
    """All units die, one class is left, and the loss is ln 3, that of equal probabilities."""
    net = spiral_net()
    history = spiral_run(net, 1000, 5.0)
    assert history.loss_train[-1] == pytest.approx(math.log(3), rel=1e-12)
    assert history.acc_test[-1] == pytest.approx(1 / 3)
    assert len(set(net.propagate(SPIRALS[2]).argmax(axis=1))) == 1
    assert (net.propagate(SPIRALS[0], last_layer="ReLU_1") == 0).all()


def test_lab_alpha_02_is_still_climbing() -> None:
    """After 1000 epochs it is worse than alpha = 1, and its loss still falls by per cents in a hundred epochs."""
    history = spiral_run(spiral_net(), 1000, 0.2)
    assert 0.8 < history.acc_train[-1] < 0.9
    assert history.loss_train[-1] < 0.95 * history.loss_train[-101]


@pytest.mark.mnist
@pytest.mark.outside  # it takes seconds; that all paths agree is tested in every cell
def test_lab_mnist_begins_to_learn(mnist: tuple[Array, ...]) -> None:
    """Three epochs of twenty steps on real images give above 85 % on the test set, with the naive softmax as well."""
    X_train, T_train, X_test, T_test = mnist
    # At night all the images in the lab's batches of 3000; by day a fifth of them takes as many steps.
    n_images = len(X_train) if NIGHTLY else len(X_train) // 5
    images = (X_train[:n_images], T_train[:n_images], n_images // 20, 3, 0.1, X_test, T_test)
    stable, naive = (bp.train(build_net(EXPERIMENTS[name]), *images) for name in ("mnist", "mnist-unstable"))
    assert stable.acc_test[-1] > 0.85
    np.testing.assert_allclose(naive.loss_train, stable.loss_train, rtol=1e-9, atol=0)


def test_history_has_one_number_an_epoch() -> None:
    """Index 0 is before training; each linear layer has its amplitude; names index as in the lab's run_info."""
    net = spiral_net()
    before = [pytest.approx(np.abs(W).mean(), rel=1e-14) for W, _ in net.parameters().values()]
    losses_before = net.evaluate(*SPIRALS[:2])
    history = spiral_run(net, 5)
    for name in ("loss_train", "loss_test", "acc_train", "acc_test"):
        assert len(history[name]) == 6
        assert history[name] is getattr(history, name)
    assert history.epochs == 5
    assert list(history.amplitude) == ["Linear_1", "Linear_OUT"]
    assert [values[0] for values in history.amplitude.values()] == before
    assert [values[-1] for values in history.amplitude.values()] == [
        pytest.approx(np.abs(W).mean(), rel=1e-14) for W, _ in net.parameters().values()
    ]
    assert history.loss_train[0] == pytest.approx(losses_before.mean(), rel=1e-14)
    assert history.loss_train[-1] == pytest.approx(net.evaluate(*SPIRALS[:2]).mean(), rel=1e-14)
    with pytest.raises(KeyError, match="expected one of"):
        history["loss"]


def test_without_test_set_the_test_curves_are_empty() -> None:
    """Without a test set only the test curves are empty."""
    history = bp.train(build_net(EXPERIMENTS["xor"]), *XOR, batch_size=2, n_epochs=3)
    assert history.loss_test == history.acc_test == []
    assert len(history.loss_train) == 4


def test_evaluation_in_slices_counts_every_sample() -> None:
    """The mean is over all samples, also if they do not fit into one slice."""
    rng = np.random.RandomState(0)
    X, T = rng.randn(2345, 2), np.eye(3)[rng.randint(0, 3, 2345)]
    net = spiral_net()
    history = bp.train(net, X, T, batch_size=2345, n_epochs=0)
    assert history.loss_train == [pytest.approx(net.evaluate(X, T).mean(), rel=1e-13)]
    assert history.acc_train == [(net.propagate(X).argmax(axis=1) == T.argmax(axis=1)).mean()]


def test_a_step_is_minus_alpha_times_the_gradient() -> None:
    """An epoch of one batch is one step; one of two batches is two, the second from where the first ended."""
    X, T = (array.astype(float) for array in XOR)
    net, by_hand = build_net(EXPERIMENTS["xor"]), build_net(EXPERIMENTS["xor"])
    bp.train(net, X, T, batch_size=3, n_epochs=1, alpha=0.25, fast=False)
    for rows in (slice(0, 3), slice(3, 4)):
        for layer, gradient in by_hand.gradient(X[rows], T[rows]).items():
            W, b = by_hand.parameters()[layer]
            W -= 0.25 * gradient[0]
            b -= 0.25 * gradient[1]
    for found, expected in zip(parameters(net), parameters(by_hand), strict=True):
        assert np.array_equal(found, expected)


def test_going_on_is_as_if_never_interrupted() -> None:
    """4 + 6 epochs with the history handed on equal 10 epochs, to the last bit."""
    whole, parts = spiral_net(), spiral_net()
    expected = spiral_run(whole, 10, batch_size=128)
    history = spiral_run(parts, 4, batch_size=128)
    assert spiral_run(parts, 10, batch_size=128, history=history) is history
    assert history == expected
    assert all(np.array_equal(a, b) for a, b in zip(parameters(whole), parameters(parts), strict=True))


def test_on_epoch_sees_every_epoch_and_can_stop() -> None:
    """`on_epoch` is called before the first and after each epoch, and True ends the training."""
    seen: list[int] = []

    def stop_at_3(history: bp.History) -> bool:
        seen.append(history.epochs)
        return history.epochs == 3

    history = spiral_run(spiral_net(), 100, on_epoch=stop_at_3)
    assert seen == [0, 1, 2, 3]
    assert history.epochs == 3
    assert history.stopped is None


def test_verbose_prints_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    """With verbose a line is printed for each epoch, and without it nothing."""
    spiral_run(spiral_net(), 2)
    assert capsys.readouterr() == ("", "")
    spiral_run(spiral_net(), 2, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 0/2", "epoch 1/2", "epoch 2/2"]
    assert "train: loss" in lines[0]
    assert "test: loss" in lines[0]


def test_settings_that_are_not_given() -> None:
    """The defaults are two epochs of single samples with alpha 0.1, on the fast path, with a stop at NaN."""
    nets = [build_net(EXPERIMENTS["xor"]) for _ in range(2)]
    history = bp.train(nets[0], *XOR)
    assert history == bp.train(nets[1], *XOR, batch_size=1, n_epochs=2, alpha=0.1, fast=True, threads=1)
    assert history.epochs == 2
    assert Plain(nets[0], Samples(*XOR, np.float64), None, 1, 0.1)._stop_on_nonfinite


@pytest.mark.parametrize(("settings", "asked"), [({}, [1]), ({"threads": 3}, [3]), ({"fast": False}, [])])
def test_fast_path_is_asked_first(settings: Any, asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast path is tried first unless `fast` is false; where it cannot, the plain path is taken."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(sys.modules["bp.train"], "fast_path", lambda *args: calls.append(args))
    net = spiral_net()
    assert spiral_run(net, 1, **settings).epochs == 1
    assert [(call[0], *call[3:6]) for call in calls] == [(net, 300, 1.0, threads) for threads in asked]
    assert [[len(each) for each in call[1:3]] for call in calls] == [[300, 300] for _ in asked]


def test_half_precision_nets_are_trained_on_single_precision() -> None:
    """A net in half precision is trained in single precision."""
    seen: set[Any] = set()

    class Spy(bp.LossCrossEntropyForSoftmaxLogits):
        def forward(self, X: Array, T: Array) -> Array:
            seen.add(T.dtype)
            return super().forward(X, T)

    layer = bp.LinearLayer(2, 2, np.random.RandomState(0), "L", dtype=np.float16)
    bp.train(bp.MLP(2, [layer], Spy("CE")), *XOR, batch_size=4)
    assert seen == {np.dtype(np.float32)}


def test_plain_evaluation_counts_every_slice() -> None:
    """The hits of 2500 samples, evaluated in three slices, add up."""
    X = np.random.RandomState(1).randn(2500, 2)
    T = np.eye(2)[(X[:, 0] > 0.3).astype(int)]
    net = bp.MLP(2, [bp.LinearLayer(2, 2, np.random.RandomState(0), "L")], bp.LossCrossEntropyForSoftmaxLogits("CE"))
    history = bp.train(net, X, T, batch_size=2500, n_epochs=0, fast=False)
    assert history.acc_train == [float((net.propagate(X).argmax(axis=1) == T.argmax(axis=1)).mean())]


def test_training_sets_are_only_read() -> None:
    """Read-only arrays can be trained on."""
    arrays = [array.copy() for array in SPIRALS]
    for array in arrays:
        array.flags.writeable = False
    bp.train(spiral_net(), *arrays[:2], batch_size=50, n_epochs=2, X_test=arrays[2], T_test=arrays[3])


@pytest.mark.parametrize(("dtype", "of_sets"), [(np.float32, np.float64), (np.float64, np.float32)])
def test_nets_compute_in_their_own_precision(dtype: Any, of_sets: Any) -> None:
    """Inputs are cast to the net's precision, and the parameters keep theirs."""
    rng = np.random.RandomState(0)
    seen: list[Any] = []

    class Spy(bp.ReLULayer):
        def forward(self, X: Array) -> Array:
            seen.append(X.dtype)
            return X

        def delta(self, Y: Array, delta_next: Array) -> Array:
            seen.append(delta_next.dtype)
            return delta_next

    layer = bp.LinearLayer(2, 2, rng, "L", dtype=dtype)
    net = bp.MLP(2, [layer, Spy("spy")], bp.LossCrossEntropyForSoftmaxLogits("CE"))
    bp.train(net, *(array.astype(of_sets) for array in XOR), batch_size=4)
    assert set(seen) == {np.dtype(dtype)}
    assert layer.W.dtype == dtype


def test_checks_cost_nothing_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays are checked when training begins, and never again."""
    calls: list[str] = []
    check = messages.as_matrix
    monkeypatch.setattr(messages, "as_matrix", lambda value, what: calls.append(what) or check(value, what))
    spiral_run(spiral_net(), 1)
    few = len(calls)
    spiral_run(spiral_net(), 30)
    assert len(calls) - few == few


def test_a_net_of_our_layers_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The structure of a net is found once, and sets that fit it are not put through the net to see whether they do."""
    net = spiral_net()
    found = [shape_of(net)]
    monkeypatch.setattr(sys.modules["bp.train"], "shape_of", lambda net: found.pop())
    monkeypatch.setattr(sys.modules["bp.fast"], "shape_of", None)
    monkeypatch.setattr(bp.MLP, "evaluate", None)
    assert spiral_run(net, 1).epochs == 1


def test_every_finite_alpha_is_a_learning_rate() -> None:
    """The largest and the smallest number above 0 are accepted."""
    for alpha in (sys.float_info.max, 5e-324):
        assert spiral_run(spiral_net(), 0, alpha).epochs == 0
