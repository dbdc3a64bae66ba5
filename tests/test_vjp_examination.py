"""What an examination of a function is made of: its checks, what each stands on, what it says of a failure."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.engine import Check
from reference.findings import Finding, Violation
from reference.gradients import check, formula, kinks, promises, values
from reference.gradients.arguments import pattern
from reference.gradients.check import GradientExamination, check_vjp
from reference.gradients.context import Context
from reference.gradients.subject import Subject
from reference.wording import fact
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, WHOLE, HELD = drawn(2, 3), np.arange(3), drawn(3) + 2.0


def scaled(x: Any, whole: Any, held: Any) -> Any:
    return x * held + whole


def scaled_vjp(c: Any, x: Any, whole: Any, held: Any) -> Any:
    return c * held, None, (c * x).sum(axis=0)


def context(*, takes_cotangent: bool = True, spec: Any = None) -> Context:
    given = pattern((X, WHOLE, HELD), None, fixed=(2,))
    return Context(Subject(scaled, scaled_vjp, given, takes_cotangent), spec, 0, "quick")


FORWARD, GRADIENT = "vjp.forward.answers", "vjp.gradient.answers"
#: Of each check: the function, what it depends on, and what excuses it.
CHECKS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    FORWARD: ("scaled", (), ()),
    "vjp.forward.types": ("scaled", (FORWARD,), ()),
    "vjp.forward.values": ("scaled", (FORWARD,), ()),
    "vjp.forward.inputs_unchanged": ("scaled", (FORWARD,), ()),
    "vjp.forward.result_is_its_own": ("scaled", (FORWARD,), ()),
    "vjp.forward.no_state": ("scaled", (FORWARD,), ()),
    "vjp.forward.layouts": ("scaled", (FORWARD, "vjp.forward.no_state"), ()),
    GRADIENT: ("scaled_vjp", (FORWARD,), ()),
    "vjp.gradient[0].types": ("scaled_vjp", (GRADIENT,), ()),
    "vjp.gradient[0].values": ("scaled_vjp", (GRADIENT,), ()),
    "vjp.gradient[0].consistent": ("scaled_vjp", (GRADIENT,), ()),
    "vjp.gradient[1].types": ("scaled_vjp", (GRADIENT,), ()),
    "vjp.gradient[2].types": ("scaled_vjp", (GRADIENT,), ()),
    "vjp.gradient[2].values": ("scaled_vjp", (GRADIENT,), ()),
    "vjp.gradient[2].consistent": ("scaled_vjp", (GRADIENT,), ()),
    "vjp.gradient.ties": (
        "scaled_vjp",
        (GRADIENT,),
        tuple(f"vjp.gradient[{number}].{part}" for number in (0, 2) for part in ("values", "consistent")),
    ),
    "vjp.gradient.inputs_unchanged": ("scaled_vjp", (GRADIENT,), ()),
    "vjp.gradient.result_is_its_own": ("scaled_vjp", (GRADIENT,), ()),
    "vjp.gradient.no_state": ("scaled_vjp", (GRADIENT,), ()),
    "vjp.gradient.layouts": ("scaled_vjp", (GRADIENT, "vjp.gradient.no_state"), ()),
    "vjp.gradient.linear": (
        "scaled_vjp",
        (GRADIENT, *(f"vjp.gradient[{number}].types" for number in range(3)), "vjp.gradient.no_state"),
        (),
    ),
    "vjp.gradient.formula": ("scaled_vjp", (GRADIENT,), ("vjp.gradient.no_state",)),
}


def test_each_check_is_of_a_function_and_stands_on_others() -> None:
    """Of whole numbers the form alone is judged, of other arguments the numbers too."""
    found = GradientExamination(context()).checks
    assert {each.id: (each.subject, each.depends_on, each.excuses) for each in found} == CHECKS
    assert [each.id for each in found] == list(CHECKS)
    assert found[0].rationale
    assert str(promises.check_forward_answers.__doc__).startswith(found[0].rationale)
    nameless = Subject(lambda x: x, lambda c, x: (c,), pattern((X,), None))
    subjects = {each.subject for each in GradientExamination(Context(nameless, None, 0, "quick")).checks}
    assert subjects == {"forward", "vjp"}


def test_some_checks_depend_on_what_is_given() -> None:
    """With a definition the forward pass need not answer; the gradient of a number is not asked to be linear."""
    spec: Any = object()
    (answers,) = [each for each in GradientExamination(context(spec=spec)).checks if each.id == GRADIENT]
    assert answers.depends_on == ()
    found = [each.id for each in GradientExamination(context(takes_cotangent=False)).checks]
    assert found == [each for each in CHECKS if each != "vjp.gradient.linear"]


def test_each_check_is_run_by_its_function() -> None:
    """With the number of its argument or the part that it is of; an argument that is held is not judged."""
    by_id = {each.id: each.run for each in GradientExamination(context()).checks}

    def run_of(name: str) -> Any:
        run: Any = by_id[name]
        return getattr(run, "func", run), getattr(run, "keywords", {})

    assert run_of(FORWARD) == (promises.check_forward_answers, {})
    assert run_of("vjp.forward.types") == (promises.check_forward_types, {})
    assert run_of("vjp.forward.values") == (values.check_forward_values, {})
    assert run_of(GRADIENT) == (promises.check_gradient_answers, {})
    assert run_of("vjp.gradient[1].types") == (promises.check_gradient_types, {"number": 1})
    assert run_of("vjp.gradient[0].values") == (values.check_gradient_values, {"number": 0})
    assert run_of("vjp.gradient[0].consistent") == (values.check_gradient_consistent, {"number": 0})
    for part in ("values", "consistent"):
        assert run_of(f"vjp.gradient[2].{part}") == (promises.check_not_judged, {"number": 2})
    assert run_of("vjp.gradient.ties") == (kinks.check_ties, {})
    assert run_of("vjp.gradient.linear") == (values.check_linear, {})
    assert run_of("vjp.gradient.formula") == (formula.check_formula, {})
    for name, function in (("inputs_unchanged", promises.check_inputs_unchanged), ("no_state", promises.check_no_state),
                           ("result_is_its_own", promises.check_result_is_its_own),
                           ("layouts", promises.check_layouts)):  # fmt: skip
        for part, said in (("forward", "forward"), ("gradient", "vjp")):
            assert run_of(f"vjp.{part}.{name}") == (function, {"part": said})


class Few(GradientExamination):
    """An examination of two checks that do nothing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(context(), **options)
        self.checks = [Check(name, "f", "", lambda _: None) for name in ("one", "two")]
        self._by_id = {each.id: each for each in self.checks}


