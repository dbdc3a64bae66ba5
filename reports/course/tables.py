"""What is shown and written at the end of a course, whether it was judged here or in shards that were joined."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from rich.console import Console

from reports.course import summary
from reports.course.entry import Entry
from reports.course.gradebooks import as_canvas, as_moodle, without_number
from reports.course.junit import as_junit
from reports.course.page import page
from reports.course.task import Result
from reports.io.exit_codes import FAILED, OK, TOOL
from reports.io.outputs import Outputs
from reports.verdicts import points
from reports.verdicts.points import Scheme
from reports.verdicts.settings import Settings

#: The files that can be written of a course, by the name of the option.
NAMES = ("json", "csv", "markdown", "junit", "html", "moodle", "canvas")
#: A function of the entries for each of them.
Tables = Mapping[str, Callable[[Sequence[Entry]], str]]


def outputs_of(arguments: argparse.Namespace) -> Outputs:
    """The files that the options ask for, checked before any work."""
    return Outputs({name: getattr(arguments, name) for name in (*NAMES, "feedback")}, arguments.reports)


def scheme_of(arguments: argparse.Namespace) -> Scheme | None:
    """The scheme of points, if one is asked for."""
    return None if arguments.points is None else points.load(arguments.points, arguments.assignment)


def tables_of(arguments: argparse.Namespace, settings: Settings) -> Tables:
    """How each file is made; those of course platforms need a scheme of points."""
    scheme = None if arguments.points is None else points.load(arguments.points, settings.assignment)
    tables: dict[str, Callable[[Sequence[Entry]], str]] = {
        "json": partial(summary.as_json, scheme=scheme),
        "csv": partial(summary.as_csv, scheme=scheme),
        "markdown": summary.as_markdown,
        "junit": as_junit,
        "html": partial(page, links={}, scheme=scheme),
    }
    if scheme is not None:
        title = arguments.all.resolve().name if arguments.all is not None else "lab"
        tables |= {
            "moodle": partial(as_moodle, scheme=scheme),
            "canvas": partial(as_canvas, scheme=scheme, title=title),
        }
    return tables


def show(
    results: Sequence[Result], settings: Settings, outputs: Outputs, tables: Tables, scheme: Scheme | None = None
) -> None:
    """Print the summary and write the tables."""
    entries = [each.entry for each in results]
    console = Console(stderr=outputs.to_stdout, highlight=False)
    summary.terminal(entries, console, scheme)
    for isolation in sorted({each.isolation for each in results if each.isolation}):
        console.print(f"isolation: {isolation}", markup=False, soft_wrap=True)
    if settings.only != "*":
        console.print(f"only: {settings.only} (no other checks were made)", markup=False, soft_wrap=True)
    console.print(f"seed: {settings.seed} (--seed repeats the cases)", markup=False, soft_wrap=True)
    for name in outputs.files:
        if name in tables:
            outputs.write(name, tables[name](entries))
        said = without_number(entries, name) if name in {"moodle", "canvas"} else None
        if said is not None:
            console.print(said, markup=False, soft_wrap=True)


def exit_code(entries: Iterable[Entry]) -> int:
    """The exit code: 3 if the examiner failed, even if a submission failed too; 0 only if every submission passes."""
    verdicts = {entry.verdict for entry in entries}
    if "error" in verdicts:
        return TOOL
    return OK if verdicts <= {"pass"} else FAILED
