"""Points: by a scheme in TOML, with partial credit by method, and in the formats of course platforms."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from reference.lab.check import checks_of
from reference.wording import fact
from reports.course import feedback, gradebooks, summary
from reports.course.entry import Entry, entry_of, problem_of
from reports.course.page import _cell_of_points, page
from reports.io.exit_codes import UsageError
from reports.verdicts import expectations, json_
from reports.verdicts.expectations import Expectation
from reports.verdicts.gradescope import gradescope
from reports.verdicts.points import PRESETS, Scheme, credited, load
from tests.judgements import BATCH_WIDE, COMMAND, FORBIDDEN, HOSTILE, SUMMED, failing, hostile, judged
from tests.submissions import MARKS, outcome

pytestmark = MARKS

LAB = load(Path("lab"), 3)
EVERY = {each.id for each in checks_of("*", 3)}


def scheme(folder: Path, text: str) -> Scheme:
    (folder / "p.toml").write_text(text, encoding="utf-8")
    return load(folder / "p.toml", 3)


def test_the_labs_points_are_5_2_5_for_every_check_once() -> None:
    """The preset gives a right submission 5 + 2 + 5, and each check of the lab belongs to one of its parts."""
    assert [each.points for each in LAB.parts] == LAB.earned(EVERY) == [5, 2, 5]
    found = [check for part in LAB.parts for _, checks in part.methods.values() for check in checks]
    assert sorted(found) == sorted(EVERY)
    assert LAB.total(()) == 0
    assert [each.points for each in load(Path("lab"), 1).parts] == [5]


def test_a_method_earns_its_share_by_weight(tmp_path: Path) -> None:
    """A method counts if all its checks pass; its weight says how much; with credit "check" a share of them counts."""
    text = '[[part]]\npoints = 8\nchecks = ["relu.*"]\nweights = {"ReLULayer.forward" = 3, "*.has_params" = 0}\n'
    relu = {each for each in EVERY if each.startswith("relu.")}
    whole = scheme(tmp_path, text)
    assert whole.total(relu) == 8
    assert whole.total(relu - {"relu.forward.values"}) == 8 * 2 / 5  # the class and delta, of weight 1 each, are left
    assert whole.total(relu - {"relu.has_params"}) == 8
    partly = scheme(tmp_path, text + 'credit = "check"\n')
    assert whole.total(relu - {"relu.forward.values"}) < partly.total(relu - {"relu.forward.values"}) < 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "TOML"),
        ("a = 1", r"\[\[part\]\]"),
        ("[[part]]\npoints = 1", "expected points and checks"),
        ('[[part]]\npoints = -1\nchecks = ["*"]', "at least 0"),
        ('[[part]]\npoints = true\nchecks = ["*"]', "at least 0"),
        ('[[part]]\npoints = 1\nchecks = "*"', "list of patterns"),
        ('[[part]]\npoints = 1\nchecks = ["rleu.*"]', "no check matches 'rleu"),
        ('[[part]]\npoints = 1\nchecks = ["*"]\ncredit = "all"', "one of method, check"),
        ('[[part]]\npoints = 1\nchecks = ["*"]\nweights = {"*" = "2"}', "the weight of"),
        ('[[part]]\npoints = 1\nchecks = ["*"]\nweight = 2', "expected points and checks"),
    ],
)
def test_a_wrong_scheme_is_wrong_usage(tmp_path: Path, text: str, said: str) -> None:
    """What is no scheme is refused before anything is judged, with what was expected."""
    with pytest.raises(UsageError, match=said):
        scheme(tmp_path, text)


def entries() -> list[Entry]:
    return [
        entry_of("Ann Åse_11_assignsubmission_file_", judged()),
        entry_of("Bob_12_assignsubmission_file_hw.zip", judged(BATCH_WIDE, SUMMED)),
        Entry("Cy_13_assignsubmission_file_x.rar", "not judged", problem="is a .rar archive"),
        problem_of("=1+1", "a fault"),
        Entry("doe_LATE_14_99_hw.zip", "fail", problem="there is no Python file"),
    ]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_table_has_a_row_for_everybody() -> None:
    """Who was not judged has a row without points; who was has the sum of the parts."""
    right, wrong, unjudged, fault, empty = rows(summary.as_csv(entries(), LAB))
    assert (float(right["points"]), float(right["points_possible"])) == (12, 12)
    parts = [float(wrong[part.title]) for part in LAB.parts]
    assert abs(sum(parts) - float(wrong["points"])) <= 0.015
    assert 0 < float(wrong["points"]) < 12
    assert unjudged["points"] == fault["points"] == ""
    assert float(empty["points"]) == 0
    listed = json.loads(summary.as_json(entries(), LAB))["submissions"]
    assert [each["points"] and each["points"]["total"] for each in listed][2:] == [None, None, 0]


def test_moodle_finds_the_participants() -> None:
    """The worksheet has Moodle's columns and its numbers; nothing in it is a formula."""
    found = rows(gradebooks.as_moodle(entries(), LAB))
    assert [each["Identifier"] for each in found] == [f"Participant {n}" for n in (11, 12, 13)] + ["", ""]
    assert found[0]["Full name"] == "Ann Åse"
    assert [each["Grade"] for each in found][2:] == ["", "", "0"]
    assert found[3]["Full name"] == "'=1+1"
    assert ".rar" in found[2]["Feedback comments"]
    # Moodle refuses a worksheet without this column; nobody has a grade yet.
    assert {each["Last modified (grade)"] for each in found} == {""}


