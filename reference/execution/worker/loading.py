"""Imports the contract's classes from a submission, whatever the layout of its files.

All files are read first. Only those that define one of the classes are run, together with what they import themselves.
If a file does not end in time, the classes that it had defined until then count. After an exception the rest of it is
run all the same (`resuming`).
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any, NamedTuple

from . import module_separation, reading, resuming, versions
from .crashes import describe_error, place_of, refusal
from .import_time import Clock, TimeUpError, in_time
from .naming import Names, Source
from .standins import is_stand_in
from .versions import Choice

_NOT_RUN = "not run"
#: How much alike two names are of which one was meant to be the other; 1 is the same.
_SIMILAR = 0.85


class Problem(NamedTuple):
    """Why a file did not run to its end, to be said after its name; and one of `LOAD_CAUSES`."""

    said: str
    cause: str


@dataclass
class Found:
    """The result of `load`.

    Attributes
    ----------
    classes
        Maps each of the contract's names that was found to its class.
    missing
        Maps each name that was not found to the reason.
    causes
        Maps names of ``missing`` to one of `LOAD_CAUSES`, where the file did not run to its end.
    notes
        Sentences that a person should read: files that ended with an exception, and the like.
    tied
        The implementations that are equally likely to be meant, if there are several; then nothing was run.
    """

    classes: dict[str, type] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tied: tuple[versions.Version, ...] = ()


#: A text in quotes that may be the name of a file.
_FILE_NAME = re.compile(r"""["']([^"'\n]{1,200}\.\w{1,8})["']""")
#: Versions that a note names.
_MAX_NAMED = 5


def load(
    root: Path,
    wanted: Sequence[str],
    optional: Sequence[str] = (),
    seconds: float | None = None,
    wall: float = math.inf,
) -> Found:
    """Import the wanted classes from a file, or from a folder and the folders below it.

    Parameters
    ----------
    root
        A Python file, or a folder.
    wanted, optional
        Names of classes; only wanted ones are reported as missing.
    seconds
        Seconds of processor time for all replies. The import of one file may use a sixth of it, and all imports half.
        None: there is no limit, exceptions pass through, and no module stays in ``sys.modules``.
    wall
        Seconds of elapsed time for everything. The import of one file may use a quarter of it, and all imports two
        fifths; after half of it the examiner ends the process.
    """
    root = root.resolve()
    sources = [reading.read(path) for path in reading.files(root)]
    choice = _choice(root, sources, wanted)
    if choice.tied:
        return Found(missing=dict.fromkeys(wanted, versions.ambiguity(choice.tied, root.name)), tied=choice.tied)
    search = _Search(root, sources, choice, tuple(wanted), tuple(optional))
    search.run(Clock(seconds, wall), stay=seconds is not None)
    search.explain()
    return search.found


def _choice(root: Path, sources: Sequence[Source], wanted: Sequence[str]) -> Choice:
    """Choose among several versions; a file that was named itself is never passed over."""
    if root.is_file():
        return Choice(None, (), ())
    files: dict[PurePath, versions.FileSummary] = {
        each.path.relative_to(root): reading.summary(each.path) for each in sources
    }
    return versions.choose(files, wanted, root.name)


@dataclass
class _Search:
    """Looks for the classes in the files of the chosen version.

    Attributes
    ----------
    root
        The file or the folder that was handed in.
    sources
        All Python files in it, as read.
    choice
        The version that is meant.
    wanted, optional
        As for `load`.
    found
        What has been found so far.
    """

    root: Path
    sources: Sequence[Source]
    choice: Choice
    wanted: tuple[str, ...]
    optional: tuple[str, ...]
    found: Found = field(default_factory=Found)
    _taken: dict[str, Path] = field(default_factory=dict)

    def run(self, clock: Clock, *, stay: bool) -> None:
        """Run the files that define the classes, those more likely to be meant first, and take their classes."""
        beside = reading.beside(self.root) if self.root.is_file() else []
        meant = sorted((each for each in self.sources if not self._belongs_to_other_version(each.path)), key=self._rank)
        to_run = [each for each in meant if each.broken is None and (self.root.is_file() or self._wanted_in(each))]
        names = self._names(to_run, [one for each in to_run for one in reading.imported_by(each, beside)])
        own = [*(each.path for each in self.sources), *beside]
        with module_separation.kept_apart(own, names.top_level_names(to_run), stay=stay):
            module_separation.add_namespace_packages(names)
            for source in meant:
                here = [name for name in self._wanted_in(source) if name not in self.found.classes]
                if source.broken is not None:
                    self._note(source, source.broken, here)
                elif here or self.root.is_file():  # a file that was named may import all classes
                    self._run_and_take(source, here, names, clock)
            self._take_from_namespaces(set(map(str, own)))
        self.found.notes += self._notes_on_duplicates([each for each in meant if each.broken is None])

    def explain(self) -> None:
        """Record why classes are missing, and which versions were passed over."""
        self.found.notes += _note_on_others(self.choice)
        missing = {}
        for name in (each for each in self.wanted if each not in self.found.classes):
            why = self.found.missing.get(name, self._reason(name))
            elsewhere = [each.label for each in self.choice.others if name in each.classes]
            if elsewhere and self.choice.chosen is not None and name not in self.found.missing:
                why = f"there is no class {name} in {self.choice.chosen.label}"
                why += f"; {elsewhere[0]}, which has one, was passed over"
            missing[name] = why if name in self.found.missing else why + self._similar(name)
        self.found.missing = missing
        self.found.causes = {name: cause for name, cause in self.found.causes.items() if name in missing}

    def _reason(self, name: str) -> str:
        """Why there is no class of that name, if no file was found that should define it; also keeps the cause."""
        broken = [each for each in self.sources if each.broken is not None]
        if broken and len(broken) == len(self.sources):
            self.found.causes[name] = _NOT_RUN
            return f"{self._label(broken[0].path)} {broken[0].broken}"
        return f"there is no class {name} in {self.root.name}" if self.sources else _no_python(self.root)

    def _similar(self, name: str) -> str:
        """A class of almost that name, to be put after the sentence that there is none of that name; empty if none."""
        others = {each for source in self.sources for each in source.names}.difference(self.wanted, self.optional)
        by_look = {each.replace("_", "").casefold(): each for each in sorted(others)}
        close = difflib.get_close_matches(name.casefold(), by_look, 1, _SIMILAR)
        return f", but there is {by_look[close[0]]}" if close else ""

    def _belongs_to_other_version(self, path: Path) -> bool:
        return any(path.relative_to(self.root) in each.files for each in self.choice.others)

    def _rank(self, source: Source) -> tuple[Any, ...]:
        """The key to sort files by: the lower, the more likely it is that the classes in a file are meant."""
        if self.root.is_file():
            return ()
        path = source.path.relative_to(self.root)
        return (
            not self._builds_on_another(source),
            self.choice.chosen is None or path not in self.choice.chosen.files,
            all(part.casefold() != versions.PACKAGE for part in path.parts[:-1]),
            len(path.parts),
            path.stem.casefold() not in versions.MODULES,
            path,
        )

    def _wanted_in(self, source: Source) -> list[str]:
        return [name for name in dict.fromkeys(source.names) if name in (*self.wanted, *self.optional)]

    def _builds_on_another(self, source: Source) -> bool:
        """Whether it imports a class and defines it anew: ``from first import ReLULayer``, ``class ReLULayer(...)``."""
        own = set(self._wanted_in(source))
        for other in self.sources if own else ():
            both = own.intersection(other.names)
            imported = (each.names for each in source.imports if each.path[-1:] == (other.path.stem,))
            if both and other is not source and any(not both.isdisjoint(names) or "*" in names for names in imported):
                return True
        return False

    def _names(self, to_run: Sequence[Source], reached: Sequence[Source]) -> Names:
        home = self.root if self.root.is_dir() else self.root.parent
        folders = {each.path.parent for each in to_run}
        # An __init__.py counts as one of the files to be run: it tells more about its folder's name than a script does.
        own = [*to_run, *(each for each in self.sources if each not in to_run and _makes_package(each, folders))]
        return Names(home, own, [each for each in (*self.sources, *reached) if each not in own])

    def _label(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if self.root.is_dir() else path.name

    def _note(self, source: Source, problem: str, names: Sequence[str]) -> None:
        """Record a file's problem in the notes and as the reason for which the classes in it are missing."""
        self.found.notes.append(f"{self._label(source.path)} {problem}")
        for name in names:
            if name not in self.found.missing:
                self.found.missing[name], self.found.causes[name] = self.found.notes[-1], _NOT_RUN

    def _run_and_take(self, source: Source, wanted: Sequence[str], names: Names, clock: Clock) -> None:
        module, problem = _run(source.path, names, clock)
        if problem is not None:
            self.found.notes.append(f"{self._label(source.path)} {problem.said}")
        for name in wanted:
            candidate = getattr(module, name, None) if module is not None else None
            if inspect.isclass(candidate) and not is_stand_in(candidate):
                self.found.classes[name], self._taken[name] = candidate, source.path
            else:
                reason = problem.said if problem else f"has no class {name} once it has run"
                self.found.missing[name] = f"{self._label(source.path)} {reason}"
                self.found.causes.pop(name, None)
                if problem:
                    self.found.causes[name] = problem.cause

    def _take_from_namespaces(self, files: set[str]) -> None:
        """Take classes that no class statement defines: imported under another name, or made by a call."""
        for module in module_separation.modules_of(files).values():
            for name in (*self.wanted, *self.optional):
                candidate = vars(module).get(name)
                if inspect.isclass(candidate) and name not in self.found.classes and not is_stand_in(candidate):
                    self.found.classes[name] = candidate

    def _notes_on_duplicates(self, sources: Sequence[Source]) -> Iterator[str]:
        """A note on each class that is defined more than once: which definition was taken."""
        for name, taken in self._taken.items():
            places = [self._label(source.path) for source in sources for each in source.names if each == name]
            if len(places) > 1:
                which = f"the one in {self._label(taken)}" if len(set(places)) > 1 else "the last one"
                yield f"{name} is defined {len(places)} times ({', '.join(dict.fromkeys(places))}): {which} was taken"


