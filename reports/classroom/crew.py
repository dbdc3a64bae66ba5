"""Processes that judge, a few at a time. One that dies takes its own submission along and nothing else.

`concurrent.futures` gives up all that is still to be done when one of its processes dies, which a class of foreign code
must not depend on; so each process here has a pipe of its own, and is replaced.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from reports.classroom.work import Result, Task, judge
from reports.render.class_summary import problem_of

_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
#: Seconds in which a process has removed what it left lying about.
_GRACE = 5.0

Work = Callable[[Task], Result]


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Task | None = None

    def give(self, task: Task) -> None:
        self.task = task
        self.pipe.send(task)

    def take(self) -> Result:
        """Its result, or that it died."""
        assert self.task is not None  # noqa: S101 - only those at work are asked
        name, self.task = self.task.submission.name, None
        try:
            result = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(_GRACE)
            return Result(problem_of(name, f"the process that judged it ended (exit code {self.process.exitcode})"))
        return result if isinstance(result, Result) else Result(problem_of(name, result))


def judge_all(tasks: Sequence[Task], jobs: int, work: Work = judge) -> Generator[Result, None, None]:
    """Results, in the order in which they come; closing the iterator ends what still runs and leaves nothing behind.

    Parameters
    ----------
    tasks
        What is to be judged.
    jobs
        How many at a time.
    work
        What each process does with a task.
    """
    waiting = deque(tasks)
    with _folder() as temporary, _workers() as workers:
        while waiting or workers:
            while waiting and len(workers) < jobs:
                worker = _start(work, temporary)
                worker.give(waiting.popleft())
                workers.append(worker)
            ready = wait([worker.pipe for worker in workers])
            for worker in [each for each in workers if each.pipe in ready]:
                result = worker.take()
                if waiting and worker.process.is_alive():
                    worker.give(waiting.popleft())
                else:
                    workers.remove(worker)
                    _end([worker])
                yield result


@contextmanager
def _folder() -> Iterator[Path]:
    """For all temporary files, so that even what a killed process has left is found."""
    folder = Path(tempfile.mkdtemp(prefix="bp-class-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _workers() -> Iterator[list[_Worker]]:
    workers: list[_Worker] = []
    try:
        yield workers
    finally:
        _end(workers)


def _start(work: Work, temporary: Path) -> _Worker:
    """Start a process that knows nothing of this one but the task."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work, str(temporary)), daemon=False)
    with _inherited():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _inherited() -> Iterator[None]:
    """What a process gets from its first moment on: one thread, and deafness to Ctrl-C, which is for us to act on."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end(workers: Sequence[_Worker]) -> None:
    """End them, each with the chance to clean up."""
    for worker in workers:
        worker.pipe.close()
        if worker.task is not None:
            worker.process.terminate()
    for worker in workers:
        worker.process.join(_GRACE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.process.close()


def _serve(pipe: Connection, work: Work, temporary: str) -> None:
    """Do one task after the other until the pipe is closed."""
    signal.signal(signal.SIGTERM, _leave)
    tempfile.tempdir = temporary
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(_done(work, task))


def _done(work: Work, task: Task) -> Result | str:
    try:
        return work(task)
    except Exception as error:
        # Ours, whatever it is; the next submission is another story.
        return f"the examiner failed: {type(error).__name__}: {error}"


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
