"""Mistakes in one place of the formula: each step of the forward pass in turn is differentiated wrongly.

A hypothesis changes what one edge of the graph passes back. Where the change is a factor, the factor is estimated from
the answers and not taken from a list: the gradient is linear in what an edge contributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis.graph import Change, Edge, Node, contribution, unbroadcast
from reference.gradients.diagnosis.named import Named
from reference.gradients.diagnosis.samples import Sample, Samples
from reference.gradients.diagnosis.whole import factor_between

Array = NDArray[Any]
#: From an edge of one sample's graph to what it contributes instead.
MakeChange = Callable[[Sample, Edge], Change | None]
_CONSTANT = 1e-7
#: Constants up to this are taken for an epsilon.
_LARGEST_EPSILON = 0.5
_MASKED = {"maximum", "minimum", "where", "absolute", "fmax", "fmin", "assign", "max"}


def explanations(samples: Samples) -> Iterator[Named]:
    """All hypotheses of this module that reproduce the answers."""
    places = _places(samples)
    for number, place in places:
        yield from _of_factor(samples, [(number, place)])
    for number in _several_uses(places, samples):
        yield from _of_factor(samples, _uses(number, places, samples))
    for number, place in places:
        for word, make in _local(samples, number, place):
            yield from _of_change(samples, number, place, word, make)


def _places(samples: Samples) -> list[tuple[int, int]]:
    """The edges, each by the number of the step and the place of the input."""
    graph = samples.all[0].graph
    assert graph is not None  # noqa: S101
    numbers = {id(node): number for number, node in enumerate(graph.nodes)}
    return [(numbers[id(edge.node)], edge.place) for edge in graph.edges()]


def _several_uses(places: list[tuple[int, int]], samples: Samples) -> list[int]:
    graph = samples.all[0].graph
    assert graph is not None  # noqa: S101
    return [number for number, node in enumerate(graph.nodes) if len(_uses(number, places, samples)) > 1 and node.inputs]


def _uses(number: int, places: list[tuple[int, int]], samples: Samples) -> list[tuple[int, int]]:
    graph = samples.all[0].graph
    assert graph is not None  # noqa: S101
    return [(n, place) for n, place in places if graph.nodes[n].inputs[place] is graph.nodes[number]]


def _of_factor(samples: Samples, edges: list[tuple[int, int]]) -> Iterator[Named]:
    """What some edges contribute is multiplied by a constant, which is estimated; 0: it is missing."""
    without = [_pulled(each, dict.fromkeys(edges, _nothing), samples.position) for each in samples]
    if any(each is None for each in without):
        return
    effects = [truth - each for truth, each in zip(samples.truths, without, strict=True)]
    rests = [answer - each for answer, each in zip(samples.answers, without, strict=True)]
    factor = factor_between(effects, rests)
    if factor is None or abs(factor - 1) < _CONSTANT:
        return
    exact = next((each for each in (0.0, -1.0) if abs(factor - each) < _CONSTANT), factor)
    if samples.agree([each + exact * effect for each, effect in zip(without, effects, strict=True)]):
        if exact == 0:
            yield Named("term-missing")
        elif exact == -1:
            yield Named("sign")
        else:
            yield Named("scaled", (("a factor of one term", f"{exact:.10g}"),))


def _of_change(samples: Samples, number: int, place: int, word: str, make: MakeChange) -> Iterator[Named]:
    """An edge contributes something else, in all samples the same; its factor may be any."""
    first = _changed(samples.all[0], number, place, make, samples.position)
    if first is None:
        return
    if samples.all[0].agrees(first, samples.position):
        found = [_changed(each, number, place, make, samples.position) for each in samples]
        if all(each is not None for each in found) and samples.agree(found):
            yield Named(word)


def _changed(sample: Sample, number: int, place: int, make: MakeChange, position: int) -> Array | None:
    assert sample.graph is not None  # noqa: S101
    change = make(sample, Edge(sample.graph.nodes[number], place))
    return None if change is None else _pulled(sample, {(number, place): change}, position)


def _pulled(sample: Sample, changes: dict[tuple[int, int], Change], position: int) -> Any:
    try:
        with np.errstate(all="ignore"):
            found = sample.pulled(changes)[position]
    except ValueError:  # shapes that do not fit
        return None
    return found if found.shape == sample.answers[position].shape else None


def _nothing(_: Array, inputs: Any, __: Array) -> Array:
    return np.zeros(())


# What one step can be differentiated to


def _local(samples: Samples, number: int, place: int) -> Iterator[tuple[str, MakeChange]]:
    graph = samples.all[0].graph
    assert graph is not None  # noqa: S101
    node = graph.nodes[number]
    if node.op == "matmul":
        yield from _products(place)
    if node.is_elementwise:
        yield from _axes(node, place)
        local = node.partials(*(each.value for each in node.inputs), node.value)[place]  # type: ignore[misc]
        if node.op in _MASKED:
            yield from _masks(samples, node, place)
        elif np.ptp(np.asarray(local)) > 0:
            yield from _factors(node, place)
    elif node.op in {"max"}:
        yield "mask-missing", _spread_to_all
    elif node.op == "sum":
        yield from _sums(node)
    elif node.op == "gather":
        yield "not-summed", _last_of_each
    elif node.op == "assign":
        yield "mask-missing", lambda sample, edge: lambda g, inputs, y: unbroadcast(g, inputs[edge.place].shape)


def _with_local(formula: Callable[..., Any]) -> MakeChange:
    """A change of the local derivative: ``formula`` takes the right one, the inputs and the output."""

    def make(_: Sample, edge: Edge) -> Change:
        def change(g: Array, inputs: Any, y: Array) -> Array:
            right = edge.node.partials(*inputs, y)[edge.place]  # type: ignore[misc]
            return unbroadcast(g * formula(right, inputs, y), inputs[edge.place].shape)

        return change

    return make


def _factors(node: Node, place: int) -> Iterator[tuple[str, MakeChange]]:
    """A factor of the local derivative is missing, or its formula is given another argument."""
    yield "factor-missing", _with_local(lambda right, inputs, y: 1.0)
    if len(node.inputs) == 1:
        partials = node.partials
        assert partials is not None  # noqa: S101
        yield "wrong-argument", _with_local(lambda right, inputs, y: partials(inputs[0], inputs[0])[0])
        yield "wrong-argument", _with_local(lambda right, inputs, y: partials(y, y)[0])
        yield "wrong-argument", _with_local(lambda right, inputs, y: partials(y, node.run(y))[0])
    for atom in _atoms(len(node.inputs)):
        for power in (-1, 1, -2, 2):
            yield "factor-missing", _with_local(lambda right, inputs, y, atom=atom, power=power: right * atom(inputs, y) ** power)


def _atoms(count: int) -> Iterator[Callable[[Any, Any], Any]]:
    for number in range(count):
        yield lambda inputs, y, number=number: inputs[number]
    yield lambda inputs, y: y
    yield lambda inputs, y: 1 - y
    yield lambda inputs, y: 1 + y
    for number in range(count):
        yield lambda inputs, y, number=number: 1 - inputs[number]
        yield lambda inputs, y, number=number: 1 + inputs[number]


def _masks(samples: Samples, node: Node, place: int) -> Iterator[tuple[str, MakeChange]]:
    yield "mask-missing", _with_local(lambda right, inputs, y: 1.0)
    if node.op != "absolute":
        yield "mask-inverted", _with_local(lambda right, inputs, y: 1.0 - right)
        slope = _leak(samples, node, place)
        if slope is not None:
            yield "leaky", _with_local(lambda right, inputs, y: right + slope * (1 - right))
    yield "mask-from-delta", _from_delta
    sources = _same_shape(samples, node)
    for other in sources:
        yield "mask-from-other", _from_other(other)


def _leak(samples: Samples, node: Node, place: int) -> float | None:
    """How much passes where nothing should, estimated."""
    number = _number(samples.all[0], node)
    opened = _with_local(lambda right, inputs, y: 1.0)
    full = [_changed(each, number, place, opened, samples.position) for each in samples]
    if any(each is None for each in full):
        return None
    effects = [each - truth for each, truth in zip(full, samples.truths, strict=True)]
    rests = [answer - truth for answer, truth in zip(samples.answers, samples.truths, strict=True)]
    slope = factor_between(effects, rests)
    return None if slope is None or abs(slope) < _CONSTANT or abs(slope - 1) < _CONSTANT else slope


def _number(sample: Sample, node: Node) -> int:
    assert sample.graph is not None  # noqa: S101
    return next(number for number, each in enumerate(sample.graph.nodes) if each is node)


def _from_delta(sample: Sample, edge: Edge) -> Change:
    return lambda g, inputs, y: unbroadcast(g * (g > 0), inputs[edge.place].shape)


def _same_shape(samples: Samples, node: Node) -> list[int]:
    graph = samples.all[0].graph
    assert graph is not None  # noqa: S101
    return [
        number
        for number, each in enumerate(graph.nodes)
        if each is not node and each not in node.inputs and each.value.shape == node.value.shape and each.op != "constant"
    ]


def _from_other(other: int) -> MakeChange:
    def make(sample: Sample, edge: Edge) -> Change:
        assert sample.graph is not None  # noqa: S101
        assert sample.values is not None  # noqa: S101
        array = sample.values[id(sample.graph.nodes[other])]
        return lambda g, inputs, y: unbroadcast(g * (array > 0), inputs[edge.place].shape)

    return make


def _products(place: int) -> Iterator[tuple[str, MakeChange]]:
    def turned(_: Sample, edge: Edge) -> Change:
        def change(g: Array, inputs: Any, y: Array) -> Array:
            a, b = inputs
            return g @ b if place == 0 else a @ g

        return change

    def turned_after(_: Sample, edge: Edge) -> Change:
        return lambda g, inputs, y: np.swapaxes(contribution(edge.node, edge.place, g, inputs, y), -1, -2)

    def turned_before(_: Sample, edge: Edge) -> Change:
        return lambda g, inputs, y: contribution(edge.node, edge.place, np.swapaxes(g, -1, -2), inputs, y)

    for make in (turned, turned_after, turned_before):
        yield "transposed", make


def _axes(node: Node, place: int) -> Iterator[tuple[str, MakeChange]]:
    """The sum that undoes a broadcast runs along another axis, or is not there."""
    source = node.inputs[place]
    if source.value.shape == node.value.shape:
        return

    def along(axis: int, *, keepdims: bool) -> MakeChange:
        def make(_: Sample, edge: Edge) -> Change:
            def change(g: Array, inputs: Any, y: Array) -> Array:
                local = edge.node.partials(*inputs, y)[edge.place]  # type: ignore[misc]
                return np.asarray((g * local).sum(axis=axis, keepdims=keepdims))

            return change

        return make

    def not_summed(_: Sample, edge: Edge) -> Change:
        return lambda g, inputs, y: np.asarray(g * edge.node.partials(*inputs, y)[edge.place])  # type: ignore[misc]

    for axis in range(node.value.ndim):
        yield "wrong-axis", along(axis, keepdims=source.value.ndim == node.value.ndim)
    yield "not-summed", not_summed


def _sums(node: Node) -> Iterator[tuple[str, MakeChange]]:
    """The gradient of a sum is spread along another axis."""

    def along(axis: int) -> MakeChange:
        def make(_: Sample, edge: Edge) -> Change:
            return lambda g, inputs, y: np.broadcast_to(np.expand_dims(np.squeeze(g), axis), inputs[0].shape)

        return make

    for axis in range(node.inputs[0].value.ndim):
        yield "wrong-axis", along(axis)


def _spread_to_all(_: Sample, edge: Edge) -> Change:
    from reference.gradients.diagnosis.rules import spread  # noqa: PLC0415

    node = edge.node
    return lambda g, inputs, y: spread(g, inputs[0].shape, node.settings["axis"], keepdims=node.settings["keepdims"])


def _last_of_each(_: Sample, edge: Edge) -> Change | None:
    """Entries that are used several times keep the gradient of their last use alone."""
    index = edge.node.settings["index"].reshape(-1)
    if len(set(index.tolist())) == len(index):
        return None

    def change(g: Array, inputs: Any, y: Array) -> Array:
        found = np.zeros(inputs[0].size)
        found[index] = np.broadcast_to(g, edge.node.value.shape).reshape(-1)
        return found.reshape(inputs[0].shape)

    return change


def unsummed(sample: Sample, position: int) -> Array | None:
    """The gradient of an argument as it is before the sum that undoes its broadcast; None if there is no such step."""
    if sample.graph is None or sample.values is None:
        return None
    argument = sample.graph.arguments[position]
    uses = [(n, k) for n, node in enumerate(sample.graph.nodes) for k, each in enumerate(node.inputs) if each is argument]
    if len(uses) != 1:
        return None
    node = sample.graph.nodes[uses[0][0]]
    if not node.is_elementwise or node.value.shape == argument.value.shape:
        return None
    kept: list[Array] = []

    def change(g: Array, inputs: Any, y: Array) -> Array:
        kept.append(np.asarray(g * node.partials(*inputs, y)[uses[0][1]]))  # type: ignore[misc]
        return np.zeros(inputs[uses[0][1]].shape)

    sample.pulled({uses[0]: change})
    return kept[0] if kept else None
