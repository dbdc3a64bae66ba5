"""What the bounds of networks grant to numbers that underflow: in arithmetic that has no other errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.numerics import network_rounding, running_errors
from reference.numerics.network_rounding import _TYPICAL, _WORST
from reference.numerics.rounding import Precision
from reference.numerics.running_errors import _Computed
from reference.numerics.tolerances import LIBRARY_ULPS, OWN_ROUNDING, SECOND_ORDER

Array = NDArray[Any]

UNDERFLOW = Precision(0.0, 2.0**-60)
TINY = UNDERFLOW.tiny
X, W, b = np.array([[1.0, 2.0, 3.0]]), np.zeros((3, 2)), np.zeros(2)
T = np.array([[1.0, 0.0]])  # both classes have the probability 1 / 2


def assert_equal(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, np.broadcast_to(expected, np.shape(found)), rtol=1e-13, atol=0)


def test_running_analysis_of_one_layer() -> None:
    """Logits, probabilities and losses are off by the smallest number as often as operations may underflow."""
    found = running_errors.network(X, [W, b], T, UNDERFLOW)
    logits = 2 * 3 * TINY
    assert_equal(found.logits, logits)
    moved = 2 * logits  # by the error of the logit itself and by the mean error of all
    assert_equal(found.probabilities, moved / 2 * SECOND_ORDER + 2 * (LIBRARY_ULPS + 2) * TINY)
    # The loss that is given probabilities has two products that underflow, and the one of logits has one.
    assert_equal(found.losses, 2 * 2 * TINY + moved * SECOND_ORDER + 2 * TINY)
    assert found.hidden == ()


def test_delta_of_the_loss_in_running_analysis() -> None:
    """Delta has the errors of the probabilities, and K + 2 + 2 / p_t operations that may underflow."""
    Z = _Computed(np.zeros((1, 2)), np.zeros((1, 2)))
    probabilities, _, delta = running_errors._probabilities_losses_delta(Z, T, UNDERFLOW)
    assert_equal(delta.value, [[-0.5, 0.5]])
    assert_equal(delta.error, probabilities + 2 * (2 + 2 + 2 * 2) * TINY)


def test_parameters_in_running_analysis() -> None:
    """A gradient is granted what `linear_grad` grants, and one operation more for the errors that come with it."""
    A, delta = (
        _Computed(np.array([[1.0], [2.0]]), np.zeros((2, 1))),
        _Computed(np.array([[3.0], [4.0]]), np.zeros((2, 1))),
    )
    weights, biases = running_errors._errors_of_parameters(A, delta, UNDERFLOW)
    assert_equal(weights, 2 * (2 + 1 + 3 + 7) * TINY * SECOND_ORDER + 2 * TINY)
    assert_equal(biases, 2 * (2 + 1) * TINY * SECOND_ORDER + 2 * TINY)


def test_errors_of_both_factors_reach_a_gradient() -> None:
    """Each factor's error is multiplied by the other factor at its largest, and averaged over the samples."""
    exact = Precision(0.0, 0.0)
    A = _Computed(np.array([[1.0], [-2.0]]), np.array([[0.5], [0.25]]))
    delta = _Computed(np.array([[3.0], [4.0]]), np.array([[0.125], [1.0]]))
    weights, biases = running_errors._errors_of_parameters(A, delta, exact)
    largest_A, largest_delta = (2.0, 2.5), (3.25, 6.0)
    due = (largest_A[0] * 0.125 + largest_A[1] * 1.0 + 0.5 * largest_delta[0] + 0.25 * largest_delta[1]) / 2
    assert_equal(weights, due * SECOND_ORDER)
    assert_equal(biases, (0.125 + 1.0) / 2 * SECOND_ORDER)


@pytest.mark.parametrize("model", [_WORST, _TYPICAL])
def test_sums_through_jacobian_matrices(model: Any) -> None:
    """A sum of n numbers is off by twice n of the smallest numbers, in both models."""
    found = network_rounding._error_of_products(np.abs(X), W, 4, UNDERFLOW, model, np.abs(b))
    assert_equal(found, 2 * 4 * TINY)


@pytest.mark.parametrize("model", [_WORST, _TYPICAL])
def test_gradients_through_jacobian_matrices(model: Any) -> None:
    """A mean over N samples is off by twice N of the smallest numbers, in both models."""
    zeros = np.zeros((2, 1))
    weights, biases = network_rounding._errors_of_gradient(zeros, zeros, zeros, zeros, UNDERFLOW, model)
    assert_equal(weights, 2 * 2 * TINY)
    assert_equal(biases, 2 * 2 * TINY)


def test_layers_through_jacobian_matrices() -> None:
    """The first sum has D products and a bias; its error is enlarged by what was computed in double precision."""
    found = network_rounding.bounds(X, [W, b], T, UNDERFLOW)
    assert_equal(found.sums[0], 2 * 4 * TINY * OWN_ROUNDING)
    assert found.decided
    deep = network_rounding.bounds(X, [W, b + 1, np.eye(2), b], T, UNDERFLOW)
    assert_equal(deep.sums[1], (2 * 4 * TINY + 2 * 3 * TINY) * OWN_ROUNDING)
    assert deep.decided
    assert not network_rounding.bounds(X, [W, b, np.eye(2), b], T, UNDERFLOW).decided
