"""Messages between the examiner and a process that runs foreign code: lengths first, then JSON, then arrays.

No pickle: what arrives is numbers, names and arrays whatever was sent, and each is checked before it is believed.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .protocol import Call, Get, Laid, New, Put, Ref, Reply, Seed, Unusable

#: More than any honest question or answer needs: the gradient of the lab's deepest net has half a megabyte.
MOST_JSON, MOST_BYTES = 2**22, 2**26
_MOST_AXES = 8
_DEPTH = 12
_LENGTHS = struct.Struct(">QQ")
_DTYPES = {
    dtype.str: dtype
    for dtype in map(np.dtype, ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "c8", "c16"))
}
_RECORDS: dict[str, Any] = {each.__name__: each for each in (Ref, Seed, Laid, New, Put, Call, Get, Reply, Unusable)}


class FrameError(Exception):
    """What came is no frame of ours; the message says why."""


def packed(value: Any) -> bytes:
    """A frame that holds ``value``: None, numbers, strings, arrays, lists, tuples, dicts, and steps and replies.

    Raises
    ------
    FrameError
        It is too large, or of another kind.
    """
    arrays: list[NDArray[Any]] = []
    try:
        text = json.dumps(_tree(value, arrays, _DEPTH), separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FrameError(f"cannot be sent: {error}") from error
    data = b"".join(array.tobytes() for array in arrays)
    if len(text) > MOST_JSON or len(data) > MOST_BYTES:
        raise FrameError(f"too large: {len(text)} and {len(data)} bytes, at most {MOST_JSON} and {MOST_BYTES}")
    return _LENGTHS.pack(len(text), len(data)) + text + data


def unpacked(receive: Callable[[int], bytes]) -> Any:
    """The value in the next frame; ``receive(n)`` gives exactly n bytes.

    Raises
    ------
    FrameError
        A length is too large, or the contents are not as `packed` makes them.
    """
    text_length, data_length = _LENGTHS.unpack(receive(_LENGTHS.size))
    if text_length > MOST_JSON or data_length > MOST_BYTES:
        raise FrameError(f"announced {text_length} and {data_length} bytes, at most {MOST_JSON} and {MOST_BYTES}")
    text, data = receive(text_length), receive(data_length)
    try:
        return _value(json.loads(text), _Reader(data), _DEPTH)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise FrameError(f"malformed: {type(error).__name__}: {error}") from error


class _Reader:
    """Hands out the arrays' bytes in order."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def array(self, dtype: str, shape: list[int]) -> NDArray[Any]:
        kind = _DTYPES[dtype]
        if len(shape) > _MOST_AXES or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"no shape: {shape}")
        n_bytes = math.prod(shape) * kind.itemsize
        if n_bytes > len(self._data) - self._place:
            raise ValueError(f"an array of {n_bytes} bytes that did not come")
        start = self._place
        self._place += n_bytes
        # A copy: what is built on a buffer of bytes cannot be written to.
        return np.frombuffer(self._data[start : self._place], kind).reshape(shape).copy()


def _tree(value: Any, arrays: list[NDArray[Any]], depth: int) -> Any:  # noqa: PLR0911 - a case each
    """JSON with a letter before whatever JSON itself would mistake."""
    if depth == 0:
        raise FrameError("too deeply nested")
    if value is None or type(value) in {bool, int, str}:
        return value
    if type(value) is float:
        return ["f", value.hex()]  # NaN and infinity too, and to the last bit
    if type(value) is np.ndarray:
        if value.dtype.str not in _DTYPES:
            raise FrameError(f"an array of dtype {value.dtype}")
        arrays.append(np.ascontiguousarray(value))
        return ["a", value.dtype.str, list(value.shape)]
    if isinstance(value, np.generic):
        return ["s", _tree(np.asarray(value), arrays, depth - 1)]
    if type(value) in {list, tuple}:
        return ["l" if type(value) is list else "t", [_tree(item, arrays, depth - 1) for item in value]]
    if isinstance(value, Mapping):
        return ["d", [[_tree(item, arrays, depth - 1) for item in pair] for pair in value.items()]]
    if type(value).__name__ in _RECORDS:
        contents = [_tree(getattr(value, each.name), arrays, depth - 1) for each in fields(value)]
        return ["r", type(value).__name__, contents]
    raise FrameError(f"an object of type {type(value).__name__}")


def _value(tree: Any, reader: _Reader, depth: int) -> Any:  # noqa: PLR0911 - a case each
    if depth == 0:
        raise ValueError("too deeply nested")
    if tree is None or type(tree) in {bool, int, str}:
        return tree
    kind, *rest = tree
    match kind:
        case "f":
            return float.fromhex(rest[0])
        case "a":
            return reader.array(*rest)
        case "s":
            return _value(rest[0], reader, depth - 1)[()]
        case "l" | "t":
            items = [_value(item, reader, depth - 1) for item in rest[0]]
            return items if kind == "l" else tuple(items)
        case "d":
            return {_value(name, reader, depth - 1): _value(item, reader, depth - 1) for name, item in rest[0]}
        case "r":
            return _RECORDS[rest[0]](*(_value(item, reader, depth - 1) for item in rest[1]))
    raise ValueError(f"unknown kind {kind!r}")
