"""Standard output and error of the commands, which go on when their reader has left and in every encoding."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: Sizes of a terminal that our tables can be shown in.
_SMALLEST, _LARGEST = 20, 10_000


@contextmanager
def usable_streams() -> Iterator[None]:
    """Give the block a standard output and a standard error that cannot fail because of who reads them.

    What is written after the reader has left, as ``head`` does, is dropped: the work goes on, and its exit code is that
    of the work. A character that the encoding lacks is written as its code. COLUMNS and LINES are ignored where they
    are no size of a terminal.
    """
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _usable(sys.stdout, 1), _usable(sys.stderr, 2)
    for name in ("COLUMNS", "LINES"):
        if not _is_size(os.environ.get(name, "")):
            os.environ.pop(name, None)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = streams


def _usable(stream: TextIO | None, number: int) -> TextIO:
    """The stream for a descriptor, in the encoding of the stream that Python has made for it."""
    if stream is None:  # the descriptor was closed before we were started
        return Path(os.devnull).open("w", encoding="utf-8")
    stream.flush()
    raw = io.BufferedWriter(_Forgiving(number, "w", closefd=False))
    at_once = stream.line_buffering if isinstance(stream, io.TextIOWrapper) else True
    return io.TextIOWrapper(raw, stream.encoding, "backslashreplace", line_buffering=at_once)


def _is_size(text: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", text) is not None and _SMALLEST <= int(text) <= _LARGEST


class _Forgiving(io.FileIO):
    """A file that drops what its reader does not want; any other error is raised once."""

    _failed = False

    def write(self, content: Buffer) -> int:
        """Write the bytes, or drop them; the number of bytes that are done with."""
        if not self._failed:
            try:
                return super().write(content)
            except BrokenPipeError:
                self._failed = True
            except OSError:
                self._failed = True
                raise
        return memoryview(content).nbytes
