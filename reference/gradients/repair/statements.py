"""Edits of whole statements: of what they store, and of the order of what they give."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair import naming
from reference.gradients.repair.definitions import is_same
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View

_OPERATORS = ((ast.Add, "sign"), (ast.Sub, "sign"), (ast.Mult, "wrong-function"), (ast.Div, "wrong-function"))
#: Values of a tuple or list of which pairs are exchanged.
_MOST_VALUES = 8


def stores(view: View) -> Iterator[Edit]:
    """A store that replaces instead of adding, or the other way round, or adds each place once."""
    for place in view.statements():
        node = place.node
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            yield from _assigned(place, node, node.targets[0])
        elif isinstance(node, ast.AugAssign):
            yield from _added(view, place, node)
        elif isinstance(node, ast.Expr) and called_name(node.value) == "at":
            yield Edit(place, "extra-term", 1.1, None, {node: ast.Pass()})
            yield from _ufuncs(place, node)
        elif isinstance(node, ast.If):
            never = ast.If(ast.Constant(value=False), [ast.Pass()], node.orelse)
            yield Edit(place, "extra-term", 1.3, None, {node: never})
            inverse = ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
            yield Edit(place, "mask-inverted", 1.3, None, {node: inverse})


def _assigned(place: Place, node: ast.Assign, target: ast.expr) -> Iterator[Edit]:
    if isinstance(target, ast.Subscript):
        yield Edit(place, "row-wrong", 1.0, None, {node: ast.Pass()})
        if not isinstance(node.value, ast.Constant):
            # One entry is stored once: what had been there before is lost.
            is_once = not _is_in_loop(place) and isinstance(target.slice, ast.Constant | ast.UnaryOp)
            word = "term-missing" if is_once else "not-summed"
            yield Edit(place, word, 1.0, None, {node: ast.AugAssign(target, ast.Add(), node.value)})
            if not is_once:
                yield from _added_at(place, target, node.value, ast.Add())
    elif isinstance(target, ast.Name) and target.id in place.scope:
        added = b.plus(b.name(target.id), node.value)
        # In a loop each turn has its part in a sum that the loop does not read; elsewhere one of two terms is lost.
        word = "not-summed" if _is_in_loop(place) and not _is_read(place, target.id) else "term-missing"
        yield Edit(place, word, 1.0, None, {node: ast.Assign([target], added)})


def _is_in_loop(place: Place) -> bool:
    return _loop_around(place) is not None


def _loop_around(place: Place) -> ast.For | ast.While | None:
    parents, at = place.sites.source.parents, place.node
    while at in parents:
        at = parents[at][0]
        if isinstance(at, ast.For | ast.While):
            return at
    return None


def _is_read(place: Place, name: str) -> bool:
    """Whether the loop around a statement reads a name outside of it."""
    loop = _loop_around(place)
    own = set(ast.walk(place.node))
    return loop is not None and any(
        isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load) and each.id == name and each not in own
        for each in ast.walk(loop)
    )


def _added(view: View, place: Place, node: ast.AugAssign) -> Iterator[Edit]:
    is_one = isinstance(node.value, ast.Constant) and node.value.value == 1
    for operator, word in _OPERATORS:
        # A product with 1 is no store at all, which is another edit.
        if not isinstance(node.op, operator) and not (is_one and word == "wrong-function"):
            yield Edit(place, word, 1.0, None, {node: ast.AugAssign(node.target, operator(), node.value)})
    if isinstance(node.target, ast.Name | ast.Subscript):
        yield Edit(place, "extra-term", 1.1, None, {node: ast.Assign([node.target], node.value)})
    is_sum = isinstance(node.op, ast.Add | ast.Sub)
    if isinstance(node.target, ast.Subscript) and is_sum:
        yield from _added_at(place, node.target, node.value, node.op)
    word = "extra-term" if is_sum else _of_factor(view, node)
    yield Edit(place, word, 1.1, None, {node: ast.Pass()})


def _of_factor(view: View, node: ast.AugAssign) -> str:
    found = view.of_node.get(node.value)
    return "scaled" if found is not None and not found.varies else "extra-factor"


def _added_at(place: Place, target: ast.Subscript, value: ast.expr, operator: ast.operator) -> Iterator[Edit]:
    index = _as_value(target.slice)
    if index is None:
        return
    name = "add.at" if isinstance(operator, ast.Add) else "subtract.at"
    array = _loaded(target.value)
    yield Edit(place, "not-summed", 0.95, None, {place.node: ast.Expr(b.numpy(name, array, index, value))})


def _loaded(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Name):
        return b.name(node.id)
    return node


def _as_value(index: ast.expr) -> ast.expr | None:
    """An index as a value that can be an argument."""
    if isinstance(index, ast.Slice):
        parts = [each or ast.Constant(value=None) for each in (index.lower, index.upper, index.step)]
        return b.called(b.name("slice"), *parts)
    if isinstance(index, ast.Tuple):
        parts = [_as_value(each) or each for each in index.elts]
        return b.tuple_of(parts)
    return index


def _ufuncs(place: Place, node: ast.Expr) -> Iterator[Edit]:
    call = node.value
    function = call.func if isinstance(call, ast.Call) else None
    if isinstance(call, ast.Call) and isinstance(function, ast.Attribute) and isinstance(function.value, ast.Attribute):
        other = {"add": "subtract", "subtract": "add"}.get(function.value.attr)
        if other is not None:
            yield Edit(place, "sign", 1.0, None, {node: ast.Expr(b.numpy(f"{other}.at", *call.args))})


def exchanges(view: View) -> Iterator[Edit]:
    """Two gradients, or two values of a tuple or list, that stand in each other's place."""
    for place in view.places:
        node = place.node
        if isinstance(node, ast.Tuple | ast.List) and place.role in {"value", "index"}:
            yield from _in_a_row(view, place, node)
        if isinstance(node, ast.Call) and len(node.args) > 1 and called_name(node) not in {"where", "einsum"}:
            for one, two in combinations(range(min(len(node.args), 5)), 2):
                args = b.exchanged(node.args, one, two)
                yield Edit(place, "arguments-swapped", 1.1, ast.Call(node.func, args, node.keywords))
    for statement in view.statements():
        node = statement.node
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            target = node.targets[0]
            for one, two in combinations(range(min(len(target.elts), 6)), 2):
                changed = b.exchanged(target.elts, one, two)
                new = ast.Assign([ast.Tuple(changed, ast.Store()), *node.targets[1:]], node.value)
                yield Edit(statement, "wrong-argument", 1.3, None, {node: new})


