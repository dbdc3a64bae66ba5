"""How answers are compared with the truth: what is judged, what is granted, what is told of a wrong one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import consistency
from reference.gradients.cases import Case
from reference.gradients.judge import Comparison, compare
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, ASKED = drawn(3, 4), {"args[0]": [1.0]}
NOTHING = fact("specification judges")


def exact(value: Any, error: Any = 0.0) -> Estimate:
    value = np.asarray(value, float)
    return Estimate(value, np.broadcast_to(np.asarray(error, float), value.shape))


def off(at: Any, by: float, array: Array = X) -> Array:
    found = array.copy()
    found[at] += by
    return found


def compared(actual: Any, truth: Estimate, bound: Any, **more: Any) -> Comparison:
    comparison = Comparison("gradient[0]", **{name: more.pop(name) for name in ("largest",) if name in more})
    actual = np.asarray(actual, float)
    comparison.add(actual, truth, np.broadcast_to(np.asarray(bound, float), actual.shape), ASKED, **more)
    return comparison


def test_a_wrong_entry_is_told() -> None:
    """With what was due and came there, how far it may be off, the arguments and a picture of all entries."""
    found = compared(off((1, 2), 0.5), exact(X, 0.125), 0.25)
    violation = found.violation
    assert violation is not None
    assert (violation.index, violation.bound, violation.counterexample) == ((1, 2), 0.375, ASKED)
    assert (violation.due.kind, violation.due["what"], violation.due["index"]) == ("entry near", "gradient[0]", (1, 2))
    assert (violation.due["value"], violation.due["error"]) == (X[1, 2], 0.125)
    assert (violation.came.kind, violation.came["value"]) == ("entry", X[1, 2] + 0.5)
    assert (violation.came["what"], violation.came["index"]) == ("gradient[0]", (1, 2))
    assert violation.evidence is not None
    assert violation.evidence.name == "gradient[0]"
    assert found.judged == 12


@pytest.mark.parametrize(
    ("actual", "truth", "bound"),
    [
        (off((1, 2), 0.5), exact(X, 0.25), 0.25),
        (X, exact(X), 0.0),
        (np.zeros((0, 2)), exact(np.zeros((0, 2))), 0.0),
        (np.array(3.0), exact(3.0), 0.0),
    ],
)
def test_what_is_near_enough_is_right(actual: Any, truth: Estimate, bound: float) -> None:
    """Within the truth's own error and the rounding that is granted, together; of any shape, empty too."""
    found = compared(actual, truth, bound)
    assert (found.violation, found.judged) == (None, actual.size)


def test_what_is_not_known_is_not_judged() -> None:
    """An infinite error, an infinite bound, a truth beyond the largest number; then there is no picture either."""
    error = np.zeros(X.shape)
    error[0, 0] = np.inf
    assert compared(off((0, 0), 9.0), exact(X, error), 0.0).judged == 11
    assert compared(off((0, 0), 9.0), exact(X), error).violation is None
    far = compared(off((0, 0), 9.0), exact(off((0, 0), 100.0)), 0.0, largest=50.0)
    assert (far.violation, far.judged) == (None, 11)
    largest = float(np.abs(X).max())
    assert compared(X, exact(X), 0.0, largest=largest).judged == 12
    assert compared(-X, exact(-X), 0.0, largest=largest).judged == 12
    wrong = compared(off((1, 1), 9.0), exact(X, error), 0.0).violation
    assert wrong is not None
    assert (wrong.index, wrong.evidence) == ((1, 1), None)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_wrong(wrong: float) -> None:
    """Where the truth is one."""
    found = compared(off((2, 0), wrong), exact(X), 1e9).violation
    assert found is not None
    assert found.index == (2, 0)


def test_a_second_bound_is_asked_where_an_entry_seems_wrong() -> None:
    """The larger of both holds, entry by entry."""
    assert compared(off((1, 2), 0.5), exact(X), 0.25, hidden=lambda: np.full(X.shape, 0.75)).violation is None
    assert compared(off((1, 2), 0.5), exact(X), 0.25, hidden=lambda: np.zeros(X.shape)).violation is not None
    found = compared(off((1, 2), 0.5), exact(X), 0.25, hidden=lambda: np.where(X[1, 2] == X, 0.0, 9.0)).violation
    assert found is not None
    assert found.bound == 0.25

    def never() -> Array:
        raise AssertionError

    assert compared(X, exact(X), 0.0, hidden=never).violation is None


def test_what_is_excused_counts_as_not_judged() -> None:
    """It is asked of the entry that seems wrong, and of none that is right."""
    asked: list[Any] = []

    def excused(index: Any) -> bool:
        asked.append(index)
        return True

    found = compared(off((1, 2), 0.5), exact(X), 0.25, excused=excused)
    assert (found.violation, found.judged, asked) == (None, 0, [(1, 2)])
    assert compared(X, exact(X), 0.0, excused=excused).judged == 12
    assert compared(off((1, 2), 0.5), exact(X), 0.25, excused=lambda _: False).violation is not None
    assert asked == [(1, 2)]


