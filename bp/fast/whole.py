"""The fast path where a batch is the whole training set, and that is small."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bp.fast.heads import Targets, at_targets, hits, perform
from bp.fast.net import Parameters, Shape
from bp.fast.passes import Pass
from bp.history import History
from bp.messages import Array
from bp.mlp import MLP
from bp.samples import Samples

#: The most training and test samples together: the activations of more would not stay in the cache.
LARGEST = 4000
#: The most epochs of a run, and the bytes that their parameters or outputs would take together.
_EPOCHS, _BYTES = 250, 2**20
#: The bytes that the parameters or the outputs of the epochs may take that are evaluated together. More of them need
#: fewer calls, but the system takes a microsecond or two to hand out each page of 4096 bytes.
_BYTES_TOGETHER = 2**19


class Whole:
    """The fast path for full batches: see `bp.fast`.

    Parameters and outputs are *live*: each step changes them where they are. After it they are copied into a row of
    results, from which the history is made as soon as all rows are filled. Row 0 holds what the first of these steps
    began with.
    """

    def __init__(self, net: MLP, shape: Shape, train: Samples, test: Samples | None, alpha: float) -> None:
        self._net, self._shape, self._names = net, shape, list(net.parameters())
        sets = [train] if test is None else [train, test]
        n, n_all, n_classes, dtype = len(train), sum(map(len, sets)), shape.widths[-1], shape.dtype
        self._n = n
        inputs = np.concatenate([each.with_ones.T for each in sets], axis=1)
        rows = np.ascontiguousarray(inputs[:, :n]).T
        self._targets = Targets.of(train.T)
        self._all_targets = self._targets if test is None else Targets.of(np.concatenate([train.T, test.T]))
        #: Samples whose losses are computed together: soft targets take longer, so one-hot ones are kept apart.
        self._parts = [(slice(None), self._all_targets)]
        if test is not None and not self._all_targets.one_hot:
            self._parts = [(slice(n), self._targets), (slice(n, None), Targets.of(test.T))]
        bytes_of_epoch = max(n_classes * n_all, shape.n_parameters) * dtype.itemsize
        #: How many epochs `run` can do at once.
        self.most = min(max(_BYTES // bytes_of_epoch, 1), _EPOCHS)
        self._together = min(max(_BYTES_TOGETHER // bytes_of_epoch, 1), _EPOCHS)
        self._outputs = np.empty((self._together + 1, n_classes, n_all), dtype)
        self._vectors = np.empty((self._together + 1, shape.n_parameters), dtype)
        self._live, gradient = (Parameters(shape, np.empty(shape.n_parameters, dtype)) for _ in range(2))
        self._Y = np.empty((n_classes, n_all), dtype)
        self._pass = Pass(shape, n_all, n)
        self._forward = self._pass.forward(self._live, inputs, self._Y)
        of_training, theta = self._Y[:, :n], self._live.vector
        self._step = [
            *self._pass.backward(self._live, rows, of_training, self._targets, alpha / n, gradient),
            partial(np.subtract, theta, gradient.vector, theta),
            *self._forward,
        ]
        self._begun = False

    def before(self) -> History | None:
        """The history of the untrained net: losses, accuracies and amplitudes; None where something is not finite."""
        self._begin()
        return self._history(0, 0)

    def run(self, n_epochs: int, *, first: bool = False) -> History | None:
        """Train for up to `most` epochs and evaluate; None, with the net unchanged, if something is not finite.

        ``first``: the history begins with the untrained net.
        """
        self._begin()
        self._begun = False  # until the end, since what is live belongs to a later epoch meanwhile
        history: History | None = None
        for rows in self._portions(n_epochs):
            self.descend(rows)
            more = self._history(0 if first and history is None else 1, rows)
            if more is None:
                return None
            if history is None:
                history = more
            else:
                history.extend(more)
            self._vectors[0], self._outputs[0] = self._live.vector, self._Y
        self._live.write(self._net)
        self._begun = True
        return history

    def descend(self, n_epochs: int) -> None:
        """Take the steps from what is live on: nothing is evaluated, and the net does not change."""
        for rows in self._portions(n_epochs):
            self._fill(rows)

    def _portions(self, n_epochs: int) -> Iterator[int]:
        """The numbers of epochs that are evaluated together, one after the other."""
        for done in range(0, n_epochs, self._together):
            yield min(self._together, n_epochs - done)

    def _fill(self, rows: int) -> None:
        """Take steps, and fill a row of results after each."""
        calls, theta, Y = self._step, self._live.vector, self._Y
        vectors, outputs = self._vectors, self._outputs
        with self._pass.head.state():
            for row in range(1, rows + 1):
                for call in calls:
                    call()
                vectors[row] = theta
                outputs[row] = Y

    def _begin(self) -> None:
        """Make the net's parameters and outputs live: they are if the net is as the last run left it."""
        begun, self._begun = self._begun, False
        self._live.read(self._net)
        if not (begun and np.array_equal(self._live.vector, self._vectors[0])):
            with self._pass.head.state():
                perform(self._forward)
            self._vectors[0], self._outputs[0] = self._live.vector, self._Y
        self._begun = True

    def _history(self, first: int, last: int) -> History | None:
        """Losses, accuracies and amplitudes of rows ``first`` to ``last`` of the results.

        None where something is not finite, or would not have been on the plain path in a step from row 0 to ``last``.
        """
        outputs, vectors = self._outputs[: last + 1], self._vectors[first : last + 1]
        targets, head, n = self._all_targets, self._pass.head, self._n
        of_target = at_targets(outputs, targets.places)
        if last and head.breaks(outputs[:last, :, :n], self._targets, of_target[:last, :n]):
            return None
        outputs, of_target = outputs[first:], of_target[first:]
        parts = [head.losses(outputs[..., part], its, of_target[..., part]) for part, its in self._parts]
        losses = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        history = History(amplitude=self._amplitudes(vectors))
        history.loss_train, history.loss_test = _means(losses[:, :n]), _means(losses[:, n:])
        total = sum([*history.loss_train, *history.loss_test, float(np.add.reduce(vectors[-1]))])
        if not math.isfinite(total):  # if it overflows, the plain path will do as well
            return None
        right = hits(outputs, targets.places, of_target)
        history.acc_train, history.acc_test = _shares(right[:, :n]), _shares(right[:, n:])
        return history

    def _amplitudes(self, vectors: Array) -> dict[str, list[float]]:
        sizes = self._shape.split(np.abs(vectors))
        return {
            name: (np.add.reduce(rows[:, :, :-1], axis=(1, 2)) / rows[0, :, :-1].size).tolist()
            for name, rows in zip(self._names, sizes, strict=True)
        }


def _means(values: Array) -> list[float]:
    """The mean of each row; nothing if the rows are empty."""
    if values.shape[1] == 0:
        return []
    means: list[float] = (np.add.reduce(values, axis=1, dtype=np.float64) / values.shape[1]).tolist()
    return means


def _shares(values: NDArray[np.bool_]) -> list[float]:
    """The share of true values in each row; nothing if the rows are empty."""
    if values.shape[1] == 0:
        return []
    # Bytes are converted faster than truth values are.
    counts = np.add.reduce(values.view(np.uint8), axis=1, dtype=np.int32)
    shares: list[float] = (counts / values.shape[1]).tolist()
    return shares
