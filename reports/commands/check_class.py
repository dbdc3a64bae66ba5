"""``bp check --all``: every submission in a folder, a few at a time, and one summary."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from rich.console import Console

from reports.course.crew import judge_all
from reports.course.store import Key, Store, key_of, record_of
from reports.course.submissions import Submission, find
from reports.course.work import Result, Task, report_files
from reports.io.cores import cores
from reports.io.exit_codes import FAILED, INTERRUPTED, OK, TOOL, UsageError
from reports.io.progress import judging
from reports.verdicts.class_summary import FORMATS, Entry, terminal
from reports.verdicts.judging import Settings, settings_of
from reports.verdicts.outputs import Outputs, refuse_without_drawing
from reports.verdicts.text import plural

_ONE_ONLY = ("junit", "html")


def run(arguments: argparse.Namespace) -> int:
    """Judge the class in ``arguments.all``; what an interruption leaves undone, ``--resume`` does."""
    outputs = _outputs(arguments)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    found, others = find(arguments.all)
    _prepare_reports(arguments)
    store = Store(record_of(arguments.all, arguments.reports), arguments.all)
    settings = settings_of(arguments, store.seed() if arguments.resume and arguments.seed is None else None)
    keys = {key_of(each): each for each in found}
    if arguments.resume:
        store.load(settings)
        store.keep(key for key in keys if _reported(key, store, arguments.reports))
        _tell_resumed(store, len(keys), errors)
    store.begin(settings)
    if others:
        errors.print(f"not judged, since neither folder, .py nor .zip: {', '.join(others)}", markup=False)
    finished = _judge(keys, store, settings, arguments, errors)
    if store.problem is not None:
        errors.print(f"no record could be kept, so that --resume cannot go on: {store.problem}", markup=False)
    results = [result for key in keys if (result := store.known.get(key) or store.faults.get(key)) is not None]
    _tell(results, settings, outputs)
    if not finished:
        next_ = f"; the same command with --resume goes on ({store.path})" if store.problem is None else ""
        errors.print(f"interrupted: {len(results)} of {len(keys)} are judged{next_}", markup=False)
        return INTERRUPTED
    return _code(each.entry for each in results)


def _outputs(arguments: argparse.Namespace) -> Outputs:
    for name in _ONE_ONLY:
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name} goes with one submission; --reports DIR writes pages for all of them")
    return Outputs({name: getattr(arguments, name) for name in FORMATS}, arguments.reports)


def _prepare_reports(arguments: argparse.Namespace) -> None:
    folder = arguments.reports
    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"expected --reports to be a folder, {folder} is a file")
    if folder.resolve().is_relative_to(arguments.all.resolve()):
        raise UsageError(
            f"expected --reports outside {arguments.all}, where whoever hands something in can write: name a folder "
            "elsewhere"
        )
    refuse_without_drawing()
    folder.mkdir(parents=True, exist_ok=True)


def _tell_resumed(store: Store, submissions: int, errors: Console) -> None:
    kept = f"{plural(len(store.known), 'verdict')} of the earlier run kept ({store.path})"
    errors.print(f"{kept}, {plural(submissions - len(store.known), 'submission')} to judge", markup=False)
    if store.refused:
        errors.print(
            f"{plural(store.refused, 'line')} of it left out: this tool did not write them for you, or not so",
            markup=False,
        )


def _reported(key: Key, store: Store, reports: Path | None) -> bool:
    """Whether the reports that belong to an earlier verdict are there, if any are wanted."""
    known = store.known.get(key)
    if reports is None or known is None or not known.isolation:  # nothing was run
        return True
    return all(each.exists() for each in report_files(reports, key.name).values())


def _judge(
    keys: dict[Key, Submission], store: Store, settings: Settings, arguments: argparse.Namespace, errors: Console
) -> bool:
    """Judge what is not known; False where the user interrupts."""
    by_name = {key.name: key for key in keys}
    tasks = [Task(each, settings, arguments.reports) for key, each in keys.items() if key not in store.known]
    jobs = min(arguments.jobs or cores(), max(len(tasks), 1))
    try:
        with judging(errors, len(tasks)) as tell, closing(judge_all(tasks, jobs)) as results:
            for result in results:
                store.add(by_name[result.entry.name], result)
                tell(result.entry.name, _in_words(result))
    except KeyboardInterrupt:
        return False
    return True


def _in_words(result: Result) -> str:
    entry = result.entry
    if entry.problem is not None:
        return f"{entry.verdict}: {entry.problem}"
    failed = entry.counts["failed"]
    return f"{entry.verdict} ({failed} {'check fails' if failed == 1 else 'checks fail'})" if failed else entry.verdict


def _tell(results: list[Result], settings: Settings, outputs: Outputs) -> None:
    entries = [each.entry for each in results]
    console = Console(stderr=outputs.to_stdout, highlight=False)
    terminal(entries, console)
    for isolation in sorted({each.isolation for each in results if each.isolation}):
        console.print(f"isolation: {isolation}", markup=False, soft_wrap=True)
    if settings.only != "*":
        console.print(f"only: {settings.only} (no other checks were asked for)", markup=False, soft_wrap=True)
    console.print(f"seed: {settings.seed} (--seed repeats the questions)", markup=False, soft_wrap=True)
    for name in outputs.files:
        outputs.write(name, FORMATS[name](entries))


def _code(entries: Iterable[Entry]) -> int:
    """A fault of ours first: whoever was not judged must not be taken for judged."""
    verdicts = {entry.verdict for entry in entries}
    if "error" in verdicts:
        return TOOL
    return FAILED if "fail" in verdicts else OK
