"""Files are written whole or not at all, and every parser can read our JSON."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.io.files import replacing, write_atomically
from reports.io.jsonfile import dumps, number, write_json

pytestmark = pytest.mark.system


def test_write_makes_folders_and_replaces(tmp_path: Path) -> None:
    """Missing folders are made, and an older file is replaced."""
    path = tmp_path / "a" / "b" / "file.txt"
    write_atomically(path, "one")
    write_atomically(path, "zwölf")
    assert path.read_bytes() == "zwölf".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("interruption", [OSError("disk full"), KeyboardInterrupt()])
def test_interrupted_write_leaves_what_was_there(tmp_path: Path, interruption: BaseException) -> None:
    """If writing is interrupted, the old file is unchanged and no part of the new one is left."""
    path = tmp_path / "file.txt"
    write_atomically(path, "old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise interruption

    with pytest.raises(type(interruption)):
        write_half()
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_files_get_the_usual_mode(tmp_path: Path) -> None:
    """A result gets the permissions of any file that the user makes."""
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    write_atomically(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == ordinary.stat().st_mode


@given(st.lists(st.floats()))
def test_numbers_survive_json(values: list[float]) -> None:
    """Every float comes back bit by bit, and the text is strict JSON."""
    text = dumps({"values": tuple(values)})
    strict = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    back = [number(value) for value in strict["values"]]
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(values, back, strict=True))


def test_write_json_is_dumps(tmp_path: Path) -> None:
    """The file holds the text, and no other file is left beside it."""
    write_json(tmp_path / "x.json", {"a": [1, math.inf]})
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == '{\n "a": [\n  1,\n  "Infinity"\n ]\n}\n'
