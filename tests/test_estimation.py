"""How a constant is estimated from answers: where it is looked for, how near it gets, and which number was meant."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from reference.lab.cases import Case
from reference.lab.constants import Entry, constants, most_telling
from reference.lab.estimation import NAMED, grid, neat, neat_between, roots
from reference.lab.mistakes.departures import Departure, Family
from reference.lab.observations import Answers, Observation
from reference.numerics import tolerances

pytestmark = pytest.mark.catalogue


def seen(X: Any, answer: Any, bound: float = 1e-15) -> Observation:
    """An answer to X."""
    X, answer = np.asarray(X, float), np.asarray(answer, float)
    return Observation({"X": X}, (answer,), (np.full(answer.shape, bound),), Case({"X": X}))


@pytest.mark.parametrize("points", [(1.0, 9.0), (-9.0, -1.0), (1e-9, 1e9), (-1e9, -1e-9), (-3.0, 5.0), (0.0, 8.0)])
@pytest.mark.parametrize("place", [0.1, 0.5, 0.93])
def test_a_root_is_found_between_two_points(points: tuple[float, float], place: float) -> None:
    """In few steps, whichever way the function goes and however it bends."""
    low, high = points
    root = low + place * (high - low)
    for sign, bend in itertools.product((1, -1), (0.0, 1e-3)):
        asked = []

        def of(c: float, sign: int = sign, bend: float = bend, asked: Any = asked) -> float:
            asked.append(c)
            return float(sign * ((c - root) + bend * (c - root) ** 3 / (high - low) ** 2))

        assert list(roots(of, points)) == [pytest.approx(root, rel=1e-14)]
        assert all(low <= c <= high for c in asked)
        assert len(asked) <= 11


@pytest.mark.parametrize(
    ("of", "points", "root", "calls"),
    [
        (lambda c: math.exp(c) - 2, (0.1, 3.0), math.log(2), 10),
        (lambda c: c**3 - 0.2, (0.1, 3.0), 0.2 ** (1 / 3), 11),
        (lambda c: c**9 - 0.01, (0.25, 0.9), 0.01 ** (1 / 9), 13),
        (lambda c: c**-7 - 9, (0.25, 0.9), 9 ** (-1 / 7), 13), (lambda c: 1 / (1 + c) - 0.3, (0.1, 9.0), 7 / 3, 11),
        (math.log, (1e-3, 1e4), 1.0, 11), (lambda c: min(c, 0.5) - 0.4, (0.1, 1.0), 0.4, 7),
        (lambda c: math.tanh(20 * (c - 0.5)) - 0.3, (0.0, 1.0), 0.5 + math.atanh(0.3) / 20, 13),
        (lambda c: c - 1, (0.25, 4.0), 1.0, 3), (lambda c: c - 3, (2.0, 4.0), 3.0, 3),
        (lambda c: 1e200 if 1.4 < c < 1.6 else c - 1.25, (1.0, 2.0), 1.25, 6),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sign", [1, -1])
def test_a_root_of_a_curve_is_found_in_few_steps(
    of: Any, points: tuple[float, float], root: float, calls: int, sign: int
) -> None:
    """Whether it rises or falls, on either side of 0; steep, flat and huge in parts."""
    for side in (1, -1):
        asked: list[float] = []

        def turned(c: float, side: int = side, asked: list[float] = asked) -> float:
            asked.append(c)
            return float(sign * of(side * c))

        assert list(roots(turned, sorted(side * point for point in points))) == [pytest.approx(side * root, rel=1e-14)]
        assert len(asked) <= calls


def test_roots_are_where_the_sign_changes() -> None:
    """Between two points or at one of them; each once, in order; where the function is NaN nothing is known."""
    assert list(roots(lambda c: c * (c - 2) * (c - 4), [-1.0, 0.0, 1.0, 3.0, 5.0])) == [
        0.0, pytest.approx(2.0), pytest.approx(4.0),
    ]  # fmt: skip
    assert list(roots(lambda c: c * c + 1, [-1.0, 0.0, 1.0])) == []
    assert list(roots(lambda c: 0.0, [1.0, 2.0])) == [1.0, 2.0]
    assert list(roots(lambda c: math.nan if c == 2 else c - 2, [1.0, 2.0, 3.0])) == []
    assert list(roots(lambda c: math.nan if c == 0 else c - 2.5, [0.0, 1.0, 3.0])) == [pytest.approx(2.5)]
    assert list(roots(lambda c: c - 2, [])) == []


def test_a_jump_is_found_where_it_is() -> None:
    """A function that has no root there changes its sign all the same; and NaN ends the search."""
    for jump in (0.3, 3e7):
        (found,) = roots(lambda c, jump=jump: -1.0 if c < jump else 1.0, [1e-9, 1e12])
        assert found == pytest.approx(jump, rel=1e-12)
    for points in ([0.5, 10.0], [4.0, 10.0]):
        assert list(roots(lambda c: math.nan if 1 < c < 3 or 4.5 < c < 9.5 else c - 9.75, points)) == [
            pytest.approx(math.sqrt(5) if points[0] < 1 else 7.0)
        ]
    (found,) = roots(lambda c: math.inf if c > 4 else c - 3, [1.0, 5.0])
    assert found == pytest.approx(3)


def test_constants_are_looked_for_at_all_sizes() -> None:
    """At each power of ten that people write, and at fewer beyond; close together where they write most."""
    found = grid(1e-300, 1e300)
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (1e-300, 1e300)
    powers = {round(math.log10(each)) for each in found if each == 10.0 ** round(math.log10(each))}
    near = [*range(-4, 5), *range(-20, -5, 2), *range(6, 21, 2)]
    assert powers == {*near, *(power for power in range(-296, 297, 8) if abs(power) > 20), -300, 300}
    least, most = tolerances.NEAT_RANGE
    between = sorted(set(found) - {10.0**power for power in powers} - {1e-300, 1e300})
    assert between == sorted(factor * 10.0**power for power in range(-3, 4) for factor in (1.5, 3.0, 6.0))
    assert least <= min(between)
    assert max(between) <= 6 * most
    assert grid(0.02, 5.0) == pytest.approx([0.02, 0.03, 0.06, 0.1, 0.15, 0.3, 0.6, 1.0, 1.5, 3.0, 5.0])
    assert grid(0.5, 2.0, signed=True) == pytest.approx([-2.0, -1.5, -1.0, -0.6, -0.5, 0.5, 0.6, 1.0, 1.5, 2.0])
    assert grid(0.0, 1.0)[0] == 0.0
    assert grid(0.0, 1e308)[-1] == 1e308
    assert grid(0.0, 1.7e308)[-2:] == [1e304, 1.7e308]


@pytest.mark.parametrize(
    ("estimate", "first"),
    [
        (0.30000001, 0.3), (0.29999, 0.3), (-0.29999, -0.3), (1e-12 * (1 + 5e-5), 1e-12), (0.25, 0.25), (12.5001, 12.5),
        (math.pi * (1 + 5e-5), math.pi), (-math.log(10) * (1 - 5e-5), -math.log(10)), (0.33333, 1 / 3),
        (2.22045e-16, np.finfo(float).eps), (1.19209e-7, np.finfo(np.float32).eps),
        (2.22507e-308, np.finfo(float).tiny),
        (1.17549e-38, np.finfo(np.float32).tiny), (0.66666, 2 / 3), (2.71828, math.e), (1.41421, math.sqrt(2)),
        (0.6931, math.log(2)), (1.4427, 1 / math.log(2)), (0.43429, 1 / math.log(10)),
    ],
)  # fmt: skip
def test_the_number_that_was_meant_comes_first(estimate: float, first: float) -> None:
    """One with a name, or one that is short; the estimate itself comes last, and none comes twice."""
    found = list(neat(estimate))
    assert found[0] == first
    assert found[-1] == estimate
    assert len(found) == len(set(found))
    assert all(math.isclose(each, estimate, rel_tol=tolerances.NEAT_RELATIVE) for each in found)


def test_shorter_numbers_come_before_longer_ones() -> None:
    """As far as they are near enough: to a ten-thousandth."""
    assert list(neat(0.123456789012345)) == [
        pytest.approx(each, abs=0)
        for each in (0.12346, 0.123457, 0.12345679, 0.123456789, 0.123456789012, 0.123456789012345)
        if each != 0.12346
    ]
    assert 0.3 in neat(0.300025)
    assert 0.3 not in neat(0.300035)
    assert {1 / 3, 2 / 3} <= set(NAMED)


@pytest.mark.parametrize(
    ("low", "high", "due"),
    [
        (0.29, 0.31, 0.3), (-0.31, -0.29, -0.3), (0.2, 0.9, 0.4), (1.0, 100.0, 10.0), (2e-8, 5e-3, 1e-5),
        (-1.0, 1.0, 0.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.1234, 0.1236, 0.1235), (0.3, 0.3, 0.3),
        (0.95, 1.0, 1.0),
        (1.0, 1.04, 1.0), (-1.04, -1.0, -1.0), (-1.0, -0.95, -1.0),
    ],
)  # fmt: skip
def test_the_shortest_number_between_two_is_found(low: float, high: float, due: float) -> None:
    """Near the middle of their sizes, or else one of the ends."""
    assert neat_between(low, high) == due


def test_a_number_between_is_never_outside() -> None:
    """However near the two are to each other."""
    for number in np.random.RandomState(0).randn(50) * 10.0 ** np.arange(-25, 25):
        for other in (number, float(np.nextafter(number, math.inf)), number + 1e-9 * abs(number)):
            found = neat_between(float(number), float(other))
            assert number <= found <= other or found == pytest.approx(number, rel=1e-15)


def clip(c: float) -> Departure:
    return Departure(
        "clipped", "", lambda formula: lambda given: (np.maximum(formula(given)[0], c),), {"limit": f"{c:g}"}
    )


def identity(given: Any) -> Any:
    return (given["X"],)


def raising(given: Any) -> Any:
    raise ValueError("no")


ENTRY = Entry(seen([[0.5, 0.1]], [[0.5, 0.3]]), 0, (0, 1), 0.3, 0.1, 1e-14)


def test_an_entry_is_explained_by_what_gives_its_value() -> None:
    """But for as much as two codings may differ; where a formula gives nothing it is NaN."""
    assert ENTRY.of(identity) == 0.1
    assert math.isnan(ENTRY.of(raising))
    assert ENTRY.is_explained(lambda given: (np.full((1, 2), 0.3 + 5e-15),))
    assert ENTRY.is_explained(lambda given: (np.full((1, 2), 0.3 - 5e-15),))
    assert not ENTRY.is_explained(lambda given: (np.full((1, 2), 0.3 + 2e-14),))
    assert not ENTRY.is_explained(raising)
    exact = Entry(ENTRY.observation, 0, (0, 1), 0.1, 0.3, 0.0)
    assert exact.is_explained(identity)
    second = Entry(Observation({}, (np.zeros(1), np.arange(3.0)), (np.zeros(1), np.zeros(3)), ENTRY.observation.case),
                   1, (2,), 2.0, 0.0, 0.0)  # fmt: skip
    assert second.of(lambda given: (np.zeros(1), np.arange(3.0))) == 2.0


def found(family: Family, entry: Entry = ENTRY) -> list[float]:
    return list(constants(family, entry, lambda c: family.make(c).change(identity)))


def test_a_constant_of_a_family_is_found() -> None:
    """Where it lies between the ends of the family; as the short number that was meant."""
    assert found(Family("limit", clip)) == [0.3]
    assert found(Family("limit", clip, high=0.2)) == []
    assert found(Family("limit", clip, low=0.4)) == []
    odd = Entry(seen([[0.5, 0.1]], [[0.5, 0.1 + 1 / 7]]), 0, (0, 1), 0.1 + 1 / 7, 0.1, 1e-14)
    assert found(Family("limit", clip), odd) == [pytest.approx(0.1 + 1 / 7, rel=1e-13)]


def test_each_constant_that_explains_an_entry_is_given() -> None:
    """As short as it can be: of two that explain it, either may be what was meant."""

    def squared(c: float) -> Departure:
        return Departure("scaled", "", lambda formula: lambda given: (formula(given)[0] * 0 + c * c,), {})

    entry = Entry(seen([[0.5, 0.1]], [[0.5, 0.09]]), 0, (0, 1), 0.09, 0.1, 1e-14)
    assert found(Family("square", squared, signed=True), entry) == [-0.3, 0.3]
    both = Family("square", squared, signed=True, solved=lambda before, after: [7.0, 0.30000001, -0.3])
    assert found(both, entry) == [0.3, -0.3]


def test_short_numbers_beside_a_constant_that_explains_nothing_are_not_tried() -> None:
    """A constant has to come near to the entry, to a hundredth of it: what is beside it explains it by chance."""

    def jump(off: float) -> Family:
        def make(c: float) -> Departure:
            value = 0.3 if c == 0.5 else 0.3 + off
            return Departure("clipped", "", lambda formula: lambda given: (np.full((1, 2), value),), {})

        return Family("jump", make, solved=lambda before, after: [0.500001])

    for off, constants_found in ((0.002, [0.5]), (0.004, []), (-0.004, [])):
        assert found(jump(off)) == constants_found


def test_a_constant_may_be_negative_or_written_down() -> None:
    """If the family says so: then it is looked for on both sides of 0, or taken from what the family solves."""

    def shift(c: float) -> Departure:
        return Departure("shifted", "", lambda formula: lambda given: (formula(given)[0] + c,), {})

    lower = Entry(seen([[0.5, 0.1]], [[0.0, -0.4]]), 0, (0, 1), -0.4, 0.1, 1e-14)
    assert found(Family("shift", shift), lower) == []
    assert found(Family("shift", shift, signed=True), lower) == [-0.5]
    solved = Family("shift", shift, solved=lambda before, after: [9.0, after - before, math.nan])
    assert found(solved) == [pytest.approx(0.2)]
    assert found(solved, lower) == []
    assert found(Family("shift", shift, signed=True, solved=lambda before, after: [after - before]), lower) == [-0.5]
    ends = Family("shift", shift, low=0.125, high=0.5, solved=lambda before, after: [0.125, 0.5])
    for constant in (0.125, 0.5):
        entry = Entry(seen([[0.5, 0.1]], [[0.5, 0.1 + constant]]), 0, (0, 1), 0.1 + constant, 0.1, 1e-14)
        assert found(ends, entry) == [constant]
    zero = Entry(seen([[0.5, 0.1]], [[0.5, 0.1]]), 0, (0, 1), 0.1, 0.1, 1e-14)
    nothing = {"low": 0.0, "solved": lambda before, after: [0.0]}
    assert found(Family("shift", shift, **nothing), zero) == []
    assert found(Family("shift", shift, signed=True, **nothing), zero) == [0.0]
    small = {"low": 0.3, "solved": lambda before, after: [after - before]}
    assert found(Family("shift", shift, **small)) == []


def test_constants_are_looked_for_between_the_points_of_a_family() -> None:
    """Those that are numbers within its ends; beyond the outermost an answer may change too."""

    def asked(points: Any, **options: Any) -> set[float]:
        heard: set[float] = set()

        def formula(c: float) -> Any:
            heard.add(c)
            return lambda given: (np.full((1, 2), math.nan),)

        family = Family("limit", clip, points=lambda given: np.asarray(points, float), **options)
        assert list(constants(family, ENTRY, formula)) == []
        return heard

    assert asked([0.5, 0.25, 0.5, math.inf, math.nan, -0.5, 0.0, 7.0], low=0.1) == {0.1, 0.25, 0.5, 1.0}
    assert asked([0.5, -0.5, 7.0], low=0.1, signed=True) == {0.5, -0.5}
    assert asked([0.5, 2.0, 9.0], low=0.1, high=4.0) == {0.5, 2.0}
    assert len(asked(np.arange(1, 601) / 1000, low=1e-4, high=1.1)) == 60
    assert len(asked(np.arange(1, 62) / 1000, low=1e-4, high=1.1)) == 31


def test_where_points_are_unknown_the_numbers_tell_the_range() -> None:
    """From what is without effect beside the smallest to ten times the largest, and to 1 at least."""
    heard: list[float] = []

    def formula(c: float) -> Any:
        heard.append(c)
        return lambda given: (np.full((1, 2), math.nan),)

    for given, family, ends in (
        ([[0.5, 0.1]], {}, (0.1 * tolerances.WITHOUT_EFFECT, 1.0)),
        ([[50.0, -20.0]], {"high": 1e9}, (0.5 * tolerances.WITHOUT_EFFECT, 500.0)),
        ([[50.0, math.inf]], {"low": 1e-3, "high": 1e9}, (1e-3, 500.0)),
        ([[0.01, 0.0]], {"low": 1e-3, "high": 0.5}, (1e-3, 0.5)),
        ([[0.01, 0.0]], {"high": 1e9}, (0.01 * tolerances.WITHOUT_EFFECT, 1.0)),
    ):
        heard.clear()
        answer = [[0.5, 0.5]] if given != [[0.01, 0.0]] else [[0.01, 0.0]]
        entry = Entry(seen(given, answer), 0, (0, 1), 0.3, 0.1, 1e-14)
        assert list(constants(Family("c", clip, **family), entry, formula)) == []
        assert (min(heard), max(heard)) == pytest.approx(ends, rel=1e-12)
    nothing = Entry(seen([[0.0, math.nan]], [[0.0, 0.0]]), 0, (0, 1), 0.0, 0.1, 1e-14)
    heard.clear()
    assert list(constants(Family("c", clip), nothing, formula)) == []
    assert not heard


def test_the_entry_that_is_off_the_most_tells_the_most() -> None:
    """One of each answer, far ones and small cases first; right entries and those that are no numbers tell nothing."""
    first = seen([[1.0, 2.0, 4.0]], [[1.0, 2.5, 4.5]])
    second = seen([[1.0, 2.0]], [[1.0, 2.00001]])
    third = seen([[1.0, 2.0]], [[1.0, 5.0]])
    right, nan = seen([[1.0]], [[1.0]]), seen([[1.0]], [[math.nan]])
    answers = Answers([first, second, right, nan, third])
    predicted = np.concatenate([each.given["X"].ravel() for each in answers.observations])
    told = most_telling(answers, predicted)
    assert [each.observation for each in told] == [third, first, second]
    assert [each.index for each in told] == [(0, 1)] * 3
    assert [(each.came, each.predicted, each.part) for each in told] == [
        (5.0, 2.0, 0),
        (2.5, 2.0, 0),
        (2.00001, 2.0, 0),
    ]
    assert [each.room for each in told] == [answers.room[8], answers.room[1], answers.room[4]]
    predicted[2] = math.nan
    assert [each.index for each in most_telling(answers, predicted)] == [(0, 1), (0, 2), (0, 1)]


def test_of_several_parts_the_one_that_is_off_the_most_tells() -> None:
    """With its place in that part."""
    X = np.eye(2)
    parts = (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5.0, 6.0]))
    both = Observation({"X": X}, parts, (np.zeros((2, 2)), np.zeros(2)), Case({"X": X}))
    answers = Answers([both])
    predicted = np.array([1.0, 2.0, 2.0, 4.0, 5.0, 1.0])
    (told,) = most_telling(answers, predicted)
    assert (told.part, told.index, told.came, told.predicted) == (1, (1,), 6.0, 1.0)
    predicted[-1] = 6.0
    (told,) = most_telling(answers, predicted)
    assert (told.part, told.index, told.came, told.predicted) == (0, (1, 0), 3.0, 2.0)
