"""Measures how the time of an epoch grows with samples, batch, width and depth, and where that time goes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np

from bp.fast import fast_path, heads, pieces
from bp.samples import Samples
from reports.study.bench import training
from reports.study.bench.tables import BenchError, Effort, Say, Table
from reports.study.bench.training import Plan, Row, compared, mnist, threads
from reports.training.experiments import EXPERIMENTS, Data, Experiment, build_net, sets_of

_BASE = replace(EXPERIMENTS["mnist"], widths=(100, 64, 64, 10), batch_size=1000, alpha=0.01)
#: Experiments with their numbers of samples, by the name of the one setting in which they differ from `_BASE`.
_GROWTH: dict[str, list[tuple[Experiment, int]]] = {
    "samples": [(_BASE, n) for n in (2000, 8000, 32_000)],
    "batch": [(replace(_BASE, batch_size=n), 8000) for n in (10, 100, 8000)],
    "width": [(replace(_BASE, widths=(100, u, u, 10)), 8000) for u in (8, 32, 256)],
    "depth": [(replace(_BASE, widths=(100, *[64] * n, 10)), 8000) for n in (1, 4, 8)],
}
_PRODUCTS, _MASKING = "matrix products", "ReLU back"
#: What the calls of the fast path compute, by the name of the function that is called; losses and hits are no calls.
_PARTS = {
    "dot": _PRODUCTS,
    "matmul": _PRODUCTS,
    "rectify": "ReLU forward",
    "greater": _MASKING,
    "sign": _MASKING,
}
_OTHER = "softmax and the loss's delta"


def run(effort: Effort, say: Say) -> list[Table]:
    """Measure the growth on noise, and the profile on MNIST."""
    plan = training.PLANS[effort]
    return [growth(_GROWTH, plan, say), profile(plan, say)]


def growth(changes: dict[str, list[tuple[Experiment, int]]], plan: Plan, say: Say) -> Table:
    """Measure the steps of an epoch, without evaluation: a row for each experiment."""
    rows = []
    for what, cases in changes.items():
        for experiment, n in cases:
            say(f"growth: {what}")
            times = compared(Row(experiment, False, 1), _noise(experiment, n), replace(plan, compiled=False))
            rows.append(
                {
                    "varied": what,
                    "N": n,
                    "batch": experiment.batch_size,
                    "net": _in_short(experiment.widths),
                    "us a sample": 1e6 * times.median("ours") / n,
                    "/ products": times.ratio("ours", "products"),
                    "/ eager": times.ratio("ours", "eager") if "eager" in times.seconds else None,
                }
            )
    note = "Steps alone, float64, one thread, on noise; each group varies one thing."
    return Table("How the cost of an epoch grows", rows, note)


def profile(plan: Plan, say: Say) -> Table:
    """Measure where the time of an epoch of MNIST goes."""
    say("growth: profile of an epoch")
    experiment = EXPERIMENTS["mnist"]
    data, where = mnist(plan.images)
    train, test = (Samples(X, T, experiment.dtype) for X, T in sets_of(data))
    path = fast_path(build_net(experiment), train, test, experiment.batch_size, 0.1)
    if path is None:
        raise BenchError("growth: expected a net that the fast path can train")
    with threads(1), _stopwatches() as spent:
        path.run(1)
        spent.clear()
        start = time.perf_counter()
        for _ in range(plan.rounds):
            path.run(1)
        total = time.perf_counter() - start
    rest = total - sum(spent.values())
    ordered = sorted(spent.items(), key=lambda item: -item[1])
    rows = [
        {"part": part, "ms an epoch": 1e3 * seconds / plan.rounds, "share": seconds / total}
        for part, seconds in [*ordered, ("the rest", rest)]
    ]
    rest_of_it = "The rest: inputs converted, sums of gradients, the update, Python."
    note = f"With evaluation, float64, one thread. {rest_of_it} {where}"
    return Table("Where the time of an epoch goes", rows, note)


@contextmanager
def _stopwatches() -> Iterator[dict[str, float]]:
    """Yield the seconds that are spent in each part of the fast path within the block.

    The mask of a ReLU is made by a comparison, and perhaps a conversion, and ends with the product with it; a matrix
    product may come between.
    """
    spent: dict[str, float] = defaultdict(float)

    def perform(calls: Sequence[heads.Call]) -> None:
        masking = False
        for call in calls:
            name = call.func.__name__
            part = _PARTS.get(name, _OTHER)
            masking = masking or part == _MASKING
            timed(_MASKING if masking and part != _PRODUCTS else part, call)()
            masking = masking and name != "multiply"

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent[part] += time.perf_counter() - start

        return wrapped

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(pieces, "perform", perform))
        for owner, name in ((heads.LogitsHead, "losses"), (pieces, "hits")):
            stack.enter_context(mock.patch.object(owner, name, timed("losses and hits", getattr(owner, name))))
        yield spent


def _in_short(widths: Sequence[int]) -> str:
    """The widths in short: 100-8x64-10 has eight hidden layers of 64 units."""
    *_, u, k = widths
    return f"{widths[0]}-{len(widths) - 2}x{u}-{k}"


def _noise(experiment: Experiment, n: int) -> Data:
    """Random training data for an experiment."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n, experiment.widths[0])).astype(np.float32)
    k = experiment.widths[-1]
    return X, np.eye(k, dtype=np.float32)[rng.randint(0, k, n)], None, None
