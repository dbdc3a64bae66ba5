"""Answers that are none: the method that gives one is told so, by the right check and word, and no other is blamed."""

from __future__ import annotations

import functools
from collections import OrderedDict, UserDict, defaultdict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from reference.findings import Finding
from reference.lab.contract import MESSAGES, Message
from reference.lab.mistakes import plain
from tests.comparing import needs_flint
from tests.examining import concerned, examined, with_methods
from tests.strategies import NIGHTLY
from tests.wording import assert_well_said

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


#: What comes instead of the right answer; which promise of a layer's or a loss's method it breaks first; the word.
ODDITIES: dict[str, tuple[Change, str, str | None]] = {
    "nothing": (lambda right: None, "answers", "not-implemented"),
    "a text": (lambda right: "0.5", "answers", "wrong-type"),
    "a set": (lambda right: {1, 2}, "answers", "wrong-type"),
    "an empty list": (lambda right: [], "answers", "wrong-type"),
    "an empty dict": (lambda right: {}, "answers", "wrong-type"),
    "pairs": (lambda right: [right, right], "answers", "wrong-type"),
    "raises": (raising(ValueError, "operands could not be broadcast together"), "answers", "crash"),
    "raises nothing to say": (raising(ZeroDivisionError), "answers", "crash"),
    "is not implemented": (raising(NotImplementedError), "answers", "not-implemented"),
    "leaves": (raising(SystemExit, "3"), "answers", "exits"),
    "takes all memory": (raising(MemoryError), "answers", "memory"),
    "lacks an attribute": (raising(AttributeError, "'Layer' object has no attribute 'cache'"), "answers", "crash"),
    "arrays of lists": (each_array(lambda array: array.tolist()), "answers", "wrong-type"),
    "arrays of objects": (each_array(lambda array: array.astype(object)), "answers", "wrong-dtype"),
    "arrays of complex numbers": (each_array(lambda array: array + 0j), "answers", "wrong-dtype"),
    "arrays of single precision": (each_array(lambda array: array.astype(np.float32)), "types", "wrong-dtype"),
    "arrays with a row too many": (
        each_array(lambda array: np.concatenate([array, array[:1]])),
        "answers",
        "wrong-shape",
    ),
    "flat arrays": (each_array(np.ravel), "types", "wrong-shape"),
    "transposed arrays": (each_array(np.transpose), "types", "wrong-shape"),
    "single numbers": (each_array(lambda array: array.sum()), "types", "wrong-shape"),
    "not a number": (each_array(lambda array: np.full(array.shape, np.nan)), "values", None),
    "zeros": (each_array(np.zeros_like), "values", None),
}
RAISED = (
    "raises", "raises nothing to say", "is not implemented", "leaves", "takes all memory", "lacks an attribute",
)  # fmt: skip
#: Of a right network's method these are wrong values, or known mistakes.
OF_NETWORKS: dict[tuple[str, str], tuple[str, str | None]] = {
    ("propagate", "arrays of single precision"): ("values", None),
    ("evaluate", "arrays of single precision"): ("values", None),
    ("gradient", "arrays of single precision"): ("values", None),
    ("evaluate", "single numbers"): ("types", "summed-over-batch"),
    ("gradient", "an empty dict"): ("values", "layer-skipped"),
}
#: Of ``MLP.gradient`` alone, with the word for its values.
ODD_GRADIENTS: dict[str, tuple[Change, str | None]] = {
    "without the last layer": (
        lambda right: {name: parts for name, parts in right.items() if name != "Linear_OUT"},
        "layer-skipped",
    ),
    "with a layer more": (lambda right: {**right, "ReLU_1": [np.zeros(1), np.zeros(1)]}, "wrong-type"),
    "in a list": (lambda right: list(right.values()), "wrong-type"),
    "of weights alone": (lambda right: {name: parts[0] for name, parts in right.items()}, "bias-gradient-missing"),
    "of one part": (lambda right: {name: parts[:1] for name, parts in right.items()}, "wrong-type"),
    "of three parts": (lambda right: {name: [*parts, parts[1]] for name, parts in right.items()}, "wrong-type"),
    "of dicts": (
        lambda right: {name: {"dW": parts[0], "db": parts[1]} for name, parts in right.items()},
        "wrong-type",
    ),
    "without biases": (lambda right: {name: [parts[0], None] for name, parts in right.items()}, "wrong-type"),
    "with biases of a layer's inputs": (
        lambda right: {name: [parts[0], parts[0].sum(axis=1)] for name, parts in right.items()},
        "wrong-shape",
    ),
    "of a sum": (lambda right: {name: [2 * part for part in parts] for name, parts in right.items()}, "scaled"),
}
#: Words that no check gives by itself: they come from the comparison with the known mistakes.
NAMED = ("layer-skipped", "scaled", "summed-over-batch")
METHODS = ("propagate", "evaluate", "gradient")
#: Whose odd answers are compared with the known mistakes (all at night): methods that answer with one array and with
#: two, and a network that answers nothing, raises, or gives wrong numbers.
EXPLAINED = ("SoftmaxLayer.forward", "LinearLayer.grad")
OF_A_NETWORK = [("propagate", "nothing"), ("propagate", "raises"), ("propagate", "zeros")]


