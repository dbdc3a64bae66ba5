"""Copies a submission's files, and removes folders that foreign code has written in.

Nothing that is found is trusted: a submission may hold links, pipes, devices, files that may not be read, a million
files, or folders nested without end.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

#: Files that are copied, their bytes altogether, and the bytes of one file.
_MAX_FILES, _MAX_BYTES, _MAX_FILE_BYTES = 2000, 2**26, 2**24
#: Files that a note names.
_MAX_NAMED = 3
#: Files that are looked at, and levels of folders.
_MAX_SEEN, _MAX_DEPTH = 20_000, 20
#: Bytes of a Python file that are searched for names of data files, and the levels of folders in which these are
#: looked for beside a single file.
_MAX_READ, _DEPTH_OF_DATA = 2**21, 2
#: Levels of folders that `exceeds` enters; each takes a file descriptor.
_MAX_NESTED = 200
_IGNORED = {".git", "__pycache__", ".venv", "venv", ".tox", "node_modules", ".mypy_cache", ".pytest_cache"}


def copy(source: Path, work: Path) -> tuple[Path, list[str]]:
    """Copy a submission into an empty folder.

    A folder keeps its name, since people import their package by it. A file is copied together with the Python files
    beside it, which it may import; one that belongs to a package, together with all Python files of the package. Of
    the other files beside these only those are copied whose names stand in the code: it may open them, and what else
    lies there is none of its business.

    Parameters
    ----------
    source
        The file or the folder that was handed in.
    work
        The empty folder.

    Returns
    -------
    The path of the copy of ``source``, and sentences that say what was left out.
    """
    source = source.resolve()
    if source.is_dir():
        return work / source.name, _copy_tree(source, work / source.name)
    package = _package_of(source)
    if package is not None:
        notes = _copy_tree(package, work / package.name, only=".py")
        _copy_named(package, work / package.name, _MAX_DEPTH)
        return _ensured(source, work / package.name / source.relative_to(package)), notes
    target = work / "submission"
    target.mkdir()
    notes = _copy_tree(source.parent, target, only=".py", max_depth=1)
    _copy_named(source.parent, target, _DEPTH_OF_DATA)
    return _ensured(source, target / source.name), notes


def _copy_named(source: Path, target: Path, max_depth: int) -> None:
    """Copy the files that are not Python's and whose names stand in the Python files that have been copied."""
    codes = [contents(path, _MAX_READ) or b"" for path in files(target) if path.suffix == ".py"]
    found = (path for path in itertools.islice(files(source, max_depth), _MAX_SEEN) if path.suffix != ".py")
    named = [path for path in found if any(os.fsencode(path.name) in code for code in codes)]
    total = 0
    for path in named[:_MAX_FILES]:
        size, place = path.lstat().st_size, target / path.relative_to(source)
        if size <= _MAX_FILE_BYTES and total + size <= _MAX_BYTES:
            total += size
            place.parent.mkdir(parents=True, exist_ok=True)
            _copy_file(path, place)


def _package_of(file: Path) -> Path | None:
    package, folder = None, file.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        package, folder = folder, folder.parent
    return package


