"""A whole course, in every form in which people hand in, is judged in one command, and nobody is lost."""

from __future__ import annotations

import csv
import resource
from pathlib import Path

import pytest

from reports.io.exit_codes import FAILED
from tests.course_of_sixty import make
from tests.submissions import MARKS, outcome

pytestmark = MARKS


def verdicts(path: str) -> dict[str, dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def test_odd_and_honest_hand_ins_are_judged_for_what_they_compute(elsewhere: Path) -> None:
    """Encodings, dataclasses, properties, prints, absent packages, archives and notebooks: all of them pass."""
    due = make(elsewhere / "course", everything=False)
    only = ["--only", "relu.made,linear.made", "--effort", "quick"]
    assert outcome("--all", "course", "-j", "2", *only, "--csv", "t.csv") == FAILED  # since some cannot be opened
    assert {name: row["verdict"] for name, row in verdicts("t.csv").items()} == due


@pytest.mark.measure
def test_a_course_of_sixty_is_judged_in_one_command(elsewhere: Path) -> None:
    """All checks, with points, pages and feedback; it prints the processor time of one submission."""
    due = make(elsewhere / "course")
    assert len(due) >= 60
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    argv = ["--all", "course", "-j", "2", "--effort", "quick", "--points", "lab", "--csv", "t.csv"]
    assert outcome(*argv, "--reports", "out", "--feedback", "f.zip", "--moodle", "m.csv") == FAILED
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(  # noqa: T201 - the measurement
        f"{len(due)} submissions: {spent:.0f} s of processor time, {spent / len(due):.2f} s each"
    )
    found = verdicts("t.csv")
    assert {name: row["verdict"] for name, row in found.items()} == due
    for name, row in found.items():
        assert row["points"] == ("12.0" if due[name] == "pass" else "" if due[name] == "not judged" else row["points"])
        assert due[name] != "fail" or float(row["points"]) < 12
