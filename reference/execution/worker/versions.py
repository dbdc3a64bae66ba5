"""Chooses, among several implementations in one submission, the one that is meant, and not the old copy beside it.

Nothing is run or parsed here, so that the examiner's own process can safely use this too: a class counts where a line
begins with its ``class`` statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

#: Files that define at least so many of the contract's classes are an implementation, even if an unfinished one.
_COMPLETE = 4
#: The name that the lab gives to the package that is handed in.
PACKAGE = "mlp"
#: The names that the lab gives to the modules in it.
MODULES = ("linear_layer", "relu_layer", "softmax_layer", "losses", "mlp")
_CLASS = re.compile(rb"^class\s+(\w+)", re.MULTILINE)
_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(\w[\w.]*)", re.MULTILINE)
#: Versions that a message names.
_MAX_NAMED = 5


@dataclass(frozen=True)
class FileSummary:
    """The names of the classes that a file defines and of the modules that it imports, found without running it."""

    classes: frozenset[str]
    imports: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """Files that together define an implementation: one file, or files of a folder and of the folders below it.

    Attributes
    ----------
    folder
        The path of their folder, relative to the root of the submission.
    files
        Their paths, relative to the root.
    classes
        The contract's classes that they define.
    single_file
        Whether one file defines all of them.
    """

    folder: PurePath
    files: tuple[PurePath, ...]
    classes: frozenset[str]
    single_file: bool

    @property
    def complete(self) -> bool:
        """Whether it defines enough classes; else it counts as an implementation only because of its folder's name."""
        return len(self.classes) >= _COMPLETE

    @property
    def label(self) -> str:
        """What it is called in messages: the path of its folder or of its file."""
        if self.single_file:
            return self.files[0].as_posix()
        return "the main folder" if self.folder == PurePath() else f"{self.folder.as_posix()}/"


@dataclass(frozen=True)
class Choice:
    """The result of `choose`.

    Attributes
    ----------
    chosen
        The version that is meant; None where no files form a version, so that each class is looked for by itself.
    others
        The other versions of the same classes, which are not meant.
    tied
        The chosen version and those that are as likely to be meant; empty where no other one is.
    """

    chosen: Version | None
    others: tuple[Version, ...]
    tied: tuple[Version, ...]


def summarize(text: bytes) -> FileSummary:
    """List the classes and the imports in the text of a Python file."""
    classes = frozenset(found.decode("ascii", "replace") for found in _CLASS.findall(text))
    return FileSummary(classes, tuple(found.decode("ascii", "replace") for found in _IMPORT.findall(text)))


def choose(files: Mapping[PurePath, FileSummary], wanted: Iterable[str], root_name: str) -> Choice:
    """Choose the version of an implementation that is meant.

    The criteria, the most important first: it lies in a folder called ``mlp``; it defines enough classes; it is near
    the root; it is one file called ``mlp.py``; a script beside or above it imports it.

    Parameters
    ----------
    files
        Maps the path of each file of a submission, relative to its root, to what the file defines and imports.
    wanted
        The names of the contract's classes.
    root_name
        The name of the root folder.
    """
    wanted = frozenset(wanted)
    found = _versions({path: files[path].classes & wanted for path in sorted(files)}, root_name)
    if not found:
        return Choice(None, (), ())
    users = {path: each for path, each in files.items() if all(path not in version.files for version in found)}
    ranks = {version: _rank(version, users) for version in found}
    best = min(ranks.values())
    chosen = next(version for version in found if ranks[version] == best)
    # Files that define none of the same classes are not another version: they are the rest of the chosen one.
    others = tuple(each for each in found if each is not chosen and each.classes & chosen.classes)
    tied = tuple(each for each in others if ranks[each] == best)
    return Choice(chosen, others, (chosen, *tied) if tied else ())


def ambiguity(tied: Sequence[Version], name: str) -> str:
    """The message for a submission whose versions are equally likely to be meant; ``name`` is what it is called."""
    labels = [version.label for version in tied[:_MAX_NAMED]]
    more = f" and {len(tied) - _MAX_NAMED} more" if len(tied) > _MAX_NAMED else ""
    return (
        f"{name} holds {len(tied)} implementations ({', '.join(labels)}{more}), and nothing says which one is meant: "
        "name the path of one of them, or keep only one of them; if they are the submissions of a course, judge each "
        f"with --all {name}"
    )


def _versions(classes: Mapping[PurePath, frozenset[str]], root_name: str) -> list[Version]:
    """The versions in a submission, given the wanted classes that each file defines.

    A file that defines enough classes is a version. The files that define fewer are gathered folder by folder, from the
    innermost outwards, until those of a folder together define enough.
    """
    found = [Version(path.parent, (path,), each, True) for path, each in classes.items() if len(each) >= _COMPLETE]
    left: dict[PurePath, list[PurePath]] = {}
    for path, each in classes.items():
        if 0 < len(each) < _COMPLETE:
            left.setdefault(path.parent, []).append(path)
    folders = {above for path in classes for above in path.parents}
    for folder in sorted(folders, key=lambda each: (-len(each.parts), each)):
        files = left.pop(folder, [])
        version = Version(folder, tuple(files), frozenset[str]().union(*(classes[path] for path in files)), False)
        # Too few classes are a version all the same in a folder called mlp that holds no other version.
        package = (folder.name or root_name).casefold() == PACKAGE
        if version.complete or (
            version.classes and package and not any(each.folder.is_relative_to(folder) for each in found)
        ):
            found.append(version)
        elif folder.parts:
            left.setdefault(folder.parent, []).extend(files)
    return found


def _rank(version: Version, users: Mapping[PurePath, FileSummary]) -> tuple[bool, bool, int, bool, bool]:
    """The key to sort versions by: the lower, the more likely the version is meant. See `choose`."""
    return (
        all(part.casefold() != PACKAGE for part in version.folder.parts),
        not version.complete,
        len(version.folder.parts),
        not (version.single_file and version.files[0].stem.casefold() == PACKAGE),
        not any(_imports(path, each, version) for path, each in users.items()),
    )


def _imports(path: PurePath, user: FileSummary, version: Version) -> bool:
    """Whether a script imports a version that lies beside the script or below its folder."""
    place = version.files[0].with_suffix("") if version.single_file else version.folder
    if not place.is_relative_to(path.parent):
        return False
    parts = place.relative_to(path.parent).parts
    return bool(parts) and any(tuple(each.split("."))[: len(parts)] == parts for each in user.imports)
