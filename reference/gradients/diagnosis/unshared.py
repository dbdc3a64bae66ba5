"""The same computation with a difference computed anew for each of its uses.

What is centred, d = x - mean, is used for the variance and for the result. Through the variance the mean has no effect
on the gradient, and people leave that path out; but in the graph both paths share the edge from d to the mean. Where d
is computed for each use, the path without effect has edges of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from reference.gradients.diagnosis import inside
from reference.gradients.diagnosis.graph import Graph, Node
from reference.gradients.diagnosis.named import Named
from reference.gradients.diagnosis.samples import Sample, Samples

Array = NDArray[Any]
#: Steps of a graph that is small enough to be looked at once more.
_MOST_STEPS = 60


def explanations(samples: Samples) -> Iterator[Named]:
    """The mistakes in one place of the graph without shared differences."""
    nodes = samples.graph.nodes
    if len(nodes) > _MOST_STEPS or not any(_is_shared(each, nodes) for each in nodes):
        return
    memory = samples.all[0].memory
    if "unshared" not in memory:
        memory["unshared"] = tuple(map(_unshared, samples))
    yield from inside.explanations(Samples(memory["unshared"], samples.position, samples.ask))


def _is_shared(node: Node, nodes: tuple[Node, ...]) -> bool:
    """Whether a step takes a statistic from an array, for several other steps."""
    is_centred = (
        node.op == "subtract" and node.inputs[1].value.shape != node.value.shape and bool(node.inputs[1].inputs)
    )
    return is_centred and sum(node in each.inputs for each in nodes) > 1


def _unshared(sample: Sample) -> Sample:
    old, kept = sample.graph, list[Node]()
    values: dict[int, Array] = {}
    copies: dict[int, Node] = {}
    shared = {id(node) for node in old.nodes if _is_shared(node, old.nodes)}

    def copy(node: Node) -> Node:
        inputs = tuple(
            copies[id(each)] if id(each) not in shared else copy(each) for each in dict.fromkeys(node.inputs)
        )
        by_input = dict(zip(map(id, dict.fromkeys(node.inputs)), inputs, strict=True))
        found = replace(node, inputs=tuple(by_input[id(each)] for each in node.inputs))
        kept.append(found)
        values[id(found)] = sample.values[id(node)]
        return found

    for node in old.nodes:
        if id(node) not in shared:
            copies[id(node)] = copy(node)
    arguments = tuple(copies[id(each)] for each in old.arguments)
    output = copies[id(old.output)] if id(old.output) not in shared else copy(old.output)
    return replace(sample, recorded=(Graph(arguments, tuple(kept), output), values), memory={})
