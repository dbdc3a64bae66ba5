"""The fast path where a batch is the whole training set, and that is small."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bp.fast.heads import Targets, hits
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


class _Frame:
    """The results of one epoch: parameters, outputs (K, N), and the outputs for the training samples among them.

    The views are made once, since making a view takes as long as a small product.
    """

    def __init__(self, shape: Shape, vector: Array, outputs: Array, n: int) -> None:
        self.parameters = Parameters(shape, vector)
        self.outputs, self.of_training = outputs, outputs[:, :n]


class Whole:
    """The fast path for full batches: see `bp.fast`. Frame 0 is the present net; the epochs of a run follow it."""

    def __init__(self, net: MLP, shape: Shape, train: Samples, test: Samples | None, alpha: float) -> None:
        self._net, self._shape = net, shape
        sets = [train] if test is None else [train, test]
        n, n_all, n_classes = len(train), sum(map(len, sets)), shape.widths[-1]
        self._n, self._step = n, alpha / n
        self._inputs = np.ones((shape.widths[0] + 1, n_all), shape.dtype)
        np.concatenate([each.X.T for each in sets], axis=1, out=self._inputs[:-1])
        self._rows = np.ascontiguousarray(self._inputs[:, :n]).T
        self._targets = Targets.of(train.T)
        self._places = Targets.of(np.concatenate([each.T for each in sets])).places
        bytes_of_frame = max(n_classes * n_all, shape.n_parameters) * shape.dtype.itemsize
        #: How many epochs `run` can do at once.
        self.most = int(np.clip(_BYTES // bytes_of_frame, 1, _EPOCHS))
        self._outputs = np.empty((self.most + 1, n_classes, n_all), shape.dtype)
        self._vectors = np.empty((self.most + 1, shape.n_parameters), shape.dtype)
        self._frames = [_Frame(shape, *each, n) for each in zip(self._vectors, self._outputs, strict=True)]
        self._gradient, self._present = (Parameters(shape, np.empty(shape.n_parameters, shape.dtype)) for _ in range(2))
        self._pass = Pass(shape, n_all, n)
        self._begun = False

    def before(self) -> History | None:
        """The history of the untrained net: losses, accuracies and amplitudes; None where something is not finite."""
        self._begin()
        return self._history(slice(0, 1))

    def run(self, n_epochs: int) -> History | None:
        """Train for up to `most` epochs and evaluate; None, with the net unchanged, if something is not finite."""
        self._begin()
        self._begun = False  # until the end, since the memory of the pass belongs to a later epoch meanwhile
        self.descend(n_epochs)
        history = self._history(slice(1, n_epochs + 1))
        if history is None or self._pass.head.breaks(self._outputs[:n_epochs], self._places[: self._n]):
            return None
        self._vectors[0], self._outputs[0] = self._vectors[n_epochs], self._outputs[n_epochs]
        self._frames[0].parameters.write(self._net)
        self._begun = True
        return history

    def descend(self, n_epochs: int) -> None:
        """Take the steps from frame 0 on: nothing is evaluated, and the net does not change."""
        backward, forward, gradient = self._pass.backward, self._pass.forward, self._gradient
        inputs, rows, targets, step = self._inputs, self._rows, self._targets, self._step
        for now, then in pairwise(self._frames[: n_epochs + 1]):
            backward(now.parameters, rows, now.of_training, targets, step, gradient)
            np.subtract(now.parameters.vector, gradient.vector, out=then.parameters.vector)
            forward(then.parameters, inputs, then.outputs)

    def _begin(self) -> None:
        """Make frame 0 the net's parameters and outputs: the last run's if the net is unchanged, else computed anew."""
        self._present.read(self._net)
        if not (self._begun and np.array_equal(self._present.vector, self._vectors[0])):
            self._vectors[0] = self._present.vector
            self._pass.forward(self._frames[0].parameters, self._inputs, self._outputs[0])
            self._begun = True

    def _history(self, epochs: slice) -> History | None:
        """Losses, accuracies and amplitudes of some frames; None where something is not finite."""
        outputs, vectors = self._outputs[epochs], self._vectors[epochs]
        losses = self._pass.head.losses(outputs, self._places)
        if not (np.isfinite(losses).all() and np.isfinite(vectors[-1]).all()):
            return None
        right = hits(outputs, self._places)
        training, test = slice(0, self._n), slice(self._n, None)
        history = History(amplitude=self._amplitudes(vectors))
        history.loss_train, history.acc_train = _means(losses[:, training]), _means(right[:, training])
        if right[:, test].size:
            history.loss_test, history.acc_test = _means(losses[:, test]), _means(right[:, test])
        return history

    def _amplitudes(self, vectors: Array) -> dict[str, list[float]]:
        sizes = self._shape.split(np.abs(vectors))
        return {
            name: rows[:, :, :-1].mean(axis=(1, 2)).tolist()
            for name, rows in zip(self._net.parameters(), sizes, strict=True)
        }


def _means(values: Array | NDArray[np.bool_]) -> list[float]:
    """The mean of each row."""
    means: list[float] = (values.sum(axis=1, dtype=np.float64) / values.shape[1]).tolist()
    return means
