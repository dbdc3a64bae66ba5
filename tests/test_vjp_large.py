"""Gradients of many numbers, seen in a few: slopes along directions, and wrong entries that are found by halving."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import large, rigorous
from reference.gradients.arguments import EVERYWHERE, pattern
from reference.gradients.cases import Case
from reference.gradients.consistency import comparison_of
from reference.gradients.context import Context
from reference.gradients.differences import Differences
from reference.gradients.judge import Comparison
from reference.gradients.large import Rows, Slopes
from reference.gradients.subject import Subject
from reference.numerics import function_tolerances, tolerances
from reference.numerics.directions import Part
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball
from reference.wording import fact
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y, C = drawn(3, 4), drawn(5).copy(), drawn(4, 3).T + 2.0


def forward(x: Any, y: Any) -> Any:
    return np.sin(x) + np.tanh(y).sum() ** 2


def gradients() -> Array:
    return np.concatenate([(C * np.cos(X)).ravel(), C.sum() * 2 * np.tanh(Y).sum() * (1 - np.tanh(Y) ** 2)])


def rows(off: dict[int, float] | None = None, bound: float = 1e-9, function: Any = forward) -> Rows:
    """The right gradients, in which some entries are off by so much."""
    actual = gradients()
    for place, by in (off or {}).items():
        actual[place] += by
    rng = np.random.RandomState(2)
    direction = rng.uniform(0.25, 1.0, 17) * rng.choice([-1.0, 1.0], 17)
    told = Slopes(Differences(function, (EVERYWHERE, EVERYWHERE)), (X, Y), C)
    return Rows(actual, np.full(17, bound), direction, np.repeat([0, 1], [12, 5]), told)


def test_slopes_along_directions_know_their_error() -> None:
    """Of all arguments together, or of some entries alone."""
    told, due = rows().told, gradients()
    rng = np.random.RandomState(1)
    for direction in (rng.uniform(-1, 1, 17), np.eye(17)[3], np.eye(17)[14]):
        found = told.along(direction)
        assert abs(found.value - due @ direction) <= found.error < 1e-5 * np.abs(due @ direction)


def test_arguments_that_stay_are_given_as_they_are() -> None:
    """The function is asked with the very arrays, which it may recognise."""
    seen: list[Any] = []

    def watched(*args: Any) -> Any:
        seen.append(args)
        return forward(*args)

    told = Slopes(Differences(watched, (EVERYWHERE, EVERYWHERE)), (X, Y), C)
    told.by(np.eye(17)[14], 2.0**-10)
    assert [args[0] is X for args in seen] == [True, True]
    assert [(args[1] - Y).tolist() for args in seen] == [[0, 0, by, 0, 0] for by in (2.0**-10, -(2.0**-10))]


def test_rounding_is_granted_to_what_changes_alone() -> None:
    """As many units of the values as there are, by the length of the step."""
    told = Slopes(
        Differences(lambda x, y: np.append(1e6 * y[:1], 1e9), (EVERYWHERE,) * 2), (X, Y), np.array([1.0, 1.0])
    )
    slope, noise = told.by(np.eye(17)[12], 2.0**-10)
    assert slope == pytest.approx(1e6, rel=1e-9)
    size = 1e6 * np.abs(Y[0]) * np.spacing(1.0) * 2.0**10
    assert noise / size == pytest.approx(function_tolerances.LARGE_UNITS / 2, rel=1e-3)
    assert told.by(np.eye(17)[0], 2.0**-10) == (0.0, 0.0)


def test_what_is_not_finite_is_not_known() -> None:
    """Its error is infinite."""
    assert np.isinf(rows(function=lambda x, y: x * np.inf).told.along(np.ones(17)).error)
    assert rows(function=lambda x, y: x * np.nan).along(np.ones(17, bool))[1] is False


def test_an_entry_has_its_derivative() -> None:
    """Whatever the sign of its step."""
    found, due = rows(), gradients()
    for place in range(17):
        value, error = found.entry(place)
        assert abs(value - due[place]) <= error < 1e-4


def test_right_gradients_are_off_by_nothing_that_is_not_allowed() -> None:
    """Along all entries, or some of them."""
    for chosen in (np.ones(17, bool), np.arange(17) < 12):
        part, is_known = rows().along(chosen)
        assert is_known
        assert not part.is_suspicious
        part, _ = rows({3: 0.125}).along(chosen)
        assert part.is_suspicious
        assert part.discrepancy == pytest.approx(0.125 * rows().direction[3], rel=1e-3)
    assert not rows({3: 0.125}).along(np.arange(17) >= 12)[0].is_suspicious
    assert not rows({3: 1e-3}, bound=0.02).along(np.ones(17, bool))[0].is_suspicious


def test_bounds_add_up_as_chance_has_it() -> None:
    """Those of entries that stay where they are do not count."""
    direction = np.array([2.0, -2.0, 0.0])
    part = large._part(np.ones(3), np.array([3.0, 4.0, 9.0]), direction, Estimate(np.array(0.5), np.array(0.25)))
    assert part.discrepancy == -0.5
    assert part.allowed == pytest.approx(10.25)


def test_roundings_of_a_sum_grow_with_its_terms() -> None:
    """By their sizes, and by the root of their number."""
    one, four = (
        large._part(np.full(n, 3.0), np.zeros(n), np.full(n, -2.0), Estimate(np.array(0.0), np.array(0.0))).allowed
        for n in (1, 4)
    )
    assert 0 < one < 1e-12
    assert four / one == pytest.approx(8)
    assert one == pytest.approx(6 * tolerances.SUM_ROUNDING, abs=0)


@pytest.mark.parametrize("place", [0, 5, 11, 12, 16])
def test_a_wrong_entry_is_found_by_halving(place: int) -> None:
    """With its derivative; nothing is found where no entry is off by more than its bound."""
    there, chosen = rows({place: 0.5}), np.ones(17, bool)
    found = large._located(there, chosen, there.along(chosen)[0])
    assert found is not None
    assert found[0] == place
    assert found[1] == pytest.approx(gradients()[place], abs=1e-4)
    assert large._located(rows({place: 0.5}, bound=1.0), chosen, Part(0.5, 0.0)) is None
    assert large._off_at(there, (place + 1) % 17) is None


def test_one_direction_judges_all_arguments() -> None:
    """Right ones together; a wrong entry is named, and the other argument is right if it explains all."""
    both = range(2)
    assert large._judged_together(rows(), both, []) == large.Together(frozenset({0, 1}))
    for place, right in ((4, {1}), (13, {0})):
        for suspects in ([], [place], [place + 1]):
            found = large._judged_together(rows({place: 0.5}), both, suspects)
            assert found.right == right
            assert found.wrong is not None
            assert found.wrong[0] == place


def test_two_wrong_entries_leave_no_argument_right() -> None:
    """One of them is named."""
    found = large._judged_together(rows({4: 0.5, 13: 0.25}), range(2), [])
    assert found.right == frozenset()
    assert found.wrong is not None
    assert found.wrong[0] in {4, 13}


def test_arguments_that_are_not_finite_or_hardly_seen_are_not_judged_together() -> None:
    """What is no number is left out, and so is what is small beside all that is allowed; 0 shows nothing."""
    assert large._judged_together(rows({4: np.nan}), range(2), []).right == {1}
    assert large._judged_together(rows({13: np.inf}), range(2), []).right == {0}
    assert large._judged_together(rows(function=lambda x, y: x * np.nan), range(2), []) == large.Together(frozenset())
    assert large._judged_together(rows(bound=1e3), range(2), []).right == frozenset()
    there = rows()
    typical = np.median(np.abs(there.actual * there.direction)[:12])
    assert there.shows(0, 4e-4 * typical)
    assert not there.shows(0, 6e-4 * typical)
    terms = np.array([0.5, -8.0, 2.0, 0.0])
    exact = Rows(terms, terms, np.full(4, 2.0), np.array([0, 0, 0, 0]), there.told)
    assert exact.shows(0, 4.0 * function_tolerances.LARGE_SEEN)
    flat = Rows(0 * there.actual, there.bound, there.direction, there.owners, there.told)
    assert not flat.shows(0, 0.0)


#: A large argument beside a small one, of which a direction of both shows nothing where ``scale`` is large.
MANY, FEW = np.linspace(-2.0, 2.0, 5001), np.array([0.5, -1.0, 2.0])


def asked(off: dict[tuple[int, int], float], scale: float = 1.0, only: str = "", calls: Any = None) -> Context:
    """With gradients in which some entries are off by so much, in cases of one kind or in all."""
    kinds: dict[float, str] = {}

    def value(x: Any, y: Any) -> Any:
        if calls is not None:
            calls.append(1)
        return scale * np.sin(x) + np.sin(y).sum()

    def gradient(c: Any, x: Any, y: Any) -> Any:
        found = [scale * c * np.cos(x), c.sum() * np.cos(y)]
        for (number, entry), by in off.items():
            found[number][entry] += by if kinds.get(float(y[0]), "") in {only or kinds.get(float(y[0]), "")} else 0.0
        return tuple(found)

    context = Context(Subject(value, gradient, pattern((MANY, FEW), None)), None, 0, "quick")
    kinds.update({float(case.args[1][0]): case.kind for case in context.cases})
    return context


@pytest.fixture
def without_balls(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rigorous, ball):
        monkeypatch.setattr(module, "available", lambda: "not needed here")


def compared(context: Context, number: int, which: int = 0) -> Comparison:
    comparison = comparison_of(context, number)
    large.compare(context, context.differences, number, comparison, context.cases[which])
    return comparison


@pytest.mark.usefixtures("without_balls")
@pytest.mark.parametrize("scale", [1.0, 1e8])
def test_each_argument_is_judged_once_in_a_case(scale: float) -> None:
    """Along all of them, or along its own entries alone; a right one counts as judged."""
    context = asked({}, scale)
    for number in (0, 1):
        comparison = compared(context, number)
        comparison.judged += 4
        large.compare(context, context.differences, number, comparison, context.cases[1])
        assert (comparison.violation, comparison.judged) == (None, 6)


@pytest.mark.usefixtures("without_balls")
@pytest.mark.parametrize(("scale", "number", "entry", "by"), [(1, 0, 1234, 0.5), (1, 1, 2, 0.5), (1e8, 1, 1, 1e3)])
def test_a_wrong_entry_is_told_with_its_derivative(scale: float, number: int, entry: int, by: float) -> None:
    """And with what it may be off; the other argument is right."""
    context = asked({(number, entry): by}, scale)
    comparison, other = compared(context, number), compared(context, 1 - number)
    violation = comparison.violation
    assert violation is not None
    assert violation.index == violation.due["index"] == violation.came["index"] == (entry,)
    assert violation.due["what"] == violation.came["what"] == f"gradient[{number}]"
    case = context.cases[0]
    cotangent = context.cotangents(case)[0]
    answers, bounds = context.gradients(case, cotangent)
    assert violation.came["value"] == answers[number][entry]
    assert abs(violation.due["value"] - (answers[number][entry] - by)) <= violation.due["error"] < by / 5
    assert violation.bound == violation.due["error"] + bounds[number][entry]
    assert violation.counterexample == {"inputs": "as given"}
    assert comparison.judged >= 1
    assert (other.violation, other.judged) == (None, 1)


@pytest.mark.usefixtures("without_balls")
def test_what_one_direction_tells_of_all_arguments_is_kept() -> None:
    """Another argument takes no calls; in other cases the entry that was wrong is looked at first."""
    calls: list[int] = []
    context = asked({(0, 1234): 0.5}, calls=calls)
    compared(context, 1)
    calls.clear()
    compared(context, 1)
    assert not calls
    first = asked({(0, 1234): 0.5}, calls=calls)
    compared(first, 0)
    found = len(calls)
    calls.clear()
    comparison = compared(first, 0, 1)
    assert comparison.violation is not None
    assert comparison.violation.index == (1234,)
    assert len(calls) < found / 2


@pytest.mark.usefixtures("without_balls")
def test_all_entries_are_moved_at_once() -> None:
    """Each by a part of its step, to either side; the seed of the case draws them."""
    context = asked({})
    case = context.cases[0]
    rows = large._rows(context, context.differences, case)
    again = large._rows(context, context.differences, Case("made", case.args, case.seed))
    other = large._rows(context, context.differences, Case("made", case.args, case.seed + 1))
    assert np.array_equal(rows.direction, again.direction)
    assert not np.array_equal(rows.direction, other.direction)
    steps = np.concatenate([context.differences.steps(case.args, number) for number in (0, 1)])
    parts = rows.direction / steps
    assert (np.abs(parts) <= 1).all()
    assert (np.abs(parts) >= 0.25).all()
    assert len(np.unique(parts)) == parts.size
    assert (parts[:5001] > 0).any()
    assert (parts[:5001] < 0).any()
    assert rows.owners.tolist() == [0] * 5001 + [1] * 3
    answers, bounds = context.gradients(case, context.cotangents(case)[0])
    assert np.array_equal(rows.actual, np.concatenate(answers))
    assert np.array_equal(rows.bound, np.concatenate(bounds))
    due = rows.actual @ rows.direction
    found = rows.told.along(rows.direction)
    assert abs(found.value - due) <= found.error < 1e-4 * np.abs(rows.actual * rows.direction).sum()


@pytest.mark.usefixtures("without_balls")
@pytest.mark.parametrize("told", [large.Together(frozenset()), large.Together(frozenset(), (3, 7.0, 1.0))])
def test_an_argument_of_which_nothing_is_told_is_judged_by_itself(told: large.Together) -> None:
    """Along its own entries; what is wrong of another one does not matter."""
    for off, count in (({}, 1), ({(0, 3): 0.5}, 1), ({(1, 2): 0.5}, 2)):
        context = asked(off)
        case = context.cases[0]
        large._TOLD[context] = {(context.differences.oracle, case.kind, case.seed): told}
        comparison = compared(context, 1)
        assert comparison.judged == count
        assert (comparison.violation is None) is (count == 1)
        if comparison.violation is not None:
            assert comparison.violation.index == (2,)


@pytest.mark.usefixtures("without_balls")
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_told_at_once(wrong: float) -> None:
    """The first of several, with its place; the forward pass is not asked for that."""
    calls: list[int] = []
    context = asked({(0, 7): wrong, (0, 4000): wrong}, calls=calls)
    case = context.cases[0]
    with np.errstate(all="ignore"):
        context.gradients(case, context.cotangents(case)[0])
        calls.clear()
        comparison = compared(context, 0)
    violation = comparison.violation
    assert violation is not None
    assert not calls
    assert violation.due == fact("number where finite", what="gradient[0]", index=(7,))
    assert (violation.index, violation.came["what"], str(violation.came["value"])) == ((7,), "gradient[0]", str(wrong))
    assert violation.counterexample == {"inputs": "as given"}
