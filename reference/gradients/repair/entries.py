"""Edits that take the entry of an array which belongs to a turn of a loop, or to the other end of a pair."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.view import View


def pairs(view: View) -> Iterator[Edit]:
    """The sum, or the mean, of two entries of an array, where one of them stands alone."""
    for place in view.places:
        node = place.node
        if not isinstance(node, ast.Subscript) or place.visits < 2 or not place.is_floating:  # noqa: PLR2004 - in a loop
            continue
        counters = _counters(place)
        for number, part in enumerate(b.index_parts(node)):
            for other in counters if isinstance(part, ast.Name) and part.id in counters else ():
                if isinstance(part, ast.Name) and other != part.id:
                    parts = b.index_parts(node)
                    parts[number] = b.name(other)
                    total = b.plus(node, b.subscript(node, parts))
                    yield Edit(place, "term-missing", 1.3, total)
                    yield Edit(place, "term-missing", 1.35, b.over(total, b.number(2.0)))


def of_turn(view: View) -> Iterator[Edit]:
    """The entry of an array with the number of a turn, where the same value stands in each turn."""
    for place in view.places:
        is_value = place.is_floating and place.role == "value" and not place.is_nested
        is_value = is_value and isinstance(place.node, ast.Name | ast.Call | ast.BinOp)
        if place.visits < 2 or not is_value:  # noqa: PLR2004 - in a loop
            continue
        for counter in _counters(place):
            for name, value in place.scope.items():
                if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.shape[1:] != place.shape:
                    continue
                if value.ndim and len(value) > int(place.scope[counter]):
                    entry = b.entry(b.name(name), b.name(counter))
                    yield Edit(place, "wrong-argument", 1.6, entry)


def _counters(place: Place) -> list[str]:
    """The names of the whole numbers that loops around a place count."""
    found, at = [], place.node
    parents = place.sites.source.parents
    while at in parents:
        at = parents[at][0]
        if isinstance(at, ast.For):
            found += [each.id for each in ast.walk(at.target) if isinstance(each, ast.Name)]
    return [each for each in found if isinstance(place.scope.get(each), int | np.integer)]
