"""The result of a benchmark: tables of plain values, which the terminal shows and JSON stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference.engine import Effort

__all__ = ["BenchError", "Effort", "Say", "Table"]

#: Called with a line that tells the user what the benchmark is doing now.
Say = Callable[[str], None]


class BenchError(Exception):
    """A benchmark cannot be run here, or the programs that it compares do not compute the same numbers."""


@dataclass(frozen=True)
class Table:
    """A table of measurements.

    Attributes
    ----------
    title
        What is measured, and at which sizes.
    rows
        One mapping for each row, from the column's name to the value. The name says the unit. None stands where a
        column does not apply.
    note
        What a reader must know to understand the table.
    """

    title: str
    rows: Sequence[Mapping[str, Any]]
    note: str = ""

    def columns(self) -> list[str]:
        """The names of all columns, in the order in which they first appear."""
        return list(dict.fromkeys(name for row in self.rows for name in row))
