"""Where the Python processes that we start look for modules: never in a submission, nor in the current folder.

A Python that is started with ``-c`` or ``-m`` looks in the current folder first. If a submission there has the name of
one of Python's own modules, such as ``struct.py``, it would be imported in place of that module, outside the sandbox.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

#: The folder that holds our own packages.
_ROOT = Path(__file__).resolve().parent.parent.parent


def command(script: str, *arguments: str, foreign: Iterable[Path] = (), flags: Sequence[str] = ()) -> list[str]:
    """Return the command that runs ``script`` in a Python process that looks for modules only where `folders` says.

    Parameters
    ----------
    script
        The source of the script.
    arguments
        What follows the first entry of ``sys.argv``.
    foreign
        Folders of submissions.
    flags
        Further options of the interpreter.
    """
    start = f"import sys\nsys.path[:] = {folders(foreign)!r}\n"
    encoding = ["-X", "utf8"] if sys.flags.utf8_mode else []
    # Until the first line of the script is run, -I keeps out the current folder and the PYTHON... environment
    # variables.
    return [sys.executable, "-I", *encoding, *flags, "-c", start + script, *arguments]


def folders(foreign: Iterable[Path] = ()) -> list[str]:
    """The folders where this process looks for modules, without the current folder and those of submissions."""
    current, submitted = Path.cwd().resolve(), [each.resolve() for each in foreign]
    found = [each for each in sys.path if not _is_foreign(Path(each).resolve(), current, submitted)]
    return found if str(_ROOT) in found else [*found, str(_ROOT)]


def _is_foreign(entry: Path, current: Path, submitted: Sequence[Path]) -> bool:
    """Whether a folder must be left out of the search path."""
    # The virtual environment may lie in the folder of the submissions, and the current folder may be that of our
    # source.
    if entry == _ROOT or any(entry.is_relative_to(each) for each in (sys.prefix, sys.base_prefix)):
        return False
    return entry == current or any(_may_be_submitted(entry, each) for each in submitted)


def _may_be_submitted(entry: Path, folder: Path) -> bool:
    """Whether ``entry`` is the folder of the submissions or inside one of them; a hidden folder is no submission."""
    return entry == folder or (folder in entry.parents and not entry.relative_to(folder).parts[0].startswith("."))
