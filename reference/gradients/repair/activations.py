"""Edits that put the derivative of one activation in the place of that of another one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import reduce

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.definitions import factors, is_same
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.roles import called_name
from reference.gradients.repair.view import View

#: Arrays of which derivatives are made in one place.
_MOST_ARRAYS = 6


def derivatives(view: View) -> Iterator[Edit]:
    """The derivative of another activation, of the same array or of another one of its shape."""
    for place in view.places:
        if not _is_derivative(place):
            continue
        inside = {each.id for each in ast.walk(place.node) if isinstance(each, ast.Name)}
        parts = [each for each in view.parts(place) if each.shape == place.shape and each.varies and each.is_plain]
        parts = [each for each in parts if np.asarray(each.value).dtype.kind == "f" and not each.is_of_cotangent]
        parts.sort(key=lambda each: each.text not in inside)
        for part in parts[:_MOST_ARRAYS]:
            for made in _DERIVATIVES:
                new = made(part.node)
                if not is_same(new, place.expression):
                    yield Edit(place, "wrong-function", 1.15 if part.text in inside else 1.35, new)


def of_products(view: View) -> Iterator[Edit]:
    """The derivative of another activation, where ``y`` and ``1 - y`` are factors of a longer product."""
    for place in view.places:
        node = place.node
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)) or not place.is_of_cotangent:
            continue
        parts = dict(factors(node))
        for key, part in parts.items():
            others = [each for other, each in parts.items() if other != key and not _is_one_minus(each, part)]
            if len(others) + 2 == len(parts) and others and not any(text.startswith("/") for text in parts):
                for made in _DERIVATIVES:
                    yield Edit(place, "wrong-function", 1.15, b.times(reduce(b.times, others), made(part)))


def _is_one_minus(node: ast.expr, part: ast.expr) -> bool:
    taken = b.taken_from_one(node)
    return taken is not None and is_same(taken, part)


def _is_derivative(place: Place) -> bool:
    """Whether a factor is a mask, a power of an array taken off from 1, or a product with such a difference."""
    node = place.node
    if not place.shape or place.is_of_cotangent or not place.varies or not isinstance(place.value, np.ndarray):
        return False
    if isinstance(node, ast.Compare):
        return place.role == "value"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return b.taken_from_one(node.right) is not None and not _is_product(node.left)
    if isinstance(node, ast.Call) and called_name(node) in {"where", "cos", "sin", "exp", "sign"}:
        return isinstance(place.parent, ast.BinOp) and isinstance(place.parent.op, ast.Mult)
    return b.taken_from_one(node) is not None


def _is_product(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


def _one_minus(node: ast.expr) -> ast.expr:
    return b.minus(b.number(1.0), node)


def _logistic(node: ast.expr) -> ast.expr:
    return b.over(b.number(1.0), b.plus(b.number(1.0), b.numpy("exp", b.negative(node))))


def _above(node: ast.expr) -> ast.expr:
    return ast.Compare(node, [ast.Gt()], [b.number(0)])


#: Derivatives of activations: by their own value or by what they are applied to.
_DERIVATIVES: tuple[Callable[[ast.expr], ast.expr], ...] = (
    _above,
    lambda y: _one_minus(b.power(y, 2)),
    lambda y: b.times(y, _one_minus(y)),
    lambda x: _one_minus(b.power(b.numpy("tanh", x), 2)),
    lambda x: b.times(_logistic(x), _one_minus(_logistic(x))),
    _logistic,
    lambda x: b.numpy("where", _above(x), b.number(1.0), b.numpy("exp", x)),
    lambda x: b.over(b.number(1.0), b.plus(b.number(1.0), b.power(x, 2))),
    lambda x: b.numpy("cos", x),
    lambda x: b.negative(b.numpy("sin", x)),
    lambda x: b.numpy("exp", x),
    lambda x: b.numpy("sign", x),
)
