"""The report's figures: pure functions from numbers to figures. The only file that knows matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray

import bp
from reports.facts import normalised_amplitude

#: Figure too, so that nobody else needs to import matplotlib.
__all__ = [
    "Figure", "amplitudes", "convergence", "decision_regions", "digits_lost", "error_against_logits", "heat_map",
    "style", "svg",
]  # fmt: skip

_STYLE = resources.files("reports") / "style.mplstyle"
_WIDTH = 7.2  # inches, the width of the text on A4
#: Decision regions: the first three colours of the style, and the same made light.
_CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73")
_REGION_COLOURS = ("#cfe3ef", "#f6dccb", "#cce9e0")
_CLASS_MARKERS = ("o", "s", "^")
_MOST_COLUMNS = 10  # with numbers in a heat map's cells
_FAR = 10  # the power of ten beyond which logits are drawn at the edge
#: Ways to compute softmax: the usual one and PyTorch's nearly coincide, hence one dashed upon the other.
_WAY_LINES = {
    "naive": ("#D55E00", "-"),
    "usual stable": ("#E69F00", "-"),
    "ours": ("#0072B2", "-"),
    "PyTorch": ("#111111", ":"),
}
_LEAST_ULPS, _NAN_ULPS = 0.1, 1e18  # errors that are drawn; NaN stands at the upper end
_EXACT = 1e-4  # where errors of 0 are drawn on a logarithmic scale


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


def digits_lost(measured: Mapping[str, Any]) -> Figure:
    """Errors of loss and gradient against the right class's logit, a line for each way; NaN above everything else."""
    with style():
        figure = Figure(figsize=(_WIDTH, 2.6))
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
    """The entries of a matrix as colours from -limit to limit, with numbers where there is room; wrong ones framed."""
    rows, columns = values.shape
    roomy = columns <= _MOST_COLUMNS
    cell = (0.62, 0.32) if roomy else (0.26, 0.26)
    with style():
        figure = Figure(figsize=(max(columns * cell[0], 1.2) + 0.45, rows * cell[1] + 0.45))
        axes = figure.subplots()
        shown = np.ma.masked_invalid(values)
        colours = mpl.colormaps["RdBu"].with_extremes(bad="#dddddd")
        # Not an image: that would be pixels, which grow blurred and which a page may not load.
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
    """Of each question, given as (largest logit, error, what rounding allows), how far off the answer was."""
    sizes, errors, allowed = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where(errors == 0, 0, errors / allowed)
    finite = np.isfinite(ratios)
    # Logarithms on plain axes, since matplotlib's own logarithmic ones look for ticks beyond the largest double. A row
    # above all others for what cannot be drawn, and one below for what is exactly right.
    top = np.log10(max(float(ratios[finite].max(initial=0)), 1e2)) + 2
    heights = np.full(ratios.shape, top)
    heights[finite] = np.log10(np.maximum(ratios[finite], _EXACT))
    places = np.log10(np.maximum(sizes, _EXACT))
    far = places > _FAR
    # Nearly all that is worth seeing lies below 1e4; 1e300 stands at the edge, behind a line, under its own name.
    edge = np.ceil(places[~far].max(initial=1)) + 1
    named = {edge: places.max()} if far.any() else {}
    places[far] = edge
    with style():
        figure = Figure(figsize=(4.6, 2.7))
        axes = figure.subplots()
        for chosen, label, marker, colour in (
            (ratios <= 1, "right", "o", _CLASS_COLOURS[0]),
            (finite & (ratios > 1), "wrong", "s", _CLASS_COLOURS[1]),
            (~finite, "inf or NaN", "x", _CLASS_COLOURS[1]),
        ):
            if chosen.any():
                axes.scatter(places[chosen], heights[chosen], s=22, marker=marker, color=colour, label=label)
        axes.axhline(0, color="#555555", linewidth=0.8, linestyle="--")
        axes.set(xlabel="largest logit of the question", ylabel="error / rounding allowed")
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
        said = f"{value:.3g}".replace("e+", "e").replace("e-0", "e-")
        axes.text(column, row, said, ha="center", va="center", fontsize=7, color="white" if dark else "black")


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
