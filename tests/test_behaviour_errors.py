"""How the errors of an answer are spread: as those of fewer digits, or of difference quotients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.lab import behaviour
from reference.lab.cases import Case
from reference.lab.observations import Observation
from tests.test_behaviour import SOFTMAX

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
