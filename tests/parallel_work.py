"""What worker processes do in tests instead of judging or of making a part of the report."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from reports.course.entry import Entry
from reports.course.task import Result, Task
from reports.io.progress import Display
from reports.study.part import PartResult


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
