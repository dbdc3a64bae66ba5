"""How much processor time a process has taken, with all that it has started: measured from outside, by the system."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from reference.execution import processes

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Meter:
    """Measures a process and its descendants. What has been measured once is never taken back.

    Parameters
    ----------
    leader
        The process. It must not be measured any more once it has been waited for: its number may then be another's.
    """

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._members: list[int] | None = None
        self._most = 0.0

    def spent(self) -> float:
        """Seconds of processor time, of all threads; 0 where the system does not tell."""
        if self._members is None:
            measured = sum(_clock(each) + _of_ended_children(each) for each in processes.family(self._leader))
        else:
            measured = sum(map(_clock, self._members))
        self._most = max(self._most, measured)
        return self._most

    def fix(self) -> None:
        """From now on nobody can join or start anything: the same processes are measured each time, which is fast."""
        self._members = processes.family(self._leader)


def _clock(process: int) -> float:
    """Of all its threads, also those that have ended."""
    if sys.platform != "linux":
        return 0.0
    try:
        return time.clock_gettime((~process << 3) | 2)  # what clock_getcpuclockid gives, which Python does not have
    except OSError:
        return 0.0


def _of_ended_children(process: int) -> float:
    """Of those that it has waited for, and of theirs."""
    try:
        numbers = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return (int(numbers[13]) + int(numbers[14])) / _TICKS
    except (OSError, ValueError, IndexError):
        return 0.0
