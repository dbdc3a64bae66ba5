"""What nets answer at every point of the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

import bp
from reports.figures.style import COLOURS, MARKERS, WIDTH, style

#: The classes' colours, made light.
_REGION_COLOURS = ("#cfe3ef", "#f6dccb", "#cce9e0")


def decision_regions(nets: dict[str, bp.MLP], X: NDArray[np.floating[Any]], T: NDArray[np.floating[Any]]) -> Figure:
    """What each net answers at every point of the plane, with the samples X (N, 2) of classes T (N, K) on top."""
    reach = 1.08 * float(np.abs(X).max())
    ticks = np.linspace(-reach, reach, 241)
    grid = np.column_stack([axis.ravel() for axis in np.meshgrid(ticks, ticks)])
    with style():
        figure = Figure(figsize=(WIDTH, 0.36 * WIDTH))
        panels = figure.subplots(1, len(nets), sharey=True, squeeze=False)[0]
        for axes, (title, net) in zip(panels, nets.items(), strict=True):
            regions = net.propagate(grid).argmax(axis=1).reshape(len(ticks), len(ticks))
            colours = ListedColormap(_REGION_COLOURS[: T.shape[1]])
            axes.pcolormesh(ticks, ticks, regions, cmap=colours, vmin=-0.5, vmax=T.shape[1] - 0.5, rasterized=True)
            _draw_samples(axes, X, T)
            axes.set_title(title)
            axes.set_aspect("equal")
            axes.grid(visible=False)
    return figure


def _draw_samples(axes: Axes, X: NDArray[np.floating[Any]], T: NDArray[np.floating[Any]]) -> None:
    labels = T.argmax(axis=1)
    for label in range(T.shape[1]):
        x, y = X[labels == label].T
        axes.scatter(x, y, s=7, c=COLOURS[label], marker=MARKERS[label], linewidths=0)
