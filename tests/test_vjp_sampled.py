"""A sample of the entries of many numbers is judged by balls: which are asked for, and what is said where none is."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import Violation
from reference.gradients import rigorous, sampled, ties
from reference.gradients.arguments import pattern
from reference.gradients.consistency import comparison_of
from reference.gradients.context import Context
from reference.gradients.judge import Comparison
from reference.gradients.subject import Subject
from reference.numerics import ball_tolerances, function_tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.gradients import drawn

pytestmark = [pytest.mark.catalogue, pytest.mark.usefixtures("without_balls")]

Array = NDArray[Any]
Truths = tuple[Estimate, ...]
X, N, Y = drawn(2, 3), np.array([1, 2]), drawn(3) + 2.0
#: The second gradient is that of args[2]: args[1] holds whole numbers.
POSITION, NUMBER = 1, 2


class Sampling:
    """Ball arithmetic that tells the entries it is asked for, as long as these are few enough."""

    raised: str | None = None
    refusal: str | None = "too large"

    def __init__(self, most: int, off: float = 0.0) -> None:
        self.most, self.off = most, off
        self.asked: list[tuple[Any, Any, list[Array]]] = []

    def sampled(self, c: Array, args: Any, chosen: Sequence[Array]) -> Any:
        self.asked.append((c, args, [each.copy() for each in chosen]))
        if sum(each.sum() for each in chosen) > self.most:
            return None
        value = many_forward(*args)
        due = many_vjp(c.reshape(value.shape), *args)
        rows = zip((due[0], due[2]), chosen, strict=True)
        errors = 1e-12 * np.maximum(1.0, np.abs(value))
        return Estimate(value + self.off, errors), tuple(
            Estimate(np.where(at, g, 0.0), np.where(at, 1e-12, np.inf)) for g, at in rows
        )


def many_forward(x: Any, n: Any, y: Any) -> Any:
    return x * 2.0 + y.sum()


def many_vjp(c: Any, x: Any, n: Any, y: Any) -> Any:
    return c * 2.0, None, np.full(y.shape, c.sum())


MANY = np.linspace(1.0, 2.0, 5001).reshape(3, 1667)


def many(oracle: Any, two: Any = many_vjp, spec: bool = False) -> Context:
    given = Context(Subject(many_forward, two, pattern((MANY, N, Y), None)), None, 0, "quick")
    given.known.rigorous = oracle
    if spec:
        definition: Any = SimpleNamespace(
            rigorous=oracle, shape=(5001,), in_doubles=lambda args: many_forward(*args).ravel(),
            value=lambda args: None, differences=given.differences,
        )  # fmt: skip
        given.known.rigorous = None  # type: ignore[assignment]
        given.cases, given.spec = given.cases[:1], definition
    return given


def judged(given: Context, number: int = 0) -> Comparison:
    comparison = comparison_of(given, number)
    sampled.compare(given, number, comparison)
    return comparison


def test_all_entries_are_judged_where_that_is_possible() -> None:
    """Of all arguments at once, at the given inputs, which the finding says with the oracle's name."""
    oracle = Sampling(10_000)
    given = many(oracle)
    for number, size in ((0, MANY.size), (NUMBER, Y.size)):
        given.notes = ()
        comparison = judged(given, number)
        assert (comparison.violation, comparison.judged) == (None, size)
        assert given.notes == (fact("sampled", count=size, size=size),)
    assert given.oracles == [rigorous.NAME]
    ((cotangent, args, chosen),) = oracle.asked
    assert args is given.cases[0].args
    assert np.array_equal(cotangent, given.cotangents(given.cases[0])[0])
    assert [each.shape for each in chosen] == [MANY.shape, Y.shape]
    assert all(each.dtype == bool and each.all() for each in chosen)


