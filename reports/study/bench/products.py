"""The matrix products of a training epoch and nothing else, whose time no way to train can save."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bp.fast.rows import parts
from reports.study.bench.timing import interleaved

Array = NDArray[Any]
#: One product, or a stack of them: the left and the right factor, and the array for the result.
Product = tuple[Array, Array, Array]

#: Some normal numbers. How many does not matter; a prime, so that no two rows of an array are equal.
_DRAWN = np.random.RandomState(0).standard_normal(9973)
#: The axes of a matrix; a stack of matrices has another.
_AXES = 2
#: How many samples go through the network at once; 0: a whole batch.
_PIECES = (160, 240, 500, 750, 1000, 0)


@dataclass(frozen=True)
class Workload:
    """What decides the products of an epoch.

    Attributes
    ----------
    widths
        The widths of the network, from the input to the classes.
    train, test
        Inputs (N, D), in the precision of the network; None if there is no test set.
    batch_size
        The number of samples in a step.
    evaluated
        Whether the losses of both sets are computed after the epoch. If the training set is one batch, the next step
        needs its outputs anyway, and only the test set takes further products.
    """

    widths: tuple[int, ...]
    train: Array
    test: Array | None
    batch_size: int
    evaluated: bool


@dataclass(frozen=True)
class Layout:
    """Whether a sample is a row or a column of the arrays, and how many samples go through the network at once.

    ``parts``: each product is made in parts of as few multiplications as those of `bp.fast.rows`.
    """

    columns: bool
    piece: int
    parts: bool = False

    def __str__(self) -> str:
        """The layout in words, for a table."""
        rows = "a sample a column" if self.columns else "a sample a row"
        return f"{rows}, {self.piece or 'all samples of a batch'} at once" + (", in parts" if self.parts else "")


def products(work: Workload, layout: Layout) -> list[Product]:
    """All products of an epoch, in the order in which they are computed."""
    net, found = _nets(work, layout), list[Product]()
    for start in range(0, len(work.train), work.batch_size):
        batch = work.train[start : start + work.batch_size]
        for X in _slices(batch, layout.piece):
            found += [*net(len(X)).forward(X), *net(len(X)).backward(X)]
    return found + (evaluation(work, layout) if work.evaluated else [])


def evaluation(work: Workload, layout: Layout) -> list[Product]:
    """The products that the losses of both sets take; those of the training set only if the next step does not."""
    net, found = _nets(work, layout), list[Product]()
    whole = work.batch_size == len(work.train)
    for each in [work.test] if whole else [work.train, work.test]:
        if each is not None:
            for X in _slices(each, layout.piece):
                found += net(len(X)).forward(X)
    return found


def _nets(work: Workload, layout: Layout) -> Callable[[int], _Net]:
    """A function that gives the arrays for n samples, the same whenever it is asked."""
    return functools.cache(lambda n: _Net(work.widths, n, layout, work.train.dtype))


def run(todo: Sequence[Product], times: int = 1) -> None:
    """Compute the products, ``times`` times."""
    calls = [partial(np.dot if out.ndim == _AXES else np.matmul, left, right, out=out) for left, right, out in todo]
    for _ in range(times):
        for call in calls:
            call()


def fastest(work: Workload, rounds: int) -> tuple[Layout, list[Product]]:
    """The layout whose products take the least time on this machine, and these products."""
    largest = min(work.batch_size, len(work.train))
    ways = [(True, False), (False, False), (False, True)]
    layouts = [Layout(columns, piece, parts) for columns, parts in ways for piece in _PIECES if piece < largest]
    # Two batches show the same as an epoch of many.
    few = Workload(work.widths, work.train[: 2 * work.batch_size], None, work.batch_size, work.evaluated)
    todo = {layout: products(few, layout) for layout in layouts}
    times = interleaved({str(layout): partial(run, each) for layout, each in todo.items()}, rounds)
    best = min(layouts, key=lambda layout: median(times.seconds[str(layout)]))
    return best, products(work, best)


def _slices(X: Array, n: int) -> Iterator[Array]:
    n = n or len(X)
    return (X[start : start + n] for start in range(0, len(X), n))


def _noise(shape: tuple[int, int], dtype: np.dtype[Any]) -> Array:
    """Normal numbers, which repeat, since to draw new ones would take longer than the products."""
    return np.resize(_DRAWN, shape).astype(dtype)


class _Net:
    """The arrays of a network for n samples; their values do not matter, if these are neither tiny nor huge."""

    def __init__(self, widths: Sequence[int], n: int, layout: Layout, dtype: np.dtype[Any]) -> None:
        columns = self._columns = layout.columns
        self._parts = layout.parts
        shapes = list(pairwise(widths))
        self._weights = [_noise((d, u), dtype) / np.sqrt(d, dtype=dtype) for d, u in shapes]
        self._gradients = [np.empty((u, d) if columns else (d, u), dtype) for d, u in shapes]
        self._outputs, self._deltas = (
            [_noise((u, n) if columns else (n, u), dtype) for u in widths[1:]] for _ in range(2)
        )
        self._transposed = [np.ascontiguousarray(W.T) for W in self._weights]

    def forward(self, X: Array) -> Iterator[Product]:
        """The products of the forward pass."""
        inputs = [X.T if self._columns else X, *self._outputs[:-1]]
        for W, W_transposed, A, Z in zip(self._weights, self._transposed, inputs, self._outputs, strict=True):
            yield from self._made(W_transposed, A, Z) if self._columns else self._made(A, W, Z)

    def backward(self, X: Array) -> Iterator[Product]:
        """The products of the backward pass."""
        inputs = [X.T if self._columns else X, *self._outputs[:-1]]
        for layer in range(len(self._weights) - 1, -1, -1):
            A, delta, gradient = inputs[layer], self._deltas[layer], self._gradients[layer]
            yield from self._made(delta, A.T, gradient) if self._columns else self._made(A.T, delta, gradient)
            if layer:
                W, below = self._weights[layer], self._deltas[layer - 1]
                W_transposed = self._transposed[layer] if self._parts else W.T
                yield from self._made(W, delta, below) if self._columns else self._made(delta, W_transposed, below)

    def _made(self, left: Array, right: Array, out: Array) -> list[Product]:
        """A product as one or in parts."""
        return parts(left, right, out) if self._parts else [(left, right, out)]
