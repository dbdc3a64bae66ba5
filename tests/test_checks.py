"""For each check: a right implementation that passes it, and a wrong one, named after it, that fails it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab.checks import net
from reference.lab.context import Context
from reference.lab.contract import MESSAGES
from reference.lab.mistakes import plain
from reference.lab.network import SHAPES, NetCase, case_of
from reference.numerics.oracles import ball
from tests.comparing import needs_flint
from tests.examining import CHECKS, SOUND, concerned, examined, with_methods
from tests.saboteurs import NOWHERE, SABOTEURS, SEEN_BEFORE, WORDS
from tests.strategies import NIGHTLY
from tests.wording import assert_well_said

pytestmark = [needs_flint, pytest.mark.catalogue]

OF_MESSAGES = [
    name
    for name, check in CHECKS.items()
    if check.subject in {message.subject for message in MESSAGES} and name.rpartition(".")[2] in SABOTEURS
]
OF_CLASSES = [name for name in CHECKS if name.endswith((".made", ".has_params", ".made.by_position"))]
#: Of each promise that has a word of its own the last check: its saboteur is compared with the known mistakes.
EXPLAINED = {promise: name for name in OF_MESSAGES if (promise := name.rpartition(".")[2]) in WORDS}.values()
#: Checks that fail for somebody here; for the others there are known mistakes.
SABOTAGED = frozenset(OF_MESSAGES) | frozenset(OF_CLASSES)


def test_right_implementation_passes() -> None:
    """The textbook's layers, which all wrong ones are made from, keep every promise."""
    assert {each.check: str(each) for each in examined(plain.CLASSES, CHECKS) if each.status != "passed"} == {}


@pytest.mark.parametrize("name", OF_MESSAGES)
def test_broken_promise_is_told_of_the_right_method(name: str) -> None:
    """Its check fails with its word, at the latest; the method is blamed, and no other method is.

    Where a check has a word of its own the finding keeps it, though it is compared with the known mistakes.
    """
    check, promise = CHECKS[name], name.rpartition(".")[2]
    cls, _, method = check.subject.partition(".")
    classes = with_methods(cls, {method: SABOTEURS[promise](getattr(plain.CLASSES[cls], method))})
    names = concerned(check.subject)
    # Beyond ordinary questions nobody else asks the method.
    others = [each for each in names if CHECKS[each].subject != check.subject and promise in SOUND]
    findings = examined(classes, [*names[: names.index(name) + 1], *others], explained=NIGHTLY or name in EXPLAINED)
    assert_well_said(findings, classes)
    failed = {each.check: each for each in findings if each.status == "failed"}
    assert {each.subject for each in failed.values()} == {check.subject}
    # What the check sees itself comes first; else it may be said that these saboteurs give a thousandth more.
    assert failed[name].mistake in ({WORDS[promise]} if promise in WORDS else {None, "scaled", "epsilon-added"})
    assert (failed[name].index is None) == (promise in NOWHERE)
    assert next(iter(failed)).rpartition(".")[2] in {promise, *SEEN_BEFORE.get(promise, ())}


def test_views_of_arguments_are_told() -> None:
    """Whoever changes such an answer changes the argument."""
    classes = with_methods("SoftmaxLayer", {"forward": lambda self, X: X[:]})
    finding = examined(classes, ["softmax.forward.result_is_its_own"])[-1]
    assert_well_said([finding], classes)
    assert (finding.status, finding.mistake) == ("failed", "aliases-input")


def test_second_calls_that_raise_are_told() -> None:
    """An object answers as often as it is asked."""

    class Once(plain.ReLULayer):
        def forward(self, X: Any) -> Any:
            if hasattr(self, "mask"):
                raise RuntimeError("there is a mask already")
            self.mask = X > 0
            return X * self.mask

    finding = examined({**plain.CLASSES, "ReLULayer": Once}, ["relu.forward.no_state"])[-1]
    assert_well_said([finding])
    assert (finding.status, finding.mistake) == ("failed", "stateful")
    assert "there is a mask already" in str(finding.actual)


