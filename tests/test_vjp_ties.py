"""What is legal where a function has no derivative, at single points: limits, directions that keep ties, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import ties
from reference.gradients.ties import Limits, Place
from reference.numerics import function_tolerances

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
Function = Callable[..., Any]


def place(value: Function, gradients: Function, *floats: Any, outputs: Any = None) -> Place:
    """A point of a function of arrays, with its gradients as a tuple."""
    arrays = tuple(np.asarray(each, float) for each in floats)

    def along(direction: tuple[Array, ...]) -> tuple[float, float]:
        ends = [float(value(*ties.moved(arrays, direction, sign * 1e-3))) for sign in (1.0, -1.0)]
        middle = float(value(*arrays))
        size = 2e-3 * max(1.0, *(np.abs(each).max() for each in arrays))
        is_smooth = abs(ends[0] + ends[1] - 2 * middle) < 1e-3 * abs(ends[0] - ends[1])
        return (ends[0] - ends[1]) / size, 1e-6 if is_smooth else np.inf

    def alone() -> Iterator[Place]:
        yield from (place(*each, *floats) for each in outputs or ((value, gradients),))

    def number(given: tuple[Array, ...]) -> float | None:
        found = value(*given)
        return None if found is None else float(found)

    return Place(arrays, number, lambda given: gradients(*given), along, alone)


def largest(*floats: Any) -> Place:
    return place(np.max, lambda x: (np.eye(x.size)[np.argmax(x)],), *floats)


def sizes(*floats: Any) -> Place:
    return place(lambda *args: sum(np.abs(x).sum() for x in args), lambda *args: tuple(map(np.sign, args)), *floats)


def rng() -> np.random.RandomState:
    return np.random.RandomState(5)


@pytest.mark.parametrize(
    ("floats", "has_any"),
    [(([1.0, 2.0], [3.0]), False), (([1.0, 2.0], [-2.0]), True), (([1.0, 0.0],), True), (([1.0, 1.0],), True)],
)
def test_a_zero_and_equal_sizes_are_coincidences(floats: Any, has_any: bool) -> None:
    """In one array or in two, whatever the signs."""
    assert ties.coincident([np.array(each) for each in floats]) is has_any


def test_arguments_are_moved_by_parts_of_their_largest_number() -> None:
    """Of 1, where that is less; in their own precision."""
    floats = (np.array([4.0, -8.0]), np.array([0.25], np.float32), np.zeros(0))
    found = ties.moved(floats, (np.array([1.0, 0.5]), np.ones(1), np.zeros(0)), 0.125)
    assert [each.tolist() for each in found] == [[5.0, -7.5], [0.375], []]
    assert [each.dtype for each in found] == [each.dtype for each in floats]


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (lambda x: np.sign(x).sum(), True), (lambda x: 1e3 + np.sign(x).sum(), True),
        (lambda x: 0.0 if x[0] == 0 else 1 / x[0], True), (lambda x: 0.0 if x[0] == 0 else np.inf, True),
        (lambda x: np.abs(x).sum(), False), (lambda x: np.sqrt(np.abs(x)).sum(), False),
        (lambda x: 1e3 + x.sum(), False), (lambda x: 7.0, False), (lambda x: None, False),
        (lambda x: None if x.all() else 0.0, False), (lambda x: 1.0 if x.all() else None, False),
        (lambda x: None if abs(x[0]) > 1e-5 else np.sign(x[0]), False), (lambda x: np.sign(x[0] + 0.5 - x[1]), True),
        (lambda x: None if x[0] > 0 else np.sign(x[0]), True), (lambda x: None if x[0] < 0 else np.sign(x[0]), True),
        (lambda x: None if 0 < abs(x[0]) < 1e-5 else np.sign(x[0]), False), (lambda x: min(abs(x[0]), 1.0), False),
    ],
)  # fmt: skip
def test_a_jump_is_no_kink(value: Function, is_one: bool) -> None:
    """Near a jump the values stay away from the one that is there; what is not legal tells nothing."""
    assert ties.jumps(place(value, np.sign, [0.0, 0.5]), rng()) is is_one


@pytest.mark.parametrize(("known", "is_one"), [(0.0, True), (2.0, False)])
def test_a_jump_is_beside_what_values_round(known: float, is_one: bool) -> None:
    """A value that comes no nearer is none where it is as near as roundings of it are."""
    size = function_tolerances.TIE_RELATIVE
    step = place(lambda x: known + size * (x[0] != 0), np.sign, [0.0])
    assert ties.jumps(step, rng()) is is_one


@pytest.mark.parametrize(
    ("value", "x", "index", "has_one"),
    [
        (np.abs, [0.0, 0.5], 0, True), (np.abs, [0.0, 0.5], 1, False), (np.square, [0.0, 0.5], 0, False),
        (lambda x: np.maximum(x, 0) - 3, [0.0, 1.0], 0, True), (np.exp, [0.0, 0.5], 1, False),
        (lambda x: x + 100 * np.abs(x - 100), [0.0, 100.0], 1, True),
        (lambda x: 5 * x + 0.1 * np.abs(x), [0.0, 100.0], 0, False),
    ],
)  # fmt: skip
def test_a_kink_shows_in_the_slopes_before_and_after_it(value: Function, x: Any, index: int, has_one: bool) -> None:
    """At half the distance as well, which a curve's do not."""
    found = place(lambda *given: value(given[1]).sum(), np.sign, [1.0], x)
    assert ties.has_kink_along(found, 1, (index,)) is has_one


