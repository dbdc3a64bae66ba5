"""Where a path that the user names leads to: a file that can be replaced, or a pipe or device that is written to."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: As many symbolic links as Linux follows.
_MOST_LINKS = 40


def destination(path: Path) -> Path | None:
    """The file that is made or replaced where ``path`` is written; symbolic links are followed, broken ones too.

    None: there is no file to replace, but a pipe, a device, or an open file of this process, such as ``/dev/stdout``.

    Raises
    ------
    OSError
        The links go round in a circle, or the folder cannot be looked into.
    """
    for _ in range(_MOST_LINKS):
        folder = resolved(path.parent)
        if folder == Path("/dev/fd") or folder.match("/proc/*/fd"):
            return None
        path = folder / path.name
        if not path.is_symlink():
            return None if _is_special(path) else path
        path = folder / path.readlink()
    raise _circle(path)


def resolved(path: Path) -> Path:
    """The path without symbolic links.

    Raises
    ------
    OSError
        The links go round in a circle.
    """
    try:
        return path.resolve()
    except RuntimeError as error:  # what Python raises up to 3.12
        raise _circle(path) from error


def _circle(path: Path) -> OSError:
    return OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def is_stdout(path: Path) -> bool:
    """Whether ``path`` is ``-``, or is where standard output goes."""
    if path == Path("-"):
        return True
    try:
        return os.path.samestat(path.stat(), os.fstat(1)) and not path.samefile(os.devnull)
    except OSError:
        return False


def _is_special(path: Path) -> bool:
    """Whether there is something else than a file or a folder at the path."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
