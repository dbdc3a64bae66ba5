"""Work in forks of this process: all that was imported is there at once, and only answers come back."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TypeVar

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
_SET_CHILD_SUBREAPER = 36  # of prctl
_FORK = multiprocessing.get_context("fork")


class Ended(Exception):  # noqa: N818 - an outcome
    """The fork ended without an answer, by this signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


def in_a_fork(task: Callable[[], _Result], limit: float) -> _Result:
    """What ``task`` returns in a fork that is silent and has so many seconds.

    Raises
    ------
    Ended
        It did not return.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            silence = os.open(os.devnull, os.O_RDWR)
            for standard in (0, 1, 2):
                os.dup2(silence, standard)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, limit)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(task(), pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    _end_orphans()
    if not said:
        raise Ended(-os.waitstatus_to_exitcode(status))
    answer: _Result = pickle.loads(said)  # noqa: S301 - from ourselves
    return answer


def shared(jobs: Sequence[_Job], work: Callable[[_Job], Iterable[_Result]], processes: int) -> Iterator[_Result]:
    """The results of all jobs, as they come, from so many forks, each of which takes the next job when it is free.

    Raises
    ------
    EOFError
        A fork died.
    """
    gc.collect()
    gc.freeze()  # pages that nobody touches need not be copied
    following = _FORK.Value("i", 0)

    def serve(pipe: Connection) -> None:
        while True:
            with following.get_lock():
                number = following.value
                following.value += 1
            if number >= len(jobs):
                return
            for result in work(jobs[number]):
                pipe.send(result)

    pipes = [_begun(serve) for _ in range(processes)]
    while pipes:
        for pipe in wait(pipes):
            assert isinstance(pipe, Connection)
            result = pipe.recv()
            if result is None:
                pipes.remove(pipe)
                os.wait()
            else:
                yield result


def _begun(serve: Callable[[Connection], None]) -> Connection:
    """A fork that serves, and says at its end that it came there."""
    ours, theirs = _FORK.Pipe(duplex=False)
    sys.stdout.flush()
    if os.fork() == 0:
        try:
            _become_reaper()
            serve(theirs)
            theirs.send(None)
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(0)
    theirs.close()
    return ours


def _become_reaper() -> None:
    """What a fork leaves behind, since a mutant lost it, becomes a child of this process (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans() -> None:
    """End them, and what they leave behind in their turn: one that never ends would take a core from all others."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    while children.exists() and (left := children.read_text().split()):
        for each in left:
            with contextlib.suppress(OSError):
                os.kill(int(each), signal.SIGKILL)
                os.waitpid(int(each), 0)
