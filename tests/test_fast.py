"""The fast path of training passes the examiner and takes the same steps as the plain path."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import bp
import reference
from bp.fast import fast_path, whole
from bp.fast.evaluation import Parts, means
from bp.fast.heads import Ending, LogitsHead, Targets, hits, perform
from bp.fast.pieces import Pieces, _Worker
from bp.fast.whole import Whole
from bp.plain import Plain
from bp.samples import Samples
from reference.execution.in_process import InProcess
from tests.comparing import needs_flint
from tests.examining import Unexplained
from tests.fast_mlp import FastMLP
from tests.fast_nets import ENDINGS, SPIRALS, clusters, fast_of, make_net, vector
from tests.strategies import Array


@needs_flint
@pytest.mark.parametrize("assignment", [1, 2, 3])
def test_the_examiner_passes_the_fast_path(assignment: int) -> None:
    """Losses and gradients of the fast path pass every check of a net, with each ending."""
    FastMLP.used = 0
    softmax = bp.NaiveSoftmaxLayer if assignment == 1 else bp.SoftmaxLayer
    classes = {name: getattr(bp, name) for name in bp.__all__} | {"MLP": FastMLP, "SoftmaxLayer": softmax}
    findings = reference.check(classes, assignment=assignment, only="mlp.*")
    assert [finding.check for finding in findings if finding.status != "passed"] == []
    assert len(findings) > 10
    assert FastMLP.used > 30


def test_the_examiner_would_see_a_mistake_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fast path that ignores the target's class fails."""
    monkeypatch.setattr(LogitsHead, "delta", lambda self, Y, targets, step, out: [partial(np.multiply, Y, step, out)])
    classes = {name: getattr(bp, name) for name in bp.__all__} | {"MLP": FastMLP}
    findings = Unexplained(InProcess(classes, {}), "fast", only="mlp.*", effort="quick")
    failed = {finding.subject for finding in findings if finding.status == "failed"}
    # Without ball arithmetic the rehearsal sees it, which is about the class.
    assert failed in ({"MLP.gradient"}, {"MLP"})


CASES = [
    pytest.param({"widths": (2, 10, 3), "ending": "naive"}, {"batch_size": 300}, Whole, id="spirals"),
    pytest.param({"widths": (2, 10, 3)}, {"batch_size": 300}, Whole, id="whole, logits"),
    pytest.param({"widths": (2, 10, 3), "ending": "naive"}, {"batch_size": 128}, Pieces, id="last batch smaller"),
    pytest.param({"widths": (2, 9, 8, 7, 3)}, {"batch_size": 40}, Pieces, id="deep"),
    pytest.param({"widths": (2, 9, 8, 3), "relus": False}, {"batch_size": 299}, Pieces, id="no ReLU, batch of one"),
    pytest.param({"widths": (2, 3)}, {"batch_size": 300}, Whole, id="one layer"),
    pytest.param({"widths": (2, 9, 8, 7, 3)}, {"batch_size": 300}, Whole, id="whole, deep"),
    pytest.param({"widths": (2, 9, 8, 3), "relus": False}, {"batch_size": 300}, Whole, id="whole, no ReLU"),
    pytest.param({"widths": (2, 10, 3), "dtype": np.float32}, {"batch_size": 128}, Pieces, id="single precision"),
    pytest.param(
        {"widths": (2, 60, 3), "ending": "naive", "dtype": np.float32}, {"batch_size": 300}, Whole, id="single"
    ),
    pytest.param({"widths": (2, 10, 3), "ending": "stable"}, {"batch_size": 300}, Whole, id="whole, stable"),
    pytest.param({"widths": (2, 9, 8, 3), "ending": "stable"}, {"batch_size": 128}, Pieces, id="pieces, stable"),
    pytest.param({"widths": (2, 10, 3), "ending": "stable", "dtype": np.float32}, {"batch_size": 300}, Whole, id="f4"),
]


