"""Edits of signs, factors, terms, powers and elementary functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.definitions import is_same
from reference.gradients.repair.divisors import is_batch_size, is_exponential
from reference.gradients.repair.places import Edit, Place, kind_of
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View
from reference.numerics import likeness

#: The vocabulary has no word for a function that is not due: the place alone is told.
NO_WORD = ""
#: Functions that make whole numbers.
_ROUNDING = ("floor", "ceil", "rint", "trunc")
#: What it is called where a power is not due that is a function.
_OF_POWERS = {"sqrt": "factor-missing", "square": "extra-factor"}
#: Elementary functions that are mistaken for each other.
_ELEMENTARY = ("exp", "log", "sin", "cos", "tanh", "sqrt", "square", "abs", "sign", "sinh", "cosh", "log1p", "expm1")


def signs(view: View) -> Iterator[Edit]:
    """A sign that is another one."""
    for place in view.places:
        node = place.node
        if place.role in {"value", "exponent"}:
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
                other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
                yield Edit(place, "sign", 1.0, ast.BinOp(node.left, other, node.right))
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
                yield Edit(place, "sign", 1.0, node.operand)
        if place.is_floating and place.role in {"value", "exponent"} and not isinstance(place.parent, ast.UnaryOp):
            yield Edit(place, "sign", 1.05, b.negative(place.expression))


def _factor_word(place: Place, word: str) -> str:
    """What a factor is called that is too many or on the wrong side of a fraction; a constant one only scales."""
    is_constant = (not place.varies and not place.shape) or kind_of(place.value) in {"i", "u"}
    return "scaled" if is_constant else word


def drops(view: View) -> Iterator[Edit]:
    """A factor, a term, a power or a function that is not due."""
    for place in view.places:
        node = place.node
        if place.role not in {"value", "exponent", "compared"}:
            continue
        if isinstance(node, ast.BinOp):
            left, right = view.of_node.get(node.left), view.of_node.get(node.right)
            if left is None or right is None:
                continue
            if isinstance(node.op, ast.Mult | ast.Div):
                yield Edit(place, _dropped_word(view, place, node, right), 1.1, node.left)
                swapped = (
                    b.times(node.left, node.right) if isinstance(node.op, ast.Div) else b.over(node.left, node.right)
                )
                yield Edit(place, _factor_word(right, "factor-missing"), 1.15, swapped)
                if isinstance(node.op, ast.Mult) and not is_same(node.left, node.right):
                    yield Edit(place, _factor_word(left, "extra-factor"), 1.1, node.right)
                    yield Edit(place, _factor_word(left, "factor-missing"), 1.15, b.over(node.right, node.left))
                elif isinstance(node.op, ast.Div):
                    yield Edit(place, "wrong-argument", 1.3, b.over(node.right, node.left))
            elif isinstance(node.op, ast.Add | ast.Sub):
                yield from _without_terms(place, node, right)
            elif isinstance(node.op, ast.Pow):
                yield from _powers(view, place, node, right)
        yield from _other_functions(place, view)


def _without_terms(place: Place, node: ast.BinOp, right: Place) -> Iterator[Edit]:
    is_one_less = isinstance(node.left, ast.Constant)
    word = "other-epsilon" if _is_small(right.value) and not right.varies else "extra-term"
    yield Edit(place, word, 1.1, node.left)
    second = node.right if isinstance(node.op, ast.Add) else b.negative(node.right)
    yield Edit(place, "wrong-argument" if is_one_less else "extra-term", 1.1, second)
    if isinstance(node.op, ast.Sub):
        yield Edit(place, "wrong-argument" if is_one_less else "extra-term", 1.2, node.right)


def _is_small(value: object) -> bool:
    return isinstance(value, int | float | np.generic) and 0 < abs(float(value)) <= likeness.SMALL_CONSTANT


def _dropped_word(view: View, place: Place, node: ast.BinOp, right: Place) -> str:
    """What the right factor, or the divisor, of a product is called where it is not due."""
    if isinstance(node.op, ast.Div):
        if is_batch_size(node.right, place.sites.source.tree):
            return "averaged-over-batch"
        if _is_exponential(view, node.right):
            return "factor-missing"
    return _factor_word(right, "extra-factor")


def _is_exponential(view: View, node: ast.expr) -> bool:
    """Whether a divisor is due as a factor too: the derivative of a parameter with respect to its logarithm."""
    return is_exponential(node, [each.source.tree for each in view.functions])


def _powers(view: View, place: Place, node: ast.BinOp, exponent: Place) -> Iterator[Edit]:
    is_divisor = isinstance(place.parent, ast.BinOp) and isinstance(place.parent.op, ast.Div) and place.field == "right"
    if exponent.is_number and not exponent.shape:
        is_inner = is_divisor and _is_exponential(view, node.left)
        value = float(np.asarray(exponent.value))
        yield Edit(place, "factor-missing" if is_inner else _power_word(value, 1), 1.1, node.left)
        for change in (-1, 1, -2, 2, -0.5, 0.5):
            moved = ast.BinOp(node.left, ast.Pow(), b.plus(node.right, b.number(change)))
            word = "factor-missing" if is_inner else _power_word(value, value + change)
            yield Edit(place, word, 1.0 if abs(change) == 1 else 1.2, moved)
        yield Edit(place, "factor-missing", 1.2, ast.BinOp(node.left, ast.Pow(), b.negative(node.right)))


def _power_word(written: float, due: float) -> str:
    """The word for a power: a factor is there once too often where less of the written exponent is due."""
    is_less = due < written if written > 0 else due > written
    return "extra-factor" if is_less else "factor-missing"


def _other_functions(place: Place, view: View) -> Iterator[Edit]:
    node = place.node
    if not isinstance(node, ast.Call) or not node.args or not place.is_floating:
        return
    name = called_name(node)
    if name in _ELEMENTARY and len(node.args) == 1:
        for other in _ELEMENTARY:
            if other != name:
                yield Edit(place, "wrong-function", 1.2, b.numpy(other, node.args[0]))
    if name in {*_ROUNDING, "round", "fix"}:
        for other in _ROUNDING:
            if other != name:
                yield Edit(place, "wrong-function", 1.0, b.numpy(other, node.args[0]))
    yield from _regrouped(place, node, view)
    inner = view.of_node.get(node.args[0])
    if inner is not None and inner.is_floating and inner.shape == place.shape:
        is_known = name in _ELEMENTARY or sum(called_name(each.node) == name for each in view.places) > 1
        word = _OF_POWERS.get(name) or ("wrong-argument" if is_known else NO_WORD)
        yield Edit(place, word, 1.1, node.args[0])


def _regrouped(place: Place, node: ast.Call, view: View) -> Iterator[Edit]:
    """A constant that is added to the function's value and is due in its argument."""
    parent = place.parent
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub) and parent.left is node:
        around, added = view.of_node.get(parent), view.of_node.get(parent.right)
        if around is not None and added is not None and not added.varies:
            inner = ast.BinOp(node.args[0], parent.op, parent.right)
            yield Edit(around, "other-epsilon", 1.0, ast.Call(node.func, [inner, *node.args[1:]], node.keywords))
    inside = node.args[0]
    if isinstance(inside, ast.BinOp) and isinstance(inside.op, ast.Add | ast.Sub):
        added = view.of_node.get(inside.right)
        if added is not None and not added.varies:
            outer = ast.Call(node.func, [inside.left, *node.args[1:]], node.keywords)
            yield Edit(place, "other-epsilon", 1.0, ast.BinOp(outer, inside.op, inside.right))


