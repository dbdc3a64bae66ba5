"""Measures the time of a training epoch: ours, the textbook's, PyTorch's, and that of the matrix products alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

import bp
from bp.fast import Fast, fast_path
from bp.samples import Samples
from reference.numerics.oracles import torch_autograd
from reports.io.cores import cores
from reports.study.bench import products, torch_training
from reports.study.bench.products import Workload
from reports.study.bench.tables import BenchError, Effort, Say, Table
from reports.study.bench.timing import Times, interleaved
from reports.training.experiments import EXPERIMENTS, Data, Experiment, build_net, load_data, sets_of

#: The largest relative difference of two losses after the first epoch, by precision. In single precision, rounding
#: switches about one unit on or off in a batch of MNIST, which changes the gradient by about a thousandth.
_TOLERANCES = {"float64": 1e-9, "float32": 1e-2}


@dataclass(frozen=True)
class Plan:
    """How much to measure.

    Attributes
    ----------
    rounds
        Rounds of the timing.
    images
        The number of training images of MNIST; there are a sixth as many test images.
    small_epochs
        How many epochs of the small networks run in a round.
    compiled
        Whether compiled PyTorch takes part; compiling takes half a minute.
    """

    rounds: int
    images: int
    small_epochs: int
    compiled: bool


PLANS: dict[Effort, Plan] = {
    "quick": Plan(rounds=3, images=9000, small_epochs=300, compiled=False),
    "normal": Plan(rounds=7, images=60_000, small_epochs=1000, compiled=True),
    "exhaustive": Plan(rounds=25, images=60_000, small_epochs=1000, compiled=True),
}


@dataclass(frozen=True)
class Row:
    """One comparison: an experiment, with or without evaluation after each epoch, on a number of threads.

    The goals are the ratios of our time to that of eager PyTorch and of the products that should not be exceeded.
    """

    experiment: Experiment
    evaluated: bool
    threads: int
    goal_eager: float | None = None
    goal_products: float | None = None

    @property
    def words(self) -> str:
        """The comparison in words, for the table."""
        said = f"{self.experiment.name}, {self.experiment.dtype}"
        return said + ("" if self.evaluated else ", steps alone") + (", 2 threads" if self.threads > 1 else "")


def rows() -> list[Row]:
    """The comparisons with their goals; one with two threads only if there are two cores."""
    mnist, spirals, xor = (EXPERIMENTS[name] for name in ("mnist", "spirals", "xor"))
    single = replace(mnist, dtype="float32")
    found = [
        Row(mnist, True, 1, 0.90, 1.12),
        Row(single, True, 1, 0.90, 1.15),
        Row(mnist, False, 1),
        Row(spirals, True, 1, 0.10, 3.5),
        Row(spirals, False, 1),
        Row(xor, True, 1, 0.06, 4.0),
        Row(xor, False, 1),
    ]
    return [*found, Row(mnist, True, 2, 0.92)] if cores() > 1 else found


def run(effort: Effort, say: Say) -> list[Table]:
    """Measure all comparisons at an effort."""
    plan = PLANS[effort]
    return measure(rows(), plan, say)


def measure(wanted: list[Row], plan: Plan, say: Say) -> list[Table]:
    """Measure any comparisons with any plan.

    Raises
    ------
    BenchError
        Two contestants do not compute the same losses.
    """
    images, where = mnist(plan.images)
    found = []
    for row in wanted:
        say(f"training: {row.words}")
        data = images if row.experiment.data == "MNIST" else load_data(row.experiment)
        found.append((row, compared(row, data, plan)))
    absent = torch_autograd.available()
    note = (
        f"Times are medians over {plan.rounds} interleaved rounds, ratios are medians of those within a round. All "
        "contestants had the same loss before. "
        f"Eager and compiled PyTorch evaluate in slices of 1000 samples. {where}"
    )
    beside = [
        {
            "epoch of": row.words,
            "ours, ms": 1e3 * times.median("ours"),
            "/ eager": _ratio(times, "eager"),
            "goal": row.goal_eager,
            "/ compiled": _ratio(times, "compiled"),
        }
        for row, times in found
    ]
    above = [
        {
            "epoch of": row.words,
            "products, ms": 1e3 * times.median("products"),
            "ours / products": _ratio(times, "products"),
            "goal": row.goal_products,
            "ours / textbook": _ratio(times, "textbook"),
        }
        for row, times in found
        if row.threads == 1
    ]
    return [
        Table("Training beside PyTorch", beside, note if absent is None else f"{note} {absent}."),
        Table(
            "Training above its matrix products",
            above,
            "Products: those of the same epoch alone, by np.dot in the fastest layout that was found. Textbook: the "
            "lab's loop over the messages of the layers, on inputs in single precision, as they are loaded.",
        ),
    ]


def mnist(images: int) -> tuple[Data, str]:
    """MNIST or, if it is not on this machine, noise of its shape, on which steps take as long; and words for which."""
    try:
        X, T, X_test, T_test = load_data(EXPERIMENTS["mnist"])
        where = f"MNIST: {images} images."
    except FileNotFoundError:
        rng = np.random.RandomState(0)
        X, X_test = (rng.standard_normal((n, 784)).astype(np.float32) for n in (images, images // 6))
        T, T_test = (np.eye(10, dtype=np.float32)[rng.randint(0, 10, len(each))] for each in (X, X_test))
        where = f"Noise of MNIST's shape, {images} samples, since the images are not at hand."
    assert X_test is not None  # noqa: S101 - MNIST has one
    assert T_test is not None  # noqa: S101
    return (X[:images], T[:images], X_test[: images // 6], T_test[: images // 6]), where


def compared(row: Row, data: Data, plan: Plan) -> Times:
    """The seconds that an epoch takes, for each contestant and for the products alone."""
    contestants = list(_contestants(row, data, compiled=plan.compiled and row.evaluated))
    with threads(row.threads):
        _agree(row, contestants)
        work = _workload(row, data)
        _, todo = products.fastest(work, 3)
        small = 1 if row.experiment.data == "MNIST" else plan.small_epochs
        # PyTorch and the textbook take so much longer on the small networks that fewer epochs are enough.
        repeats = {each.name: max(1, small // (1 if each.name == "ours" else 10)) for each in contestants}
        tasks: dict[str, Callable[[], Any]] = {
            each.name: partial(each.epochs, repeats[each.name], row.evaluated) for each in contestants
        }
        tasks["products"] = partial(products.run, todo, small)
        rounds = interleaved(tasks, plan.rounds)
    repeats["products"] = small
    return Times({name: [each / repeats[name] for each in seconds] for name, seconds in rounds.seconds.items()})


def _ratio(times: Times, to: str) -> float | None:
    return times.ratio("ours", to) if to in times.seconds else None


def _workload(row: Row, data: Data) -> Workload:
    X, _, X_test, _ = (None if each is None else each.astype(row.experiment.dtype) for each in data)
    assert X is not None  # noqa: S101 - there is always a training set
    return Workload(row.experiment.widths, X, X_test, row.experiment.batch_size, row.evaluated)


class Contestant(Protocol):
    """One way to train a network."""

    name: str

    def epochs(self, n: int, evaluated: bool) -> float:
        """Train for ``n`` more epochs; return the training loss at their end if they are evaluated, else NaN."""


def _contestants(row: Row, data: Data, *, compiled: bool) -> Iterator[Contestant]:
    experiment = row.experiment
    train, *rest = (Samples(X, T, experiment.dtype) for X, T in sets_of(data))
    test = rest[0] if rest else None
    path = fast_path(build_net(experiment), train, test, experiment.batch_size, experiment.alpha, row.threads)
    if path is None:
        raise BenchError(f"training: expected a net that the fast path can train in {experiment.name}")
    yield _Ours(path)
    if row.threads == 1:
        yield _Textbook(experiment, data)
    if torch_autograd.available() is None:
        yield _Torch("eager", experiment, data, compiled=False)
        if compiled:
            yield _Torch("compiled", experiment, data, compiled=True)


class _Ours:
    """The fast path of `bp.train`."""

    name = "ours"

    def __init__(self, path: Fast) -> None:
        self._path = path
        path.before()

    def epochs(self, n: int, evaluated: bool) -> float:
        """See `Contestant`; as many epochs at once as `bp.train` does."""
        loss = math.nan
        while n > 0:
            at_once = min(n, self._path.most)
            n -= at_once
            if evaluated:
                history = self._path.run(at_once)
                if history is None:
                    raise BenchError("training: expected losses and gradients that are finite")
                loss = history.loss_train[-1]
            else:
                self._path.descend(at_once)
        return loss


class _Textbook:
    """The lab's loop as students write it: with the messages of the network, and all samples of a set at once."""

    name = "textbook"

    def __init__(self, experiment: Experiment, data: Data) -> None:
        self._net, self._experiment = build_net(experiment), experiment
        self._sets = sets_of(data)

    def epochs(self, n: int, evaluated: bool) -> float:
        """See `Contestant`."""
        losses = [math.nan]
        for _ in range(n):
            self._descend()
            if evaluated:
                losses = [float(self._net.evaluate(X, T).mean()) for X, T in self._sets]
                for X, T in self._sets:
                    np.mean(self._net.propagate(X).argmax(axis=1) == T.argmax(axis=1))
        return losses[0]

    def _descend(self) -> None:
        (X, T), size = self._sets[0], self._experiment.batch_size
        for start in range(0, len(X), size):
            gradients = self._net.gradient(X[start : start + size], T[start : start + size])
            for layer in self._net.layers:
                if isinstance(layer, bp.LinearLayer):
                    layer.update_params([-self._experiment.alpha * part for part in gradients[layer.name]])


