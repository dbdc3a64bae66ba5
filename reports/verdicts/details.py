"""The texts about a finding and a judgement that all formats for people share."""

from __future__ import annotations

from typing import NamedTuple

from reference import Finding, Judgement
from reference.lab.check import checks_of
from reference.wording import in_words
from reports.verdicts.arrays import counterexample_lines
from reports.verdicts.expectations import accepted
from reports.verdicts.text import lines_of, one_line

#: What the verdicts other than "pass" mean.
_MEANINGS = {
    "fail": "the implementation does not keep its promises",
    "error": "no verdict: the examiner itself failed",
}
_MOST_OUTPUT_LINES = 40


class Detail(NamedTuple):
    """One detail: a label, and the lines of its text."""

    label: str
    lines: list[str]


def details(finding: Finding, width: int = 100) -> list[Detail]:
    """All that a student needs to know about a failure, in the order in which it helps, as harmless plain text."""
    found = [
        ("promise", [promise(finding)]),
        ("expected", lines_of(finding.expected or "", 10)),
        ("got", lines_of(finding.actual or "", 10)),
        ("for", counterexample_lines(finding.counterexample, width)),
        ("mistake", [in_words(one_line(finding.mistake))] if finding.mistake else []),
        ("hint", lines_of(finding.hint or "", 10)),
        ("script", lines_of(finding.repro or "", 20, 4000)),
    ]
    return [Detail(label, lines) for label, lines in found if lines]


def promise(finding: Finding) -> str:
    """The rationale of the check on one line."""
    return one_line(as_plain_text(finding.rationale))


def as_plain_text(rationale: str) -> str:
    """A rationale with one backtick around code, instead of the two of a docstring."""
    return rationale.replace("``", "`")


def in_full(finding: Finding) -> str:
    """All details of a finding as plain text, with a label before each."""
    return "\n".join(_labelled(detail) for detail in details(finding)) + "\n"


def in_short(finding: Finding) -> str:
    """A finding on one line: the check, what was expected and what came."""
    if finding.status == "failed":
        text = f"expected {one_line(finding.expected or '', 160)}, got {one_line(finding.actual or '', 160)}"
        return f"{finding.check}: {text}" + (f" [{one_line(finding.mistake)}]" if finding.mistake else "")
    return f"{finding.check}: {one_line(finding.actual or '', 300)}"


def circumstances(judgement: Judgement) -> list[Detail]:
    """How the submission was judged."""
    seed = f"{judgement.seed} (--seed {judgement.seed} repeats these cases)"
    part = part_of_checks(judgement)
    of_lab = f"assignment {judgement.assignment}, " if judgement.of_lab else ""
    found = [
        ("only", [f"{part}; the others were not made"] if part else []),
        ("seed", [seed]),
        ("effort", [f"{judgement.effort}, {of_lab}{judgement.seconds:.1f} s"]),
        ("isolation", [one_line(judgement.isolation)] if judgement.isolation else ["unknown"]),
        ("notes", [one_line(note, 500) for note in judgement.notes]),
    ]
    return [Detail(label, lines) for label, lines in found if lines]


def part_of_checks(judgement: Judgement) -> str:
    """Which part of the checks was made, in words; empty if all were made."""
    if not judgement.of_lab:
        return "" if judgement.only == "*" else f"'{one_line(judgement.only, 100)}'"
    every = len(checks_of("*", judgement.assignment))
    if judgement.only == "*" or len(judgement.findings) >= every:
        return ""
    return f"'{one_line(judgement.only, 100)}': {len(judgement.findings)} of {every} checks"


def own_output(judgement: Judgement, most: int = _MOST_OUTPUT_LINES) -> list[str]:
    """The first lines of what the submission itself printed."""
    return lines_of(judgement.output, most, 300)


def headline(judgement: Judgement) -> str:
    """What the verdict means, as a sentence without capital letter and full stop."""
    if judgement.verdict == "fail" and not judgement.counts["failed"]:
        return "nothing could be judged, so nothing shows that it is right"
    if judgement.verdict != "pass":
        return _MEANINGS[judgement.verdict]
    part = part_of_checks(judgement)
    what = "everything else" if any(accepted(each) for each in judgement.findings) else "everything"
    return f"{what} asked for holds (--only {part})" if part else f"{what} holds"


def capitalized(text: str) -> str:
    """The text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def _labelled(detail: Detail) -> str:
    first, *rest = detail.lines
    return "\n".join([f"{detail.label:<9} {first}", *(" " * 10 + line for line in rest)])