@pytest.mark.parametrize("test_set", [True, False])
@pytest.mark.parametrize(("made", "settings", "kind"), CASES)
def test_both_paths_take_the_same_steps(made: Any, settings: Any, kind: type, test_set: bool) -> None:
    """Curves and parameters of both paths differ after 20 epochs by some hundred units of rounding."""
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


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch_size", [300, 128])
@pytest.mark.parametrize("ending", ENDINGS)
def test_soft_targets_take_the_same_steps(ending: Ending, batch_size: int, dtype: Any) -> None:
    """With soft targets in every other batch both paths take the same steps, and the plain path is not needed."""
    X, T, X_test, T_test = (array.astype(np.float64) for array in SPIRALS)
    T[128:256] = np.random.RandomState(0).dirichlet([0.3] * 3, 128)
    T[130] = [0, 0.5, 0.5]
    T_test[7] = [0.25, 0.75, 0]
    nets = [make_net((2, 10, 3), ending=ending, dtype=dtype) for _ in range(2)]
    settings: dict[str, Any] = {"X_test": X_test, "T_test": T_test, "alpha": 0.1, "batch_size": batch_size}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Plain, "epoch", None)
        fast = bp.train(nets[0], X, T, n_epochs=20, **settings)
    plain = bp.train(nets[1], X, T, n_epochs=20, fast=False, **settings)
    tolerance = 500 * np.finfo(dtype).eps
    assert (fast.acc_train, fast.acc_test) == (plain.acc_train, plain.acc_test)
    np.testing.assert_allclose(fast.loss_train, plain.loss_train, rtol=tolerance)
    np.testing.assert_allclose(fast.loss_test, plain.loss_test, rtol=tolerance)
    np.testing.assert_allclose(vector(nets[0]), vector(nets[1]), rtol=0, atol=tolerance * np.abs(vector(nets[1])).max())


@pytest.mark.parametrize("T", [[[1.0, 0.0]], [[0.75, 0.25]]], ids=["one-hot", "soft"])
@pytest.mark.parametrize("batch_size", [2, 1])
def test_a_probability_that_is_lost_stops_both_paths(batch_size: int, T: Any) -> None:
    """Where the stable softmax underflows to 0 the cross-entropy of it is infinite, on both paths."""
    stopped = []
    for fast in (True, False):
        net = make_net((1, 2), ending="stable")
        net.parameters()["Linear_0"][0][...], net.parameters()["Linear_0"][1][...] = [[0.0, 800.0]], 0
        with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="training stopped"):
            history = bp.train(net, np.array([[-1.0], [1.0]]), np.repeat(T, 2, axis=0), batch_size, 2, 0.1, fast=fast)
        stopped.append(history.stopped)
        assert history.stopped_at == {"epoch": 0, "batch": None, "what": "the loss of CE"}
    assert stopped[0] == stopped[1]


@pytest.mark.parametrize("state", ["raise", "warn"])
@pytest.mark.parametrize("batch_size", [2, 1])
@pytest.mark.parametrize("ending", ["stable", "logits"])
def test_probabilities_that_vanish_off_the_target_are_right(ending: Ending, batch_size: int, state: Any) -> None:
    """An exponential that underflows off the target is no accident: nothing is reported, and the fast path does it."""
    net = make_net((1, 2), ending=ending)
    net.parameters()["Linear_0"][0][...], net.parameters()["Linear_0"][1][...] = [[0.0, 800.0]], 0
    with pytest.MonkeyPatch.context() as patched, np.errstate(all=state):
        patched.setattr(Plain, "epoch", None)
        history = bp.train(net, np.array([[-1.0], [1.0]]), np.eye(2), batch_size, 2, 0.1)
    assert (history.loss_train, history.stopped) == ([0.0] * 3, None)


