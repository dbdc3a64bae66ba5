"""The assignment's training runs, with what the report wants to know besides their curves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp
from reports.io.progress import Display
from reports.study import facts
from reports.study.part import Arrays, Made, Part
from reports.training.experiments import Data, Experiment, build_net, run

_CODE = ("bp", "reports.training.experiments", "reports.study.facts", "reports.study.runs", "reports.study.digits")

#: What a run's data are: loaded when they are needed, and once for all.
Loader = Callable[[Experiment], Data]
#: What is to be found out about a trained net: numbers, and arrays.
About = Callable[[bp.MLP, Data], tuple[dict[str, Any], Arrays]]


def part(
    name: str, experiment: Experiment, load: Loader, *, snapshots: Sequence[int] = (), about: About | None = None
) -> Part:
    """A run; parameters are kept of the epochs in ``snapshots``, and of the last."""
    settings = asdict(experiment) | {"snapshots": list(snapshots), "about": about.__name__ if about else None}
    return Part(name, settings, lambda display: _made(name, experiment, load, snapshots, about, display), _CODE)


def _made(
    name: str, experiment: Experiment, load: Loader, snapshots: Sequence[int], about: About | None, display: Display
) -> Made:
    data = load(experiment)
    net = build_net(experiment)
    task = display.task(name, experiment.n_epochs)
    watch = _Watch(net, data[0], snapshots, _has_one_hidden_layer(experiment))

    def on_epoch(history: bp.History) -> None:
        task.epoch(history)
        watch.see(history.epochs)

    history = quiet_run(experiment, data, net, on_epoch)
    watch.keep("last")
    found, arrays = about(net, data) if about else ({}, {})
    record = record_of(experiment, history) | {"net": found}
    if watch.dead:
        record["dead_share"] = watch.dead
        record["all_dead_epoch"] = facts.first_epoch_at_least(watch.dead, 1.0)
    return Made(record, watch.arrays | arrays)


def record_of(experiment: Experiment, history: bp.History) -> dict[str, Any]:
    """The settings, the whole history, the numbers at its end, and what is said of it."""
    final = {name: values[-1] for name in facts.CURVES if (values := history[name])}
    return {
        "settings": asdict(experiment),
        "history": history.as_dict(),
        "final": {"epochs": history.epochs} | final,
        "facts": facts.of_history(history),
    }


def history_of(record: dict[str, Any]) -> bp.History:
    """The history in a run's record."""
    return bp.History(**record["history"])


def net_of(made: Made, moment: str = "last") -> bp.MLP:
    """The net of a run as it was then: "last", or an epoch of its snapshots."""
    settings = made.record["settings"]
    net = build_net(Experiment(**(settings | {"widths": tuple(settings["widths"])})))
    for layer, (W, b) in net.parameters().items():
        W[...], b[...] = made.arrays[f"{moment}.{layer}.W"], made.arrays[f"{moment}.{layer}.b"]
    return net


def quiet_run(
    experiment: Experiment, data: Data, net: bp.MLP, on_epoch: Callable[[bp.History], None] | None = None
) -> bp.History:
    """A run whose overflows are expected: the report tells what came of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return run(experiment, data, net, on_epoch=on_epoch)


@dataclass
class _Watch:
    """Looks at a net after each epoch: which units are off for all training samples, and what its parameters are."""

    net: bp.MLP
    X: NDArray[np.float32]
    snapshots: Sequence[int]
    one_hidden: bool
    dead: list[float] = field(default_factory=list)
    arrays: Arrays = field(default_factory=dict)

    def see(self, epoch: int) -> None:
        if self.one_hidden:
            hidden = self.net.propagate(self.X, last_layer="ReLU_1")
            self.dead.append(float((hidden.max(axis=0) == 0).mean()))
        if epoch in self.snapshots:
            self.keep(str(epoch))

    def keep(self, moment: str) -> None:
        for layer, (W, b) in self.net.parameters().items():
            self.arrays |= {f"{moment}.{layer}.W": W.copy(), f"{moment}.{layer}.b": b.copy()}


def _has_one_hidden_layer(experiment: Experiment) -> bool:
    return len(experiment.widths) == 3  # noqa: PLR2004 - input, hidden, output


def about_shallow(net: bp.MLP, data: Data) -> tuple[dict[str, Any], Arrays]:
    """Of the spirals' nets."""
    return facts.of_shallow_net(net, data[0]), {}


def about_deep(net: bp.MLP, data: Data) -> tuple[dict[str, Any], Arrays]:
    """Of MNIST's nets."""
    return facts.of_deep_net(net, data[0]), {}
