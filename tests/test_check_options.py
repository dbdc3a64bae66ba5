"""An examination is made as it was asked for, and each of its checks can be a test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from reference.engine import Check
from reference.findings import Finding
from reference.lab import check
from reference.lab.mistakes import plain

pytestmark = pytest.mark.catalogue


class Asked(list[Finding]):
    """An examination that only tells with what it was made."""

    made: ClassVar[list[Any]] = []
    outcome: ClassVar[Finding] = Finding("relu.made", "ReLULayer", "passed", "It can be made.")

    def __init__(self, executor: Any, name: str, **options: Any) -> None:
        super().__init__()
        self.made.append((set(executor._classes), name, options))
        self.checks = [Check(name, "ReLULayer", "", lambda _: None) for name in ("relu.made", "relu.other")]

    def finding(self, name: str) -> Finding:
        return replace(self.outcome, check=name)


USUAL = {"assignment": 3, "only": "*", "seed": 0, "effort": "normal"}
OTHERS = {"assignment": 1, "only": "relu.*", "seed": 5, "effort": "exhaustive"}


@pytest.mark.parametrize("examine", [check.check, check.parametrize_with_checks])
@pytest.mark.parametrize("options", [{}, OTHERS])
def test_an_examination_is_made_as_it_was_asked_for(
    examine: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the usual options where none are given: all checks of the third assignment, with no small effort."""
    monkeypatch.setattr(check, "LabExamination", Asked)
    Asked.made.clear()
    given = {"ReLULayer": plain.ReLULayer}
    examine(given, **options)
    assert Asked.made == [({"ReLULayer"}, "a mapping", {"classes": given, **(options or USUAL)})]


@pytest.mark.parametrize(
    ("status", "outcome", "said"),
    [
        ("passed", None, ""), ("skipped", pytest.skip.Exception, "^why$"),
        ("failed", pytest.fail.Exception, "^relu.other: failed"), ("error", pytest.fail.Exception, "error: why$"),
    ],
)  # fmt: skip
def test_a_test_ends_as_its_check(status: Any, outcome: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words of its own finding: one test for each check, of which each has the check's name."""
    monkeypatch.setattr(check, "LabExamination", Asked)
    monkeypatch.setattr(Asked, "outcome", replace(Asked.outcome, status=status, actual="why"))
    mark = check.parametrize_with_checks({"ReLULayer": plain.ReLULayer}).mark  # type: ignore[attr-defined]
    names, parameters = mark.args
    assert (names, [each.id for each in parameters]) == ("check", ["relu.made", "relu.other"])
    (judge,) = parameters[1].values
    if outcome is None:
        judge()
        return
    with pytest.raises(outcome, match=said) as caught:
        judge()
    assert status == "skipped" or not caught.value.pytrace


def test_a_skipped_check_may_have_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the test is skipped all the same."""
    monkeypatch.setattr(check, "LabExamination", Asked)
    monkeypatch.setattr(Asked, "outcome", replace(Asked.outcome, status="skipped"))
    mark = check.parametrize_with_checks({"ReLULayer": plain.ReLULayer}).mark  # type: ignore[attr-defined]
    (judge,) = mark.args[1][0].values
    with pytest.raises(pytest.skip.Exception, match=r"^$"):
        judge()