@pytest.mark.parametrize("batch_size", [300, 128])
def test_both_paths_have_targets_of_their_own(batch_size: int) -> None:
    """Sets that `on_epoch` changes after training has begun change nothing, on both paths."""
    histories = []
    for fast in (True, False):
        X, T = (array.astype(np.float64) for array in SPIRALS[:2])
        sets = X, T, X[::-1].copy(), T[::-1].copy()

        def spoil(history: bp.History, sets: tuple[Array, ...] = sets) -> None:
            for inputs, targets in (sets[:2], sets[2:]):
                inputs[:], targets[:] = 0, [0, 0, 1]

        net, (X, T, *test) = make_net((2, 10, 3)), sets
        histories.append(bp.train(net, X, T, batch_size, 5, 0.1, *test, on_epoch=spoil, fast=fast))
    np.testing.assert_allclose(histories[0].loss_train, histories[1].loss_train, rtol=1e-13)
    for history in histories:  # the same samples in another order
        np.testing.assert_allclose(history.loss_test, history.loss_train, rtol=1e-13)


@pytest.mark.parametrize("ending", ENDINGS)
def test_large_batches_lose_no_piece(ending: Ending) -> None:
    """In a batch of seventeen pieces each sample counts once, as on the plain path."""
    X, T = clusters(12_500, 2, 3)
    nets = [make_net((2, 4, 3), ending=ending) for _ in range(2)]
    assert type(fast_of(nets[0], X, T, 12_500)) is Pieces
    fast, plain = (
        bp.train(net, X, T, 12_500, 3, 0.1, fast=fast) for net, fast in zip(nets, (True, False), strict=True)
    )
    # A sum of n numbers in another order: n u of their sizes at most (Higham 2002, section 4.2).
    np.testing.assert_allclose(fast.loss_train, plain.loss_train, rtol=12_500 * 2.0**-53)
    np.testing.assert_allclose(vector(nets[0]), vector(nets[1]), rtol=0, atol=3 * 12_500 * 2.0**-53)


