"""Performs the steps of a request on the submission's classes, and replies with copies of the results."""

from __future__ import annotations

import contextlib
import errno
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .protocol import Call, Define, Get, Keep, Laid, New, Put, Ref, Reply, Seed, Step, Unusable, lay_out, own
from .standins import describe_stand_in

# These names are bound before foreign code runs, which may replace attributes of numpy later.
_array, _shares_memory, _ndarray, _generic, _random_state = (
    np.array,
    np.shares_memory,
    np.ndarray,
    np.generic,
    np.random.RandomState,
)
_errstate, _catch_warnings, _simplefilter = np.errstate, warnings.catch_warnings, warnings.simplefilter
_PLAIN = (float, bool, type(None))
#: The dtypes of arrays that a frame can hold, in the machine's own byte order.
_NUMBERS = frozenset(np.dtype(code).str for code in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8",
                                                     "?", "c8", "c16"))  # fmt: skip
#: Entries of an array in a reply: a view with strides of 0 can claim any number without using memory.
MAX_ENTRIES = 2**19
_MAX_ITEMS = 10_000
_MAX_TEXT = 10_000
_MAX_BITS = 64
_MAX_AXES = 8
_DEPTH = 6
_REFUSED = frozenset({errno.EPERM, errno.EACCES, errno.EROFS})


def perform(classes: Mapping[str, type], steps: Sequence[Step]) -> list[Reply]:
    """Perform steps in order on new objects; returns one reply for each. An error in one does not end the others.

    Parameters
    ----------
    classes
        Maps the contract's names to the classes.
    steps
        What to do.
    """
    objects = _Objects(classes)
    with _without_warnings():
        replies = [objects.perform(step) for step in steps]
    return objects.mark_altered(replies)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppress warnings, of overflows for instance: the verdict depends on the values alone."""
    with _errstate(all="ignore"), _catch_warnings():
        _simplefilter("ignore")
        yield


class _Objects:
    """The objects that the steps of one request make, and the results of these steps."""

    def __init__(self, classes: Mapping[str, type]) -> None:
        self.classes = classes
        self.objects: dict[str, Any] = {}
        self.generators: dict[int, np.random.RandomState] = {}
        self.results: list[Any] = []

    def perform(self, step: Step) -> Reply:
        try:
            reply, result = self._act(step)
        except (Exception, SystemExit) as error:  # whatever foreign code raises becomes a reply
            kind, cause = type(error).__name__, _cause(error, step)
            reply, result = Reply(error=describe_error(error), error_kind=kind, cause=cause), None
        self.results.append(result)
        return reply

    def mark_altered(self, replies: list[Reply]) -> list[Reply]:
        """The replies, with ``altered`` set where a later step has changed the object that was returned."""
        return [
            reply if _is_unchanged(reply.value, result) else replace(reply, altered=True)
            for reply, result in zip(replies, self.results, strict=True)
        ]

    def _act(self, step: Step) -> tuple[Reply, Any]:
        match step:
            case New():
                arguments = {name: self._given(value) for name, value in step.arguments.items()}
                self.objects[step.name] = _called(self.classes[step.cls], arguments, step)
                return Reply(), None
            case Keep():
                self.objects[step.name] = _filled(self.objects.get(step.name), step.value)
                return Reply(), None
            case Define():
                self.classes = {**self.classes, **_defined(step.source)}
                return Reply(), None
            case Put():
                self._put(self.objects[step.name], step.attribute, step.value)
                return Reply(), None
            case Get():
                result = getattr(self.objects[step.name], step.attribute)
                return _reply(result), result
            case Call():
                return self._call(step)

    def _call(self, step: Call) -> tuple[Reply, Any]:
        given = {name: self._given(value) for name, value in step.arguments.items()}
        before = {name: copied(value) for name, value in given.items()}
        result = _called(getattr(self.objects[step.name], step.method), given, step)
        changed = tuple(name for name in given if not same(before[name], copied(given[name])))
        arrays = list(_arrays(result))
        aliases = tuple(
            name
            for name, value in given.items()
            if any(_shares_memory(array, other) for array in arrays for other in _arrays(value))
        )
        return _reply(result, changed, aliases), result

    def _given(self, value: Any) -> Any:
        """The object that an argument of a step stands for."""
        match value:
            case Ref():
                return self.objects[value.name]
            case Seed():
                if value.value not in self.generators:  # seeding one takes as long as computing a small reply
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
        filled = _filled(present, value)
        if filled is not present:
            setattr(target, attribute, filled)


def _filled(present: Any, value: NDArray[Any]) -> NDArray[Any]:
    """The array that is present, with other values; a new one if its shape or dtype is another, or there is none."""
    if type(present) is not _ndarray or present.shape != value.shape or present.dtype != value.dtype:
        return _array(value)
    present[...] = value
    return present


def _called(function: Any, arguments: Mapping[str, Any], step: New | Call) -> Any:
    return function(*arguments.values()) if step.by_position else function(**arguments)


@lru_cache(maxsize=4)
def _defined(source: str) -> dict[str, type]:
    """The classes that the examiner's own source text defines, by the names under which `New` knows them."""
    namespace: dict[str, Any] = {"__name__": "bp_own"}
    exec(compile(source, "<the examiner's own classes>", "exec"), namespace)  # noqa: S102 - no foreign code
    return {own(name): each for name, each in namespace.items() if isinstance(each, type)}


