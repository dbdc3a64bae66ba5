"""Measures from outside how much processor time a process and its descendants have used."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from reference.execution import processes

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Meter:
    """Measures a process and its descendants. The result never decreases, even when a descendant has vanished.

    Parameters
    ----------
    leader
        The number of the process. Once it has been waited for it must not be measured any more, since the system may
        give its number to another process.
    """

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._members: list[int] | None = None
        self._most = 0.0

    def spent(self) -> float:
        """Seconds of processor time of all threads so far; 0 where the system does not tell."""
        if self._members is None:
            measured = sum(
                _own_seconds(each) + _seconds_of_ended_children(each) for each in processes.family(self._leader)
            )
        else:
            measured = sum(map(_own_seconds, self._members))
        self._most = max(self._most, measured)
        return self._most

    def fix_members(self) -> None:
        """From now on measure only the present members, which is faster; for a process that can start no other."""
        self._members = processes.family(self._leader)


def _own_seconds(process: int) -> float:
    """Seconds of processor time of all threads of one process, those that have ended included."""
    if sys.platform != "linux":
        return 0.0
    try:
        return time.clock_gettime((~process << 3) | 2)  # the clock that the C function clock_getcpuclockid returns
    except OSError:
        return 0.0


def _seconds_of_ended_children(process: int) -> float:
    """Seconds of processor time of the descendants that have ended and have been waited for."""
    try:
        numbers = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return (int(numbers[13]) + int(numbers[14])) / _TICKS
    except (OSError, ValueError, IndexError):
        return 0.0
