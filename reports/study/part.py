"""A piece of the report's work that can be done, kept and repeated by itself."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from reports.io.progress import Display

Arrays = dict[str, np.ndarray[Any, Any]]

#: Whose versions decide the last digits.
_PACKAGES = ("numpy", "torch", "python-flint")


@dataclass(frozen=True)
class Made:
    """What came of a part: a record for results.json, and arrays that only the figures need."""

    record: dict[str, Any]
    arrays: Arrays = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One piece of work.

    Attributes
    ----------
    name
        Unique, and good for a file's name.
    settings
        Everything beside the code that decides the result; plain values.
    make
        Does the work.
    code
        The packages and modules whose code decides the result.
    """

    name: str
    settings: Mapping[str, Any]
    make: Callable[[Display], Made]
    code: tuple[str, ...] = ("bp",)

    @property
    def key(self) -> str:
        """Different where the settings, the code, its libraries or the machine are."""
        what = {
            "settings": self.settings,
            "code": {name: fingerprint(name) for name in self.code},
            "packages": {name: _version(name) for name in _PACKAGES},
            "machine": [platform.system(), platform.machine(), platform.processor(), platform.python_version()],
        }
        return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:20]


@cache
def fingerprint(name: str) -> str:
    """Of the source of a module or of everything in a package."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"expected {name} to be a module with a source, found none", name=name)
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
