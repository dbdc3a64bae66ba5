"""The files that a command is asked to write, one of which may be standard output."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path

from reports.io.exit_codes import UsageError
from reports.io.files import write_atomically

_STDOUT = Path("-")


class Outputs:
    """Where to write what, looked over before any work is done.

    Parameters
    ----------
    wanted
        Option's name -> its file, `-` for standard output, or None.
    made
        A folder that there will be by the time of writing.

    Raises
    ------
    UsageError
        A file is a folder or in none, or two outputs would be one file.
    """

    def __init__(self, wanted: Mapping[str, Path | None], made: Path | None = None) -> None:
        self.files = {name: path for name, path in wanted.items() if path is not None}
        places: dict[Path, str] = {}
        for name, path in self.files.items():
            if path != _STDOUT and not (made is not None and path.parent.resolve() == made.resolve()):
                refuse_hopeless(name, path)
            place = path if path == _STDOUT else path.resolve()
            if place in places:
                raise UsageError(f"expected --{places[place]} and --{name} to be two files, both are {path}")
            places[place] = name

    @property
    def to_stdout(self) -> bool:
        """Whether standard output belongs to one of the files, and to nothing else."""
        return _STDOUT in self.files.values()

    def write(self, name: str, text: str) -> None:
        """Write to the file of that option."""
        path = self.files[name]
        if path == _STDOUT:
            sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        else:
            write_atomically(path, text)


def refuse_hopeless(name: str, path: Path) -> None:
    """Before any work: a folder is not made, since it is more often misspelled than new.

    Raises
    ------
    UsageError
        The option's file is a folder, or its folder is not there.
    """
    if path.is_dir():
        raise UsageError(f"expected --{name} to be a file, {path} is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"expected --{name} to be in a folder that exists, there is no folder {path.parent}")


def refuse_without_drawing() -> None:
    """Before any work: pages have pictures.

    Raises
    ------
    ModuleNotFoundError
        matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ModuleNotFoundError("expected matplotlib, for the pictures", name="matplotlib")
