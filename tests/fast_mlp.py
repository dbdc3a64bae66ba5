"""`bp.fast` in the clothes of the lab's MLP, so that the examiner can judge it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import bp
from bp.fast.heads import Call, Head, Targets, perform
from bp.fast.net import Parameters, Shape, shape_of
from bp.fast.passes import Pass
from bp.fast.rows import Matrices, RowPass
from bp.samples import Samples
from tests.strategies import Array


class FastMLP(bp.MLP):
    """Losses and gradients by the fast path wherever it applies, else as `bp.MLP`; ``used`` counts where it did.

    An even number of samples goes through the net as a full batch does, an odd number as the piece of a mini-batch.
    """

    used = 0

    def evaluate(self, X: Array, T: Array) -> Array:
        fast = self._fast(X, T)
        return super().evaluate(X, T) if fast is None else fast.losses()[:, np.newaxis]

    def gradient(self, X: Array, T: Array) -> dict[str, list[Array]]:
        fast = self._fast(X, T)
        if fast is None:
            return super().gradient(X, T)
        found = fast.gradients()
        return super().gradient(X, T) if found is None else dict(zip(self.parameters(), found, strict=True))

    def _fast(self, X: Any, T: Any) -> _Columns | _Rows | None:
        shape = shape_of(bp.MLP(self.n_inputs, self.layers, self.loss, self.output_layers))
        usual = type(X) is type(T) is np.ndarray and X.ndim == T.ndim == 2 and {X.dtype.kind, T.dtype.kind} == {"f"}
        if shape is None or not usual or np.result_type(X, T, shape.dtype) != shape.dtype:
            return None
        if X.shape[1] != shape.widths[0] or T.shape != (len(X), shape.widths[-1]):
            return None
        type(self).used += 1
        return (_Rows if len(X) % 2 else _Columns)(self, shape, Samples(X, T, shape.dtype))


class _Columns:
    """All samples at once, each a column, as in `bp.fast.whole`."""

    def __init__(self, net: bp.MLP, shape: Shape, data: Samples) -> None:
        self._shape, self._targets, self._inputs = shape, Targets.of(data.T), data.with_ones
        self._parameters = Parameters(shape, np.empty(shape.n_parameters, shape.dtype))
        self._parameters.read(net)
        self._Y = np.empty((shape.widths[-1], len(data)), shape.dtype)
        self._pass = Pass(shape, len(data), len(data))
        _perform(self._pass.head, self._pass.forward(self._parameters, self._inputs.T, self._Y))

    def losses(self) -> Array:
        return self._pass.head.losses(self._Y, self._targets)

    def gradients(self) -> Sequence[list[Array]] | None:
        """The gradients of the mean loss, layer by layer; None where those of the plain path are not finite."""
        gradient = Parameters(self._shape, np.empty_like(self._parameters.vector))
        rows, step = self._inputs, 1 / len(self._inputs)
        back = self._pass.backward(self._parameters, rows, self._Y, self._targets, step, gradient)
        _perform(self._pass.head, back)
        broken = self._pass.head.breaks(self._Y, self._targets)
        return None if broken else [[each[:, :-1].T, each[:, -1]] for each in gradient.rows]


class _Rows:
    """The samples as a piece of a mini-batch, as in `bp.fast.pieces`."""

    def __init__(self, net: bp.MLP, shape: Shape, data: Samples) -> None:
        self._targets, self._parameters, self._gradient = Targets.of(data.T), Matrices(shape), Matrices(shape)
        self._parameters.read(net)
        self._pass, self._step = RowPass(shape, len(data)), 1 / len(data)
        self._pass.inputs[...] = data.rows
        _perform(self._pass.head, self._pass.forward(self._parameters))

    def losses(self) -> Array:
        return self._pass.head.losses(self._pass.Y, self._targets)

    def gradients(self) -> Sequence[list[Array]] | None:
        """The same as of `_Columns`."""
        head = self._pass.head
        with head.state():
            self._pass.start(self._targets, self._step)
        _perform(head, self._pass.backward(self._parameters, self._gradient))
        broken = head.breaks(self._pass.Y, self._targets)
        return None if broken else [[each[:-1], each[-1]] for each in self._gradient.layers]


def _perform(head: Head, calls: list[Call]) -> None:
    with head.state():
        perform(calls)
