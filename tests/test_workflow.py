"""The workflow for GitHub runs what tox has, all of it."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.outside

ROOT = Path(__file__).resolve().parent.parent
JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
#: Jobs that run one environment of tox each.
MATRICES = ("matrix", "nightly")


def tox() -> configparser.ConfigParser:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini", encoding="utf-8")
    return settings


def environments(settings: configparser.ConfigParser) -> set[str]:
    """The environments of the default list and of the label."""
    _, _, labelled = settings["tox"]["labels"].partition("=")
    return set(settings["tox"]["env_list"].split()) | set(re.findall(r"[\w-]+", labelled))


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = JOBS[job]["steps"]
    return found


def test_every_environment_has_a_job() -> None:
    """What `tox` runs by itself, CI runs too, each with the Python that its name or its section says."""
    settings = tox()
    jobs = {each["env"]: each["python"] for job in MATRICES for each in JOBS[job]["strategy"]["matrix"]["include"]}
    assert jobs.keys() >= environments(settings)
    for environment, python in jobs.items():
        named = settings.get(f"testenv:{environment}", "base_python", fallback=environment)
        if version := re.match(r"py3(\d+)", named):
            assert python == f"3.{version[1]}"


def test_claimed_versions_of_python_are_tested() -> None:
    """The package claims those versions of Python that CI has a job for, and takes none that is older."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pattern = re.compile(r"Programming Language :: Python :: (3\.\d+)")
    claimed = {found[1] for each in project["classifiers"] if (found := pattern.fullmatch(each))}
    tested = {each["python"] for job in MATRICES for each in JOBS[job]["strategy"]["matrix"]["include"]}
    assert claimed == tested
    assert project["requires-python"] == f">=3.{min(int(each.removeprefix('3.')) for each in tested)}"


def test_every_job_has_an_environment() -> None:
    """No job asks tox for what it does not have: it would run the tests under that name, and be green."""
    settings = tox()
    known = {name.removeprefix("testenv:") for name in settings.sections()} | environments(settings)
    asked = {each["env"] for job in MATRICES for each in JOBS[job]["strategy"]["matrix"]["include"]}
    asked |= {step["run"].removeprefix("tox run -e ") for step in steps("report") if "tox run" in step.get("run", "")}
    assert asked <= known


def test_missing_interpreter_is_a_fault() -> None:
    """In CI nothing is skipped for want of a Python."""
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["env"]["TOX_SKIP_MISSING_INTERPRETERS"] == "false"


@pytest.mark.parametrize("job", JOBS)
def test_scripts_take_nothing_from_expressions(job: str) -> None:
    """What stands in a script by ``${{ }}`` would be run; and a pipe fails where its first command does."""
    for step in steps(job):
        assert "${{" not in step.get("run", "")
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["defaults"]["run"]["shell"] == "bash"


def test_report_is_kept_and_the_summary_written() -> None:
    """The report is an artifact; every environment's closing lines are in the step summary, failed or not."""
    kept = [
        step["with"]["path"] for step in steps("report") if step.get("uses", "").startswith("actions/upload-artifact")
    ]
    assert kept == ["report/"]
    (summary,) = (step for step in steps("matrix") if "GITHUB_STEP_SUMMARY" in step.get("run", ""))
    assert summary["if"] == "always()"


def test_own_actions_are_there() -> None:
    """What the workflow takes from this repository is in it."""
    own = [step["uses"] for job in JOBS for step in steps(job) if step.get("uses", "").startswith("$/")]
    assert own
    assert all((ROOT / each.removeprefix("$/") / "action.yml").is_file() for each in own)
