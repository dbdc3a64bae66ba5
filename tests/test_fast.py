"""The fast path of training: the examiner judges it, it does what the plain path does, and leaves the rest to that."""

from __future__ import annotations

import math
import tracemalloc
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import bp
import reference
from bp.fast import Fast, fast_path
from bp.fast.heads import LogitsHead, Targets, hits
from bp.fast.net import Parameters, shape_of
from bp.fast.passes import Pass
from bp.fast.pieces import Pieces, _Worker
from bp.fast.whole import Whole, _means
from bp.plain import Plain
from bp.samples import Samples
from tests.comparing import needs_flint
from tests.fast_mlp import FastMLP
from tests.strategies import Array

SPIRALS = bp.load_spirals()


def make_net(
    widths: tuple[int, ...], *, naive: bool = False, dtype: Any = np.float64, relus: bool = True, seed: int = 0
) -> bp.MLP:
    rng = np.random.RandomState(seed)
    layers: list[Any] = []
    for number, (d, u) in enumerate(pairwise(widths)):
        layers += [bp.LinearLayer(d, u, rng, f"Linear_{number}", dtype=dtype), bp.ReLULayer(f"ReLU_{number}")]
    layers = layers[:-1] if relus else layers[:-1:2]
    if naive:
        return bp.MLP(widths[0], [*layers, bp.NaiveSoftmaxLayer("S")], bp.LossCrossEntropy("CE"))
    return bp.MLP(widths[0], layers, bp.LossCrossEntropyForSoftmaxLogits("CE"), [bp.SoftmaxLayer("S")])


def clusters(n: int, d: int, k: int, seed: int = 1) -> tuple[Array, Array]:
    rng = np.random.RandomState(seed)
    classes = rng.randint(0, k, n)
    return rng.randn(n, d) + 2 * rng.randn(k, d)[classes], np.eye(k)[classes]


def vector(net: bp.MLP) -> Array:
    return np.concatenate([array.ravel() for pair in net.parameters().values() for array in pair])


@needs_flint
@pytest.mark.parametrize("assignment", [1, 3])
def test_the_examiner_passes_the_fast_path(assignment: int) -> None:
    """Losses and gradients are right, but for rounding, in every check that there is for a net."""
    FastMLP.used = 0
    softmax = bp.NaiveSoftmaxLayer if assignment == 1 else bp.SoftmaxLayer
    classes = {name: getattr(bp, name) for name in bp.__all__} | {"MLP": FastMLP, "SoftmaxLayer": softmax}
    findings = reference.check(classes, assignment=assignment, only="mlp.*")
    assert [finding.check for finding in findings if finding.status != "passed"] == []
    assert len(findings) > 10
    assert FastMLP.used > 30


def test_the_examiner_would_see_a_mistake_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fast path that forgets what a target's class is makes the net fail."""
    monkeypatch.setattr(LogitsHead, "delta", lambda self, Y, targets, step, out: np.multiply(Y, step, out=out))
    classes = {name: getattr(bp, name) for name in bp.__all__} | {"MLP": FastMLP}
    failed = {finding.subject for finding in reference.check(classes, only="mlp.*") if finding.status == "failed"}
    assert failed == {"MLP.gradient"}


CASES = [
    pytest.param({"widths": (2, 10, 3), "naive": True}, {"batch_size": 300}, Whole, id="spirals"),
    pytest.param({"widths": (2, 10, 3)}, {"batch_size": 300}, Whole, id="whole, logits"),
    pytest.param({"widths": (2, 10, 3), "naive": True}, {"batch_size": 128}, Pieces, id="last batch smaller"),
    pytest.param({"widths": (2, 9, 8, 7, 3)}, {"batch_size": 40}, Pieces, id="deep"),
    pytest.param({"widths": (2, 9, 8, 3), "relus": False}, {"batch_size": 299}, Pieces, id="no ReLU, batch of one"),
    pytest.param({"widths": (2, 3)}, {"batch_size": 300}, Whole, id="one layer"),
    pytest.param({"widths": (2, 10, 3), "dtype": np.float32}, {"batch_size": 128}, Pieces, id="single precision"),
    pytest.param({"widths": (2, 60, 3), "naive": True, "dtype": np.float32}, {"batch_size": 300}, Whole, id="single"),
]


