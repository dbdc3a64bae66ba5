"""Runs a command under bubblewrap, where that is installed: with a file system, processes and a network of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from reference.execution import libraries

_NAMESPACES = ["--unshare-all", "--die-with-parent"]


def works() -> bool:
    """Whether bubblewrap is installed and the system lets it make namespaces.

    It is tried out on a command that does nothing, without a time limit, since a busy machine may take long.
    """
    if _path_of_bwrap() is None:
        return False
    probe = [*_first_words(), "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "true"]
    try:
        return subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0  # noqa: S603
    except OSError:
        return False


def command_prefix(readable: Sequence[str], work: Path) -> list[str]:
    """The words to put before a command so that it runs under bubblewrap.

    Parameters
    ----------
    readable
        Files and folders that the command may read, besides those of the system.
    work
        The one folder in which it may write, and its working directory.
    """
    words = [*_first_words(), "--new-session", "--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev"]
    # Python's library is mounted as a whole, with empty folders over the installed packages: a mount for each file in
    # it would take long.
    standard = libraries.standard_library()
    installed = [str(each) for each in libraries.installed_folders()]
    others = [path for path in libraries.system_files() if Path(path).parent != standard]
    words += _read_only(["/bin", "/usr/bin", str(libraries.interpreter().parent), *others, str(standard)])
    for path in installed:
        words += ["--tmpfs", path]
    words += _read_only(readable)  # after the empty folders, since they may lie in one of them
    for path in installed:
        words += ["--remount-ro", path]
    # The temporary file systems are made read-only too, so that the command cannot fill the memory with files.
    return [*words, "--bind", str(work), str(work), "--chdir", str(work), "--remount-ro", "/dev", "--remount-ro", "/"]


def _path_of_bwrap() -> str | None:
    return shutil.which("bwrap")


def _first_words() -> list[str]:
    # The whole path, because the worker's environment does not have this process's PATH.
    return [_path_of_bwrap() or "bwrap", *_NAMESPACES]


def _read_only(paths: Sequence[str]) -> list[str]:
    return [word for path in paths for word in ("--ro-bind-try", path, path)]
