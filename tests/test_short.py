"""The short report on a terminal: few lines, and the last ones say what to mend first and how to check just that."""

from __future__ import annotations

import io
import json
import shlex
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from reference import Judgement
from reports.cli import main
from reports.course.entry import Entry, Failure, problem_of
from reports.course.junit import as_junit
from reports.io.exit_codes import FAILED
from reports.verdicts import expectations, terminal
from reports.verdicts.expectations import Expectation
from reports.verdicts.short import to_mend
from tests.judgements import HOSTILE, failing, hostile, judged, with_error
from tests.submissions import COURSE, LEAKY, MARKS, RELU, RIGHT, hand_in, outcome

pytestmark = MARKS


def said(judgement: Judgement, path: str | None = "hw.py", width: int = 100) -> list[str]:
    stream = io.StringIO()
    terminal(judgement, Console(file=stream, width=width), full=False, path=path)
    return stream.getvalue().splitlines()


def test_a_right_submission_takes_ten_lines() -> None:
    """A line for each class, how it was judged, and the verdict with the counts."""
    lines = said(replace(judged(), notes=(), output=""))
    assert len(lines) == 10
    assert lines[-1].startswith("PASS submission: everything holds (")


def test_the_last_line_is_the_command_for_what_to_mend_first() -> None:
    """It makes the first failed check alone, of the path as it was given, with the same cases."""
    judgement = failing()
    first = to_mend(judgement)
    assert first is not None
    assert first.status == "failed"
    *_, mend, run = said(replace(judgement, effort="normal"), "my hw.py")
    assert first.subject in mend
    assert first.check in mend
    words = shlex.split(run.removeprefix("then run    "))
    assert words == ["bp", "check", "my hw.py", "--only", first.check, "--seed", str(judgement.seed)]
    assert said(judgement, None)[-1].startswith("then run    bp check --only ")


def test_a_wrong_submission_takes_about_sixty_lines() -> None:
    """However much is wrong, the report fits; each class that fails is named, with its first failure."""
    assert len(said(judged(gone="SoftmaxLayer"))) <= 60
    lines = said(failing())
    assert len(lines) <= 60
    wrong = {each.subject.partition(".")[0] for each in failing().findings if each.status == "failed"}
    assert sum(line.startswith("FAIL ") for line in lines) == len(wrong) + 1  # the last one is the verdict


def test_what_was_not_judged_and_what_was_expected_is_told() -> None:
    """An error of the examiner's, an accepted failure, and the reasons where nothing failed are in the short report."""
    assert any("the examiner's own fault, no verdict" in line for line in said(with_error()))
    known = [Expectation(each.check, "comes later") for each in failing().findings if each.status == "failed"]
    assert any("failed as expected: " in line for line in said(expectations.apply(known, failing())))


def test_no_hostile_text_gets_through() -> None:
    """What a submission says is shown and not interpreted, in the command too."""
    text = "\n".join(said(hostile(), HOSTILE[0]))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_first_stops_at_the_first_failure(elsewhere: Path) -> None:
    """With --first no check is made after the first one that fails."""
    hand_in(elsewhere, a=LEAKY)
    assert outcome("a.py", *RELU, "--first", "--json", "v.json") == FAILED
    statuses = [each["status"] for each in json.loads(Path("v.json").read_text("utf-8"))["checks"]]
    assert statuses[-1] == "failed"
    assert statuses.count("failed") == 1


def test_a_wrong_option_suggests_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    """An option that there is not is wrong usage, and the nearest one is named."""
    with pytest.raises(SystemExit, match="2"):
        main(["check", "--jsn", "x"])
    assert "did you mean --json?" in capsys.readouterr().err


def test_a_course_is_written_as_a_page_and_as_junit(elsewhere: Path) -> None:
    """With --all, --html writes the page on the course, and --junit a test case for each submission."""
    hand_in(elsewhere / "course", a=RIGHT, b=LEAKY)
    assert outcome(*COURSE, "--html", "c.html", "--junit", "c.xml") == FAILED
    assert "b.py" in Path("c.html").read_text("utf-8")
    cases = ET.parse("c.xml").getroot().iter("testcase")  # noqa: S314 - our own file
    assert {case.get("name"): [part.tag for part in case] for case in cases} == {"a.py": [], "b.py": ["failure"]}


def test_junit_of_a_course_is_red_for_those_not_judged() -> None:
    """Who is not judged is an error in JUnit: a CI service must not show that as passed."""
    entries = [Entry("a", "pass"), Entry("b", "not judged", problem="is encrypted"), problem_of("c", "a fault")]
    entries.append(Entry("d", "fail", failed=(Failure("relu.made", "ReLULayer", None),)))
    root = ET.fromstring(as_junit(entries))  # noqa: S314 - our own text
    assert {name: root.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "4", "failures": "1", "errors": "2",
    }  # fmt: skip
