"""Answers as the search for an explanation sees them, and formulas that are asked the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from reference.lab.cases import Case
from reference.lab.context import Response
from reference.lab.contract import Message
from reference.lab.mistakes import scales
from reference.lab.mistakes.departures import Array, Formula, Given, Parts
from reference.lab.replies import in_shape
from reference.numerics.compare import room_for

#: How many bounds a number has to be large for a factor to show in it, and how many bounds two codings may differ.
_CLEAR, _CODINGS = 1e4, 32.0


@dataclass(frozen=True)
class Observation:
    """One answer that was judged: what was given, what came, and how far rounding may take the right answer."""

    given: Given
    answer: Parts
    bounds: Parts
    case: Case

    @property
    def sizes(self) -> dict[str, int]:
        """N, D and K."""
        return scales.sizes_of(self.given)


def observed(log: Sequence[Response], message: Message) -> list[Observation]:
    """The answers of a log that were judged, of that message."""
    return [
        Observation({**each.case.arguments, **each.case.parameters}, each.values, each.bounds, each.case)
        for each in log
        if each.message is message and each.case is not None and each.bounds is not None
    ]


class Answers:
    """The answers of several observations in one row, so that a formula is held to all of them at once.

    Parameters
    ----------
    observations
        At least one.
    """

    def __init__(self, observations: Sequence[Observation]) -> None:
        self.observations = observations
        self.due = _in_a_row(part for each in observations for part in each.answer)
        bounds = [
            np.broadcast_to(bound, part.shape)
            for each in observations
            for part, bound in zip(each.answer, each.bounds, strict=True)
        ]
        self.bound = _in_a_row(bounds)
        self.room = room_for(self.due, self.bound)
        self._nan = np.isnan(self.due)
        self._clear = np.isfinite(self.due) & (self.due != 0)
        ends = np.cumsum([0, *(part.size for each in observations for part in each.answer)]).tolist()
        places = iter([slice(*pair) for pair in pairwise(ends)])
        #: Where each part of each answer stands in the row.
        self.places = [tuple(next(places) for _ in each.answer) for each in observations]
        self.sizes = [each.sizes for each in observations]

    def predicted(self, formula: Formula) -> Array | None:
        """What the formula gives for all observations, in a row; None if it fails for one of them."""
        found = []
        for each in self.observations:
            parts = answer_of(formula, each)
            if parts is None:
                return None
            found += [part.ravel() for part in parts]
        return np.concatenate(found)

    def matched(self, predicted: Array) -> Array:
        """Where a prediction is what came, but for rounding."""
        same = (predicted == self.due) | (np.isnan(predicted) & self._nan)
        return np.asarray(same | (np.abs(predicted - self.due) <= self.room))

    def near(self, predicted: Array, fraction: float) -> int:
        """How many entries of a prediction are as near as that fraction to what came."""
        return int(np.count_nonzero(np.abs(predicted - self.due) <= fraction * np.abs(self.due)))

    def ratios(self, predicted: Array, part: int) -> tuple[list[float], list[dict[str, int]], float]:
        """For each observation with clear numbers the factor of most entries and its sizes, and how exact all are."""
        clear = self._clear & np.isfinite(predicted) & (np.abs(predicted) > _CLEAR * self.bound)
        ratios, sizes, within = [], [], scales.AGREEMENT
        for places, size in zip(self.places, self.sizes, strict=True):
            place = places[part]
            chosen = clear[place]
            if not chosen.any():
                continue
            numbers, bounds = predicted[place][chosen], self.bound[place][chosen]
            found = self.due[place][chosen] / numbers
            middle = int(np.argsort(found)[found.size // 2])
            ratios.append(float(found[middle]))
            sizes.append(size)
            within = max(within, float(scales.AGREEMENT + _CODINGS * bounds[middle] / abs(numbers[middle])))
        return ratios, sizes, within


def _in_a_row(arrays: Iterable[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays])


def answer_of(formula: Formula, each: Observation) -> Parts | None:
    """The parts, float64, in the due shapes; None if there are none."""
    try:
        parts = formula(each.given)
    except Exception:  # a formula need not be made for what is composed with it
        return None
    found = []
    for part, due in zip(parts, each.answer, strict=True):
        array = np.asarray(part, dtype=np.float64)
        shaped = array if array.shape == due.shape else in_shape(array, due.shape)
        if shaped is None:
            return None
        found.append(shaped)
    return tuple(found)


def formula_of(cls: Any, message: Message) -> Formula:
    """A method of a class as a function of the arguments and the parameters of its object."""
    method: Callable[..., Any] = getattr(cls, message.method)

    def formula(given: Given) -> Parts:
        layer = cls.__new__(cls)
        layer.name = "layer"
        arguments = {}
        for name, array in given.items():
            if name in message.arguments:
                arguments[name] = array.copy()
            else:
                setattr(layer, name, array.copy())
        found = method(layer, **arguments)
        return tuple(found) if len(message.parts) > 1 else (found,)

    return formula
