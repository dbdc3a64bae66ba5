"""``bp check --all``: judges every submission of a course, a few at a time, and writes a summary."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

from rich.console import Console

from reports.course.entry import Entry
from reports.course.junit import as_junit
from reports.course.page import page
from reports.course.parallel import judge_all
from reports.course.record import Key, Record, key_of, record_path
from reports.course.submissions import Submission, find
from reports.course.summary import FORMATS, terminal
from reports.course.task import Result, Task, course_page, report_files
from reports.io.cores import cores
from reports.io.exit_codes import FAILED, INTERRUPTED, OK, TOOL, UsageError
from reports.io.files import write_atomically
from reports.io.lock import only_run_on
from reports.io.outputs import Outputs, made_folder, refuse_no_folder, require_matplotlib
from reports.io.progress import judging_course
from reports.verdicts.settings import Settings, settings_of
from reports.verdicts.text import plural

#: All formats that can be written, by the name of the option.
_FORMATS: dict[str, Callable[[Sequence[Entry]], str]] = {
    **FORMATS,
    "junit": as_junit,
    "html": lambda entries: page(entries, {}),
}


def run(arguments: argparse.Namespace) -> int:
    """Judge the submissions in the folder ``arguments.all``; after an interruption, ``--resume`` judges the rest."""
    outputs = Outputs({name: getattr(arguments, name) for name in _FORMATS}, arguments.reports)
    found = find(arguments.all)
    _prepare_reports(arguments)
    record = Record(record_path(arguments.all, arguments.reports), arguments.all)
    with _only_run_on(record.path):
        return _judge_course(arguments, outputs, found, record)


def _only_run_on(record: Path) -> AbstractContextManager[None]:
    """Refuse a second run on the same record; where nothing can be written there, no record is kept either."""
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return nullcontext()
    return only_run_on(record)


def _judge_course(arguments: argparse.Namespace, outputs: Outputs, found: list[Submission], record: Record) -> int:
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    settings = settings_of(arguments, record.seed() if arguments.resume and arguments.seed is None else None)
    keys = {key_of(each): each for each in found}
    if arguments.resume:
        record.load(settings)
        record.keep(key for key in keys if _reported(key, record, arguments.reports))
        _show_what_is_kept(record, len(keys), errors)
    record.begin(settings)
    finished = _judge(keys, record, settings, arguments, errors)
    if record.problem is not None:
        errors.print(f"no record could be kept, so --resume cannot go on later: {record.problem}", markup=False)
    results = [result for key in keys if (result := record.known.get(key) or record.faults.get(key)) is not None]
    _show(results, settings, outputs)
    if arguments.reports is not None:
        _write_page(results, arguments.reports)
    if not finished:
        how_to_resume = f"; the same command with --resume goes on ({record.path})" if record.problem is None else ""
        errors.print(f"interrupted: {len(results)} of {len(keys)} are judged{how_to_resume}", markup=False)
        return INTERRUPTED
    return _exit_code(each.entry for each in results)


def _prepare_reports(arguments: argparse.Namespace) -> None:
    """Make the folder for the reports, or refuse it before any work."""
    folder = arguments.reports
    if folder is None:
        return
    refuse_no_folder("reports", folder)
    if folder.resolve().is_relative_to(arguments.all.resolve()):
        raise UsageError(
            f"expected --reports outside {arguments.all}, where students can write: name a folder elsewhere"
        )
    require_matplotlib()
    made_folder("reports", folder)


def _show_what_is_kept(record: Record, submissions: int, errors: Console) -> None:
    kept = f"{plural(len(record.known), 'verdict')} of the earlier run kept ({record.path})"
    errors.print(f"{kept}, {plural(submissions - len(record.known), 'submission')} to judge", markup=False)
    if record.refused:
        errors.print(
            f"{plural(record.refused, 'line')} of it ignored: not written by bp for you, or changed since",
            markup=False,
        )


def _reported(key: Key, record: Record, reports: Path | None) -> bool:
    """Whether a submission has the report files that belong to its earlier verdict, if any are wanted."""
    known = record.known.get(key)
    if reports is None or known is None or not known.isolation:  # its code was never run, so there are no reports
        return True
    return all(each.exists() for each in report_files(reports, key.name).values())


def _judge(
    keys: dict[Key, Submission], record: Record, settings: Settings, arguments: argparse.Namespace, errors: Console
) -> bool:
    """Judge the submissions that have no verdict yet; return False if the user interrupts."""
    by_name = {key.name: key for key in keys}
    tasks = [Task(each, settings, arguments.reports) for key, each in keys.items() if key not in record.known]
    jobs = min(arguments.jobs or cores(), max(len(tasks), 1))
    try:
        with judging_course(errors, len(tasks)) as show, closing(judge_all(tasks, jobs)) as results:
            for result in results:
                record.add(by_name[result.entry.name], result)
                show(result.entry.name, _in_words(result))
    except KeyboardInterrupt:
        return False
    return True


def _in_words(result: Result) -> str:
    """The verdict in a few words, for the line that is printed when a submission has been judged."""
    entry = result.entry
    if entry.problem is not None:
        return f"{entry.verdict}: {entry.problem}"
    failed = entry.counts["failed"]
    return f"{entry.verdict} ({failed} {'check fails' if failed == 1 else 'checks fail'})" if failed else entry.verdict


def _show(results: list[Result], settings: Settings, outputs: Outputs) -> None:
    entries = [each.entry for each in results]
    console = Console(stderr=outputs.to_stdout, highlight=False)
    terminal(entries, console)
    for isolation in sorted({each.isolation for each in results if each.isolation}):
        console.print(f"isolation: {isolation}", markup=False, soft_wrap=True)
    if settings.only != "*":
        console.print(f"only: {settings.only} (no other checks were made)", markup=False, soft_wrap=True)
    console.print(f"seed: {settings.seed} (--seed repeats the cases)", markup=False, soft_wrap=True)
    for name in outputs.files:
        outputs.write(name, _FORMATS[name](entries))


def _write_page(results: Iterable[Result], folder: Path) -> None:
    """Write the page on the whole course, with links to those on the submissions."""
    entries = [each.entry for each in results]
    pages = {each.name: report_files(folder, each.name)["html"] for each in entries}
    links = {name: path.name for name, path in pages.items() if path.exists()}
    write_atomically(course_page(folder), page(entries, links))


def _exit_code(entries: Iterable[Entry]) -> int:
    """The exit code: 3 if the examiner failed, even if a submission failed too; 0 only if every submission passes."""
    verdicts = {entry.verdict for entry in entries}
    if "error" in verdicts:
        return TOOL
    return OK if verdicts <= {"pass"} else FAILED
