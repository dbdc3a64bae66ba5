"""Measures how long the examiner takes to judge a right implementation."""

from __future__ import annotations

from collections import Counter

import bp
import reference
from reports.study.bench.tables import BenchError, Effort, Say, Table
from reports.study.bench.timing import interleaved

#: Seconds that the examiner should take at most, by its effort.
_GOALS = {"quick": 2.0, "normal": 15.0}
_ROUNDS = {"quick": 1, "normal": 3, "exhaustive": 5}


def run(effort: Effort, say: Say) -> list[Table]:
    """Measure the times of ``reference.check(bp)``."""
    efforts: tuple[Effort, ...] = ("quick",) if effort == "quick" else ("quick", "normal")
    rows = []
    for asked in efforts:
        say(f"examiner: reference.check(bp, effort={asked!r})")
        findings: list[reference.Finding] = []

        def examine(asked: Effort = asked, findings: list[reference.Finding] = findings) -> None:
            findings[:] = reference.check(bp, effort=asked)

        times = interleaved({asked: examine}, _ROUNDS[effort], warm_up=int(asked == "quick"))
        counts = Counter(each.status for each in findings)
        if not reference.passed(findings):
            raise BenchError(
                f"examiner: expected bp to pass, got {dict(counts)}: the time of a wrong verdict means nothing"
            )
        rows.append(
            {"effort": asked, "seconds": times.median(asked), "goal, s": _GOALS[asked], "checks": len(findings)}
        )
    return [Table("reference.check(bp)", rows)]
