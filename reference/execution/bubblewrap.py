"""Bubblewrap, where it is installed: a file system, processes and a network of its own for one command."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from reference.execution import libraries

_NAMESPACES = ["--unshare-all", "--die-with-parent"]


def works() -> bool:
    """Whether it is there, and the system lets it make namespaces; however long a busy machine takes to say so."""
    if _place() is None:
        return False
    probe = [*_begun(), "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "true"]
    try:
        return subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0  # noqa: S603
    except OSError:
        return False


def wrapping(given: Sequence[str], work: Path) -> list[str]:
    """The words before a command.

    Parameters
    ----------
    given
        Files and folders that can be read within, besides those of the system.
    work
        The folder that can be written in.
    """
    wrap = [*_begun(), "--new-session", "--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev"]
    # Python's library as a whole, and nothing where things are installed in it: a mount for each file takes long.
    standard = libraries.standard()
    installed = [str(standard / name) for name in libraries.PACKAGES if (standard / name).is_dir()]
    others = [path for path in libraries.system_files() if Path(path).parent != standard]
    wrap += _bound(["/bin", "/usr/bin", str(libraries.interpreter().parent), *others, str(standard)])
    for path in installed:
        wrap += ["--tmpfs", path]
    wrap += _bound(given)  # it may belong to what is installed
    for path in installed:
        wrap += ["--remount-ro", path]
    # What is in memory there must not be filled.
    return [*wrap, "--bind", str(work), str(work), "--chdir", str(work), "--remount-ro", "/dev", "--remount-ro", "/"]


def _place() -> str | None:
    return shutil.which("bwrap")


def _begun() -> list[str]:
    # Its whole path: the command is started without the search path of whoever is at work here.
    return [_place() or "bwrap", *_NAMESPACES]


def _bound(paths: Sequence[str]) -> list[str]:
    return [word for path in paths for word in ("--ro-bind-try", path, path)]