def options(view: View) -> Iterator[Edit]:
    """A lower precision, and an option of a function that is not due, or missing."""
    for place in view.places:
        node = place.node
        if not isinstance(node, ast.Call):
            continue
        if called_name(node) == "astype" and isinstance(node.func, ast.Attribute):
            yield Edit(place, "low-precision", 1.0, node.func.value)
        for word in node.keywords:
            if word.arg in {"dtype", "ddof"}:
                others = [each for each in node.keywords if each is not word]
                called = "low-precision" if word.arg == "dtype" else "scaled"
                yield Edit(place, called, 1.0, ast.Call(node.func, node.args, others))
        if called_name(node) in {"var", "std", "cov"} and not any(each.arg == "ddof" for each in node.keywords):
            more = ast.keyword("ddof", b.number(1))
            yield Edit(place, "scaled", 1.0, ast.Call(node.func, node.args, [*node.keywords, more]))


def powers(view: View) -> Iterator[Edit]:
    """A square, a root, an inverse or a complement that is missing."""
    for place in view.places:
        if not place.is_floating or place.role not in {"value", "compared"}:
            continue
        node = place.expression
        cost = 1.1 if isinstance(node, ast.Name) else 1.4
        yield Edit(place, "factor-missing", cost, b.power(node, 2))
        yield Edit(place, "factor-missing", cost + 0.1, b.numpy("sqrt", node))
        yield Edit(place, "wrong-argument", cost + 0.1, b.minus(b.number(1), node))
        yield Edit(place, "factor-missing", cost + 0.2, b.over(b.number(1), node))
        yield Edit(place, "wrong-argument", cost + 0.4, b.numpy("abs", node))


def functions(view: View) -> Iterator[Edit]:
    """An elementary function that is missing around a value."""
    used = {called_name(place.node) for place in view.places}
    known = [name for name in _ELEMENTARY if name in used] + [name for name in _ELEMENTARY if name not in used]
    for place in view.places:
        if not place.is_floating or place.role not in {"value", "compared"}:
            continue
        node = place.expression
        cost = 1.4 if isinstance(node, ast.Name) else 1.8
        for name in known:
            yield Edit(place, "wrong-argument", cost if name in used else cost + 0.3, b.numpy(name, node))
        for helper in _helpers(view):
            yield Edit(place, "wrong-argument", cost, b.called(helper, node))


def _helpers(view: View) -> list[ast.expr]:
    """The writer's functions that are called with one array and answer one."""
    found: dict[str, ast.expr] = {}
    for place in view.places:
        node = place.node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1 and place.is_floating:
            found.setdefault(node.func.id, node.func)
    return list(found.values())
