"""One pass forward and one back through the linear layers and ReLUs of a net, in memory allocated once.

Both are lists of calls: see `bp.fast.heads`. Each says where its result goes, by position where numpy allows that, and
products are methods of their first factor: a call of a small array takes half the time then.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bp.fast.heads import Call, Step, Targets, copying, head_of
from bp.fast.memory import empty, full
from bp.fast.net import Parameters, Shape
from bp.messages import Array

#: Up to so many entries multiplying delta by signs is faster than by the numbers made of a comparison.
_FEW = 1000
_SMALL = 10_000


class Pass:
    """The forward pass of ``n_forward`` samples and the backward pass of the first ``n`` of them, with their memory.

    Arrays are (units, samples), and the input of each layer ends in a row of ones: see `bp.fast`.
    """

    def __init__(self, shape: Shape, n_forward: int, n: int) -> None:
        n_classes, dtype = shape.widths[-1], shape.dtype
        self.head = head_of(shape.ending, n_classes, n_forward, n, dtype)
        self._first_delta, self._outputs = (empty((n_classes, n), dtype) for _ in range(2))
        hidden = shape.widths[1:-1]
        shared = _Shared(max(hidden, default=0), n_forward, n, dtype)
        self._hidden = [_Hidden(u, shared, relu=relu) for u, relu in zip(hidden, shape.relus[:-1], strict=True)]
        self._back = list(enumerate(self._hidden, start=1))[::-1]

    def forward(self, parameters: Parameters, inputs: Array, Y: Array) -> list[Call]:
        """The calls that write what the loss takes for the inputs (D + 1, n_forward) into Y (K, n_forward)."""
        calls = []
        for rows, layer in zip(parameters.rows, self._hidden, strict=False):
            calls += [partial(rows.dot, inputs, layer.outputs), *layer.switch]
            inputs = layer.with_ones
        return [*calls, partial(parameters.rows[-1].dot, inputs, Y), *self.head.outputs(Y)]

    def backward(
        self, parameters: Parameters, inputs: Array, Y: Array, targets: Targets, step: Step, gradient: Parameters
    ) -> list[Call]:
        """The calls that write ``step`` times the gradient of the sum of the first n losses into ``gradient``.

        They come right after those of `forward`. ``inputs`` are the rows (n, D + 1) of these samples, Y (K, n) the
        outputs of `forward` for them. ``step`` may be an array of a factor for each loss.
        """
        delta = self._first_delta
        calls = []
        if not Y.flags.c_contiguous:  # all operations take longer on some columns of a larger array
            calls.append(copying(self._outputs, Y))
            Y = self._outputs
        calls += self.head.delta(Y, targets, step, delta)
        for place, layer in self._back:
            calls += [
                partial(delta.dot, layer.transposed, gradient.rows[place]),
                # For a few entries, numpy multiplies by whole rows of parameters faster than by the weights in them.
                partial(parameters.rows[place].T.dot, delta, layer.delta_with_ones)
                if layer.delta.size <= _SMALL
                else partial(parameters.weights[place].dot, delta, layer.delta),
                *layer.switch_delta,
            ]
            delta = layer.delta
        return [*calls, partial(delta.dot, inputs, gradient.rows[0])]


class _Shared:
    """Memory that all hidden layers, of at most u units, use in turn, so that it stays in the cache.

    Attributes
    ----------
    zeros
        What ReLU compares with in the forward pass, (u, n_forward).
    zero
        The same in the backward pass, where numpy is faster with an array of no axes; in a maximum it is slower.
    mask, numbers
        Where a ReLU's outputs are positive, as truth values and as numbers, (u, n).
    """

    def __init__(self, u: int, n_forward: int, n: int, dtype: np.dtype[Any]) -> None:
        self.zeros = full((u, n_forward), 0, dtype)
        self.zero = np.zeros((), dtype)
        self.mask = np.empty((u, n), np.bool_)
        self.numbers = empty((u, n), dtype)


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
    delta_with_ones
        The loss's gradient with respect to the next layer's input, (u + 1, n).
    delta
        The same without the last row, which belongs to the ones; then the gradient with respect to the ReLU's inputs.
    switch
        The calls that apply the ReLU in place, and copy the samples of the backward pass.
    switch_delta
        The calls that set delta to 0, in place, where the outputs of the ReLU are not positive.
    """

    def __init__(self, u: int, shared: _Shared, *, relu: bool) -> None:
        (_, n_forward), (_, n), dtype = shared.zeros.shape, shared.numbers.shape, shared.zeros.dtype
        all_in_backward = n == n_forward
        self.with_ones: Array = _with_ones(u, n_forward, dtype)
        self.outputs = self.with_ones[:-1]
        self.delta_with_ones = empty((u + 1, n), dtype)
        self.delta = self.delta_with_ones[:-1]
        # They are copied, because all operations take 1.5 times as long on some columns of a larger array.
        back = self.with_ones if all_in_backward else _with_ones(u, n, dtype)
        self.transposed = back.T
        self.switch: list[Call] = []
        self.switch_delta: list[Call] = []
        if relu:
            self.switch.append(partial(rectify, self.outputs, shared.zeros[:u], (self.outputs,)))
            self.switch_delta = self._masking(back[:-1], shared)
        if not all_in_backward:
            self.switch.append(copying(back[:-1], self.outputs[:, :n]))

    def _masking(self, outputs: Array, shared: _Shared) -> list[Call]:
        numbers = shared.numbers[: len(outputs)]
        multiply = partial(np.multiply, self.delta, numbers, self.delta)
        if self.delta.size <= _FEW:
            return [partial(np.sign, outputs, numbers), multiply]
        # A product with the truth values themselves takes twice as long, since numpy converts them piece by piece; and
        # it converts integers to double precision faster than truth values.
        mask = shared.mask[: len(outputs)]
        return [partial(np.greater, outputs, shared.zero, mask), copying(numbers, mask.view(np.int8)), multiply]


#: A name of this module, which is found faster than one of numpy's.
_maximum = np.maximum


def rectify(inputs: Array, zeros: Array, out: tuple[Array]) -> None:
    """The larger of the two. numpy wants ``out`` by keyword here, which costs a `partial` more than a function."""
    _maximum(inputs, zeros, out=out)


def _with_ones(u: int, n: int, dtype: np.dtype[Any]) -> Array:
    """Memory for the outputs of u units for n samples, and below it a row of ones, (u + 1, n)."""
    outputs = empty((u + 1, n), dtype)
    outputs[-1] = 1
    return outputs
