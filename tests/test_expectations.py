"""``bp check --expect`` accepts known failures, each with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.io.exit_codes import FAILED, OK, USAGE
from tests.submissions import LEAKY, MARKS, RELU, RIGHT, outcome, submission

pytestmark = MARKS


def expect(text: str) -> list[str]:
    Path("known.toml").write_text(text, encoding="utf-8")
    return ["--expect", "known.toml"]


@pytest.mark.parametrize(
    "table", ['["relu.forward.values"]', "[relu.forward.values]", '["relu.forward.*"]', '["relu.*.val?es"]']
)
def test_expected_failure_is_accepted(table: str) -> None:
    """With an expected failure the run passes, and every output shows the failure and the reason."""
    known = expect(f'{table}\nreason = "leaky on purpose"')
    only = ("--effort", "quick", "--only", "relu.forward.values")
    assert outcome(submission(LEAKY), *only, *known, "--json", "v.json", "--junit", "v.xml") == OK
    verdict = json.loads(Path("v.json").read_text("utf-8"))
    (told,) = (each for each in verdict["checks"] if each["id"] == "relu.forward.values")
    assert verdict["verdict"] == "pass"
    assert told["status"] == "skipped"
    assert told["actual"].startswith("fails, as expected: leaky on purpose (got ")
    assert "leaky on purpose" in Path("v.xml").read_text("utf-8")


def test_other_failures_still_fail() -> None:
    """An expectation accepts no failure but those that it names."""
    known = expect('["relu.forward.values"]\nreason = "leaky on purpose"')
    source = LEAKY.replace("delta_next * (Y > 0)", "2 * delta_next * (Y > 0)")
    assert source != LEAKY
    assert outcome(submission(source), *RELU, *known) == FAILED


def test_stale_expectation_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """An expectation whose check passes is a failure, which says to take it out of the file."""
    known = expect('["relu.forward.values"]\nreason = "leaky on purpose"')
    assert outcome(submission(RIGHT), *RELU, *known) == FAILED
    assert "it passes: take the expectation out of the file" in " ".join(capsys.readouterr().out.split())


def test_expectation_of_no_check_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """An expectation that names no check is a failure, because its id may be misspelled."""
    known = expect('["relu.forwards.values"]\nreason = "leaky on purpose"')
    assert outcome(submission(RIGHT), *RELU, *known) == FAILED
    assert "there is no such check" in " ".join(capsys.readouterr().out.split())


def test_what_was_not_judged_is_not_stale() -> None:
    """An expectation holds if its check was left out by --only, or skipped."""
    known = expect('["linear.forward.values"]\nreason = "of another class"')
    assert outcome(submission(RIGHT), *RELU, *known) == OK
    skipped = '["relu.forward.values"]\nreason = "leaky"\n["relu.forward.small_sizes"]\nreason = "follows from it"'
    only = ("--effort", "quick", "--only", "relu.forward.small_sizes")
    assert outcome(submission(LEAKY), *only, *expect(skipped)) == OK


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('["relu.forward.values"]', "to have a reason"),
        ('["relu.forward.values"]\nreason = " "', "to have a reason"),
        ('["relu.forward.values"]\nreason = 3', "to have a reason"),
        ('["relu.forward.values"]\nreason = "x"\nuntil = "May"', "got until"),
        ('reason = "x"', "expected a table for each check"),
        ("[relu.*]", "known.toml"),
    ],
)
def test_expectations_that_are_none(capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    """An expectation without a reason is refused before anything is judged."""
    assert outcome(submission(RIGHT), *expect(text)) == USAGE
    assert said in capsys.readouterr().err
