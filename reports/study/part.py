"""A part of the report: a piece of work whose result can be kept in the cache."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from reports.io.progress import Display
from reports.io.version import version_of

Arrays = dict[str, np.ndarray[Any, Any]]

#: Packages whose versions decide the last digits of a result.
_PACKAGES = ("numpy", "torch", "python-flint")


@dataclass(frozen=True)
class PartResult:
    """The result of a part: a record for results.json, and arrays that only the figures need."""

    record: dict[str, Any]
    arrays: Arrays = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One part of the report.

    Attributes
    ----------
    name
        A unique name, which is also the name of its file in the cache.
    settings
        All values that decide the result.
    make
        The function that does the work.
    code
        The packages and modules whose code decides the result.
    place
        "here": in this process. "beside": ``make`` can be pickled and shows nothing, so that another process may call
        it while this one trains networks. "alone": it measures times, so that nothing else may run.
    portable
        Returns a function that does what ``make`` does, and that can be pickled with the data that it needs, so that
        a process that has loaded PyTorch already need not load these; None if ``make`` itself is sent.
    """

    name: str
    settings: Mapping[str, Any]
    make: Callable[[Display], PartResult]
    code: tuple[str, ...] = ("bp",)
    place: Literal["here", "beside", "alone"] = "here"
    portable: Callable[[], Callable[[Display], PartResult]] | None = None

    @property
    def key(self) -> str:
        """A hash of everything that decides the result: the settings, the code, the libraries and the machine."""
        what = {
            "part": self.name,
            "settings": self.settings,
            "code": {name: fingerprint(name) for name in self.code},
            "packages": {name: version_of(name) for name in _PACKAGES},
            "machine": [platform.system(), platform.machine(), platform.processor(), platform.python_version()],
        }
        return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:20]


@cache
def fingerprint(name: str) -> str:
    """A hash of the source of a module, or of all modules in a package."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"expected {name} to be a module with a source, found none", name=name)
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
