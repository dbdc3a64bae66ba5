"""One pass forward and one back of a piece of a mini-batch, whose samples are rows.

A product of large matrices is made by BLAS from copies of parts of both, which costs a sixth of the time where a matrix
is 64 wide. OpenBLAS leaves that out in a product of few multiplications, on processors with AVX-512. So a product is
made in parts that are that small, and a piece has so few samples that the hidden layers' products are one part.

Both passes are lists of calls: see `bp.fast.heads`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bp.fast.heads import Call, Step, Targets, copying, head_of, perform
from bp.fast.memory import empty
from bp.fast.net import Shape
from bp.fast.passes import rectify
from bp.messages import Array
from bp.mlp import MLP

#: The most multiplications of a product that OpenBLAS makes from the matrices themselves.
_DIRECT = 10**6
#: The rows of a part are a multiple of this: a vector of the processor has so many numbers.
_VECTOR = 8
#: The samples of all pieces but the last are a multiple of this, and so are the rows of the stacks of large inputs.
MULTIPLE = 16
#: Samples in a piece, at most; and at least, where fewer would fit: each piece costs some calls and a sum of gradients.
_MOST, _LEAST = 720, 96
#: The most bytes that the inputs of a piece should take, so that they stay in a cache of the processor's core.
_BYTES = 2**20


def rows_at_once(shape: Shape) -> int:
    """The most samples of a piece: so many that products of hidden layers are one part, and that inputs stay in cache.

    As many as are allowed, if hidden layers are so wide that this would be too few.
    """
    rows = _rows_of_a_part(max([(d + 1) * u for d, u in shape.layers[1:]], default=1))
    in_cache = _BYTES // ((shape.widths[0] + 1) * shape.dtype.itemsize) // MULTIPLE * MULTIPLE
    return min(rows, max(in_cache, _LEAST), _MOST) if rows >= _LEAST else _MOST


def _rows_of_a_part(multiplications: int) -> int:
    """The rows of a part, if each row takes so many multiplications."""
    return _DIRECT // multiplications // _VECTOR * _VECTOR


class Matrices:
    """All parameters of a net in one vector, with views of it layer by layer.

    Attributes
    ----------
    vector
        All parameters.
    layers
        W of each linear layer with b as its last row, (D + 1, U).
    weights
        W of each linear layer, (D, U).
    transposed
        W^T of each linear layer but the first, (U, D). `turn` brings them up to date.
    """

    def __init__(self, shape: Shape) -> None:
        self.vector = np.empty(shape.n_parameters, shape.dtype)
        self.layers = [part.reshape(part.shape[::-1]) for part in shape.split(self.vector)]
        self.weights = [layer[:-1] for layer in self.layers]
        # A product of few multiplications takes longer with a matrix that is transposed by its strides.
        self.transposed = [
            empty(W.T.shape, shape.dtype) if _rows_of_a_part(W.size) >= _LEAST else W.T for W in self.weights[1:]
        ]

    def read(self, net: MLP) -> None:
        """Copy the parameters of ``net`` into the vector."""
        for layer, (W, b) in zip(self.layers, net.parameters().values(), strict=True):
            layer[:-1], layer[-1] = W, b
        self.turn()

    def turn(self) -> None:
        """Copy the weights, as the vector holds them, into ``transposed``."""
        for W, transposed in zip(self.weights[1:], self.transposed, strict=True):
            transposed[...] = W.T

    def write(self, net: MLP) -> None:
        """Copy the vector into the arrays of ``net``."""
        for layer, (W, b) in zip(self.layers, net.parameters().values(), strict=True):
            W[...], b[...] = layer[:-1], layer[-1]


class RowPass:
    """The passes of n samples forward and back, with their memory.

    The input of each layer ends in a column of ones: see `bp.fast`. A layer's delta is written over its outputs, when
    these are not needed any more.

    Attributes
    ----------
    inputs
        The net's inputs, (n, D), to be filled before `forward`.
    Y
        What the loss takes, (K, n), after `forward`.
    """

    def __init__(self, shape: Shape, n: int) -> None:
        (d, *hidden, n_classes), dtype = shape.widths, shape.dtype
        self.head = head_of(shape.ending, n_classes, n, n, dtype)
        self._inputs = _with_ones(n, d, dtype)
        self.inputs = self._inputs[:, :-1]
        self._relus = shape.relus
        self._outputs = [_with_ones(n, u, dtype) for u in hidden]
        self._logits = empty((n, n_classes), dtype)
        self.Y, self._delta = (empty((n_classes, n), dtype) for _ in range(2))
        # All hidden layers use these in turn, so that they stay in the cache.
        most = n * (max(hidden, default=0) + 1)
        self._zeros, self._numbers, self._mask = np.zeros(most, dtype), empty((most,), dtype), np.empty(most, np.bool_)
        self._zero = np.zeros((), dtype)

    def forward(self, parameters: Matrices) -> list[Call]:
        """The calls that write what the loss takes into ``Y``."""
        calls, inputs = [], self._inputs
        for layer, outputs, relu in zip(parameters.layers, self._outputs, self._relus, strict=False):
            calls += _product(inputs, layer, outputs[:, :-1])
            if relu:
                calls.append(partial(rectify, outputs, _shaped(self._zeros, outputs), (outputs,)))
            inputs = outputs
        calls += [*_product(inputs, parameters.layers[-1], self._logits), copying(self.Y, self._logits.T)]
        return calls + self.head.outputs(self.Y)

    def backward(self, parameters: Matrices, gradient: Matrices) -> list[Call]:
        """The calls that turn what `start` has left into the gradient."""
        calls, delta = [], self._delta.T
        for place in range(len(self._outputs), 0, -1):
            outputs = self._outputs[place - 1]
            numbers, relu = _shaped(self._numbers, outputs), self._relus[place - 1]
            calls += _product(outputs.T, delta, gradient.layers[place])
            if relu:
                mask = _shaped(self._mask, outputs)
                calls += [partial(np.greater, outputs, self._zero, mask), copying(numbers, mask.view(np.int8))]
            calls += _product(delta, parameters.transposed[place - 1], outputs[:, :-1])
            if relu:
                calls.append(partial(np.multiply, outputs, numbers, outputs))
            delta = outputs[:, :-1]
        return calls + _product(self._inputs.T, delta, gradient.layers[0])

    def start(self, targets: Targets, step: Step) -> None:
        """Compute ``step`` times the gradient of the losses with respect to the logits."""
        perform(self.head.delta(self.Y, targets, step, self._delta))


def parts(A: Array, B: Array, out: Array) -> list[tuple[Array, Array, Array]]:
    """The product A B as one or more, with their factors and results: of all rows, or of stacks of some of them."""
    (n, inner), n_columns = A.shape, B.shape[1]
    rows = _rows_of_a_part(inner * n_columns)
    if not 0 < rows < n:
        return [(A, B, out)]
    end = n // rows * rows
    stacks = A[:end].reshape(-1, rows, inner), B, out[:end].reshape(-1, rows, n_columns)
    return [stacks, *(parts(A[end:], B, out[end:]) if end < n else [])]


def _product(A: Array, B: Array, out: Array) -> list[Call]:
    """The calls that write A B into ``out``, in parts."""
    # A method of an array is called in half the time, but wants a matrix without gaps for the result.
    return [
        partial(left.dot, B, to) if to.ndim == B.ndim and to.flags.c_contiguous else partial(np.matmul, left, B, to)
        for left, B, to in parts(A, B, out)
    ]


def _shaped(memory: Any, like: Array) -> Any:
    """The first numbers of ``memory`` in the shape of another array."""
    return memory[: like.size].reshape(like.shape)


def _with_ones(n: int, u: int, dtype: np.dtype[Any]) -> Array:
    """Memory for n rows of u numbers, with a column of ones behind them, (n, u + 1)."""
    outputs = empty((n, u + 1), dtype)
    outputs[:, -1] = 1
    return outputs
