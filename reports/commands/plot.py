"""``bp plot``: draws the curves of several training runs over each other."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from rich.console import Console

import bp
from reports.io.exit_codes import OK, UsageError
from reports.io.outputs import Outputs, require_matplotlib
from reports.training.saved_history import NoHistoryError, read_history

_Form = Literal["svg", "png", "pdf"]
_FORMS: dict[str, _Form] = {".svg": "svg", ".png": "png", ".pdf": "pdf"}


def run(arguments: argparse.Namespace) -> int:
    """Draw the histories in the files ``arguments.histories`` into the file ``arguments.out``."""
    require_matplotlib()
    form_of("out", arguments.out)
    outputs = Outputs({"out": arguments.out})
    try:
        histories = [(path, *read_history(path)) for path in arguments.histories]
    except NoHistoryError as error:
        raise UsageError(str(error)) from error
    # Runs of one experiment are told apart by their files, and by the whole path where names are alike.
    stems = [path.stem for path, *_ in histories]
    titles = [path.stem if stems.count(path.stem) == 1 else str(path) for path, *_ in histories]
    if len(set(titles)) < len(titles):
        raise UsageError("expected different files, one is given twice")
    outputs.write("out", picture(arguments.out, dict(zip(titles, (history for *_, history in histories), strict=True))))
    Console(stderr=outputs.to_stdout, highlight=False, soft_wrap=True).print(str(arguments.out), markup=False)
    return OK


def form_of(option: str, path: Path) -> _Form:
    """The format of a figure, which the ending of its file says.

    Raises
    ------
    UsageError
        It is none of those that can be written.
    """
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise UsageError(f"expected --{option} to end in {', '.join(_FORMS)}, got {path}")
    return form


def picture(path: Path, histories: Mapping[str, bp.History]) -> bytes:
    """The content of the file at ``path``: a figure of these histories, by their titles."""
    # Imported here, since `bp train` without a figure needs no matplotlib.
    from reports.figures import overlaid, rendered  # noqa: PLC0415

    return rendered(overlaid(histories), form_of("out", path))
