"""The matrix products of a training epoch and nothing else: the time that no way to train can do without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.study.bench.timing import interleaved

Array = NDArray[Any]
#: One product: left, right, and where it goes.
Product = tuple[Array, Array, Array]

#: Samples that go through the net at once. 0: a whole batch.
_PIECES = (250, 500, 750, 1000, 0)


@dataclass(frozen=True)
class Workload:
    """What is multiplied in an epoch.

    Attributes
    ----------
    widths
        Of the net, from the input to the classes.
    train, test
        Inputs (N, D), in the precision of the net; None without a test set.
    batch_size
        Samples to a step.
    evaluated
        Whether losses of both sets are taken after the epoch. Where the training set is one batch, its outputs are
        those that the next step needs, and only the test set is extra.
    """

    widths: tuple[int, ...]
    train: Array
    test: Array | None
    batch_size: int
    evaluated: bool


@dataclass(frozen=True)
class Layout:
    """How the arrays lie: a sample a row or a sample a column, and how many samples go through the net at once."""

    columns: bool
    piece: int

    def __str__(self) -> str:
        """For a table."""
        rows = "a sample a column" if self.columns else "a sample a row"
        return f"{rows}, {self.piece or 'all samples of a batch'} at once"


def products(work: Workload, layout: Layout) -> list[Product]:
    """All products of an epoch, in their order."""
    nets: dict[int, _Net] = {}
    found: list[Product] = []
    whole = work.batch_size == len(work.train)

    def net(n: int) -> _Net:
        return nets.setdefault(n, _Net(work.widths, n, layout.columns, work.train.dtype))

    for start in range(0, len(work.train), work.batch_size):
        batch = work.train[start : start + work.batch_size]
        for X in _slices(batch, layout.piece):
            found += [*net(len(X)).forward(X), *net(len(X)).backward(X)]
    evaluated = [work.train, work.test] if work.evaluated else []
    for each in evaluated[1:] if whole else evaluated:
        if each is not None:
            for X in _slices(each, layout.piece):
                found += net(len(X)).forward(X)
    return found


def run(todo: Sequence[Product], times: int = 1) -> None:
    """Multiply."""
    dot = np.dot
    for _ in range(times):
        for left, right, out in todo:
            dot(left, right, out=out)


def fastest(work: Workload, rounds: int) -> tuple[Layout, list[Product]]:
    """The layout whose products take least time here, of all that are tried, and these products."""
    largest = min(work.batch_size, len(work.train))
    layouts = [Layout(columns, piece) for columns in (True, False) for piece in _PIECES if piece < largest]
    # Two batches tell what an epoch of many would.
    few = Workload(work.widths, work.train[: 2 * work.batch_size], None, work.batch_size, work.evaluated)
    todo = {layout: products(few, layout) for layout in layouts}
    times = interleaved({str(layout): partial(run, each) for layout, each in todo.items()}, rounds)
    best = min(layouts, key=lambda layout: median(times.seconds[str(layout)]))
    return best, products(work, best)


def _slices(X: Array, n: int) -> Iterator[Array]:
    n = n or len(X)
    return (X[start : start + n] for start in range(0, len(X), n))


class _Net:
    """Arrays for n samples; what is in them does not matter, as long as it is neither tiny nor huge."""

    def __init__(self, widths: Sequence[int], n: int, columns: bool, dtype: np.dtype[Any]) -> None:
        rng = np.random.RandomState(0)
        self._columns = columns
        shapes = list(pairwise(widths))
        self._weights = [(rng.standard_normal((d, u)) / np.sqrt(d)).astype(dtype) for d, u in shapes]
        self._gradients = [np.empty((u, d) if columns else (d, u), dtype) for d, u in shapes]
        self._outputs, self._deltas = (
            [rng.standard_normal((u, n) if columns else (n, u)).astype(dtype) for u in widths[1:]] for _ in range(2)
        )
        self._turned = [np.ascontiguousarray(W.T) for W in self._weights]

    def forward(self, X: Array) -> Iterator[Product]:
        inputs = [X.T if self._columns else X, *self._outputs[:-1]]
        for W, turned, A, Z in zip(self._weights, self._turned, inputs, self._outputs, strict=True):
            yield (turned, A, Z) if self._columns else (A, W, Z)

    def backward(self, X: Array) -> Iterator[Product]:
        inputs = [X.T if self._columns else X, *self._outputs[:-1]]
        for layer in range(len(self._weights) - 1, -1, -1):
            A, delta, W = inputs[layer], self._deltas[layer], self._weights[layer]
            yield (delta, A.T, self._gradients[layer]) if self._columns else (A.T, delta, self._gradients[layer])
            if layer:
                below = self._deltas[layer - 1]
                yield (W, delta, below) if self._columns else (delta, W.T, below)
