"""Makes SIGTERM raise an exception, so that processes and files are cleaned up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: Seconds until an interruption that was lost comes again.
_AGAIN = 0.01


@contextmanager
def terminable() -> Iterator[None]:
    """Make SIGTERM raise KeyboardInterrupt within the block, as Ctrl-C does.

    Without that, SIGTERM ends Python at once, and its child processes and temporary files are left behind.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with repeated_if_lost(interrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def repeated_if_lost(interrupt: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Call ``interrupt`` again where its exception is lost, because the signal came while Python deleted an object.

    Python prints an exception that leaves a ``__del__``, and goes on. Here it prints nothing and is interrupted again.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    hook = sys.unraisablehook

    def again(lost: Any) -> None:
        if isinstance(lost.exc_value, KeyboardInterrupt | SystemExit):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        else:
            hook(lost)

    before = signal.signal(signal.SIGALRM, interrupt)
    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
