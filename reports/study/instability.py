"""Finds out where the naive softmax fails: short runs on MNIST for every precision, input scale and learning rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import bp
from reports.io.progress import Display
from reports.study import facts
from reports.study.part import Part, PartResult
from reports.study.runs import quiet_run
from reports.training.experiments import EXPERIMENTS, Data, Experiment, build_net

#: The beginning of the names of these runs.
PREFIX = "instability-"
DTYPES: tuple[Literal["float64", "float32"], ...] = ("float64", "float32")
INPUT_SCALES = (1.0, 10.0, 100.0)
ALPHAS = (0.001, 0.01, 0.1, 1.0)
KINDS = {"naive": EXPERIMENTS["mnist-unstable"], "stable": EXPERIMENTS["mnist"]}
_CODE = ("bp", "reports.training.experiments", "reports.study.facts", "reports.study.instability")


def parts(n_images: int, n_epochs: int, load: Callable[[], Data]) -> list[Part]:
    """A part for each combination, with a run of the naive softmax and one of the stable softmax."""
    return [
        _part(dtype, scale, alpha, n_images, n_epochs, load)
        for dtype in DTYPES
        for scale in INPUT_SCALES
        for alpha in ALPHAS
    ]


def _part(
    dtype: Literal["float64", "float32"],
    scale: float,
    alpha: float,
    n_images: int,
    n_epochs: int,
    load: Callable[[], Data],
) -> Part:
    runs = {
        kind: replace(experiment, dtype=dtype, alpha=alpha, n_epochs=n_epochs) for kind, experiment in KINDS.items()
    }
    settings = {kind: asdict(each) for kind, each in runs.items()} | {"images": n_images, "input_scale": scale}

    def make(display: Display) -> PartResult:
        X, T, _, _ = load()
        data: Data = (X[:n_images] * np.float32(scale), T[:n_images], None, None)
        cell: dict[str, Any] = {"dtype": dtype, "input_scale": scale, "alpha": alpha}
        cell |= {"images": n_images, "epochs": n_epochs}
        return PartResult(cell | {kind: _ending(each, data) for kind, each in runs.items()})

    return Part(f"{PREFIX}{dtype}-{scale:g}-{alpha:g}", settings, make, _CODE)


def _ending(experiment: Experiment, data: Data) -> dict[str, Any]:
    net = build_net(experiment)
    before = _amplitudes(net)
    ending = facts.ending(quiet_run(experiment, data, net))
    with np.errstate(all="ignore"):  # the weights of a run that fails may be infinite
        return ending | {"growth": float(np.max(_amplitudes(net) / before))}


def _amplitudes(net: bp.MLP) -> NDArray[Any]:
    """The mean |W| of each layer."""
    with np.errstate(all="ignore"):
        return np.array([np.abs(W).mean(dtype=float) for W, _ in net.parameters().values()])
