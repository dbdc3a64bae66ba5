"""What worker processes do in tests instead of judging or of making a part of the report."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console

from reports.course.entry import Entry
from reports.course.task import Result, Task
from reports.io.exit_codes import INTERRUPTED
from reports.io.interruption import terminable
from reports.io.progress import Display
from reports.study import gather
from reports.study.cache import Cache
from reports.study.part import Part, PartResult
from reports.study.results import Study


def act(task: Task) -> Result:
    """Die, raise, hang, or pass, as the submission's name says."""
    name = task.submission.name
    if name.startswith("dies"):
        os._exit(7)
    if name.startswith("raises"):
        raise ValueError("of no use")
    if name.startswith("hangs"):
        # This file must be found and removed when the process is killed.
        Path(tempfile.mkdtemp(), "left").touch()
        time.sleep(1000)
    return Result(Entry(name, "pass"))


def look_around(name: str) -> dict[str, list[str]]:
    """Return where this process looks for modules, and which modules it has imported from which files."""
    __import__(name)
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return {
        "path": [os.path.abspath(each) for each in sys.path],  # noqa: PTH100 - an empty entry is the current folder
        "modules": sorted(sys.modules),
        "files": sorted(each for each in files if each),
    }


def tell_process(display: Display) -> PartResult:
    """Return the number of the process."""
    return PartResult({"process": os.getpid()})


def fail(display: Display) -> PartResult:
    """Raise an exception."""
    raise ValueError("of no use")


def die(display: Display) -> PartResult:
    """End the process."""
    os._exit(7)


class Leave:
    """Leaves a file behind, a little later."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, display: Display) -> PartResult:
        time.sleep(0.2)
        self._path.touch()
        return PartResult({})


class Note:
    """Notes in a folder that this part has been made, and keeps a little array."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    def __call__(self, display: Display) -> PartResult:
        time.sleep(0.02)
        (self._folder / self._name).touch()
        return PartResult({"name": self._name}, {"numbers": np.arange(100.0)})


def study(folder: str, places: Sequence[Literal["here", "beside"]]) -> Study:
    """Gather a part for each place, as `bp report` does, and tell of each that is kept."""
    gather.cores = lambda: 2
    made = Path(folder, "made")
    made.mkdir(exist_ok=True)
    names = [f"{place}-{n}" for n, place in enumerate(places)]
    parts = [Part(name, {}, Note(made, name), place=place) for name, place in zip(names, places, strict=True)]
    try:
        with terminable():
            return gather.gather(parts, _Telling(Path(folder, "cache")), Display(Console(quiet=True)))
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


class _Telling(Cache):
    def put(self, part: Part, result: PartResult) -> None:
        super().put(part, result)
        print(part.name, flush=True)  # noqa: T201 - whoever ends this process waits for it