@pytest.mark.parametrize(("whole", "calls"), [(10_000, 2), (5_004, 2), (5_003, 1), (100, 1)])
def test_else_a_sample_is_judged(whole: int, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all entries take too long, or there are too many of them; the seed of the case draws it."""
    monkeypatch.setattr(ball_tolerances, "MOST_JUDGED_WHOLE", whole)
    monkeypatch.setattr(ball_tolerances, "SAMPLED_ENTRIES", 50)
    oracle = Sampling(50)
    given = many(oracle)
    comparison = judged(given)
    assert len(oracle.asked) == calls
    one, two = oracle.asked[-1][2]
    assert one.sum() + two.sum() == 50
    assert comparison.judged == one.sum() > 40
    assert given.notes == (fact("sampled", count=comparison.judged, size=MANY.size),)
    assert (np.diff(np.flatnonzero(one)) > 1).any()
    again = Sampling(50)
    judged(many(again))
    assert np.array_equal(again.asked[-1][2][0], one)


def test_many_numbers_are_compared_with_a_definition_in_its_shape() -> None:
    """Its balls are asked, and its values in doubles are those that they have to agree with."""
    oracle = Sampling(10_000)
    given = many(oracle, spec=True)
    given.known.rigorous = Sampling(0)  # type: ignore[assignment]
    monkey = oracle.sampled

    def flat(c: Array, args: Any, chosen: Sequence[Array]) -> Any:
        assert c.shape == (5001,)
        value, gradients = monkey(c, args, chosen)
        return Estimate(value.value.ravel(), value.error.ravel()), gradients

    oracle.sampled = flat  # type: ignore[method-assign]
    assert judged(given).judged == MANY.size


@pytest.mark.parametrize(
    ("oracle", "said"),
    [
        (Sampling(0), "too large"), (Sampling(10_000, 1e-3), "something else"),
        (Sampling(10_000, -1e-3), "something else"),
        (Sampling(10_000, 1e-7), None),
    ],
)  # fmt: skip
def test_where_balls_cannot_tell_it_is_said_why(oracle: Sampling, said: str | None) -> None:
    """What was raised last, or else what refuses it; or that they mean something else."""
    given = many(oracle)
    comparison = judged(given)
    if said is None:
        assert comparison.judged
        return
    assert comparison.judged == 0
    (note,) = given.notes
    assert (note.kind, note["count"], note["size"]) == ("sampled", 0, MANY.size)
    (more,) = note.more
    assert more.kind == "not sampled"
    assert said in more["reason"]
    assert more["reason"].startswith(("too", "the function"))
    assert given.oracles == []
    oracle.raised = "raised last"
    if said == "too large":
        given = many(oracle)
        judged(given)
        assert given.notes[0].more[0]["reason"] == "raised last"


@pytest.mark.parametrize(("most", "is_asked"), [(5_006, True), (5_005, False)])
def test_of_too_many_numbers_no_sample_is_taken(most: int, is_asked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """All arguments count, those without gradients too."""
    monkeypatch.setattr(ball_tolerances, "MOST_SAMPLED_FROM", most)
    oracle = Sampling(10_000)
    given = many(oracle)
    assert bool(judged(given).judged) is is_asked
    assert bool(oracle.asked) is is_asked
    if not is_asked:
        assert str(most) in given.notes[0].more[0]["reason"]


def test_a_wrong_entry_of_a_sample_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the function has a kink along it; where something is wrong already nothing is asked."""

    def off(c: Any, x: Any, n: Any, y: Any) -> Any:
        one, two, three = many_vjp(c, x, n, y)
        three[1] += 0.5
        return one, two, three

    given = many(Sampling(10_000), off)
    violation = judged(given, NUMBER).violation
    assert violation is not None
    assert violation.index == (1,)
    assert violation.counterexample == {"inputs": f"arrays of {MANY.size + N.size + Y.size} numbers"}
    seen: list[Any] = []

    def kink(place: Any, position: int, index: Any) -> bool:
        seen.append((place, position, index))
        return True

    monkeypatch.setattr(ties, "has_kink_along", kink)
    given = many(Sampling(10_000), off)
    assert judged(given, NUMBER).violation is None
    ((place, position, index),) = seen
    assert (position, index) == (POSITION, (1,))
    assert [
        each is other
        for each, other in zip(place.floats, (given.cases[0].args[0], given.cases[0].args[2]), strict=True)
    ] == [True] * 2
    oracle = Sampling(10_000)
    given = many(oracle)
    comparison = comparison_of(given, 0)
    comparison.violation = Violation(fact("number", value=1.0), fact("number", value=2.0))
    sampled.compare(given, 0, comparison)
    assert (oracle.asked, given.notes, comparison.judged) == ([], (), 0)


def test_many_numbers_are_those_beyond_a_limit() -> None:
    """The cases here have more than that."""
    assert MANY.size > function_tolerances.LARGE
