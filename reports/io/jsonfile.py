"""JSON that every parser can read: NaN and the infinities are written as strings, which `number` turns back."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from reports.io.files import write_atomically

# JSON has no NaN and no infinity. Python would write the bare words, which other parsers (Typst's among them) refuse.
# The spelling is that of the JSON mapping of protocol buffers.
_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def dumps(value: Any, *, ascii_only: bool = False) -> str:
    """``value`` as JSON text, indented and with a newline at its end."""
    return json.dumps(_without_nonfinite(value), indent=1, allow_nan=False, ensure_ascii=ascii_only) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path``, whole or not at all."""
    write_atomically(path, dumps(value))


def number(value: float | str) -> float:
    """The number that `dumps` has written, perhaps as a string."""
    return _NONFINITE[value] if isinstance(value, str) else value


def _without_nonfinite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_nonfinite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nonfinite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
