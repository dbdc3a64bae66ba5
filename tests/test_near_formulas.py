"""What is said of a formula that is wrong by less than doubles show: the word and the constant, or nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.findings import NotApplicable, Violation
from reference.lab import near_formulas
from reference.lab.cases import Case
from reference.lab.checks import formula
from reference.lab.context import Context
from reference.lab.contract import MESSAGES, Message
from reference.lab.mistakes import plain
from reference.numerics import ball_tolerances
from reference.numerics.oracles import ball as flint_balls
from tests.comparing import needs_flint
from tests.examining import with_methods

balls = pytest.importorskip("reference.numerics.balls")
exact = pytest.importorskip("reference.lab.exact")

pytestmark = [needs_flint, pytest.mark.catalogue]

OF = {f"{message.key}.{message.method}": message for message in MESSAGES}
#: Rows with probabilities from nearly 1 to 1e-304.
LEVELS = np.array([0.0, 20.0, 50.0, 200.0, 500.0, 700.0])
X = -LEVELS[(np.arange(6)[:, None] + np.arange(6)) % 6] - 0.1 * np.arange(36).reshape(6, 6) % 1
T = np.eye(6)
SIGNED = np.array([[1e-30, -1e-30, 2.0], [-3e-10, 5e-21, -0.5]])


def exp(X: Any) -> Any:
    return np.exp(X - X.max(axis=1, keepdims=True))


def total(X: Any) -> Any:
    return exp(X).sum(axis=1, keepdims=True)


def softmax(X: Any) -> Any:
    return exp(X) / total(X)


def _linear() -> dict[str, Case]:
    given, delta_next = np.array([[1.0, 2.0, -0.5], [0.25, 3.0, 1.5]]), np.array([[1.5, -0.75], [2.5, 1.0]])
    parameters = {"W": np.array([[0.5, -1.0], [2.0, 1.0], [4.0, 0.125]]), "b": np.array([1.0, -2.0])}
    outputs = given @ parameters["W"] + parameters["b"]
    return {
        "linear.forward": Case({"X": given}, parameters),
        "linear.delta": Case({"Y": outputs, "delta_next": delta_next}, parameters, given),
        "linear.grad": Case({"X": given, "delta_next": delta_next}, parameters),
    }


CASES = _linear() | {
    "relu.forward": Case({"X": SIGNED}),
    "relu.delta": Case(
        {"Y": np.maximum(SIGNED, 0), "delta_next": np.array([[1.5, -2.0, 3.0], [0.5, 1.0, -4.0]])}, {}, SIGNED
    ),
    "softmax.forward": Case({"X": X}),
    "softmax.delta": Case({"Y": plain.softmax(X), "delta_next": np.cos(np.arange(36.0)).reshape(6, 6)}, {}, X),
    "cross_entropy.forward": Case({"X": plain.softmax(X), "T": T}),
    "cross_entropy.delta": Case({"X": plain.softmax(X), "T": T}),
    "logits.forward": Case({"X": X, "T": T}),
    "logits.delta": Case({"X": X, "T": T}),
}


def named(method: str, coding: Any) -> tuple[str | None, dict[str, float]]:
    """The word, and the constant by its name."""
    message = OF[method]
    case = CASES[method]
    classes = with_methods(message.cls, {message.method: coding})
    found = exact.difference(classes, message, case)
    assert found is not None
    word, constants = near_formulas.named(message, case, found)
    return word, {name: float(constant) for name, constant in constants}


def summed(P: Any, T: Any) -> Any:
    return -(T * np.log(P)).sum(axis=1, keepdims=True)


def logits_loss(X: Any, T: Any, added: float) -> Any:
    return (T * (np.log(total(X) + added) - (X - X.max(axis=1, keepdims=True)))).sum(axis=1, keepdims=True)


def grad(X: Any, d: Any, n: Any) -> Any:
    return [X.T @ d / n, d.sum(axis=0) / n]


E, L = 2e-9, 1e-60
EPSILON, LIMIT = ("epsilon-added", {"epsilon": E}), ("clipped", {"limit": 1e-10})
ROWS: dict[str, tuple[str, Any, tuple[str | None, dict[str, float]]]] = {
    "a term": ("linear.forward", lambda self, X: X @ self.W + self.b + 3e-20, ("extra-term", {"term": 3e-20})),
    "a negative term": ("linear.forward", lambda self, X: X @ self.W + self.b - 3e-20,
                        ("extra-term", {"term": -3e-20})),
    "a factor": (
        "linear.forward", lambda self, X: (X @ self.W + self.b) * (1 + 1 / 4194304),
        ("scaled", {"factor less 1": 2.0**-22}),
    ),
    "a large factor": ("linear.forward", lambda self, X: (X @ self.W + self.b) * 1.25, (None, {})),
    "N + epsilon": (
        "linear.grad", lambda self, X, delta_next: grad(X, delta_next, len(X) + 1e-12),
        ("epsilon-added", {"epsilon": 1e-12}),
    ),
    "N of one part": (
        "linear.grad",
        lambda self, X, delta_next: [grad(X, delta_next, len(X))[0], grad(X, delta_next, len(X) + 1e-12)[1]],
        (None, {}),
    ),
    "a mask of X": ("relu.forward", lambda self, X: np.where(X > 1e-22, X, 0),
                    ("mask-wrong-threshold", {"threshold": 1e-25})),
    "a leak": ("relu.forward", lambda self, X: np.maximum(X, 1e-30 * X), ("leaky", {"slope": 1e-30})),
    "a mask and a leak": (
        "relu.forward", lambda self, X: np.where(X > 1e-22, X, np.where(X < 0, 0.25 * X, 0)), (None, {}),
    ),
    "a large leak": ("relu.forward", lambda self, X: np.maximum(X, 0.01 * X), (None, {})),
    "a leak of delta": ("relu.delta", lambda self, Y, delta_next: np.where(Y > 0, 1, 1e-30) * delta_next,
                        ("leaky", {"slope": 1e-30})),
    "a mask of Y": ("relu.delta", lambda self, Y, delta_next: delta_next * (Y > 1e-22),
                    ("mask-wrong-threshold", {"threshold": 1e-25})),
    "p + epsilon": ("softmax.forward", lambda self, X: softmax(X) + E, EPSILON),
    "S + epsilon": ("softmax.forward", lambda self, X: exp(X) / (total(X) + E), EPSILON),
    "p clipped": ("softmax.forward", lambda self, X: np.maximum(softmax(X), 1e-10), LIMIT),
    "p as 0": ("softmax.forward", lambda self, X: np.where(softmax(X) > L, softmax(X), 0),
               ("clipped", {"smallest probability": 1e-60})),
    "log(p + epsilon)": ("cross_entropy.forward", lambda self, X, T: summed(X + E, T), EPSILON),
    "log of p clipped": ("cross_entropy.forward", lambda self, X, T: summed(np.maximum(X, 1e-10), T),
                         ("clipped", {"limit": 1e-10})),
    "1 / (p + epsilon)": ("cross_entropy.delta", lambda self, X, T: -T / (X + E), EPSILON),
    "1 / max(p, limit)": ("cross_entropy.delta", lambda self, X, T: -T / np.maximum(X, 1e-10),
                          ("clipped", {"limit": 1e-10})),
    "log(S + epsilon)": ("logits.forward", lambda self, X, T: logits_loss(X, T, E), EPSILON),
    "log(p clipped)": ("logits.delta", lambda self, X, T: np.maximum(softmax(X), 1e-10) - T, LIMIT),
    "S + epsilon below": ("logits.delta", lambda self, X, T: exp(X) / (total(X) + E) - T, EPSILON),
    "p + epsilon below": ("logits.delta", lambda self, X, T: softmax(X) + E - T, EPSILON),
    "a mask of probabilities": (
        "softmax.delta", lambda self, Y, delta_next: (P := Y * (Y > L)) * (delta_next - (P * delta_next).sum(
            axis=1, keepdims=True)), ("clipped", {"smallest probability": 1e-60}),
    ),
    "another function": ("softmax.forward", lambda self, X: softmax(X) ** 2, (None, {})),
}  # fmt: skip


@pytest.mark.parametrize("which", ROWS)
def test_the_word_and_the_constant(which: str) -> None:
    """Where all entries tell the same one; a limit or threshold as far as they tell it."""
    method, coding, (word, constants) = ROWS[which]
    found, told = named(method, coding)
    assert (found, set(told)) == (word, set(constants))
    for name, constant in constants.items():
        if name in {"threshold", "smallest probability"}:
            assert abs(np.log10(told[name]) - np.log10(constant)) < 40
        else:
            assert told[name] == pytest.approx(constant, rel=1e-9)


def ball(x: float, room: float = 0.0) -> Any:
    """What encloses numbers around x."""
    return SimpleNamespace(lower=lambda: x - room, upper=lambda: x + room)


@pytest.mark.parametrize(
    ("constants", "due"),
    [
        ([1e-9], 1e-9), ([1e-9, 1e-9 * (1 + 1e-10)], 1e-9), ([1e-9, 2e-9], None), ([], None), ([-1e-9, -1e-9], -1e-9),
        ([1e-9, -1e-9], None), ([0.0], None), ([2 * ball_tolerances.CONSTANT_SMALL], None),
        ([-2 * ball_tolerances.CONSTANT_SMALL], None), ([ball_tolerances.CONSTANT_SMALL / 2], 0.0005),
        ([ball(1e-9, 4e-13)], 1e-9), ([ball(1e-9, 6e-13)], None), ([ball(1e-9, 1e-10), 1e-9], 1e-9),
        ([ball(1.2345e-9, 1e-13), ball(1.2346e-9, 1e-13)], 1.2345e-9), ([np.nan], None), ([np.inf], None),
        ([1.0e-9, 1.0e-9 * (1 + 1.8e-9)], 1e-9), ([1.0e-9, 1.0e-9 * (1 + 2.2e-9)], None),
        ([-1.0e-9, -1.0e-9 * (1 + 1.8e-9)], -1e-9), ([-1.0e-9, -1.0e-9 * (1 + 2.2e-9)], None),
    ],
)  # fmt: skip
def test_one_constant_that_all_entries_tell(constants: list[Any], due: float | None) -> None:
    """Small, of one sign, and known well enough; as short as it can be."""
    found = near_formulas._common(constants)
    assert found == (None if due is None else pytest.approx(due, rel=1e-4))


def test_what_is_taken_for_0_lies_below_the_rest() -> None:
    """Nothing is told where nothing is left, or where as large a number is left."""

    def entry(came: float) -> Any:
        return near_formulas._Entry((0,), flint_balls.Balls.of(np.ones(1)).matrix.entries()[0],
                                    flint_balls.Balls.of(np.array([came])).matrix.entries()[0])  # fmt: skip

    gone, left = entry(0.0), entry(1.0)
    sizes = {id(gone): 1e-20, id(left): 1e-3}

    def size(each: Any) -> float:
        return sizes[id(each)]

    (limit,) = near_formulas._zeroed([gone, left], size)
    assert 1e-20 <= limit <= 1e-3
    assert near_formulas._zeroed([gone], size) == []
    assert near_formulas._zeroed([left], size) == []
    sizes[id(gone)] = 1e-3
    assert near_formulas._zeroed([gone, left], size) == []


def test_one_entry_may_be_asked_for_alone() -> None:
    """Then it is what the difference is of, however far others are off."""
    classes = with_methods("ReLULayer", {"forward": lambda self, X: np.where(X == 2, 9, np.where(X == -0.5, 1, 0) + X)})
    for index in ((0, 2), (1, 2)):
        found = exact.difference(classes, OF["relu.forward"], Case({"X": SIGNED}), (0, index))
        assert found is not None
        assert found.index == index
    assert found.came == 0.5


def wrong(method: str, coding: Any) -> Violation:
    message: Message = OF[method]
    classes = with_methods(message.cls, {message.method: coding})
    context = Context(InProcess(classes, {}), flint_balls, "handed_in", effort="quick", classes=classes)
    with pytest.raises(Violation) as caught:
        formula.check_formula(context, message)
    assert context.oracles == [flint_balls.NAME]
    return caught.value


def test_without_balls_no_formula_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told why."""
    monkeypatch.setattr(flint_balls, "available", lambda: "flint is absent")
    context = Context(InProcess(plain.CLASSES, {}), flint_balls, "x", classes=plain.CLASSES)
    with pytest.raises(NotApplicable) as caught:
        formula.check_formula(context, OF["relu.forward"])
    assert (caught.value.reason.kind, caught.value.reason["said"]) == ("no oracle", "flint is absent")
    assert context.oracles == []


