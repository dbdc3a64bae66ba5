"""Judges many submissions in several worker processes. If a process dies, only its submission has no verdict."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from reports.course.entry import problem_of
from reports.course.task import Result, Task, judge
from reports.io.workers import Outcome, run_in_workers

#: What a worker process does with a task.
Work = Callable[[Task], Result]


def judge_all(
    tasks: Sequence[Task], jobs: int, work: Work = judge, on_start: Callable[[Task], object] = lambda _: None
) -> Generator[Result, None, None]:
    """Judge the submissions, and yield each result when it is there.

    Closing the generator ends the processes that still run, and removes their temporary files.

    Parameters
    ----------
    tasks
        The submissions, each with the settings of its judgement.
    jobs
        The number of processes.
    work
        What each process does with a task.
    on_start
        Is called with each task when a process gets it.
    """
    folders = list(dict.fromkeys(task.submission.path.parent for task in tasks))
    with (
        _temporary_folder() as temporary,
        closing(run_in_workers(work, tasks, jobs, foreign=folders, temporary=temporary, on_start=on_start)) as outcomes,
    ):
        for outcome in outcomes:
            yield _result_of(outcome)


def _result_of(outcome: Outcome[Task, Result]) -> Result:
    """The result of a task; where the process did not return one, a result that says why."""
    if outcome.value is not None:
        return outcome.value
    who = "the process that judged it" if outcome.died else "the examiner failed:"
    return Result(problem_of(outcome.item.submission.name, f"{who} {outcome.problem}"))


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """Yield a folder for all temporary files, so that those of a killed process are removed too."""
    folder = Path(tempfile.mkdtemp(prefix="bp-course-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
