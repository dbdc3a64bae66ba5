"""The checks of the arguments of a layer's messages (forward, delta, grad), in one place.

The names of the contract tell which side of a layer an array belongs to: ``X`` are its inputs, ``Y`` and
``delta_next`` live where its outputs do, ``T`` are targets. So one decorator checks every message, and the methods
hold nothing but the mathematics.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]
Result = TypeVar("Result")

#: How far, per class, a sum of K probabilities may be from 1: targets are often computed in single precision.
_TARGET_SLACK = 4 * float(np.finfo(np.float32).eps)


class Sized(Protocol):
    """A layer or a loss: it has a name and, where they are fixed, widths."""

    name: str
    n_inputs: int | None
    n_units: int | None


def checked(message: Callable[..., Result]) -> Callable[..., Result]:
    """Check and convert the arguments of ``message`` before it runs.

    Every argument becomes a real two-dimensional array with at least one row; all have the same number of rows; the
    widths are those of the layer or, where the layer takes any width, equal one another; the rows of ``T`` are
    probability distributions. Anything else is a `ValueError`. ``checked(message).unchecked`` is ``message``
    itself, for loops that have checked their arrays once.
    """
    signature = inspect.signature(message)
    parameters = tuple(signature.parameters)[1:]
    places = [f".{message.__name__}: {name}" for name in parameters]

    @functools.wraps(message)
    def with_checks(self: Any, *args: Any, **kwargs: Any) -> Result:
        if kwargs or len(args) != len(parameters):
            args = signature.bind(self, *args, **kwargs).args[1:]
        arrays = [as_matrix(value, self.name + place) for value, place in zip(args, places, strict=True)]
        for name, array, place in zip(parameters, arrays, places, strict=True):
            _check_shape(self, name, array, arrays[0], place)
            if name == "T":
                check_targets(array, self.name + place)
        return message(self, *arrays)

    with_checks.unchecked = message  # type: ignore[attr-defined]
    return with_checks


def unchecked(method: Callable[..., Result]) -> Callable[..., Result]:
    """The bound method ``method`` without its checks, if it has any."""
    plain = getattr(method, "unchecked", None)
    return method if plain is None else functools.partial(plain, method.__self__)  # type: ignore[attr-defined]


def as_matrix(value: ArrayLike, what: str) -> Array:
    """``value`` as a real (N, columns) array, N >= 1; integers and truth values are converted to float64.

    Raises
    ------
    ValueError
        It is not two-dimensional, has no rows or columns, or holds something other than real numbers.
    """
    if type(value) is not np.ndarray:
        if hasattr(value, "mask"):
            raise ValueError(f"{what}: expected every number to be there, got an array with a mask; fill it or cut it")
        try:
            value = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{what}: expected rows of equal length, got a ragged sequence ({error})") from error
    if value.dtype.kind in "biu":
        value = value.astype(np.float64)
    if value.dtype.kind != "f":
        raise ValueError(f"{what}: expected real numbers, got an array of dtype {value.dtype}")
    if value.ndim != 2:  # noqa: PLR2004 - a matrix has two axes
        raise ValueError(f"{what}: expected a two-dimensional array, one row per sample, got shape {value.shape}")
    if value.size == 0:
        raise ValueError(f"{what}: expected at least one sample and one column, got shape {value.shape}")
    return value


def check_targets(T: Array, what: str) -> None:
    """Raise a `ValueError` unless every row of ``T`` is a probability distribution (one-hot is the usual case)."""
    sums = T.sum(axis=1)
    # Written so that NaN fails.
    good = (np.abs(sums - 1) <= _TARGET_SLACK * T.shape[1]) & (T.min(axis=1) >= 0)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"{what}: expected rows that are probability distributions (one-hot, say), "
            f"got row {row} = {np.array2string(T[row], threshold=12, precision=4)} with sum {sums[row]:.6g}"
        )


def _check_shape(receiver: Sized, name: str, array: Array, first: Array, place: str) -> None:
    """``array`` is as wide as its side of the layer and has as many rows as the first argument."""
    width = receiver.n_inputs if name == "X" else receiver.n_units
    shape = (len(first), first.shape[1] if width is None else width)
    if array.shape != shape:
        rows = "N" if array is first else shape[0]
        raise ValueError(f"{receiver.name}{place}: expected shape ({rows}, {shape[1]}), got {array.shape}")
