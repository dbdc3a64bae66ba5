"""Measures the error of central differences for many steps, and the error of our finite-difference oracle."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp
from reference.lab import definitions
from reference.lab.checks import deep
from reference.numerics.oracles import ball, finite_differences
from reports.study.bench.gradcheck import bp_net

Array = NDArray[np.float64]

#: The smallest steps lose all digits to rounding; the largest lose them to the curvature of the function.
STEPS = tuple(float(step) for step in 10.0 ** np.arange(-14, 0.25, 0.25))
_WIDTHS, _SAMPLES = (6, 5, 4, 3), 8


def measure() -> dict[str, Any]:
    """Measure, for results.json, the errors for two functions.

    Returns
    -------
    dict
        ``missing``: why there is nothing else, or None. ``steps``. ``functions``: for each function by its name, the
        relative ``errors`` at these steps, the ``best_step`` and its ``best_error``, and ``oracle``: the shortest
        ``step`` that our oracle took, its ``true`` relative error, and the error that it ``stated``.
    """
    if (reason := ball.available()) is not None:
        return {"missing": reason}
    functions = {"softmax and cross-entropy": _of_logits(), "loss of a small network": _of_net()}
    return {
        "missing": None,
        "steps": list(STEPS),
        "functions": {name: _measure_function(f, truth) for name, (f, truth) in functions.items()},
    }


def _measure_function(f: Callable[[float], float], truth: float) -> dict[str, Any]:
    """The entry of ``functions`` for a function whose derivative at 0 is ``truth``."""
    errors = [abs((f(h) - f(-h)) / (2 * h) - truth) / abs(truth) for h in STEPS]
    best = int(np.argmin(errors))
    estimate, step = finite_differences.derivative_and_step(f)
    return {
        "errors": errors,
        "best_step": STEPS[best],
        "best_error": errors[best],
        "oracle": {
            "step": float(step),
            "true": float(abs(estimate.value - truth) / abs(truth)),
            "stated": float(estimate.error / abs(truth)),
        },
    }


def _of_logits() -> tuple[Callable[[float], float], float]:
    """The mean loss as a function of a step along a random direction in the logits, and its derivative at 0."""
    rng = np.random.RandomState(0)
    X, along = rng.standard_normal((2, _SAMPLES, 4))
    T = np.eye(4)[rng.randint(0, 4, _SAMPLES)]
    loss = bp.LossCrossEntropyForSoftmaxLogits("CE")
    spec = partial(definitions.cross_entropy_of_logits, T=T)
    (gradient,) = ball.vjp(spec, np.full((_SAMPLES, 1), 1 / _SAMPLES), (X,))
    return lambda t: float(loss.forward(X + t * along, T).mean()), float((gradient.value * along).sum())


def _of_net() -> tuple[Callable[[float], float], float]:
    """The mean loss as a function of a step along a direction in a network's parameters, and its derivative at 0."""
    rng = np.random.RandomState(3)
    case, _ = deep.draw(rng, widths=_WIDTHS, n=_SAMPLES)
    net = bp_net(case)
    arrays = [array for pair in net.parameters().values() for array in pair]
    start = [array.copy() for array in arrays]
    # The direction is short, so that no ReLU unit is switched on or off within the steps.
    along = [0.02 * rng.standard_normal(array.shape) for array in arrays]

    def loss(t: float) -> float:
        for array, origin, direction in zip(arrays, start, along, strict=True):
            array[...] = origin + t * direction
        return float(net.evaluate(case.X, case.T).mean())

    truth = case.true_gradient(ball)
    return loss, float(sum((each.value * direction).sum() for each, direction in zip(truth, along, strict=True)))
