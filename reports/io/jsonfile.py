"""JSON that every parser reads: numbers that are not finite become strings, and come back as numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from reports.io.files import write_atomically

# JSON has no NaN or infinity, and Python's habit of writing them bare breaks other readers (Typst's among them).
# The spelling is that of the protocol buffers' JSON mapping.
_NAMES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def dumps(value: Any, *, ascii_only: bool = False) -> str:
    """``value`` as indented JSON text with a newline at its end."""
    return json.dumps(_spell(value), indent=1, allow_nan=False, ensure_ascii=ascii_only) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path``, whole or not at all."""
    write_atomically(path, dumps(value))


def number(value: float | str) -> float:
    """The number that ``dumps`` wrote."""
    return _NAMES[value] if isinstance(value, str) else value


def _spell(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _spell(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_spell(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
