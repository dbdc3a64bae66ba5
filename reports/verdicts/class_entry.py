"""One submission of a class, in what a summary needs of it; it can be stored, to resume an interrupted run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reference import Finding
from reference.gate import Judgement, Outcome

_STATUSES = ("passed", "failed", "skipped", "error")


class Failure(NamedTuple):
    """A check that one submission fails."""

    check: str
    subject: str
    mistake: str | None


@dataclass(frozen=True)
class Entry:
    """One submission, in what the summary needs of it.

    Attributes
    ----------
    name
        Of the submission, as the teacher knows it.
    verdict
        "error" too where it could not be judged.
    counts
        Findings by status.
    failed
        What it fails, in the order of the checks.
    seconds
        Wall clock.
    problem
        Why nothing could be judged, where that is so.
    seed, isolation
        Of the judgement.
    missing
        The classes that are not there; all their checks fail.
    """

    name: str
    verdict: Outcome
    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(_STATUSES, 0))
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0
    problem: str | None = None
    seed: int | None = None
    isolation: str | None = None
    missing: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The entry in what JSON can hold."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "counts": dict(self.counts),
            "failed": [each._asdict() for each in self.failed],
            "seconds": self.seconds,
            "problem": self.problem,
            "seed": self.seed,
            "isolation": self.isolation,
            "missing": list(self.missing),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Entry:
        """The entry that `as_dict` wrote."""
        return cls(
            stored["name"],
            stored["verdict"],
            dict(stored["counts"]),
            tuple(Failure(**each) for each in stored["failed"]),
            stored["seconds"],
            stored["problem"],
            stored["seed"],
            stored["isolation"],
            tuple(stored.get("missing", ())),
        )


def entry_of(name: str, judgement: Judgement) -> Entry:
    """What the summary needs of a judgement."""
    failed = tuple(
        Failure(each.check, each.subject, each.mistake) for each in judgement.findings if each.status == "failed"
    )
    absent = [each for each in judgement.findings if _of_missing_class(each)]
    return Entry(
        name,
        judgement.verdict,
        judgement.counts,
        failed,
        judgement.seconds,
        # Where no class is there, the first reason is the reason: the file cannot be imported, or has another name.
        problem=absent[0].actual if absent and len(absent) == len(judgement.findings) else None,
        seed=judgement.seed,
        isolation=judgement.isolation,
        missing=tuple(dict.fromkeys(class_of(each.subject) for each in absent)),
    )


def class_of(subject: str) -> str:
    """The class of a subject, which may be one of its methods."""
    return subject.partition(".")[0]


def _of_missing_class(finding: Finding) -> bool:
    """Whether the class is not there; a missing method is called missing too."""
    return finding.due is not None and finding.due.kind == "class"


def problem_of(name: str, problem: str, seconds: float = 0.0) -> Entry:
    """A submission that could not be judged, and why."""
    return Entry(name, "error", seconds=seconds, problem=problem)
