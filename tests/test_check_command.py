"""``bp check`` of one submission: its verdicts, its exit codes, its files."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import bp
import reference
from reference import Finding, Judgement, NotAnImplementation
from reference.execution import bubblewrap
from reference.numerics.oracles import ball
from reports.commands import check, check_course
from reports.io.exit_codes import FAILED, INTERRUPTED, OK, TOOL, USAGE
from reports.io.interruption import terminable
from reports.verdicts import no_path, settings
from tests.submissions import HANGS, LEAKY, MARKS, NAIVE, PYTHON_2, RELU, RIGHT, hand_in, outcome, submission

pytestmark = MARKS


def judgement_of(*statuses: Any) -> Judgement:
    findings = [Finding(f"relu.forward.{n}", "ReLULayer.forward", each, "Why.") for n, each in enumerate(statuses)]
    return Judgement("net.py", tuple(findings), 3, "quick", 0, 0.1, "none")


def test_sources_differ() -> None:
    """The sources of right and wrong submissions differ."""
    assert len({RIGHT, LEAKY, NAIVE, HANGS}) == 4


def test_without_a_path_our_own_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a path `bp` itself is judged, and the first and the last line say so."""
    only = ("--effort", "quick", "--only", "relu.forward.values")
    assert outcome(*only) == OK
    said = capsys.readouterr().out
    assert "PASS bp:" in said
    assert framing(said) == {no_path.NOTICE}
    assert outcome(*only, "--markdown", "-") == OK
    said = capsys.readouterr()
    assert framing(said.out) == framing(said.err) == {no_path.NOTICE}
    assert outcome(*only, "--html", "v.html", "--json", "-") == OK
    said = capsys.readouterr()
    assert json.loads(said.out)["implementation"] == "bp"
    assert framing(said.err) == {no_path.NOTICE}
    page = Path("v.html").read_text("utf-8").partition("<main>")[2].partition("</main>")[0]
    assert framing(page) == {f"<p>{no_path.NOTICE}</p>"}


def framing(text: str) -> set[str]:
    """The first line and the last."""
    lines = text.strip().splitlines()
    return {lines[0], lines[-1]}


def test_with_a_path_nothing_is_framed(capsys: pytest.CaptureFixture[str]) -> None:
    """With a path there is no such notice, even if it is the path of `bp` itself."""
    folder = Path(bp.__file__).parent
    for path in ("bp", str(folder)):
        assert outcome(path, "--effort", "quick", "--only", "relu.forward.values", "--markdown", "-") == OK
        said = capsys.readouterr()
        assert no_path.NOTICE not in said.out + said.err


EMPTY = [
    [""],
    ["--", ""],
    [" "],
    ["\t", "--only", "relu.*"],
    *(["net.py", f"--{name}", ""] for name in ("json", "junit", "markdown", "html", "expect")),
    *(["--all", "course", f"--{name}", ""] for name in ("csv", "reports")),
    ["--all", ""],
    ["--all="],
    ["--all", "course", ""],
]


