"""Examines the textbook's classes with one of them spoilt: by all checks that could tell of it, or blame another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from reference.engine import Examination
from reference.execution.in_process import InProcess
from reference.findings import Finding, Violation
from reference.lab.check import LabExamination
from reference.lab.checks.catalogue import Check, all_checks
from reference.lab.mistakes import Mistake, plain

CHECKS: Mapping[str, Check] = {check.id: check for check in all_checks()}
#: What a layer has to be for a wrong network to be its own fault.
SOUND = (
    "answers", "types", "inputs_unchanged", "repeatable", "values", "result_is_its_own", "small_sizes", "no_state",
    "by_position", "long_use", "any_size",
)  # fmt: skip
#: By class: the first part of its checks' ids.
KEYS = {check.subject.partition(".")[0]: check.id.partition(".")[0] for check in CHECKS.values()}
#: By the method: checks about other methods of the class that look at its answer.
_CALLERS = {
    "forward": (".derivative_of_own_forward",),
    "propagate": (".evaluate.answers", ".evaluate.types", ".evaluate.values", ".of_own_loss", ".changes_nothing"),
    "evaluate": (".of_own_loss", ".changes_nothing"),
}


def with_methods(cls: str, changes: Mapping[str, object]) -> dict[str, type]:
    """The textbook's classes with some methods of one in others' hands."""
    return {**plain.CLASSES, cls: type(cls, (plain.CLASSES[cls],), dict(changes))}


@cache
def concerned(subject: str) -> tuple[str, ...]:
    """The checks of a method, and those about others that look at its answer: nobody else can be blamed for it."""
    cls, _, method = subject.partition(".")
    calls = _CALLERS.get(method, ())
    return tuple(
        check.id
        for check in CHECKS.values()
        if check.subject == subject or (check.subject.startswith(f"{cls}.") and check.id.endswith(calls))
    )


class Unexplained(LabExamination):
    """An examination whose findings have the mistake that the check itself sees, or none.

    Nothing is compared with the known mistakes, which takes a second for each failure: for tests of who fails.
    """

    def explained(self, check: Check, violation: Violation) -> tuple[Violation, str | None]:
        return Examination.explained(self, check, violation)


def examined(classes: Mapping[str, type], names: Iterable[str], *, explained: bool = True) -> list[Finding]:
    """The findings of these checks and of those that they depend on, in order.

    If all names are of one method, only its own checks can excuse a failure. ``explained`` says whether failures are
    compared with the known mistakes.
    """
    names = tuple(names)
    methods = {name.rpartition(".")[0] for name in names}
    keys = {name.partition(".")[0] for name in names}
    pattern = f"{methods.pop()}.*" if len(methods) == 1 else f"{keys.pop()}.*" if len(keys) == 1 else "*"
    missing = {name: f"there is no class {name}" for name in plain.CLASSES if name not in classes}
    kind = LabExamination if explained else Unexplained
    examination = kind(InProcess(classes, missing), "x", only=pattern, effort="quick")
    for name in names:
        examination.finding(name)
    return [examination.finding(name) for name in CHECKS if name in examination._findings]


def names(mistake: Mistake, finding: Finding) -> set[str]:
    """The words under which a finding may tell of the mistake.

    One number for all losses has a wrong shape as well, and the check of shapes comes first.
    """
    one_number = {"averaged-over-batch", "summed-over-batch"} & set(mistake.words)
    losses = ("cross_entropy.forward.types", "logits.forward.types")
    return {*mistake.words, "wrong-shape"} if one_number and finding.check in losses else set(mistake.words)