class _Torch:
    """Training with PyTorch."""

    def __init__(self, name: str, experiment: Experiment, data: Data, *, compiled: bool) -> None:
        self.name = name
        weights, biases = zip(*build_net(experiment).parameters().values(), strict=True)
        self._training = torch_training.Training(
            weights,
            biases,
            sets_of(data),
            loss="logits",
            batch_size=experiment.batch_size,
            alpha=experiment.alpha,
            dtype=experiment.dtype,
            compiled=compiled,
        )

    def epochs(self, n: int, evaluated: bool) -> float:
        """See `Contestant`."""
        loss = math.nan
        for _ in range(n):
            self._training.descend()
            if evaluated:
                loss = self._training.evaluate()[0][0]
        return loss


def _agree(row: Row, contestants: Sequence[Contestant]) -> None:
    """Raise an error unless all contestants have the same loss after one epoch."""
    losses = {each.name: each.epochs(1, True) for each in contestants}
    ours = losses["ours"]
    for loss in losses.values():
        if not abs(loss - ours) <= _TOLERANCES[row.experiment.dtype] * abs(ours):
            raise BenchError(f"training: {row.words}: expected equal losses after one epoch, got {losses}")


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let PyTorch use that many threads within the block.

    A matrix product of numpy always has one thread here; our fast path starts several products at a time.
    """
    if torch_autograd.available() is None:
        with torch_autograd.threads(number):
            yield
    else:
        yield
