"""Answers as the search for an explanation sees them, and formulas that are asked the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.lab.context import Response
from reference.lab.contract import Case, Message
from reference.lab.due_shapes import in_shape
from reference.lab.mistakes import scales
from reference.lab.mistakes.departures import Array, Formula, Given, Parts
from reference.numerics.compare import alike_entries

#: How many bounds a number has to be large for a factor to show in it, and how many bounds two codings may differ.
_CLEAR, _CODINGS = 1e4, 32.0


@dataclass(frozen=True)
class Observation:
    """One answer that was judged: what was given, what came, and how far rounding may take the right answer."""

    given: Given
    answer: Parts
    bounds: Parts
    origin: Array | None = None

    def case(self, message: Message) -> Case:
        """The case that was asked."""
        arguments = {name: array for name, array in self.given.items() if name in message.arguments}
        parameters = {name: array for name, array in self.given.items() if name not in arguments}
        return Case(arguments, parameters, self.origin)

    @property
    def sizes(self) -> dict[str, int]:
        """N, D and K."""
        return scales.sizes_of(self.given)


def observed(log: Sequence[Response], message: Message) -> list[Observation]:
    """The answers of a log that were judged, of that message."""
    return [
        Observation(_given(each.case), each.values, each.bounds, each.case.origin)
        for each in log
        if each.message is message and each.case is not None and each.bounds is not None
    ]


def _given(case: Case) -> Given:
    return {**case.arguments, **case.parameters}


def ratio_of(answer: Array, predicted: Array, bound: Array) -> tuple[float, float] | None:
    """The factor between two arrays, that of most entries, and how exact it is; None where nothing is clear."""
    clear = np.isfinite(answer) & np.isfinite(predicted) & (np.abs(predicted) > _CLEAR * bound) & (answer != 0)
    if not clear.any():
        return None
    ratios = (answer[clear] / predicted[clear]).ravel()
    chosen = np.argsort(ratios)[ratios.size // 2]
    rounding = (bound[clear] / np.abs(predicted[clear])).ravel()[chosen]
    return float(ratios[chosen]), float(scales.AGREEMENT + _CODINGS * rounding)


def matching(found: Parts, each: Observation) -> list[Array]:
    """Where the parts are those that came, but for rounding."""
    return [
        alike_entries(np.asarray(one, dtype=np.float64), other, bound)
        for one, other, bound in zip(found, each.answer, each.bounds, strict=True)
    ]


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
