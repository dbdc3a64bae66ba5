"""How a formula of the lab is asked and judged, by the parts: with which numbers, and what is told of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.lab.cases import Sizes
from reference.lab.checks import formula
from reference.lab.context import Context
from reference.lab.contract import MESSAGES
from reference.numerics.oracles import ball
from tests.comparing import needs_flint
from tests.examining import with_methods

pytestmark = [pytest.mark.catalogue, needs_flint]
balls = pytest.importorskip("reference.numerics.balls")
exact = pytest.importorskip("reference.lab.exact")
Array = Any
_METHODS = {f"{message.key}.{message.method}": message for message in MESSAGES}


def in_hand(subject: str, seed: int = 0, **methods: Any) -> tuple[formula._Method, formula._Posed]:
    """A method, of whose class some methods may be others, and a case of it."""
    message = _METHODS[subject]
    classes = with_methods(message.cls, methods)
    case = message.draw(Sizes(2, 3, 4), np.random.RandomState(seed).standard_normal)
    method = formula._Method(Context(InProcess(classes, {}), ball, "x"), message, classes)
    return method, formula._Posed("numbers of a kind", case)


def difference(place: int = 0, index: tuple[int, ...] = (1, 2), relative: float = 0.0) -> Any:
    return balls.Difference(place, index, 2.0, 3.0, relative, 0.0, (), underflows=False, exact=())


@pytest.mark.parametrize("subject", ["linear.grad", "relu.delta", "logits.delta", "softmax.forward"])
def test_a_formula_is_asked_at_larger_numbers(subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but targets, and what is behind outputs too; at the entry that was found before."""
    asked: list[Any] = []
    monkeypatch.setattr(exact, "difference", lambda *given: asked.append(given))
    method, posed = in_hand(subject)
    assert method.difference(posed) is None
    assert method.scaled(posed, difference(1, (0, 3)), 8.0) is None
    (classes, message, case, at), (*same, scaled, there) = asked
    assert (case is posed.case, at, there) == (True, None, (1, (0, 3)))
    assert classes is same[0] is method.classes
    assert message is same[1] is method.message
    for name, array in case.arguments.items():
        assert np.array_equal(scaled.arguments[name], array if name == "T" else 8 * array)
    assert (scaled.origin is None) == (case.origin is None)
    assert case.origin is None or np.array_equal(scaled.origin, 8 * case.origin)
    assert scaled.parameters is case.parameters


def test_a_formula_is_held_against_the_answer_in_doubles() -> None:
    """Of the entry that was found, with how far rounding may take it."""
    method, posed = in_hand("linear.grad")
    X, delta_next = posed.case.arguments.values()
    for place, index in ((0, (2, 3)), (1, (1,))):
        came, bound = method.computed(posed, difference(place, index))
        due = (X.T @ delta_next / 2, delta_next.mean(axis=0))[place]
        assert came == pytest.approx(due[index])
        assert 0 < bound < 1e-13


@pytest.mark.parametrize(
    ("relative", "constants", "told"),
    [
        (1e-20, (), [("definition off by", {"part": 1e-20})]), (1.0, (), [("definition off", {})]),
        (0.5, (("epsilon", "1e-20"),),
         [("definition off by", {"part": 0.5}), ("estimated", {"constants": (("epsilon", "1e-20"),)})]),
    ],
)  # fmt: skip
def test_a_wrong_formula_is_told_by_an_entry(
    relative: float, constants: Any, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the definition and by the code, and by the part that it is off by, where that is small."""
    given: list[Any] = []
    monkeypatch.setattr(formula, "named", lambda *args: given.append(args) or ("a-word", constants))
    method, posed = in_hand("linear.grad")
    found = difference(1, (2,), relative)
    violation = method.violation(posed, found)
    assert given == [(method.message, posed.case, found)]
    assert (violation.due.kind, violation.due.fields) == ("by formula", {"what": "db", "index": (2,), "value": 2.0})
    assert (violation.came.kind, violation.came.fields) == ("entry", {"what": "db", "index": (2,), "value": 3.0})
    assert [(each.kind, {**each.fields}) for each in violation.came.more] == told
    assert (violation.mistake, violation.index) == ("a-word", (2,))
    assert violation.asked == (method.message, posed.case)


def test_lost_digits_are_told_once() -> None:
    """Of a right formula, with the place and the kind of inputs; where another check failed they are no news."""

    def grad(self: Any, X: Array, delta_next: Array) -> Any:
        dW, db = X.T @ delta_next / len(X), delta_next.mean(axis=0)
        return [dW, db * (1 + 1e-6 * (np.arange(4) == 1))]

    method, posed = in_hand("linear.grad", grad=grad)
    method.tell_lost_digits(posed, difference(relative=1.0))
    assert not method.context.notes
    for _ in range(2):
        method.tell_lost_digits(posed, difference())
        (note,) = method.context.notes
        assert (note.kind, note["what"], note["index"], note["inputs"]) == (
            "digits lost", "db", (1,), "numbers of a kind",
        )  # fmt: skip
        assert 9 <= note["digits"] <= 11
    right, posed = in_hand("linear.grad")
    right.tell_lost_digits(posed, difference())
    assert not right.context.notes
    assert right.why_unknown() == "the definition is known in no case"


def test_what_gives_no_answer_in_doubles_counts_as_no_number() -> None:
    """In the shapes that were due: that none comes is told by other checks."""
    method, posed = in_hand("linear.grad", grad=lambda self, X, delta_next: None)
    found = method._actual(posed.case)
    assert [part.shape for part in found] == [*method.message.shapes(posed.case)]
    assert all(np.isnan(part).all() for part in found)
