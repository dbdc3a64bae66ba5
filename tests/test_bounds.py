"""How much is granted, for fixed questions: who changes an analysis of errors, or one of its constants, sees where.

That the bounds hold, and are no wider than is said, is for `test_rounding.py` and `test_honest.py`. Here a few digits
and an early underflow are granted as well, where what is of second order is as large as the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import net_rounding, rounding
from reference.contract import one_hot
from reference.rounding import DOUBLE, SINGLE, Precision
from tests.kept import assert_near

Array = NDArray[np.float64]

PRECISIONS = {
    "double": DOUBLE,
    "single": SINGLE,
    "ten bits": Precision(2.0**-11, 2.0**-24),
    "early underflow": Precision(2.0**-53, 2.0**-30),
}


def probabilities(Z: Array) -> Array:
    """Softmax in multiples of 2^-30, none 0, that sum to 1 exactly: by how much they miss it is granted, too."""
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = np.maximum(np.rint(E / E.sum(axis=1, keepdims=True) * 2.0**30), 1) / 2.0**30
    P[np.arange(len(P)), P.argmax(axis=1)] += 1 - P.sum(axis=1)
    return np.asarray(P)


def arrays(seed: int) -> Iterator[tuple[str, dict[str, Array]]]:
    """Arguments by name: ordinary, small, large, and far apart."""
    for name, size in {"ordinary": 1.0, "small": 1e-3, "large": 30.0}.items():
        rng = np.random.RandomState(seed)
        X, W, b = rng.randn(3, 2) * size, rng.randn(2, 4), rng.randn(4)
        Z = rng.randn(3, 4) * size
        P = probabilities(Z)
        T = one_hot(np.array([0, 2, 3]), 4)
        T[0] = [0.25, 0.5, 0, 0.25]
        yield name, {"X": X, "W": W, "b": b, "Z": Z, "P": P, "T": T, "d": rng.randn(3, 4)}


MESSAGES: dict[str, Callable[..., Any]] = {
    "linear forward": lambda p, X, W, b, **_: rounding.linear_forward(X, W, b, p),
    "linear delta": lambda p, W, d, **_: rounding.linear_delta(W, d, p),
    "linear grad": lambda p, X, d, **_: rounding.linear_grad(X, d, p),
    "softmax": lambda p, Z, P, **_: rounding.softmax(Z, P, p),
    "softmax delta": lambda p, P, d, **_: rounding.softmax_delta(P, d, p),
    "cross-entropy": lambda p, P, T, **_: rounding.cross_entropy(P, T, p),
    "cross-entropy delta": lambda p, P, T, **_: rounding.cross_entropy_delta(P, T, p),
    "loss of logits": lambda p, Z, T, P, **_: rounding.logits_loss(Z, T, P, p),
    "delta of logits": lambda p, Z, T, P, **_: rounding.logits_delta(Z, T, P, p),
}


def sums(bounds: Any) -> list[float]:
    """Of all entries, and of all but the last of each row and each column, which tells a sum from its transpose."""
    parts = bounds if isinstance(bounds, tuple) else (bounds,)
    return [float(number) for part in parts for number in (part.sum(), part[..., :-1].sum(), part[:-1].sum())]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("message", MESSAGES)
def test_messages_are_granted_what_they_were(message: str, precision: str) -> None:
    """In units of the arithmetic's roundoff."""
    p = PRECISIONS[precision]
    found = {name: [number / p.u for number in sums(MESSAGES[message](p, **given))] for name, given in arrays(7)}
    assert_near("bounds", message, precision, found)


def net(seed: int) -> tuple[Array, list[Array], Array]:
    rng = np.random.RandomState(seed)
    theta = [rng.randn(*shape) for shape in ((3, 4), (4,), (4, 5), (5,), (5, 2), (2,))]
    return rng.randn(6, 3), theta, one_hot(rng.randint(0, 2, 6), 2)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_nets_are_granted_what_they_were(precision: str) -> None:
    """By the running analysis, by the bound through Jacobian matrices, and by what roundings usually do."""
    p = PRECISIONS[precision]
    X, theta, T = net(3)
    running = rounding.network(X, theta, T, p)
    found = {
        "hidden": sums(running.hidden),
        **{name: sums(getattr(running, name)) for name in ("logits", "probabilities", "losses", "gradient")},
    }
    for name, law in {"bounds": net_rounding.bounds, "deviations": net_rounding.deviations}.items():
        granted = law(X, theta, T, p)
        found[f"{name}, sums"], found[f"{name}, gradient"] = sums(granted.sums), sums(granted.gradient)
        found[f"{name}, decided"] = [float(granted.decided)]
    scaled = {name: [number / p.u for number in numbers] for name, numbers in found.items()}
    assert_near("bounds", "network", precision, scaled)
