"""The history of many epochs at once, from the outputs and parameters that each has left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bp.fast.heads import Head, Places, Targets, at_targets, hits
from bp.fast.net import Shape
from bp.history import History
from bp.messages import Array


class Parts(NamedTuple):
    """Consecutive parts of rows: where each begins, and by how many numbers its sum is divided."""

    starts: Places
    counts: Places

    @classmethod
    def of(cls, sizes: Sequence[int], counts: Sequence[int] | None = None) -> Parts:
        """Parts of these sizes, which are also the counts unless others are given."""
        return cls(np.array([0, *accumulate(sizes[:-1])]), np.array(sizes if counts is None else counts))

    def divided(self, sums: NDArray[Any]) -> list[list[float]]:
        """The sums of the parts (..., n_parts), divided: a list for each part."""
        taken: list[list[float]] = (sums / self.counts).T.tolist()
        return taken


class Evaluation:
    """Makes histories of a training set and, perhaps, a test set, whose samples stand side by side.

    What is as large as an output for each sample is allocated once. The system takes a microsecond or two to hand out
    each page of 4096 bytes, which is longer than it takes to fill it.
    """

    def __init__(self, head: Head, shape: Shape, names: Sequence[str], sets: Sequence[Array], epochs: int) -> None:
        """Take the names of the linear layers, the targets (n, K) of each set, and the most epochs at once."""
        self._head, self._shape, self._names = head, shape, names
        self._all = Targets.of(sets[0] if len(sets) == 1 else np.concatenate(sets))
        self._n, self._T = len(sets[0]), sets[0]
        n, n_all, n_classes = self._n, len(self._all.places), shape.widths[-1]
        #: Samples whose losses are computed together: soft targets take longer, so one-hot ones are kept apart.
        self._parts = [(slice(None), self._all)]
        if len(sets) > 1 and not self._all.one_hot:
            self._parts = [(slice(n), self._train), (slice(n, None), Targets.of(sets[1]))]
        self._sets = Parts.of([len(each) for each in sets])
        layers = shape.layers
        self._layers = Parts.of([(d + 1) * u for d, u in layers], [d * u for d, u in layers])
        self._is_weight = np.ones(shape.n_parameters, shape.dtype)
        for rows in shape.split(self._is_weight):
            rows[:, -1] = 0
        self._of_target, self._largest = np.empty((2, epochs + 1, n_all), shape.dtype)
        self._equal = np.empty((epochs + 1, n_classes, n_all), np.bool_)

    @cached_property
    def _train(self) -> Targets:
        return Targets.of(self._T)

    def of_first(self, n: int) -> Targets:
        """The targets of the first n samples: of all, or of the training set."""
        return self._all if n == len(self._all.places) else self._train

    def history(self, outputs: Array, vectors: Array, first: int) -> History | None:
        """Losses, accuracies and amplitudes of epochs ``first`` and later.

        ``outputs`` (epochs, K, n) and ``vectors`` (epochs, n_parameters) are those of consecutive epochs, of which the
        first is the one that the steps began with. The outputs are written over: new memory would take longer.

        None where something is not finite, or would not have been on the plain path in a step.
        """
        head, n, epochs, places = self._head, self._n, len(outputs), self._all.places
        of_target = at_targets(outputs, places, self._of_target[:epochs])
        of_steps = self._all if self._all.one_hot else self._train  # if it is one-hot nothing else counts
        if epochs > 1 and head.breaks(outputs[:-1, :, :n], of_steps, of_target[:-1, :n]):
            return None
        outputs, of_target = outputs[first:], of_target[first:]
        largest, equal = self._largest[first:epochs], self._equal[first:epochs]
        right = hits(outputs, places, of_target, largest, equal)
        losses = self._losses(outputs, of_target)
        history = History(amplitude=self._amplitudes(vectors[first:]))
        history.loss_train, history.loss_test = (*means(losses, self._sets), [])[:2]
        total = sum([*history.loss_train, *history.loss_test, float(np.add.reduce(vectors[-1]))])
        if not math.isfinite(total):  # if it overflows, the plain path will do as well
            return None
        history.acc_train, history.acc_test = (*shares(right, self._sets), [])[:2]
        return history

    def _losses(self, outputs: Array, of_target: Array) -> Array:
        """The loss of each sample, (epochs, n), written over ``of_target``; what ``outputs`` hold is lost."""
        for part, its in self._parts:
            self._head.losses(outputs[..., part], its, of_target[..., part])
        return of_target

    def _amplitudes(self, vectors: Array) -> dict[str, list[float]]:
        """The mean size of each layer's weights after each epoch."""
        sizes = np.abs(vectors)
        np.multiply(sizes, self._is_weight, sizes)
        return dict(zip(self._names, means(sizes, self._layers), strict=True))


def means(values: Array, parts: Parts) -> list[list[float]]:
    """The mean of each row's part, for all rows: a list for each part."""
    return parts.divided(np.add.reduceat(values, parts.starts, axis=1, dtype=np.float64))


def shares(values: NDArray[np.bool_], parts: Parts) -> list[list[float]]:
    """The share of true values in each row's part, for all rows: a list for each part."""
    # Bytes are converted faster than truth values are.
    return parts.divided(np.add.reduceat(values.view(np.uint8), parts.starts, axis=1, dtype=np.int32))
