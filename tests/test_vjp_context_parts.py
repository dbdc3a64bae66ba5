"""What is excused in a case and what is told of a kink, by the parts: who is asked, and what of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable
from reference.gradients import context as contexts
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.subject import Subject
from reference.gradients.ties import Verdict
from reference.numerics import function_tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, WHOLE, Y = drawn(2, 3), np.array([[3], [4]]), drawn(3) + 2.0
C = drawn(3, 2).T + 1.0
NAN = (np.where(X[0, 0] == X, np.nan, X), Y)
BOUNDS = [0 * X, 0 * Y]


def forward(x: Any, whole: Any, y: Any) -> Any:
    return np.sin(x) * y + whole


def vjp(c: Any, x: Any, whole: Any, y: Any) -> Any:
    return c * np.cos(x) * y, None, (c * np.sin(x)).sum(axis=0)


def context(one: Any = forward, two: Any = vjp, spec: Any = None, domain: Any = None, **options: Any) -> Context:
    return Context(Subject(one, two, pattern((X, WHOLE, Y), domain, **options)), spec, 0, "quick")


class Definition:
    """One that answers what it is told to."""

    shape = (2, 3)

    def __init__(self, own: Any = None, *, is_ordinary: bool = False, **more: Any) -> None:
        self.own = own
        self.asked: list[Any] = []
        self.rigorous = SimpleNamespace(is_ordinary=lambda args: is_ordinary if args[0] is not None else None)
        self.is_differentiated = True
        self.differences = SimpleNamespace()
        vars(self).update(more)

    def autograd(self, cotangent: Array, args: Any) -> Any:
        self.asked.append((cotangent, args))
        return self.own

    def value(self, args: Any) -> Any:
        return Estimate(forward(*args), 0 * forward(*args))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What balls and the judge of kinks say: it is a kink, of which nothing is certain, unless a test says so."""
    told: Any = SimpleNamespace(wrong=None, verdict=Verdict("legal", kinked=True), asked=[])

    def surely_wrong(*given: Any, at_kinks: bool = True) -> Any:
        told.asked.append(("balls", *given, at_kinks))
        return told.wrong

    def judge(*given: Any) -> Verdict:
        told.asked.append(("kinks", *given))
        found: Verdict = told.verdict
        return found

    monkeypatch.setattr(contexts.certain, "surely_wrong", surely_wrong)
    monkeypatch.setattr(contexts.ties, "judge", judge)
    return told


def test_what_is_given_is_known() -> None:
    """Its options, the domains of what is differentiated, and what rounds where its operations cannot be followed."""
    plain = context(domain=[(-9, 9), None, (0, 99)])
    assert (plain.owns, plain.repairs, plain.constant, plain.formula_is_wrong) == (False, None, frozenset(), False)
    assert plain.differences.domain == ((-9, 9), (0, 99))
    assert plain.differences.analysed == plain._rounding_on_balls
    assert plain.differences.function == plain._own
    assert plain.known.function is plain
    subject = Subject(forward, vjp, pattern((X, WHOLE, Y), None))
    other = Context(subject, None, 0, "quick", owns=True, constant=frozenset({2}), repairs=print)
    assert (other.owns, other.repairs, other.constant) == (True, print, {2})


def test_entries_are_chosen_by_the_seed() -> None:
    """The same for the same seed; seeds may be of any size."""
    subject = Subject(forward, vjp, pattern((X, WHOLE, Y), None))
    many = np.zeros((60, 60))
    chosen = [Context(subject, None, seed, "quick").entries(many) for seed in (5, 7, 6, 37, 2**32 + 5)]
    assert chosen[0] == chosen[-1]
    assert all(chosen[0] != each for each in chosen[1:-1])
    few = np.zeros((2, 3))
    assert Context(subject, None, 5, "quick").entries(few) == list(np.ndindex(2, 3))


def test_a_kink_excuses_unless_balls_know_better(said: Any) -> None:
    """They are asked of what has one gradient nearby; the case counts as one with ties, once."""
    asked = context()
    case, answers = asked.cases[1], (X, Y)
    assert case not in asked.tied()
    said.verdict = Verdict("wrong", kinked=False)
    assert not asked.is_excused(case, C, answers, BOUNDS)
    assert [each is case for each in asked.tied()].count(True) == 0
    assert said.asked[0] == ("balls", asked.known, case, C, answers, BOUNDS, False)
    asked._ties.clear()
    said.verdict = Verdict("legal", kinked=True)
    said.wrong = object()
    assert not asked.is_excused(case, C, answers, BOUNDS)
    said.wrong = None
    for cotangent in (C, 2 * C):
        assert asked.is_excused(case, cotangent, answers, BOUNDS)
    assert [each is case for each in asked.tied()].count(True) == 1
    other = asked.cases[0]
    assert asked.is_excused(other, C, answers, BOUNDS)
    assert [each is other for each in asked.tied()].count(True) == 1


