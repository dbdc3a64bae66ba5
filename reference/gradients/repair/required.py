"""What the value of an expression would have to be for the gradient to be right, by linear algebra.

Behind most places of a backward pass everything is linear: the answers move in proportion to what is added there. The
matrix of that map is found by adding to one entry after the other; then the error of the answers tells what has to be
added to the value.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair import building as b
from reference.gradients.repair.asked import Sample
from reference.gradients.repair.instrument import MOST_TURNS
from reference.gradients.repair.operands import Case
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.running import Running
from reference.numerics import likeness

Array = NDArray[Any]
#: Entries of a value for which the matrix is computed.
_MOST_ENTRIES = 100
#: Entries in all cases together that are enough to tell one product from another.
_ENOUGH_ENTRIES = 8


@dataclass(frozen=True)
class Requirement:
    """What has to be added to the value of a place.

    Attributes
    ----------
    place
        The place.
    cases
        The number of each run, with each time that the place is computed in it.
    values
        The value in each of these cases.
    moves
        What has to be added to it there; empty where more than one array does it.
    matrices
        By how much the answers move in each run, for each entry of its values.
    dues
        By how much they have to.
    """

    place: Place
    cases: tuple[Case, ...]
    values: tuple[Array, ...]
    moves: tuple[Array, ...]
    matrices: tuple[Array, ...]
    dues: tuple[Array, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what has to be added, which may have more axes than the value."""
        return self.values[0].shape


class Required:
    """Finds requirements.

    Parameters
    ----------
    running
        The code.
    samples
        Cases, with the place of their values among those of a `Place`.
    wrong, right
        The arguments whose gradients are wrong in some case, and the others.
    """

    def __init__(
        self, running: Running, samples: Sequence[tuple[int, Sample]], wrong: Sequence[int], right: Sequence[int]
    ) -> None:
        self._running = running
        self._samples = samples
        self._positions = (*wrong, *right)
        #: Places where nothing that is added repairs the gradient.
        self.excluded: set[ast.AST] = set()

    def of(self, place: Place, shape: tuple[int, ...]) -> Requirement | None:
        """What of a shape has to be added at a place; None where nothing helps, or where it cannot be told."""
        if place.visits > MOST_TURNS or place.is_nested or not place.is_floating or place.role != "value":
            return None
        size = int(np.prod(shape)) * place.visits
        if not 0 < size <= _MOST_ENTRIES:
            return None
        # Two at least: a number that varies looks like a constant in one case.
        count = min(len(self._samples), max(2, 1 + (_ENOUGH_ENTRIES - 1) // size))
        cases: list[Case] = []
        values: list[Array] = []
        moves, matrices, dues = [], [], []
        for number, sample in self._samples[:count]:
            turns = _turns(place, number, shape)
            due = self._flat([sample.truths[n] for n in self._positions], sample.answers)
            matrix = None if due is None or turns is None else self._matrix(place, turns, sample)
            if due is None or matrix is None or turns is None:
                return None
            try:
                move, _, rank, _ = np.linalg.lstsq(matrix, due, rcond=likeness.NO_EFFECT)
            except np.linalg.LinAlgError:  # numbers so large that the algorithm finds no end
                return None
            if not _are_near(matrix @ move, due):
                self.excluded.add(place.node)
                return None
            if rank == size:
                moves += list(move.reshape(turns.shape))
            cases += [(number, turn) for turn in range(len(turns))]
            values += list(turns)
            matrices.append(matrix)
            dues.append(due)
        told = tuple(moves) if len(moves) == len(cases) else ()
        return Requirement(place, tuple(cases), tuple(values), told, tuple(matrices), tuple(dues))

    def _matrix(self, place: Place, turns: Array, sample: Sample) -> Array | None:
        step = max(1.0, float(np.abs(turns).max()))
        given = np.zeros(turns.shape)
        self._running.state.given = given
        added = b.plus_given(place.expression)
        with self._running.edited(Edit(place, "", 1.0, added)) as done:
            if not done:
                return None
            given[...] = step * np.random.default_rng(given.size).normal(size=given.shape)
            one = self._moved(sample)
            given *= 2
            two = self._moved(sample)
            if one is None or two is None or not _are_near(2 * one, two):
                return None
            if not one.any():
                self.excluded.add(place.node)
                return None
            columns = []
            for at in range(given.size):
                given[...] = 0.0
                given.flat[at] = step
                moved = self._moved(sample)
                if moved is None:
                    return None
                columns.append(moved / step)
        return np.array(columns).T

    def _moved(self, sample: Sample) -> Array | None:
        """By how much the answers differ from those of the code as it was."""
        answers = self._running.answers(sample)
        return None if answers is None else self._flat([answers[n] for n in self._positions], sample.answers)

    def _flat(self, arrays: Sequence[Array], before: Sequence[Array]) -> Array | None:
        olds = [before[n] for n in self._positions]
        if any(one.shape != two.shape for one, two in zip(arrays, olds, strict=True)):
            return None
        flat = np.concatenate([(one - two).ravel() for one, two in zip(arrays, olds, strict=True)])
        return flat if np.isfinite(flat).all() else None


def _turns(place: Place, run: int, shape: tuple[int, ...]) -> Array | None:
    """The values of a place in a run, each time that it is computed; None where they are not arrays of one shape."""
    try:
        turns = np.array([np.broadcast_to(each, shape) for each in place.turns[run]], dtype=np.float64)
    except (ValueError, TypeError):
        return None
    return turns if len(turns) == place.visits and np.isfinite(turns).all() else None


def _are_near(one: Array, two: Array) -> bool:
    return bool(np.abs(one - two).max() <= likeness.SAME_CONSTANT * np.abs(two).max())
