"""Nets and data for the tests of the fast path."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import bp
from bp.fast import Fast, fast_path
from bp.fast.heads import Ending
from bp.samples import Samples
from tests.strategies import Array

SPIRALS = bp.load_spirals()
ENDINGS: tuple[Ending, ...] = ("naive", "stable", "logits")


def make_net(
    widths: tuple[int, ...], *, ending: Ending = "logits", dtype: Any = np.float64, relus: bool = True, seed: int = 0
) -> bp.MLP:
    rng = np.random.RandomState(seed)
    layers: list[Any] = []
    for number, (d, u) in enumerate(pairwise(widths)):
        layers += [bp.LinearLayer(d, u, rng, f"Linear_{number}", dtype=dtype), bp.ReLULayer(f"ReLU_{number}")]
    layers = layers[:-1] if relus else layers[:-1:2]
    if ending != "logits":
        softmax = bp.NaiveSoftmaxLayer("S") if ending == "naive" else bp.SoftmaxLayer("S")
        return bp.MLP(widths[0], [*layers, softmax], bp.LossCrossEntropy("CE"))
    return bp.MLP(widths[0], layers, bp.LossCrossEntropyForSoftmaxLogits("CE"), [bp.SoftmaxLayer("S")])


def clusters(n: int, d: int, k: int, seed: int = 1) -> tuple[Array, Array]:
    rng = np.random.RandomState(seed)
    classes = rng.randint(0, k, n)
    return rng.randn(n, d) + 2 * rng.randn(k, d)[classes], np.eye(k)[classes]


def vector(net: bp.MLP) -> Array:
    return np.concatenate([array.ravel() for pair in net.parameters().values() for array in pair])


def fast_of(net: bp.MLP, X: Array, T: Array, batch_size: int, threads: int = 1) -> Fast | None:
    dtype = np.result_type(vector(net), np.float32)
    return fast_path(net, Samples(X, T, dtype), None, batch_size, 0.1, threads)
