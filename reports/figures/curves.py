"""Draws curves over the epochs of training runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray

import bp
from reports.figures.style import WIDTH, style


def convergence(
    histories: Mapping[str, bp.History],
    theirs: Mapping[str, bp.History] | None = None,
    bands: Mapping[str, Mapping[str, NDArray[Any]]] | None = None,
    *,
    bend: int | None = None,
) -> Figure:
    """Draw loss and accuracy of training and test set: side by side for one history, else a column for each.

    Parameters
    ----------
    histories
        The histories by their titles.
    theirs
        The histories of a submission, by the same titles; its training curves are drawn over ours.
    bands
        Low, median and high of many runs' "loss_train" and "acc_train" (3, epochs), by the same titles.
    bend
        The axis of epochs is linear up to this epoch and logarithmic from there on; None: linear.
    """
    n, theirs, bands = len(histories), theirs or {}, bands or {}
    with style():
        figure = Figure(figsize=(WIDTH, 2.5 if n == 1 else 4.2))
        axes = figure.subplots(1, 2)[:, None] if n == 1 else figure.subplots(2, n, sharex="col", sharey="row")
        for (losses, accuracies), (title, history) in zip(axes.T, histories.items(), strict=True):
            for panel, name in ((losses, "loss_train"), (accuracies, "acc_train")):
                if title in bands:
                    _draw_band(panel, bands[title][name])
            _draw_loss(losses, history)
            _draw_accuracy(accuracies, history)
            if title in theirs:
                for panel, values in ((losses, theirs[title].loss_train), (accuracies, theirs[title].acc_train)):
                    panel.plot(values, label="theirs, train", color="#111111", linestyle=":", linewidth=2.2)
            losses.set_title(title)
            accuracies.set_xlabel("epoch")
            if bend is not None:
                _bend(losses, bend)
                _bend(accuracies, bend)
        if n == 1:
            axes[0, 0].set_xlabel("epoch")
        axes[0, 0].set_ylabel("mean loss")
        axes[1, 0].set_ylabel("accuracy")
        with_most = max(axes[0], key=lambda panel: len(panel.lines))
        labelled = with_most.get_legend_handles_labels()
        if bands:
            figure.legend(*labelled, loc="outside lower center", ncols=4)
        else:
            axes[0, -1].legend(*labelled, loc="upper right")
    return figure


def overlaid(histories: Mapping[str, bp.History]) -> Figure:
    """Draw the losses and the accuracies of several runs over each other: a colour for each, its test set dashed."""
    with style():
        figure = Figure(figsize=(WIDTH, 2.8))
        losses, accuracies = figure.subplots(1, 2)
        for number, (title, history) in enumerate(histories.items()):
            for panel, name in ((losses, "loss"), (accuracies, "acc")):
                look = {"color": f"C{number % 10}", "marker": "" if history.epochs else "."}
                panel.plot(history[f"{name}_train"], label=f"{title}, train", **look)
                if history[f"{name}_test"]:
                    panel.plot(history[f"{name}_test"], label=f"{title}, test", linestyle="--", **look)
        _scale_losses(losses)
        _scale_accuracies(accuracies)
        losses.set_ylabel("mean loss")
        accuracies.set_ylabel("accuracy")
        for panel in (losses, accuracies):
            panel.set_xlabel("epoch")
        figure.legend(*losses.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def amplitudes(ratios: Mapping[str, Sequence[float]], changes: Mapping[str, Sequence[float]]) -> Figure:
    """Draw how the weights of each linear layer move over the epochs: the last layer on the left, hidden ones right.

    ``ratios`` has mean |W| relative to its value before training, above; ``changes`` the norm of the change of W
    relative to the norm of W before training, below. The last layer moves so much more that it has its own scale.
    """
    lines = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
    last = list(ratios)[-1]
    with style():
        figure = Figure(figsize=(WIDTH, 4.4))
        axes = figure.subplots(2, 2, sharex=True)
        for row, curves, label in (
            (axes[0], ratios, "mean |W| / initial mean |W|"),
            (axes[1], changes, r"$\|W - W_0\| \,/\, \|W_0\|$"),
        ):
            for number, (layer, values) in enumerate(curves.items()):
                panel = row[0] if layer == last else row[1]
                panel.plot(values, label=layer, linestyle=lines[number % len(lines)], color=f"C{number % len(lines)}")
            row[0].set_ylabel(label)
        for panel, title in zip(axes[0], (last, "hidden layers"), strict=True):
            panel.set_title(title)
        for panel in axes[1]:
            panel.set_xlabel("epoch")
        handles, names = axes[0, 1].get_legend_handles_labels()
        if handles:
            figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


def dead_units(shares: Mapping[str, Sequence[float]], *, bend: int) -> Figure:
    """Draw the share of hidden units that are off for all training samples, with a line for each run.

    The axis of epochs is linear up to ``bend`` and logarithmic from there on.
    """
    with style():
        figure = Figure(figsize=(4.8, 1.9))
        axes = figure.subplots()
        for (title, values), line in zip(shares.items(), ("-", "--", "-."), strict=False):
            axes.plot(values, label=title, linestyle=line)
        axes.set_ylim(-0.04, 1.04)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel("epoch")
        axes.set_ylabel("units that are off")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        _bend(axes, bend)
    return figure


def _bend(axes: Axes, epoch: int) -> None:
    axes.set_xscale("symlog", linthresh=epoch, linscale=1.0)
    last = axes.dataLim.x1
    ticks = [tick for tick in (0, epoch // 2, epoch, 10 * epoch, 100 * epoch) if tick <= last]
    axes.set_xticks(ticks, labels=[str(tick) for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0, last)


def _draw_band(axes: Axes, band: NDArray[Any]) -> None:
    low, middle, high = band
    axes.fill_between(range(len(middle)), low, high, color="#bbbbbb", alpha=0.5, linewidth=0, label="band, train")
    axes.plot(middle, label="median, train", color="#666666", linestyle=":")


def _draw_loss(axes: Axes, history: bp.History) -> None:
    _draw_curves(axes, history.loss_train, history.loss_test)
    lowest = min(range(len(history.loss_test)), key=history.loss_test.__getitem__, default=None)
    if lowest is not None and lowest < history.epochs:
        axes.scatter(lowest, history.loss_test[lowest], color="C1", s=22, zorder=3)
    _scale_losses(axes)


def _scale_losses(axes: Axes) -> None:
    losses = np.concatenate([np.asarray(line.get_ydata(), np.float64) for line in axes.lines])
    if not np.any((losses > 0) & (losses < np.inf)):
        return  # a logarithmic axis has no place for them
    axes.set_yscale("log")
    # Ticks read 0.5 and 2 instead of 5 x 10^-1 and 2 x 10^0, and there are few enough to be read.
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_accuracy(axes: Axes, history: bp.History) -> None:
    _draw_curves(axes, history.acc_train, history.acc_test)
    _scale_accuracies(axes)


def _scale_accuracies(axes: Axes) -> None:
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _draw_curves(axes: Axes, train: list[float], test: list[float]) -> None:
    axes.plot(train, label="train", color="C0")
    if test:
        axes.plot(test, label="test", color="C1", linestyle="--")
