"""What is known before a failure is explained: what answers tell by themselves, and what is told of a mistake."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.engine import Check
from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab import behaviour, diagnosis, explaining
from reference.lab.checks import promises
from reference.lab.context import Context, Response
from reference.lab.contract import MESSAGES, Case, Expected, Message
from reference.lab.explaining import with_stand_ins
from reference.lab.mistakes import plain
from reference.lab.mistakes.catalogue import Mistake
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.examining import with_methods
from tests.test_behaviour import Remembering, cases, quotients

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
OF = {message.subject: message for message in MESSAGES}
RELU = OF["ReLULayer.forward"]
X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
CASE = Case({"X": X})


class Known(Context):
    """A context in which the truth is what the textbook's classes answer."""

    def answer(self, message: Message, case: Case) -> Expected:
        parts = Context(InProcess(plain.CLASSES, {}), "none", "x").actual(message, case)
        return Expected(tuple(Estimate(part, np.zeros(part.shape)) for part in parts),
                        tuple(np.full(part.shape, 1e-15) for part in parts))  # fmt: skip


def context(classes: Any = plain.CLASSES, log: Any = ()) -> Known:
    return Known(InProcess(classes, {}), "none", "x", effort="quick", log=list(log))


def relu(forward: Any) -> dict[str, type]:
    return with_methods("ReLULayer", {"forward": forward})


def judged(*answers: Any, bound: float = 1e-15) -> list[Response]:
    arrays = [np.asarray(each, float) for each in answers]
    return [Response((each,), (np.full(each.shape, bound),), RELU, CASE) for each in arrays]


def entry(value: float, **fields: Any) -> Any:
    return fact("entry", **{"what": "Y", "index": (0, 0), "value": value, **fields})


def off(due: float, came: float, **fields: Any) -> Violation:
    return Violation(entry(due), entry(came), **fields)


def mistake(name: str, *words: str, **fields: Any) -> Mistake:
    return Mistake(
        name, "ReLULayer.forward", words[0], f"hint of {words[0]}", fields.pop("classes", {}), words[1:], **fields
    )


@pytest.mark.parametrize(
    ("came", "names", "told"),
    [
        (fact("zeros"), (), False), (fact("zeros"), ("torch",), True), (fact("type", name="x", cause="stand-in"),
        ("torch",),
         False), (fact("type", name="x", cause=None), ("torch",), True),
        (fact("raised", error="E", said="E", cause=None), ("torch",), True),
        (fact("raised", error="E", said="E", cause="stand-in"), ("torch",), True),
        (fact("raised", error="E", said="E", cause="shapes"), ("torch",), False),
        (fact("type", name="x", cause="shapes"), ("torch",), True),
    ],
)  # fmt: skip
def test_absent_modules_are_told(came: Any, names: tuple[str, ...], told: bool) -> None:
    """With the cause, which decides on the hint; where another cause is certain they are not."""
    found = with_stand_ins(came, dict.fromkeys(names))
    if not told:
        assert found is came
        return
    assert (found.kind, found.fields) == (came.kind, {**came.fields, "cause": "stand-in"})
    assert [(each.kind, each["names"]) for each in found.more] == [("stand-ins used", names)]
    kept = with_stand_ins(came.and_("own layers"), names)
    assert [each.kind for each in kept.more] == ["own layers", "stand-ins used"]


@pytest.mark.parametrize(
    ("log", "nothing"),
    [
        (judged([[math.nan]], [[math.nan]]), True), (judged([[math.nan, 1.0]]), False),
        (judged([[3.0, 3.0]], [[3.0]]), True), (judged([[math.inf, math.inf]]), False),
        (judged([[3.0, 3.0 + 2e-15]]), False), (judged([[3.0, 3.0 + 2e-15]], bound=1e-12), True), ([], False),
        (judged(np.zeros((0, 2))), False), (judged([[3.0]], np.zeros((0, 2))), True), ([Response((3.0,))], False),
        ([Response((np.array([1.0, 2.0]),)), *judged([[3.0]])], True), (judged([[3.0]], [[4.0]]), False),
        ([*judged([[3.0]], [[4.0]]), Response((np.zeros(3),), (np.zeros(2),))], False),
    ],
)  # fmt: skip
def test_answers_that_say_nothing(log: list[Response], nothing: bool) -> None:
    """All NaN, or one number but for rounding: of those that were judged."""
    assert explaining._says_nothing(context(log=log)) is nothing


