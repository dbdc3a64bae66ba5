"""A gradient that is cut, turned round or kept in part on its way has its word, wherever that happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.gradients import drawn
from tests.test_diagnosis_mechanisms import told

pytestmark = pytest.mark.catalogue

Turn = Callable[[Any], Any]
X, W, FACTOR = drawn(4, 3), drawn(3, 4) / 2, drawn(4, 4) + 2.0


def same(array: Any) -> Any:
    return array


def forward(x: Any, w: Any) -> Any:
    return np.sin(np.tanh(x) @ w) * FACTOR[: len(x)]


def wrongly(cotangent: Turn = same, before: Turn = same, after: Turn = same, value: Turn = same) -> Any:
    """The gradient with a turn of what comes in, of what enters the product, of what leaves it, or of an argument."""

    def vjp(c: Any, x: Any, w: Any) -> Any:
        h = np.tanh(x)
        g = before(cotangent(c) * np.cos(h @ w) * FACTOR[: len(x)])
        return after(g @ value(w).T) * (1 - h**2), h.T @ g

    return vjp


def without(axis: int, place: int) -> Turn:
    def turn(array: Any) -> Any:
        found = array.copy()
        found[(slice(None),) * axis + (place,)] = 0.0
        return found

    return turn


def alone(axis: int, place: int) -> Turn:
    return lambda array: array - without(axis, place)(array)


def flipped(*axes: int) -> Turn:
    return lambda array: np.flip(array, axes)


#: Each turn, and its word: of most of them wherever they happen.
TURNS: dict[str, tuple[Turn, str]] = {
    "without the last row": (without(0, -1), "last-sample-wrong"),
    "without the first row": (without(0, 0), "term-missing"),
    "without the last column": (without(1, -1), "term-missing"),
    "without the first column": (without(1, 0), "term-missing"),
    "of the first row alone": (alone(0, 0), "not-summed"),
    "of the last row alone": (alone(0, -1), "not-summed"),
    "of the first column alone": (alone(1, 0), "not-summed"),
    "of the last column alone": (alone(1, -1), "not-summed"),
    "upside down": (flipped(0), "transposed"),
    "from right to left": (flipped(1), "transposed"),
    "both ways round": (flipped(0, 1), "transposed"),
}
#: Where it happens, and for which argument that is asked.
PLACES = [("cotangent", 0), ("cotangent", 1), ("before", 0), ("before", 1), ("after", 0), ("value", 0)]
#: What else some of them are, of the argument that has rows itself: a row of its gradient is wrong.
OTHERWISE = {
    ("without the last row", "value", 0): "term-missing",
    **{("without the first row", where, 0): "row-wrong" for where in ("cotangent", "before", "after")},
    ("both ways round", "value", 0): None,
}


@pytest.mark.parametrize("which", TURNS)
def test_a_turn_has_its_word(which: str) -> None:
    """At each place; a gradient that is turned by a part alone is called otherwise."""
    turn, word = TURNS[which]
    for where, position in PLACES:
        found = told(forward, wrongly(**{where: turn}), (X, W), position)
        assert found == OTHERWISE.get((which, where, position), word), (where, position)
    half = wrongly(before=lambda array: 0.6 * array + 0.4 * turn(array) ** 2)
    assert told(forward, half, (X, W), 0) != word


def test_of_two_rows_nobody_knows_whether_one_is_left_out_or_the_other_kept() -> None:
    """So neither the last sample is blamed, nor a sum that is not made."""
    for turn in (without(0, 0), without(0, -1), alone(0, 0), alone(0, -1)):
        for where in ("cotangent", "before"):
            assert told(forward, wrongly(**{where: turn}), (X[:2], W), 1) == "term-missing"
