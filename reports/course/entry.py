"""What the summary of a course needs of one submission; it can be stored, so that an interrupted run can go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from reference import Finding
from reference.gate import Judgement, Outcome

#: That of a judgement, or "not judged" for what could not even be opened.
Verdict = Outcome | Literal["not judged"]
_STATUSES = ("passed", "failed", "skipped", "error")


class Failure(NamedTuple):
    """A check that a submission fails, and the mistake that explains it."""

    check: str
    subject: str
    mistake: str | None


@dataclass(frozen=True)
class Entry:
    """What the summary needs of one submission.

    Attributes
    ----------
    name
        The name of its file or folder.
    verdict
        "pass"; "fail"; "not judged" if what was handed in cannot be opened, such as an encrypted archive; "error" if
        the examiner failed.
    counts
        The number of findings of each status.
    failed
        The checks that it fails, in their order.
    seconds
        Elapsed time.
    problem
        Why nothing could be judged; None if something was.
    seed, isolation
        As in `reference.Judgement`; None if there is no judgement.
    missing
        The Python classes that the submission lacks; all checks of these fail.
    passed
        The ids of the checks that it passes, from which its points follow.
    """

    name: str
    verdict: Verdict
    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(_STATUSES, 0))
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0
    problem: str | None = None
    seed: int | None = None
    isolation: str | None = None
    missing: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The entry as values that JSON can hold."""
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
            "passed": list(self.passed),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Entry:
        """The entry that `as_dict` has turned into ``stored``."""
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
            tuple(stored.get("passed", ())),
        )


def entry_of(name: str, judgement: Judgement) -> Entry:
    """The entry of a submission that was judged."""
    failed = tuple(
        Failure(each.check, each.subject, each.mistake) for each in judgement.findings if each.status == "failed"
    )
    absent = [each for each in judgement.findings if _says_class_is_missing(each)]
    return Entry(
        name,
        judgement.verdict,
        judgement.counts,
        failed,
        judgement.seconds,
        # If every class is missing, the first reason holds for all: the file cannot be imported, or has a wrong name.
        problem=absent[0].actual if absent and len(absent) == len(judgement.findings) else None,
        seed=judgement.seed,
        isolation=judgement.isolation,
        missing=tuple(dict.fromkeys(class_of(each.subject) for each in absent)),
        passed=tuple(each.check for each in judgement.findings if each.status == "passed"),
    )


def class_of(subject: str) -> str:
    """The name of the Python class that a subject, ``Class.method`` or ``Class``, is about."""
    return subject.partition(".")[0]


def _says_class_is_missing(finding: Finding) -> bool:
    """Whether a finding says that the whole class is missing, and not one method of it."""
    return finding.due is not None and finding.due.kind == "class"


def problem_of(name: str, problem: str, seconds: float = 0.0) -> Entry:
    """The entry of a submission that could not be judged, with the reason."""
    return Entry(name, "error", seconds=seconds, problem=problem)
