"""Which cases of a function are judged, with which cotangents, and what is legal there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.findings import Violation
from reference.gradients import answers
from reference.gradients.answers import FunctionAnswers
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.subject import Subject
from reference.numerics.estimate import Estimate
from tests.vjp_function import WHOLE, X, Y, forward, function, same, vjp

pytestmark = pytest.mark.catalogue


def test_what_is_given_is_known() -> None:
    """The seed, the effort, how many cases are drawn, and the precision of the arguments."""
    for dtype in (np.float32, np.float64):
        single, info = function(args=(X.astype(dtype), WHOLE, Y.astype(np.float32))), np.finfo(dtype)
        assert (single.dtype, single.largest, single.unit) == (
            dtype,
            float(info.max),
            max(float(info.eps) / 2, 2.0**-24),
        )
    told = FunctionAnswers(Subject(forward, vjp, pattern((X, WHOLE, Y), None)), None, 5, "normal")
    assert (told.seed, told.effort, told.oracles, told.spec) == (5, "normal", [], None)
    assert told.cases[1].args[0].tolist() != function().cases[1].args[0].tolist()
    assert told._drawn == len(told.cases) - 1


def numbered(*kinds: str, draw: Any = None) -> Any:
    """Answers in the given case and in others that are inside the contract where their kind says so."""
    found: Any = FunctionAnswers(Subject(forward, vjp, pattern((X, WHOLE, Y), None, draw=draw)), None, 0, "quick")
    given = found.cases[0]
    found.cases = [given, *(Case(kind, given.args, number) for number, kind in enumerate(kinds))]
    found._drawn = len(kinds)
    found.is_inside = lambda case: case.kind != "outside"
    return found


@pytest.mark.parametrize(("inside", "near", "is_near"), [
    (1, [True] * 4, True), (2, [True] * 4, False), (0, [True] * 4, True), (1, [True, True, True, False], True),
    (1, [True, True, False, False], False), (1, [], False),
])  # fmt: skip
def test_cases_near_the_given_one_stand_in_for_those_that_are_outside(
    monkeypatch: pytest.MonkeyPatch, inside: int, near: list[bool], is_near: bool
) -> None:
    """Where these are more than half of four, and more than half of the near ones are inside; which is noted."""
    told = numbered(*["inside"] * inside, *["outside"] * (4 - inside))
    drawn_near = [Case("near" if each else "outside", told.cases[0].args, 9) for each in near]
    asked: list[Any] = []
    monkeypatch.setattr(answers, "near_given", lambda *given: asked.append(given) or drawn_near)
    before = list(told.cases)
    judged = told.judged()
    assert told.judged() is judged
    own = before[: 1 + inside]
    assert asked == ([(told.pattern, 0, "quick")] if inside < 2 else [])
    if not is_near:
        assert (judged, told.cases, told._near, told._drawn) == (own, before, None, 4)
        return
    assert judged == [*own, *(each for each in drawn_near if each.kind == "near")]
    assert told.cases == [*own, *drawn_near]
    assert told._drawn == inside + len(near)
    assert (told._near.kind, told._near["left"], told._near["drawn"]) == ("near given", 4 - inside, 4)
    assert told._near["count"] == sum(near)


def test_no_case_is_near_what_is_outside_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the given case is outside, or the caller draws the cases, none are drawn nearby."""
    monkeypatch.setattr(answers, "near_given", lambda *_: [].pop())
    told = numbered("outside", "outside")
    told.is_inside = lambda case: False
    assert told.judged() == []
    drawing = numbered("outside", "outside", draw=lambda rng: (X, WHOLE, Y))
    assert [each.kind for each in drawing.judged()] == ["as given"]


def test_kinds_of_judged_cases() -> None:
    """Those that are not tied are generic; those that are ordinary, or of ordinary numbers, are calm."""
    told = function()
    told._judged = [
        Case("ties", (), 0, ordinary=True, tied=True), Case("numbers of size 30", (), 1, ordinary=False),
        Case("ordinary numbers", (), 2, ordinary=False), Case("short numbers", (), 3),
    ]  # fmt: skip
    assert [each.seed for each in told.generic()] == [1, 2, 3]
    assert [each.seed for each in told.calm()] == [0, 2, 3]


