"""Where differences are no judge of an answer, by the parts: kinks, staircases, numbers beyond doubles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference.findings import Violation
from reference.gradients import consistency
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.judge import Comparison
from reference.numerics import function_tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.vjp_given import ANSWERS, ARGS, BOUNDS, EXTREME, ORDINARY, STEPS, WHOLE, Array, C, X, Y, exact

pytestmark = pytest.mark.catalogue


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
    """A direction that is refuted may not be."""
    assert excused(Asked(monkeypatch, lost=True), (1,))
    assert not excused(Asked(monkeypatch, lost=True), np.ones(2))


def test_what_is_not_known_excuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no difference is known, the values are not asked."""
    stub = Asked(monkeypatch, due=exact([2.0, 4.0], np.inf), refutes=False, lost=True)
    assert not excused(stub, (1,))
    assert stub.asked == ["kink", "due"]


def test_a_number_without_axes_has_a_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """The direction is a number, too."""
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
    """Where only the sum is off, no single entry is told."""
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
