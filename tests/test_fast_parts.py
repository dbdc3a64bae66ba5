"""The parts of the fast path keep their promises by themselves: heads, workers, and which nets and samples it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import bp
from bp.fast import Fast, fast_path, heads
from bp.fast.evaluation import Evaluation
from bp.fast.heads import Ending, Targets, head_of, perform
from bp.fast.net import Parameters, shape_of
from bp.fast.passes import Pass
from bp.fast.pieces import Pieces, _Piece, _Worker
from bp.fast.rows import Matrices
from bp.fast.whole import LARGEST, Whole
from bp.samples import Samples
from tests.fast_nets import ENDINGS, SPIRALS, clusters, fast_of, make_net, vector
from tests.strategies import Array

LOSS = bp.LossCrossEntropyForSoftmaxLogits("CE")


def _targets(k: int, n: int, dtype: Any) -> Iterator[Array]:
    """One-hot targets and soft ones, (n, k)."""
    rng = np.random.RandomState(k)
    yield np.eye(k, dtype=dtype)[rng.randint(0, k, n)]
    yield rng.dirichlet(np.ones(k), n).astype(dtype)


@pytest.mark.parametrize("relus", [True, False])
@pytest.mark.parametrize("n", [6, 4])
def test_a_pass_back_through_two_hidden_layers_gives_the_gradient(relus: bool, n: int) -> None:
    """Of the first n samples, with ReLUs or without, the calls compute the gradient that the net itself does."""
    net, (X, T) = make_net((3, 5, 4, 2), relus=relus), clusters(6, 3, 2)
    shape = shape_of(net)
    assert shape is not None
    parameters, gradient = (Parameters(shape, np.full(shape.n_parameters, np.nan)) for _ in range(2))
    parameters.read(net)
    inputs, Y, passes = np.column_stack([X, np.ones(6)]), np.empty((2, 6)), Pass(shape, 6, n)
    perform(passes.forward(parameters, inputs.T, Y))
    perform(passes.backward(parameters, inputs[:n], Y[:, :n], Targets.of(T[:n]), 1 / n, gradient))
    expected = net.gradient(X[:n], T[:n])
    for row, (dW, db) in zip(gradient.rows, expected.values(), strict=True):
        np.testing.assert_allclose(row, np.column_stack([dW.T, db]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("ending", ENDINGS)
def test_heads_depend_on_nothing_that_was_in_memory_before(ending: Ending, k: int, dtype: Any) -> None:
    """Losses and gradients are right to (2 K + 4) units of rounding, whatever was in the memory that is used."""
    for n in (3, 250):
        S = np.random.RandomState(n).uniform(-2, 2, (n, k)).astype(dtype)
        for T in _targets(k, n, dtype):
            head, targets = head_of(ending, k, n, n, np.dtype(dtype)), Targets.of(T)
            for name, memory in vars(head).items():
                if name != "_ones":
                    memory.fill(np.nan)
            Y, delta = S.T.copy(), np.full((k, n), np.nan, dtype)
            perform(head.outputs(Y))
            perform(head.delta(Y, targets, 1.0, delta))
            room = (2 * k + 4) * np.finfo(dtype).eps / 2
            wide = S.astype(np.float64), T.astype(np.float64)
            assert np.abs(delta.T - LOSS.delta(*wide)).max() <= room
            truth = LOSS.forward(*wide)[:, 0]
            assert (np.abs(head.losses(Y, targets) - truth) <= room * np.maximum(truth, 1)).all()


@pytest.mark.parametrize("ending", ENDINGS)
def test_losses_have_the_precision_of_the_net(ending: Ending) -> None:
    """Single precision stays single where a soft target has a class without a share."""
    T = np.array([[0.5, 0.5, 0.0], [0.25, 0.0, 0.75]], np.float32)
    head, Y = head_of(ending, 3, 2, 2, np.dtype(np.float32)), np.ones((3, 2), np.float32)
    perform(head.outputs(Y))
    assert head.losses(Y, Targets.of(T)).dtype == np.float32


@pytest.mark.parametrize("k", [2, 3, 4, 5])
@pytest.mark.parametrize("ending", ["stable", "logits"])
def test_the_largest_of_all_outputs_is_subtracted(ending: Ending, k: int) -> None:
    """Whichever class has an output whose exponential overflows, the gradient says that its probability is 1."""
    targets, (Y, delta) = Targets.of(np.eye(k)[np.zeros(k, int)]), np.zeros((2, k, k))
    Y[np.diag_indices(k)] = 1000
    head = head_of(ending, k, k, k, np.dtype(np.float64))
    with np.errstate(over="raise", invalid="raise"):
        perform(head.outputs(Y))
        perform(head.delta(Y, targets, 1.0, delta))
    assert np.array_equal(delta.T, np.eye(k) - np.eye(k)[np.zeros(k, int)])


@pytest.mark.parametrize("ending", ["naive", "stable"])
def test_a_class_without_a_share_adds_nothing(ending: Ending) -> None:
    """What a target gives no share to adds nothing to the loss, even if its probability has vanished."""
    head, targets = head_of(ending, 3, 1, 1, np.dtype(np.float64)), Targets.of(np.array([[0.5, 0.5, 0.0]]))
    with np.errstate(all="raise"):
        assert head.losses(np.array([[0.5], [0.5], [0.0]]), targets) == pytest.approx(np.log(2), rel=1e-15)


@pytest.mark.parametrize("T", [[1.0, 0.0], [0.5, 0.5]], ids=["one-hot", "soft"])
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_history_tells_of_each_step_that_broke(at: int, T: list[float]) -> None:
    """A quotient of the loss that is not finite spoils the history if a step has started there, thus not at the end.

    What is given for the test set does not matter.
    """
    shape = shape_of(make_net((1, 2), ending="naive"))
    assert shape is not None
    head = head_of("naive", 2, 3, 2, shape.dtype)
    outputs = np.full((4, 2, 3), 0.5)
    for lost, spoils in ((0.1 * QUARTER * 2.0**-1022, True), (0.6 * 2.0**-1024, T[0] == 1)):
        evaluation = Evaluation(head, shape, ["Linear_0"], [np.array([T, T]), np.array([[0.0, 1.0]])], 3)
        now = outputs.copy()
        now[at, :, 0] = lost, 1 - lost
        history = evaluation.history(now, np.zeros((4, 4)), 0)
        assert (history is None) == (spoils and at < 3)


#: 2^-1026 times the largest number: of a larger target, divided by 2^-1026, only infinity is left.
QUARTER = (1 - 2.0**-53) / 4


@pytest.mark.parametrize(
    ("T", "Y", "breaks"),
    [
        ([1, 0], [1.5 * 2.0**-1024, 1], False),
        ([1, 0], [2.0**-1024, 1], True),
        ([1, 0], [np.nan, np.nan], True),
        ([0, 0.5, 0.5], [1e-320, 0.5, 0.5], False),
        ([0, 0.5, 0.5], [0.5, 1e-320, 0.5], True),
        ([QUARTER, 1 - QUARTER], [2.0**-1026, 1], False),
        ([0.25, 0.75], [2.0**-1026, 1], True),
        ([0.25, 0.75], [np.nan, 1], True),
    ],
)
def test_a_gradient_breaks_where_a_quotient_of_the_loss_is_not_finite(T: Any, Y: Any, breaks: bool) -> None:
    """The head tells of a t / y that is infinite or NaN, and of no other, as the plain path has it."""
    head = head_of("naive", len(T), 1, 1, np.dtype(np.float64))
    outputs, targets = np.array([Y], np.float64).T, Targets.of(np.array([T], np.float64))
    assert head.breaks(outputs, targets) is breaks
    with np.errstate(all="ignore"):
        plain = bp.LossCrossEntropy("CE").delta(outputs.T, np.array([T], np.float64))
    assert np.isfinite(plain).all() == (not breaks)


@pytest.mark.parametrize("ending", ["naive", "stable"])
def test_outputs_of_the_targets_are_looked_up_once(ending: Ending, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole batches take the outputs of the targets' classes once, for losses, hits and what breaks."""
    expected = fast_of(make_net((2, 10, 3), ending=ending), *SPIRALS[:2], 300)
    path = fast_of(make_net((2, 10, 3), ending=ending), *SPIRALS[:2], 300)
    assert isinstance(expected, Whole)
    assert isinstance(path, Whole)
    history = expected.run(3, first=True)
    monkeypatch.setattr(heads, "at_targets", None)
    assert path.run(3, first=True) == history