def _makes_package(source: Source, folders: set[Path]) -> bool:
    return source.path.name == "__init__.py" and any(each.is_relative_to(source.path.parent) for each in folders)


def _note_on_others(choice: Choice) -> Iterator[str]:
    """A note on the versions that were passed over, if there are any."""
    if choice.chosen is None or not choice.others:
        return
    others = [version.label for version in choice.others]
    shown = ", ".join(others[:_MAX_NAMED]) + (f" and {len(others) - _MAX_NAMED} more" if others[_MAX_NAMED:] else "")
    yield f"the classes are those of {choice.chosen.label}; there are others in {shown}, which were passed over"


def _no_python(root: Path) -> str:
    reason = f"there is no Python file in {root.name}"
    if root.suffix == ".ipynb" or (root.is_dir() and any(root.rglob("*.ipynb"))):
        reason += ", only a notebook: save its code as a .py file"
    return reason


def _run(path: Path, names: Names, clock: Clock) -> tuple[ModuleType | None, Problem | None]:
    """Import a file and the packages that contain it.

    Returns the module, as far as it could be run, and the problem, if there was one, to be put after the file's name.
    """
    present = module_separation.loaded_from(path)
    if present is not None:
        return present, None
    above, parts = names.above(path), names.parts(path)
    parts[0] = module_separation.free_top_name(parts, names)
    folders = names.folders(path)
    if clock.seconds is not None:
        os.chdir(_current_folder(path, folders))
    with module_separation.on_path(folders, names.home.parent):
        for depth, (_, folder) in enumerate(above[: len(parts) - 1], start=1):
            name, init = ".".join(parts[:depth]), folder / "__init__.py"
            if init.is_file():
                _import_file(name, init, clock, names.home)
            elif name not in sys.modules:
                sys.modules[name] = module_separation.namespace_package(name, folder)
        return _import_file(".".join(parts), path, clock, names.home)


