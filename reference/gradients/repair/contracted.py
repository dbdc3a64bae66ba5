"""Edits of a factor on one side of a matrix product that belongs to the other side."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.view import View
from reference.numerics.shapes import broadcasts


def sides(view: View) -> Iterator[Edit]:
    """A factor or divisor of one matrix, where the other matrix has entries along the same axis."""
    for place in view.places:
        node = place.node
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)):
            continue
        first, last = _of_rows(node.left), node.right
        if first is not None:
            yield from _moved(view, place, first, last, of_columns=False)
        matrix = _of_rows(node.right)
        if matrix is not None:
            yield from _moved(view, place, node.left, matrix, of_columns=True)


def _of_rows(node: ast.expr) -> ast.expr | None:
    """The matrix whose transpose stands in the code."""
    return node.value if isinstance(node, ast.Attribute) and node.attr == "T" else None


def _moved(view: View, place: Place, one: ast.expr, two: ast.expr, *, of_columns: bool) -> Iterator[Edit]:
    """The product of two matrices, one of them transposed, with a factor of one at the other."""
    shapes = {each: view.of_node[each].shape for each in (one, two) if each in view.of_node}
    if len(shapes) < 2:  # noqa: PLR2004 - both have to be known
        return
    of_first, of_second = (
        [(each, is_first) for each in _split(side)] for side, is_first in ((one, True), (two, False))
    )
    for (array, factor, op), is_first in [*of_first, *of_second]:
        other = view.of_node.get(factor)
        if other is None or not broadcasts(other.shape, shapes[two if is_first else one]) or not other.varies:
            continue
        left = array if is_first else ast.BinOp(one, op, factor)
        right = ast.BinOp(two, op, factor) if is_first else array
        if of_columns:
            right = b.attribute(right, "T")
        else:
            left = b.attribute(left, "T")
        yield Edit(place, "wrong-argument", 1.15, ast.BinOp(left, ast.MatMult(), right))


def _split(node: ast.expr) -> Iterator[tuple[ast.expr, ast.expr, ast.operator]]:
    """What a product or quotient is without one of its factors, that factor, and what joins the two."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        yield node.left, node.right, node.op
        if isinstance(node.op, ast.Mult):
            yield node.right, node.left, node.op
