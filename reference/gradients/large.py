"""Gradients of many numbers: a few random directions, and halving where one of them shows a wrong entry.

Beyond 5,000 numbers every call of the forward pass counts. Along a random direction all entries of all arguments are
judged at once: a gradient that is right passes by four calls in each case, and each halving takes two more, so that one
wrong entry among a million is named by forty. The difference of the slopes by two steps is the error that is stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from reference.findings import Violation
from reference.gradients.arguments import in_shapes
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.differences import Differences
from reference.gradients.judge import Comparison
from reference.gradients.specification import doubles
from reference.numerics import function_tolerances, tolerances
from reference.numerics.directions import Part, followed
from reference.numerics.estimate import Estimate
from reference.numerics.sampling import seeded, signs
from reference.wording import fact

Array = NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """The gradients of all arguments in one case, one entry after the other.

    Attributes
    ----------
    actual, bound
        What came, and what rounding is granted to it.
    direction
        How far each entry is moved.
    owners
        The argument of each entry, among those of floating point.
    told
        The derivatives of the function.
    """

    actual: Array
    bound: Array
    direction: Array
    owners: Array
    told: Slopes

    def along(self, chosen: Array) -> tuple[Part, bool]:
        """The discrepancy along a part of the direction, and whether the derivative along it is known."""
        direction = np.where(chosen, self.direction, 0.0)
        total = self.told.along(direction)
        return _part(self.actual, self.bound, direction, total), bool(np.isfinite(total.error))

    def entry(self, place: int) -> tuple[float, float]:
        """The derivative for one entry, with its error."""
        alone = np.zeros(self.direction.size)
        alone[place] = self.direction[place]
        found = self.told.along(alone)
        move = float(alone[place])
        return float(found.value) / move, float(found.error) / abs(move)

    def shows(self, position: int, allowed: float) -> bool:
        """Whether one wrong entry of an argument, of typical size, would be seen beside so much that is allowed."""
        terms = np.abs(self.actual * self.direction)[self.owners == position]
        return bool(allowed <= function_tolerances.LARGE_SEEN * np.median(terms[terms > 0])) if terms.any() else False


@dataclass(frozen=True)
class Together:
    """What one direction of all arguments tells.

    Attributes
    ----------
    right
        The arguments whose gradients it shows to be right.
    wrong
        The place of an entry that is wrong among all entries, with its derivative and the error of that.
    """

    right: frozenset[int]
    wrong: tuple[int, float, float] | None = None


#: What directions of all arguments have told in each context, by the oracle and the case.
_TOLD: WeakKeyDictionary[Context, dict[tuple[str, str, int], Together]] = WeakKeyDictionary()


def compare(context: Context, oracle: Differences, number: int, comparison: Comparison, case: Case) -> None:
    """Compare one gradient: along a direction of all arguments, and along one of its own where that does not tell."""
    position = context.pattern.differentiable.index(number)
    actual = context.gradients(case, context.cotangents(case)[0])[0][position]
    strange = np.argwhere(~np.isfinite(actual))
    if len(strange):
        index = tuple(int(i) for i in strange[0])
        due = fact("number where finite", what=comparison.name, index=index)
        comparison.violation = _wrong(comparison, due, index, actual, case)
        return
    told, key = _TOLD.setdefault(context, {}), (oracle.oracle, case.kind, case.seed)
    if key not in told:
        known = [each.wrong[0] for each in told.values() if each.wrong is not None]
        everything = range(len(context.pattern.differentiable))
        told[key] = _judged_together(_rows(context, oracle, case), everything, known[:1])
    found = told[key]
    if position in found.right:
        comparison.judged += 1
        return
    rows = _rows(context, oracle, case)
    wrong = found.wrong
    if wrong is None or rows.owners[wrong[0]] != position:
        own = rows.owners == position
        whole, is_known = rows.along(own)
        comparison.judged += is_known
        wrong = _located(rows, own, whole) if is_known and whole.is_suspicious else None
    if wrong is not None:
        place, value, error = wrong
        index = tuple(int(i) for i in np.unravel_index(place - int(np.argmax(rows.owners == position)), actual.shape))
        due = fact("entry near", what=comparison.name, index=index, value=value, error=error)
        comparison.judged += 1
        bound = error + float(rows.bound[place])
        comparison.violation = _wrong(comparison, due, index, actual, case).but(bound=bound)


def _rows(context: Context, oracle: Differences, case: Case) -> Rows:
    floats = doubles(context.pattern.floats(case.args))
    cotangent = context.cotangents(case)[0]
    answers, bounds = context.gradients(case, cotangent)
    rng = seeded(case.seed + 1)
    steps = [oracle.steps(floats, position) for position in range(len(floats))]
    moves = [each * rng.uniform(0.25, 1.0, each.shape) * signs(rng, each.shape) for each in steps]
    owners = np.repeat(np.arange(len(floats)), [each.size for each in floats])
    return Rows(_flat(answers), _flat(bounds), _flat(moves), owners, Slopes(oracle, floats, cotangent))


def _judged_together(rows: Rows, positions: range, suspects: Sequence[int]) -> Together:
    """What a direction of all arguments tells whose gradients are finite; a wrong entry is looked for.

    ``suspects`` are places of entries that were wrong in another case; they are looked at first.
    """
    finite = [position for position in positions if np.isfinite(rows.actual[rows.owners == position]).all()]
    chosen = np.isin(rows.owners, finite)
    whole, is_known = rows.along(chosen)
    if not is_known:
        return Together(frozenset())
    right = frozenset(position for position in finite if rows.shows(position, whole.allowed))
    if not whole.is_suspicious:
        return Together(right)
    for find in (*(partial(_off_at, rows, each) for each in suspects), partial(_located, rows, chosen, whole)):
        wrong = find()
        if wrong is None:
            continue
        place, value, _ = wrong
        mended = (rows.actual[place] - value) * float(rows.direction[place])
        # What is left, when the wrong entry is mended, tells of the other arguments.
        if not Part(whole.discrepancy - mended, whole.allowed).is_suspicious:
            return Together(right - {int(rows.owners[place])}, wrong)
    return Together(frozenset(), wrong)


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([each.ravel().astype(np.float64) for each in arrays])


class Slopes:
    """Derivatives of <cotangent, function> along directions of all arguments, each a row of all entries."""

    def __init__(self, oracle: Differences, floats: Sequence[Array], cotangent: Array) -> None:
        self._oracle, self._floats = oracle, floats
        self._weights = cotangent.astype(np.float64).ravel()

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
        moves = in_shapes(move, [each.shape for each in self._floats])
        floats = [each + move if move.any() else each for each, move in zip(self._floats, moves, strict=True)]
        return np.asarray(self._oracle.function(*floats), dtype=np.float64).ravel()


def _located(rows: Rows, chosen: Array, whole: Part) -> tuple[int, float, float] | None:
    """The entry that is off most with its derivative, by halving: two calls for the left half; the rest is the right.

    None where that entry is not off by more than is allowed.
    """
    step = function_tolerances.LARGE_STEPS[-1]

    def halved(left: Any, right: Any, part: Part) -> tuple[Part, Part]:
        masked = np.zeros(rows.direction.size)
        masked[left] = rows.direction[left]
        slope, noise = rows.told.by(masked, step)
        here = _part(rows.actual, rows.bound, masked, Estimate(np.asarray(slope), np.asarray(noise)))
        return here, Part(part.discrepancy - here.discrepancy, here.allowed)

    return _off_at(rows, int(next(followed(np.flatnonzero(chosen), whole, halved))))


def _off_at(rows: Rows, place: int) -> tuple[int, float, float] | None:
    """An entry with its derivative, if it is off by more than is allowed."""
    value, error = rows.entry(place)
    if not abs(rows.actual[place] - value) > error + rows.bound[place]:
        return None
    return place, value, error


def _part(actual: Array, bound: Array, direction: Array, total: Estimate) -> Part:
    """What the gradient says along a direction, less what it should.

    Roundings of many entries add up as chance has it. Where they add up to more, calls are lost, and no verdict is
    wrong: the entry that is found is judged by its own bound.
    """
    moved = direction != 0
    products = actual[moved] * direction[moved]
    allowed = float(total.error) + float(np.sqrt(np.square(bound[moved] * direction[moved]).sum()))
    allowed += tolerances.SUM_ROUNDING * np.sqrt(products.size) * float(np.abs(products).sum())
    return Part(float(products.sum() - float(total.value)), allowed)


def _wrong(comparison: Comparison, due: Any, index: tuple[int, ...], actual: Array, case: Case) -> Violation:
    came = fact("entry", what=comparison.name, index=index, value=float(actual[index]))
    return Violation(due, came, index=index, counterexample={"inputs": case.kind})
