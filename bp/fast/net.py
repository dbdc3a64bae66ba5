"""Which nets the fast path can train, and their parameters in the form that it uses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np

from bp.fast.heads import Ending
from bp.layers import LinearLayer, NaiveSoftmaxLayer, ReLULayer, SoftmaxLayer
from bp.losses import LossCrossEntropy, LossCrossEntropyForSoftmaxLogits
from bp.messages import Array
from bp.mlp import MLP

_SOFTMAXES = SoftmaxLayer, NaiveSoftmaxLayer
#: How a net ends whose last layer and loss are of these classes.
_ENDINGS: dict[tuple[type | None, type], Ending] = {
    (NaiveSoftmaxLayer, LossCrossEntropy): "naive",
    (SoftmaxLayer, LossCrossEntropy): "stable",
}
_OURS = LinearLayer, ReLULayer, *_SOFTMAXES, LossCrossEntropy, LossCrossEntropyForSoftmaxLogits, MLP
#: The methods of these classes as defined here. A net for which somebody has replaced one is left to the plain path.
_METHODS = {kind: {name: part for name, part in vars(kind).items() if callable(part)} for kind in _OURS}


class Shape(NamedTuple):
    """The structure of a net.

    Attributes
    ----------
    widths
        The widths of the input and of each linear layer's output; the last one is K, the number of classes.
    relus
        For each linear layer whether a ReLU follows.
    ending
        "naive" or "stable": the net ends with that softmax and the cross-entropy of probabilities. "logits": it ends
        with the compound loss.
    dtype
        The precision of all parameters, double or single.
    """

    widths: tuple[int, ...]
    relus: tuple[bool, ...]
    ending: Ending
    dtype: np.dtype[Any]

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(D, U) of each linear layer."""
        return list(pairwise(self.widths))

    @property
    def n_parameters(self) -> int:
        """The number of all weights and biases."""
        return sum((d + 1) * u for d, u in self.layers)

    def split(self, vector: Array) -> list[Array]:
        """A vector of all parameters as [W^T b] of each linear layer, (U, D + 1)."""
        parts, start = [], 0
        for d, u in self.layers:
            end = start + (d + 1) * u
            parts.append(vector[start:end].reshape(u, d + 1))
            start = end
        return parts


class Parameters:
    """All parameters of a net in one vector, with views of it layer by layer.

    Attributes
    ----------
    vector
        All parameters.
    rows
        [W^T b] of each linear layer, (U, D + 1).
    weights
        W of each linear layer, (D, U).
    """

    def __init__(self, shape: Shape, vector: Array) -> None:
        self.vector = vector
        self.rows = shape.split(vector)
        self.weights = [row[:, :-1].T for row in self.rows]

    def read(self, net: MLP) -> None:
        """Copy the parameters of ``net`` into the vector."""
        for row, (W, b) in zip(self.rows, net.parameters().values(), strict=True):
            row[:, :-1], row[:, -1] = W.T, b

    def write(self, net: MLP) -> None:
        """Copy the vector into the arrays of ``net``."""
        for row, (W, b) in zip(self.rows, net.parameters().values(), strict=True):
            W[...], b[...] = row[:, :-1].T, row[:, -1]


def shape_of(net: MLP) -> Shape | None:
    """The structure of ``net`` if it consists of our own layers in the usual order; else None.

    A derived class, or a layer or class with a replaced method, may compute anything, so it gives None.
    """
    layers, ending = list(net.layers), _ENDINGS.get((type(net.layers[-1]) if net.layers else None, type(net.loss)))
    if ending is None and type(net.loss) is LossCrossEntropyForSoftmaxLogits:
        ending = "logits"
    if ending is None:
        return None
    if ending != "logits":
        layers.pop()
    kinds = [type(layer) for layer in layers]
    at = [place for place, kind in enumerate(kinds) if kind is LinearLayer]
    relus = [kinds[place + 1 : place + 2] == [ReLULayer] for place in at]
    in_order = [kind for relu in relus for kind in ([LinearLayer, ReLULayer] if relu else [LinearLayer])]
    if not at or relus[-1] or kinds != in_order or not all(_is_ours(part) for part in [*net.layers, net.loss, net]):
        return None
    if not _ends_with_the_most_probable(net, ending):
        return None
    dtype = _common_dtype([array for pair in net.parameters().values() for array in pair])
    if dtype is None:
        return None
    linear: list[Any] = [layers[place] for place in at]
    if any((each.W.shape, each.b.shape) != ((each.n_inputs, each.n_units), (each.n_units,)) for each in linear):
        return None
    widths = linear[0].n_inputs, *(layer.n_units for layer in linear)
    return Shape(widths, tuple(relus), ending, dtype)


def _is_ours(part: Any) -> bool:
    """Whether it is an object of one of our classes, not of a derived one, with none of its methods replaced."""
    if (methods := _METHODS.get(type(part))) is None or not methods.keys().isdisjoint(vars(part)):
        return False
    # Not in a loop, which would take a notable part of the time of a short training.
    return list(map(vars(type(part)).get, methods)) == list(methods.values())


def _ends_with_the_most_probable(net: MLP, ending: Ending) -> bool:
    """Whether the largest output belongs to the largest logit: there are no output layers, or one softmax."""
    after = net.output_layers
    return not after or (ending == "logits" and len(after) == 1 and type(after[0]) in _SOFTMAXES and _is_ours(after[0]))


def _common_dtype(arrays: Sequence[Array]) -> np.dtype[Any] | None:
    """The dtype of all arrays if it is double or single precision and no two of them share memory; else None."""
    dtypes = {array.dtype for array in arrays}
    if len(dtypes) > 1 or not dtypes <= {np.dtype(np.float64), np.dtype(np.float32)}:
        return None
    apart = not any(np.may_share_memory(one, other) for one, other in combinations(arrays, 2))
    return dtypes.pop() if apart else None
