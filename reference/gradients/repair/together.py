"""Edits of several indices of one statement, or of statements that belong together."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place, is_number
from reference.gradients.repair.view import View

#: Constants in a tuple that are moved together, and entries of a list or keys of a dict that are tried.
_MOST_CONSTANTS, _MOST_ENTRIES = 4, 12
#: Subscripts of a statement of which pairs exchange their slices.
_MOST_SUBSCRIPTS = 4


def constants(view: View) -> Iterator[Edit]:
    """Whole numbers of a tuple, all one off: to the same side, or the first and the last of an axis both inwards."""
    for place in view.places:
        node = place.node
        if not isinstance(node, ast.Tuple) or not 1 < len(node.elts) <= _MOST_CONSTANTS:
            continue
        numbers = [_whole(each) for each in node.elts]
        known = [each for each in numbers if each is not None]
        if len(known) == len(numbers) and isinstance(place.parent, ast.Assign):
            for moved in dict.fromkeys(_moves(known)):
                yield Edit(place, "shifted", 0.95, b.numbers(moved))


def _moves(numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for step in (1, -1):
        yield tuple(each + (step if each >= 0 else -step) for each in numbers)
        yield tuple(each + step for each in numbers)


def _whole(node: ast.expr) -> int | None:
    """The whole number that an expression is, as a constant."""
    try:
        found = ast.literal_eval(node)
    except ValueError:
        return None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def counters(view: View) -> Iterator[Edit]:
    """An index that is one off wherever it stands in a statement, or in the value that is stored there."""
    for statement in view.simple_statements():
        node = statement.node
        value = getattr(node, "value", None)
        around = [node] if value is None or isinstance(node, ast.Expr) else [value, node]
        told: list[set[ast.AST]] = []
        for each in around:
            for name, nodes in _counters(view, each).items():
                if len(nodes) < 2 or set(nodes) in told:  # noqa: PLR2004 - one alone is another edit
                    continue
                told.append(set(nodes))
                for step in (1, -1):
                    moved: dict[ast.AST, ast.expr] = dict.fromkeys(nodes, b.plus(b.name(name), b.number(step)))
                    inside = view.around(moved)
                    if inside is None:
                        yield Edit(statement, "shifted", 1.15, None, moved)
                    else:
                        yield Edit(inside, "shifted", 1.15, b.substituted(inside.expression, moved))


def _counters(view: View, node: ast.AST) -> dict[str, list[ast.AST]]:
    """The places of each whole number that stands in indices, by its name."""
    found: dict[str, list[ast.AST]] = {}
    for each in ast.walk(node):
        place = view.of_node.get(each)
        if isinstance(each, ast.Name) and place is not None and place.role == "index":
            is_whole = isinstance(place.value, int | np.integer) and not isinstance(place.value, bool)
            if is_whole and place.visits > 1:
                found.setdefault(each.id, []).append(each)
    return found


def strides(view: View) -> Iterator[Edit]:
    """A counter of a loop that has to be multiplied wherever it stands in a statement, or must not be."""
    for statement in view.simple_statements():
        found: dict[str, list[ast.expr]] = {}
        for each in ast.walk(statement.node):
            place = view.of_node.get(each)
            is_kind = isinstance(each, ast.Name | ast.BinOp)
            if is_kind and place is not None and place.visits > 1 and _is_whole_number(place.value):
                found.setdefault(place.text, []).append(place.expression)
        for nodes in found.values():
            for new in _multiplied(view, nodes[0]) if len(nodes) > 1 else ():
                around = view.around(nodes)
                replaced: dict[ast.AST, ast.expr] = dict.fromkeys(nodes, new)
                if around is None:
                    yield Edit(statement, "shifted", 1.15, None, replaced)
                else:
                    yield Edit(around, "shifted", 1.15, b.substituted(around.expression, replaced))


def _is_whole_number(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _multiplied(view: View, node: ast.expr) -> Iterator[ast.expr]:
    """A counter times each number that does not change, or a product without one of its factors."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from (node.left, node.right)
    elif isinstance(node, ast.Name):
        for part in view.parts(view.of_node[node]):
            if part.is_plain and not part.varies and _is_whole_number(part.value) and part.value > 1:
                yield b.times(node, part.node)


def slices(view: View) -> Iterator[Edit]:
    """Two subscripts of a statement with each other's slices, also where something is stored."""
    for statement in view.simple_statements():
        subscripts = [each for each in ast.walk(statement.node) if isinstance(each, ast.Subscript)]
        for one, two in combinations([each for each in subscripts if _has_slice(each)][:_MOST_SUBSCRIPTS], 2):
            is_inside = two in set(ast.walk(one)) or one in set(ast.walk(two))
            if is_inside or b.text_of(one.slice) == b.text_of(two.slice):
                continue
            new: dict[ast.AST, ast.expr] = {one.slice: two.slice, two.slice: one.slice}
            around = view.around([one, two]) if one in view.of_node and two in view.of_node else None
            if around is None:
                yield Edit(statement, "shifted", 1.05, None, new)
            else:
                yield Edit(around, "shifted", 1.05, b.substituted(around.expression, new))


