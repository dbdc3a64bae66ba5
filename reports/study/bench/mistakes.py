"""Counts the known mistakes that the examiner catches, gives the right name, and shows on small arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

import reference
from reference import Finding
from reference.lab.mistakes import CATALOGUE, Mistake
from reports.study.bench.tables import Effort, Say, Table

#: Every n-th mistake is judged, by effort.
_EVERY = {"quick": 12, "normal": 1, "exhaustive": 1}
#: A counterexample with so few numbers can be worked out on paper.
_SMALL = 4


@dataclass(frozen=True)
class Examined:
    """What the examiner says about one mistake.

    Attributes
    ----------
    caught
        Whether a check of the wrong method failed.
    named
        The mistake that its first failure names, or None.
    blamed
        The subjects of failures that are about something else.
    size
        How many numbers the largest array of the first counterexample has; None if there is no array.
    """

    mistake: Mistake
    caught: bool
    named: str | None
    blamed: tuple[str, ...]
    size: int | None


def run(effort: Effort, say: Say) -> list[Table]:
    """Examine each mistake of the catalogue, and count the results."""
    chosen = CATALOGUE[:: _EVERY[effort]]
    say(f"mistakes: {len(chosen)} examinations")
    return [summary([examined(each) for each in chosen])]


def examined(mistake: Mistake, only: str = "*", seed: int = 0) -> Examined:
    """Examine one mistake, by the checks that match ``only``."""
    findings = reference.check(mistake.classes, effort="quick", only=only, seed=seed)
    own, blamed = failures(findings, {mistake.subject})
    first = own[0] if own else None
    arrays = list(first.counterexample.values()) if first else []
    size = max(int(np.size(array)) for array in arrays) if arrays else None
    return Examined(mistake, first is not None, first.mistake if first else None, blamed, size)


def failures(findings: Iterable[Finding], subjects: Collection[str]) -> tuple[list[Finding], tuple[str, ...]]:
    """The failures that are about these methods or classes, and the subjects of all other failures."""
    failed = [each for each in findings if each.status in {"failed", "error"}]
    own = [each for each in failed if any(f"{each.subject}.".startswith(f"{subject}.") for subject in subjects)]
    return own, tuple(sorted({each.subject for each in failed if each not in own}))


def summary(results: Sequence[Examined]) -> Table:
    """A row for each Python class, and one for all."""
    by_class: dict[str, list[Examined]] = {}
    for each in results:
        by_class.setdefault(each.mistake.subject.partition(".")[0], []).append(each)
    rows = [_row(cls, group) for cls, group in by_class.items()] + [_row("all", results)]
    missed = [each.mistake.name for each in results if not each.caught]
    words = Counter(each.mistake.word for each in results)
    note = f"{len(words)} words of the vocabulary." + (f" Not caught: {', '.join(missed)}." if missed else "")
    return Table("Known mistakes, judged by reference.check at quick effort", rows, note)


def _row(name: str, results: Sequence[Examined]) -> dict[str, object]:
    sizes = [each.size for each in results if each.size is not None]
    return {
        "class": name,
        "mistakes": len(results),
        "caught": sum(each.caught for each in results),
        "rightly named": sum(each.named == each.mistake.word for each in results),
        "wrongly named": sum(each.named not in {each.mistake.word, None} for each in results),
        "others blamed": sum(bool(each.blamed) for each in results),
        "at most 4 numbers, %": round(100 * sum(size <= _SMALL for size in sizes) / max(len(sizes), 1), 1),
    }