@pytest.mark.parametrize(
    ("log", "hardly"),
    [
        (judged(np.maximum(X, 0)), True), (judged(np.maximum(X, 0) * (1 + 1e-14)), True),
        (judged(np.maximum(X, 0) + 1), False), (judged(np.maximum(X, 0) + 1e-9, bound=1e-8), True),
        (judged(np.maximum(X, 0), np.maximum(X, 0) + 1), False), ([], False), ([Response((3.0,))], False),
        ([Response((np.maximum(X, 0),), (np.zeros(X.shape),))], False),
        ([Response((np.maximum(X, 0),), (np.zeros(X.shape),), RELU)], False),
    ],
)  # fmt: skip
def test_answers_that_are_hardly_wrong(log: list[Response], hardly: bool) -> None:
    """By no more than two codings of the right formula may differ."""
    assert explaining._hardly_wrong(context(log=log)) is hardly


def test_the_last_digits() -> None:
    """A number that is off by a hundredth at most; where nothing is due it is more."""
    for came, last in ((1.0099, True), (0.9901, True), (1.011, False), (-1.0, False), (math.nan, False)):
        assert explaining._in_last_digits(off(1.0, came)) is last
    assert explaining._in_last_digits(off(-2.0, -2.019))
    assert explaining._in_last_digits(off(100.0, 101.0))
    assert not explaining._in_last_digits(Violation(fact("zeros"), entry(1.0)))


def test_who_says_no_more_than_is_needed() -> None:
    """The fewest words, and what is wrong in the formula rather than that it is another one."""
    a, b, c = mistake("a", "sign"), mistake("b", "sign", "scaled"), mistake("c", "wrong-function")
    least = explaining._least
    assert least([b, a, c], explaining._vagueness) == [a]
    assert least([b, c], explaining._vagueness) == [c]
    assert least([b, b], explaining._vagueness) == [b, b]
    assert least([b, a, c], lambda each: len(each.words)) == [a, c]
    assert least([], len) == []  # type: ignore[arg-type]


def test_what_is_certain() -> None:
    """The first, if all have the same words in whatever order."""
    a, b, c = mistake("a", "sign", "scaled"), mistake("b", "scaled", "sign"), mistake("c", "sign")
    assert diagnosis.certain([a, b]) is a
    assert diagnosis.certain([a, c]) is None
    assert diagnosis.certain([]) is None
    assert diagnosis.certain([c]) is c


def test_the_arrays_that_came_last() -> None:
    """An answer, or all parts of a gradient from the last layer to the first; nothing if one is none."""
    W, b = np.ones((2, 2)), np.ones(2)
    one, pair = Response((W,)), Response((W, b))
    assert explaining._last_parts(context()) == []
    assert explaining._last_parts(context(log=[one])) == [W]
    assert explaining._last_parts(context(log=[one, pair, pair])) == [W, b, W, b]
    assert explaining._last_parts(context(log=[pair, pair, one])) == [W, b, W, b]
    assert explaining._last_parts(context(log=[pair, Response((1, 2, 3)), pair])) == [W, b]
    assert explaining._last_parts(context(log=[Response((W, "no"))])) == []
    assert explaining._last_parts(context(log=[Response(("no",))])) == []
    assert explaining._last_parts(context(log=[Response((W, b.astype(int)))])) == []
    vectors = explaining._biases(context(log=[one, pair, Response(("no", b.astype(int))), Response((2 * b,))]))
    assert [each.tolist() for each in vectors] == [[1, 1], [2, 2]]


def test_a_violation_of_a_message_is_of_a_call() -> None:
    """Of one method with one case, and nothing else."""
    for asked, due in (((RELU, CASE), RELU), (None, None), ((RELU, 1), None), ((1, CASE), None), ("x", None)):
        assert explaining._message(off(1, 2, asked=asked)) is due


