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
            self.head: Head = ProbabilitiesHead(n_classes, n_forward, n, dtype)
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
            layer.switch()
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
            layer.switch_delta()
            delta = layer.delta
        np.dot(delta, inputs, out=gradient.rows[0])


class _Hidden:
    """A hidden layer of u units, and the ReLU behind it if there is one.

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
        all_come_back, dtype = n == zeros.shape[1], zeros.dtype
        self.with_ones: Array = np.ones((u + 1, zeros.shape[1]), dtype)
        self.outputs = self.with_ones[:-1]
        self.delta: Array = np.empty((u, n), dtype)
        # A copy of those that come back pays: with a part of an array's columns everything takes half as long again.
        back = self.with_ones if all_come_back else np.ones((u + 1, n), dtype)
        self.transposed, self._back = back.T, back[:-1]
        self._copied = None if all_come_back else (self._back, self.outputs[:, :n])
        self._relu, self._zeros = relu, zeros[:u]
        self._zeros_back = self._zeros if all_come_back else np.zeros((u, n), dtype)
        self._mask = np.empty((u, n), np.bool_)
        # A product with truth values has to convert them, which takes long to begin with.
        self._signs = np.empty_like(self.delta) if self.delta.size <= _FEW else None

    def switch(self) -> None:
        """ReLU, in place."""
        if self._relu:
            np.maximum(self.outputs, self._zeros, out=self.outputs)
        if self._copied is not None:
            np.copyto(*self._copied)

    def switch_delta(self) -> None:
        """ReLU's way back: delta where the outputs are positive, 0 elsewhere, in place."""
        if not self._relu:
            return
        if self._signs is not None:
            np.multiply(self.delta, np.sign(self._back, out=self._signs), out=self.delta)
        else:
            np.multiply(self.delta, np.greater(self._back, self._zeros_back, out=self._mask), out=self.delta)