def _current_folder(path: Path, folders: Sequence[str]) -> str:
    """The current folder in which a file is run: where people start Python, so that ``open("data.csv")`` works.

    That is the first of the folders from which its imports work in which there is a file that it names; else the first.
    """
    names = {name for name in _FILE_NAME.findall(reading.text(path)) if not Path(name).is_absolute()}
    of_files = (folder for folder in folders if any(Path(folder, name).is_file() for name in names))
    return next(of_files, folders[0])


def _import_file(name: str, path: Path, clock: Clock, base: Path) -> tuple[ModuleType | None, Problem | None]:
    """Import one file; returns as `_run` does. Unlike Python's own import this keeps a module that raises an error."""
    present = module_separation.loaded_from(path)
    if present is not None:
        return present, None
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return None, Problem("is no Python file", _NOT_RUN)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    shares = clock.shares()
    try:
        with in_time(shares):
            try:
                spec.loader.exec_module(module)
            except BaseException as error:
                if shares is None or not resuming.costs_no_more_than_its_line(error):
                    raise
                return module, _ended(error, path, base, resuming.run_after(module, path, error))
    except TimeUpError as late:
        return module, Problem(clock.describe(late), _NOT_RUN)
    except BaseException as error:
        if shares is None:
            del sys.modules[name]
            raise
        return module, _ended(error, path, base)
    finally:
        above, _, last = name.rpartition(".")
        if above in sys.modules:
            setattr(sys.modules[above], last, module)  # so does Python's own import
    return module, None


def _ended(error: BaseException, path: Path, base: Path, done: str = "") -> Problem:
    """The problem of a file that an exception has ended, with what was done about it."""
    said = f"ended with {describe_error(error)[:400]}{_where(error, path, base)}{done}"
    return Problem(said, "refused" if refusal(error) else _NOT_RUN)


def _where(error: BaseException, path: Path, base: Path) -> str:
    """In brackets: the line of the file at ``path``, or of one that it imports, that raised an exception."""
    place = place_of(error, (), str(base))
    if place is None:
        return ""
    file = "" if base / place.file == path else f"{place.file}, "
    return f" ({file}line {place.line}: {place.source})"


def as_mapping(found: Found) -> Mapping[str, Any]:
    """What was found, as names and sentences alone, which a frame can hold."""
    modules = {name: str(each.__module__) for name, each in found.classes.items()}
    return {
        "classes": sorted(found.classes),
        "modules": modules,
        "missing": found.missing,
        "causes": found.causes,
        "notes": found.notes,
    }