def test_the_first_wrong_answer_is_told() -> None:
    """Those of later cases count for the factor alone."""
    found = compared(off((1, 2), 0.5), exact(X), 0.0)
    found.add(off((0, 0), 9.0), exact(X), 0 * X, {})
    assert found.violation is not None
    assert found.violation.index == (1, 2)
    assert found.judged == 24


def test_what_comes_of_a_comparison() -> None:
    """A violation, else what a call has raised, else that nothing could be judged."""
    crash = Violation(fact("answers", what="vjp"), fact("number", value=1.0), mistake="crash")
    for violates, crashes, judges in ((1, 1, 1), (0, 1, 1), (0, 0, 1), (0, 0, 0)):
        comparison = Comparison("gradient[0]")
        if judges:
            comparison.add(off((0, 0), float(violates)), exact(X), 0 * X, ASKED)
        comparison.crash = crash if crashes else None
        if violates or crashes:
            with pytest.raises(Violation) as caught:
                comparison.settle(NOTHING)
            assert (caught.value is crash) is not bool(violates)
        elif judges:
            comparison.settle(NOTHING)
        else:
            with pytest.raises(NotApplicable) as absent:
                comparison.settle(NOTHING)
            assert absent.value.reason is NOTHING


def explained(*pairs: tuple[Array, Array], bound: float = 1e-12, unit: float = tolerances.DOUBLE_UNIT) -> Violation:
    comparison = Comparison("gradient[0]", unit=unit)
    for actual, truth in pairs:
        comparison.add(actual, exact(truth), np.full(truth.shape, bound), ASKED)
    with pytest.raises(Violation) as caught:
        comparison.settle(NOTHING)
    return caught.value


def test_one_factor_explains_all_answers() -> None:
    """Of all cases together; where it is -1 that is a sign."""
    for factor, word in ((3.0, "scaled"), (-1.0, "sign"), (-0.5, "scaled")):
        violation = explained((factor * X, X), (factor * X.T, X.T))
        assert violation.mistake == word
        (told,) = [each for each in violation.came.more if each.kind == "one factor"]
        assert told["ratio"] == pytest.approx(factor)


@pytest.mark.parametrize(
    "pairs",
    [
        [(off((0, 0), 1.0, 3 * X), X)], [(3 * X, X), (2 * X, X)], [(3 * X, X), (X, X)], [(X + 1.0, X)],
        [(3 * X[0, :1], X[0, :1])], [(off((0, 0), np.inf, 3 * X), X)], [(np.where(X > 0, 0.0, 3 * X), X)],
    ],
)  # fmt: skip
def test_no_factor_explains_some_answers(pairs: Any) -> None:
    """Another one in another case, right ones beside wrong ones, one number alone, or none."""
    violation = explained(*pairs)
    assert violation.mistake is None
    assert not violation.came.more


def test_zeros_everywhere_are_told() -> None:
    """They are no factor."""
    violation = explained((0 * X, X), (0 * X, X + 9))
    assert violation.mistake is None
    assert [each.kind for each in violation.came.more] == ["zero everywhere"]


def test_small_numbers_do_not_hide_a_factor() -> None:
    """What is small beside the bound tells of none, and need not be wrong; single precision knows it less well."""
    beside = np.append(X.ravel(), [0.0, 1e-6])
    assert explained((3 * beside, beside), bound=1e-4).mistake == "scaled"
    rough = 3 * X * (1 + 1e-6 * np.sin(np.arange(12.0)).reshape(3, 4))
    assert explained((rough, X)).mistake is None
    assert explained((-(1 + 1e-6) * X, X), unit=tolerances.SINGLE_UNIT).mistake == "sign"
    assert explained((-(1 + 1e-6) * X, X)).mistake == "scaled"


def factor(actual: Any, truth: Any, bound: Any) -> str | None:
    """The word for answers of which the first is wrong, each with a bound of its own."""
    comparison = Comparison("gradient[0]")
    comparison.add(np.array(actual), exact(truth), np.array(bound), ASKED)
    with pytest.raises(Violation) as caught:
        comparison.settle(NOTHING)
    assert (caught.value.mistake is None) == (not caught.value.came.more)
    return caught.value.mistake


def test_a_factor_explains_answers_by_their_bounds() -> None:
    """Each to within its own, for the truth and the factor; at the least number of clear answers too."""
    few, tiny = tolerances.FACTOR_ENTRIES, 1e-12
    truth = np.arange(1.0, 1 + few)
    assert factor(3 * truth, truth, np.full(few, tiny)) == "scaled"
    assert factor(3 * truth[1:], truth[1:], np.full(few - 1, tiny)) is None
    truth, bound = np.arange(1.0, 11.0), np.full(10, tiny)
    for at in (3, 7):
        bound[at] = 1e-3
        for part, word in ((3.9, "scaled"), (-3.9, "scaled"), (4.2, None)):
            actual = 3 * truth
            actual[at] += part * 1e-3
            assert factor(actual, truth, bound) == word
        bound[at] = tiny


