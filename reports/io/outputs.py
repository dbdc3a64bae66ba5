"""The files that the options of a command ask for, one of which may be standard output."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path

from reports.io.exit_codes import UsageError
from reports.io.files import write_atomically

_STDOUT = Path("-")


class Outputs:
    """The files to write, checked before any work is done.

    Parameters
    ----------
    wanted
        The file of each option, by the option's name: a path, ``-`` for standard output, or None.
    made
        A folder that need not exist yet, because it is made before anything is written.

    Raises
    ------
    UsageError
        A path is a folder or lies in no folder, or two options name the same file.
    """

    def __init__(self, wanted: Mapping[str, Path | None], made: Path | None = None) -> None:
        self.files = {name: path for name, path in wanted.items() if path is not None}
        places: dict[Path, str] = {}
        for name, path in self.files.items():
            if path != _STDOUT and not (made is not None and path.parent.resolve() == made.resolve()):
                refuse_unwritable(name, path)
            place = path if path == _STDOUT else path.resolve()
            if place in places:
                raise UsageError(f"expected --{places[place]} and --{name} to be two files, both are {path}")
            places[place] = name

    @property
    def to_stdout(self) -> bool:
        """Whether one of the outputs goes to standard output, so that nothing else may be printed there."""
        return _STDOUT in self.files.values()

    def write(self, name: str, text: str) -> None:
        """Write ``text`` to the file of the option with that name."""
        path = self.files[name]
        if path == _STDOUT:
            sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        else:
            write_atomically(path, text)


def refuse_unwritable(name: str, path: Path) -> None:
    """Refuse, before any work, a path that cannot be written.

    A missing folder is not made, because its name is more often misspelled than new.

    Raises
    ------
    UsageError
        The path of the option ``name`` is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise UsageError(f"expected --{name} to be a file, {path} is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"expected --{name} to be in a folder that exists, there is no folder {path.parent}")


def require_matplotlib() -> None:
    """Refuse, before any work, to write pages with pictures if matplotlib is absent.

    Raises
    ------
    ModuleNotFoundError
        matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ModuleNotFoundError("expected matplotlib, for the pictures", name="matplotlib")
