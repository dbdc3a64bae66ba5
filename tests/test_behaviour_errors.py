"""How the errors of an answer are spread: as those of fewer digits, or of difference quotients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.lab import behaviour
from reference.lab.cases import Case
from reference.lab.contract import MESSAGES
from reference.lab.observations import Observation
from reference.numerics import rounding, tolerances
from tests.test_behaviour import RELU, SOFTMAX, context

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


def errors_of(answer: Array, truth: Array, bound: float = 1e-16, largest: float = 1.0) -> Any:
    """The errors of an answer to numbers of which that is the largest."""
    X = np.full((1, answer.size), largest)
    seen_once = Observation({"X": X}, (answer,), (np.full(answer.shape, bound),), Case({"X": X}))
    with np.errstate(invalid="ignore"):
        return behaviour._Errors(seen_once, answer, truth, np.abs(answer - truth), np.full(answer.shape, bound))


def test_small_numbers_are_rounded_as_the_large_ones_beside_them() -> None:
    """In half precision, whose smallest number is large."""
    signs = (-1.0) ** np.arange(72)
    truth = np.append(np.linspace(0.1, 3.0, 66), np.zeros(6))
    answer = np.append(truth[:66].astype(np.float16).astype(float), 1e-4 * signs[66:])
    assert behaviour._has_precision([errors_of(answer, truth, 1e-22, largest=1000.0)], "float16")
    assert not behaviour._has_precision([errors_of(answer, truth, 1e-22)], "float16")
    # Beside numbers below 1 as beside 1: by eight times the smallest one.
    for largest in (1.0, 0.1):
        for times, near in ((7.0, True), (9.0, False), (15.0, False)):
            answer[66:] = times * tolerances.SMALLEST_HALF * signs[66:]
            assert behaviour._has_precision([errors_of(answer, truth, 1e-22, largest)], "float16") is near
    small = {"X": np.zeros((0, 2)), "W": np.array([-3.0, 2.0])}
    assert behaviour._largest(Observation(small, (), (), Case({"X": np.zeros((0, 2))}))) == 3.0


def test_what_a_sum_loses_in_doubles_is_lost_in_other_types_too() -> None:
    """In units of theirs: where doubles may be off by ten units, single precision may be off by ten of its own."""
    truth = np.linspace(0.5, 3.0, 60)
    answer = truth * (1 + 30 * rounding.SINGLE.u * (-1.0) ** np.arange(60))
    assert behaviour._has_precision([errors_of(answer, truth, 10 * rounding.DOUBLE.u)], "float32")
    assert not behaviour._has_precision([errors_of(answer, truth, 1e-3 * rounding.DOUBLE.u)], "float32")


def test_numbers_without_end_are_no_errors_of_rounding() -> None:
    """And raise no warning: infinities that are due, and numbers that overflow in units of a type."""
    truth = np.append(np.linspace(0.1, 3.0, 59), 0.0)
    huge = np.append(truth[:59].astype(np.float32).astype(float), 1e300)
    assert not behaviour._has_precision([errors_of(huge, truth)], "float32")
    given = Case({"X": np.array([[np.inf, 1.0]])})
    seen = Observation(given.arguments, (np.array([[np.inf, 1.0]]),), (np.zeros((1, 2)),), given)
    found = behaviour._Errors.of(context(), RELU, seen)
    assert np.isnan(found.error[0])
    assert found.error[1] == 0


def test_quotients_with_large_steps_err_in_one_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """So may what is left of them: a fifth of the errors at most is no quotient's."""
    truth = np.linspace(1.0, 2.0, 100)
    for off, due in ((20.0, True), (2.0, False)):
        quotients = truth + off * GRANTED
        monkeypatch.setattr(behaviour, "_quotients", lambda *_, quotients=quotients, **__: (quotients, SIZE))
        answer = quotients + 0.8 * GRANTED
        assert behaviour._fits(SOFTMAX, [errors_of(answer, truth)], STEP, one_sided=False) is due


