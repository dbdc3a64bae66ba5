"""``bp check --all`` judges a whole course in several processes, and can be interrupted and resumed."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.commands import check_course
from reports.course.entry import problem_of
from reports.course.parallel import judge_all
from reports.course.record import record_path
from reports.course.submissions import Submission, find
from reports.course.task import Result, Task
from reports.io.exit_codes import FAILED, INTERRUPTED, OK, TOOL, USAGE
from reports.verdicts.settings import Settings
from tests.parallel_work import act
from tests.submissions import COURSE, HANGS, LEAKY, MARKS, PYTHON_2, RELU, RIGHT, hand_in, outcome

pytestmark = MARKS


ROOT = Path(__file__).resolve().parent.parent


def record() -> Path:
    """The record of the course in this folder."""
    return record_path(Path("course"), None)


def rows_of(path: str) -> dict[str, dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def test_course_is_judged_whatever_is_handed_in(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files, folders and archives, right, wrong and unreadable ones, get one verdict each in one table."""
    folder = elsewhere / "course"
    hand_in(folder, right=RIGHT, hangs=HANGS, old=PYTHON_2, exits="import os\nos._exit(0)\n" + RIGHT)
    hand_in(folder, thief="from right import *\nclass ReLULayer(ReLULayer): pass\n")
    hand_in(folder / "Übung 3, Müller", **{"mein netz.v2": LEAKY})
    (folder / "empty").mkdir()
    with zipfile.ZipFile(folder / "Ñandú (1).ZIP", "w") as archive:
        archive.writestr("Ñandú/mlp/layers.py", RIGHT)
        archive.writestr("__MACOSX/Ñandú/mlp/._layers.py", b"\0\1")
    (folder / "broken.zip").write_text("no archive", encoding="utf-8")
    (folder / "grades.txt").write_text("not a submission", encoding="utf-8")
    (folder / ".hidden.py").write_text("x", encoding="utf-8")
    (folder / "link.py").symlink_to("right.py")
    argv = ["--all", "course", "-j", "2", *RELU, "--timeout", "2", "--csv", "t.csv", "--json", "t.json"]
    assert outcome(*argv, "--reports", "out", "--markdown", "t.md") == FAILED
    assert "Python 2" in rows_of("t.csv")["old.py"]["problem"]
    verdicts = {name: row["verdict"] for name, row in rows_of("t.csv").items()}
    wrong = ("hangs.py", "old.py", "exits.py", "thief.py", "Übung 3, Müller", "empty")
    unjudged = ("broken.zip", "grades.txt", "link.py")
    due = {"right.py": "pass", "Ñandú (1).ZIP": "pass", **dict.fromkeys(wrong, "fail")}
    assert verdicts == due | dict.fromkeys(unjudged, "not judged")
    assert len(json.loads(Path("t.json").read_text("utf-8"))["submissions"]) == 11
    unreported = ("empty", *unjudged)
    judged = {f"{name}.{form}" for name in verdicts if name not in unreported for form in ("html", "json")}
    assert {each.name for each in Path("out").iterdir()} == judged | {"check-course.jsonl", "index.html"}
    reports = [json.loads(each.read_text("utf-8")) for each in Path("out").glob("*.json")]
    assert len({each["seed"] for each in reports}) == 1
    assert {each["implementation"] for each in reports} == set(verdicts) - set(unreported)
    said = capsys.readouterr()
    assert "relu.forward.values" in said.out
    assert f"--seed {reports[0]['seed']}" in said.out or f"seed: {reports[0]['seed']}" in said.out
    assert "2 pass, 6 fail, 3 not judged" in said.out
    assert "11/11" in said.err


def test_course_with_what_cannot_be_opened_does_not_pass(elsewhere: Path) -> None:
    """Where somebody is not judged the exit code is 1, although all others pass: it is no fault of the examiner's."""
    hand_in(elsewhere / "course", a=RIGHT)
    (elsewhere / "course" / "b.rar").write_bytes(b"Rar!")
    assert outcome(*COURSE, "--csv", "t.csv") == FAILED
    assert {name: row["verdict"] for name, row in rows_of("t.csv").items()} == {"a.py": "pass", "b.rar": "not judged"}
    assert "b.rar is a .rar archive, which cannot be opened here" in rows_of("t.csv")["b.rar"]["problem"]


