"""Draws how far computed values are from the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from reports.figures.style import COLOURS, WIDTH, style

#: A heat map with more columns has no numbers in its cells.
_MOST_COLUMNS = 10
#: Logits beyond this power of ten are drawn at the edge.
_FAR = 10
#: Colour and line of each way to compute softmax. The usual one and PyTorch's nearly coincide, so one is dotted.
_WAY_LINES = {
    "naive": ("#D55E00", "-"),
    "usual stable": ("#E69F00", "-"),
    "ours": ("#0072B2", "-"),
    "PyTorch": ("#111111", ":"),
}
#: The smallest error that is drawn, and where NaN is drawn.
_LEAST_ULPS, _NAN_ULPS = 0.1, 1e18
#: Where an error of 0 is drawn on a logarithmic scale.
_EXACT = 1e-4


def digits_lost(measured: Mapping[str, Any]) -> Figure:
    """Draw errors of loss and gradient against the logit of the right class, a line for each way to compute them."""
    with style():
        figure = Figure(figsize=(WIDTH, 2.6))
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (quantity, title) in zip(panels, (("loss", "loss"), ("delta", "gradient")), strict=True):
            for name, errors in measured[quantity].items():
                colour, line = _WAY_LINES.get(name, ("#333333", "-."))
                heights = np.clip(errors, _LEAST_ULPS, _NAN_ULPS)
                axes.plot(measured["leads"], heights, label=name, color=colour, linestyle=line)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xticks([1, 10, 37, 100, 709], labels=["1", "10", "37", "100", "709"])
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_yticks(
                [1, 1e4, 1e8, 1e12, 1e16, _NAN_ULPS], labels=["1", "$10^4$", "$10^8$", "$10^{12}$", "$10^{16}$", "NaN"]
            )
            axes.set_title(title)
            axes.set_xlabel("logit of the right class")
        panels[0].set_ylabel("error, units in the last place")
        panels[1].legend(loc="center right", bbox_to_anchor=(0.95, 0.4))
    return figure


def heat_map(values: NDArray[Any], limit: float, wrong: NDArray[np.bool_] | None = None) -> Figure:
    """Draw the entries of a matrix as colours from -limit to limit, with a frame around wrong ones.

    If there is room, each entry has its number.
    """
    rows, columns = values.shape
    roomy = columns <= _MOST_COLUMNS
    cell = (0.62, 0.32) if roomy else (0.26, 0.26)
    with style():
        figure = Figure(figsize=(max(columns * cell[0], 1.2) + 0.45, rows * cell[1] + 0.45))
        axes = figure.subplots()
        shown = np.ma.masked_invalid(values)
        colours = mpl.colormaps["RdBu"].with_extremes(bad="#dddddd")
        # A mesh, and not an image: an image has pixels, which blur, and the pages for verdicts may not load images.
        edges = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
        axes.pcolormesh(*edges, shown, cmap=colours, vmin=-limit, vmax=limit)
        axes.invert_yaxis()
        axes.set_xticks(range(columns) if roomy else range(0, columns, 5))
        axes.set_yticks(range(rows) if rows <= _MOST_COLUMNS else range(0, rows, 5))
        axes.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        if roomy:
            _write_entries(axes, values, limit)
        for row, column in [] if wrong is None else np.argwhere(wrong):
            axes.add_patch(Rectangle((column - 0.45, row - 0.45), 0.9, 0.9, fill=False, edgecolor="#111111"))
    return figure


def error_against_logits(points: Sequence[tuple[float, float, float]]) -> Figure:
    """Draw the error of each case against its largest logit; a point is (largest logit, error, rounding bound)."""
    sizes, errors, allowed = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where(errors == 0, 0, errors / allowed)
    finite = np.isfinite(ratios)
    # We take logarithms ourselves, because matplotlib's logarithmic axes look for ticks beyond the largest double.
    # Errors that are not finite are drawn in a row above all others, and errors of 0 in a row below.
    top = np.log10(max(float(ratios[finite].max(initial=0)), 1e2)) + 2
    heights = np.full(ratios.shape, top)
    heights[finite] = np.log10(np.maximum(ratios[finite], _EXACT))
    places = np.log10(np.maximum(sizes, _EXACT))
    far = places > _FAR
    # Nearly everything worth seeing lies below 1e4. Logits such as 1e300 are drawn at the edge, behind a line, with
    # their own tick.
    edge = np.ceil(places[~far].max(initial=1)) + 1
    named = {edge: places.max()} if far.any() else {}
    places[far] = edge
    with style():
        figure = Figure(figsize=(4.6, 2.7))
        axes = figure.subplots()
        for chosen, label, marker, colour in (
            (ratios <= 1, "right", "o", COLOURS[0]),
            (finite & (ratios > 1), "wrong", "s", COLOURS[1]),
            (~finite, "inf or NaN", "x", COLOURS[1]),
        ):
            if chosen.any():
                axes.scatter(places[chosen], heights[chosen], s=22, marker=marker, color=colour, label=label)
        axes.axhline(0, color="#555555", linewidth=0.8, linestyle="--")
        axes.set(xlabel="largest logit of the case", ylabel="error / rounding bound")
        if far.any():
            axes.axvline(edge - 0.5, color="#555555", linewidth=0.8, linestyle=":")
        axes.yaxis.set_major_locator(MaxNLocator(7, integer=True))
        axes.set_xticks([*np.arange(np.floor(places.min()), edge if far.any() else edge + 1), *named])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"$10^{{{named.get(place, place):.0f}}}$"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda exponent, _: f"$10^{{{exponent:.0f}}}$"))
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _write_entries(axes: Axes, values: NDArray[Any], limit: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        dark = np.isfinite(value) and abs(value) > 0.6 * limit
        text = f"{value:.3g}".replace("e+", "e").replace("e-0", "e-")
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color="white" if dark else "black")
