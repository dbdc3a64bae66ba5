"""Whole batches on the fast path: how many epochs are done at once, and what a run leaves behind."""

from __future__ import annotations

import numpy as np
import pytest

import bp
from bp.fast import fast_path
from bp.fast.heads import Ending
from bp.fast.whole import Whole
from bp.samples import Samples
from tests.fast_nets import ENDINGS, SPIRALS, clusters, fast_of, make_net, vector


def test_how_many_epochs_are_done_at_once() -> None:
    """The number of epochs at once is limited to those whose results take 1 MiB, and to 1 to 250.

    Where that is one, there is room for it and for what it begins with.
    """
    small = fast_of(make_net((2, 3, 2)), *clusters(4, 2, 2), 4)
    large = fast_of(make_net((2, 50_000, 2)), *clusters(4, 2, 2), 4)
    middle = fast_of(make_net((2, 60, 3)), *SPIRALS[:2], 300)
    assert isinstance(small, Whole)
    assert isinstance(large, Whole)
    assert isinstance(middle, Whole)
    assert (small.most, large.most) == (250, 1)
    assert len(large._vectors) == len(large._outputs) == 2
    assert 100 < middle.most < 250
    assert middle._vectors.nbytes + middle._outputs.nbytes < 2**21


def _whole_of_spirals() -> tuple[bp.MLP, Whole]:
    """A net and its fast path for whole batches, with a test set."""
    net, sets = make_net((2, 10, 3), ending="stable"), [Samples(*SPIRALS[at : at + 2], np.float64) for at in (0, 2)]
    path = fast_path(net, *sets, 300, 0.1)
    assert isinstance(path, Whole)
    return net, path


def test_inputs_lie_feature_by_feature() -> None:
    """The inputs of all samples are in the order in which BLAS multiplies by them in half the time."""
    _, path = _whole_of_spirals()
    inputs, outputs = path._forward[0].args
    assert inputs.shape == (3, 600)
    assert inputs.flags.c_contiguous
    assert outputs.flags.c_contiguous


def _few(soft: bool) -> tuple[Samples, Samples]:
    """Five training samples and seven test samples of two classes."""
    (X, T), (X_test, T_test) = clusters(5, 2, 2), clusters(7, 2, 2, seed=2)
    T_test = 0.5 * T_test + 0.25 if soft else T_test
    return Samples(X, T, np.float64), Samples(X_test, T_test, np.float64)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_few_test_samples_that_go_back_too_add_nothing(ending: Ending, soft: bool) -> None:
    """The steps from few samples are those that are taken without a test set, and its losses are the plain path's."""
    train, test = _few(soft)
    nets = [make_net((2, 4, 2), ending=ending) for _ in range(3)]
    paths = [fast_path(net, train, each, 5, 0.5) for net, each in zip(nets, (test, None), strict=False)]
    with_test, alone = (path.run(10, first=True) for path in paths if path is not None)
    assert with_test is not None
    assert alone is not None
    sets = train.X, train.T, 5, 10, 0.5, test.X, test.T
    plain = bp.train(nets[2], *sets, fast=False)
    np.testing.assert_allclose(with_test.loss_train, alone.loss_train, rtol=1e-14)
    np.testing.assert_allclose(with_test.loss_test, plain.loss_test, rtol=1e-13)
    np.testing.assert_allclose(vector(nets[0]), vector(nets[1]), rtol=0, atol=1e-14)
    assert with_test.loss_train[-1] < with_test.loss_train[0]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_test_sample_that_is_out_of_reach_spoils_no_step(ending: Ending) -> None:
    """A test sample whose outputs overflow leaves the training as it is: it goes on, by the plain path's steps."""
    train, test = _few(soft=False)
    test.X[3] = 1e308
    nets = [make_net((2, 4, 2), ending=ending) for _ in range(2)]
    runs = []
    for net, fast in zip(nets, (True, False), strict=True):
        with np.errstate(all="ignore"):
            history = bp.train(net, train.X, train.T, 5, 10, 0.5, test.X, test.T, fast=fast, stop_on_nonfinite=False)
        runs.append((history.loss_train, vector(net).tolist()))
    assert np.isfinite(runs[0][1]).all()
    assert runs[0] == runs[1]


def test_epochs_beyond_those_evaluated_together_change_no_bit() -> None:
    """A run that is evaluated in several portions has the numbers of single epochs."""
    (net, path), (other, single) = _whole_of_spirals(), _whole_of_spirals()
    n = path._together + 3
    assert n <= path.most
    found, expected = path.run(n, first=True), single.before()
    assert found is not None
    assert expected is not None
    for _ in range(n):
        more = single.run(1)
        assert more is not None
        expected.extend(more)
    assert found == expected
    assert vector(net).tobytes() == vector(other).tobytes()


def test_a_later_portion_that_fails_leaves_the_net() -> None:
    """If something is not finite in the second portion of a run, the net is as it was before the first."""
    net, path = _whole_of_spirals()
    before, evaluate, asked = vector(net), path._history, list[int]()

    def fail_later(first: int, last: int) -> bp.History | None:
        asked.append(last)
        return evaluate(first, last) if len(asked) == 1 else None

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(path, "_history", fail_later)
        assert path.run(path._together + 1) is None
    assert asked == [path._together, 1]
    assert np.array_equal(vector(net), before)
    assert path.run(2) is not None
    assert not np.array_equal(vector(net), before)


@pytest.mark.parametrize("back_to", [0, 1])
def test_stale_outputs_are_seen(back_to: int) -> None:
    """A net whose parameters were set back between runs, to any epoch, is evaluated anew."""
    X, T = SPIRALS[:2]
    nets = [make_net((2, 10, 3)) for _ in range(2)]
    path, other = (fast_of(net, X, T, 300) for net in nets)
    assert isinstance(path, Whole)
    assert isinstance(other, Whole)
    path.run(2)
    other.run(back_to)
    for name, (W, b) in nets[0].parameters().items():
        W[...], b[...] = nets[1].parameters()[name]
    found, expected = path.before(), other.before()
    assert found is not None
    assert expected is not None
    np.testing.assert_allclose(found.loss_train, expected.loss_train, rtol=1e-14)


def test_outputs_that_an_exception_has_left_are_not_used() -> None:
    """If numpy raises while a net is evaluated, the next run from the parameters before starts from their outputs."""
    X, T = SPIRALS[:2]
    (net, path), (_, other) = (
        (net, fast_of(net, X, T, 300)) for net in (make_net((2, 3), ending="naive") for _ in "ab")
    )
    assert isinstance(path, Whole)
    assert isinstance(other, Whole)
    assert path.run(2) == other.run(2)
    b = net.parameters()["Linear_0"][1]
    before = b.copy()
    b[...] = 1000
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        path.before()
    b[...] = before
    assert path.run(2) == other.run(2)
