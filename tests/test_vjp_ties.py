"""What is legal where a function has no derivative, at single points: limits, directions that keep ties, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
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


def test_directions_lead_to_both_sides() -> None:
    """In one of them some numbers grow and others shrink, none by more than 1 or less than a half."""
    there = sizes([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    limits = Told(there, np.ones((10, 6)))
    found = np.array(list(ties._directions(there.floats, limits, np.ones(6), rng())))
    assert found.shape == (3 * function_tolerances.TIE_DIRECTIONS, 6)
    assert ((found > 0).any(axis=1) & (found < 0).any(axis=1)).any()
    assert (np.abs(found) <= 1.0).all()
    assert (np.abs(found) >= 0.5).all()


@pytest.mark.parametrize(("rank", "is_saturated"), [(0, True), (4, True), (5, True), (6, False), (9, False)])
def test_what_is_left_of_a_gradient_is_a_direction_where_limits_are_saturated(rank: int, is_saturated: bool) -> None:
    """More of them then lie in the same space; what is left is at right angles to that, and as long as 1."""
    there = sizes(np.arange(1.0, 13.0))
    steps = 100.0 * np.eye(12)[:rank]
    steps[:1] *= 1e2
    rows = np.vstack([np.zeros(12), *steps[:rank], np.zeros((9 - rank, 12))])[:10] + np.arange(12.0)
    rows[3, 10] += 1e-4  # so small that it is no dimension
    claimed = rows[0] + np.where(np.arange(12) == 11, -4.0, 0.0)
    found = list(ties._directions(there.floats, Told(there, rows), claimed, rng()))
    assert len(found) == 3 * function_tolerances.TIE_DIRECTIONS + is_saturated
    if is_saturated:
        assert found[-1] == pytest.approx(-np.eye(12)[11], abs=1e-4)


@pytest.mark.parametrize(("known", "outcome"), [(4, "unknown"), (5, "legal")])
def test_few_limits_say_nothing(known: int, outcome: str) -> None:
    """Half of those that are looked for have to be there."""
    calls: list[int] = []

    def gradients(x: Array) -> Any:
        calls.append(1)
        return (np.ones(1),) if len(calls) <= 2 * known else None

    found = ties.judge(place(np.sum, gradients, [0.0]), (np.ones(1),), (np.zeros(1),), rng())
    assert (found.outcome, found.kinked) == (outcome, False)


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


class Told(Limits):
    """Limits that stand here, and those that are seen by each further look."""

    def __init__(self, there: Place, rows: Any, *further: Any) -> None:
        super().__init__(there, rng())
        self.rows = np.array(rows, float)
        self.further = list(further)
        self.looks: list[Any] = []

    def look(self, count: int, boost: Any = None, sign: float = 1.0) -> None:
        self.looks.append((count, None if boost is None else np.ravel(boost).tolist(), sign))
        if self.further:
            self.rows = np.concatenate([self.rows, np.reshape(self.further.pop(0), (-1, self.rows.shape[1]))])


@pytest.mark.parametrize(
    ("far", "near", "limit", "diverges"),
    [
        (100.0, 105.0, 110.0, False), (100.0, 111.0, None, False), (100.0, 131.0, None, True),
        (100.0, 110.0, 120.0, False), (0.015625, 0.01640625, 0.0171875, False), (0.015625, 0.01953125, None, False),
        (1.0, -1.25, None, False), (-1.0, 1.5, None, True), (0.0, 0.0, 0.0, False), (0.0, 1.0, None, True),
        (np.nan, 1.0, None, False), (1.0, np.inf, None, False),
    ],
)  # fmt: skip
def test_a_limit_is_made_of_gradients_at_two_distances(far: float, near: float, limit: Any, diverges: bool) -> None:
    """One that grows much has none; one that differs much is of another piece."""
    switch = 2 * function_tolerances.TIE_DISTANCE
    limits = Limits(place(np.sum, lambda x: (np.where(np.abs(x) > switch, far, near),), [0.0]), rng())
    with np.errstate(all="ignore"):
        limits.look(3, 0)
    assert limits.rows.tolist() == ([] if limit is None else [[limit]] * 3)
    assert limits.diverges is diverges
    assert limits.error == (0.0 if limit is None else function_tolerances.TIE_ERROR * abs(near - far))


def test_the_largest_error_of_limits_counts() -> None:
    """Of all that were looked at."""
    gaps = iter([0.0, 2.0, 0.0, 1.0])
    limits = Limits(place(np.sum, lambda x: (np.full(1, 100.0 + next(gaps)),), [0.0]), rng())
    limits.look(2)
    assert limits.error == function_tolerances.TIE_ERROR * 2.0


def test_several_entries_are_moved_farther_together() -> None:
    """To one side; the others to either side, by less, at two distances of which one is half the other."""
    seen: list[Array] = []
    limits = Limits(place(np.sum, lambda x: (seen.append(x) or 0 * x,), [0.0, 0.0, 0.0, 0.0]), rng())
    limits.look(20, np.array([0, 2]), -1.0)
    moves = np.array(seen) / function_tolerances.TIE_DISTANCE
    assert np.allclose(moves[::2], 2 * moves[1::2])
    assert np.allclose(moves[::2][:, [0, 2]], -function_tolerances.TIE_BOOST)
    others = moves[::2][:, [1, 3]]
    assert (np.abs(others) <= 1).all()
    assert (np.abs(others) >= 0.25).all()
    assert (others > 0).any(axis=0).all()
    assert (others < 0).any(axis=0).all()
    assert (np.sign(others[:, 0]) != np.sign(others[:, 1])).any()


@pytest.mark.parametrize(
    ("claimed", "apart", "disagrees"),
    [
        (1.5625, 0.0, False), (1.57, 0.0, True), (0.4375, 0.0, False), (0.43, 0.0, True), (-1.0, 0.0, True),
        (2.0, 0.0625, True), (2.0, 0.07, False), (1.0, 0.07, False),
    ],
)  # fmt: skip
def test_a_gradient_disagrees_where_all_limits_agree(claimed: float, apart: float, disagrees: bool) -> None:
    """By more than twice what is allowed, along a direction whose signs do not matter."""
    for sign in (1.0, -1.0):
        limits = Told(largest([1.0, 1.0]), [[1.0, 0.0], [0.0, sign], [1.0 + apart, 0.0]])
        direction, granted = np.array([1.0, sign]), np.array([0.125, 0.125])
        given = limits, direction, np.array([claimed, 0.0]), granted, 2.0**-6
        assert ties._disagrees(*given) is disagrees


def test_entries_outside_their_limits_are_told_in_order() -> None:
    """The farthest first; what is granted, and twice what limits may be off, is inside."""
    limits = Told(sizes([0.0] * 5), [[0.0, -4.0, 0.0, 0.0, 0.0], [1.0, 4.0, 1.0, 1.0, 1.0]])
    granted = np.array([0.125, 0.125, 0.125, 0.5, 0.125])
    for claimed, due in (
        ([0.5, 4.375, 1.375, 1.75, -0.375], []), ([1.75, 4.5, 1.0, 2.5, -0.625], [3, 0, 4, 1]),
        ([-2.0, -4.5, 3.5, -1.0, 0.0], [2, 0, 3, 1]),
    ):  # fmt: skip
        found = ties._outside(limits, np.array(claimed), granted, 0.125)
        assert found.tolist() == due


@pytest.mark.parametrize(
    ("claimed", "rows", "outcome"),
    [
        (1.5, [1.0] * 6, "wrong"), (1.375, [1.0] * 6, None), (0.625, [1.0] * 6, None), (0.5, [1.0] * 6, "wrong"),
        (4.0, [1.0, 1.0, 1.0, 2.0, 2.0], "unknown"), (4.0, [1.0, 1.0, 1.0, 2.0, 2.0, 2.375], "wrong"),
        (4.0, [1.0, 1.0, 1.0, 2.0, 2.0, 2.5], "unknown"), (4.0, [1.0, 0.625, 2.0, 2.0, 2.0], "unknown"),
        (4.0, [1.0, 1.0, 0.625, 2.0, 2.0, 2.0], "wrong"), (1.5, [1.0, 1.0, 2.0], None),
    ],
)  # fmt: skip
def test_an_entry_is_judged_by_limits_in_which_it_leads(claimed: float, rows: Any, outcome: str | None) -> None:
    """It is wrong beyond both ends, if these have been met often."""
    there = sizes([3.0, 0.0])
    further = [[[7.0, each]] for each in rows[1:4]]
    limits = Told(there, [[7.0, rows[0]], *([7.0, each] for each in rows[4:])], *further)
    found = ties._entry(there, limits, 1, np.array([9.0, claimed]), np.array([9.0, 0.125]), 0.125)
    often, more = function_tolerances.TIE_LIMITS, function_tolerances.TIE_MORE_LIMITS
    assert limits.looks == [(often, [1], 1.0), (often, [1], -1.0), (more, None, 1.0)]
    assert (None if found is None else found.outcome) == outcome
    if found is not None and outcome == "wrong":
        assert (found.argument, found.index, found.low, found.high) == (0, (1,), min(rows), max(rows))


def test_the_error_of_limits_is_allowed_for_an_entry() -> None:
    """Where it is more than what they were found to differ by before."""
    there = sizes([3.0, 0.0])
    for error, outcome in ((0.25, None), (0.0, "wrong")):
        limits = Told(there, [[7.0, 1.0]] * 6)
        limits.error = error
        found = ties._entry(there, limits, 1, np.array([9.0, 1.5]), np.zeros(2), 0.125)
        assert (None if found is None else found.outcome) == outcome


def slopes_of(*gradients: float) -> Place:
    """A point whose outputs have these gradients, everywhere."""
    outputs = [(lambda x, g=g: float(g * x[0]), lambda x, g=g: (np.array([g, 0.0]),)) for g in gradients]
    return place(np.sum, lambda x: None, [0.0, 0.0], outputs=outputs)


@pytest.mark.parametrize(
    ("gradients", "claimed", "is_sum"),
    [
        ((0.0, 0.0), 0.25, True), ((0.0, 0.0), 0.2501, False), ((0.0,), -0.25, True), ((0.0,), -0.2501, False),
        ((1.0, 2.0), 3.0, True), ((1.0, 2.0), 1.0, False), ((1.0, -2.0), -1.0, True), ((1.0, 2.0), 3.3, False),
        ((1e7, 1e7), 2e7 + 4.2, True), ((1e7, 1e7), 2e7 + 4.3, False), ((1e7,), 1e7 - 2.3, False),
    ],
)  # fmt: skip
def test_a_slope_may_be_a_sum_of_slopes_of_the_outputs(gradients: Any, claimed: float, is_sum: bool) -> None:
    """But for twice what is granted to it and to each of them."""
    granted = np.array([0.125, 7.0])
    for direction in (1.0, -1.0):
        given = np.array([direction, 0.0]), np.array([claimed, 9.0]), granted, rng()
        assert ties._is_of_outputs(slopes_of(*gradients), *given) is is_sum


def test_the_slopes_of_an_output_are_those_where_a_direction_leads_or_lags() -> None:
    """All along it, and nothing else; an output of which nothing is known may have any."""
    pair = place(np.max, lambda x: (np.eye(3)[np.argmax(x)],), [1.0, 1.0, 1.0])
    for claimed, is_sum in (
        ([0.0, 1.0, 0.0], True),
        ([1.0, 0.0, 0.0], True),
        ([-0.1, 0, 0], False),
        ([1.1, 0, 0], False),
    ):
        assert ties._is_of_outputs(pair, np.array([1.0, 0.0, 0.0]), np.array(claimed), np.zeros(3), rng()) is is_sum
    apart = np.array([-1.0, -1.0, 0.0])
    for claimed, is_sum in (([1.0, 0.0, 0.0], True), ([0.0, 0.0, 1.0], True), ([1.0, 1.0, 0.0], False)):
        assert ties._is_of_outputs(pair, apart, np.array(claimed), np.zeros(3), rng()) is is_sum
    many = place(np.max, lambda x: (np.eye(400)[np.argmax(x)],), np.ones(400))
    first = np.eye(400)[0]
    for claimed, is_sum in ((first, True), (0 * first, True), (1.1 * first, False)):
        assert ties._is_of_outputs(many, first, claimed, np.zeros(400), rng()) is is_sum
    root = place(lambda x: np.sqrt(np.abs(x)).sum(), lambda x: (np.sign(x) / np.sqrt(np.abs(x)),), [0.0])
    for unknown in (root, place(np.sum, lambda x: None, [0.0])):
        assert ties._is_of_outputs(unknown, np.ones(1), np.array([99.0]), np.zeros(1), rng())


@pytest.mark.parametrize(
    ("through", "claimed", "of_outputs", "is_wrong"),
    [
        (2.0, 3.0, 2.0, True), (2.45, 3.0, 2.0, True), (2.55, 3.2, 2.0, False), (2.0, 2.45, 2.0, False),
        (2.0, 3.0, 3.0, False), (2.0, 2.3, 2.0, False), (1.55, 1.0, 2.0, True), (1.45, 0.9, 2.0, False),
        (2.0, 1.55, 2.0, False), (2.0, 1.45, 2.0, True), (2.4, 2.85, 2.0, False),
    ],
)  # fmt: skip
def test_a_slope_is_wrong_that_the_function_itself_has_otherwise(
    through: float, claimed: float, of_outputs: float, is_wrong: bool
) -> None:
    """The limits agree on it, and no sum over the outputs explains it; more of them are looked for before."""
    output = place(np.sum, lambda x: (np.array([of_outputs]),), [0.75])
    there = replace(
        output, slope=lambda given: (through * float(given[0][0]), 0.125 * abs(float(given[0][0]))),
        outputs=lambda: iter([output]),
    )  # fmt: skip
    limits = Told(there, [[2.0]] * 10)
    found = ties._along_ties(there, limits, np.array([claimed]), np.array([0.125]), 0.0625, rng())
    assert (found is not None) is is_wrong
    assert limits.looks[0] == (0, None, 1.0)
    if found is not None:
        assert limits.looks[1:] == [(function_tolerances.TIE_MORE_LIMITS, None, 1.0)]
        assert found.direction is not None
        ((move,),) = found.direction
        assert (found.outcome, found.due, found.came) == ("wrong", through * move, claimed * move)
    again = Told(there, [[2.0]] * 10, [], [[5.0]])
    assert ties._along_ties(there, again, np.array([claimed]), np.array([0.125]), 0.0625, rng()) is None


def test_entries_outside_are_moved_together_before_each_is_looked_into() -> None:
    """Where there are several of them, each way."""
    together, often = function_tolerances.TIE_TOGETHER, function_tolerances.TIE_LIMITS
    there = sizes([0.0, 0.0, 0.0, 0.0])
    rows = [np.where(np.arange(4) == n % 4, 1.0, -1.0) for n in range(12)]
    for claimed, looks in (
        ([3.0, 0.0, 0.0, 0.0], [(often, [0], 1.0), (often, [0], -1.0)]),
        ([0.0, 2.0, 0.0, -3.0], [(together, [3, 1], 1.0), (together, [3, 1], -1.0), (often, [3], 1.0)]),
    ):
        limits = Told(there, rows)
        found = ties._judged(there, limits, np.array(claimed), np.zeros(4), 1e-9, rng())
        assert found.outcome == "wrong"
        assert [each for each in limits.looks if each[1] is not None][: len(looks)] == looks


def test_what_is_not_decided_of_an_entry_is_not_known() -> None:
    """Whatever the outputs say of it."""
    anything = place(np.sum, lambda x: None, [0.0])
    there = replace(sizes([0.0, 0.0]), outputs=lambda: iter([anything]))
    rows = [[1.0, 0.5], [-1.0, -0.5], *([0.25 * (-1) ** n, 0.125 * n] for n in range(8))]
    for claimed, outcome in ((3.0, "unknown"), (0.5, "legal")):
        found = ties._judged(there, Told(there, rows), np.array([claimed, 0.25]), np.zeros(2), 1e-9, rng())
        assert found.outcome == outcome


def test_entries_that_outputs_explain_are_legal_one_by_one() -> None:
    """Up to a few of them; the next that they do not explain is wrong."""
    rows = [[1.0, -1.0], [-1.0, 1.0]] * 6
    for claimed, outcome in (
        ([3.0, 2.0], "legal"),
        ([2.0, 3.0], "legal"),
        ([3.0, 9.0], "wrong"),
        ([9.0, 3.0], "wrong"),
    ):
        output = place(np.sum, lambda x: (np.array(np.sign(x) * 4.0),), [0.0, 0.0])
        there = replace(sizes([0.0, 0.0]), outputs=lambda output=output: iter([output]))
        found = ties._judged(there, Told(there, rows), np.array(claimed), np.zeros(2), 1e-9, rng())
        assert found.outcome == outcome
        if outcome == "wrong":
            assert found.index == (claimed.index(9.0),)
