"""Measures whole calls of `bp.train` as a user makes them, set-up included, and which nets its fast path takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

import bp
from bp.fast import fast_path
from bp.fast.heads import Ending
from bp.fast.whole import Whole
from bp.samples import Samples
from reference.numerics.oracles import torch_autograd
from reports.study.bench import products, torch_training
from reports.study.bench.products import Workload
from reports.study.bench.tables import BenchError, Effort, Say, Table
from reports.study.bench.timing import interleaved
from reports.study.bench.training import PLANS, mnist, threads
from reports.training.experiments import EXPERIMENTS, Data, Experiment, build_net, load_data, sets_of

#: The largest relative difference of two losses at the end of a call: rounding errors grow over a thousand epochs.
_TOLERANCE = 1e-6
#: Rounds for each second that the slowest contestant takes, and the fewest.
_SECONDS: dict[Effort, float] = {"quick": 2, "normal": 20, "exhaustive": 120}
_FEWEST = 5


@dataclass(frozen=True)
class Call:
    """A call of `bp.train`, beside the same in PyTorch, and beside another call of ours.

    Attributes
    ----------
    experiment
        What is trained, and for how many epochs; a test set is evaluated too.
    ending
        How the net ends: see `bp.fast.heads`.
    goal
        The ratio of its time to that of eager PyTorch that should not be exceeded.
    soft
        Whether the training targets are soft.
    beside
        The name of another way to make the same call, which must take as long: "plain" is the plain path, "naive" the
        net with the naive softmax and one-hot targets.
    goal_beside
        The ratio to that which should not be exceeded.
    """

    experiment: Experiment
    ending: Ending
    goal: float | None = None
    soft: bool = False
    beside: str | None = None
    goal_beside: float | None = None

    @property
    def words(self) -> str:
        """The call in words."""
        targets = ", soft targets" if self.soft else ""
        return f"{self.experiment.name}, {self.experiment.n_epochs} epochs, {self.ending}{targets}"


def calls(images: int) -> list[Call]:
    """The calls with their goals."""
    xor, spirals = (replace(EXPERIMENTS[name]) for name in ("xor", "spirals"))
    deep = replace(EXPERIMENTS["mnist"], n_epochs=2, batch_size=min(3000, images))
    return [
        Call(xor, "naive", 0.06),
        Call(xor, "stable", 0.07),
        Call(spirals, "naive", 0.065),
        Call(spirals, "stable", 0.078),
        Call(replace(spirals, n_epochs=150), "naive", 0.085),
        Call(replace(spirals, n_epochs=150), "stable", 0.10),
        Call(deep, "logits", 0.55),
        Call(replace(xor, n_epochs=1), "naive", beside="plain", goal_beside=1.0),
        Call(replace(xor, n_epochs=1), "stable", beside="plain", goal_beside=1.0),
        Call(replace(spirals, n_epochs=150), "naive", soft=True, beside="naive", goal_beside=1.1),
        Call(replace(spirals, n_epochs=150), "stable", soft=True, beside="naive", goal_beside=1.1),
        Call(deep, "stable", beside="naive", goal_beside=1.1),
        Call(deep, "stable", soft=True, beside="naive", goal_beside=1.1),
    ]


def run(effort: Effort, say: Say) -> list[Table]:
    """Measure all calls, and all kinds of nets, at an effort."""
    images = PLANS[effort].images
    digits, where = mnist(images)
    return [measure(calls(images), _SECONDS[effort], digits, where, say), paths(_SECONDS[effort] / 4, say)]


def measure(wanted: list[Call], seconds: float, digits: Data, where: str, say: Say) -> Table:
    """Measure any calls; MNIST's data are handed in.

    Raises
    ------
    BenchError
        Two contestants do not compute the same losses.
    """
    rows = []
    for call in wanted:
        say(f"calls: {call.words}")
        data = digits if call.experiment.data == "MNIST" else load_data(call.experiment)
        if data[2] is None:  # XOR: what is trained on is evaluated as a test set too
            data = (*data[:2], *data[:2])
        rows.append(_row(call, data, seconds))
    note = (
        "Ratios are medians of interleaved rounds, with the quartiles of the ratio to eager PyTorch; float64, one "
        "thread, set-up included. They are of processor time, which other programs disturb less than elapsed time. All "
        "contestants had the same loss at the end. Products are numpy's matrix products of all steps and evaluations, "
        "alone and in the fastest layout found: how long they take beside PyTorch, which brings its own, depends on "
        f"the kernels that numpy's BLAS has for the processor. {where}"
    )
    return Table("Whole calls of bp.train", rows, note)


def _row(call: Call, data: Data, seconds: float) -> dict[str, Any]:
    contestants = dict(_contestants(call, data))
    with threads(1):
        losses = {name: contestant() for name, contestant in contestants.items()}
        alike = {name: loss for name, loss in losses.items() if name != "naive"}
        if any(not abs(loss - losses["ours"]) <= _TOLERANCE * abs(losses["ours"]) for loss in alike.values()):
            raise BenchError(f"calls: {call.words}: expected equal losses at the end, got {alike}")
        once = max(interleaved(contestants, 1, warm_up=0).seconds.values())[0]
        tasks: dict[str, Callable[[], Any]] = dict(contestants)
        if not call.soft:
            tasks["products"] = _products(call.experiment, data)
        times = interleaved(tasks, max(_FEWEST, int(seconds / len(tasks) / once)), clock=time.process_time)
    row: dict[str, Any] = {"call": call.words, "ours, ms": 1e3 * times.median("ours")}
    if "eager" in times.seconds:
        ratios = [a / b for a, b in zip(times.seconds["ours"], times.seconds["eager"], strict=True)]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75]).tolist()
        row |= {"/ eager": middle, "quartiles": f"{low:.3g} - {high:.3g}", "goal": call.goal}
    if call.beside is not None:
        row |= {"beside": call.beside, "/ that": times.ratio("ours", call.beside), "its goal": call.goal_beside}
    return row | ({"/ products": times.ratio("ours", "products")} if "products" in tasks else {})


def _contestants(call: Call, data: Data) -> Iterator[tuple[str, Callable[[], float]]]:
    """Each way to make the call, with its name; it returns the training loss at the end."""
    given = (data[0], softened(data[1]), *data[2:]) if call.soft else data
    yield "ours", partial(_ours, call.experiment, call.ending, given)
    if call.beside == "plain" or call.soft:
        yield "plain", partial(_ours, call.experiment, call.ending, given, fast=False)
    if call.beside == "naive":
        yield "naive", partial(_ours, call.experiment, "naive", data)
    if not call.soft and torch_autograd.available() is None:
        yield "eager", partial(_eager, call.experiment, call.ending, data)


def softened(T: Any) -> Any:
    """Targets that give a tenth to all classes together."""
    return (0.9 * T + 0.1 / T.shape[1]).astype(T.dtype)


def net_of(experiment: Experiment, ending: Ending) -> bp.MLP:
    """The fresh net of an experiment with another ending."""
    net = build_net(replace(experiment, stable=ending == "logits"))
    if ending == "stable":
        net.layers[-1] = bp.SoftmaxLayer("Softmax_OUT")
    return net


def _ours(experiment: Experiment, ending: Ending, data: Data, *, fast: bool = True) -> float:
    X, T, X_test, T_test = data
    net, e = net_of(experiment, ending), experiment
    history = bp.train(net, X, T, e.batch_size, e.n_epochs, e.alpha, X_test, T_test, fast=fast)
    return history.loss_train[-1]


def _eager(experiment: Experiment, ending: Ending, data: Data) -> float:
    weights, biases = zip(*net_of(experiment, ending).parameters().values(), strict=True)
    training = torch_training.Training(
        weights,
        biases,
        sets_of(data),
        loss="logits" if ending == "logits" else "probabilities",
        batch_size=experiment.batch_size,
        alpha=experiment.alpha,
    )
    loss = training.evaluate()[0][0]
    for _ in range(experiment.n_epochs):
        training.descend()
        loss = training.evaluate()[0][0]
    return loss


def _products(experiment: Experiment, data: Data) -> Callable[[], object]:
    """The matrix products of all epochs and of the evaluation before them, in the fastest layout that was found."""
    X, X_test = data[0].astype(np.float64), None if data[2] is None else data[2].astype(np.float64)
    work = Workload(experiment.widths, X, X_test, experiment.batch_size, True)
    layout, epoch = products.fastest(work, 3)
    return partial(products.run, products.evaluation(work, layout) + experiment.n_epochs * epoch)


class _Own(bp.ReLULayer):
    """A layer of the reader's own."""


