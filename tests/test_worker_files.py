"""The code of the worker is compiled once, for its very source."""

from __future__ import annotations

import os
from importlib.util import cache_from_source, source_hash
from pathlib import Path
from py_compile import PyCompileError

import pytest

from reference.execution import worker_files

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="a process is confined on POSIX systems alone"),
    pytest.mark.system,
]


def test_code_of_the_worker_is_compiled_for_its_very_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file comes with bytecode that Python uses for that text alone; what cannot be compiled is told."""
    monkeypatch.setattr(worker_files.worker, "__file__", str(tmp_path / "__init__.py"))
    sources = {"__init__.py": b"", "serve.py": b"x = 1\n"}
    for name, source in sources.items():
        (tmp_path / name).write_bytes(source)
    (tmp_path / "notes.txt").write_bytes(b"none of it")
    worker_files.contents.cache_clear()
    found = worker_files.contents()
    worker_files.contents.cache_clear()
    compiled = {name: found.pop(str(Path("__pycache__", Path(cache_from_source(name)).name))) for name in sources}
    assert found == sources
    for name, source in sources.items():
        assert (compiled[name][4], compiled[name][8:16]) == (0b11, source_hash(source))
    (tmp_path / "serve.py").write_bytes(b"x = = 1\n")
    with pytest.raises(PyCompileError):
        worker_files.contents()
    worker_files.contents.cache_clear()
