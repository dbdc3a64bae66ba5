"""Writes files so that nobody ever reads a file that is only half written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reports.io.destination import destination
from reports.io.lock import CAN_LOCK, is_removed, lock

#: How the name of a file that is being written ends; it begins with a dot.
_ENDING = ".bp.part"
#: Bytes of a file's name that enter the name of its temporary file, which must not be too long either.
_LONGEST_NAME = 100


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path; the file there replaces that at ``path`` when the block ends without an exception.

    After an exception or an interruption in the block, ``path`` is what it was before, and the temporary file is
    removed. The folder is made if it is missing. Temporary files of runs that were killed are removed as well. A
    symbolic link is followed and stays. A pipe or a device is never replaced: the content is written to it. A
    ``private`` file can be read by its owner alone.

    Raises
    ------
    OSError
        The folder cannot be made or written, or the disk is full.
    """
    target = destination(path)
    if target is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder, "content")
            _write_to(path, Path(folder, "content").read_bytes())
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(target.parent)
    with _temporary_file(target) as temporary:
        yield temporary
        # mkstemp makes a file that its owner alone can read; a result gets the permissions that the umask allows.
        if not private:
            temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)


def write_atomically(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write ``content`` to ``path`` as a whole or not at all; text becomes UTF-8.

    Raises
    ------
    OSError
        As `replacing` does.
    """
    with replacing(path, private=private) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def _temporary_file(target: Path) -> Iterator[Path]:
    """Yield a new file beside the target, since a rename is atomic within one file system only; remove it at the end.

    While it exists it is locked.
    """
    prefix = "." + os.fsdecode(os.fsencode(target.name)[:_LONGEST_NAME]) + "."
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=prefix, suffix=_ENDING)
    try:
        if CAN_LOCK:
            with suppress(OSError):  # a file system without locks
                lock(handle, wait=True)
            if is_removed(handle):  # another process took it for a leftover before it was locked
                Path(name).touch(mode=0o600)
        else:
            os.close(handle)  # Windows replaces no file that is open
        yield Path(name)
    except OSError as error:
        error.filename = error.filename or str(target)  # for the message: a full disk names no file
        raise
    finally:
        Path(name).unlink(missing_ok=True)
        if CAN_LOCK:
            os.close(handle)


def _clear_leftovers(folder: Path) -> None:
    """Remove the temporary files whose processes were killed: nobody holds their locks."""
    for leftover in folder.glob(f".*{_ENDING}") if CAN_LOCK else ():
        with suppress(OSError):
            handle = os.open(leftover, os.O_RDONLY)
            try:
                lock(handle)
                leftover.unlink()
            finally:
                os.close(handle)


def _write_to(path: Path, content: bytes) -> None:
    """Write to a pipe, a device or an open file, which is neither made nor cut."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND)
    with suppress(BrokenPipeError), os.fdopen(handle, "wb") as stream:  # a reader that left wants no more
        stream.write(content)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