def kinds() -> Iterator[tuple[str, Callable[[], bp.MLP]]]:
    """Every kind of net of our layers that `bp.train` accepts, in words, with a function that makes it."""
    spirals = EXPERIMENTS["spirals"]
    endings: tuple[Ending, ...] = ("naive", "stable", "logits")
    for ending in endings:
        yield f"ends {ending}", partial(net_of, spirals, ending)
    for ending in endings:
        yield f"ends {ending}, float32", partial(net_of, replace(spirals, dtype="float32"), ending)
    yield "no hidden layer", partial(net_of, replace(spirals, widths=(2, 3)), "logits")
    yield "six layers", partial(net_of, replace(spirals, widths=(2, 8, 8, 8, 8, 8, 3)), "stable")
    for words, at, layer in (
        ("ReLU before the first layer", 0, bp.ReLULayer("extra")),
        ("two ReLUs in a row", 1, bp.ReLULayer("extra")),
        ("softmax between layers", 1, bp.SoftmaxLayer("extra")),
        ("ReLU before the loss", 3, bp.ReLULayer("extra")),
        ("softmax before the compound loss", 3, bp.SoftmaxLayer("extra")),
        ("a class derived from ours", 1, _Own("extra")),
    ):
        yield words, partial(_with, at, layer)


