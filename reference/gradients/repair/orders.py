"""Edits of the order of axes, and of the order of the entries along them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.axes import array_of
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View

_TURNING = {
    "swapaxes": "transposed", "transpose": "transposed", "flip": "flipped", "fliplr": "flipped", "flipud": "flipped",
    "rot90": "flipped",
}  # fmt: skip
#: Letters of an array whose orders are all tried.
_MOST_LETTERS = 4
_PLANE = 2


def reshapes(view: View) -> Iterator[Edit]:
    """Entries that are laid out in groups in another order."""
    for place in view.places:
        node = place.node
        if called_name(node) != "reshape" or not isinstance(node, ast.Call) or len(place.shape) < _PLANE:
            continue
        array = array_of(view, node)
        for one, two in combinations(range(len(place.shape)), 2):
            changed = b.numpy("reshape", array, b.numbers(tuple(b.exchanged(place.shape, one, two))))
            yield Edit(place, "transposed", 1.0, b.numpy("swapaxes", changed, b.number(one), b.number(two)))
        outer = place.parent
        if isinstance(outer, ast.Attribute):  # a transpose behind it: an attribute, or a method that is called
            is_value = outer in view.of_node and view.of_node[outer].is_number
            around = view.of_node.get(outer if is_value else place.sites.source.parents[outer][0])
            if around is not None and around.shape:
                yield Edit(around, "transposed", 1.0, b.numpy("reshape", array, b.numbers(around.shape)))


def turned(view: View) -> Iterator[Edit]:
    """A transpose, or a reversal of entries, that is not due."""
    for place in view.places:
        node = place.node
        if isinstance(node, ast.Attribute) and node.attr == "T":
            # Likelier than another sign in the definition of a rotation, which has the same effect.
            yield Edit(place, "transposed", 0.98, node.value)
        if isinstance(node, ast.Call) and called_name(node) in _TURNING:
            yield Edit(place, _TURNING[called_name(node)], 1.0, array_of(view, node))
        if isinstance(node, ast.Subscript):
            yield from _without_steps(place, node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield Edit(place, "transposed", 1.1, ast.BinOp(node.right, node.op, node.left))


def symmetrized(view: View) -> Iterator[Edit]:
    """A gradient with respect to a symmetric matrix whose transpose is due besides, as where A stands twice in A Aᵀ."""
    for place in view.places:
        if place.is_square_gradient:
            turned = b.numpy("swapaxes", place.expression, b.number(-1), b.number(-2))
            yield Edit(place, "term-missing", 1.2, b.plus(place.expression, turned))


def orders(view: View) -> Iterator[Edit]:
    """An array whose axes, or whose entries along an axis, are due in another order."""
    for place in view.places:
        if not isinstance(place.value, np.ndarray) or place.role not in {"value", "compared", "index"}:
            continue
        node = place.expression
        for one, two in combinations(range(len(place.shape)), 2):
            cost = 1.05 if place.shape[one] == place.shape[two] else 1.15
            yield Edit(place, "transposed", cost, b.numpy("swapaxes", node, b.number(one), b.number(two)))
        if not (isinstance(node, ast.Attribute) and node.attr == "T"):
            yield from _along_axes(place, node)


def _along_axes(place: Place, node: ast.expr) -> Iterator[Edit]:
    ndim = len(place.shape)
    for axis in (axis for axis in range(ndim) if place.shape[axis] > 1):
        yield Edit(
            place, "flipped", 1.2 if isinstance(node, ast.Name | ast.Subscript) else 1.3, b.backwards(node, axis)
        )
        for step in (1, -1):
            yield Edit(place, "shifted", 1.6, b.numpy("roll", node, b.number(step), axis=b.number(axis)))
    if ndim > 1 and min(place.shape) > 1:
        last_two = b.numbers(tuple(range(ndim - 2, ndim)))
        yield Edit(place, "flipped", 1.3, b.numpy("flip", node, axis=last_two))


def _without_steps(place: Place, node: ast.Subscript) -> Iterator[Edit]:
    """Without each ``::-1``."""
    parts = b.index_parts(node)
    backward = [
        number
        for number, each in enumerate(parts)
        if isinstance(each, ast.Slice)
        and each.lower is None
        and each.upper is None
        and isinstance(each.step, ast.UnaryOp)
    ]
    for chosen in [[each] for each in backward] + ([backward] if len(backward) > 1 else []):
        new = [ast.Slice() if number in chosen else each for number, each in enumerate(parts)]
        yield Edit(place, "flipped", 1.0, b.subscript(node, new))


def conjugated(view: View) -> Iterator[Edit]:
    """A running sum, or one of the writer's functions, in the other direction."""
    for place in view.places:
        node = place.node
        yield from _turned_around(view, place)
        if called_name(node) not in {"cumsum", "cumprod"} or not isinstance(node, ast.Call):
            continue
        array = array_of(view, node)
        for axis in range(len(place.shape)):
            run = b.numpy(called_name(node), b.backwards(array, axis), axis=b.number(axis))
            yield Edit(place, "flipped", 1.0, b.backwards(run, axis))
        yield Edit(place, "term-missing", 1.3, array)


