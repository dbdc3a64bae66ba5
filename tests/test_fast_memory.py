"""The fast path computes in the net's precision, in memory allocated before the first step."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest

import bp
from bp.fast import fast_path
from bp.fast.heads import Ending, Targets, at_targets, head_of, hits, perform
from bp.fast.memory import empty, full
from bp.fast.net import Parameters, shape_of
from bp.fast.passes import Pass
from bp.fast.pieces import Pieces
from bp.fast.whole import Whole
from bp.samples import Samples
from tests.fast_nets import ENDINGS, SPIRALS, clusters, fast_of, make_net, vector
from tests.memory import peak_of
from tests.strategies import Array


@pytest.mark.parametrize(("kind", "batch_size"), [(Whole, 300), (Pieces, 100)])
def test_memory_has_the_nets_precision(kind: type, batch_size: int) -> None:
    """Every array that the fast path holds has the net's precision, but places and masks."""
    X, T, X_test, T_test = SPIRALS
    for ending, given in product(ENDINGS, (T, 0.7 * T + 0.1)):
        train, test = Samples(X, given, np.float32), Samples(X_test, T_test, np.float32)
        path = fast_path(make_net((2, 10, 3), ending=ending, dtype=np.float32), train, test, batch_size, 0.1)
        assert type(path) is kind
        held = {array.dtype for array in _arrays(path, set())}
        assert held <= {np.dtype(np.float32), np.dtype(np.intp), np.dtype(np.bool_), np.dtype(np.int8)}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_calls_of_a_head_hold_the_nets_precision(ending: Ending) -> None:
    """What a step is multiplied by is converted once to the net's precision, one-hot targets or soft."""
    for T in (np.eye(3)[[0, 1, 1, 2]], np.full((4, 3), 1 / 3)):
        dtype = np.dtype(np.float32)
        head, targets, (Y, out) = (
            head_of(ending, 3, 4, 4, dtype),
            Targets.of(T.astype(dtype)),
            np.ones((2, 3, 4), dtype),
        )
        held = {array.dtype for array in _arrays(head.delta(Y, targets, 0.5, out), set())}
        assert held <= {dtype, np.dtype(np.intp), np.dtype(np.bool_)}


