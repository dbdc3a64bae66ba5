"""A function in ball arithmetic, by itself: values, gradients, ties, what is beyond doubles, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import rigorous
from reference.gradients.rigorous import Rigorous
from reference.numerics import ball_tolerances
from reference.numerics.estimate import Estimate
from tests.comparing import needs_flint
from tests.gradients import drawn

pytestmark = [pytest.mark.catalogue, needs_flint]

Array = NDArray[Any]
X, Y, C = drawn(2, 3), drawn(3) + 2.0, drawn(3, 2).T + 2.0


def product(x: Any, y: Any) -> Any:
    return np.sin(x) * y


def on(function: Callable[..., Any], *places: int) -> Rigorous:
    return Rigorous(function, "numpy", places or (0,))


def encloses(found: Estimate, due: Any) -> bool:
    return bool((np.abs(found.value - due) <= found.error + 1e-15 * np.abs(due)).all() and found.error.max() < 1e-12)


def test_values_and_gradients_are_enclosed() -> None:
    """Of the arguments that are differentiated; others are passed on."""
    both, second = on(product, 0, 1), on(product, 1)
    value = both.value((X, Y))
    assert value is not None
    assert encloses(value, product(X, Y))
    assert both.value((X.copy(), Y)) is value
    found = both.gradient(C, (X, Y))
    assert found is not None
    assert len(found) == 2
    assert encloses(found[0], C * np.cos(X) * Y)
    assert encloses(found[1], (C * np.sin(X)).sum(axis=0))
    assert both.gradient(C, (X, Y)) is found
    other = both.gradient(-C, (X, Y))
    assert other is not None
    assert encloses(other[0], -C * np.cos(X) * Y)
    alone = second.gradient(C, (X, Y))
    assert alone is not None
    assert [each.value.shape for each in alone] == [(3,)]


def test_what_is_not_finite_or_raises_has_no_value() -> None:
    """That refuses nothing at other arguments."""

    def short(x: Any) -> Any:
        if len(x) > 2:
            raise ValueError("too long")
        return x * 1.0

    for function, bad in ((np.log, np.array([-1.0])), (short, np.ones(3))):
        found = on(function)
        assert found.value((bad,)) is None
        assert found.refusal is None
        good = found.value((np.ones(1),))
        assert good is not None
    assert found.raised is not None
    assert "too long" in found.raised


def test_what_does_not_run_on_balls_is_refused() -> None:
    """With the operation, once and for all."""
    found = on(lambda x: np.fft.fft(x).real)
    assert found.value((Y,)) is None
    assert found.refusal is not None
    assert "fft" in found.refusal
    assert found.gradient(np.ones(3), (Y + 1,)) is None
    for answer in (found.around(np.ones(3), (Y,)), found.nearby(np.ones(3), (Y,), [Y]), found.rounding((Y,)),
                   found.beyond_doubles((Y,)), found.sampled(np.ones(3), (Y,), [np.ones(3, bool)])):  # fmt: skip
        assert answer is None
    assert not found.is_ordinary((Y,))


def test_too_many_numbers_are_refused() -> None:
    """But for a sample of them."""
    found, many = on(lambda x: x * 2.0), np.linspace(1.0, 2.0, ball_tolerances.MOST_BALLS_AT_ONCE + 1)
    assert found.value((many,)) is None
    assert found.refusal is not None
    assert str(ball_tolerances.MOST_BALLS_AT_ONCE) in found.refusal
    chosen = np.zeros(many.size, bool)
    chosen[3] = True
    sampled = found.sampled(np.ones(many.size), (many,), [chosen])
    assert sampled is not None
    value, (gradient,) = sampled
    assert value.value == pytest.approx(2 * many)
    assert gradient.value[3] == 2.0
    assert np.isfinite(gradient.error).tolist() == chosen.tolist()


def test_equal_numbers_are_ties() -> None:
    """At a kink the estimate is of all slopes nearby; elsewhere there is one."""
    size = on(lambda x: np.abs(x) + x)
    assert size.has_ties((np.array([0.0, 1.0]),))
    assert not size.has_ties((np.array([0.5, 1.0]),))
    found = size.gradient(np.ones(2), (np.array([0.0, 1.0]),))
    assert found is not None
    low, high = found[0].value - found[0].error, found[0].value + found[0].error
    assert low == pytest.approx([0.0, 2.0], abs=1e-6)
    assert high == pytest.approx([2.0, 2.0], abs=1e-6)
    for sign, due in ((1.0, 2.0), (-1.0, 0.0)):
        near = size.nearby(np.ones(2), (np.array([0.0, 1.0]),), [np.array([sign, 0.5])])
        assert near is not None
        assert near[0].value == pytest.approx([due, 2.0])
    assert size.nearby(np.ones(2), (np.array([0.0, 1.0]),), [np.zeros(2)]) is None


def test_a_choice_by_comparison_is_told_by_the_points_all_around() -> None:
    """Each of several equal numbers is the largest in one of them; of very many nobody asks."""
    x = np.array([1.0, 1.0, 0.5])
    for largest in (lambda x: np.sort(x)[-1] * 1.0, lambda x: x[np.argmax(x)] * 1.0, np.max):
        found = on(largest).gradient(np.asarray(1.0), (x,))
        assert found is not None
        assert found[0].value == pytest.approx([0.5, 0.5, 0.0])
        assert found[0].error == pytest.approx([0.5, 0.5, 0.0])
    many = np.ones(ball_tolerances.MOST_TIED_ENTRIES + 1)
    assert on(lambda x: np.sort(x)[-1] * 1.0).gradient(np.asarray(1.0), (many,)) is None
    around = on(np.abs).around(np.ones(1), (np.zeros(1),))
    assert around is not None
    assert (float(around[0].value[0]), float(around[0].error[0])) == pytest.approx((0.0, 1.0))


def test_numbers_beyond_doubles_are_seen() -> None:
    """In the entries that pass through them, too large or, where that is asked, too small."""
    found = on(lambda x: x * np.exp(-(x**2)))
    beyond = found.beyond_doubles((np.array([1e200, 0.5]),))
    assert beyond is not None
    assert beyond[0].tolist() == [True, False]
    flat = on(lambda x: 1.0 + np.exp(x))
    for underflow, due in ((False, [False, False]), (True, [True, False])):
        seen = flat.beyond_doubles((np.array([-800.0, 0.5]),), underflow=underflow)
        assert seen is not None
        assert seen[0].tolist() == due
    assert not flat.is_ordinary((np.array([-800.0]),))
    assert flat.is_ordinary((np.array([0.5]),))
    assert not on(np.abs).is_ordinary((np.array([0.0]),))


def test_roundings_are_bounded() -> None:
    """Where digits are lost, by more; of one result, or of one among several."""
    x = np.array([1e-6, 0.5])
    found = on(lambda x: (1 - np.cos(x)) / x**2).rounding((x,))
    assert found is not None
    off = np.abs((1 - np.cos(x)) / x**2 - np.array([0.5 - 1e-12 / 24, (1 - np.cos(0.5)) * 4]))
    assert off[0] <= found[0]
    assert found[0] > 1e3 * found[1] > 0
    two = rigorous.rounding_of(on(lambda x: (x * 1.0, np.exp(x))).on_balls(), (x,), 1)
    assert two is not None
    assert (two > 0).all()
    assert rigorous.rounding_of(on(lambda x: (x * 1.0, np.exp(x))).on_balls(), (x,)) is None
    assert rigorous.rounding_of(on(lambda x: [].pop()).on_balls(), (x,)) is None


def test_an_estimate_of_several_numbers_holds_all_of_them() -> None:
    """Entry by entry, with their errors."""
    found = rigorous._hull([
        Estimate(np.array([1.0, -2.0]), np.array([0.5, 0.0])), Estimate(np.array([3.0, -2.0]), np.array([0.25, 0.125])),
    ])  # fmt: skip
    assert found.value == pytest.approx([1.875, -2.0])
    assert (found.value - found.error <= [0.5, -2.125]).all()
    assert (found.value + found.error >= [3.25, -1.875]).all()
    assert found.error == pytest.approx([1.375, 0.125])
