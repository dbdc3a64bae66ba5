"""`bp train` and `bp plot` show what a training did: curves, figures, tables, and why XOR was not learned."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bp
from reports import cli
from reports.figures import overlaid, rendered
from reports.io.exit_codes import OK, USAGE
from reports.training import curve
from reports.training.experiments import EXPERIMENTS, build_net, load_data, run
from reports.training.explanation import why_not_learned

pytestmark = [pytest.mark.outside, pytest.mark.usefixtures("elsewhere")]

BEGINNINGS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


@pytest.mark.parametrize("form", BEGINNINGS)
def test_the_ending_says_the_format(form: str) -> None:
    """`bp train --plot` and `bp plot --out` write SVG, PNG or PDF, the same bytes for the same numbers."""
    assert cli.main(["train", "xor", "--epochs", "3", "--plot", f"xor.{form}"]) == OK
    content = Path(f"xor.{form}").read_bytes()
    assert content.startswith(BEGINNINGS[form])
    for _ in range(2):
        assert cli.main(["plot", "history-xor.json", "--out", f"again.{form}"]) == OK
        content, before = Path(f"again.{form}").read_bytes(), content
    assert content == before


def test_histories_are_drawn_over_each_other() -> None:
    """Each history has its numbers in both panels and its own colour; a test set is dashed."""
    first = bp.History([2.0, 1.0], [], [0.5, 1.0], [])
    second = bp.History([3.0, 2.0, 1.0], [4.0, 3.0, 2.0], [0.0, 0.5, 1.0], [0.0, 0.25, 0.5])
    losses, accuracies = overlaid({"a": first, "b": second}).axes
    for panel, expected in (
        (losses, [first.loss_train, second.loss_train, second.loss_test]),
        (accuracies, [first.acc_train, second.acc_train, second.acc_test]),
    ):
        assert [list(line.get_ydata()) for line in panel.lines] == expected
        colours = [line.get_color() for line in panel.lines]
        assert colours[0] != colours[1] == colours[2]
        assert [line.get_linestyle() for line in panel.lines] == ["-", "-", "--"]
    labels = losses.get_legend_handles_labels()[1]
    assert labels == ["a, train", "b, train", "b, test"]


def test_odd_histories_can_be_drawn() -> None:
    """A history without numbers, of the untrained net alone, or with losses that are 0 or not finite has a figure."""
    odd = [bp.History(), bp.History([1.0], [], [0.5], []), bp.History([math.inf, math.nan, 0.0], [], [0.5] * 3, [])]
    for history in odd:
        assert rendered(overlaid({"odd": history}), "svg").startswith(b"<?xml")
        assert len(curve.lines(history, "utf-8")) == (2 if history.epochs else 0)


def test_files_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Histories of the same name in two folders are drawn by their paths; the same file twice is refused."""
    for folder in ("one", "two"):
        Path(folder).mkdir()
        assert cli.main(["train", "xor", "--epochs", "2", "--out", f"{folder}/h.json"]) == OK
    assert cli.main(["plot", "one/h.json", "two/h.json", "--out", "both.svg"]) == OK
    assert cli.main(["plot", "one/h.json", "one/h.json"]) == USAGE
    assert cli.main(["plot", "one/h.json", "--out", "both.gif"]) == USAGE
    assert "expected --out to end in .svg" in capsys.readouterr().err


def test_the_table_has_every_number() -> None:
    """--csv writes a row for each epoch, with every digit."""
    assert cli.main(["train", "spirals", "--epochs", "5", "--csv", "s.csv"]) == OK
    history = json.loads(Path("history-spirals.json").read_text(encoding="utf-8"))["history"]
    with Path("s.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == [*"012345"]
    for name in ("loss_train", "loss_test", "acc_train", "acc_test"):
        assert [float(row[name]) for row in rows] == history[name]
    for layer, values in history["amplitude"].items():
        assert [float(row[f"amplitude {layer}"]) for row in rows] == values


@pytest.mark.parametrize(
    ("encoding", "heights"), [("utf-8", "▁▂▃▄▅▆▇█"), ("ascii", "_.-=+*#@"), ("latin-1", "_.-=+*#@")]
)
def test_the_curve_rises_and_falls_with_the_numbers(encoding: str, heights: str) -> None:
    """Each height stands for an eighth of the range; losses are drawn by their logarithms."""
    n = len(heights)
    history = bp.History([10.0**-k for k in range(n)], [], [(k + 0.5) / n for k in range(n)], [])
    losses, accuracies = curve.lines(history, encoding)
    assert heights[::-1] in losses
    assert heights in accuracies
    long = bp.History([1.0] * 1000, [], [0.5] * 1000, [])
    assert all(len(line) < 80 for line in curve.lines(long, encoding))


@pytest.mark.parametrize(("seed", "epochs", "said"), [(1234, 100, None), (1234, 20, "still falls"), (0, 2000, "")])
def test_xor_that_is_not_learned_is_explained(seed: int, epochs: int, said: str | None) -> None:
    """Where points are classified wrongly, one sentence says whether it is time or dead units; else nothing is said."""
    e = replace(EXPERIMENTS["xor"], n_epochs=epochs, seed=seed)
    data, net = load_data(e), build_net(e)
    history = run(e, data, net)
    sentence = why_not_learned(net, data, history)
    assert (sentence is None) == (history.acc_train[-1] == 1)
    if said is None:
        assert sentence is None
    elif sentence is not None:
        assert said in sentence


def test_dead_units_are_counted() -> None:
    """The number of hidden units that are off for all samples is that of the net."""
    e = replace(EXPERIMENTS["xor"], n_epochs=30)
    data, net = load_data(e), build_net(e)
    first = net.layers[0]
    first.W[:, 1:], first.b[..., 1:] = 0, -1  # type: ignore[attr-defined]
    first.W[:, 0], first.b[..., 0] = 1e-9, 1  # type: ignore[attr-defined]
    history = run(replace(e, alpha=1e-9), data, net)
    sentence = why_not_learned(net, data, history)
    assert sentence is not None
    assert "3 of 4 hidden units are off" in sentence


def test_the_last_line_explains(capsys: pytest.CaptureFixture[str]) -> None:
    """`bp train xor` ends with that sentence, and with none where all is learned."""
    assert cli.main(["train", "xor", "--epochs", "20"]) == OK
    assert "not learned yet" in capsys.readouterr().out.splitlines()[-1]
    assert cli.main(["train", "xor", "--overwrite"]) == OK
    assert "not learned" not in capsys.readouterr().out
    assert np.isfinite(json.loads(Path("history-xor.json").read_text(encoding="utf-8"))["history"]["loss_train"]).all()
