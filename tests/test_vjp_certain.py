"""What balls say for certain of a gradient, by what is known of it: outside all gradients nearby, or the derivative."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import certain
from reference.gradients.cases import Case
from reference.numerics import ball_tolerances, function_tolerances
from reference.numerics.estimate import Estimate

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
C, X = np.array([1.0, -0.5], np.float32), np.array([[3.0, 4.0]])
CASE = Case("as given", (X,), 7)
#: Of so coarse a type that what is lost beside the cotangent is 1.5 / 256.
UNIT = 2.0**-8 / function_tolerances.LOST_UNITS
LOST = 1.5 * 2.0**-8


def estimate(value: Any, error: Any) -> Estimate:
    return Estimate(np.array([value], float), np.broadcast_to(np.array([error], float), np.shape([value])))


def known(near: Any, *, is_large: bool = False, **more: Any) -> Any:
    """A forward pass of which these gradients are known nearby; or a definition, which has the shape (2, 1)."""
    pattern = SimpleNamespace(is_large=is_large)
    function = SimpleNamespace(spec=more.get("spec"), unit=UNIT, pattern=pattern)
    return SimpleNamespace(
        function=function, around=lambda cotangent, case: near if (cotangent is C and case is CASE) else None
    )


def wrong(answer: Any, near: Estimate, bound: float, *, at_kinks: bool = True, cotangent: Array = C) -> Any:
    stub = known((near,))
    stub.around = lambda cotangent, case: (near,)
    answers, bounds = [np.array([answer], float)], [np.full((1, len(answer)), bound)]
    return certain.surely_wrong(stub, CASE, cotangent, answers, bounds, at_kinks=at_kinks)


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """No further roundings than the bound, unless a test says so."""
    monkeypatch.setattr(certain.hidden, "of_gradient", lambda *_: np.zeros(X.shape))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_entry_outside_all_gradients_nearby_is_wrong(sign: float) -> None:
    """By more than their width, the bound and the lost digits together."""
    near, allowed = estimate([2.0, 5.0], [0.25, 0.5]), 0.5 + 0.125 + LOST
    assert wrong([2.0, 5.0 + sign * allowed], near, 0.125) is None
    found = wrong([2.0, 5.0 + sign * (allowed + 2.0**-20)], near, 0.125)
    assert found is not None
    position, index, around = found
    assert (position, index, float(around.value), float(around.error)) == (0, (0, 1), 5.0, 0.5)


def test_the_entry_that_is_farthest_off_is_told() -> None:
    """Entries that are no numbers, or of which nothing is known, are not it."""
    assert wrong([3.0, 9.0], estimate([2.0, 5.0], 0.0), 0.0)[1] == (0, 1)
    assert wrong([8.0, 6.0], estimate([2.0, 5.0], 0.0), 0.0)[1] == (0, 0)
    assert wrong([np.nan, 6.0], estimate([2.0, 5.0], 0.0), 0.0)[1] == (0, 1)
    assert wrong([9.0, 6.0], estimate([2.0, 5.0], [np.inf, 0.0]), 0.0)[1] == (0, 1)
    assert wrong([9.0, 6.0], estimate([2.0, 5.0], np.inf), 0.0) is None


@pytest.mark.parametrize(("hidden", "is_wrong"), [(0.0, True), (0.125, True), (0.25, False), (0.375, False)])
def test_roundings_that_the_bound_does_not_see_excuse_too(
    monkeypatch: pytest.MonkeyPatch, hidden: float, is_wrong: bool
) -> None:
    """The larger one counts of the two: of the function, in the case, of the gradient that is off."""
    asked: list[Any] = []

    def of_gradient(*args: Any) -> Array:
        asked.append(args)
        return np.full(X.shape, hidden)

    monkeypatch.setattr(certain.hidden, "of_gradient", of_gradient)
    near = estimate([2.0, 5.0], 0.0)
    assert (wrong([2.0, 5.25 + LOST], near, 0.125) is not None) is is_wrong
    ((function, case, cotangent, position, told),) = asked
    assert (function.unit, case, position) == (UNIT, CASE, 0)
    assert cotangent is C
    assert told is near
    asked.clear()
    assert wrong([2.0, 5.0], near, 0.0) is None
    assert not asked


@pytest.mark.parametrize(("error", "value", "cotangent", "is_wrong"), [
    (1e-7, 0.0, [1.0, 0.0], True), (1.1e-7, 0.0, [1.0, 0.0], False), (2.5e-7, 0.0, [1.0, -2.0], True),
    (0.5e-7, 0.0, [0.25, 0.0], False), (5e-6, 100.0, [1.0, 0.0], True), (5e-6, -100.0, [1.0, 0.0], True),
    (5e-6, 10.0, [1.0, 0.0], False),
])  # fmt: skip
def test_where_several_gradients_are_near_it_may_be_a_kink(
    error: float, value: float, cotangent: Any, is_wrong: bool
) -> None:
    """Such entries count only where kinks do; what is one gradient is told by its size, or the cotangent's."""
    near, weights = estimate([value, 0.0], error), np.array(cotangent)
    assert wrong([value + 9.0, 0.0], near, 0.0, cotangent=weights) is not None
    answers, bounds = [np.array([[value + 9.0, 0.0]])], [np.zeros((1, 2))]
    stub = known((near,))
    stub.around = lambda *_: (near,)
    assert certain.surely_wrong(stub, CASE, weights, answers, bounds) is not None
    assert (wrong([value + 9.0, 0.0], near, 0.0, at_kinks=False, cotangent=weights) is not None) is is_wrong


