"""Finds the module names by which the files of a submission import one another, so that each is imported by that name.

The name of a module depends on the folder in which Python is started: ``mlp/softmax_layer.py`` is ``mlp.softmax_layer``
for a script beside ``mlp/`` and ``softmax_layer`` for one in it. The submission does not say where it is to be started,
but its import statements work from one place only. Here they are read, nothing is run, and it follows which folders are
packages, also without ``__init__.py``.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .versions import PACKAGE


@dataclass(frozen=True)
class Import:
    """An import statement.

    Attributes
    ----------
    level
        The number of leading dots; 0 for an absolute import.
    path
        The parts of the dotted name after them.
    names
        The names that ``from ... import`` imports.
    """

    level: int
    path: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A Python file of a submission, as `reading.read` finds it.

    Attributes
    ----------
    path
        The path of the file.
    names
        The names that its class statements and assignments bind.
    broken
        Why Python cannot parse it, to be put after the file's name; None where it can.
    imports
        Its import statements.
    """

    path: Path
    names: tuple[str, ...]
    broken: str | None = None
    imports: tuple[Import, ...] = ()


def imports_of(tree: ast.Module) -> Iterator[Import]:
    """The import statements that may be executed when the file is imported."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (Import(0, tuple(each.name.split("."))) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            path = tuple(node.module.split(".")) if node.module else ()
            yield Import(node.level, path, tuple(each.name for each in node.names))
        waiting.extend(node.orelse if isinstance(node, ast.If) and _is_main(node.test) else ast.iter_child_nodes(node))


def _is_main(test: ast.expr) -> bool:
    """Whether a condition compares ``__name__``: the statements under it run in scripts alone."""
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


@dataclass
class Names:
    """The module names of a submission's files.

    Parameters
    ----------
    home
        The folder that was handed in, or the folder of the file that was.
    own
        The files that are to be run.
    others
        The other files: scripts, experiments. Their imports count where those of ``own`` say nothing about a folder.
    """

    home: Path
    own: Sequence[Source]
    others: Sequence[Source] = ()

    @cached_property
    def packages(self) -> Mapping[Path, str]:
        """The folders that the imports treat as packages, each with the package's name."""
        own, others = self._evidence
        decided = own.packages.keys() | own.flat
        return own.packages | {folder: name for folder, name in others.packages.items() if folder not in decided}

    @cached_property
    def _evidence(self) -> tuple[_Evidence, _Evidence]:
        classes = {source.path: set(source.names) for source in (*self.own, *self.others)}
        own, others = _Evidence(self.home, classes), _Evidence(self.home, classes)
        own.add(self.own)
        others.add(self.others)
        return own, others

    def above(self, path: Path) -> list[tuple[str, Path]]:
        """The packages that contain a file, the outermost first: the last part of each one's name, and its folder."""
        found: list[tuple[str, Path]] = []
        folder = path.parent
        while self.is_package(folder):
            found.insert(0, (self.packages.get(folder, folder.name).replace(".", "_"), folder))
            folder = folder.parent
        return found

    def parts(self, path: Path) -> list[str]:
        """The parts of the dotted name by which a file is imported."""
        packages = [name for name, _ in self.above(path)]
        return packages if path.name == "__init__.py" and packages else [*packages, path.stem]

    def top_level_names(self, sources: Iterable[Source]) -> set[str]:
        """The top-level names of the given files and of all modules in the folders that they import from."""
        paths = [source.path for source in sources]
        found = {self.parts(path)[0] for path in paths}
        for folder in {Path(each) for path in paths for each in self.folders(path)}:
            regular = (each for each in folder.iterdir() if each.suffix == ".py" or (each / "__init__.py").is_file())
            found |= {each.stem for each in regular}
        return found

    def is_package(self, folder: Path) -> bool:
        """Whether a folder is a package, so that the names of its modules begin with the package's name."""
        if folder in self.packages:
            return True
        return (folder / "__init__.py").is_file() and folder not in self._evidence[0].flat

    def folders(self, path: Path) -> list[str]:
        """The folders to put into ``sys.path`` when a file is run, in order.

        The folders above it are among them, since people start Python in any of these.
        """
        here, packages = path.parent, self.above(path)
        base = packages[0][1].parent if packages else here
        by_itself = here in self._evidence[0].packages or (here / "__init__.py").is_file()
        folders = [base, here] if by_itself else [here, base]
        while self.home in here.parents:
            here = here.parent
            folders.append(here)
        return [str(each) for each in dict.fromkeys(folders)]