def test_each_check_is_announced() -> None:
    """Before it is made, with its number and theirs; the end is announced too."""
    told: list[Any] = []
    examination = iter(Few(progress=lambda *each: told.append(each)))
    first = next(examination)
    assert isinstance(first, Finding)
    assert told == [(0, 2, "one")]
    assert [each.check for each in examination] == ["two"]
    assert told[1:] == [(1, 2, "two"), (2, 2, "")]
    assert len(list(Few())) == 2


def test_no_check_is_begun_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said why, unless there is another reason."""
    monkeypatch.setattr(check.time, "monotonic", lambda: 10.0)
    for deadline, is_over in ((9.0, True), (10.0, False), (11.0, False), (math.inf, False)):
        examination = Few(deadline=deadline)
        reason = examination.reason_to_skip(examination.checks[0])
        assert (None if reason is None else reason.kind) == ("out of time" if is_over else None)
    depending = Check("two", "f", "", lambda _: None, ("one",))
    examination._findings["one"] = Finding("one", "f", "failed", "")
    for each in (examination, Few(deadline=1.0)):
        each._findings["one"] = Finding("one", "f", "failed", "")
        reason = each.reason_to_skip(depending)
        assert reason is not None
        assert (reason.kind, reason["names"]) == ("depends", ("one",))


def test_a_budget_ends_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many seconds from now on; numbers of all kinds are legal that are above 0, and without one there is no end."""
    monkeypatch.setattr(check.time, "monotonic", lambda: 10.0)
    assert check._deadline(None) == math.inf
    for budget in (2, 0.5, np.float32(0.5), np.int64(3)):
        found = check._deadline(budget)  # type: ignore[arg-type]
        assert (found, type(found)) == (10.0 + budget, float)
    wrong: Any
    for wrong, error, said in ((0, ValueError, "above 0, got 0"), (-1.5, ValueError, "above 0, got -1.5"),
                               (math.nan, ValueError, "got nan"), (True, TypeError, "got True"),
                               ("3", TypeError, "got '3'"), ([1], TypeError, r"got \[1\]")):  # fmt: skip
        with pytest.raises(error, match=f"^budget: expected a number of seconds.*{said}$"):
            check._deadline(wrong)


