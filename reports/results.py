"""Runs the assignment's experiments and gathers every number that the report shows."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

import bp
from reports import facts, saturation
from reports.experiments import EXPERIMENTS, Data, Experiment, build_net, load_data, run
from reports.progress import Display

ALPHAS = (0.2, 1.0, 5.0)
DTYPES: tuple[Literal["float64", "float32"], ...] = ("float64", "float32")
INPUT_SCALES = (1.0, 10.0, 100.0)
INSTABILITY_ALPHAS = (0.001, 0.01, 0.1, 1.0)


@dataclass(frozen=True)
class Plan:
    """How much of everything to do."""

    mnist_epochs: int
    unstable_epochs: int
    #: Training images of the instability sweep, which sees each once.
    sweep_images: int
    shortened: tuple[str, ...] = ()


FULL = Plan(mnist_epochs=100, unstable_epochs=10, sweep_images=60_000)
QUICK = Plan(
    mnist_epochs=5,
    unstable_epochs=2,
    sweep_images=15_000,
    shortened=(
        "MNIST is trained for 5 epochs instead of 100,",
        "MNIST with the naive softmax for 2 epochs instead of 10,",
        "and the search for instability sees 15,000 images instead of 60,000.",
    ),
)


@dataclass(frozen=True)
class Outcome:
    """One experiment, run."""

    experiment: Experiment
    net: bp.MLP
    history: bp.History

    def record(self) -> dict[str, Any]:
        """For results.json: the settings, the whole history, and the numbers at its end."""
        history = self.history
        final = {name: values[-1] for name in facts.CURVES if (values := history[name])}
        return {
            "settings": asdict(self.experiment),
            "history": history.as_dict(),
            "final": {"epochs": history.epochs} | final,
            "facts": facts.of_history(history),
        }


@dataclass(frozen=True)
class Results:
    """What the figures are drawn from; ``numbers`` is what results.json holds."""

    outcomes: dict[str, Outcome]
    numbers: dict[str, Any]
    spirals: Data


def gather(plan: Plan, mnist_folder: Path | None, display: Display) -> Results:
    """Run everything that ``plan`` asks for."""
    spirals, digits = load_data(EXPERIMENTS["spirals"]), load_data(EXPERIMENTS["mnist"], mnist_folder)
    planned = {
        "xor": (EXPERIMENTS["xor"], load_data(EXPERIMENTS["xor"])),
        **{f"spirals-{alpha:g}": (replace(EXPERIMENTS["spirals"], alpha=alpha), spirals) for alpha in ALPHAS},
        "mnist-unstable": (replace(EXPERIMENTS["mnist-unstable"], n_epochs=plan.unstable_epochs), digits),
        "mnist": (replace(EXPERIMENTS["mnist"], n_epochs=plan.mnist_epochs), digits),
    }
    outcomes = {name: _outcome(name, *what, display) for name, what in planned.items()}
    numbers = {
        "schema": 1,
        "shortened": " ".join(plan.shortened),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "runs": {name: outcome.record() | _about_net(outcome, planned[name][1]) for name, outcome in outcomes.items()},
        "instability": _instability(plan.sweep_images, digits, display),
        "saturation": saturation.measure(),
    }
    return Results(outcomes, numbers, spirals)


def _outcome(title: str, experiment: Experiment, data: Data, display: Display) -> Outcome:
    task = display.task(title, experiment.n_epochs)
    net = build_net(experiment)
    return Outcome(experiment, net, _quiet_run(experiment, data, net, task.epoch))


def _quiet_run(
    experiment: Experiment, data: Data, net: bp.MLP, on_epoch: Callable[[bp.History], None] | None = None
) -> bp.History:
    """A run whose overflows are expected: the report tells what came of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return run(experiment, data, net, on_epoch=on_epoch)


def _about_net(outcome: Outcome, data: Data) -> dict[str, Any]:
    """What the trained net itself tells."""
    tell = {"spirals": facts.of_shallow_net, "MNIST": facts.of_deep_net}.get(outcome.experiment.data)
    return {"net": tell(outcome.net, data[0])} if tell else {}


def _instability(n_images: int, digits: Data, display: Display) -> dict[str, Any]:
    """One pass over MNIST with the naive and the stable softmax for every combination of settings."""
    X, T = digits[0][:n_images], digits[1][:n_images]
    base = {"naive": EXPERIMENTS["mnist-unstable"], "stable": EXPERIMENTS["mnist"]}
    settings = [(dtype, scale, alpha) for dtype in DTYPES for scale in INPUT_SCALES for alpha in INSTABILITY_ALPHAS]
    steps = display.steps("naive against stable", len(settings))
    cells = []
    for dtype, scale, alpha in settings:
        cell: dict[str, Any] = {"dtype": dtype, "input_scale": scale, "alpha": alpha}
        scaled: Data = (X * np.float32(scale), T, None, None)
        for kind, experiment in base.items():
            # The scaling is done once for both, so it is not to be done again.
            settings_here = replace(experiment, dtype=dtype, alpha=alpha, n_epochs=1)
            history = _quiet_run(settings_here, scaled, build_net(settings_here))
            cell[kind] = facts.ending(history)
        cells.append(cell)
        steps()
    return {"images": n_images, "epochs": 1, "cells": cells}
