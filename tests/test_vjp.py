"""`check_vjp` names what is wrong with wrong functions, blames nobody else, and never guesses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.engine import Effort
from reference.findings import Finding
from reference.gradients import check_vjp
from reference.numerics.oracles import ball
from tests.comparing import needs_torch
from tests.gradients import (
    LABELS,
    POSITIVE,
    cross_entropy,
    cross_entropy_vjp,
    drawn,
    softmax,
    softmax_vjp,
    tanh_vjp,
)  # fmt: skip
from tests.wording import assert_well_said, failed

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X = drawn(3, 4)


def finding(findings: list[Finding], check: str) -> Finding:
    assert_well_said(findings)
    return next(each for each in findings if each.check == check)


def changed(change: Callable[[Array, Array], Array]) -> Callable[..., tuple[Array]]:
    """The gradient of softmax with a mistake: ``change`` gets it and the input."""
    return lambda c, x: (change(softmax_vjp(c, x)[0], x),)


def one_entry(gradient: Array, _: Array) -> Array:
    gradient[1, 2] *= 1 + 1e-6
    return gradient


WRONG_GRADIENTS: dict[str, tuple[Callable[..., Any], str | None]] = {
    "one entry by 1e-6": (changed(one_entry), "entry-wrong"),
    "zeros": (changed(lambda g, x: 0 * g), "term-missing"),
    "sign": (changed(lambda g, x: -g), "sign"),
    "factor": (changed(lambda g, x: g / len(x)), "scaled"),
    "diagonal only": (lambda c, x: (c * softmax(x) * (1 - softmax(x)),), "jacobian-diagonal-only"),
    "single precision inside": (changed(lambda g, x: g.astype(np.float32).astype(float)), "low-precision"),
    "zero where sure": (changed(lambda g, x: g * (softmax(x).max(axis=1, keepdims=True) < 0.99)), None),
    "wrong beyond 20 alone": (changed(lambda g, x: np.where(np.abs(x) > 20, 2 * g, g)), None),
}


@pytest.mark.parametrize("with_spec", [False, True])
@pytest.mark.parametrize("name", WRONG_GRADIENTS)
def test_wrong_gradients_fail_on_their_values_alone(name: str, with_spec: bool) -> None:
    """Small, rare or plausible as they may be; a factor is named where it explains everything."""
    vjp, mistake = WRONG_GRADIENTS[name]
    effort: Effort = "normal" if name in {"zero where sure", "wrong beyond 20 alone"} else "quick"
    found = check_vjp(softmax, vjp, X, spec=softmax if with_spec else None, effort=effort)
    due = "vjp.gradient[0].values" if with_spec else "vjp.gradient[0].consistent"
    # Rounding to single precision, and a gradient that is, are not linear in the cotangent either.
    besides = {"vjp.gradient.linear", "vjp.gradient.formula"}
    assert {check: m for check, m in failed(found).items() if check not in besides} == {due: mistake}
    assert "vjp.gradient.linear" not in failed(found) or name == "single precision inside"


@needs_torch
def test_epsilon_in_a_denominator() -> None:
    """Seen if the specification has none, and named entry by entry."""

    def vjp(c: Array, x: Array) -> tuple[Array]:
        return (c / (x + 1e-8),)

    found = check_vjp(np.log, vjp, np.array([0.5, 2.0]), spec=lambda x: x.log(), domain=[POSITIVE])
    by_formula = {} if ball.available() else {"vjp.gradient.formula": None}
    assert failed(found) == {"vjp.gradient[0].values": "other-epsilon", **by_formula}


def test_wrong_forward_does_not_blame_the_vjp() -> None:
    """Wrong values, a wrong shape, an exception: with a specification all are the forward pass's alone."""
    wrong: dict[str, tuple[Callable[..., Any], str | None]] = {
        "vjp.forward.values": (lambda x: softmax(x) * (1 + 1e-9), None),
        "vjp.forward.types": (lambda x: softmax(x).ravel(), "wrong-shape"),
        "vjp.forward.answers": (lambda x: x @ x, "crash"),
    }
    for check, (forward, mistake) in wrong.items():
        found = check_vjp(forward, softmax_vjp, X, spec=softmax, effort="quick")
        assert failed(found) == {check: mistake}, [str(each) for each in found]


