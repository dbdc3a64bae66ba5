"""The exit codes of the command line, and the exceptions that lead to them."""

from __future__ import annotations

import errno

OK = 0
FAILED = 1
USAGE = 2
TOOL = 3
INTERRUPTED = 130  # as shells report a program that Ctrl-C ended


class UsageError(Exception):
    """The command was used wrongly (exit code 2); the message says what was expected and what to do."""


class ToolError(Exception):
    """We could not do our work, and the submission is not the reason (exit code 3); the message says what to do."""


def told(error: Exception) -> str:
    """The message of an error, and what to do where a disk is full."""
    full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
    return f"{error}; make room there and run it again; what was saved before is whole" if full else str(error)
