"""What a worker process does for one submission of a course: it judges it and writes its report files."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from reference import Judgement, NotAnImplementation
from reports.course.submissions import Submission
from reports.course.summary import Entry, entry_of, problem_of
from reports.course.unpack import UnpackError, unpack
from reports.io.exit_codes import ToolError
from reports.io.files import write_atomically
from reports.verdicts import FORMATS
from reports.verdicts.settings import Settings

#: The formats of the report files on each submission.
REPORTS = ("html", "json")


@dataclass(frozen=True)
class Task:
    """What a worker process is given.

    Attributes
    ----------
    submission, settings
        What to judge, and how.
    reports
        The folder for its report files; None if none are wanted.
    """

    submission: Submission
    settings: Settings
    reports: Path | None


@dataclass(frozen=True)
class Result:
    """What a worker process returns.

    Attributes
    ----------
    entry
        What the summary needs of the verdict.
    isolation
        How the submission was kept apart from the machine, in words; empty if its code was never run.
    """

    entry: Entry
    isolation: str = ""


def report_files(folder: Path, name: str) -> dict[str, Path]:
    """The report files on a submission, by format."""
    return {each: folder / f"{name}.{each}" for each in REPORTS}


def judge(task: Task) -> Result:
    """Judge one submission, and write its report files."""
    start = time.monotonic()
    name = task.submission.name
    with tempfile.TemporaryDirectory(prefix="bp-submission-", ignore_cleanup_errors=True) as folder:
        try:
            judgement = task.settings.judge(_by_itself(task.submission.path, Path(folder)), name)
        except NotAnImplementation as error:
            return Result(_failed(name, str(error), time.monotonic() - start))
        except UnpackError as error:
            return Result(_failed(name, f"{name} {error}", time.monotonic() - start))
        except ToolError as error:
            return Result(problem_of(name, str(error), time.monotonic() - start))
    _write_reports(task, judgement)
    return Result(entry_of(name, judgement), judgement.isolation)


def _by_itself(path: Path, folder: Path) -> Path:
    """The place of the submission with no other beside it; a single file or an archive is copied into ``folder``.

    A submission can import whatever lies beside its file, so another student's file must not be there.
    """
    if path.is_dir():
        return path
    if path.suffix.lower() == ".zip":
        unpack(path, folder)
        return folder
    return Path(shutil.copy(path, folder))


def _failed(name: str, problem: str, seconds: float) -> Entry:
    return Entry(name, "fail", seconds=seconds, problem=problem)


def _write_reports(task: Task, judgement: Judgement) -> None:
    if task.reports is not None:
        for form, path in report_files(task.reports, task.submission.name).items():
            write_atomically(path, FORMATS[form](judgement))
