"""The style of all figures, and how they are written as SVG."""

from __future__ import annotations

import io
from importlib import resources
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_STYLE = resources.files("reports.figures") / "style.mplstyle"
#: The width of the text on A4, in inches.
WIDTH = 7.2
#: Colours and markers for three classes or three functions: the first ones of the style.
COLOURS = ("#0072B2", "#D55E00", "#009E73")
MARKERS = ("o", "s", "^")


def style() -> Any:
    """The context in which every figure must be made and written."""
    with resources.as_file(_STYLE) as path:
        return mpl.rc_context(fname=path)


def svg(figure: Figure) -> bytes:
    """The content of an SVG file with the figure; the same numbers give the same bytes."""
    with style():
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": "bp"})
    return stream.getvalue()
