"""What the checks of layers and losses make of several answers: who needs what, whom they blame, what they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference.findings import NotApplicable, Violation
from reference.lab.checks import edges, promises
from reference.lab.context import ORDINARY
from reference.lab.contract import Case, Expected, Message, Sizes
from reference.lab.mistakes import plain
from reference.numerics import tolerances
from reference.wording import fact
from tests.examining import with_methods
from tests.hearing import (
    DELTA,
    GRAD,
    LINEAR,
    OF,
    RELU,
    Array,
    Check,
    Hearing,
    Known,
    caught,
    context,
    given,
    heard,
    shapes,
)

pytestmark = pytest.mark.catalogue


class Graded(Known):
    """The bound of the first case that is answered is a billionth, that of each further one ten times as large."""

    answers = 0

    def answer(self, message: Message, case: Case) -> Expected:
        self.answers += 1
        bound = 10.0 ** (self.answers - 10)
        found = super().answer(message, case)
        return replace(found, bounds=tuple(np.full(part.shape, bound) for part in found.bounds))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("check", "message", "call", "bounds"),
    [
        (promises.check_averaged, GRAD, 2, 1 + 10), (promises.check_linear_in_delta_next, DELTA, 3, 2 + 4 * 10 + 100),
        (promises.check_samples_independent, RELU, 2, 1), (promises.check_order_of_samples, RELU, 2, 1),
        (promises.check_order_of_samples, GRAD, 2, 1), (promises.check_repeatable, RELU, 2, 1),
    ],
)  # fmt: skip
def test_answers_may_differ_by_what_rounding_is_granted_to_each(
    check: Check, message: Message, call: int, bounds: float, sign: int
) -> None:
    """As often as codings may differ; two of them by both bounds, a sum of several by those of all."""
    right = getattr(plain.CLASSES[message.cls], message.method)
    for part, is_wrong in ((0.99, False), (1.01, True)):
        shift, calls = sign * part * bounds * 1e-9 * tolerances.CODINGS_BOUNDS, 0

        def off(self: Any, *args: Any, shift: float = shift, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            found = right(self, *args, **named)
            by = shift if calls == call else 0
            return [each + by for each in found] if isinstance(found, list) else found + by

        asks = Graded(Hearing(with_methods(message.cls, {message.method: off})), "none", "x", effort="quick")
        if is_wrong:
            with pytest.raises(Violation):
                check(asks, message)
        else:
            check(asks, message)


def test_the_smallest_case_with_the_same_mistake_is_told() -> None:
    """One sample has another; where no small case has it, the given violation is told."""

    def forward(self: Any, X: Any) -> Any:
        return np.zeros(3) if len(X) == 1 else None if X.shape[1] == 2 else np.maximum(X, 0)

    asks = context(with_methods("ReLULayer", {"forward": forward}))
    case = RELU.draw(ORDINARY, np.ones)
    given = asks.violation(RELU, case, fact("zeros"), fact("zeros"), "not-implemented")
    found = promises._smaller(asks, RELU, given)
    assert (found.mistake, np.shape(found.counterexample["X"])) == ("not-implemented", (2, 2))
    assert all(8 * x == int(8 * x) for x in np.ravel(found.counterexample["X"]))
    other = given.but(mistake="crash")
    assert promises._smaller(asks, RELU, other) is other


def remembering(answer: Callable[[Any, Array, Array], Array]) -> dict[str, type]:
    """A ReLU whose derivative is answered by this after a call of ``forward``, and is 9 before."""

    def forward(self: Any, X: Any) -> Any:
        self.asked = True
        return np.maximum(X, 0)

    def delta(self: Any, Y: Any, delta_next: Any) -> Any:
        return answer(self, Y, delta_next) if hasattr(self, "asked") else np.full(Y.shape, 9.0)

    return with_methods("ReLULayer", {"forward": forward, "delta": delta})


def raises(*_: Any) -> Array:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (lambda self, Y, delta_next: delta_next * (Y > 0), "entry", "right after forward"),
        (lambda self, Y, delta_next: delta_next * (Y > 0), "raised", "right after forward"),
        (lambda self, Y, delta_next: delta_next + 1, "entry", "other after forward"),
        (lambda self, Y, delta_next: delta_next + 1, "raised", "answers after forward"),
        (lambda self, Y, delta_next: np.full(Y.shape, 9.0), "entry", None),
        (raises, "entry", None),
    ],
)
def test_who_needs_a_forward_pass_is_stateful(answer: Any, kind: str, told: str | None) -> None:
    """If the same call is answered in another way right after it."""
    asks = context(remembering(answer))
    case = DELTA.draw(Sizes(2, 2, 3), np.random.RandomState(0).standard_normal)
    came = fact("entry", what="delta", index=(0, 0), value=9.0) if kind == "entry" else fact("raised", said="no")
    violation = asks.violation(DELTA, case, fact("zeros"), came)
    found = promises._blamed(asks, DELTA, violation)
    if told is None:
        assert found is violation
        return
    assert found.mistake == "stateful"
    assert [each.kind for each in found.due.more] == ["from arguments alone"]
    assert [each.kind for each in found.came.more] == [told]
    for word in ("timeout", "memory", "exits"):  # which may come or not
        limited = violation.but(mistake=word)
        assert promises._blamed(asks, DELTA, limited) is limited


def test_a_forward_pass_needs_none() -> None:
    """So that it is not called stateful, even if the next answer is right."""
    asks = context()
    case = RELU.draw(ORDINARY, np.ones)
    violation = asks.violation(RELU, case, fact("zeros"), fact("zeros"))
    assert promises._blamed(asks, RELU, violation) is violation
    assert not heard(asks)


def test_a_view_of_what_was_there_is_no_failure_of_single_precision() -> None:
    """Parameters of another type are put in by name, which such a layer does not see."""

    class Viewing(plain.LinearLayer):
        def initialize(self) -> None:
            super().initialize()
            self.first = self.W

        def forward(self, X: Any) -> Any:
            return X @ self.first + self.b

    with pytest.raises(NotApplicable) as found:
        promises.check_single_precision(context({**plain.CLASSES, "LinearLayer": Viewing}), LINEAR)
    assert found.value.reason.kind == "view kept"
    wrong = with_methods("LinearLayer", {"forward": lambda self, X: 2 * (X @ self.W + self.b)})
    assert caught(promises.check_single_precision, LINEAR, wrong).mistake is None


def test_a_layout_is_blamed_where_the_plain_one_is_right() -> None:
    """The layout is told only where the same numbers in plain order are answered rightly."""
    strided = with_methods("ReLULayer", {"forward": lambda self, X: np.maximum(X, 0) + (not X.flags.c_contiguous)})
    found = caught(promises.check_layouts, RELU, strided)
    assert (found.mistake, found.due.more[-1].kind, found.repro) == ("layout-dependent", "in layout", None)
    always = with_methods("ReLULayer", {"forward": lambda self, X: np.maximum(X, 0) + 1})
    found = caught(promises.check_layouts, RELU, always)
    assert (found.mistake, found.repro) == (None, None)
    assert "in layout" not in {each.kind for each in found.due.more}


@pytest.mark.parametrize(
    ("cls", "method", "answer", "hidden"),
    [
        ("ReLULayer", "forward", lambda self, X: np.where(X > 0, X, 0.0), True),
        ("ReLULayer", "forward", lambda self, X: X * np.inf, False),
        ("ReLULayer", "forward", lambda self, X: np.where(np.isnan(X), np.inf, 1.0), True),
        ("LossCrossEntropy", "forward", lambda self, X, T: np.full((len(X), 1), np.inf), False),
        ("LossCrossEntropy", "forward", lambda self, X, T: np.ones((len(X), 1)), True),
        ("LinearLayer", "forward", lambda self, X: np.nan_to_num(X) @ self.W, True),
    ],
)  # fmt: skip
def test_a_number_that_is_none_stays_visible(cls: str, method: str, answer: Any, hidden: bool) -> None:
    """In the first sample, of one batch and of two; an exception shows it too, and so does an infinite loss."""
    message = OF[f"{cls}.{method}"]
    classes = with_methods(cls, {method: answer})
    if hidden:
        found = caught(edges.check_nan_is_not_hidden, message, classes)
        assert (found.due.kind, found.came.kind, found.came["row"]) == ("NaN kept", "row", 0)
        assert found.came["what"] == message.parts[0]
        assert len(found.came["values"]) == np.shape(found.counterexample["X"])[1] or cls != "ReLULayer"
        return
    asks = context(classes)
    edges.check_nan_is_not_hidden(asks, message)
    assert shapes(given(asks), message) == [(1, 2), (2, 3)]
    for each in given(asks):
        assert np.isnan(each["X"][0, 0])
        assert np.isnan(each["X"][0]).all() == (cls == "LossCrossEntropy")
        assert not np.isnan(each["X"][1:]).any()
        if "T" in each:
            assert each["T"].argmax(axis=1).tolist() == [0] * len(each["T"])


def test_an_exception_hides_no_nan() -> None:
    """Code that raises an exception is asked in both batches, and passes."""

    def forward(self: Any, X: Any) -> Any:
        raise ValueError("no NaN, please")

    asks = context(with_methods("ReLULayer", {"forward": forward}))
    edges.check_nan_is_not_hidden(asks, RELU)
    assert shapes(given(asks), RELU) == [(1, 2), (2, 3)]


def test_an_argument_that_is_answered_is_shown_with_the_parameters() -> None:
    """Also where it is answered for positive numbers alone."""
    forward = lambda self, X: X if X.shape == (2, 2) and (X > 0).all() else X @ self.W + self.b  # noqa: E731
    found = caught(promises.check_result_is_its_own, LINEAR, with_methods("LinearLayer", {"forward": forward}))
    assert (found.mistake, found.came["name"]) == ("aliases-input", "X")
    assert set(found.counterexample) == {"X", "W", "b"}
    assert (np.array(found.counterexample["X"]) > 0).all()
