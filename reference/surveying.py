"""Looks at what was handed in before anything is started: whether there is Python in it, and one submission.

Nothing is run or parsed here, since what is looked at may be anything.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from reference import handing
from reference.implementation import CLASSES, NotAnImplementation
from reference.stage import loading

_CLASS = re.compile(rf"^class\s+({'|'.join(CLASSES)})\b".encode(), re.MULTILINE)
#: So many of the classes are an implementation, whatever is unfinished in it; an old copy beside the new one is no
#: second submission, and many people keep one.
_COMPLETE, _SEVERAL = 4, 3
_MOST_SEEN, _MOST_TOLD = 2000, 5


def refuse_what_cannot_be_judged(root: Path, name: str) -> None:
    """Refuse what has no Python file in it, and a folder of several submissions.

    It has several if at least three files or folders define at least four of the contract's six classes each. Of
    folders within one another the innermost counts, so that ``src/`` and ``src/mlp/`` are one.

    Raises
    ------
    NotAnImplementation
        With what to do instead.
    """
    if root.is_dir():
        files = list(_python_files(root))
        if not files:
            raise NotAnImplementation(f"there is no Python file in {name}{_notebook(root)}")
        complete = _complete(files, root)
        if len(complete) >= _SEVERAL:
            told = ", ".join([*complete[:_MOST_TOLD], *(["..."] if complete[_MOST_TOLD:] else [])])
            raise NotAnImplementation(
                f"{name} holds {len(complete)} implementations ({told}): name one of them, or judge each with "
                f"--all {name}"
            )
    elif root.suffix == ".ipynb":
        raise NotAnImplementation(f"there is no Python file in {name}, only a notebook: save its code as a .py file")
    elif root.suffix != ".py":
        raise NotAnImplementation(f"{name} is no Python file: expected a folder or a file that ends with .py")


def _python_files(root: Path) -> Iterator[Path]:
    """Those that `reference.stage.loading` would look at."""
    for path in itertools.islice(handing.files(root), 10 * _MOST_SEEN):
        parts = path.relative_to(root).parts
        if path.suffix == ".py" and not any(each in loading.SKIPPED or each.startswith(".") for each in parts):
            yield path


def _notebook(root: Path) -> str:
    found = any(path.suffix == ".ipynb" for path in itertools.islice(handing.files(root), 10 * _MOST_SEEN))
    return ", only a notebook: save its code as a .py file" if found else ""


def _complete(files: Iterable[Path], root: Path) -> list[str]:
    """The innermost files and folders that define most of the classes, as seen from the root."""
    defined: dict[Path, set[bytes]] = {}
    for path in itertools.islice(files, _MOST_SEEN):
        names = set(_CLASS.findall(handing.contents(path, loading.MOST_BYTES) or b""))
        for place in itertools.takewhile(lambda each: each != root, (path, *path.parents)):
            defined.setdefault(place, set()).update(names)
    places = {place for place, names in defined.items() if len(names) >= _COMPLETE}
    outer = {above for place in places for above in place.parents}
    return sorted(str(place.relative_to(root)) for place in places - outer)
