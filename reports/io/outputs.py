"""The files that the options of a command ask for, one of which may be standard output."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reports.io.destination import destination, is_stdout, resolved
from reports.io.exit_codes import UsageError
from reports.io.files import write_atomically

#: The path that means standard output.
STDOUT = Path("-")


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
        A path cannot be written, or two options name the same file.
    """

    def __init__(self, wanted: Mapping[str, Path | None], made: Path | None = None) -> None:
        self.files = {name: STDOUT if is_stdout(path) else path for name, path in wanted.items() if path is not None}
        places: dict[Path, str] = {}
        for name, path in self.files.items():
            if path != STDOUT and not (made is not None and path.parent.absolute() == made.absolute()):
                refuse_unwritable(name, path)
            place = path if path == STDOUT else path.resolve()
            if place in places and place != Path(os.devnull):
                raise UsageError(f"expected --{places[place]} and --{name} to be two files, both are {path}")
            places[place] = name

    @property
    def to_stdout(self) -> bool:
        """Whether one of the outputs goes to standard output, so that nothing else may be printed there."""
        return STDOUT in self.files.values()

    def write(self, name: str, content: str | bytes) -> None:
        """Write ``content`` to the file of the option with that name; text becomes UTF-8, whatever the terminal has."""
        path = self.files[name]
        if path != STDOUT:
            write_atomically(path, content)
            return
        if isinstance(content, str):
            content = content if content.endswith("\n") else f"{content}\n"
            if not hasattr(sys.stdout, "buffer"):  # as in a notebook
                sys.stdout.write(content)
                return
            content = content.encode()
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def refuse_unwritable(name: str, path: Path) -> None:
    """Refuse, before any work, a path that cannot be written.

    A missing folder is not made, because its name is more often misspelled than new.

    Raises
    ------
    UsageError
        The path of the option ``name`` is a folder, its folder does not exist, or it or its folder cannot be written.
    """
    try:
        place = destination(path)
        file = path if place is None else place
        if file.is_dir():
            raise UsageError(f"expected --{name} to be a file, {path} is a folder")
        if not file.parent.is_dir():
            folder = (file if path.is_symlink() else path).parent
            raise UsageError(f"expected --{name} to be in a folder that exists, there is no folder {folder}")
        if file.exists() and not os.access(file, os.W_OK):
            raise UsageError(f"expected --{name} to be a file that can be written, {path} is read-only")
        if place is not None:
            tempfile.TemporaryFile(dir=place.parent).close()
    except OSError as error:
        raise UsageError(f"expected --{name} to be a file that can be written: {error}") from error


def refuse_no_folder(name: str, path: Path) -> None:
    """Refuse, before any work, a folder that cannot be used or made. As for files, the one it lies in must exist.

    Raises
    ------
    UsageError
        The path of the option ``name`` is a file, or the folder that it should lie in does not exist.
    """
    try:
        if path.exists() and not path.is_dir():
            raise UsageError(f"expected --{name} to be a folder, {path} is a file")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"expected --{name} to be in a folder that exists, there is no folder {path.parent}")
        resolved(path)
    except OSError as error:
        raise _no_folder(name, error) from error


def made_folder(name: str, path: Path) -> None:
    """Make the folder of the option ``name`` if it is missing.

    Raises
    ------
    UsageError
        `refuse_no_folder` refuses it, or nothing can be written there.
    """
    refuse_no_folder(name, path)
    try:
        path.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise _no_folder(name, error) from error


def _no_folder(name: str, error: OSError) -> UsageError:
    return UsageError(f"expected --{name} to be a folder that can be written: {error}")


def require_matplotlib() -> None:
    """Refuse, before any work, to write pages with pictures if matplotlib is absent.

    Raises
    ------
    ModuleNotFoundError
        matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ModuleNotFoundError("expected matplotlib, for the pictures", name="matplotlib")
