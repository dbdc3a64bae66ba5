"""How a wrong value differs from the right one: what that is called, from the numbers and from the code for both.

The repair search puts another expression in a place. That the formula took the wrong array is true of each such repair.
Where more is known of how the two differ, the word for that comes first.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair import naming
from reference.gradients.repair.definitions import Definitions, Difference, difference, factors, terms
from reference.gradients.repair.places import Place, is_mask, is_number
from reference.gradients.repair.view import View
from reference.numerics import likeness

Array = NDArray[Any]
_PLANE = 2
#: Along an axis there have to be so many entries that can be compared, or they may be the same by chance.
_ENOUGH = 3


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
        found = []
        for wrongs, rights in zip(self.place.turns, self.view.computed(self.new, self.place), strict=True):
            for one, two in zip(wrongs, rights, strict=False):
                try:
                    wrong, right = np.asarray(one), np.asarray(two)
                except ValueError:  # lists of arrays of several shapes
                    return []
                if wrong.dtype.kind not in "fiu" or right.dtype.kind not in "fiu" or wrong.shape != right.shape:
                    return []
                found.append((wrong.astype(float), right.astype(float)))
        return found

    @cached_property
    def difference(self) -> Difference:
        """Where the code for the two differs."""
        return difference(self.place.expression, self.new, Definitions(self.place.sites.source.tree))

    def values_of(self, node: ast.expr) -> list[Any]:
        """The values of a part of either expression, in all runs and turns; none where they are not all numbers."""
        found = self.view.of_node.get(node)
        runs = self.view.computed(node, self.place) if found is None else found.turns
        values = [each for run in runs for each in run]
        return values if all(map(is_number, values)) else []


def of_withheld(relation: Relation) -> str | None:
    """The word where what is taken off is part of the definition of what it is taken off from: it is missing then."""
    node, tree = relation.place.node, relation.place.sites.source.tree
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
        return None
    meant = Definitions(tree).of(node.left)
    added = {text for text, _ in terms(meant)} if meant is not node.left else set()
    return "term-missing" if {text for text, _ in terms(node.right)} <= added else None


def word_of(relation: Relation) -> str | None:
    """What it is called that the wrong expression stands for the right one; None where no rule says more."""
    is_told = any(not np.array_equal(one, two) for one, two in relation.pairs)
    rules = [*_OF_NUMBERS, *_OF_CODE] if is_told else _OF_CODE
    word = next((word for rule in rules if (word := rule(relation)) is not None), None)
    # Who takes another array of the forward pass by its name has not scaled anything.
    return None if word == "scaled" and naming.is_renamed(relation.place, relation.new) else word


def of_factors(relation: Relation) -> str | None:
    """The word where the wrong expression is the right one with a factor, by the definition of a name."""
    wrong = Definitions(relation.place.sites.source.tree).of(relation.place.expression)
    made_of, due = ({text for text, _ in factors(each)} for each in (wrong, relation.new))
    return "extra-factor" if due < made_of else None


# From the numbers


def _scaled(relation: Relation) -> str | None:
    """The right value is the wrong one times one constant."""
    told = next(((one, two) for one, two in relation.pairs if one.any()), None)
    if told is None:
        return None
    at = np.unravel_index(np.argmax(np.abs(told[0])), told[0].shape)
    factor = told[1][at] / told[0][at]
    if factor == 0 or not all(_is_near(factor * one, two) for one, two in relation.pairs):
        return None
    return "sign" if abs(factor + 1) < likeness.SAME_CONSTANT else "scaled"


def _diagonal(relation: Relation) -> str | None:
    """The wrong value is the diagonal of the right matrix."""
    return "jacobian-diagonal-only" if all(_is_diagonal_of(one, two) for one, two in relation.pairs) else None


def _is_diagonal_of(one: Array, two: Array) -> bool:
    if one.ndim < _PLANE or one.shape[-1] != one.shape[-2]:
        return False
    diagonal = np.eye(one.shape[-1]) * two
    return _is_near(one, diagonal) and not _is_near(two, diagonal)


def _masked(relation: Relation) -> str | None:
    """The right value is the wrong one with zeros for some of its entries, or is 0 where that is not."""
    pairs = [(one, two) for one, two in relation.pairs if one.any() and two.any()]
    if not pairs or pairs[0][0].size == 1:
        return None
    if all(np.array_equal(two != 0, one > 0) for one, two in pairs):
        return None  # the output of a ReLU for its input is another array rather than a mask
    if all(_is_near(np.where(two != 0, one, 0.0), two) for one, two in pairs):
        # What stands beside a diagonal is of other terms; a mask of samples or units is not a diagonal.
        return "extra-term" if all(_is_diagonal_of(two, one) for one, two in pairs) else "mask-missing"
    return "mask-inverted" if all(((one == 0) == (two != 0)).all() for one, two in pairs) else None


def _turned(relation: Relation) -> str | None:
    """The right value has the rows of the wrong one as its columns."""
    are_square = all(one.ndim == _PLANE and one.shape[0] == one.shape[1] > 1 for one, _ in relation.pairs)
    return "transposed" if are_square and all(_is_near(one.T, two) for one, two in relation.pairs) else None


def _moved(relation: Relation) -> str | None:
    """The right value has the entries of the wrong one in reverse, or at neighbouring places, along an axis."""
    pairs = relation.pairs
    for axis, length in enumerate(pairs[0][0].shape):
        ends = slice(None, -1), slice(1, None)
        if length < _ENOUGH or all(_is_near(*(_along(one, each, axis) for each in ends)) for one, _ in pairs):
            continue  # all entries are the same
        if all(_is_near(np.flip(one, axis), two) for one, two in pairs):
            return "flipped"
        for taken, put in (ends, ends[::-1]):
            if all(_is_near(_along(one, taken, axis), _along(two, put, axis)) for one, two in pairs):
                return "shifted"
    return None


def _along(array: Array, chosen: slice, axis: int) -> Array:
    return np.moveaxis(np.moveaxis(array, axis, 0)[chosen], 0, axis)


def _is_near(one: Array, two: Array) -> bool:
    beside = likeness.SAME_BESIDE * float(np.abs(two).max(initial=0.0))
    return one.shape == two.shape and np.allclose(one, two, rtol=likeness.SAME_ANSWER, atol=beside, equal_nan=True)


# From the code


def _term_beside(relation: Relation) -> str | None:
    """One of the two expressions has a term more: a small constant, or something else."""
    part, is_missing = _one_more(relation, terms)
    if part is None:
        return None
    values = relation.values_of(part)
    if values and not _varies(values) and naming.is_epsilon(values[0], is_term=True):
        return "other-epsilon"
    return "term-missing" if is_missing else "extra-term"


def _factor_beside(relation: Relation) -> str | None:
    """One of the two expressions has a factor more: a mask, a constant, or something else."""
    part, is_missing = _one_more(relation, factors)
    if part is None:
        return None
    values = relation.values_of(part)
    if values and not _varies(values):
        return "scaled"
    is_open = bool(values) and all(is_mask(each, varies=not _are_same(values)) for each in values)
    if is_missing:
        return "mask-missing" if is_open else "factor-missing"
    return "extra-factor"


def _varies(values: list[Any]) -> bool:
    """Whether something is an array, or not always the same number."""
    return np.shape(values[0]) != () or not _are_same(values)


def _are_same(values: list[Any]) -> bool:
    return all(np.array_equal(values[0], each) for each in values)


def _one_more(
    relation: Relation, parts: Callable[[ast.expr], Iterator[tuple[str, ast.expr]]]
) -> tuple[ast.expr | None, bool]:
    """The part that one of the two expressions has more than the other, and whether it is the right one that has it."""
    wrong, right = (dict(parts(each)) for each in (relation.difference.wrong, relation.difference.right))
    missing = [node for text, node in right.items() if text not in wrong]
    extra = [node for text, node in wrong.items() if text not in right]
    if len(missing) + len(extra) != 1 or not {*wrong} & {*right}:
        return None, False
    return (missing or extra)[0], bool(missing)


def _divisor(relation: Relation) -> str | None:
    """Both make a number that depends on no argument and divides: another count, or another sum of weights."""
    at, parents = relation.place.node, relation.place.sites.source.parents
    while at in parents and isinstance(parents[at][0], ast.expr):
        parent, name, _ = parents[at]
        found = relation.view.of_node.get(at)
        if isinstance(at, ast.Attribute) and name == "func":
            at = parent
            continue
        if found is None or found.varies or not found.is_number:
            return None
        if not found.shape and isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div) and name == "right":
            return None if relation.place.is_of_cotangent else "scaled"
        at = parent
    return None


#: The order of what is seen in the numbers: the narrowest first, since a diagonal is also a mask.
_OF_NUMBERS: tuple[Callable[[Relation], str | None], ...] = (_scaled, _diagonal, _masked, _turned, _moved)
#: The order of what is seen in the code.
_OF_CODE: tuple[Callable[[Relation], str | None], ...] = (_term_beside, _factor_beside, _divisor)
