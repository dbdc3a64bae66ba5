"""The command line ``bp``, and everything that it prints, draws and writes.

``cli`` reads the arguments and calls one module of ``commands``. ``verdicts`` shows what the examiner found about one
submission, ``course`` judges many of them. ``training`` runs the lab's experiments, ``study`` makes the report and the
benchmarks, ``figures`` draws, and ``io`` has files, processes and exit codes.
"""

import os
import sys


def _forget_current_folder(source_folder: str) -> None:
    """Take the current folder out of ``sys.path``, unless it is the folder that holds our own packages."""
    try:
        here = os.getcwd()  # noqa: PTH109 - importing pathlib might already import a submission
    except OSError:
        return
    places = {folder: os.path.abspath(folder) for folder in sys.path}  # noqa: PTH100
    sys.path[:] = [folder for folder in sys.path if places[folder] != here or places[folder] == source_folder]


if sys.argv and (sys.argv[0] == "-m" or os.path.basename(sys.argv[0]) in {"bp", "bp.exe"}):  # noqa: PTH119
    # We were started as a program. With `python -m reports` Python looks for every module in the current folder first,
    # and a file of a submission there may be named like one of Python's modules. So this comes before all other
    # imports, and uses only modules that Python has already imported.
    _forget_current_folder(os.path.dirname(__path__[0]))  # noqa: PTH120
