"""Products that repair a gradient although more than one value of the place would: tried by what comes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair.operands import Operands
from reference.gradients.repair.products import MOST_FOUND, Product, rounded
from reference.numerics import likeness

Array = NDArray[Any]
#: Operands that may stand first, beside another one, and in products of three.
_MOST_FIRST, _MOST_SECOND, _MOST_THIRD = 250, 40, 24
#: Directions across the error in which a product must have no effect.
_DIRECTIONS = 3


def projected(
    matrices: Sequence[Array],
    dues: Sequence[Array],
    values: Sequence[Array],
    operands: Operands,
) -> list[Product]:
    """The products that have the effect that is due, in all cases with one constant, the simplest first.

    Parameters
    ----------
    matrices
        By what the answers move, for each entry of the place, in each case.
    dues
        By what they have to.
    values
        What the products are multiplied by, in each case.
    operands
        As of `products`.
    """
    due = np.concatenate(dues)
    base = np.concatenate([each.ravel() for each in values])
    if due.size < 3 or not due.any():  # noqa: PLR2004 - two numbers say too little
        return []
    rows = _rows(matrices, due) * base
    arrays = operands.arrays
    found = []
    for chosen in _chosen(rows, arrays, operands.simple):
        made = np.prod([arrays[n] ** power for n, power in chosen], axis=0) * base
        effect = _effect(matrices, made)
        number = float(effect @ due / (effect @ effect)) if effect.any() else 0.0
        if np.abs(number * effect - due).max() <= likeness.SAME_CONSTANT * np.abs(due).max():
            found.append(Product(tuple((operands.all[n], power) for n, power in chosen), rounded(number)))
    return sorted(found, key=lambda each: each.cost)[:MOST_FOUND]


def _effect(matrices: Sequence[Array], made: Array) -> Array:
    sizes = np.cumsum([each.shape[1] for each in matrices])[:-1]
    return np.concatenate([one @ two for one, two in zip(matrices, np.split(made, sizes), strict=True)])


def _rows(matrices: Sequence[Array], due: Array) -> Array:
    """The effect along the error, and along directions across it, of each entry."""
    across = np.random.default_rng(due.size).normal(size=(due.size, min(_DIRECTIONS, due.size - 1)))
    along = np.column_stack([due, across])
    directions = np.linalg.qr(along)[0]
    counts = np.cumsum([each.shape[0] for each in matrices])[:-1]
    pieces = np.split(directions, counts, axis=0)
    return np.concatenate([piece.T @ matrix for piece, matrix in zip(pieces, matrices, strict=True)], axis=1)


def _chosen(rows: Array, arrays: Array, simple: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Choices of up to three operands whose product has an effect along the error and none across it."""
    count = min(simple, _MOST_SECOND)
    first = arrays[:_MOST_FIRST]
    for (at,) in _hits(np.stack([first @ row for row in rows])):
        yield ((at, 1),)
    usable = np.flatnonzero((arrays[:count] != 0).all(axis=1))
    second = np.concatenate([arrays[:count], 1 / arrays[usable]])
    names = [(n, 1) for n in range(count)] + [(int(n), -1) for n in usable]
    for one, two in _hits(np.stack([(first * row) @ second.T for row in rows])):
        if (one, -names[two][1]) != names[two]:
            yield ((one, 1), names[two])
    few = arrays[: min(simple, _MOST_THIRD)]
    for third, name in zip(second, names, strict=True):
        if name[0] >= _MOST_THIRD:
            continue
        for one, two in _hits(np.stack([(few * (row * third)) @ second.T for row in rows])):
            if {(one, -1)}.isdisjoint({name, names[two]}) and (name[0] != names[two][0] or name[1] == names[two][1]):
                yield ((one, 1), names[two], name)


def _hits(effects: Array) -> list[tuple[int, ...]]:
    along, across = np.abs(effects[0]), np.abs(effects[1:]).max(axis=0)
    found = np.argwhere((across <= likeness.SAME_CONSTANT * along) & (along > 0))
    return [tuple(map(int, each)) for each in found[: 4 * MOST_FOUND]]