@pytest.mark.parametrize("test_set", [True, False])
@pytest.mark.parametrize(("made", "settings", "kind"), CASES)
def test_both_paths_take_the_same_steps(made: Any, settings: Any, kind: type, test_set: bool) -> None:
    """Curves and parameters after 20 epochs differ by roundings: some hundred units, which steps have let grow."""
    X, T, *test = SPIRALS
    extra = {"X_test": test[0], "T_test": test[1]} if test_set else {}
    nets = [make_net(**made) for _ in range(2)]
    assert type(fast_of(nets[0], X, T, settings["batch_size"])) is kind
    fast, plain = (
        bp.train(net, X, T, n_epochs=20, alpha=0.1, fast=fast, **settings, **extra)
        for net, fast in zip(nets, (True, False), strict=True)
    )
    tolerance = 500 * np.finfo(made.get("dtype", np.float64)).eps
    assert fast.acc_train == plain.acc_train
    assert fast.acc_test == plain.acc_test
    assert len(fast.acc_test) == (21 if test_set else 0)
    for found, expected in (
        (fast.loss_train, plain.loss_train), (fast.loss_test, plain.loss_test),
        *zip(fast.amplitude.values(), plain.amplitude.values(), strict=True),
    ):  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=0)
    scale = np.abs(vector(nets[1])).max()
    np.testing.assert_allclose(vector(nets[0]), vector(nets[1]), rtol=0, atol=tolerance * scale)
    assert fast.loss_train[-1] < fast.loss_train[0]


def fast_of(net: bp.MLP, X: Array, T: Array, batch_size: int, threads: int = 1) -> Fast | None:
    dtype = np.result_type(vector(net), np.float32)
    return fast_path(net, Samples(X, T, dtype), None, batch_size, 0.1, threads)


@pytest.mark.parametrize("naive", [False, True])
def test_large_batches_lose_no_piece(naive: bool) -> None:
    """Seventeen pieces in eight lanes, up to three in one: each sample counts once, as on the plain path."""
    X, T = clusters(12_500, 2, 3)
    nets = [make_net((2, 4, 3), naive=naive) for _ in range(2)]
    assert type(fast_of(nets[0], X, T, 12_500)) is Pieces
    fast, plain = (
        bp.train(net, X, T, 12_500, 3, 0.1, fast=fast) for net, fast in zip(nets, (True, False), strict=True)
    )
    # A sum of n numbers in another order: n u of their sizes at most (Higham 2002, section 4.2).
    np.testing.assert_allclose(fast.loss_train, plain.loss_train, rtol=12_500 * 2.0**-53)
    np.testing.assert_allclose(vector(nets[0]), vector(nets[1]), rtol=0, atol=3 * 12_500 * 2.0**-53)


