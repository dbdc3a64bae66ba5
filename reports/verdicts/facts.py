"""What there is to say about one finding, for every format that shows it to a person."""

from __future__ import annotations

from typing import NamedTuple

from reference import Finding, Judgement
from reference.lab.check import checks_of
from reports.verdicts.arrays import counterexample_lines
from reports.verdicts.expectations import accepted
from reports.verdicts.text import lines_of, one_line
from reports.verdicts.words import in_words

#: What each verdict means, where it is not "pass"; "error" is no verdict.
VERDICTS = {
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
    return one_line(plain(finding.rationale))


def plain(rationale: str) -> str:
    """Without the marks for code that docstrings have."""
    return rationale.replace("``", "`")


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
    partly = partial(judgement)
    said = [
        ("only", [f"{partly}; the others were not asked for"] if partly else []),
        ("seed", [seed]),
        ("effort", [f"{judgement.effort}, assignment {judgement.assignment}, {judgement.seconds:.1f} s"]),
        ("isolation", [one_line(judgement.isolation)] if judgement.isolation else ["none is known of"]),
        ("notes", [one_line(note, 500) for note in judgement.notes]),
    ]
    return [Fact(label, lines) for label, lines in said if lines]


def partial(judgement: Judgement) -> str:
    """Which part of the checks was asked for; empty where it is all of them."""
    every = len(checks_of("*", judgement.assignment))
    if judgement.only == "*" or len(judgement.findings) >= every:
        return ""
    return f"'{one_line(judgement.only, 100)}': {len(judgement.findings)} of {every} checks"


def own_output(judgement: Judgement, most: int = _MOST_OUTPUT_LINES) -> list[str]:
    """The first lines of what the submission wrote."""
    return lines_of(judgement.output, most, 300)


def headline(judgement: Judgement) -> str:
    """The verdict and what it means; where nothing failed and nothing passed, that."""
    if judgement.verdict == "fail" and not judgement.counts["failed"]:
        return "nothing could be judged, and what is not shown to be right has failed"
    if judgement.verdict != "pass":
        return VERDICTS[judgement.verdict]
    partly = partial(judgement)
    what = "everything else" if any(accepted(each) for each in judgement.findings) else "everything"
    return f"{what} asked for holds (--only {partly})" if partly else f"{what} holds"


def sentence(text: str) -> str:
    """With a capital at its beginning, and all else as it is."""
    return text[:1].upper() + text[1:]


def _labelled(fact: Fact) -> str:
    first, *rest = fact.lines
    return "\n".join([f"{fact.label:<9} {first}", *(" " * 10 + line for line in rest)])
