"""``bp check --all --resume`` uses the verdicts that it has written for this very course, and no others."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from reports.commands import check_course
from reports.course import record
from reports.course.entry import Entry
from reports.course.record import record_path
from reports.course.seal import Seal, seal_in
from reports.course.submissions import digest_of
from reports.course.task import Result, Task
from reports.io.exit_codes import FAILED, OK, USAGE
from tests.submissions import LEAKY, MARKS, RELU, RIGHT, hand_in, outcome

pytestmark = MARKS

ARGV = ("--all", "course", *RELU, "--csv", "t.csv")


@pytest.fixture(autouse=True)
def judging_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge by comparing the source with the right one; what is kept does not depend on how it was found."""

    def judge_all(tasks: Sequence[Task], jobs: int, on_start: Callable[[Task], object]) -> Iterator[Result]:
        for task in tasks:
            on_start(task)
            right = task.submission.path.read_text(encoding="utf-8") == RIGHT
            yield Result(Entry(task.submission.name, "pass" if right else "fail"))

    monkeypatch.setattr(check_course, "judge_all", judge_all)


def verdicts() -> dict[str, str]:
    rows = [line.split(",") for line in Path("t.csv").read_text("utf-8").splitlines()[1:]]
    return {row[0]: row[1] for row in rows}


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write(path: Path, lines: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def passing(line: dict[str, Any]) -> dict[str, Any]:
    """The line of a submission, changed so that it passes."""
    entry = {**line["entry"], "verdict": "pass", "failed": [], "counts": {**line["entry"]["counts"], "failed": 0}}
    return {**line, "entry": entry}


def passing_as(line: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The line of a submission that passes, changed so that it is about another one."""
    return {**other, "digest": line["digest"], "entry": {**other["entry"], "name": line["entry"]["name"]}}


def test_nothing_is_kept_where_submissions_are(elsewhere: Path) -> None:
    """The record lies in the state folder, can be read by the user alone, and nothing is written elsewhere."""
    hand_in(elsewhere / "course", a=LEAKY)
    assert outcome(*ARGV) == FAILED
    assert {each.name for each in elsewhere.rglob("*")} == {"course", "a.py", "t.csv"}
    path = record_path(Path("course"), None)
    assert path.is_relative_to(os.environ["XDG_STATE_HOME"])
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.with_name("key"))] == [0o600, 0o600]


def test_courses_of_one_name_have_records_of_their_own(elsewhere: Path) -> None:
    """Two folders called ``course`` in different places have different records."""
    assert len({record_path(elsewhere / each / "course", None) for each in ("week 1", "week 2")}) == 2


@pytest.mark.parametrize("options", [(), ("--reports", "out")])
@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0], passing(lines[1])],
        lambda lines: [lines[0], {**passing(lines[1]), "seal": ""}],
        lambda lines: [lines[0], {name: value for name, value in passing(lines[1]).items() if name != "seal"}],
        lambda lines: [lines[0], passing_as(lines[1], lines[2])],
        lambda lines: [lines[0], "PASS", 3, None, [], {"seal": 3}],
    ],
    ids=["verdict", "empty seal", "no seal", "another's line", "no records"],
)  # fmt: skip
def test_line_that_somebody_else_has_written_is_not_believed(
    elsewhere: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[list[Any]], list[Any]],
    options: tuple[str, ...],
) -> None:
    """A line with a wrong seal is ignored with a message, and its submission is judged again."""
    hand_in(elsewhere / "course", a=LEAKY, b=RIGHT)
    assert outcome(*ARGV, "-j", "1", *options) == FAILED
    path = record_path(Path("course"), Path(options[1]) if options else None)
    write(path, change(lines_of(path)))
    capsys.readouterr()
    assert outcome(*ARGV, *options, "--resume") == FAILED
    assert verdicts() == {"a.py": "fail", "b.py": "pass"}
    said = capsys.readouterr().err
    assert "2/2" in said
    assert "ignored" in said


@pytest.mark.parametrize(
    "change",
    [
        lambda header: {**header, "seed": 1},
        lambda header: {**header, "folder": "/elsewhere"},
        lambda header: {"schema": 1, "seed": 0},
        lambda header: "hello",
        lambda header: None,
        lambda header: {**header, "seal": "\ud800"},
    ],
    ids=["seed", "folder", "of an old version", "text", "nothing", "a seal that is no text"],
)
def test_record_that_somebody_else_has_written_is_refused(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Any], Any]
) -> None:
    """A record whose first line has a wrong seal is refused as a whole."""
    hand_in(elsewhere / "course", a=LEAKY)
    assert outcome(*ARGV) == FAILED
    path = record_path(Path("course"), None)
    header, *lines = lines_of(path)
    write(path, [change(header), *map(passing, lines)])
    assert outcome(*ARGV, "--resume") == USAGE
    assert "record of an earlier run of yours" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["examiner", "version"])
def test_verdicts_of_another_examiner_do_not_count(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Verdicts of another version of the examiner are not used."""
    hand_in(elsewhere / "course", a=RIGHT)
    assert outcome(*ARGV) == OK
    monkeypatch.setattr(record, {"examiner": "examiner", "version": "version"}[name], lambda: "another")
    capsys.readouterr()
    assert outcome(*ARGV, "--resume") == OK
    assert "1/1" in capsys.readouterr().err


def test_record_is_of_one_folder(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record that is copied beside the reports on another course is refused there."""
    hand_in(elsewhere / "course", a=RIGHT)
    (elsewhere / "copy").mkdir()
    shutil.copytree(elsewhere / "course", elsewhere / "copy" / "course")
    assert outcome(*ARGV, "--reports", "out") == OK
    assert outcome("--all", "copy/course", *RELU, "--reports", "out", "--resume") == USAGE
    assert "folder = " in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["course", "course/out", "course/a", "course/../course/out", "link/out"])
def test_reports_in_the_course_are_refused(elsewhere: Path, capsys: pytest.CaptureFixture[str], folder: str) -> None:
    """Reports in the folder of the submissions are refused, because students could have written a record there."""
    hand_in(elsewhere / "course", a=LEAKY)
    (elsewhere / "link").symlink_to("course")
    planted = elsewhere / "course" / "out" / "check-course.jsonl"
    for resume in ([], ["--resume"]):
        assert outcome(*ARGV, "--reports", folder, *resume) == USAGE
        assert "expected --reports outside course" in capsys.readouterr().err
    write(planted, [{"schema": 1, "seed": 0}])
    assert outcome(*ARGV, "--reports", folder, "--resume") == USAGE


def test_state_folder_in_the_course_is_refused(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state folder in that of the submissions is refused, and the message says what to do."""
    hand_in(elsewhere / "course", a=RIGHT)
    monkeypatch.setenv("XDG_STATE_HOME", str(elsewhere / "course" / "state"))
    for options in ([], ["--reports", "out"]):
        assert outcome(*ARGV, *options) == USAGE
        assert "XDG_STATE_HOME" in capsys.readouterr().err


def test_without_a_state_folder_the_course_is_judged(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a state folder the course is judged, and a message says that nothing can be resumed."""
    hand_in(elsewhere / "course", a=RIGHT)
    (elsewhere / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(elsewhere / "file"))
    assert outcome(*ARGV) == OK
    assert "no record could be kept" in capsys.readouterr().err


def test_seal_is_for_one_key_one_record_and_one_place(tmp_path: Path) -> None:
    """A seal is valid for its key, its record and its header alone."""
    seal = seal_in(tmp_path / "state")
    record = {"verdict": "fail", "name": "a"}
    sealed = seal.sealed(record, "header")
    assert seal.opened(sealed, "header") == record
    assert seal_in(tmp_path / "state").opened(sealed, "header") == record
    assert seal.opened(sealed, "another") is None
    assert seal.opened({**sealed, "verdict": "pass"}, "header") is None
    assert Seal(b"another").opened(sealed, "header") is None


def test_digest_is_of_the_code_whatever_lies_beside_it(tmp_path: Path) -> None:
    """A change of a Python file changes the digest, however much data lies beside it."""
    (tmp_path / "a.bin").write_bytes(bytes(2**24))
    for number in range(5):
        os.link(tmp_path / "a.bin", tmp_path / f"a{number}.bin")
    (tmp_path / "z").mkdir()
    found = set()
    for text in ("x = 1", "x = 2"):
        (tmp_path / "z" / "net.py").write_text(text, encoding="utf-8")
        found.add(digest_of(tmp_path))
    assert len(found) == 2


@pytest.mark.parametrize("content", [b"", b"\xff\n", b"[" * 100_000 + b"\n", b"1" * 10_000 + b"\n"], ids=len)
def test_what_is_no_record_is_refused(elsewhere: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    """A file that holds anything else, however deep or long, is refused in one sentence."""
    hand_in(elsewhere / "course", a=LEAKY)
    path = record_path(Path("course"), None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    assert outcome(*ARGV, "--resume") == USAGE
    assert capsys.readouterr().err.count("\n") == 1