def test_constants_are_told() -> None:
    """With the words: those of the mistake, or those that the violation has already."""
    known = mistake("a", "clipped", "sign", estimated={"limit": "0.5"})
    found = explaining._told(off(1, 2), known)
    assert (found.mistake, found.mistakes) == ("clipped", ("clipped", "sign"))
    assert [(each.kind, each["constants"]) for each in found.came.more] == [("estimated", (("limit", "0.5"),))]
    found = explaining._told(off(1, 2, mistakes=("stateful", "clipped")), mistake("a", "clipped"))
    assert (found.mistake, found.mistakes, found.came.more) == ("stateful", ("stateful", "clipped"), ())


SHOWN = {
    "W": [[1.0, 2.0], [3.0, 4.0]], "b": [0.5, 0.25],
    "X": [[1.0, 2.0, 5.0], [3.0, 4.0, 6.0]], "T": [[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]],
}  # fmt: skip


def wired(violation: Violation, subject: str = "MLP.gradient", log: Any = ()) -> set[str]:
    """The constants of networks with one wrong choice."""
    found = explaining._wired(subject, 1, violation, context(log=log))
    return {f"{name} {constant}" for each in found for name, constant in each.estimated.items()}


def test_a_network_has_constants_that_the_violation_shows() -> None:
    """Of the sizes of its batch, its parameters, and all answers that came; none where no batch or number is shown."""
    half = off(1.0, 0.5, counterexample=SHOWN)
    assert {"factor 1 / 2", "factor 1 / N", "factor 2 / K", "factor (3 / 2) / D", "upper limit 0.5"} <= wired(half)
    assert "coefficient of the parameters 2.0" in wired(off(1.0, 3.0, counterexample=SHOWN))
    gradient = [Response((np.array([[3.0, 4.0]]), np.array([0.75, -0.75])))]
    assert {"greatest length 5.0", "limit of delta 0.75"} <= wired(half, log=gradient)
    numbers = {name: array for name, array in SHOWN.items() if name != "T"}
    for violation in (
        half.but(counterexample=numbers),
        half.but(counterexample={}),
        half.but(due=fact("zeros")),
        half.but(came=fact("zeros")),
    ):
        assert wired(violation) == wired(off(1, 2))
    assert "coefficient of the sum of W squared 0.5" in wired(off(1.0, 16.0, counterexample=SHOWN), "MLP.evaluate")


class Keeping(plain.ReLULayer):
    """Multiplies by what ``forward`` has kept, and by a factor."""

    factor = 3.0

    def forward(self, X: Any) -> Any:
        self.kept = X > 0
        return super().forward(X)

    def delta(self, Y: Any, delta_next: Any) -> Any:
        return self.factor * delta_next * self.kept


class RightWhenPrimed(Keeping):
    factor = 1.0


def primed(cls: type, violation: Violation) -> tuple[str, ...]:
    explainer = explaining.Explainer(context({**plain.CLASSES, "ReLULayer": cls}))
    check = Check("relu.delta.values", "ReLULayer.delta", "", lambda _: None)
    return explainer._when_primed(check, violation)


def test_what_needs_forward_first_may_be_wrong_after_it_too() -> None:
    """That is told besides; nothing of what is right then, is not known, or is no method of a layer."""
    delta = OF["ReLULayer.delta"]
    case = Case({"Y": np.maximum(X, 0), "delta_next": X}, {}, X)
    asked = Violation(fact("zeros"), fact("zeros"), mistake="stateful", asked=(delta, case))
    assert primed(Keeping, asked) == ("scaled",)
    assert primed(RightWhenPrimed, asked) == ()
    unknown = with_methods("ReLULayer", {"delta": lambda self, Y, delta_next: np.cos(7 * Y) + 9})["ReLULayer"]
    assert primed(unknown, asked) == ()
    assert primed(Keeping, asked.but(asked=None)) == ()
    explainer = explaining.Explainer(context({**plain.CLASSES, "ReLULayer": Keeping}))
    check = Check("relu.delta.values", "ReLULayer.delta", "", partial(promises.check_values, message=delta))
    found, _ = explainer.explained(check, asked, {})
    assert (found.mistake, found.mistakes) == ("stateful", ("stateful", "scaled"))


