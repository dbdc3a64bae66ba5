"""The style of all figures, and how they are written to files."""

from __future__ import annotations

import io
from importlib import resources
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
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
    stream = io.BytesIO()
    with style():
        # `Figure.savefig` gives the same bytes, but draws every figure twice.
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": "bp"})  # type: ignore[no-untyped-call]
    return stream.getvalue()


def rendered(figure: Figure, form: Literal["svg", "png", "pdf"]) -> bytes:
    """The content of a file with the figure; the same numbers give the same bytes."""
    if form == "svg":
        return svg(figure)
    metadata = {"png": {"Software": "bp"}, "pdf": {"CreationDate": None, "Creator": "bp", "Producer": None}}
    with style():
        stream = io.BytesIO()
        figure.savefig(stream, format=form, metadata=metadata[form])
    return stream.getvalue()
