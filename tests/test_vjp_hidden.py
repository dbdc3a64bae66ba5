"""Roundings of results that are kept in doubles: how they are estimated, and how much of them is granted at most."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import Violation
from reference.gradients import hidden
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.numerics import function_tolerances, tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, WHOLE, Y, C = np.array([0.5, -8.0]), np.array([3, 4]), np.array([[0.25, 1.0]]), np.array([1.5, -2.5])
CASE = Case("as given", (X, WHOLE, Y), 0)
#: What may be granted to a number of size 1 beside an argument of 8.
MOST = tolerances.HIDDEN_UNITS * tolerances.DOUBLE_UNIT * 8
ANSWERS, SIZES = (np.array([2.0, -4.0]), np.array([[8.0, 16.0]])), [np.array([1.0, 3.0]), np.array([[2.0, 0.0]])]


def function(bound: float = 0.0, estimate: float = 0.0, **more: Any) -> Any:
    """What answers the same gradients wherever it is asked, unless it is told otherwise."""

    def gradients(case: Case, cotangent: Array) -> Any:
        assert case is CASE
        assert cotangent is C
        return ANSWERS, [np.full(each.shape, bound) for each in ANSWERS]

    def estimated_bounds(case: Case, cotangent: Array) -> Any:
        assert case is CASE
        assert cotangent is C
        return [np.full(each.shape, estimate) * (1 + number) for number, each in enumerate(ANSWERS)]

    found = SimpleNamespace(
        gradients=gradients, estimated_bounds=estimated_bounds, unit=tolerances.DOUBLE_UNIT,
        sizes=lambda case, cotangent: SIZES if case is CASE and cotangent is C else None,
        pattern=pattern(CASE.args, None),
        gradient_function=lambda case: (lambda c, x, y: (0 * x, 0 * y)) if case is CASE else None,
    )  # fmt: skip
    vars(found).update(more)
    return found


def off(position: int, parts: Any, error: float = 0.0) -> Estimate:
    """A truth from which the answer is off by so many times what may be granted to it."""
    most = MOST * (np.abs(ANSWERS[position]) + SIZES[position])
    return Estimate(ANSWERS[position] + np.array(parts) * most, np.full(ANSWERS[position].shape, error))


@pytest.mark.parametrize("position", [0, 1])
def test_an_estimate_counts_where_it_can_excuse_all_that_is_off(position: int) -> None:
    """What may be granted is a part of the answer and of what it was subtracted from, times the largest argument."""
    tiny = 2.0**-60
    asked, shape = function(estimate=tiny), ANSWERS[position].shape
    for parts, error in (([0.9, -0.9], 0.0), ([0.0, 0.0], 0.0), ([1.9, -0.9], MOST * 100)):
        found = hidden.of_gradient(asked, CASE, C, position, off(position, np.array(parts).reshape(shape), error))
        assert (found == tiny * (1 + position)).all()
    bounded = function(bound=MOST * 100)
    assert not hidden.of_gradient(bounded, CASE, C, position, off(position, np.full(shape, 1.9))).any()
    for parts in ([1.1, 0.0], [0.0, -1.1]):
        found = hidden.of_gradient(asked, CASE, C, position, off(position, np.array(parts).reshape(shape)))
        assert found is not None
        assert not found.any()


def test_no_more_is_granted_than_that() -> None:
    """A larger estimate is cut to the most that is granted."""
    found = hidden.of_gradient(function(estimate=1.0), CASE, C, 1, off(1, [[0.5, 0.5]]))
    assert np.array_equal(found, MOST * np.array([[10.0, 16.0]]))


def test_what_scatters_is_granted_where_it_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Than the estimate, entry by entry, of the gradient that is asked about."""
    tiny = 2.0**-60
    scatter = [np.zeros(2), np.array([[3 * tiny, 9 * tiny]])]
    monkeypatch.setattr(hidden, "_scatter", lambda *given: scatter if given[1:] == (CASE, C) else None)
    found = hidden.of_gradient(function(estimate=2 * tiny), CASE, C, 1, off(1, [[0.5, 0.5]]))
    assert found.tolist() == [[4 * tiny, 9 * tiny]]


