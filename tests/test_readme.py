"""The README does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import reference
from reference.lab.mistakes import CATALOGUE
from tests.comparing import needs_flint

pytestmark = pytest.mark.outside

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@cache
def python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run, once for all tests, in a process of its own that sees the checkout."""
    command = [sys.executable, *arguments]
    seen = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=seen)


#: The examples of the README that are files, in the order of the page: Python blocks and what they print.
EXAMPLES = {"mean_square.py": "check_vjp(loss", "spirals.py": "load_spirals("}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_the_file(name: str) -> None:
    """The README shows what the file in examples/ runs."""
    _, code = (ROOT / "examples" / name).read_text(encoding="utf-8").split("\n\n", maxsplit=1)
    assert [block for block in blocks("python") if EXAMPLES[name] in block] == [code]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_prints_what_the_readme_says(name: str) -> None:
    """The output shown below the example is its output."""
    assert python(ROOT / "examples" / name).stdout in blocks("text")


def test_readme_opens_with_a_wrong_gradient() -> None:
    """Found and named; training comes later."""
    assert EXAMPLES["mean_square.py"] in blocks("python")[0]
    assert "mistake  scaled" in blocks("text")[0]


@needs_flint
def test_finding_is_what_the_examiner_says() -> None:
    """The finding shown is that of a softmax over the wrong axis."""
    wrong = next(each for each in CATALOGUE if each.name == "SoftmaxLayer.forward_over_the_batch")
    findings = reference.check(wrong.classes, only="softmax.forward.values")
    assert f"{findings[-1]}\n" == blocks("text")[1]


def test_own_layer_is_judged_as_shown() -> None:
    """The example with a gradient of one's own prints what stands below it."""
    (code,) = (block for block in blocks("python") if "check_vjp(np.tanh" in block)
    result = python("-c", code)
    assert result.stdout == blocks("text")[2]


def test_ci_runs_the_readmes_test_command() -> None:
    """What CI looks for in the README is there once, and it runs the whole default list of environments."""
    pattern = re.search(r"grep .*'(.*)' README\.md", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert pattern is not None
    commands = re.findall(pattern[1], README, flags=re.MULTILINE)
    assert len(commands) == 1
    assert "-e" not in commands[0].split("/tox")[1]


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_examples_run(name: str) -> None:
    """Each by itself, with something to say and no complaint."""
    result = python(ROOT / "examples" / name)
    assert result.stdout
    assert not result.stderr


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "tests/README.md"])
def test_files_that_are_named_are_there(document: str) -> None:
    """Every path between backticks that looks like one of ours exists, from the top or from the document's folder."""
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[\w.-]+/)*[\w.-]+(?:\.py|\.md|\.toml|\.typ|/))`", text)) - {
        "report/"
    }  # which is made
    places = (ROOT, (ROOT / document).parent)
    assert named
    assert [name for name in sorted(named) if not any((place / name).exists() for place in places)] == []
