"""Findings by class and by method, with the one failure that is told in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reference import Finding
from reference.wording import Fact, fact
from reports.verdicts.expectations import accepted
from reports.verdicts.text import one_line, plural


@dataclass(frozen=True)
class Method:
    """All findings about one method, or about a class as such, in order."""

    subject: str
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The method's name; the class's for what concerns the class as such."""
        return self.subject.partition(".")[2] or self.subject

    def of(self, status: str) -> list[Finding]:
        """Those of one status, as `status_of` has it."""
        return [each for each in self.findings if status_of(each) == status]

    @property
    def main(self) -> Finding | None:
        """The failure to begin with: checks come in order of dependency, so the first is nearest to the cause."""
        return next(iter(self.of("failed")), None)

    @property
    def others(self) -> list[Finding]:
        """Further failures, without those that say the same as the main one."""
        return [each for each in self.of("failed")[1:] if self.main is None or _said(each) != _said(self.main)]

    @property
    def repeated(self) -> int:
        """How many further checks fail in the very words of the main one."""
        return len(self.of("failed")) - len(self.others) - (self.main is not None)


@dataclass(frozen=True)
class Class:
    """All methods of one class."""

    name: str
    methods: tuple[Method, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of all methods."""
        return tuple(each for method in self.methods for each in method.findings)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each status."""
        return counted(self.findings)

    @property
    def status(self) -> str:
        """What matters most of what was found."""
        return next((each for each in ("failed", "error", "expected", "skipped") if self.counts[each]), "passed")


def status_of(finding: Finding) -> str:
    """Its status for people, who want accepted failures told apart from what was not judged: "expected"."""
    return finding.status if accepted(finding) is None else "expected"


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """How many of each status, as `status_of` has it."""
    found = Counter(map(status_of, findings))
    return {status: found[status] for status in ("passed", "failed", "expected", "skipped", "error")}


def by_class(findings: Iterable[Finding]) -> list[Class]:
    """The classes in the order in which they first come; where all of a class fails alike, as one group."""
    found: dict[str, dict[str, list[Finding]]] = {}
    for each in findings:
        found.setdefault(each.subject.partition(".")[0], {}).setdefault(each.subject, []).append(each)
    return [Class(name, tuple(_methods(name, methods))) for name, methods in found.items()]


def _methods(name: str, methods: Mapping[str, Sequence[Finding]]) -> list[Method]:
    together = [each for findings in methods.values() for each in findings]
    if len(methods) > 1 and {each.status for each in together} == {"failed"} and len(set(map(_said, together))) == 1:
        return [Method(name, tuple(together))]
    return [Method(subject, tuple(findings)) for subject, findings in methods.items()]


def reasons(findings: Iterable[Finding]) -> list[str]:
    """Why checks were not judged: each reason once, with how many it concerns."""
    found = Counter(each.came or fact("absent", said=each.actual or "no reason was given") for each in findings)
    return [f"{plural(number, 'check')}: {one_line(str(reason), 300)}" for reason, number in found.most_common()]


def accepted_failures(findings: Iterable[Finding]) -> list[str]:
    """The failures that were expected: a line for each, with the reason."""
    return [f"{each.check}: {one_line(said, 300)}" for each in findings if (said := accepted(each)) is not None]


def counts_in_words(counts: Mapping[str, int]) -> str:
    """The statuses that occur, with their numbers."""
    words = {"passed": "passed", "failed": "failed", "expected": "failed as expected", "skipped": "not judged"}
    said = [f"{counts[status]} {word}" for status, word in words.items() if counts.get(status)]
    if counts["error"]:
        said.append(plural(counts["error"], "error") + " of the examiner")
    return ", ".join(said) or "no checks"


def _said(finding: Finding) -> tuple[Fact | None, Fact | None, str | None]:
    return finding.due, finding.came, finding.mistake