def test_gradients_are_judged_beside_a_kink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units at 1e-4, which longer steps would take beyond 0: a right gradient passes there, and a wrong one fails."""

    def near_a_kink(context: Context, shape: Any, *, compound: bool) -> NetCase:
        question = case_of(context, shape, compound=compound)
        W, b, *others = question.theta
        units = question.X @ W + b
        return replace(question, theta=(W, b - units[0] + 1e-4, *others))

    def tripled(self: Any, X: Any, T: Any) -> Any:
        return {name: [3 * part for part in parts] for name, parts in plain.MLP.gradient(self, X, T).items()}

    monkeypatch.setattr(net, "case_of", near_a_kink)
    net.check_gradient_of_own_loss(Context(InProcess(plain.CLASSES, {}), ball, "x", effort="quick"))
    wrong = with_methods("MLP", {"gradient": tripled})
    with pytest.raises(Violation):
        net.check_gradient_of_own_loss(Context(InProcess(wrong, {}), ball, "x", effort="quick"))


@given(seed=st.integers(0, 2**31), compound=st.booleans(), t=st.floats(-1, 1))
def test_kink_free_is_free_of_kinks(seed: int, compound: bool, t: float) -> None:
    """Within it every unit keeps its sign; far beyond it some unit does not, so that it is not needlessly small."""
    question = case_of(Context(InProcess({}, {}), ball, "x", seed=seed), SHAPES[-2], compound=compound)
    rng = np.random.RandomState(seed % 2**32)
    directions = [rng.randn(*part.shape) for part in question.theta]
    within = question.kink_free(directions)

    def signs(t: float) -> list[bool]:
        X, found = question.X, []
        moved = [part + t * d for part, d in zip(question.theta, directions, strict=True)]
        for W, b in zip(moved[:-2:2], moved[1:-2:2], strict=True):
            X = X @ W + b
            found += (X > 0).ravel().tolist()
            X = np.maximum(X, 0)
        return found

    assert signs(t * within) == signs(0)
    assert any(signs(times * within) != signs(0) for side in (-1, 1) for times in side * 2.0 ** np.arange(12))


def after_a_step(factor: float) -> dict[str, type]:
    """Networks whose gradient, once they were trained, is off by so many times its bound."""

    class Trained(plain.MLP):
        def gradient(self, X: Any, T: Any) -> Any:
            linear = [layer for layer in self.layers if layer.has_params()]
            theta = tuple(array.copy() for layer in linear for array in (layer.W, layer.b))
            if all(np.array_equal(now, before) for now, before in zip(theta, self.first(theta), strict=True)):
                return super().gradient(X, T)
            question = NetCase((), theta, X, T, compound=bool(self.output_layers))
            parts = [
                due.value + factor * bound
                for due, bound in zip(question.true_gradient(ball), question.bounds.gradient, strict=True)
            ]
            return {layer.name: list(pair) for layer, *pair in zip(linear, parts[::2], parts[1::2], strict=True)}

        def first(self, theta: Any) -> Any:
            return vars(self).setdefault("before", theta)

    return {**plain.CLASSES, "MLP": Trained}


def test_after_a_step_twice_the_bound_is_granted() -> None:
    """Once for the gradient and once for the parameters, which were rounded in the step; and no more than that."""
    net.check_training_step(Context(InProcess(after_a_step(1.95), {}), ball, "x", effort="quick"))
    with pytest.raises(Violation):
        net.check_training_step(Context(InProcess(after_a_step(2.5), {}), ball, "x", effort="quick"))


def test_slopes_of_losses_that_are_no_numbers_are_told() -> None:
    """By the word for an answer of a wrong type, as the losses themselves."""
    wrong = with_methods("MLP", {"evaluate": lambda self, X, T: "a few losses"})
    with pytest.raises(Violation) as caught:
        net.check_gradient_of_own_loss(Context(InProcess(wrong, {}), ball, "x", effort="quick"))
    assert caught.value.mistake == "wrong-type"


class Unmade:
    """Cannot be made with the contract's arguments."""

    def __init__(self, size: int) -> None:
        self.size = size


def by_name_alone(cls: type) -> type:
    """A class whose constructor takes its arguments by their names alone."""

    def made(self: Any, **given: Any) -> None:
        cls.__init__(self, **given)

    return type(cls.__name__, (cls,), {"__init__": made})


@pytest.mark.parametrize("name", OF_CLASSES)
def test_broken_class_is_told(name: str) -> None:
    """A class that cannot be made, and one that says the wrong thing of its parameters."""
    cls = CHECKS[name].subject.partition(".")[0]
    due = cls == "LinearLayer"
    classes = {
        "made": {**plain.CLASSES, cls: Unmade},
        "by_position": {**plain.CLASSES, cls: by_name_alone(plain.CLASSES[cls])},
        "has_params": with_methods(cls, {"has_params": lambda self: not due}),
    }[name.rpartition(".")[2]]
    finding = examined(classes, [name])[-1]
    assert_well_said([finding])
    assert (finding.check, finding.subject, finding.status) == (name, CHECKS[name].subject, "failed")
    # Whoever leaves out the linear layer in training skips it; for the others there is no word.
    words = {"made": "crash", "by_position": "argument-order", "has_params": "layer-skipped" if due else None}
    assert finding.mistake == words[name.rpartition(".")[2]]