def test_a_kink_is_judged_once(said: Any) -> None:
    """Of each cotangent in each case, with what was answered and granted there."""
    asked = context()
    case, other = asked.cases[:2]
    assert asked.at_tie(case, C, [X, Y], BOUNDS) is said.verdict
    ((_, place, answers, bounds, rng),) = said.asked
    assert all(each is given for each, given in zip(place.floats, (case.args[0], case.args[2]), strict=True))
    assert isinstance(answers, tuple)
    assert isinstance(bounds, tuple)
    assert all(map(np.array_equal, (*answers, *bounds), (X, Y, *BOUNDS)))
    assert rng.randint(2**31) == np.random.RandomState(case.seed).randint(2**31)
    asked.at_tie(case, C.copy(), [X, Y], BOUNDS)
    assert len(said.asked) == 1
    asked.at_tie(case, -C, [X, Y], BOUNDS)
    asked.at_tie(other, C, [X, Y], BOUNDS)
    asked.at_tie(Case(case.kind, case.args, case.seed + 1), C, [X, Y], BOUNDS)
    asked.at_tie(Case("other", case.args, case.seed), C, [X, Y], BOUNDS)
    assert len(said.asked) == 5


@pytest.mark.parametrize(("own", "is_ordinary", "is_excused"), [
    (NAN, False, True), (NAN, True, False), ((X * np.nan, Y * np.nan), False, True), ((X, Y), False, False),
    ((X, Y * np.nan), False, False), (None, False, False),
])  # fmt: skip
def test_what_the_definition_answers_as_nan_is_excused(
    said: Any, own: Any, is_ordinary: bool, is_excused: bool
) -> None:
    """By its own automatic differentiation, in all entries that are NaN, unless all on its way there is ordinary."""
    said.verdict = Verdict("unknown", kinked=False)
    definition = Definition(own, is_ordinary=is_ordinary)
    asked = context(spec=definition)
    case = asked.cases[0]
    assert asked.is_excused(case, C, NAN, BOUNDS) is is_excused
    ((cotangent, args),) = definition.asked
    assert cotangent is C
    assert args is case.args
    definition.asked.clear()
    assert not asked.is_excused(case, C, (X, Y), BOUNDS)
    assert not definition.asked


def test_nan_is_excused_where_the_output_is_not_finite(said: Any) -> None:
    """One entry of it is enough; a gradient that is a number is judged."""
    said.verdict = Verdict("unknown", kinked=False)
    asked = context(lambda x, whole, y: np.where(X[0, 0] == x, np.inf, forward(x, whole, y)))
    case = asked.cases[0]
    assert asked.is_excused(case, C, NAN, BOUNDS)
    assert not asked.is_excused(case, C, (X, Y), BOUNDS)
    finite = context()
    assert not finite.is_excused(finite.cases[0], C, NAN, BOUNDS)


def test_a_place_has_a_value_and_slopes() -> None:
    """That of the cotangent with the output, or with the definition's; where arguments are not legal there is none."""
    seen: list[Any] = []

    def jointly(floats: Any, directions: Any) -> Estimate:
        seen.append((floats, directions))
        return Estimate(np.full((2, 3), 2.0), np.full((2, 3), 0.5))

    def legal(x: Any, whole: Any, y: Any) -> bool:
        return bool(np.abs(x).max() < 100)

    differences = SimpleNamespace(function=lambda x, y: 2 * forward(x, WHOLE, y).ravel(), jointly=jointly)
    for spec, factor in ((None, 1), (Definition(differences=differences), 2)):
        asked = context(spec=spec, legal=legal)
        asked.differences.jointly = jointly  # type: ignore[method-assign]
        case = asked.cases[0]
        place = asked.place_of(case, C.astype(np.float32))
        due = (C.astype(np.float32).astype(float) * factor * forward(3 * X, WHOLE, Y)).sum()
        assert place.value((3 * X, Y)) == pytest.approx(due)
        assert place.value((X + 200, Y)) is None
        directions = (X, 0 * Y)
        value, error = place.slope(directions)
        assert value == pytest.approx(2 * float(C.astype(np.float32).sum()))
        assert error == pytest.approx(0.5 * float(np.abs(C).sum()))
        floats, along = seen[-1]
        assert all(map(np.array_equal, floats, (X, Y)))
        assert along is directions


def test_a_place_has_each_output_alone() -> None:
    """By its entry of the cotangent; one whose entry is 0 has no say."""
    asked = context()
    cotangent = np.array([[1.5, 0.0, -2.0], [0.0, 0.0, 0.5]])
    found = list(asked.place_of(asked.cases[0], cotangent).outputs())
    output = forward(X, WHOLE, Y)
    due = [1.5 * output[0, 0], -2 * output[0, 2], output[1, 2] / 2]
    assert [each.value((X, Y)) for each in found] == pytest.approx(due)
    for each, index in zip(found, ((0, 0), (0, 2), (1, 2)), strict=True):
        alone = np.zeros((2, 3))
        alone[index] = cotangent[index]
        gradients = each.gradients((X, Y))
        assert gradients is not None
        assert all(map(np.allclose, gradients, vjp(alone, X, WHOLE, Y)[::2]))
        assert all(map(np.array_equal, each.floats, (X, Y)))


