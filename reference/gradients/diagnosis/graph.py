"""The graph of a computation: each step with its inputs, how it is computed, and how its gradient is pulled back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
#: The local derivatives of an elementwise step for its inputs, from the inputs and the output.
Partials = Callable[..., tuple[Any, ...]]
#: From the gradient of the output to that of one input, given the inputs and the output.
Pull = Callable[[Array, Sequence[Array], Array], Array]


@dataclass(eq=False)
class Node:
    """One step.

    Attributes
    ----------
    op
        The name of the operation; "argument" and "constant" have no inputs.
    inputs
        The steps whose values it takes.
    run
        Computes its value from those of the inputs.
    partials
        Of an elementwise step; None of another.
    pulls
        Of another step, one for each input.
    value
        What came out.
    settings
        Of a sum, say, the axis.
    site
        Where in the code the step was made: the same for all turns of a loop.
    """

    op: str
    inputs: tuple[Node, ...]
    run: Callable[..., Any]
    value: Array
    partials: Partials | None = None
    pulls: tuple[Pull, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    site: tuple[tuple[int, int], ...] = ()

    @property
    def is_elementwise(self) -> bool:
        """Whether each entry of the output is made of one entry of each input, which may be broadcast."""
        return self.partials is not None


@dataclass(frozen=True)
class Edge:
    """From a step to one of its inputs, along which a gradient is pulled back."""

    node: Node
    place: int

    @property
    def source(self) -> Node:
        """The input."""
        return self.node.inputs[self.place]


@dataclass(frozen=True)
class Graph:
    """All steps from the arguments to the output, in order."""

    arguments: tuple[Node, ...]
    nodes: tuple[Node, ...]
    output: Node

    def edges(self) -> list[Edge]:
        """The edges along which something reaches an argument."""
        live = self._live()
        return [
            Edge(node, place)
            for node in self.nodes
            for place, source in enumerate(node.inputs)
            if id(node) in live and id(source) in live
        ]

    def _live(self) -> set[int]:
        """The steps that depend on an argument."""
        live = {id(each) for each in self.arguments}
        for node in self.nodes:
            if any(id(each) in live for each in node.inputs):
                live.add(id(node))
        return live


#: Values of steps in the place of those that were recorded.
Values = Mapping[int, Array]
#: What an edge contributes instead of what is right: from the gradient at the step, its inputs and its output.
Change = Callable[[Array, Sequence[Array], Array], Array]


def evaluate(
    graph: Graph,
    args: Sequence[Array],
    changed: Mapping[int, Callable[..., Any]] | None = None,
    held: tuple[AbstractSet[tuple[int, int]], Values] | None = None,
) -> Values:
    """The value of each step for these arguments.

    Parameters
    ----------
    graph, args
        The steps, and the arguments.
    changed
        Computes some steps in another way.
    held
        Edges, by the step and the place, along which steps get the values that are given here.
    """
    values: dict[int, Array] = {}
    edges, old = held or (frozenset(), {})
    for node, array in zip(graph.arguments, args, strict=True):
        values[id(node)] = array
    for node in graph.nodes:
        if id(node) in values:
            continue
        run = (changed or {}).get(id(node), node.run)
        given = ((old if (id(node), place) in edges else values)[id(each)] for place, each in enumerate(node.inputs))
        values[id(node)] = np.asarray(run(*given))
    return values


def pulled_back(
    graph: Graph,
    values: Values,
    cotangent: Array,
    changes: Mapping[tuple[int, int], Change] | None = None,
    jumps: Mapping[int, tuple[Node, Callable[[Array], Array]]] | None = None,
) -> tuple[Array, ...]:
    """The gradient of each argument.

    Parameters
    ----------
    graph, values
        The steps, and the value of each.
    cotangent
        The gradient of the output.
    changes
        What some edges contribute instead of what is right, by the step and the place.
    jumps
        For some steps an earlier step, to which all that comes is passed on by a function, past the steps in between.
    """
    gradients = adjoints(graph, values, cotangent, changes, jumps)
    zeros = (np.zeros(np.shape(values[id(each)])) for each in graph.arguments)
    return tuple(gradients.get(id(each), zero) for each, zero in zip(graph.arguments, zeros, strict=True))


def adjoints(
    graph: Graph,
    values: Values,
    cotangent: Array,
    changes: Mapping[tuple[int, int], Change] | None = None,
    jumps: Mapping[int, tuple[Node, Callable[[Array], Array]]] | None = None,
) -> dict[int, Array]:
    """The gradient of each step, by its id; the parameters are those of `pulled_back`."""
    gradients: dict[int, Array] = {
        id(graph.output): np.asarray(cotangent, float).reshape(values[id(graph.output)].shape)
    }
    for node in reversed(graph.nodes):
        gradient = gradients.get(id(node))
        if gradient is None:
            continue
        if jumps and id(node) in jumps:
            source, passed = jumps[id(node)]
            part, old = passed(gradient), gradients.get(id(source))
            gradients[id(source)] = part if old is None else old + part
            continue
        inputs, output = [values[id(each)] for each in node.inputs], values[id(node)]
        for place, source in enumerate(node.inputs):
            if source.op == "constant":
                continue
            change = (changes or {}).get((id(node), place))
            part = change(gradient, inputs, output) if change else contribution(node, place, gradient, inputs, output)
            if part.ndim == 0:
                part = np.broadcast_to(part, inputs[place].shape)
            old = gradients.get(id(source))
            gradients[id(source)] = part if old is None else old + part
    return gradients


def contribution(node: Node, place: int, gradient: Array, inputs: Sequence[Array], output: Array) -> Array:
    """What a step rightly passes back to one of its inputs."""
    if node.partials is None:
        return node.pulls[place](gradient, inputs, output)
    return to_input(gradient * node.partials(*inputs, output)[place], inputs[place], output)


def to_input(given: Any, source: Array, output: Array) -> Array:
    """The sum over the axes along which an input of an elementwise step was broadcast.

    After a mistake the gradient may be wider than the output. Then it is left so, as numpy would leave it.
    """
    array: Array = np.asarray(given)
    if source.shape == output.shape:
        return array
    try:
        if np.broadcast_shapes(array.shape, output.shape) != output.shape:
            return array
    except ValueError:
        return array
    return unbroadcast(np.broadcast_to(array, output.shape), source.shape)


def unbroadcast(array: Array, shape: tuple[int, ...]) -> Array:
    """The sum over the axes along which something of that shape was broadcast."""
    if array.shape == shape:
        return array
    more = array.ndim - len(shape)
    axes = tuple(range(more)) + tuple(
        number + more for number, n in enumerate(shape) if n == 1 and array.shape[number + more] != 1
    )
    total: Array = array.sum(axis=axes, keepdims=True)
    return total.reshape(shape)
