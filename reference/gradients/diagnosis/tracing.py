"""Records what a numpy function computes: it is called with objects that behave like arrays and note each step.

What is not supported raises `NotTracedError`; then the function's formula stays unknown, and only what its answers tell
is used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis import functions, more_functions
from reference.gradients.diagnosis.graph import Graph, Node
from reference.gradients.diagnosis.recorded import (
    OUTERMOST,
    NotTracedError,
    Traced,
    first_traced,
    is_computing,
    leaf,
    plain,
)
from reference.numerics.constructors import replaced

__all__ = ["NotTracedError", "functions", "more_functions", "trace"]

Array = NDArray[Any]
#: Steps of a graph that is small enough to be tried with a mistake in each of its places.
_MOST_NODES = 400
#: numpy's functions that make an array of what they are given, and those that make a new one.
_CONVERTING = ("array", "asarray", "asanyarray", "ascontiguousarray")
_MAKING = ("zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like")


def trace(function: Callable[..., Any], args: Sequence[Array], fixed: Collection[int] = ()) -> Graph:
    """The graph of ``function(*args)``; arguments that are not of floating point are passed on as they are.

    Those of floating point without a gradient, whose numbers are ``fixed``, are constants of the graph.

    Raises
    ------
    NotTracedError
        Something in it cannot be recorded.
    """
    nodes: list[Node] = []
    kinds = ["constant" if number in fixed else "argument" for number in range(len(args))]
    given = [
        Traced(leaf(kind, array, nodes), nodes) if array.dtype.kind == "f" else array
        for kind, array in zip(kinds, args, strict=True)
    ]
    with _arrays_made_by(nodes):
        try:
            answer = function(*given)
        except NotTracedError:
            raise
        except Exception as error:
            raise NotTracedError(str(error)) from error
    if not isinstance(answer, Traced):
        raise NotTracedError("the answer is no recorded array")
    needed = _ancestors(answer.node)
    arguments = tuple(each.node for each in given if isinstance(each, Traced) and each.node.op == "argument")
    kept = tuple(node for node in nodes if id(node) in needed or node in arguments)
    if len(kept) > _MOST_NODES:
        raise NotTracedError("too many steps")
    return Graph(arguments, kept, answer.node)


OUTERMOST.add(trace.__code__)


def _arrays_made_by(nodes: list[Node]) -> contextlib.AbstractContextManager[None]:
    """Let numpy's constructors make recorded arrays in this thread, so that parts can be written into them."""

    def converting(original: Callable[..., Any]) -> Callable[..., Any]:
        def convert(*args: Any, **kwargs: Any) -> Any:
            return original(*args, **kwargs) if is_computing() else _converted(original, nodes, *args, **kwargs)

        return convert

    def making(original: Callable[..., Any]) -> Callable[..., Any]:
        def make(*args: Any, **kwargs: Any) -> Any:
            if is_computing():
                return original(*args, **kwargs)
            array = original(*(plain(each) for each in args), **kwargs)
            return Traced(leaf("constant", array, nodes), nodes) if array.dtype.kind == "f" else array

        return make

    return replaced(dict.fromkeys(_CONVERTING, converting) | dict.fromkeys(_MAKING, making))


def _converted(original: Any, nodes: list[Node], value: Any = None, *args: Any, **kwargs: Any) -> Any:
    if isinstance(value, Traced):
        return value.copy()
    if isinstance(value, tuple | list) and any(isinstance(each, Traced) for each in value):
        return np.stack([first_traced(value).lifted(each) for each in value])
    return original(value, *args, **kwargs)


def _ancestors(node: Node) -> set[int]:
    found: set[int] = set()
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if id(each) not in found:
            found.add(id(each))
            waiting.extend(each.inputs)
    return found
