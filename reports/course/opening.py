"""Makes of whatever was handed in what can be judged: archives are unpacked, notebooks become modules."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reference.execution import submission_files
from reference.execution.implementation import CLASSES
from reports.course.notebooks import NotebookError, modules_of
from reports.course.unpack import UnpackError, is_archive, unpack

#: Archives within archives that are opened, counted from the outermost.
_MOST_LEVELS = 3
_MOST_BYTES = 2**24
#: Characters of the path of a file in a message.
_MOST_PLACE = 200
_CODE = re.compile(rb"^\s*class\s+(?:%s)\b" % "|".join(CLASSES).encode(), re.MULTILINE)
_NOTEBOOK = ".ipynb"


class NotOpenedError(Exception):
    """What was handed in cannot be opened; the message says why and has the submission as its subject."""


def can_be_opened(path: Path) -> bool:
    """Whether the file is of a kind that Python does not import and that may hold Python's source."""
    return is_archive(path) or path.suffix.lower() == _NOTEBOOK or _is_in_capitals(path)


def _is_in_capitals(path: Path) -> bool:
    """Whether it is a Python file for Windows alone, which does not tell ``MLP.PY`` from ``MLP.py``."""
    return path.suffix.lower() == ".py" != path.suffix


@contextmanager
def opened(path: Path, *, by_itself: bool = False) -> Iterator[Path]:
    """The submission as a Python file or a folder that the examiner can judge.

    An archive is unpacked and a notebook made into a module, in a temporary folder. In a folder that is done only if
    no Python file of it defines a class of the lab, as in a course platform's download with an archive for each
    student.

    Parameters
    ----------
    path
        What was handed in.
    by_itself
        Whether a single Python file is copied, so that no file of another student lies beside it and can be imported.

    Raises
    ------
    NotOpenedError
        An archive or a notebook in it cannot be read, and nothing else in it can be judged.
    """
    if path.is_file() and not can_be_opened(path) and not by_itself:
        yield path
        return
    if path.is_dir():
        _refuse_unreadable(path)
    if path.is_dir() and not _needs_opening(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="bp-submission-", ignore_cleanup_errors=True) as temporary:
        yield _prepared(path, Path(temporary))


def _refuse_unreadable(folder: Path) -> None:
    """Refuse a folder of which nothing can be judged because it cannot be read, for instance without the right to."""
    errors: list[OSError] = []
    found = [each for each in submission_files.files(folder, on_error=errors.append) if _may_be_judged(each)]
    if any(os.access(each, os.R_OK) for each in found):
        return
    errors += [PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(each)) for each in found]
    if errors:
        place = str(Path(errors[0].filename).relative_to(folder))[-_MOST_PLACE:]
        raise NotOpenedError(f"cannot be read: {'' if place == '.' else f'{place}: '}{errors[0].strerror}")


def _may_be_judged(path: Path) -> bool:
    return path.suffix == ".py" or can_be_opened(path)


def _prepared(path: Path, temporary: Path) -> Path:
    try:
        if path.is_dir():
            root, _ = submission_files.copy(path, temporary)
        elif is_archive(path):
            root = temporary / "submission"
            root.mkdir()
            unpack(path, root)
        else:
            # A fixed name, since it stands in messages.
            root = temporary / "submission"
            root.mkdir()
            copy = Path(shutil.copy(path, root))
            if not can_be_opened(path) or _is_in_capitals(path):
                return _with_small_ending(copy)
        _open_within(root)
    except (UnpackError, NotebookError) as error:
        raise NotOpenedError(str(error)) from error
    except OSError as error:
        raise NotOpenedError(f"cannot be read: {error.strerror or error}") from error
    return root


def _needs_opening(folder: Path) -> bool:
    """Whether the lab's classes can only be in an archive or a notebook of this folder."""
    found = list(submission_files.files(folder))
    return any(map(can_be_opened, found)) and not any(map(_defines_a_class, found))


def _defines_a_class(path: Path) -> bool:
    return path.suffix == ".py" and bool(_CODE.search(submission_files.contents(path, _MOST_BYTES) or b""))


def _open_within(root: Path) -> None:
    """Open the archives in a folder, and those in them; then make modules of the notebooks."""
    tried: set[Path] = set()
    problems: list[str] = []
    for _ in range(_MOST_LEVELS):
        archives = {each for each in submission_files.files(root) if is_archive(each)} - tried
        if not archives or not _needs_opening(root):
            break
        for each in sorted(archives):
            try:
                _unpack_beside(each)
            except UnpackError as error:
                problems.append(f"holds {each.name}, which {error}")
        tried |= archives
    if problems and not any(each.suffix.lower() in {".py", _NOTEBOOK} for each in submission_files.files(root)):
        raise UnpackError("; ".join(problems))
    for each in [each for each in submission_files.files(root) if _is_in_capitals(each)]:
        _with_small_ending(each)
    if _needs_opening(root):
        for each in [each for each in submission_files.files(root) if each.suffix.lower() == _NOTEBOOK]:
            _write_modules(each)


def _with_small_ending(source: Path) -> Path:
    """Rename a Python file so that Python imports it; a file that has that name already stays."""
    place = source.with_suffix(".py")
    return place if place.exists() else source.rename(place)


def _unpack_beside(archive: Path) -> None:
    """Unpack an archive into a folder beside it."""
    target = archive.with_name(archive.name.partition(".")[0] or "archive")
    while target.exists():
        target = target.with_name(f"{target.name}_")
    target.mkdir()
    unpack(archive, target)


def _write_modules(notebook: Path) -> None:
    """Write the modules of a notebook beside it; a file that is there stays."""
    content = submission_files.contents(notebook, _MOST_BYTES) or b""
    stem = re.sub(r"\W", "_", notebook.stem) or "notebook"
    for name, source in modules_of(content, f"{stem}.py").items():
        place = notebook.parent / name
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(source, encoding="utf-8", errors="replace")
