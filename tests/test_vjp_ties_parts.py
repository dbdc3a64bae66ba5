"""What each step says of a point without a derivative, where its limits stand here: entries, slopes, directions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import ties
from reference.gradients.ties import Limits, Place
from reference.numerics import function_tolerances
from tests.test_vjp_ties import largest, place, rng, sizes

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


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
    """The error is the largest of all limits that were looked at."""
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
    """The verdict is unknown, whatever the outputs one by one would say."""
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


def test_what_limits_may_be_off_is_allowed_along_all_that_is_moved() -> None:
    """By the length of the direction, of a slope as of an entry."""
    output = place(np.sum, lambda x: (np.full(4, 0.5),), [0.75] * 4)
    for through, is_wrong in ((2.4, True), (2.6, False)):
        there = replace(
            output,
            slope=lambda given, through=through: (through * float(given[0][0]), 0.0),
            outputs=lambda: iter([output]),
        )
        limits = Told(there, [[0.5] * 4] * 10)
        found = ties._along_ties(there, limits, np.full(4, 0.875), np.zeros(4), 0.0625, rng())
        assert (found is not None) is is_wrong
