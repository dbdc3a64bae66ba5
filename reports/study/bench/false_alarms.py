"""Counts the right codings that the examiner fails: none is promised. The dress rehearsal is part of each examination.

Right codings are ours, the textbook's, and, where the command runs in the repository, those of its tests: each coding
of each class stands in one implementation at least, beside codings of the other classes.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bp
import reference
from reference import Finding
from reference.lab.mistakes import plain
from reports.study.bench.tables import Effort, Say, Table

#: Seeds for each effort of an examination, by the effort of the benchmark. A choice of time.
_SEEDS: Mapping[Effort, Mapping[Effort, int]] = {
    "quick": {"quick": 1},
    "normal": {"quick": 5, "normal": 1},
    "exhaustive": {"quick": 50, "normal": 10, "exhaustive": 1},
}


@dataclass
class Counted:
    """What examinations at one effort have found.

    Attributes
    ----------
    implementations, seeds, findings
        How many.
    skipped
        How many findings judge nothing, such as a rehearsal that would take too long.
    alarms
        The findings that are failed, or in error, with the implementation and the seed.
    """

    implementations: int
    seeds: int
    findings: int = 0
    skipped: int = 0
    alarms: list[tuple[str, int, Finding]] = field(default_factory=list)


def run(effort: Effort, say: Say) -> list[Table]:
    """Examine each right implementation with each seed at each effort, and count what is failed."""
    right = dict(right_implementations())
    if len(right) <= len(_ours()):
        say("false alarms: the tests' codings are not here; run this in the repository to examine them too")
    counts = {}
    for each, seeds in _SEEDS[effort].items():
        say(f"false alarms: {len(right)} implementations, {seeds} seeds at {each} effort")
        counts[each] = counted(right, each, range(seeds))
    return [summary(counts)]


def counted(right: Mapping[str, Mapping[str, Any]], effort: Effort, seeds: range) -> Counted:
    """Examine these implementations with these seeds."""
    found = Counted(len(right), len(seeds))
    for name, classes in right.items():
        for seed in seeds:
            findings = reference.check(dict(classes), effort=effort, seed=seed)
            found.findings += len(findings)
            found.alarms += [(name, seed, each) for each in findings if each.status in {"failed", "error"}]
            found.skipped += sum(each.status == "skipped" for each in findings)
    return found


def summary(counts: Mapping[Effort, Counted]) -> Table:
    """A row for each effort; the alarms by name."""
    rows: list[dict[str, object]] = [
        {
            "effort": effort,
            "implementations": each.implementations,
            "seeds": each.seeds,
            "findings": each.findings,
            "skipped": each.skipped,
            "false alarms": len(each.alarms),
        }
        for effort, each in counts.items()
    ]
    alarms = [
        f"{name}, seed {seed}: {finding.check}" for each in counts.values() for name, seed, finding in each.alarms
    ]
    note = f"Failed: {'; '.join(alarms)}." if alarms else "Nothing right is failed."
    return Table("Right codings, judged by reference.check with all checks", rows, note)


def _ours() -> dict[str, Mapping[str, Any]]:
    return {"bp": vars(bp), "the textbook's": plain.CLASSES}


def right_implementations() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names and implementations, among which are all right codings that are here."""
    yield from _ours().items()
    codings = _of_the_tests()
    for number in range(max(map(len, codings.values()), default=0)):
        chosen = {cls: list(each.items())[number % len(each)] for cls, each in codings.items()}
        name = ", ".join(f"{cls}: {coding}" for cls, (coding, _) in chosen.items())
        yield name, {cls: coding for cls, (_, coding) in chosen.items()}


def _of_the_tests() -> Mapping[str, Mapping[str, type]]:
    """Class of the contract -> name -> coding; nothing outside the repository."""
    here = Path.cwd()
    if not (here / "tests" / "honest").is_dir():
        return {}
    sys.path.insert(0, str(here))
    try:
        codings: Mapping[str, Mapping[str, type]] = importlib.import_module("tests.honest").CODINGS
    finally:
        sys.path.remove(str(here))
    return codings
