"""The history of many epochs at once, from the outputs and parameters that each has left."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bp.fast.heads import Head, Targets, at_targets, hits
from bp.fast.net import Shape
from bp.history import History
from bp.messages import Array


class Evaluation:
    """Makes histories of a training set and, perhaps, a test set, whose samples stand side by side.

    What is as large as an output for each sample is allocated once. The system takes a microsecond or two to hand out
    each page of 4096 bytes, which is longer than it takes to fill it.
    """

    def __init__(self, head: Head, shape: Shape, names: Sequence[str], sets: Sequence[Array], epochs: int) -> None:
        """Take the names of the linear layers, the targets (n, K) of each set, and the most epochs at once."""
        self._head, self._shape, self._names = head, shape, names
        self.train = Targets.of(sets[0])
        self._all = self.train if len(sets) == 1 else Targets.of(np.concatenate(sets))
        n, n_all, n_classes = len(sets[0]), len(self._all.places), shape.widths[-1]
        self._n = n
        #: Samples whose losses are computed together: soft targets take longer, so one-hot ones are kept apart.
        self._parts = [(slice(None), self._all)]
        if len(sets) > 1 and not self._all.one_hot:
            self._parts = [(slice(n), self.train), (slice(n, None), Targets.of(sets[1]))]
        self._of_target, self._largest = np.empty((2, epochs + 1, n_all), shape.dtype)
        self._equal = np.empty((epochs + 1, n_classes, n_all), np.bool_)

    def history(self, outputs: Array, vectors: Array, first: int) -> History | None:
        """Losses, accuracies and amplitudes of epochs ``first`` and later.

        ``outputs`` (epochs, K, n) and ``vectors`` (epochs, n_parameters) are those of consecutive epochs, of which the
        first is the one that the steps began with.

        None where something is not finite, or would not have been on the plain path in a step.
        """
        head, n, epochs, places = self._head, self._n, len(outputs), self._all.places
        of_target = at_targets(outputs, places, self._of_target[:epochs])
        if epochs > 1 and head.breaks(outputs[:-1, :, :n], self.train, of_target[:-1, :n]):
            return None
        outputs, of_target = outputs[first:], of_target[first:]
        largest, equal = self._largest[first:epochs], self._equal[first:epochs]
        right = hits(outputs, places, of_target, largest, equal)
        losses = self._losses(outputs, of_target)
        history = History(amplitude=self._amplitudes(vectors[first:]))
        history.loss_train, history.loss_test = means(losses[:, :n]), means(losses[:, n:])
        total = sum([*history.loss_train, *history.loss_test, float(np.add.reduce(vectors[-1]))])
        if not math.isfinite(total):  # if it overflows, the plain path will do as well
            return None
        history.acc_train, history.acc_test = _shares(right[:, :n]), _shares(right[:, n:])
        return history

    def _losses(self, outputs: Array, of_target: Array) -> Array:
        """The loss of each sample, (epochs, n); they may be written over ``of_target``."""
        parts = [
            self._head.losses(outputs[..., part], its, of_target[..., part], of_target[..., part])
            for part, its in self._parts
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _amplitudes(self, vectors: Array) -> dict[str, list[float]]:
        """The mean size of each layer's weights after each epoch."""
        sizes = self._shape.split(np.abs(vectors))
        return {
            name: (np.add.reduce(rows[:, :, :-1], axis=(1, 2)) / rows[0, :, :-1].size).tolist()
            for name, rows in zip(self._names, sizes, strict=True)
        }


def means(values: Array) -> list[float]:
    """The mean of each row; nothing if the rows are empty."""
    if values.shape[1] == 0:
        return []
    taken: list[float] = (np.add.reduce(values, axis=1, dtype=np.float64) / values.shape[1]).tolist()
    return taken


def _shares(values: NDArray[np.bool_]) -> list[float]:
    """The share of true values in each row; nothing if the rows are empty."""
    if values.shape[1] == 0:
        return []
    # Bytes are converted faster than truth values are.
    counts = np.add.reduce(values.view(np.uint8), axis=1, dtype=np.int32)
    shares: list[float] = (counts / values.shape[1]).tolist()
    return shares
