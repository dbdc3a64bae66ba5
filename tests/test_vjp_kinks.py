"""The check of points without a derivative, by its parts: who is asked there, in which order, and what is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import kinks
from reference.gradients.cases import Case
from reference.gradients.ties import Verdict
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
#: Of three arguments the second one is held.
X, Y = np.array([1.0, 2.0, 2.0]), np.array([0.5])
ARGS = (X, np.array([9.0]), Y)
ANSWERS, BOUNDS = (np.array([1.0, 5.0, 3.0]), np.array([7.0])), [np.full(3, 0.25), np.full(1, 0.25)]
C, ONE, OTHER = np.array([1.5]), Case("ties", ARGS, 1), Case("zeros", ARGS, 2)
LEGAL, UNKNOWN = Verdict("legal"), Verdict("unknown")


class Stub:
    """What a context tells of two tied cases, with what is said of their gradients in turn."""

    def __init__(self, *verdicts: Verdict, cases: Any = (ONE, OTHER), own: Any = None, **pattern: Any) -> None:
        self.verdicts = iter(verdicts)
        self.cases = list(cases)
        self.required: list[int] = []
        self.notes: list[Any] = []
        self.judged: list[Any] = []
        self.known = object()
        self.spec = own
        self.pattern = SimpleNamespace(**{"is_large": False, "draw": None, "differentiable": (0, 2)} | pattern)

    def tied(self) -> list[Case]:
        return self.cases

    def require_shape(self, number: int) -> None:
        self.required.append(number)

    def cotangents(self, case: Case) -> list[Array]:
        assert case in (ONE, OTHER)
        return [C, -C]

    def gradients(self, case: Case, cotangent: Array) -> Any:
        assert case in (ONE, OTHER)
        assert cotangent is C
        return ANSWERS, BOUNDS

    def at_tie(self, *asked: Any) -> Verdict:
        self.judged.append(asked)
        return next(self.verdicts)

    def note(self, note: Any) -> None:
        self.notes.append(note)


@pytest.fixture(autouse=True)
def balls(monkeypatch: pytest.MonkeyPatch) -> Any:
    """They say nothing, unless a test says what they say of each case."""
    said: Any = SimpleNamespace(right=set(), wrong={}, asked=[])

    def is_the_derivative(known: Any, case: Case, *rest: Any) -> bool:
        said.asked.append((known, *rest))
        return case.kind in said.right

    def surely_wrong(known: Any, case: Case, *rest: Any) -> Any:
        said.asked.append((known, *rest))
        return said.wrong.get(case.kind)

    monkeypatch.setattr(kinks.certain, "is_the_derivative", is_the_derivative)
    monkeypatch.setattr(kinks.certain, "surely_wrong", surely_wrong)
    return said


def told(stub: Any) -> Violation:
    with pytest.raises(Violation) as caught:
        kinks.check_ties(stub)
    return caught.value


def test_legal_gradients_pass(balls: Any) -> None:
    """Each of them has its shape, and each case is judged with its answers and bounds, once."""
    stub: Any = Stub(LEGAL, LEGAL)
    kinks.check_ties(stub)
    assert stub.required == [0, 2]
    assert stub.judged == [(ONE, C, ANSWERS, BOUNDS), (OTHER, C, ANSWERS, BOUNDS)]
    assert balls.asked == [(stub.known, C, ANSWERS, BOUNDS)] * 4
    assert not stub.notes


@pytest.mark.parametrize(("pattern", "cases", "is_judged"), [
    ({}, (ONE,), True), ({"is_large": True}, (ONE,), False), ({"draw": print}, (ONE,), True),
    ({"draw": print}, (), False), ({}, (), False), ({"is_large": True}, (), False),
])  # fmt: skip
def test_where_there_are_no_ties_none_is_judged(pattern: Any, cases: Any, is_judged: bool) -> None:
    """As among so many numbers that none is looked for, or where the caller draws none."""
    stub: Any = Stub(LEGAL, cases=cases, **pattern)
    if is_judged:
        kinks.check_ties(stub)
        return
    with pytest.raises(NotApplicable) as caught:
        kinks.check_ties(stub)
    assert caught.value.reason.kind == "no tie judged"
    assert not stub.required


def test_what_is_undecided_is_counted() -> None:
    """It is noted, of how many; where all of it is, nothing was judged."""
    stub: Any = Stub(UNKNOWN, LEGAL, UNKNOWN, cases=(ONE, OTHER, ONE))
    kinks.check_ties(stub)
    (note,) = stub.notes
    assert (note.kind, note["count"], note["asked"]) == ("ties undecided", 2, 3)
    nothing: Any = Stub(UNKNOWN, UNKNOWN)
    with pytest.raises(NotApplicable) as caught:
        kinks.check_ties(nothing)
    assert caught.value.reason.kind == "no tie judged"
    assert not nothing.notes


def test_balls_are_asked_first(balls: Any) -> None:
    """What they know to be the derivative is right, what they know to be none is told by its place."""
    balls.right.add("ties")
    stub: Any = Stub(UNKNOWN)
    kinks.check_ties(stub)
    assert stub.judged == [(OTHER, C, ANSWERS, BOUNDS)]
    assert [(each["count"], each["asked"]) for each in stub.notes] == [(1, 2)]
    balls.wrong["zeros"] = (1, (0,), Estimate(np.array(4.0), np.array(0.5)))
    violation = told(Stub())
    assert (violation.due.kind, violation.due["what"], violation.due["index"]) == ("entry near", "gradient[2]", (0,))
    assert (violation.due["value"], violation.due["error"], violation.bound) == (4.0, 0.5, 0.5)
    assert (violation.came["what"], violation.came["index"], violation.came["value"]) == ("gradient[2]", (0,), 7.0)
    assert (violation.index, violation.came.kind) == ((0,), "entry")
    assert violation.counterexample == {"cotangent": [1.5], "args[0]": [1, 2, 2], "args[1]": [9], "args[2]": [0.5]}


def test_an_entry_between_no_legal_ones_is_told() -> None:
    """By the middle of these and half their distance."""
    violation = told(Stub(LEGAL, Verdict("wrong", argument=0, index=(1,), low=-1.0, high=2.0)))
    assert (violation.due["what"], violation.due["value"], violation.due["error"]) == ("gradient[0]", 0.5, 1.5)
    assert (violation.came["value"], violation.index, violation.bound) == (5.0, (1,), 1.5)
    assert violation.came["index"] == violation.due["index"] == (1,)
    assert list(violation.counterexample or ()) == ["cotangent", "args[0]", "args[1]", "args[2]"]


def test_a_slope_that_no_legal_gradient_has_is_told() -> None:
    """With the direction, of one argument or of several, and both numbers."""
    for parts, due in (((X, Y), [[1, 2, 2], [0.5]]), ((X,), [1, 2, 2])):
        violation = told(Stub(Verdict("wrong", direction=parts, due=3.0, came=-2.0)))
        assert (violation.due.kind, violation.due["value"]) == ("slope along ties", 3.0)
        assert (violation.came.kind, violation.came["value"]) == ("number", -2.0)
        assert violation.counterexample is not None
        assert violation.counterexample["direction"] == due
        assert list(violation.counterexample) == ["cotangent", "args[0]", "args[1]", "args[2]", "direction"]


def own(*gradients: Any) -> Any:
    """A definition whose automatic differentiation answers these gradients."""

    def autograd(cotangent: Array, args: Any) -> Any:
        assert cotangent is C
        assert args is ARGS
        return gradients or None

    return SimpleNamespace(autograd=autograd)


@pytest.mark.parametrize(("x", "y", "is_own"), [
    ([1.0, 5.0, 3.0], [7.0], True), ([1.25, 4.75, 3.0], [6.75], True), ([1.0, 5.0, 3.5], [7.0], False),
    ([1.0, 5.0, 2.5], [7.0], False), ([1.0, 5.0, 3.0], [8.0], False), ([1.0, 5.0, np.nan], [7.0], False),
    ([1.0, 5.0, 3.0 + 0.25 + tolerances.READINGS_AGREE * 4], [7.0], True),
    ([1.0, 5.0, 3.0 + 0.25 + tolerances.READINGS_AGREE * 6], [7.0], False),
])  # fmt: skip
def test_what_the_definition_itself_answers_is_legal(x: Any, y: Any, is_own: bool) -> None:
    """Every entry, to within its rounding and the last digits of the largest one."""
    wrong = Verdict("wrong", index=(1,))
    stub: Any = Stub(wrong, cases=(ONE,), own=own(np.array(x), np.array(y)))
    if is_own:
        kinks.check_ties(stub)
        assert not stub.judged
    else:
        told(stub)
    told(Stub(wrong, cases=(ONE,), own=own()))


@pytest.mark.parametrize(("answer", "one", "is_own"), [
    ([0.25, -0.25], [0.0, 0.0], True), ([0.25 + 1e-7, 0.0], [0.0, 0.0], False), ([], [], True),
])  # fmt: skip
def test_answers_are_compared_with_the_definition_by_their_size(answer: Any, one: Any, is_own: bool) -> None:
    """Of zeros nothing is granted but the bound; an argument without entries has nothing to compare."""
    stub: Any = Stub(own=own(np.array(one)))
    bounds = [np.full(len(answer), 0.25)]
    assert kinks._is_own(stub, ONE, C, (np.array(answer),), bounds) is is_own


def test_cases_are_judged_after_one_that_the_definition_answers_alike() -> None:
    """An answer like that of the definition says nothing of the other cases."""
    answers = iter([ANSWERS, None])
    stub: Any = Stub(Verdict("wrong", index=(1,)), own=SimpleNamespace(autograd=lambda *_: next(answers)))
    told(stub)
    assert [case for case, *_ in stub.judged] == [OTHER]
