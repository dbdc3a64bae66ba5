"""The arguments of one call, and how those of a large call repeat the ones of a small call."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.numerics import rounding
from reference.numerics.memo import digest
from reference.numerics.rounding import Precision

Array = NDArray[Any]


@dataclass(frozen=True)
class Sizes:
    """The sizes of a case: N samples, D inputs, U units (or K classes)."""

    n: int
    d: int
    u: int


@dataclass(frozen=True)
class Case:
    """The arguments of one call.

    Attributes
    ----------
    arguments
        Of the method, by name.
    parameters
        W and b, where the layer has any.
    origin
        What the definition is evaluated at where that is not among the arguments: the inputs X of a ``delta`` that is
        given the outputs Y.
    repeats
        The small case of which a large one repeats parts: see `reference.lab.large`; None for any other case.
    """

    arguments: Mapping[str, Array]
    parameters: Mapping[str, Array] = field(default_factory=dict)
    origin: Array | None = None
    repeats: Repeats | None = None

    @property
    def n_samples(self) -> int:
        """N."""
        return len(next(iter(self.arguments.values())))

    @property
    def size(self) -> int:
        """How many numbers its arguments have."""
        return sum(map(np.size, self.arguments.values()))

    @cached_property
    def key(self) -> Hashable:
        """Tells its numbers from those of other cases."""
        if self.repeats is not None:
            return self.repeats.key
        arrays = [*self.arguments.values(), *self.parameters.values()]
        return digest(*arrays, *([] if self.origin is None else [self.origin]))

    def rows(self, index: Any) -> Case:
        """The case with some of the samples alone, in the order of ``index``."""
        chosen = {name: array[index] for name, array in self.arguments.items()}
        return Case(chosen, self.parameters, None if self.origin is None else self.origin[index])

    def among(self, others: Case, row: int) -> Case:
        """The batch ``others``, in which one row is that of this case."""
        arguments = {name: array.copy() for name, array in others.arguments.items()}
        for name, array in arguments.items():
            array[row] = self.arguments[name][row]
        origin = None
        if others.origin is not None and self.origin is not None:
            origin = others.origin.copy()
            origin[row] = self.origin[row]
        return Case(arguments, self.parameters, origin)

    def precision(self) -> Precision:
        """The precision that is granted for its arrays: single if one of them is, but for two exceptions.

        The lab's own setting has inputs X in single precision with weights in double, and targets T likewise. There
        every operation has a double as an operand: X W is computed in double, and T holds nothing but 0 and 1. Inputs
        that are divided by N first are rounded in single precision, so `grad` is asked with an N that is a power of 2.
        """
        exact = "X" if self.parameters else "T"
        rounded = [array for name, array in self.arguments.items() if name != exact]
        return rounding.precision_of(*rounded, *self.parameters.values())


@dataclass(frozen=True)
class Repeats:
    """Where the parts of a large case come from.

    Attributes
    ----------
    small
        The case with the different parts alone.
    places
        By axis: the index in the small case of each sample, input or unit of the large one.
    """

    small: Case
    places: Mapping[str, NDArray[np.intp]]

    @cached_property
    def key(self) -> Hashable:
        """Tells this case from every other one."""
        small = [*self.small.arguments.values(), *self.small.parameters.values()]
        return digest(*small), tuple(self.places), digest(*self.places.values())

    def spread(self, array: Array, axes: str) -> Array:
        """An array of the small case, which has these axes, as the large case has it."""
        for number, axis in enumerate(axes):
            if axis in self.places:
                array = array.take(self.places[axis], axis=number)
        return array
