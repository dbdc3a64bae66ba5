"""The values of options: each function reads one from the text on the command line, or says what was expected."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

#: MiB; with less, numpy itself cannot be imported.
_LEAST_MEMORY = 128
_Number = TypeVar("_Number", int, float)


def not_empty(text: str) -> str:
    """Return the text; refuse an empty one, which `Path` would take for the current folder."""
    if not text.strip():
        cause = "a variable of the shell that is not set gives that"
        raise argparse.ArgumentTypeError(f"expected a path, got {text!r} ({cause}): write the path")
    return text


def path(text: str) -> Path:
    """Return the text as a path that is not empty."""
    return Path(not_empty(text))


def count(text: str) -> int:
    """Return the integer of at least 1 that the text names."""
    value = _number(int, text)
    if value is None or value < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, got {text!r}")
    return value


def memory(text: str) -> int:
    """Return the number of MiB, which must do for numpy."""
    value = _number(int, text)
    if value is None or value < _LEAST_MEMORY:
        least = f"{_LEAST_MEMORY}, the MiB that numpy needs"
        raise argparse.ArgumentTypeError(f"expected an integer of at least {least}, got {text!r}")
    return value


def shard(text: str) -> tuple[int, int]:
    """Return the number of a shard and that of all shards, from a text such as 2/8."""
    number, _, every = text.partition("/")
    place, whole = _number(int, number), _number(int, every)
    if place is None or whole is None or not 1 <= place <= whole:
        raise argparse.ArgumentTypeError(f"expected I/N with 1 <= I <= N, such as 2/8, got {text!r}")
    return place, whole


def seed(text: str) -> int:
    """Return the seed that the text names."""
    value = _number(int, text)
    if value is None or not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"expected an integer from 0 to 2^32 - 1, got {text!r}")
    return value


def positive(text: str) -> float:
    """Return the finite number above 0 that the text names."""
    value = _number(float, text)
    if value is None or not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a finite number above 0, got {text!r}")
    return value


def _number(kind: Callable[[str], _Number], text: str) -> _Number | None:
    """Return the number, or None if the text is none, so that the caller can say what was expected.

    Of a ValueError argparse would tell the user only the name of our function.
    """
    try:
        return kind(text)
    except ValueError:
        return None
