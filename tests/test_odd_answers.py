"""Answers that are none: each method of the contract gives each oddity, and is told so in its words and no other's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from reference.contract import MESSAGES
from reference.findings import Finding
from reference.mistakes import plain
from reference.session import InProcess
from reference.verdict import Examination
from tests.comparing import needs_flint
from tests.words import assert_kept

pytestmark = [needs_flint, pytest.mark.outside, pytest.mark.catalogue]

Method = Callable[..., Any]
Change = Callable[[Any], Any]


def raising(kind: type[BaseException], *words: str) -> Change:
    def answer(_: Any) -> Any:
        raise kind(*words)

    return answer


def each_array(change: Change) -> Change:
    """Of an answer that is an array, a list of arrays, or a dict of such lists."""

    def answer(right: Any) -> Any:
        if isinstance(right, dict):
            return {name: answer(parts) for name, parts in right.items()}
        return [change(part) for part in right] if isinstance(right, list) else change(right)

    return answer


#: What comes instead of the right answer, and the word that it has to get; None where that differs by method.
ODDITIES: dict[str, tuple[Change, str | None]] = {
    "nothing": (lambda right: None, "not-implemented"),
    "a text": (lambda right: "0.5", "wrong-type"),
    "a set": (lambda right: {1, 2}, "wrong-type"),
    "an empty list": (lambda right: [], None),
    "an empty dict": (lambda right: {}, None),
    "pairs": (lambda right: [right, right], None),
    "raises": (raising(ValueError, "operands could not be broadcast together"), "crash"),
    "raises nothing to say": (raising(ZeroDivisionError), "crash"),
    "is not implemented": (raising(NotImplementedError), "not-implemented"),
    "leaves": (raising(SystemExit, "3"), "exits"),
    "takes all memory": (raising(MemoryError), "memory"),
    "lacks an attribute": (raising(AttributeError, "'Layer' object has no attribute 'cache'"), "crash"),
    "arrays of lists": (each_array(lambda array: array.tolist()), None),
    "arrays of objects": (each_array(lambda array: array.astype(object)), None),
    "arrays of complex numbers": (each_array(lambda array: array + 0j), None),
    "arrays of single precision": (each_array(lambda array: array.astype(np.float32)), None),
    "arrays with a row too many": (each_array(lambda array: np.concatenate([array, array[:1]])), "wrong-shape"),
    "flat arrays": (each_array(np.ravel), None),
    "transposed arrays": (each_array(np.transpose), None),
    "single numbers": (each_array(lambda array: array.sum()), None),
    "not a number": (each_array(lambda array: np.full(array.shape, np.nan)), None),
    "zeros": (each_array(np.zeros_like), None),
}
#: Of ``MLP.gradient`` alone.
ODD_GRADIENTS: dict[str, Change] = {
    "without the last layer": lambda right: {name: parts for name, parts in right.items() if name != "Linear_OUT"},
    "with a layer more": lambda right: {**right, "ReLU_1": [np.zeros(1), np.zeros(1)]},
    "in a list": lambda right: list(right.values()),
    "of weights alone": lambda right: {name: parts[0] for name, parts in right.items()},
    "of one part": lambda right: {name: parts[:1] for name, parts in right.items()},
    "of three parts": lambda right: {name: [*parts, parts[1]] for name, parts in right.items()},
    "of tuples": lambda right: {name: tuple(parts) for name, parts in right.items()},
    "of dicts": lambda right: {name: {"dW": parts[0], "db": parts[1]} for name, parts in right.items()},
    "without biases": lambda right: {name: [parts[0], None] for name, parts in right.items()},
    "with biases of a layer's inputs": lambda right: {
        name: [parts[0], parts[0].sum(axis=1)] for name, parts in right.items()
    },
    "of a sum": lambda right: {name: [2 * part for part in parts] for name, parts in right.items()},
}
SUBJECTS = [message.subject for message in MESSAGES] + [f"MLP.{name}" for name in ("propagate", "evaluate", "gradient")]


def examined(cls: str, changes: dict[str, Any], key: str) -> list[Finding]:
    """What is said of the textbook's classes with one of them changed; of what passes nothing."""
    classes = {**plain.CLASSES, cls: type(cls, (plain.CLASSES[cls],), changes)}
    found = Examination(InProcess(classes, {}), "x", only=f"{key}.*", effort="quick")
    return [each for each in found if each.status != "passed"]


def with_answer(cls: str, method: str, change: Change) -> dict[str, Any]:
    right = getattr(plain.CLASSES[cls], method)

    @functools.wraps(right)
    def odd(self: Any, *args: Any, **named: Any) -> Any:
        return change(right(self, *args, **named))

    return {method: odd}


def key_of(cls: str) -> str:
    return next((message.key for message in MESSAGES if message.cls == cls), "mlp")


@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_odd_answers_are_told(subject: str, oddity: str) -> None:
    """A failure of that method, with the word for it; what only depends on it is skipped."""
    cls, _, method = subject.partition(".")
    change, word = ODDITIES[oddity]
    found = examined(cls, with_answer(cls, method, change), key_of(cls))
    failed = [each for each in found if each.status == "failed"]
    assert_kept("odd answers", f"{subject}: {oddity}", failed)
    assert not [each for each in found if each.status == "error"]
    if word is not None:
        assert failed
        assert failed[0].mistake == word
    assert {each.subject for each in failed} <= {subject}


