"""What edited code calls: functions of this package that stand in it as constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def transposed(function: Callable[[Any], Any], given: Any) -> NDArray[Any]:
    """What the transpose of a linear function, which is applied to one unit array after the other, makes of an array.

    Parameters
    ----------
    function
        Gives an array of the same shape as its argument.
    given
        What the transpose is applied to.
    """
    array = np.asarray(given)
    at_zero = np.asarray(function(np.zeros(array.shape)))
    found = np.empty(array.size)
    for number in range(array.size):
        unit = np.zeros(array.size)
        unit[number] = 1.0
        found[number] = np.sum((np.asarray(function(unit.reshape(array.shape))) - at_zero) * array)
    return found.reshape(array.shape)
