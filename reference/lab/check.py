"""From an implementation to findings: `check`, and its form for pytest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from reference.engine import Check, Effort, Examination, checked_options, select
from reference.execution import implementation as finding_classes
from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Executor
from reference.findings import Findings, Violation, passed
from reference.lab.checks.catalogue import all_checks
from reference.lab.context import Context
from reference.lab.contract import Oracle
from reference.lab.explaining import Explainer, with_stand_ins
from reference.numerics.oracles import ball
from reference.wording import Fact, fact

#: Words for a formula that differs from the definition by a factor or a term: who knows more of the answers in doubles
#: says what that is.
_VAGUE = frozenset({None, "scaled", "extra-term"})
#: Words for errors that look like those of rounding, which exact arithmetic has not, and of differences, which are
#: exact there for functions that are linear, or linear on either side of 0.
_OF_ROUNDING = frozenset({"low-precision"})
_OF_NO_LINE = _OF_ROUNDING | {"finite-differences"}

__all__ = ["LabExamination", "check", "checks_of", "parametrize_with_checks", "passed"]


def check(
    implementation: Any,
    *,
    assignment: int = 3,
    only: str = "*",
    seed: int = 0,
    effort: Effort = "normal",
) -> Findings:
    """Hold an implementation of the lab's classes to the contract.

    Runs the implementation's code in this process: for code that is trusted. So it can be evaluated in exact arithmetic
    as well, and each method that computes values has a check for that, such as ``softmax.forward.formula``.

    Parameters
    ----------
    implementation
        A module, a package folder, a file, a module's dotted name, or a mapping of names to classes.
    assignment
        1 allows the naive softmax, and asks for no compound layer; 2 and 3 ask for all.
    only
        The checks to make, with what they depend on: patterns of ids or names, as `reference.engine.select` takes them.
    seed
        The same seed draws the same cases.
    effort
        How many cases: quick, normal or exhaustive.

    Returns
    -------
    Findings
        A list with one `Finding` for each check, in order of dependency.

    Raises
    ------
    NotAnImplementation
        None of the classes could be found.
    TypeError
        ``seed`` is no whole number.
    ValueError
        Another option is not what is listed here, ``seed`` is below 0, or no check matches ``only``.

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
    False relu.forward.values relu.forward.formula
    """
    return Findings(_examination(implementation, assignment=assignment, only=only, seed=seed, effort=effort))


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

    parameters = [pytest.param(partial(judge, each.id), id=each.id) for each in examination.checks]
    return pytest.mark.parametrize("check", parameters)


class LabExamination(Examination):
    """The findings about one implementation of the lab's classes, each made when it is asked for.

    Parameters
    ----------
    executor
        Where the implementation runs.
    name
        Of the implementation, for messages.
    assignment, only, seed, effort
        As in `check`.
    classes
        The implementation's classes by name, where they run in this process: then their formulas are judged as well.
    """

    context: Context

    def __init__(
        self,
        executor: Executor,
        name: str,
        *,
        assignment: int = 3,
        only: str = "*",
        seed: int = 0,
        effort: Effort,
        classes: Mapping[str, type] | None = None,
    ) -> None:
        seed, effort = checked_options(seed, effort)
        oracle: Oracle | str = ball.available() or ball  # a module has what an oracle has
        checks = checks_of(only, assignment, in_process=classes is not None)
        super().__init__(checks, Context(executor, oracle, name, seed, effort, assignment, classes=classes))
        self._explainer = Explainer(self.context)

    def obstacle(self, check: Check) -> Violation | None:
        """The violation where the class of the check is missing; None where the class is there."""
        cls = check.subject.partition(".")[0]
        missing = self.context.executor.missing()
        if cls not in missing:
            return None
        came = fact("absent", said=missing[cls], cause=self.context.executor.causes().get(cls))
        return Violation(fact("class", cls=cls), came, mistake="missing")

    def explained(self, check: Check, violation: Violation) -> tuple[Violation, str | None]:
        """The violation with its mistakes, where all known ones that give the same answers have the same names."""
        if check.explained_by:
            return self._of_formula(check, violation)
        violation = violation.but(came=with_stand_ins(violation.came, self.context.executor.stand_ins))
        kept = {name: self._by_id[name].run for name in check.depends_on}
        try:
            return self._explainer.explained(check, violation, kept)
        except Exception:  # that the promise is broken is certain, whatever becomes of its explanation
            return violation, None

    def _of_formula(self, check: Check, violation: Violation) -> tuple[Violation, str | None]:
        """The violation by exact arithmetic; where doubles show it as well, with what explains their answers."""
        values = self._findings.get(check.explained_by[0])
        vague = violation.mistake in _VAGUE
        refuted = _OF_NO_LINE if check.id.startswith(("linear.", "relu.")) else _OF_ROUNDING
        if values is None or set(values.mistakes) <= refuted or not vague or values.mistake == violation.mistake:
            return violation, None
        came = violation.came
        came = Fact(came.kind, came.fields, tuple(each for each in came.more if each.kind != "estimated"))
        return violation.but(came=came, mistake=values.mistake, mistakes=values.mistakes), values.hint


def checks_of(only: str, assignment: int, *, in_process: bool = False) -> list[Check]:
    """The checks of an assignment that are asked for, and those that they depend on, in order.

    ``in_process`` adds those that are made only of code that runs in the examiner's process.

    Raises
    ------
    ValueError
        There is no such assignment, or nothing matches.
    """
    if assignment not in {1, 2, 3}:
        raise ValueError(f"expected assignment 1, 2 or 3, got {assignment!r}")
    promised = [each for each in all_checks(in_process=in_process) if assignment in each.assignments]
    return select(only, promised, "`bp check --list` shows all")


def _examination(
    implementation: Any, *, assignment: int = 3, only: str = "*", seed: int = 0, effort: Effort = "normal"
) -> LabExamination:
    found = finding_classes.find(implementation)
    executor = InProcess(found.classes, found.missing, found.causes)
    options: dict[str, Any] = {"assignment": assignment, "only": only, "seed": seed, "effort": effort}
    return LabExamination(executor, found.name, classes=found.classes, **options)
