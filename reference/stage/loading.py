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
import math
import re
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from .perform import told
from .standins import is_stand_in

#: Of files, and of their size: a submission is a handful of small ones.
_MOST_FILES, MOST_BYTES = 400, 2**21
SKIPPED = {"__pycache__", "venv", ".venv", "env", "site-packages", "node_modules"}
#: The least time for an import, that until an exception which was swallowed comes again, and the longest of a timer.
_SHORTEST, _AGAIN, _LONGEST = 0.01, 0.05, 1e8
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
    """The time for an import is up, and which. No Exception, so that fewer handlers swallow it."""


@dataclass(frozen=True)
class _Source:
    path: Path
    #: Names of classes in it, and why they cannot be had.
    names: tuple[str, ...]
    broken: str | None


def load(
    root: Path,
    wanted: Sequence[str],
    optional: Sequence[str] = (),
    seconds: float | None = None,
    wall: float = math.inf,
) -> Found:
    """The wanted classes in a file or in a folder and all below it.

    Parameters
    ----------
    root
        A Python file, or a folder.
    wanted, optional
        Names; only those of the first count as missing.
    seconds
        Of processor time for all answers. The import of one file may take a sixth of it, and all imports a half; None:
        as long as it takes, and exceptions pass on.
    wall
        Of elapsed time for everything. The import of one file may take a quarter of it, and all imports two fifths:
        at a half the process is ended from outside.
    """
    found = Found()
    sources = [_read(path) for path in _files(root)]
    names = [*wanted, *optional]
    clock = _Clock(seconds, wall)
    for source in sources:
        here = [name for name in dict.fromkeys(source.names) if name in names and name not in found.classes]
        if source.broken is not None:
            found.notes.append(f"{_label(source.path, root)} {source.broken}")
            found.missing.update({name: found.notes[-1] for name in here if name not in found.missing})
        elif here or root.is_file():  # the file that is meant may have imported them all
            _take(source, here, root, found, clock)
    _take_from_namespaces([name for name in names if name not in found.classes], root, found)
    found.notes += _several([source for source in sources if source.broken is None], found.classes, root)
    reason = "there is no class {} in {}" if sources else _no_python(root)
    for name in wanted:
        found.missing.setdefault(name, reason.format(name, root.name))
    found.missing = {name: why for name, why in found.missing.items() if name in wanted and name not in found.classes}
    return found


class _Clock:
    """Shares out the time for imports: how much there is of processor time and of elapsed time, and what was told."""

    def __init__(self, seconds: float | None, wall: float) -> None:
        self.seconds, self.wall = seconds, wall
        self._ends = (time.process_time() + (seconds or 0) / 2, time.monotonic() + 0.4 * wall)

    def shares(self) -> tuple[float, float] | None:
        """Of the next import, in processor time and in elapsed time; None: without end."""
        if self.seconds is None:
            return None
        left = (self._ends[0] - time.process_time(), self._ends[1] - time.monotonic())
        return max(_SHORTEST, min(self.seconds / 6, left[0])), max(_SHORTEST, min(self.wall / 4, left[1]))

    def told(self, late: _Late) -> str:
        """What is said of a file whose time was up."""
        if late.args[0] == "wall":
            return (
                f"was still running after its share of the {self.wall:g} s of elapsed time that everything together "
                "may take: does it sleep, or wait for something?"
            )
        return (
            f"was still running after its share of the {self.seconds:g} s of processor time that --timeout allows: "
            "does it train there?"
        )


