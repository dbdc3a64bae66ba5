"""``bp check``: judges one submission, or with ``--all`` those of a course (`check_course`)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console

import bp
from reference import Judgement, NotAnImplementation
from reference.lab.check import checks_of
from reports.commands import check_course, merge_course
from reports.course.opening import NotOpenedError, opened
from reports.io.exit_codes import FAILED, OK, TOOL, UsageError
from reports.io.interruption import terminable
from reports.io.outputs import Outputs, require_matplotlib
from reports.io.progress import checking
from reports.verdicts import FORMATS, expectations, no_path, points, terminal
from reports.verdicts.details import as_plain_text
from reports.verdicts.gradescope import gradescope
from reports.verdicts.json_ import json
from reports.verdicts.points import Scheme
from reports.verdicts.settings import Settings, settings_of

_EXIT_CODES = {"pass": OK, "fail": FAILED, "error": TOOL}
#: Tables of points, and the zip of pages, of a course.
_TABLES = ("moodle", "canvas", "feedback")
#: Options that make sense with --all alone.
_ONLY_WITH_ALL = ("csv", "reports", "jobs", "resume", "moodle", "canvas", "feedback", "anonymous", "shard")


def run(arguments: argparse.Namespace) -> int:
    """Judge the submission, or the course, that ``arguments`` name; with ``--list``, list the checks."""
    _refuse_contradictions(arguments)
    if arguments.list:
        return _list(arguments)
    with terminable():
        if arguments.merge is not None:
            return merge_course.run(arguments)
        return check_course.run(arguments) if arguments.all is not None else _check_one(arguments)


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    """Refuse options that cannot be given together."""
    written = [
        name for name in (*FORMATS, "csv", "reports", "gradescope", *_TABLES) if getattr(arguments, name) is not None
    ]
    if arguments.list and written:
        raise UsageError(f"--list judges nothing, so there is nothing to write: leave --{written[0]} out")
    refuse_contradictions_of_points(arguments)
    if arguments.merge is not None:
        merge_course.refuse_contradictions(arguments)
    elif arguments.all is None:
        given = [name for name in _ONLY_WITH_ALL if getattr(arguments, name)]
        if given:
            raise UsageError(
                f"--{given[0]} goes with --all: name the folder of the submissions with --all, or leave it out"
            )
    elif arguments.path is not None:
        raise UsageError(f"expected a PATH or --all, got both: {arguments.path} and {arguments.all}")
    elif arguments.expect is not None:
        raise UsageError("--expect goes with one submission: leave --expect or --all out")
    elif arguments.gradescope is not None:
        raise UsageError("--gradescope goes with one submission: leave --gradescope or --all out")
    elif arguments.first or arguments.full:
        name = "first" if arguments.first else "full"
        raise UsageError(f"--{name} goes with one submission: leave --{name} or --all out")
    if arguments.first and arguments.expect is not None:
        raise UsageError("--first stops at the first failure, known or not: leave --first or --expect out")


def refuse_contradictions_of_points(arguments: argparse.Namespace) -> None:
    """Refuse tables of points without points, and points where some checks are not made."""
    for name in _TABLES[:2]:
        if getattr(arguments, name) is not None and arguments.points is None:
            raise UsageError(f"--{name} needs points: add --points FILE, or --points lab")
    if arguments.feedback is not None and arguments.reports is None:
        raise UsageError("--feedback puts the pages of --reports into a zip: add --reports DIR")
    if (arguments.points is not None or arguments.gradescope is not None) and (
        arguments.only != "*" or arguments.first
    ):
        left = "--first" if arguments.first else "--only"
        raise UsageError(f"points are given for all checks: leave {left} or the points out")


def _list(arguments: argparse.Namespace) -> int:
    try:
        checks = checks_of(arguments.only, arguments.assignment)
    except ValueError as error:
        raise UsageError(str(error)) from error
    console = Console(highlight=False, soft_wrap=True)
    for each in checks:
        console.print(f"{each.id}  ({each.subject})\n    {as_plain_text(each.rationale)}", markup=False)
    return OK


def _check_one(arguments: argparse.Namespace) -> int:
    outputs = Outputs({name: getattr(arguments, name) for name in (*FORMATS, "gradescope")})
    scheme = _scheme(arguments)
    if "html" in outputs.files:
        require_matplotlib()
    expected = expectations.load(arguments.expect) if arguments.expect is not None else []
    settings = settings_of(arguments)
    # If a file goes to standard output, the report for people goes to standard error.
    console = Console(stderr=outputs.to_stdout, highlight=False)
    with _notice_if_no_path(arguments.path, console):
        judgement = expectations.apply(expected, _judge(arguments.path, settings, first=arguments.first))
        terminal(judgement, console, full=arguments.full, path=arguments.path, scheme=scheme)
    for name in outputs.files:
        text = _written(name, judgement, scheme)
        outputs.write(name, no_path.with_notice(name, text) if arguments.path is None else text)
    return _EXIT_CODES[judgement.verdict]


def _scheme(arguments: argparse.Namespace) -> Scheme | None:
    """The scheme of points, which is the lab's where Gradescope asks for points and no other is named."""
    path = Path("lab") if arguments.points is None and arguments.gradescope is not None else arguments.points
    return None if path is None else points.load(path, arguments.assignment)


def _written(name: str, judgement: Judgement, scheme: Scheme | None) -> str:
    """The text of a file to write."""
    if scheme is not None and name == "gradescope":
        return gradescope(judgement, scheme)
    return json(judgement, scheme) if name == "json" else FORMATS[name](judgement)


@contextmanager
def _notice_if_no_path(path: str | None, console: Console) -> Iterator[None]:
    """Print the notice before and after the report if no path was given."""
    if path is None:
        console.print(no_path.NOTICE, markup=False)
    yield
    if path is None:
        console.print(no_path.NOTICE, markup=False)


def _judge(path: str | None, settings: Settings, *, first: bool) -> Judgement:
    """Judge the submission at a path, or `bp` itself if there is none, under a progress bar."""
    place, name = (Path(bp.__file__).parent, "bp") if path is None else (path, path)
    try:
        with (
            checking(Console(stderr=True, highlight=False), name) as on_finding,
            opened(Path(place)) if Path(place).exists() and name.strip() else nullcontext(place) as found,
        ):
            return settings.judge(found, name, on_finding, first=first)
    except NotAnImplementation as error:
        raise UsageError(str(error)) from error
    except NotOpenedError as error:
        raise UsageError(f"{name} {error}") from error
