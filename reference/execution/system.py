"""Checks, in one place, whether this operating system has what the sandbox needs.

Other modules use these system functions unconditionally. So code that starts a sandbox, or opens files of a submission
as the sandbox does, calls `require_confinement` first.
"""

from __future__ import annotations

import os
import platform
import select
import signal
from types import ModuleType

#: Functions and constants that Python has only where the system supports them. Linux and macOS have all of it, Windows
#: hardly any.
_NEEDED: tuple[tuple[ModuleType, tuple[str, ...]], ...] = (
    (os, ("O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "O_CLOEXEC", "fork", "killpg", "geteuid", "set_blocking")),
    (select, ("poll",)),
    (signal, ("SIGKILL", "SIGXCPU")),
)


class SandboxError(Exception):
    """The sandbox cannot do its work here, through no fault of the submission; the message says what to do."""


def require_confinement() -> None:
    """Refuse systems on which foreign code cannot be confined.

    Raises
    ------
    SandboxError
        With what is missing, and what to do instead.
    """
    missing = _missing()
    if missing:
        raise SandboxError(
            "expected a system that can confine foreign code (Linux, or macOS), but on this one "
            f"({platform.system() or 'unknown'}) Python lacks {', '.join(missing)}. Use Linux (on Windows that is WSL, "
            "the Windows Subsystem for Linux); or judge code that is your own, or that you trust, without a sandbox, "
            "in Python: reference.check(PATH)"
        )


def _missing() -> list[str]:
    """What is not there, by the names under which Python has it."""
    missing = [] if os.name == "posix" else ["the POSIX interface"]
    missing += [f"{module.__name__}.{name}" for module, names in _NEEDED for name in names if not hasattr(module, name)]
    if os.open not in os.supports_dir_fd:
        missing.append("os.open with dir_fd")
    if os.scandir not in os.supports_fd:
        missing.append("os.scandir of a descriptor")
    return missing