def _ensured(source: Path, target: Path) -> Path:
    """The path ``target``, where the file that was handed in is copied to now if it had been left out."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy_file(source, target)
    return target


def _copy_tree(source: Path, target: Path, *, only: str = "", max_depth: int = _MAX_DEPTH) -> list[str]:
    """Copy the files whose names end with ``only``; returns sentences that say what was left out.

    Python files go first, so that large or many data files do not use up what may be copied.
    """
    target.mkdir(parents=True, exist_ok=True)
    found = list(itertools.islice(files(source, max_depth), _MAX_SEEN + 1))
    count = total = 0
    left: list[Path] = []
    for path in sorted(found[:_MAX_SEEN], key=lambda path: (path.suffix != ".py", len(path.parts), path)):
        if not path.name.endswith(only):
            continue
        size = path.lstat().st_size if path.exists() else 0
        if count >= _MAX_FILES or size > _MAX_FILE_BYTES or total + size > _MAX_BYTES:
            left.append(path)
            continue
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if _copy_file(path, place):
            count, total = count + 1, total + size
        else:
            left.append(path)
    notes = [_note_on(left)] if left else []
    if len(found) > _MAX_SEEN:
        notes.append(f"more than {_MAX_SEEN} files: the rest was not looked at")
    return notes


def _note_on(left: list[Path]) -> str:
    """Which files were left out; the first of them by name."""
    names = ", ".join(path.name[:100].encode("utf-8", "backslashreplace").decode() for path in left[:_MAX_NAMED])
    more = f" and {len(left) - _MAX_NAMED} more" if len(left) > _MAX_NAMED else ""
    return f"{len(left)} files were left out: unreadable, too large, or too many ({names}{more})"


def files(
    source: Path, max_depth: int = _MAX_DEPTH, on_error: Callable[[OSError], object] = lambda _: None
) -> Iterator[Path]:
    """The regular files in a folder and below it, level by level; links, pipes and devices are left out.

    ``on_error`` is called with why the entries of a folder cannot be read.
    """
    folders = [source]
    for _ in range(max_depth):
        below: list[Path] = []
        for folder in folders:
            for entry in _entries(folder, on_error):
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        below.append(Path(entry.path))
                    elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(".pyc"):
                        yield Path(entry.path)
        folders = below[:_MAX_SEEN]


def _entries(folder: Path, on_error: Callable[[OSError], object]) -> Iterator[os.DirEntry[str]]:
    """The entries of a folder that can belong to a submission."""
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if entry.name not in _IGNORED)
    except OSError as error:
        on_error(error)


def _copy_file(source: Path, target: Path) -> bool:
    """Copy a regular file; returns whether that was possible."""
    found = contents(source, _MAX_FILE_BYTES)
    if found is not None:
        target.write_bytes(found)
    return found is not None


def contents(source: Path, most: int) -> bytes | None:
    """The first ``most`` bytes of a file; None if it is not a regular file or may not be read."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


def exceeds(folder: Path, most_files: int, most_bytes: int) -> bool:
    """Whether a folder holds more files or bytes than given, is nested too deeply, or has a folder that cannot be read.

    Files that are removed while they are counted do not matter.
    """
    count = total = 0
    try:
        for entry in _all_entries(folder, _MAX_NESTED):
            count += 1
            with contextlib.suppress(FileNotFoundError):
                total += 512 * entry.stat(follow_symlinks=False).st_blocks
            if count > most_files or total > most_bytes:
                return True
    except OSError:
        return True
    return False


def _all_entries(folder: Path, most_nested: int) -> Iterator[os.DirEntry[str]]:
    """Every entry of a folder and of the folders below it.

    Each folder is opened relative to its parent, since its path may be longer than the system allows.

    Raises
    ------
    OSError
        A folder cannot be read, or the folders are nested more than ``most_nested`` levels deep.
    """
    #: For each folder from the top to the present one: its descriptor, and the folders in it still to be entered.
    opened: list[tuple[int, list[str]]] = []
    name, parent = str(folder), None
    try:
        while True:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                opened.append((_opened(name, parent), []))
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


def _opened(name: str, parent: int | None) -> int:
    """Open a folder, relative to its parent, without following links; missing access rights are added if possible."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=parent)
    except PermissionError:
        if not hasattr(os, "O_PATH"):
            raise
    place = os.open(name, os.O_PATH | flags, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)  # noqa: PTH101 - by the descriptor: the name may be a link by now
        return os.open(name, flags, dir_fd=parent)
    finally:
        os.close(place)


def remove(folder: Path) -> None:
    """Remove a folder with everything in it, even if folders in it may not be entered or are nested without limit.

    Nested folders are moved up to the top first, so that no path becomes too long. What cannot be removed stays.
    """
    numbers = itertools.count()
    while folder.exists():
        found = _remove_files_in(folder)
        if not found:
            break
        for each in found:
            for below in _remove_files_in(each):
                with contextlib.suppress(OSError):
                    below.chmod(0o700)  # a folder that may not be written in may not be moved either
                    below.rename(folder / f"moved-{next(numbers)}")
            with contextlib.suppress(OSError):
                each.rmdir()
        if _remove_files_in(folder) == found:
            break  # no progress: the rights are somebody else's, or a process keeps writing
    with contextlib.suppress(OSError):
        folder.rmdir()


def _remove_files_in(folder: Path) -> list[Path]:
    """Remove everything but the folders from a folder; returns the folders, sorted."""
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
