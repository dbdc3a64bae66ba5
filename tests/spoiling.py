"""Ways to make a right method wrong on one kind of question alone, and words for kinds of questions.

A predicate describes a kind of arguments (a size, a layout, a range) and never single drawn numbers, so that it holds
for another random stream, too.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.lab.mistakes import plain

Method = Callable[..., Any]
#: From a right method to a wrong one.
Make = Callable[[Method], Method]


class Given:
    """One call: the arguments by their names, and the parameters of a linear layer."""

    X: Any
    Y: Any
    T: Any
    delta_next: Any
    W: Any
    b: Any

    def __init__(self, layer: Any, arguments: Mapping[str, Any], method: str = "") -> None:
        arrays = {name: getattr(layer, name) for name in "Wb" if hasattr(layer, name)} | dict(arguments)
        vars(self).update(arrays)
        self.method = method
        self.first = next(iter(arguments.values()))
        #: All of them, those of parameters included.
        self.numbers = np.concatenate([np.ravel(each) for each in arrays.values()])


Predicate = Callable[[Given], bool]


@dataclass(frozen=True)
class Saboteur:
    """A layer or a loss that is right except on one kind of question.

    Attributes
    ----------
    name
        The kind of question, in words.
    message
        As in the ids of checks: ``linear.forward``.
    caught
        The last parts of the ids of those of the message's checks that must see it.
    make
        What is done to a method.
    method
        To which one, if that is another than the message's.
    perhaps
        Of the message's other checks one that may see it, too: it depends on what is drawn.
    """

    name: str
    message: str
    caught: str
    make: Make
    method: str = ""
    perhaps: str = ""

    def classes(self) -> dict[str, type]:
        """All the contract's classes, this one wrong."""
        key, _, asked = self.message.partition(".")
        right = plain.CLASSES[_CLASSES[key]]
        methods = {name: getattr(right, name) for name in ("forward", "delta", "grad") if hasattr(right, name)}
        wrong = self.method or asked
        methods[wrong] = self.make(methods[wrong])
        recorded = {
            name: in_order(_recorded(name, method), method if _has_order(method) else getattr(right, name))
            for name, method in methods.items()
        }
        return {**plain.CLASSES, right.__name__: type(right.__name__, (right,), recorded)}


_CLASSES = {
    "linear": "LinearLayer",
    "relu": "ReLULayer",
    "softmax": "SoftmaxLayer",
    "cross_entropy": "LossCrossEntropy",
    "logits": "LossCrossEntropyForSoftmaxLogits",
}


def rows(message: str, caught: str, kinds: Mapping[str, Predicate], perhaps: str = "") -> list[Saboteur]:
    """Saboteurs of one message that the same checks see, each wrong on one kind of question."""
    return [Saboteur(name, message, caught, where(kind), perhaps=perhaps) for name, kind in kinds.items()]


def _has_order(method: Method) -> bool:
    """Whether the method names its arguments, so that they have an order."""
    return all(each.kind is not each.VAR_KEYWORD for each in inspect.signature(method).parameters.values())


def in_order(wrong: Method, right: Method) -> Method:
    """A method that is called by keyword, also for calls by position, in the order of the ``right`` method."""
    names = list(inspect.signature(right).parameters)[1:]

    @functools.wraps(wrong)
    def either(self: Any, *ordered: Any, **arguments: Any) -> Any:
        return wrong(self, **dict(zip(names, ordered, strict=False)), **arguments)

    return either


def _recorded(name: str, method: Method) -> Method:
    """The same method, whose calls its object keeps."""

    def recorded(self: Any, **arguments: Any) -> Any:
        answer = method(self, **arguments)
        vars(self).setdefault("asked", []).append(Given(self, arguments, name))
        return answer

    return recorded


def off(answer: Any) -> Any:
    """A thousandth more, everywhere; of several arrays the first."""
    if isinstance(answer, list):
        return [off(answer[0]), *answer[1:]]
    return np.where(answer == 0, 1e-3, answer * np.asarray(1.001, answer.dtype))


def _changed(change: Callable[[Any, Given, Any], Any]) -> Make:
    """A method whose answer is changed: ``change(object, question, answer)``."""

    def make(method: Method) -> Method:
        @functools.wraps(method)
        def wrong(self: Any, **arguments: Any) -> Any:
            return change(self, Given(self, arguments), method(self, **arguments))

        return wrong

    return make


