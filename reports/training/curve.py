"""The curves of a training run as lines of text, and as a table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

import bp

_WIDTH = 40
#: Heights from low to high, where the terminal has these characters and where it has only ASCII.
_BLOCKS, _ASCII = "▁▂▃▄▅▆▇█", "_.-=+*#@"


def lines(history: bp.History, encoding: str) -> list[str]:
    """The losses, on a logarithmic scale, and the accuracies of a run, one line for each set.

    ``encoding`` is that of the terminal.
    """
    try:
        heights = _BLOCKS
        heights.encode(encoding)
    except (UnicodeError, LookupError):
        heights = _ASCII
    rows = [
        (name, kind, values)
        for name, kind, values in (
            ("loss", "train", history.loss_train),
            ("loss", "test", history.loss_test),
            ("accuracy", "train", history.acc_train),
            ("accuracy", "test", history.acc_test),
        )
        if len(values) > 1
    ]
    return [f"{kind + ':':6} {_row(name, values, heights)}" for name, kind, values in rows]


def _row(name: str, values: Sequence[float], heights: str) -> str:
    if name == "loss":
        drawn = _drawn([math.log(max(value, 1e-300)) for value in values], heights)
        return f"loss     {values[0]:8.4g} {drawn} {values[-1]:.4g}"
    return f"accuracy {values[0]:8.1%} {_drawn(values, heights, 0.0, 1.0)} {values[-1]:.1%}"


def _drawn(values: Sequence[float], heights: str, low: float | None = None, high: float | None = None) -> str:
    """The values at equal distances, first and last among them, as heights between ``low`` and ``high``."""
    columns = min(_WIDTH, len(values))
    chosen = [values[round(column * (len(values) - 1) / max(columns - 1, 1))] for column in range(columns)]
    finite = [value for value in chosen if math.isfinite(value)] or [0.0]
    low, high = min(finite) if low is None else low, max(finite) if high is None else high
    return "".join(_height(value, low, high, heights) for value in chosen)


def _height(value: float, low: float, high: float, heights: str) -> str:
    if not math.isfinite(value):
        return "?"
    share = (value - low) / (high - low) if high > low else 0.0
    return heights[min(int(share * len(heights)), len(heights) - 1)]


def table(history: bp.History) -> str:
    """The history as CSV: a row for each epoch, 0 being before training; no digit of a number is lost."""
    columns = {
        name: history[name] for name in ("loss_train", "acc_train", "loss_test", "acc_test") if history[name]
    } | {f"amplitude {layer}": values for layer, values in history.amplitude.items()}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["epoch", *columns])
    writer.writerows([epoch, *row] for epoch, row in enumerate(zip(*columns.values(), strict=True)))
    return stream.getvalue()
