"""Finds all processes that a process has started, those in sessions of their own included, and kills them.

Needs /proc. Where a filter of system calls is in force nothing is found, since the process could start none.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

#: How often the search for processes is repeated at most.
_ROUNDS = 20


def end(leader: int, folder: Path) -> None:
    """Kill the process ``leader``, its group, session and descendants, and every process that works in ``folder``."""
    known, found_none = {leader}, False
    for _ in range(_ROUNDS):  # repeated, because processes may be started during a round
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        found = set(_related(known, folder)) - known
        for process in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        known |= found
        # One empty round is not enough: a process may have started another one during it and ended.
        if not found and found_none:
            break
        found_none = not found


def _related(known: set[int], folder: Path) -> Iterator[int]:
    """The children of the known processes, the members of their groups and sessions, and the processes in ``folder``.

    Zombies, which have ended and wait for their parent, are left out. Without /proc there is nothing to find.
    """
    for entry in Path("/proc").glob("[0-9]*"):
        try:  # as bytes, since a process may call itself anything
            state, parent, group, session = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if state != b"Z" and ({int(parent), int(group), int(session)} & known or _works_in(entry, folder)):
            yield int(entry.name)


def _works_in(entry: Path, folder: Path) -> bool:
    try:
        return (entry / "cwd").readlink().is_relative_to(folder)
    except (OSError, ValueError):
        return False


def family(leader: int) -> list[int]:
    """The numbers of a process and of all its descendants, itself first, as far as /proc shows them."""
    found = [leader]
    for process in found:  # the loop also visits what it appends
        found += _children(process)
    return found


def _children(process: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
        return [int(each) for thread in threads for each in (thread / "children").read_text().split()]
    except OSError:  # the process has ended, or there is no /proc
        return []


def is_running(process: int) -> bool:
    """Whether a process runs, waits for a processor or for the disk; not if it sleeps or has ended."""
    try:
        state, *_ = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
    except (OSError, ValueError):
        return False
    return state in {b"R", b"D"}
