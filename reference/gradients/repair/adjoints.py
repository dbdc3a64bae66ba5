"""Edits that apply the transpose of a linear function of the cotangent where the function itself is applied."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View

#: Entries of an array, in all turns of a loop, for each of which the function is called once.
_MOST_ENTRIES = 250
#: Steps of such a call, for each function that it calls.
_OF_CALL = 12
#: Functions of numpy that are their own transpose, or not linear.
_ELEMENTWISE = frozenset({
    "where", "asarray", "array", "copy", "multiply", "divide", "negative", "add", "subtract", "zeros_like", "astype",
    "broadcast_to", "exp", "log", "sqrt", "abs", "sign", "tanh", "sin", "cos", "square", "maximum", "minimum", "clip",
    "sum", "mean", "atleast_1d", "atleast_2d", "float64",
})  # fmt: skip


def transposes(view: View) -> Iterator[Edit]:
    """The transpose of what is done to the cotangent, or to something made of it."""
    for place in view.places:
        node = place.node
        if not isinstance(node, ast.Call | ast.BinOp) or place.is_nested or not place.is_of_cotangent:
            continue
        size = int(np.prod(place.shape)) * place.visits
        if not 1 < size <= _MOST_ENTRIES or len(place.shape) == 0:
            continue
        for text, inputs in _inputs(view, place).items():
            if any(_is_moved(place, each) for each in inputs):
                yield _transpose(place, inputs, ast.parse(text, mode="eval").body, size)


def commuted(view: View) -> Iterator[Edit]:
    """A factor behind what moves the entries of an array, where it belongs before it, or the other way round."""
    for place in view.places:
        node = place.node
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)) or place.is_nested:
            continue
        if place.shape and place.is_floating:
            yield from _moved_in(view, place, node)
    for place in view.places:
        if place.shape and place.is_floating and isinstance(place.node, ast.Call) and not place.is_nested:
            yield from _moved_out(view, place, place.node)


def _moved_in(view: View, place: Place, node: ast.BinOp) -> Iterator[Edit]:
    sides = [(node.left, node.right)]
    sides += [(node.right, node.left)] if isinstance(node.op, ast.Mult) else []
    for linear, factor in sides:
        inner, other = view.of_node.get(linear), view.of_node.get(factor)
        if inner is None or other is None or not other.shape or inner.shape != place.shape:
            continue
        for text, nodes in _inputs(view, inner).items():
            if any(_is_moved(inner, each) for each in nodes):
                array = ast.parse(text, mode="eval").body
                changed = ast.BinOp(array, node.op, factor)
                new = b.substituted(inner.expression, dict.fromkeys(nodes, changed))
                yield Edit(place, "shifted", 1.2, new)


def _moved_out(view: View, place: Place, node: ast.Call) -> Iterator[Edit]:
    if called_name(node) in _ELEMENTWISE:
        return
    for argument in node.args:
        inner = view.of_node.get(argument)
        if not isinstance(argument, ast.BinOp) or not isinstance(argument.op, ast.Mult | ast.Div) or inner is None:
            continue
        sides = [(argument.left, argument.right)]
        sides += [(argument.right, argument.left)] if isinstance(argument.op, ast.Mult) else []
        for array, factor in sides:
            one, two = view.of_node.get(array), view.of_node.get(factor)
            if inner.shape == place.shape and one is not None and one.shape == place.shape and two and two.shape:
                given = [array if each is argument else each for each in node.args]
                applied = ast.Call(node.func, given, node.keywords)
                yield Edit(place, "shifted", 1.2, ast.BinOp(applied, argument.op, factor))


def _inputs(view: View, place: Place) -> dict[str, list[ast.expr]]:
    """The expressions inside of which the cotangent enters a place, by their code: all places of each."""
    inside = [view.of_node[each] for each in ast.walk(place.node) if each in view.of_node and each is not place.node]
    leaves = [each.node for each in inside if isinstance(each.node, ast.Name) and each.is_of_cotangent]
    found: dict[str, list[ast.expr]] = {}
    for each in inside:
        if each.is_of_cotangent and each.shape == place.shape and not isinstance(each.node, ast.BinOp):
            found.setdefault(each.text, []).append(each.expression)
    return {
        text: nodes
        for text, nodes in found.items()
        if all(any(leaf in set(ast.walk(each)) for each in nodes) for leaf in leaves)
    }


def _is_moved(place: Place, node: ast.AST) -> bool:
    """Whether something that may move entries stands between a place and a part of it."""
    at = node
    while at is not place.node:
        at = place.sites.source.parents[at][0]
        if isinstance(at, ast.Call) and called_name(at) not in _ELEMENTWISE:
            return True
        if isinstance(at, ast.Subscript) or (isinstance(at, ast.BinOp) and isinstance(at.op, ast.MatMult)):
            return True
    return False


def _transpose(place: Place, inputs: list[ast.expr], array: ast.expr, size: int) -> Edit:
    given = "_given"
    body = b.substituted(place.expression, dict.fromkeys(inputs, b.name(given)))
    names = sorted(set(b.names_in(body)) - {given})
    values: list[ast.expr] = [b.name(each) for each in names]
    arguments = ast.arguments([], [ast.arg(each) for each in (given, *names)], None, [], [], None, values)
    calls = sum(isinstance(each, ast.Call | ast.BinOp) for each in ast.walk(body))
    new = b.transposed(ast.Lambda(arguments, body), array)
    return Edit(place, "transposed", 1.15, new, steps=size * _OF_CALL * calls)
