"""Copies of what the submission's methods answer: arrays, numbers, strings, and lists, tuples and dicts of these.

What a method answers is foreign. Its methods are never called: the contents of a list are read by `list` itself, even
if the object belongs to a subclass that defines them anew. So an OrderedDict, a defaultdict or a named tuple is copied
as the plain dict or tuple that it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .protocol import Unusable
from .standins import describe_stand_in

# These names are bound before foreign code runs, which may replace attributes of numpy later.
_array, _ndarray, _generic = np.array, np.ndarray, np.generic
_PLAIN = (float, bool, type(None))
_WITHOUT_ARRAYS = frozenset({*_PLAIN, int, str})
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
_KNOWN_TYPES = {each.__name__: each for each in (_ndarray, list, tuple, dict, type(None), str, bool, int, float)}


def kind_of(result: Any) -> str:
    """The name of an object's type; "ndarray of another module" and the like if a foreign type has a known name."""
    kind = type(result)
    name = str(kind.__name__)[:100]
    own = _KNOWN_TYPES.get(name)
    return name if own is None or own is kind or issubclass(kind, _generic) else f"{name} of another module"


def copied(value: Any, depth: int = _DEPTH) -> Any:  # noqa: PLR0911 - a case each
    """Copy an array of numbers, a number, a string, None, or lists, tuples and dicts of these.

    Objects of subclasses of ndarray, list, tuple and dict are copied as plain ones. Anything else, and whatever is too
    large or nested deeper than ``depth``, becomes an `Unusable`.
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
    base = _container(value)
    if base is not None:
        size = base.__len__(value)
        if size > _MAX_ITEMS or not depth:
            return Unusable(f"{base.__name__} of {size} items" if depth else f"{base.__name__} within {_DEPTH}")
        if base is dict:
            return {_key(name): copied(item, depth - 1) for name, item in _items(value)}
        return base(copied(item, depth - 1) for item in _contents(value, base))
    stand_in = describe_stand_in(value)
    if stand_in is not None:
        return Unusable(stand_in, "stand-in")
    name = kind_of(value)
    return Unusable(f"{name} that is no number" if name in _KNOWN_TYPES else name)


def _container(value: Any) -> Any:
    """Which of list, tuple and dict an object is, itself or by inheritance; None if it is none of them."""
    kind = type(value)
    return next((base for base in (list, tuple, dict) if issubclass(kind, base)), None)


def _items(value: dict[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """The items of a dict; a key whose `__str__` adds items while they are copied cannot make them endless."""
    return islice(dict.items(value), _MAX_ITEMS)


def _contents(value: Any, base: Any) -> Iterator[Any]:
    """The contents of a list or a tuple, or the values of a dict, read by the base class."""
    return islice(dict.values(value) if base is dict else base.__iter__(value), _MAX_ITEMS)


def _copied_array(value: NDArray[Any]) -> Any:
    """Copy an array, or one of a subclass (whose methods are not trusted), as a plain array."""
    plain = as_plain(value)
    if plain.dtype.hasobject:
        described = (describe_stand_in(each) for each in islice(plain.flat, _MAX_ITEMS))
        stand_in = next((each for each in described if each is not None), None)
        if stand_in is not None:
            return Unusable(stand_in, "stand-in")
    if plain.dtype.str not in _NUMBERS:
        return Unusable(f"array of dtype {str(plain.dtype)[:100]}", "dtype")
    if plain.size > MAX_ENTRIES or plain.ndim > _MAX_AXES:
        return Unusable(f"shape {plain.shape}", "shape")
    return _array(plain)


def as_plain(value: NDArray[Any]) -> NDArray[Any]:
    """An array of a subclass as a plain array on the same memory."""
    return value if type(value) is _ndarray else _ndarray.view(value, _ndarray)


def _key(name: Any) -> str:
    try:
        text = name if issubclass(type(name), str) else str(name)
        return str.__str__(text)[:1000]
    except Exception:  # the __str__ of foreign code may raise
        return "?"


def still_equals(copy: Any, value: Any) -> bool:
    """Whether an object holds the same arrays as when `copied` made ``copy`` of it."""
    if type(copy) is _ndarray and type(value) is _ndarray:  # the usual case, without another copy
        return _same(copy, value)
    if copy is value and type(copy) in _WITHOUT_ARRAYS:
        return True
    ones, others = list(arrays_in(copy)), list(arrays_in(copied(value)))
    return len(ones) == len(others) and all(map(_same, ones, others))


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two arrays are the same, bit for bit, so that a NaN equals itself."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def arrays_in(value: Any, depth: int = _DEPTH) -> Iterator[NDArray[Any]]:
    """All arrays in an answer, as plain arrays on the same memory."""
    if issubclass(type(value), _ndarray):
        yield as_plain(value)
        return
    base = _container(value) if depth else None
    if base is not None:
        for item in _contents(value, base):
            yield from arrays_in(item, depth - 1)
