"""The exit codes that scripts rely on."""

from __future__ import annotations

OK = 0
FAILED = 1
USAGE = 2
TOOL = 3
INTERRUPTED = 130  # as shells report a program that Ctrl-C ended


class UsageError(Exception):
    """The user asked for something that cannot be; the message says what was expected and what to do."""


class ToolError(Exception):
    """We could not do our work, through no fault of what was to be judged; the message says what to do."""
