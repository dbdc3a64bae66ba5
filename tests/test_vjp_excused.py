"""How answers are held against differences, by the parts: which are judged, where differences are no judge, who is."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import Violation
from reference.gradients import consistency
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.judge import Comparison
from reference.numerics import function_tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, WHOLE, Y, C = np.array([[0.5, -1.0], [2.0, 4.0]]), np.array([3, 4]), np.array([0.25, 8.0]), np.array([1.5, -0.5])
ARGS = (X, WHOLE, Y)
ORDINARY, EXTREME = Case("short numbers", ARGS, 7), Case("numbers of size 30", ARGS, 8, ordinary=False)
ANSWERS, BOUNDS = (3.0 * X, 5.0 * Y), [np.full(X.shape, 0.25), np.full(Y.shape, 0.125)]
STEPS = {0: 0.5 * np.abs(X), 1: 0.25 * np.abs(Y)}


def exact(value: Any, error: Any = 0.0) -> Estimate:
    value = np.asarray(value, float)
    return Estimate(value, np.broadcast_to(np.asarray(error, float), value.shape))


class Asked:
    """A context and an oracle that note what they are asked, and answer as they are told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **told: Any) -> None:
        self.told = {"kink": False, "steps": False, "lost": False, "refutes": True, "due": exact([2.0, 4.0])} | told
        self.seen: list[Any] = []
        self.pattern = pattern(ARGS, None)
        self.spec: Any = None
        self.function = object()
        monkeypatch.setattr(consistency.staircases, "has_steps", lambda *given: self.answer("steps", *given))
        monkeypatch.setattr(consistency.lost, "is_lost", lambda *given: self.answer("lost", *given))

    def answer(self, name: str, *given: Any) -> Any:
        self.seen.append((name, *given))
        return self.told[name]

    def is_excused(self, *given: Any) -> Any:
        return self.answer("kink", *given)

    def steps(self, floats: Any, position: int) -> Array:
        assert [each.tolist() for each in floats] == [X.tolist(), Y.tolist()]
        return STEPS[position]

    def jointly(self, *given: Any) -> Any:
        return self.answer("due", *given)

    def refutes(self, *given: Any) -> Any:
        return self.answer("refutes", *given)

    @property
    def asked(self) -> list[str]:
        return [name for name, *_ in self.seen]


def excused(stub: Any, where: Any, case: Case = ORDINARY, answers: Any = ANSWERS, position: int = 1) -> bool:
    return consistency.is_excused(stub, stub, case, C, answers, BOUNDS, position, where)


def test_a_kink_excuses_in_ordinary_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it is asked of the whole answer; in others nobody asks."""
    stub = Asked(monkeypatch, kink=True)
    assert excused(stub, (0,))
    assert stub.seen == [("kink", ORDINARY, C, ANSWERS, BOUNDS)]
    other = Asked(monkeypatch, kink=True)
    assert not excused(other, (0,), EXTREME)
    assert "kink" not in other.asked


@pytest.mark.parametrize(("size", "steps", "is_excused", "is_asked"), [
    (function_tolerances.WHOLE_DOUBLES, True, True, True), (-function_tolerances.WHOLE_DOUBLES, True, True, True),
    (function_tolerances.WHOLE_DOUBLES, False, False, True),
    (function_tolerances.WHOLE_DOUBLES / 2, True, False, False),
])  # fmt: skip
def test_a_staircase_of_whole_doubles_excuses(
    monkeypatch: pytest.MonkeyPatch, size: float, steps: bool, is_excused: bool, is_asked: bool
) -> None:
    """Where any argument that is differentiated is so large that its neighbours are whole numbers."""
    monkeypatch.setattr(Asked, "steps", lambda *_: STEPS[1])
    for place in (0, 1):
        far = (X.copy(), WHOLE, Y.copy())
        far[2 * place].flat[1] = size
        stub = Asked(monkeypatch, steps=steps)
        assert excused(stub, (0,), Case("", far, 0)) is is_excused
        assert ("steps" in stub.asked) is is_asked
        if is_asked:
            _, function, floats = stub.seen[0]
            assert function is stub.function
            assert [each.tolist() for each in floats] == [far[0].tolist(), far[2].tolist()]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("is_lost", [True, False])
def test_what_is_no_number_may_be_lost(monkeypatch: pytest.MonkeyPatch, wrong: float, is_lost: bool) -> None:
    """The entry in question, or along a direction the first one that is none; nothing else excuses it."""
    answers = (ANSWERS[0], np.array([1.0, wrong]))
    for where, index in (((0,), (0,)), (np.ones(2), (1,))):
        stub = Asked(monkeypatch, lost=is_lost, refutes=False)
        assert excused(stub, where, EXTREME, answers) is is_lost
        assert stub.seen == [("lost", stub, EXTREME, C, 1, index)]


def test_values_that_speak_against_an_answer_refute_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Along the entry's own step, or the direction; they are asked of what is claimed and what is due there."""
    for position, where, direction in (
        (1, (1,), [[[0, 0], [0, 0]], [0, 2.0]]), (0, (1, 0), [[[0, 0], [1.0, 0]], [0, 0]]),
        (1, np.array([0.5, -1.0]), [[[0, 0], [0, 0]], [0.5, -1.0]]),
    ):  # fmt: skip
        for refutes in (True, False):
            stub = Asked(monkeypatch, refutes=refutes)
            assert excused(stub, where, EXTREME, position=position) is not refutes
            (_, floats, directions), (_, at, along, cotangent, claimed, due) = stub.seen[:2]
            assert [each.tolist() for each in floats] == [each.tolist() for each in at] == [X.tolist(), Y.tolist()]
            assert [each.tolist() for each in directions] == [each.tolist() for each in along] == direction
            assert cotangent is C
            assert claimed == (ANSWERS[position] * np.array(direction[position])).sum()
            assert due == 1.0
            lost = [("lost", stub, EXTREME, C, position, where)] if refutes and isinstance(where, tuple) else []
            assert stub.seen[2:] == lost


