"""Judges a formula in exact arithmetic: what is the same for the gradient of any function and for the lab's methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.numerics import ball_tolerances, tolerances
from reference.wording import fact

if TYPE_CHECKING:
    from reference.numerics.balls import Difference

Array = NDArray[Any]
Case_contra = TypeVar("Case_contra", contravariant=True)


#: Decimal digits that a double has to lose.
_DIGITS = 16


class Formula(Protocol[Case_contra]):
    """A formula that is held against the truth, case by case."""

    @property
    def unit(self) -> float:
        """The unit roundoff of the arguments."""

    def difference(self, case: Case_contra) -> Difference | None:
        """How the formula differs from the truth; None at a tie.

        Raises
        ------
        Refused, Undecided
            As for `reference.numerics.balls.compared`.
        """

    def scaled(self, case: Case_contra, found: Difference, factor: float) -> Difference | None:
        """The difference at the entry that was found, for arguments that are so many times as large."""

    def computed(self, case: Case_contra, found: Difference) -> tuple[float, float]:
        """What the code answers in doubles at the entry that was found, and how far rounding may take that."""

    def violation(self, case: Case_contra, found: Difference) -> Violation:
        """What is raised if the formula is wrong."""

    def tell_lost_digits(self, case: Case_contra, found: Difference) -> None:
        """Note where a right formula computes few of its digits."""

    def why_unknown(self) -> str:
        """Why the truth is known in no case."""


def judge(formula: Formula[Case_contra], cases: Iterable[Case_contra]) -> None:
    """Hold a formula against the truth in each case.

    Raises
    ------
    Violation
        It is wrong.
    NotApplicable
        The code does not run on balls, or the formula could be judged in no case.
    """
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    judged, reason = False, None
    for case in cases:
        try:
            found = formula.difference(case)
        except balls.Refused as error:
            raise NotApplicable(fact("formula not followed", reason=f"in exact arithmetic {error}")) from error
        except (Exception, SystemExit) as error:  # undecided, or what the code raises at such arguments
            reason = told(error)
            continue
        if found is None or not found.is_known:
            reason = "numbers are equal there" if found is None else "in exact arithmetic too little is known of it"
            continue
        judged = True
        if found.is_wrong and _is_what_doubles_compute(formula, case, found):
            if _is_guarded(formula, case, found) or _is_cut_off(formula, case, found):
                continue
            raise formula.violation(case, found)
        formula.tell_lost_digits(case, found)
    if not judged:
        raise NotApplicable(fact("formula undecided", reason=reason or formula.why_unknown()))


def told(error: BaseException) -> str:
    """An exception in words."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def digits_of_answer(came: float, due: float, unit: float) -> int:
    """How many of 16 digits are lost where one number is due and another came."""
    return digits_lost(abs(came - due) / abs(due), unit) if np.isfinite(came) and due != 0 else _DIGITS


def digits_lost(error: float, unit: float) -> int:
    """How many of 16 digits are lost by a relative error."""
    # An error that is no number, or no finite one, has taken all of them.
    return min(int(np.log10(max(error / unit, 1.0))), _DIGITS) if np.isfinite(error / unit) else _DIGITS


def _is_what_doubles_compute(formula: Formula[Case_contra], case: Case_contra, found: Difference) -> bool:
    """Whether the formula in exact arithmetic is the one that computes the answers: code may tell arrays apart."""
    answer, bound = formula.computed(case, found)
    size = max(abs(found.came), abs(answer))
    return abs(answer - found.came) <= bound + tolerances.READINGS_AGREE * size


def _is_guarded(formula: Formula[Case_contra], case: Case_contra, found: Difference) -> bool:
    """Whether the truth is nearer to 0 than all doubles, and the formula so small that rounding is granted as much.

    A guard against overflow, such as cosh of what is clipped at 350, leaves a small number in the place of a smaller
    one, and what that is multiplied by may be large.
    """
    _, bound = formula.computed(case, found)
    return found.underflows and abs(found.came) <= bound


def _is_cut_off(formula: Formula[Case_contra], case: Case_contra, found: Difference) -> bool:
    """Whether the formula is a series that was cut off where doubles see no more of it.

    What is left of a power series falls with a high power of its argument towards 0, and what is left of an asymptotic
    series with a high power towards infinity; a number that was added to a denominator, or a term of a low order, does
    not.
    """
    if not 0 < found.relative < formula.unit:
        return False

    def left(factor: float) -> float | None:
        scaled = attempted(lambda: formula.scaled(case, found, factor))
        return None if scaled is None else scaled.relative

    half = left(0.5)
    if half is not None and half <= ball_tolerances.SERIES_FALLS * found.relative:
        return True
    # Code may move small arguments up before it sums such a series: what is left falls from there on.
    rests = [found.relative, *(left(2.0**power) for power in range(1, ball_tolerances.ASYMPTOTIC_DOUBLINGS + 1))]
    return any(map(_is_a_high_power, rests, rests[1:], rests[2:]))


def _is_a_high_power(one: float | None, two: float | None, four: float | None) -> bool:
    """Whether what is left of a formula falls with a high power of the argument, where that is doubled twice.

    A number beside an exponential falls faster each time, and is no part of a series.
    """
    if not (one and two and four):
        return False
    first, second = np.log2(one / two), np.log2(two / four)
    steady = second <= ball_tolerances.ASYMPTOTIC_STEADY * first and first <= ball_tolerances.ASYMPTOTIC_STEADY * second
    return bool(min(first, second) >= ball_tolerances.ASYMPTOTIC_POWER and steady)


def attempted(compare: Callable[[], Difference | None]) -> Difference | None:
    """A difference; None where the code cannot be followed or raises."""
    try:
        return compare()
    except (Exception, SystemExit):  # refused, undecided, or what the code raises at such arguments
        return None
