"""Edits that take the entries of an array at hand in the order in which a place requires them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair import building as b
from reference.gradients.repair.arithmetic import NO_WORD
from reference.gradients.repair.places import Edit
from reference.gradients.repair.required import Requirement
from reference.gradients.repair.view import Part
from reference.numerics import likeness

Array = NDArray[Any]
#: Entries of the place and of the array that are compared with each other.
_FEWEST, _MOST = 3, 400
_OF_ORDER, _OF_TERM = 1.5, 1.6


def rearranged(found: Requirement, parts: Sequence[Part]) -> Iterator[Edit]:
    """The entries of one array that are what a place requires, or what is missing there."""
    size = int(np.prod(found.shape))
    if not found.moves or not _FEWEST <= size <= _MOST or found.shape != found.place.shape:
        return
    values, moves = (np.array([each.ravel() for each in arrays]) for arrays in (found.values, found.moves))
    node = found.place.expression
    place = found.place
    own = Part(node, place.values, varies=True, is_of_cotangent=place.is_of_cotangent, turns=place.turns)
    for part in (own, *parts):
        array = _array(part, found)
        if array is None or part.is_of_cotangent != found.place.is_of_cotangent:
            continue
        index = _entries(values + moves, array)
        if index is not None and (index >= 0).all() and not _is_as_it_stands(index, part.shape, found.shape):
            at = index.reshape(found.shape)
            yield Edit(found.place, _of_order(at, part.shape), _OF_ORDER, _taken(part.node, at), is_solved=True)
        for sign in (1, -1):
            index = _entries(sign * moves, array, is_part=True)
            if index is not None and not _is_stopped(values, moves, index):
                at = index.reshape(found.shape)
                term = b.times(_taken(part.node, np.maximum(at, 0)), _constant(sign * (at >= 0)))
                yield Edit(found.place, "term-missing", _OF_TERM, b.plus(node, term), is_solved=True)


def _is_as_it_stands(index: Array, shape: Sequence[int], due: Sequence[int]) -> bool:
    """Whether all entries stay where they are: then the array is due itself, which other edits try."""
    return tuple(shape) == tuple(due) and np.array_equal(index, np.arange(index.size))


def _is_stopped(values: Array, moves: Array, index: Array) -> bool:
    """Whether nothing but 0 is due where there is something: a mask is missing there, and no term."""
    told = index >= 0
    size = float(np.abs(values).max())
    return bool((np.abs(values + moves)[:, told] <= likeness.SAME_CONSTANT * size).all())


def _array(part: Part, found: Requirement) -> Array | None:
    """The entries of a part in each case; None where they are not numbers, or too many."""
    if not part.shape or not _FEWEST <= int(np.prod(part.shape)) <= _MOST or not part.varies:
        return None
    arrays = [part.at(run, turn) for run, turn in found.cases]
    if any(each is None or np.shape(each) != part.shape for each in arrays):
        return None
    made = np.array([np.ravel(each) for each in arrays])
    return made if made.dtype.kind == "f" and np.isfinite(made).all() else None


def _entries(due: Array, array: Array, *, is_part: bool = False) -> Array | None:
    """By entry of what is due, the entry of an array that is the same in all cases, or -1 for 0; None if there is none.

    Where several entries are the same, the one is taken that stands the nearest behind the one before.
    """
    size = float(np.abs(due).max())
    is_none = (np.abs(due) <= likeness.SAME_CONSTANT * size).all(axis=0)
    if is_none.all() or (is_none.any() and not is_part):
        return None
    gaps = np.abs(due[:, :, None] - array[:, None, :]).max(axis=0)
    same = gaps <= likeness.SAME_CONSTANT * size
    if not same.any(axis=1)[~is_none].all():
        return None
    found = np.argmax(same, axis=1)
    return np.asarray(np.where(is_none, -1, found))


def _taken(array: ast.expr, index: Array) -> ast.expr:
    return b.numpy("take", array, _constant(index))


def _constant(array: Array) -> ast.expr:
    return b.numpy("array", ast.parse(repr(array.tolist()), mode="eval").body)


def _of_order(index: Array, shape: Sequence[int]) -> str:
    """The word for entries that stand in order and are due in another one."""
    if index.ndim != len(shape):
        return NO_WORD
    places, froms = np.indices(index.shape), np.array(np.unravel_index(index, shape))
    if index.shape == tuple(shape):
        sizes = np.array(shape).reshape(-1, *[1] * index.ndim)
        for turned in (sizes - 1 - places, places):
            is_other = [bool((froms[axis] != places[axis]).any()) for axis in range(index.ndim)]
            if turned is not places and all(
                not other or (froms[axis] == turned[axis]).all() for axis, other in enumerate(is_other)
            ):
                return "flipped" if any(is_other) else NO_WORD
        steps = (froms - places) % sizes
        if all(_share(each) >= likeness.MOST_ENTRIES for each in steps):
            return "shifted"
    if sorted(index.ravel()) == list(range(index.size)) and index.ndim == len(shape):
        return "transposed" if _is_laid_out(index.ravel()) else NO_WORD
    return NO_WORD


def _share(steps: Array) -> float:
    """The part of entries that are moved by the same step, the commonest one."""
    return float(np.unique(steps, return_counts=True)[1].max()) / steps.size


def _is_laid_out(index: Array) -> bool:
    """Whether an order is that of a matrix that is read column by column."""
    size = len(index)
    return any(
        size % rows == 0 and np.array_equal(np.arange(size).reshape(rows, -1).T.ravel(), index)
        for rows in range(2, size)
    )
