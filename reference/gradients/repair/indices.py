"""Edits of indices, slices, ranges and shifts."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View


def steps(view: View) -> Iterator[Edit]:
    """An index, a bound of a slice or of a range, or a shift that is one off."""
    for place in view.places:
        if _is_place_of_entries(place):
            yield from _steps_at(place, place.expression)
            yield from _strides(view, place, place.expression)


def _steps_at(place: Place, node: ast.expr) -> Iterator[Edit]:
    word = "term-missing" if place.role == "range" or isinstance(place.parent, ast.Slice) else "shifted"
    for change, cost in ((1, 1.0), (-1, 1.0), (2, 1.3), (-2, 1.3)):
        yield Edit(place, word, cost, b.plus(node, b.number(change)))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield Edit(place, word, 1.0, node.left)
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield Edit(place, word, 1.0, ast.BinOp(node.left, other, node.right))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Name):
        yield Edit(place, "flipped", 0.95, node.right)
    if place.role == "shift":
        yield Edit(place, "shifted", 1.0, b.negative(node))


def _is_place_of_entries(place: Place) -> bool:
    """Whether a whole number, or an array of them as an index, says which entries are meant."""
    if place.role not in {"index", "range", "shift"} or isinstance(place.value, bool) or not place.is_number:
        return False
    if isinstance(place.node, ast.UnaryOp | ast.Tuple) or np.asarray(place.value).dtype.kind not in "iu":
        return False
    return not place.shape or place.role == "index"


def ranges(view: View) -> Iterator[Edit]:
    """A range that begins and ends one off: from 1 to n where it is due from 0 to n - 1."""
    for place in view.places:
        node = place.node
        if not isinstance(node, ast.Call) or called_name(node) not in {"range", "arange"} or node.keywords:
            continue
        bounds, rest = node.args[:2], node.args[2:]
        for change in (1, -1):
            moved = [_moved(each, change) for each in ([b.number(0), *bounds] if len(bounds) == 1 else bounds)]
            yield Edit(place, "shifted", 1.05, b.called(node.func, *moved, *rest))


def negated(view: View) -> Iterator[Edit]:
    """A shift or an index with the other sign."""
    for place in view.places:
        if isinstance(place.node, ast.UnaryOp) and place.role in {"shift", "index", "range"}:
            word = "shifted" if place.role != "range" and not isinstance(place.parent, ast.Slice) else "term-missing"
            yield Edit(place, word, 1.0, place.node.operand)
            for change in (1, -1):
                yield Edit(place, word, 1.0, b.plus(place.node, b.number(change)))
        if called_name(place.node) == "roll" and isinstance(place.node, ast.Call):
            keyword = next((each for each in place.node.keywords if each.arg == "shift"), None)
            if keyword is not None:
                changed = [
                    each if each is not keyword else ast.keyword("shift", b.negative(each.value))
                    for each in place.node.keywords
                ]
                yield Edit(place, "shifted", 1.0, ast.Call(place.node.func, place.node.args, changed))
            for array in place.node.args[:1]:
                yield Edit(place, "shifted", 1.1, array)


def _strides(view: View, place: Place, node: ast.expr) -> Iterator[Edit]:
    """A stride or a dilation that is missing, or not due."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield Edit(place, "shifted", 1.1, node.left)
        yield Edit(place, "shifted", 1.1, node.right)
    if place.shape:
        return
    for part in view.parts(place):
        if part.is_plain and not part.varies and not part.shape and isinstance(part.value, int) and part.value > 1:
            yield Edit(place, "shifted", 1.3, b.times(node, part.node))
            yield Edit(place, "shifted", 1.3, b.plus(node, part.node))
            yield Edit(place, "shifted", 1.3, b.minus(node, part.node))


