"""Known failures and the reasons why they are accepted, for `bp check --expect FILE`.

The file is TOML, one table for each check or pattern of checks::

    ["softmax.forward.extreme_logits"]
    reason = "week 3 is about the naive softmax; the stable one comes in week 5"

An accepted failure becomes a finding that was skipped for that reason. What was expected to fail and does not makes a
finding of its own that fails: a list of exceptions that nobody prunes soon excuses what it should not.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reference import Finding, Judgement
from reference.lab.checks.catalogue import all_checks
from reference.wording import Fact, fact
from reports.io.exit_codes import UsageError

_RATIONALE = "An expectation that no longer holds would one day excuse a failure that nobody knows of."


@dataclass(frozen=True)
class Expectation:
    """Checks that may fail.

    Attributes
    ----------
    pattern
        A check's id, or a pattern of ids.
    reason
        Why that is accepted.
    """

    pattern: str
    reason: str

    def covers(self, check: str) -> bool:
        """Whether the check of that id is meant."""
        return fnmatch.fnmatchcase(check, self.pattern)


def load(path: Path) -> list[Expectation]:
    """The expectations in a file.

    Raises
    ------
    UsageError
        There is no such file, it is no TOML, or an expectation has no reason.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"expected --expect to be a TOML file that can be read, {path}: {error}") from error
    return list(_tables(content, "", path))


def _tables(content: Mapping[str, Any], prefix: str, path: Path) -> Iterator[Expectation]:
    """An id without quotes is a path of nested tables in TOML; it is taken as it was meant."""
    for name, value in content.items():
        pattern = f"{prefix}{name}"
        if not isinstance(value, dict):
            raise UsageError(f"{path}: expected a table for each check, with a reason, got {pattern} = {value!r}")
        deeper = {key: below for key, below in value.items() if isinstance(below, dict)}
        own = {key: below for key, below in value.items() if key not in deeper}
        if own or not deeper:
            yield Expectation(pattern, _reason(own, pattern, path))
        yield from _tables(deeper, f"{pattern}.", path)


def _reason(table: Mapping[str, Any], pattern: str, path: Path) -> str:
    unknown = sorted(set(table) - {"reason"})
    if unknown:
        raise UsageError(f"{path}: expected nothing but a reason for {pattern!r}, got {', '.join(unknown)}")
    reason = table.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise UsageError(f"{path}: expected {pattern!r} to have a reason, a text")
    return " ".join(reason.split())


def apply(expectations: list[Expectation], judgement: Judgement) -> Judgement:
    """The judgement with what was expected accepted, and with a failure for each expectation that is stale."""
    findings = [_accepted(finding, expectations) for finding in judgement.findings]
    known = {check.id for check in all_checks()}
    for each in expectations:
        problem = _stale(each, judgement, known)
        if problem is not None:
            findings.append(problem)
    return replace(judgement, findings=tuple(findings))


def _accepted(finding: Finding, expectations: list[Expectation]) -> Finding:
    reasons = [each.reason for each in expectations if each.covers(finding.check)]
    if finding.status != "failed" or not reasons:
        return finding
    came = fact("accepted", reason=reasons[0], came=finding.actual)
    return replace(finding, status="skipped", actual=str(came), came=came)


def accepted(finding: Finding) -> str | None:
    """Why its failure is accepted, and what came; None where it is no accepted failure."""
    came = finding.came
    if finding.status != "skipped" or came is None or came.kind != "accepted":
        return None
    return f"{came['reason']} (got {came['came']})"


def _stale(expectation: Expectation, judgement: Judgement, known: set[str]) -> Finding | None:
    if not any(expectation.covers(check) for check in known):
        return _failure(expectation, fact("no such check"))
    covered = [each for each in judgement.findings if expectation.covers(each.check)]
    # What was skipped is not known to pass; and where --only leaves a check out, nothing is known at all.
    if covered and all(each.status == "passed" for each in covered):
        return _failure(expectation, fact("does not fail"))
    return None


def _failure(expectation: Expectation, came: Fact) -> Finding:
    due = fact("fails", pattern=expectation.pattern, reason=expectation.reason)
    return Finding(
        f"expectation.{expectation.pattern}",
        "Expectations",
        "failed",
        _RATIONALE,
        expected=str(due),
        actual=str(came),
        hint="Change the file of expectations, not the code.",
        due=due,
        came=came,
    )
