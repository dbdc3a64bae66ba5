"""``bp check --all``: judges every submission of a course, a few at a time, and writes a summary."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

from rich.console import Console

from reports.course.feedback import as_zip
from reports.course.page import page
from reports.course.parallel import judge_all
from reports.course.record import Key, Record, key_of, record_path
from reports.course.shards import as_json as as_shard
from reports.course.shards import own, shared_seal
from reports.course.submissions import Submission, find
from reports.course.tables import exit_code, outputs_of, scheme_of, show, tables_of
from reports.course.task import Result, Task, course_page, report_files
from reports.io.cores import cores
from reports.io.exit_codes import INTERRUPTED, UsageError
from reports.io.files import write_atomically
from reports.io.lock import only_run_on
from reports.io.outputs import Outputs, made_folder, refuse_no_folder, require_matplotlib
from reports.io.progress import judging_course
from reports.verdicts.points import Scheme
from reports.verdicts.settings import Settings, settings_of
from reports.verdicts.text import plural


def run(arguments: argparse.Namespace) -> int:
    """Judge the submissions in the folder ``arguments.all``; after an interruption, ``--resume`` judges the rest."""
    _refuse_shards_apart(arguments)
    outputs, scheme = outputs_of(arguments), scheme_of(arguments)
    found = find(arguments.all, anonymous=arguments.anonymous)
    _prepare_reports(arguments)
    record = Record(record_path(arguments.all, arguments.reports, arguments.shard), arguments.all)
    with _only_run_on(record.path):
        return _judge_course(arguments, outputs, scheme, found, record)


def _only_run_on(record: Path) -> AbstractContextManager[None]:
    """Refuse a second run on the same record; where nothing can be written there, no record is kept either."""
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return nullcontext()
    return only_run_on(record)


def _judge_course(
    arguments: argparse.Namespace, outputs: Outputs, scheme: Scheme | None, found: list[Submission], record: Record
) -> int:
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    places = own(found, arguments.shard)
    settings = settings_of(arguments, record.seed() if arguments.resume and arguments.seed is None else None)
    course = [key_of(each) for each in found]
    keys = {course[place]: each for place, each in places}
    if arguments.resume:
        record.load(settings)
        record.keep(key for key in keys if _reported(key, record, arguments.reports))
        _show_what_is_kept(record, len(keys), errors)
    record.begin(settings)
    finished = _judge(keys, record, settings, arguments, errors)
    if record.problem is not None:
        errors.print(f"no record could be kept, so --resume cannot go on later: {record.problem}", markup=False)
    results = [result for key in keys if (result := record.known.get(key) or record.faults.get(key)) is not None]
    tables = dict(tables_of(arguments, settings))
    if arguments.shard is not None:
        by_name = {each.entry.name: each for each in results}
        judged = {place: by_name[each.name] for place, each in places if each.name in by_name}
        tables["json"] = lambda _: as_shard(judged, course, arguments.shard, settings)
    show(results, settings, outputs, tables, scheme)
    if arguments.reports is not None:
        pages = _write_page(results, arguments.reports, scheme)
        if "feedback" in outputs.files:
            write_atomically(outputs.files["feedback"], as_zip([each.entry for each in results], pages))
    if not finished:
        how_to_resume = f"; the same command with --resume goes on ({record.path})" if record.problem is None else ""
        errors.print(f"interrupted: {len(results)} of {len(keys)} are judged{how_to_resume}", markup=False)
        return INTERRUPTED
    return exit_code(each.entry for each in results)


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
        with (
            judging_course(errors, len(tasks)) as (start, tell),
            closing(judge_all(tasks, jobs, on_start=lambda task: start(task.submission.name))) as results,
        ):
            for result in results:
                record.add(by_name[result.entry.name], result)
                tell(result.entry.name, _in_words(result))
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


def _refuse_shards_apart(arguments: argparse.Namespace) -> None:
    """Refuse shards that could not be joined: each would draw other cases, or hand nothing on."""
    if arguments.shard is None:
        return
    if arguments.seed is None:
        raise UsageError("--shard needs --seed N, the same for all shards, so that all get the same cases")
    if arguments.json is None:
        raise UsageError("--shard needs --json FILE, which --merge joins")
    shared_seal()  # a shard that cannot be sealed is refused before any work


def _write_page(results: Iterable[Result], folder: Path, scheme: Scheme | None) -> dict[str, Path]:
    """Write the page on the whole course, with links to those on the submissions; returns these by name."""
    entries = [each.entry for each in results]
    pages = {each.name: report_files(folder, each.name)["html"] for each in entries}
    pages = {name: path for name, path in pages.items() if path.exists()}
    write_atomically(course_page(folder), page(entries, {name: path.name for name, path in pages.items()}, scheme))
    return pages
