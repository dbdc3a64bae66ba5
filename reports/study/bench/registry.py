"""The names of all benchmarks, and how each is loaded.

A benchmark is imported when it is run, because the command line needs the names for its help and must start fast.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from reports.study.bench.tables import Effort, Say, Table

#: What ``--only`` takes. Each has a module of its name in this package, with "_" for "-".
BENCHMARKS = (
    "examiner", "gradcheck", "checkers", "mistakes", "second-hand", "false-alarms", "accuracy", "search",
    "softmax-cost", "training", "calls", "growth", "footprint",
)  # fmt: skip


def runner(name: str) -> Callable[[Effort, Say], list[Table]]:
    """The function ``run`` of the benchmark with that name: it measures, and returns tables."""
    module = importlib.import_module(f"reports.study.bench.{name.replace('-', '_')}")
    return cast("Callable[[Effort, Say], list[Table]]", module.run)
