"""From an implementation to findings: `check`, and its form for pytest."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from reference import implementation as finding_classes
from reference.checks.catalogue import Check, all_checks
from reference.contract import Oracle
from reference.exam import Effort, Exam
from reference.findings import Finding, NotApplicable, Violation
from reference.oracles import ball
from reference.protocol import Session
from reference.session import InProcess


def check(
    implementation: Any,
    *,
    assignment: int = 3,
    only: str = "*",
    seed: int = 0,
    effort: Effort = "normal",
) -> list[Finding]:
    """Hold an implementation of the lab's classes to the contract.

    Runs the implementation's code in this process: for code that is trusted.

    Parameters
    ----------
    implementation
        A module, a package folder, a file, a module's dotted name, or a mapping of names to classes.
    assignment
        1 allows the naive softmax, and asks for no compound layer; 2 and 3 ask for all.
    only
        Checks whose id matches this pattern (as file names do), and what they depend on.
    seed
        The same seed asks the same questions.
    effort
        How many questions: quick, normal or exhaustive.

    Returns
    -------
    list of Finding
        One for each check, in order of dependency.

    Raises
    ------
    NotAnImplementation
        None of the classes could be found.
    ValueError
        An option is not what is listed here, or no check matches ``only``.
    """
    found = finding_classes.find(implementation)
    session = InProcess(found.classes, found.missing)
    return list(examine(session, found.name, assignment=assignment, only=only, seed=seed, effort=effort))


def examine(session: Session, name: str, *, assignment: int, only: str, seed: int, effort: Effort) -> Iterator[Finding]:
    """The findings of one examination, as they are made."""
    chosen = select(only, assignment)
    reason = ball.available()
    oracle: Oracle = ball  # a module has the two functions that an oracle has
    exam = Exam(session, oracle, name, seed, effort, assignment)
    status: dict[str, str] = {}
    for each in chosen:
        finding = _skipped(each, reason) if reason else _outcome(each, exam, status)
        status[each.id] = finding.status
        yield finding


def select(only: str, assignment: int) -> list[Check]:
    """The checks of an assignment that match a pattern, and those that they depend on, in order.

    Raises
    ------
    ValueError
        There is no such assignment, or nothing matches.
    """
    if assignment not in {1, 2, 3}:
        raise ValueError(f"expected assignment 1, 2 or 3, got {assignment!r}")
    everything = [each for each in all_checks() if assignment in each.assignments]
    wanted = {each.id for each in everything if fnmatch.fnmatchcase(each.id, only)}
    if not wanted:
        raise ValueError(f"no check matches {only!r}; ids look like {everything[0].id} and {everything[-1].id}")
    for each in reversed(everything):
        if each.id in wanted:
            wanted.update(each.depends_on)
    return [each for each in everything if each.id in wanted]


def parametrize_with_checks(implementation: Any, **options: Any) -> Callable[[Any], Any]:
    """Decorate a test that takes ``finding``: pytest runs it once for each check of ``implementation``.

    The test is skipped where the check was; to fail where it failed, assert on ``finding.status``.
    """
    import pytest  # noqa: PLC0415 - who uses this has it

    findings = check(implementation, **options)
    marks = [
        pytest.param(
            each, id=each.check, marks=[pytest.mark.skip(reason=each.actual or "")] if each.status == "skipped" else []
        )
        for each in findings
    ]
    return pytest.mark.parametrize("finding", marks)


def passed(findings: Iterable[Finding]) -> bool:
    """Whether everything holds: nothing failed and the examiner had no fault, with at least one check passed."""
    statuses = [finding.status for finding in findings]
    return "passed" in statuses and not {"failed", "error"} & set(statuses)


def _outcome(each: Check, exam: Exam, status: dict[str, str]) -> Finding:
    cls = each.subject.partition(".")[0]
    if cls in exam.session.missing():
        return _failed(each, Violation(f"a class {cls}", exam.session.missing()[cls], mistake="missing"))
    broken = [name for name in each.depends_on if status.get(name, "passed") != "passed"]
    if broken:
        return _skipped(each, f"depends on {', '.join(broken)}, which did not pass")
    try:
        each.run(exam)
    except Violation as violation:
        return _failed(each, violation)
    except NotApplicable as reason:
        return _skipped(each, str(reason))
    except Exception as error:
        # A fault of the examiner must never count against the examined.
        return Finding(
            each.id,
            each.subject,
            "error",
            each.rationale,
            actual=f"the examiner failed: {type(error).__name__}: {error}",
        )
    return Finding(each.id, each.subject, "passed", each.rationale, depends_on=each.depends_on)


def _skipped(each: Check, reason: str) -> Finding:
    return Finding(each.id, each.subject, "skipped", each.rationale, actual=reason, depends_on=each.depends_on)


def _failed(each: Check, violation: Violation) -> Finding:
    return Finding(
        each.id,
        each.subject,
        "failed",
        each.rationale,
        expected=violation.expected,
        actual=violation.actual,
        index=violation.index,
        bound=violation.bound,
        counterexample=violation.counterexample,
        mistake=violation.mistake,
        repro=violation.repro,
        depends_on=each.depends_on,
    )
