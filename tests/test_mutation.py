"""The list of mutants that nothing can tell from the original, and the figures of the last run; without mutmut."""

from __future__ import annotations

import ast
import inspect
import json
import math
from pathlib import Path
from typing import Any

import pytest
from _pytest import hookspec

from tests.mutation import summary

pytestmark = pytest.mark.outside

ROOT = Path(__file__).resolve().parent.parent
LIST = sorted(summary.listed())


def source_of(place: str) -> str:
    """The lines of ``bp/file.py: Class.function``, without their margins, in a row."""
    path, _, name = place.partition(": ")
    text = (ROOT / path).read_text(encoding="utf-8")
    scope: Any = ast.parse(text)
    for part in name.split("."):
        scope = next(each for each in scope.body if getattr(each, "name", None) == part)
    # By lines, so that the comments at their ends are there.
    return " ".join(line.strip() for line in text.splitlines()[scope.lineno - 1 : scope.end_lineno])


@pytest.mark.parametrize("mutant", LIST, ids=lambda mutant: f"{mutant.place} + {mutant.after}"[:100])
def test_list_is_of_this_code(mutant: summary.Equivalent) -> None:
    """What a listed mutant changes stands in the function that is named: who edits it thinks of it again."""
    assert mutant.before in source_of(mutant.place)
    assert mutant.after != mutant.before


def test_every_listed_mutant_has_a_reason() -> None:
    """In a sentence, and of bp alone: survivors in reference are counted, not excused."""
    for mutant, reason in summary.listed().items():
        assert len(reason) > 20
        assert mutant.place.startswith("bp/")


def test_figures_of_the_readme_are_those_of_the_run() -> None:
    """The sentence about mutants says what the last recorded run found; whether that is enough, the run itself says."""
    figures = json.loads(summary.SCORE.read_text(encoding="utf-8"))
    text = summary.README.read_text(encoding="utf-8")
    assert summary.with_score(text, figures) == text
    assert "<!-- mutation -->" in text
    for package in summary.GOALS:
        assert figures[package]["per_cent"] == round(100 * figures[package]["killed"] / figures[package]["tried"], 1)


def test_a_sample_says_how_much_it_says() -> None:
    """Wilson's interval: its ends are where the share found is 1.96 deviations off, and it never leaves 0 to 1."""
    low, high = summary.wilson(85, 100)
    for end in (low, high):
        assert abs(0.85 - end) == pytest.approx(1.96 * math.sqrt(end * (1 - end) / 100))
    assert summary.wilson(10, 10)[0] > 0.7
    assert summary.wilson(0, 10)[0] == pytest.approx(0, abs=1e-15)


def test_hooks_of_the_runner_are_those_of_pytest() -> None:
    """By their names and arguments: pytest refuses a plugin with others, before any mutant is tried."""
    tree = ast.parse((ROOT / "tests" / "mutation" / "runner.py").read_text(encoding="utf-8"))
    hooks = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("pytest_")]
    assert hooks
    for hook in hooks:
        arguments = {each.arg for each in hook.args.args} - {"self"}
        assert arguments <= set(inspect.signature(getattr(hookspec, hook.name)).parameters)
