"""Mistakes in the values that the derivatives take: another step's, another constant's, or one with an epsilon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis.changes import value_of
from reference.gradients.diagnosis.graph import Change, Edge, Values, contribution, evaluate
from reference.gradients.diagnosis.named import Named, first_found
from reference.gradients.diagnosis.samples import MakeChange, Sample, Samples
from reference.gradients.diagnosis.view import View, seen
from reference.gradients.diagnosis.whole import factor_between
from reference.numerics import likeness
from reference.numerics.shapes import broadcasts

Array = NDArray[Any]
#: Makes the values that the derivatives take, from a sample.
MakeValues = Callable[[Sample], Values]
#: Steps of a graph in which each pair of steps is tried.
_MOST_STEPS = 60
#: An epsilon is smaller than this.
_LARGEST_EPSILON = 0.5
#: Rounds of Newton's method.
_ROUNDS = 8


def explanations(samples: Samples) -> Iterator[Named]:
    """All hypotheses of this module that reproduce the answers; the first kind that has any is told."""
    yield from first_found((_constants, _of_other_steps, _without_factor, _epsilon_in_another_place), samples)


def _agree(samples: Samples, make: MakeValues) -> bool:
    """Whether the gradients with these values are the answers; the first sample decides mostly."""
    for sample in samples:
        found = _gradient(samples, sample, make)
        if found is None or not sample.agrees(found, samples.position):
            return False
    return True


def _gradient(samples: Samples, sample: Sample, make: MakeValues) -> Array | None:
    try:
        with np.errstate(all="ignore"):
            return sample.gradients_by(make(sample))[samples.position]
    except (ValueError, IndexError, TypeError):
        return None


# Constants


def _constants(samples: Samples) -> Iterator[Named]:
    """A constant of the formula is 1, or its square, or one less, which is the divisor of an unbiased variance."""
    graph = samples.graph
    for number, node in enumerate(graph.nodes):
        if node.op != "constant" or node.value.size != 1 or node.value.dtype.kind != "f":
            continue
        constant = node.value.item()
        for word, other in _others(constant, is_count=_is_divisor(samples, number)):
            for restored in (False, True):
                if _agree(samples, _with_constant(number, other, restored=restored)):
                    yield Named(word, (("a constant", f"{other:.10g}"),) if word == "scaled" else ())


def _others(constant: float, *, is_count: bool) -> Iterator[tuple[str, float]]:
    if constant not in {0.0, 1.0}:
        yield "factor-missing", 1.0
        yield "scaled", constant**2
        yield "term-missing", 0.0
    if is_count:
        yield "scaled", constant - 1
        yield "scaled", constant + 1


def _is_divisor(samples: Samples, number: int) -> bool:
    graph = samples.graph
    node = graph.nodes[number]
    constant = node.value.item()
    used = any(each.op == "divide" and each.inputs[1] is node for each in graph.nodes)
    return used and constant > 1 and constant == int(constant)


def _with_constant(number: int, other: float, *, restored: bool) -> MakeValues:
    """The values with another constant; ``restored``: the derivative of its own step still takes the right one."""

    def make(sample: Sample) -> Values:
        node = sample.graph.nodes[number]
        right = value_of(sample, number)
        values = evaluate(sample.graph, sample.floats, {id(node): lambda: np.full(right.shape, other)})
        return {**values, id(node): right} if restored else values

    return make


# Other steps


def _of_other_steps(samples: Samples) -> Iterator[Named]:
    """The derivatives take one step's value for another's everywhere, or two for each other."""
    graph = samples.graph
    if len(graph.nodes) > _MOST_STEPS:
        return
    view = seen(samples, keep_all=True)
    for one, node in enumerate(graph.nodes):
        for two, other in enumerate(graph.nodes):
            if one == two or node.value.shape != other.value.shape or "constant" in {node.op, other.op}:
                continue
            if node.value.size < 2:  # noqa: PLR2004 - one number has no other entries
                continue
            both = {one: two, two: one}
            if _agree(samples, _moved({one: two})) or (
                one < two and (_agree(samples, _moved(both)) or _agrees_as_inputs(view, both))
            ):
                yield Named("wrong-argument")
                return


def _moved(places: dict[int, int]) -> MakeValues:
    def make(sample: Sample) -> Values:
        nodes = sample.graph.nodes
        return {**sample.values, **{id(nodes[to]): value_of(sample, source) for to, source in places.items()}}

    return make


def _agrees_as_inputs(view: View, places: dict[int, int]) -> bool:
    """Whether the steps that take two others in take each for the other, and no other step does."""
    nodes = [view.nodes[number] for number in places]
    mine = [(n, k) for n, k in view.places if any(each in nodes for each in view.nodes[n].inputs)]

    def make(sample: Sample, edge: Edge) -> Change:
        taken = {id(sample.graph.nodes[to]): value_of(sample, source) for to, source in places.items()}

        def change(g: Array, inputs: Any, y: Array) -> Array:
            given = [taken.get(id(node), old) for node, old in zip(edge.node.inputs, inputs, strict=True)]
            return contribution(edge.node, edge.place, g, given, y)

        return change

    return view.agrees(dict.fromkeys(mine, make))


def _without_factor(samples: Samples) -> Iterator[Named]:
    """What reaches a step lacks a factor that is the value of a step."""
    view = seen(samples, keep_all=True)
    if len(view.nodes) > _MOST_STEPS:
        return
    for number, node in enumerate(view.nodes):
        mine = view.uses(number)
        if not mine or node.op == "constant":
            continue
        for other, factor in enumerate(view.nodes):
            if factor.value.size > 1 and broadcasts(factor.value.shape, node.value.shape) and np.ptp(factor.value) > 0:
                for power in (1, 2):
                    if view.agrees(dict.fromkeys(mine, _divided(other, power))):
                        yield Named("factor-missing")
                        return


def _divided(number: int, power: int) -> MakeChange:
    def make(sample: Sample, edge: Edge) -> Change:
        by = value_of(sample, number) ** power
        return lambda g, inputs, y: contribution(edge.node, edge.place, g, inputs, y) / by

    return make


# Epsilon


def _epsilon_in_another_place(samples: Samples) -> Iterator[Named]:
    """A small constant is added to another step than in the forward pass; it is estimated."""
    graph = samples.graph
    small = [
        number
        for number, node in enumerate(graph.nodes)
        if node.op == "constant" and node.value.size == 1 and 0 < abs(node.value.item()) < likeness.SHORT_STEP * 1e5
    ]
    below = {id(node.inputs[-1]) for node in graph.nodes if node.op in {"divide", "log", "sqrt", "reciprocal"}}
    for number, node in enumerate(graph.nodes):
        if id(node) not in below and node.op != "sqrt":
            continue
        for removed in (None, *small):
            for anew in (True, False):
                size = _fitted(samples, number, removed, anew=anew)
                if size is not None:
                    yield Named("other-epsilon", (("the constant", f"{size:.3g}"),))
                    return


def _fitted(samples: Samples, number: int, removed: int | None, *, anew: bool) -> float | None:
    """The constant, found by Newton's method in one sample, and then in all."""
    size, some = 0.0, samples.all[:1]
    for _ in range(_ROUNDS):
        ends = [
            [_gradient(samples, each, _added(number, end, removed, anew=anew)) for each in some]
            for end in (size, size + likeness.SHORT_STEP)
        ]
        if any(each is None for end in ends for each in end):
            return None
        here, there = ([each for each in end if each is not None] for end in ends)
        if abs(size) > 0 and all(one.agrees(two, samples.position) for one, two in zip(some, here, strict=True)):
            if len(some) == len(samples.all):
                return size
            some = samples.all  # which tell more digits
            continue
        slopes = [(two - one) / likeness.SHORT_STEP for one, two in zip(here, there, strict=True)]
        rests = [answer - one for answer, one in zip(samples.answers, here, strict=False)]
        change = factor_between(slopes, rests)
        if change is None or not abs(size + change) < _LARGEST_EPSILON:
            return None
        size += change
    return None


def _added(number: int, size: float, removed: int | None, *, anew: bool) -> MakeValues:
    """The values with a constant added to a step; ``anew``: in all that follows, and not in this value alone."""

    def make(sample: Sample) -> Values:
        node = sample.graph.nodes[number]
        changed: dict[int, Callable[..., Any]] = {}
        if removed is not None:
            changed[id(sample.graph.nodes[removed])] = lambda: np.zeros(())
        if not anew:
            values = evaluate(sample.graph, sample.floats, changed) if removed is not None else sample.values
            return {**values, id(node): values[id(node)] + size}
        if not node.inputs:
            return {**sample.values, id(node): value_of(sample, number) + size}
        changed[id(node)] = lambda *inputs: node.run(*inputs) + size
        return evaluate(sample.graph, sample.floats, changed)

    return make