def where(kind: Predicate, change: Callable[[Any], Any] = off) -> Make:
    """Gives a wrong answer to questions of a kind."""
    return _changed(lambda layer, given, answer: change(answer) if kind(given) else answer)


def wrong_after(history: Callable[[Sequence[Given], Given], bool]) -> Make:
    """Gives a wrong answer where what the object was asked before is of a kind."""
    return _changed(
        lambda layer, given, answer: off(answer) if history(vars(layer).get("asked", []), given) else answer
    )


def hides_nan(kind: Predicate) -> Make:
    """Takes NaN for 1 in questions of a kind."""

    def make(method: Method) -> Method:
        def wrong(self: Any, **arguments: Any) -> Any:
            hidden = {name: np.nan_to_num(array, nan=1.0) for name, array in arguments.items()}
            return method(self, **(hidden if kind(Given(self, arguments)) else arguments))

        return wrong

    return make


def writes_into(name: str, kind: Predicate) -> Make:
    """Writes into an argument after its answer, where that can be written to."""

    def change(layer: Any, given: Given, answer: Any) -> Any:
        array = vars(given)[name]
        if array.flags.writeable and kind(given):
            array[0, 0] += 1
        return answer

    return _changed(change)


def answers_with_its_argument(kind: Predicate) -> Make:
    """Gives X back instead of a new array, where they are equal."""
    return _changed(lambda layer, given, answer: given.X if kind(given) and (answer == given.X).all() else answer)


def keeps_its_memory(kind: Predicate) -> Make:
    """Writes later answers into the array of the first."""

    def change(layer: Any, given: Given, answer: Any) -> Any:
        if not kind(given):
            return answer
        memory = vars(layer).setdefault("memory", np.empty_like(answer))
        memory[...] = answer
        return memory

    return _changed(change)


def mixes_rows(row: int, kind: Predicate) -> Make:
    """One sample's answer has something of all the others' in it."""

    def change(layer: Any, given: Given, answer: Any) -> Any:
        if kind(given):
            answer[row] += 1e-3 * answer.mean(axis=0)
        return answer

    return _changed(change)


def weighs_by_place(name: str, kind: Predicate) -> Make:
    """Takes the later samples for a little more than they are."""

    def make(method: Method) -> Method:
        def wrong(self: Any, **arguments: Any) -> Any:
            array = arguments[name]
            if kind(Given(self, arguments)):
                arguments[name] = array * (1 + 1e-3 * np.arange(len(array))[:, None])
            return method(self, **arguments)

        return wrong

    return make


def shape(*axes: int) -> Predicate:
    """Of the first argument."""
    return lambda g: g.first.shape == axes


def sizes(n: int, d: int, u: int) -> Predicate:
    """N samples, D inputs and U units of a linear layer."""
    return lambda g: g.W.shape == (d, u) and len(g.first) == n


def at(axes: tuple[int, ...], test: Callable[[Any], Any]) -> Predicate:
    """A first argument of that shape that passes a test."""
    return lambda g: g.first.shape == axes and bool(test(g.first))


def size(array: Any) -> float:
    """The largest absolute value."""
    return float(np.abs(array).max())


def up_to(largest: float, share: float = 0.5) -> Callable[[Any], bool]:
    """Whether the largest number is in the upper part of a range, as it is when enough of them are drawn from it."""
    return lambda array: share * largest < size(array) <= largest


def multiples(array: Any, unit: float) -> bool:
    """Whether all numbers are multiples of a unit."""
    return bool((array / unit == np.rint(array / unit)).all())


def tied(rows: Any) -> bool:
    """Whether each sample's numbers are equal."""
    return bool((rows == rows[:, :1]).all())


LAYOUTS: dict[str, Callable[[Any], bool]] = {
    "Fortran order": lambda a: a.flags.f_contiguous and not a.flags.c_contiguous,
    "every second entry": lambda a: min(a.strides) > a.itemsize,
    "reversed": lambda a: max(a.strides) < 0,
    "read-only": lambda a: a.flags.c_contiguous and not a.flags.writeable,
    "one row repeated": lambda a: a.strides[0] == 0,
}