def test_an_argument_without_entries_has_none_that_is_wrong() -> None:
    """Such an argument gives no violation, whatever the cotangent is."""
    assert wrong([], estimate([], 0.0), 0.0, at_kinks=False) is None


def test_gradients_nearby_are_those_of_the_definition() -> None:
    """Or of the forward pass where there is none, unless it has too many numbers; the second argument may be off."""
    near = (estimate([2.0, 5.0], 0.0), estimate([1.0, 1.0], 0.0))
    answers, bounds = [np.array([[2.0, 5.0]]), np.array([[1.0, 3.0]])], [np.zeros((1, 2))] * 2
    seen: list[Any] = []

    def around(*args: Any) -> Any:
        seen.append(args)
        return near

    spec = SimpleNamespace(shape=(2, 1), rigorous=SimpleNamespace(around=around))
    for stub in (known(near), known(None, spec=spec), known(None, is_large=True, spec=spec)):
        found = certain.surely_wrong(stub, CASE, C, answers, bounds)
        assert found is not None
        assert found[:2] == (1, (0, 1))
    for cotangent, args in seen:
        assert cotangent.tolist() == [[1.0], [-0.5]]
        assert args is CASE.args
    for stub in (known(near, is_large=True), known(None), known(None, spec=SimpleNamespace(
        shape=(2,), rigorous=SimpleNamespace(around=lambda *_: None)))):  # fmt: skip
        assert certain.surely_wrong(stub, CASE, C, answers, bounds) is None


def derivative(answer: Any, truth: Any, bound: float = 0.25, **more: Any) -> bool:
    """Whether an answer is said to be the derivative, of which so much is known, by a definition or without one."""
    asked: list[Any] = []

    def gradient(*args: Any) -> Any:
        asked.append(args)
        return truth

    spec = SimpleNamespace(is_rigorous=more.get("is_rigorous", True), gradient=gradient)
    nothing: Any = SimpleNamespace(function=SimpleNamespace(spec=spec))
    forward: Any = SimpleNamespace(
        function=SimpleNamespace(spec=None),
        gradient=gradient,
        is_known=lambda case: case is CASE and more.get("is_rigorous", True),
    )
    answers, bounds = [np.array([each], float) for each in answer], [np.full((1, 2), bound) for _ in answer]
    one, two = (certain.is_the_derivative(stub, CASE, C, answers, bounds) for stub in (nothing, forward))
    assert one is two
    for cotangent, args, enough in asked:
        assert cotangent is C
        assert args is CASE.args
        assert [each.tolist() for each in enough] == [[[ball_tolerances.RESOLUTION * bound] * 2]] * len(answer)
    return one


def test_an_answer_may_be_the_derivative_for_certain() -> None:
    """Each of its entries, to within its rounding and the error of what balls know, which is no more than that."""
    right = (estimate([2.0, 5.0], [0.0, 0.125]), estimate([1.0, -1.0], 0.25))
    assert derivative([[2.25, 4.625], [1.5, -1.5]], right)
    assert not derivative([[2.25, 4.5], [1.5, -1.5]], right)
    assert not derivative([[2.25, 5.5], [1.5, -1.5]], right)
    assert not derivative([[2.25, 5.0], [1.5, -0.25]], right)
    assert not derivative([[np.nan, 5.0], [1.5, -1.5]], right)
    assert not derivative([[2.0, 5.0], [1.0, -1.0]], (right[0], estimate([1.0, -1.0], [0.0, 0.375])))
    assert not derivative([[2.0, 5.0], [1.0, -1.0]], (estimate([2.0, 5.0], [0.375, 0.0]), right[1]))


def test_what_balls_do_not_know_is_no_derivative() -> None:
    """Nor what they do not run in."""
    assert not derivative([[2.0, 5.0]], None)
    assert not derivative([[2.0, 5.0]], (estimate([2.0, 5.0], 0.0),), is_rigorous=False)
