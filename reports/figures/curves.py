"""Draws curves over the epochs of training runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

import bp
from reports.figures.style import WIDTH, style


def convergence(histories: Mapping[str, bp.History], theirs: Mapping[str, bp.History] | None = None) -> Figure:
    """Draw loss and accuracy of training and test set: side by side for one history, else a column for each.

    ``theirs`` has the histories of a submission, by the same titles; its training curves are drawn over ours.
    """
    n, theirs = len(histories), theirs or {}
    with style():
        figure = Figure(figsize=(WIDTH, 2.5 if n == 1 else 4.2))
        axes = figure.subplots(1, 2)[:, None] if n == 1 else figure.subplots(2, n, sharex="col", sharey="row")
        for (losses, accuracies), (title, history) in zip(axes.T, histories.items(), strict=True):
            _draw_loss(losses, history)
            _draw_accuracy(accuracies, history)
            if title in theirs:
                for panel, values in ((losses, theirs[title].loss_train), (accuracies, theirs[title].acc_train)):
                    panel.plot(values, label="theirs, train", color="#111111", linestyle=":", linewidth=2.2)
            losses.set_title(title)
            accuracies.set_xlabel("epoch")
        if n == 1:
            axes[0, 0].set_xlabel("epoch")
        axes[0, 0].set_ylabel("mean loss")
        axes[1, 0].set_ylabel("accuracy")
        with_most = max(axes[0], key=lambda panel: len(panel.lines))
        axes[0, -1].legend(*with_most.get_legend_handles_labels(), loc="upper right")
    return figure


def amplitudes(ratios: Mapping[str, Sequence[float]]) -> Figure:
    """Draw mean |W| of each linear layer over the epochs, relative to its value before training."""
    with style():
        figure = Figure(figsize=(WIDTH, 3.2))
        axes = figure.subplots()
        for (layer, values), line in zip(ratios.items(), ("-", "--", "-.", ":", (0, (5, 1)), "-"), strict=False):
            axes.plot(values, label=layer, linestyle=line, linewidth=2.2 if layer == "Linear_OUT" else None)
        axes.set_xlabel("epoch")
        axes.set_ylabel("mean |W| / initial mean |W|")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def dead_units(shares: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the share of hidden units that are off for all training samples, with a line for each run."""
    with style():
        figure = Figure(figsize=(WIDTH, 2.3))
        axes = figure.subplots()
        for (title, values), line in zip(shares.items(), ("-", "--", "-."), strict=False):
            axes.plot(values, label=title, linestyle=line)
        axes.set_ylim(-0.02, 1.04)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel("epoch")
        axes.set_ylabel("units that are off")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _draw_loss(axes: Axes, history: bp.History) -> None:
    _draw_curves(axes, history.loss_train, history.loss_test)
    axes.set_yscale("log")
    # Ticks read 0.5 and 2 instead of 5 x 10^-1 and 2 x 10^0, and there are few enough to be read.
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
