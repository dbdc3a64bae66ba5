"""The random numbers in cases, and the generators that they come from.

`reference.execution.worker.generators` makes the same generators, where the worker process can import nothing of this
package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import NDArray

#: Draws an array of the given shape.
Draw = Callable[[tuple[int, ...]], NDArray[Any]]
_SIGNS = np.array([-1.0, 1.0])


def short_numbers(rng: np.random.RandomState) -> Draw:
    """Draw nonzero multiples of 1/8 from -2 to 2, which keep counterexamples short."""
    return lambda shape: rng.randint(1, 17, shape) * signs(rng, shape) / 8


def signs(rng: np.random.RandomState, shape: Any) -> NDArray[Any]:
    """Draw -1.0 and 1.0: the numbers that ``rng.choice([-1.0, 1.0], shape)`` gives, in half the time."""
    return np.asarray(_SIGNS[rng.randint(0, 2, shape)])


def normal_numbers(rng: np.random.RandomState) -> Draw:
    """Draw from N(0, 1), numbers that use all 53 bits of a double."""
    return lambda shape: rng.randn(*shape)


def single_precision(draw: Draw) -> Draw:
    """Draw as ``draw`` does, rounded to single precision."""
    return lambda shape: draw(shape).astype(np.float32)


def numbers_of_all_sizes(rng: np.random.RandomState, key: str) -> Draw:
    """Draw numbers of sizes from 1e-12 to 1e6; if ``key`` names a function of logits, from -30 to 30."""
    if key in {"softmax", "logits", "cross_entropy"}:
        return lambda shape: rng.uniform(-30, 30, shape)
    return lambda shape: rng.randn(*shape) * 10.0 ** rng.uniform(-12, 6, shape)


class _NoSeed(ISeedSequence):
    """Gives the words that are overwritten at once, where numpy would take them from its hash of a seed."""

    def __init__(self) -> None:
        # They are read one by one, which takes far longer from an array.
        self._words = (1,) * 624

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        return self._words


_NO_SEED: Any = _NoSeed()


def seeded(seed: int) -> np.random.RandomState:
    """What ``np.random.RandomState(seed)`` returns, in a fortieth of the time: each case of a check has its own."""
    generator = np.random.RandomState(np.random.MT19937(_NO_SEED))
    generator.seed(seed)
    return generator