def test_gradients_nearby_are_those_of_the_function() -> None:
    """In doubles, after the forward pass; where it is not legal or raises there are none."""
    calls: list[str] = []

    def noting(x: Any, whole: Any, y: Any) -> Any:
        calls.append("forward")
        return forward(x, whole, y)

    def picky(c: Any, x: Any, whole: Any, y: Any) -> Any:
        calls.append("vjp")
        if x.max() > 50:
            raise ValueError("no")
        return vjp(c, x, whole, y)

    asked = context(noting, picky, legal=lambda x, whole, y: bool(x.max() < 100))
    calls.clear()
    found = asked._gradients_at(C, (2 * X, Y))
    assert found is not None
    assert all(map(np.array_equal, found, vjp(C, 2 * X, WHOLE, Y)[::2]))
    assert calls == ["forward", "vjp"]
    assert asked._gradients_at(C, (X + 60, Y)) is None
    calls.clear()
    assert asked._gradients_at(C, (X + 160, Y)) is None
    assert not calls


def test_gradients_nearby_are_those_of_a_definition_that_is_differentiated() -> None:
    """To no more digits than kinks need; where an entry is not known there are none."""
    told: dict[str, Any] = {"error": 0.5}
    asked_of: list[Any] = []

    def gradient(cotangent: Any, args: Any, coarse: Any) -> Any:
        asked_of.append((cotangent, args, coarse))
        error = np.zeros(3)
        error[1] = told["error"]
        return Estimate(2 * X, 0 * X), Estimate(3 * Y, error)

    asked = context(spec=Definition(gradient=gradient))
    found = asked._gradients_at(C, (5 * X, Y))
    assert found is not None
    assert all(map(np.array_equal, found, (2 * X, 3 * Y)))
    ((cotangent, args, coarse),) = asked_of
    assert cotangent is C
    assert all(map(np.array_equal, args, (5 * X, WHOLE, Y)))
    assert [each.tolist() for each in coarse] == [
        np.full(each.shape, function_tolerances.TIE_RELATIVE).tolist() for each in (X, Y)
    ]
    told["error"] = np.inf
    assert asked._gradients_at(C, (5 * X, Y)) is None
    plain = context(spec=Definition(gradient=gradient, is_differentiated=False))
    own = plain._gradients_at(C, (5 * X, Y))
    assert own is not None
    assert all(map(np.array_equal, own, vjp(C, 5 * X, WHOLE, Y)[::2]))


@pytest.mark.parametrize(("left", "is_enough"), [(0, True), (1, True), (2, True), (3, False)])
def test_half_of_what_is_drawn_is_enough(left: int, is_enough: bool) -> None:
    """What was left out is noted; the given case does not count."""
    asked = context()
    asked._drawn = 4
    asked._judged = asked.cases[: 5 - left]
    if is_enough:
        asked.check_enough()
        told = [(each.kind, each["left"], each["drawn"]) for each in asked.notes]
        assert told == ([("left out", left, 4)] if left else [])
    else:
        with pytest.raises(NotApplicable) as caught:
            asked.check_enough()
        reason = caught.value.reason
        assert (reason.kind, reason["left"], reason["drawn"]) == ("mostly left out", left, 4)
        assert not asked.notes
    asked._near = fact("near given", left=1, drawn=2, count=3)
    if is_enough:
        asked.check_enough()
        assert asked._near in asked.notes


def test_the_roundings_of_outputs_are_analysed_on_balls() -> None:
    """In a row, or as a single number; at the arguments with the given whole numbers."""
    asked = context()
    seen: list[Any] = []
    for found, due in ((np.ones((2, 3)), [1.0] * 6), (np.array(2.0), 2.0), (None, None)):
        asked.known.rigorous.rounding = lambda args, found=found: (seen.append(args), found)[1]  # type: ignore[misc,method-assign]
        analysed = asked._rounding_on_balls(2 * X, Y)
        assert (None if analysed is None else analysed.tolist()) == due
    assert all(map(np.array_equal, seen[0], (2 * X, WHOLE, Y)))


def test_the_shape_of_a_gradient_is_asked_after_the_forward_pass() -> None:
    """With the given arguments and the first cotangent."""
    calls: list[Any] = []

    def noting(*args: Any) -> Any:
        calls.append(args)
        return forward(*args)

    def gradient(*args: Any) -> Any:
        calls.append(args)
        return vjp(*args)

    asked = context(noting, gradient)
    (first, *_) = asked.cotangents(asked.cases[0])
    calls.clear()
    for number in (0, 2):
        asked.require_shape(number)
    assert [len(each) for each in calls] == [3, 4, 3, 4]
    assert all(map(np.array_equal, calls[1], (first, X, WHOLE, Y)))
    with pytest.raises(NotApplicable) as caught:
        asked.require_shape(1)
    assert caught.value.reason.kind == "depends"
    assert caught.value.reason["names"] == ("vjp.gradient[1].types",)
