"""Values that are computed once in a process and shared by all examinations in it: cases, truths, bounds.

The truth of a case depends on the case alone. Whoever judges many implementations with the same cases
(a class of hand-ins, the known mistakes of a diagnosis) would otherwise compute it again for each.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")

#: Of all arrays that are kept at a time. The cases and truths of one examination take 5 MB at most.
MAX_BYTES = 2**26
#: What a value without arrays counts for, so that the number of values is limited too.
_LEAST = 200


class Memo:
    """Values by key, of which those that were used last are kept.

    Parameters
    ----------
    most_bytes
        Of the arrays in all values together.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._total = 0
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of this key, which ``make`` gives the first time.

        Its arrays are made read-only, since others will be given the same ones.
        """
        if key in self._values:
            self._values.move_to_end(key)
            found: Value = self._values[key][0]
            return found
        value = make()
        size = _LEAST
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
    """A key for these arrays: their shapes, types and numbers."""
    total = blake2b(digest_size=16)
    for array in arrays:
        total.update(f"{array.shape}{array.dtype.str}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.digest()


def _arrays(value: Any) -> Iterator[NDArray[Any]]:
    """The arrays in a value: an array, a record, or a tuple of such."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _arrays(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _arrays(getattr(value, field.name))


#: Shared by all examinations in this process.
memo = Memo(MAX_BYTES)
