"""Who imports whom among the modules and packages that lie directly in a package, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
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


def _imported(source: Path, package: Path) -> Iterator[str]:
    """The member of ``package`` that each import in a file names, functions' own imports included."""
    prefix = f"{package.name}."
    for name in _names(source, package):
        if name.startswith(prefix):
            yield name.removeprefix(prefix).split(".")[0]


def _names(source: Path, package: Path) -> Iterator[str]:
    folders = [package.name, *source.relative_to(package).parts[:-1]]
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = folders[: len(folders) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
