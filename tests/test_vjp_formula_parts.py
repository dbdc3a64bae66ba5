"""How the formula of a gradient is asked about, by the parts: in which cases, at which entry, and what is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable
from reference.gradients import formula
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.formula import _Gradient
from reference.numerics import ball_tolerances, tolerances
from tests.comparing import needs_flint

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
#: Whole numbers stand between the two arguments that are differentiated.
X, WHOLE, Y = np.array([[0.5, -1.0, 2.0]]), np.array([3, 4]), np.array([4.0, 8.0])
C, CASE = np.array([1.5, -0.5]), Case("short numbers", (X, WHOLE, Y), 7)
ANSWERS, BOUNDS = (10 * X, 10 * Y), (0.5 * np.abs(X), 0.25 * Y)
UNIT = tolerances.DOUBLE_UNIT


def cotangents(case: Case) -> list[Array]:
    return [C, 2 * C] if case is CASE else []


def gradients(case: Case, cotangent: Array) -> Any:
    return (ANSWERS, BOUNDS) if case is CASE and cotangent is C else None


def stub(**more: Any) -> Any:
    """A context whose forward pass is known in all cases, unless it is told otherwise."""
    found: Any = SimpleNamespace(
        pattern=pattern((X, WHOLE, Y), None), unit=UNIT, spec=None, effort="quick", notes=[],
        cotangents=cotangents, formula_is_wrong=False, gradients=gradients,
        known=SimpleNamespace(is_known=lambda case: case is CASE),
    )  # fmt: skip
    found.note = found.notes.append
    vars(found).update(more)
    return found


def difference(**more: Any) -> Any:
    fields = {"place": 2, "index": (1,), "due": 5.0, "came": 6.0, "relative": 0.2, "is_known": True, "is_wrong": False}
    return SimpleNamespace(**fields | more)


def test_a_formula_is_asked_about_with_the_first_cotangent(monkeypatch: pytest.MonkeyPatch) -> None:
    """At all entries at first; then at the one that was found, with its argument so many times as large there."""
    asked: list[Any] = []
    monkeypatch.setattr(formula, "_difference", lambda *given: asked.append(given))
    context = stub()
    gradient = _Gradient(context)
    assert gradient.unit == UNIT
    gradient.difference(CASE)
    gradient.scaled(CASE, difference(), 0.5)
    (plain, scaled) = asked
    assert plain == (context, CASE, C)
    assert scaled[0] is context
    assert scaled[2] is C
    assert scaled[3] == (2, (1,))
    assert [each.tolist() for each in scaled[1].args] == [X.tolist(), WHOLE.tolist(), [4.0, 4.0]]
    assert (scaled[1].kind, scaled[1].seed) == (CASE.kind, CASE.seed)
    assert Y.tolist() == [4.0, 8.0]
    assert all(one is not two for one, two in zip(scaled[1].args, CASE.args, strict=True))


def test_what_the_formula_computes_in_doubles() -> None:
    """The entry that was found, and what rounding is granted there, by the number of its argument."""
    gradient = _Gradient(stub())
    assert gradient.computed(CASE, difference()) == (80.0, 2.0)
    assert gradient.computed(CASE, difference(place=0, index=(0, 2))) == (20.0, 1.0)


def test_a_wrong_formula_is_told() -> None:
    """By what it gives at the entry and what it should, without rounding, and which part of it that is."""
    violation = _Gradient(stub()).violation(CASE, difference())
    assert (violation.due.kind, violation.due["value"]) == ("by formula", 5.0)
    assert (violation.came.kind, violation.came["value"]) == ("entry", 6.0)
    for said in (violation.due, violation.came):
        assert (said["what"], said["index"]) == ("gradient[2]", (1,))
    assert [(each.kind, each["part"]) for each in violation.came.more] == [("formula off", 0.2)]
    assert violation.index == (1,)
    assert violation.counterexample == {
        "cotangent": C.tolist(), "args[0]": X.tolist(), "args[1]": WHOLE.tolist(), "args[2]": Y.tolist()
    }  # fmt: skip


@pytest.mark.parametrize(("of_spec", "refusal", "raised", "said"), [
    (False, "no fft", "ValueError", "in exact arithmetic no fft"),
    (True, "no fft", None, "in exact arithmetic no fft"),
    (False, None, "ValueError", "in exact arithmetic ValueError"),
    (False, None, None, "the forward pass computes something else in doubles than in exact arithmetic"),
    (True, None, None, "the specification computes something else in doubles than in exact arithmetic"),
])  # fmt: skip
def test_it_is_said_why_nothing_is_known(of_spec: bool, refusal: Any, raised: Any, said: str) -> None:
    """Of the definition where there is one, or else of the forward pass."""
    judge = SimpleNamespace(rigorous=SimpleNamespace(refusal=refusal, raised=raised))
    other = SimpleNamespace(rigorous=SimpleNamespace(refusal="not this", raised=None))
    context = stub(spec=judge, known=other) if of_spec else stub(known=judge)
    assert _Gradient(context).why_unknown() == said


@pytest.mark.parametrize(("size", "effort", "count"), [
    (1, "quick", 6), (0, "normal", 20), (1, "exhaustive", 60), (ball_tolerances.FORMULA_NUMBERS // 3, "normal", 4),
    (ball_tolerances.FORMULA_NUMBERS // 3 + 1, "normal", 3), (ball_tolerances.FORMULA_NUMBERS, "quick", 2),
])  # fmt: skip
def test_a_formula_is_judged_in_as_many_cases_as_there_is_time_for(size: int, effort: str, count: int) -> None:
    """By their number and by the numbers in all of them together; those that are not known do not count."""
    args = tuple(np.zeros(each) for each in (size // 2, size - size // 2))
    every = [Case(str(number), (), number) for number in range(200)]
    known = SimpleNamespace(is_known=lambda case: case.seed % 2 == 1)
    context = stub(pattern=SimpleNamespace(args=args), effort=effort, generic=lambda: every, known=known)
    assert [each.seed for each in formula._cases(context)] == list(range(1, 2 * count, 2))
    few = stub(pattern=SimpleNamespace(args=args), effort=effort, generic=lambda: every[:2], known=known)
    assert [each.seed for each in formula._cases(few)] == [1]


def test_formulas_of_too_many_numbers_are_not_judged() -> None:
    """The reason says how many there are."""
    size = ball_tolerances.FORMULA_NUMBERS + 1
    context = stub(pattern=SimpleNamespace(args=(np.zeros(1), np.zeros(size - 1))), generic=lambda: [CASE])
    with pytest.raises(NotApplicable) as caught:
        list(formula._cases(context))
    assert caught.value.reason.kind == "formula not followed"
    assert caught.value.reason["reason"] == f"{size} numbers take too long"


@pytest.mark.parametrize("answer", [True, False])
def test_a_definition_is_known_where_it_is_not_refused(answer: bool) -> None:
    """A forward pass where it says so of the case."""
    spec = SimpleNamespace(rigorous=SimpleNamespace(refusal=None if answer else "no fft"))
    forward = SimpleNamespace(is_known=lambda case: answer if case is CASE else None)
    other = SimpleNamespace(is_known=lambda case: not answer)
    assert formula._is_known(stub(spec=spec, known=other), CASE) is answer
    assert formula._is_known(stub(known=forward), CASE) is answer


@pytest.mark.parametrize(("found", "due", "is_wrong"), [
    (difference(), 5.0, False), (difference(is_wrong=True), None, True), (None, None, False),
    (difference(is_known=False), None, False), (difference(is_known=False, is_wrong=True), None, False),
])  # fmt: skip
def test_a_right_formula_tells_the_derivative_at_an_entry(
    monkeypatch: pytest.MonkeyPatch, found: Any, due: float | None, is_wrong: bool
) -> None:
    """A wrong one is noted, and what cannot be followed tells nothing."""
    asked: list[Any] = []
    monkeypatch.setattr(formula, "_difference", lambda *given: (asked.append(given), found)[1])
    monkeypatch.setattr(formula.rigorous, "available", lambda: None)
    context = stub()
    assert formula.right_at(context, CASE, C, 2, (1,)) == due
    assert context.formula_is_wrong is is_wrong
    assert asked == [(context, CASE, C, (2, (1,)))]


def test_nothing_is_told_of_an_entry_where_balls_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not there, the derivative is not known, or the code raises on them."""
    context, unknown = stub(), stub(known=SimpleNamespace(is_known=lambda case: False))
    monkeypatch.setattr(formula, "_difference", lambda *_: difference())
    monkeypatch.setattr(formula.rigorous, "available", lambda: None)
    assert formula.right_at(unknown, CASE, C, 2, (1,)) is None
    monkeypatch.setattr(formula.rigorous, "available", lambda: "no flint")
    assert formula.right_at(context, CASE, C, 2, (1,)) is None
    monkeypatch.setattr(formula.rigorous, "available", lambda: None)
    monkeypatch.setattr(formula, "_difference", lambda *_: [].pop())
    assert formula.right_at(context, CASE, C, 2, (1,)) is None


