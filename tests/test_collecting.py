"""A file that is left out when tests are collected has nothing that would have been run."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.collecting import HERE, deselecting, marks_of

FILES = sorted(HERE.glob("test_*.py"))


def test_marks_are_read_as_python_reads_them() -> None:
    """What the text of a file says of its marks is what the module has; of those that this process has imported."""
    imported = [(path, module) for path in FILES if (module := _complete(f"tests.{path.stem}")) is not None]
    assert imported
    for path, module in imported:
        given = getattr(module, "pytestmark", [])
        marks = {each.name for each in (given if isinstance(given, list) else [given])}
        assert marks_of(path) <= marks, path.name
        ours = {"catalogue", "measure", "outside", "system"}
        assert marks_of(path) & ours == marks & ours, path.name


def _complete(name: str) -> ModuleType | None:
    """A module with its tests: where a package is missing, pytest keeps what could be imported of the others."""
    module = sys.modules.get(name)
    return module if any(each.startswith("test_") for each in vars(module or object)) else None


def test_marks_of_a_helper_count(tmp_path: Path) -> None:
    """Marks that come from a helper's ``MARKS`` are found, and those of single tests are not the file's."""
    path = tmp_path / "test_it.py"
    path.write_text("from tests.submissions import MARKS, RIGHT\n\npytestmark = [*MARKS, 1]\n", encoding="utf-8")
    assert "system" in marks_of(path)
    other = tmp_path / "test_other.py"
    other.write_text("pytestmark = [\n    pytest.mark.outside,\n]\n\n@pytest.mark.measure\ndef test(): ...\n", "utf-8")
    assert marks_of(other) == {"outside"}


@pytest.mark.parametrize(
    ("expression", "marks"),
    [
        ("not measure", {"measure"}),
        ("not measure and not system", {"measure", "system"}),
        ("", set()),
        ("measure", set()),
        ("not measure or system", set()),
        ("not (measure and system)", set()),
        ("not measure and system", set()),
    ],
)
def test_only_what_every_mark_decides_is_left_out(expression: str, marks: set[str]) -> None:
    """A file is left out for a mark alone if the expression says nothing but which marks are not wanted."""
    assert deselecting(expression) == marks
