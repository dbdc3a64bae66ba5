"""``bp bench``: runs the benchmarks and shows their tables."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from typing import Any

from rich.console import Console

from reports.io.exit_codes import OK, TOOL, UsageError
from reports.io.jsonfile import dumps
from reports.io.outputs import Outputs
from reports.study.bench import environment
from reports.study.bench.registry import BENCHMARKS, runner
from reports.study.bench.render import rich_table
from reports.study.bench.tables import BenchError, Table


def run(arguments: argparse.Namespace) -> int:
    """Run one benchmark, or all; print their tables, and write their numbers to the file ``arguments.json``."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    chosen = _chosen(arguments.only)
    outputs = Outputs({"json": arguments.json})
    out = errors if outputs.to_stdout else Console(highlight=False)
    records: dict[str, Any] = {}
    try:
        with environment.one_thread():
            for name in chosen:
                start = time.perf_counter()
                tables = runner(name)(arguments.effort, lambda text: errors.print(text, markup=False))
                records[name] = _record(tables, time.perf_counter() - start)
                for table in tables:
                    out.print(rich_table(table))
            # Described after the work, when every library that took part is loaded.
            machine = environment.describe()
    except BenchError as error:
        errors.print(f"bp bench: {error}", markup=False)
        return TOOL
    report = {"schema": 1, "effort": arguments.effort, "environment": machine, "benchmarks": records}
    for name in outputs.files:
        outputs.write(name, dumps(report))
    return OK


def _chosen(only: str | None) -> list[str]:
    """The names of the benchmarks to run."""
    if only is None:
        return list(BENCHMARKS)
    if only not in BENCHMARKS:
        raise UsageError(f"there is no benchmark {only!r}; there are: {', '.join(BENCHMARKS)}")
    return [only]


def _record(tables: list[Table], seconds: float) -> dict[str, Any]:
    return {"seconds": seconds, "tables": [asdict(table) for table in tables]}
