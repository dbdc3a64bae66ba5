"""A small study: the real small experiments, and noise in place of MNIST."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from reports import figures
from reports.figures import planes
from reports.io.progress import Display
from reports.study import digits, gather, instability, known_mistakes, plan, saturation, verification
from reports.study.bench import training
from reports.study.plan import Plan
from reports.training.experiments import EXPERIMENTS
from tests.strategies import Array

SMALL = Plan(
    mnist_epochs=3,
    unstable_epochs=2,
    sweep_images=120,
    sweep_epochs=1,
    their_epochs=2,
    cases=verification.Plan(5, 1, 1, "quick"),
    every=60,
    seeds=3,
    timing=training.Plan(rounds=1, images=120, small_epochs=2, compiled=False),
)


#: An empty picture.
BLANK = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'


def noise_for_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace MNIST by a little noise, and make all measurements and figures small."""
    rng = np.random.RandomState(0)
    pictures = rng.randint(0, 256, (200, 784)).astype(np.uint8)
    labels = rng.randint(0, 10, 200)
    X = ((pictures - 128) / 74).astype(np.float32)
    X[np.arange(200), labels] += 4  # so that there is something to learn
    T = np.eye(10, dtype=np.float32)[labels]
    load = plan.load_data

    def load_data(experiment: Any, folder: Path | None = None) -> tuple[Array, ...]:
        return (X[:120], T[:120], X[120:], T[120:]) if experiment.data == "MNIST" else load(experiment)

    small = {
        name: replace(EXPERIMENTS[name], widths=(784, 8, 8, 8, 8, 8, 10), batch_size=40)
        for name in ("mnist", "mnist-unstable")
    }
    for name, experiment in small.items():
        monkeypatch.setitem(EXPERIMENTS, name, experiment)
    monkeypatch.setattr(plan, "load_data", load_data)
    monkeypatch.setattr(digits, "mnist_array", lambda name, folder: pictures[120:])
    monkeypatch.setattr(instability, "KINDS", {"naive": small["mnist-unstable"], "stable": small["mnist"]})
    monkeypatch.setattr(gather, "cores", lambda: 1)  # another process would not see these replacements
    monkeypatch.setattr(known_mistakes, "_RIGHT", known_mistakes._RIGHT[1:3])
    monkeypatch.setattr(saturation, "LEADS", (1, 20, 40, 720))
    monkeypatch.setattr(planes, "_POINTS", 25)


def leave_figures_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write empty pictures in place of the figures, for tests that look at the text alone."""
    monkeypatch.setattr(figures, "svg", lambda figure: BLANK)


def silent_display() -> Display:
    return Display(Console(quiet=True))
