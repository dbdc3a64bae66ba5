"""Derivatives from values alone, by the parts of the oracle: steps, entries, directions, kinks, second opinions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.arguments import EVERYWHERE
from reference.gradients.differences import Differences, contracted
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate
from tests.gradients import POSITIVE, drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y = drawn(2, 3), drawn(4)
C = drawn(3, 2).T + 2.0


def product(x: Any, y: Any) -> Any:
    return np.sin(x) * (y**2).sum()


def of_x(c: Any) -> Any:
    return c * np.cos(X) * (Y**2).sum()


def of_y(c: Any) -> Any:
    return 2 * (c * np.sin(X)).sum() * Y


def oracle(function: Callable[..., Any] = product, count: int = 2, **more: Any) -> Differences:
    return Differences(function, (EVERYWHERE,) * count, **more)


def plain(x: Array) -> Array:
    """The sine, by a function of the library of C, which nobody can follow."""
    return np.array([math.sin(each) for each in x])


def test_an_entry_is_the_sum_of_its_outputs_by_their_weights() -> None:
    """With the errors by the weights' sizes; an output whose weight is 0 does not matter."""
    column = Estimate(np.array([[2.0, 5.0], [-1.0, 7.0]]), np.array([[0.5, 0.25], [0.125, np.inf]]))
    found = contracted(np.array([3.0, -2.0, 4.0, 0.0]), column)
    assert found.value == -8.0
    assert 2.5 <= found.error <= 2.5 + 1e-12
    assert np.isinf(contracted(np.ones((2, 2), np.float32), column).error)
    many = np.append(1e16, np.ones(1000))
    found = contracted(np.ones(1001), Estimate(many, 0 * many))
    assert abs(float(found.value) - math.fsum(many)) <= found.error < 1e4


def test_an_entry_and_a_gradient_of_entries() -> None:
    """Those that are not asked about have an infinite error."""
    asked = oracle()
    for number, due in enumerate((of_x(C), of_y(C))):
        last = tuple(n - 1 for n in due.shape)
        found = asked.gradient(C, (X, Y), number, [last])
        assert np.isfinite(found.error).sum() == 1
        assert abs(found.value[last] - due[last]) <= found.error[last] < 1e-8 * np.abs(due).max()
        one = asked.entry(C, (X, Y), number, last)
        assert (one.value, one.error) == (found.value[last], found.error[last])


def test_what_was_told_is_not_asked_again() -> None:
    """Of the same entry at the same place; another place is another question."""
    calls: list[int] = []

    def counted(x: Any, y: Any) -> Any:
        calls.append(1)
        return product(x, y)

    asked = oracle(counted)
    asked.column((X, Y), 0, (0, 1))
    before = len(calls)
    asked.column((X.copy(), Y), 0, (0, 1))
    assert len(calls) == before
    asked.column((X, Y), 0, (0, 2))
    asked.column((X + 1, Y), 0, (0, 1))
    assert len(calls) > before + 4


@pytest.mark.parametrize(
    ("domain", "x", "due"),
    [
        (EVERYWHERE, [0.25, -1.0, 8.0, -64.0], [1.0, 1.0, 8.0, 64.0]),
        (POSITIVE, [4.0], [4.0]),
        ((0.0, 1.0), [0.5], [1.0]),
    ],
)
def test_entries_are_moved_by_their_sizes(domain: Any, x: Any, due: Any) -> None:
    """Or by 1, where they are smaller, as far as there is room."""
    asked, args = Differences(np.sin, (domain,)), [np.array(x)]
    found = asked.steps(args, 0)
    room = np.minimum(args[0] - domain[0], domain[1] - args[0])
    assert (found <= tolerances.STEP_SCALE * np.array(due)).all()
    assert (tolerances.FIRST_DIFFERENCE_STEP * found < room).all()
    assert (found > 0.1 * np.minimum(tolerances.STEP_SCALE * np.array(due), room)).all()


def test_an_entry_without_room_is_not_moved() -> None:
    """Its derivative is not known."""
    asked, args = Differences(np.sin, ((1.0, 2.0),)), [np.array([1.5, np.nextafter(1.0, 2.0)])]
    assert (asked.steps(args, 0) > 0).tolist() == [True, False]
    found = asked.column(args, 0, (1,))
    assert found.value.tolist() == [0.0, 0.0]
    assert np.isinf(found.error).all()


def test_a_kink_is_none_where_the_slopes_are_one() -> None:
    """Nor where there are none."""
    assert oracle().at_kink(C, (X, Y), 0, (0, 0)) is None
    jump = oracle(np.sign, 1)
    assert jump.at_kink(np.ones(1), [np.zeros(1)], 0, (0,)) is None
    size = oracle(np.abs, 1).at_kink(np.array([3.0, 5.0]), [np.array([0.0, 1.0])], 0, (0,))
    assert size is not None
    assert (float(size.value), float(size.error)) == pytest.approx((0.0, 3.0))


def test_slopes_along_directions() -> None:
    """Of one argument, or of all of them together."""
    asked = oracle()
    one, two = np.linspace(-1, 1, 6).reshape(2, 3), np.linspace(-1, 0.5, 4)
    for found, due in (
        (asked.along((X, Y), 0, one), of_x(C) * one),
        (asked.along((X, Y), 1, two), of_y(C) * two),
    ):
        total = contracted(C, found)
        assert abs(total.value - due.sum()) <= total.error < 1e-7
    both = contracted(C, asked.jointly((X, Y), [one, two]))
    assert abs(both.value - (of_x(C) * one).sum() - (of_y(C) * two).sum()) <= both.error < 1e-7


