"""Mistakes of a loop or of an order, at any step: an end left out, one of many kept, or an axis run the other way.

Each hypothesis changes the gradient that enters a step or leaves it, or the array that the gradient is multiplied by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis import changes
from reference.gradients.diagnosis.changes import value_of
from reference.gradients.diagnosis.graph import Change, Edge, contribution, pulled_back
from reference.gradients.diagnosis.named import Named, first_found
from reference.gradients.diagnosis.samples import MakeChange, Place, Sample, Samples
from reference.gradients.diagnosis.view import View, seen
from reference.numerics import likeness

Array = NDArray[Any]
Turn = Callable[[Array], Array]
#: Steps times edges of a graph in which each edge is tried with each change.
_MOST_TRIALS = 900
#: Paths of one array of which each choice is tried.
_MOST_PATHS = 6
#: Samples that tell weights, which are tried with all.
_FEW_SAMPLES = 3


def explanations(samples: Samples) -> Iterator[Named]:
    """All hypotheses of this module that reproduce the answers; those of the whole formula come first."""
    view = seen(samples, keep_all=True)
    yield from first_found((_of_cotangent, _of_edges, _of_paths, _of_one_kind, _without_cotangent), view)


# What is done with an array


def _turns(shape: tuple[int, ...]) -> Iterator[tuple[str, Turn]]:
    """What may be done wrongly with a gradient of that shape."""
    for axis, size in enumerate(shape):
        if size > 1:
            # Where there are two, the last is left out or the first alone is kept: nobody can know which.
            is_last_sample = axis == 0 and size > 2  # noqa: PLR2004 - of two, each is the last or the first
            yield ("last-sample-wrong" if is_last_sample else "term-missing"), _dropped(axis, -1)
            yield "term-missing", _dropped(axis, 0)
            if size > 2:  # noqa: PLR2004 - of two, one is kept where the other is left out
                yield "not-summed", _kept(axis, 0)
                yield "not-summed", _kept(axis, -1)
    yield from _flips(shape)


def _flips(shape: tuple[int, ...]) -> Iterator[tuple[str, Turn]]:
    long = [axis for axis, size in enumerate(shape) if size > 1]
    for count in (1, 2):
        for axes in combinations(long, count):
            yield "transposed", partial(np.flip, axis=axes)
    if len(long) > 1 and shape[-1] == shape[-2]:
        yield "transposed", lambda array: np.swapaxes(array, -1, -2)


def _dropped(axis: int, place: int) -> Turn:
    def turn(array: Array) -> Array:
        found = array.copy()
        np.moveaxis(found, axis, 0)[place] = 0.0
        return found

    return turn


def _kept(axis: int, place: int) -> Turn:
    def turn(array: Array) -> Array:
        found = np.zeros_like(array)
        np.moveaxis(found, axis, 0)[place] = np.moveaxis(array, axis, 0)[place]
        return found

    return turn


# Where it is done


def _of_cotangent(view: View) -> Iterator[Named]:
    """The cotangent itself is changed, or another argument in the formula."""
    samples = view.samples
    for word, turn in _turns(samples.all[0].cotangent.shape):
        if _agree(samples, partial(_pulled, turn=turn)):
            yield Named(word)
    for word, turn in _flips(samples.truths[0].shape):
        if samples.agree([turn(each) for each in samples.truths]):
            yield Named(word)
    graph = samples.graph
    for number, node in enumerate(graph.nodes):
        if node.inputs and len(graph.nodes) > changes._FEW:
            continue
        for word, turn in _flips(node.value.shape):
            if _agree(samples, partial(_with_value, number=number, turn=turn)):
                yield Named(word)


def _agree(samples: Samples, gradients: Callable[[Sample], tuple[Array, ...]]) -> bool:
    """Whether gradients that are computed for a sample are the answers in all samples; the first decides mostly."""
    for sample in samples:
        try:
            with np.errstate(all="ignore"):
                found = gradients(sample)[samples.position]
        except (ValueError, IndexError, TypeError):
            return False
        if not sample.agrees(found, samples.position):
            return False
    return True


def _pulled(sample: Sample, turn: Turn) -> tuple[Array, ...]:
    return pulled_back(sample.graph, sample.values, turn(sample.cotangent))


def _with_value(sample: Sample, number: int, turn: Turn) -> tuple[Array, ...]:
    """The gradients where the derivatives take a changed value of one step."""
    node, turned = sample.graph.nodes[number], turn(value_of(sample, number))
    if node.inputs:
        return sample.gradients_by({**sample.values, id(node): turned})
    return sample.gradients_with_leaf(number, turned)


def _of_edges(view: View) -> Iterator[Named]:
    if len(view.nodes) * len(view.places) > _MOST_TRIALS:
        return
    for place in view.places:
        node = view.nodes[place[0]]
        for word, turn in _turns(node.value.shape):
            if view.agrees({place: _before(turn)}):
                yield Named(word)
        source = node.inputs[place[1]].value.shape
        for word, turn in _turns(source):
            if word != "last-sample-wrong" and view.agrees({place: _after(turn)}):
                yield Named("term-missing" if word == "not-summed" else word)
        for word, turn in _flips(source):
            if source == node.value.shape and view.agrees({place: around(turn)}):
                yield Named(word)
    yield from _of_steps(view)


def _of_steps(view: View) -> Iterator[Named]:
    """The gradient that enters a step is changed for all of its inputs."""
    for number, node in enumerate(view.nodes):
        mine = [each for each in view.places if each[0] == number]
        if len(mine) > 1:
            for word, turn in _turns(node.value.shape):
                if view.agrees(dict.fromkeys(mine, _before(turn))):
                    yield Named(word)


def _before(turn: Turn) -> MakeChange:
    def make(_: Sample, edge: Edge) -> Change:
        return lambda g, inputs, y: contribution(edge.node, edge.place, turn(np.broadcast_to(g, y.shape)), inputs, y)

    return make


def _after(turn: Turn) -> MakeChange:
    def make(_: Sample, edge: Edge) -> Change:
        def change(g: Array, inputs: Any, y: Array) -> Array:
            found = contribution(edge.node, edge.place, g, inputs, y)
            return turn(np.broadcast_to(found, inputs[edge.place].shape))

        return change

    return make


def around(turn: Turn) -> MakeChange:
    """The step is pulled back in the other order, as the sums of a running sum from the wrong end."""

    def make(_: Sample, edge: Edge) -> Change:
        return lambda g, inputs, y: turn(
            contribution(edge.node, edge.place, turn(np.broadcast_to(g, y.shape)), inputs, y)
        )

    return make


# Several paths


def _of_paths(view: View) -> Iterator[Named]:
    """Several of the paths along which the gradient reaches one array are missing, or have the wrong sign."""
    for number in range(len(view.nodes)):
        uses = view.uses(number)
        if not 2 < len(uses) <= _MOST_PATHS:  # noqa: PLR2004 - one path is tried alone
            continue
        weights = _weights(view, uses)
        if weights is None or all(weights == 1.0):
            continue
        made = {place: times(weight) for place, weight in zip(uses, weights, strict=True)}
        if view.agrees(made):
            yield Named("term-missing" if (weights == 0.0).any() else "sign")


def _weights(view: View, uses: list[Place]) -> Array | None:
    """By which of 0, 1 and -1 each path is multiplied; None where it is none of them."""
    columns, rests = [], []
    position = view.position
    for sample in view.samples.all[:_FEW_SAMPLES]:
        truth, answer = sample.truths[position], sample.answers[position]
        columns.append(np.stack([np.ravel(truth - view.without(sample, [use])) for use in uses], axis=1))
        rests.append(np.ravel(answer - truth))
    found, *_ = np.linalg.lstsq(np.concatenate(columns), np.concatenate(rests), rcond=None)
    weights: Array = np.round(found + 1.0)
    fits = np.abs(found + 1.0 - weights).max() < likeness.SAME_CONSTANT and np.abs(weights).max() <= 1
    return weights if fits else None


def times(weight: float) -> MakeChange:
    """A change by which an edge contributes a multiple of what is right."""
    return lambda _, edge: lambda g, inputs, y: weight * contribution(edge.node, edge.place, g, inputs, y)


# All steps of one kind


def _of_one_kind(view: View) -> Iterator[Named]:
    """All steps of one kind are differentiated in the same wrong way, as the powers of a polynomial in a loop."""
    view = seen(view.samples)
    kinds = {(view.nodes[number].op, place) for number, place in view.places}
    for op, place in sorted(kinds):
        mine = [each for each in view.places if each[1] == place and view.nodes[each[0]].op == op]
        if len(mine) < 2:  # noqa: PLR2004 - one alone may agree by chance
            continue
        for formula in changes._FACTORS.get((op, place), ()):
            if view.agrees(dict.fromkeys(mine, changes.with_local(formula))):
                yield Named("factor-missing")


# The cotangent


def _without_cotangent(view: View) -> Iterator[Named]:
    """The cotangent does not enter what comes along some paths."""
    samples = view.samples
    ones = Samples(
        tuple(replace(each, cotangent=np.ones_like(each.cotangent), memory={}) for each in samples),
        samples.position,
        samples.ask,
    )
    if samples.agree([each.pulled({})[samples.position] for each in ones]):
        yield Named("delta-next-ignored")
        return
    for places in [[each] for each in view.places] + [view.uses(number) for number in range(len(view.nodes))]:
        if places and _is_without(view, ones, places):
            yield Named("delta-next-ignored")
            return


def _is_without(view: View, ones: Samples, places: list[Place]) -> bool:
    if view.are_independent(places) and not _may_be_without(view, ones, places):
        return False
    for sample, other in zip(view.samples, ones, strict=True):
        lost = view.without(other, []) - view.without(other, places)
        if not sample.agrees(view.without(sample, places) + lost, view.position):
            return False
    return True


def _may_be_without(view: View, ones: Samples, places: list[Place]) -> bool:
    """Whether that explains the answer along one direction; the first sample tells."""
    probe, other = view.probe(view.samples.all[0]), view.probe(ones.all[0])
    pairs = [(probe.effect(each), other.effect(each)) for each in places]
    effect = sum(two[0] - one[0] for one, two in pairs)
    return probe.is_wanted(effect, sum(two[1] + one[1] for one, two in pairs))