@dataclass
class _Evidence:
    """What the import statements of some files imply about folders.

    Attributes
    ----------
    packages
        The folders that the imports treat as packages, each with the package's name.
    flat
        The folders that cannot be packages, because their name is that of a module in them that is imported: the folder
        ``mlp`` where ``import mlp`` means ``mlp/mlp.py``.
    """

    home: Path
    _classes: Mapping[Path, set[str]]
    packages: dict[Path, str] = field(default_factory=dict)
    flat: set[Path] = field(default_factory=set)
    _listed: dict[Path, set[str]] = field(default_factory=dict)

    def add(self, sources: Iterable[Source]) -> None:
        """Add what the imports of these files imply."""
        for source in sources:
            for each in source.imports:
                if each.level:
                    self._relative(source.path.parent, each.level)
                else:
                    self._absolute(source.path.parent, each)

    def _relative(self, folder: Path, level: int) -> None:
        for _ in range(level):
            if folder != self.home and self.home not in folder.parents:
                return
            self.packages.setdefault(folder, folder.name)
            folder = folder.parent

    def _absolute(self, folder: Path, each: Import) -> None:
        """Look for an imported module in each folder from this one outwards, as if Python had been started there."""
        places = [folder, *(above for above in folder.parents if above == self.home or self.home in above.parents)]
        if not any(self._found(place, each) for place in places) and not self._starts_with_home(each):
            # The folder may have been renamed: for instance the content of `mlp/` was handed in as another folder.
            any(self._may_be_called(place, each) for place in places)

    def _found(self, place: Path, each: Import) -> bool:
        first, *rest = each.path
        entries = self._entries(place)
        if first in entries and "__init__.py" in self._entries(place / first):
            self.packages.setdefault(place / first, first)
            return True
        if f"{first}.py" in entries and not rest:
            if place.name == first:
                self._module_of_the_same_name(place, each)
            return True
        return self._is_package(place / first, first, each)

    def _is_package(self, folder: Path, name: str, each: Import) -> bool:
        """Whether an import works if this folder is the package ``name``; if so, this is recorded."""
        _, *rest = each.path
        walked = self._folders_along(folder, rest, each.names) if rest or each.names else None
        for inner in walked or ():
            self.packages.setdefault(inner, name if inner == folder else inner.name)
        return walked is not None

    def _module_of_the_same_name(self, place: Path, each: Import) -> None:
        """Decide what ``from mlp import x`` means in a folder ``mlp``: the folder if every x is a module in it."""
        if each.names and all(f"{name}.py" in self._entries(place) for name in each.names):
            self.packages.setdefault(place, place.name)
        else:
            self.flat.add(place)

    def _starts_with_home(self, each: Import) -> bool:
        """Whether an import begins with the name of the folder handed in, or of a folder that contained it."""
        first, *rest = each.path
        if first == self.home.name:
            return self._is_package(self.home, first, each)
        if rest and rest[0] == self.home.name:
            below = Import(0, tuple(rest), each.names)
            if self._is_package(self.home, self.home.name, below):
                self.packages.setdefault(self.home.parent, first)
                return True
        return False

    def _may_be_called(self, place: Path, each: Import) -> bool:
        first, *rest = each.path
        module = place.joinpath(*rest).with_suffix(".py")
        known = first == PACKAGE or bool(self._classes.get(module, set()) & set(each.names))
        return known and first not in sys.stdlib_module_names and self._is_package(place, first, each)

    def _folders_along(self, folder: Path, rest: Sequence[str], names: Sequence[str]) -> list[Path] | None:
        """The folders along a dotted name from ``folder`` to a module or package; None if it leads to neither."""
        entries = self._entries(folder)
        if not rest:
            modules = any(f"{name}.py" in entries or self._entries(folder / name) for name in names)
            return [folder] if modules or (not names and entries) else None
        inner = folder / rest[0]
        if len(rest) == 1 and (f"{rest[0]}.py" in entries or "__init__.py" in self._entries(inner)):
            return [folder]
        deeper = self._folders_along(inner, rest[1:], names) if rest[0] in entries else None
        return None if deeper is None else [folder, *deeper]

    def _entries(self, folder: Path) -> set[str]:
        """The names of a folder's entries, in their exact spelling; empty if it is no folder."""
        if folder not in self._listed:
            try:
                self._listed[folder] = set(os.listdir(folder))  # noqa: PTH208 - names are what is wanted
            except OSError:
                self._listed[folder] = set()
        return self._listed[folder]