def test_where_values_are_not_known_there_is_no_kink() -> None:
    """Before a point, after it or at it."""
    for is_known in (lambda x: x <= 0, lambda x: x >= 0, lambda x: x != 0):
        found = place(lambda x, is_known=is_known: abs(float(x[0])) if is_known(x[0]) else None, np.sign, [0.0])
        assert not ties.has_kink_along(found, 0, (0,))


def test_limits_are_gradients_of_the_pieces_nearby() -> None:
    """An entry that is moved farther than all others is the largest, or the smallest."""
    limits = Limits(largest([1.0, 1.0, 1.0]), rng())
    limits.look(10)
    assert set(map(tuple, limits.rows)) == set(map(tuple, np.eye(3)))
    assert len(limits.rows) == 10
    limits.look(5, 1)
    assert limits.rows[10:].tolist() == [[0.0, 1.0, 0.0]] * 5
    limits.look(5, 1, -1.0)
    assert not limits.rows[15:, 1].any()
    assert (limits.error, limits.diverges) == (0.0, False)


def test_limits_are_extrapolated() -> None:
    """From gradients at two distances, whose difference is told as a part of the error."""
    curved = Limits(place(lambda x: (x**2 / 2 + np.abs(x)).sum(), lambda x: (x + np.sign(x),), [0.0, 3.0]), rng())
    curved.look(6)
    assert np.abs(np.abs(curved.rows[:, 0]) - 1).max() < 1e-12
    assert np.abs(curved.rows[:, 1] - 4).max() < 1e-12
    assert 1e-6 < curved.error < 3 * 2.0**-10
    assert [each.shape for each in curved.split(np.arange(2.0))] == [(2,)]


def test_gradients_that_grow_without_end_have_no_limit() -> None:
    """Nor have those that are not known, or not finite, or those of another piece at half the distance."""
    root = Limits(place(lambda x: np.sqrt(np.abs(x)).sum(), lambda x: (np.sign(x) / np.sqrt(np.abs(x)),), [0.0]), rng())
    root.look(4)
    assert (len(root.rows), root.diverges) == (0, True)
    switch = 2 * function_tolerances.TIE_DISTANCE
    for gradients in (lambda x: None, lambda x: (x * np.nan,), lambda x: (np.where(np.abs(x) > switch, 1.0, -1.0),)):
        none = Limits(place(np.sum, gradients, [0.0]), rng())
        none.look(4, 0)
        assert (len(none.rows), none.diverges) == (0, False)


def test_directions_keep_ties() -> None:
    """Equal numbers move together, and zeros stay, or move together too; what differs moves apart."""
    found = sizes([1.0, 1.0, 0.0], [2.0, -1.0, 0.0])
    limits = Limits(found, rng())
    limits.look(10)
    held, free, alike, *_ = ties._directions(found.floats, limits, np.zeros(6), rng())
    for each in (held, free, alike):
        assert each[0] == each[1] != each[3]
        assert each[2] == each[5]
    assert held[2] == 0.0
    assert free[2] != 0.0
    assert free[4] != -free[0]
    assert alike[4] == -alike[0]


def test_one_direction_is_that_in_which_a_gradient_is_farthest_from_the_limits() -> None:
    """Where they do not reach all directions."""
    found = largest([1.0, 1.0, 0.0])
    limits = Limits(found, rng())
    limits.look(10)
    for off in (3.0, 0.25):
        *_, rest = ties._directions(found.floats, limits, np.array([0.5, 0.5, off]), rng())
        assert rest == pytest.approx([0.0, 0.0, 1.0], abs=1e-9)


