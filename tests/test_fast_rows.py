"""Mini-batches on the fast path: a sample is a row, and large products are made in parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bp
from bp.fast.net import Shape, shape_of
from bp.fast.pieces import Pieces
from bp.fast.rows import Matrices, parts, rows_at_once
from bp.samples import Samples
from reports.training.experiments import EXPERIMENTS, build_net
from tests.fast_nets import clusters, fast_of, make_net, vector
from tests.memory import peak_of
from tests.strategies import Array


def _shape(*widths: int, dtype: Any = np.float64) -> Shape:
    shape = shape_of(make_net(widths, dtype=dtype))
    assert shape is not None
    return shape


@pytest.mark.parametrize(
    ("n", "inner", "columns", "sizes"),
    [
        (240, 785, 64, [16] * 15),
        (250, 785, 64, [16] * 15 + [10]),
        (785, 240, 64, [64] * 12 + [17]),
        (240, 65, 64, [240]),
        (241, 65, 64, [240, 1]),
        (100, 1000, 126, [100]),  # eight rows would be too many
        (100, 1000, 125, [8] * 12 + [4]),
    ],
)
@pytest.mark.parametrize("gap", [0, 1])
def test_a_product_is_made_in_parts_of_a_million(n: int, inner: int, columns: int, sizes: list[int], gap: int) -> None:
    """No part has more than a million multiplications, unless eight rows have, and together they are the product."""
    rng = np.random.RandomState(0)
    A, B, out = rng.standard_normal((n, inner)), rng.standard_normal((inner, columns)), np.empty((n, columns + gap))
    found: list[int] = []
    for left, right, to in parts(A, B, out[:, :columns]):
        np.matmul(left, right, to)
        found += [left.shape[-2]] * (len(left) if left.ndim > 2 else 1)
    assert found == sizes
    np.testing.assert_allclose(out[:, :columns], A @ B, rtol=0, atol=inner * 1e-14)


def test_pieces_are_as_large_as_caches_and_products_allow() -> None:
    """MNIST's inputs fill a megabyte, hidden layers take a million multiplications; the rest is bounded either way."""
    mnist = shape_of(build_net(EXPERIMENTS["mnist"]))
    assert mnist is not None
    assert rows_at_once(mnist) == 160
    assert rows_at_once(_shape(784, 64, 64, 10, dtype=np.float32)) == 240
    assert rows_at_once(_shape(10_000, 64, 10)) == 96
    assert rows_at_once(_shape(2, 10, 3)) == 720
    assert rows_at_once(_shape(784, 3)) == 160
    assert rows_at_once(_shape(784, 101, 101, 3)) == 96
    assert rows_at_once(_shape(784, 102, 102, 3)) == 720


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("widths", [(300, 70, 60, 3), (20, 150, 130, 3), (785, 4)])
def test_large_products_train_as_the_plain_path_does(widths: tuple[int, ...], dtype: Any) -> None:
    """Nets whose products are made in parts, and nets too wide for that, end where they do on the plain path."""
    X, T = (array.astype(dtype) for array in clusters(500, widths[0], widths[-1]))
    nets = [make_net(widths, dtype=dtype) for _ in range(2)]
    assert isinstance(fast_of(nets[0], X, T, 250), Pieces)
    for net, fast in zip(nets, (True, False), strict=True):
        bp.train(net, X, T, 250, 2, 0.01, fast=fast)
    assert np.abs(vector(nets[0]) - vector(nets[1])).max() <= 2e4 * np.finfo(dtype).eps
    assert np.abs(vector(nets[0]) - vector(make_net(widths, dtype=dtype))).max() > 0.01


@pytest.mark.parametrize("widths", [(3, 4, 2), (3, 150, 130, 2)])
def test_transposed_weights_are_those_of_the_vector(widths: tuple[int, ...]) -> None:
    """After parameters are read, and after each `turn`, there is the transpose of each matrix but the first."""
    net, (other, matrices) = make_net(widths), (Matrices(_shape(*widths)) for _ in range(2))
    matrices.read(net)
    for change in (0, 1):
        matrices.vector += change
        matrices.turn()
        matrices.write(net)
        weights = [W for W, _ in net.parameters().values()]
        for W, transposed in zip(weights[1:], matrices.transposed, strict=True):
            assert np.array_equal(transposed, W.T)
    other.read(net)
    assert np.array_equal(other.vector, matrices.vector)


def _as_given(X: Array, dtype: Any, *, own: bool = False) -> bool:
    data = Samples(X, np.ones((len(X), 1)), dtype, own=own)
    assert np.array_equal(data.rows, X.astype(dtype))
    assert np.array_equal(data.X, X.astype(dtype))
    return np.shares_memory(data.rows, X)


def test_inputs_stay_where_they_are_if_they_are_quick_to_convert() -> None:
    """Rows of numbers in the net's precision or in a lower one are used in place, unless they have to be kept."""
    X = np.random.RandomState(0).standard_normal((4, 3))
    low = X.astype(np.float32)
    assert _as_given(X, np.float64)
    assert _as_given(low, np.float64)
    assert _as_given(low, np.float32)
    assert not _as_given(X, np.float32)
    assert not _as_given(low.T, np.float64)
    assert not _as_given(low.astype(np.float16), np.float64)
    assert not _as_given(low.astype(low.dtype.newbyteorder()), np.float64)
    assert not _as_given(low, np.float64, own=True)


def test_kept_inputs_do_not_change() -> None:
    """What is kept is the same in both forms after the array that was handed in has changed."""
    X = np.ones((4, 3), np.float32)
    data = Samples(X, np.ones((4, 1)), np.float64)
    rows = data.rows
    X[...] = 0
    assert rows.dtype == np.float32
    assert (rows == 1).all()
    assert (data.X == 1).all()


def test_training_in_mini_batches_copies_no_inputs() -> None:
    """Without `on_epoch` nothing as large as the inputs is allocated, in single precision or in the net's."""
    X, T = clusters(20_000, 100, 2)
    for inputs in (X, X.astype(np.float32)):
        assert peak_of(lambda X=inputs: bp.train(make_net((100, 2)), X, T, 1000, 1, 0.1)) < inputs.nbytes / 2