@pytest.mark.parametrize("batch_size", [300, 128])
def test_nothing_is_left_to_the_plain_path(batch_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all is finite neither an epoch nor an evaluation is; and unwatched full batches are done many at once."""
    monkeypatch.setattr(Plain, "epoch", None)
    monkeypatch.setattr(Plain, "before", None)
    runs: list[int] = []
    run = Whole.run
    monkeypatch.setattr(Whole, "run", lambda self, n: runs.append(n) or run(self, n))
    X, T = SPIRALS[:2]
    for _ in range(2):
        assert bp.train(make_net((2, 10, 3)), X, T, batch_size, 30, 0.1).epochs == 30
    assert runs == ([30, 30] if batch_size == 300 else [])


@pytest.mark.parametrize(("kind", "batch_size"), [(Whole, 300), (Pieces, 100)])
def test_memory_has_the_nets_precision(kind: type, batch_size: int) -> None:
    """In single precision nothing is computed in double: every array that is held is of the net's precision."""
    train, test = (Samples(X, T, np.float32) for X, T in (SPIRALS[:2], SPIRALS[2:]))
    for naive in (False, True):
        path = fast_path(make_net((2, 10, 3), naive=naive, dtype=np.float32), train, test, batch_size, 0.1)
        assert type(path) is kind
        held = {array.dtype for array in _arrays(path, set())}
        assert held <= {np.dtype(np.float32), np.dtype(np.intp), np.dtype(np.bool_)}


def _arrays(value: Any, seen: set[int]) -> list[Array]:
    """All that are reached from ``value`` by attributes, lists and dicts, the net itself left out."""
    if id(value) in seen or isinstance(value, bp.MLP):
        return []
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return [value]
    parts: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [array for part in (*parts, *getattr(value, "__dict__", {}).values()) for array in _arrays(part, seen)]


def test_how_many_epochs_are_done_at_once() -> None:
    """As many as leave a mebibyte behind, 250 at most, and one at least."""
    small = fast_of(make_net((2, 3, 2)), *clusters(4, 2, 2), 4)
    large = fast_of(make_net((2, 50_000, 2)), *clusters(4, 2, 2), 4)
    middle = fast_of(make_net((2, 60, 3)), *SPIRALS[:2], 300)
    assert isinstance(small, Whole)
    assert isinstance(large, Whole)
    assert isinstance(middle, Whole)
    assert (small.most, large.most) == (250, 1)
    assert 100 < middle.most < 250
    assert middle._vectors.nbytes + middle._outputs.nbytes < 2**21


def test_stale_outputs_are_seen() -> None:
    """A net that is put back to where it was after the first of two epochs is evaluated anew."""
    X, T = SPIRALS[:2]
    nets = [make_net((2, 10, 3)) for _ in range(2)]
    path, other = (fast_of(net, X, T, 300) for net in nets)
    assert isinstance(path, Whole)
    assert isinstance(other, Whole)
    path.run(2)
    other.run(1)
    for name, (W, b) in nets[0].parameters().items():
        W[...], b[...] = nets[1].parameters()[name]
    found, expected = path.before(), other.before()
    assert found is not None
    assert expected is not None
    np.testing.assert_allclose(found.loss_train, expected.loss_train, rtol=1e-14)


@pytest.mark.parametrize(("kind", "batch_size"), [(Whole, 300), (Pieces, 100)])
def test_means_are_taken_in_double(kind: type, batch_size: int) -> None:
    """Of single-precision losses that are all the same the mean is that loss, to the last bit."""
    net = make_net((2, 3), dtype=np.float32)
    for array in net.parameters()["Linear_0"]:
        array[...] = 0
    path = fast_of(net, *SPIRALS[:2], batch_size)
    assert type(path) is kind
    history = path.before()
    assert history is not None
    assert history.loss_train == [float(np.log1p(np.float32(2)))]
    tenth = np.float32(0.1)
    assert _means(np.full((2, 3000), tenth)) == [float(tenth)] * 2


@pytest.mark.parametrize("threads", [1, 2])
def test_each_piece_is_evaluated_once(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many threads share them."""
    pieces: list[int] = []
    evaluate = _Worker.evaluate
    monkeypatch.setattr(
        _Worker, "evaluate", lambda self, net, piece: pieces.append(len(piece)) or evaluate(self, net, piece)
    )
    X, T = clusters(4500, 2, 3)
    path = fast_of(make_net((2, 10, 3)), X, T, 1500, threads)
    assert path is not None
    path.before()
    assert pieces == [750] * 6


def test_far_logits_are_no_accident() -> None:
    """Where numpy raises: differences that overflow and exponentials that underflow are right as they are."""
    Y = np.array([[1.7e308, 0.0], [-1.7e308, -800.0]])
    targets = Targets.of(np.eye(2))
    head = LogitsHead(2, 2, np.dtype(np.float64))
    delta = np.empty((2, 2))
    with np.errstate(all="raise"):
        head.delta(Y, targets, 1.0, delta)
        losses = head.losses(Y, targets.places)
    assert delta.tolist() == [[0.0, 1.0], [0.0, -1.0]]
    assert losses.tolist() == [0.0, 800.0]


def test_underflow_is_told_to_who_asks() -> None:
    """Who has numpy warn of underflow hears of that of the naive softmax, on the fast path too."""
    net = make_net((2, 3), naive=True)
    net.parameters()["Linear_0"][1][...] = [0, 0, -800]
    X = SPIRALS[0]
    with np.errstate(under="warn"), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        history = bp.train(net, X, np.eye(3)[np.zeros(len(X), int)], batch_size=300, n_epochs=1, alpha=0.001)
    assert history.stopped is None
    assert any("underflow" in str(each.message) for each in said)


def test_fast_path_has_one_thread_and_one_epoch_unless_told() -> None:
    """Of its own, and of its test set it asks the same as of its training set."""
    X, T = clusters(900, 2, 3)
    data, soft = Samples(X, T, np.float64), Samples(X, np.full(T.shape, 1 / 3), np.float64)
    nets = [make_net((2, 5, 3)) for _ in range(3)]
    paths = [fast_path(net, data, None, 300, 0.1) for net in nets]
    assert fast_path(nets[0], data, soft, 300, 0.1) is None
    first, second, third = paths
    assert isinstance(first, Pieces)
    assert isinstance(second, Pieces)
    assert isinstance(third, Pieces)
    assert len(first._workers) == 1
    assert first.run() == second.run(1)
    third.before()
    third.descend()
    assert third._told() == first.before()


@pytest.mark.parametrize("T", [[[1.0, 2.0**-24], [0, 1]], [[1, 0], [0, 1 - 2.0**-22]]], ids=["two classes", "less"])
def test_nearly_one_hot_is_not_one_hot(T: Any) -> None:
    """Targets that are distributions up to rounding alone are left to the plain path."""
    assert not Samples(np.ones((2, 2)), np.array(T), np.float64).one_hot
    assert Samples(np.ones((2, 2)), np.eye(2), np.float64).one_hot


def test_a_step_of_one_is_a_step() -> None:
    """alpha = N makes the factor of the summed gradient 1."""
    nets = [make_net((2, 3), naive=True) for _ in range(2)]
    X, T = clusters(4, 2, 3)
    for net, fast in zip(nets, (True, False), strict=True):
        bp.train(net, X, T, batch_size=4, n_epochs=1, alpha=4.0, fast=fast)
    np.testing.assert_allclose(vector(nets[0]), vector(nets[1]), rtol=1e-13)


@pytest.mark.parametrize("naive", [False, True])
def test_the_way_through_the_net_allocates_nothing_of_a_samples_size(naive: bool) -> None:
    """Forward, back and the head's delta write into memory that is there: not even a row of samples is new."""
    n = 150_000  # of which the smallest array there is has more bytes than two of numpy's buffers of 64 KiB
    for n_back in (n, n - 1):
        shape = shape_of(make_net((2, 3, 2), naive=naive))
        assert shape is not None
        one_pass, targets = Pass(shape, n, n_back), Targets.of(np.eye(2)[np.zeros(n_back, int)])
        net, gradient = (Parameters(shape, np.ones(shape.n_parameters)) for _ in range(2))
        inputs, Y = np.ones((3, n)), np.empty((2, n))
        rows, back = np.ones((n_back, 3)), Y[:, :n_back]
        tracemalloc.start()
        one_pass.forward(net, inputs, Y)
        one_pass.backward(net, rows, back, targets, 0.5, gradient)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < n


def test_threads_change_no_bit() -> None:
    """A batch of four pieces and one of two, and an evaluation of six: one, two, three or nine threads."""
    X, T = clusters(4100, 6, 4)
    runs = []
    for threads in (1, 2, 3, 9):
        net = make_net((6, 12, 4))
        history = bp.train(net, X, T, batch_size=2900, n_epochs=3, X_test=X[:1000], T_test=T[:1000], threads=threads)
        runs.append((history, vector(net).tobytes()))
    assert all(run == runs[0] for run in runs)


@pytest.mark.parametrize("batch_size", [300, 128])
def test_going_on_changes_no_bit(batch_size: int) -> None:
    """However many epochs are done at once: all, or one by one because somebody watches, or 7 and then the rest."""
    X, T, X_test, T_test = SPIRALS
    settings: dict[str, Any] = {"batch_size": batch_size, "alpha": 0.5, "X_test": X_test, "T_test": T_test}
    runs = []
    for first, watch in ((100, None), (100, lambda history: None), (7, None)):
        net = make_net((2, 10, 3), naive=True)
        history = bp.train(net, X, T, n_epochs=first, on_epoch=watch, **settings)
        history = bp.train(net, X, T, n_epochs=100, history=history, **settings)
        runs.append((history, vector(net).tobytes()))
    assert runs[1] == runs[0]
    assert runs[2] == runs[0]


@pytest.mark.parametrize("batch_size", [300, 128])
def test_who_watches_may_change_the_net(batch_size: int) -> None:
    """Weights that `on_epoch` alters are those that the next step starts from, on both paths."""
    X, T = SPIRALS[:2]
    histories = []
    for fast in (True, False):
        net = make_net((2, 10, 3))
        decay = net.layers[0].W.__imul__
        histories.append(
            bp.train(net, X, T, batch_size, 10, 0.5, on_epoch=lambda history, d=decay: d(0.9) is None, fast=fast)
        )
    np.testing.assert_allclose(histories[0].loss_train, histories[1].loss_train, rtol=1e-13)


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


def _accurate_probabilities(net: bp.MLP) -> None:
    net.layers.append(bp.SoftmaxLayer("S_1"))
    net.loss, net.output_layers = bp.LossCrossEntropy("CE"), []


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
        _accurate_probabilities, _odd_output, _naive_with_an_output, _one_layer_single, _no_layer,
    ],
)  # fmt: skip
def test_other_nets_are_left_to_the_plain_path(change: Any) -> None:
    """Whatever is not exactly one of ours, in the usual order, with parameters that are apart."""
    net = make_net((2, 10, 3))
    assert shape_of(net) is not None
    change(net)
    assert shape_of(net) is None


