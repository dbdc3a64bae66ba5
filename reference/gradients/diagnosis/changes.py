"""In which wrong ways a single step can be differentiated: each is a word, and what the edge contributes instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis import gathers
from reference.gradients.diagnosis.graph import Change, Edge, Node, Partials, contribution, to_input, unbroadcast
from reference.gradients.diagnosis.rules import spread
from reference.gradients.diagnosis.samples import MakeChange, Place, Sample, Samples

Array = NDArray[Any]

#: Steps whose derivative is a mask.
MASKED = {"maximum", "minimum", "where", "absolute", "fmax", "fmin"}
_MOST_THRESHOLDS = 60
#: Steps of a graph in which each is tried in the place of each other.
_FEW = 60


def nothing(_: Array, inputs: Any, __: Array) -> Array:
    """Contributes nothing."""
    return np.zeros(())


def with_local(formula: Callable[..., Any]) -> MakeChange:
    """A change of the local derivative: ``formula`` takes the right one, the inputs and the output."""

    def make(_: Sample, edge: Edge) -> Change:
        def change(g: Array, inputs: Any, y: Array) -> Array:
            return to_input(g * formula(derivative(edge, inputs, y), inputs, y), inputs[edge.place], y)

        return change

    return make


#: Steps whose derivative has the input in a denominator, by the place of the input.
WITH_DENOMINATOR = {("log", 0), ("sqrt", 0), ("reciprocal", 0), ("divide", 0), ("divide", 1), ("log2", 0), ("log10", 0)}


def shifted(size: float) -> MakeChange:
    """The local derivative where a constant is added to what it divides by."""

    def make(_: Sample, edge: Edge) -> Change:
        def change(g: Array, inputs: Any, y: Array) -> Array:
            moved = [*inputs[:-1], inputs[-1] + size]
            return to_input(g * derivative(edge, moved, edge.node.run(*moved)), inputs[edge.place], y)

        return change

    return make


OPENED = with_local(lambda right, inputs, y: 1.0)
_CLOSED = with_local(lambda right, inputs, y: 0.0)


def derivative(edge: Edge, inputs: Any, y: Array) -> Any:
    """The local derivative of an elementwise step for one input."""
    return edge.node.partials(*inputs, y)[edge.place]  # type: ignore[misc]


def local(samples: Samples, node: Node, place: int, *, alone: bool = False) -> Iterator[tuple[str, MakeChange]]:
    """The wrong ways to differentiate a step for one of its inputs; ``alone``: without values of other steps."""
    if node.op in {"matmul", "einsum"}:
        yield from (("transposed", make) for make in _turned(place) if node.op == "matmul")
        if len(node.inputs) == 2:  # noqa: PLR2004 - a product of two
            yield "factor-missing", _with_ones(1 - place)
        yield from () if alone else _of_other_steps(samples, node, place)
    elif node.op == "max":
        yield "mask-missing", _spread_to_all
        yield "mask-from-other", _at_best_of(lambda x: -x)
        yield "mask-from-other", _at_best_of(np.abs)
    elif node.op == "sum":
        yield from (("wrong-axis", _spread_along(axis)) for axis in range(node.inputs[0].value.ndim))
        yield from (("wrong-axis", _normalised_along(axis)) for axis in range(node.inputs[0].value.ndim))
    elif node.op == "gather":
        yield "not-summed", gathers.last_of_each
        yield "not-summed", gathers.first_of_each
        yield from (("wrong-axis", make) for make in gathers.in_other_order(node))
    elif node.op == "assign":
        yield "mask-missing", lambda _, edge: lambda g, inputs, y: unbroadcast(g, inputs[edge.place].shape)
    elif node.is_elementwise:
        yield from _elementwise(samples, node, place, alone=alone)


def exact(node: Node, place: int) -> Iterator[tuple[str, MakeChange]]:
    """Wrong ways that say more than any other word for the same: what is normalised is taken as it was before."""
    divided, by = (node.inputs[0], node.inputs[-1])
    is_statistic = by.value.shape != node.value.shape and bool(by.inputs)
    if (node.op, place) == ("divide", 1) and is_statistic and divided.op != "constant":
        yield "wrong-argument", with_local(lambda right, inputs, y: -y)


def _elementwise(samples: Samples, node: Node, place: int, *, alone: bool) -> Iterator[tuple[str, MakeChange]]:
    if node.inputs[place].value.shape != node.value.shape:
        for axis in (*range(node.value.ndim), None):
            for power in (0, 1, 2):
                yield "wrong-axis", along_axis(axis, power)
        yield "not-summed", _not_summed
    if node.op in MASKED:
        yield from _masks(samples, node, place, alone=alone)
    elif any(_local_varies(each, _number(samples.all[0], node), place) for each in samples):
        yield "factor-missing", OPENED
        yield from (("factor-missing", with_local(formula)) for formula in _FACTORS.get((node.op, place), ()))
        yield from (("sign", with_local(formula)) for formula in _SIGNS.get((node.op, place), ()))
        if len(node.inputs) == 1 and node.partials is not None:
            yield from (("wrong-argument", make) for make in _of_wrong_argument(node, node.partials))
        yield from () if alone else _of_other_steps(samples, node, place)


#: Local derivatives that lack a factor, where they are more than one, by the step and the place of the input.
_FACTORS: dict[tuple[str, int], tuple[Callable[..., Any], ...]] = {
    ("tanh", 0): (lambda d, x, y: 1 - y, lambda d, x, y: 1 + y),
    ("power", 0): (
        lambda d, x, y: x[0] ** (x[1] - 1),
        lambda d, x, y: x[1],
        lambda d, x, y: x[1] * x[0] ** (x[1] - 2),
        lambda d, x, y: x[1] * y,
    ),
    ("square", 0): (lambda d, x, y: 2.0, lambda d, x, y: 2 * y),
    ("divide", 1): (
        lambda d, x, y: -y,
        lambda d, x, y: -1 / x[1] ** 2,
        lambda d, x, y: -x[0],
        lambda d, x, y: -1 / x[1],
    ),
    ("reciprocal", 0): (lambda d, x, y: -y,),
    ("sqrt", 0): (lambda d, x, y: 0.5, lambda d, x, y: 1 / y, lambda d, x, y: 0.5 * y, lambda d, x, y: 0.5 / y**2),
    ("arctan", 0): (lambda d, x, y: 1 / (1 + x[0]),),
    ("tan", 0): (lambda d, x, y: 1 + y,),
}
_SIGNS: dict[tuple[str, int], tuple[Callable[..., Any], ...]] = {
    ("tanh", 0): (lambda d, x, y: 1 + y * y, lambda d, x, y: y * y - 1),
    ("arctan", 0): (lambda d, x, y: 1 / (1 - x[0] ** 2),),
}


def _of_wrong_argument(node: Node, partials: Partials) -> Iterator[MakeChange]:
    yield with_local(lambda right, inputs, y: partials(inputs[0], inputs[0])[0])
    yield with_local(lambda right, inputs, y: partials(y, y)[0])
    yield with_local(lambda right, inputs, y: partials(y, node.run(y))[0])


def _of_other_steps(samples: Samples, node: Node, place: int) -> Iterator[tuple[str, MakeChange]]:
    """The value of another step of the same shape is taken in the derivative."""
    graph = samples.graph
    if len(graph.nodes) > _FEW:
        return
    for wrong, given in enumerate(node.inputs):
        for number, other in enumerate(graph.nodes):
            if other.op != "constant" and other is not given and other.value.shape == given.value.shape:
                yield "term-missing" if _lacks_constant(given, other) else "wrong-argument", with_other(wrong, number)


def _lacks_constant(right: Node, other: Node) -> bool:
    """Whether a value is another one but for a constant that is added, as x is 1 + x without the 1."""
    operands = [each for each in right.inputs if each is not other]
    return right.op == "add" and len(operands) == 1 and operands[0].op == "constant"


def with_other(wrong: int, number: int) -> MakeChange:
    """The derivative takes the value of a step for one of the inputs."""

    def make(sample: Sample, edge: Edge) -> Change:
        array = value_of(sample, number)

        def change(g: Array, inputs: Any, y: Array) -> Array:
            given = [array if n == wrong else each for n, each in enumerate(inputs)]
            if not edge.node.is_elementwise:
                return contribution(edge.node, edge.place, g, given, y)
            return to_input(g * derivative(edge, given, y), inputs[edge.place], y)

        return change

    return make


def _with_ones(wrong: int) -> MakeChange:
    """The derivative of a product lacks the other factor."""

    def make(_: Sample, edge: Edge) -> Change:
        def change(g: Array, inputs: Any, y: Array) -> Array:
            given = [np.ones_like(each) if n == wrong else each for n, each in enumerate(inputs)]
            return contribution(edge.node, edge.place, g, given, y)

        return change

    return make


def with_output(number: int) -> MakeChange:
    """The derivative takes the value of a step for the output, in terms of which it may be written."""

    def make(sample: Sample, edge: Edge) -> Change:
        array = value_of(sample, number)
        return lambda g, inputs, y: to_input(g * derivative(edge, inputs, array), inputs[edge.place], y)

    return make


def value_of(sample: Sample, number: int) -> Array:
    """The value of a step."""
    return sample.values[id(sample.graph.nodes[number])]


# Masks


def _masks(samples: Samples, node: Node, place: int, *, alone: bool) -> Iterator[tuple[str, MakeChange]]:
    yield "mask-missing", OPENED
    if node.op == "absolute":
        return
    yield "mask-inverted", with_local(lambda right, inputs, y: 1.0 - right)
    yield "mask-from-delta", _from_delta
    yield "mask-from-delta", _from_delta_negative
    if alone:
        return
    graph = samples.graph
    for number, other in enumerate(graph.nodes):
        if other is not node and other not in node.inputs and other.value.shape == node.value.shape:
            yield "mask-from-other", _from_other(number)
    for threshold in _thresholds(samples, node, place):
        yield "mask-wrong-threshold", with_local(lambda right, inputs, y, t=threshold, k=place: inputs[k] > t)
        if node.op == "minimum":
            yield "mask-wrong-threshold", with_local(lambda right, inputs, y, t=threshold, k=place: inputs[k] < t)


def _from_delta(_: Sample, edge: Edge) -> Change:
    return lambda g, inputs, y: unbroadcast(g * (g > 0), inputs[edge.place].shape)


def _from_delta_negative(_: Sample, edge: Edge) -> Change:
    return lambda g, inputs, y: unbroadcast(g * (g < 0), inputs[edge.place].shape)


def _from_other(number: int) -> MakeChange:
    def make(sample: Sample, edge: Edge) -> Change:
        array = value_of(sample, number)
        return lambda g, inputs, y: unbroadcast(g * (array > 0), inputs[edge.place].shape)

    return make


def _thresholds(samples: Samples, node: Node, place: int) -> list[float]:
    """Numbers between those that a step compares, at which a mask could switch."""
    number = _number(samples.all[0], node)
    compared = [value_of(each, _number(each, each.graph.nodes[number].inputs[place])) for each in samples]
    values = np.unique(np.concatenate([np.ravel(each) for each in compared]))
    middles = (values[1:] + values[:-1]) / 2
    return [float(each) for each in middles[:: max(1, len(middles) // _MOST_THRESHOLDS)]]


def _local_varies(sample: Sample, number: int, place: int) -> bool:
    """Whether the local derivative is more than a constant."""
    node = sample.graph.nodes[number]
    with np.errstate(all="ignore"):
        local = derivative(Edge(node, place), [each.value for each in node.inputs], node.value)
    return float(np.ptp(np.asarray(local))) > 0


def _number(sample: Sample, node: Node) -> int:
    return next(number for number, each in enumerate(sample.graph.nodes) if each is node)


def joint(nodes: Sequence[Node], places: Sequence[Place]) -> Iterator[tuple[list[Place], str, list[MakeChange]]]:
    """Changes of several edges of one step: a choice between two that always takes the same one, or takes the other."""
    masked = [(number, place) for number, place in places if nodes[number].op in MASKED]
    if len(masked) > 1:
        yield masked, "mask-missing", [OPENED] * len(masked)
    for number, node in enumerate(nodes):
        taken = [each for each in places if nodes[each[0]].op == "gather" and nodes[each[0]].inputs[0] is node]
        if len(taken) > 1:
            yield taken, "not-summed", [gathers.overwritten(taken[place + 1 :]) for place in range(len(taken))]
        mine = [each for each in places if each[0] == number]
        if node.op in MASKED and len(mine) > 1:
            first, second = mine[-2:]
            yield [first, second], "mask-missing", [OPENED, _CLOSED]
            yield [first, second], "mask-missing", [_CLOSED, OPENED]
            inverted = with_local(lambda right, inputs, y: 1.0 - right)
            yield [first, second], "mask-inverted", [inverted, inverted]


# Products


def _turned(place: int) -> Iterator[MakeChange]:
    def alone(_: Sample, edge: Edge) -> Change:
        return lambda g, inputs, y: g @ inputs[1] if place == 0 else inputs[0] @ g

    def after(_: Sample, edge: Edge) -> Change:
        return lambda g, inputs, y: np.swapaxes(contribution(edge.node, edge.place, g, inputs, y), -1, -2)

    def before(_: Sample, edge: Edge) -> Change:
        return lambda g, inputs, y: contribution(edge.node, edge.place, np.swapaxes(g, -1, -2), inputs, y)

    yield from (alone, after, before)


# Axes


def along_axis(
    axis: int | tuple[int, ...] | None, power: int, *, is_mean: bool = False, number: int | None = None
) -> MakeChange:
    """The sum that undoes a broadcast runs along another axis.

    Parameters
    ----------
    axis
        Along which, or which ones; None is all.
    power
        How many factors of the broadcast value stand before the sum instead of in it.
    is_mean
        Whether the sum is part of a mean, which divides by the length of the wrong axis too.
    number
        The step whose value the factors have; None is the broadcast value itself, in a product.
    """

    def make(sample: Sample, edge: Edge) -> Change:
        def change(g: Array, inputs: Any, y: Array) -> Array:
            source = inputs[edge.place]
            factors = power if number is not None or edge.node.op in {"multiply", "divide"} else 0
            factor = (source if number is None else value_of(sample, number)) ** factors if factors else 1.0
            terms = np.asarray(np.broadcast_to(g * derivative(edge, inputs, y), y.shape)) * factor
            keep = source.ndim == terms.ndim
            total = terms.sum(axis=axis, keepdims=keep)
            if is_mean:
                due = y.size / max(source.size, 1)
                total = total * due / (y.size / max(total.size, 1))
            found = np.asarray(total / factor)
            return np.broadcast_to(found, source.shape) if axis is None and not keep else found

        return change

    return make


def _not_summed(_: Sample, edge: Edge) -> Change:
    return lambda g, inputs, y: np.asarray(g * derivative(edge, inputs, y))


def _spread_along(axis: int) -> MakeChange:
    def make(_: Sample, edge: Edge) -> Change:
        return lambda g, inputs, y: np.broadcast_to(np.expand_dims(np.squeeze(g), axis), inputs[0].shape)

    return make


def _normalised_along(axis: int) -> MakeChange:
    """What is divided by a sum is divided by the sum along another axis."""

    def make(_: Sample, edge: Edge) -> Change:
        settings = edge.node.settings

        def change(g: Array, inputs: Any, y: Array) -> Array:
            due = spread(g * y, inputs[0].shape, settings["axis"], keepdims=settings["keepdims"])
            return np.asarray(due / inputs[0].sum(axis=axis, keepdims=True))

        return change

    return make


def _spread_to_all(_: Sample, edge: Edge) -> Change:
    settings = edge.node.settings
    return lambda g, inputs, y: spread(g, inputs[0].shape, settings["axis"], keepdims=settings["keepdims"])


def _at_best_of(measure: Callable[[Array], Array]) -> MakeChange:
    """The gradient goes to where another array has its extreme, such as the smallest or the largest in size."""

    def make(_: Sample, edge: Edge) -> Change | None:
        axis, keep = edge.node.settings["axis"], edge.node.settings["keepdims"]
        if axis is None or isinstance(axis, tuple):
            return None

        def change(g: Array, inputs: Any, y: Array) -> Array:
            mask = np.zeros(inputs[0].shape)
            np.put_along_axis(mask, np.expand_dims(np.argmax(measure(inputs[0]), axis=axis), axis), 1.0, axis)
            return np.asarray(spread(g, inputs[0].shape, axis, keepdims=keep) * mask)

        return change

    return make