def _has_slice(node: ast.Subscript) -> bool:
    return any(isinstance(each, ast.Slice) for each in b.index_parts(node))


def borders(view: View) -> Iterator[Edit]:
    """Statements that add one entry of an array to another one, all with another entry to which is added."""
    seen: set[ast.AST] = set()
    for statement in view.simple_statements():
        if statement.node in seen:
            continue
        group = list(_group(statement))
        seen |= set(group)
        if len(group) < 2:  # noqa: PLR2004 - one alone is another edit
            continue
        for step, side in product((1, -1), ("target", "value")):
            new: dict[ast.AST, ast.expr] = {}
            for each in group:
                inside = getattr(each, side)
                for part in b.index_parts(inside):
                    number = _whole(part)
                    if number is not None:
                        new[part] = b.number(number + (step if number >= 0 else -step))
            yield Edit(statement, "shifted", 1.15, None, new)


def _group(statement: Place) -> Iterator[ast.AugAssign]:
    """A statement and those that follow it at once, as long as they add an entry of an array to another one."""
    parent, name, number = statement.sites.source.parents[statement.node]
    for each in getattr(parent, name)[number:] if number is not None else ():
        if not isinstance(each, ast.AugAssign) or not all(
            isinstance(side, ast.Subscript) and any(_whole(part) is not None for part in b.index_parts(side))
            for side in (each.target, each.value)
        ):
            return
        yield each


def others(view: View) -> Iterator[Edit]:
    """Another entry of the same list or tuple, or another one of the same dict."""
    for place in view.places:
        node = place.node
        if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant | ast.UnaryOp)):
            continue
        held = view.of_node.get(node.value)
        if held is None or not isinstance(held.value, list | tuple | dict) or len(held.value) > _MOST_ENTRIES:
            continue
        keys = list(held.value) if isinstance(held.value, dict) else list(range(len(held.value)))
        now = _key(node.slice)
        if not isinstance(held.value, dict) and isinstance(now, int) and now < 0:
            now += len(held.value)
        for key in keys:
            is_alike = _is_alike(held.value[key], place)
            if key != now and isinstance(key, int | str) and is_alike:
                new = b.entry(node.value, ast.Constant(value=key))
                yield Edit(place, "wrong-argument", 1.05, new)


def _is_alike(value: Any, place: Place) -> bool:
    """Whether a value may stand for that of a place: for a number, another one of its shape."""
    return not place.is_number or (is_number(value) and np.shape(value) == place.shape)


def _key(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def halves(view: View) -> Iterator[Edit]:
    """Neighbouring pairs of entries where the two halves of an axis are due, or the other way round, in a function."""
    for sites in view.functions:
        found: dict[bool, dict[ast.AST, ast.expr]] = {True: {}, False: {}}
        for node in ast.walk(sites.source.tree):
            if isinstance(node, ast.Subscript):
                for part in b.index_parts(node):
                    new = _pairs(part, node) if isinstance(part, ast.Slice) else None
                    if new is not None:
                        found[new.step is None][part] = new
        for nodes in found.values():
            statement = next((each for each in view.statements() if each.sites is sites), None)
            if len(nodes) > 1 and statement is not None:
                yield Edit(statement, "transposed", 1.15, None, nodes)


def _pairs(part: ast.Slice, node: ast.Subscript) -> ast.Slice | None:
    """A half of an axis for every second entry of it, or the other way round; None for other slices."""
    step = None if part.step is None else _whole(part.step)
    lower = None if part.lower is None else _whole(part.lower)
    axis = b.index_parts(node).index(part) if isinstance(b.index_parts(node)[0], ast.Slice) else -1
    if any(b.text_of(each) == "..." for each in b.index_parts(node)):
        axis = -1
    array = b.name(node.value.id) if isinstance(node.value, ast.Name) else node.value
    half = ast.BinOp(
        b.entry(b.attribute(array, "shape"), b.number(axis)),
        ast.FloorDiv(),
        b.number(2),
    )
    if step == 2 and part.upper is None:  # noqa: PLR2004 - every second entry
        return ast.Slice(half, None) if lower == 1 else ast.Slice(None, half) if lower in {0, None} else None
    if part.step is not None or (part.lower is None) == (part.upper is None):
        return None
    bound = part.lower if part.upper is None else part.upper
    if not isinstance(bound, ast.Name | ast.BinOp):
        return None
    return ast.Slice(b.number(0 if part.lower is None else 1), None, b.number(2))