def test_a_wrong_formula_is_told_by_its_entry() -> None:
    """What is due and what the code means there, by how much it is off, the constant, and the case."""
    found = wrong("linear.forward", lambda self, X: X @ self.W + self.b + 3e-20)
    assert (found.due.kind, found.came.kind, found.mistake) == ("by formula", "entry", "extra-term")
    assert (found.due["what"], found.came["what"], found.due["index"]) == ("Y", "Y", found.index)
    (off, told) = found.came.more
    assert (off.kind, told.kind) == ("definition off by", "estimated")
    assert 0 < off["part"] < 1e-15
    assert told["constants"] == (("term", "3e-20"),)
    assert found.asked[0] is OF["linear.forward"]
    assert found.repro is not None
    far = wrong("linear.forward", lambda self, X: -5 * (X @ self.W + self.b))
    assert [each.kind for each in far.came.more] == ["definition off"]
    assert far.came["value"] == pytest.approx(-5 * far.due["value"])


@pytest.mark.parametrize(
    ("answer", "said"), [(lambda d: [d, d, d], "list"), (lambda d: d, "BallArray"), (lambda d: {"dW": d}, "dict")]
)
def test_an_answer_of_other_parts_is_not_followed(answer: Any, said: str) -> None:
    """It is said what it is."""
    classes = with_methods("LinearLayer", {"grad": lambda self, X, delta_next: answer(delta_next)})
    with pytest.raises(balls.Refused, match=f"^the answer is of type {said}$"):
        exact.difference(classes, OF["linear.grad"], CASES["linear.grad"])


@pytest.mark.parametrize(
    ("part", "said"), [("x", "is of type str"), (np.ones(3), r"has the shape \(3,\) in place of \(3, 2\)")]
)
def test_a_part_that_is_no_array_of_the_due_shape_is_not_followed(part: Any, said: str) -> None:
    """It is said that it is the answer's, and what it is instead."""
    classes = with_methods("LinearLayer", {"grad": lambda self, X, delta_next: [part, delta_next.sum(axis=0)]})
    with pytest.raises(balls.Refused, match=f"^the answer {said}$"):
        exact.difference(classes, OF["linear.grad"], CASES["linear.grad"])
