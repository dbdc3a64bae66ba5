"""Writes the arguments of a counterexample as short numpy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reports.verdicts.text import lines_of, one_line

_DIGITS = 6
#: A larger array is abbreviated.
_MOST_ENTRIES = 60


def counterexample_lines(arguments: Mapping[str, Any], width: int = 100) -> list[str]:
    """Lines with ``name = array`` for each argument; the rows of a matrix stand below each other."""
    return [line for name, value in arguments.items() for line in _assignment(one_line(name), value, width)]


def _assignment(name: str, value: Any, width: int) -> list[str]:
    first, *rest = _value_lines(value, max(width - len(name) - 3, 20))
    return [f"{name} = {first}", *(" " * (len(name) + 3) + line for line in rest)]


def _value_lines(value: Any, width: int) -> list[str]:
    array = _as_numbers(value)
    if array is None:
        return lines_of(str(value), 5, 200) or [""]
    text = np.array2string(
        array,
        precision=_DIGITS,
        separator=", ",
        threshold=_MOST_ENTRIES,
        edgeitems=3,
        max_line_width=width,
        floatmode="maxprec",
    )
    return text.split("\n")


def _as_numbers(value: Any) -> np.ndarray[Any, np.dtype[Any]] | None:
    """The value as an array of numbers; None if it is something else."""
    try:
        array = np.asarray(value)
    except ValueError:  # nested lists of unequal lengths
        return None
    return array if array.dtype.kind in "fiub" else None
