"""The summary of a course for `bp check --all`, by check and by submission: as text, CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.text import Text

from reports.course.entry import Entry, Failure, class_of
from reports.verdicts.grouping import counts_in_words
from reports.verdicts.json_ import encoded
from reports.verdicts.lines import STYLES, VERDICTS, Line
from reports.verdicts.markdown import LIMIT, inline
from reports.verdicts.points import Scheme, in_numbers
from reports.verdicts.terminal import show
from reports.verdicts.text import one_line, plural

SCHEMA = 1
_STYLE_OF = {**VERDICTS, "not judged": "skipped"}
_COLUMNS = (
    "name", "verdict", "passed", "failed", "skipped", "error", "first_failed", "first_mistake", "problem",
    "seed", "isolation",
)  # fmt: skip
#: The columns of the points of all parts.
_TOTAL, _MOST = "points", "points_possible"
#: Checks that the terminal lists, slowest submissions that it names, and characters that it gives a name.
_MOST_CHECKS, _SLOWEST, _NAME_WIDTH = 30, 3, 40
#: A spreadsheet takes a cell that begins with one of these for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def terminal(entries: Sequence[Entry], console: Console, scheme: Scheme | None = None) -> None:
    """Print the summary: the checks that fail, the submissions, with points if there is a scheme, and the totals."""
    show(summary_lines(entries, scheme), console)


def summary_lines(entries: Sequence[Entry], scheme: Scheme | None = None) -> Iterator[Line]:
    """The lines of the summary for a terminal."""
    checks = checks_to_show(entries)
    if checks:
        yield _line(Text(f"Checks that fail, and for how many of {plural(len(entries), 'submission')}", "bold"))
        for check, number, mistakes in checks[:_MOST_CHECKS]:
            yield Line(2, Text(f"{number:>4}  ", STYLES["failed"]), Text.assemble(check, (f"  {mistakes}", "dim")))
        if len(checks) > _MOST_CHECKS:
            yield Line(2, Text("      "), Text(f"and {len(checks) - _MOST_CHECKS} more checks"))
        yield _line(Text())
    if entries:
        yield _line(Text("Submissions", "bold"))
    width = min(max((len(_name(each)) for each in entries), default=0), _NAME_WIDTH)
    for each in entries:
        lead = Text(f"{each.verdict.upper():<{_verdict_width(entries)}} ", STYLES[_STYLE_OF[each.verdict]])
        yield Line(2, lead, Text(f"{_name(each):<{width}}  {_middle(each, scheme)}  {in_words(each)}"))
    yield _line(Text())
    slowest = sorted(entries, key=lambda each: -each.seconds)[:_SLOWEST]
    if len(entries) > 1:
        names = ", ".join(f"{_name(each)} {each.seconds:.1f} s" for each in slowest)
        yield Line(0, Text("slowest  "), Text(names))
    yield Line(0, Text("in all   "), Text(totals(entries)))
    for line in circumstances(entries):
        yield Line(0, Text("         "), Text(line, "dim"))


def _middle(entry: Entry, scheme: Scheme | None) -> str:
    """The points of a submission if there is a scheme, and the seconds that it took."""
    seconds = f"{entry.seconds:6.1f} s"
    if scheme is None:
        return seconds
    points = _points(entry, scheme)
    total = "-" if points is None else in_numbers(points["total"])
    return f"{total:>5} of {in_numbers(scheme.most)}  {seconds}"


def _verdict_width(entries: Sequence[Entry]) -> int:
    return max((len(each.verdict) for each in entries), default=0)


def failing_checks(entries: Sequence[Entry]) -> list[tuple[str, int, str]]:
    """Each check that some submission fails, with the number of these and their mistakes; the most frequent first."""
    numbers = Counter(failure.check for each in entries for failure in each.failed)
    mistakes: dict[str, Counter[str]] = {}
    for each in entries:
        for failure in each.failed:
            mistakes.setdefault(failure.check, Counter())[failure.mistake or "unknown mistake"] += 1
    return [
        (check, number, ", ".join(f"{one_line(word)} ({n})" for word, n in mistakes[check].most_common()))
        for check, number in numbers.most_common()
    ]


def checks_to_show(entries: Sequence[Entry]) -> list[tuple[str, int, str]]:
    """As `failing_checks`, but a missing Python class is one line instead of one for each of its checks."""
    missing = Counter(cls for each in entries for cls in each.missing)
    present = [replace(each, failed=tuple(_of_present_classes(each))) for each in entries]
    lines = [(f"{cls} is missing", number, "") for cls, number in missing.items()] + failing_checks(present)
    return sorted(lines, key=lambda each: -each[1])


def _of_present_classes(entry: Entry) -> Iterator[Failure]:
    """The failures about Python classes that the submission has."""
    yield from (each for each in entry.failed if class_of(each.subject) not in entry.missing)


def as_json(entries: Sequence[Entry], scheme: Scheme | None = None) -> str:
    """``{"schema": 1, "submissions": [...], "checks": [...]}``; see docs/verdict.md."""
    checks = [{"id": check, "failed": number} for check, number, _ in failing_checks(entries)]
    rows = [_row(each) | ({} if scheme is None else {"points": _points(each, scheme)}) for each in entries]
    return encoded({"schema": SCHEMA, "submissions": rows, "checks": checks})


def as_csv(entries: Sequence[Entry], scheme: Scheme | None = None) -> str:
    """A CSV table with a row for each submission; docs/verdict.md explains the columns.

    It holds no times: the same verdicts give the same table, byte for byte.
    """
    parts = () if scheme is None else (_TOTAL, _MOST, *(one_line(part.title) for part in scheme.parts))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, (*_COLUMNS, *parts), lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for each in entries:
        row = _row(each)
        points = None if scheme is None else _points(each, scheme)
        if points is not None and scheme is not None:
            row |= {
                _TOTAL: points["total"],
                _MOST: scheme.most,
                **dict(zip(parts[2:], scheme.earned(each.passed), strict=True)),
            }
        writer.writerow({name: cell(value) for name, value in row.items()})
    return stream.getvalue()


def _points(entry: Entry, scheme: Scheme) -> dict[str, Any] | None:
    """The points of a submission, in all and for each part; None if it was not judged."""
    if entry.verdict in {"not judged", "error"}:
        return None
    return scheme.record(entry.passed)


def as_markdown(entries: Sequence[Entry], limit: int = LIMIT) -> str:
    """Two tables for a step summary on GitHub, in at most ``limit`` bytes.

    Rows that do not fit are left out, and the last line says how many.
    """
    lines = [f"## {totals(entries)}", "", "| check | fails for | mistakes |", "|---|---:|---|"]
    for check, number, mistakes in checks_to_show(entries):
        lines.append(f"| <code>{inline(check)}</code> | {number} | {inline(mistakes)} |")
    lines += ["", "| submission | verdict | seconds | |", "|---|---|---:|---|"]
    for each in entries:
        words = inline(in_words(each))
        lines.append(f"| <code>{inline(each.name)}</code> | {each.verdict} | {each.seconds:.1f} | {words} |")
    return _fitted([*lines[:1], "", *(inline(each) for each in circumstances(entries)), *lines[1:]], limit)


#: The formats that `bp check --all` can write, by the name of the option.
FORMATS: dict[str, Callable[[Sequence[Entry]], str]] = {"json": as_json, "csv": as_csv, "markdown": as_markdown}


def _row(entry: Entry) -> dict[str, Any]:
    """The values of one submission, by the names of the columns."""
    first = entry.failed[0] if entry.failed else None
    return {
        "name": entry.name,
        "verdict": entry.verdict,
        **entry.counts,
        "first_failed": first.subject if first else None,
        "first_mistake": first.mistake if first else None,
        "seconds": round(entry.seconds, 3),
        "problem": entry.problem,
        "seed": entry.seed,
        "isolation": entry.isolation,
    }


def in_words(entry: Entry) -> str:
    """The outcome of one submission in a few words."""
    if entry.problem is not None:
        return one_line(entry.problem, 300)
    words = counts_in_words(entry.counts)
    if entry.failed:
        first = entry.failed[0]
        words += f"; first {one_line(first.subject)}" + (f": {one_line(first.mistake)}" if first.mistake else "")
    return words


def totals(entries: Sequence[Entry]) -> str:
    """How many submissions have each verdict."""
    verdicts = Counter(each.verdict for each in entries)
    words = f"{plural(len(entries), 'submission')}: {verdicts['pass']} pass, {verdicts['fail']} fail"
    if verdicts["not judged"]:
        words += f", {verdicts['not judged']} not judged"
    return f"{words}, {verdicts['error']} without a verdict" if verdicts["error"] else words


def circumstances(entries: Sequence[Entry]) -> list[str]:
    """A line for each pair of seed and isolation with which submissions were judged."""
    pairs = dict.fromkeys((each.seed, each.isolation) for each in entries if each.isolation)
    return [f"seed {seed}, in {one_line(isolation or '', 400)}" for seed, isolation in pairs]


def cell(value: Any) -> Any:
    """A value for CSV: on one line, and with an apostrophe before a text that a spreadsheet would run as a formula."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _name(entry: Entry) -> str:
    return one_line(entry.name, _NAME_WIDTH - 3)


def _line(text: Text) -> Line:
    return Line(0, Text(), text)


def _fitted(lines: Sequence[str], limit: int) -> str:
    """As many of the first lines as fit, and a line on how many are left out."""
    room, kept = limit - 100, 0
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept += 1
    left = [f"\n**{plural(len(lines) - kept, 'more line')} left out: they do not fit.**"] if kept < len(lines) else []
    return "\n".join([*lines[:kept], *left]) + "\n"
