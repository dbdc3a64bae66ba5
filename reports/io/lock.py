"""Locks, which the system releases when a process ends, however it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reports.io.exit_codes import UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


#: Whether the system has locks that go with an open file.
CAN_LOCK = fcntl is not None


@contextmanager
def only_run_on(path: Path) -> Iterator[None]:
    """Refuse a second run that writes to ``path`` while the block runs; the lock is a hidden file beside it.

    Where there are no such locks, or the folder cannot be written, nothing is refused.

    Raises
    ------
    UsageError
        Another run is at work on it.
    """
    if not CAN_LOCK:
        yield
        return
    place = path.with_name(f".{os.fsdecode(os.fsencode(path.name)[:200])}.lock")
    try:
        handle = _made_and_locked(place)
    except OSError:  # what cannot be written there is told by whoever writes it
        yield
        return
    if handle is None:
        raise UsageError(f"another run is writing {path}: wait for its end, or let this one write elsewhere")
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
        os.close(handle)


def lock(handle: int, *, wait: bool = False) -> None:
    """Lock an open file for this process.

    Raises
    ------
    BlockingIOError
        Another process has locked it, and we do not ``wait``.
    OSError
        Its file system has no locks.
    """
    fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def is_removed(handle: int) -> bool:
    """Whether an open file has no name any more."""
    return os.fstat(handle).st_nlink == 0


def _made_and_locked(place: Path) -> int | None:
    """The handle of the file at ``place``, made if need be and locked; None if another process has locked it."""
    while True:
        handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            lock(handle)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:  # a file system without locks: then nothing is refused
            return handle
        if not is_removed(handle):  # by the run before, after it was opened here
            return handle
        os.close(handle)
