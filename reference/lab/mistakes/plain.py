"""The lab's classes as a textbook has them, and right: what the catalogue's wrong ones are made from.

They are no oracle: the truth comes from the definitions. They reproduce mistakes, and the layers among them stand
beside the network of a submission where it is judged by itself (`reference.lab.own_layers`).
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Named:
    """What has a name and no parameters."""

    def __init__(self, name: Any) -> None:
        self.name = name

    def has_params(self) -> bool:
        """False: there is nothing to learn."""
        return False


class LinearLayer:
    """Y = X W + b."""

    def __init__(self, n_inputs: Any, n_units: Any, rng: Any, name: Any) -> None:
        self.n_inputs, self.n_units, self.rng, self.name = n_inputs, n_units, rng, name
        self.initialize()

    def has_params(self) -> bool:
        """True."""
        return True

    def forward(self, X: Any) -> Any:
        """(N, D) -> (N, U)."""
        return X @ self.W + self.b

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """(N, U) -> (N, D)."""
        return delta_next @ self.W.T

    def grad(self, X: Any, delta_next: Any) -> Any:
        """[dW, db]."""
        return [X.T @ delta_next / len(X), delta_next.mean(axis=0)]

    def initialize(self) -> None:
        """Random weights, biases of one."""
        self.W = self.rng.normal(0, np.sqrt(2 / self.n_inputs), (self.n_inputs, self.n_units))
        self.b = np.ones(self.n_units)

    def update_params(self, dtheta: Any) -> None:
        """Add."""
        self.W += dtheta[0]
        self.b += dtheta[1]


class ReLULayer(Named):
    """max(x, 0)."""

    def forward(self, X: Any) -> Any:
        """(N, D) -> (N, D)."""
        return np.maximum(X, 0)

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """(N, D) -> (N, D)."""
        return delta_next * (Y > 0)


class SoftmaxLayer(Named):
    """exp(x_k - max x) / sum_c exp(x_c - max x)."""

    def forward(self, X: Any) -> Any:
        """(N, K) -> (N, K)."""
        return softmax(X)

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """(N, K) -> (N, K)."""
        return Y * (delta_next - (delta_next * Y).sum(axis=1, keepdims=True))


class LossCrossEntropy(Named):
    """-sum_k t_k log p_k."""

    def forward(self, X: Any, T: Any) -> Any:
        """(N, K) -> (N, 1)."""
        return -np.where(T != 0, T * np.log(np.where(T != 0, X, 1)), 0).sum(axis=1, keepdims=True)

    def delta(self, X: Any, T: Any) -> Any:
        """(N, K) -> (N, K)."""
        return -np.where(T != 0, T / np.where(T != 0, X, 1), 0)


class LossCrossEntropyForSoftmaxLogits(Named):
    """log sum_c exp(x_c) - x_t."""

    def forward(self, X: Any, T: Any) -> Any:
        """(N, K) -> (N, 1)."""
        Z = X - X.max(axis=1, keepdims=True)
        surprise = np.log(np.exp(Z).sum(axis=1, keepdims=True)) - Z
        return np.where(T != 0, T * surprise, 0).sum(axis=1, keepdims=True)

    def delta(self, X: Any, T: Any) -> Any:
        """(N, K) -> (N, K)."""
        return softmax(X) - T


class MLP:
    """Layers in a row and a loss."""

    def __init__(self, n_inputs: Any, layers: Any, loss: Any, output_layers: Any = ()) -> None:
        self.n_inputs, self.layers, self.loss, self.output_layers = n_inputs, layers, loss, output_layers

    def propagate(self, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
        """(N, D) -> (N, K)."""
        return through([*self.layers, *self.output_layers] if output_layers else self.layers, X, last_layer)

    def evaluate(self, X: Any, T: Any) -> Any:
        """(N, 1)."""
        return self.loss.forward(self.propagate(X, output_layers=False), T)

    def gradient(self, X: Any, T: Any) -> Any:
        """Layer's name -> [dW, db]."""
        activations = self.activations(X)
        return backwards(self.layers, activations, self.loss.delta(activations[-1], T))

    def activations(self, X: Any) -> list[Any]:
        """The input and every layer's outputs."""
        return forwards(self.layers, X)


def through(layers: Any, X: Any, last_layer: Any) -> Any:
    """The outputs of the layer of that name; of the last one, where none has it."""
    for layer in layers:
        X = layer.forward(X)
        if layer.name == last_layer:
            break
    return X


def forwards(layers: Any, X: Any) -> list[Any]:
    """The input and every layer's outputs."""
    found = [X]
    for layer in layers:
        found.append(layer.forward(found[-1]))
    return found


def backwards(layers: Any, activations: Any, delta: Any) -> dict[str, Any]:
    """Layer's name -> [dW, db], from the delta of the last layer's outputs."""
    gradients = {}
    for layer, inputs, outputs in zip(layers[::-1], activations[-2::-1], activations[:0:-1], strict=True):
        if layer.has_params():
            gradients[layer.name] = layer.grad(inputs, delta)
        delta = layer.delta(outputs, delta)
    return gradients


def softmax(X: Any) -> Any:
    """(N, K) -> (N, K)."""
    E = np.exp(X - X.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


#: By the contract's names.
CLASSES: dict[str, type] = {
    each.__name__: each
    for each in (LinearLayer, ReLULayer, SoftmaxLayer, LossCrossEntropy, LossCrossEntropyForSoftmaxLogits, MLP)
}
