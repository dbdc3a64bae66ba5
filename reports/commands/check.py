"""``bp check``: judge one implementation, or a whole class of them (`check_class`)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

import bp
from reference import Judgement, NotAnImplementation
from reference.lab.check import checks_of
from reports.commands import check_class
from reports.io.exit_codes import FAILED, OK, TOOL, UsageError
from reports.io.interruption import terminable
from reports.io.progress import checking
from reports.verdicts import FORMATS, expectations, no_path, terminal
from reports.verdicts.facts import plain
from reports.verdicts.judging import Settings, settings_of
from reports.verdicts.outputs import Outputs, refuse_without_drawing

_CODES = {"pass": OK, "fail": FAILED, "error": TOOL}
_FOR_ALL = ("csv", "reports", "jobs", "resume")


def run(arguments: argparse.Namespace) -> int:
    """Judge what ``arguments`` name, or list the checks."""
    _refuse_contradictions(arguments)
    if arguments.list:
        return _list(arguments)
    with terminable():
        return check_class.run(arguments) if arguments.all is not None else _one(arguments)


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    written = [name for name in (*FORMATS, "csv", "reports") if getattr(arguments, name) is not None]
    if arguments.list and written:
        raise UsageError(f"--list judges nothing, so that there is nothing to write: leave --{written[0]} out")
    if arguments.all is None:
        given = [name for name in _FOR_ALL if getattr(arguments, name)]
        if given:
            raise UsageError(f"--{given[0]} goes with --all")
    elif arguments.path is not None:
        raise UsageError(f"expected a PATH or --all, got both: {arguments.path} and {arguments.all}")
    elif arguments.expect is not None:
        raise UsageError("--expect goes with one submission, not with --all")


def _list(arguments: argparse.Namespace) -> int:
    try:
        checks = checks_of(arguments.only, arguments.assignment)
    except ValueError as error:
        raise UsageError(str(error)) from error
    console = Console(highlight=False, soft_wrap=True)
    for each in checks:
        console.print(f"{each.id}  ({each.subject})\n    {plain(each.rationale)}", markup=False)
    return OK


def _one(arguments: argparse.Namespace) -> int:
    outputs = Outputs({name: getattr(arguments, name) for name in FORMATS})
    if "html" in outputs.files:
        refuse_without_drawing()
    expected = expectations.load(arguments.expect) if arguments.expect is not None else []
    settings = settings_of(arguments)
    # With one of the files on standard output the report goes where it is not in its way.
    console = Console(stderr=outputs.to_stdout, highlight=False)
    with _framed(arguments.path, console):
        judgement = expectations.apply(expected, _judged(arguments.path, settings))
        terminal(judgement, console)
    for name in outputs.files:
        text = FORMATS[name](judgement)
        outputs.write(name, no_path.framed(name, text) if arguments.path is None else text)
    return _CODES[judgement.verdict]


@contextmanager
def _framed(path: str | None, console: Console) -> Iterator[None]:
    """Say first and last that there was no path, if there was none."""
    if path is None:
        console.print(no_path.LINE, markup=False)
    yield
    if path is None:
        console.print(no_path.LINE, markup=False)


def _judged(path: str | None, settings: Settings) -> Judgement:
    where, name = (Path(bp.__file__).parent, "bp") if path is None else (path, path)
    try:
        with checking(Console(stderr=True, highlight=False), name) as on_finding:
            return settings.judge(where, name, on_finding)
    except NotAnImplementation as error:
        raise UsageError(str(error)) from error
