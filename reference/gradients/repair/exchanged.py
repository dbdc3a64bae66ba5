"""Edits that exchange what two places have, that take it from another list, or that put a statement elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair import naming
from reference.gradients.repair.definitions import is_same
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.view import View

#: Entries of arrays in one statement of which pairs are exchanged.
_MOST_ENTRIES = 6
#: Arguments of numpy's functions that store at indices: the array, the indices, and what is stored.
_OF_STORE = 3


def entries(view: View) -> Iterator[Edit]:
    """Two entries of arrays that stand in each other's place in a statement."""
    of_statement: dict[int, dict[str, list[Place]]] = {}
    for place in view.places:
        if isinstance(place.node, ast.Subscript) and place.is_floating and not place.is_nested:
            statement = place.sites.statement_of[place.node]
            of_statement.setdefault(statement, {}).setdefault(place.text, []).append(place)
    for known in of_statement.values():
        for one, two in combinations(list(known.values())[:_MOST_ENTRIES], 2):
            if one[0].shape != two[0].shape:
                continue
            new: dict[ast.AST, ast.expr] = {each.node: two[0].expression for each in one}
            new |= {each.node: one[0].expression for each in two}
            around = view.around(new)
            if around is not None:
                word = naming.of_exchange(one[0], two[0])
                yield Edit(around, word, 1.1, b.substituted(around.expression, new))


def everywhere(view: View) -> Iterator[Edit]:
    """A name that stands for an entry of an array throughout an expression."""
    for (_, name), places in _names(view).items():
        around = view.around([each.node for each in places])
        if len(places) == 1 or around is None:
            continue
        for part in view.parts(places[0]):
            if not isinstance(part.node, ast.Subscript) or part.shape != places[0].shape:
                continue
            if np.asarray(part.value).dtype.kind != "f" or name in b.names_in(part.node):
                continue
            for entry in _entries_beside(part.node):
                new: dict[ast.AST, ast.expr] = {each.node: entry for each in places}
                yield Edit(around, "wrong-argument", 1.2, b.substituted(around.expression, new))


def _entries_beside(node: ast.Subscript) -> Iterator[ast.expr]:
    """An entry of an array, and those beside it along each axis where its index is a number."""
    yield node
    parts = b.index_parts(node)
    for number, each in enumerate(parts):
        if isinstance(each, ast.Constant) and isinstance(each.value, int):
            for change in (1, -1):
                other = b.number(each.value + change)
                yield b.subscript(node, [other if at == number else old for at, old in enumerate(parts)])


def _names(view: View) -> dict[tuple[int, str], list[Place]]:
    """The places of each name of an array or number in each statement."""
    found: dict[tuple[int, str], list[Place]] = {}
    for place in view.places:
        if isinstance(place.node, ast.Name) and place.is_floating and not place.is_nested and place.varies:
            key = place.sites.statement_of[place.node], place.node.id
            found.setdefault(key, []).append(place)
    return found


def lists(view: View) -> Iterator[Edit]:
    """An entry of another list, tuple or dict than the right one."""
    for place in view.places:
        node = place.node
        if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)):
            continue
        now = place.scope.get(node.value.id)
        if not isinstance(now, list | tuple | dict):
            continue
        for name, value in place.scope.items():
            if type(value) is type(now) and name != node.value.id:
                other = b.entry(b.name(name), node.slice)
                yield Edit(place, "wrong-argument", 1.05, other)


def ends(view: View) -> Iterator[Edit]:
    """What a list gives away from its other end."""
    for place in view.places:
        node = place.node
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr == "pop" and not node.keywords and all(b.text_of(each) == "0" for each in node.args):
            args = [] if node.args else [b.number(0)]
            yield Edit(place, "flipped", 1.0, b.called(node.func, *args))


def windows(view: View) -> Iterator[Edit]:
    """An index with slices that another array has, or the same one elsewhere."""
    found: dict[int, dict[str, ast.Subscript]] = {}
    statements = list(view.simple_statements())
    for statement in statements:
        for node in ast.walk(statement.node):
            if isinstance(node, ast.Subscript) and _is_window(node):
                found.setdefault(id(statement.sites), {}).setdefault(ast.dump(node.slice), node)
    stored = [each for each in statements if isinstance(each.node, ast.AugAssign)]
    for place in [*view.places, *stored]:
        node = place.node.target if isinstance(place.node, ast.AugAssign) else place.node
        if not isinstance(node, ast.Subscript) or not _is_window(node):
            continue
        for text, other in found.get(id(place.sites), {}).items():
            if len(b.index_parts(other)) == len(b.index_parts(node)) and text != ast.dump(node.slice):
                new = ast.Subscript(node.value, other.slice, node.ctx)
                word = "flipped" if naming.of_entries(node, new) == "flipped" else "shifted"
                if node is place.node:
                    yield Edit(place, word, 0.95, new)
                else:
                    yield Edit(place, word, 0.95, None, {node: new})


