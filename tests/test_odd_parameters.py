"""Linear layers whose parameters are odd: the method that made them so is told, by the right word, and no other is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference.lab.mistakes import plain
from tests.comparing import needs_flint
from tests.examining import CHECKS, concerned, examined, with_methods
from tests.wording import assert_well_said

pytestmark = [needs_flint, pytest.mark.outside, pytest.mark.catalogue]

Method = Callable[..., Any]
Draw = Callable[[Any, int, int], Any]


def drawn(rng: Any, d: int, u: int) -> Any:
    return rng.normal(0, np.sqrt(2 / d), (d, u))


def with_parameters(W: Draw = drawn, b: Callable[[int], Any] = np.ones) -> Method:
    def initialize(self: Any) -> None:
        self.W, self.b = W(self.rng, self.n_inputs, self.n_units), b(self.n_units)

    return initialize


def right_at_first(again: Method) -> Method:
    """Right for the constructor; a second call is another matter."""

    def initialize(self: Any) -> None:
        if hasattr(self, "W"):
            again(self)
        else:
            plain.LinearLayer.initialize(self)

    return initialize


def raising(kind: type[BaseException], *words: str) -> Method:
    def method(self: Any, dtheta: Any = None) -> Any:
        raise kind(*words)

    return method


#: ``initialize``, the check that fails and the word; how W and b are drawn is a mistake with a word of its own.
INITIALIZE: dict[str, tuple[Any, str, str]] = {
    "W of a generator of its own": (
        with_parameters(lambda rng, d, u: drawn(np.random.RandomState(123), d, u)), "initialize.values",
        "initialisation",
    ),
    "W too narrow": (
        with_parameters(lambda rng, d, u: rng.normal(0, 2 / d, (d, u))), "initialize.values", "initialisation",
    ),
    "W transposed": (with_parameters(lambda rng, d, u: drawn(rng, d, u).T), "initialize.values", "wrong-shape"),
    "W of infinities": (
        with_parameters(lambda rng, d, u: np.full((d, u), np.inf)), "initialize.values", "initialisation",
    ),
    "W of not a number": (
        with_parameters(lambda rng, d, u: np.full((d, u), np.nan)), "initialize.values", "initialisation",
    ),
    "W of nothing": (with_parameters(lambda *given: None), "initialize.values", "missing"),
    "W rounded to single precision": (
        with_parameters(lambda *given: drawn(*given).astype(np.float32)), "initialize.values", "initialisation",
    ),
    "b of zeros": (with_parameters(b=np.zeros), "initialize.values", "initialisation"),
    "b of a row": (with_parameters(b=lambda u: np.ones((1, u))), "initialize.values", "wrong-shape"),
    "b of a text": (with_parameters(b=lambda u: "ones"), "initialize.values", "missing"),
    "again other numbers": (
        right_at_first(with_parameters(lambda *given: drawn(*given) + 1)), "initialize.values", "initialisation",
    ),
    "again without b": (right_at_first(with_parameters(b=np.zeros)), "initialize.values", "initialisation"),
    "raises": (raising(ValueError, "no"), "made", "crash"),
    "is no method": (None, "made", "crash"),
    "leaves when it is called again": (right_at_first(raising(SystemExit)), "initialize.values", "exits"),
    "is not implemented when it is called again": (
        right_at_first(raising(NotImplementedError)), "initialize.values", "not-implemented",
    ),
}  # fmt: skip


def subtracts(self: Any, dtheta: Any) -> None:
    self.W, self.b = self.W - dtheta[0], self.b - dtheta[1]


def forgets_b(self: Any, dtheta: Any) -> None:
    self.W = self.W + dtheta[0]


def sets(self: Any, dtheta: Any) -> None:
    self.W, self.b = dtheta


def widens(self: Any, dtheta: Any) -> None:
    self.W, self.b = self.W + dtheta[0], self.b[None] + dtheta[1]


def drops(self: Any, dtheta: Any) -> None:
    self.W = None


def scales_what_it_is_given(self: Any, dtheta: Any) -> None:
    dtheta[0] *= 1.5
    plain.LinearLayer.update_params(self, dtheta)


def asks_for_two(self: Any, dW: Any, db: Any) -> None:
    self.W, self.b = self.W + dW, self.b + db


#: ``update_params``, and the word that its check gives.
UPDATE: dict[str, tuple[Method, str | None]] = {
    "subtracts": (subtracts, "update-sign"),
    "forgets b": (forgets_b, "bias-missing"),
    "sets": (sets, "update-replaces"),
    "widens": (widens, None),
    "drops": (drops, "missing"),
    "scales what it is given": (scales_what_it_is_given, "mutates-input"),
    "asks for two": (asks_for_two, "crash"),
    "raises": (raising(ValueError, "no"), "crash"),
    "is not implemented": (raising(NotImplementedError), "not-implemented"),
    "leaves": (raising(SystemExit), "exits"),
}
#: ``has_params``, and the word that its check gives.
HAS_PARAMS: dict[str, tuple[Method, str]] = {
    "a text": (lambda self: "yes", "wrong-type"),
    "one": (lambda self: 1, "wrong-type"),
    "nothing": (lambda self: None, "not-implemented"),
    "false": (lambda self: False, "layer-skipped"),
    "raises": (raising(ValueError, "no"), "crash"),
    "is not implemented": (raising(NotImplementedError), "not-implemented"),
}


def assert_told(method: str, odd: Any, check: str, word: str | None) -> None:
    """Of the layer's checks that one fails, with that word, and nothing about another method does."""
    classes = with_methods("LinearLayer", {method: odd})
    others = [name for name in CHECKS if name.startswith("linear.") and name.endswith(("answers", "adds", "params"))]
    findings = examined(classes, dict.fromkeys([*concerned(f"LinearLayer.{method}"), *others]))
    assert_well_said(findings)
    failed = [each for each in findings if each.status == "failed"]
    assert [(each.check, each.subject, each.mistake) for each in failed] == [
        (f"linear.{check}", f"LinearLayer.{method}", word)
    ]


@pytest.mark.parametrize("name", INITIALIZE)
def test_odd_initialisations_are_told(name: str) -> None:
    """In the constructor, or when ``initialize`` is called again."""
    assert_told("initialize", *INITIALIZE[name])


@pytest.mark.parametrize("name", UPDATE)
def test_odd_updates_are_told(name: str) -> None:
    """Wrong numbers, wrong shapes, and none at all."""
    odd, word = UPDATE[name]
    assert_told("update_params", odd, "update_params.adds", word)


@pytest.mark.parametrize("name", HAS_PARAMS)
def test_odd_ways_to_have_parameters_are_told(name: str) -> None:
    """Whatever is not True."""
    odd, word = HAS_PARAMS[name]
    assert_told("has_params", odd, "has_params", word)


def test_a_truth_of_numpy_is_as_good_as_one_of_python() -> None:
    """Who compares arrays has one."""
    classes = with_methods("LinearLayer", {"has_params": lambda self: np.bool_(True)})
    assert examined(classes, ["linear.has_params"])[-1].status == "passed"
