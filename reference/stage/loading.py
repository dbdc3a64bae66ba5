"""Finds the contract's classes in what people hand in, whatever its layout, and gets at them whatever else it does.

Files are read before anything runs: those that define one of the classes are run, and no others, but for what they
import themselves. Where a file ends with an exception, or does not end in time, the classes that it had defined until
then count.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

#: Of files, and of their size: a submission is a handful of small ones.
_MOST_FILES, _MOST_BYTES = 400, 2**21
_SKIPPED = {"__pycache__", "venv", ".venv", "env", "site-packages", "node_modules"}
_PYTHON_2 = re.compile(r"^\s*(print\s+[^(=\s]|exec\s+[^(=\s]|except\s+\w+\s*,\s*\w+\s*:|raise\s+\w+\s*,)", re.MULTILINE)
_CLASS = re.compile(r"^class\s+(\w+)", re.MULTILINE)


@dataclass
class Found:
    """What came of looking for the classes.

    Attributes
    ----------
    classes
        By the contract's names.
    missing
        Name -> why it is not there.
    notes
        What else a person should know: files that ended with an exception, and the like.
    """

    classes: dict[str, type] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class _Late(BaseException):
    """The time for an import is up. No Exception, so that fewer handlers swallow it."""


@dataclass(frozen=True)
class _Source:
    path: Path
    #: Names of classes in it, and why they cannot be had.
    names: tuple[str, ...]
    broken: str | None


def load(root: Path, wanted: Sequence[str], optional: Sequence[str] = (), seconds: float | None = None) -> Found:
    """The wanted classes in a file or in a folder and all below it.

    Parameters
    ----------
    root
        A Python file, or a folder.
    wanted, optional
        Names; only those of the first count as missing.
    seconds
        For the import of each file; None: as long as it takes, and exceptions pass on.
    """
    found = Found()
    sources = [_read(path) for path in _files(root)]
    names = [*wanted, *optional]
    for source in sources:
        here = [name for name in source.names if name in names and name not in found.classes]
        if source.broken is not None:
            found.missing.update({name: source.broken for name in here if name not in found.missing})
        elif here:
            _take(source, here, root if root.is_dir() else root.parent, found, seconds)
    _take_from_namespaces([name for name in names if name not in found.classes], root, found)
    for name in wanted:
        if name in found.classes:
            found.missing.pop(name, None)
        else:
            found.missing.setdefault(name, f"there is no class {name} in {root.name}")
    found.missing = {name: why for name, why in found.missing.items() if name in wanted and name not in found.classes}
    return found


def _take(source: _Source, names: Sequence[str], root: Path, found: Found, seconds: float | None) -> None:
    module, problem = _run(source.path, root, seconds)
    label = source.path.relative_to(root) if source.path.is_relative_to(root) else source.path.name
    if problem is not None:
        found.notes.append(f"{label} {problem}")
    for name in names:
        candidate = getattr(module, name, None) if module is not None else None
        if inspect.isclass(candidate):
            found.classes[name] = candidate
        else:
            found.missing[name] = f"{label} {problem or f'has no class {name} once it has run'}"


def _take_from_namespaces(names: Sequence[str], root: Path, found: Found) -> None:
    """Classes that no file defines by that name: imported under another one, or made by a call."""
    here = str(root.resolve() if root.is_dir() else root.resolve().parent)
    for module in list(sys.modules.values()):
        if not str(getattr(module, "__file__", None) or "").startswith(here):
            continue
        for name in names:
            candidate = vars(module).get(name)
            if inspect.isclass(candidate) and name not in found.classes:
                found.classes[name] = candidate


def _run(path: Path, root: Path, seconds: float | None) -> tuple[ModuleType | None, str | None]:
    """The module in a file, as far as it could be run, and what went wrong, to be said after the file's name."""
    name, folders = _place(path, root)
    with _on_path(folders):
        parts = name.split(".")
        package = path.resolve().parent
        for depth in range(1, len(parts)):
            folder = package.parents[len(parts) - 2 - depth] if depth < len(parts) - 1 else package
            _keep(".".join(parts[:depth]), folder / "__init__.py", seconds)
        return _keep(name, path, seconds)


def _keep(name: str, path: Path, seconds: float | None) -> tuple[ModuleType | None, str | None]:
    """Import a file; unlike Python's own import this keeps a module that does not come to its end."""
    if name in sys.modules:
        return sys.modules[name], None
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return None, "is no Python file"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _in_time(seconds):
            spec.loader.exec_module(module)
    except _Late:
        return module, f"was still running after {seconds:g} s of being imported: does it train there?"
    except (Exception, SystemExit) as error:
        if seconds is None:
            del sys.modules[name]
            raise
        return module, f"ended with {type(error).__name__}: {str(error)[:300]}"
    return module, None


def _place(path: Path, root: Path) -> tuple[str, list[str]]:
    """The name by which a file is imported, and the folders that must be on the path then.

    In a package the name has the package's in front. Folders above it are there too, since people run their code from
    wherever they are.
    """
    parts, folder = [path.stem], path.resolve().parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    if parts[-1] == "__init__":
        parts.pop()
    folders = [str(folder), str(path.resolve().parent)]
    while folder not in {root.resolve(), folder.parent}:
        folder = folder.parent
        folders.append(str(folder))
    return ".".join(parts), folders


@contextlib.contextmanager
def _on_path(folders: Sequence[str]) -> Iterator[None]:
    before = list(sys.path)
    sys.path[:0] = folders
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = [*before, *(each for each in folders if each not in before)]


@contextlib.contextmanager
def _in_time(seconds: float | None) -> Iterator[None]:
    """Ends what is inside by an exception; what swallows it is ended from outside."""
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    # Again and again, for code that swallows it once.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _files(root: Path) -> list[Path]:
    """Python files, the nearest to the root first; no links, since they lead elsewhere."""
    if root.is_file():
        return [root]
    found: list[Path] = []
    folders = [root]
    while folders and len(found) < _MOST_FILES:
        below: list[Path] = []
        for folder in folders:
            for entry in sorted(folder.iterdir()):
                if entry.is_symlink() or entry.name in _SKIPPED or entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    below.append(entry)
                elif entry.suffix == ".py" and entry.stat().st_size <= _MOST_BYTES:
                    found.append(entry)
        folders = below
    return found[:_MOST_FILES]


def _read(path: Path) -> _Source:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _Source(path, tuple(_CLASS.findall(text)), f"{path.name} {_unreadable(text, error)}")
    return _Source(path, tuple(_defined(tree)), None)


def _unreadable(text: str, error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    where = (
        f" (line {line}: {text.splitlines()[line - 1].strip()[:80]})" if line and line <= text.count("\n") + 1 else ""
    )
    if _PYTHON_2.search(text):
        return f"is Python 2 source{where}; the lab is in Python 3"
    return f"is no Python: {getattr(error, 'msg', None) or error}{where}"


def _defined(tree: ast.Module) -> Iterator[str]:
    """Names that class statements and assignments bind, within conditions and tries too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def as_mapping(found: Found) -> Mapping[str, Any]:
    """For a frame: names and words alone."""
    return {"classes": sorted(found.classes), "missing": found.missing, "notes": found.notes}
