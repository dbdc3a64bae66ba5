"""Finds the submissions of a course in a folder."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from reports.io.exit_codes import UsageError
from reports.verdicts.text import one_line

#: The suffixes of files that are a submission by themselves.
SUFFIXES = {".py", ".zip"}
#: Folders in a submission that are not part of it.
_NOT_READ = {".git", "__pycache__", ".venv", "venv", ".tox", "node_modules"}
#: Bytes of one file, and of all files, that are read for the digest. No more of them is judged. Of files that are not
#: read, name and size still enter the digest.
_LARGEST_READ, _MOST_READ = 2**24, 2**26
_CHUNK = 2**20


@dataclass(frozen=True)
class Submission:
    """One submission of a course.

    Attributes
    ----------
    name
        The name of its file or folder, with characters that cannot be shown written as escapes.
    path
        Its file or folder.
    """

    name: str
    path: Path

    def digest(self) -> str:
        """A hash of its contents, which changes when anything in it changes."""
        return digest_of(self.path)


def find(folder: Path) -> tuple[list[Submission], list[str]]:
    """The submissions in a folder, sorted by name, and the names of everything else there.

    A submission is a subfolder, a Python file or a zip file. Hidden names are left out. Links are no submissions,
    because a link in an archive of the course could lead to any place on the machine.

    Raises
    ------
    UsageError
        The folder does not exist, or no submission is in it.
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
    """A hash of a file, or of all files in a folder.

    Python files come first, so that large data files cannot use up the bytes that are read.
    """
    total = hashlib.sha256()
    left = _MOST_READ
    for each, name in _files(path):
        size = each.stat().st_size
        total.update(b"\0".join([os.fsencode(name), str(size).encode(), b""]))
        if size > _LARGEST_READ and each != path:
            continue
        with each.open("rb") as stream:
            while left > 0 and (part := stream.read(min(_CHUNK, left))):
                total.update(part)
                left -= len(part)
    return total.hexdigest()


def _files(path: Path) -> list[tuple[Path, str]]:
    """The files in a folder with their paths relative to it, in the order in which the sandbox copies them."""
    if path.is_file():
        return [(path, path.name)]
    found: list[Path] = []
    for folder, below, names in os.walk(path):
        below[:] = sorted(set(below) - _NOT_READ)
        found += (Path(folder, name) for name in names if not name.endswith(".pyc"))
    found = [each for each in found if each.is_file() and not each.is_symlink()]
    found.sort(key=lambda each: (each.suffix != ".py", len(each.parts), each))
    return [(each, str(each.relative_to(path))) for each in found]
