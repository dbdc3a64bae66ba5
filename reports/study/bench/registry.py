"""The names of all benchmarks, and how each is loaded.

A benchmark is imported when it is run, because the command line needs the names for its help and must start fast.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from reports.study.bench.tables import Effort, Say, Table

#: The module of each benchmark in this package, by the name that ``--only`` takes.
BENCHMARKS = {
    "examiner": "examiner",
    "gradcheck": "gradcheck",
    "mistakes": "mistakes",
    "second-hand": "second_hand",
    "false-alarms": "false_alarms",
    "accuracy": "accuracy",
    "search": "search",
    "softmax-cost": "softmax_cost",
    "training": "training",
    "calls": "calls",
    "growth": "growth",
    "footprint": "footprint",
}


def runner(name: str) -> Callable[[Effort, Say], list[Table]]:
    """The function ``run`` of the benchmark with that name: it measures, and returns tables."""
    module = importlib.import_module(f"reports.study.bench.{BENCHMARKS[name]}")
    return cast("Callable[[Effort, Say], list[Table]]", module.run)
