"""How a wrong value differs from the right one: what that is called, from the numbers and from the code for both.

The rules are in `_OF_NUMBERS` and `_OF_CODE`; the first that holds says the word.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from typing import Any

from reference.gradients.repair.definitions import Definitions, Difference, difference, factors, is_same, terms
from reference.gradients.repair.places import Place
from reference.gradients.repair.view import View
from reference.numerics import likeness

Array = NDArray[Any]
_PLANE = 2
#: Along an axis there have to be so many entries that can be compared, or they may be the same by chance.
_ENOUGH = 3
_AXES = frozenset({"axis", "axes", "dim"})


@dataclass
class Relation:
    """A wrong expression and the right one in its place.

    Attributes
    ----------
    view
        The code with its values.
    place
        Where the wrong expression stands.
    new
        The right one.
    """

    view: View
    place: Place
    new: ast.expr

    @cached_property
    def pairs(self) -> list[tuple[Array, Array]]:
        """The wrong value and the right one, in all runs and turns; none where they cannot be compared."""
        computed = self.view.computed(self.new, self.place)
        found = []
        for run, values in enumerate(self.place.turns):
            for one, two in zip(values, computed[run], strict=False):
                wrong, right = np.asarray(one), np.asarray(two)
                if wrong.dtype.kind not in "fiu" or right.dtype.kind not in "fiu" or wrong.shape != right.shape:
                    return []
                found.append((wrong.astype(float), right.astype(float)))
        return found

    @cached_property
    def difference(self) -> Difference:
        """Where the code for the two differs."""
        return difference(self.place.expression, self.new, self.definitions)

    @cached_property
    def definitions(self) -> Definitions:
        """What names mean."""
        return Definitions(self.place.sites.source.tree)

    def values_of(self, node: ast.expr) -> list[Any]:
        """The values of a part of either expression, in all runs and turns."""
        found = self.view.of_node.get(node)
        runs = self.view.computed(node, self.place) if found is None else found.turns
        return [each for run in runs for each in run]

    def varies(self, node: ast.expr) -> bool:
        """Whether a part depends on the arguments, or is an array."""
        values = self.values_of(node)
        return not values or np.shape(values[0]) != () or any(not np.array_equal(values[0], each) for each in values)

    def is_of_cotangent(self, node: ast.expr) -> bool:
        """Whether a part is another one for twice the cotangent."""
        found = self.view.of_node.get(node)
        runs = self.view.computed(node, self.place) if found is None else found.turns
        return not runs or not all(np.array_equal(one, two) for one, two in zip(*runs[:2], strict=False))


def word_of(relation: Relation) -> str | None:
    """What it is called that the wrong expression stands for the right one; None where no rule says more."""
    rules = [*_OF_NUMBERS, *_OF_CODE] if _are_told(relation) else _OF_CODE
    return next((word for rule in rules if (word := rule(relation)) is not None), None)


def _are_told(relation: Relation) -> bool:
    """Whether the numbers of both are known, and not the same."""
    pairs = relation.pairs
    return bool(pairs) and any(not np.array_equal(one, two) for one, two in pairs)


# From the numbers


def _scaled(relation: Relation) -> str | None:
    """The right value is the wrong one times one constant."""
    pairs = relation.pairs
    told = [(one, two) for one, two in pairs if one.any()]
    if not told:
        return None
    first = told[0][0]
    at = np.unravel_index(np.argmax(np.abs(first)), first.shape)
    factor = told[0][1][at] / first[at]
    if factor == 0 or not all(_is_near(factor * one, two) for one, two in pairs):
        return None
    return "sign" if abs(factor + 1) < likeness.SAME_CONSTANT else "scaled"


def _diagonal(relation: Relation) -> str | None:
    """The wrong value is the diagonal of the right matrix."""
    if not all(one.ndim >= _PLANE and one.shape[-1] == one.shape[-2] > 1 for one, _ in relation.pairs):
        return None
    return "jacobian-diagonal-only" if all(_is_diagonal_of(one, two) for one, two in relation.pairs) else None


def _is_diagonal_of(one: Array, two: Array) -> bool:
    diagonal = np.eye(one.shape[-1]) * two
    return _is_near(one, diagonal) and bool(diagonal.any()) and not _is_near(two, diagonal)


def _masked(relation: Relation) -> str | None:
    """The right value is the wrong one with zeros in some of its entries, or lets through what that stops."""
    pairs = [(one, two) for one, two in relation.pairs if one.any() and two.any()]
    if not pairs or pairs[0][0].size == 1:
        return None
    if all(_is_near(np.where(two != 0, one, 0.0), two) for one, two in pairs):
        if all(_is_diagonal_of(two, one) for one, two in pairs if one.ndim >= _PLANE):
            return None if pairs[0][0].ndim < _PLANE else "extra-term"  # what stands beside the diagonal is added
        return "mask-missing"
    return "mask-inverted" if all(((one == 0) == (two != 0)).all() for one, two in pairs) else None


def _turned(relation: Relation) -> str | None:
    """The right value has the rows of the wrong one as its columns."""
    pairs = relation.pairs
    are_planes = all(one.ndim == _PLANE and one.shape[0] == one.shape[1] > 1 for one, _ in pairs)
    return "transposed" if are_planes and all(_is_near(one.T, two) for one, two in pairs) else None


def _moved(relation: Relation) -> str | None:
    """The right value has the entries of the wrong one in reverse, or at neighbouring places, along an axis."""
    pairs = relation.pairs
    for axis in range(pairs[0][0].ndim):
        length = pairs[0][0].shape[axis]
        if length < _ENOUGH or all(_is_near(one, np.take(one, [0], axis)) for one, _ in pairs):
            continue
        if all(_is_near(np.flip(one, axis), two) for one, two in pairs):
            return "flipped"
        for step in (1, -1):
            kept = np.arange(length - 1) + (step > 0)
            if all(_is_near(np.take(one, kept - step, axis), np.take(two, kept, axis)) for one, two in pairs):
                return "shifted"
    return None


def _is_near(one: Array, two: Array) -> bool:
    size = float(np.abs(two).max(initial=0.0))
    return one.shape == two.shape or np.ndim(one) == np.ndim(two) and bool(True) and _close(one, two, size)


def _close(one: Array, two: Array, size: float) -> bool:
    return bool(np.allclose(one, two, rtol=likeness.SAME_ANSWER, atol=likeness.SAME_BESIDE * size, equal_nan=True))


# From the code


def _constant_beside(relation: Relation) -> str | None:
    """A term is in one of them alone: a small constant, or something else."""
    return _of_parts(relation, terms, _word_of_term)


def _word_of_term(relation: Relation, part: ast.expr, *, is_missing: bool) -> str:
    if not relation.varies(part) and _is_small(relation.values_of(part)[0]):
        return "other-epsilon"
    return "term-missing" if is_missing else "extra-term"


def _is_small(value: Any) -> bool:
    return 0 < abs(float(np.asarray(value).ravel()[0])) <= likeness.SMALL_CONSTANT


def _factor_beside(relation: Relation) -> str | None:
    """A factor is in one of them alone: a mask, a constant, or something else."""
    return _of_parts(relation, factors, _word_of_factor)


def _word_of_factor(relation: Relation, part: ast.expr, *, is_missing: bool) -> str:
    if not relation.varies(part):
        return "scaled"
    values = [np.asarray(each) for each in relation.values_of(part)]
    if is_missing and values and all(((each == 0) | (each == 1)).all() and each.ndim for each in values):
        return "mask-missing"
    return "factor-missing" if is_missing else "extra-factor"


Parts = Callable[[ast.expr], Iterator[tuple[str, ast.expr]]]


def _of_parts(relation: Relation, parts: Parts, word_of_part: Callable[..., str]) -> str | None:
    """The word where one of the two expressions has all terms, or factors, of the other and one more."""
    found = relation.difference
    wrong, right = (dict(parts(each)) for each in (found.wrong, found.right))
    missing = [node for text, node in right.items() if text not in wrong]
    extra = [node for text, node in wrong.items() if text not in right]
    if len(missing) + len(extra) != 1:
        return None
    return word_of_part(relation, (missing or extra)[0], is_missing=bool(missing))


def _axis(relation: Relation) -> str | None:
    """The same function runs along another axis."""
    wrong, right = relation.difference.wrong, relation.difference.right
    parent = relation.place.parent
    ...
    return None


def _normaliser(relation: Relation) -> str | None:
    """Both are lengths or sums by which something is divided."""
    found = relation.difference
    if not found.is_divisor or relation.is_of_cotangent(found.wrong) or relation.is_of_cotangent(found.right):
        return None
    return None


#: The order of what is seen in the numbers: the narrowest first, since a diagonal is also a mask.
_OF_NUMBERS: tuple[Callable[[Relation], str | None], ...] = (_scaled, _diagonal, _masked, _turned, _moved)
#: The order of what is seen in the code.
_OF_CODE: tuple[Callable[[Relation], str | None], ...] = (_constant_beside, _factor_beside, _axis, _normaliser)
