"""What a finding says of itself, and what is drawn from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference.engine.evidence import evidence_of
from reference.findings import Evidence, Finding, Findings, Violation
from reference.lab.cases import Case
from reference.lab.contract import MESSAGES, Expected
from reference.lab.formatting import most_telling, point_of
from reference.numerics.estimate import Estimate
from reference.wording import fact

FAILED = Finding("softmax.forward.values", "SoftmaxLayer.forward", "failed", "It is right.", "Y = 1", "Y = 2")
SAID = "\n  SoftmaxLayer.forward: It is right.\n  expected Y = 1\n  got      Y = 2"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, SAID),
        (
            {"counterexample": {"X": [[1.0]], "T": [2]}, "mistake": "sign", "hint": "Look again."},
            SAID
            + "\n  for      X = [[1.0]], T = [2]"
            + "\n  mistake  sign: the answer, or a number on the way to it, has the wrong sign\n  hint     Look again.",
        ),
        ({"status": "passed", "hint": "Look again."}, ""),
        ({"status": "skipped", "actual": "flint is absent", "hint": "Look again."}, ": flint is absent"),
        ({"status": "error", "actual": "TypeError"}, ": TypeError"),
    ],
)
def test_finding_as_a_text(changes: dict[str, Any], text: str) -> None:
    """What a person needs of it, and nothing that is not there."""
    finding = replace(FAILED, **changes)
    assert str(finding) == f"softmax.forward.values: {finding.status}{text}"


def test_violation_as_a_text() -> None:
    """What was promised, and what came."""
    assert str(Violation(fact("number", value=1), fact("zeros"))) == "expected 1.0, got zeros"


def test_evidence_is_of_what_can_be_looked_at() -> None:
    """Up to 400 entries: the arrays, and what they may be off by rounding and by the oracle's error."""
    estimate = Estimate(np.full((20, 20), 2.0), np.full((20, 20), 0.25))
    found = evidence_of("Y", np.ones((20, 20)), estimate, np.full((20, 20), 0.5))
    assert found is not None
    assert (found.name, found.actual[0][0], found.expected[0][0], found.allowed[0][0]) == ("Y", 1.0, 2.0, 0.75)
    many = Estimate(np.zeros(401), np.zeros(401))
    assert evidence_of("Y", np.zeros(401), many, np.zeros(401)) is None


def answer(*parts: tuple[Any, Any, Any]) -> Expected:
    truth = tuple(Estimate(np.array(value, float), np.array(error, float)) for value, error, _ in parts)
    return Expected(truth, tuple(np.array(bound, float) for *_, bound in parts))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.subject)
def test_points_of_a_trend_are_about_logits(message: Any) -> None:
    """The largest logit, and the error and its bound where the error is farthest beyond it; NaN is farther still."""
    given = answer(([[1.0, 5.0]], [[0.25, 0.0]], [[0.25, 4.0]]))
    actual = (np.array([[2.0, 8.0]]),)
    case = Case({"X": np.array([[-30.0, 7.0]])}, {})
    told = message.key in {"softmax", "logits"}
    assert point_of(message, case, actual, given) == ([(30.0, 1.0, 0.5)] if told else [])
    of_outputs = Case({"X": np.array([[1.0]])}, {}, np.array([[3.0, -4.0]]))
    assert point_of(message, of_outputs, actual, given) == ([(4.0, 1.0, 0.5)] if told else [])
    assert point_of(message, Case({"Y": np.array([[1.0]])}, {}), actual, given) == []
    ((_, error, allowed),) = (
        point_of(message, case, (np.array([[9.0, np.nan]]),), given) if told else [(0, np.nan, 4.0)]
    )
    assert np.isnan(error)
    assert allowed == 4.0


def test_points_are_of_huge_numbers_too() -> None:
    """An error beyond all doubles is infinite."""
    softmax = next(message for message in MESSAGES if message.key == "softmax")
    case = Case({"X": np.array([[1.0]])}, {})
    given = answer(([-1.7e308], [0.0], [1.0]))
    assert point_of(softmax, case, (np.array([1.7e308]),), given) == [(1.0, np.inf, 1.0)]


def test_most_telling_is_the_largest() -> None:
    """With the trend over all questions; nothing where there is nothing to see."""
    small, large = (Evidence("Y", [[1.0] * n], [[2.0] * n], [[0.5] * n]) for n in (1, 3))
    trend = [(1.0, 2.0, 3.0)]
    found = most_telling([None, small, large, small], trend)
    assert found == replace(large, trend=((1.0, 2.0, 3.0),))
    assert most_telling([None], trend) is None
    assert most_telling([], trend) is None


def many(*statuses: Any) -> Findings:
    return Findings(replace(FAILED, check=f"a.b.c{number}", status=status) for number, status in enumerate(statuses))


def test_findings_print_themselves_in_twenty_lines() -> None:
    """However many fail: the first in full, then the others in a line each, then how many more, then the counts."""
    findings = many(*["passed"] * 3, *["failed"] * 50, "error", *["skipped"] * 40)
    lines = str(findings).splitlines()
    assert len(lines) <= 20
    assert "\n".join(lines[: len(str(FAILED).splitlines())]) == str(findings.failed[0])
    assert "and 36 more" in lines
    assert lines[-1] == "3 passed, 50 failed, 1 error, 40 skipped"
    assert repr(findings) == str(findings)


def test_reasons_for_skips_are_told_once() -> None:
    """Where nothing failed; otherwise only the counts tell of skipped checks."""
    findings = many("passed", "skipped", "skipped")
    assert str(findings).splitlines() == ["2 checks skipped: Y = 2", "1 passed, 2 skipped"]


def test_long_lines_are_cut() -> None:
    """What came may be a whole array."""
    findings = Findings([replace(FAILED, actual="1" * 10_000)])
    assert max(map(len, str(findings).splitlines())) < 500


def test_notebooks_show_a_picture_of_the_wrong_entries() -> None:
    """Red is what rounding does not explain; a NaN is red."""
    evidence = Evidence("Y", [[1.0, float("nan")], [3.0, 4.0]], [[1.0, 2.0], [3.0, 5.0]], [[0.0, 0.0], [0.0, 0.5]])
    page = Findings([replace(FAILED, evidence=evidence)])._repr_html_()
    assert page.count("background:#b3261e") == 2
    assert page.count("background:#1a7f37") == 2
    assert "expected 5.0, got 4.0" in page
