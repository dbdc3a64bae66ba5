"""Keeps the modules of a submission apart from all other modules of this process in ``sys.modules``.

While the submission is imported, its modules have the names that its own imports use, so that they find one another.
Afterwards all other code finds the modules that were there before, and imports in the submission's own functions still
find the submission's modules.
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
from .standins import importing_place

#: How many earlier submissions still find their own modules.
_MAX_KEPT = 20
#: Names that a submission's modules never displace, since this process itself uses these modules.
_SHARED = {*sys.stdlib_module_names, "__main__", "numpy", "scipy"}


@contextlib.contextmanager
def kept_apart(files: Iterable[Path], tops: Iterable[str], *, stay: bool) -> Iterator[None]:
    """Free the names of a submission's modules in ``sys.modules`` for the block; afterwards put back what was there.

    Parameters
    ----------
    files
        The submission's Python files.
    tops
        The top-level names of its modules and packages.
    stay
        Whether its modules stay in ``sys.modules`` afterwards under names that no other module had.
    """
    own = _SubmissionFinder({str(path) for path in files})
    _hide_earlier_submissions(own)
    away = _set_aside([name for name in tops if name not in _SHARED], own)
    before = dict(sys.modules)
    loaded_files = _LoadedFileFinder(own)
    place = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0
    sys.meta_path[place:place] = [own, loaded_files]
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(loaded_files)
        own.searching = False
        own.modules.update({name: each for name, each in modules_of(own.files).items() if before.get(name) is not each})
        for name, module in own.modules.items():
            if sys.modules.get(name) is module and (not stay or name.partition(".")[0] in away):
                del sys.modules[name]
        for modules in away.values():
            sys.modules.update(modules)


def _hide_earlier_submissions(own: _SubmissionFinder) -> None:
    """Remove the modules of earlier submissions from ``sys.modules``, and old finders and those for the same files."""
    earlier = [each for each in sys.meta_path if isinstance(each, _SubmissionFinder)]
    for number, finder in enumerate(reversed(earlier)):
        for name, module in finder.modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        if finder.files & own.files or number >= _MAX_KEPT:
            sys.meta_path.remove(finder)
    importlib.invalidate_caches()


def _set_aside(tops: Sequence[str], own: _SubmissionFinder) -> Mapping[str, Mapping[str, ModuleType]]:
    """Remove other modules with these top-level names, and their submodules, from ``sys.modules``; return them."""
    ours = modules_of(own.files)
    away = {}
    for top in tops:
        if top in sys.modules and top not in ours:
            away[top] = {name: sys.modules[name] for name in list(sys.modules) if name.partition(".")[0] == top}
            for name in away[top]:
                del sys.modules[name]
    return away


def modules_of(files: set[str]) -> dict[str, ModuleType]:
    """The modules loaded from these files, by name, and the packages without files that contain them."""
    found = {name: module for name, module in list(sys.modules.items()) if _file_of(module) in files}
    tops = {name.partition(".")[0] for name in found}
    spaces = {name: module for name, module in list(sys.modules.items()) if _is_namespace_package(module)}
    return found | {name: module for name, module in spaces.items() if name.partition(".")[0] in tops}


def _is_namespace_package(module: Any) -> bool:
    """Whether a module is a namespace package: one without a file."""
    return isinstance(module, ModuleType) and _file_of(module) is None and "__path__" in vars(module)


def _file_of(module: Any) -> str | None:
    return _normalized(vars(module).get("__file__")) if isinstance(module, ModuleType) else None


def _normalized(file: Any) -> str | None:
    """The path of a file without the detours that entries of ``sys.path`` may have, such as ``mlp/../mlp``."""
    return os.path.normpath(file) if type(file) is str else None


def loaded_from(path: Path | str | None) -> ModuleType | None:
    """The module that was loaded from a file, under whatever name; None if there is none."""
    file = _normalized(str(path))
    return next((module for module in list(sys.modules.values()) if _file_of(module) == file), None)


def namespace_package(name: str, folder: Path) -> ModuleType:
    """A package for a folder without ``__init__.py``.

    Python itself would prefer a module of the same name, wherever that is.
    """
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return importlib.util.module_from_spec(spec)


def add_namespace_packages(names: Names) -> None:
    """Put the packages without ``__init__.py`` into ``sys.modules``, so that no module of that name is found first."""
    for folder in names.packages:
        name, *further = names.parts(folder / "any.py")[:-1]
        if not further and not (folder / "__init__.py").is_file() and name not in sys.modules:
            sys.modules[name] = namespace_package(name, folder)


def free_top_name(parts: Sequence[str], names: Names) -> str:
    """The first part of a module's dotted name, or a similar one if other code already has a module of that name."""
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
    places = map(_normalized, (vars(present).get("__file__"), *vars(present).get("__path__", ())))
    folders = (names.home, *names.packages)
    return any(place is not None and any(map(Path(place).is_relative_to, folders)) for place in places)


@contextlib.contextmanager
def on_path(folders: Sequence[str], above: Path) -> Iterator[None]:
    """In the block, the folders come first in ``sys.path``.

    The folder ``above`` all of them comes last, for a submission that imports from itself by its own folder's name.
    """
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
    """A finder for the time after the import: it finds a submission's modules when one of its functions imports them.

    It finds nothing for imports in any other file.

    Parameters
    ----------
    files
        The paths of the submission's Python files.
    """

    def __init__(self, files: set[str]) -> None:
        self.files = files
        self.modules: dict[str, ModuleType] = {}
        self.folders: dict[str, None] = {}
        self.searching = True

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """The spec of the submission's loaded module or of its file; None if the import stands in another file."""
        if self.searching or _normalized(importing_place()[0]) not in self.files:
            return None
        if name in self.modules:
            return _spec_of_loaded(name, self.modules[name])
        return PathFinder.find_spec(name, list(self.folders), target) if path is None and self.folders else None


class _LoadedFileFinder:
    """A finder that returns the loaded module if its file is imported by another name, so that no file runs twice."""

    def __init__(self, own: _SubmissionFinder) -> None:
        self._own = own

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """The spec of the module that is loaded already; None if there is none."""
        spec = PathFinder.find_spec(name, path, target)
        module = loaded_from(spec.origin) if spec is not None and _normalized(spec.origin) in self._own.files else None
        return None if module is None else _spec_of_loaded(name, module)


def _spec_of_loaded(name: str, module: ModuleType) -> ModuleSpec:
    found = ModuleSpec(name, _LoadedModuleLoader(module), origin=_file_of(module))  # type: ignore[arg-type]
    found.submodule_search_locations = vars(module).get("__path__")
    return found


class _LoadedModuleLoader:
    """A loader that returns a module which is loaded already."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: Any) -> ModuleType:
        """The loaded module, instead of a new one."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's own spec, which the import system has replaced, and do not run the module again."""
        module.__spec__ = self._spec
