"""Where the Pythons that we start look for modules: nowhere where a submission is, nor in the current folder.

Python itself looks into the current folder first, for each program that is given with ``-c`` or ``-m``. If a submission
lies there that is called as one of Python's own modules, such as ``struct.py``, it would be run in that module's place,
outside all confinement.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

#: Where our own packages are.
_ROOT = Path(__file__).resolve().parent.parent.parent


def command(script: str, *arguments: str, foreign: Iterable[Path] = (), flags: Sequence[str] = ()) -> list[str]:
    """Give the command that runs a script in a Python that looks for modules where `folders` says, and nowhere else.

    Parameters
    ----------
    script
        Its source.
    arguments
        They are in ``sys.argv`` from its second place on.
    foreign
        Folders of submissions.
    flags
        Further options of Python.
    """
    start = f"import sys\nsys.path[:] = {folders(foreign)!r}\n"
    encoding = ["-X", "utf8"] if sys.flags.utf8_mode else []
    # -I: neither the current folder nor what the environment says of Python; both count until the first line is run.
    return [sys.executable, "-I", *encoding, *flags, "-c", start + script, *arguments]


def folders(foreign: Iterable[Path] = ()) -> list[str]:
    """Where this process looks for modules, without the current folder and without those of submissions."""
    here, submitted = Path.cwd().resolve(), [each.resolve() for each in foreign]
    found = [each for each in sys.path if not _is_foreign(Path(each).resolve(), here, submitted)]
    return found if str(_ROOT) in found else [*found, str(_ROOT)]


def _is_foreign(entry: Path, here: Path, submitted: Sequence[Path]) -> bool:
    # An environment may lie in the folder of the class, and the current folder may be that of our source.
    if entry == _ROOT or any(entry.is_relative_to(each) for each in (sys.prefix, sys.base_prefix)):
        return False
    return entry == here or any(_may_be_submitted(entry, each) for each in submitted)


def _may_be_submitted(entry: Path, folder: Path) -> bool:
    """Whether it is the folder of submissions or in one of them; what is hidden is none."""
    return entry == folder or (folder in entry.parents and not entry.relative_to(folder).parts[0].startswith("."))
