"""Which answers of a function are held against differences, in which cases, and what is told of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference.findings import Violation
from reference.gradients import consistency
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.judge import Comparison
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.vjp_given import ANSWERS, ARGS, BOUNDS, EXTREME, ORDINARY, STEPS, WHOLE, Array, C, X, Y, exact

pytestmark = pytest.mark.catalogue


class Compared:
    """A context and an oracle for a comparison of the second of two gradients, with what is asked of both."""

    oracle = "differences"

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: Any = ANSWERS, **told: Any) -> None:
        self.seen: list[Any] = []
        self.pattern = told.get("pattern", pattern(ARGS, None))
        self.answers = answers
        self.spec = None
        self.told = {"along": exact([1.0, 1.0]), "gradient": None, "excused": False, "unseen": 0 * Y} | told
        monkeypatch.setattr(consistency, "_directions", self.directions)
        monkeypatch.setattr(consistency, "is_excused", self.excused)
        monkeypatch.setattr(consistency.hidden, "of_gradient", self.hidden)

    def directions(self, case: Case, steps: Array) -> list[Array]:
        assert steps is STEPS[1]
        return [np.array([0.5, -1.0])]

    def excused(self, *given: Any) -> bool:
        self.seen.append(("excused", *given))
        return bool(self.told["excused"])

    def hidden(self, *given: Any) -> Any:
        self.seen.append(("hidden", *given))
        return self.told["unseen"]

    def note_oracle(self, name: str) -> None:
        self.seen.append(("oracle", name))

    def calm(self) -> list[Case]:
        far = (9 * X, WHOLE, Y)
        return [Case("as given", far, 0), ORDINARY, replace(EXTREME, args=far), ORDINARY, ORDINARY]

    def try_complex(self, places: Any) -> None:
        self.seen.append(("complex", [[each.tolist() for each in place] for place in places]))

    def entries(self, array: Array) -> list[Any]:
        assert array.tolist() == Y.tolist()
        return [(0,)]

    def steps(self, floats: Any, position: int) -> Array:
        assert [each.dtype for each in floats] == [np.float64, np.float64]
        assert [each.tolist() for each in floats] == [X.tolist(), Y.tolist()]
        return STEPS[position]

    def along(self, floats: Any, position: int, direction: Array) -> Estimate:
        assert [each.tolist() for each in floats] == [X.tolist(), Y.tolist()]
        assert position == 1
        self.seen.append(("along", direction.tolist()))
        found: Estimate = self.told["along"]
        return found

    def cotangents(self, case: Case) -> list[Array]:
        assert case in (ORDINARY, EXTREME)
        return [C]

    def gradients(self, case: Case, cotangent: Array) -> Any:
        assert case in (ORDINARY, EXTREME)
        assert cotangent is C
        if self.answers is None:
            raise Violation(fact("answers", what="vjp"), fact("number", value=1.0), mistake="crash")
        return self.answers, BOUNDS

    def gradient(self, cotangent: Array, floats: Any, position: int, entries: Any) -> Estimate:
        assert cotangent is C
        assert [each.tolist() for each in floats] == [X.tolist(), Y.tolist()]
        assert position == 1
        self.seen.append(("gradient", list(entries)))
        due = 5.0 * Y if self.told["gradient"] is None else self.told["gradient"]
        error = np.full(2, np.inf)
        for index in entries:
            error[index] = 0.0
        return Estimate(due, error)

    def run(self, *cases: Case, number: int = 2) -> Comparison:
        stub: Any = self
        comparison = Comparison(f"gradient[{number}]")
        consistency.compare_with_differences(stub, stub, number, comparison, cases)
        return comparison

    def named(self, name: str) -> list[Any]:
        return [each[1:] for each in self.seen if each[0] == name]


#: What the slope along the direction is by the right gradient: 5 y times the direction, by the cotangent.
DUE = float((5.0 * Y * np.array([0.5, -1.0])).sum())
SLOPE = exact([DUE, DUE])


def test_entries_are_judged_in_ordinary_cases_and_directions_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Complex numbers are tried at the first two plain cases; nothing that is right is asked about further."""
    for case, entries in ((ORDINARY, [(0,)]), (EXTREME, [])):
        stub = Compared(monkeypatch, along=SLOPE)
        comparison = stub.run(case)
        assert comparison.violation is None
        assert comparison.judged == len(entries) + 1
        assert stub.seen == [
            ("complex", [[X.tolist(), Y.tolist()]] * 2), ("oracle", "differences"), ("along", [0.5, -1.0]),
            ("gradient", entries),
        ]  # fmt: skip


