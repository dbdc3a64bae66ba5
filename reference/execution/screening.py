"""Looks at what was handed in before anything is started: whether there is Python in it, and one submission.

Nothing is run or parsed here, since what is looked at may be anything.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from reference.execution import sanitize, submission_files
from reference.execution.implementation import CLASSES, NotAnImplementation
from reference.execution.worker import choosing, reading

_MOST_SEEN = 2000


def refuse_what_cannot_be_judged(root: Path, name: str) -> None:
    """Refuse what has no Python file in it, and several implementations that are equally likely to be meant.

    Raises
    ------
    NotAnImplementation
        With what to do instead.
    """
    if root.is_dir():
        files = list(_python_files(root))
        if not files:
            raise NotAnImplementation(f"there is no Python file in {name}{_notebook(root)}")
        tied = choosing.choose(_seen(files, root), CLASSES, root.name).tied
        if tied:
            raise NotAnImplementation(sanitize.printable(choosing.told(tied, name)))
    elif root.suffix == ".ipynb":
        raise NotAnImplementation(f"there is no Python file in {name}, only a notebook: save its code as a .py file")
    elif root.suffix != ".py":
        raise NotAnImplementation(f"{name} is no Python file: expected a folder or a file that ends with .py")


def _python_files(root: Path) -> Iterator[Path]:
    """Those that `reference.execution.worker.reading` would look at."""
    for path in itertools.islice(submission_files.files(root), 10 * _MOST_SEEN):
        parts = path.relative_to(root).parts
        if path.suffix == ".py" and not any(each in reading.SKIPPED or each.startswith(".") for each in parts):
            yield path


def _notebook(root: Path) -> str:
    found = any(path.suffix == ".ipynb" for path in itertools.islice(submission_files.files(root), 10 * _MOST_SEEN))
    return ", only a notebook: save its code as a .py file" if found else ""


def _seen(files: Iterable[Path], root: Path) -> dict[PurePath, choosing.Seen]:
    return {
        path.relative_to(root): choosing.seen(submission_files.contents(path, reading.MOST_BYTES) or b"")
        for path in itertools.islice(files, _MOST_SEEN)
    }
