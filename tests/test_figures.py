"""The figures show the numbers that they are given, with readable axes."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

import bp
from reports import figures
from reports.study.facts import normalised_amplitude

pytestmark = pytest.mark.outside

HISTORY = bp.History(
    [2.0, 1.0, 0.5], [2.5, 1.5, 1.0], [0.1, 0.6, 0.9], [0.2, 0.5, 0.8],
    {"Linear_1": [2.0, 2.2, 2.4], "Linear_OUT": [0.5, 1.0, 1.5]},
)  # fmt: skip


def test_convergence_shows_all_four_curves() -> None:
    """Loss stands above accuracy, both with train and test from epoch 0, the loss on a logarithmic scale."""
    figure = figures.convergence({"a": HISTORY, "b": HISTORY})
    losses, _, accuracies, _ = figure.axes
    assert [list(line.get_ydata()) for line in losses.lines] == [HISTORY.loss_train, HISTORY.loss_test]
    assert [list(line.get_ydata()) for line in accuracies.lines] == [HISTORY.acc_train, HISTORY.acc_test]
    assert list(losses.lines[0].get_xdata()) == [0, 1, 2]
    assert losses.get_yscale() == "log"
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["a", "b"]
    assert (losses.get_ylabel(), accuracies.get_ylabel(), accuracies.get_xlabel()) == ("mean loss", "accuracy", "epoch")
    legend = figure.axes[1].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["train", "test"]


def test_convergence_marks_the_lowest_test_loss() -> None:
    """A dot marks the lowest test loss, unless that is the last one."""
    overfitted = bp.History([2.0, 1.0, 0.5], [2.5, 1.5, 1.6], [0.1, 0.6, 0.9], [0.2, 0.5, 0.8])
    losses, _ = figures.convergence({"a": overfitted}).axes
    (dot,) = losses.collections
    assert np.asarray(dot.get_offsets()).tolist() == [[1.0, 1.5]]
    assert not figures.convergence({"a": HISTORY}).axes[0].collections


def test_convergence_without_test_set() -> None:
    """One history has loss and accuracy side by side with named axes, and no test curve without a test set."""
    figure = figures.convergence({"XOR": bp.History([2.0, 1.0], [], [0.5, 1.0], [])})
    losses, accuracies = figure.axes
    assert len(losses.lines) == len(accuracies.lines) == 1
    assert losses.get_xlabel() == accuracies.get_xlabel() == "epoch"


def test_convergence_shows_the_band_of_other_runs() -> None:
    """The median of many runs is drawn with the area between low and high, and the first epochs can be told apart."""
    band = np.array([[1.0, 0.5, 0.2], [2.0, 0.9, 0.4], [3.0, 1.5, 0.9]])
    bands = {title: {"loss_train": band, "acc_train": band / 4} for title in "ab"}
    figure = figures.convergence({"a": HISTORY, "b": HISTORY}, bands=bands, bend=10)
    for axes, values in ((figure.axes[0], band), (figure.axes[2], band / 4)):
        assert values[1].tolist() in [list(line.get_ydata()) for line in axes.lines]
        (area,) = axes.collections
        reached = area.get_paths()[0].vertices
        assert (reached[:, 1].min(), reached[:, 1].max()) == (values.min(), values.max())
        assert axes.get_xscale() == "symlog"
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {"train", "test", "median, train", "band, train"}


def test_amplitudes_start_at_one() -> None:
    """Mean |W| relative to its start stands above the norm of the change; the hidden layers have their own panels."""
    changes = {"Linear_1": [0.0, 0.2, 0.3], "Linear_OUT": [0.0, 2.0, 4.0]}
    figure = figures.amplitudes(normalised_amplitude(HISTORY), changes)
    curves = [{line.get_label(): list(line.get_ydata()) for line in axes.lines} for axes in figure.axes]
    assert curves == [
        {"Linear_OUT": [1.0, 2.0, 3.0]},
        {"Linear_1": [1.0, 1.1, 1.2]},
        {"Linear_OUT": [0.0, 2.0, 4.0]},
        {"Linear_1": [0.0, 0.2, 0.3]},
    ]
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["Linear_OUT", "hidden layers"]
    assert [axes.get_xlabel() for axes in figure.axes[2:]] == ["epoch", "epoch"]
    assert all(figure.axes[place].get_ylabel() for place in (0, 2))


def test_regions_are_the_nets_predictions() -> None:
    """A network that separates left from right colours the plane so, with all samples on top."""
    out = bp.LinearLayer(2, 2, np.random.RandomState(0), "Linear_OUT")
    out.W[:], out.b[:] = [[-1.0, 1.0], [0.0, 0.0]], 0
    net = bp.MLP(2, [out, bp.SoftmaxLayer("S")], bp.LossCrossEntropy("CE"))
    X, T = np.array([[-2.0, 0.5], [2.0, 0.5], [1.0, -0.5]]), np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    (axes,) = figures.decision_regions({"row": {"net": net}}, X, T).axes
    mesh, *samples = axes.collections
    regions = np.asarray(mesh.get_array()).reshape(241, 241)
    assert np.all(regions[:, :120] == 0)
    assert np.all(regions[:, 121:] == 1)
    assert [len(points.get_offsets()) for points in samples] == [1, 2]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$x_1$", "row\n$x_2$")


def test_dead_units_are_shares_of_all() -> None:
    """There is a line for each run, from 0 to 100 %."""
    (axes,) = figures.dead_units({"one": [0.0, 0.1], "five": [0.0, 1.0]}, bend=10).axes
    assert {line.get_label(): list(line.get_ydata()) for line in axes.lines} == {
        "one": [0.0, 0.1], "five": [0.0, 1.0]
    }  # fmt: skip
    low, high = axes.get_ylim()
    assert low < 0
    assert high > 1
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "units that are off")


def test_confusion_has_true_digits_down_and_answers_across() -> None:
    """Every count is written in its cell, and only mistakes are coloured."""
    (axes,) = figures.confusion([[90, 7], [0, 50]]).axes
    written = {tuple(text.get_position()): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "90", (1, 0): "7", (0, 1): "·", (1, 1): "50"}
    assert np.asarray(axes.collections[0].get_array()).reshape(2, 2).tolist() == [[0, 7], [0, 0]]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true digit", "answer of the network")
    assert axes.yaxis_inverted()


def test_images_stand_in_rows_under_their_titles() -> None:
    """The grid has all its panels, and those without an image are empty."""
    pictures = np.arange(5 * 4).reshape(5, 2, 2).astype(np.uint8)
    figure = figures.images(pictures, [f"no. {n}" for n in range(5)], columns=3)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in shown] == ["no. 0", "no. 1", "no. 2", "no. 3", "no. 4"]
    assert np.array_equal(shown[3].images[0].get_array(), pictures[3])
    assert shown[0].images[0].get_clim() == (0, 255)


def test_the_instability_map_says_where_each_run_ended() -> None:
    """Each panel shows the accuracy, or hatched the place where the run stopped."""
    good = {"stopped": None, "accuracy": 0.94, "stopped_at": None}
    ends = {
        (1.0, 0.1): good,
        (1.0, 1.0): {"stopped": "...", "accuracy": None, "stopped_at": {"epoch": 2, "batch": 7, "what": "x"}},
        (10.0, 0.1): {"stopped": "...", "accuracy": None, "stopped_at": {"epoch": 0, "batch": None, "what": "x"}},
        (10.0, 1.0): {"stopped": "...", "accuracy": None, "stopped_at": {"epoch": 1, "batch": None, "what": "x"}},
    }
    cells = [
        {"dtype": dtype, "input_scale": scale, "alpha": alpha, "naive": end, "stable": good}
        for dtype in ("float64", "float32")
        for (scale, alpha), end in ends.items()
    ]
    axes = figures.instability_map(cells, {"naive": "naive", "stable": "stable"}).axes
    assert [each.get_title(loc="left") for each in axes] == [
        "naive, float64", "naive, float32", "stable, float64", "stable, float32"
    ]  # fmt: skip
    assert {tuple(text.get_position()): text.get_text() for text in axes[0].texts} == {
        (0, 0): "94%", (1, 0): "epoch 2\nbatch 7", (0, 1): "at once", (1, 1): "epoch 1"
    }  # fmt: skip
    assert {text.get_text() for text in axes[2].texts} == {"94%"}
    assert sum(bool(patch.get_hatch()) for patch in axes[0].patches) == 3
    assert [label.get_text() for label in axes[2].get_xticklabels()] == ["0.1", "1"]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["1", "10"]
    assert (axes[0].get_ylabel(), axes[2].get_xlabel()) == ("input scale", "learning rate")


LOST = {
    "leads": [1, 37, 720],
    "loss": {"naive": [1.0, 1e16, np.inf], "ours": [0.5, 0.0, 0.7]},
    "delta": {"naive": [2.0, 1e16, np.inf], "ours": [0.6, 0.8, 0.9]},
}


def test_lost_digits_are_the_errors_on_logarithmic_axes() -> None:
    """Loss and gradient stand side by side with a line for each way; 0 is at the bottom, NaN at its own tick."""
    losses, gradients = figures.digits_lost(LOST).axes
    for axes, quantity in ((losses, "loss"), (gradients, "delta")):
        curves = {line.get_label(): line for line in axes.lines}
        assert list(curves) == ["naive", "ours"]
        assert all(list(line.get_xdata()) == LOST["leads"] for line in curves.values())
        assert list(curves["naive"].get_ydata())[:2] == LOST[quantity]["naive"][:2]
        labels = dict(zip(axes.get_yticks(), [text.get_text() for text in losses.get_yticklabels()], strict=True))
        assert labels[np.asarray(curves["naive"].get_ydata())[2]] == "NaN"
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        assert axes.get_xlabel() == "logit of the right class"
    assert np.asarray(losses.lines[1].get_ydata())[1] > 0
    assert losses.get_ylabel() == "error, units in the last place"
    assert [axes.get_title(loc="left") for axes in (losses, gradients)] == ["loss", "gradient"]
    legend = gradients.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["naive", "ours"]


def test_heat_map_shows_the_numbers() -> None:
    """Each entry has a colour and a number, wrong ones have frames, and no image of pixels is used."""
    values = np.array([[1.0, -2.0, np.nan], [0.0, np.inf, 0.5]])
    wrong = np.array([[True, False, True], [False, True, False]])
    figure = figures.heat_map(values, 2.0, wrong)
    (axes,) = figure.axes
    shown = np.ma.asarray(axes.collections[0].get_array()).reshape(2, 3)
    assert shown.mask.tolist() == [[False, False, True], [False, True, False]]
    assert [text.get_text() for text in axes.texts] == ["1", "-2", "nan", "0", "inf", "0.5"]
    assert len(axes.patches) == 3
    assert b"<image" not in figures.svg(figure)


def test_error_against_logits_shows_every_case() -> None:
    """Right, wrong and infinite errors each have their own place, for logits up to 1e300."""
    points = [
        (1.0, 0.0, 1e-15),
        (700.0, 1e-14, 1e-13),
        (745.0, 0.5, 1e-13),
        (1e4, np.nan, 1e-12),
        (1e300, np.inf, 1e284),
    ]
    figure = figures.error_against_logits(points)
    (axes,) = figure.axes
    drawn = {each.get_label(): len(each.get_offsets()) for each in axes.collections}
    assert drawn == {"right": 2, "wrong": 1, "inf or NaN": 2}
    assert axes.get_xlabel() == "largest logit of the case"
    figure.canvas.draw()
    assert axes.get_xticklabels()[-1].get_text() == "$10^{300}$"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.amplitudes(normalised_amplitude(HISTORY), HISTORY.amplitude),
        lambda: figures.convergence({"a": HISTORY}),
        lambda: figures.digits_lost(LOST),
    ],
)
def test_svg_is_reproducible_and_undated(draw: Callable[[], Figure]) -> None:
    """The same numbers give the same bytes: no date, no random identifiers, text as outlines."""
    first, second = figures.svg(draw()), figures.svg(draw())
    assert first == second
    assert not re.search(rb"<dc:date>|<text", first)