def test_twelve_numbers_tell_of_quotients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve numbers are enough to be compared with quotients; eleven are not."""
    monkeypatch.setattr(behaviour, "_fits", lambda *_, **__: True)
    for count, told in ((12, True), (11, False)):
        truth = np.arange(1.0, count + 1)
        assert (behaviour._differences(SOFTMAX, [errors_of(truth, truth)]) is not None) is told


def test_the_size_of_a_function_is_that_of_its_largest_value() -> None:
    """However small that is: as much is granted to its quotients."""
    message = next(each for each in MESSAGES if each.subject == "SoftmaxLayer.delta")
    given = {"Y": np.array([[0.25, 0.75]]), "delta_next": np.array([[1e-6, 2e-6]])}
    found = behaviour._quotients(message, given, 1e-4, one_sided=False)
    assert found is not None
    assert 1e-6 < found[1] < 2e-6


STEP, SIZE = 1e-5, 1.0
#: Roundings of a function of that size in quotients of that step are granted up to this.
GRANTED = behaviour._NOISE * behaviour.DOUBLE.u * SIZE / STEP


def fits(monkeypatch: pytest.MonkeyPatch, *changes: Callable[[Array, Array], Array]) -> bool:
    """Whether answers, made of the quotients and the truth, are those quotients."""
    truth = np.cos(np.arange(100.0))
    quotients = truth + 300 * GRANTED * np.sin(7 * np.arange(100.0))
    quotients[:3] = np.nan
    monkeypatch.setattr(behaviour, "_quotients", lambda *_, **__: (quotients, SIZE))
    judged = [errors_of(change(quotients.copy(), truth), truth) for change in changes]
    with np.errstate(invalid="ignore"):
        return behaviour._fits(SOFTMAX, judged, STEP, one_sided=False)


def moved(count: int, by: float) -> Callable[[Array, Array], Array]:
    """The quotients, so many of them off by that part of what is granted."""

    def change(quotients: Array, truth: Array) -> Array:
        quotients[-count:] += by * GRANTED * (-1.0) ** np.arange(count)
        return quotients

    return change


def one_number(quotients: Array, truth: Array) -> Array:
    quotients[:1] = 1.0
    return quotients


def no_numbers(quotients: Array, truth: Array) -> Array:
    quotients[-10:] = np.nan
    return quotients


def right(quotients: Array, truth: Array) -> Array:
    return np.where(np.isnan(quotients), np.nan, truth)


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ([moved(1, 0.0)], True), ([moved(97, 0.9)], True), ([moved(97, 1.1)], False), ([moved(5, 2.0)], True),
        ([moved(6, 2.0)], False), ([moved(60, 2.0), *[moved(1, 0.0)] * 20], False), ([one_number], True),
        ([no_numbers], False), ([right], False), ([lambda quotients, truth: quotients + 0.9 * GRANTED], True),
        ([moved(1, 0.0), moved(51, 2.0)], False), ([lambda quotients, truth: truth + 0.9 * (quotients - truth)], False),
    ],
)  # fmt: skip
def test_answers_are_quotients_but_for_roundings(
    changes: list[Callable[[Array, Array], Array]], due: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the function, in nineteen of twenty entries, and in half of those of each; NaN where the quotient is NaN."""
    assert fits(monkeypatch, *changes) is due


def test_most_answers_are_off_where_they_are_quotients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are right, since the function has no bend there, may be as many as the others."""
    truth = np.cos(np.arange(100.0))
    off = truth + 300 * GRANTED * np.sin(7 * np.arange(100.0))
    parts = iter([truth, off] * 2 + [truth, truth, off])
    monkeypatch.setattr(behaviour, "_quotients", lambda *_, **__: (next(parts), SIZE))
    assert behaviour._fits(SOFTMAX, [errors_of(truth, truth), errors_of(off, truth)], STEP, one_sided=False)
    assert not behaviour._fits(SOFTMAX, [errors_of(truth, truth)] * 2, STEP, one_sided=False)
    assert not behaviour._fits(
        SOFTMAX, [errors_of(truth, truth), errors_of(truth, truth), errors_of(off, truth)], STEP, one_sided=False
    )
    monkeypatch.setattr(behaviour, "_quotients", lambda *_, **__: None)
    assert not behaviour._fits(SOFTMAX, [errors_of(off, truth)], STEP, one_sided=False)
