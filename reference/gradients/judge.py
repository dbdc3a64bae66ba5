"""Compares answers with the truth over many cases, and finds the factor that explains all differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine.evidence import evidence_of
from reference.findings import NotApplicable, Violation
from reference.numerics import tolerances
from reference.numerics.compare import worst_entry
from reference.numerics.estimate import Estimate
from reference.wording import Fact, fact

Array = NDArray[Any]
Index = tuple[int, ...]
#: Whether an answer that seems wrong at an entry is none to be judged here, as at a kink.
Excused = Callable[[Index], bool]


@dataclass
class Comparison:
    """Answers that are compared with the truth, case by case.

    Attributes
    ----------
    name
        What is compared, such as ``gradient[0]``.
    largest
        Finite number of the precision: truths beyond are not judged.
    unit
        The unit roundoff of the precision.
    crash
        What went wrong in a call, if anything; it is told if no answer is wrong.
    """

    name: str
    largest: float = float(np.finfo(np.float64).max)
    violation: Violation | None = None
    judged: int = 0
    unit: float = tolerances.DOUBLE_UNIT
    crash: Violation | None = None
    _pairs: list[tuple[Array, Array, Array]] = field(default_factory=list)

    def add(
        self,
        actual: Array,
        truth: Estimate,
        bound: Array,
        case: dict[str, Any],
        excused: Excused | None = None,
        hidden: Callable[[], Array] | None = None,
    ) -> None:
        """Compare one answer; the first that is wrong is the violation.

        Parameters
        ----------
        actual, truth, bound
            Of one shape; entries whose truth or bound is not finite are not judged.
        case
            The counterexample that it may be.
        excused
            Whether the case is none to be judged here; it is asked where an entry seems wrong.
        hidden
            Another bound, on roundings that the first one may not see; the larger one holds. It costs time, so it is
            asked where an entry seems wrong.
        """
        known, value, error, index = self._compared(actual, truth, bound)
        if index is not None and hidden is not None:
            bound = np.fmax(bound, hidden())
            known, value, error, index = self._compared(actual, truth, bound)
        if index is not None and excused is not None and excused(index):
            return
        self.judged += int(known.sum())
        self._pairs.append((actual[known], value[known], error[known]))
        if index is not None and self.violation is None:
            place = {"what": self.name, "index": index}
            self.violation = Violation(
                fact("entry near", value=float(value[index]), error=float(truth.error[index]), **place),
                fact("entry", value=float(actual[index]), **place),
                index=index,
                bound=float(error[index]),
                counterexample=case,
                evidence=evidence_of(self.name, actual, truth, bound) if known.all() else None,
            )

    def _compared(self, actual: Array, truth: Estimate, bound: Array) -> tuple[Array, Array, Array, Index | None]:
        """Which entries are judged, the truth and how far each answer may be off, and which is off by the most."""
        value, error = np.array(truth.value), truth.error + bound
        known = np.isfinite(error) & (np.abs(value) <= self.largest)
        value, error = np.where(known, value, 0.0), np.where(known, error, 0.0)
        return known, value, error, _worst(np.where(known, actual, 0.0), value, error)

    def settle(self, nothing: Fact) -> None:
        """Raise what came of the comparison, if anything.

        Raises
        ------
        Violation
            An answer was off.
        NotApplicable
            Nothing could be judged, with the reason given.
        """
        if self.violation is not None:
            raise self._explained(self.violation)
        if self.crash is not None:
            raise self.crash
        if not self.judged:
            raise NotApplicable(nothing)

    def _explained(self, violation: Violation) -> Violation:
        """With the factor that explains all answers, where there is one."""
        if not self._pairs:
            return violation
        actual, truth, error = (np.concatenate(parts) for parts in zip(*self._pairs, strict=True))
        clear = np.abs(truth) > tolerances.FACTOR_CLEAR * error
        wrong = np.abs(actual - truth) > error
        if clear.sum() < tolerances.FACTOR_ENTRIES or not np.isfinite(actual).all() or not wrong[clear].all():
            return violation
        if (actual == 0).all():
            return violation.but(came=violation.came.and_("zero everywhere"))
        ratios = actual[clear] / truth[clear]
        ratio = float(np.median(ratios))
        if (
            np.abs(actual - ratio * truth) > error * (1 + abs(ratio)) + tolerances.FACTOR_RELATIVE * np.abs(actual)
        ).any() or ratio == 0:
            return violation
        relative = max(tolerances.FACTOR_RELATIVE, tolerances.FACTOR_UNITS * self.unit)
        mistake = "sign" if abs(ratio + 1) < relative else "scaled"
        return violation.but(came=violation.came.and_("one factor", ratio=ratio), mistake=mistake)


def compare(name: str, actual: Array, due: Array, bound: Array, case: dict[str, Any]) -> None:
    """Compare one answer with another that should be the same.

    Raises
    ------
    Violation
        An entry differs by more than the bound.
    """
    comparison = Comparison(name)
    comparison.add(actual, Estimate(due, np.zeros(due.shape)), bound, case)
    if comparison.violation is not None:
        raise comparison.violation


def _worst(actual: Array, value: Array, error: Array) -> Index | None:
    """As `worst_entry`, for arrays without axes or without entries as well."""
    if not actual.size:
        return None
    flat = worst_entry(actual.ravel(), Estimate(value.ravel(), np.zeros(value.size)), error.ravel())
    return None if flat is None else tuple(int(i) for i in np.unravel_index(flat[0], actual.shape))