def test_the_check_is_skipped_without_balls(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason; with them it asks about the gradient in its cases, and names them as the oracle."""
    judged: list[Any] = []
    named: list[str] = []
    context = stub(note_oracle=named.append, generic=lambda: [CASE])
    monkeypatch.setattr(formula, "judge", lambda gradient, cases: judged.append((gradient, list(cases))))
    monkeypatch.setattr(formula.rigorous, "available", lambda: "no flint")
    with pytest.raises(NotApplicable) as caught:
        formula.check_formula(context)
    assert (caught.value.reason.kind, caught.value.reason["said"]) == ("no oracle", "no flint")
    assert not judged
    monkeypatch.setattr(formula.rigorous, "available", lambda: None)
    formula.check_formula(context)
    ((gradient, cases),) = judged
    assert gradient.context is context
    assert cases == [CASE]
    assert named == [formula.rigorous.NAME]


def lost(answers: Any, truths: Any, case: Case = CASE, **more: Any) -> list[Any]:
    """What is noted where these answers are computed by right formulas with these values."""
    context = stub(
        cotangents=lambda asked: [C, 2 * C] if asked is case else [],
        gradients=lambda asked, cotangent: (answers, BOUNDS) if asked is case and cotangent is C else None,
        **more,
    )
    _Gradient(context).tell_lost_digits(case, difference(truths=truths))
    return list(context.notes)


def test_lost_digits_are_told() -> None:
    """How many of sixteen, of the entry that has lost most, and in which case; once."""
    x, y = np.array([[1.0, 2.0, 4.0]]), np.array([4.0, 8.0])
    parts = np.array([[0.0, 2e6, 3e8]]) * UNIT
    (note,) = lost((x * (1 + parts), y), (x, y))
    assert (note.kind, note["digits"], note["what"], note["index"]) == ("digits lost", 8, "gradient[0]", (0, 2))
    assert note["inputs"] == "drawn inputs (short numbers)"
    (note,) = lost((x, y * (1 - np.array([0.0, 5e4]) * UNIT)), (x, y), Case("as given", (X, WHOLE, Y), 0))
    assert (note["digits"], note["what"], note["index"]) == (4, "gradient[2]", (1,))
    assert note["inputs"] == "the given inputs"
    (note,) = lost((x * 1.5, y * 2), (x, y))
    assert (note["digits"], note["what"], note["index"]) == (15, "gradient[0]", (0, 0))
    assert lost((x, y * (1 + 5e3 * UNIT)), (x, y)) == []
    assert lost((x * 1.5, y), (x, y), notes=["one"], note=None) == ["one"]
    assert lost((x * (1 + 1e5 * UNIT), y), (x, y), unit=tolerances.SINGLE_UNIT) == []


@pytest.mark.parametrize(("answer", "truth"), [
    (np.nan, 4.0), (np.inf, 4.0), (4.0, np.inf), (4.0, np.nan), (1.0, 0.0), (3e-308, 2e-308), (2e-292, 1e-292),
    (2.0**-968, 2.0**-969),
])  # fmt: skip
def test_no_digits_are_lost_of_what_has_none(answer: float, truth: float) -> None:
    """Of what is no number, of 0, and of numbers whose unit roundoff no double can hold; the others still count."""
    x, y = np.array([[answer, 2.0, 2.0]]), np.array([4.0, 8.0])
    due = np.array([[truth, 2.0, 2.0]])
    assert lost((x, y), (due, y)) == []
    (note,) = lost((x + np.array([0.0, 0.0, 1.0]), y), (due, y))
    assert (note["what"], note["index"], note["digits"]) == ("gradient[0]", (0, 2), 15)
    (note,) = lost((x[:, :1], y + 1), (due[:, :1], y))
    assert (note["what"], note["index"]) == ("gradient[2]", (0,))


@needs_flint
def test_a_formula_that_passes_through_no_number_beyond_doubles() -> None:
    """With the cotangent and the arguments that are given; what raises is not known to stay there."""

    def stays(vjp: Any, x: float = 1e200) -> bool:
        context = stub(subject=SimpleNamespace(forward=lambda x, whole, y: x * y[0], vjp=vjp))
        with np.errstate(all="ignore"):
            return formula.stays_in_doubles(context, Case("", (np.array([x]), WHOLE, Y), 0), np.array([2.0]))

    assert stays(lambda c, x, whole, y: (c * y[0] + x, None, y))
    assert not stays(lambda c, x, whole, y: (x * x / x / x, None, y))
    assert stays(lambda c, x, whole, y: (x * x / x / x, None, y), 2.0)
    assert not stays(lambda c, x, whole, y: (c, None, y * 1e300 * 1e300), 2.0)
    assert not stays(lambda c, x, whole, y: (c * 1e300 * 1e300, None, y), 2.0)
    assert not stays(lambda c, x, whole, y: [].pop(), 2.0)


@needs_flint
def test_a_formula_may_do_without_the_forward_pass() -> None:
    """Where that does not run on balls; where it does it is called first, with copies."""
    case, kept = Case("", (X[0], WHOLE, Y), 0), {}

    def keeping(x: Any, whole: Any, y: Any) -> Any:
        kept["x"] = x.copy()
        x[...] = 0.0
        return kept["x"] * 3.0

    for forward, vjp in (
        (lambda x, whole, y: np.fft.fft(x).real, lambda c, x, whole, y: (c * x, None, y)),
        (keeping, lambda c, x, whole, y: (c * kept["x"] * x / x, None, y)),
    ):
        context = stub(subject=SimpleNamespace(forward=forward, vjp=vjp))
        assert formula.stays_in_doubles(context, case, np.ones(3))


@needs_flint
def test_a_formula_is_held_against_the_derivative() -> None:
    """Of the forward pass, or of the definition where there is one; at the entry that differs most or a given one."""
    x, y, c = np.array([0.5, -1.0]), np.array([4.0, 8.0]), np.array([1.5, -0.5])
    case = Case("", (x, WHOLE, y), 0)

    def vjp(c: Any, x: Any, whole: Any, y: Any) -> Any:
        return c * y, None, c * x * np.array([1.0, 1.25])

    given = pattern((x, WHOLE, y), None)
    on_balls = SimpleNamespace(on_balls=lambda: lambda x, whole, y: x * y * 2.0)
    for spec, factor in ((None, 1.0), (SimpleNamespace(rigorous=on_balls), 2.0)):
        subject = SimpleNamespace(forward=lambda x, whole, y: x * y, vjp=vjp)
        context = stub(subject=subject, pattern=given, spec=spec)
        found = formula._difference(context, case, c)
        assert found is not None
        assert [each.tolist() for each in found.truths] == [(factor * c * y).tolist(), (factor * c * x).tolist()]
        at = formula._difference(context, case, c, (2, (1,)))
        assert at is not None
        assert (at.place, at.index, at.due, at.came) == (2, (1,), 0.5 * factor, 0.625)
        first = formula._difference(context, case, c, (2, (0,)))
        assert first is not None
        assert (first.due, first.came, first.is_wrong) == (0.75 * factor, 0.75, factor == 2.0)
    plain = formula._difference(stub(subject=subject, pattern=given), case, c)
    assert plain is not None
    assert (plain.place, plain.index, plain.is_wrong) == (2, (1,), True)


@needs_flint
def test_what_a_formula_rounds_is_bounded_by_its_place() -> None:
    """Of the gradient at that place among those that are differentiated, as the forward pass has left things."""
    seen: dict[str, Any] = {}

    def forward(x: Any, whole: Any, y: Any) -> Any:
        seen["kept"] = x
        return x * y

    def vjp(c: Any, x: Any, whole: Any, y: Any) -> Any:
        return c * seen["kept"] + 1e6 - 1e6, 1.0 * c, c * np.exp(y)

    context = stub(subject=SimpleNamespace(forward=forward, vjp=vjp))
    case = Case("", (np.array([0.3]), WHOLE, np.array([0.25])), 0)
    first, second = (formula.rounding(context, case, np.array([1.5]), position) for position in (0, 1))
    assert first is not None
    assert second is not None
    assert first > 1e3 * second > 0
    assert 1e-11 < first < 1e-8