def test_single_precision_hides_nothing() -> None:
    """Its results are kept in a wider type."""
    single = function(bound=0.25, estimate=1.0, unit=tolerances.SINGLE_UNIT)
    assert (hidden.of_gradient(single, CASE, C, 0, off(0, [0.5, 0.5])) == 0.25).all()
    assert hidden.of_forward(single, CASE, np.ones((2, 3))).tolist() == [[0.0] * 3] * 2


def watched(compute: Any, seen: list[Any] | None = None) -> Any:
    """A function whose gradients are computed so."""

    def run(*given: Array) -> Any:
        if seen is not None:
            seen.append(given)
        return compute(*given)

    return function(gradient_function=lambda case: run if case is CASE else None)


def test_gradients_nearby_scatter_around_a_smooth_curve() -> None:
    """By a few times what each is off from it; a smooth function hardly scatters."""
    rng = np.random.RandomState(1)
    for size in (0.0, 1e-9, 1e-12):
        one, two = hidden._scatter(
            watched(lambda c, x, y, size=size: (c * x**2, y + size * rng.uniform(-1, 1, y.shape))), CASE, C
        )
        assert one.shape == X.shape
        assert two.shape == Y.shape
        assert (one < 1e-12).all()
        assert (two <= 2 * function_tolerances.SCATTER_SAFETY * size + 1e-14).all()
        assert (two >= size).all()


def test_all_that_is_given_is_moved_a_little_to_both_sides() -> None:
    """Each number by its own part of itself, no further than is said; the same each time."""
    seen: list[Any] = []
    hidden._scatter(watched(lambda c, x, y: (x, y), seen), CASE, C)
    assert len(seen) == tolerances.DIFFERENCE_ROUNDING_POINTS
    parts = np.array([
        np.concatenate([np.ravel(one / each - 1) for one, each in zip(given, (C, X, Y), strict=True)]) for given in seen
    ])  # fmt: skip
    parts /= function_tolerances.SCATTER_REACH
    assert np.abs(parts).max() <= 1 + 1e-6
    assert (parts.min(axis=0) < -0.05).all()
    assert (parts.max(axis=0) > 0.05).all()
    ratios = parts / parts[:, :1]
    assert np.allclose(ratios, ratios[0], rtol=1e-4)
    assert len(np.unique(ratios[0].round(3))) == 6
    assert 0.25 <= ratios[0].max() / ratios[0].min() <= 4
    again: list[Any] = []
    hidden._scatter(watched(lambda c, x, y: (x, y), again), CASE, C)
    assert all(map(np.array_equal, seen[0], again[0]))


def test_gradients_that_cannot_be_had_nearby_do_not_scatter() -> None:
    """Where one of these gradients is missing, the estimate is 0."""
    calls: list[Any] = []

    def raising(c: Array, x: Array, y: Array) -> Any:
        if len(calls) == 3:
            raise Violation(fact("answers", what="vjp"), fact("number", value=1.0))
        return x * np.random.uniform(1, 2), y

    one, two = hidden._scatter(watched(raising, calls), CASE, C)
    assert len(calls) == tolerances.DIFFERENCE_ROUNDING_POINTS
    assert (one.tolist(), two.tolist()) == ([0.0, 0.0], [[0.0, 0.0]])


def test_roundings_of_the_forward_pass_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of them is granted than is to gradients of that size."""
    output, estimate = np.array([2.0, -4.0]), np.array([MOST, MOST * 100])
    monkeypatch.setattr(hidden, "estimated", lambda *given: [estimate] if given == ("f", "x") else None)
    asked = function(rounded_forward=lambda case, given: ("f", "x") if case is CASE and given is output else ())
    assert hidden.of_forward(asked, CASE, output).tolist() == [MOST, MOST * 4]


@pytest.mark.parametrize(("args", "largest"), [
    ((X, WHOLE, Y), 8.0), ((0.125 * X / 8, WHOLE, Y * 0.5), 1.0), ((X, WHOLE * 100, Y), 8.0),
    ((X, WHOLE, 16 * Y), 16.0), ((np.zeros(0), WHOLE, Y), 1.0),
])  # fmt: skip
def test_what_may_be_granted_grows_with_the_largest_argument(args: Any, largest: float) -> None:
    """Of those that are differentiated, and of 1 where all are smaller."""
    size = np.array([0.5, 2.0])
    found = hidden._most(function(), Case("", args, 0), size)
    assert np.array_equal(found, tolerances.HIDDEN_UNITS * tolerances.DOUBLE_UNIT * largest * size)
