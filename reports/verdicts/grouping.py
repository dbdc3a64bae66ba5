"""Groups findings by Python class and by method, and picks the failure of each method that is shown in full."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reference import Finding
from reference.wording import Fact, fact
from reports.verdicts.expectations import accepted
from reports.verdicts.text import one_line, plural


@dataclass(frozen=True)
class Method:
    """All findings about one method, or about a class as a whole, in the order of the checks."""

    subject: str
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The name of the method, or of the class if the findings are about the class as a whole."""
        return self.subject.partition(".")[2] or self.subject

    def of(self, status: str) -> list[Finding]:
        """The findings with that status, which is one of `status_of`."""
        return [each for each in self.findings if status_of(each) == status]

    @property
    def main(self) -> Finding | None:
        """The failure to show in full.

        It is the first, which is nearest to the cause since checks depend on earlier ones; unless that is a small
        difference, and a later one is gross: a NaN, or an error with at least twice as many wrong digits. Of failures
        that are as gross, one whose mistake is known says more.
        """
        failed = self.of("failed")
        first = self._grossest(failed)
        if first is None or first.mistake is not None:
            return first
        known = (each for each in failed if each.mistake is not None and each.grossness >= first.grossness)
        return next(known, first)

    def _grossest(self, failed: Sequence[Finding]) -> Finding | None:
        """The first of these failures, or the grossest if that is much grosser."""
        if not failed or math.isinf(failed[0].grossness):
            return next(iter(failed), None)
        compared = [each for each in failed if each.came is not None and each.came.kind == "entry"]
        grossest = max(compared, key=lambda each: each.grossness)
        return grossest if math.sqrt(grossest.grossness) > failed[0].grossness else failed[0]

    @property
    def others(self) -> list[Finding]:
        """The other failures, except those with the same reason as the main one."""
        main = self.main
        return [each for each in self.of("failed") if main is not None and _reason(each) != _reason(main)]

    @property
    def repeated(self) -> int:
        """How many other checks fail for the same reason as the main one."""
        return len(self.of("failed")) - len(self.others) - (self.main is not None)


@dataclass(frozen=True)
class Class:
    """All findings about one Python class, by method."""

    name: str
    methods: tuple[Method, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings about all methods of the class."""
        return tuple(each for method in self.methods for each in method.findings)

    @property
    def counts(self) -> dict[str, int]:
        """The number of findings of each status."""
        return counted(self.findings)

    @property
    def status(self) -> str:
        """The most important status among the findings."""
        return next((each for each in ("failed", "error", "expected", "skipped") if self.counts[each]), "passed")


def status_of(finding: Finding) -> str:
    """The status of a finding as people are shown it: an accepted failure is "expected", and not "skipped"."""
    return finding.status if accepted(finding) is None else "expected"


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """The number of findings of each status, which is one of `status_of`."""
    found = Counter(map(status_of, findings))
    return {status: found[status] for status in ("passed", "failed", "expected", "skipped", "error")}


def by_class(findings: Iterable[Finding]) -> list[Class]:
    """The findings by class, in the order in which the classes first occur.

    If all findings about a class are failures with the same reason, they are one group instead of one for each method.
    """
    found: dict[str, dict[str, list[Finding]]] = {}
    for each in findings:
        found.setdefault(each.subject.partition(".")[0], {}).setdefault(each.subject, []).append(each)
    return [Class(name, tuple(_methods(name, methods))) for name, methods in found.items()]


def _methods(name: str, methods: Mapping[str, Sequence[Finding]]) -> list[Method]:
    together = [each for findings in methods.values() for each in findings]
    if len(methods) > 1 and {each.status for each in together} == {"failed"} and len(set(map(_reason, together))) == 1:
        return [Method(name, tuple(together))]
    return [Method(subject, tuple(findings)) for subject, findings in methods.items()]


def reasons(findings: Iterable[Finding]) -> list[str]:
    """Why checks were not judged: each reason once, with the number of checks that it concerns."""
    found = Counter(each.came or fact("absent", said=each.actual or "no reason was given") for each in findings)
    return [f"{plural(number, 'check')}: {one_line(str(reason), 300)}" for reason, number in found.most_common()]


def accepted_failures(findings: Iterable[Finding]) -> list[str]:
    """A line for each failure that was accepted, with the reason."""
    return [f"{each.check}: {one_line(why, 300)}" for each in findings if (why := accepted(each)) is not None]


def counts_in_words(counts: Mapping[str, int]) -> str:
    """The numbers of findings by status in words, without the statuses that do not occur."""
    words = {"passed": "passed", "failed": "failed", "expected": "failed as expected", "skipped": "not judged"}
    parts = [f"{counts[status]} {word}" for status, word in words.items() if counts.get(status)]
    if counts["error"]:
        parts.append(plural(counts["error"], "error") + " of the examiner")
    return ", ".join(parts) or "no checks"


def _reason(finding: Finding) -> tuple[Fact | None, Fact | None, str | None]:
    """What two failures have in common if they have the same reason."""
    return finding.due, finding.came, finding.mistake
