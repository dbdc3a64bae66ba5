"""What the fast path leaves to the plain path, and that both stop alike where numbers are not finite."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bp
from bp.fast import fast_path
from bp.fast.heads import Targets
from bp.fast.net import shape_of
from bp.samples import Samples
from tests.fast_nets import clusters, make_net, vector


@pytest.mark.parametrize("T", [[[1.0, 2.0**-24], [0, 1]], [[1, 0], [0, 1 - 2.0**-22]]], ids=["two classes", "less"])
def test_nearly_one_hot_is_not_one_hot(T: Any) -> None:
    """Targets that are one-hot only up to rounding are soft ones."""
    assert not Targets.of(np.array(T)).one_hot
    assert Targets.of(np.eye(2)).one_hot


class Louder(bp.ReLULayer):
    """Somebody's own layer."""


def _replaced(net: bp.MLP) -> None:
    net.layers[1].delta = lambda Y, delta_next: delta_next  # type: ignore[method-assign]


def _subclass(net: bp.MLP) -> None:
    net.layers[1] = Louder("ReLU_0")


def _tied(net: bp.MLP) -> None:
    net.layers[2].b = net.layers[0].b[:3]  # type: ignore[attr-defined]


def _mixed(net: bp.MLP) -> None:
    net.layers[0].W = net.layers[0].W.astype(np.float32)  # type: ignore[attr-defined]


def _half(net: bp.MLP) -> None:
    for layer in (net.layers[0], net.layers[2]):
        layer.W, layer.b = np.float16(layer.W), np.float16(layer.b)  # type: ignore[attr-defined]


def _relu_first(net: bp.MLP) -> None:
    net.layers.insert(0, bp.ReLULayer("first"))


def _relu_twice(net: bp.MLP) -> None:
    net.layers.insert(1, bp.ReLULayer("twice"))


def _relu_last(net: bp.MLP) -> None:
    net.layers.append(bp.ReLULayer("last"))


def _two_losses(net: bp.MLP) -> None:
    net.layers.append(bp.NaiveSoftmaxLayer("S_1"))


def _softmax_missing(net: bp.MLP) -> None:
    net.loss = bp.LossCrossEntropy("CE")


def _odd_output(net: bp.MLP) -> None:
    net.output_layers = [bp.ReLULayer("R")]


def _naive_with_an_output(net: bp.MLP) -> None:
    net.layers.append(bp.NaiveSoftmaxLayer("S_1"))
    net.loss = bp.LossCrossEntropy("CE")


def _one_layer_single(net: bp.MLP) -> None:
    for part in ("W", "b"):
        setattr(net.layers[0], part, getattr(net.layers[0], part).astype(np.float32))


def _no_layer(net: bp.MLP) -> None:
    net.layers = []


@pytest.mark.parametrize(
    "change",
    [
        _replaced, _subclass, _tied, _mixed, _half, _relu_first, _relu_twice, _relu_last, _two_losses,
        _softmax_missing, _odd_output, _naive_with_an_output, _one_layer_single, _no_layer,
    ],
)  # fmt: skip
def test_other_nets_are_left_to_the_plain_path(change: Any) -> None:
    """A net that is not exactly of our layers in the usual order, with separate parameters, is refused."""
    net = make_net((2, 10, 3))
    assert shape_of(net) is not None
    change(net)
    assert shape_of(net) is None


def test_replaced_classes_are_left_to_the_plain_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a method of one of our classes was replaced, the plain path uses the replacement."""
    net = make_net((2, 10, 3))
    monkeypatch.setattr(bp.ReLULayer, "forward", lambda self, X: X)
    assert shape_of(net) is None


@pytest.mark.parametrize("state", ["warn", "raise", "ignore"])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("batch_size", [2400, 1200])
def test_both_paths_stop_alike(batch_size: int, threads: int, state: Any) -> None:
    """Both paths stop in the same epoch and batch with the same message, without the bad step."""
    X, T = clusters(2400, 2, 3)
    outcomes = []
    for fast in (True, False):
        net = make_net((2, 10, 3), ending="naive")
        with np.errstate(all=state, under="ignore"), pytest.warns(RuntimeWarning) as warned:
            history = bp.train(net, X, T, batch_size, 50, 40.0, fast=fast, threads=threads)
        assert [str(each.message) for each in warned][-1] == history.stopped
        outcomes.append((history, vector(net)))
    (fast_history, fast_net), (plain_history, plain_net) = outcomes
    assert fast_history.stopped_at == plain_history.stopped_at
    assert plain_history.stopped_at is not None
    assert fast_history.epochs == plain_history.epochs
    np.testing.assert_allclose(fast_net, plain_net, rtol=1e-9, atol=1e-9 * np.abs(plain_net).max())


@pytest.mark.parametrize("batch_size", [2, 1])
def test_the_naive_softmax_breaks_on_both_paths(batch_size: int) -> None:
    """For a target of probability 1e-309 the loss is finite but 1 / p_t is not: both paths stop."""
    X, T = np.array([[0.5], [0.5]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    for fast in (True, False):
        net = make_net((1, 2), ending="naive")
        net.layers[0].W[:], net.layers[0].b[:] = [[0.0, -1420.0]], [0.0, -1.5]  # type: ignore[attr-defined]
        assert 0 < net.propagate(X)[0, 1] < 1e-308
        with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="training stopped"):
            history = bp.train(net, X, T, batch_size, 2, 0.1, fast=fast)
        assert history.stopped_at == {"epoch": 1, "batch": 1, "what": "the gradient (delta) of CE"}
        assert len(history.loss_train) == 1
        assert math.isfinite(history.loss_train[0])


def test_a_test_set_may_be_lost_without_stopping_the_steps() -> None:
    """Gradients of test samples need not be finite, as long as their loss is."""
    X, T = np.array([[0.0]]), np.array([[0.0, 1.0]])
    net = make_net((1, 2), ending="naive")
    net.layers[0].W[:], net.layers[0].b[:] = [[0.0, -1420.0]], 0.0  # type: ignore[attr-defined]
    fast = fast_path(net, Samples(X, T, float), Samples(X + 0.501, T, float), 1, 0.1)
    assert fast is not None
    history = fast.run(1)
    assert history is not None
    assert history.loss_test[0] > 709.9


def test_going_on_regardless_is_the_plain_path() -> None:
    """With stop_on_nonfinite=False the curves after a NaN are those of the plain path."""
    X, T = clusters(60, 2, 3)
    runs = []
    for fast in (True, False):
        net = make_net((2, 10, 3), ending="naive")
        with np.errstate(all="ignore"):
            history = bp.train(net, X, T, 20, 6, 1e4, stop_on_nonfinite=False, fast=fast)
        runs.append(history.acc_train)
        assert math.isnan(history.loss_train[-1])
        assert history.epochs == 6
    assert runs[0][-1] == runs[1][-1]


def test_what_numpy_warns_of_is_said_once() -> None:
    """A numpy warning is given by the plain path alone, although the fast path was tried first."""
    X, T = clusters(60, 2, 3)
    net = make_net((2, 10, 3), ending="naive")
    with np.errstate(all="warn", under="ignore"), pytest.warns(RuntimeWarning) as warned:
        bp.train(net, X, T, 60, 50, 1e4)
    assert "heads.py" not in {Path(warning.filename).name for warning in warned}
    assert len(warned) > 1