def test_a_student_has_one_row_the_best(tmp_path: Path) -> None:
    """Of several entries of one student, as Moodle gives a text beside a file, the best one is written, once."""
    first, *others = entries()
    text = Entry("Ann Åse_11_assignsubmission_onlinetext_", "fail", problem="there is no Python file in it")
    late = replace(first, name="doe_LATE_14_8_hw.zip")
    both = [first, text, *others, late]
    found = rows(gradebooks.as_moodle(both, LAB))
    assert [each["Grade"] for each in found if each["Identifier"] == "Participant 11"] == ["12"]
    assert [each["sheet"] for each in rows(gradebooks.as_canvas(both, LAB, "sheet")) if each["ID"] == "14"] == ["12"]
    with zipfile.ZipFile(io.BytesIO(feedback.as_zip(both, {}))) as archive:
        assert len([name for name in archive.namelist() if "_11_" in name]) == 1


def test_who_has_no_number_is_told() -> None:
    """Names that are not of the platform's download are told, since the platform passes them over without a word."""
    said = gradebooks.without_number(entries(), "moodle")
    assert said is not None
    assert "2 of 5 rows" in said
    assert gradebooks.without_number(entries()[:3], "moodle") is None


def test_canvas_gets_the_points_possible_and_the_users() -> None:
    """The gradebook has Canvas's columns in their order, the points possible, and the user's number where it is."""
    text = gradebooks.as_canvas(entries(), LAB, "hw 1")
    assert text.splitlines()[0] == "Student,ID,SIS User ID,SIS Login ID,Section,hw 1"
    possible, *found = rows(text)
    assert (possible["Student"].strip(), possible["hw 1"]) == ("Points Possible", "12")
    assert (found[4]["Student"], found[4]["ID"], found[4]["hw 1"]) == ("doe", "14", "0")


def test_feedback_has_a_file_for_everybody_named_as_moodle_wants(tmp_path: Path) -> None:
    """The zip has each student's page where Moodle looks for it, and a page with the reason for those without one."""
    mine = tmp_path / "bob.html"
    mine.write_text("<p>Bob's", encoding="utf-8")
    content = feedback.as_zip(entries(), {entries()[1].name: mine})
    assert content == feedback.as_zip(entries(), {entries()[1].name: mine})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        assert names[0] == "Ann Åse_11_assignsubmission_file_/feedback.html"
        assert names[1] == "Bob_12_assignsubmission_file_feedback.html"
        assert len(names) == len(set(names)) == len(entries())
        assert archive.read(names[1]) == b"<p>Bob's"
        assert b"is a .rar archive" in archive.read(names[2])


