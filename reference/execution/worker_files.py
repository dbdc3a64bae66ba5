"""The files of the worker's code, compiled once for all worker processes that this process starts."""

from __future__ import annotations

import importlib.util
import py_compile
import tempfile
from functools import cache
from pathlib import Path

from reference.execution import worker


@cache
def contents() -> dict[str, bytes]:
    """The content of each file of the worker's package, by its path in there: the sources and their bytecode."""
    folder = Path(worker.__file__).parent
    found = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py"))}
    with tempfile.TemporaryDirectory(prefix="bp-compiled-") as place:
        compiled = Path(place, "compiled")
        for name in list(found):
            # Python uses bytecode with the hash of a source for that source alone.
            checked = py_compile.PycInvalidationMode.CHECKED_HASH
            py_compile.compile(str(folder / name), str(compiled), doraise=True, invalidation_mode=checked)
            found[f"__pycache__/{Path(importlib.util.cache_from_source(name)).name}"] = compiled.read_bytes()
    return found
