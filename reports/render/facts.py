"""What there is to say about one finding, for every format that shows it to a person."""

from __future__ import annotations

from typing import NamedTuple

from reference import Finding, Judgement
from reports.render.arrays import counterexample_lines
from reports.render.text import lines_of, one_line
from reports.render.words import in_words

#: What each verdict means; "error" is no verdict.
VERDICTS = {
    "pass": "everything holds",
    "fail": "the implementation does not keep its promises",
    "error": "no verdict: the examiner itself failed",
}
_MOST_OUTPUT_LINES = 40


class Fact(NamedTuple):
    """One thing to know."""

    label: str
    lines: list[str]


def facts(finding: Finding, width: int = 100) -> list[Fact]:
    """Everything about a failure that a student needs, in the order in which it helps; safe to show as plain text."""
    said = [
        ("promise", [promise(finding)]),
        ("expected", lines_of(finding.expected or "", 10)),
        ("got", lines_of(finding.actual or "", 10)),
        ("for", counterexample_lines(finding.counterexample, width)),
        ("mistake", [in_words(one_line(finding.mistake))] if finding.mistake else []),
        ("hint", lines_of(finding.hint or "", 10)),
        ("script", lines_of(finding.repro or "", 20, 4000)),
    ]
    return [Fact(label, lines) for label, lines in said if lines]


def promise(finding: Finding) -> str:
    """The rationale; it is written as docstrings are."""
    return one_line(finding.rationale.replace("``", "`"))


def in_full(finding: Finding) -> str:
    """All facts as plain text, a label before each."""
    return "\n".join(_labelled(fact) for fact in facts(finding)) + "\n"


def in_short(finding: Finding) -> str:
    """One line: the check, what was due and what came."""
    if finding.status == "failed":
        what = f"expected {one_line(finding.expected or '', 160)}, got {one_line(finding.actual or '', 160)}"
        return f"{finding.check}: {what}" + (f" [{one_line(finding.mistake)}]" if finding.mistake else "")
    return f"{finding.check}: {one_line(finding.actual or '', 300)}"


def circumstances(judgement: Judgement) -> list[Fact]:
    """How it was judged."""
    seed = f"{judgement.seed} (--seed {judgement.seed} repeats these questions)"
    said = [
        ("seed", [seed]),
        ("effort", [f"{judgement.effort}, assignment {judgement.assignment}, {judgement.seconds:.1f} s"]),
        ("isolation", [one_line(judgement.isolation)] if judgement.isolation else ["none is known of"]),
        ("notes", [one_line(note, 500) for note in judgement.notes]),
    ]
    return [Fact(label, lines) for label, lines in said if lines]


def own_output(judgement: Judgement) -> list[str]:
    """The first lines of what the submission wrote."""
    return lines_of(judgement.output, _MOST_OUTPUT_LINES, 300)


def headline(judgement: Judgement) -> str:
    """The verdict and what it means; where nothing failed and nothing passed, that."""
    if judgement.verdict == "fail" and not judgement.counts["failed"]:
        return "nothing could be judged, and what is not shown to be right has failed"
    return VERDICTS[judgement.verdict]


def _labelled(fact: Fact) -> str:
    first, *rest = fact.lines
    return "\n".join([f"{fact.label:<9} {first}", *(" " * 10 + line for line in rest)])
