"""Whether a backward message is the derivative of the own forward pass: what is asked, and how far it may be off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.lab.cases import Sizes
from reference.lab.checks import consistency
from reference.lab.context import ORDINARY
from reference.lab.contract import Message
from reference.lab.mistakes import plain
from tests.examining import with_methods
from tests.hearing import (
    DELTA,
    LOSS,
    OF,
    RELU,
    arguments,
    caught,
    context,
    each_message,
    heard,
    shape_of,
    shapes,
)  # fmt: skip

pytestmark = pytest.mark.catalogue


@each_message
def test_own_derivatives_are_taken_in_three_sizes(message: Message) -> None:
    """By moving the inputs, or the parameters for a gradient of them, either way; targets stay."""
    if message.method == "forward":
        return
    asks = context()
    consistency.check_derivative_of_own_forward(asks, message)
    assert asks.oracles == ["finite differences"] or len(asks.oracles) == 1
    asked = [steps[-1] for steps in heard(asks)]
    backward = [each for each in asked if each.method == message.method]
    sizes = [Sizes(1, 1, 2), Sizes(2, 2, 2), ORDINARY]
    assert shapes([arguments(each) for each in backward], message) == [shape_of(message, each) for each in sizes]
    forward = [each for each in asked if each.method == "forward"]
    assert len(forward) > 6
    assert all(set(each.arguments) == ({"X", "T"} if "T" in message.arguments else {"X"}) for each in forward)
    assert len(asks.log) >= 3
    if message.key == "cross_entropy":
        assert all((arguments(each)["X"] > 0).all() for each in forward)
        assert all(np.allclose(arguments(each)["X"].sum(axis=1), 1) for each in forward)


@pytest.mark.parametrize(
    ("method", "word"),
    [("delta", lambda self, Y, delta_next: 2 * delta_next * (Y > 0)),
    ("forward", lambda self, X: 2 * np.maximum(X, 0))],
)  # fmt: skip
def test_a_derivative_of_another_function_is_told(method: str, word: Any) -> None:
    """By the slope that is due and the one that came."""
    found = caught(consistency.check_derivative_of_own_forward, DELTA, with_methods("ReLULayer", {method: word}))
    assert (found.due.kind, found.came.kind) == ("slope of forward", "number")
    factor = 0.5 if method == "delta" else 2.0
    assert found.due["value"] == pytest.approx(factor * found.came["value"], rel=1e-5)
    assert found.asked[0] is DELTA
    assert np.shape(found.counterexample["Y"]) == (1, 2)


@pytest.mark.parametrize(("part", "is_wrong"), [(2.0**-40, False), (1e-4, True), (-1e-4, True)])
def test_a_derivative_may_be_as_far_off_as_differences_are(part: float, is_wrong: bool) -> None:
    """Of the own forward pass; a gradient is summed over its samples for that."""
    for subject in ("LinearLayer.delta", "LinearLayer.grad", "LossCrossEntropy.delta"):
        message = OF[subject]
        right = getattr(plain.CLASSES[message.cls], message.method)

        def scaled(self: Any, *args: Any, right: Any = right, **named: Any) -> Any:
            found = right(self, *args, **named)
            return [(1 + part) * each for each in found] if isinstance(found, list) else (1 + part) * found

        classes = with_methods(message.cls, {message.method: scaled})
        if is_wrong:
            found = caught(consistency.check_derivative_of_own_forward, message, classes)
            assert found.came["value"] == pytest.approx(found.due["value"], rel=3e-4)
        else:
            consistency.check_derivative_of_own_forward(context(classes), message)


def test_probabilities_are_moved_as_far_as_they_stay_positive() -> None:
    """By half of the way at most; others as far as anybody likes."""
    point, direction = np.array([[0.5, 0.5]]), np.array([[0.25, -0.25]])
    assert consistency._room(LOSS, point, direction) == 1.0
    assert consistency._room(LOSS, point, np.array([[0.0, -0.125]])) == 2.0
    assert consistency._room(LOSS, point, np.zeros((1, 2))) == np.inf
    assert consistency._room(RELU, point, direction) == np.inf
    assert consistency._legal(LOSS, np.array([[1.0, 3.0]])).tolist() == [[-1.0, 1.0]]
    assert consistency._legal(RELU, np.array([[1.0, 3.0]])).tolist() == [[1.0, 3.0]]
