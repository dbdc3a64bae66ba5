"""What a benchmark answers: tables of plain values, for the terminal and for JSON alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference.engine import Effort

__all__ = ["BenchError", "Benchmark", "Effort", "Say", "Table"]

Say = Callable[[str], None]


class BenchError(Exception):
    """A benchmark cannot be made, or what it compares does not compute the same numbers."""


@dataclass(frozen=True)
class Table:
    """Measurements.

    Attributes
    ----------
    title
        What is measured, at which sizes.
    rows
        Column's name -> value; the names say the units. None: does not apply.
    note
        What has to be known to read it.
    """

    title: str
    rows: Sequence[Mapping[str, Any]]
    note: str = ""

    def columns(self) -> list[str]:
        """Names in order of first appearance."""
        return list(dict.fromkeys(name for row in self.rows for name in row))


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    Attributes
    ----------
    name
        What ``--only`` takes.
    run
        Makes the tables; says now and then what it is at.
    """

    name: str
    run: Callable[[Effort, Say], list[Table]]
