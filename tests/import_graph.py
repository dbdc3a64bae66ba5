"""Who imports whom in a package, among what lies directly in it and among all files, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

Graph = Mapping[str, set[str]]
_NOT_COUNTED = {"__init__", "__main__"}


def graph_of(package: Path) -> dict[str, set[str]]:
    """Each module or package directly in ``package``, with those of them that it imports."""
    files = {path.name: [*path.rglob("*.py")] for path in package.iterdir() if path.is_dir()}
    files |= {path.stem: [path] for path in package.glob("*.py") if path.stem not in _NOT_COUNTED}
    members = {name for name, sources in files.items() if sources}
    return {
        name: {part for source in files[name] for part in _imported(source, package)} & members - {name}
        for name in members
    }


def graph_of_files(package: Path) -> dict[str, set[str]]:
    """Each module in ``package`` by its dotted name, an ``__init__.py`` by its folder's, with those that it imports."""
    sources = {_dotted(path, package): path for path in package.rglob("*.py")}
    return {name: {*_among(sources, _names(source, package))} - {name} for name, source in sources.items()}


def longest_chain(graph: Graph) -> int:
    """The number of members in the longest chain of imports.

    Raises
    ------
    graphlib.CycleError
        There is a cycle.
    """
    length: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        length[name] = 1 + max((length[each] for each in graph[name]), default=0)
    return max(length.values())


def _dotted(source: Path, package: Path) -> str:
    return ".".join([package.name, *source.relative_to(package).with_suffix("").parts]).removesuffix(".__init__")


def _among(modules: Collection[str], names: Iterable[str]) -> Iterator[str]:
    """The module that each name is, or in which what it names stands."""
    for name in names:
        module = name if name in modules else name.rpartition(".")[0]
        if module in modules:
            yield module


def _imported(source: Path, package: Path) -> Iterator[str]:
    """The member of ``package`` that each import in a file names, functions' own imports included."""
    prefix = f"{package.name}."
    for name in _names(source, package):
        if name.startswith(prefix):
            yield name.removeprefix(prefix).split(".")[0]


def _names(source: Path, package: Path) -> Sequence[str]:
    return _read(source.read_text(encoding="utf-8"), (package.name, *source.relative_to(package).parts[:-1]))


@cache
def _read(text: str, folders: tuple[str, ...]) -> Sequence[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = folders[: len(folders) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            found += [f"{module}.{alias.name}" for alias in node.names]
    return found
