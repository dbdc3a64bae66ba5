"""Copies what was handed in, and removes folders that somebody else has written in; neither trusts what it finds.

A submission may hold anything that a file system can: links, pipes, devices, what may not be read, a million files,
folders below folders without end.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_MOST_FILES, _MOST_BYTES, _LARGEST = 2000, 2**26, 2**24
_MOST_SEEN, _DEEPEST = 20_000, 20
#: Folders within folders; each takes a descriptor while all are counted.
_MOST_NESTED = 200
_IGNORED = {".git", "__pycache__", ".venv", "venv", ".tox", "node_modules", ".mypy_cache", ".pytest_cache"}


def copy(source: Path, work: Path) -> tuple[Path, list[str]]:
    """Copy a submission into an empty folder; where it is then, and what was left out, in words.

    A folder keeps its name, since people import their package by it. With a file come the Python files beside it, which
    it may import, or where it belongs to a package the whole of that.
    """
    source = source.resolve()
    if source.is_dir():
        return work / source.name, _copy_tree(source, work / source.name)
    package = _package_of(source)
    if package is not None:
        notes = _copy_tree(package, work / package.name, only=".py")
        return _with(source, work / package.name / source.relative_to(package)), notes
    target = work / "submission"
    target.mkdir()
    notes = _copy_tree(source.parent, target, only=".py", deepest=1)
    return _with(source, target / source.name), notes


def _package_of(file: Path) -> Path | None:
    package, folder = None, file.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        package, folder = folder, folder.parent
    return package


def _with(source: Path, target: Path) -> Path:
    """The file that was meant is there in any case."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy_file(source, target)
    return target


def _copy_tree(source: Path, target: Path, *, only: str = "", deepest: int = _DEEPEST) -> list[str]:
    """Python files first, so that data cannot crowd them out."""
    target.mkdir(parents=True, exist_ok=True)
    found = list(itertools.islice(files(source, deepest), _MOST_SEEN + 1))
    count = total = left = 0
    for path in sorted(found[:_MOST_SEEN], key=lambda path: (path.suffix != ".py", len(path.parts), path)):
        if not path.name.endswith(only):
            continue
        size = path.lstat().st_size if path.exists() else 0
        if count >= _MOST_FILES or size > _LARGEST or total + size > _MOST_BYTES:
            left += 1
            continue
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if _copy_file(path, place):
            count, total = count + 1, total + size
        else:
            left += 1
    notes = [f"{left} files were left out: unreadable, too large, or too many"] if left else []
    if len(found) > _MOST_SEEN:
        notes.append(f"more than {_MOST_SEEN} files: the rest was not looked at")
    return notes


def files(source: Path, deepest: int = _DEEPEST) -> Iterator[Path]:
    """Ordinary files, the nearest first; links, pipes and devices are none."""
    folders = [source]
    for _ in range(deepest):
        below: list[Path] = []
        for folder in folders:
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name in _IGNORED:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        below.append(Path(entry.path))
                    elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(".pyc"):
                        yield Path(entry.path)
        folders = below[:_MOST_SEEN]


def _copy_file(source: Path, target: Path) -> bool:
    """Whether it could be copied."""
    found = contents(source, _LARGEST)
    if found is not None:
        target.write_bytes(found)
    return found is not None


def contents(source: Path, most: int) -> bytes | None:
    """The first bytes of a file; None if it is no ordinary one any more, or may not be read."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


def is_too_much(folder: Path, most_files: int, most_bytes: int) -> bool:
    """Whether there is more in a folder than that, folders within folders without end, or what may not be entered.

    What is removed meanwhile counts no more.
    """
    count = total = 0
    try:
        for entry in _entries(folder, _MOST_NESTED):
            count += 1
            with contextlib.suppress(FileNotFoundError):
                total += 512 * entry.stat(follow_symlinks=False).st_blocks
            if count > most_files or total > most_bytes:
                return True
    except OSError:
        return True
    return False


def _entries(folder: Path, most_nested: int) -> Iterator[os.DirEntry[str]]:
    """All that is in a folder and below it; raises OSError where that cannot be told.

    Each folder is opened from the one that it is in, since a path to it may be longer than a path can be.
    """
    #: From the top to where we are: a descriptor, and the folders in it that are still to be entered.
    opened: list[tuple[int, list[str]]] = []
    name, parent = str(folder), None
    try:
        while True:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                opened.append((_entered(name, parent), []))
                if len(opened) > most_nested:
                    raise OSError(errno.ENAMETOOLONG, "too many folders within folders")
                with os.scandir(opened[-1][0]) as entries:
                    for entry in entries:
                        yield entry
                        if entry.is_dir(follow_symlinks=False):
                            opened[-1][1].append(entry.name)
            while opened and not opened[-1][1]:
                os.close(opened.pop()[0])
            if not opened:
                return
            parent, below = opened[-1]
            name = below.pop()
    finally:
        for descriptor, _ in opened:
            os.close(descriptor)


def _entered(name: str, parent: int | None) -> int:
    """A descriptor of a folder in another, no link; one that we may not enter is given the rights where possible."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, os.O_RDONLY | flags, dir_fd=parent)
    except PermissionError:
        if not hasattr(os, "O_PATH"):
            raise
    place = os.open(name, os.O_PATH | flags, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)  # noqa: PTH101 - by the descriptor: the name may be a link by now
        return os.open(name, os.O_RDONLY | flags, dir_fd=parent)
    finally:
        os.close(place)


def remove(folder: Path) -> None:
    """Remove a folder, whatever has been made of it: folders that may not be entered, or nested beyond all limits.

    Nested ones are moved up, so that no path grows long.
    """
    numbers = itertools.count()
    while folder.exists():
        found = _folders_in(folder)
        if not found:
            break
        for each in found:
            for below in _folders_in(each):
                with contextlib.suppress(OSError):
                    below.chmod(0o700)  # what may not be written in may not be moved
                    below.rename(folder / f"moved-{next(numbers)}")
            with contextlib.suppress(OSError):
                each.rmdir()
        if _folders_in(folder) == found:
            break  # it cannot be emptied: others' rights, or somebody is writing
    with contextlib.suppress(OSError):
        folder.rmdir()


def _folders_in(folder: Path) -> list[Path]:
    """The folders in it; all else is removed."""
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
    folders = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108 - a name that may be anything
    return sorted(folders)
