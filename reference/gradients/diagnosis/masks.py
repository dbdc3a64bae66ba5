"""Mistakes in a mask: taken from another array, inverted, left out, or made afresh."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis.changes import MASKED, value_of
from reference.gradients.diagnosis.factors import is_mask_like
from reference.gradients.diagnosis.graph import Change, Edge, Node, to_input
from reference.gradients.diagnosis.named import Named, first_found
from reference.gradients.diagnosis.samples import MakeChange, Sample, Samples
from reference.gradients.diagnosis.view import seen

Array = NDArray[Any]
#: From a sample to an array, such as that which a mask compares with a threshold.
Compared = Callable[[Sample], Array]
#: Thresholds that are tried: 0, and so many of the graph's constants.
_MOST_THRESHOLDS = 4
#: So many entries have to pass, or it may be chance.
_ENOUGH = 4


def explanations(samples: Samples) -> Iterator[Named]:
    """All hypotheses of this module that reproduce the answers; the first kind that has any is told."""
    yield from first_found((_of_choices, _of_constants, _afresh), samples)


def _thresholds(samples: Samples) -> list[float]:
    graph = samples.graph
    scalars = {float(each.value) for each in graph.nodes if each.op == "constant" and each.value.ndim == 0}
    return [0.0, *sorted(scalars - {0.0})[:_MOST_THRESHOLDS]]


def _size_of(sample: Sample, number: int) -> Array:
    return np.asarray(np.abs(value_of(sample, number)))


def _compared(samples: Samples, shape: tuple[int, ...]) -> Iterator[tuple[str, Compared]]:
    """The arrays that a mask may be taken from, each with the word for it."""
    graph = samples.graph
    for number, node in enumerate(graph.nodes):
        if node.op != "constant" and node.value.shape == shape:
            yield "mask-from-other", partial(value_of, number=number)
            yield "mask-from-other", partial(_size_of, number=number)
    if samples.all[0].cotangent.shape == shape:
        yield "mask-from-delta", lambda sample: sample.cotangent


# Choices between two


def _of_choices(samples: Samples) -> Iterator[Named]:
    """A choice between two is made by comparing another array."""
    view = seen(samples, keep_all=True)
    for number, node in enumerate(view.nodes):
        mine = [each for each in view.places if each[0] == number]
        if node.op not in MASKED or node.op == "absolute" or not mine:
            continue
        for word, compared in _compared(samples, node.value.shape):
            for threshold in _thresholds(samples):
                for first_above in (True, False):
                    made = {place: _chosen(node, compared, threshold, first_above=first_above) for place in mine}
                    if view.agrees(made):
                        yield Named(word)


def _chosen(node: Node, compared: Compared, threshold: float, *, first_above: bool) -> MakeChange:
    """What passes to an input where another array decides which of the last two inputs is chosen."""

    def make(sample: Sample, edge: Edge) -> Change:
        array = compared(sample)
        is_first = edge.place == len(node.inputs) - 2
        mask = (array > threshold) == (first_above == is_first)
        return lambda g, inputs, y: to_input(g * mask, inputs[edge.place], y)

    return make


# Arrays of constants


def _masks(samples: Samples) -> list[int]:
    graph = samples.graph
    return [number for number, node in enumerate(graph.nodes) if node.op == "constant" and is_mask_like(node.value)]


def _of_constants(samples: Samples) -> Iterator[Named]:
    """A mask that is a constant is not used, is inverted, or another is used."""
    for number in _masks(samples):
        for word, change in _changes(samples, number):
            if _agree(samples, number, change):
                yield Named(word)


def _changes(samples: Samples, number: int) -> Iterator[tuple[str, Compared]]:
    graph = samples.graph

    def open_at(sample: Sample) -> Array:
        value = value_of(sample, number)
        return np.full(value.shape, value.sum() / np.count_nonzero(value))

    yield "mask-missing", open_at
    yield "mask-inverted", lambda sample: open_at(sample) - value_of(sample, number)
    for word, compared in _compared(samples, graph.nodes[number].value.shape):
        for sign in (1, -1):
            yield word, partial(_opened_where, open_at=open_at, compared=compared, sign=sign)


def _opened_where(sample: Sample, *, open_at: Compared, compared: Compared, sign: int) -> Array:
    return np.asarray(open_at(sample) * (sign * compared(sample) > 0))


def _agree(samples: Samples, number: int, change: Compared) -> bool:
    return all(
        sample.agrees(_with_mask(sample, number, change(sample))[samples.position], samples.position)
        for sample in samples
    )


def _with_mask(sample: Sample, number: int, mask: Array) -> tuple[Array, ...]:
    return sample.gradients_by({**sample.values, id(sample.graph.nodes[number]): mask})


def _afresh(samples: Samples) -> Iterator[Named]:
    """Each entry of the answers passes as if the mask were open, or not at all, and not where the mask says."""
    for number in _masks(samples):
        opened = next(change for _, change in _changes(samples, number))
        wrong = passing = 0
        for sample in samples:
            whole = _with_mask(sample, number, opened(sample))[samples.position]
            passes = sample.answers[samples.position] != 0
            if not sample.agrees(np.where(passes, whole, 0.0), samples.position):
                return
            wrong += int((passes & (sample.truths[samples.position] == 0)).sum())
            passing += int(passes.sum())
        if passing >= _ENOUGH and wrong:
            yield Named("mask-from-other")
            return