def _reply(result: Any, changed: tuple[str, ...] = (), aliases: tuple[str, ...] = ()) -> Reply:
    value = copied(result)
    kind = value.kind if type(value) is Unusable else kind_of(result)
    return Reply(value, kind, changed=changed, aliases=aliases)


def _cause(error: BaseException, step: Step) -> str | None:
    """One of `CAUSES`, if one of them is the reason for this exception; else None."""
    if isinstance(error, AttributeError) and isinstance(step, Call) and error.name == step.method:
        return "absent"
    if isinstance(error, TypeError) and _place_of(error) == __file__:
        return "arguments"  # nothing of the called function has run
    return "refused" if is_refusal(error) else None


def is_refusal(error: BaseException) -> bool:
    """Whether the system refused something that is not allowed where code is judged: a thread, a file, a program."""
    if isinstance(error, OSError):
        return error.errno in _REFUSED
    return type(error) is RuntimeError and _place_of(error) == threading.__file__


def _place_of(error: BaseException) -> str | None:
    """The file in which it was raised."""
    trace, place = error.__traceback__, None
    while trace is not None:
        place, trace = trace.tb_frame.f_code.co_filename, trace.tb_next
    return place


def _is_unchanged(value: Any, result: Any) -> bool:
    try:
        return same(value, copied(result))
    except Exception:  # an object that can no longer be copied has changed
        return False


_KNOWN_TYPES = {each.__name__: each for each in (_ndarray, list, tuple, dict, type(None), str, bool, int, float)}


def kind_of(result: Any) -> str:
    """The name of an object's type; "ndarray of another module" and the like if a foreign type has a known name."""
    kind = type(result)
    name = str(kind.__name__)[:100]
    own = _KNOWN_TYPES.get(name)
    return name if own is None or own is kind or issubclass(kind, _generic) else f"{name} of another module"


def copied(value: Any, depth: int = _DEPTH) -> Any:  # noqa: PLR0911 - a case each
    """Copy an array of numbers, a number, a string, None, or lists, tuples and dicts of these.

    Anything else, and whatever is too large or nested deeper than ``depth``, becomes an `Unusable`.
    """
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
            return {_key(name): copied(item, depth - 1) for name, item in value.items()}
        return kind(copied(item, depth - 1) for item in value)
    stand_in = describe_stand_in(value)
    if stand_in is not None:
        return Unusable(stand_in, "stand-in")
    name = kind_of(value)
    return Unusable(f"{name} that is no number" if name in _KNOWN_TYPES else name)


def _copied_array(value: NDArray[Any]) -> Any:
    """Copy an array, or one of a subclass (whose methods are not trusted), as a plain array."""
    plain = _plain(value)
    if plain.dtype.str not in _NUMBERS:
        return Unusable(f"array of dtype {str(plain.dtype)[:100]}", "dtype")
    if plain.size > MAX_ENTRIES or plain.ndim > _MAX_AXES:
        return Unusable(f"shape {plain.shape}", "shape")
    return _array(plain)


def _plain(value: NDArray[Any]) -> NDArray[Any]:
    return value if type(value) is _ndarray else _ndarray.view(value, _ndarray)


def _key(name: Any) -> str:
    try:
        return str(name)[:1000]
    except Exception:  # the __str__ of foreign code may raise
        return "?"


def same(one: Any, other: Any) -> bool:
    """Whether two results of `copied` hold the same arrays, bit for bit, so that a NaN equals itself."""
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


def describe_error(error: BaseException) -> str:
    """The type of an exception and its message, at most 1000 characters; the type alone if its __str__ raises."""
    try:
        message = str(error)
    except (Exception, SystemExit):  # the __str__ of foreign code may raise
        message = ""
    return f"{type(error).__name__}: {message[:1000]}" if message else type(error).__name__
