"""The report's figures: pure functions from numbers to figures. The only file that knows matplotlib."""

from __future__ import annotations

import io
from importlib import resources
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray

import bp
from reports.facts import normalised_amplitude

#: Figure too, so that nobody else needs to import matplotlib.
__all__ = ["Figure", "amplitudes", "convergence", "decision_regions", "style", "svg"]

_STYLE = resources.files("reports") / "style.mplstyle"
_WIDTH = 7.2  # inches, the width of the text on A4
#: Decision regions: the first three colours of the style, and the same made light.
_CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73")
_REGION_COLOURS = ("#cfe3ef", "#f6dccb", "#cce9e0")
_CLASS_MARKERS = ("o", "s", "^")


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


def convergence(histories: dict[str, bp.History]) -> Figure:
    """Loss and accuracy, train and test: side by side for one history, else above each other, a column for each."""
    n = len(histories)
    with style():
        figure = Figure(figsize=(_WIDTH, 2.5 if n == 1 else 4.2))
        axes = figure.subplots(1, 2)[:, None] if n == 1 else figure.subplots(2, n, sharex="col", sharey="row")
        for (losses, accuracies), (title, history) in zip(axes.T, histories.items(), strict=True):
            _draw_loss(losses, history)
            _draw_accuracy(accuracies, history)
            losses.set_title(title)
            accuracies.set_xlabel("epoch")
        if n == 1:
            axes[0, 0].set_xlabel("epoch")
        axes[0, 0].set_ylabel("mean loss")
        axes[1, 0].set_ylabel("accuracy")
        axes[0, -1].legend(loc="upper right")
    return figure


def amplitudes(history: bp.History) -> Figure:
    """Mean |W| of each linear layer over epochs, relative to its value before training."""
    with style():
        figure = Figure(figsize=(_WIDTH, 3.2))
        axes = figure.subplots()
        for (layer, ratios), line in zip(
            normalised_amplitude(history).items(), ("-", "--", "-.", ":", (0, (5, 1)), "-"), strict=False
        ):
            axes.plot(ratios, label=layer, linestyle=line, linewidth=2.2 if layer == "Linear_OUT" else None)
        axes.set_xlabel("epoch")
        axes.set_ylabel("mean |W| / initial mean |W|")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def decision_regions(nets: dict[str, bp.MLP], X: NDArray[np.floating[Any]], T: NDArray[np.floating[Any]]) -> Figure:
    """What each net answers at every point of the plane, with the samples X (N, 2) of classes T (N, K) on top."""
    reach = 1.08 * float(np.abs(X).max())
    ticks = np.linspace(-reach, reach, 241)
    grid = np.column_stack([axis.ravel() for axis in np.meshgrid(ticks, ticks)])
    with style():
        figure = Figure(figsize=(_WIDTH, 0.36 * _WIDTH))
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
        axes.scatter(x, y, s=7, c=_CLASS_COLOURS[label], marker=_CLASS_MARKERS[label], linewidths=0)


def _draw_loss(axes: Axes, history: bp.History) -> None:
    _draw_curves(axes, history.loss_train, history.loss_test)
    axes.set_yscale("log")
    # 0.5 and 2 rather than 5 x 10^-1 and 2 x 10^0, and no more of them than can be read.
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_accuracy(axes: Axes, history: bp.History) -> None:
    _draw_curves(axes, history.acc_train, history.acc_test)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _draw_curves(axes: Axes, train: list[float], test: list[float]) -> None:
    axes.plot(train, label="train")
    if test:
        axes.plot(test, label="test", linestyle="--")