@pytest.mark.parametrize("argv", EMPTY, ids=" ".join)
def test_empty_path_is_wrong_usage(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    """An empty path, which a shell gives for an unset variable, is refused and nothing is judged."""
    submission(RIGHT)
    hand_in(elsewhere / "course", a=RIGHT)
    monkeypatch.setattr(settings, "judge", None)
    before = sorted(elsewhere.rglob("*"))
    assert outcome(*argv) == USAGE
    assert "a variable of the shell" in capsys.readouterr().err
    assert sorted(elsewhere.rglob("*")) == before


def test_empty_path_is_refused_in_python() -> None:
    """The Python functions refuse an empty path too."""
    for ask in (reference.judge, reference.check):
        with pytest.raises(NotAnImplementation, match="got an empty one"):
            ask(" ")


def test_right_passes_and_wrong_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A right submission gives exit code 0, a wrong one 1 and words that name the method."""
    assert outcome(submission(RIGHT), *RELU) == OK
    assert "PASS net.py" in capsys.readouterr().out
    assert outcome(submission(LEAKY), *RELU) == FAILED
    said = capsys.readouterr()
    assert "ReLULayer.forward" in said.out
    assert "FAIL net.py" in said.out
    assert said.err == ""


def test_python_2_fails_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A submission that cannot be imported fails; that is no fault of the examiner."""
    assert outcome(submission(PYTHON_2), *RELU) == FAILED
    assert "Python 2" in capsys.readouterr().out


def test_folder_without_python_is_wrong_usage(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without Python files is refused in one line."""
    (elsewhere / "empty").mkdir()
    assert outcome("empty", *RELU) == USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "there is no Python file in empty" in said.err


def test_forgotten_all_is_told(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with many submissions is refused, and the message names --all."""
    hand_in(elsewhere / "course", a=RIGHT, b=RIGHT, c=RIGHT)
    assert outcome("course", *RELU) == USAGE
    assert "--all course" in capsys.readouterr().err


def test_dotted_name(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dotted name is found as Python would import it."""
    (elsewhere / "lab" / "week3").mkdir(parents=True)
    (elsewhere / "lab" / "week3" / "net.py").write_text(RIGHT, encoding="utf-8")
    monkeypatch.syspath_prepend(elsewhere)
    assert outcome("lab.week3.net", *RELU) == OK


def test_a_loop_costs_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    """An endless loop fails as a timeout, with the limit that was set."""
    assert outcome(submission(HANGS), *RELU, "--timeout", "2") == FAILED
    out = capsys.readouterr().out
    assert "mistake   timeout" in out
    assert "2 s of processor time that --timeout allows" in out


def test_assignment_1_allows_the_naive_softmax() -> None:
    """The naive softmax, which overflows, passes assignment 1 and fails assignment 3."""
    argv = (submission(NAIVE), "--effort", "quick", "--only", "softmax.forward.*")
    assert outcome(*argv, "--assignment", "1") == OK
    assert outcome(*argv, "--assignment", "3") == FAILED


def test_seed_repeats_the_cases() -> None:
    """The same seed gives the same verdict to the last digit; without a seed other cases are drawn."""
    argv = (submission(LEAKY), "--effort", "quick", "--only", "relu.forward.values", "--json")
    for name, more in {"a": ["--seed", "5"], "b": ["--seed", "5"], "c": [], "d": []}.items():
        assert outcome(*argv, f"{name}.json", *more) == FAILED
    first, again, fresh, other = (json.loads(Path(f"{name}.json").read_text("utf-8")) for name in "abcd")
    assert first["seed"] == 5
    without_times = [[{**each, "seconds": None} for each in verdict["checks"]] for verdict in (first, again)]
    assert without_times[0] == without_times[1]
    assert fresh["seed"] != other["seed"]


def test_all_formats_at_once(elsewhere: Path) -> None:
    """All formats are written at once, each can be read, and no other file is left."""
    files = ["--json", "v.json", "--junit", "v.xml", "--markdown", "v.md", "--html", "out/v.html"]
    (elsewhere / "out").mkdir()
    assert outcome(submission(LEAKY), *RELU, *files) == FAILED
    assert json.loads(Path("v.json").read_text("utf-8"))["verdict"] == "fail"
    assert ElementTree.parse("v.xml").getroot().tag in {"testsuites", "testsuite"}  # noqa: S314 - our own
    assert "ReLULayer" in Path("v.md").read_text("utf-8")
    assert Path("out/v.html").read_text("utf-8").lower().startswith("<!doctype html")
    assert {each.name for each in elsewhere.iterdir()} == {"net.py", "v.json", "v.xml", "v.md", "out"}


def test_standard_output_is_the_file_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """If a file goes to standard output, the report for people goes to standard error."""
    assert outcome(submission(LEAKY), *RELU, "--json", "-", "--html", "v.html") == FAILED
    said = capsys.readouterr()
    assert json.loads(said.out)["verdict"] == "fail"
    assert "FAIL net.py" in said.err


def test_list_judges_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """--list shows the ids, subjects and reasons of the checks for an assignment and a pattern."""
    monkeypatch.setattr(settings, "judge", None)
    assert outcome("--list", "--only", "softmax.forward.*", "--assignment", "1") == OK
    said = capsys.readouterr().out
    assert "softmax.forward.values  (SoftmaxLayer.forward)\n    " in said
    assert "softmax.forward.extreme_logits" not in said
    assert "relu." not in said
    assert outcome("--list", "--only", "softmax.forward.*") == OK
    assert "softmax.forward.extreme_logits" in capsys.readouterr().out
    assert outcome("--list") == OK
    assert "``" not in capsys.readouterr().out


def test_partial_run_says_that_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """A run with --only says so, so that nobody takes it for a pass of everything."""
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
            ["--only", "relu", "--only", "SoftmaxLayers"],
            "no check matches 'SoftmaxLayers'; did you mean 'softmax.*'? `bp check --list` shows",
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
        (["--all", ".", "--first"], "--first goes with one submission"),
        (["--all", ".", "--full"], "--full goes with one submission"),
        (["a.py", "--first", "--expect", "e.toml"], "--first stops at the first failure"),
        (["--all", ".", "-j", "0"], "expected an integer of at least 1"),
    ],
)
def test_wrong_usage_is_exit_2_and_explained(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    """Wrong usage is refused with a sentence, and nothing is written."""
    assert outcome(*argv) == USAGE
    assert said in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


# Faults of ours


def test_sandbox_that_cannot_work_is_exit_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sandbox that cannot work is never replaced by a weaker one without a word."""
    monkeypatch.setattr(bubblewrap, "works", lambda *_: False)
    assert outcome(submission(RIGHT), *RELU, "--sandbox", "bwrap") == TOOL
    assert "bubblewrap" in capsys.readouterr().err


def test_without_flint_nothing_is_judged(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ball arithmetic nothing is judged, because a pass would mean hardly anything."""
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
    """A fault of the examiner gives 3, unless a check failed; and without any pass the verdict is a failure."""
    monkeypatch.setattr(settings, "judge", lambda *_, **__: judgement_of(*statuses))
    assert outcome("net.py", "--json", "v.json") == code
    assert Path("v.json").exists()


def test_crash_of_ours_is_no_failure_of_theirs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash of the tool gives 3, although Python's own exit code would be 1."""
    monkeypatch.setattr(settings, "judge", None)
    assert outcome("net.py") == TOOL
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "a fault of bp itself" in said


def test_missing_extra_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If a module is missing, the message names the extra that this command needs."""
    monkeypatch.delitem(sys.modules, "reports.commands.check")
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert outcome("net.py") == TOOL
    assert "the module rich.console is not installed; install the project's 'check' extra" in capsys.readouterr().err


def test_pages_need_what_draws(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page needs matplotlib, which is in another extra and is missed before anything is judged."""
    hand_in(elsewhere / "course", a=RIGHT)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(settings, "judge", None)
    for argv in (["net.py", "--html", "v.html"], ["--all", "course", "--reports", "out"]):
        assert outcome(*argv) == TOOL
        assert "matplotlib is not installed; install the project's 'report' extra" in capsys.readouterr().err


def test_interruption_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C and SIGTERM give 130, and what was begun is cleaned up."""

    def interrupted(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(settings, "judge", interrupted)
    assert outcome("net.py") == INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) == before
    with pytest.raises(KeyboardInterrupt), terminable():
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers here")
def test_interruption_while_an_object_is_deleted_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """Python drops an exception that leaves a ``__del__``: it comes again, and nothing is printed."""

    class Slow:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    def wait() -> None:
        slow = Slow()
        del slow
        time.sleep(10)

    with pytest.raises(KeyboardInterrupt), terminable():
        wait()
    assert capsys.readouterr().err == ""


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a progress bar on standard error follows the checks."""
    seen: list[str] = []
    monkeypatch.setattr(settings, "judge", lambda *_, on_finding, **__: _drive(on_finding, seen))
    monkeypatch.setenv("FORCE_COLOR", "1")  # what makes rich take anything for a terminal
    assert outcome(submission(RIGHT)) == OK
    assert seen == ["called"]


def _drive(on_finding: Callable[[Finding, int], object], seen: list[str]) -> Judgement:
    judgement = judgement_of("passed")
    on_finding(judgement.findings[0], 1)
    seen.append("called")
    return judgement


def test_commands_are_the_modules_that_run() -> None:
    """The command line runs the modules that these tests import."""
    assert callable(check.run)
    assert callable(check_course.run)
