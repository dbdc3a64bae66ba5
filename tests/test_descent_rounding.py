"""Each term of the bound for a whole batch, by itself: gaps alone, roundings alone, underflow alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.numerics import rounding
from reference.numerics.descent_rounding import _before, _gradient, _linear, _loss, _Rows, _through_mask, due
from reference.numerics.rounding import DOUBLE, SINGLE, Precision
from reference.numerics.tolerances import OWN_ROUNDING, SECOND_ORDER

Array = NDArray[Any]

#: Arithmetic without errors, with roundings alone, and with underflow alone.
EXACT, ROUNDED, UNDERFLOW = Precision(0.0, 0.0), Precision(2.0**-20, 0.0), Precision(0.0, 1.0)
W = np.array([[2.0, 0.0, 0.0], [0.0, 1.0, 2.0]])  # |W|_F = 3


def rows(value: Any, gap: Any) -> _Rows:
    return _Rows(np.array(value, dtype=float), np.array(gap, dtype=float))


def assert_equal(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("p", "gap"),
    [
        (EXACT, [7.0, 0.0]),
        (ROUNDED, [7 + 2 * ROUNDED.gamma(3) * (6 * 3 + 5), 2 * ROUNDED.gamma(3) * 5]),
        (UNDERFLOW, [7 + 4 * 3 * 3, 4 * 3 * 3]),
    ],
)
def test_linear_layer(p: Precision, gap: list[float]) -> None:
    """A gap is multiplied by the norm; the sums of D + 1 numbers are rounded in both codings, or underflow."""
    found = _linear(rows([[3, 4], [0, 0]], [1, 0]), W, np.array([3.0, 4.0, 0.0]), 7.0, p)
    assert found.value.tolist() == [[9, 8, 8], [3, 4, 0]]
    assert_equal(found.gap, np.array(gap) * OWN_ROUNDING)


@pytest.mark.parametrize(
    ("p", "gap"), [(EXACT, 7.0), (ROUNDED, 7 + 2 * ROUNDED.gamma(3) * 6 * 3), (UNDERFLOW, 7 + 4 * 3 * 2)]
)
def test_delta_of_a_linear_layer(p: Precision, gap: float) -> None:
    """Backwards the sums are of U products."""
    found = _before(rows([[3, 4, 0]], [1]), W, 7.0, p)
    assert found.value.tolist() == [[6, 4]]
    assert_equal(found.gap, [gap * OWN_ROUNDING])


def test_undecided_units_are_granted_their_delta() -> None:
    """A unit whose sign rounding decides may pass all of its delta and of its gap; other units add nothing."""
    before, on = rows([[3, 4, 9], [1, 2, 3]], [1, 1]), np.array([[True, False, True], [True, True, True]])
    none = np.zeros((2, 3), dtype=bool)
    decided = _through_mask(before, on, none)
    assert decided.value.tolist() == [[3, 0, 9], [1, 2, 3]]
    assert decided.gap.tolist() == [1, 1]
    some = none.copy()
    some[0, :2] = True
    found = _through_mask(before, on, some)
    assert found.value.tolist() == decided.value.tolist()
    assert_equal(found.gap, [1 + np.hypot(4, 5), 1])


@pytest.mark.parametrize(
    ("gaps", "p", "averaged_first", "weights", "biases"),
    [
        (([1, 2], [0.5, 0.25]), EXACT, 0.0, (3 * 0.5 + 4 * 0.25 + 6.5 + 2 * 8.25) / 2, 0.75 / 2),
        (([0, 0], [0, 0]), EXACT, 2.0**-10, 2.0**-10 * 50 / 2, 0.0),
        (([0, 0], [0, 0]), ROUNDED, 0.0, 2 * ROUNDED.gamma(4) * 50 / 2, 2 * ROUNDED.gamma(4) * np.sqrt(2) * 10 / 2),
        (([0, 0], [0, 0]), UNDERFLOW, 0.0, 4 * (3 + 5 + 10) * np.sqrt(2), 4 * (3 + 5 + 10) * np.sqrt(2)),
        (([3, 4], [0, 0]), ROUNDED, 0.0,
         (3 * 6 + 4 * 8 + 2 * ROUNDED.gamma(4) * 10 * 10) / 2, 2 * ROUNDED.gamma(4) * np.sqrt(2) * 10 / 2),
        (([0, 0], [3, 4]), ROUNDED, 0.0,
         (3 * 3 + 4 * 4 + 2 * ROUNDED.gamma(4) * 5 * 15) / 2, (7 + 2 * ROUNDED.gamma(4) * np.sqrt(2) * 15) / 2),
    ],
)  # fmt: skip
def test_gradient(gaps: Any, p: Precision, averaged_first: float, weights: float, biases: float) -> None:
    """A gradient has the gaps of both factors, N + 2 roundings in both codings, and what underflows."""
    found_W, found_b = _gradient(rows([[3], [4]], gaps[0]), rows([[6], [8]], gaps[1]), p, averaged_first)
    assert (found_W.value.tolist(), found_b.value.tolist()) == ([[25.0]], [7.0])
    assert_equal(found_W.bound, [[weights * OWN_ROUNDING]])
    assert_equal(found_b.bound, [biases * OWN_ROUNDING])


def test_gradient_of_several_units_has_each_pair() -> None:
    """The bound of an entry is made of its own column of inputs and its own column of delta."""
    found, _ = _gradient(rows([[3, 0], [4, 1]], [0, 0]), rows([[6, 1], [8, 0]], [0, 0]), ROUNDED, 0.0)
    assert_equal(found.bound, ROUNDED.gamma(4) * np.outer([5, 1], [10, 1]) * OWN_ROUNDING)


LOGITS, TARGETS = np.log([[1.0, 3.0]]), np.array([[1.0, 0.0]])
P = np.array([[0.25, 0.75]])


def test_loss_moves_with_its_logits() -> None:
    """Logits that are off by a gap move the logarithm of a probability by twice as much."""
    probabilities, losses, delta = _loss(_Rows(LOGITS, np.array([0.125])), TARGETS, EXACT)
    assert_equal(probabilities.value, P)
    assert_equal(losses.value, [[np.log(4)]])
    assert_equal(delta.value, P - TARGETS)
    moved = P * np.expm1(0.25) * SECOND_ORDER
    assert_equal(probabilities.bound, moved)
    assert_equal(losses.bound, [[0.25 * SECOND_ORDER]])
    assert_equal(delta.gap, [np.linalg.norm(moved * SECOND_ORDER) * OWN_ROUNDING])


@pytest.mark.parametrize(("k", "roundings"), [(2, 7), (3, 8), (4, 10)])
def test_loss_is_rounded_in_both_codings(k: int, roundings: int) -> None:
    """Roundings come twice; a loss from the other classes has the error of 1 - p over p."""
    Z, T = np.log([[1.0, 3.0, *np.ones(k - 2)]]), np.eye(k)[:1]
    p, one = ROUNDED, 1 / (4 + k - 2)
    probabilities, losses, delta = _loss(_Rows(Z, np.zeros(1)), T, p)
    own = rounding.softmax(Z, probabilities.value, p)
    assert_equal(probabilities.bound, 2 * own * SECOND_ORDER)
    others = p.gamma(2 * k + 2) * (1 - one + k * p.u) / one
    by_logits = rounding.logits_loss(Z, T, probabilities.value, p)
    assert_equal(losses.bound, 2 * (by_logits + others + p.u) * SECOND_ORDER)
    rounded = p.gamma(roundings) * (probabilities.value + T)
    assert_equal(delta.gap, [np.linalg.norm((probabilities.bound + 2 * rounded) * SECOND_ORDER) * OWN_ROUNDING])


def test_loss_may_underflow() -> None:
    """An entry of delta that underflows is off by the smallest number as often as the formula says."""
    _, _, delta = _loss(_Rows(LOGITS, np.zeros(1)), TARGETS, UNDERFLOW)
    own = 2 * rounding.softmax(LOGITS, P, UNDERFLOW) * SECOND_ORDER
    each = (own + 2 * 2 * (2 + 2 + 2 / 0.25)) * SECOND_ORDER
    assert_equal(delta.gap, [np.linalg.norm(each) * OWN_ROUNDING])


THETA = [np.array([[1.0, -1.0], [2.0, 0.5]]), np.array([0.5, 0.25]), np.array([[1.0, -1.0], [0.5, 2.0]]), np.zeros(2)]
X, T = np.array([[1.0, 2.0], [-2.0, 1.0], [0.5, -1.0]]), np.eye(2)[[0, 1, 1]]


def test_values_are_those_of_an_honest_coding() -> None:
    """Probabilities, losses and gradients are those that any coding computes, in the order of the parameters."""
    found = due(X, T, THETA, DOUBLE)
    assert found is not None
    hidden = np.maximum(X @ THETA[0] + THETA[1], 0)
    Z = hidden @ THETA[2] + THETA[3]
    probabilities = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    assert_equal(found.probabilities.value, probabilities)
    losses = -np.log((T * probabilities).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found.losses.value, losses, rtol=1e-13, atol=1e-15)
    delta = probabilities - T
    before = (delta @ THETA[2].T) * (hidden > 0)
    expected = [X.T @ before / 3, before.mean(axis=0), hidden.T @ delta / 3, delta.mean(axis=0)]
    for part, value in zip(found.gradient(), expected, strict=True):
        np.testing.assert_allclose(part.value, value, rtol=1e-12, atol=1e-16)
        assert ((part.bound > 0) & (part.bound < 1e-12)).all()


def test_inputs_in_single_precision_may_be_averaged_in_it() -> None:
    """Only the gradient of the first weights is granted the two roundings of X / N in single precision."""
    double, single = (due(X.astype(dtype), T, THETA, DOUBLE) for dtype in (np.float64, np.float32))
    assert double is not None
    assert single is not None
    more = [one.bound - other.bound for one, other in zip(single.gradient(), double.gradient(), strict=True)]
    assert [bool(each.any()) for each in more] == [True, False, False, False]
    before = ((double.probabilities.value - T) @ THETA[2].T) * (X @ THETA[0] + THETA[1] > 0)
    columns = np.outer(np.linalg.norm(X, axis=0), np.linalg.norm(before, axis=0))
    np.testing.assert_allclose(more[0], SINGLE.gamma(2) * columns / 3, rtol=1e-5)


def test_unit_at_0_is_undecided() -> None:
    """Whether a unit at 0 passes its delta is open even in exact arithmetic; any other unit is decided there."""
    W, b = np.array([[1.0, 1.0]]), np.array([0.0, 1.0])
    found = due(np.array([[0.0]]), np.array([[1.0, 0.0]]), [W, b, np.eye(2), np.zeros(2)], EXACT)
    assert found is not None
    assert found.gradient()[1].bound.tolist() == pytest.approx([found.gradient()[1].bound[0]] * 2)
    assert found.gradient()[1].bound[0] > 0.1
    other = due(np.array([[1e-300]]), np.array([[1.0, 0.0]]), [W, b, np.eye(2), np.zeros(2)], EXACT)
    assert other is not None
    assert not any(part.bound.any() for part in other.gradient())


@pytest.mark.parametrize(
    ("scale", "is_due"), [(1.0, True), (600.0, True), (650.0, False), (1e308, False), (np.inf, False)]
)
def test_nothing_is_due_near_underflow_and_overflow(scale: float, is_due: bool) -> None:
    """Targets with a probability below 2^-900, and logits that overflow, leave nothing to judge."""
    theta = [np.array([[0.0, scale]]), np.zeros(2)]
    assert (due(np.ones((1, 1)), np.array([[1.0, 0.0]]), theta, DOUBLE) is not None) is is_due


def test_a_gap_is_enlarged_by_the_layers_behind_it() -> None:
    """By their norms: what the first layer loses reaches the outputs."""
    theta = [np.array([[1e8, 1e8]]), np.array([1.0, 2.0]) - 1e8, np.eye(2), np.zeros(2)]
    one, larger = (due(np.ones((1, 1)), T[:1], [*theta[:2], size * theta[2], theta[3]], DOUBLE) for size in (1, 2))
    assert one is not None
    assert larger is not None
    assert (one.losses.bound > 1e-9).all()
    assert (larger.losses.bound > 1.9 * one.losses.bound).all()
