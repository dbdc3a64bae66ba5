"""One pass forward and one back through the linear layers and ReLUs of a net, in memory allocated once."""

from __future__ import annotations

import numpy as np

from bp.fast.heads import Head, LogitsHead, ProbabilitiesHead, Targets
from bp.fast.net import Parameters, Shape
from bp.messages import Array

#: Up to so many entries multiplying delta by signs is faster than by the result of a comparison.
_FEW = 1000


class Pass:
    """The forward pass of ``n_forward`` samples and the backward pass of the first ``n`` of them, with their memory.

    Arrays are (units, samples), and the input of each layer ends in a row of ones: see `bp.fast`.
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
        """Write what the loss takes for the inputs (D + 1, n_forward) into Y (K, n_forward)."""
        for rows, layer in zip(parameters.rows, self._hidden, strict=False):
            np.dot(rows, inputs, out=layer.outputs)
            layer.switch()
            inputs = layer.with_ones
        np.dot(parameters.rows[-1], inputs, out=Y)
        self.head.outputs(Y)

    def backward(
        self, parameters: Parameters, inputs: Array, Y: Array, targets: Targets, step: float, gradient: Parameters
    ) -> None:
        """Write ``step`` times the gradient of the sum of the first n losses into ``gradient``, right after `forward`.

        ``inputs`` are the rows (n, D + 1) of these samples, Y (K, n) the outputs of `forward` for them.
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
        The input of the next layer, (u + 1, n_forward).
    outputs
        The same without the row of ones.
    transposed
        The same, transposed, for the samples of the backward pass, (n, u + 1).
    delta
        The loss's gradient with respect to the outputs, then with respect to the ReLU's inputs, (u, n).
    """

    def __init__(self, u: int, zeros: Array, n: int, *, relu: bool) -> None:
        all_in_backward, dtype = n == zeros.shape[1], zeros.dtype
        self.with_ones: Array = np.ones((u + 1, zeros.shape[1]), dtype)
        self.outputs = self.with_ones[:-1]
        self.delta: Array = np.empty((u, n), dtype)
        # They are copied, because all operations take 1.5 times as long on some columns of a larger array.
        back = self.with_ones if all_in_backward else np.ones((u + 1, n), dtype)
        self.transposed, self._back = back.T, back[:-1]
        self._copied = None if all_in_backward else (self._back, self.outputs[:, :n])
        self._relu, self._zeros = relu, zeros[:u]
        self._zeros_back = self._zeros if all_in_backward else np.zeros((u, n), dtype)
        self._mask = np.empty((u, n), np.bool_)
        # For a product with truth values numpy converts them first, which takes long for small arrays.
        self._signs = np.empty_like(self.delta) if self.delta.size <= _FEW else None

    def switch(self) -> None:
        """Apply the ReLU in place, and copy the samples of the backward pass."""
        if self._relu:
            np.maximum(self.outputs, self._zeros, out=self.outputs)
        if self._copied is not None:
            np.copyto(*self._copied)

    def switch_delta(self) -> None:
        """Set delta to 0, in place, where the outputs of the ReLU are not positive."""
        if not self._relu:
            return
        if self._signs is not None:
            np.multiply(self.delta, np.sign(self._back, out=self._signs), out=self.delta)
        else:
            np.multiply(self.delta, np.greater(self._back, self._zeros_back, out=self._mask), out=self.delta)
