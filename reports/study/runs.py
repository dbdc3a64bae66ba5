"""The training runs of the report, with what it states about each besides its curves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import bp
from reports.io.progress import Display
from reports.study import facts
from reports.study.part import Arrays, Part, PartResult
from reports.study.watch import Watch
from reports.training.experiments import Data, Experiment, build_net, run

_CODE = (
    "bp", "reports.training.experiments", "reports.study.facts", "reports.study.runs", "reports.study.watch",
    "reports.study.causes", "reports.study.digits",
)  # fmt: skip

#: Gives the data of an experiment, and loads them only once.
Loader = Callable[[Experiment], Data]
#: Analyses a trained network: returns numbers for results.json, and arrays for the figures.
Analysis = Callable[[bp.MLP, Data], tuple[dict[str, Any], Arrays]]


def part(
    name: str, experiment: Experiment, load: Loader, *, snapshots: Sequence[int] = (), analysis: Analysis | None = None
) -> Part:
    """The part that trains the network of an experiment.

    The parameters after the epochs in ``snapshots`` and after the last epoch are kept; ``analysis`` sees the latter.
    """
    settings = asdict(experiment) | {"snapshots": list(snapshots), "analysis": analysis.__name__ if analysis else None}
    return Part(name, settings, lambda display: _train(name, experiment, load, snapshots, analysis, display), _CODE)


def _train(
    name: str,
    experiment: Experiment,
    load: Loader,
    snapshots: Sequence[int],
    analysis: Analysis | None,
    display: Display,
) -> PartResult:
    data = load(experiment)
    net = build_net(experiment)
    task = display.task(name, experiment.n_epochs)
    watch = Watch(net, data[0], data[1], snapshots, shallow=_has_one_hidden_layer(experiment))

    def on_epoch(history: bp.History) -> None:
        task.epoch(history)
        watch.see(history.epochs)

    history = quiet_run(experiment, data, net, on_epoch)
    watch.keep("last")
    found, arrays = analysis(net, data) if analysis else ({}, {})
    one_step = experiment.batch_size >= len(data[0])
    watched = watch.record(history, experiment.alpha, one_step=one_step)
    return PartResult(record_of(experiment, history) | {"net": found} | watched, watch.arrays | arrays)


def record_of(experiment: Experiment, history: bp.History) -> dict[str, Any]:
    """The record of a run for results.json: its settings, its history, the last numbers, and the facts about it."""
    final = {name: values[-1] for name in facts.CURVES if (values := history[name])}
    return {
        "settings": asdict(experiment),
        "history": history.as_dict(),
        "final": {"epochs": history.epochs} | final,
        "summary": facts.of_history(history),
    }


def history_of(record: dict[str, Any]) -> bp.History:
    """The history in the record of a run."""
    return bp.History(**record["history"])


def net_of(result: PartResult, moment: str = "last") -> bp.MLP:
    """The network of a run at one moment: "last", or the number of an epoch in its snapshots."""
    settings = result.record["settings"]
    net = build_net(Experiment(**(settings | {"widths": tuple(settings["widths"])})))
    for layer, (W, b) in net.parameters().items():
        W[...], b[...] = result.arrays[f"{moment}.{layer}.W"], result.arrays[f"{moment}.{layer}.b"]
    return net


def quiet_run(
    experiment: Experiment, data: Data, net: bp.MLP, on_epoch: Callable[[bp.History], None] | None = None
) -> bp.History:
    """Train without warnings of overflow, because the report itself states what overflowed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return run(experiment, data, net, on_epoch=on_epoch)


def _has_one_hidden_layer(experiment: Experiment) -> bool:
    return len(experiment.widths) == 3  # noqa: PLR2004 - input, hidden, output


def analyse_shallow_net(net: bp.MLP, data: Data) -> tuple[dict[str, Any], Arrays]:
    """Analyse a network with one hidden layer, such as that of the spirals."""
    return facts.of_shallow_net(net, data[0]), {}


def analyse_deep_net(net: bp.MLP, data: Data) -> tuple[dict[str, Any], Arrays]:
    """Analyse a network such as that of MNIST."""
    return facts.of_deep_net(net, data[0]), {}