def _turned_around(view: View, place: Place) -> Iterator[Edit]:
    """A function of the writer's, given its array in reverse, whose answer is turned back."""
    node = place.node
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args or not place.shape:
        return
    first = view.of_node.get(node.args[0])
    if first is None or not first.is_floating or first.shape != place.shape or not place.is_floating:
        return
    for axis in range(len(place.shape)):
        run = ast.Call(node.func, [b.backwards(node.args[0], axis), *node.args[1:]], node.keywords)
        yield Edit(place, "flipped", 1.1, b.backwards(run, axis))


def running(view: View) -> Iterator[Edit]:
    """A running sum that is missing, in either direction: where the code takes another one."""
    name = next((called_name(each.node) for each in view.places if called_name(each.node) in {"cumsum", "cumprod"}), "")
    for place in view.places if name else ():
        if place.is_floating and place.shape and place.role == "value" and called_name(place.node) != name:
            node, cost = place.expression, 1.2 if isinstance(place.parent, ast.stmt | ast.Call) else 1.4
            for axis in range(len(place.shape)):
                yield Edit(place, "not-summed", cost, b.numpy(name, node, axis=b.number(axis)))
                run = b.numpy(name, b.backwards(node, axis), axis=b.number(axis))
                yield Edit(place, "not-summed", cost, b.backwards(run, axis))


def letters(view: View) -> Iterator[Edit]:
    """Another order of the letters in Einstein's notation."""
    for place in view.places:
        text = place.value
        if not isinstance(text, str) or called_name(place.parent) != "einsum" or "->" not in text:
            continue
        left, out = text.replace(" ", "").split("->")
        groups = [*left.split(","), out]
        for number, group in enumerate(groups):
            for word, cost, new in _groups_near(group, groups) if len(group) <= _MOST_LETTERS else ():
                yield Edit(place, word, cost, ast.Constant(value=_joined(groups, number, new)))


def _groups_near(group: str, groups: list[str]) -> Iterator[tuple[str, float, str]]:
    """Other letters of one array, each with its word and how far-fetched it is."""
    for order in permutations(group):
        if "".join(order) != group:
            yield "transposed", 1.0, "".join(order)
    for at in range(len(group)):
        for other in sorted(set("".join(groups)) - set(group)):
            yield "wrong-axis", 1.2, group[:at] + other + group[at + 1 :]
        if group is groups[-1]:
            yield "not-summed", 1.2, group[:at] + group[at + 1 :]


def _joined(groups: list[str], number: int, new: str) -> str:
    changed = [new if each == number else old for each, old in enumerate(groups)]
    return ",".join(changed[:-1]) + "->" + changed[-1]
