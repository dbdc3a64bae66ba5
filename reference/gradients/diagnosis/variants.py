"""Mistakes in which the gradient takes another version of an array: shifted by one, turned round, or of other entries.

A constant that the forward pass makes afresh for each use is one array: what is changed, is changed at all its uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis import changes
from reference.gradients.diagnosis.factors import is_mask_like
from reference.gradients.diagnosis.families import around, times
from reference.gradients.diagnosis.graph import Change, Edge, Node, contribution
from reference.gradients.diagnosis.loops import roles_of
from reference.gradients.diagnosis.named import Named, first_found
from reference.gradients.diagnosis.samples import MakeChange, Place, Sample, Samples
from reference.gradients.diagnosis.view import View, seen

Array = NDArray[Any]
Places = NDArray[np.int_]
Turn = Callable[[Array], Array]
#: Steps of a graph in which each input of each step is tried in all versions.
_MOST_STEPS = 80
#: Uses of an array of which each is taken for each other.
_MOST_USES = 4


def explanations(samples: Samples) -> Iterator[Named]:
    """All hypotheses of this module that reproduce the answers; the first kind that has any is told."""
    tests = (_of_constants, _of_reductions, _of_uses, _of_inputs, _of_windows, _of_places, _of_order)
    yield from first_found(tests, seen(samples, keep_all=True))


# Constants


def _of_constants(view: View) -> Iterator[Named]:
    """A mask is shifted by one, or a constant array has another sign, at all uses."""
    samples = view.samples
    for numbers in _alike(samples):
        value = samples.graph.nodes[numbers[0]].value
        turns: list[tuple[str, Turn]] = []
        if is_mask_like(value):
            turns += [("mask-wrong-threshold", turn) for turn in _shifts(value.shape)]
        elif len(numbers) > 1:
            turns.append(("sign", np.negative))
        for word, turn in turns:
            if all(_agrees(samples, each, numbers, turn) for each in samples):
                yield Named(word)


def _alike(samples: Samples) -> list[list[int]]:
    """The constant arrays, those of the same numbers together."""
    found: dict[bytes, list[int]] = {}
    for number, node in enumerate(samples.graph.nodes):
        if node.op == "constant" and node.value.size > 1:
            found.setdefault(np.asarray(node.value, float).tobytes(), []).append(number)
    return list(found.values())


def _agrees(samples: Samples, sample: Sample, numbers: list[int], turn: Turn) -> bool:
    """Whether the right formula gives the answers with another version of some constants."""
    nodes = [sample.graph.nodes[number] for number in numbers]
    changed = {id(node): partial(turn, np.asarray(node.value, float)) for node in nodes}
    return sample.agrees(sample.gradients_with(changed)[samples.position], samples.position)


def _shifts(shape: tuple[int, ...]) -> Iterator[Turn]:
    """Shifts by one along an axis; what comes in at the end is shut or open."""
    for axis, size in enumerate(shape):
        if size > 1:
            for step in (1, -1):
                for fill in (0.0, None):
                    yield partial(_shifted, axis=axis, step=step, fill=fill)


def _shifted(array: Array, axis: int, step: int, fill: float | None) -> Array:
    found = np.roll(array, step, axis)
    np.moveaxis(found, axis, 0)[0 if step > 0 else -1] = array.max() if fill is None else fill
    return found


# Reductions


def _of_reductions(view: View) -> Iterator[Named]:
    """Sums or maxima run along another axis, or over all, in all that is computed from them."""
    samples = view.samples
    numbers = [number for number, node in enumerate(view.nodes) if node.op in _REDUCED]
    kept = [each for each in numbers if view.nodes[each].settings["keepdims"]]
    for group in [kept, *([each] for each in numbers if [each] != kept)]:
        for axis in (*range(max((view.nodes[each].inputs[0].value.ndim for each in group), default=0)), None):
            if group and all(_agrees_along(samples, each, group, axis) for each in samples):
                yield Named("wrong-axis")
                return


_REDUCED: dict[str, Callable[..., Any]] = {"sum": np.sum}


def _agrees_along(samples: Samples, sample: Sample, numbers: list[int], axis: int | None) -> bool:
    nodes = [sample.graph.nodes[number] for number in numbers]
    if any(axis is not None and (axis >= each.inputs[0].value.ndim or axis == each.settings["axis"]) for each in nodes):
        return False
    changed = {id(node): partial(_reduced, node=node, axis=axis) for node in nodes}
    try:
        found = sample.gradients_with(changed)[samples.position]
    except (ValueError, IndexError, TypeError):  # arrays that do not fit
        return False
    return sample.agrees(found, samples.position)


def _reduced(array: Array, *, node: Node, axis: int | None) -> Array:
    keep = bool(node.settings["keepdims"])
    found = _REDUCED[node.op](array, axis=axis, keepdims=keep)
    return np.full(node.value.shape, found) if axis is None and not keep else np.asarray(found)


# Uses of one array


def _of_uses(view: View) -> Iterator[Named]:
    """What comes along one of two uses of an array stands for what comes along the other, as if they were alike."""
    for number in range(len(view.nodes)):
        uses = view.uses(number)
        if len(uses) > _MOST_USES:
            continue
        for place, other in permutations(uses, 2):
            if view.agrees({place: times(0.0), other: times(2.0)}):
                is_product = any(view.nodes[each[0]].op in {"matmul", "einsum"} for each in (place, other))
                yield Named("transposed" if is_product else "wrong-argument")
                return


# Inputs of one step


def _of_inputs(view: View) -> Iterator[Named]:
    """One step takes one of its inputs in another order, or shifted by one."""
    if len(view.nodes) > _MOST_STEPS:
        return
    for number, place in view.places:
        node = view.nodes[number]
        depends = node.op in {"matmul", "einsum"} or (
            node.is_elementwise and node.op not in changes.MASKED | {"add", "subtract", "negative"}
        )
        if not depends:
            continue
        for wrong, given in enumerate(node.inputs):
            for turn in _orders(given.value.shape):
                if view.agrees({(number, place): _with_turned(wrong, turn)}):
                    yield Named("wrong-argument")
                    return


def _orders(shape: tuple[int, ...]) -> Iterator[Turn]:
    for axis, size in enumerate(shape):
        if size > 1:
            yield partial(np.flip, axis=axis)
            for step in (1, -1):
                yield partial(np.roll, shift=step, axis=axis)
                yield partial(_shifted, axis=axis, step=step, fill=0.0)


def _with_turned(wrong: int, turn: Turn) -> MakeChange:
    def make(_: Sample, edge: Edge) -> Change:
        def change(g: Array, inputs: Sequence[Array], y: Array) -> Array:
            given = [turn(each) if n == wrong else each for n, each in enumerate(inputs)]
            return contribution(edge.node, edge.place, g, given, y)

        return change

    return make


# Places


def _of_windows(view: View) -> Iterator[Named]:
    """Products take windows that lie side by side where they have a stride, or that begin one entry before or after."""
    for edges in _products_of_windows(view):
        for wrong in range(len(view.nodes[edges[0][0]].inputs)):
            for change in (_dense, partial(np.add, 1), partial(np.add, -1)):
                if view.agrees(dict.fromkeys(edges, _with_window(wrong, change))):
                    yield Named("wrong-argument")
                    return


def _products_of_windows(view: View) -> Iterator[list[Place]]:
    """The edges of products of windows: those that one place in the code has made, together."""
    lines = [*roles_of(view.nodes), *((number,) for number in range(len(view.nodes)))]
    for line in lines:
        node = view.nodes[line[0]]
        if node.op not in {"matmul", "einsum", "multiply"} or all(each.op != "gather" for each in node.inputs):
            continue
        for place in range(len(node.inputs)):
            edges = [each for each in view.places if each[0] in line and each[1] == place]
            if edges:
                yield edges


def _dense(places: Places) -> Places:
    return places[:1] + np.arange(len(places))


def _with_window(wrong: int, change: Callable[[Places], Places]) -> MakeChange:
    """The product takes other entries of the array of which its input is a window."""

    def make(sample: Sample, edge: Edge) -> Change | None:
        window = edge.node.inputs[wrong]
        vectors = _vectors(window)
        if vectors is None:
            return None
        array = sample.values[id(window.inputs[0])]
        moved = [change(each) if len(each) > 1 else each for each in vectors]
        if any((each < 0).any() or (each >= size).any() for each, size in zip(moved, array.shape, strict=True)):
            moved = [np.clip(each, 0, size - 1) for each, size in zip(moved, array.shape, strict=True)]
        taken = array[np.ix_(*moved)]

        def pulled(g: Array, inputs: Sequence[Array], y: Array) -> Array:
            given = [taken if n == wrong else each for n, each in enumerate(inputs)]
            return contribution(edge.node, edge.place, g, given, y)

        return pulled

    return make


def _vectors(node: Node) -> list[Places] | None:
    """For a window along the axes of an array, the places that it takes along each; None for what is no window."""
    if node.op != "gather" or node.value.ndim != node.inputs[0].value.ndim or not node.value.size:
        return None
    index = node.settings["index"]
    places = np.unravel_index(index, node.inputs[0].value.shape)
    found = [np.moveaxis(each, axis, 0).reshape(index.shape[axis], -1)[:, 0] for axis, each in enumerate(places)]
    same = np.ravel_multi_index(np.ix_(*found), node.inputs[0].value.shape)
    return found if np.array_equal(same, index) else None


def _of_places(view: View) -> Iterator[Named]:
    """The gradient of entries that are taken by their places goes to those of another list, or to the next ones."""
    lists = _lists(view)
    for number, place in view.places:
        node = view.nodes[number]
        if node.op != "gather" or node.value.ndim != 1 or node.inputs[0].value.ndim < 2:  # noqa: PLR2004 - a matrix
            continue
        shape = node.inputs[0].value.shape
        places = np.unravel_index(node.settings["index"], shape)
        for axis, right in enumerate(places):
            for other in (*lists, np.roll(right, 1), np.roll(right, -1)):
                if other.shape == right.shape and other.max() < shape[axis] and not np.array_equal(other, right):
                    moved = tuple(other if n == axis else each for n, each in enumerate(places))
                    if view.agrees({(number, place): _scattered(np.ravel_multi_index(moved, shape))}):
                        yield Named("wrong-argument")
                        return


def _lists(view: View) -> list[Places]:
    """The places that steps take entries from, along each axis, where they are a list."""
    found: dict[bytes, Places] = {}
    for node in view.nodes:
        if node.op != "gather" or not node.value.size or not node.value.ndim or not node.inputs[0].value.ndim:
            continue
        for each in np.unravel_index(node.settings["index"], node.inputs[0].value.shape):
            column = each.reshape(len(each), -1)
            if (column == column[:, :1]).all():
                found[column[:, 0].tobytes()] = column[:, 0]
    return list(found.values())


def _scattered(index: Places) -> MakeChange:
    def make(_: Sample, edge: Edge) -> Change:
        def change(g: Array, inputs: Sequence[Array], y: Array) -> Array:
            found = np.zeros(inputs[0].size)
            np.add.at(found, index, np.broadcast_to(g, y.shape).ravel())
            return found.reshape(inputs[0].shape)

        return change

    return make


# The order of an axis


def _of_order(view: View) -> Iterator[Named]:
    """All shifts along an axis are taken as in the forward pass, where the gradient has to be shifted back."""
    moving = [each for each in view.places if view.nodes[each[0]].op in {"gather", "assign", "pad"}]
    for axis in range(1, 1 + max((view.nodes[number].value.ndim for number, _ in moving), default=0)):
        if view.agrees(dict.fromkeys(moving, around(partial(_flipped, axis=-axis)))):
            yield Named("transposed")


def _flipped(array: Array, axis: int) -> Array:
    return np.flip(array, axis) if array.ndim >= -axis else array