def test_naive_softmax_overflows_against_a_specification() -> None:
    """An input at which the specification is finite is inside the contract."""

    def naive(x: Array) -> Array:
        return np.asarray(np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))

    assert failed(check_vjp(naive, softmax_vjp, X, spec=softmax)) == {"vjp.forward.values": None}
    assert not failed(check_vjp(naive, softmax_vjp, X))


_SHARED = np.zeros(X.shape)


def keeps_answer(c: Array, x: Array) -> tuple[Array]:
    _SHARED[...] = softmax_vjp(c, x)[0]
    return (_SHARED,)


class Remembers:
    """A vjp that relies on the last forward pass."""

    def forward(self, x: Array) -> Array:
        self.p = softmax(x)
        return self.p.copy()

    def vjp(self, c: Array, x: Array) -> tuple[Array]:
        return (self.p * (c - (c * self.p).sum(axis=1, keepdims=True)),)


def writes_into_cotangent(c: Array, x: Array) -> tuple[Array]:
    c *= 1 - np.tanh(x) ** 2
    return (c.copy(),)


def reads_memory(c: Array, x: Array) -> tuple[Array]:
    return (c * (1 - np.tanh(np.ravel(x, order="K").reshape(x.shape)) ** 2),)


_RNG = np.random.RandomState(0)


def noisy(c: Array, x: Array) -> tuple[Array]:
    return (c * (1 - np.tanh(x) ** 2) + 1e-13 * _RNG.randn(*x.shape),)


def clipped(c: Array, x: Array) -> tuple[Array]:
    return (np.clip(c, -1e6, 1e6) * (1 - np.tanh(x) ** 2),)


def writes_into_argument(x: Array) -> Array:
    x -= 0
    x[...] = np.tanh(x)
    return x.copy()


REMEMBERS = Remembers()
WRONG_FORMS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, str | None]]] = {
    "remembers": (REMEMBERS.forward, REMEMBERS.vjp, {"vjp.gradient.no_state": "stateful"}),
    "keeps its answer": (softmax, keeps_answer, {"vjp.gradient.result_is_its_own": "stateful"}),
    "view of the cotangent": (lambda x: x * 1, lambda c, x: (c,), {"vjp.gradient.result_is_its_own": "aliases-input"}),
    "view of the argument": (lambda x: x[:], lambda c, x: (c * 1,), {"vjp.forward.result_is_its_own": "aliases-input"}),
    "writes into the cotangent": (
        np.tanh,
        writes_into_cotangent,
        {"vjp.gradient.inputs_unchanged": "mutates-input", "vjp.gradient.layouts": "mutates-input"},
    ),
    "writes into the argument": (
        writes_into_argument,
        tanh_vjp,
        {"vjp.forward.inputs_unchanged": "mutates-input", "vjp.forward.layouts": "mutates-input"},
    ),
    "reads memory": (np.tanh, reads_memory, {"vjp.gradient.layouts": "layout-dependent"}),
    "noisy": (np.tanh, noisy, {"vjp.gradient.no_state": "nondeterministic"}),
    "clipped": (np.tanh, clipped, {"vjp.gradient.linear": None}),
    "bare array": (np.tanh, lambda c, x: tanh_vjp(c, x)[0], {"vjp.gradient.answers": "wrong-type"}),
    "two gradients": (np.tanh, lambda c, x: tanh_vjp(c, x) * 2, {"vjp.gradient.answers": "wrong-type"}),
    "no gradient": (np.tanh, lambda c, x: (None,), {"vjp.gradient.answers": "wrong-type"}),
    "transposed": (np.tanh, lambda c, x: (tanh_vjp(c, x)[0].T,), {"vjp.gradient[0].types": "transposed"}),
    "raises": (np.tanh, lambda c, x: (c @ x,), {"vjp.gradient.answers": "crash"}),
    "exits": (np.tanh, lambda c, x: sys.exit(3), {"vjp.gradient.answers": "exits"}),
    "list": (lambda x: np.tanh(x).tolist(), tanh_vjp, {"vjp.forward.answers": "wrong-type"}),
    "integers": (lambda x: np.sign(x).astype(int), lambda c, x: (0 * c,), {"vjp.forward.types": "wrong-dtype"}),
}


