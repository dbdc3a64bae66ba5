"""Finds the submissions of a course in a folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from reference.execution import submission_files
from reports.course.opening import NotOpenedError, can_be_opened, opened
from reports.io.exit_codes import UsageError
from reports.verdicts.text import one_line

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
        The name of its file or folder, with characters that cannot be shown written as escapes. No two submissions of a
        course have names that look the same: a number is appended to the later ones.
    path
        Its file or folder.
    problem
        Why it cannot be judged, which is known without opening it; None where it can.
    anonymous
        Whether the name is a number, and what is judged gets that name too.
    """

    name: str
    path: Path
    problem: str | None = None
    anonymous: bool = False

    @contextlib.contextmanager
    def opened(self) -> Iterator[Path]:
        """The submission by itself, as `reports.course.opening.opened` gives it.

        Raises
        ------
        NotOpenedError
            It has a problem, or cannot be read.
        """
        if self.problem is not None:
            raise NotOpenedError(self.problem)
        with opened(self.path, by_itself=True) as place:
            if not self.anonymous:
                yield place
                return
            with tempfile.TemporaryDirectory(prefix="bp-submission-", ignore_cleanup_errors=True) as temporary:
                root, _ = submission_files.copy(place, Path(temporary))
                yield root.rename(root.with_name(f"submission{'' if root.is_dir() else root.suffix}"))

    def digest(self) -> str:
        """A hash of its contents, which changes when anything in it changes."""
        return digest_of(self.path)


def find(folder: Path, *, anonymous: bool = False) -> list[Submission]:
    """The submissions in a folder, sorted by name: everything in it but hidden names and compiled files.

    If ``anonymous``, each is called by its place in that order instead of its name.

    A subfolder, a Python file, an archive and a notebook can be judged. Anything else has a problem: nobody who handed
    something in is left out. A link has one too, because it could lead to any place on the machine.

    Raises
    ------
    UsageError
        The folder does not exist, or no submission is in it.
    """
    if not folder.is_dir():
        raise UsageError(f"expected --all to be the folder of the submissions, there is no folder {folder}")
    found, names = [], _Names()
    for path in sorted(folder.iterdir(), key=lambda each: os.fsencode(each.name)):
        if path.name.startswith((".", "__MACOSX", "__pycache__")) or path.suffix == ".pyc":
            continue
        found.append(Submission(names.new(one_line(path.name)), path, _problem(path)))
    if all(each.problem is not None for each in found):
        raise UsageError(f"expected submissions in {folder} (folders, .py files, archives or notebooks), found none")
    if anonymous:
        width = len(str(len(found)))
        return [replace(each, name=f"{place:0{width}}", anonymous=True) for place, each in enumerate(found, start=1)]
    return found


class _Names:
    """Names of which no two look the same."""

    def __init__(self) -> None:
        self._looks: set[str] = set()
        self._numbers = Counter[str]()

    def new(self, name: str) -> str:
        """The name, with a number if it looks like one that was given before."""
        chosen, look = name, _look(name)
        while _look(chosen) in self._looks:
            self._numbers[look] += 1
            chosen = f"{name} ({self._numbers[look] + 1})"
        self._looks.add(_look(chosen))
        return chosen


def _look(name: str) -> str:
    """The same text for names that are displayed alike, or are one name on some file systems."""
    return unicodedata.normalize("NFKC", name).casefold()


def _problem(path: Path) -> str | None:
    """Why this can be no submission; None where it can be one."""
    if path.is_symlink():
        return "is a link: hand in what it leads to"
    if path.is_dir() or (path.is_file() and (path.suffix == ".py" or can_be_opened(path))):
        return None
    return "is no folder, .py file, archive or notebook"


def digest_of(path: Path) -> str:
    """A hash of a file, or of all files in a folder.

    Python files come first, so that large data files cannot use up the bytes that are read.
    """
    total = hashlib.sha256()
    left = _MOST_READ
    for each, name in _files(path):
        with contextlib.suppress(OSError):  # a file that may not be read is judged as absent
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
    found = sorted(submission_files.files(path), key=lambda each: (each.suffix != ".py", len(each.parts), each))
    return [(each, str(each.relative_to(path))) for each in found]
