"""The cases that a function is asked with: each shows what its kind says, all are legal, and all can be repeated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import cases
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.numerics import tolerances

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
GIVEN = (np.linspace(0.1, 0.9, 48).reshape(6, 8), np.linspace(0.1, 0.9, 5))
SEEDS = range(3)


def drawn(effort: Any = "normal", seed: int = 0, **options: Any) -> list[Case]:
    return cases.cases(pattern(GIVEN, None, **options), seed, effort)


def of_kind(kind: str, effort: Any = "normal") -> list[Case]:
    found = [each for seed in SEEDS for each in drawn(effort, seed) if each.kind == kind]
    assert len(found) >= len(SEEDS)
    return found


def sizes(case: Case) -> Array:
    return np.abs(np.concatenate([np.ravel(each) for each in case.args]))


def test_the_given_arguments_come_first() -> None:
    """As they are; all other cases have their shapes and dtypes."""
    first, *others = drawn()
    assert first.kind == "as given"
    assert all(map(np.array_equal, first.args, GIVEN))
    for case in others:
        assert [each.shape for each in case.args] == [each.shape for each in GIVEN]
        assert {each.dtype for each in case.args} == {np.dtype(np.float64)}


@pytest.mark.parametrize("effort", ["quick", "normal", "exhaustive"])
def test_the_number_of_cases_is_told(effort: Any) -> None:
    """Before they are drawn; more effort draws more of them."""
    asked = pattern(GIVEN, None)
    assert len(cases.cases(asked, 0, effort)) == 1 + cases.expected_number(asked, effort)
    kinds = [each.kind for each in drawn(effort)]
    assert kinds.count("ordinary numbers") == tolerances.NORMAL_CASES[effort]
    assert ("nothing but zeros" in kinds) == (effort != "quick")
    assert {"numbers of size 745", "numbers of size 1e+300", "numbers of size 30", "one entry ahead by 36"} <= set(
        kinds
    )


def near(array: Array, **options: Any) -> list[Case]:
    return cases.near_given(pattern((array,), None, **options), 0, "normal")


def test_cases_can_be_repeated() -> None:
    """The same seed draws the same, and another one draws others; each case has a seed of its own."""
    one, same, other = drawn(seed=5), drawn(seed=5), drawn(seed=6)
    assert all(
        np.array_equal(a, b) for x, y in zip(one, same, strict=True) for a, b in zip(x.args, y.args, strict=True)
    )
    assert [each.seed for each in one] == [each.seed for each in same]
    assert len({each.seed for each in one}) == len(one)
    for several in (one, drawn(seed=5, draw=lambda rng: GIVEN), near(GIVEN[0])):
        seeds = [each.seed for each in several]
        assert 2**16 < max(seeds) < 2**31
    assert not np.array_equal(one[1].args[0], other[1].args[0])
    assert cases.cases(pattern(GIVEN, None), 2**32 + 5, "quick")[1].seed == drawn("quick", 5)[1].seed


def test_short_numbers_are_short_and_apart() -> None:
    """Multiples of an eighth, of which no two are equal where there are few enough."""
    few = pattern((np.ones((2, 3)), np.ones(4)), None)
    for seed in SEEDS:
        (case,) = [each for each in cases.cases(few, seed, "quick") if each.kind == "short numbers"]
        flat = sizes(case)
        assert (flat * 8 == np.round(flat * 8)).all()
        assert (flat > 0).all()
        assert (flat <= 2).all()
        assert len(set(flat)) == len(flat)
        assert case.ordinary
        assert not case.tied
        assert len(set(np.sign(np.concatenate([np.ravel(each) for each in case.args])))) == 2
    signs = [np.sign(each.args[0]) for each in of_kind("short numbers")]
    assert {-1.0, 1.0} <= set(np.concatenate(signs).ravel().tolist())


@pytest.mark.parametrize(("kind", "values"), [("ties", {-0.5, 1.0}), ("nothing but zeros", {0.0})])
def test_ties_are_equal_numbers(kind: str, values: set[float]) -> None:
    """On purpose, which the case says."""
    for case in of_kind(kind):
        assert set(np.ravel(case.args[0]).tolist()) == values
        assert case.tied
        assert case.ordinary


def test_zeros_are_among_others() -> None:
    """About half of the numbers are 0, and which ones is drawn."""
    for case in of_kind("zeros"):
        share = float((case.args[0] == 0).mean())
        assert 0.2 < share < 0.8
        assert case.tied
        assert case.ordinary
    masks = {(case.args[0] == 0).tobytes() for case in of_kind("zeros")}
    assert len(masks) == len(SEEDS)


@pytest.mark.parametrize("size", [1e-8, 1e-3, 30.0, 1e3, 1e-100, 745.0, 1e4, 1e8, 1e30, 1e100, 1e300])
def test_numbers_have_the_size_that_is_said(size: float) -> None:
    """Of both signs, up to it and near it."""
    for case in of_kind(f"numbers of size {size:g}"):
        assert 0.8 * size < np.abs(case.args[0]).max() <= size
        assert case.args[0].min() < 0 < case.args[0].max()
        assert not case.ordinary
        assert not case.tied


@pytest.mark.parametrize("lead", [20.0, 36.0, 500.0])
def test_one_entry_is_ahead(lead: float) -> None:
    """The first along the last axis, of every row and of a vector; a number without axes is ahead itself."""
    for case in of_kind(f"one entry ahead by {lead:g}"):
        for array in case.args:
            ahead = array[..., 0] - array[..., 1:].max(axis=-1)
            assert (np.abs(ahead - lead) <= 4).all()
            assert np.abs(array[..., 1:]).max() <= 2
        assert not case.ordinary
    (number,) = [each for each in cases.cases(pattern((0.5,), None), 0, "quick") if "ahead" in each.kind]
    assert abs(float(number.args[0]) - 36) <= 2


def test_numbers_of_all_sizes_are_mixed() -> None:
    """Within each row and each column; among many there are some near a millionth and some near a million."""
    for case in of_kind("numbers of all sizes"):
        powers = np.log10(np.abs(case.args[0]))
        for axis in (0, 1):
            assert (np.ptp(powers, axis=axis) > 1).all()
        assert powers.min() < -3
        assert powers.max() > 3
        assert powers.max() < 7
        assert not case.ordinary


@pytest.mark.parametrize(
    "domain", [(0.0, 1.0), (-3.0, -2.0), (0.0, np.inf), (5.0, np.inf), (-np.inf, 0.0), (-np.inf, -4.0)]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_all_cases_are_in_an_open_interval(domain: tuple[float, float], dtype: Any) -> None:
    """Whatever its ends; they are never met, even by the largest numbers, and a finite one is filled."""
    low, high = domain
    middle = 0.5 * (low + high) if np.isfinite(low + high) else low + 1 if np.isfinite(low) else high - 1
    given = np.full((6, 8), middle, dtype)
    found = cases.cases(pattern((given,), [domain]), 0, "normal")
    for case in found:
        assert case.args[0].dtype == dtype
        assert np.isfinite(case.args[0]).all()
        assert ((low < case.args[0]) & (case.args[0] < high)).all()
    zeros = next(each.args[0] for each in found if each.kind == "nothing but zeros")
    due = middle if np.isfinite(low + high) else low + 0.125 if np.isfinite(low) else high - 0.125
    assert (zeros == dtype(due)).all()
    largest = next(each.args[0] for each in found if each.kind == "numbers of size 1e+300")
    if np.isfinite(low + high):
        assert largest.max() > low + 0.99 * (high - low)
        assert largest.min() < low + 0.01 * (high - low)


def test_single_precision_neither_overflows_nor_vanishes() -> None:
    """The squares of all numbers are finite and not 0."""
    for case in cases.cases(pattern((np.ones((6, 8), np.float32),), None), 0, "normal"):
        square = np.square(case.args[0])
        assert np.isfinite(square).all()
        assert square.any() or case.kind == "nothing but zeros"
        if case.kind in {"numbers of size 1e-100", "numbers of size 1e+300"}:
            size = tolerances.LARGEST_SINGLE ** (1 if "+" in case.kind else -1)
            assert np.abs(case.args[0]).max() == pytest.approx(size, rel=0.01, abs=0)


def test_what_is_not_legal_is_left_out() -> None:
    """As the caller tells; the given arguments stay, and what is drawn at all is legal."""

    def legal(x: Array, y: Array) -> bool:
        return bool(x.sum() > 0)

    found = drawn(legal=legal)
    assert len(found) > 5
    assert all(legal(*each.args) for each in found)
    assert "nothing but zeros" not in {each.kind for each in found}
    assert [each.kind for each in drawn(legal=lambda x, y: bool((x == GIVEN[0]).all()))] == ["as given"]


def test_the_callers_cases_are_taken() -> None:
    """The first is an ordinary one; none of ours is drawn beside them."""

    def draw(rng: Any) -> Any:
        return rng.uniform(1, 2, (6, 8)), rng.uniform(3, 4, 5)

    found = drawn("quick", draw=draw)
    assert [(each.kind, each.ordinary) for each in found] == [
        ("as given", True), ("ordinary numbers", True), ("drawn by the caller", False), ("drawn by the caller", False),
    ]  # fmt: skip
    for case in found[1:]:
        assert ((case.args[0] >= 1) & (case.args[0] <= 2)).all()
        assert ((case.args[1] >= 3) & (case.args[1] <= 4)).all()
    assert cases.expected_number(pattern(GIVEN, None, draw=draw), "quick") == 3
    assert drawn("quick", draw=draw, legal=lambda x, y: bool((x == GIVEN[0]).all()))[1:] == []


def test_of_many_numbers_only_ordinary_ones_are_drawn() -> None:
    """Each call takes long then."""
    found = cases.cases(pattern((np.ones((100, 60)),), None), 0, "exhaustive")
    assert [each.kind for each in found] == ["as given", "short numbers", "ordinary numbers"]


@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_cases_near_the_given_ones(effort: Any) -> None:
    """Each number is moved by a part of itself or of the largest, and all are multiplied: a half to eight times."""
    matrix = np.array([[4.0, 1e-3], [1.0, 2.0]]) / 16
    found = cases.near_given(pattern((matrix, np.ones(3)), None), 1, effort)
    assert len(found) == tolerances.NEAR_CASES[effort]
    for number, case in enumerate(found):
        part, factor = tolerances.NEAR_PARTS[number % 4], tolerances.NEAR_FACTORS[number % 7]
        room = part * (np.full((2, 2), 0.25) if number % 2 else matrix)
        moved = np.abs(case.args[0] / factor - matrix)
        assert (moved <= room * (1 + 1e-12)).all()
        assert (moved > 0).all()
        assert case.kind == "near the given inputs"
        assert case.ordinary
    assert len({each.seed for each in found}) == len(found)


def test_a_symmetric_matrix_stays_symmetric_nearby() -> None:
    """As what is definite has to be; cases that are not legal are drawn again or left out."""
    matrix = np.array([[2.0, 0.5], [0.5, 1.0]])
    for case in near(matrix):
        assert np.array_equal(case.args[0], case.args[0].T)
    for case in near(np.array([matrix, 3 * matrix, -matrix])):
        assert np.array_equal(case.args[0], np.swapaxes(case.args[0], 1, 2))
    other = np.array([[[2.0, 0.5], [0.75, 1.0]]])
    case = near(other)[0]
    moves = (case.args[0] / tolerances.NEAR_FACTORS[0] - other) / other
    assert abs(moves[0, 0, 1] / moves[0, 1, 0] - 1) > 1e-3
    assert cases.near_given(pattern((matrix,), None, legal=lambda x: bool((x == matrix).all())), 0, "quick") == []
    half = cases.near_given(pattern((matrix,), None, legal=lambda x: bool(x[0, 0] <= 2.0)), 0, "quick")
    assert half
    assert all(each.args[0][0, 0] <= 2.0 for each in half)


def test_the_cotangent_of_a_number_has_either_sign() -> None:
    """The other one than what was drawn, so that it is never that."""
    found = {float(cotangents_of(seed)[0]) for seed in range(20)}
    assert found == {-0.75, 0.625}
    for seed in range(20):
        assert float(cotangents_of(seed)[0]) * float(cases.short_numbers(np.random.RandomState(seed), ())) < 0


def cotangents_of(seed: int) -> list[Array]:
    return cases.cotangents(Case("as given", (), seed), (), np.float64, "quick")


def test_a_few_draws_are_made_for_legal_arguments() -> None:
    """The first that are legal are taken; without a predicate the first."""
    for needed in (1, 2, tolerances.LEGAL_TRIES, tolerances.LEGAL_TRIES + 1):
        made: list[int] = []

        def draw(made: list[int] = made) -> tuple[Array, ...]:
            made.append(1)
            return (np.full(2, float(len(made))),)

        asked = pattern((np.full(2, 99.0),), None, legal=lambda x, needed=needed: bool(x[0] >= needed))
        found = cases._first_legal(asked, draw)
        assert (None if found is None else found[0][0]) == (needed if needed <= tolerances.LEGAL_TRIES else None)
        assert len(made) == min(needed, tolerances.LEGAL_TRIES)
    anything = cases._first_legal(pattern((np.ones(2),), None), lambda: (np.zeros(2),))
    assert anything is not None


def test_numbers_are_spread_over_an_interval() -> None:
    """Those of size 1 lie halfway between its middle and its ends; next to one end they keep their sizes."""
    drawn_numbers = np.array([-1.0, 0.0, 1.0, 3.0])
    assert cases._inside(drawn_numbers, (2.0, 6.0), np.float64).tolist() == [3.0, 4.0, 5.0, 5.5]
    assert cases._inside(drawn_numbers, (2.0, np.inf), np.float64).tolist() == [3.0, 2.125, 3.0, 5.0]
    assert cases._inside(drawn_numbers, (-np.inf, 2.0), np.float64).tolist() == [1.0, 1.875, 1.0, -1.0]


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (6,), (0,)])
@pytest.mark.parametrize("effort", ["quick", "normal", "exhaustive"])
def test_cotangents_hide_no_output(shape: tuple[int, ...], effort: Any) -> None:
    """None is 0, they are not all equal, and the first one is of short numbers; a single one is not 1."""
    for seed in range(20):
        case = Case("as given", (), seed)
        found = cases.cotangents(case, shape, np.float32, effort)
        assert len(found) == tolerances.COTANGENTS[effort]
        assert all((each * 8 != np.round(each * 8)).any() for each in found[1:] if each.size > 1)
        for cotangent in found:
            assert cotangent.dtype == np.float32
            assert cotangent.shape == shape
            assert (cotangent != 0).all()
            if cotangent.size > 1:
                assert len(set(np.ravel(cotangent).tolist())) > 1
        first = np.ravel(found[0])
        assert (first * 8 == np.round(first * 8)).all()
        assert first.size != 1 or abs(float(first[0])) in {0.75, 0.625}


def test_an_argument_may_have_no_entries() -> None:
    """Its shape is kept in all cases, whichever axis is empty."""
    for shape in ((0,), (3, 0), (0, 3)):
        empty = np.zeros(shape)
        for case in cases.cases(pattern((GIVEN[1], empty), None), 0, "normal"):
            assert [each.shape for each in case.args] == [GIVEN[1].shape, shape]
