"""The comparison of all verdicts before and after a change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import verdicts

ROWS = [
    {
        "part": "p",
        "name": "a",
        "findings": [["x.y", "X.y", "passed", None, None], ["x.z", "X.z", "failed", "sign", [0]]],
    },
    {"part": "p", "name": "b", "findings": [["x.y", "X.y", "skipped", None, None]]},
]


def compared(folder: Path, older: object, newer: object) -> int:
    for name, rows in (("older", older), ("newer", newer)):
        (folder / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")  # type: ignore[call-overload]
    return verdicts.main([str(folder / "newer"), "--compare", str(folder / "older")])


def test_equal_verdicts_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By part, before and after; there is no difference."""
    assert compared(tmp_path, ROWS, ROWS) == 0
    said = capsys.readouterr().out
    assert "2 -> 2" in said
    assert "0 differences" in said


def test_every_difference_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another status, another mistake, a check or a subject that is only in one of them."""
    other = json.loads(json.dumps(ROWS))
    other[0]["findings"][1][3] = "scaled"
    other[1]["findings"] = []
    assert compared(tmp_path, ROWS, [*other, {"part": "p", "name": "c", "findings": []}]) == 1
    said = capsys.readouterr().out
    assert "x.z" in said
    assert "p c: only in the newer" in said
    assert "3 differences" in said