def test_an_entry_that_is_refuted_may_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A direction may not."""
    assert excused(Asked(monkeypatch, lost=True), (1,))
    assert not excused(Asked(monkeypatch, lost=True), np.ones(2))


def test_what_is_not_known_excuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values are not asked then."""
    stub = Asked(monkeypatch, due=exact([2.0, 4.0], np.inf), refutes=False, lost=True)
    assert not excused(stub, (1,))
    assert stub.asked == ["kink", "due"]


def test_a_number_without_axes_has_a_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is a number."""
    stub = Asked(monkeypatch, refutes=False)
    stub.pattern = pattern((2.0,), None)
    monkeypatch.setattr(Asked, "steps", lambda *_: np.array(0.5))
    case, answers = Case("", (np.array(2.0),), 0, ordinary=False), (np.array(3.0),)
    for where, claimed in ((np.float64(0.25), 0.75), ((), 1.5)):
        assert consistency.is_excused(stub, stub, case, C, answers, [np.array(0.0)], 0, where)  # type: ignore[arg-type]
        assert stub.seen[-1][4] == claimed


def beyond(answer: Any, found: Any, *, has_spec: bool = True) -> list[bool]:
    """Which of two answers are said to be beyond doubles, of the second argument, where so many are by definition."""

    def beyond_doubles(args: Any) -> Any:
        assert args is ARGS
        return found

    stub: Any = SimpleNamespace(spec=None)
    if has_spec:
        stub.spec = SimpleNamespace(rigorous=SimpleNamespace(beyond_doubles=beyond_doubles))
    told = consistency.beyond_doubles(stub, ORDINARY, 1, np.array(answer))
    assert told.dtype == bool
    return list(told.tolist())


def test_answers_that_are_none_may_be_beyond_doubles() -> None:
    """Where the definition passes through such numbers on its way to the entry; a number is none."""
    first, second = np.array([True, False]), np.array([True, True])
    nothing = [np.zeros(X.shape, bool)]
    assert beyond([np.nan, 1.0], [*nothing, second]) == [True, False]
    assert beyond([np.inf, -np.inf], [*nothing, first]) == [True, False]
    assert beyond([np.nan, np.nan], [*nothing, ~second]) == [False, False]
    assert beyond([1.0, 2.0], [*nothing, second]) == [False, False]
    assert beyond([np.nan, 1.0], None) == [False, False]
    assert beyond([np.nan, 1.0], [*nothing, second], has_spec=False) == [False, False]


def test_an_exception_is_kept_for_later() -> None:
    """The first one; there is no answer then."""
    first, second = (Violation(fact("answers", what=each), fact("number", value=1.0)) for each in ("vjp", "forward"))
    comparison = Comparison("gradient[0]")

    def raising(error: Violation) -> Any:
        def gradients(case: Case, cotangent: Array) -> Any:
            raise error

        return SimpleNamespace(gradients=gradients)

    right: Any = SimpleNamespace(gradients=lambda *given: given)
    assert consistency.answers_of(right, comparison, ORDINARY, C) == (ORDINARY, C)
    assert comparison.crash is None
    for error in (first, second):
        assert consistency.answers_of(raising(error), comparison, ORDINARY, C) is None
        assert comparison.crash is first


def test_no_entry_is_located_where_none_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself."""
    whole: list[Any] = []
    monkeypatch.setattr(
        consistency, "followed", lambda members, part, halved: whole.append((members, part)) or iter(())
    )
    oracle: Any = SimpleNamespace(along=lambda floats, position, along: exact([0.0, 9.0]))
    weights, direction, actual = np.array([1.0, 0.0]), np.array([0.5, -1.0]), np.array([2.0, 4.0])
    found = consistency._locate(oracle, "floats", 1, weights, direction, actual, np.zeros(2))  # type: ignore[arg-type]
    assert found is None
    ((members, part),) = whole
    assert members.tolist() == [0, 1]
    assert part.discrepancy == -3.0


@pytest.mark.parametrize("place", range(5))
def test_an_entry_is_located_by_halves(place: int) -> None:
    """By differences along each of them, of arguments with any axes."""
    due, direction = np.array([1.0, -2.0, 3.0, 0.5, 7.0]), np.array([0.5, -1.0, 0.25, 1.0, -0.75])
    actual = due.copy()
    actual[place] += 1.0

    class Oracle:
        def along(self, floats: Any, position: int, along: Array) -> Estimate:
            assert (floats, position) == ("floats", 1)
            return exact([(due * along).sum(), 9.0], 0.0)

    oracle: Any = Oracle()
    weights = np.array([1.0, 0.0])
    found = consistency._locate(oracle, "floats", 1, weights, direction, actual, np.zeros(5))  # type: ignore[arg-type]
    assert found == (place,)
    due, direction, actual = (each.reshape(5, 1) for each in (due, direction, actual))
    found = consistency._locate(oracle, "floats", 1, weights, direction, actual, np.zeros((5, 1)))  # type: ignore[arg-type]
    assert found == (place, 0)


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
    """It counts as none."""
    stub = Compared(monkeypatch, along=exact([9.0, 9.0], np.inf))
    comparison = stub.run(EXTREME)
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
    """In the same case."""
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
