"""Arrays of real or complex numbers on which the lab's definitions run as they do on torch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Numbers:
    """An array of real or complex numbers with those methods of a torch tensor that the definitions use."""

    #: Tells numpy to leave operations of an array with a `Numbers` to the methods below.
    __array_ufunc__ = None

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.array.shape

    def __len__(self) -> int:
        return len(self.array)

    def __matmul__(self, other: Any) -> Numbers:
        return Numbers(self.array @ _array(other))

    def __add__(self, other: Any) -> Numbers:
        return Numbers(self.array + _array(other))

    def __sub__(self, other: Any) -> Numbers:
        return Numbers(self.array - _array(other))

    def __mul__(self, other: Any) -> Numbers:
        return Numbers(self.array * _array(other))

    def __truediv__(self, other: Any) -> Numbers:
        return Numbers(self.array / _array(other))

    def __rmatmul__(self, other: Any) -> Numbers:
        return Numbers(_array(other) @ self.array)

    def __rsub__(self, other: Any) -> Numbers:
        return Numbers(_array(other) - self.array)

    def __rtruediv__(self, other: Any) -> Numbers:
        return Numbers(_array(other) / self.array)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Numbers:
        return Numbers(-self.array)

    def exp(self) -> Numbers:
        """e^x."""
        return Numbers(np.exp(self.array))

    def log(self) -> Numbers:
        """Natural logarithm."""
        return Numbers(np.log(self.array))

    def tanh(self) -> Numbers:
        """Hyperbolic tangent."""
        return Numbers(np.tanh(self.array))

    def relu(self) -> Numbers:
        """x where its real part is above 0, else 0."""
        return Numbers(np.where(self.array.real > 0, self.array, 0.0))

    def sum(self, dim: int | None = None, *, keepdim: bool = False) -> Numbers:
        """The sum over one axis or over all entries."""
        return Numbers(np.asarray(self.array.sum(axis=dim, keepdims=keepdim)))

    def mean(self) -> Numbers:
        """The mean of all entries."""
        return Numbers(np.asarray(self.array.mean()))

    def amax(self, dim: int, *, keepdim: bool) -> Numbers:
        """The largest entry, by its real part, along one axis."""
        return Numbers(self.array.max(axis=dim, keepdims=keepdim))

    def detach(self) -> Numbers:
        """The same numbers as a constant: without the imaginary part that carries the derivative."""
        return Numbers(self.array.real)

    def new_tensor(self, array: ArrayLike) -> Numbers:
        """An array as a constant."""
        return Numbers(np.asarray(array))


def _array(value: Any) -> Any:
    return value.array if isinstance(value, Numbers) else value
