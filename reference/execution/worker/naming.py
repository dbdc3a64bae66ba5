"""Tells by which names the files of a submission import one another, so that each is imported by the name it has there.

Python gives a file its name by where a program is started: ``mlp/softmax_layer.py`` is ``mlp.softmax_layer`` for a
script beside ``mlp/`` and ``softmax_layer`` for one in it. Nobody says which one it is to be; the imports do. What they
need of folders without ``__init__.py`` is found out here, without running anything.
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
        The number of dots that it begins with.
    path
        The dotted name behind them, in parts.
    names
        What a ``from`` imports from there.
    """

    level: int
    path: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A Python file of a submission, as it is read.

    Attributes
    ----------
    path
        Where it is.
    names
        The names of classes in it.
    broken
        Why Python cannot read it; None where it can.
    imports
        Its import statements.
    """

    path: Path
    names: tuple[str, ...]
    broken: str | None = None
    imports: tuple[Import, ...] = ()


def imports_of(tree: ast.Module) -> Iterator[Import]:
    """The import statements that may be executed where the file is imported."""
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
    """Whether it is ``__name__ == "__main__"``: what follows is executed in scripts alone."""
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


@dataclass
class Names:
    """The names of a submission's files.

    Parameters
    ----------
    home
        The folder that was handed in, or that of the file.
    own
        The files that are to be run.
    others
        The rest: scripts, experiments. They decide where the files to be run say nothing.
    """

    home: Path
    own: Sequence[Source]
    others: Sequence[Source] = ()

    @cached_property
    def packages(self) -> Mapping[Path, str]:
        """The folders that are imported from as packages, each with its name."""
        own, others = self._evidence
        said = own.packages.keys() | own.flat
        return own.packages | {folder: name for folder, name in others.packages.items() if folder not in said}

    @cached_property
    def _evidence(self) -> tuple[_Evidence, _Evidence]:
        classes = {source.path: set(source.names) for source in (*self.own, *self.others)}
        own, others = _Evidence(self.home, classes), _Evidence(self.home, classes)
        own.hear(self.own)
        others.hear(self.others)
        return own, others

    def above(self, path: Path) -> list[tuple[str, Path]]:
        """The packages that a file is in, each as the last part of its name and its folder; the outermost first."""
        found: list[tuple[str, Path]] = []
        folder = path.parent
        while self.is_package(folder):
            found.insert(0, (self.packages.get(folder, folder.name).replace(".", "_"), folder))
            folder = folder.parent
        return found

    def parts(self, path: Path) -> list[str]:
        """The parts of the name by which a file is imported."""
        packages = [name for name, _ in self.above(path)]
        return packages if path.name == "__init__.py" and packages else [*packages, path.stem]

    def tops(self, sources: Iterable[Source]) -> set[str]:
        """The names, without what comes behind a dot, that files and what they import from their folders have."""
        paths = [source.path for source in sources]
        found = {self.parts(path)[0] for path in paths}
        for folder in {Path(each) for path in paths for each in self.folders(path)}:
            regular = (each for each in folder.iterdir() if each.suffix == ".py" or (each / "__init__.py").is_file())
            found |= {each.stem for each in regular}
        return found

    def is_package(self, folder: Path) -> bool:
        """Whether the files in a folder have its name in front of theirs."""
        if folder in self.packages:
            return True
        return (folder / "__init__.py").is_file() and folder not in self._evidence[0].flat

    def folders(self, path: Path) -> list[str]:
        """The folders to look for modules in when a file is run, in their order.

        Folders above it are among them, since people run their code from wherever they are.
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
    """What import statements say of folders.

    Attributes
    ----------
    packages
        Folders that are imported from as packages, with their names.
    flat
        Folders that cannot be packages, since a module in them is imported by their name: ``mlp`` for ``mlp/mlp.py``.
    """

    home: Path
    _classes: Mapping[Path, set[str]]
    packages: dict[Path, str] = field(default_factory=dict)
    flat: set[Path] = field(default_factory=set)
    _seen: dict[Path, set[str]] = field(default_factory=dict)

    def hear(self, sources: Iterable[Source]) -> None:
        """Take the imports of files into account."""
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
        """Look for what is imported from the folder outwards, as if each were where Python was started."""
        places = [folder, *(above for above in folder.parents if above == self.home or self.home in above.parents)]
        if not any(self._found(place, each) for place in places) and not self._by_the_folders_above(each):
            # A folder may have lost its name on the way: what was handed in is the content of `mlp/`.
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
        """Whether the rest of an import leads from a folder to something in it; then the folder has this name."""
        _, *rest = each.path
        walked = self._through(folder, rest, each.names) if rest or each.names else None
        for inner in walked or ():
            self.packages.setdefault(inner, name if inner == folder else inner.name)
        return walked is not None

    def _module_of_the_same_name(self, place: Path, each: Import) -> None:
        """``from mlp import ...`` beside ``mlp/mlp.py``: the module, unless all of it are modules of the folder."""
        if each.names and all(f"{name}.py" in self._entries(place) for name in each.names):
            self.packages.setdefault(place, place.name)
        else:
            self.flat.add(place)

    def _by_the_folders_above(self, each: Import) -> bool:
        """An import by the name of what was handed in, or by that of the folder in which it was."""
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

    def _through(self, folder: Path, rest: Sequence[str], names: Sequence[str]) -> list[Path] | None:
        """The folders that a dotted name goes through until it is at a module or a package; None: it is at none."""
        entries = self._entries(folder)
        if not rest:
            modules = any(f"{name}.py" in entries or self._entries(folder / name) for name in names)
            return [folder] if modules or (not names and entries) else None
        inner = folder / rest[0]
        if len(rest) == 1 and (f"{rest[0]}.py" in entries or "__init__.py" in self._entries(inner)):
            return [folder]
        deeper = self._through(inner, rest[1:], names) if rest[0] in entries else None
        return None if deeper is None else [folder, *deeper]

    def _entries(self, folder: Path) -> set[str]:
        """The names in a folder, spelled as they are; none of what is no folder."""
        if folder not in self._seen:
            try:
                self._seen[folder] = set(os.listdir(folder))  # noqa: PTH208 - names are what is wanted
            except OSError:
                self._seen[folder] = set()
        return self._seen[folder]
