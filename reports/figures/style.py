"""One look for all figures, and how they become files."""

from __future__ import annotations

import io
from importlib import resources
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_STYLE = resources.files("reports.figures") / "style.mplstyle"
#: Inches: the width of the text on A4.
WIDTH = 7.2
#: Of classes and of whatever comes in threes: the first colours of the style.
COLOURS = ("#0072B2", "#D55E00", "#009E73")
MARKERS = ("o", "s", "^")


def style() -> Any:
    """The context in which figures are to be made."""
    with resources.as_file(_STYLE) as path:
        return mpl.rc_context(fname=path)


def svg(figure: Figure) -> bytes:
    """The figure as an SVG file, the same bytes for the same numbers."""
    with style():
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": "bp"})
    return stream.getvalue()