def _is_window(node: ast.Subscript) -> bool:
    return any(isinstance(each, ast.Slice) for each in b.index_parts(node))


def neighbours(view: View) -> Iterator[Edit]:
    """What two statements, one behind the other, store in each other's place."""
    statements = {each.node: each for each in view.statements()}
    for one, place in statements.items():
        two = _next(place)
        if not (isinstance(one, ast.Assign | ast.AugAssign | ast.Expr) and type(one) is type(two)):
            continue
        first, second = _stored(one), _stored(two)
        if first is not None and second is not None and not is_same(first[1], second[1]):
            values = [view.of_node.get(each) for each in (first[1], second[1])]
            if all(each is not None and each.is_floating for each in values):
                word = _of_places(first[0], second[0])
                yield Edit(place, word, 1.15, None, {first[1]: second[1], second[1]: first[1]})


def _next(place: Place) -> ast.AST | None:
    """The statement behind a statement in the same block."""
    parent, name, number = place.sites.source.parents[place.node]
    block = getattr(parent, name)
    return block[number + 1] if number is not None and number + 1 < len(block) else None


def _stored(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """Where a statement stores something, and what; None where it does not."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return node.targets[0], node.value
    if isinstance(node, ast.AugAssign):
        return node.target, node.value
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and len(call.args) == _OF_STORE:
        array, index, value = call.args
        return ast.Subscript(array, index, ast.Store()), value
    return None


def _of_places(one: ast.expr, two: ast.expr) -> str:
    """The word for two values that were stored in each other's place."""
    if not (isinstance(one, ast.Subscript) and isinstance(two, ast.Subscript)):
        return "wrong-argument"
    if b.text_of(one.value) != b.text_of(two.value):
        return "wrong-argument"
    pairs = list(zip(b.index_parts(one), b.index_parts(two), strict=False))
    others = [(x, y) for x, y in pairs if b.text_of(x) != b.text_of(y)]
    if any(set(b.names_in(x)) != set(b.names_in(y)) for x, y in others):
        return "wrong-argument"  # places that have nothing to do with each other
    return "transposed" if len(others) > 1 else "shifted"


def blocks(view: View) -> Iterator[Edit]:
    """A statement behind a loop that belongs to each turn of it."""
    for place in view.statements():
        node = place.node
        behind = _next(place) if isinstance(node, ast.For) and not node.orelse else None
        if isinstance(node, ast.For) and isinstance(behind, ast.AugAssign):
            loop = ast.For(node.target, node.iter, [*node.body, behind], [])
            yield Edit(place, "not-summed", 1.0, None, {node: loop, behind: ast.Pass()})


def derivatives(view: View) -> Iterator[Edit]:
    """The derivative of the logistic function where that of tanh is due, or the other way round."""
    for place in view.places:
        node = place.node
        if not place.is_floating or not isinstance(node, ast.BinOp):
            continue
        if isinstance(node.op, ast.Sub) and b.text_of(node.left) in {"1", "1.0"} and isinstance(node.right, ast.BinOp):
            inner = node.right
            is_square = isinstance(inner.op, ast.Pow) and b.text_of(inner.right) == "2"
            is_square |= isinstance(inner.op, ast.Mult) and b.text_of(inner.left) == b.text_of(inner.right)
            if is_square:
                logistic = b.times(inner.left, b.minus(b.number(1), inner.left))
                yield Edit(place, "wrong-function", 1.1, logistic)
        if isinstance(node.op, ast.Mult):
            yield from _of_tanh(place, node)


def _of_tanh(place: Place, node: ast.BinOp) -> Iterator[Edit]:
    """Where a product ends with ``s * (1 - s)``: with ``1 - s**2`` instead."""
    rest: ast.expr | None = None
    value, last = node.left, node.right
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
        rest, value = value.left, value.right
    if not (isinstance(last, ast.BinOp) and isinstance(last.op, ast.Sub)):
        return
    if b.text_of(last.left) in {"1", "1.0"} and b.text_of(last.right) == b.text_of(value):
        due = b.minus(b.number(1), b.power(value, 2))
        yield Edit(place, "wrong-function", 1.1, due if rest is None else b.times(rest, due))
