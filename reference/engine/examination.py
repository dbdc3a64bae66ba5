"""The runner: makes the finding of each check, after those of the checks that it depends on."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reference.engine.check import Check
from reference.engine.context import Context
from reference.findings import MOST_SAID, Finding, Findings, NotApplicable, Status, Violation
from reference.wording import Fact, fact, hint_of


class Examination:
    """The findings of one examination, each made when it is asked for.

    A check is skipped where one that it depends on did not pass. Where it fails, and a check that excuses it has
    failed, nobody knows which of the two is to blame, and it is skipped as well. A check that nobody needs after the
    failure of another one is not even run then.

    Parameters
    ----------
    checks
        In order of dependency.
    context
        What they are run with.
    """

    def __init__(self, checks: Sequence[Check], context: Context) -> None:
        self.checks = list(checks)
        self.context = context
        self._by_id = {each.id: each for each in self.checks}
        self._findings: dict[str, Finding] = {}

    def __iter__(self) -> Iterator[Finding]:
        for each in self.checks:
            yield self.finding(each.id)

    def findings(self) -> Findings:
        """All of them, in the order of the checks."""
        return Findings(self)

    def finding(self, name: str) -> Finding:
        """What the check of that id has to say."""
        if name not in self._findings:
            each = self._by_id[name]
            for other in (*each.depends_on, *each.excuses, *each.unless_failed):
                if other in self._by_id:
                    self.finding(other)
            self._findings[name] = self._judged(each)
        return self._findings[name]

    def obstacle(self, check: Check) -> Violation | None:
        """What fails a check before it is run, such as a class that is not there; None where it can be run."""
        return None

    def explained(self, check: Check, violation: Violation) -> tuple[Violation, str | None]:
        """The violation with the mistake that explains it, where that is certain, and a hint."""
        return violation, hint_of(violation.mistake, cause_of(violation))

    def _judged(self, check: Check) -> Finding:
        obstacle = self.obstacle(check)
        if obstacle is not None:
            return self._failure(check, obstacle, hint_of(obstacle.mistake, cause_of(obstacle)))
        broken = self._among(check.depends_on, {"failed", "error", "skipped"})
        if broken:
            return self._skipped(check, self._reason(broken))
        failed = self._among(check.unless_failed, {"failed", "error"})
        if failed:
            return self._skipped(check, fact("depends", names=(failed[0],)))
        self.context.start()
        try:
            return self._outcome(check)
        except NotApplicable as absent:
            return self._skipped(check, absent.reason)
        except Exception as error:
            # A fault of the examiner must never count against the examined.
            came = fact("examiner failed", error=type(error).__name__, said=str(error))
            return self._finding(check, "error", actual=str(came), came=came)

    def _outcome(self, check: Check) -> Finding:
        try:
            check.run(self.context)
        except Violation as violation:
            suspects = self._among(check.excuses, {"failed", "error"})
            if suspects:
                return self._skipped(check, fact("suspects", names=tuple(suspects)))
            return self._failure(check, *self.explained(check, violation))
        notes = self.context.notes
        said = "; ".join(map(str, notes)) or None
        return self._finding(check, "passed", note=said)

    def _reason(self, broken: list[str]) -> Fact:
        """Why what depends on these is skipped: if they were skipped themselves, for their reason."""
        first = self._findings[broken[0]]
        if first.status == "skipped" and first.came is not None:
            return first.came
        return fact("depends", names=tuple(broken))

    def _among(self, names: Iterable[str], statuses: set[str]) -> list[str]:
        known = [name for name in dict.fromkeys(names) if name in self._findings]
        return [name for name in known if self._findings[name].status in statuses]

    def _skipped(self, check: Check, reason: Fact) -> Finding:
        return self._finding(check, "skipped", actual=str(reason), came=reason)

    def _failure(self, check: Check, violation: Violation, hint: str | None) -> Finding:
        return self._finding(
            check,
            "failed",
            expected=str(violation.due)[:MOST_SAID],
            actual=str(violation.came)[:MOST_SAID],
            index=violation.index,
            bound=violation.bound,
            counterexample=violation.counterexample,
            mistake=violation.mistake,
            hint=hint,
            repro=violation.repro,
            evidence=violation.evidence,
            due=violation.due,
            came=violation.came,
            mistakes=violation.mistakes or (() if violation.mistake is None else (violation.mistake,)),
        )

    def _finding(self, check: Check, status: Status, **fields: Any) -> Finding:
        oracle = ", ".join(self.context.oracles) or None if status in {"passed", "failed"} else None
        return Finding(
            check.id, check.subject, status, check.rationale, depends_on=check.depends_on, oracle=oracle, **fields
        )


def cause_of(violation: Violation) -> str | None:
    """What is known of how an answer failed to come, such as that the system refused something."""
    cause = violation.came.fields.get("cause")
    return cause if isinstance(cause, str) else None


def _matching(pattern: str, checks: Sequence[Check]) -> set[str]:
    return {each.id for each in checks if fnmatch.fnmatchcase(each.id, pattern)}


def select(only: str, checks: Sequence[Check], hint: str = "") -> list[Check]:
    """The checks that are asked for, and those that they depend on, in order.

    Parameters
    ----------
    only
        Patterns with commas between them. Each is a pattern of ids (as of file names), or the name of a class, a method
        or the first part of an id: ``softmax.*``, ``SoftmaxLayer``, ``SoftmaxLayer.delta``, ``softmax``.
    checks
        All there are.
    hint
        The end of the error's message.

    Raises
    ------
    ValueError
        A pattern matches none; the message suggests what was probably meant.
    """
    names = _names(checks)
    wanted: set[str] = set()
    for pattern in (each.strip() for each in only.split(",")):
        meant = names.get(pattern.lower(), pattern)
        # Ids such as vjp.gradient[0].values have brackets of their own.
        found = _matching(meant, checks) or _matching(meant.replace("[", "[[]"), checks)
        if not found:
            raise ValueError(f"no check matches {pattern!r}; {_meant(pattern, names)}{hint}".removesuffix("; "))
        wanted |= found
    for each in reversed(checks):
        if each.id in wanted:
            wanted.update(each.depends_on)
    return [each for each in checks if each.id in wanted]


def _names(checks: Sequence[Check]) -> dict[str, str]:
    """The names by which checks can be asked for, in small letters, each with the pattern of the ids that it means."""
    names = {each.id: each.id for each in checks}
    for each in checks:
        layer, method, *deeper = each.id.split(".")
        cls, dot, _ = each.subject.partition(".")
        names |= dict.fromkeys((layer, cls), f"{layer}.*")
        if dot:
            pattern = f"{layer}.{method}.*" if deeper else each.id
            names |= dict.fromkeys((f"{layer}.{method}", each.subject), pattern)
    return {name.lower(): pattern for name, pattern in names.items()}


def _meant(pattern: str, names: Mapping[str, str]) -> str:
    """What was probably meant, by the spelling."""
    found = difflib.get_close_matches(pattern.lower().rstrip(".*"), names, 1)
    return f"did you mean {names[found[0]]!r}? " if found else ""
