"""The judgement in few lines: each class, the first failure of each, and at the end what to mend first."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rich.text import Text

from reference import Finding, Judgement
from reports.verdicts.details import circumstances, headline, in_short, own_output
from reports.verdicts.grouping import (
    Class,
    accepted_failures,
    by_class,
    counted,
    counts_in_words,
    reasons,
    status_of,
)
from reports.verdicts.lines import BLANK, STYLES, VERDICTS, Line, labelled, marked, of_errors, of_failure, plain
from reports.verdicts.text import one_line, plural

#: What a short report leaves out of a failure, and the script of all but the first: `--full` and the files show it.
_LEFT_OUT = {"promise"}
_MOST_OUTPUT_LINES = 4
_MOST_OTHERS = 2
_MOST_REASONS = 8


def short(judgement: Judgement, marks: dict[str, str], width: int = 100, path: str | None = None) -> Iterator[Line]:
    """The lines of the report.

    Parameters
    ----------
    judgement
        What to report.
    marks
        What stands before each status.
    width
        Of the terminal.
    path
        The path that was judged, as the user gave it; None if none was given.
    """
    first = to_mend(judgement)
    for each in by_class(judgement.findings):
        yield marked(0, each.status, marks, each.name, counts_in_words(each.counts))
        yield from _failures(each, marks, width, first)
        for method in each.methods:
            yield from of_errors(method, marks)
        yield from _not_judged(each, first)
    yield BLANK
    for line in own_output(judgement, _MOST_OUTPUT_LINES):
        yield Line(0, Text("it wrote  ", STYLES["label"]), Text(line, STYLES["foreign"]))
    for label, lines in _circumstances(judgement):
        yield from labelled(0, label, lines, "")
    yield _verdict(judgement)
    if first is not None:
        yield from _what_to_mend(first, judgement, path)


def to_mend(judgement: Judgement) -> Finding | None:
    """The failure to mend first: that of the first method that fails, since later checks stand on earlier ones."""
    methods = (method for each in by_class(judgement.findings) for method in each.methods)
    return next((method.main for method in methods if method.main is not None), None)


def _failures(group: Class, marks: dict[str, str], width: int, first: Finding | None) -> Iterator[Line]:
    """The first failure of a class in full, and the others on a line each."""
    failing = [method for method in group.methods if method.main is not None]
    for place, method in enumerate(failing):
        main = method.main
        if main is None:
            continue
        if place == 0:
            yield marked(2, "failed", marks, method.subject, main.check)
            yield from of_failure(main, width, _LEFT_OUT if main is first else {*_LEFT_OUT, "script"})
        elif place <= _MOST_OTHERS:
            yield marked(2, "failed", marks, method.subject, in_short(main))
    if len(failing) > _MOST_OTHERS + 1:
        yield plain(2, f"and {plural(len(failing) - _MOST_OTHERS - 1, 'more method')} of {group.name}")


def _not_judged(group: Class, first: Finding | None) -> Iterator[Line]:
    """The failures that were accepted, and why checks were not judged where no failure tells that."""
    lines = [f"failed as expected: {each}" for each in accepted_failures(group.findings)]
    if first is None:
        skipped = [each for each in group.findings if status_of(each) == "skipped"]
        lines += [f"not judged: {each}" for each in reasons(skipped)]
    yield from (plain(2, each) for each in lines[:_MOST_REASONS])
    if len(lines) > _MOST_REASONS:
        yield plain(2, f"and {len(lines) - _MOST_REASONS} more")


def _circumstances(judgement: Judgement) -> Iterator[tuple[str, list[str]]]:
    """How the submission was judged, with the seed and the effort on one line."""
    found = dict(circumstances(judgement))
    effort = found.pop("effort")
    found["seed"] = [f"{found['seed'][0]}, {effort[0]}"]
    yield from found.items()


def _verdict(judgement: Judgement) -> Line:
    name, style = one_line(judgement.implementation, 300), STYLES[VERDICTS[judgement.verdict]]
    counts = counts_in_words(counted(judgement.findings))
    lead = Text(f"{judgement.verdict.upper()} ", style)
    return Line(0, lead, Text.assemble((name, "bold"), f": {headline(judgement)} ({counts})"))


def _what_to_mend(first: Finding, judgement: Judgement, path: str | None) -> Iterator[Line]:
    """The last lines: what to mend first, and the command that makes just that check, with the same cases."""
    words = ["bp", "check", *([] if path is None else [path]), "--only", first.check, "--seed", str(judgement.seed)]
    if judgement.assignment != 3:  # noqa: PLR2004 - the default of the option
        words += ["--assignment", str(judgement.assignment)]
    if judgement.effort != "normal":
        words += ["--effort", judgement.effort]
    # What cannot be made is the class: no method of it has run.
    subject = first.subject.partition(".")[0] if first.check.endswith(".made") else first.subject
    yield Line(0, Text("mend first  ", "bold"), Text(f"{subject}, which fails {first.check}"))
    yield Line(0, Text("then run    ", "bold"), Text(one_line(shlex.join(words))), code=True)
