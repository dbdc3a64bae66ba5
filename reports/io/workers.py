"""Runs a function on many items in several worker processes. If a process dies, only the item it worked on is lost.

The pools of the standard library cannot be used. When one of their processes dies they drop all remaining items, and
their processes look for modules in the current folder, which may hold submissions. So we start each process ourselves,
with a pipe of its own, and replace it when it dies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
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
from reports.io.cores import ONE_THREAD
from reports.io.interruption import repeated_if_lost

#: Seconds that a process is given to remove its temporary files before it is killed.
_GRACE = 5.0
#: Seconds between two looks whether the parent of a process is still there.
_LOOK = 0.5
_SERVE = "from reports.io.workers import serve\nserve(int(sys.argv[1]))\n"
_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Outcome(Generic[_Item, _Value]):
    """What became of one item.

    Attributes
    ----------
    item
        The item.
    value
        What the function returned; None if it did not return.
    problem
        Why the function did not return, in words: its exception, or that its process ended. None if it returned.
    died
        Whether the process ended while it worked on the item.
    """

    item: _Item
    value: _Value | None = None
    problem: str | None = None
    died: bool = False


def run_in_workers(
    function: Callable[[_Item], _Value],
    items: Iterable[_Item],
    jobs: int,
    *,
    foreign: Sequence[Path] = (),
    temporary: Path | None = None,
    on_start: Callable[[_Item], object] = lambda _: None,
) -> Generator[Outcome[_Item, _Value], None, None]:
    """Call ``function`` on each item in worker processes, and yield each outcome when it is there.

    Closing the generator ends the processes that still run.

    Parameters
    ----------
    function
        The function. It must be importable by its name. Its process uses one thread and ignores Ctrl-C.
    items
        Its arguments. These and what it returns must be picklable.
    jobs
        The number of processes.
    foreign
        Folders of submissions, in which the processes must not look for modules.
    temporary
        The folder for temporary files of the processes; None: the usual one of the system.
    on_start
        Is called with each item when a process gets it.
    """
    waiting = deque(items)

    def give(worker: _Worker[_Item, _Value]) -> None:
        item = waiting.popleft()
        worker.give(item)
        on_start(item)

    with _workers() as workers:
        while waiting or workers:
            while waiting and len(workers) < jobs:
                worker: _Worker[_Item, _Value] = _Worker(function, foreign, temporary)
                workers.append(worker)
                give(worker)
            ready = wait([worker.pipe for worker in workers])
            for worker in [each for each in workers if each.pipe in ready]:
                outcome = worker.take()
                if waiting and not outcome.died:
                    give(worker)
                else:
                    workers.remove(worker)
                    _end([worker])
                yield outcome


class Beside(Generic[_Item, _Value]):
    """One process that works through items while ours does something else."""

    def __init__(self, worker: _Worker[_Item, _Value]) -> None:
        self._worker = worker

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._worker.process.poll() is None

    def give(self, item: _Item) -> None:
        """Send it one more item. A large one is only read, and we only go on, when it has done all others."""
        self._worker.give(item)

    def outcomes(self, *, wait: bool) -> Iterator[Outcome[_Item, _Value]]:
        """The outcomes that have come since the last call, in the items' order; all that are left, if ``wait``."""
        while self._worker.busy and (wait or self._worker.pipe.poll()):
            yield self._worker.take()


@contextmanager
def beside(function: Callable[[_Item], _Value], items: Iterable[_Item]) -> Iterator[Beside[_Item, _Value]]:
    """Start a process that calls ``function`` on each item, as in `run_in_workers`, and end it with the block.

    If the process dies, each of the items that are left has an outcome that says so.
    """
    with _workers() as workers:
        worker: _Worker[_Item, _Value] = _Worker(function, (), None)
        workers.append(worker)
        for item in items:
            worker.give(item)
        yield Beside(worker)


class _Worker(Generic[_Item, _Value]):
    """One worker process, seen from ours."""

    def __init__(self, function: Callable[[_Item], _Value], foreign: Iterable[Path], temporary: Path | None) -> None:
        self.pipe, theirs = Pipe()
        self._items: deque[_Item] = deque()
        number = theirs.fileno()
        flags = ["-B"] if sys.dont_write_bytecode else []
        with theirs, _ignoring_ctrl_c():
            self.process = subprocess.Popen(  # noqa: S603 - Python, with a script of ours
                searchpath.command(_SERVE, str(number), foreign=foreign, flags=flags),
                stdin=subprocess.DEVNULL,
                env=os.environ | ONE_THREAD,
                pass_fds=[number],
            )
        self._send((function, temporary))

    @property
    def busy(self) -> bool:
        """Whether the process has an item to work on."""
        return bool(self._items)

    def give(self, item: _Item) -> None:
        """Send the process an item to work on, after those that it has already."""
        self._items.append(item)
        self._send(item)

    def _send(self, value: Any) -> None:
        with suppress(OSError):  # the process has died, which `take` will notice
            self.pipe.send(value)

    def take(self) -> Outcome[_Item, _Value]:
        """Return the outcome of the oldest item; wait until it is there."""
        item = self._items.popleft()
        try:
            value, problem = self.pipe.recv()
        except (EOFError, OSError):
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE)
            return Outcome(item, problem=f"ended (exit code {self.process.poll()})", died=True)
        return Outcome(item, value, problem)


@contextmanager
def _workers() -> Iterator[list[_Worker[Any, Any]]]:
    """Yield an empty list for workers; those in the list when the block ends are ended."""
    workers: list[_Worker[Any, Any]] = []
    try:
        yield workers
    finally:
        _end(workers)


@contextmanager
def _ignoring_ctrl_c() -> Iterator[None]:
    """Let processes that are started in the block ignore Ctrl-C, because we end them ourselves."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _end(workers: Sequence[_Worker[Any, Any]]) -> None:
    """End the processes, each with `_GRACE` seconds to remove its temporary files."""
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
    """Work on the items that arrive until the pipe is closed: the main loop of a worker process."""
    signal.signal(signal.SIGTERM, _exit)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with repeated_if_lost(_exit), Connection(descriptor) as pipe, suppress(EOFError, ConnectionError):
        function, temporary = pipe.recv()
        if temporary is not None:
            tempfile.tempdir = str(temporary)
        while True:
            item = pipe.recv()
            pipe.send(_value_or_problem(function, item))


def _value_or_problem(function: Callable[[Any], Any], item: Any) -> tuple[Any, str | None]:
    try:
        return function(item), None
    except Exception as error:
        # Whatever went wrong with this item, the process goes on with the next one.
        return None, f"{type(error).__name__}: {error}"


def _end_with(parent: int) -> None:
    """End this process when its parent has ended: a parent that is killed cannot end it."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os.kill(os.getpid(), signal.SIGTERM)


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