def slices(view: View) -> Iterator[Edit]:
    """A slice that is one off at one end or at both, or has another step."""
    for node, place in _subscripts(view):
        parts = b.index_parts(node)
        for number, each in enumerate(parts):
            for new, word, cost in _slices_near(each) if isinstance(each, ast.Slice) else ():
                changed = [new if at == number else old for at, old in enumerate(parts)]
                yield _with(view, place, node, changed, word, cost)
        for part in view.parts(place):
            if part.is_plain and not part.varies and not part.shape and isinstance(part.value, int | np.integer):
                begun = [_begun_at(each, part.node) for each in parts]
                if any(old is not each for old, each in zip(parts, begun, strict=True)):
                    yield _with(view, place, node, begun, "shifted", 1.2)


def _with(view: View, statement: Place, node: ast.Subscript, parts: Sequence[ast.expr], word: str, cost: float) -> Edit:
    """A subscript with other parts: an edit of the expression where it is read, which is tried sooner."""
    place, new = view.of_node.get(node), b.subscript(node, parts)
    return Edit(statement, word, cost, None, {node: new}) if place is None else Edit(place, word, cost, new)


def _begun_at(part: ast.expr, start: ast.expr) -> ast.expr:
    """A slice from the first entry, of the same length from another one."""
    if isinstance(part, ast.Slice) and part.lower is None and part.upper is not None:
        return ast.Slice(start, b.plus(start, part.upper), part.step)
    return part


def _subscripts(view: View) -> Iterator[tuple[ast.Subscript, Place]]:
    for statement in view.statements():
        for node in _own(statement.node):
            if isinstance(node, ast.Subscript):
                yield node, statement


def _own(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement that belong to no statement inside it."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt):
            yield child
            yield from _own(child)


def _moved(bound: ast.expr, change: int) -> ast.expr:
    if isinstance(bound, ast.Constant) and isinstance(bound.value, int):
        return b.number(bound.value + change)
    return b.plus(bound, b.number(change))


def _slices_near(node: ast.Slice) -> Iterator[tuple[ast.Slice, str, float]]:
    low, high, step = node.lower, node.upper, node.step
    if low is not None and high is not None:
        for change in (1, -1, 2, -2):
            yield ast.Slice(_moved(low, change), _moved(high, change), step), "shifted", 1.0 + 0.1 * abs(change)
        yield ast.Slice(None, None, step), "term-missing", 1.3
    if low is None and high is None and step is None:
        for change in (1, -1):
            yield ast.Slice(b.number(change), None, None), "extra-term", 1.3
            yield ast.Slice(None, b.number(change), None), "extra-term", 1.3
        yield ast.Slice(None, None, b.number(-1)), "flipped", 1.2
    if low is None and high is not None:
        yield ast.Slice(None, None, step), "term-missing", 1.0
        yield ast.Slice(b.negative(high), None, step), "shifted", 1.1
        for change in (1, 2):
            yield ast.Slice(b.number(change), _moved(high, change), step), "shifted", 1.0
        if isinstance(high, ast.UnaryOp):
            yield ast.Slice(high.operand, None, step), "shifted", 1.0
    if low is not None and high is None:
        yield ast.Slice(None, None, step), "term-missing", 1.0
        yield ast.Slice(None, b.negative(low), step), "shifted", 1.0
        if isinstance(low, ast.Constant) and isinstance(low.value, int) and low.value > 0:
            yield ast.Slice(_moved(low, -1), b.number(-1), step), "shifted", 1.0


def orders(view: View) -> Iterator[Edit]:
    """A loop that runs the other way."""
    for statement in view.statements():
        node = statement.node
        if not isinstance(node, ast.For):
            continue
        place = view.of_node.get(node.iter, statement)
        if isinstance(node.iter, ast.Call) and called_name(node.iter) == "reversed":
            yield Edit(place, "flipped", 1.0, None, {node.iter: node.iter.args[0]})
        else:
            as_list = b.called(b.name("list"), node.iter)
            turned = b.entry(as_list, ast.Slice(None, None, b.number(-1)))
            yield Edit(place, "flipped", 1.1, None, {node.iter: turned})
