"""What each check of the lab says of a wrong class by itself: what was due, what came, and the word for the mistake.

The checks are run alone, without what an examination adds: no known mistake is compared, and no other check goes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab.context import Context
from reference.lab.mistakes import plain
from reference.numerics.oracles import ball
from tests.comparing import needs_flint
from tests.examining import CHECKS, with_methods

pytestmark = [needs_flint, pytest.mark.catalogue]

Linear, ReLU, Softmax = plain.LinearLayer, plain.ReLULayer, plain.SoftmaxLayer
Entropy, MLP = plain.CLASSES["LossCrossEntropy"], plain.MLP
GRAD, UPDATE = Linear.grad, Linear.update_params


def raising(error: Exception) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise error

    return method


def answering(value: Any) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: value


def after(method: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: change(method(self, *args, **kwargs))


def linear(**methods: Any) -> dict[str, type]:
    return with_methods("LinearLayer", methods)


def of(cls: str, **methods: Any) -> dict[str, type]:
    return with_methods(cls, methods)


def initialised(
    W: Callable[[Any], Any], b: Callable[[Any], Any] = lambda self: np.ones(self.n_units)
) -> dict[str, type]:
    def initialize(self: Any) -> None:
        self.W, self.b = W(self), b(self)

    return linear(initialize=initialize)


def drawn(self: Any, factor: float = 2.0) -> Any:
    return self.rng.normal(0, np.sqrt(factor / self.n_inputs), (self.n_inputs, self.n_units))


class OtherOrder(Linear):
    """Takes the sizes in the other order, where they have no names."""

    def __init__(self, n_units: Any, n_inputs: Any, rng: Any, name: Any) -> None:
        super().__init__(n_inputs, n_units, rng, name)


class Hidden(Linear):
    """Keeps its weights under another name."""

    def initialize(self) -> None:
        super().initialize()
        self.weights = self.__dict__.pop("W")


class Momentum(Linear):
    """Adds half of the step before."""

    def update_params(self, dtheta: Any) -> None:
        last = getattr(self, "last", [0.0, 0.0])
        self.W, self.b = (old + d + 0.5 * e for old, d, e in zip((self.W, self.b), dtheta, last, strict=True))
        self.last = [np.array(each) for each in dtheta]


def changing(self: Any, dtheta: Any) -> None:
    UPDATE(self, dtheta)
    dtheta[0] *= 2


def widened(self: Any, dtheta: Any) -> None:
    self.W, self.b = np.concatenate([self.W, self.W]), self.b + dtheta[1]


def counted(method: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    """Answers rightly once, and otherwise from the second call of an object on."""

    def answer(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls = getattr(self, "calls", 0) + 1
        found = method(self, *args, **kwargs)
        return found if self.calls == 1 else change(found)

    return answer


def by_the_second_row(self: Any, X: Any) -> Any:
    return np.maximum(X, 0) + (X[0] > 0) * np.arange(len(X))[:, None]


def in_place(self: Any, X: Any) -> Any:
    return np.maximum(X, 0, out=X)


def of_c_order(self: Any, X: Any) -> Any:
    return np.maximum(X, 0) * (1 if X.flags.c_contiguous else 2)


def zero_or_half(self: Any, Y: Any, delta_next: Any) -> Any:
    return delta_next * np.where(Y > 0, 1, 0.5 * (Y == 0))


kept: list[Any] = [0]


def in_turns(self: Any, X: Any) -> Any:
    kept[0] += 1
    return np.maximum(X, 0) + kept[0] % 2


def on_the_row_before(self: Any, X: Any) -> Any:
    return np.maximum(X, 0) + np.roll(X, 1, axis=0)


#: A check, classes of which one is wrong, and the kinds of what was due and of what came, with the word.
ROWS: dict[str, tuple[str, dict[str, type], str, str, str | None]] = {
    "cannot be made": (
        "linear.made", {**plain.CLASSES, "LinearLayer": type("Linear", (), {})}, "makes", "raised", "crash",
    ),
    "made with sizes in the other order": (
        "linear.made.by_position", {**plain.CLASSES, "LinearLayer": OtherOrder}, "shape of", "shape", "argument-order",
    ),
    "parameters that are not told": (
        "linear.has_params", linear(has_params=answering(None)), "has_params", "value", "not-implemented",
    ),
    "parameters that are told in words": (
        "relu.has_params", of("ReLULayer", has_params=answering("no")), "has_params", "value", "wrong-type",
    ),
    "parameters that are told wrongly": (
        "softmax.has_params", of("SoftmaxLayer", has_params=answering(True)), "has_params", "value", None,
    ),
    "parameters of which nobody knows": (
        "linear.has_params", linear(has_params=raising(NotImplementedError())), "has_params", "raised",
        "not-implemented",
    ),
    "weights that lie transposed": (
        "linear.initialize.values", initialised(lambda self: drawn(self).T), "shape of", "shape", "wrong-shape",
    ),
    "weights that are too small": (
        "linear.initialize.values", initialised(lambda self: drawn(self, 1.0)), "law", "drawn", "initialisation",
    ),
    "weights of another generator": (
        "linear.initialize.values",
        initialised(lambda self: np.random.RandomState(1).normal(0, np.sqrt(2 / 40), (40, 50))), "law", "drawn",
        "initialisation",
    ),
    "weights in single precision": (
        "linear.initialize.values", initialised(lambda self: drawn(self).astype(np.float32)), "dtype of", "dtype",
        "initialisation",
    ),
    "biases of zero": (
        "linear.initialize.values", initialised(drawn, lambda self: np.zeros(self.n_units)), "law", "drawn",
        "initialisation",
    ),
    "weights under another name": (
        "linear.initialize.values", {**plain.CLASSES, "LinearLayer": Hidden}, "attribute", "raised", "missing",
    ),
    "weights that are no numbers": (
        "linear.initialize.values", initialised(lambda self: "many"), "attribute", "type", "missing",
    ),
    "a step that raises": (
        "linear.update_params.adds", linear(update_params=raising(ValueError("no"))), "adds", "raised", "crash",
    ),
    "a step that is changed": (
        "linear.update_params.adds", linear(update_params=changing), "unchanged", "changed", "mutates-input",
    ),
    "a step in the other direction": (
        "linear.update_params.adds", linear(update_params=lambda self, dtheta: UPDATE(self, [-d for d in dtheta])),
        "sum", "entry", None,
    ),
    "a step that makes more weights": (
        "linear.update_params.adds", linear(update_params=widened), "shape after update", "shape from", None,
    ),
    "steps with momentum": (
        "linear.update_params.adds_again", {**plain.CLASSES, "LinearLayer": Momentum}, "sum", "entry", "stateful",
    ),
    "one array for two": (
        "linear.grad.types", linear(grad=after(GRAD, lambda found: found[0])), "parts", "type", "wrong-type",
    ),
    "a list for an array": (
        "relu.forward.types", of("ReLULayer", forward=after(ReLU.forward, list)), "array", "type", "wrong-type",
    ),
    "a number for an array": (
        "relu.forward.types", of("ReLULayer", forward=after(ReLU.forward, lambda Y: float(Y.sum()))), "array", "type",
        "wrong-shape",
    ),
    "a row for a column": (
        "cross_entropy.forward.types", of("LossCrossEntropy", forward=after(Entropy.forward, np.ravel)), "shape of",
        "shape", "wrong-shape",
    ),
    "an answer in single precision": (
        "softmax.forward.types", of("SoftmaxLayer", forward=after(Softmax.forward, np.float32)), "dtype of", "dtype",
        "wrong-dtype",
    ),
    "an input that is changed": (
        "relu.forward.inputs_unchanged", of("ReLULayer", forward=in_place), "unchanged", "changed", "mutates-input",
    ),
    "an answer that is its input": (
        "relu.forward.result_is_its_own", of("ReLULayer", forward=lambda self, X: X), "memory of its own", "view",
        "aliases-input",
    ),
    "an answer that depends on the layout": (
        "relu.forward.layouts", of("ReLULayer", forward=of_c_order), "entry", "entry", "layout-dependent",
    ),
    "an answer that alternates": (
        "relu.forward.repeatable", of("ReLULayer", forward=in_turns), "same twice", "different answers",
        "nondeterministic",
    ),
    "an answer that is right once": (
        "relu.forward.no_state", of("ReLULayer", forward=counted(ReLU.forward, lambda Y: 2 * Y)), "entry", "entry",
        "stateful",
    ),
    "an answer after which it raises": (
        "relu.forward.no_state", of("ReLULayer", forward=counted(ReLU.forward, lambda Y: Y @ Y @ Y)),
        "answers after any call", "raised", "stateful",
    ),
    "an answer that depends on the row before": (
        "relu.forward.samples_independent", of("ReLULayer", forward=on_the_row_before), "sample alone", "number",
        "sample-dependence",
    ),
    "an answer that depends on the order": (
        "relu.forward.order_of_samples", of("ReLULayer", forward=by_the_second_row), "entry", "entry",
        "sample-dependence",
    ),
    "a square of the cotangent": (
        "linear.delta.linear_in_delta_next", linear(delta=lambda self, Y, delta_next: delta_next**2 @ self.W.T),
        "entry", "entry", None,
    ),
    "a sum for a mean": (
        "linear.grad.averaged", linear(grad=lambda self, X, delta_next: [X.T @ delta_next, delta_next.sum(axis=0)]),
        "entry", "entry", None,
    ),
    "a half at the kink": (
        "relu.delta.kink", of("ReLULayer", delta=zero_or_half), "entry or zero", "entry", "mask-wrong-threshold",
    ),
    "a NaN that is hidden": (
        "relu.forward.nan_is_not_hidden", of("ReLULayer", forward=lambda self, X: np.where(X > 0, X, 0)), "NaN kept",
        "row", None,
    ),
    "arguments in the other order": (
        "relu.delta.by_position",
        of("ReLULayer", delta=lambda self, delta_next, Y: delta_next * (Y > 0)), "entry", "entry", "argument-order",
    ),
    "arguments by their names alone": (
        "relu.delta.by_position", of("ReLULayer", delta=lambda self, *, Y, delta_next: delta_next * (Y > 0)),
        "takes by position", "raised", "argument-order",
    ),
    "an answer that is right once in long use": (
        "relu.forward.long_use", of("ReLULayer", forward=counted(ReLU.forward, lambda Y: 2 * Y)), "entry", "entry",
        "stateful",
    ),
    "a long use after which it raises": (
        "relu.forward.long_use", of("ReLULayer", forward=counted(ReLU.forward, lambda Y: Y @ Y @ Y)),
        "answers after any call", "raised", "stateful",
    ),
    "a network whose probabilities are too large": (
        "mlp.propagate.values", of("MLP", propagate=after(MLP.propagate, lambda Y: 2 * Y)), "entry", "entry", None,
    ),
    "losses in a row": (
        "mlp.evaluate.types", of("MLP", evaluate=after(MLP.evaluate, np.ravel)), "shape", "shape", "wrong-shape",
    ),
    "losses in words": (
        "mlp.evaluate.types", of("MLP", evaluate=answering("low")), "array of shape", "type", "wrong-type",
    ),
    "a gradient of zeros": (
        "mlp.gradient.of_own_loss",
        of("MLP", gradient=after(MLP.gradient, lambda G: {key: [0 * part for part in G[key]] for key in G})),
        "gradient not zero", "zeros", None,
    ),
    "a gradient of twice the loss": (
        "mlp.gradient.of_own_loss",
        of("MLP", gradient=after(MLP.gradient, lambda G: {key: [2 * part for part in G[key]] for key in G})),
        "slope of evaluate", "number", None,
    ),
    "an infinite loss of a certain prediction": (
        "cross_entropy.forward.certain_predictions",
        of("LossCrossEntropy", forward=after(Entropy.forward, lambda Y: Y / 0.0)),
        "entry", "entry", "log-of-zero",
    ),
    "a finite loss of an impossible target": (
        "cross_entropy.forward.impossible_target",
        of("LossCrossEntropy", forward=after(Entropy.forward, lambda Y: np.minimum(Y, 99.0))), "entry", "entry", None,
    ),
}  # fmt: skip


def violation_of(check: str, classes: dict[str, type]) -> Violation | None:
    context = Context(InProcess(classes, {}), ball, "x", effort="quick")
    try:
        CHECKS[check].run(context)
    except Violation as violation:
        return violation
    return None


@pytest.mark.parametrize("which", ROWS)
def test_a_check_says_what_was_due_and_what_came(which: str) -> None:
    """Its facts are of the kinds that the mistake asks for, with its word."""
    check, classes, due, came, word = ROWS[which]
    found = violation_of(check, classes)
    assert found is not None
    assert (found.due.kind, found.came.kind, found.mistake) == (due, came, word)
    if check == "mlp.propagate.values":
        assert "propagate(X)" in found.due["what"]
    if check.endswith("long_use"):
        (call,) = [each for each in found.due.more if each.kind == "at call"]
        assert call["number"] == 2


@pytest.mark.parametrize("check", sorted({row[0] for row in ROWS.values()}))
def test_a_check_says_nothing_of_right_classes(check: str) -> None:
    """The textbook's classes keep its promise."""
    assert violation_of(check, plain.CLASSES) is None