@pytest.mark.parametrize("name", WRONG_FORMS)
def test_wrong_forms_fail_on_their_check_alone(name: str) -> None:
    """Each promise beside the values has a mistake that breaks it and no other."""
    forward, vjp, due = WRONG_FORMS[name]
    found = failed(check_vjp(forward, vjp, X, effort="quick", owns=True))
    # What is not the same twice is no derivative either.
    values = {"vjp.gradient[0].consistent", "vjp.gradient.formula"} if name == "noisy" else set()
    assert {check: mistake for check, mistake in found.items() if check not in values} == due
    if name.startswith("view"):
        assert not failed(check_vjp(forward, vjp, X, effort="quick"))


def test_two_gradients_may_not_share_memory() -> None:
    """Whoever accumulates in one of them changes the other."""
    found = check_vjp(np.add, lambda c, x, y: (c * 1,) * 1 + (c * 1,), X, X, effort="quick")
    assert not failed(found)

    def shared(c: Array, x: Array, y: Array) -> tuple[Array, Array]:
        same = c * 1
        return same, same

    found = check_vjp(np.add, shared, X, X, effort="quick", owns=True)
    assert failed(found) == {"vjp.gradient.result_is_its_own": None}
    assert not failed(check_vjp(np.add, shared, X, X, effort="quick"))


@pytest.mark.parametrize("with_spec", [False, pytest.param(True, marks=needs_torch)])
@pytest.mark.parametrize(("slope", "legal"), [(0.0, True), (0.5, True), (1.0, True), (2.0, False), (-0.25, False)])
def test_kinks(with_spec: bool, slope: float, legal: bool) -> None:
    """At a kink every number between the two slopes is an answer, and no other."""

    def vjp(c: Array, x: Array) -> tuple[Array]:
        return (c * np.where(x == 0, slope, x > 0),)

    spec = (lambda x: x.clamp(min=0)) if with_spec else None
    found = check_vjp(lambda x: np.maximum(x, 0), vjp, np.array([[0.0, 1.0]]), spec=spec)
    assert bool(failed(found)) is not legal
    if not legal:
        assert "0" in str(finding(found, "vjp.gradient.ties").expected)


def test_whole_numbers_have_no_gradient() -> None:
    """They are passed on as given; None and zeros are right, anything else is not."""
    args = (drawn(4, 3), LABELS)
    assert not failed(check_vjp(cross_entropy, cross_entropy_vjp, *args, effort="quick"))
    zeros = check_vjp(cross_entropy, lambda c, x, t: (cross_entropy_vjp(c, x, t)[0], 0 * t), *args, effort="quick")
    assert not failed(zeros)
    ones = check_vjp(cross_entropy, lambda c, x, t: (cross_entropy_vjp(c, x, t)[0], t * 1), *args, effort="quick")
    assert failed(ones) == {"vjp.gradient[1].types": None}