@pytest.mark.parametrize("oddity", ODD_GRADIENTS)
def test_odd_gradients_are_told(oddity: str) -> None:
    """Of the network's gradient, whatever it is in."""
    found = examined("MLP", with_answer("MLP", "gradient", ODD_GRADIENTS[oddity]), "mlp")
    assert_kept("odd answers", f"MLP.gradient: {oddity}", [each for each in found if each.status == "failed"])
    assert {each.subject for each in found} <= {"MLP.gradient"}
    assert bool(found) == (oddity != "of tuples")


class Odd(plain.LinearLayer):
    """Right, but for one thing that a subclass changes."""

    def set(self, W: Any, b: Any) -> None:
        self.W, self.b = W, b


def odd_parameters() -> Iterator[tuple[str, dict[str, Any]]]:
    """Linear layers whose parameters are not what they should be."""

    def initialize(W: Callable[[Any, Any, Any], Any], b: Callable[[Any], Any] = np.ones) -> dict[str, Any]:
        def method(self: Any) -> None:
            self.W, self.b = W(self.rng, self.n_inputs, self.n_units), b(self.n_units)

        return {"initialize": method}

    def he(rng: Any, d: Any, u: Any) -> Any:
        return rng.normal(0, np.sqrt(2 / d), (d, u))

    def own(rng: Any, d: Any, u: Any) -> Any:
        return np.random.RandomState(123).normal(0, np.sqrt(2 / d), (d, u))

    yield "W of a generator of its own", initialize(own)
    yield "W too wide", initialize(lambda rng, d, u: rng.normal(0, 2 / d, (d, u)))
    yield "W transposed", initialize(lambda rng, d, u: rng.normal(0, np.sqrt(2 / d), (u, d)))
    yield "W of infinities", initialize(lambda rng, d, u: np.full((d, u), np.inf))
    yield "W of not a number", initialize(lambda rng, d, u: np.full((d, u), np.nan))
    yield "W of nothing", initialize(lambda rng, d, u: None)
    yield "W rounded to single precision", initialize(lambda *given: he(*given).astype(np.float32))
    yield "b of zeros", initialize(he, np.zeros)
    yield "b of a row", initialize(he, lambda u: np.ones((1, u)))
    yield "b of a text", initialize(he, lambda u: "ones")
    yield "second draw of other numbers", {"initialize": _second_draw(he)}
    yield "second draw without b", {"initialize": _second_draw(he, b=np.zeros)}
    yield "initialize raises", {"initialize": raising(ValueError, "no")}
    yield "initialize leaves at its second call", {"initialize": _second_draw(he, raised=SystemExit)}
    yield (
        "initialize is not implemented at its second call",
        {"initialize": _second_draw(he, raised=NotImplementedError)},
    )
    yield "initialize is no method", {"initialize": None}
    for name, changes in _odd_updates():
        yield name, {"update_params": changes}
    for name, answer in {"text": "yes", "nothing": None, "one": 1, "numpy's": np.bool_(True), "false": False}.items():
        yield f"has_params of {name}", {"has_params": lambda self, answer=answer: answer}
    yield "has_params raises", {"has_params": raising(ValueError, "no")}
    yield "has_params is not implemented", {"has_params": raising(NotImplementedError)}


def _second_draw(W: Method, b: Method = np.ones, raised: type[BaseException] | None = None) -> Method:
    def method(self: Any) -> None:
        if not hasattr(self, "W"):
            plain.LinearLayer.initialize(self)  # type: ignore[arg-type]
        elif raised is not None:
            raise raised
        else:
            self.W, self.b = (W(self.rng, self.n_inputs, self.n_units), b(self.n_units))
            if b is np.ones:
                self.W = self.W + 1

    return method


def _odd_updates() -> Iterator[tuple[str, Method]]:
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
        dtheta[0] *= 0.5
        plain.LinearLayer.update_params(self, dtheta)  # type: ignore[arg-type]

    def asks_for_two(self: Any, dW: Any, db: Any) -> None:
        self.W, self.b = self.W + dW, self.b + db

    for each in (subtracts, forgets_b, sets, widens, drops, scales_what_it_is_given, asks_for_two):
        yield f"update_params {each.__name__.replace('_', ' ')}", each
    yield "update_params raises", raising(ValueError, "no")
    yield "update_params is not implemented", lambda self, dtheta: raising(NotImplementedError)(0)
    yield "update_params leaves", lambda self, dtheta: raising(SystemExit)(0)


PARAMETERS = dict(odd_parameters())


@pytest.mark.parametrize("oddity", PARAMETERS)
def test_odd_parameters_are_told(oddity: str) -> None:
    """Of the layer that has them."""
    found = examined("LinearLayer", PARAMETERS[oddity], "linear")
    assert_kept("odd answers", f"LinearLayer: {oddity}", [each for each in found if each.status == "failed"])
    assert not [each for each in found if each.status == "error"]
    assert bool(found) == (oddity not in {"has_params of numpy's"})
