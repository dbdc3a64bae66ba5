"""Files of what the examiner says, asks and grants: who changes one of them sees in git what else has changed.

After a change that is meant: ``BP_WORDS=write pytest`` with the file of tests that keeps it, and a look at what git
shows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

Numbers = Mapping[str, Sequence[float]]


def assert_same(file: str, kind: str, name: str, value: Any) -> None:
    """``value`` is what ``tests/<file>.json`` has of it; or it is written there, where that is asked for."""
    path = Path(__file__).with_name(f"{file}.json")
    if os.environ.get("BP_WORDS") == "write":
        everything = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        everything.setdefault(kind, {})[name] = value
        path.write_text(json.dumps(everything, indent=0, sort_keys=True) + "\n", encoding="utf-8")
        return
    assert value == _read(path)[kind][name]


def assert_near(file: str, kind: str, name: str, numbers: Numbers) -> None:
    """As `assert_same`, for lists of numbers: what is computed may differ in its last digits."""
    rounded = {place: [float(f"{value:.9g}") for value in values] for place, values in numbers.items()}
    if os.environ.get("BP_WORDS") == "write":
        assert_same(file, kind, name, rounded)
        return
    expected = _read(Path(__file__).with_name(f"{file}.json"))[kind][name]
    assert numbers.keys() == expected.keys()
    for place, values in numbers.items():
        assert values == pytest.approx(expected[place], rel=1e-6, abs=1e-6), place


@cache
def _read(path: Path) -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return read
