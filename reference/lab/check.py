"""From an implementation to findings: `check`, and its form for pytest."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, get_args

from reference.execution import implementation as finding_classes
from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Executor
from reference.findings import Finding, Violation, failure, finding, outcome
from reference.lab.checks.catalogue import Check, all_checks
from reference.lab.context import Context, Effort
from reference.lab.contract import Oracle
from reference.lab.diagnosis import certain, explanations
from reference.lab.hints import hint_for, hint_for_missing
from reference.lab.mistakes import CATALOGUE, Mistake
from reference.numerics.oracles import ball

#: Letters of what came: it may be anything.
_MOST_SAID = 2000


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

    Examples
    --------
    >>> import numpy as np
    >>> class ReLULayer:
    ...     def __init__(self, name):
    ...         self.name = name
    ...     def forward(self, X):
    ...         return np.abs(X)
    >>> findings = check({"ReLULayer": ReLULayer}, only="relu.forward.*")
    >>> print(passed(findings), *(finding.check for finding in findings if finding.status == "failed"))
    False relu.forward.values
    """
    return list(_examination(implementation, assignment=assignment, only=only, seed=seed, effort=effort))


def parametrize_with_checks(implementation: Any, **options: Any) -> Callable[[Any], Any]:
    """Decorate a test that takes ``check``: pytest runs it once for each check of ``implementation``.

    ``check()`` returns if the promise is kept, fails the test with the finding's words if it is broken, and skips it
    where it cannot be judged. Options and errors are those of `check`::

        @reference.parametrize_with_checks(mlp)
        def test_contract(check):
            check()
    """
    import pytest  # noqa: PLC0415 - who uses this has it

    examination = _examination(implementation, **options)

    def judge(name: str) -> None:
        finding = examination.finding(name)
        if finding.status == "skipped":
            pytest.skip(finding.actual or "")
        if finding.status != "passed":
            pytest.fail(str(finding), pytrace=False)

    parameters = [pytest.param(_named(judge, each.id), id=each.id) for each in examination.checks]
    return pytest.mark.parametrize("check", parameters)


def passed(findings: Iterable[Finding]) -> bool:
    """Whether everything holds: nothing failed and the examiner had no fault, with at least one check passed.

    Examples
    --------
    >>> passed([])
    False
    """
    statuses = [finding.status for finding in findings]
    return "passed" in statuses and not {"failed", "error"} & set(statuses)


class Examination:
    """The findings of one examination, each made when it is asked for, after those that it depends on.

    Parameters
    ----------
    session
        Where the implementation runs.
    name
        Of the implementation, for messages.
    assignment, only, seed, effort
        As in `check`.
    """

    def __init__(
        self, executor: Executor, name: str, *, assignment: int = 3, only: str = "*", seed: int = 0, effort: Effort
    ) -> None:
        if effort not in get_args(Effort):
            raise ValueError(f"expected effort to be one of {', '.join(get_args(Effort))}, got {effort!r}")
        if not isinstance(seed, int) or seed < 0:
            raise ValueError(f"expected seed to be an integer of at least 0, got {seed!r}")
        self.checks = select(only, assignment)
        oracle: Oracle | str = ball.available() or ball  # a module has the two functions that an oracle has
        self._context = Context(executor, oracle, name, seed, effort, assignment)
        self._by_id = {each.id: each for each in self.checks}
        self._findings: dict[str, Finding] = {}
        self._explained: dict[str, list[Mistake]] = {}

    def __iter__(self) -> Iterator[Finding]:
        for each in self.checks:
            yield self.finding(each.id)

    def finding(self, name: str) -> Finding:
        """What the check of that id has to say."""
        if name not in self._findings:
            each = self._by_id[name]
            for other in (*each.depends_on, *each.excuses):
                if other in self._by_id:
                    self.finding(other)
            self._findings[name] = self._judged(each)
        return self._findings[name]

    def _judged(self, each: Check) -> Finding:
        cls = each.subject.partition(".")[0]
        missing = self._context.executor.missing()
        if cls in missing:
            violation = Violation(f"a class {cls}", missing[cls], mistake="missing")
            return _failed(each, violation, hint_for_missing(missing[cls]))
        broken = self._among(each.depends_on, {"failed", "error", "skipped"})
        if broken:
            return finding(each, "skipped", actual=self._reason(broken))
        self._context.log.clear()
        return outcome(each, partial(each.run, self._context), partial(self._diagnosed, each))

    def _reason(self, broken: list[str]) -> str:
        """Why what depends on these is skipped: if they were skipped themselves, for their reason."""
        first = self._findings[broken[0]]
        if first.status == "skipped":
            return first.actual or ""
        return f"depends on {', '.join(broken)}, which did not pass"

    def _among(self, names: Iterable[str], statuses: set[str]) -> list[str]:
        known = [name for name in dict.fromkeys(names) if name in self._findings]
        return [name for name in known if self._findings[name].status in statuses]

    def _diagnosed(self, each: Check, violation: Violation) -> Finding:
        suspects = self._among(each.excuses, {"failed", "error"})
        if suspects:
            return finding(each, "skipped", actual=f"fails, perhaps because of {', '.join(suspects)}")
        known = [mistake for mistake in CATALOGUE if mistake.subject == each.subject]
        # One mistake explains all that fails about a method; where none does, each failure is explained for itself.
        kept = {name: self._by_id[name].run for name in each.depends_on}
        found = explanations(self._explained.get(each.subject, known), each.run, self._context, violation, kept)
        if found:
            self._explained[each.subject] = found
        mistake = certain(found)
        if mistake is not None:
            violation.mistake = mistake.word
            return _failed(each, violation, mistake.hint)
        return _failed(each, violation, hint_for(violation))


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
        raise ValueError(f"no check matches {only!r}; {_meant(only, everything)}`bp check --list` shows all")
    for each in reversed(everything):
        if each.id in wanted:
            wanted.update(each.depends_on)
    return [each for each in everything if each.id in wanted]


def _meant(only: str, checks: list[Check]) -> str:
    """The pattern that was probably meant: by the beginning of an id, by a class or a method, or by the spelling."""
    beginnings = {each.id: each.id for each in checks}
    for each in checks:
        layer, method, *deeper = each.id.split(".")
        cls, dot, _ = each.subject.partition(".")
        beginnings |= dict.fromkeys((layer, cls), f"{layer}.*")
        if dot:
            pattern = f"{layer}.{method}.*" if deeper else each.id
            beginnings |= dict.fromkeys((f"{layer}.{method}", each.subject), pattern)
    spelled = {name.lower(): pattern for name, pattern in beginnings.items()}
    found = difflib.get_close_matches(only.lower().rstrip(".*"), spelled, 1)
    return f"did you mean {spelled[found[0]]!r}? " if found else ""


def _examination(
    implementation: Any, *, assignment: int = 3, only: str = "*", seed: int = 0, effort: Effort = "normal"
) -> Examination:
    found = finding_classes.find(implementation)
    executor = InProcess(found.classes, found.missing)
    return Examination(executor, found.name, assignment=assignment, only=only, seed=seed, effort=effort)


def _named(judge: Callable[[str], None], name: str) -> Callable[[], None]:
    def check() -> None:
        judge(name)

    return check


def _failed(each: Check, violation: Violation, hint: str | None) -> Finding:
    violation.actual = violation.actual[:_MOST_SAID]
    return failure(each, violation, hint)
