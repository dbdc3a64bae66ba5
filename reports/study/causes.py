"""Takes the gradient of each layer's weights apart, to tell why some layers are moved more than others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp

Array = NDArray[Any]

#: The factors of a relative gradient: their product, over the last, is the first.
FACTORS = ("input", "delta", "together", "left", "weight")


def of_gradient(net: bp.MLP, X: Array, T: Array) -> dict[str, dict[str, float]]:
    """Measure, for each linear layer by its name, what makes up the gradient of its weights on the batch X, T.

    The entry i, k of the gradient is the mean over the samples of the terms x_i delta_k. So its mean size is exactly
    ``input`` x ``delta`` x ``together`` x ``left``.

    Returns
    -------
    dict
        ``input``: mean |x|. ``delta``: mean |delta|. ``together``: the mean size of a term, divided by both; above 1 if
        samples with large inputs have large deltas. ``left``: |sum of the terms| / sum of |terms|, which is small if
        terms of different samples cancel. ``gradient``: mean |dW|. ``weight``: mean |W|. ``relative``: gradient /
        weight. ``on``: the share of outputs above 0, where a ReLU layer comes next.
    """
    inputs = [X]
    for layer in net.layers:
        inputs.append(layer.forward(inputs[-1]))
    delta = net.loss.delta(inputs[-1], T)
    found = {}
    for place in reversed(range(len(net.layers))):
        layer = net.layers[place]
        if isinstance(layer, bp.LinearLayer):
            found[layer.name] = _of_layer(layer, inputs[place], inputs[place + 1], delta)
        delta = layer.delta(inputs[place + 1], delta)
    return dict(reversed(found.items()))


def _of_layer(layer: bp.LinearLayer, X: Array, Y: Array, delta: Array) -> dict[str, float]:
    size, each = float(np.abs(X).mean()), float(np.abs(delta).mean())
    # The sum over i and k of |x_i| |delta_k| is the product of two sums, for each sample.
    term = float((np.abs(X).mean(axis=1) * np.abs(delta).mean(axis=1)).mean())
    gradient, weight = float(np.abs(layer.grad(X, delta)[0]).mean()), float(np.abs(layer.W).mean())
    return {
        "input": size,
        "delta": each,
        "together": _ratio(term, size * each),
        "left": _ratio(gradient, term),
        "gradient": gradient,
        "weight": weight,
        "relative": _ratio(gradient, weight),
        "on": float((Y > 0).mean()),
    }


def _ratio(above: float, below: float) -> float:
    return above / below if below else 0.0


def compare(layers: dict[str, dict[str, float]], upper: str, lower: str) -> dict[str, Any]:
    """By which factor the relative gradient of one layer exceeds another's, and which factors that comes from.

    Returns
    -------
    dict
        ``relative``: upper's relative gradient / lower's. ``factors``: the same quotient of each factor, that of the
        weights upside down, so that their product is ``relative``. ``most``: the name of the largest factor, or None.
    """
    factors = {name: _ratio(layers[upper][name], layers[lower][name]) for name in FACTORS[:-1]}
    factors["weight"] = _ratio(layers[lower]["weight"], layers[upper]["weight"])
    relative = _ratio(layers[upper]["relative"], layers[lower]["relative"])
    usable = all(math.isfinite(value) and value > 0 for value in factors.values())
    return {
        "upper": upper,
        "lower": lower,
        "relative": relative,
        "factors": factors,
        "most": max(factors, key=lambda name: factors[name]) if usable else None,
    }
