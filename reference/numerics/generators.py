"""Makes numpy's old generators in a fortieth of the time, since a check makes one for each of its cases.

`reference.execution.worker.generators` does the same, where the worker process can import nothing of this package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence


class _NoSeed(ISeedSequence):
    """Gives the words that are overwritten at once, where numpy would take them from its hash of a seed."""

    def __init__(self) -> None:
        # They are read one by one, which takes far longer from an array.
        self._words = (1,) * 624

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        return self._words


_NO_SEED: Any = _NoSeed()


def seeded(seed: int) -> np.random.RandomState:
    """What ``np.random.RandomState(seed)`` returns."""
    generator = np.random.RandomState(np.random.MT19937(_NO_SEED))
    generator.seed(seed)
    return generator
