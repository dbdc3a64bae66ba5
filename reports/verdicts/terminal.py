"""The judgement as text: in colour on a terminal, and elsewhere with each failure on one line, for text searches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from reference import Finding, Judgement
from reports.verdicts.details import circumstances, headline, in_short, own_output
from reports.verdicts.grouping import (
    Class,
    Method,
    accepted_failures,
    by_class,
    counted,
    counts_in_words,
    reasons,
    status_of,
)
from reports.verdicts.lines import BLANK, STYLES, VERDICTS, Line, labelled, marked, of_errors, of_failure, plain
from reports.verdicts.points import Scheme, credited
from reports.verdicts.short import short
from reports.verdicts.text import one_line, plural

_WORDS = {"passed": "pass", "failed": "FAIL", "expected": "known", "skipped": "skip", "error": "ERROR"}
_SYMBOLS = {"passed": "✓", "failed": "✗", "expected": "◐", "skipped": "○", "error": "!"}
_MOST_OTHERS = 8
#: Lines of the submission's own output that are shown here; files show more.
_MOST_OUTPUT_LINES = 12


def terminal(
    judgement: Judgement,
    console: Console,
    *,
    full: bool = True,
    path: str | None = None,
    scheme: Scheme | None = None,
) -> None:
    """Print the judgement, with points if there is a scheme of points.

    Unless it is to be ``full``, that takes few lines, the last of which has a command for the ``path`` that was given.
    """
    symbols = console.is_terminal and (console.encoding or "").lower().startswith("utf")
    marks = _SYMBOLS if symbols else _WORDS
    if scheme is not None:
        show(labelled(0, "points", scheme.lines(credited(judgement.findings)), ""), console)
    lines = report(judgement, marks, console.width) if full else short(judgement, marks, console.width, path)
    show(lines, console)


def show(lines: Iterable[Line], console: Console) -> None:
    """Print the lines as they are, without interpreting any markup in them."""
    for line in lines:
        for text in line.wrapped(console):
            text.rstrip()
            console.print(text, soft_wrap=True, highlight=False, markup=False, emoji=False)


def report(judgement: Judgement, marks: dict[str, str], width: int = 100) -> Iterator[Line]:
    """The lines of the judgement; ``marks`` has what stands before each status."""
    before = BLANK
    for each in by_class(judgement.findings):
        for line in _class(each, marks, width):
            if line is not BLANK or before is not BLANK:
                yield line
            before = line
    if before is not BLANK:
        yield BLANK
    output = own_output(judgement, _MOST_OUTPUT_LINES)
    if output:
        yield plain(0, "The submission itself wrote this, which is no part of the verdict:", "label")
        yield from (Line(2, Text("| ", STYLES["label"]), Text(line, STYLES["foreign"])) for line in output)
        yield BLANK
    for label, lines in circumstances(judgement):
        yield from labelled(0, label, lines, "")
    yield BLANK
    name, style = one_line(judgement.implementation, 300), STYLES[VERDICTS[judgement.verdict]]
    lead = Text(f"{judgement.verdict.upper()} ", style)
    yield Line(0, lead, Text.assemble((name, "bold"), f": {headline(judgement)}"))
    yield plain(0, counts_in_words(counted(judgement.findings)))


def _class(group: Class, marks: dict[str, str], width: int) -> Iterator[Line]:
    if group.status in {"passed", "expected", "skipped"}:
        yield marked(0, group.status, marks, group.name, counts_in_words(group.counts))
        yield from _expected(2, group.findings)
        yield from _skipped(2, [each for each in group.findings if status_of(each) == "skipped"])
        return
    yield BLANK
    yield marked(0, group.status, marks, group.name, counts_in_words(group.counts))
    for method in group.methods:
        yield from _method(method, marks, width)
    yield BLANK


def _method(method: Method, marks: dict[str, str], width: int) -> Iterator[Line]:
    skipped, main = method.of("skipped"), method.main
    if main is not None:
        yield marked(2, "failed", marks, method.subject, main.check)
        yield from of_failure(main, width)
        yield from _other_failures(method, marks)
    elif not method.of("error"):
        status = "expected" if method.of("expected") else "skipped" if skipped else "passed"
        count = plural(len(method.findings), "check") if status == "passed" else ""
        yield marked(2, status, marks, method.subject, count)
    yield from of_errors(method, marks)
    yield from _expected(4, method.findings)
    yield from _skipped(4, skipped)


def _other_failures(method: Method, marks: dict[str, str]) -> Iterator[Line]:
    if method.repeated:
        yield plain(4, f"{plural(method.repeated, 'further check')} of {method.subject} for the same reason")
    if method.others:
        yield plain(4, "also failed, perhaps as a consequence:", "label")
    for each in method.others[:_MOST_OTHERS]:
        yield Line(6, Text(f"{marks['failed']} ", STYLES["failed"]), Text(in_short(each)))
    if len(method.others) > _MOST_OTHERS:
        yield plain(6, f"and {len(method.others) - _MOST_OTHERS} more")


def _expected(indent: int, findings: Iterable[Finding]) -> Iterator[Line]:
    lines = accepted_failures(findings)
    yield from (
        Line(indent, Text("failed as expected: ", STYLES["label"]), Text(line)) for line in lines[:_MOST_OTHERS]
    )
    if len(lines) > _MOST_OTHERS:
        yield plain(indent, f"and {len(lines) - _MOST_OTHERS} more as expected")


def _skipped(indent: int, skipped: list[Finding]) -> Iterator[Line]:
    lines = reasons(skipped)
    yield from (Line(indent, Text("not judged: ", STYLES["label"]), Text(reason)) for reason in lines[:_MOST_OTHERS])
    if len(lines) > _MOST_OTHERS:
        yield plain(indent, f"and for {len(lines) - _MOST_OTHERS} more reasons")
