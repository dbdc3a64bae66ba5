"""Refuses, before any process is started, a path without Python files and one with several implementations.

Nothing of the submission is run or parsed here, since it may be hostile.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from reference.execution import sanitize, submission_files
from reference.execution.implementation import CLASSES, NotAnImplementation
from reference.execution.worker import reading, versions

#: Files that are looked at, and Python files that are read.
_MAX_SEEN, _MAX_FILES = 20_000, 2000


def refuse_what_cannot_be_judged(root: Path, name: str) -> None:
    """Raise an exception if a submission cannot be judged for what it consists of.

    Parameters
    ----------
    root
        The submission: a file or a folder.
    name
        What it is called in messages.

    Raises
    ------
    NotAnImplementation
        There is no Python file in it, or there are several implementations that are equally likely to be meant. The
        message says what to do.
    """
    if root.is_dir():
        files = list(_python_files(root))
        if not files:
            raise NotAnImplementation(f"there is no Python file in {name}{_notebook(root)}")
        tied = versions.choose(_summaries(files, root), CLASSES, root.name).tied
        if tied:
            raise NotAnImplementation(sanitize.printable(versions.ambiguity(tied, name)))
    elif root.suffix == ".ipynb":
        raise NotAnImplementation(f"there is no Python file in {name}, only a notebook: save its code as a .py file")
    elif root.suffix != ".py":
        raise NotAnImplementation(f"{name} is no Python file: expected a folder or a file that ends with .py")


def _python_files(root: Path) -> Iterator[Path]:
    """The Python files that the worker would read: see `reference.execution.worker.reading.files`."""
    for path in itertools.islice(submission_files.files(root), _MAX_SEEN):
        parts = path.relative_to(root).parts
        if path.suffix == ".py" and not any(each in reading.SKIPPED or each.startswith(".") for each in parts):
            yield path


def _notebook(root: Path) -> str:
    found = any(path.suffix == ".ipynb" for path in itertools.islice(submission_files.files(root), _MAX_SEEN))
    return ", only a notebook: save its code as a .py file" if found else ""


def _summaries(files: Iterable[Path], root: Path) -> dict[PurePath, versions.FileSummary]:
    return {
        path.relative_to(root): versions.summarize(submission_files.contents(path, reading.MAX_BYTES) or b"")
        for path in itertools.islice(files, _MAX_FILES)
    }