@pytest.mark.parametrize("batch_size", [2, 1])
def test_the_compound_loss_is_known_beyond_all_probabilities(batch_size: int) -> None:
    """Where the probability of the target is 0 in double precision the compound loss is finite on the fast path."""
    net = make_net((1, 2))
    net.parameters()["Linear_0"][0][...], net.parameters()["Linear_0"][1][...] = [[0.0, 800.0]], 0
    path = fast_of(net, np.array([[-1.0], [-1.0]]), np.eye(2)[[1, 1]], batch_size)
    assert path is not None
    history = path.before()
    assert history is not None
    assert history.loss_train == [800.0]


def test_a_vector_of_parameters_holds_them_and_nothing_else() -> None:
    """The vector has as many numbers as the net has weights and biases."""
    net = make_net((2, 9, 8, 3))
    shape = shape_of(net)
    assert shape is not None
    assert shape.n_parameters == vector(net).size


def test_the_gradients_of_pieces_add_up() -> None:
    """A worker's gradient of several pieces is that of all their samples."""
    net, (X, T) = make_net((2, 5, 3)), clusters(30, 2, 3)
    shape, data = shape_of(net), Samples(X, T, np.float64)
    assert shape is not None
    parameters, *gradients = (Matrices(shape) for _ in range(3))
    parameters.read(net)
    for size, gradient in zip((10, 30), gradients, strict=True):
        pieces = [_Piece(data.rows[at : at + size], data.T[at : at + size]) for at in range(0, 30, size)]
        _Worker(shape, {size}, parameters).backward(pieces, 0.5, gradient)
    np.testing.assert_allclose(gradients[0].vector, gradients[1].vector, rtol=0, atol=30 * 10 * 2.0**-53)
    assert np.abs(gradients[1].vector).max() > 0.1