def _arrays(value: Any, seen: set[int]) -> list[Array]:
    """All that are reached from ``value`` by attributes, lists, dicts and prepared calls, the net itself left out."""
    if id(value) in seen or isinstance(value, bp.MLP):
        return []
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return [value]
    parts: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    if isinstance(value, partial):
        parts = (getattr(value.func, "__self__", None), *value.args, *value.keywords.values())
    return [array for part in (*parts, *getattr(value, "__dict__", {}).values()) for array in _arrays(part, seen)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_long_rows_begin_at_a_line_of_the_cache(dtype: Any) -> None:
    """Memory of long rows begins at a multiple of 64 bytes, wherever the system puts it, and has no more than that."""
    shapes = [shape for shift in range(2, 20) for shape in ((shift, 100), (shift, 3, 100))]
    many = [empty(shape, np.dtype(dtype)) for shape in shapes]
    for shape, array in zip(shapes, many, strict=True):
        assert (array.shape, array.dtype) == (shape, dtype)
        assert array.__array_interface__["data"][0] % 64 == 0
    # Each has memory of its own.
    for number, array in enumerate(many):
        array[...] = number
    assert all((array == number).all() for number, array in enumerate(many))
    assert peak_of(partial(empty, (3, 1000), np.dtype(dtype))) < 3000 * np.dtype(dtype).itemsize + 1000


@pytest.mark.parametrize("n", [4, 400])
def test_memory_is_filled_with_one_number_or_one_for_each_column(n: int) -> None:
    """Filled memory has the shape and the precision that are asked for, and the same numbers in each row."""
    one = full((3, n), 0.5, np.dtype(np.float32))
    assert one.tolist() == [[0.5] * n] * 3
    assert one.dtype == np.float32
    each = np.arange(n, dtype=np.float64)
    assert full((3, n), each, np.dtype(np.float64)).tolist() == [each.tolist()] * 3


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_way_through_the_net_allocates_nothing_of_a_samples_size(ending: Ending) -> None:
    """Forward and backward pass allocate nothing as large as a row of samples."""
    n = 150_000  # of which the smallest array there is has more bytes than two of numpy's buffers of 64 KiB
    for n_back in (n, n - 1):
        shape = shape_of(make_net((2, 3, 2), ending=ending))
        assert shape is not None
        one_pass, targets = Pass(shape, n, n_back), Targets.of(np.eye(2)[np.zeros(n_back, int)])
        net, gradient = (Parameters(shape, np.ones(shape.n_parameters)) for _ in range(2))
        inputs, Y = np.ones((3, n)), np.empty((2, n))
        rows, back = np.ones((n_back, 3)), Y[:, :n_back]
        calls = one_pass.forward(net, inputs, Y) + one_pass.backward(net, rows, back, targets, 0.5, gradient)
        assert peak_of(partial(perform, calls)) < n


def test_an_exception_leaves_no_stale_memory() -> None:
    """After numpy has raised in the middle of a run, the next run starts from the present net."""
    X, T = SPIRALS[:2]
    net = make_net((2, 10, 3), ending="naive")
    path = fast_of(net, X, T, 300)
    assert isinstance(path, Whole)
    first = path.before()
    assert first is not None
    before, step, calls = vector(net), path._step, iter(range(50))
    path._step = [*step[:5], partial(next, calls), *step[5:]]
    with pytest.raises(StopIteration):
        path.run(60)
    assert np.array_equal(vector(net), before)
    path._step = step
    found = path.run(3)
    other = fast_of(make_net((2, 10, 3), ending="naive"), X, T, 300)
    assert other is not None
    assert found == other.run(3)


def test_activations_are_held_once_where_all_samples_go_back() -> None:
    """A pass of the same samples forward and back has one array for activations, gradients, zeros and a mask each."""
    shape = shape_of(make_net((2, 200, 3)))
    assert shape is not None
    assert peak_of(lambda: Pass(shape, 100, 100)) < 4.5 * 200 * 100 * 8


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_losses_are_made_in_one_array_of_the_nets_precision(dtype: Any) -> None:
    """Losses have the precision of the outputs; for one-hot targets nothing but them is allocated."""
    for ending in ENDINGS:
        head = head_of(ending, 3, 1000, 1000, np.dtype(dtype))
        for T in (np.eye(3)[np.zeros(1000, int)], np.full((1000, 3), 1 / 3), np.tile([0.5, 0.5, 0], (1000, 1))):
            Y, targets = np.full((50, 3, 1000), 1 / 3, dtype), Targets.of(T.astype(dtype))
            of_target = at_targets(Y, targets.places)
            assert head.losses(Y.copy(), targets, of_target.copy()).dtype == dtype
            if ending != "logits" and targets.one_hot:
                assert peak_of(partial(head.losses, Y, targets, of_target)) < 1.5 * of_target.nbytes


def test_hits_are_found_in_memory_that_is_handed_in() -> None:
    """What is handed in holds the largest outputs, the comparison with them, and the hits."""
    Y = np.array([[[0.1, 0.6, 0.3], [0.9, 0.4, 0.7]]])
    places = Targets.of(np.eye(2)[[0, 0, 1]]).places
    of_target, largest, equal = np.empty((1, 3)), np.empty((1, 3)), np.empty((1, 2, 3), np.bool_)
    assert at_targets(Y, places, of_target) is of_target
    found = hits(Y, places, of_target, largest, equal)
    assert found.tolist() == [[False, True, True]]
    assert largest.tolist() == [[0.9, 0.6, 0.7]]
    assert np.shares_memory(found, equal)
    assert equal[0, 1].tolist() == [True, False, True]


@pytest.mark.parametrize("ending", ["naive", "stable"])
def test_an_evaluation_of_one_hot_targets_allocates_nothing_of_size(ending: Ending) -> None:
    """The history of many epochs is made in memory that is there, but for a buffer in which numpy converts numbers."""
    sets = [Samples(*clusters(300, 2, 2, seed=seed), np.float64) for seed in (1, 2)]
    path = fast_path(make_net((2, 4, 2), ending=ending), *sets, 300, 0.1)
    assert isinstance(path, Whole)
    path.run(50, first=True)
    assert peak_of(lambda: path._history(0, 50)) < 0.75 * 50 * 600 * 8


@pytest.mark.parametrize("threads", [1, 2])
def test_steps_allocate_nothing_of_size(threads: int) -> None:
    """An epoch of mini-batches allocates less than one layer's activations."""
    X, T = clusters(6000, 50, 3)
    path = fast_of(make_net((50, 80, 80, 3)), X, T, 1500, threads)
    assert isinstance(path, Pieces)
    path.run()
    assert peak_of(path.run) < 80 * 750 * 8
