"""Accepts failures that are known and have a reason, for `bp check --expect FILE`.

The file is TOML, one table for each check or pattern of checks::

    ["softmax.forward.extreme_logits"]
    reason = "week 3 is about the naive softmax; the stable one comes in week 5"

The finding of an accepted failure gets the status "skipped", with the reason. If a check that is expected to fail
passes, that is a failure too: otherwise the file would go on to excuse failures that nobody knows of.
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

_RATIONALE = "An expectation that no longer holds could later excuse a failure that nobody knows of."


@dataclass(frozen=True)
class Expectation:
    """One entry of the file: checks that may fail, and why.

    Attributes
    ----------
    pattern
        The id of a check, or a pattern with wildcards.
    reason
        Why the failure is accepted.
    """

    pattern: str
    reason: str

    def covers(self, check: str) -> bool:
        """Whether the check with the id ``check`` may fail."""
        return fnmatch.fnmatchcase(check, self.pattern)


def load(path: Path) -> list[Expectation]:
    """The expectations in a file.

    Raises
    ------
    UsageError
        The file cannot be read, is no TOML, or an expectation has no reason.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"expected --expect to be a TOML file that can be read, {path}: {error}") from error
    return list(_tables(content, "", path))


def _tables(content: Mapping[str, Any], prefix: str, path: Path) -> Iterator[Expectation]:
    """The expectations in a table.

    In TOML, an id with dots and without quotes names nested tables. It is read as the id that was meant.
    """
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
        raise UsageError(f"{path}: expected {pattern!r} to have a reason, which is a text that is not empty")
    return " ".join(reason.split())


def apply(expectations: list[Expectation], judgement: Judgement) -> Judgement:
    """The judgement with the expected failures accepted, and with a failure for each expectation that does not hold."""
    findings = [_accepted(finding, expectations) for finding in judgement.findings]
    known = {check.id for check in all_checks()}
    for each in expectations:
        problem = _failed_expectation(each, judgement, known)
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
    """Why the failure is accepted, and what came; None if the finding is no accepted failure."""
    came = finding.came
    if finding.status != "skipped" or came is None or came.kind != "accepted":
        return None
    return f"{came['reason']} (got {came['came']})"


def _failed_expectation(expectation: Expectation, judgement: Judgement, known: set[str]) -> Finding | None:
    """The failure of an expectation that names no check, or whose checks all pass; else None."""
    if not any(expectation.covers(check) for check in known):
        return _failure(expectation, fact("no such check"))
    covered = [each for each in judgement.findings if expectation.covers(each.check)]
    # A check that was skipped, or that --only left out, is not known to pass.
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
