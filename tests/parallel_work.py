"""What worker processes do in tests instead of judging; it depends on the submission's name."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from reports.course.entry import Entry
from reports.course.task import Result, Task


def act(task: Task) -> Result:
    """Die, raise, hang, or pass."""
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
