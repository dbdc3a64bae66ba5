"""The format of the messages between the examiner and the worker: two lengths, then JSON, then the bytes of arrays.

Pickle is not used: whatever was sent, unpacking a frame makes nothing but numbers, strings, arrays, containers of these
and the records of `protocol`.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .protocol import (
    DONE,
    Call,
    Define,
    Descend,
    Get,
    Grey,
    Keep,
    Laid,
    New,
    Place,
    Put,
    Ref,
    Reply,
    Rows,
    Seed,
    Unusable,
)

#: Bytes of JSON and of arrays in a frame: more than any honest request or reply needs. The gradient of the lab's
#: deepest net has half a megabyte.
MAX_JSON, MAX_BYTES = 2**21, 2**23
#: Bytes of arrays in a request, which the examiner makes: it may hold a whole batch of images.
MAX_REQUEST_BYTES = 2**25
_MAX_AXES = 8
_DEPTH = 12
_MAX_BITS = 64
_LENGTHS = struct.Struct(">QQ")
_DTYPES = {
    dtype.str: dtype
    for dtype in map(np.dtype, ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "c8", "c16"))
}
_TRUTH_VALUE = _DTYPES[np.dtype("?").str]
#: The records that a request may hold, and those that a reply may hold, by their names.
REQUEST: Mapping[str, Any] = {
    each.__name__: each for each in (Ref, Rows, Seed, Laid, New, Put, Call, Get, Define, Keep, Descend, Grey)
}
REPLY: Mapping[str, Any] = {each.__name__: each for each in (Reply, Unusable, Place)}
_RECORDS = {**REQUEST, **REPLY}
#: Made once for all frames. The check for circular references is not needed, since `_tree` makes none.
_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


class FrameError(Exception):
    """A value cannot be packed, or what was received is not a valid frame; the message says why."""


def packed(value: Any, most: int = MAX_BYTES) -> bytes:
    """Pack a value into a frame.

    Parameters
    ----------
    value
        None, a number, a string, an array, a step or a reply of `protocol`, or lists, tuples and dicts of these.
    most
        How many bytes of arrays it may hold.

    Raises
    ------
    FrameError
        The value is too large, or of another type.
    """
    arrays: list[NDArray[Any]] = []
    try:
        text = _ENCODER.encode(_tree(value, arrays, _DEPTH)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FrameError(f"cannot be sent: {error}") from error
    data = b"".join(array.tobytes() for array in arrays)
    if len(text) > MAX_JSON or len(data) > most:
        raise FrameError(f"too large: {len(text)} and {len(data)} bytes, at most {MAX_JSON} and {most}")
    return _LENGTHS.pack(len(text), len(data)) + text + data


def unpacked(receive: Callable[[int], bytes], records: Mapping[str, Any]) -> Any:
    """Receive the next frame and return the value in it.

    Parameters
    ----------
    receive
        ``receive(n)`` returns exactly the next n bytes. Its exceptions pass through.
    records
        The record types that the frame may hold: `REQUEST` or `REPLY`.

    Raises
    ------
    FrameError
        A length is too large, or the contents are not as `packed` makes them.
    """
    text_length, data_length = _LENGTHS.unpack(receive(_LENGTHS.size))
    most = MAX_REQUEST_BYTES if records is REQUEST else MAX_BYTES
    if text_length > MAX_JSON or data_length > most:
        raise FrameError(f"announced {text_length} and {data_length} bytes, at most {MAX_JSON} and {most}")
    text, data = receive(text_length), receive(data_length)
    try:
        return _value(json.loads(text.decode()), _Reader(data, records), _DEPTH)
    except Exception as error:  # whatever goes wrong here, the frame is to blame
        raise FrameError(f"malformed: {type(error).__name__}: {str(error)[:200]}") from None


class _Reader:
    """Takes the arrays, in order, from the bytes of a frame; ``records`` are the record types that it may hold."""

    def __init__(self, data: bytes, records: Mapping[str, Any]) -> None:
        self._data, self._place, self.records = data, 0, records

    def array(self, dtype: str, shape: list[int]) -> NDArray[Any]:
        kind = _DTYPES[dtype]
        if len(shape) > _MAX_AXES or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"no shape: {shape}")
        n_bytes = math.prod(shape) * kind.itemsize
        if n_bytes > len(self._data) - self._place:
            raise ValueError(f"an array of {n_bytes} bytes that did not come")
        start = self._place
        self._place += n_bytes
        # Of a byte for a truth value, only whether it is 0 counts: other values would make comparisons inconsistent.
        if kind is _TRUTH_VALUE:
            return np.asarray(np.ndarray(shape, np.uint8, self._data, start) != 0)
        array: NDArray[Any] = np.ndarray(shape, kind, self._data, start)
        # An array on a buffer of bytes is read-only. `perform` copies what is in a request before anybody gets it.
        return array if self.records is REQUEST else array.copy()


_ITSELF = frozenset({bool, int, str, type(None)})
_FIELDS = {kind: tuple(each.name for each in fields(kind)) for kind in _RECORDS.values()}
#: Returns the values of all fields of a record; of a record with one field, that value instead of a tuple.
_CONTENTS = {kind: attrgetter(*names) for kind, names in _FIELDS.items()}
#: The values of the fields of an empty reply. Nearly all replies are empty, so trailing fields with these are not sent.
_BARE = tuple(getattr(DONE, name) for name in _FIELDS[Reply])
_DONE = ["r", "Reply", []]
#: The steps that make a network.
_REPEATED = frozenset({New, Put, Define})
_REMEMBERED = "_tree_in_frame"


def _contents_of(record: Any) -> Sequence[Any]:
    """The values of a record's fields that have to be sent."""
    kind = type(record)
    contents = _CONTENTS[kind](record)
    if len(_FIELDS[kind]) == 1:
        return (contents,)
    if kind is not Reply:
        return tuple(contents)
    count = len(contents)
    while count and contents[count - 1] is _BARE[count - 1]:
        count -= 1
    return tuple(contents[:count])