def test_names_that_look_the_same_are_two_submissions(elsewhere: Path) -> None:
    """Names that differ in what nobody sees, such as the form of an accent, get a row each; long names too."""
    names = ("\u00e9.py", "e\u0301.py", "E\u0301.py", f"{'n' * 240}.py", f"{'n' * 239}m.py")
    (elsewhere / "course").mkdir()
    for name in names:
        (elsewhere / "course" / name).write_text(RIGHT, encoding="utf-8")
    assert outcome(*COURSE, "--csv", "t.csv", "--reports", "out") == OK
    assert len(rows_of("t.csv")) == len(names)
    assert len(list(Path("out").glob("*.json"))) == len(names)


def test_number_in_a_name_is_no_other_submissions_name(elsewhere: Path) -> None:
    """The number that tells two names apart makes no name that is there already, or looks like one."""
    for name in ("A", "a", "a (2)", "a (3)", "\uff41"):
        (elsewhere / "course" / name).mkdir(parents=True)
    names = [each.name for each in find(elsewhere / "course")]
    assert names == ["A", "a (2)", "a (2) (2)", "a (3)", "\uff41 (4)"]


def test_course_that_passes_is_exit_0(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If all submissions pass, the exit code is 0; the table may go to standard output alone."""
    hand_in(elsewhere / "course", a=RIGHT)
    assert outcome(*COURSE, "--csv", "-") == OK
    assert capsys.readouterr().out.splitlines()[1].startswith("a.py,pass,")


def test_fault_of_ours_in_a_course_is_exit_3(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a submission could not be judged, the exit code is 3, and the next run tries again."""
    hand_in(elsewhere / "course", a=RIGHT, b=LEAKY)
    real = check_course.judge_all

    def spoiled(tasks: list[Task], jobs: int, **_: Any) -> Any:
        yield Result(problem_of(tasks[0].submission.name, "the process that judged it ended"))
        yield from real(tasks[1:], jobs)

    monkeypatch.setattr(check_course, "judge_all", spoiled)
    argv = [*COURSE, "--csv", "t.csv"]
    assert outcome(*argv) == TOOL
    assert {name: row["verdict"] for name, row in rows_of("t.csv").items()} == {"a.py": "error", "b.py": "fail"}
    monkeypatch.setattr(check_course, "judge_all", real)
    assert outcome(*argv, "--resume") == FAILED
    assert {name: row["verdict"] for name, row in rows_of("t.csv").items()} == {"a.py": "pass", "b.py": "fail"}


def test_reports_are_no_submissions(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder for the reports must not lie in that of the submissions, nor be a file."""
    hand_in(elsewhere / "course", a=RIGHT)
    assert outcome("--all", "course", "--reports", "course/out") == USAGE
    assert "expected --reports outside course" in capsys.readouterr().err
    assert outcome("--all", "course", "--reports", "course/a.py") == USAGE
    assert "is a file" in capsys.readouterr().err


def test_resume_judges_what_has_changed(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A submission that has not changed keeps its verdict and seed; one that is gone is left out."""
    folder = elsewhere / "course"
    hand_in(folder, a=RIGHT, b=LEAKY, c=RIGHT)
    argv = [*COURSE, "--csv", "t.csv"]
    assert outcome(*argv) == FAILED
    seed = json.loads(record().read_text("utf-8").splitlines()[0])["seed"]
    (folder / "c.py").unlink()
    hand_in(folder, b=RIGHT, d=RIGHT)
    capsys.readouterr()
    assert outcome(*argv, "--resume") == OK
    said = capsys.readouterr()
    assert "2/2" in said.err
    assert "a.py" not in said.err
    assert f"seed: {seed} " in said.out
    assert list(rows_of("t.csv")) == ["a.py", "b.py", "d.py"]
    # The seed of the earlier run may be given too.
    assert outcome(*argv, "--resume", "--seed", str(seed)) == OK
    assert capsys.readouterr().err == f"3 verdicts of the earlier run kept ({record()}), 0 submissions to judge\n"


def test_tables_may_lie_beside_the_reports(elsewhere: Path) -> None:
    """A table may be written into the folder of the reports, which is made, and into no other missing folder."""
    hand_in(elsewhere / "course", a=RIGHT)
    assert outcome(*COURSE, "--reports", "out", "--csv", "out/t.csv") == OK
    assert Path("out/t.csv").exists()
    assert outcome(*COURSE, "--csv", "nowhere/t.csv") == USAGE


def test_resume_makes_missing_reports(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A submission whose report file is missing is judged again."""
    hand_in(elsewhere / "course", a=RIGHT, b=RIGHT)
    argv = [*COURSE, "--reports", "out"]
    assert outcome(*argv) == OK
    Path("out/b.py.html").unlink()
    capsys.readouterr()
    assert outcome(*argv, "--resume") == OK
    assert "1/1 b.py" in capsys.readouterr().err
    assert Path("out/b.py.html").exists()


def test_resume_with_other_settings_is_refused(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--resume`` is refused if there is no earlier run, or if it had other settings."""
    hand_in(elsewhere / "course", a=RIGHT)
    assert outcome(*COURSE, "--resume") == USAGE
    assert f"there is none at {record()}: leave --resume out" in capsys.readouterr().err
    assert outcome(*COURSE) == OK
    assert outcome(*COURSE, "--effort", "normal", "--resume") == USAGE
    assert "effort = 'quick' there, 'normal' here" in capsys.readouterr().err


def test_resume_after_a_cut_line(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line of the record that was cut short is no verdict."""
    hand_in(elsewhere / "course", a=RIGHT, b=RIGHT)
    assert outcome(*COURSE) == OK
    record().write_text(record().read_text("utf-8")[:-20], encoding="utf-8")
    capsys.readouterr()
    assert outcome(*COURSE, "--resume") == OK
    assert "1/1" in capsys.readouterr().err


def test_interrupted_course_is_saved_and_resumed(elsewhere: Path) -> None:
    """After Ctrl-C the verdicts are shown and kept, no process or file is left, and the rest can be judged later."""
    hand_in(elsewhere / "course", a=RIGHT, b=LEAKY, y=f"import time\ntime.sleep(1000)\n{RIGHT}", z=RIGHT)
    temporary = elsewhere / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "reports", "check", *COURSE, "--csv", "t.csv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A process that a shell starts in the background ignores Ctrl-C, and so would its children, such as ours.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread is about
    ) as process:
        wait_for(lambda: record().exists() and record().read_bytes().count(b"\n") > 2)
        wait_for(lambda: any(temporary.rglob("y.py")))
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=600)
        assert process.returncode == INTERRUPTED
    assert "interrupted: 2 of 4 are judged; the same command with --resume goes on" in " ".join(err.split())
    assert str(record()) in err.replace("\n", "")
    assert "Traceback" not in err
    assert "b.py" in out
    assert {name: row["verdict"] for name, row in rows_of("t.csv").items()} == {"a.py": "pass", "b.py": "fail"}
    assert list(temporary.iterdir()) == []
    wait_for(lambda: not living(process.pid), lambda: f"still there: {living(process.pid)}")
    hand_in(elsewhere / "course", y=RIGHT)
    done = subprocess.run([*command, "--resume"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == FAILED
    assert "2/2" in done.stderr
    assert [row["verdict"] for row in rows_of("t.csv").values()] == ["pass", "fail", "pass", "pass"]


def processes() -> Iterator[tuple[int, int, str]]:
    """The parent, the group and the command line of each process, without those that have ended."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent, group = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
            if state not in "ZX":
                command = (folder / "cmdline").read_text(encoding="utf-8").replace("\0", " ")
                yield int(parent), int(group), command


def children() -> list[str]:
    """The command lines of this process's children."""
    return [command for parent, _, command in processes() if parent == os.getpid()]


def living(group: int) -> list[str]:
    """The command lines of a process group."""
    return [command for _, of_group, command in processes() if of_group == group]


def wait_for(condition: Callable[[], bool], said: Callable[[], str] = lambda: "it did not come to pass") -> None:
    """Wait until the condition holds, but at most ten minutes, so that the suite cannot hang."""
    for _ in range(30_000):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail(said())


def tasks_of(*names: str) -> list[Task]:
    settings = Settings(3, "*", 0, "quick", 1.0, 2**30, "auto")
    return [Task(Submission(name, Path(name)), settings, None) for name in names]


def test_process_that_dies_takes_nothing_along() -> None:
    """If a worker process dies, its submission gets no verdict and the reason; all others are judged."""
    names = ("dies", "a", "b", "raises", "dies too", "c")
    results = {each.entry.name: each.entry for each in judge_all(tasks_of(*names), 2, act)}
    assert {name: entry.verdict for name, entry in results.items()} == {
        "a": "pass", "b": "pass", "c": "pass", "dies": "error", "dies too": "error", "raises": "error",
    }  # fmt: skip
    assert results["dies"].problem == "the process that judged it ended (exit code 7)"
    assert results["raises"].problem == "the examiner failed: ValueError: of no use"
    assert children() == []


def test_closing_ends_what_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing the generator leaves no process and no file."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    results = judge_all(tasks_of("hangs", "a", "hangs too"), 2, act)
    assert next(results).entry.name == "a"
    wait_for(lambda: len(list(tmp_path.rglob("left"))) == 2)
    results.close()
    assert children() == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_do() -> None:
    """Judging no submission ends at once."""
    assert list(judge_all([], 2, act)) == []