def test_replaced_classes_are_left_to_the_plain_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who replaces a message of a class of ours wants his own to be used."""
    net = make_net((2, 10, 3))
    monkeypatch.setattr(bp.ReLULayer, "forward", lambda self, X: X)
    assert shape_of(net) is None


def test_soft_targets_are_left_to_the_plain_path() -> None:
    """As is a set in which one target has two classes."""
    X, T = clusters(20, 2, 3)
    assert fast_of(make_net((2, 10, 3)), X, T, 20) is not None
    T[3] = [0.5, 0.5, 0]
    assert fast_of(make_net((2, 10, 3)), X, T, 20) is None
    history = bp.train(make_net((2, 10, 3)), X, T, batch_size=20, n_epochs=3)
    assert history == bp.train(make_net((2, 10, 3)), X, T, batch_size=20, n_epochs=3, fast=False)


@pytest.mark.parametrize("state", ["warn", "raise", "ignore"])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("batch_size", [2400, 1200])
def test_both_paths_stop_alike(batch_size: int, threads: int, state: Any) -> None:
    """In the same epoch and batch, with the same words, and the step that would follow is not taken."""
    X, T = clusters(2400, 2, 3)
    outcomes = []
    for fast in (True, False):
        net = make_net((2, 10, 3), naive=True)
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
    """At a target of probability 1e-309 the loss is 711 and finite, but 1 / p_t is not: p - t would hide that."""
    X, T = np.array([[0.5], [0.5]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    for fast in (True, False):
        net = make_net((1, 2), naive=True)
        net.layers[0].W[:], net.layers[0].b[:] = [[0.0, -1420.0]], [0.0, -1.5]  # type: ignore[attr-defined]
        assert 0 < net.propagate(X)[0, 1] < 1e-308
        with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="training stopped"):
            history = bp.train(net, X, T, batch_size, 2, 0.1, fast=fast)
        assert history.stopped_at == {"epoch": 1, "batch": 1, "what": "the gradient (delta) of CE"}
        assert len(history.loss_train) == 1
        assert math.isfinite(history.loss_train[0])


def test_a_test_set_may_be_lost_without_stopping_the_steps() -> None:
    """Of test samples nobody takes the gradient: theirs need not be finite as long as the loss is."""
    X, T = np.array([[0.0]]), np.array([[0.0, 1.0]])
    net = make_net((1, 2), naive=True)
    net.layers[0].W[:], net.layers[0].b[:] = [[0.0, -1420.0]], 0.0  # type: ignore[attr-defined]
    fast = fast_path(net, Samples(X, T, float), Samples(X + 0.501, T, float), 1, 0.1)
    assert fast is not None
    history = fast.run(1)
    assert history is not None
    assert history.loss_test[0] > 709.9


def test_going_on_regardless_is_the_plain_path() -> None:
    """After NaN the curves are those of the plain path."""
    X, T = clusters(60, 2, 3)
    runs = []
    for fast in (True, False):
        net = make_net((2, 10, 3), naive=True)
        with np.errstate(all="ignore"):
            history = bp.train(net, X, T, 20, 6, 1e4, stop_on_nonfinite=False, fast=fast)
        runs.append(history.acc_train)
        assert math.isnan(history.loss_train[-1])
        assert history.epochs == 6
    assert runs[0][-1] == runs[1][-1]


def test_what_numpy_warns_of_is_said_once() -> None:
    """The plain path says it; the fast one, which has tried before, does not."""
    X, T = clusters(60, 2, 3)
    net = make_net((2, 10, 3), naive=True)
    with np.errstate(all="warn", under="ignore"), pytest.warns(RuntimeWarning) as warned:
        bp.train(net, X, T, 60, 50, 1e4)
    assert "heads.py" not in {Path(warning.filename).name for warning in warned}
    assert len(warned) > 1


def test_an_exception_leaves_no_stale_memory() -> None:
    """numpy raises in the middle of a run of epochs; what is computed next starts from the net as it is."""
    X, T = SPIRALS[:2]
    net = make_net((2, 10, 3), naive=True)
    path = fast_of(net, X, T, 300)
    assert isinstance(path, Whole)
    first = path.before()
    assert first is not None
    before, step = vector(net), path._step
    path._step = 1e4
    with np.errstate(all="raise", under="ignore"), pytest.raises(FloatingPointError):
        path.run(20)
    assert np.array_equal(vector(net), before)
    path._step = step
    found = path.run(3)
    other = fast_of(make_net((2, 10, 3), naive=True), X, T, 300)
    assert other is not None
    assert found == other.run(3)


@pytest.mark.parametrize("threads", [1, 2])
def test_steps_allocate_nothing_of_size(threads: int) -> None:
    """An epoch of mini-batches needs less than a single layer's activations; evaluation is of (classes, samples)."""
    X, T = clusters(6000, 50, 3)
    path = fast_of(make_net((50, 80, 80, 3)), X, T, 1500, threads)
    assert isinstance(path, Pieces)
    path.run()
    tracemalloc.start()
    path.run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80 * 750 * 8


