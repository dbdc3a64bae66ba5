"""Wrong ways to differentiate a step that takes entries of its input, such as a row, a window or a repetition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis.graph import Change, Edge, Node, contribution
from reference.gradients.diagnosis.samples import MakeChange, Place, Sample

Array = NDArray[Any]


def last_of_each(_: Sample, edge: Edge) -> Change | None:
    """Entries that are used several times keep the gradient of their last use alone."""
    index = edge.node.settings["index"].ravel()
    if len(set(index.tolist())) == len(index):
        return None

    def change(g: Array, inputs: Any, y: Array) -> Array:
        found = np.zeros(inputs[0].size)
        found[index] = np.broadcast_to(g, y.shape).ravel()
        return found.reshape(inputs[0].shape)

    return change


def first_of_each(_: Sample, edge: Edge) -> Change | None:
    """Of an entry that is used several times, the gradient of its first use alone is kept."""
    index = edge.node.settings["index"].ravel()
    entries, first = np.unique(index, return_index=True)
    if len(entries) == len(index):
        return None

    def change(g: Array, inputs: Any, y: Array) -> Array:
        found = np.zeros(inputs[0].size)
        found[entries] = np.broadcast_to(g, y.shape).ravel()[first]
        return found.reshape(inputs[0].shape)

    return change


def in_other_order(node: Node) -> Iterator[MakeChange]:
    """The uses of an entry lie side by side where they are taken to lie apart, as after ``repeat`` and ``tile``."""
    source, shape = node.inputs[0].value.shape, node.value.shape
    if len(source) != len(shape):
        return
    for axis, (few, many) in enumerate(zip(source, shape, strict=True)):
        if few > 1 and many > few and many % few == 0:
            for split, along in (((few, many // few), axis + 1), ((many // few, few), axis)):
                yield _folded((*shape[:axis], *split, *shape[axis + 1 :]), along)


def _folded(shape: tuple[int, ...], axis: int) -> MakeChange:
    def make(_: Sample, edge: Edge) -> Change:
        def change(g: Array, inputs: Any, y: Array) -> Array:
            return np.asarray(np.broadcast_to(g, y.shape).reshape(shape).sum(axis=axis).reshape(inputs[0].shape))

        return change

    return make


def overwritten(later: Sequence[Place]) -> MakeChange:
    """What parts of an array contribute where later parts overwrite what earlier ones have left."""

    def make(sample: Sample, edge: Edge) -> Change:
        nodes = sample.graph.nodes
        places = [np.ravel(nodes[number].settings["index"]) for number, _ in later]
        over = np.unique(np.concatenate([*places, np.zeros(0, int)])).astype(int)

        def change(g: Array, inputs: Any, y: Array) -> Array:
            found = np.array(contribution(edge.node, edge.place, g, inputs, y))
            found.flat[over] = 0.0
            return found

        return change

    return make
