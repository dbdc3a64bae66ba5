"""Does what the examiner asks with the classes at hand, and answers with copies."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .protocol import Call, Get, Laid, New, Put, Ref, Reply, Seed, Step, Unusable, lay_out

# What foreign code may have put in numpy's place later must not answer for it.
_array, _shares_memory, _ndarray, _generic, _random_state = (
    np.array,
    np.shares_memory,
    np.ndarray,
    np.generic,
    np.random.RandomState,
)
_PLAIN = (int, float, str, bool, type(None))
_NUMBERS = "fiubc"
#: Entries of an array that an answer may have: a view with strides of 0 can claim any number.
MOST_ENTRIES = 2**22
_MOST_ITEMS = 10_000
_MOST_TEXT = 10_000
_DEPTH = 6


def perform(classes: Mapping[str, type], steps: Sequence[Step]) -> list[Reply]:
    """Do the steps one after the other, with fresh objects; an error in one does not end the others."""
    stage = _Stage(classes)
    with _quiet():
        replies = [stage.perform(step) for step in steps]
    return stage.with_hindsight(replies)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What numpy or the code has to say of overflows and the like is no verdict; the answers are."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Stage:
    """The objects of one examination."""

    def __init__(self, classes: Mapping[str, type]) -> None:
        self.classes = classes
        self.objects: dict[str, Any] = {}
        self.generators: dict[int, np.random.RandomState] = {}
        self.answers: list[Any] = []

    def perform(self, step: Step) -> Reply:
        try:
            reply, answer = self._act(step)
        except (Exception, SystemExit) as error:  # whatever foreign code raises is an answer
            reply, answer = Reply(error=_told(error), error_kind=type(error).__name__), None
        self.answers.append(answer)
        return reply

    def with_hindsight(self, replies: list[Reply]) -> list[Reply]:
        """Mark the answers that later steps have changed."""
        return [
            replace(reply, altered=not same(reply.value, copied(answer)))
            for reply, answer in zip(replies, self.answers, strict=True)
        ]

    def _act(self, step: Step) -> tuple[Reply, Any]:
        match step:
            case New():
                arguments = {name: self._given(value) for name, value in step.arguments.items()}
                self.objects[step.name] = self.classes[step.cls](**arguments)
                return Reply(), None
            case Put():
                self._put(self.objects[step.name], step.attribute, step.value)
                return Reply(), None
            case Get():
                answer = getattr(self.objects[step.name], step.attribute)
                return Reply(copied(answer), kind_of(answer)), answer
            case Call():
                return self._call(step)

    def _call(self, step: Call) -> tuple[Reply, Any]:
        given = {name: self._given(value) for name, value in step.arguments.items()}
        before = {name: copied(value) for name, value in given.items()}
        answer = getattr(self.objects[step.name], step.method)(**given)
        changed = tuple(name for name in given if not same(before[name], copied(given[name])))
        arrays = list(_arrays(answer))
        aliases = tuple(
            name
            for name, value in given.items()
            if any(_shares_memory(array, other) for array in arrays for other in _arrays(value))
        )
        return Reply(copied(answer), kind_of(answer), changed=changed, aliases=aliases), answer

    def _given(self, value: Any) -> Any:
        """What a step's argument stands for."""
        match value:
            case Ref():
                return self.objects[value.name]
            case Seed():
                return self.generators.setdefault(value.value, _random_state(value.value))
            case Laid():
                return lay_out(value.array, value.layout)
            case _ndarray():
                return lay_out(value, "C")
            case list():
                return [self._given(item) for item in value]
            case _:
                return value

    def _put(self, target: Any, attribute: str, value: NDArray[Any]) -> None:
        present = getattr(target, attribute, None)
        if type(present) is _ndarray and present.shape == value.shape and present.dtype == value.dtype:
            present[...] = value
        else:
            setattr(target, attribute, _array(value))


def kind_of(answer: Any) -> str:
    """The name of its type; one that merely calls itself ``ndarray`` is told apart."""
    kind = type(answer)
    name = str(kind.__name__)[:100]
    builtin = kind is _ndarray or kind.__module__ == "builtins" or issubclass(kind, _generic)
    return name if builtin or name not in {"ndarray", "list", "tuple", "dict"} else f"{name} of another module"


def copied(value: Any, depth: int = _DEPTH) -> Any:
    """Arrays of numbers, plain numbers and texts, and containers of them, copied; `Unusable` for anything else."""
    if isinstance(value, _ndarray):
        if value.dtype.kind not in _NUMBERS:
            return Unusable(f"array of dtype {str(value.dtype)[:100]}")
        # A plain array, whatever its subclass; of as many entries as a frame can hold.
        return _array(value, subok=False) if value.size <= MOST_ENTRIES else Unusable(f"array of {value.size} entries")
    if type(value) in _PLAIN or isinstance(value, _generic):
        return value[:_MOST_TEXT] if type(value) is str else value
    if depth and type(value) in {list, tuple} and len(value) <= _MOST_ITEMS:
        return type(value)(copied(item, depth - 1) for item in value)
    if depth and type(value) is dict and len(value) <= _MOST_ITEMS:
        return {_word(name): copied(item, depth - 1) for name, item in value.items()}
    return Unusable(kind_of(value))


def _word(name: Any) -> str:
    try:
        return str(name)[:1000]
    except Exception:  # foreign code again
        return "?"


def same(one: Any, other: Any) -> bool:
    """Equal to the bit, NaN equal to NaN; values as `copied` makes them."""
    ones, others = list(_arrays(one)), list(_arrays(other))
    return len(ones) == len(others) and all(
        a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        for a, b in zip(ones, others, strict=True)
    )


def _arrays(value: Any, depth: int = _DEPTH) -> Iterator[NDArray[Any]]:
    if isinstance(value, _ndarray):
        yield value
    elif depth and type(value) in {list, tuple, dict}:
        for item in value.values() if type(value) is dict else value:
            yield from _arrays(item, depth - 1)


def _told(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # its own __str__ may raise
        said = ""
    return f"{type(error).__name__}: {said[:1000]}" if said else type(error).__name__
