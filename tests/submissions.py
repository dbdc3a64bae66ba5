"""Submissions for ``bp check``, right and wrong, and the exit code that it gives them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reference.lab.mistakes import plain
from reports import cli
from tests.comparing import needs_flint

#: Of a file that hands submissions to the command, each test in an empty folder.
MARKS = [
    needs_flint,
    pytest.mark.skipif(os.name != "posix", reason="needs POSIX"),
    pytest.mark.system,
    pytest.mark.usefixtures("elsewhere"),
]

RIGHT = Path(plain.__file__).read_text(encoding="utf-8")
LEAKY = RIGHT.replace("return np.maximum(X, 0)", "return np.maximum(X, 0.01 * X)")
NAIVE = RIGHT.replace("X - X.max(axis=1, keepdims=True)", "X")
PYTHON_2 = f"print 'hello'\n{RIGHT}"
HANGS = RIGHT.replace("return np.maximum(X, 0)", "\n        while True: pass")
RELU = ("--effort", "quick", "--only", "relu.*")
#: The course in the current folder, judged in one process: each takes a third of a second to start.
COURSE = ("--all", "course", "-j", "1", *RELU)


def hand_in(folder: Path, **sources: str) -> None:
    """Write a file for each source into a folder."""
    folder.mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")


def exit_code(*argv: str) -> int:
    """The exit code of ``bp``, also if argparse ends the process."""
    try:
        return cli.main(argv)
    except SystemExit as stop:
        return int(stop.code or 0)


def outcome(*argv: str) -> int:
    """The exit code of ``bp check``."""
    return exit_code("check", *argv)


def submission(source: str) -> str:
    """Write a submission into the current folder and return its path."""
    Path("net.py").write_text(source, encoding="utf-8")
    return "net.py"