@pytest.mark.parametrize("batch_size", [300, 128])
def test_nothing_is_left_to_the_plain_path(batch_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all is finite the plain path does nothing, and unwatched full batches are done many at once.

    The first of them are done together with the evaluation of the untrained net.
    """
    monkeypatch.setattr(Plain, "epoch", None)
    monkeypatch.setattr(Plain, "before", None)
    runs: list[tuple[int, bool]] = []
    run = Whole.run
    monkeypatch.setattr(Whole, "run", lambda self, n, first: runs.append((n, first)) or run(self, n, first=first))
    net, (X, T) = make_net((2, 10, 3)), SPIRALS[:2]
    history = bp.train(net, X, T, batch_size, 30, 0.1)
    assert bp.train(net, X, T, batch_size, 70, 0.1, history=history).epochs == 70
    assert runs == ([(30, True), (40, False)] if batch_size == 300 else [])


@pytest.mark.parametrize(
    ("most", "fails_in", "runs"),
    [(4, 3, [4, 4, 1, 1, 1, 1, 3]), (2, 2, [2, 2, 1, 1, 2, 2, 1]), (2, 3, [2, 2, 1, 1, 2, 1])],
)
def test_only_the_epoch_that_fails_is_left_to_the_plain_path(
    most: int, fails_in: int, runs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If one of several epochs at once fails, they are done one by one, that one plainly, and later ones at once."""
    asked: list[int] = []
    plain: list[int] = []
    run, epoch = Whole.run, Plain.epoch
    history = bp.History()

    def failing(self: Whole, n: int, *, first: bool) -> bp.History | None:
        asked.append(n)
        return None if history.epochs < fails_in <= history.epochs + n else run(self, n, first=first)

    monkeypatch.setattr(whole, "_EPOCHS", most)
    monkeypatch.setattr(Whole, "run", failing)
    monkeypatch.setattr(Plain, "epoch", lambda self, number: plain.append(number) or epoch(self, number))
    bp.train(make_net((2, 10, 3)), *SPIRALS[:2], 300, 7, 0.1, history=history)
    assert history.epochs == 7
    assert plain == [fails_in]
    assert asked == runs


@pytest.mark.parametrize(("kind", "batch_size"), [(Whole, 300), (Pieces, 100)])
def test_means_are_taken_in_double(kind: type, batch_size: int) -> None:
    """The mean of equal losses in single precision is that loss, to the last bit."""
    net = make_net((2, 3), dtype=np.float32)
    for array in net.parameters()["Linear_0"]:
        array[...] = 0
    path = fast_of(net, *SPIRALS[:2], batch_size)
    assert type(path) is kind
    history = path.before()
    assert history is not None
    assert history.loss_train == [float(np.log1p(np.float32(2)))]
    tenth = np.float32(0.1)
    assert means(np.full((2, 3000), tenth), Parts.of([1000, 2000])) == [[float(tenth)] * 2] * 2


@pytest.mark.parametrize("threads", [1, 2])
def test_each_piece_is_evaluated_once(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece is evaluated once for any number of threads."""
    pieces: list[int] = []
    evaluate = _Worker.evaluate
    monkeypatch.setattr(_Worker, "evaluate", lambda self, piece: pieces.append(len(piece)) or evaluate(self, piece))
    X, T = clusters(4500, 2, 3)
    path = fast_of(make_net((2, 10, 3)), X, T, 1500, threads)
    assert path is not None
    path.before()
    assert sorted(pieces) == [564, *[656] * 6]


def test_far_logits_are_no_accident() -> None:
    """Overflowing differences and underflowing exponentials raise nothing, since their results are right."""
    Y = np.array([[1.7e308, 0.0], [-1.7e308, -800.0]])
    targets = Targets.of(np.eye(2))
    head = LogitsHead(2, 2, np.dtype(np.float64))
    delta = np.empty((2, 2))
    with np.errstate(all="raise"), head.state():
        perform(head.delta(Y, targets, 1.0, delta))
        losses = head.losses(Y, targets)
    assert delta.tolist() == [[0.0, 1.0], [0.0, -1.0]]
    assert losses.tolist() == [0.0, 800.0]


def test_underflow_is_told_to_who_asks() -> None:
    """A warning of underflow that numpy was asked for is given on the fast path too."""
    net = make_net((2, 3), ending="naive")
    net.parameters()["Linear_0"][1][...] = [0, 0, -800]
    X = SPIRALS[0]
    with np.errstate(under="warn"), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        history = bp.train(net, X, np.eye(3)[np.zeros(len(X), int)], batch_size=300, n_epochs=1, alpha=0.001)
    assert history.stopped is None
    assert any("underflow" in str(each.message) for each in said)


def test_fast_path_has_one_thread_and_one_epoch_unless_told() -> None:
    """By default the fast path uses one thread and runs one epoch."""
    X, T = clusters(900, 2, 3)
    data = Samples(X, T, np.float64)
    nets = [make_net((2, 5, 3)) for _ in range(3)]
    paths = [fast_path(net, data, None, 300, 0.1) for net in nets]
    first, second, third = paths
    assert isinstance(first, Pieces)
    assert isinstance(second, Pieces)
    assert isinstance(third, Pieces)
    assert len(first._workers) == 1
    assert first.run() == second.run(1)
    third.before()
    third.descend()
    assert third._history() == first.before()


def test_a_step_of_one_is_a_step() -> None:
    """alpha = N, which makes the factor of the summed gradient 1, works."""
    nets = [make_net((2, 3), ending="naive") for _ in range(2)]
    X, T = clusters(4, 2, 3)
    for net, fast in zip(nets, (True, False), strict=True):
        bp.train(net, X, T, batch_size=4, n_epochs=1, alpha=4.0, fast=fast)
    np.testing.assert_allclose(vector(nets[0]), vector(nets[1]), rtol=1e-13)


def test_threads_change_no_bit() -> None:
    """One, two, three and nine threads give the same bits."""
    X, T = clusters(4100, 6, 4)
    runs = []
    for threads in (1, 2, 3, 9):
        net = make_net((6, 12, 4))
        history = bp.train(net, X, T, batch_size=2900, n_epochs=3, X_test=X[:1000], T_test=T[:1000], threads=threads)
        runs.append((history, vector(net).tobytes()))
    assert all(run == runs[0] for run in runs)


@pytest.mark.parametrize("threads", [10**6, 10**400])
def test_threads_without_work_are_not_started(threads: int) -> None:
    """However many threads are asked for, there are no more than a batch or a set has pieces."""
    X, T = clusters(1600, 2, 3)
    path = fast_of(make_net((2, 4, 3)), X, T, 800, threads)
    assert isinstance(path, Pieces)
    assert len(path._workers) == 3
    assert isinstance(path._others, ThreadPoolExecutor)
    assert path._others._max_workers == 2  # besides this one
    assert len(path._gradients) == 2
    assert path.run() == fast_of(make_net((2, 4, 3)), X, T, 800).run(1)  # type: ignore[union-attr]


@pytest.mark.parametrize("batch_size", [300, 128])
def test_going_on_changes_no_bit(batch_size: int) -> None:
    """The number of epochs done at once changes no bit."""
    X, T, X_test, T_test = SPIRALS
    settings: dict[str, Any] = {"batch_size": batch_size, "alpha": 0.5, "X_test": X_test, "T_test": T_test}
    runs = []
    for first, watch in ((100, None), (100, lambda history: None), (7, None)):
        net = make_net((2, 10, 3), ending="naive")
        history = bp.train(net, X, T, n_epochs=first, on_epoch=watch, **settings)
        history = bp.train(net, X, T, n_epochs=100, history=history, **settings)
        runs.append((history, vector(net).tobytes()))
    assert runs[1] == runs[0]
    assert runs[2] == runs[0]


@pytest.mark.parametrize("batch_size", [300, 128])
def test_who_watches_may_change_the_net(batch_size: int) -> None:
    """Weights that `on_epoch` changes are those that the next step starts from, on both paths."""
    X, T = SPIRALS[:2]
    histories = []
    for fast in (True, False):
        net = make_net((2, 10, 3))
        decay = net.layers[0].W.__imul__
        histories.append(
            bp.train(net, X, T, batch_size, 10, 0.5, on_epoch=lambda history, d=decay: d(0.9) is None, fast=fast)
        )
    np.testing.assert_allclose(histories[0].loss_train, histories[1].loss_train, rtol=1e-13)


@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5)), elements=st.integers(0, 2)
    ),
    st.data(),
)
def test_of_equal_outputs_the_first_counts(Y: Array, data: st.DataObject) -> None:
    """Of equal largest outputs the first counts, as in argmax."""
    classes = data.draw(hnp.arrays(np.intp, Y.shape[2], elements=st.integers(0, Y.shape[1] - 1)))
    places = Targets.of(np.eye(Y.shape[1])[classes]).places
    assert np.array_equal(hits(Y, places), Y.argmax(axis=1) == classes)


@pytest.mark.parametrize("lead", [1.0, 40.0, 300.0, 700.0])
def test_sure_answers_keep_their_loss_and_gradient(lead: float) -> None:
    """For surely right samples loss and gradient are right up to the rounding of s_k - m, at most |s| u."""
    X = np.array([[lead, 0.3, -0.7], [0.1, lead, 0.2], [-1.0, 2.0, lead]])
    T = np.eye(3)
    loss = bp.LossCrossEntropyForSoftmaxLogits("CE")
    targets, out = Targets.of(T), np.empty((3, 3))
    head = LogitsHead(3, 3, np.dtype(np.float64))
    perform(head.delta(X.T.copy(), targets, 1.0, out))
    allowed = (lead + 10) * np.finfo(np.float64).eps
    np.testing.assert_allclose(out.T, loss.delta(X, T), rtol=allowed, atol=0)
    np.testing.assert_allclose(head.losses(X.T.copy(), targets), loss.forward(X, T)[:, 0], rtol=allowed, atol=0)


@pytest.mark.parametrize("threads", [0, 1.5, True, "2"])
def test_bad_numbers_of_threads_are_named(threads: Any) -> None:
    """An impossible number of threads raises a ValueError before the first step."""
    with pytest.raises(ValueError, match="expected threads to be an integer of at least 1, got"):
        bp.train(make_net((2, 10, 3)), *SPIRALS[:2], threads=threads)
