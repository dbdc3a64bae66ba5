"""Measures what our accuracy costs: the time of loss and gradient, against that of the usual stable formulas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import bp
from bp.messages import unchecked
from reference.numerics.oracles import torch_autograd
from reports.study.bench.tables import Effort, Say, Table
from reports.study.bench.timing import interleaved
from reports.study.formulas import Array, usual_delta, usual_loss

#: (N, K) of a batch of the lab's MNIST, of one of its spirals, and of a few samples with many classes.
SIZES = ((3000, 10), (300, 3), (64, 1000))
_ROUNDS = {"quick": 50, "normal": 500, "exhaustive": 3000}


def run(effort: Effort, say: Say) -> list[Table]:
    """Measure at the sizes in `SIZES`."""
    say("softmax-cost: loss and gradient, one after the other")
    return [measure(SIZES, _ROUNDS[effort])]


def measure(sizes: Sequence[tuple[int, int]], rounds: int) -> Table:
    """Measure a row for each size (N, K)."""
    reason = torch_autograd.available()
    rows = []
    for n, k in sizes:
        rng = np.random.RandomState(0)
        X, T = 5 * rng.randn(n, k), np.eye(k)[rng.randint(0, k, n)]
        if reason is None:
            with torch_autograd.one_thread():
                times = interleaved(_contestants(X, T) | {"PyTorch": torch_autograd.cross_entropy_step(X, T)}, rounds)
        else:
            times = interleaved(_contestants(X, T), rounds)
        row: dict[str, Any] = {"N": n, "K": k, "usual, us": 1e6 * times.median("usual")}
        rows.append(row | {f"{name}, ratio": times.ratio(name, "usual") for name in times.seconds if name != "usual"})
    note = "Ours does not check its arguments, as in training. PyTorch uses autograd, on tensors that were made before."
    return Table("Loss and gradient, double precision, one thread", rows, note if reason is None else f"{reason}.")


def _contestants(X: Array, T: Array) -> dict[str, Callable[[], Any]]:
    loss = bp.LossCrossEntropyForSoftmaxLogits("CE")
    forward, delta = unchecked(loss.forward), unchecked(loss.delta)
    return {
        "usual": lambda: (usual_loss(X, T), usual_delta(X, T)),
        "ours": lambda: (forward(X, T), delta(X, T)),
    }
