"""Edits of products with the diagonal of a Jacobian, where the sums that all its entries make are due."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reference.gradients.repair import building as b
from reference.gradients.repair.definitions import Definitions
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.view import View

#: A factor, and whether the product is divided by it.
Factor = tuple[ast.expr, bool]


def complements(view: View) -> Iterator[Edit]:
    """With ``1 - p``, as in softmax, what is multiplied minus ``p`` times its sum; the same with ``1 - y * y``."""
    for sites in view.functions:
        known = Definitions(sites.source.tree)
        for place in (each for each in view.places if each.sites is sites and each.is_floating and each.shape):
            factors = list(_factors(place.node, known)) if _is_product(place.node) else []
            for number, (factor, divides) in enumerate(factors):
                taken = None if divides else _taken_off(factor)
                rest = _product([*factors[:number], *factors[number + 1 :]])
                if taken is not None and rest is not None:
                    for axis in _axes(place):
                        yield Edit(place, "jacobian-diagonal-only", 1.05, _full(taken, rest, axis))


def projections(view: View) -> Iterator[Edit]:
    """With ``x - k * k * x``, or ``x - k**2 * x``, what is taken off is ``k`` times the sum of ``k * x``."""
    for place in view.places:
        node = place.node
        is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)
        if not (isinstance(node, ast.BinOp) and is_sum and place.is_floating and place.shape):
            continue
        for taken, rest in _repeated(list(_factors(node.right, None))):
            for axis in _axes(place):
                total = b.numpy("sum", b.times(taken, rest), axis=b.number(axis), keepdims=b.number(True))
                new = ast.BinOp(node.left, node.op, b.times(taken, total))
                yield Edit(place, "jacobian-diagonal-only", 1.05, new)


def _axes(place: Place) -> list[int | None]:
    """Along which axes entries may share a sum; None for all of them."""
    return [*range(-len(place.shape), 0), *([None] if len(place.shape) > 1 else [])]


def _repeated(factors: list[Factor]) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each factor that a product has twice, and the product of the others."""
    for number, (factor, divides) in enumerate(factors):
        before, behind = factors[:number], factors[number + 1 :]
        squared = factor.left if _is_square(factor) and isinstance(factor, ast.BinOp) else None
        same = [at for at, (other, over) in enumerate(behind) if not over and b.text_of(other) == b.text_of(factor)]
        if squared is None and same:
            del behind[same[0]]
        rest = _product([*before, *behind])
        if not divides and rest is not None and (squared is not None or same):
            yield squared or factor, rest


def _is_square(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and b.text_of(node.right) == "2"


def _full(taken: tuple[ast.expr, ast.expr | None], rest: ast.expr, axis: int | None) -> ast.expr:
    before, behind = taken
    summed = rest if behind is None else b.times(behind, rest)
    total = b.numpy("sum", summed, axis=b.number(axis), keepdims=b.number(True))
    return b.minus(rest, b.times(before, total))


def _is_product(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)


def _factors(node: ast.AST, known: Definitions | None, *, divides: bool = False) -> Iterator[Factor]:
    """What an expression multiplies; where a name stands for a product with a complement, what that multiplies.

    Names in the definition of a name stay as they are: a name may be defined by itself.
    """
    if isinstance(node, ast.BinOp) and _is_product(node):
        yield from _factors(node.left, known, divides=divides)
        yield from _factors(node.right, known, divides=divides != isinstance(node.op, ast.Div))
        return
    if not isinstance(node, ast.expr):
        return
    base = _squared_base(node)
    if base is not None:
        yield from ((base, divides), (b.minus(b.number(1), base), divides))
        return
    meant = node if known is None else known.of(node)
    if meant is not node and (_taken_off(meant) or _is_product(meant)):
        parts = list(_factors(meant, None, divides=divides))
        if any(_taken_off(each) for each, _ in parts):
            yield from parts
            return
    yield node, divides


def _taken_off(node: ast.expr) -> tuple[ast.expr, ast.expr | None] | None:
    """What is taken off from 1, and by what it is multiplied."""
    inner = b.taken_from_one(node)
    if inner is None:
        return None
    if isinstance(inner, ast.BinOp) and _is_square(inner):
        return inner.left, inner.left
    if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult):
        return inner.left, inner.right
    return inner, None


def _squared_base(node: ast.expr) -> ast.expr | None:
    """What an array is from which its square is taken off, as ``p`` in ``p - p**2``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        squares = (b.power(node.left, 2), b.times(node.left, node.left))
        if b.text_of(node.right) in map(b.text_of, squares):
            return node.left
    return None


def _product(factors: list[Factor]) -> ast.expr | None:
    """The product of some factors; None where nothing but divisors is left."""
    first = next((factor for factor, divides in factors if not divides), None)
    if first is None:
        return None
    made: ast.expr = first
    for factor, divides in factors:
        if factor is not first:
            made = b.over(made, factor) if divides else b.times(made, factor)
    return made