def test_cotangents_have_the_shape_and_precision_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the effort says; the only one of a number that has none is 1."""
    monkeypatch.setattr(answers, "cotangents", lambda *given: given)
    told = function()
    case = told.cases[1]
    assert told.cotangents(case) == (case, (2, 3), np.float64, "quick")  # type: ignore[comparison-overlap]
    single = FunctionAnswers(
        Subject(lambda x: x.sum(), vjp, pattern((np.ones(2, np.float32),), None), takes_cotangent=False),
        None,
        0,
        "quick",
    )
    (one,) = single.cotangents(single.cases[0])
    assert (one.dtype, one.shape, float(one)) == (np.float32, (), 1.0)


class Shaped:
    """A definition whose output has that shape."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape


@pytest.mark.parametrize(("own", "takes", "due"), [
    ((2, 3), "nothing", (2, 3)), ((6,), "anything", (6,)), ((6,), "nothing", (2, 3)), ((2, 2), "anything", (2, 3)),
    ((1, 6), "anything", (1, 6)), (None, "anything", (2, 3)),
])  # fmt: skip
def test_cotangents_have_the_shape_that_the_gradient_takes(own: Any, takes: str, due: Any) -> None:
    """That of the output, if it has the entries of the definition's and vjp can do with it; or the definition's."""
    calls: list[Any] = []

    def shaped(x: Any, whole: Any, y: Any) -> Any:
        calls.append("forward")
        if own is None:
            raise ValueError("no")
        return np.zeros(own)

    def taking(c: Any, x: Any, whole: Any, y: Any) -> Any:
        calls.append(c.shape)
        assert same((x, whole, y), args)
        assert c.dtype == np.float32
        if takes == "nothing":
            raise ValueError("no")
        return x, None, y

    args = (X.astype(np.float32), WHOLE, Y.astype(np.float32))
    told = function(shaped, taking, args, spec=Shaped(2, 3))
    assert told.shape == due
    asked = own if own in ((6,), (1, 6)) else None
    assert calls == (["forward", "forward", asked] if asked else ["forward"])
    before = len(calls)
    assert told.shape == due
    assert len(calls) == before
    if own is not None:
        assert function(shaped, taking).shape == own


def test_what_fails_at_the_given_arguments_is_told() -> None:
    """An exception there, unless it is one of arithmetic, and an answer that is no array anywhere."""

    def raising(error: Any) -> Any:
        def run(*_: Any) -> Any:
            if isinstance(error, Exception):
                raise error
            return error

        return run

    for error, at_given, elsewhere in ((ValueError("no"), True, False), (ZeroDivisionError(), False, False),
                                       ("no array", True, True)):  # fmt: skip
        told = function(raising(error))
        for case, is_told in zip(told.cases[:2], (at_given, elsewhere), strict=True):
            if is_told:
                with pytest.raises(Violation):
                    told.is_inside(case)
            else:
                assert told.is_inside(case) is False
            assert told.is_legal(case) is False


def test_an_answer_is_legal_where_it_is_an_output() -> None:
    """Inside the contract and in the domain; nothing that is raised there says more."""

    def picky(x: Any) -> Any:
        if (x > 5).any():
            raise ValueError("no")
        return np.where(x > 4, np.inf, x)

    found = FunctionAnswers(Subject(picky, vjp, pattern((np.ones(2),), [(0, 9)])), None, 0, "quick")
    for number, x in enumerate((1.0, 4.5, 6.0, -1.0, 9.5)):
        assert found.is_legal(Case("made", (np.full(2, x),), number)) is (x == 1.0)


def test_a_definition_says_what_is_inside_the_contract() -> None:
    """Where it is finite in the precision of the arguments, edges included; the forward pass is not asked."""
    largest = float(np.finfo(np.float32).max)

    class Spec:
        def value(self, args: Any) -> Any:
            x = args[0]
            return None if x[0] == 0 else Estimate(np.array([1.0, -largest * float(x[0])]), np.zeros(2))

    def raising(*_: Any) -> Any:
        raise ValueError("no")

    spec: Any = Spec()
    told = FunctionAnswers(Subject(raising, vjp, pattern((np.ones(1, np.float32),), None)), spec, 0, "quick")
    for x, inside in ((1.0, True), (0.5, True), (1.5, False), (0.0, False)):
        assert told.is_inside(Case("made", (np.array([x], np.float32),), 0)) is inside
    with pytest.raises(Violation):
        told.output(told.cases[0])
