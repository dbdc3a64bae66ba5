"""Measures for the report how long an epoch takes and how much memory, beside other ways to train the same network."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import bp
from reports.io.progress import Display
from reports.study.bench import environment, training
from reports.study.part import Part, PartResult
from reports.training.experiments import Data, Experiment, build_net, sets_of

#: The name of the part.
NAME = "efficiency"
#: Megabytes are millions of bytes.
_MB = 1e6
_CODE = ("bp", "reports.training.experiments", "reports.study.bench", "reports.study.efficiency")


def part(experiments: list[Experiment], plan: training.Plan, load: Callable[[Experiment], Data]) -> Part:
    """The part that times an epoch of each experiment; of MNIST, as many images as the plan says."""
    settings = {"experiments": [asdict(each) for each in experiments], "plan": asdict(plan)}

    def portable() -> Callable[[Display], PartResult]:
        sets = [_first(load(each), plan.images) if each.data == "MNIST" else load(each) for each in experiments]
        return partial(_measure_all, experiments, sets, plan)

    def make(display: Display) -> PartResult:
        return portable()(display)

    return Part(NAME, settings, make, _CODE, place="alone", portable=portable)


def _measure_all(experiments: list[Experiment], sets: list[Data], plan: training.Plan, display: Display) -> PartResult:
    with environment.one_thread():
        rows = {each.name: _measure(each, data, plan) for each, data in zip(experiments, sets, strict=True)}
        machine = environment.describe()
    return PartResult({"rounds": plan.rounds, "machine": machine, "experiments": rows})


def _first(data: Data, images: int) -> Data:
    """As many training samples, and a sixth as many test samples: MNIST's proportion."""
    X, T, X_test, T_test = data
    if X_test is None or T_test is None:
        return X[:images], T[:images], None, None
    return X[:images], T[:images], X_test[: images // 6], T_test[: images // 6]


def _measure(experiment: Experiment, data: Data, plan: training.Plan) -> dict[str, Any]:
    """The milliseconds that an epoch takes on one thread, evaluation included, by contestant; ratios; and memory.

    Returns
    -------
    dict
        ``samples``. ``ms``: the medians, for "ours" (the fast path of `bp.train`), "textbook" (the lab's loop over the
        messages of the layers), "products" (the matrix products alone), and "eager" (PyTorch) where it is installed.
        ``ratio``: our time divided by each other's, the medians over the rounds. ``mb``: the most memory that one epoch
        takes beside its data, in megabytes, for "ours" and "textbook".
    """
    times = training.compared(training.Row(experiment, evaluated=True, threads=1), data, plan)
    others = [name for name in times.seconds if name != "ours"]
    return {
        "samples": len(data[0]),
        "ms": {name: 1e3 * times.median(name) for name in ("ours", *others)},
        "ratio": {name: times.ratio("ours", name) for name in others},
        "mb": {
            "ours": _peak(lambda: _fast_epoch(experiment, data)),
            "textbook": _peak(lambda: _plain_epoch(experiment, data)),
        },
    }


def _peak(work: Callable[[], None]) -> float:
    """The most megabytes that numpy and Python have allocated at one time while the work is done."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / _MB
    finally:
        tracemalloc.stop()


def _fast_epoch(experiment: Experiment, data: Data) -> None:
    X, T, X_test, T_test = data
    size, alpha = experiment.batch_size, experiment.alpha
    bp.train(build_net(experiment), X, T, batch_size=size, n_epochs=1, alpha=alpha, X_test=X_test, T_test=T_test)


def _plain_epoch(experiment: Experiment, data: Data) -> None:
    """One epoch and its evaluation, as the lab writes them."""
    net, size = build_net(experiment), experiment.batch_size
    X, T = data[:2]
    for start in range(0, len(X), size):
        gradient = net.gradient(X[start : start + size], T[start : start + size])
        for name, arrays in net.parameters().items():
            for array, slope in zip(arrays, gradient[name], strict=True):
                array[...] -= experiment.alpha * slope
    for inputs, targets in sets_of(data):
        net.evaluate(inputs, targets).mean()
