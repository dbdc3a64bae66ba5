"""The action and the workflow that run ``bp check`` on GitHub: read by a parser, their commands run by a shell."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reference.lab.mistakes import plain
from reports import cli
from reports.commands.check import FORMATS
from tests.comparing import needs_flint

pytestmark = pytest.mark.outside

ROOT = Path(__file__).resolve().parent.parent
ACTION = ROOT / ".github" / "actions" / "gate" / "action.yml"
EXAMPLE = ROOT / "examples" / "gate.yml"
WORKFLOW = ROOT / ".github" / "workflows" / "gate.yml"
BASH = shutil.which("bash")

needs_bash = pytest.mark.skipif(BASH is None or os.name != "posix", reason="needs bash")


def content(path: Path) -> dict[str, Any]:
    read: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    # YAML 1.1, which PyYAML reads, takes the key `on` for a truth value.
    return {("on" if key is True else key): value for key, value in read.items()}


def script_of(step: str) -> str:
    (found,) = (each["run"] for each in content(ACTION)["runs"]["steps"] if each.get("id", each.get("name")) == step)
    return str(found)


def judge(folder: Path, bp: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the judging step as a runner does, with a ``bp`` that is a script of ours."""
    program = folder / "bp-venv" / "bin" / "bp"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!{BASH}\n{bp}\n", encoding="utf-8")
    program.chmod(0o755)
    assert BASH is not None
    given = {"BP_ASSIGNMENT": "3", "BP_EFFORT": "quick", "BP_EXPECT": "", "BP_SEED": "", **environment}
    files = {name: str(folder / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    return subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", script_of("judge")],
        env={"PATH": os.environ["PATH"], "RUNNER_TEMP": str(folder), **files, **given},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def parsed(folder: Path, **environment: str) -> argparse.Namespace:
    """The arguments that reach ``bp check``, as our own parser takes them."""
    done = judge(folder, 'printf "%s\\0" "$@" > arguments', **environment)
    assert done.returncode == 0, done.stderr
    argv = (folder / "arguments").read_text(encoding="utf-8").split("\0")[:-1]
    return cli._parser().parse_args(argv)


@needs_bash
def test_command_of_the_action_is_one_of_ours(tmp_path: Path) -> None:
    """Its options are those of the command line, with and without the optional inputs, whatever the path looks like."""
    plain = parsed(tmp_path, BP_PATH="mlp")
    assert (plain.command, plain.path, plain.assignment, plain.effort) == ("check", "mlp", 3, "quick")
    assert (plain.expect, plain.seed, plain.markdown) == (None, None, Path("-"))
    full = parsed(tmp_path, BP_PATH='-x $(touch "pwned") ü', BP_ASSIGNMENT="1", BP_EXPECT="known 1.toml", BP_SEED="7")
    assert full.path == '-x $(touch "pwned") ü'
    assert (full.assignment, full.expect, full.seed) == (1, Path("known 1.toml"), 7)
    assert not (tmp_path / "pwned").exists()


@needs_bash
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_exit_code_is_that_of_the_check(tmp_path: Path, code: int) -> None:
    """The step fails with it, the summary is written, and the outputs name the files whatever came of it."""
    done = judge(tmp_path, f"echo summary; exit {code}", BP_PATH="mlp")
    assert done.returncode == code
    assert (tmp_path / "github_step_summary").read_text(encoding="utf-8") == "summary\n"
    outputs = dict(line.split("=", 1) for line in (tmp_path / "github_output").read_text("utf-8").splitlines())
    assert outputs == {"junit": f"{tmp_path}/bp-junit.xml", "verdict": f"{tmp_path}/bp-verdict.json"}


@needs_bash
@needs_flint
@pytest.mark.parametrize("path", ["", " "])
def test_empty_path_is_wrong_usage(tmp_path: Path, path: str) -> None:
    """An input that a workflow forgot to set does not pass in the place of an implementation."""
    (tmp_path / "mlp.py").write_text(Path(plain.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    real = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m reports "$@"'
    assert judge(tmp_path, real, BP_PATH=path).returncode == 2
    assert (tmp_path / "github_step_summary").read_text(encoding="utf-8") == ""


@needs_bash
def test_installing_imports_nothing_of_the_implementation(tmp_path: Path) -> None:
    """Every Python that installs the examiner is isolated and runs elsewhere: a `venv.py` may lie in the repository."""
    assert BASH is not None
    repository, runner, action = (tmp_path / name for name in ("repository", "runner", "action/.github/actions/gate"))
    for folder in (repository, runner, action):
        folder.mkdir(parents=True)
    python = tmp_path / "python"
    fake = f'#!{BASH}\necho "$1 $PWD" >> "{tmp_path}/started"\n'
    fake += 'if [ "$3" = venv ]; then mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; fi\n'
    python.write_text(fake, encoding="utf-8")
    python.chmod(0o755)
    environment = {"RUNNER_TEMP": str(runner), "GITHUB_ACTION_PATH": str(action), "PYTHON": str(python)}
    subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", script_of("Install the examiner")],
        env={"PATH": os.environ["PATH"], **environment}, cwd=repository, check=True,
    )  # fmt: skip
    started = (tmp_path / "started").read_text(encoding="utf-8").splitlines()
    assert started == [f"-I {runner}"] * 2
    for step in content(ACTION)["runs"]["steps"]:
        if "run" in step:
            assert step["env"]["PYTHONPATH"] == ""


@needs_bash
@needs_flint
def test_action_judges(tmp_path: Path) -> None:
    """With the real command: our own implementation passes, and all its files are there."""
    real = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m reports "$@"'
    done = judge(tmp_path, real, BP_PATH=str(ROOT / "bp"))
    assert done.returncode == 0, done.stderr
    assert "pass" in (tmp_path / "github_step_summary").read_text(encoding="utf-8").lower()
    assert (tmp_path / "bp-junit.xml").exists()
    assert (tmp_path / "bp-verdict.json").exists()


def test_inputs_are_declared_used_and_safe() -> None:
    """Each input reaches the environment, and no script contains one, which would run what stands in it."""
    action = content(ACTION)
    text = ACTION.read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", text))
    assert used == set(action["inputs"])
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert ("shell" in step) == ("run" in step)
    outputs = {each["value"] for each in action["outputs"].values()}
    assert outputs == {"${{ steps.judge.outputs.junit }}", "${{ steps.judge.outputs.verdict }}"}


def test_workflow_calls_the_action_with_what_it_takes() -> None:
    """Every input of the workflow is one of the action's, passed on by its name."""
    workflow = content(WORKFLOW)
    inputs = workflow["on"]["workflow_call"]["inputs"]
    (step,) = (each for each in workflow["jobs"]["gate"]["steps"] if each.get("id") == "gate")
    assert step["uses"] == "$/.github/actions/gate"
    assert step["with"] == {name: f"${{{{ inputs.{name} }}}}" for name in inputs}
    assert set(inputs) <= set(content(ACTION)["inputs"])
    assert workflow["permissions"] == {"contents": "read"}


@needs_bash
@needs_flint
@pytest.mark.parametrize(("source", "code"), [(Path(plain.__file__).read_text(encoding="utf-8"), 0), ("import os", 1)])
def test_example_is_a_gate(source: str, code: int, tmp_path: Path) -> None:
    """examples/gate.yml, in a repository whose mlp is right, lets it through; a wrong one it stops."""
    job = content(EXAMPLE)["jobs"]["gate"]
    submission = tmp_path / job["with"]["path"]
    submission.mkdir()
    (submission / "mlp.py").write_text(source, encoding="utf-8")
    real = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m reports "$@"'
    done = judge(tmp_path, real, **{f"BP_{name.upper()}": str(value) for name, value in job["with"].items()})
    assert done.returncode == code, done.stderr


def test_three_lines_of_the_guide_are_a_job() -> None:
    """The examples, in docs/gate.md and examples/, call the workflow that is here, with inputs that it has."""
    guide = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    examples = [yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)]
    assert examples[0]["jobs"] == content(EXAMPLE)["jobs"]
    jobs = [job for each in examples for job in each["jobs"].values()]
    called = [job for job in jobs if "uses" in job]
    assert called
    for job in called:
        assert job["uses"].partition("@")[0].endswith(".github/workflows/gate.yml")
        assert set(job["with"]) <= set(content(WORKFLOW)["on"]["workflow_call"]["inputs"])
    steps = [step for job in jobs for step in job.get("steps", []) if "actions/gate@" in step.get("uses", "")]
    for step in steps:
        assert set(step["with"]) <= set(content(ACTION)["inputs"])


def test_commands_of_the_guide_parse() -> None:
    """Every `bp check` line in docs/gate.md is one that the command line takes."""
    guide = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    commands = [line.split("#")[0].split()[1:] for line in guide.splitlines() if line.startswith("bp check")]
    assert len(commands) >= 5
    for each in commands:
        assert cli._parser().parse_args(each).command == "check"
    assert set(FORMATS) <= set(vars(cli._parser().parse_args(["check"])))
