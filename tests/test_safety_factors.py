"""The safety factors of the table of tolerances are large enough for functions whose derivatives are known.

``python -m tests.test_safety_factors POINTS`` prints what the table cites: for each estimate how many points were
tried, how often the error was larger than the estimate says, and the largest error as a fraction of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from reference.gradients.differences import Differences
from reference.gradients.tolerance import granted, size_of_gradient
from reference.numerics.oracles import complex_step, finite_differences
from tests.strategies import Array

pytestmark = pytest.mark.catalogue

Function = Callable[[Any], Any]
#: Smooth functions with their derivatives, from arithmetic of any width.
FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "log": (lambda x: np.log(x * x + 1), lambda x: 2 * x / (x * x + 1)),
    "quotient": (lambda x: x / (1 + x * x), lambda x: (1 - x * x) / (1 + x * x) ** 2),
    "cubic": (lambda x: x * x * x - 2 * x, lambda x: 3 * x * x - 2),
    "square root": (lambda x: np.sqrt(x * x + 2), lambda x: x / np.sqrt(x * x + 2)),
    "softplus": (lambda x: np.log(1 + np.exp(x)), lambda x: 1 / (1 + np.exp(-x))),
    "bell": (lambda x: np.exp(-x * x), lambda x: -2 * x * np.exp(-x * x)),
    "waves": (lambda x: x * np.sin(x) + np.cos(3 * x), lambda x: np.sin(x) + x * np.cos(x) - 3 * np.sin(3 * x)),
    "squared sigmoid": (lambda x: 1 / (1 + np.exp(-x)) ** 2, lambda x: 2 * np.exp(-x) / (1 + np.exp(-x)) ** 3),
}


def by_differences(f: Function, x: Array) -> tuple[Array, Array]:
    """Derivatives by finite differences, and their errors."""
    found = [
        finite_differences.derivative(lambda t, at=at: f(at + t), max(abs(float(at)), 1.0))  # type: ignore[misc]
        for at in x
    ]
    return np.array([float(each.value) for each in found]), np.array([float(each.error) for each in found])


def of_any_forward_pass(f: Function, x: Array) -> tuple[Array, Array]:
    """Derivatives by the finite differences that doubt themselves, and their errors."""
    oracle = Differences(f, ((-np.inf, np.inf),))
    found = [oracle.gradient(np.ones(1), [np.array([at])], 0, [(0,)]) for at in x]
    return np.array([each.value[0] for each in found]), np.array([each.error[0] for each in found])


def by_complex_step(f: Function, x: Array) -> tuple[Array, Array]:
    """Derivatives by the complex step, and their errors."""
    found = [complex_step.Along(f, [np.array([at])]).measured([np.ones(1)]) for at in x]
    return np.array([each.value[0] for each in found]), np.array([each.error[0] for each in found])


def errors_over_estimates(kind: str, name: str, points: int) -> Array:
    """The error of each derivative as a fraction of its estimate, where there is one."""
    f, slope = FUNCTIONS[name]
    rng = np.random.RandomState(7)
    x = rng.choice([-1.0, 1.0], points) * 10 ** rng.uniform(-3, 1.3, points)
    if kind == "differences":
        value, error = by_differences(f, x)
    elif kind == "differences of any forward pass":
        value, error = of_any_forward_pass(f, x)
    elif kind == "complex step":
        value, error = by_complex_step(f, x)
    else:
        gradient = slope if kind == "wider type" else lambda a: slope(a.astype(np.float64))
        value = gradient(x)
        size = np.array([float(size_of_gradient(np.ones(1), f(x[i : i + 1]), x[i : i + 1])[0]) for i in range(points)])
        (error,) = granted(lambda a: (gradient(a),), [x], [value], [size])
    known = np.isfinite(error)
    off = np.abs(value - slope(x.astype(np.longdouble))).astype(np.float64)
    return np.asarray(off[known] / np.maximum(error[known], np.finfo(float).tiny))


KINDS = ("differences", "differences of any forward pass", "complex step", "wider type", "conditioning")
needs_long_doubles = pytest.mark.skipif(
    np.finfo(np.longdouble).eps >= np.finfo(np.float64).eps, reason="long doubles are doubles on this system"
)


@needs_long_doubles
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_within_their_estimates(kind: str, name: str) -> None:
    """The safety factors cover the errors, and most points have an estimate."""
    found = errors_over_estimates(kind, name, points=64)
    assert len(found) > 32
    assert found.max() <= 1


def _table(points: int) -> Iterator[str]:
    for kind in KINDS:
        found = np.concatenate([errors_over_estimates(kind, name, points) for name in FUNCTIONS])
        yield f"{kind}: {len(found)} points, {int((found > 1).sum())} outside, the largest at {found.max():.2g}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(_table(int(sys.argv[1]))) + "\n")
