"""Judges many submissions, a few at a time, in processes of their own. One that dies costs its own submission alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from reports.course.work import Result, Task, judge
from reports.io.workers import Outcome, each_done
from reports.verdicts.class_summary import problem_of

Work = Callable[[Task], Result]


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
    folders = list(dict.fromkeys(task.submission.path.parent for task in tasks))
    with (
        _folder() as temporary,
        closing(each_done(work, tasks, jobs, foreign=folders, temporary=temporary)) as outcomes,
    ):
        for outcome in outcomes:
            yield _result(outcome)


def _result(outcome: Outcome[Task, Result]) -> Result:
    if outcome.value is not None:
        return outcome.value
    who = "the process that judged it" if outcome.died else "the examiner failed:"
    return Result(problem_of(outcome.item.submission.name, f"{who} {outcome.problem}"))


@contextmanager
def _folder() -> Iterator[Path]:
    """For all temporary files, so that even what a killed process has left is found."""
    folder = Path(tempfile.mkdtemp(prefix="bp-class-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
