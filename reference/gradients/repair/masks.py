"""Edits of comparisons and of choices between two arrays."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.axes import array_of
from reference.gradients.repair.places import Edit, Place, kind_of
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View

_INVERSE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE}
_STRICT: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt}
_TABLES = ((_INVERSE, "mask-inverted"), (_TURNED, "mask-inverted"), (_STRICT, "mask-wrong-threshold"))
_OPPOSITE = {"argmax": "argmin", "argmin": "argmax", "maximum": "minimum", "minimum": "maximum"}
_OF_WHERE = 3


def comparisons(view: View) -> Iterator[Edit]:
    """Another comparison, or another array or number that is compared."""
    for place in view.places:
        node = place.node
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            for table, called in _TABLES:
                word = called
                if type(node.ops[0]) in table:
                    other = table[type(node.ops[0])]()
                    if table is _STRICT and _is_of_turns(view, place, node):
                        # The turn in which both sides are the same is left out, or is one too many.
                        word = "term-missing" if isinstance(other, ast.GtE | ast.LtE) else "extra-term"
                    yield Edit(place, word, 1.0, ast.Compare(node.left, [other], node.comparators))
            left = view.of_node.get(node.left)
            if left is not None and left.is_floating:
                yield from _compared(view, place, node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert | ast.Not):
            yield Edit(place, "mask-inverted", 1.0, node.operand)
        elif isinstance(place.value, np.ndarray) and place.value.dtype.kind == "b":
            yield Edit(place, "mask-inverted", 1.05, b.numpy("logical_not", place.expression))


def _is_of_turns(view: View, place: Place, node: ast.Compare) -> bool:
    """Whether a comparison of whole numbers tells in which turns of a loop something is done, and nothing else."""
    sides = [view.of_node.get(each) for each in (node.left, *node.comparators)]
    told = [each for each in sides if each is not None]
    are_counters = all(kind_of(each.value) in {"i", "u"} and not each.varies and not each.shape for each in told)
    is_if = isinstance(place.parent, ast.If) and not place.parent.orelse
    return bool(told) and are_counters and is_if and place.visits > 1


def _compared(view: View, place: Place, node: ast.Compare) -> Iterator[Edit]:
    size = ast.Compare(b.numpy("abs", node.left), node.ops, node.comparators)
    yield Edit(place, "mask-from-other", 1.2, size)
    limits = [(b.number(each), 1.2) for each in (0, 1, -1)]
    limits += [(part.node, 1.3) for part in view.parts(place) if not part.shape and not part.varies]
    known = {ast.dump(node.comparators[0])}
    for limit, cost in limits:
        if (text := ast.dump(limit)) not in known:
            known.add(text)
            yield Edit(place, "mask-wrong-threshold", cost, ast.Compare(node.left, node.ops, [limit]))


def choices(view: View) -> Iterator[Edit]:
    """Another choice between two arrays, or of the entries of one."""
    for place in view.places:
        node = place.node
        if not isinstance(node, ast.Call):
            continue
        name = called_name(node)
        if name == "where" and len(node.args) == _OF_WHERE:
            yield from _where(place, node)
            yield from _signed(view, place, node)
        if name in {"tril", "triu"} and node.args:
            yield from _triangles(place, node)
        if name in _OPPOSITE and place.varies:  # a limit of constants is no mask
            array = array_of(view, node)
            args = [array, *(each for each in node.args if each is not array)]
            yield Edit(place, "mask-inverted", 1.0, ast.Call(b.function(_OPPOSITE[name]), args, node.keywords))


def _where(place: Place, node: ast.Call) -> Iterator[Edit]:
    condition, one, two = node.args
    yield Edit(place, "mask-inverted", 1.0, ast.Call(node.func, [condition, two, one], node.keywords))
    nothing = b.number(0)
    for each, args in ((one, [condition, one, nothing]), (two, [condition, nothing, two])):
        yield Edit(place, "mask-missing", 1.5, each)
        yield Edit(place, "mask-missing", 1.3, ast.Call(node.func, args, node.keywords))


def _signed(view: View, around: Place, node: ast.Call) -> Iterator[Edit]:
    """A constant that is chosen where it is due with the sign of what is compared, or of the other choice."""
    for constant, other in ((node.args[1], node.args[2]), (node.args[2], node.args[1])):
        place = view.of_node.get(constant)
        if place is None or place.varies or place.shape or not (place.is_number and place.value):
            continue
        nodes = [*ast.walk(node.args[0]), *ast.walk(other)]
        inside = [view.of_node[each] for each in nodes if each in view.of_node]
        arrays = {each.text: each for each in inside if each.is_floating and each.varies and each.shape}
        for each in arrays.values():
            signed = b.times(constant, b.numpy("sign", each.expression))
            args = [signed if one is constant else one for one in node.args]
            yield Edit(around, "factor-missing", 1.2, ast.Call(node.func, args, node.keywords))


def triangles(view: View) -> Iterator[Edit]:
    """A square matrix of which one triangle is due, or whose diagonal is due half or twice."""
    for place in view.places:
        if not place.is_square_gradient:
            continue
        node = place.expression
        for name, limit in product(("tril", "triu"), (0, 1, -1)):
            yield Edit(place, "mask-missing", 1.3 if limit else 1.2, b.numpy(name, node, b.number(limit)))
        diagonal = b.times(node, b.numpy("eye", b.number(place.shape[-1])))
        for factor in (-0.5, 1.0):
            yield Edit(place, "scaled", 1.4, b.plus(node, b.times(b.number(factor), diagonal)))


def _triangles(place: Place, node: ast.Call) -> Iterator[Edit]:
    named = [each.value for each in node.keywords if each.arg == "k"]
    now = [*node.args[1:], *named, b.number(0)][0]
    name = called_name(node)
    one_off = (b.plus(now, b.number(1)), b.minus(now, b.number(1)))
    for limit in one_off:
        yield Edit(place, "mask-wrong-threshold", 1.0, b.numpy(name, node.args[0], limit))
    for limit in (now, b.negative(now), *one_off):
        other = "triu" if name == "tril" else "tril"
        yield Edit(place, "mask-inverted", 1.0, b.numpy(other, node.args[0], limit))
