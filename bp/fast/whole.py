"""The fast path where a batch is the whole training set, and that is small."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from bp.fast.evaluation import Evaluation
from bp.fast.heads import perform
from bp.fast.memory import empty
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
#: Up to so many training and test samples together it is faster to carry the test samples back too than to copy those
#: of training from among them, and to multiply by rows of inputs.
_FEW_SAMPLES = 32


class Whole:
    """The fast path for full batches: see `bp.fast`.

    Parameters and outputs are *live*: each step changes them where they are. After it they are copied into a row of
    results, from which the history is made as soon as all rows are filled. Row 0 holds what the first of these steps
    began with.
    """

    def __init__(self, net: MLP, shape: Shape, train: Samples, test: Samples | None, alpha: float) -> None:
        self._net = net
        sets = [train] if test is None else [train, test]
        n, n_all, d, n_classes, dtype = len(train), sum(map(len, sets)), shape.widths[0], shape.widths[-1], shape.dtype
        # Unless told where to, `concatenate` puts the features of a sample side by side: BLAS takes twice as long then.
        inputs: Array = np.concatenate([each.with_ones.T for each in sets], axis=1, out=empty((d + 1, n_all), dtype))
        few = n_all <= _FEW_SAMPLES
        n_back = n_all if few else n
        rows = inputs.T.copy() if few else inputs[:, :n].copy().T
        step = np.zeros(n_back, dtype)
        step[:n] = alpha / n
        bytes_of_epoch = max(n_classes * n_all, shape.n_parameters) * dtype.itemsize
        #: How many epochs `run` can do at once.
        self.most = min(max(_BYTES // bytes_of_epoch, 1), _EPOCHS)
        self._together = min(max(_BYTES_TOGETHER // bytes_of_epoch, 1), _EPOCHS)
        self._outputs = empty((self._together + 1, n_classes, n_all), dtype)
        self._vectors = np.empty((self._together + 1, shape.n_parameters), dtype)
        self._live, gradient = (Parameters(shape, np.empty(shape.n_parameters, dtype)) for _ in range(2))
        self._Y = empty((n_classes, n_all), dtype)
        self._pass = Pass(shape, n_all, n_back)
        targets = [each.T for each in sets]
        self._evaluation = Evaluation(self._pass.head, shape, list(net.parameters()), targets, self._together)
        self._forward = self._pass.forward(self._live, inputs, self._Y)
        theta = self._live.vector
        self._step = [
            *self._pass.backward(
                self._live, rows, self._Y[:, :n_back], self._evaluation.of_first(n_back), step, gradient
            ),
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
            self._vectors[0] = self._live.vector
        self._outputs[0] = self._Y
        self._begun = True

    def _history(self, first: int, last: int) -> History | None:
        """Losses, accuracies and amplitudes of rows ``first`` to ``last`` of the results; see `Evaluation.history`."""
        return self._evaluation.history(self._outputs[: last + 1], self._vectors[: last + 1], first)
