"""The wrong codings of a second hand are wrong: each of them fails a check of its own method."""

from __future__ import annotations

import pytest

from reference.execution.in_process import InProcess
from reference.lab.checks.catalogue import all_checks
from reference.lab.mistakes import plain
from reference.lab.second_hand import CODINGS, Coding
from reports.study.bench.second_hand import subjects_of
from tests.examining import Unexplained

pytestmark = pytest.mark.catalogue


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding.name)
def test_a_coding_of_a_second_hand_is_caught(coding: Coding) -> None:
    """By a check of a method that it writes anew."""
    missing = {name: f"there is no class {name}" for name in plain.CLASSES if name not in coding.classes}
    examination = Unexplained(InProcess(coding.classes, missing), "x", effort="quick")
    own = [each.id for each in all_checks() if {each.subject, each.subject.partition(".")[0]} & subjects_of(coding)]
    assert any(examination.finding(each).status == "failed" for each in own)
