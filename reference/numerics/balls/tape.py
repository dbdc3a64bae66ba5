"""What one evaluation on balls writes down: the tape of operations, the exact ties, and how constants are read.

flint keeps one precision for the whole process, so there is one recording at a time, under a lock.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flint

from reference.numerics import ball_tolerances
from reference.numerics.oracles.ball import LOCK

#: Operations in the order in which they were made: a result with its operands and slopes, or None with a function that
#: carries the adjoints of a whole block back.
TAPE: list[tuple[Any, Any]] = []
#: Names of the operations that met two equal operands, so that the slope there is a matter of choice.
TIES: list[str] = []
#: How constants are read, whether single precision is as good as the arguments, and whether these are wide balls; see
#: `recording`.
SETTINGS = {"decimal": False, "single": False, "wide": False}
#: How many comparisons have been decided since the recording began.
COMPARED = [0]


class Undecided(ArithmeticError):  # noqa: N818 - an outcome
    """The outcome of a comparison is not known at this precision.

    Parameters
    ----------
    what
        The operation whose outcome is not known.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"the outcome of {what} is not known at any precision that was tried")


class Refused(TypeError):  # noqa: N818 - an outcome
    """An operation has no form on balls.

    Parameters
    ----------
    operation
        Its name, for the one who reads the report.
    why
        What about it.
    """

    def __init__(self, operation: str, why: str = "has no form in ball arithmetic") -> None:
        super().__init__(f"{operation} {why}")
        self.operation = operation


def count_comparison() -> None:
    """Count one more comparison: a loop that ends in doubles, where rounding ends it, need not end on balls."""
    COMPARED[0] += 1
    if COMPARED[0] > ball_tolerances.MOST_COMPARISONS:
        raise Refused(f"more than {ball_tolerances.MOST_COMPARISONS} comparisons", "take too long in ball arithmetic")


@contextmanager
def recording(*, decimal: bool = False, single: bool = False, wide: bool = False) -> Iterator[None]:
    """In the block operations are written down, from an empty tape on; afterwards the tape is empty again.

    Python's collector of cyclic garbage is switched off meanwhile: a tape has no cycles, and looking for them takes
    more time than the arithmetic.

    Parameters
    ----------
    decimal
        Constants mean their shortest decimal, and those of 15 digits and more may have been rounded.
    single
        Single precision inside is as good as the arguments.
    wide
        The arguments are balls around points, so that operands that may be equal count as a tie.
    """
    with LOCK:
        before, collects = dict(SETTINGS), gc.isenabled()
        SETTINGS.update(decimal=decimal, single=single, wide=wide)
        TAPE.clear()
        TIES.clear()
        COMPARED[0] = 0
        gc.disable()
        try:
            yield
        finally:
            TAPE.clear()
            SETTINGS.update(before)
            if collects:
                gc.enable()


def accumulate() -> None:
    """Carry the adjoints that the results have been given back to the arguments, along the tape."""
    for result, operands in reversed(TAPE):
        if result is None:
            operands()
            continue
        adjoint = result.adjoint
        if adjoint is None:
            continue
        for operand, slope in operands:
            part = adjoint if slope is None else adjoint * slope
            operand.adjoint = part if operand.adjoint is None else operand.adjoint + part


def accumulate_beyond(largest: Any, smallest: Any) -> None:
    """As `accumulate`; the adjoints of all that reaches the results through numbers outside of this range are NaN.

    That is a number or a slope that is larger, or a number that is smaller and not 0.
    """
    unknown = flint.arb("nan")

    def is_outside(value: Any) -> bool:
        size = abs(value)
        return bool(not value.is_finite() or size > largest or (size < smallest and not value.is_zero()))

    for result, operands in reversed(TAPE):
        if result is None:
            operands()
            continue
        if result.adjoint is None:
            continue
        adjoint = unknown if is_outside(result.value) else result.adjoint
        for operand, slope in operands:
            part = adjoint if slope is None else adjoint * (unknown if abs(slope) > largest else slope)
            operand.adjoint = part if operand.adjoint is None else operand.adjoint + part


def record_block(back: Callable[[], None]) -> None:
    """Write down one entry for a whole block of results, such as a matrix product."""
    TAPE.append((None, back))
