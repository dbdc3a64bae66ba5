"""Finds the processes that a process has started, and ends all of them, also those in a session of their own.

Where system calls are filtered there is nothing to be found: the process could start none.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_ROUNDS = 20


def end(leader: int, folder: Path) -> None:
    """Kill the group and the session of ``leader``, its descendants, and whoever works in ``folder``."""
    known, seen_none = {leader}, False
    for _ in range(_ROUNDS):  # again, for what was being started during the round before
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        found = set(_of(known, folder)) - known
        for process in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        known |= found
        if not found and seen_none:  # one round alone may have missed who was started meanwhile by one that then ended
            break
        seen_none = not found


def _of(known: set[int], folder: Path) -> Iterator[int]:
    """Processes of these sessions, children of these processes, and who is in the folder; none where there is no /proc.

    Those that have ended and wait to be asked for it are none.
    """
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, group, executor = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if state != "Z" and ({int(parent), int(group), int(executor)} & known or _is_in(entry, folder)):
            yield int(entry.name)


def _is_in(entry: Path, folder: Path) -> bool:
    try:
        return (entry / "cwd").readlink().is_relative_to(folder)
    except (OSError, ValueError):
        return False


def family(leader: int) -> list[int]:
    """The process, its children, and theirs, as far as the system tells."""
    found = [leader]
    for process in found:  # which grows meanwhile
        found += _children(process)
    return found


def _children(process: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
        return [int(each) for thread in threads for each in (thread / "children").read_text().split()]
    except OSError:  # it has ended, or the system does not tell
        return []


def is_at_work(process: int) -> bool:
    """Whether it runs or would run if the machine had time for it; not if it sleeps or has ended."""
    try:
        state, *_ = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (OSError, ValueError):
        return False
    return state in {"R", "D"}
