"""Ends the import of a file that takes too long: in processor time, or in elapsed time."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType

#: The least time for an import, that until an exception which was swallowed comes again, and the longest of a timer.
_SHORTEST, _AGAIN, _LONGEST = 0.01, 0.05, 1e8


class Late(BaseException):
    """The time for an import is up, and which. No Exception, so that fewer handlers swallow it."""


class Clock:
    """Shares out the time for imports: how much there is of processor time and of elapsed time, and what was told."""

    def __init__(self, seconds: float | None, wall: float) -> None:
        self.seconds, self.wall = seconds, wall
        self._ends = (time.process_time() + (seconds or 0) / 2, time.monotonic() + 0.4 * wall)

    def shares(self) -> tuple[float, float] | None:
        """Of the next import, in processor time and in elapsed time; None: without end."""
        if self.seconds is None:
            return None
        left = (self._ends[0] - time.process_time(), self._ends[1] - time.monotonic())
        return max(_SHORTEST, min(self.seconds / 6, left[0])), max(_SHORTEST, min(self.wall / 4, left[1]))

    def told(self, late: Late) -> str:
        """What is said of a file whose time was up."""
        if late.args[0] == "wall":
            return (
                f"was still running after its share of the {self.wall:g} s of elapsed time that everything together "
                "may take: does it sleep, or wait for something?"
            )
        return (
            f"was still running after its share of the {self.seconds:g} s of processor time that --timeout allows: "
            "does it train there?"
        )


@contextlib.contextmanager
def in_time(shares: tuple[float, float] | None) -> Iterator[None]:
    """Ends what is inside by an exception after a processor time or an elapsed time.

    What swallows the exception gets it again and again, each time after some processor time, so that a busy machine
    does not bring the next one before the first has been seen to. What swallows them all is ended from outside.
    """
    if shares is None or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, _AGAIN, _AGAIN)
        raise Late("wall" if number == signal.SIGALRM else "processor")

    before = {number: signal.signal(number, ring) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, shares[0])
    signal.setitimer(signal.ITIMER_REAL, min(shares[1], _LONGEST))
    try:
        yield
    finally:
        for timer in (signal.ITIMER_REAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