def test_the_complex_step_knows_the_last_digits() -> None:
    """Where the function carries complex numbers; it is believed where differences agree with it."""
    asked = oracle()
    asked.try_complex([])
    assert not asked.carries_complex
    plainly = asked.along((X, Y), 0, np.ones(X.shape))
    name = asked.oracle
    asked.try_complex([(X, Y), (X + 1, Y)])
    assert asked.oracle != name
    found = asked.along((X, Y), 0, np.ones(X.shape))
    assert (found.error < 0.02 * plainly.error).all()
    assert (np.abs(found.value - np.cos(X) * (Y**2).sum()) <= found.error).all()


def test_a_complex_step_that_differences_do_not_confirm_is_not_believed() -> None:
    """What another formula gives for complex numbers is no derivative; what raises there is not asked again."""
    for wrong in (np.cos, lambda x: x.missing):
        asked = oracle(lambda x, wrong=wrong: wrong(x) if np.iscomplexobj(x) else np.sin(x), 1, carries_complex=True)
        found = asked.along([X], 0, np.ones(X.shape))
        assert (np.abs(found.value - np.cos(X)) <= found.error).all()
        assert (found.error > 1e-16).all()
    assert not asked.carries_complex


def test_a_wrong_slope_is_refuted_by_short_steps() -> None:
    """A right one is not; where rounding hides all, any is."""
    asked, direction = oracle(), [np.ones(X.shape), np.ones(Y.shape)]
    due = float(of_x(C).sum() + of_y(C).sum())
    for off in (1e-3, -1e-3, 0.5):
        assert asked.refutes((X, Y), direction, C, due + off, due)
        assert not asked.refutes((X, Y), direction, C, due, due + off)
    assert asked.refutes((X, Y), direction, C, due, due)
    small = [np.full(3, 1e-30)]
    wave = oracle(lambda x: np.sin(1e30 * x), 1)
    slope = float((1e30 * np.cos(1e30 * small[0])).sum())
    assert not wave.refutes(small, [np.ones(3)], np.ones(3), slope, 0.0)
    assert wave.refutes(small, [np.ones(3)], np.ones(3), 0.0, slope)


def test_the_rounding_of_a_function_is_followed_or_given() -> None:
    """Or else measured, and never below what an analysis says, of all outputs or of each."""
    x = np.array([0.5, -1.0, 2.0])
    for function in (np.sin, plain):
        noise, size = oracle(function, 1)._near([x])
        assert (size >= np.abs(np.sin(x))).all()
        assert (noise > 0).all()
        given, _ = oracle(function, 1, rounding=lambda x: np.full(3, 1e-3))._near([x])
        assert (given > 1e3 * noise).all()
    (is_followed, is_plain) = (oracle(each, 1)._at_place([x]).is_followed for each in (np.sin, plain))
    assert (is_followed, is_plain) == (True, False)
    measured = oracle(plain, 1)._at_place([x]).noise
    for analysed, least in (
        (np.array([1e-3]), [1, 1, 1]), (np.array([1e-3, 0.0, 1e-3]), [1, 0, 1]), (np.ones(2), [0, 0, 0]),
    ):  # fmt: skip
        found = oracle(plain, 1, analysed=lambda x, analysed=analysed: analysed)._at_place([x]).noise
        assert ((found > 1e3 * measured) == np.array(least, bool)).all()
    assert np.array_equal(oracle(plain, 1, analysed=lambda x: None)._at_place([x]).noise, measured)


def test_each_place_has_its_own_rounding() -> None:
    """And its own size of the outputs."""
    asked = oracle(np.exp, 1)
    (near, small), (far, large) = (asked._near([np.array([x])]) for x in (0.0, 10.0))
    assert small < 10
    assert large > 2e4
    assert far > 1e3 * near


def test_what_does_not_change_has_no_say_in_a_second_opinion() -> None:
    """Its rounding is not that of the difference."""
    asked = oracle(lambda x: np.append(np.sin(x), 1e15), 1)
    x, direction, weights = [np.array([0.5, -1.0])], [np.ones(2)], np.ones(3)
    due = float(np.cos(x[0]).sum())
    assert asked.refutes(x, direction, weights, due + 1e-3, due)
    assert not asked.refutes(x, direction, weights, due, due + 1e-3)


def test_waves_that_are_far_from_their_origin_lose_their_digits() -> None:
    """The phase is then rounded: no slope is stated more exactly than that lets it be known."""
    for x in (1e3, 1e9):
        found = oracle(np.sin, 1).along([np.array([x])], 0, np.ones(1))
        assert abs(found.value[0] - np.cos(x)) <= found.error[0]
        assert np.isinf(found.error[0]) or found.error[0] < 1e-3


def test_small_entries_beside_large_ones() -> None:
    """What is lost where all entries are moved is granted to those that are small."""
    asked = oracle(lambda x: x[:1] * 1e-9 + x[1:], 1)
    assert asked._has_small([np.array([1e-9, 1.0])])
    assert not asked._has_small([np.array([0.0, 1.0])])
    assert not asked._has_small([np.array([0.5, 1.0])])
    found = asked.column([np.array([1e-9, 1.0])], 0, (1,))
    assert abs(found.value[0] - 1.0) <= found.error[0] < 1e-6