def test_mini_batches_run_without_the_untrained_net_unless_asked() -> None:
    """A run of one epoch has one number; with that of the untrained net it has two."""
    path = fast_of(make_net((2, 3)), *SPIRALS[:2], 100)
    assert isinstance(path, Pieces)
    for first, n in ((False, 1), (True, 2)):
        history = path.run(first=first)
        assert history is not None
        assert len(history.loss_train) == n
    history = path.run()
    assert history is not None
    assert len(history.loss_train) == 1


def _path(net: bp.MLP, n_test: int, dtypes: tuple[Any, Any] = (np.float64, np.float64)) -> Fast | None:
    """The fast path for a batch of three samples with a test set."""
    (X, T), (X_test, T_test) = clusters(3, 2, 3), clusters(n_test, 2, 3)
    return fast_path(net, Samples(X, T, dtypes[0]), Samples(X_test, T_test, dtypes[1]), 3, 0.1)


def test_the_fast_path_is_refused_where_it_cannot_be_right() -> None:
    """There is no fast path for a net that is not known, nor for samples in another precision than the net's."""
    net = make_net((2, 4, 3))
    assert isinstance(_path(net, 4), Whole)
    assert _path(net, 4, (np.float32, np.float64)) is None
    assert _path(net, 4, (np.float64, np.float32)) is None
    net.layers.append(bp.ReLULayer("last"))
    assert _path(net, 4) is None


def test_test_samples_count_for_what_fits_the_cache() -> None:
    """A batch of all training samples goes through the net in pieces if the test set is large."""
    assert isinstance(_path(make_net((2, 4, 3)), LARGEST - 3), Whole)
    assert isinstance(_path(make_net((2, 4, 3)), LARGEST - 2), Pieces)
