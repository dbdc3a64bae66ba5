"""``bp check``: its verdicts, its exit codes, its files, the known failures, and a whole class."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import json
import multiprocessing
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from reference import Finding, Judgement, sandbox
from reference.mistakes import plain
from reference.oracles import ball
from reports import cli, judging
from reports.classroom.crew import judge_all
from reports.classroom.submissions import Submission, digest_of
from reports.classroom.unpack import UnpackError, unpack
from reports.classroom.work import Result, Task
from reports.commands import check, check_class
from reports.exit_codes import FAILED, INTERRUPTED, OK, TOOL, USAGE
from reports.interruption import terminable
from reports.judging import Settings
from reports.render.class_summary import problem_of
from tests.crew_work import act

pytestmark = [
    pytest.mark.skipif(os.name != "posix" or ball.available() is not None, reason="needs POSIX and flint"),
    pytest.mark.outside,
]

ROOT = Path(__file__).resolve().parent.parent
RIGHT = Path(plain.__file__).read_text(encoding="utf-8")
LEAKY = RIGHT.replace("return np.maximum(X, 0)", "return np.maximum(X, 0.01 * X)")
NAIVE = RIGHT.replace("X - X.max(axis=1, keepdims=True)", "X")
PYTHON_2 = f"print 'hello'\n{RIGHT}"
HANGS = RIGHT.replace("return np.maximum(X, 0)", "\n        while True: pass")
RELU = ("--effort", "quick", "--only", "relu.*")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command runs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def submission(elsewhere: Path) -> Callable[[str], str]:
    """Makes a submission of a source, and gives its path."""

    def make(source: str) -> str:
        (elsewhere / "net.py").write_text(source, encoding="utf-8")
        return "net.py"

    return make


def outcome(*argv: str) -> int:
    """The exit code, by whichever way."""
    try:
        return cli.main(["check", *argv])
    except SystemExit as stop:
        return int(stop.code or 0)


def judgement_of(*statuses: Any) -> Judgement:
    findings = [Finding(f"relu.forward.{n}", "ReLULayer.forward", each, "Why.") for n, each in enumerate(statuses)]
    return Judgement("net.py", tuple(findings), 3, "quick", 0, 0.1, "none")


def test_sources_differ() -> None:
    """The wrong ones are wrong."""
    assert len({RIGHT, LEAKY, NAIVE, HANGS}) == 4


# One submission


def test_without_a_path_our_own_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """And it is called by its name, wherever it is installed."""
    assert outcome("--effort", "quick", "--only", "relu.forward.values") == OK
    assert "PASS bp:" in capsys.readouterr().out


def test_right_passes_and_wrong_fails(submission: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """By the exit code, and in words that name the method."""
    assert outcome(submission(RIGHT), *RELU) == OK
    assert "PASS net.py" in capsys.readouterr().out
    assert outcome(submission(LEAKY), *RELU) == FAILED
    said = capsys.readouterr()
    assert "ReLULayer.forward" in said.out
    assert "FAIL net.py" in said.out
    assert said.err == ""


def test_python_2_fails_and_is_told(submission: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be imported fails; it is no fault of ours."""
    assert outcome(submission(PYTHON_2), *RELU) == FAILED
    assert "Python 2" in capsys.readouterr().out


