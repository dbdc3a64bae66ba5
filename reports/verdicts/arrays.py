"""The arguments that show a failure, as short arrays in numpy's spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reports.verdicts.text import lines_of, one_line

_DIGITS = 6
_MOST_ENTRIES = 60


def counterexample_lines(arguments: Mapping[str, Any], width: int = 100) -> list[str]:
    """``name = array`` for each argument, the rows of an array below each other."""
    return [line for name, value in arguments.items() for line in _named(one_line(name), value, width)]


def _named(name: str, value: Any, width: int) -> list[str]:
    first, *rest = _spelled(value, max(width - len(name) - 3, 20))
    return [f"{name} = {first}", *(" " * (len(name) + 3) + line for line in rest)]


def _spelled(value: Any, width: int) -> list[str]:
    array = _numbers(value)
    if array is None:
        return lines_of(str(value), 5, 200) or [""]
    spelled = np.array2string(
        array,
        precision=_DIGITS,
        separator=", ",
        threshold=_MOST_ENTRIES,
        edgeitems=3,
        max_line_width=width,
        floatmode="maxprec",
    )
    return spelled.split("\n")


def _numbers(value: Any) -> np.ndarray[Any, np.dtype[Any]] | None:
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        return None
    return array if array.dtype.kind in "fiub" else None
