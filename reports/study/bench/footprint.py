"""Measures the time to import `bp` compared with numpy, and the memory of the MNIST experiment besides its data."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from typing import Any

from reports.io import searchpath
from reports.study.bench.tables import BenchError, Effort, Say, Table
from reports.study.bench.training import PLANS

_IMAGES = 60_000
_IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
#: Runs two epochs of the lab's MNIST experiment, and prints the megabytes of its data, and the peaks of both.
_EXPERIMENT = """
import json, resource, sys
from dataclasses import replace
from reports.study.bench.training import mnist
from reports.training.experiments import EXPERIMENTS, build_net, run
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
experiment = replace(EXPERIMENTS["mnist"], dtype=sys.argv[1], n_epochs=2)
data, where = mnist(int(sys.argv[2]))
given, loaded = sum(array.nbytes for array in data) / 2**20, peak()
run(experiment, data, build_net(experiment))
print(json.dumps({"given": given, "loaded": loaded, "peak": peak(), "where": where}))
"""


def run(effort: Effort, say: Say) -> list[Table]:
    """Measure imports and memory, in fresh processes."""
    plan = PLANS[effort]
    say("footprint: imports")
    tables = [imports(3 * plan.rounds)]
    if sys.platform != "win32":  # there a process's peak cannot be read in this way
        say("footprint: memory of the MNIST experiment")
        tables.append(memory(_IMAGES))
    return tables


def imports(rounds: int) -> Table:
    """Measure how long ``import`` takes in a fresh interpreter, whose own start does not count."""
    modules = ("numpy", "bp")
    seconds: dict[str, list[float]] = {name: [] for name in modules}
    for _ in range(1 + rounds):  # the first round fills the caches and does not count
        for name in modules:
            seconds[name].append(float(_output(_IMPORT.format(name))))
    ratios = [b / a for a, b in zip(seconds["numpy"][1:], seconds["bp"][1:], strict=True)]
    rows = [{"import": name, "ms": 1e3 * median(seconds[name][1:])} for name in modules]
    rows[1] |= {"/ numpy": median(ratios), "goal": 1.2}
    return Table(
        "Importing", rows, f"Times are medians over {rounds} fresh processes for each; bp imports numpy itself."
    )


def memory(images: int) -> Table:
    """Measure the megabytes that two epochs of the MNIST experiment take."""
    rows, where = [], ""
    for dtype in ("float64", "float32"):
        found = json.loads(_output(_EXPERIMENT, dtype, str(images)))
        where = found["where"]
        row: dict[str, Any] = {"dtype": dtype, "images given, MB": found["given"], "loaded, peak, MB": found["loaded"]}
        rows.append(
            row | {"peak, MB": found["peak"], "peak - loaded, MB": found["peak"] - found["loaded"], "goal": 150.0}
        )
    note = (
        "Given: the images and targets, in single precision. Loading them takes more for a while; the rest is what "
        f"training takes besides. The peaks are those of the whole process, Python and numpy included. {where}"
    )
    return Table("Memory of the MNIST experiment", rows, note)


def _output(script: str, *arguments: str) -> str:
    # Without -B Python keeps compiled files, as it does for most users.
    command = searchpath.command(script, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BenchError(f"footprint: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout
