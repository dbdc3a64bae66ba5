"""Keeps a submission's modules apart from everybody else's in this process.

While it is loaded they have the names that they have at home, so that they find one another. Afterwards everybody else
finds what was there before, and the submission still finds its own.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from .naming import Names
from .standins import importing_file

#: Submissions that still find what is theirs.
_MAX_KEPT = 20
#: What a submission cannot have in its own way: this process works with them.
_SHARED = {*sys.stdlib_module_names, "__main__", "numpy", "scipy"}


@contextlib.contextmanager
def apart(files: Iterable[Path], tops: Iterable[str], *, stay: bool) -> Iterator[None]:
    """Make room for a submission's modules, and afterwards give back whose place they had.

    Parameters
    ----------
    files
        The submission's Python files.
    tops
        The names that its modules and packages have, without what comes behind a dot.
    stay
        Whether its modules keep their places afterwards, where nobody else had them.
    """
    own = _SubmissionFinder({str(path) for path in files})
    _hide_earlier_submissions(own)
    away = _set_aside([name for name in tops if name not in _SHARED], own)
    before = dict(sys.modules)
    once = _LoadedFileFinder(own)
    place = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0
    sys.meta_path[place:place] = [own, once]
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(once)
        own.searching = False
        own.modules.update({name: each for name, each in of(own.files).items() if before.get(name) is not each})
        for name, module in own.modules.items():
            if sys.modules.get(name) is module and (not stay or name.partition(".")[0] in away):
                del sys.modules[name]
        for modules in away.values():
            sys.modules.update(modules)


def _hide_earlier_submissions(own: _SubmissionFinder) -> None:
    """Put an end to an earlier search in these files, and take the modules of all others out of the way."""
    earlier = [each for each in sys.meta_path if isinstance(each, _SubmissionFinder)]
    for number, finder in enumerate(reversed(earlier)):
        for name, module in finder.modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        if finder.files & own.files or number >= _MAX_KEPT:
            sys.meta_path.remove(finder)
    importlib.invalidate_caches()


def _set_aside(tops: Sequence[str], own: _SubmissionFinder) -> Mapping[str, Mapping[str, ModuleType]]:
    """Modules of somebody else's with these names, and all below them; they are out of the way now."""
    ours = of(own.files)
    away = {}
    for top in tops:
        if top in sys.modules and top not in ours:
            away[top] = {name: sys.modules[name] for name in list(sys.modules) if name.partition(".")[0] == top}
            for name in away[top]:
                del sys.modules[name]
    return away


def of(files: set[str]) -> dict[str, ModuleType]:
    """The modules that were made of these files, and the packages above them."""
    found = {name: module for name, module in list(sys.modules.items()) if _file_of(module) in files}
    tops = {name.partition(".")[0] for name in found}
    spaces = {name: module for name, module in list(sys.modules.items()) if _is_space(module)}
    return found | {name: module for name, module in spaces.items() if name.partition(".")[0] in tops}


def _is_space(module: Any) -> bool:
    """Whether it is a package without a file."""
    return isinstance(module, ModuleType) and _file_of(module) is None and "__path__" in vars(module)


def _file_of(module: Any) -> str | None:
    return _plain(vars(module).get("__file__")) if isinstance(module, ModuleType) else None


def _plain(file: Any) -> str | None:
    """The path of a file without the detours that ``sys.path`` may have, such as ``mlp/../mlp``."""
    return os.path.normpath(file) if type(file) is str else None


def of_file(path: Path | str | None) -> ModuleType | None:
    """The module that was made of a file, by whatever name."""
    file = _plain(str(path))
    return next((module for module in list(sys.modules.values()) if _file_of(module) == file), None)


def space(name: str, folder: Path) -> ModuleType:
    """The package without ``__init__.py`` that a folder is; Python would pass it over for a module of its name."""
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return importlib.util.module_from_spec(spec)


def add_namespace_packages(names: Names) -> None:
    """Have the packages without ``__init__.py`` in place before a module of such a name is found instead."""
    for folder in names.packages:
        name, *further = names.parts(folder / "any.py")[:-1]
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
    present: Any = sys.modules.get(first)
    if present is None:
        return True
    if not isinstance(present, ModuleType):
        return False
    places = map(_plain, (vars(present).get("__file__"), *vars(present).get("__path__", ())))
    folders = (names.home, *names.packages)
    return any(place is not None and any(map(Path(place).is_relative_to, folders)) for place in places)


@contextlib.contextmanager
def on_path(folders: Sequence[str], above: Path) -> Iterator[None]:
    """The folders first; the one above all last, for a folder that imports from itself by its own name."""
    before = list(sys.path)
    sys.path[:] = [*folders, *before, str(above)]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        added = [each for each in sys.path if each not in before]
        for finder in sys.meta_path:
            if isinstance(finder, _SubmissionFinder) and finder.searching:
                finder.folders.update(dict.fromkeys(added))
        sys.path[:] = before


class _SubmissionFinder:
    """Finds for a submission's files what belongs to it, when a method imports something later; for nobody else."""

    def __init__(self, files: set[str]) -> None:
        self.files = files
        self.modules: dict[str, ModuleType] = {}
        self.folders: dict[str, None] = {}
        self.searching = True

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """A specification that leads to its module, or to its file; None if somebody else imports."""
        if self.searching or _plain(importing_file()) not in self.files:
            return None
        if name in self.modules:
            return _spec_of_loaded(name, self.modules[name])
        return PathFinder.find_spec(name, list(self.folders), target) if path is None and self.folders else None


class _LoadedFileFinder:
    """Finds the module of a file again where it is imported by another name, so that no file is run twice."""

    def __init__(self, own: _SubmissionFinder) -> None:
        self._own = own

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """A specification that leads to the module that is there already; None if there is none."""
        spec = PathFinder.find_spec(name, path, target)
        module = of_file(spec.origin) if spec is not None and _plain(spec.origin) in self._own.files else None
        return None if module is None else _spec_of_loaded(name, module)


def _spec_of_loaded(name: str, module: ModuleType) -> ModuleSpec:
    found = ModuleSpec(name, _LoadedModuleLoader(module), origin=_file_of(module))  # type: ignore[arg-type]
    found.submodule_search_locations = vars(module).get("__path__")
    return found


class _LoadedModuleLoader:
    """Gives a module that is there already."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: Any) -> ModuleType:
        """The module."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run; what it says of where it comes from stays as it was."""
        module.__spec__ = self._spec
