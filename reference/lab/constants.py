"""Finds the constant with which a family of mistakes explains an entry that nothing else explains."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reference.lab.estimation import grid, neat, roots
from reference.lab.mistakes.departures import Array, Family, Formula
from reference.lab.observations import Answers, Observation, answer_of
from reference.numerics import tolerances

#: Between so many points a constant is looked for at most: a choice of time.
_MOST_POINTS = 60
#: How near the answer with an estimated constant is to what came, as a fraction, if its neighbours are worth a try.
_ROUGHLY = 1e-2


@dataclass(frozen=True)
class Entry:
    """One entry of an answer that is not explained.

    Attributes
    ----------
    observation
        The answer.
    part, index
        Where it stands.
    came, predicted
        Its value, and what the formula so far gives.
    room
        How far another coding of the formula that gave it may be from it.
    """

    observation: Observation
    part: int
    index: tuple[int, ...]
    came: float
    predicted: float
    room: float

    def of(self, formula: Formula) -> float:
        """What a formula gives for this entry; NaN if it gives nothing."""
        found = answer_of(formula, self.observation)
        return math.nan if found is None else float(found[self.part][self.index])

    def is_explained(self, formula: Formula) -> bool:
        """Whether a formula gives what came, but for rounding."""
        return abs(self.of(formula) - self.came) <= self.room


def most_telling(answers: Answers, predicted: Array) -> list[Entry]:
    """The entries that a prediction explains least, of a few different answers."""
    wrong = ~answers.matched(predicted) & np.isfinite(answers.due)
    off = np.abs(predicted - answers.due) / (np.abs(answers.due) + answers.room + tolerances.NEXT_TO_NOTHING)
    off = np.where(wrong, np.where(np.isnan(off), np.inf, off), -1.0)
    found: list[tuple[float, int, int, int]] = []
    for number, places in enumerate(answers.places):
        for part, place in enumerate(places):
            if wrong[place].any():
                at = int(np.argmax(off[place]))
                found.append((float(off[place][at]), number, part, place.start + at))
    chosen: dict[int, Entry] = {}
    # Of what is far off, small cases first: their answers change at fewer constants.
    found.sort(key=lambda each: (each[0] <= tolerances.FAR_OFF, answers.observations[each[1]].answer[0].size, -each[0]))
    for _, number, part, at in found:
        observation, place = answers.observations[number], answers.places[number][part]
        index = np.unravel_index(at - place.start, observation.answer[part].shape)
        numbers = float(answers.due[at]), float(predicted[at]), float(answers.room[at])
        chosen.setdefault(number, Entry(observation, part, tuple(int(i) for i in index), *numbers))
    return list(chosen.values())


def constants(family: Family, entry: Entry, formula: Callable[[float], Formula]) -> Iterator[float]:
    """The constants with which a formula of the family explains an entry: as short as they can be."""
    for estimate in _estimates(family, entry, formula):
        value = entry.of(formula(estimate))
        if not abs(value - entry.came) <= _ROUGHLY * abs(entry.came):
            continue
        for constant in neat(estimate):
            if entry.is_explained(formula(constant)):
                yield constant
                break


def _estimates(family: Family, entry: Entry, formula: Callable[[float], Formula]) -> Iterator[float]:
    if family.solved is not None:
        yield from (each for each in family.solved(entry.predicted, entry.came) if _is_in(family, each))
        return
    yield from roots(lambda c: entry.of(formula(c)) - entry.came, _points(family, entry.observation))


def _points(family: Family, observation: Observation) -> Sequence[float]:
    """Constants between which the answer changes in one direction, or nearly."""
    if family.points is not None:
        points = np.unique(family.points(observation.given))
        points = points[np.isfinite(points) & (np.abs(points) >= family.low) & (np.abs(points) <= family.high)]
        points = points if family.signed else points[points > 0]
        step = max(1, -(-len(points) // _MOST_POINTS))
        found = [float(each) for each in points[::step]]
        # Beyond the outermost points an answer changes too, such as for a limit between the smallest number and a half.
        return found if family.signed or family.high > 1 else sorted({family.low, *found, family.high})
    arrays = (*observation.given.values(), *observation.answer)
    numbers = np.abs(np.concatenate([array.ravel() for array in arrays]))
    numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
    if not numbers.size:
        return []
    low = max(family.low, float(numbers.min()) * tolerances.WITHOUT_EFFECT)
    high = min(family.high, max(float(numbers.max()) * 10, 1.0))
    return grid(low, high, signed=family.signed)


def _is_in(family: Family, constant: float) -> bool:
    return (family.signed or constant > 0) and family.low <= abs(constant) <= family.high
