"""Draws the error of central differences against their step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reports.figures.style import COLOURS, MARKERS, WIDTH, style


def step_errors(measured: Mapping[str, Any]) -> Figure:
    """Draw a line for each function, with the result of our finite-difference oracle as a point."""
    with style():
        figure = Figure(figsize=(WIDTH, 2.9))
        axes = figure.subplots()
        for (name, found), colour, line, marker in zip(
            measured["functions"].items(), COLOURS, ("-", "--", "-."), MARKERS, strict=False
        ):
            # An error of 0 has no logarithm, so it is drawn at a quarter of the spacing of doubles at 1.
            errors = np.maximum(found["errors"], np.finfo(float).eps / 4)
            axes.plot(measured["steps"], errors, label=name, color=colour, linestyle=line)
            oracle = found["oracle"]
            height = max(oracle["true"], np.finfo(float).eps / 4)
            axes.plot(
                oracle["step"], height, marker=marker, color=colour, markersize=8, markeredgecolor="black",
                linestyle="none", label=f"our oracle: {name}",
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("step h")
        axes.set_ylabel("relative error")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
