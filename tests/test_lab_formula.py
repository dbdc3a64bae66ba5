"""`<method>.formula`: in exact arithmetic a method of the lab computes its definition, or it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bp
import reference
from reference.execution.in_process import InProcess
from reference.findings import Finding
from reference.lab.check import LabExamination, checks_of
from reference.lab.contract import MESSAGES, Message
from reference.numerics import ball_tolerances
from reference.numerics.oracles import ball
from tests import honest
from tests.comparing import needs_flint
from tests.honest import CODINGS, PLAIN, layer_class, linear_class, loss_class
from tests.honest.linear import LINEAR
from tests.wording import assert_well_said

pytestmark = [pytest.mark.catalogue, needs_flint]

Array = Any
_COMPOUND = "LossCrossEntropyForSoftmaxLogits"
#: Honest codings, and ours, by method: what cannot be followed, with a word of the operation that is named.
NOT_FOLLOWED = {
    ("LossCrossEntropy.forward", "binary logarithm"): "float()",
    ("SoftmaxLayer.forward", "bp"): "ndarray.view",
    ("SoftmaxLayer.delta", "bp"): "frexp",
    (f"{_COMPOUND}.forward", "bp"): "ndarray.view",
    (f"{_COMPOUND}.delta", "bp"): "ndarray.view",
}


def exp(X: Array) -> Array:
    return np.exp(X - X.max(axis=1, keepdims=True))


def total(X: Array) -> Array:
    return exp(X).sum(axis=1, keepdims=True)


def softmax(X: Array) -> Array:
    return exp(X) / total(X)


def softmax_delta(Y: Array, d: Array) -> Array:
    return Y * (d - (Y * d).sum(axis=1, keepdims=True))


def loss(P: Array, T: Array) -> Array:
    return -np.log((P * T).sum(axis=1, keepdims=True))


def summed(P: Array, T: Array) -> Array:
    return -(T * np.log(P)).sum(axis=1, keepdims=True)


def logits_loss(X: Array, T: Array, added: float = 0) -> Array:
    return (T * (np.log(total(X) + added) - (X - X.max(axis=1, keepdims=True)))).sum(axis=1, keepdims=True)


_FORWARD, _DELTA, _GRAD = LINEAR["matrix products"]


def relu(forward: Any = lambda X: np.maximum(X, 0), delta: Any = lambda Y, d: d * (Y > 0)) -> type:
    return layer_class("ReLULayer", forward, delta)


def softmax_layer(forward: Any = softmax, delta: Any = softmax_delta) -> type:
    return layer_class("SoftmaxLayer", forward, delta)


def cross_entropy(forward: Any = loss, delta: Any = lambda P, T: -T / P) -> type:
    return loss_class("LossCrossEntropy", forward, delta)


def compound(forward: Any = logits_loss, delta: Any = lambda X, T: softmax(X) - T) -> type:
    return loss_class(_COMPOUND, forward, delta)


#: Wrong formulas by method: the class, the mistake (None: it need not be named), and its constant.
WRONG: dict[str, tuple[str, type, str | None, str | None]] = {
    "a term": ("linear.forward", linear_class(lambda X, W, b: X @ W + b + 1e-20, _DELTA, _GRAD), "extra-term", "1e-20"),
    "a constant": ("linear.delta", linear_class(_FORWARD, lambda W, d: d @ W.T * 0.999999999999999, _GRAD), None, None),
    "a mask of delta_next": (
        "linear.delta",
        linear_class(_FORWARD, lambda W, d: np.where(np.abs(d) > 1e-20, d, 0) @ W.T, _GRAD),
        None,
        None,
    ),
    "1 / (N + epsilon)": (
        "linear.grad",
        linear_class(_FORWARD, _DELTA, lambda X, d: [X.T @ d / (len(X) + 1e-12), d.sum(axis=0) / (len(X) + 1e-12)]),
        "epsilon-added",
        "1e-12",
    ),
    "a mask of X": ("relu.forward", relu(lambda X: np.where(X > 1e-20, X, 0)), "mask-wrong-threshold", None),
    "a tiny leak": ("relu.forward", relu(lambda X: np.maximum(X, 1e-30 * X)), "leaky", "1e-30"),
    "a mask of Y": ("relu.delta", relu(delta=lambda Y, d: d * (Y > 1e-20)), "mask-wrong-threshold", None),
    "S + epsilon": ("softmax.forward", softmax_layer(lambda X: exp(X) / (total(X) + 1e-20)), "epsilon-added", "1e-20"),
    "p clipped": ("softmax.forward", softmax_layer(lambda X: np.clip(softmax(X), 1e-300, 1)), "clipped", "1e-300"),
    "p as 0": (
        "softmax.forward",
        softmax_layer(lambda X: np.where(softmax(X) > 1e-20, softmax(X), 0)),
        "clipped",
        None,
    ),
    "a constant behind softmax": (
        "softmax.delta",
        softmax_layer(delta=lambda Y, d: softmax_delta(Y, d) * 0.999999999999999),
        None,
        None,
    ),
    "a mask of probabilities": (
        "softmax.delta",
        softmax_layer(delta=lambda Y, d: softmax_delta(Y * (Y > 1e-20), d)),
        "clipped",
        None,
    ),
    "log(p + epsilon)": (
        "cross_entropy.forward",
        cross_entropy(lambda P, T: summed(P + 1e-15, T)),
        "epsilon-added",
        "1e-15",
    ),
    "log of p clipped": (
        "cross_entropy.forward",
        cross_entropy(lambda P, T: summed(np.clip(P, 1e-300, 1), T)),
        "clipped",
        "1e-300",
    ),
    "p + epsilon": (
        "cross_entropy.delta",
        cross_entropy(delta=lambda P, T: -T / (P + 1e-20)),
        "epsilon-added",
        "1e-20",
    ),
    "max(p, limit)": (
        "cross_entropy.delta",
        cross_entropy(delta=lambda P, T: -T / np.maximum(P, 1e-300)),
        "clipped",
        "1e-300",
    ),
    "log(S + epsilon)": (
        "logits.forward",
        compound(lambda X, T: logits_loss(X, T, 1e-20)),
        "epsilon-added",
        "1e-20",
    ),
    "S + epsilon below the slope": (
        "logits.delta",
        compound(delta=lambda X, T: exp(X) / (total(X) + 1e-18) - T),
        "epsilon-added",
        "1e-18",
    ),
}
#: Of these no other check sees anything: the rest of the method's promises are kept.
SEEN_BY_NOTHING_ELSE = (
    "S + epsilon",
    "a constant behind softmax",
    "max(p, limit)",
    "log(S + epsilon)",
    "S + epsilon below the slope",
)
#: Right formulas of which doubles lose digits: the method and its class.
LOSES: dict[str, tuple[str, type]] = {
    "exp of large logits": (
        "softmax.forward",
        softmax_layer(lambda X: np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)),
    ),
    "the largest double where exp overflows": (
        "logits.forward",
        compound(lambda X, T: np.nan_to_num(np.log(np.exp(X).sum(1)[:, None]) - (X * T).sum(1)[:, None])),
    ),
    "the logarithm of softmax": ("logits.forward", compound(lambda X, T: -np.log((softmax(X) * T).sum(1)[:, None]))),
    "the probability of the others": (
        "cross_entropy.forward",
        cross_entropy(honest.UNLIKELY_TARGETS_LOSE_DIGITS["through the others alone"][0]),
    ),
}
#: Guards that no double reaches: the method and its class.
GUARDS: dict[str, tuple[str, type]] = {
    "smallest double": ("cross_entropy.forward", cross_entropy(lambda P, T: summed(np.maximum(P, 5e-324), T))),
    "smallest normal": (
        "softmax.forward",
        softmax_layer(lambda X: np.maximum(softmax(X), np.finfo(X.dtype).smallest_normal)),
    ),
    "far below the maximum": (
        "softmax.forward",
        softmax_layer(lambda X: (E := np.exp(np.clip(X - X.max(1)[:, None], -745, 0))) / E.sum(1)[:, None]),
    ),
}
_METHODS = {f"{message.key}.{message.method}": message for message in MESSAGES}
each_wrong = pytest.mark.parametrize("name", WRONG)


def findings_of(method: str, coding: type, only: str = "formula") -> dict[str, Finding]:
    """What is found of a method, by promise."""
    found = reference.check({**PLAIN, _METHODS[method].cls: coding}, only=f"{method}.{only}", effort="quick")
    assert_well_said(found)
    return {each.check.removeprefix(f"{method}."): each for each in found}


def formula_of(method: str, coding: type) -> Finding:
    return findings_of(method, coding)["formula"]


def _codings() -> list[tuple[Message, str, type]]:
    return [
        (message, name, coding)
        for message in MESSAGES
        for name, coding in {**CODINGS[message.cls], "bp": getattr(bp, message.cls)}.items()
    ]


@pytest.mark.parametrize("method", _METHODS)
def test_right_codings_pass_or_are_told_not_to_be_followed(method: str) -> None:
    """Nothing correct is failed, however it is coded; what is skipped has an operation without a form on balls."""
    for message, name, coding in _codings():
        if message is not _METHODS[method]:
            continue
        found = formula_of(method, coding)
        operation = NOT_FOLLOWED.get((message.subject, name))
        if operation is None:
            assert (found.status, found.note, found.oracle) == ("passed", None, ball.NAME), (name, found)
        else:
            assert found.status == "skipped"
            assert found.came is not None
            assert found.came.kind == "formula not followed"
            assert operation in found.came["reason"]


@each_wrong
def test_wrong_formulas_fail_far_below_rounding(name: str) -> None:
    """Whatever is added, clipped or left out, and it is named with its constant where that is certain."""
    method, coding, mistake, constant = WRONG[name]
    found = formula_of(method, coding)
    assert found.status == "failed"
    assert mistake in {None, found.mistake}
    assert found.came is not None
    told = [each["constants"][0][1] for each in found.came.more if each.kind == "estimated"]
    assert constant in {None, *told}


@pytest.mark.parametrize("name", SEEN_BY_NOTHING_ELSE)
def test_no_other_check_sees_what_no_double_shows(name: str) -> None:
    """The values and all else that doubles show are right."""
    method, coding, _, _ = WRONG[name]
    found = findings_of(method, coding, "*")
    assert [each for each in found if found[each].status == "failed"] == ["formula"]


@pytest.mark.parametrize("name", LOSES)
def test_a_right_formula_that_loses_digits_is_told_as_that(name: str) -> None:
    """It is not failed by this check: the note says how many digits are lost, and where."""
    found = formula_of(*LOSES[name])
    assert found.status == "passed"
    assert found.note


@pytest.mark.parametrize("name", GUARDS)
def test_guards_that_are_never_reached_are_granted(name: str) -> None:
    """A limit below every normal double is no other formula."""
    assert formula_of(*GUARDS[name]).status == "passed"


def test_gross_mistakes_have_the_name_that_their_values_have() -> None:
    """What is wrong in doubles is wrong in exact arithmetic too, and one mistake has one name."""
    found = findings_of("linear.grad", linear_class(_FORWARD, _DELTA, lambda X, d: [X.T @ d, d.sum(axis=0)]), "*")
    assert found["values"].mistake == found["formula"].mistake == "not-averaged"
    assert found["values"].hint == found["formula"].hint


def test_a_finding_does_not_depend_on_which_check_is_asked_first() -> None:
    """The formula alone, or after all others."""
    coding = linear_class(_FORWARD, _DELTA, lambda X, d: [X.T @ d, d.sum(axis=0)])
    classes = {**PLAIN, "LinearLayer": coding}
    found = []
    for first in ("linear.grad.formula", "linear.grad.values"):
        examination = LabExamination(InProcess(classes, {}), "x", only="linear.*", effort="quick", classes=classes)
        examination.finding(first)
        found.append(examination.finding("linear.grad.formula"))
    assert found[0] == found[1]
    assert found[0].oracle == ball.NAME


class Keeping:
    """Keeps an array, and computes with numbers that it has written into it."""

    def __init__(self, name: str) -> None:
        self.name, self.kept = name, np.zeros((20, 20))

    def forward(self, X: Array) -> Array:
        self.kept[: len(X), : X.shape[1]] = X
        return np.maximum(self.kept[: len(X), : X.shape[1]], 0)

    def delta(self, Y: Array, delta_next: Array) -> Array:
        return delta_next * (Y > 0)


def test_objects_are_followed_with_the_arrays_that_they_keep() -> None:
    """A copy of the object writes into arrays of its own."""
    assert formula_of("relu.forward", Keeping).status == "passed"


def test_a_loop_that_only_rounding_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """On balls a number that is multiplied by a small one never becomes 0."""
    monkeypatch.setattr(ball_tolerances, "MOST_COMPARISONS", 3000)

    def forward(X: Array) -> Array:
        left = np.ones((5, 50))
        while (left != 0).any():
            left = left * 1e-20
        return np.maximum(X, 0)

    found = formula_of("relu.forward", relu(forward))
    assert found.status == "skipped"
    assert found.came is not None
    assert "comparisons" in found.came["reason"]


def test_another_computation_for_other_types_is_not_judged_by_them() -> None:
    """Code that tells arrays of balls apart means what it answers on doubles."""
    found = formula_of("relu.forward", relu(lambda X: np.maximum(X, 0) if type(X) is np.ndarray else X))
    assert found.status == "passed"


def test_formulas_are_judged_where_code_runs_in_this_process_alone() -> None:
    """A sandbox holds no differentiator, and its checks are the others, in the same order."""
    inside = [each.id for each in checks_of("*", 3, in_process=True)]
    outside = [each.id for each in checks_of("*", 3)]
    assert [each for each in inside if each not in outside] == [f"{method}.formula" for method in _METHODS]
    assert [each for each in inside if each in outside] == outside
    examination = LabExamination(InProcess(PLAIN, {}), "x", effort="quick")
    assert [each.id for each in examination.checks] == outside
    first = {each.id for each in checks_of("*", 1, in_process=True)}
    assert not any(each.startswith("logits.") for each in first)


def test_without_flint_formulas_are_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """As all that needs an oracle."""
    monkeypatch.setattr(ball, "available", lambda: "python-flint is not installed")
    found = formula_of("relu.forward", relu())
    assert found.status == "skipped"
    assert found.actual == "python-flint is not installed"
