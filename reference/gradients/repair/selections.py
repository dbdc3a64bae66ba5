"""Edits of what is chosen from an array: its largest entry, its diagonal, or its entries in another order."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.axes import array_of
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View


def inverses(view: View) -> Iterator[Edit]:
    """The inverse of a permutation, where the permutation itself is applied."""
    for place in view.places:
        if place.role != "index" or len(place.shape) != 1 or np.asarray(place.value).dtype.kind not in "iu":
            continue
        if sorted(np.asarray(place.value)) == list(range(place.shape[0])):
            yield Edit(place, "transposed", 1.1, b.numpy("argsort", place.expression))


def indicators(view: View) -> Iterator[Edit]:
    """The parts of all entries, where the largest one gets everything."""
    for place in view.places:
        array = _compared(view, place)
        if array is None or array.shape != place.shape:
            continue
        node = array.expression
        exponential = b.numpy("exp", b.minus(node, b.numpy("max", node, axis=b.number(-1), keepdims=b.number(True))))
        for each in (node, b.numpy("exp", node), _parts_of(node), _parts_of(exponential)):
            yield Edit(place, "wrong-function", 1.1, each)


def _compared(view: View, place: Place) -> Place | None:
    """The array where a place has 1 for the largest entries and 0 for the others; None for any other place."""
    node = place.node
    values = np.asarray(place.value) if place.shape and place.is_number else np.zeros(0)
    if values.dtype.kind != "f" or not values.any() or not ((values == 0) | (values == 1)).all():
        return None
    inside = [view.of_node[each] for each in ast.walk(node) if each in view.of_node]
    floats = [each for each in inside if each.is_floating and each.varies and each is not place]
    if not isinstance(node, ast.Call | ast.Subscript | ast.BinOp):
        return None
    return next((each for each in floats if each.shape == place.shape), None)


def _parts_of(node: ast.expr) -> ast.expr:
    return b.over(node, b.numpy("sum", node, axis=b.number(-1), keepdims=b.number(True)))


def diagonals(view: View) -> Iterator[Edit]:
    """A matrix, or its inverse, of which the diagonal alone is taken."""
    for place in view.places:
        node = place.node
        if called_name(node) == "diag" and isinstance(node, ast.Call):
            inner = array_of(view, node)
            is_inverse = isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Div)
            matrix = _of_diagonal(inner.right if isinstance(inner, ast.BinOp) and is_inverse else inner)
            if matrix is not None:
                new = b.numpy("linalg.inv", matrix) if is_inverse else matrix
                yield Edit(place, "jacobian-diagonal-only", 1.0, new)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            pairs = [(node.left, node.right)]
            pairs += [(node.right, node.left)] if isinstance(node.op, ast.Mult) else []
            for vector, diagonal in pairs:
                matrix = _of_diagonal(diagonal)
                if matrix is None:
                    continue
                if isinstance(node.op, ast.Div):
                    yield Edit(place, "jacobian-diagonal-only", 1.0, b.numpy("linalg.solve", matrix, vector))
                else:
                    yield Edit(place, "jacobian-diagonal-only", 1.0, ast.BinOp(matrix, ast.MatMult(), vector))
                    yield Edit(place, "jacobian-diagonal-only", 1.0, ast.BinOp(vector, ast.MatMult(), matrix))


def _of_diagonal(node: ast.expr) -> ast.expr | None:
    """The matrix whose diagonal an expression is."""
    if isinstance(node, ast.Call) and called_name(node) in {"diag", "diagonal"}:
        if isinstance(node.func, ast.Attribute) and not b.is_module(node.func.value):
            return node.func.value
        return node.args[0] if node.args else None
    return None
