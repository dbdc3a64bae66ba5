"""One submission from its file or folder to a line of the table; runs in a process of the crew."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from reference import Judgement, NotAnImplementation
from reports.course.submissions import Submission
from reports.course.unpack import UnpackError, unpack
from reports.io.exit_codes import ToolError
from reports.io.files import write_atomically
from reports.verdicts import FORMATS
from reports.verdicts.class_summary import Entry, entry_of, problem_of
from reports.verdicts.judging import Settings

#: Formats of the reports on each submission.
REPORTS = ("html", "json")


@dataclass(frozen=True)
class Task:
    """What a worker is given.

    Attributes
    ----------
    submission, settings
        What to judge, and how.
    reports
        The folder for its reports, or None.
    """

    submission: Submission
    settings: Settings
    reports: Path | None


@dataclass(frozen=True)
class Result:
    """What a worker gives back.

    Attributes
    ----------
    entry
        For the table.
    isolation
        What was in force, in words; empty where nothing was run.
    """

    entry: Entry
    isolation: str = ""


def report_files(folder: Path, name: str) -> dict[str, Path]:
    """Where the reports on a submission are, by format."""
    return {each: folder / f"{name}.{each}" for each in REPORTS}


def judge(task: Task) -> Result:
    """Judge one submission, and write its reports."""
    start = time.monotonic()
    name = task.submission.name
    with tempfile.TemporaryDirectory(prefix="bp-submission-", ignore_cleanup_errors=True) as folder:
        try:
            judgement = task.settings.judge(_alone(task.submission.path, Path(folder)), name)
        except NotAnImplementation as error:
            return Result(_failed(name, str(error), time.monotonic() - start))
        except UnpackError as error:
            return Result(_failed(name, f"{name} {error}", time.monotonic() - start))
        except ToolError as error:
            return Result(problem_of(name, str(error), time.monotonic() - start))
    _write_reports(task, judgement)
    return Result(entry_of(name, judgement), judgement.isolation)


def _alone(path: Path, folder: Path) -> Path:
    """Where to find the submission with nobody else's beside it: what lies beside a file can be imported."""
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
