"""A cache for what all examinations in a process share: cases, expected values and bounds.

The expected values of a case depend on the case alone. Without the cache they would be computed again for each of many
implementations that are judged by the same cases (a course of submissions, the known mistakes of a diagnosis).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")

#: Bytes of all arrays that are kept at a time. The cases and expected values of one examination take at most 5 MB.
MAX_BYTES = 2**26
#: Bytes that each value counts for besides its arrays, so that the number of values is limited too.
_BYTES_OF_VALUE = 200


class Memo:
    """A cache of values by key; the least recently used ones are dropped first.

    Parameters
    ----------
    most_bytes
        How many bytes the arrays in all values may take together. The latest value is kept even if it takes more.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._total = 0
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value for a key, made by ``make`` if it is not in the cache.

        Its arrays are made read-only, since other callers get the same ones.
        """
        if key in self._values:
            self._values.move_to_end(key)
            found: Value = self._values[key][0]
            return found
        value = make()
        size = _BYTES_OF_VALUE
        for array in _arrays(value):
            array.flags.writeable = False
            size += array.nbytes
        self._values[key] = value, size
        self._total += size
        while self._total > self._most and len(self._values) > 1:
            self._total -= self._values.popitem(last=False)[1][1]
        return value

    def __len__(self) -> int:
        return len(self._values)


def digest(*arrays: NDArray[Any]) -> bytes:
    """A hash of the shapes, dtypes and entries of some arrays, 16 bytes, to be used as a key."""
    total = blake2b(digest_size=16)
    for array in arrays:
        total.update(f"{array.shape}{array.dtype.str}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.digest()


def _arrays(value: Any) -> Iterator[NDArray[Any]]:
    """The arrays in a value, which is an array, or dataclasses, tuples, lists and mappings of arrays."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _arrays(item)
    elif isinstance(value, Mapping):
        yield from _arrays(list(value.values()))
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _arrays(getattr(value, field.name))


#: The cache that all examinations in this process share.
memo = Memo(MAX_BYTES)