def test_the_page_shows_the_distribution_of_points() -> None:
    """The page on the class has a row of the table and an interval of points for each submission that was judged."""
    text = page(entries(), {}, LAB)
    assert "on average" in text
    assert '<button type="button">points</button>' in text
    assert "on average" not in page(entries(), {})


def test_points_are_sorted_as_numbers() -> None:
    """What a browser compares by its groups of digits, the keys of the points, has the order of the points."""
    points = (0.0, 5.05, 10.33, 10.5, 10.57, 12.0)
    keys = [_cell_of_points(each).partition('data-key="')[2].partition('"')[0] for each in points]
    groups = [[int(group) for group in key.split(".")] for key in keys]
    assert sorted(groups) == groups


def test_what_is_not_judged_for_another_reason_costs_nothing() -> None:
    """A check that is skipped without a failure counts as held; one that stands on one, or a known one, does not."""
    judgement = judged()
    skipped = replace(judgement.findings[-1], status="skipped", came=fact("absent", said="no time was left"))
    found = (*judgement.findings[:-1], skipped)
    assert LAB.total(credited(found)) == 12
    assert LAB.total(credited((skipped,))) == 0
    blocked = replace(skipped, came=fact("depends", names=("relu.made",)))
    assert LAB.total(credited((*judgement.findings[:-1], blocked))) < 12
    known = [Expectation(each.check, "later") for each in failing().findings if each.status == "failed"]
    accepted = expectations.apply(known, failing())
    assert LAB.total(credited(accepted.findings)) == LAB.total(credited(failing().findings)) < 12


def test_gradescope_gets_scores_that_add_up() -> None:
    """results.json has the fields that Gradescope documents: scores up to the most, and a status for each test."""
    found = json.loads(gradescope(failing(), LAB))
    assert set(found) == {
        "score", "execution_time", "output", "output_format", "visibility", "stdout_visibility", "tests",
    }  # fmt: skip
    assert found["score"] == pytest.approx(sum(each["score"] for each in found["tests"]), abs=0.01)
    assert sum(each["max_score"] for each in found["tests"]) == pytest.approx(12, abs=0.01)
    for each in found["tests"]:
        assert 0 <= each["score"] <= each["max_score"]
        assert each["status"] == ("passed" if each["score"] else "failed")
        assert each["output_format"] == "text"
        assert each["visibility"] == "visible"
        assert each["output"]


def test_nothing_hostile_gets_into_gradescopes_file() -> None:
    """What a submission says is text: no control characters, no command of a CI service."""
    text = gradescope(hostile(), LAB)
    assert not FORBIDDEN.search(text)
    assert not COMMAND.search(text)
    assert HOSTILE


def test_json_has_points_only_where_they_are_asked_for() -> None:
    """The field is optional: a verdict without a scheme is what it was."""
    assert "points" not in json.loads(json_.json(judged()))
    found = json.loads(json_.json(judged(), LAB))["points"]
    assert (found["total"], found["of"], len(found["parts"])) == (12, 12, 3)


@pytest.mark.parametrize(
    "argv",
    [
        ["--all", ".", "--moodle", "m.csv"],
        ["a.py", "--points", "lab", "--only", "relu"],
        ["a.py", "--points", "lab", "--first"],
        ["a.py", "--points", "nothing.toml"],
        ["a.py", "--moodle", "m.csv", "--points", "lab"],
        ["--all", ".", "--feedback", "f.zip"],
        ["--all", ".", "--gradescope", "r.json"],
    ],
)
def test_points_without_what_they_need_are_wrong_usage(elsewhere: Path, argv: list[str]) -> None:
    """A table without points, or points where not all checks are made, is refused before any work."""
    Path("a.py").write_text("", encoding="utf-8")
    assert outcome(*argv) == 2


def test_presets_are_files_of_ours() -> None:
    """Each preset is shipped."""
    assert all(path.is_file() for path in PRESETS.values())