@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5)), elements=st.integers(0, 2)
    ),
    st.data(),
)
def test_of_equal_outputs_the_first_counts(Y: Array, data: st.DataObject) -> None:
    """As argmax has it, for any number of ties."""
    classes = data.draw(hnp.arrays(np.intp, Y.shape[2], elements=st.integers(0, Y.shape[1] - 1)))
    places = Targets.of(np.eye(Y.shape[1])[classes]).places
    assert np.array_equal(hits(Y, places), Y.argmax(axis=1) == classes)


@pytest.mark.parametrize("lead", [1.0, 40.0, 300.0, 700.0])
def test_sure_answers_keep_their_loss_and_gradient(lead: float) -> None:
    """Where log(sum) and p - t are 0, what it gives is right but for the rounding of s_k - m, at most |s| u."""
    X = np.array([[lead, 0.3, -0.7], [0.1, lead, 0.2], [-1.0, 2.0, lead]])
    T = np.eye(3)
    loss = bp.LossCrossEntropyForSoftmaxLogits("CE")
    targets, out = Targets.of(T), np.empty((3, 3))
    head = LogitsHead(3, 3, np.dtype(np.float64))
    head.delta(X.T.copy(), targets, 1.0, out)
    allowed = (lead + 10) * np.finfo(np.float64).eps
    np.testing.assert_allclose(out.T, loss.delta(X, T), rtol=allowed, atol=0)
    np.testing.assert_allclose(head.losses(X.T.copy(), targets.places), loss.forward(X, T)[:, 0], rtol=allowed, atol=0)


@pytest.mark.parametrize("threads", [0, 1.5, True, "2"])
def test_bad_numbers_of_threads_are_named(threads: Any) -> None:
    """A ValueError before the first step."""
    with pytest.raises(ValueError, match="expected threads to be an integer of at least 1, got"):
        bp.train(make_net((2, 10, 3)), *SPIRALS[:2], threads=threads)
