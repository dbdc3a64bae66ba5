"""Tells which files of what was handed in are meant: one implementation, and not the old copy that lies beside it.

Nothing is run or parsed here, so that a process that must not be harmed can ask too: a class counts where a line
begins with its ``class`` statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

#: So many of the contract's classes together are an implementation, even if something in it is unfinished.
_COMPLETE = 4
#: The lab's name for the package that is handed in.
PACKAGE = "mlp"
#: The lab's names for the modules in it.
MODULES = ("linear_layer", "relu_layer", "softmax_layer", "losses", "mlp")
_CLASS = re.compile(rb"^class\s+(\w+)", re.MULTILINE)
_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(\w[\w.]*)", re.MULTILINE)
_MAX_NAMED = 5


@dataclass(frozen=True)
class Seen:
    """What is seen of a file without running it: the classes that it defines, and the modules that it imports."""

    classes: frozenset[str]
    imports: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """Files that define an implementation together: one file, or those of a folder and of the folders below it.

    Attributes
    ----------
    folder
        The folder that they are in, as seen from the root.
    files
        Themselves, as seen from the root.
    classes
        The contract's classes that they define.
    alone
        Whether one file has them all.
    """

    folder: PurePath
    files: tuple[PurePath, ...]
    classes: frozenset[str]
    alone: bool

    @property
    def complete(self) -> bool:
        """Whether it is an implementation by what is in it, and not by its folder's name alone."""
        return len(self.classes) >= _COMPLETE

    @property
    def label(self) -> str:
        """Its name in a message: the folder or the file."""
        if self.alone:
            return self.files[0].as_posix()
        return "the main folder" if self.folder == PurePath() else f"{self.folder.as_posix()}/"


@dataclass(frozen=True)
class Choice:
    """The version that is meant.

    Attributes
    ----------
    chosen
        The version; None where there is none, so that each class is looked for by itself.
    others
        Other versions of the same classes, which are not meant.
    tied
        The versions that are as likely to be meant as the chosen one, itself among them; empty where none is.
    """

    chosen: Version | None
    others: tuple[Version, ...]
    tied: tuple[Version, ...]


def seen(text: bytes) -> Seen:
    """See `Seen`."""
    classes = frozenset(found.decode("ascii", "replace") for found in _CLASS.findall(text))
    return Seen(classes, tuple(found.decode("ascii", "replace") for found in _IMPORT.findall(text)))


def choose(files: Mapping[PurePath, Seen], wanted: Iterable[str], root_name: str) -> Choice:
    """Choose the version that is meant.

    It is one in a folder called ``mlp`` if there is any, then the nearest to the root, then one in a file called
    ``mlp.py``, then one that a script beside the versions imports.

    Parameters
    ----------
    files
        Of a submission, by their paths from its root.
    wanted
        The contract's classes.
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
    # One that has none of the same classes is no other version: it is the rest of this one.
    others = tuple(each for each in found if each is not chosen and each.classes & chosen.classes)
    tied = tuple(each for each in others if ranks[each] == best)
    return Choice(chosen, others, (chosen, *tied) if tied else ())


def told(tied: Sequence[Version], name: str) -> str:
    """What to say of a submission whose versions are equally likely to be meant."""
    labels = [version.label for version in tied[:_MAX_NAMED]]
    more = f" and {len(tied) - _MAX_NAMED} more" if len(tied) > _MAX_NAMED else ""
    return (
        f"{name} holds {len(tied)} implementations ({', '.join(labels)}{more}), and nothing says which one is meant: "
        f"name the path of one of them, or keep one alone; if they are a whole class, judge each with --all {name}"
    )


def _versions(classes: Mapping[PurePath, frozenset[str]], root_name: str) -> list[Version]:
    """Go through the folders from the innermost: what is complete there is a version, and the rest goes up."""
    found = [Version(path.parent, (path,), each, True) for path, each in classes.items() if len(each) >= _COMPLETE]
    left: dict[PurePath, list[PurePath]] = {}
    for path, each in classes.items():
        if 0 < len(each) < _COMPLETE:
            left.setdefault(path.parent, []).append(path)
    folders = {above for path in classes for above in path.parents}
    for folder in sorted(folders, key=lambda each: (-len(each.parts), each)):
        files = left.pop(folder, [])
        version = Version(folder, tuple(files), frozenset[str]().union(*(classes[path] for path in files)), False)
        # What is unfinished is meant too if it is in the lab's package, with nothing in there that is finished.
        package = (folder.name or root_name).casefold() == PACKAGE
        if version.complete or (
            version.classes and package and not any(each.folder.is_relative_to(folder) for each in found)
        ):
            found.append(version)
        elif folder.parts:
            left.setdefault(folder.parent, []).extend(files)
    return found


def _rank(version: Version, users: Mapping[PurePath, Seen]) -> tuple[bool, bool, int, bool, bool]:
    """The lower, the likelier."""
    return (
        all(part.casefold() != PACKAGE for part in version.folder.parts),
        not version.complete,
        len(version.folder.parts),
        not (version.alone and version.files[0].stem.casefold() == PACKAGE),
        not any(_imports(path, each, version) for path, each in users.items()),
    )


def _imports(path: PurePath, user: Seen, version: Version) -> bool:
    """Whether a script, which lies above the version or beside it, imports it."""
    place = version.files[0].with_suffix("") if version.alone else version.folder
    if not place.is_relative_to(path.parent):
        return False
    parts = place.relative_to(path.parent).parts
    return bool(parts) and any(tuple(each.split("."))[: len(parts)] == parts for each in user.imports)
