"""Runs the assignment's experiments, draws its figures, writes its document; the command line."""

import os
import sys


def _leave_current_folder(own: str) -> None:
    """Stop looking for modules in the current folder, unless our own packages are there."""
    try:
        here = os.getcwd()  # noqa: PTH109 - importing pathlib might already import a submission
    except OSError:
        return
    places = {folder: os.path.abspath(folder) for folder in sys.path}  # noqa: PTH100
    sys.path[:] = [folder for folder in sys.path if places[folder] != here or places[folder] == own]


if sys.argv and (sys.argv[0] == "-m" or os.path.basename(sys.argv[0]) in {"bp", "bp.exe"}):  # noqa: PTH119
    # As a program. With `python -m reports` Python looks for every module in the current folder first, and a submission
    # there may have the name of one. So this comes before all other imports, and needs none that Python has not done.
    _leave_current_folder(os.path.dirname(__path__[0]))  # noqa: PTH120
