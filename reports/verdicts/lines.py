"""The lines of a report on a terminal, and how each of their parts is shown."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from reference import Finding
from reports.verdicts.details import details
from reports.verdicts.grouping import Method
from reports.verdicts.text import one_line

STYLES = {
    "passed": "green",
    "failed": "bold red",
    "expected": "yellow",
    "skipped": "yellow",
    "error": "bold magenta",
    "label": "dim",
    "mistake": "bold",
    "hint": "cyan",
    "script": "dim",
    "foreign": "dim",
}
#: The style of each verdict.
VERDICTS = {"pass": "passed", "fail": "failed", "error": "error"}
LABEL_WIDTH = 10
_INDENT = 4


@dataclass(frozen=True)
class Line:
    """One line of the report: its indentation, what stands before the text, and the text.

    A line of ``code`` is never wrapped, so that it can be copied.
    """

    indent: int
    lead: Text
    text: Text
    code: bool = False

    def wrapped(self, console: Console) -> Iterator[Text]:
        """The line, wrapped to the width of a terminal; elsewhere it stays one line, for text searches."""
        before = Text(" " * self.indent) + self.lead
        room = console.width - before.cell_len
        if self.code or not console.is_terminal or room < 1:
            yield before + self.text
            return
        for number, part in enumerate(self.text.wrap(console, room) or [Text()]):
            yield (before if number == 0 else Text(" " * before.cell_len)) + part


def labelled(indent: int, label: str, lines: list[str], style: str) -> Iterator[Line]:
    """Lines of text with a label before the first."""
    for number, line in enumerate(lines):
        lead = f"{label if number == 0 else '':<{LABEL_WIDTH}}"
        yield Line(indent, Text(lead, STYLES["label"]), Text(line, style))


def marked(indent: int, status: str, marks: dict[str, str], name: str, text: str) -> Line:
    """A line with the mark of a status, a name and a text."""
    lead = Text(f"{marks[status]} ", STYLES[status])
    return Line(indent, lead, Text.assemble((name, "bold"), f"  {text}" if text else ""))


def of_failure(finding: Finding, width: int, without: Collection[str] = ()) -> Iterator[Line]:
    """The details of a failure, without those of some labels."""
    for label, lines in details(finding, width - _INDENT - LABEL_WIDTH):
        if label in without:
            continue
        if label == "script":
            yield plain(_INDENT, "script", "label")
            yield from (Line(_INDENT + 2, Text(), Text(line, STYLES["script"]), code=True) for line in lines)
        else:
            yield from labelled(_INDENT, label, lines, STYLES.get(label, ""))


def of_errors(method: Method, marks: dict[str, str]) -> Iterator[Line]:
    """A line for each check of a method that the examiner could not make by its own fault."""
    for each in method.of("error"):
        text = f"the examiner's own fault, no verdict: {one_line(each.actual or '', 500)}"
        yield marked(2, "error", marks, method.subject, f"{each.check}: {text}")


def plain(indent: int, text: str, style: str = "") -> Line:
    """A line of text in one style."""
    return Line(indent, Text(), Text(text, STYLES.get(style, style)))


#: An empty line.
BLANK = Line(0, Text(), Text())
