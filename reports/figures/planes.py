"""Draws which class networks predict at every point of the plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

import bp
from reports.figures.style import COLOURS, MARKERS, WIDTH, style

#: The colours of the classes, made light.
_REGION_COLOURS = ("#cfe3ef", "#f6dccb", "#cce9e0")

#: Points along each side of a panel at which a network predicts.
_POINTS = 241
#: Up to so many samples are drawn large.
_FEW = 20


def decision_regions(
    rows: Mapping[str, Mapping[str, bp.MLP]], X: NDArray[np.floating[Any]], T: NDArray[np.floating[Any]]
) -> Figure:
    """Draw the class that each network predicts at every point, with the samples X (N, 2) of classes T (N, K) on top.

    ``rows`` has a row of panels for each title, which may be empty, and in it a panel for each network.
    """
    centre, reach = (X.max(axis=0) + X.min(axis=0)) / 2, 0.58 * float(np.ptp(X, axis=0).max())
    x, y = (np.linspace(middle - reach, middle + reach, _POINTS) for middle in centre)
    grid = np.column_stack([axis.ravel() for axis in np.meshgrid(x, y)])
    n_columns = max(map(len, rows.values()))
    side = WIDTH / max(n_columns, 3)
    with style():
        figure = Figure(figsize=(side * n_columns, side * len(rows)))
        panels = figure.subplots(len(rows), n_columns, sharex=True, sharey=True, squeeze=False)
        for number, ((row_title, nets), row) in enumerate(zip(rows.items(), panels, strict=True)):
            for axes, (title, net) in zip(row, nets.items(), strict=True):
                regions = net.propagate(grid).argmax(axis=1).reshape(len(y), len(x))
                colours = ListedColormap(_REGION_COLOURS[: T.shape[1]])
                axes.pcolormesh(x, y, regions, cmap=colours, vmin=-0.5, vmax=T.shape[1] - 0.5, rasterized=True)
                _draw_samples(axes, X, T)
                axes.set_title("" if number else title)
                axes.set_aspect("equal")
                axes.grid(visible=False)
            row[0].set_ylabel(f"{row_title}\n$x_2$" if row_title else "$x_2$")
        for axes in panels[-1]:
            axes.set_xlabel("$x_1$")
    return figure


def _draw_samples(axes: Axes, X: NDArray[np.floating[Any]], T: NDArray[np.floating[Any]]) -> None:
    labels = T.argmax(axis=1)
    for label in range(T.shape[1]):
        x, y = X[labels == label].T
        axes.scatter(x, y, s=7 if len(X) > _FEW else 40, c=COLOURS[label], marker=MARKERS[label], linewidths=0)
