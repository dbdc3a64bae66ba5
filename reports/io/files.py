"""Writes files so that nobody ever reads a file that is only half written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path; the file there replaces that at ``path`` when the block ends without an exception.

    After an exception or an interruption in the block, ``path`` is what it was before, and the temporary file is
    removed. The folder is made if it is missing. A ``private`` file can be read by its owner alone.

    Raises
    ------
    OSError
        The folder cannot be made or written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is atomic within one file system only.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes a file that its owner alone can read; a result gets the permissions that the umask allows.
        if not private:
            temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write ``content`` to ``path`` as a whole or not at all; text becomes UTF-8.

    Raises
    ------
    OSError
        As `replacing` does.
    """
    with replacing(path, private=private) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