def test_what_is_given_reaches_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every option of `check_vjp`; what has no gradient is held besides what is fixed."""
    made: list[Any] = []

    def examination(*given: Any) -> Any:
        made.append(given)
        return SimpleNamespace(checks=[], __iter__=lambda: iter(()))

    monkeypatch.setattr(check, "GradientExamination", examination)
    monkeypatch.setattr(check, "Findings", lambda each: each)
    monkeypatch.setattr(check, "Specification", lambda *each: each)
    monkeypatch.setattr(check.time, "monotonic", lambda: 10.0)

    def constant_vjp(c: Any, x: Any, whole: Any, held: Any) -> Any:
        warnings.warn("not told", RuntimeWarning, stacklevel=1)
        return np.log(c - c) + c * held, None, None

    def legal(*_: Any) -> bool:
        return True

    def draw(_: Any) -> Any:
        return X, WHOLE, HELD

    def search() -> Any:
        return ()

    with np.errstate(all="raise"):
        check_vjp(scaled, constant_vjp, X, WHOLE, HELD)
    check_vjp(
        scaled, scaled_vjp, X, WHOLE, HELD, spec=scaled, domain=[(-9, 9), None, (0, 9)], legal=legal, fixed=(0,),
        draw=draw, owns=True, seed=5, effort="quick", only="vjp.*", budget=2.0, progress=print, takes_cotangent=False,
        repairs=search,
    )  # fmt: skip
    (plain, *options), (asked, *others) = made
    assert options == ["*", math.inf, None]
    assert others == ["vjp.*", 12.0, print]
    assert (plain.pattern.fixed, plain.constant, plain.subject.takes_cotangent) == ({2}, {2}, True)
    assert (plain.spec, plain.owns, plain.repairs, plain.seed, plain.effort) == (None, False, None, 0, "normal")
    assert (asked.owns, asked.repairs, asked.seed, asked.effort) == (True, search, 5, "quick")
    assert (asked.pattern.fixed, asked.constant, asked.subject.takes_cotangent) == ({0}, frozenset(), False)
    assert (asked.subject.forward, asked.subject.vjp, asked.spec) == (scaled, scaled_vjp, (scaled, asked.pattern))
    assert asked.pattern.domain == ((-9, 9), (-np.inf, np.inf), (0, 9))
    assert (asked.pattern.legal, asked.pattern.draw) == (legal, draw)


@pytest.mark.parametrize("name", ["forward", "vjp", "spec", "progress"])
def test_what_cannot_be_called_is_refused(name: str) -> None:
    """The message names the argument."""
    given: Any = {"forward": scaled, "vjp": scaled_vjp, "spec": None, "progress": None} | {name: 3}
    with pytest.raises(TypeError, match=f"^{name}: expected a function, got int"):
        check_vjp(given["forward"], given["vjp"], X, WHOLE, HELD, spec=given["spec"], progress=given["progress"])


SEEN, SHOWN = {"args[0]": [1.0]}, {"args[0]": [0.5]}


def failure(counterexample: Any = None, **more: Any) -> Violation:
    asked = SEEN if counterexample is None else counterexample
    return Violation(fact("number", value=1.0), fact("number", value=2.0), counterexample=asked, **more)


@pytest.fixture
def explaining(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is found out of a failure: nothing, unless a test says so."""
    said: Any = SimpleNamespace(smaller=None, named=lambda violation: violation, other=None, asked=[])

    def explained(context: Any, name: str, violation: Violation) -> Violation:
        said.asked.append((context, name, violation))
        found: Violation = said.named(violation)
        return found

    def smaller(context: Any, check: Check, violation: Violation) -> Violation | None:
        said.asked.append((context, check.id, violation))
        found: Violation | None = said.smaller
        return found

    def other_argument(context: Context, number: int) -> int | None:
        assert context is said.examination.context
        assert number in (0, 1)
        return said.other if number == 1 else None

    monkeypatch.setattr(check, "smaller", smaller)
    monkeypatch.setattr(check.diagnosis, "explained", explained)
    monkeypatch.setattr(check, "other_argument", other_argument)
    monkeypatch.setattr(check, "script_of", lambda subject, asked, name: (subject, asked, name))
    said.examination = GradientExamination(context())
    return said


