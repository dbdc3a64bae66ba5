"""Gradients of many numbers: a few random directions, and halving where one of them shows a wrong entry.

Beyond 5,000 numbers every call of the forward pass counts. Along a random direction all entries are judged at once: a
gradient that is right passes by four calls in each case, and each halving takes two more, so that one wrong entry among
a million is named by forty. The difference of the slopes by two steps is the error that is stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import Violation
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.differences import Differences
from reference.gradients.judge import Comparison
from reference.gradients.specification import doubles
from reference.numerics import function_tolerances, tolerances
from reference.numerics.directions import Part, followed
from reference.numerics.estimate import Estimate
from reference.wording import fact

Array = NDArray[Any]


def compare(context: Context, oracle: Differences, number: int, comparison: Comparison, case: Case) -> None:
    """Compare one gradient along one random direction, and look for the wrong entry if it is off."""
    position = context.pattern.differentiable.index(number)
    floats = doubles(context.pattern.floats(case.args))
    cotangent = context.cotangents(case)[0]
    answers, bounds = context.gradients(case, cotangent)
    actual, bound = answers[position], bounds[position]
    rng = np.random.RandomState(case.seed + 1)
    steps = oracle.steps(floats, position)
    direction = steps * rng.uniform(0.25, 1.0, steps.shape) * rng.choice([-1.0, 1.0], steps.shape)
    told = Slopes(oracle, floats, position, cotangent)
    strange = np.argwhere(~np.isfinite(actual))
    if len(strange):
        index = tuple(int(i) for i in strange[0])
        due = fact("number where finite", what=comparison.name, index=index)
        comparison.violation = _wrong(comparison, due, index, actual, case)
        return
    total = told.along(direction)
    if not np.isfinite(total.error):
        return
    comparison.judged += 1
    whole = _part(actual, bound, direction, total)
    if not whole.is_suspicious:
        return
    index = _located(told, actual, bound, direction, whole)
    alone = np.zeros(direction.shape)
    alone[index] = direction[index]
    entry = told.along(alone)
    value, error = float(entry.value) / direction[index], float(entry.error) / abs(direction[index])
    if abs(actual[index] - value) <= error + bound[index]:
        return
    due = fact("entry near", what=comparison.name, index=index, value=value, error=error)
    comparison.violation = _wrong(comparison, due, index, actual, case).but(bound=error + float(bound[index]))


class Slopes:
    """Derivatives of <cotangent, function> along directions of one argument, by few calls."""

    def __init__(self, oracle: Differences, floats: Sequence[Array], position: int, cotangent: Array) -> None:
        self._oracle, self._floats, self._position = oracle, floats, position
        self._weights = cotangent.astype(np.float64).reshape(-1)

    def along(self, direction: Array) -> Estimate:
        """By both steps, with the error that their difference shows."""
        (first, _), (second, noise) = (self.by(direction, step) for step in function_tolerances.LARGE_STEPS)
        error = function_tolerances.LARGE_SAFETY * abs(first - second) + noise
        return Estimate(np.asarray(second), np.asarray(error if np.isfinite(error) else np.inf))

    def by(self, direction: Array, step: float) -> tuple[float, float]:
        """The slope by one step, and what rounding may have done to it."""
        ahead, behind = (self._at(step * direction), self._at(-step * direction))
        with np.errstate(all="ignore"):
            slope = float(self._weights @ (ahead - behind)) / (2 * step)
            changed = ahead != behind
            size = np.abs(self._weights[changed]) @ (np.abs(ahead[changed]) + np.abs(behind[changed]))
        return slope, function_tolerances.LARGE_UNITS * tolerances.DOUBLE_UNIT * float(size) / (2 * step)

    def _at(self, move: Array) -> Array:
        floats = list(self._floats)
        floats[self._position] = floats[self._position] + move
        return np.asarray(self._oracle.function(*floats), dtype=np.float64).reshape(-1)


def _located(told: Slopes, actual: Array, bound: Array, direction: Array, whole: Part) -> tuple[int, ...]:
    """The entry that is off most, by halving: two calls for the left half, and the right one is what is left."""
    step = function_tolerances.LARGE_STEPS[-1]

    def halved(left: Any, right: Any, part: Part) -> tuple[Part, Part]:
        masked = np.zeros(direction.size)
        masked[left] = direction.reshape(-1)[left]
        along = masked.reshape(direction.shape)
        slope, noise = told.by(along, step)
        here = _part(actual, bound, along, Estimate(np.asarray(slope), np.asarray(noise)))
        return here, Part(part.discrepancy - here.discrepancy, here.allowed)

    place = next(followed(np.arange(direction.size), whole, halved))
    return tuple(int(i) for i in np.unravel_index(place, direction.shape))


def _part(actual: Array, bound: Array, direction: Array, total: Estimate) -> Part:
    products = actual * direction
    allowed = float(total.error) + float((bound * np.abs(direction)).sum())
    allowed += tolerances.SUM_ROUNDING * np.sqrt(products.size) * float(np.abs(products).sum())
    return Part(float(products.sum() - float(total.value)), allowed)


def _wrong(comparison: Comparison, due: Any, index: tuple[int, ...], actual: Array, case: Case) -> Violation:
    came = fact("entry", what=comparison.name, index=index, value=float(actual[index]))
    return Violation(due, came, index=index, counterexample={"inputs": case.kind})
