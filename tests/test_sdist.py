"""The source distribution is the whole project, so that whoever has unpacked it can run the tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def setuptools() -> int:
    """Its major version, 0 if it is not installed."""
    try:
        return int(metadata.version("setuptools").partition(".")[0])
    except metadata.PackageNotFoundError:
        return 0


pytestmark = [
    pytest.mark.outside,
    pytest.mark.skipif(setuptools() < 77, reason="setuptools 77, which builds it, is absent"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git, which tells the files of the project, is absent"),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no checkout: git does not know its files"),
]

#: What setuptools writes by itself, besides the folder of metadata.
GENERATED = {"PKG-INFO", "setup.cfg"}
METADATA = "bp_lab.egg-info"
#: What lies about in a checkout where somebody works, and is no part of the project.
LEFT_BEHIND = (
    "bp/__pycache__/layers.cpython-311.pyc",
    "tests/.hypothesis/examples/0a/1b",
    "tests/.pytest_cache/v/cache/lastfailed",
    ".hypothesis/unicode_data/13.0.0/charmap.json.gz",
    ".mypy_cache/3.11/bp/layers.data.json",
    ".tox/py311/bin/python",
    ".venv/bin/python",
    "build/lib/bp/layers.py",
    "dist/bp_lab-0.1.0.tar.gz",
    "mutants/bp/layers.py",
    "report/report.html",
    "history-xor.json",
    "report.log",
)


def tracked() -> set[str]:
    """The files of the project, as git knows them, without those that have just been deleted."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


def build(project: Path, target: Path) -> Path:
    """The source distribution of a project, built by setuptools as pip and build have it done."""
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, target], cwd=project, check=True)
    (archive,) = target.iterdir()
    return archive


def test_source_distribution_is_the_project(tmp_path: Path) -> None:
    """It has every file that git tracks, with its mode, and nothing else that lies about."""
    project, target = tmp_path / "project", tmp_path / "built"
    target.mkdir()
    names = tracked()
    for name in names:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    for name in LEFT_BEHIND:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    with tarfile.open(build(project, target)) as archive:
        modes = {member.name.partition("/")[2]: member.mode for member in archive if member.isfile()}
    written = {name for name in modes if name in GENERATED or name.startswith(f"{METADATA}/")}
    assert modes.keys() - written == names
    executable = {name for name in names if (ROOT / name).stat().st_mode & 0o100}
    assert {name for name, mode in modes.items() if mode & 0o100} == executable
