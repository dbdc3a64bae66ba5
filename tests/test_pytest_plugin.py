"""The plugin for pytest: a test for each check of a submission, and a fixture for one's own gradients."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import junitparser
import pytest

from tests.comparing import needs_flint

pytestmark = [pytest.mark.system, needs_flint]

RELU = """
import os
import numpy as np

class ReLULayer:
    def __init__(self, name):
        self.name = name
    def has_params(self):
        return False
    def forward(self, X):
        return np.maximum(X, 0)
    def delta(self, Y, delta_next):
        return delta_next * 1
"""
OWN = """
import sys

import numpy as np

def test_nothing_is_imported_before_it_is_used():
    assert not {"reference", "bp"} & set(sys.modules)

def test_tanh(gradcheck):
    assert gradcheck(np.tanh, lambda c, x: (c * (1 - np.tanh(x) ** 2),), np.array([0.5, 2.0]), effort="quick").ok

def test_without_square(gradcheck):
    gradcheck(np.tanh, lambda c, x: (c * (1 - np.tanh(x)),), np.array([0.5, 2.0]), effort="quick")

def test_loss(gradcheck):
    gradcheck.loss(lambda w: ((w**2).sum(), w), np.array([0.5, 2.0]), effort="quick")

def test_layer(gradcheck):
    gradcheck.layer(lambda x: (x * x, x), lambda d, x: d * x, np.array([0.5, 2.0]), effort="quick")
"""


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of its own, with the plugin whether the package's metadata name it or not."""
    installed = {each.value for each in importlib.metadata.entry_points(group="pytest11")}
    plugin = [] if "reports.commands.pytest_plugin" in installed else ["-p", "reports.commands.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_checks_are_tests(tmp_path: Path) -> None:
    """Without any file of tests: those that -k selects, sandboxed, each failure with its finding, also in JUnit."""
    (tmp_path / "relu.py").write_text(RELU, encoding="utf-8")
    (tmp_path / "test_other.py").write_text("def test_other(): assert False", encoding="utf-8")
    ran = pytest_in(tmp_path, "--bp", "relu.py", "-k", "ReLULayer and delta and values", "--junitxml", "junit.xml")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "mask-missing" in ran.stdout
    assert "Traceback" not in ran.stdout
    (suite,) = junitparser.JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (suite.tests, suite.failures) == (1, 1)


def test_trusted_code_runs_in_this_process(tmp_path: Path) -> None:
    """With --bp-trusted; -x ends at the first failure."""
    (tmp_path / "relu.py").write_text(f"{RELU}\nprint('process', os.getpid() > 0)\n", encoding="utf-8")
    ran = pytest_in(tmp_path, "--bp", "relu.py", "--bp-trusted", "-k", "ReLULayer", "-x", "-s", "--bp-effort", "quick")
    assert ran.returncode == 1
    assert "process True" in ran.stdout
    assert "1 failed" in ran.stdout


@needs_flint
def test_formulas_are_tests_of_trusted_code(tmp_path: Path) -> None:
    """Where code runs in this process, its formulas are judged as well."""
    (tmp_path / "relu.py").write_text(RELU, encoding="utf-8")
    asked = ("--bp", "relu.py", "-k", "ReLULayer and formula", "--bp-effort", "quick", "--junitxml", "junit.xml")
    assert pytest_in(tmp_path, *asked).returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    pytest_in(tmp_path, *asked, "--bp-trusted")
    (suite,) = junitparser.JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (suite.tests, suite.failures) == (2, 1)


def test_paths_that_are_not_there_are_wrong_usage(tmp_path: Path) -> None:
    """Pytest's own exit code for that is 4."""
    ran = pytest_in(tmp_path, "--bp", "nowhere")
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "nowhere" in ran.stdout + ran.stderr


def test_fixture_shows_the_finding(tmp_path: Path) -> None:
    """A right gradient passes; of a wrong one the finding is shown, and no traceback."""
    (tmp_path / "test_own.py").write_text(OWN, encoding="utf-8")
    ran = pytest_in(tmp_path, "--junitxml", "junit.xml")
    (suite,) = junitparser.JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert {case.name for case in suite if case.result} == {"test_without_square", "test_loss", "test_layer"}
    assert "factor-missing" in ran.stdout
    assert "check_vjp(" not in ran.stdout
