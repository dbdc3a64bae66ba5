"""Finds where NaN or infinity first appears in a network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bp.messages import Array
from bp.mlp import MLP


class NotFinite(NamedTuple):
    """The first array that is not finite: which one it is, and a sentence about it."""

    what: str
    sentence: str


def gradients_are_finite(gradients: Iterable[Sequence[Array]]) -> bool:
    """Whether every layer's bias gradient is finite.

    That is enough, and cheap: NaN or infinity anywhere on the way forward or back makes delta not finite, and the bias
    gradient is delta's mean.
    """
    return all(_is_finite(gradient[-1]) for gradient in gradients)


def _is_finite(array: Array) -> bool:
    # One product costs a fifth of isfinite().all() on a short vector; it may overflow where the entries do not.
    return math.isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())


@np.errstate(all="ignore")
def where_not_finite(net: MLP, X: Array, T: Array, first_sample: int = 0) -> NotFinite | None:
    """Which array of one step is the first that is not finite, in the order of computation; None if all are finite.

    The order is forward, layer by layer, then the loss, then backward. ``first_sample`` is the number of the first row.
    """
    for what, values, source in _messages(net, X, T):
        bad = ~np.isfinite(values)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            sentence = f"{what} is not finite: {values[row, column]} for sample {first_sample + row}"
            if source is not None:
                sentence += f", from inputs up to {np.abs(source[row]).max():.3g} in size"
            return NotFinite(what, sentence)
    return None


def _messages(net: MLP, X: Array, T: Array) -> Iterator[tuple[str, Array, Array | None]]:
    """Each array of one step: what it is, its value, and the inputs it was computed from if they help to explain it."""
    yield "the input", X, None
    activations = [X]
    for layer in net.layers:
        activations.append(layer.forward(activations[-1]))
        yield f"the output of {layer.name}", activations[-1], activations[-2]
    yield f"the loss of {net.loss.name}", net.loss.forward(activations[-1], T), activations[-1]
    delta = net.loss.delta(activations[-1], T)
    yield f"the gradient (delta) of {net.loss.name}", delta, activations[-1]
    for layer, outputs in zip(net.layers[::-1], activations[:0:-1], strict=True):
        delta = layer.delta(outputs, delta)
        yield f"the gradient (delta) of {layer.name}", delta, None
