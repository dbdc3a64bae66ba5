"""Families of logits; each makes a formula lose digits for another reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def one_hot(rng: np.random.RandomState, X: Array) -> Array:
    """A one-hot target for each row of logits: the class of the largest logit in every other row, else any class."""
    t = rng.randint(0, X.shape[1], len(X))
    t[::2] = X[::2].argmax(axis=1)
    return np.eye(X.shape[1], dtype=X.dtype)[t]


def families(rng: np.random.RandomState, n: int, k: int, dtype: type = np.float64) -> Iterator[tuple[str, Array]]:
    """Logits (n, k) of each family, with its name; what is extreme depends on the precision."""
    limits = np.finfo(dtype)
    # exp(-x) is 0 for x beyond `deepest`, and has fewer digits for x beyond `normal`.
    deepest, normal = -np.log(float(limits.smallest_subnormal)), -np.log(float(limits.smallest_normal))
    for name, X in (
        ("N(0, 1)", rng.randn(n, k)),
        ("up to 50", rng.uniform(-50, 50, (n, k))),
        ("up to 700", rng.uniform(-700, 700, (n, k))),
        ("up to 1e4", rng.uniform(-1e4, 1e4, (n, k))),
        (f"up to {limits.max:.2g}", rng.uniform(-1, 1, (n, k)) * float(limits.max)),
        ("near ties", 10 * rng.randn(n, 1) + rng.randn(n, k) * 10 ** rng.uniform(-12, -1)),
        ("ahead by 15 to 60", _ahead(rng, n, k, 15, 60)),
        (f"ahead by {deepest * 0.67:.0f} to {deepest:.0f}", _ahead(rng, n, k, deepest * 0.67, deepest)),
        ("all equal", np.repeat(100 * rng.randn(n, 1), k, axis=1)),
        ("subnormal results", rng.randn(n, 1) - rng.randint(0, 2, (n, k)) * rng.uniform(normal - 8, deepest, (n, k))),
    ):
        yield name, X.astype(dtype)


def _ahead(rng: np.random.RandomState, n: int, k: int, low: float, high: float) -> Array:
    """Logits N(0, 1), except that one in each row is larger by a number between ``low`` and ``high``."""
    X = rng.randn(n, k)
    X[np.arange(n), rng.randint(0, k, n)] += rng.uniform(low, high, n)
    return X
