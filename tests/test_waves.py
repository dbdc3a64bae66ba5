"""Waves that rounding hides: whose angles are watched, how fast they turn, and what that adds to a slope's error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from reference.numerics import waves
from reference.numerics.estimate import Estimate

X = np.array([0.5, -1.25, 3.0])
Y = np.array([[2.0, 7.0]])


def test_angles_are_those_of_sines_cosines_and_tangents() -> None:
    """In the order in which they are computed, as the code computes them; of other functions there are none."""
    found = waves.angles(lambda x, y: [np.tan(np.sin(3 * x) + 1), np.exp(x) * np.cos(y).sum()], [X, Y])
    due = [3 * X, np.sin(3 * X) + 1, Y]
    assert all(np.array_equal(one, other) for one, other in zip(found, due, strict=True))
    assert waves.angles(lambda x: [np.exp(np.tanh(x))], [X]) == []


@pytest.mark.parametrize("fails", [lambda x: np.linalg.inv(np.outer(x, x) * 0), lambda x: x.no_such_method()])
def test_code_that_fails_has_the_angles_before_that(fails: Any) -> None:
    """The exception is nobody's fault here."""
    assert len(waves.angles(lambda x: [fails(np.sin(x)), np.cos(x)], [X])) == 1


def speed(compute: Any, at: float, scale: float = 1.0) -> float:
    """How fast the angles of a function turn at a number, along 1."""

    def place(t: float) -> list[Any]:
        return [np.array([at + t])]

    return waves.turning(compute, waves.angles(compute, place(0.0)), place, scale)


@pytest.mark.parametrize(
    ("compute", "at", "due"),
    [
        (lambda x: [np.sin(5 * x)], 2.0, 5.0),
        (lambda x: [np.sin(-5 * x) + np.cos(9 * x) + np.tan(x)], 2.0, 9.0),  # the fastest counts
        (lambda x: [np.sin(x**3)], 2.0, 12.0),
        (lambda x: [np.cos(np.concatenate([x, 40 * x]))], 2.0, 40.0),
        (lambda x: [np.exp(x)], 2.0, 0.0),
        (lambda x: [np.sin(x * np.zeros(0))], 2.0, 0.0),
        (lambda x: [np.sin(x) + np.sin(np.inf * x)], 2.0, 1.0),  # a difference of infinities tells nothing
    ],
)  # fmt: skip
def test_the_fastest_angle_tells_the_speed(compute: Any, at: float, due: float) -> None:
    """For each unit of a step, whatever the scale; 0 without waves."""
    for scale in (1.0, 1e-3):
        assert speed(compute, at, scale) == pytest.approx(due, rel=2e-3)


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: [np.sin(x) if x[0] == 2 else np.sin(np.cos(x))],
        lambda x: [np.sin(x if x[0] == 2 else np.concatenate([x, x]))],
        lambda x: [np.sin(x) if x[0] == 2 else x],
    ],
    ids=["more waves", "another shape", "none"],
)
def test_code_that_takes_another_way_turns_at_any_speed(compute: Any) -> None:
    """One step away: then nothing is known of its waves."""
    assert speed(compute, 2.0) == math.inf


def test_what_is_absorbed_grows_with_speed_and_noise() -> None:
    """Entry by entry; waves that do not turn, or have no noise, hide nothing, and any speed hides anything."""
    noise = np.array([1.0, 3.0, 0.0])
    one, double = waves.absorbed(2.0, noise), waves.absorbed(4.0, noise)
    assert (one[:2] >= 2 * noise[:2]).all()
    assert (double == 2 * one).all()
    assert one[1] == 3 * one[0]
    assert waves.absorbed(math.inf, noise).tolist() == [math.inf, math.inf, 0.0]


def slope_of(forward: Any, noise: Any = 0.0) -> Estimate:
    """What differences tell of a function that absorbs all that varies, with what its waves add."""
    told = Estimate(np.array([0.25, 0.25]), np.array([0.5, 0.75]))

    def place(t: float) -> list[Any]:
        return [np.array([1.0, 2.0]) + t]

    return waves.with_absorbed(told, forward, place(0.0), place, 1.0, noise)


def test_a_slope_that_a_sum_absorbs_is_within_the_error() -> None:
    """By the rounding of the sum, or by more noise where that is known; without waves nothing is added."""
    found = slope_of(lambda x: np.sin(x) + 4e15)
    assert found.value.tolist() == [0.25, 0.25]
    assert (found.error > [0.5, 0.75]).all()
    assert (np.abs(np.cos([1.0, 2.0]) - found.value) <= found.error).all()
    assert (slope_of(lambda x: np.sin(1e3 * x) + 4e15).error > 1e2 * found.error).all()
    quiet, noisy = slope_of(lambda x: np.sin(x) - 1), slope_of(lambda x: np.sin(x) - 1, np.array([1e-3, 0.0]))
    assert quiet.error == pytest.approx([0.5, 0.75], abs=1e-12)
    assert (noisy.error > quiet.error).tolist() == [True, False]
    assert slope_of(lambda x: x + 4e15).error.tolist() == [0.5, 0.75]