#: A point, a gradient of it, and what is said of it.
GRADIENTS: dict[str, tuple[Place, Any, str]] = {
    "the first of three": (largest([1.0, 1.0, 1.0]), [1.0, 0.0, 0.0], "legal"),
    "all by their shares": (largest([1.0, 1.0, 1.0]), [0.25, 0.25, 0.5], "legal"),
    "each as a whole": (largest([1.0, 1.0, 1.0]), [1.0, 1.0, 1.0], "wrong"),
    "what is not the largest": (largest([1.0, 1.0, 0.5]), [0.5, 0.25, 0.25], "wrong"),
    "more than all beside less than none": (largest([1.0, 1.0]), [2.0, -1.0], "wrong"),
    "a slope between": (sizes([0.0, 2.0]), [0.5, 1.0], "legal"),
    "a slope beyond": (sizes([0.0, 2.0]), [1.5, 1.0], "wrong"),
    "a wrong slope beside a kink": (sizes([0.0, 2.0]), [0.0, -1.0], "wrong"),
    "no number": (sizes([0.0, 2.0]), [0.0, np.nan], "wrong"),
    "no finite number": (sizes([0.0, 2.0]), [0.0, np.inf], "unknown"),
    "at a jump": (place(lambda x: np.sign(x).sum(), lambda x: (0 * x,), [0.0, 2.0]), [5.0, 0.0], "unknown"),
    "of a root": (
        place(lambda x: np.sqrt(np.abs(x)).sum(), lambda x: (0.5 * np.sign(x) / np.sqrt(np.abs(x)),), [0.0]), [0.0],
        "unknown",
    ),
    "where no gradient is known": (place(np.sum, lambda x: None, [0.0]), [7.0], "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("which", GRADIENTS)
def test_a_gradient_at_a_tie_has_its_verdict(which: str) -> None:
    """Legal is what lies between limits of gradients nearby, along ties and entry by entry."""
    there, gradient, outcome = GRADIENTS[which]
    found = ties.judge(there, (np.array(gradient),), (np.full(len(gradient), 1e-9),), rng())
    assert found.outcome == outcome
    if which in {"at a jump", "of a root"}:
        assert found.kinked


def test_what_rounding_grants_is_legal() -> None:
    """Of an entry, and along a direction."""
    for there, gradient in ((sizes([0.0, 2.0]), [1.1, 1.0]), (largest([1.0, 1.0]), [0.55, 0.5])):
        for allowed, outcome in ((0.2, "legal"), (1e-3, "wrong")):
            found = ties.judge(there, (np.array(gradient),), (np.full(2, allowed),), rng())
            assert found.outcome == outcome


def test_a_wrong_entry_is_told_with_its_limits() -> None:
    """And with its place in its argument."""
    found = ties.judge(
        sizes([[0.0, 3.0], [0.0, 1.0]]), (np.array([[0.0, 1.0], [4.0, 1.0]]),), (np.zeros((2, 2)),), rng()
    )
    assert (found.outcome, found.argument, found.index, found.low, found.high) == ("wrong", 0, (1, 0), -1.0, 1.0)
    assert found.kinked
    found = ties.judge(
        sizes([3.0], [0.0, 0.0]), (np.ones(1), np.array([0.5, np.nan])), (np.zeros(1), np.zeros(2)), rng()
    )
    assert (found.argument, found.index) == (1, (1,))


def test_a_wrong_slope_is_told_with_its_direction() -> None:
    """What it should be, and what it is."""
    found = ties.judge(largest([1.0, 1.0, 1.0]), (np.ones(3),), (np.zeros(3),), rng())
    assert found.direction is not None
    (direction,) = found.direction
    assert np.ptp(direction) == 0.0
    assert found.due == pytest.approx(direction[0], rel=1e-6)
    assert found.came == pytest.approx(3 * direction[0])


def test_a_smooth_point_has_no_kink() -> None:
    """All limits are one gradient there."""
    smooth = place(lambda x: (x**2).sum(), lambda x: (2 * x,), [0.0, 1.0, 1.0])
    found = ties.judge(smooth, (np.array([0.0, 2.0, 2.0]),), (np.full(3, 1e-9),), rng())
    assert (found.outcome, found.kinked) == ("legal", False)
    assert ties.judge(smooth, (np.array([0.0, 2.0, 3.0]),), (np.full(3, 1e-9),), rng()).outcome == "wrong"


def shared(x: Any) -> Any:
    return np.maximum(x[0], 0) - np.maximum(x[0], 0)


def test_each_output_may_have_a_limit_of_its_own() -> None:
    """A sum of legal gradients is legal, where an entry has no such limit; beyond their sum it is wrong."""
    outputs = [
        (lambda x, sign=sign: sign * np.maximum(x[0], 0.0), lambda x, sign=sign: (sign * (x > 0) * 1.0,))
        for sign in (1.0, -1.0)
    ]
    there = place(shared, lambda x: (0 * x,), [0.0], outputs=outputs)
    for gradient, outcome in ((0.0, "legal"), (1.0, "legal"), (-1.0, "legal"), (1.5, "wrong"), (-2.0, "wrong")):
        assert ties.judge(there, (np.array([gradient]),), (np.full(1, 1e-9),), rng()).outcome == outcome