def _label(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if root.is_dir() else path.name


def _no_python(root: Path) -> str:
    if root.suffix == ".ipynb" or (root.is_dir() and any(root.rglob("*.ipynb"))):
        return "there is no Python file in {1}, only a notebook: save its code as a .py file"
    return "there is no Python file in {1}"


def _several(sources: Sequence[_Source], classes: Mapping[str, type], root: Path) -> Iterator[str]:
    """Which one counts of a class that is there more than once."""
    for name, taken in classes.items():
        places = [_label(source.path, root) for source in sources for each in source.names if each == name]
        file = getattr(sys.modules.get(taken.__module__), "__file__", None)
        if len(places) > 1 and file is not None:
            which = f"the one in {Path(file).name}" if len(set(places)) > 1 else "the last one"
            yield f"{name} is defined {len(places)} times ({', '.join(dict.fromkeys(places))}): {which} was taken"


def _take(source: _Source, names: Sequence[str], root: Path, found: Found, clock: _Clock) -> None:
    module, problem = _run(source.path, root, clock)
    label = _label(source.path, root)
    if problem is not None:
        found.notes.append(f"{label} {problem}")
    for name in names:
        candidate = getattr(module, name, None) if module is not None else None
        if inspect.isclass(candidate) and not is_stand_in(candidate):
            found.classes[name] = candidate
        else:
            found.missing[name] = f"{label} {problem or f'has no class {name} once it has run'}"


def _take_from_namespaces(names: Sequence[str], root: Path, found: Found) -> None:
    """Classes that no file defines by that name: imported under another one, or made by a call."""
    here = str(root.resolve() if root.is_dir() else root.resolve().parent)
    for module in list(sys.modules.values()):
        if not isinstance(module, ModuleType) or not str(vars(module).get("__file__")).startswith(here):
            continue
        for name in names:
            candidate = vars(module).get(name)
            if inspect.isclass(candidate) and name not in found.classes and not is_stand_in(candidate):
                found.classes[name] = candidate


def _run(path: Path, root: Path, clock: _Clock) -> tuple[ModuleType | None, str | None]:
    """The module in a file, as far as it could be run, and what went wrong, to be said after the file's name."""
    name, folders = _place(path, root)
    with _on_path(folders, root.resolve().parent):
        parts = name.split(".")
        parts[0] = _free(parts[0], root)
        package = path.resolve().parent
        for depth in range(1, len(parts)):
            folder = package.parents[len(parts) - 2 - depth] if depth < len(parts) - 1 else package
            _keep(".".join(parts[:depth]), folder / "__init__.py", clock)
        return _keep(".".join(parts), path, clock)


def _keep(name: str, path: Path, clock: _Clock) -> tuple[ModuleType | None, str | None]:
    """Import a file; unlike Python's own import this keeps a module that does not come to its end."""
    present = sys.modules.get(name)
    if present is not None:
        return present, None
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return None, "is no Python file"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    shares = clock.shares()
    try:
        with _in_time(shares):
            spec.loader.exec_module(module)
    except _Late as late:
        return module, clock.told(late)
    except BaseException as error:
        if shares is None:
            del sys.modules[name]
            raise
        return module, f"ended with {told(error)[:400]}"
    return module, None


def _free(name: str, root: Path) -> str:
    """The name, or another one where it is that of one of Python's own modules, or of somebody else's."""
    here, number, free = root if root.is_dir() else root.parent, 0, name
    while (present := sys.modules.get(free)) is not None:
        file = getattr(present, "__file__", None)
        places = [file] if isinstance(file, str) else list(getattr(present, "__path__", []))
        if any(here.resolve() in (Path(place) / "x").resolve().parents for place in places):
            break
        number += 1
        free = f"submission_{number}_{name}"
    return free


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
    while root.resolve() in folder.parents:
        folder = folder.parent
        folders.append(str(folder))
    return ".".join(parts), folders


@contextlib.contextmanager
def _on_path(folders: Sequence[str], above: Path) -> Iterator[None]:
    """The folders first; the one above all last, for a folder that imports from itself by its own name."""
    before = list(sys.path)
    sys.path[:] = [*folders, *before, str(above)]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = [*before, *(each for each in (*folders, str(above)) if each not in before)]


@contextlib.contextmanager
def _in_time(shares: tuple[float, float] | None) -> Iterator[None]:
    """Ends what is inside by an exception after a processor time or an elapsed time.

    What swallows the exception gets it again and again, each time after some processor time, so that a busy machine
    does not bring the next one before the first has been seen to. What swallows them all is ended from outside.
    """
    if shares is None or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, _AGAIN, _AGAIN)
        raise _Late("wall" if number == signal.SIGALRM else "processor")

    before = {number: signal.signal(number, ring) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, shares[0])
    signal.setitimer(signal.ITIMER_REAL, min(shares[1], _LONGEST))
    try:
        yield
    finally:
        for timer in (signal.ITIMER_REAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _files(root: Path) -> list[Path]:
    """Python files, the nearest to the root first; no links, since they lead elsewhere."""
    if root.is_file():
        return [root] if root.suffix != ".ipynb" else []
    found: list[Path] = []
    folders = [root]
    while folders and len(found) < _MOST_FILES:
        below: list[Path] = []
        for folder in folders:
            for entry in sorted(folder.iterdir()):
                if entry.is_symlink() or entry.name in SKIPPED or entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    below.append(entry)
                elif entry.suffix == ".py" and entry.stat().st_size <= MOST_BYTES:
                    found.append(entry)
        folders = below
    return found[:_MOST_FILES]


def _read(path: Path) -> _Source:
    text = ""
    try:
        source = path.read_bytes()
        text = source.decode("utf-8-sig", "replace")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)  # bytes: a declared encoding counts
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        return _Source(path, tuple(_CLASS.findall(text)), _unreadable(text, error))
    return _Source(path, tuple(_defined(tree)), None)


def _unreadable(text: str, error: BaseException) -> str:
    line, lines = getattr(error, "lineno", None) or 0, text.split("\n")
    where = f" (line {line}: {lines[line - 1].strip()[:80]})" if 0 < line <= len(lines) else ""
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
    modules = {name: str(each.__module__) for name, each in found.classes.items()}
    return {"classes": sorted(found.classes), "modules": modules, "missing": found.missing, "notes": found.notes}