def _in_a_row(view: View, place: Place, node: ast.Tuple | ast.List) -> Iterator[Edit]:
    if len(node.elts) > _MOST_VALUES:
        return
    for one, two in combinations(range(len(node.elts)), 2):
        first, second = node.elts[one], node.elts[two]
        if not is_same(first, second):
            is_answer = isinstance(place.parent, ast.Return)
            word = "swapped" if is_answer else naming.of_exchange(view.of_node.get(first), view.of_node.get(second))
            yield Edit(place, word, 1.0, type(node)(b.exchanged(node.elts, one, two), ast.Load()))
    if isinstance(node, ast.List) and len(node.elts) > 1:
        yield Edit(place, "flipped", 1.1, ast.List(node.elts[::-1], ast.Load()))


def two_names(view: View) -> Iterator[Edit]:
    """Two names that stand in each other's place in a statement, or one that stands for another throughout it."""
    for statement in view.statements():
        if isinstance(statement.node, ast.For | ast.While | ast.If | ast.FunctionDef | ast.With):
            continue
        used = [
            each for each in ast.walk(statement.node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
        ]
        of_name: dict[str, list[ast.Name]] = {}
        for each in used:
            of_name.setdefault(each.id, []).append(each)
        known = {name: view.of_node[nodes[0]] for name, nodes in of_name.items() if nodes[0] in view.of_node}
        numbers = {
            name: place for name, place in known.items() if place.is_number and not isinstance(place.value, bool)
        }
        for one, two in combinations(numbers, 2):
            if numbers[one].shape == numbers[two].shape:
                new: dict[ast.AST, ast.expr] = {node: b.name(two) for node in of_name[one]}
                new |= {node: b.name(one) for node in of_name[two]}
                yield _renamed(view, statement, naming.of_exchange(numbers[one], numbers[two]), 1.1, new)
        for name, place in numbers.items():
            if len(of_name[name]) > 1:
                for part in view.parts(place):
                    if isinstance(part.node, ast.Name) and part.node.id != name and part.shape == place.shape:
                        word = "shifted" if place.role == "index" else "wrong-argument"
                        yield _renamed(view, statement, word, 1.2, dict.fromkeys(of_name[name], part.node))


def _renamed(view: View, statement: Place, word: str, cost: float, new: Mapping[ast.AST, ast.expr]) -> Edit:
    """Names with others in their place: an edit of an expression where one holds them all, which is tried sooner."""
    around = view.around(new)
    if around is None:
        return Edit(statement, word, cost, None, new)
    return Edit(around, word, cost, b.substituted(around.expression, new))


def index_names(view: View) -> Iterator[Edit]:
    """An array of indices that stands for another one in two statements, one behind the other."""
    for first, second in pairwise(view.simple_statements()):
        if first.sites is not second.sites:
            continue
        places = [view.of_node[n] for each in (first, second) for n in ast.walk(each.node) if n in view.of_node]
        indices: dict[str, list[Place]] = {}
        for place in places:
            if isinstance(place.node, ast.Name) and place.shape and np.asarray(place.value).dtype.kind in "iu":
                indices.setdefault(place.node.id, []).append(place)
        for name, used in indices.items():
            if {each.sites.statement_of[each.node] for each in used} != {first.number, second.number}:
                continue
            for part in view.parts(used[0]):
                is_index = part.is_plain and np.asarray(part.value).dtype.kind in "iu"
                if is_index and part.shape == used[0].shape and part.text != name:
                    new: dict[ast.AST, ast.expr] = {each.node: part.node for each in used}
                    yield Edit(second, "wrong-argument", 1.2, None, new)
