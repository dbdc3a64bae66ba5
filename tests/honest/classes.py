"""The contract's classes, of messages that are coded elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.honest.sums import Array, Fun


class Named:
    def __init__(self, name: str) -> None:
        self.name = name

    def has_params(self) -> bool:
        return False


class PlainLinear:
    """The contract's attributes and constructor; the messages come with the coding."""

    rebinds = False

    def __init__(self, n_inputs: int, n_units: int, rng: Any, name: str) -> None:
        self.n_inputs, self.n_units, self.rng, self.name = n_inputs, n_units, rng, name
        self.initialize()

    def has_params(self) -> bool:
        return True

    def initialize(self) -> None:
        self.W = self.rng.normal(0, np.sqrt(2 / self.n_inputs), (self.n_inputs, self.n_units))
        self.b = np.ones(self.n_units)

    def update_params(self, dtheta: Sequence[Array]) -> None:
        if self.rebinds:
            self.W, self.b = self.W + dtheta[0], self.b + dtheta[1]
        else:
            self.W += dtheta[0]
            self.b += dtheta[1]


class ReadOnlyLinear(PlainLinear):
    """W and b are properties without a setter; they give the layer's own arrays."""

    W = property(lambda self: self._W)
    b = property(lambda self: self._b)

    def initialize(self) -> None:
        self._W = self.rng.randn(self.n_inputs, self.n_units) * (np.sqrt(2) / np.sqrt(self.n_inputs))
        self._b = np.ones((self.n_units,))

    def update_params(self, dtheta: Sequence[Array]) -> None:
        for own, step in zip((self._W, self._b), dtheta, strict=True):
            np.add(own, step, out=own)


class OneMatrixLinear(PlainLinear):
    """W and b are views of one matrix, which is what is stored; a setter writes into it."""

    def initialize(self) -> None:
        self._theta = np.ones((self.n_inputs + 1, self.n_units))
        self._theta[:-1] = self.rng.normal(0, (2 / self.n_inputs) ** 0.5, (self.n_inputs, self.n_units))

    @property
    def W(self) -> Array:
        return self._theta[:-1]

    @W.setter
    def W(self, value: Array) -> None:
        self._theta = np.vstack([value, self._theta[-1:].astype(value.dtype)])

    @property
    def b(self) -> Array:
        return self._theta[-1]

    @b.setter
    def b(self, value: Array) -> None:
        self._theta[-1] = value


class PlainNet:
    """Which layers run; how they are walked comes with the coding."""

    walk: Fun
    back: Fun

    def __init__(self, n_inputs: int, layers: Sequence[Any], loss: Any, output_layers: Sequence[Any] = ()) -> None:
        self.n_inputs, self.loss = n_inputs, loss
        self.layers, self.output_layers = list(layers), list(output_layers)

    def propagate(self, X: Array, output_layers: bool = True, last_layer: str | None = None) -> Array:
        layers = self.layers + self.output_layers if output_layers else self.layers
        names = [layer.name for layer in layers]
        return type(self).walk(layers if last_layer is None else layers[: names.index(last_layer) + 1], X)

    def evaluate(self, X: Array, T: Array) -> Array:
        return self.loss.forward(self.propagate(X, output_layers=False), T)

    def gradient(self, X: Array, T: Array) -> dict[str, Any]:
        return type(self).back(self.layers, self.loss, X, T)


def linear_class(
    forward: Fun, delta: Fun, grad: Fun, *, rebinds: bool = False, base: type[PlainLinear] = PlainLinear
) -> type:
    """A LinearLayer."""
    return type(
        "LinearLayer",
        (base,),
        {
            "rebinds": rebinds,
            "forward": lambda self, X: forward(X, self.W, self.b),
            "delta": lambda self, Y, delta_next: delta(self.W, delta_next),
            "grad": lambda self, X, delta_next: grad(X, delta_next),
        },
    )


def layer_class(name: str, forward: Fun, delta: Fun) -> type:
    """A layer without parameters."""
    return type(
        name,
        (Named,),
        {
            "forward": lambda self, X: forward(X),
            "delta": lambda self, Y, delta_next: delta(Y, delta_next),
        },
    )


def loss_class(name: str, forward: Fun, delta: Fun) -> type:
    """A loss."""
    return type(
        name,
        (Named,),
        {"forward": lambda self, X, T: forward(X, T), "delta": lambda self, X, T: delta(X, T)},
    )


def net_class(walk: Fun, back: Fun) -> type:
    """A network."""
    return type("MLP", (PlainNet,), {"walk": staticmethod(walk), "back": staticmethod(back)})
