"""Standard output and error of the commands, which go on when their reader has left and in every encoding."""

from __future__ import annotations

import errno
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

_STDOUT, _STDERR = 1, 2
#: Sizes of a terminal that our tables can be shown in.
_SMALLEST, _LARGEST = 20, 10_000


@contextmanager
def usable_streams() -> Iterator[None]:
    """Give the block a standard output and a standard error that cannot fail because of who reads them.

    What is written after the reader has left, as ``head`` does, or after the terminal was closed is dropped: the work
    goes on, and its exit code is that of the work. So is what cannot be written to standard error, on a full disk say.
    A character that the encoding lacks is written as its code. COLUMNS and LINES are ignored where they are no size of
    a terminal.
    """
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _usable(sys.stdout, _STDOUT), _usable(sys.stderr, _STDERR)
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
    raw = io.BufferedWriter(_Forgiving(number))
    at_once = stream.line_buffering if isinstance(stream, io.TextIOWrapper) else True
    return io.TextIOWrapper(raw, stream.encoding, "backslashreplace", line_buffering=at_once)


def _is_size(text: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", text) is not None and _SMALLEST <= int(text) <= _LARGEST


class _Forgiving(io.FileIO):
    """A file that drops what its reader does not want, and what is only a message. Any other error is raised once."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)
        # A terminal that has been closed gives an error of input and output.
        self._gone = {errno.EPIPE, errno.EIO} if self.isatty() else {errno.EPIPE}
        self._only_messages = number == _STDERR
        self._failed = False

    def write(self, content: Buffer) -> int:
        """Write the bytes, or drop them; the number of bytes that are done with."""
        if not self._failed:
            try:
                return super().write(content)
            except OSError as error:
                self._failed = True
                if error.errno not in self._gone and not self._only_messages:
                    raise
        return memoryview(content).nbytes
