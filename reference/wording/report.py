"""Many findings in a few lines, for whoever prints them: what failed first, then how many more there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

#: Lines of a report.
MOST_LINES = 20
#: Characters of a line, and of one that tells a further failure.
_LONG, _SHORT = 400, 160
_MOST_REASONS = 4
#: Lines of the first failure: a message may have line ends in it.
_MOST_FIRST = 12


def report(findings: Sequence[Any]) -> str:
    """At most 20 lines: the first failure in full, the others in a line each, what was not judged, and the counts.

    Parameters
    ----------
    findings
        Each with the attributes of `reference.findings.Finding`.
    """
    failed = [each for each in findings if each.status == "failed"]
    errors = [f"{each.check}: error: {each.actual}" for each in findings if each.status == "error"]
    first = str(failed[0]).splitlines()[:_MOST_FIRST] if failed else []
    others = [_in_short(each) for each in failed[1:]]
    end = [*_not_judged(findings, known=bool(failed)), counts(findings)]
    room = MOST_LINES - len(first) - len(end)
    lines = [*first, *_at_most([*others, *errors], room), *end]
    return "\n".join(cut(line, _LONG) for line in lines)


def counts(findings: Sequence[Any]) -> str:
    """How many findings there are of each status."""
    found = Counter(each.status for each in findings)
    return ", ".join(f"{number} {status}" for status, number in found.items()) or "no findings"


def cut(text: str, most: int) -> str:
    """The text, and where it goes on after ``most`` characters, three dots instead."""
    return text if len(text) <= most else f"{text[:most]}..."


def _in_short(finding: Any) -> str:
    word = f" [{finding.mistake}]" if finding.mistake else ""
    return cut(f"{finding.check}: failed: got {finding.actual}", _SHORT) + word


def _not_judged(findings: Sequence[Any], *, known: bool) -> list[str]:
    """Why checks were skipped, each reason once; after a failure only the counts tell of it."""
    if known:
        return []
    checks: dict[str, list[str]] = {}
    for each in findings:
        if each.status == "skipped":
            checks.setdefault(str(each.actual), []).append(each.check)
    lines = [
        f"{names[0]}: skipped: {reason}" if len(names) == 1 else f"{len(names)} checks skipped: {reason}"
        for reason, names in checks.items()
    ]
    notes = [f"{each.check}: {each.status}: {each.note}" for each in findings if each.note and each.status == "passed"]
    return _at_most([*notes, *lines], _MOST_REASONS)


def _at_most(lines: list[str], most: int) -> list[str]:
    if len(lines) <= most:
        return lines
    kept = max(most - 1, 0)
    return [*lines[:kept], f"and {len(lines) - kept} more"]