def test_a_failure_is_told_with_a_script(explaining: Any) -> None:
    """That shows it, if one call does; all of it is of the violation and of its check."""
    examination, violation = explaining.examination, failure(mistake="sign", evidence=object(), index=(1,))
    promised = Check("vjp.gradient[1].values", "f", "", lambda _: None)
    told, hint = examination.explained(promised, violation)
    assert hint is None
    assert (told.mistake, told.evidence, told.index, told.due) == ("sign", violation.evidence, (1,), violation.due)
    assert told.repro == (examination.context.subject, SEEN, "vjp.gradient[1].values")
    assert explaining.asked == [(examination.context, promised.id, violation)] * 2
    twice = violation.but(due=violation.due.and_("twice"))
    assert examination.explained(promised, twice)[0].repro is None


def test_a_smaller_counterexample_is_told_with_the_mistake_of_all_answers(explaining: Any) -> None:
    """And with what came of them, and with the picture of the given ones."""
    violation = failure(evidence=object())
    explaining.smaller = failure(SHOWN, mistake="crash", evidence=object())

    def named(violation: Violation) -> Violation:
        return violation.but(came=violation.came.and_("zero everywhere"), mistake="sign", mistakes=("sign", "scaled"))

    explaining.named = named
    promised = Check("vjp.forward.values", "f", "", lambda _: None)
    told, _ = explaining.examination.explained(promised, violation)
    assert (told.counterexample, told.evidence) == (SHOWN, violation.evidence)
    assert (told.mistake, told.mistakes) == ("sign", ("sign", "scaled"))
    assert [each.kind for each in told.came.more] == ["zero everywhere"]
    assert told.repro[1] == SHOWN


def test_a_gradient_in_anothers_place_is_told_so(explaining: Any) -> None:
    """Of the argument that the check is about, whatever else explains it."""
    explaining.other = 0
    explaining.named = lambda violation: violation.but(mistake="sign", mistakes=("sign", "scaled"))
    for name, is_told in (("vjp.gradient[1].values", True), ("vjp.gradient[1].consistent", True),
                          ("vjp.gradient[0].values", False), ("vjp.gradient[1].types", False)):  # fmt: skip
        told, _ = explaining.examination.explained(Check(name, "f", "", lambda _: None), failure())
        assert (told.mistake == "swapped") is is_told
        assert [(each.kind, each["other"]) for each in told.came.more] == [("swapped", "args[0]")] * is_told
        assert told.mistakes == (() if is_told else ("sign", "scaled"))


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_a_failure_is_told_whatever_becomes_of_its_explanation(explaining: Any, error: BaseException) -> None:
    """A search that raises, or code that leaves in it, takes nothing from what was found."""

    def named(violation: Violation) -> Violation:
        raise error

    explaining.named = named
    told, _ = explaining.examination.explained(Check("a", "f", "", lambda _: None), failure(mistake="scaled"))
    assert (told.mistake, told.counterexample) == ("scaled", SEEN)