def test_a_slope_that_is_not_known_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison counts nothing as judged, and finds no violation."""
    stub = Compared(monkeypatch, along=exact([9.0, 9.0], np.inf))
    comparison = stub.run(EXTREME)
    assert (comparison.violation, comparison.judged) == (None, 0)


def test_a_direction_with_an_answer_that_is_none_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the entry itself is excused nothing is left to judge."""
    answers = (ANSWERS[0], np.array([np.nan, 5.0 * Y[1]]))
    comparison = Compared(monkeypatch, answers, along=SLOPE, excused=True).run(EXTREME)
    assert (comparison.violation, comparison.judged) == (None, 0)


def test_a_wrong_entry_is_the_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless hidden roundings or a kink excuse it, which are asked of the answers, their bounds and the entry."""
    answers = (ANSWERS[0], 5.0 * Y + np.array([1.0, 0.0]))
    stub = Compared(monkeypatch, answers, along=exact([DUE + 0.5] * 2))
    violation = stub.run(ORDINARY).violation
    assert violation is not None
    assert (violation.index, violation.due["what"]) == ((0,), "gradient[2]")
    assert list(violation.counterexample) == ["cotangent", "args[0]", "args[1]", "args[2]"]
    ((context, case, cotangent, position, judged),) = stub.named("hidden")
    assert (context, case, position) == (stub, ORDINARY, 1)
    assert cotangent is C
    assert judged.value.tolist() == (5.0 * Y).tolist()
    ((context, oracle, case, cotangent, found, bounds, position, where),) = stub.named("excused")
    assert (context, oracle, case, position, where) == (stub, stub, ORDINARY, 1, (0,))
    assert cotangent is C
    assert found is answers
    assert bounds is BOUNDS
    hiding = Compared(monkeypatch, answers, along=exact([DUE + 0.5] * 2), unseen=np.full(2, 2.0))
    assert hiding.run(ORDINARY).violation is None
    assert not hiding.named("excused")
    excusing = Compared(monkeypatch, answers, along=exact([DUE + 0.5] * 2), excused=True)
    assert excusing.run(ORDINARY).violation is None


def test_a_direction_that_is_off_leads_to_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is then judged as others are; where there is none, the direction is told unless it is excused."""
    answers = (ANSWERS[0], 5.0 * Y + np.array([0.0, 2.0]))
    located: list[Any] = []

    def locate(*given: Any) -> Any:
        located.append(given)
        return place

    monkeypatch.setattr(consistency, "_locate", locate)
    place: Any = (1,)
    stub = Compared(monkeypatch, answers, along=SLOPE)
    violation = stub.run(EXTREME).violation
    assert violation is not None
    assert (violation.index, violation.due.kind) == ((1,), "entry near")
    assert list(violation.counterexample) == ["cotangent", "args[0]", "args[1]", "args[2]"]
    assert stub.named("gradient") == [([],), ([(1,)],)]
    ((oracle, floats, position, cotangent, direction, actual, bound),) = located
    assert (oracle, position, direction.tolist()) == (stub, 1, [0.5, -1.0])
    assert [each.tolist() for each in floats] == [X.tolist(), Y.tolist()]
    assert cotangent is C
    assert actual is answers[1]
    assert bound is BOUNDS[1]
    assert [each[-1] for each in stub.named("excused")] == [(1,)]
    assert [each[3] for each in stub.named("hidden")] == [1]
    excusing = Compared(monkeypatch, answers, along=SLOPE, excused=True)
    assert excusing.run(EXTREME).violation is None
    assert excusing.named("excused")[0][-1] == (1,)
    assert excusing.named("excused")[1][-1].tolist() == [0.5, -1.0]
    hiding = Compared(monkeypatch, answers, along=SLOPE, unseen=np.full(2, 9.0))
    assert hiding.run(EXTREME).violation is not None
    place = None
    alone = Compared(monkeypatch, answers, along=SLOPE)
    violation = alone.run(EXTREME).violation
    assert violation is not None
    assert (violation.due.kind, violation.due["what"]) == ("slope along direction", "gradient[2]")
    assert (violation.due["value"], violation.came["value"]) == (DUE, DUE - 2.0)
    assert list(violation.counterexample) == ["cotangent", "args[0]", "args[1]", "args[2]", "direction"]
    assert alone.named("gradient") == [([],), ([],)]
    excusing = Compared(monkeypatch, answers, along=SLOPE, excused=True)
    assert excusing.run(EXTREME).violation is None


