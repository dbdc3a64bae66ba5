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
from .standins import describe_stand_in

# What foreign code may have put in numpy's place later must not answer for it.
_array, _shares_memory, _ndarray, _generic, _random_state = (
    np.array,
    np.shares_memory,
    np.ndarray,
    np.generic,
    np.random.RandomState,
)
_errstate, _catch_warnings, _simplefilter = np.errstate, warnings.catch_warnings, warnings.simplefilter
_PLAIN = (float, bool, type(None))
#: Of arrays: what a frame can hold, in the machine's own byte order.
_NUMBERS = frozenset(np.dtype(code).str for code in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8",
                                                     "?", "c8", "c16"))  # fmt: skip
#: Entries of an array that an answer may have: a view with strides of 0 can claim any number.
MAX_ENTRIES = 2**19
_MAX_ITEMS = 10_000
_MAX_TEXT = 10_000
_MAX_BITS = 64
_MAX_AXES = 8
_DEPTH = 6


def perform(classes: Mapping[str, type], steps: Sequence[Step]) -> list[Reply]:
    """Do the steps one after the other, with fresh objects; an error in one does not end the others."""
    stage = _Objects(classes)
    with _quiet():
        replies = [stage.perform(step) for step in steps]
    return stage.with_hindsight(replies)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What numpy or the code has to say of overflows and the like is no verdict; the answers are."""
    with _errstate(all="ignore"), _catch_warnings():
        _simplefilter("ignore")
        yield


class _Objects:
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
            reply, answer = Reply(error=told(error), error_kind=type(error).__name__), None
        self.answers.append(answer)
        return reply

    def with_hindsight(self, replies: list[Reply]) -> list[Reply]:
        """Mark the answers that later steps have changed."""
        return [
            reply if _still(reply.value, answer) else replace(reply, altered=True)
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
                return _reply(answer), answer
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
        return _reply(answer, changed, aliases), answer

    def _given(self, value: Any) -> Any:
        """What a step's argument stands for."""
        match value:
            case Ref():
                return self.objects[value.name]
            case Seed():
                if value.value not in self.generators:  # to seed one takes as long as a small answer
                    self.generators[value.value] = _random_state(value.value)
                return self.generators[value.value]
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


def _reply(answer: Any, changed: tuple[str, ...] = (), aliases: tuple[str, ...] = ()) -> Reply:
    value = copied(answer)
    kind = value.kind if type(value) is Unusable else kind_of(answer)
    return Reply(value, kind, changed=changed, aliases=aliases)


def _still(value: Any, answer: Any) -> bool:
    try:
        return same(value, copied(answer))
    except Exception:  # what cannot be looked at any more has changed
        return False


_OWN = {each.__name__: each for each in (_ndarray, list, tuple, dict, type(None), str, bool, int, float)}


def kind_of(answer: Any) -> str:
    """The name of its type; one that merely calls itself ``ndarray`` is told apart."""
    kind = type(answer)
    name = str(kind.__name__)[:100]
    own = _OWN.get(name)
    return name if own is None or own is kind or issubclass(kind, _generic) else f"{name} of another module"


def copied(value: Any, depth: int = _DEPTH) -> Any:  # noqa: PLR0911 - a case each
    """Arrays of numbers, plain numbers and texts, and containers of them, copied; `Unusable` for anything else."""
    kind = type(value)
    if issubclass(kind, _ndarray):
        return _copied_array(value)
    if kind in _PLAIN or (issubclass(kind, _generic) and kind.__module__ == "numpy" and value.dtype.str in _NUMBERS):
        return value
    if kind is int:
        return value if value.bit_length() < _MAX_BITS else Unusable(f"int of {value.bit_length()} bits")
    if kind is str:
        return value[:_MAX_TEXT]
    if kind in {list, tuple, dict}:
        if len(value) > _MAX_ITEMS or not depth:
            return Unusable(f"{kind.__name__} of {len(value)} items" if depth else f"{kind.__name__} within {_DEPTH}")
        if kind is dict:
            return {_word(name): copied(item, depth - 1) for name, item in value.items()}
        return kind(copied(item, depth - 1) for item in value)
    name = describe_stand_in(value) or kind_of(value)
    return Unusable(f"{name} that is no number" if name in _OWN else name)


def _copied_array(value: NDArray[Any]) -> Any:
    """A plain array, whatever its subclass, which may say anything of itself."""
    plain = _plain(value)
    if plain.dtype.str not in _NUMBERS:
        return Unusable(f"array of dtype {str(plain.dtype)[:100]}")
    if plain.size > MAX_ENTRIES or plain.ndim > _MAX_AXES:
        return Unusable(f"shape {plain.shape}")
    return _array(plain)


def _plain(value: NDArray[Any]) -> NDArray[Any]:
    return value if type(value) is _ndarray else _ndarray.view(value, _ndarray)


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
    if issubclass(type(value), _ndarray):
        yield _plain(value)
    elif depth and type(value) in {list, tuple, dict}:
        for item in value.values() if type(value) is dict else value:
            yield from _arrays(item, depth - 1)


def told(error: BaseException) -> str:
    """Its type and its message, whatever it does when it is asked for that."""
    try:
        said = str(error)
    except (Exception, SystemExit):  # its own __str__ may raise
        said = ""
    return f"{type(error).__name__}: {said[:1000]}" if said else type(error).__name__
