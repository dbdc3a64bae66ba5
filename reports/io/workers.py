"""Processes that do one thing after the other, a few at a time. One that dies takes its own work along and no other's.

The standard library's pools give up all that is still to be done when one of their processes dies, and their processes
look for modules in the current folder, which may be that of the submissions; so each process here is started by us, has
a pipe of its own, and is replaced.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

from reports.io import searchpath
from reports.io.interruption import repeated_if_lost

#: Seconds in which a process has removed what it left lying about.
_GRACE = 5.0
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_SERVE = "from reports.io.workers import serve\nserve(int(sys.argv[1]))\n"
_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Outcome(Generic[_Item, _Value]):
    """What came of one item.

    Attributes
    ----------
    item
        What was to be done.
    value
        What the function gave; None where it gave nothing.
    problem
        Why it gave nothing: an exception in words, or that its process ended; None where it gave something.
    died
        Whether its process ended.
    """

    item: _Item
    value: _Value | None = None
    problem: str | None = None
    died: bool = False


def each_done(
    function: Callable[[_Item], _Value],
    items: Iterable[_Item],
    jobs: int,
    *,
    foreign: Sequence[Path] = (),
    temporary: Path | None = None,
) -> Generator[Outcome[_Item, _Value], None, None]:
    """What comes of each item, in the order in which it comes; closing the iterator ends what still runs.

    Parameters
    ----------
    function
        What to do with an item, in a process that has one thread and hears no Ctrl-C. It can be imported by its name.
    items
        What it is given; they can be pickled, and so can what it gives.
    jobs
        How many at a time.
    foreign
        Folders of submissions: the processes do not look for modules there.
    temporary
        Where the processes put temporary files; None: where everybody does.
    """
    waiting = deque(items)
    with _workers() as workers:
        while waiting or workers:
            while waiting and len(workers) < jobs:
                worker: _Worker[_Item, _Value] = _Worker(function, foreign, temporary)
                workers.append(worker)
                worker.give(waiting.popleft())
            ready = wait([worker.pipe for worker in workers])
            for worker in [each for each in workers if each.pipe in ready]:
                outcome = worker.take()
                if waiting and not outcome.died:
                    worker.give(waiting.popleft())
                else:
                    workers.remove(worker)
                    _end([worker])
                yield outcome


class _Worker(Generic[_Item, _Value]):
    """One process, and what it is doing."""

    def __init__(self, function: Callable[[_Item], _Value], foreign: Iterable[Path], temporary: Path | None) -> None:
        self.pipe, theirs = Pipe()
        self._items: list[_Item] = []
        number = theirs.fileno()
        flags = ["-B"] if sys.dont_write_bytecode else []
        with theirs, _deaf():
            self.process = subprocess.Popen(  # noqa: S603 - Python, with a script of ours
                searchpath.command(_SERVE, str(number), foreign=foreign, flags=flags),
                stdin=subprocess.DEVNULL,
                env=os.environ | _ONE_THREAD,
                pass_fds=[number],
            )
        self._send((function, temporary))

    @property
    def busy(self) -> bool:
        """Whether it has been given something that has not been taken."""
        return bool(self._items)

    def give(self, item: _Item) -> None:
        """Let it do something with an item."""
        self._items.append(item)
        self._send(item)

    def _send(self, value: Any) -> None:
        with suppress(OSError):  # it has died: whoever takes will see
            self.pipe.send(value)

    def take(self) -> Outcome[_Item, _Value]:
        """What came of it, once its pipe is ready."""
        item = self._items.pop()
        try:
            value, problem = self.pipe.recv()
        except (EOFError, OSError):
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE)
            return Outcome(item, problem=f"ended (exit code {self.process.poll()})", died=True)
        return Outcome(item, value, problem)


@contextmanager
def _workers() -> Iterator[list[_Worker[Any, Any]]]:
    workers: list[_Worker[Any, Any]] = []
    try:
        yield workers
    finally:
        _end(workers)


@contextmanager
def _deaf() -> Iterator[None]:
    """What a process is born with: deafness to Ctrl-C, which is for us to act on."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _end(workers: Sequence[_Worker[Any, Any]]) -> None:
    """End them, each with the chance to clean up."""
    for worker in workers:
        worker.pipe.close()
        if worker.busy:
            worker.process.terminate()
    for worker in workers:
        try:
            worker.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def serve(descriptor: int) -> None:
    """Do one thing after the other until the pipe is closed: what a process here does."""
    signal.signal(signal.SIGTERM, _leave)
    with repeated_if_lost(_leave), Connection(descriptor) as pipe, suppress(EOFError):
        function, temporary = pipe.recv()
        if temporary is not None:
            tempfile.tempdir = str(temporary)
        while True:
            item = pipe.recv()
            pipe.send(_done(function, item))


def _done(function: Callable[[Any], Any], item: Any) -> tuple[Any, str | None]:
    try:
        return function(item), None
    except Exception as error:
        # Ours, whatever it is; the next item is another story.
        return None, f"{type(error).__name__}: {error}"


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
