"""Draws which combinations of settings lead to a run that stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.figures.style import COLOURS, WIDTH, style

_BAD, _GOOD = "#f3c7ad", COLOURS[0]


def instability_map(cells: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> Figure:
    """Draw a panel for each kind of softmax (a row) and precision (a column), with learning rate against input scale.

    A completed run shows its training accuracy, on a blue that is stronger for a higher accuracy. A run that stopped is
    orange and hatched, and shows the epoch and the batch.
    """
    dtypes, scales, alphas = (list(dict.fromkeys(cell[name] for cell in cells)) for name in _AXES)
    with style():
        figure = Figure(figsize=(WIDTH, 1.1 + 0.38 * len(scales) * len(kinds) + 0.3 * len(kinds)))
        panels = figure.subplots(len(kinds), len(dtypes), squeeze=False, sharex=True, sharey=True)
        for row, (kind, title) in zip(panels, kinds.items(), strict=True):
            for axes, dtype in zip(row, dtypes, strict=True):
                for cell in cells:
                    if cell["dtype"] == dtype:
                        place = alphas.index(cell["alpha"]), scales.index(cell["input_scale"])
                        _draw(axes, place, cell[kind])
                axes.set_title(f"{title}, {dtype}")
                _frame(axes, alphas, scales)
            row[0].set_ylabel("input scale")
        for axes in panels[-1]:
            axes.set_xlabel("learning rate")
    return figure


_AXES = ("dtype", "input_scale", "alpha")


def _draw(axes: Axes, place: tuple[int, int], end: Mapping[str, Any]) -> None:
    x, y = place
    corner = (x - 0.5, y - 0.5)
    if end["stopped"] is None:
        axes.add_patch(Rectangle(corner, 1, 1, facecolor=_GOOD, alpha=0.08 + 0.5 * end["accuracy"] ** 2, linewidth=0))
        text = f"{end['accuracy']:.0%}"
    else:
        axes.add_patch(Rectangle(corner, 1, 1, facecolor=_BAD, edgecolor="#ffffff", hatch="////", linewidth=0))
        text = _where(end["stopped_at"])
    axes.text(x, y, text, ha="center", va="center", fontsize=7, linespacing=1.05)


def _where(at: Mapping[str, Any]) -> str:
    """Where a run stopped, in a few words."""
    if at["epoch"] == 0:
        return "at once"
    return f"epoch {at['epoch']}" + (f"\nbatch {at['batch']}" if at["batch"] is not None else "")


def _frame(axes: Axes, alphas: Sequence[float], scales: Sequence[float]) -> None:
    axes.set_xlim(-0.5, len(alphas) - 0.5)
    axes.set_ylim(len(scales) - 0.5, -0.5)
    axes.set_xticks(range(len(alphas)), labels=[f"{alpha:g}" for alpha in alphas])
    axes.set_yticks(range(len(scales)), labels=[f"{scale:g}" for scale in scales])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for edge in range(1, len(alphas)):
        axes.axvline(edge - 0.5, color="#ffffff", linewidth=1.5)
    for edge in range(1, len(scales)):
        axes.axhline(edge - 0.5, color="#ffffff", linewidth=1.5)
