"""Mistakes in one place of the formula: each step of the forward pass in turn is differentiated wrongly.

A hypothesis changes what one edge of the graph passes back. Where the change is a factor, the factor is estimated from
the answers and not taken from a list: the gradient is linear in what an edge contributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis import changes
from reference.gradients.diagnosis.changes import nothing
from reference.gradients.diagnosis.graph import Edge
from reference.gradients.diagnosis.named import Named
from reference.gradients.diagnosis.samples import Place, Sample, Samples
from reference.gradients.diagnosis.view import View, seen
from reference.gradients.diagnosis.whole import factor_between
from reference.numerics import likeness

Array = NDArray[Any]
#: Steps of a graph in which each may stand before a sum.
_FEW = 60
#: Rounds of Newton's method for a constant.
_ROUNDS = 8


def explanations(samples: Samples) -> Iterator[Named]:
    """All hypotheses of this module that reproduce the answers."""
    view = seen(samples)
    found = list(_found(view))
    if not found and view.neutral:
        found = list(_found(seen(samples, keep_all=True)))
    yield from found


def _found(view: View) -> Iterator[Named]:
    for place in view.places:
        yield from _of_factor(view, [place])
    for number, node in enumerate(view.nodes):
        uses = view.uses(number)
        if len(uses) > 1 and node.inputs:
            yield from _of_factor(view, uses)
    reduced = [each for each in view.places if _is_broadcast(view, each)]
    if len(reduced) > 1:
        yield from _of_factor(view, reduced)
    if reduced:
        yield from _along_other_axis(view, reduced)
    yield from _local(view)
    for places, word, made in changes.joint(view.nodes, view.places):
        if view.agrees(dict(zip(places, made, strict=True))):
            yield Named(word)


def _local(view: View) -> Iterator[Named]:
    """One edge is differentiated in one of the ways that are known to be wrong."""
    for place in view.places:
        node = view.nodes[place[0]]
        for word, make in changes.exact(node, place[1]):
            if view.agrees({place: make}):
                yield Named(word, is_exact=True)
        for word, make in changes.local(view.samples, node, place[1]):
            if view.agrees({place: make}):
                yield Named(word)
        for slope in _leaks(view, place):
            yield Named("leaky", (("a slope of", f"{slope:.10g}"),))


def _is_broadcast(view: View, place: Place) -> bool:
    node = view.nodes[place[0]]
    return node.is_elementwise and node.inputs[place[1]].value.shape != node.value.shape


def _of_factor(view: View, places: list[Place]) -> Iterator[Named]:
    """What some edges contribute is multiplied by a constant, which is estimated; 0: it is missing."""
    samples = view.samples
    if not _may_have_factor(view, places):
        return
    without = [view.without(each, places) for each in samples]
    effects = [truth - each for truth, each in zip(samples.truths, without, strict=True)]
    rests = [answer - each for answer, each in zip(samples.answers, without, strict=True)]
    factor = factor_between(effects, rests)
    if factor is None or abs(factor - 1) < likeness.SAME_FACTOR:
        return
    exact = next((each for each in (0.0, -1.0) if abs(factor - each) < likeness.SAME_FACTOR), factor)
    if samples.agree([each + exact * effect for each, effect in zip(without, effects, strict=True)]):
        if exact == 0:
            yield Named("term-missing")
        elif exact == -1:
            yield Named("sign")
        elif _is_step_left_out(view, places, exact):
            yield Named("scaled", (("a factor of one term", f"{exact:.10g}"),), is_exact=True)
        else:
            yield Named("scaled", (("a factor of one term", f"{exact:.10g}"),))


def _may_have_factor(view: View, places: list[Place]) -> bool:
    """Whether one factor explains the answers along one direction; the first samples tell."""
    if not view.are_independent(places):
        return True
    factors = []
    for sample in view.samples.all[:2]:
        probe = view.probe(sample)
        effects = [probe.effect(each) for each in places]
        total, size = (sum(each[part] for each in effects) for part in (0, 1))
        if abs(total) <= likeness.PROBE_AGREES * size:
            return probe.is_wanted(0.0, size)
        factors.append((probe.wanted / total, likeness.PROBE_AGREES * (1 + size + abs(probe.wanted)) / abs(total)))
    (one, near), (two, close) = factors
    return abs(one - two) <= near + close + likeness.PROBE_AGREES * abs(one)


def _is_step_left_out(view: View, places: list[Place], factor: float) -> bool:
    """Whether the factor undoes that of an edge's own step: the derivative of what is first done with the argument.

    That is an inner derivative, such as of the mean or the half of an argument of which a function is taken.
    """
    sample = view.samples.all[0]
    argument = view.samples.graph.arguments[view.position]
    for number, place in places:
        node = view.nodes[number]
        if not node.is_elementwise:
            return False
        source = node.inputs[place]
        while source.op in {"gather", "sum", "reshape", "transpose"}:
            source = source.inputs[0]
        if source is not argument:
            return False
        inputs = [sample.values[id(each)] for each in node.inputs]
        with np.errstate(all="ignore"):
            local = np.asarray(changes.derivative(Edge(node, place), inputs, sample.values[id(node)]))
        if not (np.abs(local * factor - 1) < likeness.SAME_FACTOR).all():
            return False
    return True


def _along_other_axis(view: View, reduced: list[Place]) -> Iterator[Named]:
    """Sums that undo a broadcast run along another axis, and so do the means that they belong to."""
    statistics = [each for each in reduced if _keeps_axes(view, each)]
    for places in _different([reduced, statistics, *([each] for each in reduced)]):
        rank = max(view.nodes[number].value.ndim for number, _ in places)
        pairs = combinations(range(rank), 2) if rank > 2 else ()  # noqa: PLR2004 - of two, a pair is all
        for axis, is_mean in product((*range(rank), *pairs, None), (False, True)):
            for number, power in _factors_outside(view, places):
                make = changes.along_axis(axis, power, is_mean=is_mean, number=number)
                if view.agrees(dict.fromkeys(places, make)):
                    yield Named("wrong-axis")
                    return


def _different(groups: list[list[Place]]) -> Iterator[list[Place]]:
    for number, group in enumerate(groups):
        if group and group not in groups[:number]:
            yield group


def _keeps_axes(view: View, place: Place) -> bool:
    """Whether the input is a statistic that keeps its axes, such as the mean of each row."""
    node = view.nodes[place[0]]
    source = node.inputs[place[1]]
    return source.value.ndim == node.value.ndim > 0 and bool(source.inputs)


def _factors_outside(view: View, places: list[Place]) -> Iterator[tuple[int | None, int]]:
    """What may stand before a sum instead of in it: a power of what is broadcast, or of another statistic."""
    yield from ((None, power) for power in (0, 1, 2))
    shapes = {view.nodes[number].inputs[place].value.shape for number, place in places}
    if len(view.nodes) > _FEW or len(shapes) > 1:
        return
    for number, node in enumerate(view.nodes):
        if node.op != "constant" and node.value.shape in shapes and node.value.size > 1:
            yield from ((number, power) for power in (1, 2))


def _leaks(view: View, place: Place) -> Iterator[float]:
    """How much passes where nothing should, estimated; of steps with one input that has a derivative."""
    node = view.nodes[place[0]]
    if node.op not in changes.MASKED or len([each for each in view.places if each[0] == place[0]]) != 1:
        return
    samples = view.samples
    opened = [view.of(each, {place: changes.OPENED}) for each in samples]
    known = [each for each in opened if each is not None]
    if len(known) < len(opened):
        return
    effects = [each - truth for each, truth in zip(known, samples.truths, strict=True)]
    rests = [answer - truth for answer, truth in zip(samples.answers, samples.truths, strict=True)]
    slope = factor_between(effects, rests)
    if slope is None or abs(slope) < likeness.SAME_FACTOR or abs(slope - 1) < likeness.SAME_FACTOR:
        return
    pairs = zip(samples.truths, effects, strict=True)
    if samples.agree([truth + slope * effect for truth, effect in pairs]):
        yield slope


def shifted(samples: Samples) -> Iterator[Named]:
    """A constant is added to what is divided by, or to what a root or a logarithm is taken of; it is estimated."""
    view = seen(samples)
    for place in view.places:
        if (view.nodes[place[0]].op, place[1]) in changes.WITH_DENOMINATOR:
            size = _shift(view, place)
            if size is not None:
                yield Named("other-epsilon", (("the constant", f"{size:.3g}"),))


def _shift(view: View, place: Place) -> float | None:
    """The constant with which the answers are reproduced; found by Newton's method along one direction."""
    first, second, *_ = view.samples
    start = _solved(view, first, place)
    if start is None or start == 0 or not _is_wanted(view, second, place, start):
        return None
    return _polished(view, place, start)


