"""Keeps a submission's modules apart from everybody else's in this process.

They have the names that they have at home, so that they find one another; who else has a module of such a name gets it
back. The next submission finds nothing of the last one.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from .naming import Names

#: Of the submission before this one: its modules by name, and the folders that it has left on the path.
_earlier: dict[str, ModuleType] = {}
_left_on_path: list[str] = []
#: What a submission cannot have in its own way: this process works with them.
_SHARED = {*sys.stdlib_module_names, "__main__", "numpy", "scipy"}


@contextlib.contextmanager
def apart(files: Iterable[Path], tops: Iterable[str]) -> Iterator[None]:
    """Make room for a submission's modules, and afterwards give back whose place they had.

    Where nobody else had it they stay until the next submission, for what is imported while a method runs.

    Parameters
    ----------
    files
        The submission's Python files.
    tops
        The names that its modules and packages have, without what comes behind a dot.
    """
    _forget()
    own = {str(path) for path in files}
    away = _set_aside([name for name in tops if name not in _SHARED], own)
    before = dict(sys.modules)
    once = _Once(own)
    finders = [finder for finder in sys.meta_path if finder is importlib.machinery.PathFinder]
    sys.meta_path.insert(sys.meta_path.index(finders[0]) if finders else len(sys.meta_path), once)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(once)
        _earlier.update({name: each for name, each in of(own).items() if before.get(name) is not each})
        for name in [name for name in _earlier if name.partition(".")[0] in away]:
            if sys.modules.get(name) is _earlier.pop(name):
                del sys.modules[name]
        for modules in away.values():
            sys.modules.update(modules)


def _forget() -> None:
    """Remove what is left of the submission before this one."""
    for name, module in _earlier.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
    _earlier.clear()
    while _left_on_path:
        folder = _left_on_path.pop()
        if folder in sys.path:  # the last one: somebody may have put it there too, in front
            del sys.path[len(sys.path) - 1 - sys.path[::-1].index(folder)]
    importlib.invalidate_caches()


def _set_aside(tops: Sequence[str], own: set[str]) -> dict[str, dict[str, ModuleType]]:
    """Modules of somebody else's with these names, and all below them; they are out of the way now."""
    ours = of(own)
    away = {}
    for top in tops:
        if top in sys.modules and top not in ours:
            away[top] = {name: sys.modules[name] for name in list(sys.modules) if name.partition(".")[0] == top}
            for name in away[top]:
                del sys.modules[name]
    return away


def of(own: set[str]) -> dict[str, ModuleType]:
    """The modules that were made of these files, and the packages above them."""
    found = {name: module for name, module in list(sys.modules.items()) if _file_of(module) in own}
    tops = {name.partition(".")[0] for name in found}
    spaces = {name: module for name, module in list(sys.modules.items()) if _is_space(module)}
    return found | {name: module for name, module in spaces.items() if name.partition(".")[0] in tops}


def _is_space(module: Any) -> bool:
    """Whether it is a package without a file."""
    return isinstance(module, ModuleType) and _file_of(module) is None and "__path__" in vars(module)


def _file_of(module: Any) -> Any:
    return vars(module).get("__file__") if isinstance(module, ModuleType) else None


def of_file(path: Path) -> ModuleType | None:
    """The module that was made of a file, by whatever name."""
    return next((module for module in list(sys.modules.values()) if _file_of(module) == str(path)), None)


def space(name: str, folder: Path) -> ModuleType:
    """The package without ``__init__.py`` that a folder is; Python would pass it over for a module of its name."""
    spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return importlib.util.module_from_spec(spec)


def make_spaces(names: Names) -> None:
    """Have the packages without ``__init__.py`` in place before a module of such a name is found instead."""
    for folder in names.packages:
        inside = folder / "any.py"
        name, *further = names.parts(inside)[:-1]
        if not further and not (folder / "__init__.py").is_file() and name not in sys.modules:
            sys.modules[name] = space(name, folder)


def free(parts: Sequence[str], names: Names) -> str:
    """The first part of a name, or another one where it would be that of somebody else's module."""
    first, number, candidate = parts[0], 0, parts[0]
    while not _is_free(candidate, parts[1:], names):
        number += 1
        candidate = f"submission_{number}_{first}"
    return candidate


def _is_free(first: str, rest: Sequence[str], names: Names) -> bool:
    if ".".join([first, *rest]) in sys.modules:
        return False
    present = sys.modules.get(first)
    if present is None:
        return True
    places = [_file_of(present), *vars(present).get("__path__", ())]
    folders = (names.home, *names.packages)
    return any(type(place) is str and any(map(Path(place).is_relative_to, folders)) for place in places)


@contextlib.contextmanager
def on_path(folders: Sequence[str], above: Path) -> Iterator[None]:
    """The folders first; the one above all last, for a folder that imports from itself by its own name."""
    before = list(sys.path)
    sys.path[:] = [*folders, *before, str(above)]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        left = [each for each in (*folders, str(above)) if each not in before]
        _left_on_path.extend(left)
        sys.path[:] = [*before, *left]


class _Once:
    """Finds the module of a file again where it is imported by another name, so that no file is run twice."""

    def __init__(self, own: set[str]) -> None:
        self._own = own

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """A specification that leads to the module that is there already; None if there is none."""
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        module = of_file(Path(spec.origin)) if spec is not None and spec.origin in self._own else None
        if module is None:
            return None
        found = importlib.machinery.ModuleSpec(name, _Again(module), origin=_file_of(module))  # type: ignore[arg-type]
        found.submodule_search_locations = vars(module).get("__path__")
        return found


class _Again:
    """Gives a module that is there already."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: Any) -> ModuleType:
        """The module."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run; what it says of where it comes from stays as it was."""
        module.__spec__ = self._spec