def with_answer(subject: str, change: Change) -> dict[str, type]:
    """The textbook's classes, one of whose methods answers oddly."""
    cls, _, method = subject.partition(".")
    right = getattr(plain.CLASSES[cls], method)

    @functools.wraps(right)
    def odd(self: Any, *args: Any, **named: Any) -> Any:
        return change(right(self, *args, **named))

    return with_methods(cls, {method: odd})


def first_failure(subject: str, change: Change, *, explained: bool = NIGHTLY) -> Finding:
    """The first of what fails; all of that is about this method, and well said.

    ``explained`` says whether it is compared with the known mistakes, as in `examined`.
    """
    classes = with_answer(subject, change)
    findings = examined(classes, concerned(subject), explained=explained)
    assert_well_said(findings, classes)
    failed = [each for each in findings if each.status == "failed"]
    assert {each.subject for each in failed} == {subject}
    return failed[0]


@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.subject)
def test_odd_answers_of_layers_are_told(message: Message, oddity: str) -> None:
    """By the first check that can see it."""
    change, promise, word = ODDITIES[oddity]
    found = first_failure(message.subject, change, explained=NIGHTLY or message.subject in EXPLAINED)
    assert (found.check, found.mistake) == (f"{message.key}.{message.method}.{promise}", word)


@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("method", METHODS)
def test_odd_answers_of_networks_are_told(method: str, oddity: str) -> None:
    """By the check of what was raised, of the losses' form, or of the values, which asks for the form as well."""
    change, promise, word = ODDITIES[oddity]
    if oddity not in RAISED:
        promise = "types" if method == "evaluate" and promise != "values" else "values"
    due, word = OF_NETWORKS.get((method, oddity), (promise, word))
    explained = NIGHTLY or (method, oddity) in OF_A_NETWORK or word in NAMED
    found = first_failure(f"MLP.{method}", change, explained=explained)
    assert (found.check, found.mistake) == (f"mlp.{method}.{due}", word)


@pytest.mark.parametrize("oddity", ODD_GRADIENTS)
def test_odd_gradients_of_networks_are_told(oddity: str) -> None:
    """By the check of the values, whatever they are in."""
    change, word = ODD_GRADIENTS[oddity]
    found = first_failure("MLP.gradient", change, explained=NIGHTLY or word in NAMED)
    assert (found.check, found.mistake) == ("mlp.gradient.values", word)


@pytest.mark.parametrize("message", [each for each in MESSAGES if len(each.parts) == 1], ids=lambda each: each.subject)
def test_matrices_are_told(message: Message) -> None:
    """To numpy's matrices a product is another one than to arrays."""
    found = first_failure(message.subject, lambda right: right.view(np.matrix))
    assert (found.check, found.mistake) == (f"{message.key}.{message.method}.types", "wrong-type")


def test_gradients_without_biases_are_told() -> None:
    """Something is computed there, so that it is not for want of a body."""
    found = first_failure("LinearLayer.grad", lambda right: [right[0], None])
    assert (found.check, found.mistake) == ("linear.grad.answers", "wrong-type")


