"""Modules in the place of those that are not here: plotting, progress bars, whatever a submission imports at its top.

They let the import go on, and do nothing: what is judged needs numpy alone.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any


class Nothing:
    """Stands for every object of an absent module: can be called, looked into, entered and run through, to no end."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Whatever it is made from."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Whatever it is asked."""
        return Nothing()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __getitem__(self, _: Any) -> Any:
        return Nothing()

    def __setitem__(self, _: Any, __: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _through(iterable: Any = (), *_: Any, **__: Any) -> Any:
    """A progress bar that shows nothing."""
    return iterable


def _range_through(*numbers: int, **_: Any) -> Any:
    return range(*numbers)


_ITERATES = {"tqdm": _through, "trange": _range_through, "track": _through, "tqdm_notebook": _through}
_CANVAS = (Nothing(), Nothing())


def _subplots(n_rows: Any = 1, n_columns: Any = 1, **_: Any) -> Any:
    """A pair, since everybody unpacks it."""
    return _CANVAS


class StandIn(ModuleType):
    """A module that has everything."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if name == "subplots":
            return _subplots
        return _ITERATES.get(name, Nothing)


class Finder:
    """Comes last: whatever nobody else finds has a stand-in. Submodules of a stand-in are stand-ins."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """A specification for any name that is absolute, or below a stand-in."""
        parent = name.rpartition(".")[0]
        if parent and not isinstance(sys.modules.get(parent), StandIn):
            return None  # a missing part of a module that is there is the submission's own affair
        if not parent:
            self.names.append(name)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> ModuleType:
        """An empty one."""
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""
