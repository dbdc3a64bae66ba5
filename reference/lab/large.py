"""Large cases whose truth is cheap: they repeat a few samples, inputs and units, and only those are computed exactly.

Along an axis over which a message sums, nothing is repeated: X W sums over all the D inputs that the case has. So the
oracle computes as many sums as there are different results, each with all its terms, and whatever the case repeats is
repeated in the truth. The order is random, so that code that loses or exchanges samples or units gives other numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.lab.cases import Case, Repeats, Sizes
from reference.lab.contract import Expected, Message, Oracle
from reference.numerics.estimate import Estimate
from reference.numerics.sampling import normal_numbers

Array = NDArray[Any]

#: Samples, inputs or units that differ from one another.
_DIFFERENT = 3
#: By array of a linear layer: its axes, of n samples, d inputs and u units.
_LINEAR = {"X": "nd", "Y": "nu", "delta_next": "nu", "delta": "nd", "W": "du", "b": "u", "dW": "du", "db": "u"}
#: By method of a linear layer: the axes over which it does not sum.
_FREE = {"forward": "nu", "delta": "nd", "grad": "du"}


def drawn(message: Message, sizes: Sizes, rng: np.random.RandomState) -> Repeats:
    """The parts of a case of these sizes, which `spread` puts together."""
    lengths = {"n": sizes.n, "d": sizes.d, "u": sizes.u}
    free = _FREE[message.method] if message.parameters else "n"
    places = {axis: rng.randint(0, _different(lengths[axis]), lengths[axis]) for axis in free}
    few = {axis: _different(length) if axis in free else length for axis, length in lengths.items()}
    small = message.draw(Sizes(**few), normal_numbers(rng))
    return Repeats(small, places)


def spread(message: Message, repeats: Repeats) -> Case:
    """The large case that repeats these parts."""

    def each(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: repeats.spread(array, _axes(message, name)) for name, array in arrays.items()}

    small = repeats.small
    arguments, parameters = each(small.arguments), each(small.parameters)
    return replace(small, arguments=arguments, parameters=parameters, origin=None, repeats=repeats)


def expected(message: Message, repeats: Repeats, oracle: Oracle) -> Expected:
    """The truth and the bounds of the large case, from those of the small one."""
    few = message.answer(repeats.small, oracle)
    axes = [_axes(message, part) for part in message.parts]
    truth = [
        Estimate(repeats.spread(each.value, along), repeats.spread(each.error, along))
        for each, along in zip(few.truth, axes, strict=True)
    ]
    bounds = [repeats.spread(each, along) for each, along in zip(few.bounds, axes, strict=True)]
    return Expected(tuple(truth), tuple(bounds))


def _different(length: int) -> int:
    return min(_DIFFERENT, length)


def _axes(message: Message, name: str) -> str:
    """The axes of an argument, a parameter, or a part of the answer."""
    # A loss has one column, and along that axis nothing is repeated.
    return _LINEAR[name] if message.parameters else "nu"