def test_what_cannot_be_judged_is_skipped() -> None:
    """Never passed."""
    nowhere = check_vjp(lambda x: x * np.nan, lambda c, x: (c,), X, effort="quick")
    assert finding(nowhere, "vjp.gradient[0].consistent").status == "skipped"
    assert finding(nowhere, "vjp.gradient.linear").status == "skipped"
    outside = check_vjp(np.tanh, tanh_vjp, X, spec=lambda x: x * np.nan, effort="quick")
    assert finding(outside, "vjp.forward.values").status == finding(outside, "vjp.gradient[0].values").status
    assert finding(outside, "vjp.gradient[0].values").status == "skipped"
    wild = check_vjp(lambda x: np.tanh(1e9 * x), lambda c, x: (c * 5,), np.zeros(2), effort="quick")
    assert finding(wild, "vjp.gradient[0].consistent").status == "failed"  # where it is flat
    assert finding(check_vjp(np.tanh, tanh_vjp, X), "vjp.forward.values").status == "skipped"


def test_exceptions_at_drawn_inputs() -> None:
    """Where most of what is drawn is refused, inputs near the given ones are judged, and that is said."""

    def root(x: Array) -> Array:
        if (x <= 0).any():
            raise ValueError("x must be positive")
        return np.sqrt(x)

    def vjp(c: Array, x: Array) -> tuple[Array]:
        return (c / (2 * root(x)),)

    args = (np.array([0.5, 2.0]),)
    for legal in ({"domain": [POSITIVE]}, {"legal": lambda x: (x > 0).all()}, {"draw": lambda rng: rng.rand(2) + 0.1}):
        found = check_vjp(root, vjp, *args, **legal)  # type: ignore[arg-type]
        assert not failed(found)
        assert finding(found, "vjp.gradient[0].consistent").status == "passed"
    near = finding(check_vjp(root, vjp, *args), "vjp.gradient[0].consistent")
    assert near.status == "passed"
    assert "near" in str(near.note)
    assert "vjp.gradient[0].consistent" in failed(check_vjp(root, lambda c, x: (c / root(x),), *args))
    refused = finding(check_vjp(root, vjp, -args[0]), "vjp.forward.answers")
    assert (refused.status, refused.mistake) == ("failed", "crash")
    assert refused.actual == "ValueError: x must be positive"

    def strict(x: Array) -> Array:
        with np.errstate(over="raise"):
            return np.exp(x)

    assert not failed(check_vjp(strict, lambda c, x: (c * np.exp(x),), X))


def test_a_failure_can_be_understood() -> None:
    """What was promised, expected and got, where, for which input, and what to think about."""

    def sign_lost(c: Array, x: Array) -> tuple[Array]:
        return (-c * np.cos(x),)

    found = check_vjp(np.sin, sign_lost, np.array([[0.0, 1.0]]))
    wrong = finding(found, "vjp.gradient[0].consistent")
    assert wrong.subject == "sign_lost"
    assert (wrong.status, wrong.mistake) == ("failed", "sign")
    assert wrong.hint
    assert wrong.index is not None
    assert str(wrong.expected).startswith(f"gradient[0]{list(wrong.index)} = ")
    assert str(wrong.actual).startswith(f"gradient[0]{list(wrong.index)} = ")
    assert "-1" in str(wrong.actual).partition(";")[2]  # the factor
    assert wrong.counterexample["args[0]"] == [[0.0, 1.0]]
    assert wrong.bound is not None
    assert 0 < wrong.bound < 1e-9


def test_what_depends_on_a_failure_is_skipped() -> None:
    """With the checks that did not pass; what an array without its tuple is like is told by its shape."""
    found = check_vjp(np.sin, lambda c, x: c * np.cos(x), X)
    assert "an array of shape" in str(finding(found, "vjp.gradient.answers").actual)
    later = finding(found, "vjp.gradient.linear")
    assert later.status == "skipped"
    assert set(later.depends_on) == {"vjp.gradient.answers", "vjp.gradient[0].types", "vjp.gradient.no_state"}
    assert all(name in str(later.actual) for name in later.depends_on)
