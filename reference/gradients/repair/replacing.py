"""Edits that put a part of the code into another place: for what stands there, as a factor, or as a term."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair import naming
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.view import Part, View
from reference.numerics.shapes import broadcasts


def names(view: View) -> Iterator[Edit]:
    """Another name in a name's place."""
    yield from _replacements(view, plain=True)


def expressions(view: View) -> Iterator[Edit]:
    """A part of another expression in the place of a name, and a name in the place of an expression."""
    yield from _replacements(view, plain=False)


def _replacements(view: View, *, plain: bool) -> Iterator[Edit]:
    for place in view.places:
        if not place.is_number or place.role in {"axis", "option", "size"} or isinstance(place.value, bool):
            continue
        old_plain = isinstance(place.node, ast.Name | ast.Attribute) or _is_entry(place.node)
        if isinstance(place.node, ast.Constant) and place.role not in {"value", "index", "range"}:
            continue
        for part in view.parts(place):
            if (part.is_plain and old_plain) != plain or not _fits(place, part) or part.node is place.node:
                continue
            if plain and part.text == place.text:
                continue
            if part.shape and part.is_nothing and place.is_floating:
                continue  # a sum that has not begun yet; the formula without the value is another edit
            cost = 1.0 + 0.3 * (not part.is_plain) + 0.5 * (not old_plain) + 0.2 * (part.shape != place.shape)
            # To store into an array that is not needed is to leave the statement out, which is another edit.
            cost += 0.3 * _is_stored_into(place)
            yield Edit(place, partial(naming.of_replacement, place, part), cost, part.node)


def _is_stored_into(place: Place) -> bool:
    return (
        isinstance(place.parent, ast.Subscript) and place.field == "value" and isinstance(place.parent.ctx, ast.Store)
    )


def _is_entry(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and (
        isinstance(node.value, ast.Name | ast.Attribute) or _is_entry(node.value)
    )


def _fits(place: Place, part: Part) -> bool:
    """Whether a part may stand for a value: in kind and in shape."""
    one, two = np.asarray(place.value).dtype.kind, np.asarray(part.value).dtype.kind
    if place.role in {"index", "range", "shift"}:
        return one == two and part.shape == place.shape
    if one == "b" or two == "b":
        return one == two and part.shape == place.shape
    if one != two and (place.shape or part.shape):
        return False
    if not place.shape and not place.varies and part.shape and place.role == "value" and part.varies:
        return True  # a number may stand for an array
    return broadcasts(part.shape, place.shape)


def _widens(view: View, place: Place, part: Part) -> bool:
    """Whether a part has axes that the value lacks, and what the value enters has them too."""
    around = view.of_node.get(place.parent)
    return (
        isinstance(place.parent, ast.BinOp)
        and around is not None
        and around.shape == part.shape
        and broadcasts(place.shape, part.shape)
    )


def plain_factors(view: View) -> Iterator[Edit]:
    """A name that is missing as a factor or a divisor."""
    yield from _factors(view, plain=True)


def plain_terms(view: View) -> Iterator[Edit]:
    """A name that is missing as a term."""
    yield from _terms(view, plain=True)


def factors(view: View) -> Iterator[Edit]:
    """A part of another expression that is missing as a factor or a divisor."""
    yield from _factors(view, plain=False)


def terms(view: View) -> Iterator[Edit]:
    """A part of another expression that is missing as a term."""
    yield from _terms(view, plain=False)


def _factors(view: View, *, plain: bool) -> Iterator[Edit]:
    for place, part, cost, is_product in _combined(view, plain=plain):
        word, node = partial(naming.of_factor, place, part), place.expression
        yield Edit(place, word, cost, b.times(node, part.node), is_product=is_product)
        if not part.is_mask:
            word = partial(naming.of_divisor, place, part)
            yield Edit(place, word, cost + 0.05, b.over(node, part.node), is_product=is_product)


def _terms(view: View, *, plain: bool) -> Iterator[Edit]:
    for place, part, cost, is_product in _combined(view, plain=plain):
        if np.asarray(part.value).dtype.kind != "b":
            word, node = partial(naming.of_term, place, part), place.expression
            yield Edit(place, word, cost, b.plus(node, part.node), is_product=is_product)
            yield Edit(place, word, cost + 0.05, b.minus(node, part.node), is_product=is_product)


def _combined(view: View, *, plain: bool) -> Iterator[tuple[Place, Part, float, bool]]:
    """Places and what may be missing there, with how far-fetched that is and whether it is an array, or varies."""
    for place in view.places:
        if not place.is_number or place.role not in {"value", "exponent", "compared"}:
            continue
        if not place.is_floating and not place.shape:
            continue
        for part in view.parts(place):
            if part.is_plain == plain and (broadcasts(part.shape, place.shape) or _widens(view, place, part)):
                yield place, part, 1.5 if plain else 1.7, part.varies or bool(part.shape)
