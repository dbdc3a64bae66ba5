"""What course platforms run: the autograder for Gradescope and the workflow for GitHub Classroom."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from reference.lab.check import checks_of
from tests.submissions import MARKS, RIGHT

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SHELL = shutil.which("sh") or ""
pytestmark = [*MARKS, pytest.mark.skipif(not SHELL, reason="there is no shell")]


def graded(base: Path, *, files: dict[str, str]) -> tuple[int, dict[str, object]]:
    """What Gradescope gets for these files: the exit code, and results.json."""
    for name in ("submission", "results", "venv/bin"):
        (base / name).mkdir(parents=True)
    for name, text in files.items():
        (base / "submission" / name).write_text(text, encoding="utf-8")
    program = f'#!/bin/sh\nexec "{sys.executable}" -P -m reports "$@" --effort quick\n'
    (base / "venv" / "bin" / "bp").write_text(program, encoding="utf-8")
    (base / "venv" / "bin" / "bp").chmod(0o755)
    (base / "venv" / "bin" / "python").symlink_to(sys.executable)
    environment = os.environ | {"AUTOGRADER": str(base), "XDG_STATE_HOME": str(base)}
    done = subprocess.run([SHELL, str(EXAMPLES / "gradescope" / "run_autograder")], env=environment, check=False)
    results = base / "results" / "results.json"
    return done.returncode, json.loads(results.read_text("utf-8")) if results.exists() else {}


def test_gradescope_gets_all_points_for_a_right_submission(tmp_path: Path) -> None:
    """The autograder's folder gives the whole 12 points, and ends with 0 as Gradescope asks."""
    code, found = graded(tmp_path, files={"hw.py": RIGHT})
    assert (code, found["score"]) == (0, 12.0)


def test_gradescope_is_told_why_nothing_was_judged(tmp_path: Path) -> None:
    """A submission without Python gets no points and the reason, and is no fault of the autograder's."""
    code, found = graded(tmp_path, files={"readme.txt": "my homework"})
    assert (code, found["score"]) == (0, 0)
    assert "there is no Python file" in str(found["output"])


def test_classroom_asks_for_classes_that_there_are() -> None:
    """Each step of the workflow makes checks that exist, and the reporter gets the result of each."""
    job = yaml.safe_load((EXAMPLES / "classroom.yml").read_text("utf-8"))["jobs"]["run-autograding-tests"]
    graders = {step["id"]: step["with"] for step in job["steps"] if "id" in step}
    for each in graders.values():
        assert checks_of(re.findall(r"--only (\S+)", each["command"])[0], 3)
    reporter = job["steps"][-1]
    assert reporter["with"]["runners"].split(",") == list(graders)
    assert list(reporter["env"]) == [f"{name.upper()}_RESULTS" for name in graders]
    assert sum(each["max-score"] for each in graders.values()) == 12
