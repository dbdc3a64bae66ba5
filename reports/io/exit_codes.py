"""The exit codes of the command line, and the exceptions that lead to them."""

from __future__ import annotations

OK = 0
FAILED = 1
USAGE = 2
TOOL = 3
INTERRUPTED = 130  # as shells report a program that Ctrl-C ended


class UsageError(Exception):
    """The command was used wrongly (exit code 2); the message says what was expected and what to do."""


class ToolError(Exception):
    """We could not do our work, and the submission is not the reason (exit code 3); the message says what to do."""