def writes_into_its_batch(self: Any, X: Any, T: Any) -> Any:
    found = plain.MLP.gradient(self, X, T)
    X[...] = 0
    return found


def is_another_the_second_time(self: Any, X: Any, T: Any) -> Any:
    factor, self.factor = getattr(self, "factor", 1), 2
    return {name: [factor * part for part in parts] for name, parts in plain.MLP.gradient(self, X, T).items()}


@pytest.mark.parametrize(
    ("wrong", "word"), [(writes_into_its_batch, "mutates-input"), (is_another_the_second_time, "stateful")]
)
def test_gradients_that_change_something_are_told(wrong: Method, word: str) -> None:
    """The batch, or the next gradient."""
    findings = examined(with_methods("MLP", {"gradient": wrong}), ["mlp.gradient.changes_nothing"])
    assert_well_said(findings)
    assert (findings[-1].status, findings[-1].mistake) == ("failed", word)


class Pair(NamedTuple):
    """As students return gradients that they want to name."""

    weights: Any
    biases: Any


class Own(list):  # type: ignore[type-arg]
    """A list whose methods nobody should call."""

    def __iter__(self) -> Any:
        raise AssertionError("the examiner iterates over it")

    def __len__(self) -> int:
        return 0


class OwnDict(dict):  # type: ignore[type-arg]
    """A dict whose methods nobody should call."""

    def items(self) -> Any:
        return []

    values = keys = __iter__ = items


GRADIENTS: dict[str, Change] = {
    "a named tuple": lambda right: Pair(*right),
    "a list of one's own": Own,
    "a deque": deque,
}
DICTS: dict[str, Change] = {
    "an OrderedDict": OrderedDict,
    "a defaultdict": lambda right: defaultdict(list, right),
    "a dict of one's own": OwnDict,
    "keys of a subclass": lambda right: {np.str_(name): parts for name, parts in right.items()},
    "named tuples": lambda right: {name: Pair(*parts) for name, parts in right.items()},
    "lists of one's own": lambda right: {name: Own(parts) for name, parts in right.items()},
    "an object with items": UserDict,
}
#: What is no list or dict, although it can be used like one.
NONE_OF_THEM = ("a deque", "an object with items")


@pytest.mark.parametrize("kind", GRADIENTS)
def test_gradients_may_be_of_subclasses(kind: str) -> None:
    """A named tuple is a tuple; what is none, and no list, is told as such."""
    findings = examined(
        with_answer("LinearLayer.grad", GRADIENTS[kind]), concerned("LinearLayer.grad"), explained=NIGHTLY
    )
    failed = [(each.check, each.mistake) for each in findings if each.status == "failed"]
    assert failed == ([("linear.grad.answers", "wrong-type")] if kind in NONE_OF_THEM else [])


@pytest.mark.parametrize("kind", DICTS)
def test_gradients_of_networks_may_be_of_subclasses(kind: str) -> None:
    """The same of the dict, and of what is in it."""
    findings = examined(with_answer("MLP.gradient", DICTS[kind]), concerned("MLP.gradient"), explained=NIGHTLY)
    assert {each.mistake for each in findings if each.status == "failed"} == (
        {"wrong-type"} if kind in NONE_OF_THEM else set()
    )


@pytest.mark.parametrize("kind", ["an OrderedDict", "a dict of one's own"])
def test_wrong_gradients_of_subclasses_are_told(kind: str) -> None:
    """What they hold is looked at, not what their methods say."""
    wrong = with_answer(
        "MLP.gradient", lambda right: DICTS[kind]({name: [2 * part for part in parts] for name, parts in right.items()})
    )
    findings = examined(wrong, concerned("MLP.gradient"), explained=NIGHTLY)
    assert next(each.check for each in findings if each.status == "failed") == "mlp.gradient.values"


def test_a_tuple_of_gradients_is_as_good_as_a_list() -> None:
    """The two are told apart by nobody who uses them."""
    classes = with_answer("MLP.gradient", lambda right: {name: tuple(parts) for name, parts in right.items()})
    assert {each.status for each in examined(classes, concerned("MLP.gradient"))} == {"passed"}
