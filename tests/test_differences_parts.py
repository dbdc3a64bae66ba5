"""The parts of finite differences: where they look, how they extrapolate, and when they know that they know nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from reference.numerics import tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import finite_differences
from reference.numerics.oracles.finite_differences import agreeing, derivative, directional, rounding_noise, vjp
from reference.numerics.sampling import seeded

LEVELS = tolerances.DIFFERENCE_LEVELS
HALVES = 0.5 ** np.arange(5.0)


@pytest.mark.parametrize(("scale", "near"), [(1.0, 1.0), (3.0, 1.0), (1.0, 0.25), (2.0, 0.5)])
def test_places_are_halved_steps_and_a_few_close_ones(scale: float, near: float) -> None:
    """On both sides; asked one by one, or all together, which tells the same."""
    asked: list[float] = []

    def f(t: float) -> Any:
        asked.append(t)
        return np.array([math.exp(t), t])

    found = derivative(f, scale, near=near)
    steps = scale * near / 8 * 0.5 ** np.arange(LEVELS)
    far = sorted((t for t in asked if abs(t) >= steps[-1]), reverse=True)
    assert far == [*steps, *-steps[::-1]]
    close = [t for t in asked if abs(t) < steps[-1]]
    assert close.count(0.0) == 1
    assert len(set(close)) == len(close) == 1 + tolerances.DIFFERENCE_ROUNDING_POINTS
    assert min(close) < 0 < max(close) <= scale * tolerances.DIFFERENCE_ROUNDING_RANGE
    assert max(map(abs, close)) > scale * tolerances.DIFFERENCE_ROUNDING_RANGE / 4
    together = derivative(lambda ts: [f(t) for t in ts], scale, near=near, together=True)
    assert np.array_equal(together.value, found.value)
    assert np.array_equal(together.error, found.error)


def test_noise_that_is_known_enlarges_the_error() -> None:
    """At all steps, or at each its own; by more than the noise over the step that is taken."""

    def f(t: float) -> Any:
        return np.array([math.sin(t)])

    quiet, noisy = derivative(f), derivative(f, noise=1e-6)
    assert quiet.error[0] < 1e-10
    assert noisy.error[0] > 1e-5
    far_noise = np.where(np.arange(LEVELS) < 3, 1.0, 0.0)[:, None]
    assert derivative(f, noise=far_noise).error[0] < 1e-9 < noisy.error[0]


def test_a_column_of_the_tableau_removes_one_power() -> None:
    """Exactly, where there is no other; the distance is that of the farther one of the two."""
    column = 2 + 3 * HALVES[:, None] ** 2 * [1.0, -1.0]
    following, off = finite_differences._next_column(column, 4.0)
    assert following.tolist() == [[2.0, 2.0]] * 4
    assert off.tolist() == np.abs(column - 2)[:-1].tolist()
    fourth, _ = finite_differences._next_column(2 + HALVES[:, None] ** 4, 16.0)
    assert fourth.tolist() == [[2.0]] * 4


@pytest.mark.parametrize(
    ("smooth", "value", "shortest"), [([1, 1, 1, 1], 5.0, 1), ([0, 1, 1, 1], 2.0, 3), ([0, 0, 0, 1], 0.0, 0)]
)
def test_steps_that_span_a_kink_are_not_used(smooth: list[int], value: float, shortest: int) -> None:
    """However well they agree; where too few are left the error is infinite."""
    odd, steps = np.array([[5.0], [5.0], [2.0], [2.0]]), HALVES[:4, None]
    usable = np.array(smooth, dtype=bool)[:, None]
    found = finite_differences._extrapolated(odd, np.ones((4, 1)), steps, 1e-9 / steps, usable)
    assert [each.tolist() for each in found[::2]] == [[value], [shortest]]
    assert np.isinf(found[1][0]) == (value == 0)


@pytest.mark.parametrize(
    ("gaps", "rounding", "smooth"),
    [
        ([8, 4, 2, 1], 0, [0, 1, 1, 1]),  # there is nothing to compare the largest with
        ([8, 8, 8, 8], 0, [0, 0, 0, 0]),  # a jump of the slope
        ([8, 4, 4, 4], 0, [0, 0, 0, 0]),  # which a large curvature hid at first
        ([8, 8, 4, 2], 0, [0, 0, 1, 1]),  # a kink that only large steps reach
        ([8, 4, 4, 2], 0, [0, 0, 0, 1]),
        ([8, 8, 8, 8], 2, [0, 1, 1, 1]),  # all of it is rounding
        ([8, 8, 8, 8], 1.9, [0, 0, 0, 0]),
        ([0, 0, 0, 0], 0, [0, 1, 1, 1]),
    ],
)
def test_a_kink_shows_in_one_sided_differences(gaps: list[float], rounding: float, smooth: list[int]) -> None:
    """Where half the step leaves more than half of their gap, and in all larger steps; entry by entry."""
    forward = np.array([gaps, [8, 4, 2, 1]], float).T
    found = finite_differences._is_smooth(forward / 2, -forward / 2, np.full(forward.shape, rounding))
    assert found[:, 0].tolist() == [bool(each) for each in smooth]
    assert found[1:, 1].all()


def test_noise_is_what_no_parabola_explains() -> None:
    """Entry by entry, in the shape of the results."""
    places = seeded(3).uniform(-1, 1, 9)
    curve = 1 + 2 * places - 3 * places**2
    table = np.stack([curve, curve + np.where(np.arange(9) == 4, 1e-3, 0), 1e3 * curve, np.abs(places)], axis=1)
    found = rounding_noise(places, table.reshape(9, 2, 2))
    assert found.shape == (2, 2)
    assert found[0, 0] < 1e-14
    assert 2e-4 < found[0, 1] <= 1e-3
    assert found[1, 0] < 1e-11
    assert found[1, 1] > 1e-2


def test_rounding_is_that_of_the_farthest_place() -> None:
    """Of a longer step it is no less than of a shorter one; where the code cannot be followed it is none."""

    def moved(t: float) -> list[Any]:
        return [np.array([1.0 + 8 * t, 1.0 - 8 * t])]

    rows, nearest = finite_differences._noise(lambda x: np.exp(4 * x), moved, 1.0)
    assert rows.shape == (LEVELS, 2)
    assert (np.diff(rows, axis=0) <= 0).all()
    assert np.array_equal(rows[-1], nearest)
    assert (rows[0] > 2 * rows[1]).tolist() == [False, True]
    assert (rows[1] > nearest).tolist() == [True, False]
    assert (nearest > 0).all()
    assert (nearest <= 1e-13 * np.exp(4.0)).all()
    assert finite_differences._noise(lambda x: x.no_such_method(), moved, 1.0) == (0.0, 0.0)


TOLD = Estimate(np.array([2.0, 3.0]), np.array([1e-9, 1e-9]))


def agreed(f: Any, found: Estimate = TOLD, noise: Any = 0.0, **options: Any) -> list[bool]:
    """In which entries an estimate is still known; what is not has the value 0."""
    left = agreeing(f, options.pop("scale", 1.0), found, noise, **{"ratio": 1.0, "args": ()} | options)
    known = np.isfinite(left.error)
    assert np.array_equal(left.value, np.where(known, found.value, 0.0))
    assert np.array_equal(left.error[known], found.error[known])
    return [bool(each) for each in known]


def test_short_steps_must_not_speak_against_long_ones() -> None:
    """By more than the error and the noise; each entry by itself, whatever the scale."""
    right = lambda t: np.array([2 * t, 3 * t])  # noqa: E731 - short
    wrong = lambda t: np.array([2 * t, 4 * t])  # noqa: E731
    for scale in (1.0, 1e-6, 1e6):
        assert agreed(right, scale=scale) == [True, True]
        assert agreed(wrong, scale=scale) == [True, False]
    assert agreed(wrong, Estimate(TOLD.value, np.full(2, 2.0))) == [True, True]
    assert agreed(wrong, noise=1e-3) == [True, True]
    assert agreed(wrong, noise=np.array([0.0, 1e-3])) == [True, True]
    assert agreed(wrong, noise=np.array([1e-3, 0.0])) == [True, False]
    nowhere = Estimate(np.zeros(2), np.full(2, np.inf))
    assert agreeing(wrong, 1.0, nowhere, 0.0, ratio=1.0, args=()) is nowhere
    half = agreeing(wrong, 1.0, Estimate(TOLD.value, np.array([np.inf, 1e-9])), 0.0, ratio=1.0, args=())
    assert half.error.tolist() == [np.inf, np.inf]


def test_a_step_that_rounding_hides_speaks_against_nothing() -> None:
    """The rounding of the values, of the argument that it is added to, or noise that the values show."""
    assert agreed(lambda t: np.array([2 * t, 3 * t]) + 1e3) == [True, True]
    coarse = lambda t: np.array([2.0, 3.0]) * ((1e5 + t) - 1e5)  # noqa: E731 - short
    assert agreed(coarse, ratio=1e5) == [True, True]
    assert agreed(coarse) == [False, False]
    noisy = lambda t: np.array([2.0, 3.0]) * t + (1e-4 if t > 0 else 0.0)  # noqa: E731
    assert agreed(noisy) == [False, False]
    assert agreed(noisy, is_floor=True) == [True, True]


@pytest.mark.parametrize(
    ("args", "known"),
    [
        ([], True), ([np.ones(2)], True), ([np.array([1e-50, 0.0])], False), ([np.ones(1), np.array([1e-50])], False),
        ([np.array([1e-3])], True), ([np.zeros(2)], True), ([np.array([1e-307])], False),
    ],
)  # fmt: skip
def test_steps_as_short_as_the_arguments_are_taken(args: list[Any], known: bool) -> None:
    """Of all of them, where they are smaller than all steps; a function that is flat but next to 0 is unknown."""

    def flat(t: float) -> Any:
        return np.array([2 * t, 3 * t]) + 1e-50 * np.tanh(t * 1e50)

    sizes = [float(size) for each in args for size in each if size]
    assert agreed(flat, args=args, ratio=min(sizes, default=1.0)) == [known, known]


def test_all_is_unknown_where_steps_of_the_argument_are_hidden() -> None:
    """By rounding: x / (x + t) + 1 at a small x, say; an output that is 0 hides nothing."""
    small = [np.array([1e-30])]
    assert agreed(lambda t: np.array([2 * t, 3 * t + 1]), args=small) == [True, False]
    assert agreed(lambda t: np.array([2 * t, 3 * t])) == [True, True]
    assert agreed(lambda t: np.array([2 * t, 0 * t]), Estimate(np.array([2.0, 0.0]), TOLD.error), args=small) == [
        True, True,
    ]  # fmt: skip


def test_directions_are_measured_by_the_arguments() -> None:
    """The steps are as large for a direction of any length, and for arguments of any size as parts of it."""
    reaches = []
    for size, length in ((1.0, 1.0), (1.0, 1e3), (1e3, 1.0), (0.0, 2.0), (1.0, 0.0)):
        seen: list[float] = []

        def watched(x: Any, size: float = size, seen: list[float] = seen) -> Any:
            seen.append(float(np.abs(np.asarray(x) - size).max()))
            return x * 1.0

        directional(watched, [np.array([size])], [np.array([length])])
        reaches.append(max(seen) / (size or 1.0))
    assert reaches[:4] == pytest.approx([0.125] * 4)
    assert reaches[4] == 0
    along = directional(lambda xs: [np.exp(x) for (x,) in xs], [np.ones(2)], [np.array([1.0, -2.0])], together=True)
    assert np.abs(along.value - math.e * np.array([1.0, -2.0])) == pytest.approx(0, abs=1e-9)


def test_an_output_that_is_not_asked_for_may_be_unknown() -> None:
    """Its cotangent is 0; one that is asked for makes all unknown."""

    def kinked(x: Any) -> Any:
        return np.array([np.abs(x).sum(), (x * x).sum()])

    x = np.array([0.0, 1.5])
    (found,) = vjp(kinked, np.array([0.0, 2.0]), (x,))
    assert np.abs(found.value - 4 * x) == pytest.approx(0, abs=1e-9)
    assert (found.error < 1e-8).all()
    (unknown,) = vjp(kinked, np.array([1e-9, 2.0]), (x,))
    assert np.isinf(unknown.error).tolist() == [True, False]


def test_what_a_sum_absorbs_is_in_the_error() -> None:
    """No difference of values shows it: they are all the same."""
    (found,) = vjp(lambda x: (x + 1e17) - 1e17, np.ones(2), (np.array([0.5, -2.0]),))
    assert (np.abs(found.value - 1) <= found.error).all()


def test_whole_numbers_and_truths_are_doubles_too() -> None:
    """Whatever is no real number is refused with its place."""
    found = finite_differences.doubles([np.arange(2), np.array([True]), np.float32(0.5), [1]], "args")
    assert [each.dtype for each in found] == [np.float64] * 4
    for odd in (np.array([1j]), np.array([None]), np.array(["a"])):
        with pytest.raises(ValueError, match=rf"^x\[1\]: expected real numbers, got an array of dtype {odd.dtype}"):
            finite_differences.doubles([np.ones(1), odd], "x")