def test_folder_without_python_is_wrong_usage(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, since there is nothing to judge."""
    (elsewhere / "empty").mkdir()
    assert outcome("empty", *RELU) == USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "there is no Python file in empty" in said.err


def test_forgotten_all_is_told(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of many submissions is not judged in the place of all."""
    hand_in(elsewhere / "class", a=RIGHT, b=RIGHT, c=RIGHT)
    assert outcome("class", *RELU) == USAGE
    assert "--all class" in capsys.readouterr().err


def test_dotted_name(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python would import it."""
    (elsewhere / "lab" / "week3").mkdir(parents=True)
    (elsewhere / "lab" / "week3" / "net.py").write_text(RIGHT, encoding="utf-8")
    monkeypatch.syspath_prepend(elsewhere)
    assert outcome("lab.week3.net", *RELU) == OK


def test_a_loop_costs_its_limit(submission: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """And fails as what it is."""
    start = time.monotonic()
    assert outcome(submission(HANGS), *RELU, "--timeout", "2") == FAILED
    assert time.monotonic() - start < 60
    assert "did not answer" in capsys.readouterr().out


def test_assignment_1_allows_the_naive_softmax(submission: Callable[[str], str]) -> None:
    """Which overflows, and fails assignment 3."""
    argv = (submission(NAIVE), "--effort", "quick", "--only", "softmax.forward.*")
    assert outcome(*argv, "--assignment", "1") == OK
    assert outcome(*argv, "--assignment", "3") == FAILED


def test_seed_repeats_the_questions(submission: Callable[[str], str]) -> None:
    """The same verdict to the last digit; without a seed other questions are asked."""
    argv = (submission(LEAKY), "--effort", "quick", "--only", "relu.forward.values", "--json")
    for name, more in {"a": ["--seed", "5"], "b": ["--seed", "5"], "c": [], "d": []}.items():
        assert outcome(*argv, f"{name}.json", *more) == FAILED
    first, again, fresh, other = (json.loads(Path(f"{name}.json").read_text("utf-8")) for name in "abcd")
    assert first["seed"] == 5
    without_times = [[{**each, "seconds": None} for each in verdict["checks"]] for verdict in (first, again)]
    assert without_times[0] == without_times[1]
    assert fresh["seed"] != other["seed"]


def test_all_formats_at_once(submission: Callable[[str], str], elsewhere: Path) -> None:
    """Each readable by its own kind of reader, and nothing else left in the folder."""
    files = ["--json", "v.json", "--junit", "v.xml", "--markdown", "v.md", "--html", "out/v.html"]
    (elsewhere / "out").mkdir()
    assert outcome(submission(LEAKY), *RELU, *files) == FAILED
    assert json.loads(Path("v.json").read_text("utf-8"))["verdict"] == "fail"
    assert ElementTree.parse("v.xml").getroot().tag in {"testsuites", "testsuite"}  # noqa: S314 - our own
    assert "ReLULayer" in Path("v.md").read_text("utf-8")
    assert Path("out/v.html").read_text("utf-8").lower().startswith("<!doctype html")
    assert {each.name for each in elsewhere.iterdir()} == {"net.py", "v.json", "v.xml", "v.md", "out"}


def test_standard_output_is_the_file_alone(
    submission: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The report goes to standard error then."""
    assert outcome(submission(LEAKY), *RELU, "--json", "-", "--html", "v.html") == FAILED
    said = capsys.readouterr()
    assert json.loads(said.out)["verdict"] == "fail"
    assert "FAIL net.py" in said.err


def test_list_judges_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids, subjects and reasons, of the assignment and the pattern that were asked for."""
    monkeypatch.setattr(judging, "judge", None)
    assert outcome("--list", "--only", "softmax.forward.*", "--assignment", "1") == OK
    said = capsys.readouterr().out
    assert "softmax.forward.values  (SoftmaxLayer.forward)\n    " in said
    assert "softmax.forward.extreme_logits" not in said
    assert "relu." not in said
    assert outcome("--list", "--only", "softmax.forward.*") == OK
    assert "softmax.forward.extreme_logits" in capsys.readouterr().out
    assert outcome("--list") == OK
    assert "``" not in capsys.readouterr().out


def test_partial_run_says_that_it_is_one(submission: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody shall take it for a pass of everything; the JSON has the pattern."""
    only = ("--effort", "quick", "--only", "relu.forward.values")
    assert outcome(submission(RIGHT), *only, "--json", "v.json") == OK
    said = capsys.readouterr().out
    assert re.search(
        r"PASS net\.py: everything asked for holds \(--only 'relu\.forward\.values': \d+ of \d+ checks\)", said
    )
    assert json.loads(Path("v.json").read_text("utf-8"))["only"] == "relu.forward.values"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["nowhere"], "there is no file, folder or module nowhere"),
        (["no/where.py"], "there is no file or folder no/where.py"),
        (["--only", "nothing.*"], "no check matches 'nothing.*'"),
        (["--list", "--only", "nothing.*"], "no check matches 'nothing.*'"),
        (["--assignment", "4"], "invalid choice"),
        (["--effort", "some"], "invalid choice"),
        (["--sandbox", "none"], "invalid choice"),
        (["--seed", "-1"], "expected an integer from 0"),
        (["--seed", "x"], "expected an integer from 0 to 2^32 - 1, got 'x'"),
        (["--timeout", "x"], "expected a finite number above 0, got 'x'"),
        (["--memory", "1.5"], "expected an integer of at least 128, the MiB that numpy needs, got '1.5'"),
        (["-j", "x"], "expected an integer of at least 1, got 'x'"),
        (
            ["--only", "SoftmaxLayer"],
            "no check matches 'SoftmaxLayer'; did you mean 'softmax.*'? `bp check --list` shows",
        ),
        (["--list", "--json", "-"], "leave --json out"),
        (["--html", "nowhere/a.html"], "expected --html to be in a folder that exists, there is no folder nowhere"),
        (["--timeout", "0"], "expected a finite number above 0"),
        (["--timeout", "inf"], "expected a finite number above 0"),
        (["--memory", "64"], "expected an integer of at least 128"),
        (["--json", "."], "expected --json to be a file"),
        (["--json", "a", "--html", "./a"], "expected --json and --html to be two files"),
        (["--json", "-", "--html", "-"], "expected --json and --html to be two files"),
        (["--csv", "a"], "--csv goes with --all"),
        (["--reports", "a"], "--reports goes with --all"),
        (["-j", "2"], "--jobs goes with --all"),
        (["--resume"], "--resume goes with --all"),
        (["--expect", "nowhere.toml"], "nowhere.toml"),
        (["--all", "nowhere"], "there is no folder nowhere"),
        (["--all", "."], "expected submissions in ."),
        (["--all", ".", "net.py"], "expected a PATH or --all, got both"),
        (["--all", ".", "--expect", "a"], "--expect goes with one submission"),
        (["--all", ".", "--html", "a"], "--html goes with one submission"),
        (["--all", ".", "-j", "0"], "expected an integer of at least 1"),
    ],
)
def test_wrong_usage_is_exit_2_and_explained(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    """What cannot be is refused with a sentence, and nothing is written."""
    assert outcome(*argv) == USAGE
    assert said in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


# Faults of ours


def test_sandbox_that_cannot_work_is_exit_3(
    submission: Callable[[str], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a weaker one in silence."""
    monkeypatch.setattr(sandbox, "_bubblewrap_works", lambda *_: False)
    assert outcome(submission(RIGHT), *RELU, "--sandbox", "bwrap") == TOOL
    assert "bubblewrap" in capsys.readouterr().err


def test_without_flint_nothing_is_judged(
    submission: Callable[[str], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What remains could pass while nothing of weight was looked at."""
    monkeypatch.setattr(ball, "available", lambda: "python-flint is not installed")
    assert outcome(submission(RIGHT), *RELU) == TOOL
    assert "pip install '.[check]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["passed", "skipped"], OK),
        (["passed", "error"], TOOL),
        (["failed", "error"], FAILED),
        (["skipped", "skipped"], FAILED),
    ],
)
def test_exit_codes_of_verdicts(monkeypatch: pytest.MonkeyPatch, statuses: list[str], code: int) -> None:
    """A fault of ours is no verdict, but hides no failure; and where nothing passed, nothing is proven."""
    monkeypatch.setattr(judging, "judge", lambda *_, **__: judgement_of(*statuses))
    assert outcome("net.py", "--json", "v.json") == code
    assert Path("v.json").exists()


def test_crash_of_ours_is_no_failure_of_theirs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own exit code for it would be 1."""
    monkeypatch.setattr(judging, "judge", None)
    assert outcome("net.py") == TOOL
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "a fault of bp itself" in said


def test_missing_extra_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that this command needs."""
    monkeypatch.delitem(sys.modules, "reports.commands.check")
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert outcome("net.py") == TOOL
    assert "the module rich.console is not installed; install the project's 'check' extra" in capsys.readouterr().err


def test_pages_need_what_draws(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is in another extra, and is missed before anything is judged."""
    hand_in(elsewhere / "class", a=RIGHT)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(judging, "judge", None)
    for argv in (["net.py", "--html", "v.html"], ["--all", "class", "--reports", "out"]):
        assert outcome(*argv) == TOOL
        assert "matplotlib is not installed; install the project's 'report' extra" in capsys.readouterr().err


def test_interruption_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """As shells say it; SIGTERM does the same, so that what was begun is cleaned up."""

    def interrupted(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(judging, "judge", interrupted)
    assert outcome("net.py") == INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) == before
    with pytest.raises(KeyboardInterrupt), terminable():
        signal.raise_signal(signal.SIGTERM)


def test_progress_on_a_terminal(submission: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It follows the checks, on standard error."""
    seen: list[str] = []
    monkeypatch.setattr(judging, "judge", lambda *_, on_finding, **__: _drive(on_finding, seen))
    monkeypatch.setenv("FORCE_COLOR", "1")  # what makes rich take anything for a terminal
    assert outcome(submission(RIGHT)) == OK
    assert seen == ["called"]


def _drive(on_finding: Callable[[Finding, int], object], seen: list[str]) -> Judgement:
    judgement = judgement_of("passed")
    on_finding(judgement.findings[0], 1)
    seen.append("called")
    return judgement


# Known failures


def expect(text: str) -> list[str]:
    Path("known.toml").write_text(text, encoding="utf-8")
    return ["--expect", "known.toml"]


@pytest.mark.parametrize(
    "table", ['["relu.forward.values"]', "[relu.forward.values]", '["relu.forward.*"]', '["relu.*.val?es"]']
)
def test_expected_failure_is_accepted(submission: Callable[[str], str], table: str) -> None:
    """The run is good, every output says so and why, and what came is still told."""
    known = expect(f'{table}\nreason = "leaky on purpose"')
    only = ("--effort", "quick", "--only", "relu.forward.values")
    assert outcome(submission(LEAKY), *only, *known, "--json", "v.json", "--junit", "v.xml") == OK
    verdict = json.loads(Path("v.json").read_text("utf-8"))
    (told,) = (each for each in verdict["checks"] if each["id"] == "relu.forward.values")
    assert verdict["verdict"] == "pass"
    assert told["status"] == "skipped"
    assert told["actual"].startswith("fails, as expected: leaky on purpose (got ")
    assert "leaky on purpose" in Path("v.xml").read_text("utf-8")


def test_other_failures_still_fail(submission: Callable[[str], str]) -> None:
    """An expectation excuses what it names alone."""
    known = expect('["relu.forward.values"]\nreason = "leaky on purpose"')
    source = LEAKY.replace("delta_next * (Y > 0)", "2 * delta_next * (Y > 0)")
    assert source != LEAKY
    assert outcome(submission(source), *RELU, *known) == FAILED


def test_stale_expectation_fails(submission: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is expected to fail and passes is to be taken out of the file, and it says so."""
    known = expect('["relu.forward.values"]\nreason = "leaky on purpose"')
    assert outcome(submission(RIGHT), *RELU, *known) == FAILED
    assert "it passes: take the expectation out of the file" in " ".join(capsys.readouterr().out.split())


def test_expectation_of_no_check_fails(submission: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelled id would excuse nothing, and nobody would know."""
    known = expect('["relu.forwards.values"]\nreason = "leaky on purpose"')
    assert outcome(submission(RIGHT), *RELU, *known) == FAILED
    assert "there is no such check" in " ".join(capsys.readouterr().out.split())


def test_what_was_not_judged_is_not_stale(submission: Callable[[str], str]) -> None:
    """Left out by --only, or skipped because what it depends on failed."""
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
def test_expectations_that_are_none(
    submission: Callable[[str], str], capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    """Without a reason there is no exception; refused before anything is judged."""
    assert outcome(submission(RIGHT), *expect(text)) == USAGE
    assert said in capsys.readouterr().err


# A class


def hand_in(folder: Path, **sources: str) -> None:
    """Put a file for each source into a folder."""
    folder.mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")


def rows_of(path: str) -> dict[str, dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def test_class_is_judged_whatever_is_handed_in(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files, folders and archives, right, wrong and hopeless ones: one verdict each, and one table."""
    folder = elsewhere / "class"
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
    argv = ["--all", "class", "-j", "2", *RELU, "--timeout", "2", "--csv", "t.csv", "--json", "t.json"]
    assert outcome(*argv, "--reports", "out", "--markdown", "t.md") == FAILED
    assert "Python 2" in rows_of("t.csv")["old.py"]["problem"]
    verdicts = {name: row["verdict"] for name, row in rows_of("t.csv").items()}
    wrong = ("hangs.py", "old.py", "exits.py", "thief.py", "Übung 3, Müller", "empty", "broken.zip")
    assert verdicts == {"right.py": "pass", "Ñandú (1).ZIP": "pass", **dict.fromkeys(wrong, "fail")}
    assert len(json.loads(Path("t.json").read_text("utf-8"))["submissions"]) == 9
    judged = {f"{name}.{form}" for name in verdicts if name not in ("empty", "broken.zip") for form in ("html", "json")}
    assert {each.name for each in Path("out").iterdir()} == judged | {"check-class.jsonl"}
    reports = [json.loads(each.read_text("utf-8")) for each in Path("out").glob("*.json")]
    assert len({each["seed"] for each in reports}) == 1
    assert {each["implementation"] for each in reports} == set(verdicts) - {"empty", "broken.zip"}
    said = capsys.readouterr()
    assert "relu.forward.values" in said.out
    assert f"--seed {reports[0]['seed']}" in said.out or f"seed: {reports[0]['seed']}" in said.out
    assert "not judged, since neither folder, .py nor .zip: grades.txt, link.py" in said.err
    assert "9/9" in said.err


def test_class_that_passes_is_exit_0(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And its table may go to standard output alone."""
    hand_in(elsewhere / "class", a=RIGHT)
    assert outcome("--all", "class", *RELU, "--csv", "-") == OK
    assert capsys.readouterr().out.splitlines()[1].startswith("a.py,pass,")


def test_fault_of_ours_in_a_class_is_exit_3(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was not judged must not be taken for judged; the next run tries again."""
    hand_in(elsewhere / "class", a=RIGHT, b=LEAKY)
    real = check_class.judge_all

    def spoiled(tasks: list[Task], jobs: int) -> Any:
        yield Result(problem_of(tasks[0].submission.name, "the process that judged it ended"))
        yield from real(tasks[1:], jobs)

    monkeypatch.setattr(check_class, "judge_all", spoiled)
    argv = ["--all", "class", *RELU, "--csv", "t.csv"]
    assert outcome(*argv) == TOOL
    assert {name: row["verdict"] for name, row in rows_of("t.csv").items()} == {"a.py": "error", "b.py": "fail"}
    monkeypatch.undo()
    monkeypatch.chdir(elsewhere)
    assert outcome(*argv, "--resume") == FAILED
    assert {name: row["verdict"] for name, row in rows_of("t.csv").items()} == {"a.py": "pass", "b.py": "fail"}


def test_reports_are_no_submissions(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder for them cannot be in the folder of the class, nor be a file."""
    hand_in(elsewhere / "class", a=RIGHT)
    assert outcome("--all", "class", "--reports", "class/out") == USAGE
    assert "expected --reports outside class" in capsys.readouterr().err
    assert outcome("--all", "class", "--reports", "class/a.py") == USAGE
    assert "is a file" in capsys.readouterr().err


def test_resume_judges_what_has_changed(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is as it was keeps its verdict, under the earlier seed; what has gone is gone."""
    folder = elsewhere / "class"
    hand_in(folder, a=RIGHT, b=LEAKY, c=RIGHT)
    argv = ["--all", "class", *RELU, "--csv", "t.csv"]
    assert outcome(*argv) == FAILED
    seed = json.loads(Path("check-class.jsonl").read_text("utf-8").splitlines()[0])["seed"]
    (folder / "c.py").unlink()
    hand_in(folder, b=RIGHT, d=RIGHT)
    capsys.readouterr()
    assert outcome(*argv, "--resume") == OK
    said = capsys.readouterr()
    assert "2/2" in said.err
    assert "a.py" not in said.err
    assert f"seed: {seed} " in said.out
    assert list(rows_of("t.csv")) == ["a.py", "b.py", "d.py"]
    # Reports that were not wanted before are made now.
    assert outcome(*argv, "--resume", "--seed", str(seed)) == OK
    assert capsys.readouterr().err == "3 verdicts of the earlier run kept, 0 submissions to judge\n"


def test_tables_may_lie_beside_the_reports(elsewhere: Path) -> None:
    """In the folder that is made for them; in no other one that is not there."""
    hand_in(elsewhere / "class", a=RIGHT)
    assert outcome("--all", "class", *RELU, "--reports", "out", "--csv", "out/t.csv") == OK
    assert Path("out/t.csv").exists()
    assert outcome("--all", "class", *RELU, "--csv", "nowhere/t.csv") == USAGE


def test_resume_makes_missing_reports(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A verdict whose report has been deleted is made again."""
    hand_in(elsewhere / "class", a=RIGHT, b=RIGHT)
    argv = ["--all", "class", *RELU, "--reports", "out"]
    assert outcome(*argv) == OK
    Path("out/b.py.html").unlink()
    capsys.readouterr()
    assert outcome(*argv, "--resume") == OK
    assert "1/1 b.py" in capsys.readouterr().err
    assert Path("out/b.py.html").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: None, "of an earlier run to go on with"),
        (lambda text: "", "it is none"),
        (lambda text: '{"schema": 7}\n', "it is none"),
        (lambda text: "hello\n", "to go on with"),
        (lambda text: text.replace('"effort": "quick"', '"effort": "normal"'), "effort = 'normal' there, 'quick' here"),
    ],
)
def test_resume_of_something_else_is_refused(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], change: Callable[[str], str | None], said: str
) -> None:
    """A run goes on with the questions that it began with, or not at all."""
    hand_in(elsewhere / "class", a=RIGHT)
    record = Path("check-class.jsonl")
    assert outcome("--all", "class", *RELU) == OK
    changed = change(record.read_text("utf-8"))
    record.unlink()
    if changed is not None:
        record.write_text(changed, encoding="utf-8")
    assert outcome("--all", "class", *RELU, "--resume") == USAGE
    assert said in capsys.readouterr().err


def test_resume_after_a_cut_line_or_a_new_examiner(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half a line is no verdict; nor is one of another examiner."""
    hand_in(elsewhere / "class", a=RIGHT, b=RIGHT)
    record = Path("check-class.jsonl")
    assert outcome("--all", "class", *RELU, "-j", "1") == OK
    whole = record.read_text("utf-8")
    record.write_text(whole[:-20], encoding="utf-8")
    capsys.readouterr()
    assert outcome("--all", "class", *RELU, "--resume") == OK
    assert "1/1" in capsys.readouterr().err
    record.write_text(whole.replace('"examiner": "', '"examiner": "x'), encoding="utf-8")
    assert outcome("--all", "class", *RELU, "--resume") == OK
    assert "2/2" in capsys.readouterr().err


def test_interrupted_class_is_saved_and_resumed(elsewhere: Path) -> None:
    """Ctrl-C: the verdicts so far are told and kept, no process and no file stays, and the rest is done later."""
    hand_in(elsewhere / "class", a=RIGHT, b=LEAKY, y=f"import time\ntime.sleep(1000)\n{RIGHT}", z=RIGHT)
    temporary = elsewhere / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "reports", "check", "--all", "class", "-j", "1", *RELU, "--csv", "t.csv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        wait_for(lambda: Path("check-class.jsonl").exists() and Path("check-class.jsonl").read_bytes().count(b"\n") > 2)
        wait_for(lambda: any(temporary.rglob("y.py")))
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == INTERRUPTED
    assert "interrupted: 2 of 4 are judged; the same command with --resume goes on" in " ".join(err.split())
    assert "Traceback" not in err
    assert "b.py" in out
    assert {name: row["verdict"] for name, row in rows_of("t.csv").items()} == {"a.py": "pass", "b.py": "fail"}
    assert list(temporary.iterdir()) == []
    wait_for(lambda: not living(process.pid), lambda: f"still there: {living(process.pid)}")
    hand_in(elsewhere / "class", y=RIGHT)
    done = subprocess.run([*command, "--resume"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == FAILED
    assert "2/2" in done.stderr
    assert [row["verdict"] for row in rows_of("t.csv").values()] == ["pass", "fail", "pass", "pass"]


def living(group: int) -> list[str]:
    """The command lines of a process group; what has ended and waits to be fetched by its parent does not live."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, of_group = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
            if int(of_group) == group and state not in "ZX":
                found.append((folder / "cmdline").read_text(encoding="utf-8").replace("\0", " "))
    return found


def wait_for(condition: Callable[[], bool], said: Callable[[], str] = lambda: "it did not come to pass") -> None:
    """For a minute at the most: what never comes would hang the suite."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail(said())


# The processes


def tasks_of(*names: str) -> list[Task]:
    settings = Settings(3, "*", 0, "quick", 1.0, 2**30, "auto")
    return [Task(Submission(name, Path(name)), settings, None) for name in names]


def test_process_that_dies_takes_nothing_along() -> None:
    """Its own submission has no verdict, which says why; all others are judged."""
    names = ("dies", "a", "b", "raises", "dies too", "c")
    results = {each.entry.name: each.entry for each in judge_all(tasks_of(*names), 2, act)}
    assert {name: entry.verdict for name, entry in results.items()} == {
        "a": "pass", "b": "pass", "c": "pass", "dies": "error", "dies too": "error", "raises": "error",
    }  # fmt: skip
    assert results["dies"].problem == "the process that judged it ended (exit code 7)"
    assert results["raises"].problem == "the examiner failed: ValueError: of no use"
    assert multiprocessing.active_children() == []


def test_closing_ends_what_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process stays, and no file."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    results = judge_all(tasks_of("hangs", "a", "hangs too"), 2, act)
    assert next(results).entry.name == "a"
    wait_for(lambda: len(list(tmp_path.rglob("left"))) == 2)
    results.close()
    assert multiprocessing.active_children() == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_do() -> None:
    """Is done at once."""
    assert list(judge_all([], 2, act)) == []


# Archives


def archive_of(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    path = Path("a.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name", ["../out.py", "/out.py", "a/../../out.py", "C:/out.py", "C:out.py", "..\\out.py", "\\\\host\\share\\out.py"]
)
def test_archive_that_leads_out_is_refused(elsewhere: Path, name: str) -> None:
    """By any spelling; and nothing is written outside."""
    path = archive_of((name, b"x = 1"))
    (elsewhere / "target").mkdir()
    with pytest.raises(UnpackError, match="leads out"):
        unpack(path, elsewhere / "target")
    assert not list(elsewhere.rglob("out.py"))


def test_links_in_an_archive_are_left_out(elsewhere: Path) -> None:
    """As they are in a folder."""
    link = zipfile.ZipInfo("secret.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    (elsewhere / "target").mkdir()
    unpack(archive_of((link, b"/etc/passwd"), ("a/b.py", b"x")), elsewhere / "target")
    assert [each.name for each in (elsewhere / "target").rglob("*.*")] == ["b.py"]


def test_archive_that_is_too_large_is_refused(elsewhere: Path) -> None:
    """By what comes out, not by what it announces; or by the number of files."""
    (elsewhere / "target").mkdir()
    bomb = archive_of(("bomb.py", bytes(2**26 + 1)))
    assert bomb.stat().st_size < 2**20
    with pytest.raises(UnpackError, match="more than 64 MiB"):
        unpack(bomb, elsewhere / "target")
    with pytest.raises(UnpackError, match="holds 2001 files"):
        unpack(archive_of(*((f"{n}.py", b"") for n in range(2001))), elsewhere / "target")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"x = 1", b"x = 2"),
        lambda data: data.replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"),
        lambda data: b"",
        lambda data: data.replace(b"b.py", b"a///"),
    ],
)
def test_damaged_archives_are_refused(elsewhere: Path, spoil: Callable[[bytes], bytes]) -> None:
    """Cut, changed, encrypted, empty, or with a file that is a folder: always in words."""
    (elsewhere / "target").mkdir()
    path = elsewhere / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"x = 1")
        archive.writestr("b.py", b"y = 1")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UnpackError):
        unpack(path, elsewhere / "target")


def test_digest_is_of_all_that_counts(elsewhere: Path) -> None:
    """Names and contents, but not what Python leaves behind."""
    hand_in(elsewhere / "one", a=RIGHT)
    before = digest_of(elsewhere / "one")
    (elsewhere / "one" / "__pycache__").mkdir()
    (elsewhere / "one" / "__pycache__" / "a.pyc").touch()
    assert digest_of(elsewhere / "one") == before
    hand_in(elsewhere / "one", a=LEAKY)
    changed = digest_of(elsewhere / "one")
    (elsewhere / "one" / "a.py").rename(elsewhere / "one" / "b.py")
    assert len({before, changed, digest_of(elsewhere / "one")}) == 3


def test_commands_are_the_modules_that_run() -> None:
    """The command line reaches both."""
    assert callable(check.run)
    assert callable(check_class.run)
