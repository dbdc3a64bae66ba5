"""Edits that add what is missing: terms and factors that are products, found from what a place requires."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair import building as b
from reference.gradients.repair.corrected import Correcting
from reference.gradients.repair.operands import Case, Operands, operands
from reference.gradients.repair.places import Edit, Place, is_mask
from reference.gradients.repair.products import Product, products
from reference.gradients.repair.projected import projected
from reference.gradients.repair.rearranged import rearranged
from reference.gradients.repair.required import Required, Requirement
from reference.gradients.repair.running import Work
from reference.gradients.repair.totals import totals
from reference.gradients.repair.view import View
from reference.numerics import likeness

Array = NDArray[Any]
#: Steps to look for products in one place.
_OF_SEARCH = 120_000
#: Products that take more code than this are not looked at: what a writer forgets is shorter.
_MOST_COST = 4.2
#: The same for factors, with which anything becomes anything sooner.
_MOST_COST_MULTIPLIED = 2.3
#: How far-fetched a mask is that always lets the same entries through.
_OF_MASK = 1.6
Key = tuple[int, tuple[int, ...], tuple[Case, ...], int]


def requirements(view: View, required: Required, work: Work) -> list[Requirement]:
    """What has to be added at the places where that can be told."""
    limit = work.done + likeness.REPAIR_STEPS / 4
    # The steps may not be enough for all places of long code: whole values come first.
    places = sorted((*view.afters, *view.places), key=lambda place: not _is_whole(place))
    places = [each for each in places if each.varies or each.shape]  # another constant is looked for elsewhere
    found = [None if work.is_over(limit) else required.of(place, _widest(view, place)) for place in places]
    return [each for each in found if each is not None]


def _is_whole(place: Place) -> bool:
    """Whether a statement stores or gives back the value as it is."""
    return isinstance(place.parent, ast.stmt | ast.Tuple)


def _widest(view: View, place: Place) -> tuple[int, ...]:
    """The shape that the value of a place may have: that of the sum or product in which it stands."""
    around = view.of_node.get(place.parent)
    if around is None or not isinstance(place.parent, ast.BinOp) or isinstance(place.parent.op, ast.MatMult):
        return place.shape
    return around.shape


def missing(
    view: View, found: Sequence[Requirement], work: Work, correcting: Correcting | None = None
) -> Iterator[Edit]:
    """Terms, factors and masks that are missing; with ``correcting``, also what a turn of a loop hands to the next."""
    known: dict[Key, Operands] = {}
    limit = work.done + likeness.REPAIR_STEPS / 2
    for each in found:
        if work.is_over(limit):
            return
        work.add(_OF_SEARCH)
        yield from _edits(each, _operands(view, each, known))
        yield from rearranged(each, view.parts(each.place))
        if correcting is not None and each.moves and each.place.visits > 1:
            parts = correcting.view(each).parts(each.place)
            yield from _lacking(each, operands(parts, each.cases, each.shape, int(each.place.is_of_cotangent)))
        mask = _mask(each)
        if mask is not None:
            entries = b.numpy("array", ast.parse(repr(mask.tolist()), mode="eval").body)
            yield Edit(each.place, "mask-missing", _OF_MASK, b.times(each.place.expression, entries))


def _operands(view: View, found: Requirement, known: dict[Key, Operands]) -> Operands:
    place, cases = found.place, found.cases
    statement = place.sites.statement_of[place.node]
    degree = int(place.is_of_cotangent)
    key = (statement, found.shape, cases, degree)
    if key not in known:
        known[key] = operands(view.parts(place), cases, found.shape, degree)
    return known[key]


def _edits(found: Requirement, made_of: Operands) -> Iterator[Edit]:
    place, node = found.place, found.place.expression
    yield from _lacking(found, made_of)
    yield from _sums(found, made_of)
    for each in _factors(found, made_of):
        if each.cost <= _MOST_COST_MULTIPLIED and each.number > 0 and each.degree in {0, not place.is_of_cotangent}:
            yield Edit(place, _of_factor(place, each), _cost(each), b.times(node, each.node), is_solved=True)


def _lacking(found: Requirement, made_of: Operands) -> Iterator[Edit]:
    for each in _terms(found, made_of):
        if each.cost <= _MOST_COST and each.degree == found.place.is_of_cotangent:
            yield Edit(
                found.place, "term-missing", _cost(each), b.plus(found.place.expression, each.node), is_solved=True
            )


def _sums(found: Requirement, made_of: Operands) -> Iterator[Edit]:
    for each in totals(found.moves, made_of, int(found.place.is_of_cotangent)) if found.moves else ():
        new = b.plus(found.place.expression, each.node)
        yield Edit(found.place, "term-missing", 1.4 + 0.15 * len(each.terms), new, is_solved=True)


def _cost(product: Product) -> float:
    return 1.4 + 0.15 * product.cost


def _terms(found: Requirement, made_of: Operands) -> list[Product]:
    if found.moves:
        return products(found.moves, made_of)
    ones = [np.ones(each.shape) for each in found.values]
    return projected(found.matrices, found.dues, ones, made_of)


def _factors(found: Requirement, made_of: Operands) -> list[Product]:
    if found.moves:
        ratios = _ratios(found)
        return [] if ratios is None else products(ratios, made_of)
    matrices = found.matrices
    values = np.split(np.array([each.ravel() for each in found.values]).ravel(), len(matrices))
    wanted = [m @ v + due for m, v, due in zip(matrices, values, found.dues, strict=True)]
    return projected(matrices, wanted, found.values, made_of)


def _ratios(found: Requirement) -> list[Array] | None:
    """By what the value would have to be multiplied; None where it would have to be 0 no longer."""
    made = []
    for value, move in zip(found.values, found.moves, strict=True):
        size = float(np.abs(value).max())
        told = np.abs(value) > likeness.NO_EFFECT * size
        if size == 0 or (np.abs(move[~told]) > likeness.SAME_CONSTANT * size).any():
            return None
        made.append(np.divide(value + move, value, out=np.ones(value.shape), where=told))
    return made


def _mask(found: Requirement) -> Array | None:
    """The zeros and ones by which the value has to be multiplied, the same in all cases; None if others are due."""
    if found.shape == () or not found.moves:
        return None
    made = []
    for value, move in zip(found.values, found.moves, strict=True):
        near = likeness.SAME_CONSTANT * float(np.abs(value).max())
        is_kept, is_stopped = np.abs(move) <= near, np.abs(value + move) <= near
        if not (is_kept ^ is_stopped).all() or min(is_kept.sum(), is_stopped.sum()) <= max(value.shape):
            return None  # a row alone is another mistake
        made.append(is_kept)
    return made[0].astype(int) if all(np.array_equal(each, made[0]) for each in made) else None


def _of_factor(place: Place, product: Product) -> str:
    used = [operand for operand, _ in product.factors]
    if all(np.isin(each.values[0], (0, 1)).all() or is_mask(each.values[0], varies=each.varies) for each in used):
        return "mask-missing"
    if product.degree:
        return "delta-next-ignored"
    return "wrong-argument" if _takes_off(place, product.number) else "factor-missing"


def _takes_off(place: Place, number: float) -> bool:
    """Whether a number before a product takes off a constant, so that the rest of the product stands in its place."""
    value = np.asarray(place.value)
    return not place.varies and bool(np.allclose(value * number, 1.0, rtol=likeness.SAME_CONSTANT)) and number != 1.0
