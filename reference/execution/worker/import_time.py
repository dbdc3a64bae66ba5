"""Interrupts the import of a file that takes too much processor time or elapsed time."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType

#: Seconds: the least time for an import, the time after which a swallowed exception is raised again, and the longest
#: time that a timer of the system takes.
_SHORTEST, _REPEAT_AFTER, _LONGEST = 0.01, 0.05, 1e8


class TimeUpError(BaseException):
    """The time for an import is up; the argument is "processor" or "wall".

    A BaseException, so that fewer handlers of the submission catch it.
    """


class Clock:
    """Divides the time for imports among the files.

    Parameters
    ----------
    seconds
        Seconds of processor time for all replies, of which all imports may use half; None: no limit.
    wall
        Seconds of elapsed time for everything, of which all imports may use two fifths.
    """

    def __init__(self, seconds: float | None, wall: float) -> None:
        self.seconds, self.wall = seconds, wall
        self._ends = (time.process_time() + (seconds or 0) / 2, time.monotonic() + 0.4 * wall)

    def shares(self) -> tuple[float, float] | None:
        """Seconds of processor time and of elapsed time that the next import may use; None: no limit."""
        if self.seconds is None:
            return None
        left = (self._ends[0] - time.process_time(), self._ends[1] - time.monotonic())
        return max(_SHORTEST, min(self.seconds / 6, left[0])), max(_SHORTEST, min(self.wall / 4, left[1]))

    def describe(self, late: TimeUpError) -> str:
        """What happened to a file whose import was interrupted, to be put after the file's name."""
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
    """Raise `TimeUpError` in the block after so many seconds of processor time or of elapsed time; None: no limit.

    Code that swallows the exception gets it again and again, each time after some more processor time (not elapsed
    time, so that a busy machine does not raise the next one before the first was handled). Code that swallows them all
    is ended by the examiner.
    """
    if shares is None or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, _REPEAT_AFTER, _REPEAT_AFTER)
        raise TimeUpError("wall" if number == signal.SIGALRM else "processor")

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