class Masked(ReLU):
    """Its delta takes what forward has kept, times a factor."""

    factor = 1.0

    def forward(self, X: Any) -> Any:
        self.mask = X > 0
        return X * self.mask

    def delta(self, Y: Any, delta_next: Any) -> Any:
        return self.factor * delta_next * self.mask


class Doubled(Masked):
    """The same, and wrong after forward, too."""

    factor = 2.0


class Scaled(ReLU):
    """Its delta is wrong in another way after forward."""

    scale = 3.0

    def forward(self, X: Any) -> Any:
        self.scale = 2.0
        return super().forward(X)

    def delta(self, Y: Any, delta_next: Any) -> Any:
        return self.scale * super().delta(Y, delta_next)


class Random(ReLU):
    """Its delta is wrong in another way each time."""

    def delta(self, Y: Any, delta_next: Any) -> Any:
        kept[0] += 1
        return kept[0] * super().delta(Y, delta_next)


@pytest.mark.parametrize(
    ("check", "wrong", "told", "word"),
    [
        ("relu.delta.answers", Masked, "right after forward", "stateful"),
        ("relu.delta.answers", Doubled, "answers after forward", "stateful"),
        ("relu.delta.values", Scaled, "other after forward", "stateful"),
        ("relu.delta.values", Random, None, None),
    ],
)
def test_a_method_that_needs_another_call_before_is_stateful(
    check: str, wrong: type, told: str | None, word: str | None
) -> None:
    """It is told how the answer differs right after ``forward``; what differs from call to call is another matter."""
    found = violation_of(check, {**plain.CLASSES, "ReLULayer": wrong})
    assert found is not None
    assert found.mistake == word
    kinds = {"right after forward", "answers after forward", "other after forward"}
    assert [each.kind for each in found.came.more if each.kind in kinds] == ([] if told is None else [told])
    assert ("from arguments alone" in {each.kind for each in found.due.more}) == (told is not None)
