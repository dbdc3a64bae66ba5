"""Edits of comparisons and of choices between two arrays."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, called_name
from reference.gradients.repair.view import View

_INVERSE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE}
_STRICT: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt}


def comparisons(view: View) -> Iterator[Edit]:
    """Another comparison, or another array or number that is compared."""
    for place in view.places:
        node = place.node
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            kind = type(node.ops[0])
            for table, word in (
                (_INVERSE, "mask-inverted"),
                (_TURNED, "mask-inverted"),
                (_STRICT, "mask-wrong-threshold"),
            ):
                if kind in table:
                    yield Edit(place, word, 1.0, ast.Compare(node.left, [table[kind]()], node.comparators))
            left = view.of_node.get(node.left)
            if left is not None and left.is_floating:
                size = ast.Compare(b.numpy("abs", node.left), node.ops, node.comparators)
                yield Edit(place, "mask-from-other", 1.2, size)
                for value in (0, 1, -1):
                    changed = ast.Compare(node.left, node.ops, [b.number(value)])
                    yield Edit(place, "mask-wrong-threshold", 1.2, changed)
                for part in view.parts(place):
                    if not part.shape and not part.varies:
                        changed = ast.Compare(node.left, node.ops, [part.node])
                        yield Edit(place, "mask-wrong-threshold", 1.3, changed)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert | ast.Not):
            yield Edit(place, "mask-inverted", 1.0, node.operand)
        elif isinstance(place.value, np.ndarray) and place.value.dtype.kind == "b":
            assert isinstance(node, ast.expr)
            yield Edit(place, "mask-inverted", 1.05, b.numpy("logical_not", node))
        yield from _choices(view, place)


def _choices(view: View, place: object) -> Iterator[Edit]:
    from reference.gradients.repair.places import Place

    assert isinstance(place, Place)
    node = place.node
    if not isinstance(node, ast.Call):
        return
    name = called_name(node)
    if name == "where" and len(node.args) == 3:
        condition, one, two = node.args
        yield Edit(place, "mask-inverted", 1.0, ast.Call(node.func, [condition, two, one], node.keywords))
        for each in (one, two):
            yield Edit(place, "mask-missing", 1.5, each)
            others = [one if old is each else b.number(0) for old in (one, two)] if each is one else [b.number(0), two]
            yield Edit(place, "mask-missing", 1.3, ast.Call(node.func, [condition, *others], node.keywords))
    if name in {"tril", "triu"}:
        now = (
            node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == "k"), b.number(0))
        )
        other = "triu" if name == "tril" else "tril"
        for change in (1, -1):
            moved = b.numpy(name, node.args[0], b.plus(now, b.number(change)))
            yield Edit(place, "mask-wrong-threshold", 1.0, moved)
        for moved_by in (now, b.negative(now), b.plus(now, b.number(1)), b.minus(now, b.number(1))):
            moved = b.numpy(other, node.args[0], moved_by)
            yield Edit(place, "mask-inverted", 1.0, moved)
    if name in {"argmax", "argmin", "maximum", "minimum"}:
        other = {"argmax": "argmin", "argmin": "argmax", "maximum": "minimum", "minimum": "maximum"}[name]
        array = node.args
        if isinstance(node.func, ast.Attribute) and view.of_node.get(node.func.value) is not None:
            array = [node.func.value, *node.args]
        yield Edit(place, "mask-inverted", 1.0, ast.Call(b.numpy(other).func, list(array), node.keywords))  # type: ignore[attr-defined]
