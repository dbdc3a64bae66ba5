"""What was handed in, in one folder for the class."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from reports.io.exit_codes import UsageError
from reports.verdicts.text import one_line

#: What a file that is a submission by itself may be called.
SUFFIXES = {".py", ".zip"}
_NOT_READ = {".git", "__pycache__", ".venv", "venv", ".tox", "node_modules"}
#: More of a submission's contents is not read for its digest, since no more is judged; sizes and names still count.
_LARGEST_READ, _MOST_READ = 2**24, 2**26
_PART = 2**20


@dataclass(frozen=True)
class Submission:
    """One of the class.

    Attributes
    ----------
    name
        Of the file or folder, without characters that cannot be shown.
    path
        Where it is.
    """

    name: str
    path: Path

    def digest(self) -> str:
        """Of its contents: another one as soon as anything in it has changed."""
        return digest_of(self.path)


def find(folder: Path) -> tuple[list[Submission], list[str]]:
    """The submissions in a folder, sorted by name, and the names of what else is there.

    Each subfolder is one, and each Python or zip file. Hidden names are passed over. So are links: what an archive of
    the class's submissions puts here shall not lead anywhere else.

    Raises
    ------
    UsageError
        There is no such folder, or no submission in it.
    """
    if not folder.is_dir():
        raise UsageError(f"expected --all to be the folder of the submissions, there is no folder {folder}")
    found, others = [], []
    for path in sorted(folder.iterdir(), key=lambda each: os.fsencode(each.name)):
        if path.name.startswith((".", "__MACOSX", "__pycache__")):
            continue
        name = one_line(path.name)
        if not path.is_symlink() and (path.is_dir() or (path.is_file() and path.suffix.lower() in SUFFIXES)):
            found.append(Submission(name, path))
        else:
            others.append(name)
    if not found:
        raise UsageError(f"expected submissions in {folder} (folders, .py files or .zip files), found none")
    return found, others


def digest_of(path: Path) -> str:
    """A hash of a file, or of all that is in a folder: Python files first, so that data cannot crowd them out."""
    total = hashlib.sha256()
    left = _MOST_READ
    for each, name in _files(path):
        size = each.stat().st_size
        total.update(b"\0".join([os.fsencode(name), str(size).encode(), b""]))
        if size > _LARGEST_READ and each != path:
            continue
        with each.open("rb") as stream:
            while left > 0 and (part := stream.read(min(_PART, left))):
                total.update(part)
                left -= len(part)
    return total.hexdigest()


def _files(path: Path) -> list[tuple[Path, str]]:
    """The files in a folder, in the order in which they are copied to be judged, with their names in it."""
    if path.is_file():
        return [(path, path.name)]
    found: list[Path] = []
    for folder, below, names in os.walk(path):
        below[:] = sorted(set(below) - _NOT_READ)
        found += (Path(folder, name) for name in names if not name.endswith(".pyc"))
    found = [each for each in found if each.is_file() and not each.is_symlink()]
    found.sort(key=lambda each: (each.suffix != ".py", len(each.parts), each))
    return [(each, str(each.relative_to(path))) for each in found]
