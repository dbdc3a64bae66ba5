"""For each check: a right implementation that passes it, and a wrong one, named after it, that fails it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.checks.catalogue import Check, all_checks
from reference.exam import Exam
from reference.findings import Finding, Violation
from reference.mistakes import plain
from reference.network import SHAPES, question_of
from reference.oracles import ball
from reference.session import InProcess
from reference.verdict import Examination
from tests.comparing import needs_flint
from tests.saboteurs import SABOTEURS
from tests.words import assert_kept

pytestmark = [needs_flint, pytest.mark.catalogue]

CHECKS = {check.id: check for check in all_checks()}
OF_MESSAGES = [
    name
    for name in CHECKS
    if not name.startswith("mlp.") and name.rpartition(".")[2] in SABOTEURS and name.count(".") > 1
]
OF_CLASSES = [name for name in CHECKS if name.endswith((".made", ".has_params"))]
#: Checks that fail for somebody here; for the others there are known mistakes.
SABOTAGED = frozenset(OF_MESSAGES) | frozenset(OF_CLASSES)


def examination(classes: dict[str, type], only: str) -> dict[str, Finding]:
    return {each.check: each for each in Examination(InProcess(classes, {}), "x", only=only, effort="quick")}


@functools.cache
def right() -> dict[str, Finding]:
    return examination(plain.CLASSES, "*")


def sabotaged(subject: str, promise: str) -> dict[str, type]:
    cls, _, method = subject.partition(".")
    wrong = SABOTEURS[promise](getattr(plain.CLASSES[cls], method))
    return {**plain.CLASSES, cls: type(cls, (plain.CLASSES[cls],), {method: wrong})}


@pytest.mark.parametrize("name", CHECKS)
def test_right_implementation_passes(name: str) -> None:
    """The textbook's layers are right."""
    finding = right()[name]
    assert finding.status == "passed", str(finding)


@pytest.mark.parametrize("name", OF_MESSAGES)
def test_broken_promise_is_seen(name: str) -> None:
    """The check itself sees it, whatever others do."""
    check = CHECKS[name]
    classes = sabotaged(check.subject, name.rpartition(".")[2])
    with pytest.raises(Violation):
        check.run(Exam(InProcess(classes, {}), ball, "x", effort="quick"))


@pytest.mark.parametrize("name", OF_MESSAGES)
def test_broken_promise_is_told_of_the_right_method(name: str) -> None:
    """In a whole examination the right method has a failure, and no other method has one."""
    check = CHECKS[name]
    classes = sabotaged(check.subject, name.rpartition(".")[2])
    key = name.partition(".")[0]
    failed = [each for each in examination(classes, f"{key}.*").values() if each.status != "passed" and each.expected]
    assert failed
    assert {each.subject for each in failed} == {check.subject}
    assert_kept("broken promises", name, failed)


def test_gradient_of_own_loss_keeps_off_kinks() -> None:
    """The questions of this seed have a unit at 0.002, which moves by more than that: it must not count as wrong."""
    found = Examination(
        InProcess(plain.CLASSES, {}), "x", only="mlp.gradient.of_own_loss", effort="quick", seed=1702898747
    )
    assert [each.status for each in found if each.check == "mlp.gradient.of_own_loss"] == ["passed"]


@given(seed=st.integers(0, 2**31), compound=st.booleans(), t=st.floats(-1, 1))
def test_kink_free_is_free_of_kinks(seed: int, compound: bool, t: float) -> None:
    """Within it every unit keeps its sign; far beyond it some unit does not, so that it is not needlessly small."""
    question = question_of(Exam(InProcess({}, {}), ball, "x", seed=seed), SHAPES[-2], compound=compound)
    rng = np.random.RandomState(seed % 2**32)
    directions = [rng.randn(*part.shape) for part in question.theta]
    within = question.kink_free(directions)

    def signs(t: float) -> list[bool]:
        X, found = question.X, []
        moved = [part + t * d for part, d in zip(question.theta, directions, strict=True)]
        for W, b in zip(moved[:-2:2], moved[1:-2:2], strict=True):
            X = X @ W + b
            found += (X > 0).ravel().tolist()
            X = np.maximum(X, 0)
        return found

    assert signs(t * within) == signs(0)
    assert any(signs(times * within) != signs(0) for side in (-1, 1) for times in side * 2.0 ** np.arange(12))


def wrong_for_class(check: Check) -> dict[str, type]:
    cls = check.subject.partition(".")[0]

    def made(self: Any, name: str, *more: Any) -> None:
        raise TypeError("expected a number")

    broken = {"made": {"__init__": made}, "has_params": {"has_params": lambda self: cls != "LinearLayer"}}
    return {**plain.CLASSES, cls: type(cls, (plain.CLASSES[cls],), broken[check.id.rpartition(".")[2]])}


@pytest.mark.parametrize("name", OF_CLASSES)
def test_broken_class_is_seen(name: str) -> None:
    """A class that cannot be made, and one that says the wrong thing of its parameters."""
    finding = examination(wrong_for_class(CHECKS[name]), name)[name]
    assert finding.status == "failed"
    assert finding.subject == CHECKS[name].subject
    assert_kept("broken classes", name, [finding])
