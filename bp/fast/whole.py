"""The fast path where a batch is the whole training set, and that is small."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from bp.fast.heads import Targets, hits, perform
from bp.fast.net import Parameters, Shape
from bp.fast.passes import Pass
from bp.history import History
from bp.messages import Array
from bp.mlp import MLP
from bp.samples import Samples

#: The most training and test samples together: the activations of more would not stay in the cache.
LARGEST = 4000
#: The most epochs that are evaluated together, and the bytes that their parameters or outputs may take.
_EPOCHS, _BYTES = 250, 2**20


class Whole:
    """The fast path for full batches: see `bp.fast`.

    Parameters and outputs are *live*: each step changes them where they are. After it they are copied into a row of
    results, from which the history is made. Row 0 holds what the run began with.
    """

    def __init__(self, net: MLP, shape: Shape, train: Samples, test: Samples | None, alpha: float) -> None:
        self._net, self._shape = net, shape
        sets = [train] if test is None else [train, test]
        n, n_all, n_classes, dtype = len(train), sum(map(len, sets)), shape.widths[-1], shape.dtype
        self._n = n
        inputs = np.concatenate([each.with_ones.T for each in sets], axis=1)
        rows = np.ascontiguousarray(inputs[:, :n]).T
        self._targets = Targets.of(train.T)
        self._all_targets = self._targets if test is None else Targets.of(np.concatenate([train.T, test.T]))
        bytes_of_epoch = max(n_classes * n_all, shape.n_parameters) * dtype.itemsize
        #: How many epochs `run` can do at once.
        self.most = min(max(_BYTES // bytes_of_epoch, 1), _EPOCHS)
        self._outputs = np.empty((self.most + 1, n_classes, n_all), dtype)
        self._vectors = np.empty((self.most + 1, shape.n_parameters), dtype)
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
        return self._history(slice(0, 1))

    def run(self, n_epochs: int, *, first: bool = False) -> History | None:
        """Train for up to `most` epochs and evaluate; None, with the net unchanged, if something is not finite.

        ``first``: the history begins with the untrained net.
        """
        self._begin()
        self._begun = False  # until the end, since what is live belongs to a later epoch meanwhile
        self.descend(n_epochs)
        history = self._history(slice(0 if first else 1, n_epochs + 1))
        if history is None or self._pass.head.breaks(self._outputs[:n_epochs, :, : self._n], self._targets):
            return None
        self._vectors[0], self._outputs[0] = self._live.vector, self._Y
        self._live.write(self._net)
        self._begun = True
        return history

    def descend(self, n_epochs: int) -> None:
        """Take the steps from what is live on: nothing is evaluated, and the net does not change."""
        calls, theta, Y = self._step, self._live.vector, self._Y
        vectors, outputs = self._vectors, self._outputs
        with self._pass.head.state():
            for row in range(1, n_epochs + 1):
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

    def _history(self, epochs: slice) -> History | None:
        """Losses, accuracies and amplitudes of some rows of results; None where something is not finite."""
        outputs, vectors = self._outputs[epochs], self._vectors[epochs]
        losses = self._pass.head.losses(outputs, self._all_targets)
        if not (np.isfinite(losses).all() and np.isfinite(vectors[-1]).all()):
            return None
        right = hits(outputs, self._all_targets.places)
        training, test = slice(0, self._n), slice(self._n, None)
        history = History(amplitude=self._amplitudes(vectors))
        history.loss_train, history.acc_train = _means(losses[:, training]), _means(right[:, training])
        if right[:, test].size:
            history.loss_test, history.acc_test = _means(losses[:, test]), _means(right[:, test])
        return history

    def _amplitudes(self, vectors: Array) -> dict[str, list[float]]:
        sizes = self._shape.split(np.abs(vectors))
        return {
            name: (np.add.reduce(rows[:, :, :-1], axis=(1, 2)) / rows[0, :, :-1].size).tolist()
            for name, rows in zip(self._net.parameters(), sizes, strict=True)
        }


def _means(values: Array | NDArray[np.bool_]) -> list[float]:
    """The mean of each row."""
    means: list[float] = (values.sum(axis=1, dtype=np.float64) / values.shape[1]).tolist()
    return means
