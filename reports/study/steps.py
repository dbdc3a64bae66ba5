"""The error of central differences against their step, and what our oracle makes of the same function."""

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

#: From steps that lose all digits to rounding to steps that see more than a slope.
STEPS = tuple(float(step) for step in 10.0 ** np.arange(-14, 0.25, 0.25))
_WIDTHS, _SAMPLES = (6, 5, 4, 3), 8


def measure() -> dict[str, Any]:
    """For results.json.

    Returns
    -------
    dict
        ``missing``: why nothing else is there, or None. ``steps``. ``functions``: by name, the relative ``errors`` at
        these steps; the ``best_step`` and ``best_error`` among them; and of our oracle the shortest ``step`` that it
        took, the relative error that it has, ``true``, and the one that it states, ``stated``.
    """
    if (reason := ball.available()) is not None:
        return {"missing": reason}
    functions = {"softmax and cross-entropy": _of_logits(), "loss of a small network": _of_net()}
    return {
        "missing": None,
        "steps": list(STEPS),
        "functions": {name: _measured(f, truth) for name, (f, truth) in functions.items()},
    }


def _measured(f: Callable[[float], float], truth: float) -> dict[str, Any]:
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
    """The mean loss along a random direction, and its derivative there."""
    rng = np.random.RandomState(0)
    X, along = rng.standard_normal((2, _SAMPLES, 4))
    T = np.eye(4)[rng.randint(0, 4, _SAMPLES)]
    loss = bp.LossCrossEntropyForSoftmaxLogits("CE")
    spec = partial(definitions.cross_entropy_of_logits, T=T)
    (gradient,) = ball.vjp(spec, np.full((_SAMPLES, 1), 1 / _SAMPLES), (X,))
    return lambda t: float(loss.forward(X + t * along, T).mean()), float((gradient.value * along).sum())


def _of_net() -> tuple[Callable[[float], float], float]:
    """The same with all parameters of a net."""
    rng = np.random.RandomState(3)
    question, _ = deep.draw(rng, widths=_WIDTHS, n=_SAMPLES)
    net = bp_net(question)
    arrays = [array for pair in net.parameters().values() for array in pair]
    start = [array.copy() for array in arrays]
    # Short, so that no unit is switched within the steps.
    along = [0.02 * rng.standard_normal(array.shape) for array in arrays]

    def loss(t: float) -> float:
        for array, origin, direction in zip(arrays, start, along, strict=True):
            array[...] = origin + t * direction
        return float(net.evaluate(question.X, question.T).mean())

    truth = question.true_gradient(ball)
    return loss, float(sum((each.value * direction).sum() for each, direction in zip(truth, along, strict=True)))
