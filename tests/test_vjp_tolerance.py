"""What rounding is granted to an answer whose formula is not known: measured, estimated, followed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import Violation
from reference.gradients import tolerance
from reference.numerics import tolerances
from reference.wording import fact
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X = np.array([0.5, -3.0, 15.0])


def slope(x: Any) -> tuple[Any, ...]:
    """The slope of tanh, of which digits are lost where x is large."""
    return (1 - np.tanh(x) ** 2,)


def single(numbers: list[float]) -> Array:
    return np.array(numbers, np.float32)


def by_numbers(x: Any) -> tuple[Any, ...]:
    """The same in doubles, whatever comes in."""
    return (np.array([1 - math.tanh(each) ** 2 for each in x]),)


def error(dtype: Any) -> Any:
    """How far the slope is off in a precision."""
    narrow = slope(X.astype(dtype))[0].astype(float)
    return np.abs(narrow - 1 / np.cosh(X.astype(dtype).astype(float)) ** 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_granted_covers_what_rounding_does(dtype: Any) -> None:
    """Of each entry, and not much more; code that answers in doubles is granted an estimate."""
    given = X.astype(dtype)
    unit = float(np.finfo(dtype).eps)
    (bound,) = tolerance.granted(slope, [given], list(slope(given)), [np.zeros(3)])
    assert (error(dtype) <= bound).all()
    assert bound.max() < 100 * unit
    (estimate,) = tolerance.estimated(slope, [given], list(slope(given)), [np.ones(3)])
    assert (error(dtype) <= estimate).all()
    (plain,) = tolerance.granted(by_numbers, [X], list(by_numbers(X)), [np.ones(3)])
    (same,) = tolerance.estimated(by_numbers, [X], list(by_numbers(X)), [np.ones(3)])
    assert plain.tolist() == same.tolist()


def test_more_is_granted_to_what_was_subtracted_from_large_numbers() -> None:
    """By their size, in both ways."""
    answers = list(slope(X))
    for grant in (tolerance.granted, tolerance.estimated):
        small, large = (grant(slope, [X], answers, [np.full(3, size)])[0] for size in (0.0, 1e6))
        assert (large > small).all()
    followed = tolerance.estimated(by_numbers, [X], list(by_numbers(X)), [np.zeros(3)], slope)[0]
    assert (followed > tolerance.estimated(by_numbers, [X], list(by_numbers(X)), [np.zeros(3)])[0]).all()


def test_the_last_roundings_come_on_top() -> None:
    """In units of the answer, with what may underflow; what is no finite number is granted nothing."""
    answer, seen = np.array([1.0, -4.0, 0.0, np.inf, np.nan]), np.array([0.0, 1.0, 0.0, 1.0, 1.0])
    for unit, tiny in ((tolerances.DOUBLE_UNIT, 1e-300), (tolerances.SINGLE_UNIT, 1e-30)):
        found = tolerance._with_last_roundings(seen, answer, unit)
        assert found[3:].tolist() == [0.0, 0.0]
        assert found[0] == pytest.approx(tolerances.LAST_ROUNDINGS * unit)
        assert found[1] == pytest.approx(1 + 4 * tolerances.LAST_ROUNDINGS * unit, rel=1e-15)
        assert 0 < found[2] < tiny


@pytest.mark.parametrize(
    ("narrow", "wide", "due"),
    [
        (single([1.0, 2.0]), np.array([1.5, 2.0]), [0.5, 0.0]),
        (single([1.0, np.inf]), np.array([1.0, np.inf]), [0.0, 0.0]),
        (single([np.nan, 2.0]), np.array([np.nan, 2.0]), [np.nan, 0.0]),
        (single([1.0, 2.0]), np.array([np.nan, 2.0]), None),
        (single([1.0, 2.0]), single([1.0, 2.0]), None),
        (single([1.0, 2.0]), np.ones((2, 1)), None),
        (single([1.0, 2.0]), np.array([1, 2]), None),
        (np.array([1, 2]), np.array([1.0, 2.0]), None),
    ],
)
def test_a_wider_answer_shows_the_rounding_of_a_narrow_one(narrow: Any, wide: Any, due: Any) -> None:
    """Where it is one: of a wider type and the same shape, and a number where the narrow one is."""
    with np.errstate(invalid="ignore"):
        found = tolerance._difference(narrow, wide)
    assert (None if found is None else str(found.tolist())) == (None if due is None else str(due))


def test_an_answer_moves_with_its_arguments() -> None:
    """As far as they are moved by roundings, with a factor; what raises or changes its shape then tells nothing."""
    x = drawn(4)
    (found,) = tolerance._conditioning(lambda x: (1e3 * x,), [x], [1e3 * x])
    least = tolerances.CONDITIONING_SAFETY * np.finfo(float).eps * 1e3 * np.abs(x)
    assert (found >= 0.5 * least).all()
    assert (found <= 2 * least).all()
    assert not tolerance._conditioning(lambda x: (np.asarray(np.round(x)),), [x], [np.round(x)])[0].any()
    calls: list[int] = []

    def failing(x: Any) -> tuple[Any, ...]:
        calls.append(1)
        if len(calls) == 1:
            raise Violation(fact("answers", what="vjp"), fact("number", value=1.0))
        return (1e3 * x,) if len(calls) > 2 else (x[:2],)

    assert tolerance._conditioning(failing, [x], [1e3 * x])[0].any()
    assert len(calls) == tolerances.CONDITIONING_PROBES


def test_the_size_of_what_a_gradient_is_made_of() -> None:
    """All outputs by their weights, in units of the argument where that is more than 1."""
    found = tolerance.size_of_gradient(np.array([1.0, -2.0]), np.array([3.0, 0.5]), np.array([0.5, -8.0]))
    assert found.tolist() == [4.0, 0.5]
    assert tolerance.beside_cotangent(np.array([1.0, -2.0], np.float32), 0.5) == pytest.approx(
        3 * tolerance.beside_cotangent(np.ones(1), 0.5)
    )
    assert tolerance.unit_roundoff([np.zeros(2), np.zeros(2, np.float32)]) == tolerances.SINGLE_UNIT
    assert tolerance.unit_roundoff([np.zeros(2)]) == tolerances.DOUBLE_UNIT


def test_operations_are_followed_where_they_can_be() -> None:
    """Else what they absorb is granted besides; both cover what rounding does."""
    answers = list(slope(X))
    followed, plain = tolerance.followed_error(slope, [X], answers), tolerance.followed_error(by_numbers, [X], answers)
    assert followed is not None
    assert plain is None
    assert (error(np.float64) <= followed[0]).all()
    assert followed[0][0] < 1e-13
    assert tolerance.rounding_error(slope, [X], answers)[0].tolist() == followed[0].tolist()
    (unseen,), (granted,) = (
        tolerance.unfollowed_error(by_numbers, [X], answers), tolerance.granted(by_numbers, [X], answers, [answers[0]]),
    )  # fmt: skip
    assert tolerance.rounding_error(by_numbers, [X], answers)[0].tolist() == unseen.tolist()
    assert (unseen - granted > 10 * tolerances.INTERMEDIATE_UNITS * tolerances.DOUBLE_UNIT).all()