def _tree(value: Any, arrays: list[NDArray[Any]], depth: int) -> Any:  # noqa: C901, PLR0911 - a case each
    """Make a tree for JSON of a value: where JSON lacks the type, a list that begins with a letter for it."""
    kind = type(value)
    if kind in _ITSELF:
        return value
    if depth == 0:
        raise FrameError("too deeply nested")
    if kind is float:
        return ["f", value.hex()]  # NaN and infinity too, and to the last bit
    if kind is np.ndarray:
        if value.dtype.str not in _DTYPES:
            raise FrameError(f"an array of dtype {value.dtype}")
        arrays.append(value)
        return ["a", value.dtype.str, value.shape]
    depth -= 1
    if kind in _FIELDS:
        if value is DONE:
            return _DONE
        return _tree_of_step(value, arrays, depth) if kind in _REPEATED else _tree_of_record(value, arrays, depth)
    if kind is list or kind is tuple:
        return ["l" if kind is list else "t", _trees(value, arrays, depth)]
    if kind is dict or isinstance(value, Mapping):
        return ["d", [[name, _tree(item, arrays, depth)] for name, item in value.items()]]
    if isinstance(value, np.generic):
        return ["s", _tree(np.asarray(value), arrays, depth)]
    raise FrameError(f"an object of type {kind.__name__}")


def _tree_of_record(record: Any, arrays: list[NDArray[Any]], depth: int) -> Any:
    return ["r", type(record).__name__, _trees(_contents_of(record), arrays, depth)]


def _tree_of_step(step: Any, arrays: list[NDArray[Any]], depth: int) -> Any:
    """The tree of a step, which remembers it: a network is made by the same steps for each of many requests."""
    known = step.__dict__.get(_REMEMBERED)
    if known is None or known[0] != depth:
        own: list[NDArray[Any]] = []
        known = depth, _tree_of_record(step, own, depth), own
        object.__setattr__(step, _REMEMBERED, known)  # a step is frozen, and this is no part of its value
    arrays.extend(known[2])
    return known[1]


def _trees(items: Iterable[Any], arrays: list[NDArray[Any]], depth: int) -> list[Any]:
    """The tree of each item; most items are their own trees, and a call for each of these would take longer."""
    return [item if type(item) in _ITSELF else _tree(item, arrays, depth) for item in items]


def _value(tree: Any, reader: _Reader, depth: int) -> Any:  # noqa: C901, PLR0911 - a case each
    kind = type(tree)
    if kind is str or tree is None or kind is bool or (kind is int and tree.bit_length() <= _MAX_BITS):
        return tree
    if depth == 0:
        raise ValueError("too deeply nested")
    if kind is not list:
        raise ValueError(f"{kind.__name__} outside a list, or too large")
    letter = tree[0]
    depth -= 1
    if letter == "r":
        record = reader.records[tree[1]]
        return DONE if record is Reply and tree[2] == [] else record(*_values(tree[2], reader, depth))
    if letter == "a":
        return reader.array(tree[1], tree[2])
    if letter == "d":
        return {_name(name): _value(item, reader, depth) for name, item in tree[1]}
    if letter == "f":
        return float.fromhex(tree[1])
    if letter == "l":
        return _values(tree[1], reader, depth)
    if letter == "t":
        return tuple(_values(tree[1], reader, depth))
    if letter == "s":
        return _value(tree[1], reader, depth)[()]
    raise ValueError(f"unknown kind {letter!r}")


def _values(trees: Iterable[Any], reader: _Reader, depth: int) -> list[Any]:
    return [item if type(item) is str else _value(item, reader, depth) for item in trees]


def _name(tree: Any) -> str:
    """A key of a dict, which must be a string: numbers can be chosen so that a dict of them takes very long to fill."""
    if type(tree) is not str:
        raise TypeError(f"a name of type {type(tree).__name__}")
    return tree
