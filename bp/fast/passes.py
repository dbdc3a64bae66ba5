"""One pass forward and one back through the linear layers and ReLUs of a net, in memory that is there."""

from __future__ import annotations

import numpy as np

from bp.fast.heads import Head, LogitsHead, ProbabilitiesHead, Targets
from bp.fast.net import Parameters, Shape
from bp.messages import Array

#: Outputs of a ReLU for which taking signs is faster than comparing.
_FEW = 1000


class Pass:
    """The memory for ``n_forward`` samples on the way forward, of which the first ``n`` come back.

    Arrays are (units, samples), and what a layer takes ends in a row of ones: see `bp.fast`.
    """

    def __init__(self, shape: Shape, n_forward: int, n: int) -> None:
        n_classes, dtype = shape.widths[-1], shape.dtype
        if shape.naive:
            self.head: Head = ProbabilitiesHead(n_classes, n_forward, dtype)
        else:
            self.head = LogitsHead(n_classes, n, dtype)
        self._first_delta = np.empty((n_classes, n), dtype)
        # The same for all layers, so that they stay in the cache.
        zeros: Array = np.zeros((max(shape.widths), n_forward), dtype)
        self._hidden = [
            _Hidden(u, zeros, n, relu=relu) for u, relu in zip(shape.widths[1:-1], shape.relus[:-1], strict=True)
        ]
        self._back = list(enumerate(self._hidden, start=1))[::-1]

    def forward(self, parameters: Parameters, inputs: Array, Y: Array) -> None:
        """From the inputs (D + 1, n_forward) to what the loss takes, into Y (K, n_forward)."""
        for rows, layer in zip(parameters.rows, self._hidden, strict=False):
            np.dot(rows, inputs, out=layer.outputs)
            if layer.relu is not None:
                layer.relu.forward()
            inputs = layer.with_ones
        np.dot(parameters.rows[-1], inputs, out=Y)
        self.head.outputs(Y)

    def backward(
        self, parameters: Parameters, inputs: Array, Y: Array, targets: Targets, step: float, gradient: Parameters
    ) -> None:
        """``step`` times the gradient of the sum of the first n losses, into ``gradient``; right after `forward`.

        ``inputs`` are the rows (n, D + 1) of these samples, Y (K, n) what `forward` made of them.
        """
        delta = self._first_delta
        self.head.delta(Y, targets, step, delta)
        for place, layer in self._back:
            np.dot(delta, layer.transposed, out=gradient.rows[place])
            np.dot(parameters.weights[place], delta, out=layer.delta)
            delta = layer.delta
            if layer.relu is not None:
                layer.relu.backward(delta)
        np.dot(delta, inputs, out=gradient.rows[0])


class _Hidden:
    """The memory of a hidden layer of u units.

    Attributes
    ----------
    with_ones
        What the next layer takes, (u + 1, n_forward).
    outputs
        The same without the ones.
    transposed
        The rows of those samples that come back, (n, u + 1).
    delta
        The loss's gradient with respect to the outputs, then to what came before the ReLU, (u, n).
    """

    def __init__(self, u: int, zeros: Array, n: int, *, relu: bool) -> None:
        self.with_ones: Array = np.ones((u + 1, zeros.shape[1]), zeros.dtype)
        self.outputs = self.with_ones[:-1]
        self.transposed = self.with_ones[:, :n].T
        self.delta: Array = np.empty((u, n), zeros.dtype)
        self.relu = _ReLU(self.outputs, zeros[:u], n) if relu else None


class _ReLU:
    """ReLU in place, and its way back."""

    def __init__(self, outputs: Array, zeros: Array, n: int) -> None:
        self._outputs, self._zeros = outputs, zeros
        self._back, self._zeros_back = outputs[:, :n], zeros[:, :n]
        self._mask = np.empty(self._back.shape, np.bool_)
        # A product with truth values has to convert them, which takes long to begin with.
        self._signs = np.empty_like(self._back) if self._back.size <= _FEW else None

    def forward(self) -> None:
        """Of the outputs, as they stand in their memory."""
        np.maximum(self._outputs, self._zeros, out=self._outputs)

    def backward(self, delta: Array) -> None:
        """``delta`` where the outputs are positive, 0 elsewhere, in place."""
        if self._signs is not None:
            np.multiply(delta, np.sign(self._back, out=self._signs), out=delta)
        else:
            np.multiply(delta, np.greater(self._back, self._zeros_back, out=self._mask), out=delta)