def by_behaviour(message: Message, asks: Known, **fields: Any) -> tuple[str | None, str | None, list[Any]]:
    """The word, the hint, and what is estimated."""
    (case, *_) = cases(message, 1)
    violation = off(1.0, 1.5, asked=(message, case)).but(**fields)
    found, hint = explaining.Explainer(asks)._by_behaviour(message.subject, violation)
    return found.mistake, hint, [each["constants"] for each in found.came.more if each.kind == "estimated"]


def test_a_method_tells_by_its_behaviour_what_it_does() -> None:
    """Keeps its first numbers, takes difference quotients, or hides what is no number; a check's own word stays."""
    linear = OF["LinearLayer.forward"]
    remembering = {**plain.CLASSES, "LinearLayer": Remembering}
    assert by_behaviour(linear, context(remembering)) == ("stateful", behaviour.hint_for("stateful"), [])
    assert by_behaviour(linear, context(remembering), mistake="leaky") == ("leaky", None, [])
    assert by_behaviour(linear, context()) == (None, None, [])
    largest = {"due": entry(math.inf), "came": entry(float(np.finfo(float).max)), "asked": None}
    assert by_behaviour(linear, context(), **largest) == ("nan-hidden", behaviour.hint_for("nan-hidden"), [])
    assert by_behaviour(linear, context(), **largest, mistake="leaky") == ("leaky", None, [])
    assert by_behaviour(linear, context(remembering), came=fact("zeros")) == (None, None, [])
    delta = OF["LossCrossEntropyForSoftmaxLogits.delta"]
    log = [Response(each.answer, each.bounds, delta, each.case) for each in quotients(delta, 1e-5)]
    hint = behaviour.hint_for("finite-differences")
    steps = {"due": entry(1.0), "came": entry(1.00001)}
    assert by_behaviour(delta, context(log=log), **steps) == ("finite-differences", hint, [(("step", "1e-05"),)])
    assert by_behaviour(delta, context(log=log), **steps, mistake="leaky") == ("leaky", None, [])


def test_the_first_source_that_knows_a_mistake_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told apart by further calls where there are several, or all answers say nothing; it is kept for other checks."""
    a, b, c = mistake("a", "sign"), mistake("b", "scaled"), mistake("c", "wrong-function")
    asked: list[tuple[str, Any]] = []
    sources: list[list[Mistake]] = []

    def candidates(subject: str, asks: Context, violation: Violation, before: Any, together: int) -> Any:
        asked.append(("together", together))
        yield from sources

    def told_apart(given: list[Mistake], asks: Context) -> list[Mistake]:
        assert isinstance(asks, Context)
        asked.append(("apart", given))
        return given[1:]

    monkeypatch.setattr(explaining, "_candidates", candidates)
    monkeypatch.setattr(explaining, "explanations", lambda given, *_: list(given))
    monkeypatch.setattr(explaining, "told_apart", told_apart)
    monkeypatch.setattr(explaining, "seen_elsewhere", lambda given, *_: asked.append(("elsewhere", given)) or given[:1])

    def known(*given: list[Mistake], kept: Any = (), log: Any = (), call: Any = (RELU, CASE)) -> Mistake | None:
        asked.clear()
        sources[:] = given
        explainer = explaining.Explainer(context())
        kept = dict.fromkeys(kept, lambda _: None)
        found = explainer._known("R.f", lambda _: None, context(log=log), off(1, 2, asked=call), kept)
        assert found in (None, *explainer._found.get("R.f", {}))
        return found

    assert known([], [a], [b]) is a
    assert asked == [("together", 2)]
    assert known([a, b]) is b
    assert asked == [("together", 2), ("apart", [a, b])]
    assert known([a, b, c]) is b  # that the formula is another one says less
    assert known([], [], kept=["x.types"]) is None
    assert asked == [("together", 2)]
    assert known([a], kept=["x.types", "x.values"]) is a
    assert asked == [("together", 1)]
    nothing = judged([[math.nan]])
    assert known([a, b], log=nothing) is a
    assert asked == [("together", 2), ("elsewhere", [a, b])]
    assert known([a], log=nothing, call=None) is None
    assert asked == []
    explainer = explaining.Explainer(context())
    explainer._found["R.f"] = {c: None}
    sources[:] = [[a]]
    explainer._known("R.f", lambda _: None, context(), off(1, 2), {})
    assert explainer._found == {"R.f": {c: None, a: None}}