def test_what_is_as_far_off_as_it_may_be_is_not_wrong() -> None:
    """So no factor explains it; unless it is so small beside its bound that it tells nothing."""
    step = 2.0**-10
    truth, bound = np.full(10, 1.0), np.full(10, 1e-12)
    assert factor(truth + step, truth, bound) == "scaled"
    bound[4] = step
    assert factor(truth + step, truth, bound) is None
    truth[4] = tolerances.FACTOR_CLEAR * step
    actual = 3 * truth
    actual[4] = truth[4]
    assert factor(actual, truth, bound) is None
    bound[4] = truth[4] = 2.0**-20
    truth[4] *= tolerances.FACTOR_CLEAR
    actual[4] = truth[4]
    assert factor(3 * truth, truth, bound) == "scaled"


def test_answers_that_are_zeros_but_for_rounding_have_no_factor() -> None:
    """They are not called zeros everywhere either."""
    actual = np.zeros(10)
    actual[3] = 1e-13
    assert factor(actual, np.arange(1.0, 11.0), np.full(10, 1e-12)) is None


def test_two_answers_that_should_be_the_same() -> None:
    """Within a bound."""
    compare("forward", off((1, 0), 0.5), X, np.full(X.shape, 0.5), ASKED)
    with pytest.raises(Violation) as caught:
        compare("forward", off((1, 0), 0.5), X, np.full(X.shape, 0.4), ASKED)
    assert (caught.value.index, caught.value.due["what"], caught.value.counterexample) == ((1, 0), "forward", ASKED)


# Along directions


def test_a_gradient_along_a_direction() -> None:
    """What it says less what it should; bounds and roundings add up, and where one is not known all is allowed."""
    direction = np.array([2.0, -4.0])
    part = consistency._part(np.array([1.0, 0.5]), np.array([0.25, 0.125]), direction, exact(0.5, 0.75))
    assert part.discrepancy == -0.5
    assert part.allowed == pytest.approx(0.75 + 0.5 + 0.5)
    assert part.allowed > 1.75
    for actual, total in ((np.array([np.nan, 0.5]), exact(0.5)), (np.ones(2), exact(0.5, np.inf))):
        unknown = consistency._part(actual, np.zeros(2), direction, total)
        assert (unknown.discrepancy, unknown.allowed) == (0.0, np.inf)


def test_entries_that_are_no_numbers() -> None:
    """The first few of them."""
    assert consistency._not_finite(X) == []
    assert consistency._not_finite(off((1, 2), np.inf)) == [(1, 2)]
    many = consistency._not_finite(np.full((40, 40), np.nan))
    assert many[:2] == [(0, 0), (0, 1)]
    assert len(many) == tolerances.NOT_FINITE_ENTRIES


def test_a_gradient_that_is_off_along_a_direction_alone() -> None:
    """It is told with the direction, what it says along it, and what it should."""
    violation = consistency._off_along(2, np.array([1.0, 2.0]), np.array([0.5, 0.25]), exact(3.0, 0.125), ASKED)
    assert (violation.due["what"], violation.due["value"], violation.came["value"]) == ("gradient[2]", 3.0, 1.0)
    assert violation.bound == 0.125
    assert violation.counterexample == ASKED | {"direction": [0.5, 0.25]}


@pytest.mark.parametrize(
    ("wrong", "error", "beyond", "excused", "is_told"),
    [
        (np.nan, np.inf, False, False, True), (np.nan, 0.0, False, False, False), (np.inf, np.inf, False, False, False),
        (np.nan, np.inf, True, False, False), (np.nan, np.inf, False, True, False), (0.0, np.inf, False, False, False),
    ],
)  # fmt: skip
def test_no_number_is_wrong_where_nothing_is_known(
    wrong: float, error: float, beyond: bool, excused: bool, is_told: bool
) -> None:
    """Unless the definition leaves doubles there, or it is excused; what is known is judged elsewhere."""
    comparison, actual = Comparison("gradient[0]"), off((1, 2), wrong)
    case = Case("as given", (X,), 0)
    where, known = np.full(X.shape, beyond), exact(X, error)
    consistency.not_a_number(
        comparison, case, np.ones(2), actual, known, where, lambda index: excused if index == (1, 2) else not excused
    )
    assert (comparison.violation is not None) is is_told
    if comparison.violation is not None:
        assert comparison.violation.index == comparison.violation.due["index"] == (1, 2)
        assert set(comparison.violation.counterexample or ()) == {"cotangent", "args[0]"}
        assert comparison.violation.due["what"] == comparison.violation.came["what"] == "gradient[0]"
        assert str(comparison.violation.came["value"]) == "nan"
        assert comparison.violation.came["index"] == (1, 2)
        first = comparison.violation
        consistency.not_a_number(comparison, case, np.ones(2), 0 * actual, known, where, lambda index: False)
        assert comparison.violation is first