def test_what_is_no_number_is_judged_in_all_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry by entry, and where its truth is not known too; unless the definition leaves doubles there."""
    answers = (ANSWERS[0], np.array([5.0 * Y[0], np.nan]))
    for case, entries in ((ORDINARY, [(0,), (1,)]), (EXTREME, [(1,)])):
        stub = Compared(monkeypatch, answers, along=SLOPE)
        violation = stub.run(case).violation
        assert violation is not None
        assert violation.index == (1,)
        assert stub.named("gradient")[0] == (entries,)
    unknown = Compared(monkeypatch, answers, along=SLOPE)
    monkeypatch.setattr(unknown, "gradient", lambda *_: exact(5.0 * Y, np.inf))
    violation = unknown.run(EXTREME).violation
    assert violation is not None
    assert (violation.due.kind, violation.index) == ("number where finite", (1,))
    assert list(violation.counterexample) == ["cotangent", "args[0]", "args[1]", "args[2]"]
    excusing = Compared(monkeypatch, answers, along=SLOPE, excused=True)
    monkeypatch.setattr(excusing, "gradient", lambda *_: exact(5.0 * Y, np.inf))
    assert excusing.run(EXTREME).violation is None
    seen: list[Any] = []

    def beyond(*given: Any) -> Array:
        seen.append(given)
        return np.array([False, True])

    monkeypatch.setattr(consistency, "beyond_doubles", beyond)
    far = Compared(monkeypatch, answers, along=SLOPE)
    assert far.run(EXTREME).violation is None
    ((context, case, position, actual),) = seen
    assert (context, case, position) == (far, EXTREME, 1)
    assert actual is answers[1]


def test_cases_without_an_answer_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was raised is kept, and other cases are judged."""
    stub = Compared(monkeypatch, None, along=SLOPE)

    def gradients(case: Case, cotangent: Array) -> Any:
        stub.answers = ANSWERS if case is EXTREME else None
        return Compared.gradients(stub, case, cotangent)

    monkeypatch.setattr(stub, "gradients", gradients)
    comparison = stub.run(ORDINARY, EXTREME)
    assert comparison.crash is not None
    assert (comparison.violation, comparison.judged) == (None, 1)


def test_another_cotangent_is_judged_after_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception for one cotangent does not end the case."""
    stub = Compared(monkeypatch, along=SLOPE)
    answers = iter([None, ANSWERS])

    def gradients(case: Case, cotangent: Array) -> Any:
        stub.answers = next(answers)
        return Compared.gradients(stub, case, cotangent)

    monkeypatch.setattr(stub, "gradients", gradients)
    monkeypatch.setattr(stub, "cotangents", lambda case: [C, C])
    comparison = stub.run(EXTREME)
    assert comparison.crash is not None
    assert comparison.judged == 1


def test_many_numbers_are_compared_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case by case until something is wrong."""
    asked: list[Any] = []
    wrong = Violation(fact("answers", what="vjp"), fact("number", value=1.0))

    def compare(context: Any, oracle: Any, number: int, comparison: Any, case: Case) -> None:
        asked.append((context, oracle, number, case))
        comparison.violation = wrong if case is EXTREME else None

    monkeypatch.setattr(consistency.large, "compare", compare)
    stub = Compared(monkeypatch, pattern=SimpleNamespace(is_large=True))
    assert stub.run(ORDINARY, EXTREME, ORDINARY, number=2).violation is wrong
    assert asked == [(stub, stub, 2, ORDINARY), (stub, stub, 2, EXTREME)]
    assert stub.seen == [("oracle", "differences")]
