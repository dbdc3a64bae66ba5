"""Draws digits as images, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from reports.figures.style import COLOURS, WIDTH, style


def images(pictures: NDArray[np.uint8], titles: Sequence[str] = (), *, columns: int) -> Figure:
    """Draw grey images (N, height, width) row by row, dark on light, each under its title if there are titles."""
    rows = -(-len(pictures) // columns)
    side = WIDTH / columns
    with style():
        figure = Figure(figsize=(WIDTH, rows * (side + (0.22 if titles else 0))))
        panels = figure.subplots(rows, columns, squeeze=False)
        for number, axes in enumerate(panels.flat):
            axes.set_axis_off()
            if number < len(pictures):
                axes.imshow(pictures[number], cmap="Greys", vmin=0, vmax=255, interpolation="nearest")
                if titles:
                    axes.set_title(titles[number], loc="center", fontsize=8)
    return figure


def confusion(counts: Sequence[Sequence[int]]) -> Figure:
    """Draw a confusion matrix: a row for each true class, a column for each predicted one; mistakes are coloured."""
    matrix = np.array(counts)
    k = len(matrix)
    mistakes = np.where(np.eye(k, dtype=bool), 0, matrix)
    with style():
        figure = Figure(figsize=(0.62 * WIDTH, 0.5 * WIDTH))
        axes = figure.subplots()
        edges = np.arange(k + 1) - 0.5
        axes.pcolormesh(edges, edges, mistakes, cmap="Oranges", vmin=0, vmax=max(int(mistakes.max()), 1) * 1.4)
        for (row, column), count in np.ndenumerate(matrix):
            _write(axes, column, row, int(count), diagonal=row == column)
        axes.invert_yaxis()
        axes.set_aspect("equal")
        axes.set_xticks(range(k))
        axes.set_yticks(range(k))
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("answer of the network")
        axes.set_ylabel("true digit")
    return figure


def _write(axes: Any, column: int, row: int, count: int, *, diagonal: bool) -> None:
    if diagonal:
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, color=COLOURS[0], alpha=0.16, linewidth=0))
    weight = "bold" if diagonal else "normal"
    axes.text(column, row, str(count) if count else "·", ha="center", va="center", fontsize=7, fontweight=weight)
