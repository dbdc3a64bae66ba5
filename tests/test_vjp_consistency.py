"""A gradient is held against the forward pass, or a definition, without ball arithmetic: by differences alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import consistency, values
from reference.gradients.arguments import pattern
from reference.gradients.context import Context
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject
from tests.gradients import drawn

pytestmark = [pytest.mark.catalogue, pytest.mark.usefixtures("without_balls")]

Array = NDArray[Any]
X, Y = drawn(2, 3), drawn(3) + 2.0


def forward(x: Any, y: Any) -> Any:
    return np.sin(x) * y


def vjp(c: Any, x: Any, y: Any) -> Any:
    return c * np.cos(x) * y, (c * np.sin(x)).sum(axis=0)


def context(two: Callable[..., Any] = vjp, one: Callable[..., Any] = forward, spec: Any = None) -> Context:
    given = pattern((X, Y), None)
    return Context(Subject(one, two, given), None if spec is None else Specification(spec, given), 0, "quick")


def off(where: Callable[[Any], Any], number: int = 0, by: float = 0.5) -> Any:
    """The gradients with one entry that is off where the arguments are of some kind."""

    def wrong(c: Any, x: Any, y: Any) -> Any:
        found = [each.copy() for each in vjp(c, x, y)]
        found[number][(1, 2) if number == 0 else (2,)] += by if where(x) else 0.0
        return tuple(found)

    return wrong


def told(two: Callable[..., Any], number: int = 0) -> Violation:
    with pytest.raises(Violation) as caught:
        values.check_gradient_consistent(context(two), number)
    return caught.value


def always(_: Any) -> bool:
    return True


def only_large(x: Any) -> bool:
    return bool(10 < np.abs(x).max() < 40)


def test_a_right_gradient_passes() -> None:
    """And the oracle is named."""
    for number in (0, 1):
        asked = context()
        values.check_gradient_consistent(asked, number)
        assert asked.oracles == ["the complex step and finite differences"]


@pytest.mark.parametrize(("where", "number", "index"), [(always, 0, (1, 2)), (only_large, 1, (2,))])
def test_a_wrong_entry_is_told(where: Any, number: int, index: tuple[int, ...]) -> None:
    """One by one in ordinary cases; in others it is found by halving a direction."""
    violation = told(off(where, number), number)
    assert violation.index == index
    assert violation.due["what"] == f"gradient[{number}]"
    assert violation.due["value"] == pytest.approx(violation.came["value"] - 0.5, abs=1e-4)
    assert set(violation.counterexample or ()) == {"cotangent", "args[0]", "args[1]"}


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_told(wrong: float) -> None:
    """With its place, in ordinary cases and in others."""
    for where in (always, only_large):
        violation = told(off(where, by=wrong))
        assert violation.index == (1, 2)
        assert str(violation.came["value"]) == str(wrong)


def test_what_is_off_along_a_direction_alone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no entry is to blame."""
    monkeypatch.setattr(consistency, "_locate", lambda *_: None)
    violation = told(off(only_large))
    assert (violation.due.kind, violation.due["what"]) == ("slope along direction", "gradient[0]")
    assert violation.due["value"] != violation.came["value"]
    assert "direction" in (violation.counterexample or {})


def test_an_exception_is_told_where_no_answer_is_wrong() -> None:
    """A wrong answer elsewhere says more."""

    def raising(then: Callable[..., Any]) -> Any:
        def run(c: Any, x: Any, y: Any) -> Any:
            if only_large(x):
                raise ValueError("no")
            return then(c, x, y)

        return run

    assert told(raising(vjp)).mistake == "crash"
    assert told(raising(off(always))).index == (1, 2)


def test_a_definition_judges_where_there_is_one() -> None:
    """Then the forward pass does not; without one there is nothing to hold the values against."""
    wrong_forward: Any = lambda x, y: 2 * forward(x, y)  # noqa: E731 - of this test
    asked = context(one=wrong_forward, spec=forward)
    for number in (0, 1):
        values.check_gradient_values(asked, number)
    with pytest.raises(Violation) as caught:
        values.check_gradient_values(context(off(always), wrong_forward, forward), 0)
    assert caught.value.index == (1, 2)
    for check, given in ((values.check_gradient_consistent, asked), (values.check_gradient_values, context())):
        with pytest.raises(NotApplicable):
            check(given, 0)


def test_gradients_of_many_numbers_are_judged_along_directions() -> None:
    """A wrong entry is named all the same, and what is no number; what balls cannot tell is noted."""
    x = np.linspace(-2.0, 2.0, 5001)

    def asked(by: float) -> Context:
        def gradient(c: Any, x: Any) -> Any:
            found = c * np.cos(x)
            found[1234] += by
            return (found,)

        return Context(Subject(np.sin, gradient, pattern((x,), None)), None, 0, "quick")

    right = asked(0.0)
    values.check_gradient_consistent(right, 0)
    assert {note.kind for note in right.notes} == {"along directions", "sampled"}
    for by in (0.5, np.nan):
        with pytest.raises(Violation) as caught:
            values.check_gradient_consistent(asked(by), 0)
        assert caught.value.index == (1234,)
        assert caught.value.due["what"] == "gradient[0]"
        assert caught.value.came["what"] == "gradient[0]"
        assert caught.value.counterexample == {"inputs": "as given"}


def test_a_small_argument_beside_many_large_numbers_is_judged_by_itself() -> None:
    """Along a direction of its own, where one of all arguments shows nothing of it."""

    def large(x: Any, y: Any) -> Any:
        return 1e8 * x + np.sin(y).sum()

    def gradients(by: float) -> Any:
        return lambda c, x, y: (1e8 * c, c.sum() * (np.cos(y) + by * np.array([0.0, 1.0, 0.0])))

    args = np.linspace(-2.0, 2.0, 5001), np.array([0.5, -1.0, 2.0])
    right = Context(Subject(large, gradients(0.0), pattern(args, None)), None, 0, "quick")
    values.check_gradient_consistent(right, 1)
    wrong = Context(Subject(large, gradients(0.5), pattern(args, None)), None, 0, "quick")
    values.check_gradient_consistent(wrong, 0)
    with pytest.raises(Violation) as caught:
        values.check_gradient_consistent(wrong, 1)
    assert (caught.value.index, caught.value.due["what"]) == ((1,), "gradient[1]")
    assert caught.value.bound is not None
    assert caught.value.bound > 0
