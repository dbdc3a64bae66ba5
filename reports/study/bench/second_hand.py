"""Counts the wrong codings of a second hand that the examiner catches, and that it gives a right name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import reference
from reference.lab.mistakes.plain import CLASSES
from reference.lab.second_hand import CODINGS, Coding
from reports.study.bench.mistakes import failures
from reports.study.bench.tables import Effort, Say, Table

#: Every n-th coding is judged, by effort.
_EVERY = {"quick": 12, "normal": 1, "exhaustive": 1}


@dataclass(frozen=True)
class Judged:
    """What the examiner says about one coding.

    Attributes
    ----------
    coding
        The wrong coding.
    caught
        Whether a check of the wrong method failed.
    first
        The mistake that the first failure of the wrong method names, or None.
    named
        All mistakes that are named about the wrong method.
    blamed
        The subjects of failures that are about something else.
    seen
        Those of ``named`` that a check of types has seen itself.
    """

    coding: Coding
    caught: bool
    first: str | None
    named: tuple[str, ...]
    blamed: tuple[str, ...]
    seen: tuple[str, ...] = ()

    @property
    def rightly(self) -> bool:
        """Whether one of the accepted words is said, or all of them where there are two mistakes."""
        said = [word in self.named for word in self.coding.words]
        return all(said) if self.coding.both else any(said)

    @property
    def untrue(self) -> tuple[str, ...]:
        """The words that are said and not accepted."""
        return tuple(word for word in self.named if word not in {*self.coding.words, *self.seen})


def run(effort: Effort, say: Say) -> list[Table]:
    """Examine each coding, and count the results."""
    chosen = CODINGS[:: _EVERY[effort]]
    say(f"second hand: {len(chosen)} examinations")
    return [summary([judged(each) for each in chosen])]


def judged(coding: Coding, effort: Effort = "quick", seed: int = 0, only: str = "*") -> Judged:
    """Examine one coding, by the checks that match ``only``."""
    findings = reference.check(coding.classes, effort=effort, seed=seed, only=only)
    own, blamed = failures(findings, subjects_of(coding))
    named = tuple(dict.fromkeys(word for each in own for word in each.mistakes))
    # That a shape is another than the due one is seen, whatever is wrong besides.
    seen = {word for each in own if each.check.endswith(".types") for word in each.mistakes}
    return Judged(coding, bool(own), own[0].mistake if own else None, named, blamed, tuple(seen))


def subjects_of(coding: Coding) -> set[str]:
    """The methods that a coding writes anew: one, or all of a class."""
    cls, _, method = coding.subject.partition(".")
    if cls not in coding.classes:  # the class is missing, which is the mistake
        return {coding.subject}
    wrong, right = coding.classes[cls], CLASSES[cls]
    own = [name for each in wrong.__mro__ if each is not right and not issubclass(right, each) for name in vars(each)]
    if method in own and not set(own) & {"__init__"}:
        return {coding.subject} | {f"{cls}.{name}" for name in own if hasattr(right, name) and not name.startswith("_")}
    return {cls}


def summary(results: Sequence[Judged]) -> Table:
    """A row for each Python class, and one for all; the names of those that are not caught or not rightly named."""
    by_class: dict[str, list[Judged]] = {}
    for each in results:
        by_class.setdefault(each.coding.subject.partition(".")[0], []).append(each)
    rows = [_row(cls, group) for cls, group in by_class.items()] + [_row("all", results)]
    lists = {
        "Not caught": [each.coding.name for each in results if not each.caught],
        "Without a right name": [each.coding.name for each in results if each.caught and not each.rightly],
        "With a word that is not accepted": [
            f"{each.coding.name} ({each.untrue[0]})" for each in results if each.untrue
        ],
    }
    note = " ".join(f"{what}: {', '.join(names)}." for what, names in lists.items() if names)
    return Table("Wrong codings by a second hand, judged by reference.check at quick effort", rows, note)


def _row(name: str, results: Sequence[Judged]) -> dict[str, object]:
    return {
        "class": name,
        "codings": len(results),
        "caught": sum(each.caught for each in results),
        "rightly named": sum(each.rightly for each in results),
        "wrongly named": sum(bool(each.untrue) for each in results),
        "others blamed": sum(bool(each.blamed) for each in results),
    }
