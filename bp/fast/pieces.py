"""Training in mini-batches, each of which goes through the net in pieces that stay in the cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bp.fast.heads import Call, Targets, hits, perform
from bp.fast.net import Shape
from bp.fast.rows import MULTIPLE, Matrices, RowPass, rows_at_once
from bp.history import History
from bp.messages import Array
from bp.mlp import MLP
from bp.samples import Samples

if TYPE_CHECKING:
    from concurrent.futures import Executor

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: The most sums of gradients that a batch is divided into, and so the most threads that can share it.
_LANES = 8


class _Piece:
    """Some samples: their inputs, (n, D), and their targets."""

    def __init__(self, rows: Array, T: Array) -> None:
        self.rows = rows
        self.targets = Targets.of(T)

    def __len__(self) -> int:
        return len(self.rows)


class Pieces:
    """The fast path for mini-batches: see `bp.fast`.

    Threads share the pieces of a batch, each in memory of its own: numpy releases Python's lock in everything that
    takes long. The pieces, and the order in which their gradients and losses are added, do not depend on the number of
    threads, so that the results do not either, to the last bit.
    """

    #: How many epochs `run` can do at once.
    most = 1

    def __init__(
        self, net: MLP, shape: Shape, train: Samples, test: Samples | None, batch_size: int, alpha: float, threads: int
    ) -> None:
        self._net = net
        edges = [*range(0, len(train), batch_size), len(train)]
        known: dict[tuple[int, int], _Piece] = {}
        most = rows_at_once(shape)
        batches = [list(_pieces(train, start, end, most, known)) for start, end in pairwise(edges)]
        self._batches = [[pieces[lane::_LANES] for lane in range(min(len(pieces), _LANES))] for pieces in batches]
        self._steps = [alpha / (end - start) for start, end in pairwise(edges)]
        self._sets = [list(_pieces(train, 0, len(train), most, known))]
        if test is not None:
            self._sets.append(list(_pieces(test, 0, len(test), most, {})))
        sizes = {len(piece) for pieces in [*batches, *self._sets] for piece in pieces}
        # More would have nothing to do.
        threads = min(threads, max([*map(len, self._batches), *map(len, self._sets)]))
        self._parameters = Matrices(shape)
        self._workers = [_Worker(shape, sizes, self._parameters) for _ in range(threads)]
        most_lanes = max(map(len, self._batches))
        #: How many lanes are done before their gradients are added: one by one thread, so that they stay in the cache.
        self._at_once = most_lanes if threads > 1 else 1
        self._gradients = [Matrices(shape) for _ in range(min(self._at_once + 1, most_lanes))]
        self._others = _pool(threads - 1)

    def before(self) -> History | None:
        """The history of the untrained net: losses, accuracies and amplitudes; None where something is not finite."""
        self._parameters.read(self._net)
        return self._history()

    def run(self, n_epochs: int = 1, *, first: bool = False) -> History | None:
        """Train for some epochs and evaluate; None, with the net unchanged, where something is not finite.

        ``first``: the history begins with the untrained net.
        """
        self._parameters.read(self._net)
        begin = self._history() if first else History()
        if begin is None:
            return None
        for worker in self._workers:
            worker.broken = False
        self.descend(n_epochs)
        history = self._history()
        if history is None or any(worker.broken for worker in self._workers):
            return None
        self._parameters.write(self._net)
        begin.extend(history)
        return begin

    def descend(self, n_epochs: int = 1) -> None:
        """Take the steps on our own copy of the parameters: nothing is evaluated, and the net does not change."""
        for _ in range(n_epochs):
            for lanes, step in zip(self._batches, self._steps, strict=True):
                self._step(lanes, step)

    def _step(self, lanes: Sequence[Sequence[_Piece]], step: float) -> None:
        parameters, total = self._parameters, self._gradients[0]
        for first in range(0, len(lanes), self._at_once):
            begun = lanes[first : first + self._at_once]
            gradients = self._gradients[first > 0 :][: len(begun)]
            self._each(
                list(zip(begun, gradients, strict=True)), lambda worker, lane: worker.backward(lane[0], step, lane[1])
            )
            for gradient in gradients[first == 0 :]:
                np.add(total.vector, gradient.vector, out=total.vector)
        np.subtract(parameters.vector, total.vector, out=parameters.vector)
        parameters.turn()

    def _history(self) -> History | None:
        """Losses, accuracies and amplitudes for the present parameters; None where something is not finite."""
        evaluations = [self._evaluate(pieces) for pieces in self._sets]
        if not (all(math.isfinite(loss) for loss, _ in evaluations) and np.isfinite(self._parameters.vector).all()):
            return None
        return History.of(evaluations, dict(zip(self._net.parameters(), self._parameters.weights, strict=True)))

    def _evaluate(self, pieces: Sequence[_Piece]) -> tuple[float, float]:
        """The mean loss and the accuracy on a set."""
        results = self._each(pieces, lambda worker, piece: worker.evaluate(piece))
        losses, right = zip(*results, strict=True)
        n = sum(map(len, pieces))
        return sum(losses) / n, sum(right) / n

    def _each(self, items: Sequence[_Item], task: Callable[[_Worker, _Item], _Result]) -> list[_Result]:
        """The results of ``task`` for each item, in order; the workers take turns, and the first uses this thread."""
        results: dict[int, _Result] = {}
        state = np.geterr()

        def work(number: int) -> None:
            with np.errstate(**state), self._workers[number].state():  # each thread has an error state of its own
                for place in range(number, len(items), len(self._workers)):
                    results[place] = task(self._workers[number], items[place])

        begun = [] if self._others is None else [self._others.submit(work, n) for n in range(1, len(self._workers))]
        try:
            work(0)
        finally:
            raised = [each.exception() for each in begun]  # waits for the thread to end
        for error in filter(None, raised):
            raise error
        return [results[place] for place in range(len(items))]


def _pool(threads: int) -> Executor | None:
    if threads == 0:
        return None
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - slow to import: a tenth of the time for numpy

    return ThreadPoolExecutor(threads)


class _Worker:
    """The memory of one thread; ``broken`` tells that a gradient of the plain path would not have been finite."""

    def __init__(self, shape: Shape, sizes: set[int], parameters: Matrices) -> None:
        self._passes = {n: RowPass(shape, n) for n in sizes}
        self._parameters, self._part = parameters, Matrices(shape)
        self._forward_calls = {n: each.forward(parameters) for n, each in self._passes.items()}
        self._backward_calls: dict[tuple[int, Matrices], list[Call]] = {}
        self.broken = False

    def backward(self, pieces: Sequence[_Piece], step: float, gradient: Matrices) -> None:
        """Write ``step`` times the gradient of the sum of these pieces' losses into ``gradient``."""
        self._backward(pieces[0], step, gradient)
        for piece in pieces[1:]:
            self._backward(piece, step, self._part)
            np.add(gradient.vector, self._part.vector, out=gradient.vector)

    def evaluate(self, piece: _Piece) -> tuple[float, int]:
        """The sum of the losses, and the number of samples classified correctly."""
        one_pass = self._forward(piece)
        losses = one_pass.head.losses(one_pass.Y, piece.targets)
        right = hits(one_pass.Y, piece.targets.places)
        return float(losses.sum(dtype=np.float64)), int(np.count_nonzero(right))

    def state(self) -> AbstractContextManager[Any]:
        """The error state in which its tasks are done: see `Head.state`."""
        return next(iter(self._passes.values())).head.state()

    def _forward(self, piece: _Piece) -> RowPass:
        one_pass = self._passes[len(piece)]
        one_pass.inputs[...] = piece.rows
        perform(self._forward_calls[len(piece)])
        return one_pass

    def _backward(self, piece: _Piece, step: float, gradient: Matrices) -> None:
        one_pass = self._forward(piece)
        self.broken = self.broken or one_pass.head.breaks(one_pass.Y, piece.targets)
        one_pass.start(piece.targets, step)
        key = len(piece), gradient
        if key not in self._backward_calls:
            self._backward_calls[key] = one_pass.backward(self._parameters, gradient)
        perform(self._backward_calls[key])


def _pieces(data: Samples, first: int, end: int, most: int, known: dict[tuple[int, int], _Piece]) -> Iterator[_Piece]:
    """Divide samples ``first`` to ``end`` into the fewest pieces of nearly equal size, none above ``most``.

    ``known`` are the pieces of these data that have been made already; new ones are added.
    """
    n = end - first
    count = -(-n // most)
    size = min(-(-n // (count * MULTIPLE)) * MULTIPLE, most)
    for start, stop in pairwise([*range(first, end, size), end]):
        if (start, stop) not in known:
            known[start, stop] = _Piece(data.rows[start:stop], data.T[start:stop])
        yield known[start, stop]