def _with(at: int, layer: Any) -> bp.MLP:
    net = net_of(EXPERIMENTS["spirals"], "logits")
    net.layers.insert(at, layer)
    return net


def paths(seconds: float, say: Say) -> Table:
    """Tell for each kind of net, of targets and of batches which path takes it, and what that is worth."""
    say("calls: which path takes what")
    X, T = load_data(EXPERIMENTS["spirals"])[:2]
    rows = []
    for words, make in kinds():
        for soft in (False, True):
            for batch_size in (len(X), 100):
                targets = softened(T) if soft else T
                with threads(1):
                    row = _path(make, X, targets, batch_size, seconds)
                rows.append({"net": words, "targets": "soft" if soft else "one-hot", "batch": batch_size} | row)
    note = "Whole calls of 20 epochs on the spirals, each with equal losses on both paths at the end."
    return Table("Which path of bp.train takes a net, and the ratio of its time to that of the plain path", rows, note)


def _path(make: Callable[[], bp.MLP], X: Any, T: Any, batch_size: int, seconds: float) -> dict[str, Any]:
    def call(fast: bool) -> float:
        return bp.train(make(), X, T, batch_size, 20, 0.05, fast=fast).loss_train[-1]

    net = make()
    data = Samples(X, T, np.result_type(net.parameters()["Linear_OUT"][0]))
    path = fast_path(net, data, None, batch_size, 0.05)
    name = "plain" if path is None else "whole batches" if isinstance(path, Whole) else "pieces"
    tolerance = 1e3 * np.finfo(data.T.dtype).eps
    losses = call(True), call(False)
    if not math.isclose(*losses, rel_tol=tolerance):
        raise BenchError(f"calls: expected equal losses on both paths, got {losses}")
    contestants = {"ours": partial(call, True), "plain": partial(call, False)}
    once = max(interleaved(contestants, 1, warm_up=0).seconds.values())[0]
    times = interleaved(contestants, max(3, min(30, int(seconds / 40 / once))), clock=time.process_time)
    return {"path": name, "/ plain": times.ratio("ours", "plain")}