def _polished(view: View, place: Place, size: float) -> float | None:
    """The constant to all digits, from all entries."""
    samples = view.samples
    for _ in range(_ROUNDS):
        step = likeness.CONSTANT_STEP
        ends = [[view.of(each, {place: changes.shifted(value)}) for each in samples] for value in (size, size + step)]
        if any(each is None for end in ends for each in end):
            return None
        here, there = ([each for each in end if each is not None] for end in ends)
        if samples.agree(here):
            return size
        slopes = [(two - one) / step for one, two in zip(here, there, strict=True)]
        change = factor_between(slopes, [answer - one for answer, one in zip(samples.answers, here, strict=True)])
        if change is None or not abs(size + change) < 1:
            return None
        size += change
    return None


def _solved(view: View, sample: Sample, place: Place) -> float | None:
    probe, edge = view.probe(sample), Edge(sample.graph.nodes[place[0]], place[1])
    right, size = probe.effect(place), 0.0
    for _ in range(_ROUNDS):
        step = likeness.CONSTANT_STEP
        here, there = (
            probe.changed(place, changes.shifted(value)(sample, edge) or nothing) for value in (size, size + step)
        )
        if here is None or there is None or there[0] == here[0]:
            return None
        change = (right[0] + probe.wanted - here[0]) * step / (there[0] - here[0])
        if not abs(size + change) < 1:
            return None
        size += change
    return size


def _is_wanted(view: View, sample: Sample, place: Place, size: float) -> bool:
    probe, edge = view.probe(sample), Edge(sample.graph.nodes[place[0]], place[1])
    change = changes.shifted(size)(sample, edge)
    return change is not None and not probe.refutes({place: change})
