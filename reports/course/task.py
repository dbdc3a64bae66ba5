"""What a worker process does for one submission of a course: it judges it and writes its report files."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from reference import Judgement, NotAnImplementation
from reports.course.entry import Entry, entry_of, problem_of
from reports.course.opening import NotOpenedError
from reports.course.submissions import Submission
from reports.io.exit_codes import ToolError
from reports.io.files import write_atomically
from reports.verdicts import FORMATS
from reports.verdicts.settings import Settings

#: The formats of the report files on each submission.
REPORTS = ("html", "json")
#: The page on the whole course has this name.
_INDEX = "index"
#: Bytes of a submission's name in the name of a report file.
_LONGEST_NAME = 200


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


def course_page(folder: Path) -> Path:
    """The page on the whole course, beside the report files."""
    return folder / f"{_INDEX}.html"


def report_files(folder: Path, name: str) -> dict[str, Path]:
    """The report files on a submission, by format. A name that would be too long for a file is shortened."""
    encoded = name.encode()
    if len(encoded) > _LONGEST_NAME or name.casefold() == _INDEX:
        name = encoded[:_LONGEST_NAME].decode(errors="ignore") + hashlib.sha256(encoded).hexdigest()[:8]
    return {each: folder / f"{name}.{each}" for each in REPORTS}


def judge(task: Task) -> Result:
    """Judge one submission, and write its report files."""
    start = time.monotonic()
    name = task.submission.name
    try:
        with task.submission.opened() as place:
            judgement = task.settings.judge(place, name)
    except NotAnImplementation as error:
        return Result(Entry(name, "fail", seconds=time.monotonic() - start, problem=str(error)))
    except NotOpenedError as error:
        return Result(Entry(name, "not judged", seconds=time.monotonic() - start, problem=f"{name} {error}"))
    except ToolError as error:
        return Result(problem_of(name, str(error), time.monotonic() - start))
    _write_reports(task, judgement)
    return Result(entry_of(name, judgement), judgement.isolation)


def _write_reports(task: Task, judgement: Judgement) -> None:
    if task.reports is not None:
        for form, path in report_files(task.reports, task.submission.name).items():
            write_atomically(path, FORMATS[form](judgement))
