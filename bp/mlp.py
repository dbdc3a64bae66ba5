"""The multilayer perceptron: layers in a row, a loss at their end, and backpropagation through all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bp.layers import Layer, LinearLayer
from bp.losses import Loss
from bp.messages import Array


class MLP:
    """A feed-forward network.

    Parameters
    ----------
    n_inputs
        Width of the input, D.
    layers
        From the input to what the loss takes.
    loss
        Of the last layer's outputs.
    output_layers
        Layers after ``layers`` for predictions only: with a loss that takes logits, the softmax that turns them into
        probabilities. Training never sees them.

    Raises
    ------
    ValueError
        Two layers have one name, or a linear layer does not take what the one before it gives.

    Examples
    --------
    >>> import numpy as np
    >>> from bp import LinearLayer, LossCrossEntropyForSoftmaxLogits, ReLULayer, load_XOR
    >>> rng = np.random.RandomState(1234)
    >>> layers = [LinearLayer(2, 3, rng, "Linear_1"), ReLULayer("ReLU_1"), LinearLayer(3, 2, rng, "Linear_OUT")]
    >>> net = MLP(2, layers, LossCrossEntropyForSoftmaxLogits("CE"))
    >>> X, T = load_XOR()
    >>> print(net.propagate(X).shape, net.evaluate(X, T).shape)
    (4, 2) (4, 1)
    >>> print({name: [part.shape for part in parts] for name, parts in net.gradient(X, T).items()})
    {'Linear_1': [(2, 3), (3,)], 'Linear_OUT': [(3, 2), (2,)]}
    """

    def __init__(self, n_inputs: int, layers: Sequence[Layer], loss: Loss, output_layers: Sequence[Layer] = ()) -> None:
        self.n_inputs = n_inputs
        self.layers = list(layers)
        self.loss = loss
        self.output_layers = list(output_layers)
        _check_names([*self.layers, *self.output_layers])
        _check_widths(n_inputs, self.layers)

    def propagate(self, X: Array, output_layers: bool = True, last_layer: str | None = None) -> Array:
        """The outputs (N, K) of the network for inputs (N, D).

        Parameters
        ----------
        X
            Inputs, (N, D).
        output_layers
            False: stop before the output layers, where the loss takes over.
        last_layer
            Stop after the layer of this name instead.

        Raises
        ------
        ValueError
            X does not fit, or no layer that would run has the name ``last_layer``.
        """
        for layer in self._layers_to_run(output_layers, last_layer):
            X = layer.forward(X)
        return X

    def evaluate(self, X: Array, T: Array) -> Array:
        """The loss of each sample, (N, 1), for inputs (N, D) and targets (N, K)."""
        return self.loss.forward(self.propagate(X, output_layers=False), T)

    def gradient(self, X: Array, T: Array) -> dict[str, list[Array]]:
        """The mean loss's gradient by backpropagation: layer's name -> what its ``grad`` returned.

        One pass forward keeps each layer's inputs, which are the outputs of the layer before it. One pass back carries
        delta, the loss's gradient with respect to a layer's outputs, down to the first layer that has parameters;
        below it nobody needs delta.
        """
        activations = [X]
        for layer in self.layers:
            activations.append(layer.forward(activations[-1]))
        delta = self.loss.delta(activations[-1], T)
        with_params = [layer for layer in self.layers if layer.has_params()]
        gradients: dict[str, list[Array]] = {}
        for layer, inputs, outputs in zip(self.layers[::-1], activations[-2::-1], activations[:0:-1], strict=True):
            if layer.has_params():
                gradients[layer.name] = layer.grad(inputs, delta)  # type: ignore[attr-defined]
            if len(gradients) == len(with_params):
                break
            delta = layer.delta(outputs, delta)
        return dict(reversed(gradients.items()))

    def parameters(self) -> dict[str, tuple[Array, Array]]:
        """The parameters themselves, not copies: linear layer's name -> (W, b)."""
        # Not by class: a linear layer of the reader's own may stand among ours.
        linear: list[Any] = [layer for layer in self.layers if hasattr(layer, "W") and hasattr(layer, "b")]
        return {layer.name: (layer.W, layer.b) for layer in linear}

    def _layers_to_run(self, output_layers: bool, last_layer: str | None) -> Iterator[Layer]:
        layers = [*self.layers, *self.output_layers] if output_layers else self.layers
        names = [layer.name for layer in layers]
        if last_layer is not None and last_layer not in names:
            raise ValueError(f"MLP.propagate: expected last_layer to be one of {names}, got {last_layer!r}")
        return iter(layers if last_layer is None else layers[: names.index(last_layer) + 1])


def _check_names(layers: Sequence[Layer]) -> None:
    names = [layer.name for layer in layers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"MLP: expected layers of different names, since gradients go by name, got twice: {twice}")


def _check_widths(n_inputs: int, layers: Sequence[Layer]) -> None:
    """Each linear layer takes what the one before it gives; between them the width does not change."""
    source, width = "n_inputs", n_inputs
    for layer in layers:
        if isinstance(layer, LinearLayer):
            if layer.n_inputs != width:
                raise ValueError(
                    f"MLP: expected {layer.name} to take the {width} values of {source}, it takes {layer.n_inputs}"
                )
            source, width = layer.name, layer.n_units
