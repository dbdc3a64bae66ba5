"""Where the numbers of cases come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Makes an array of a shape.
Draw = Callable[[tuple[int, ...]], NDArray[Any]]


def short_numbers(rng: np.random.RandomState) -> Draw:
    """Multiples of 1/8 up to 2, none 0, so that a counterexample can be read aloud."""
    return lambda shape: rng.randint(1, 17, shape) * rng.choice([-1, 1], shape) / 8


def normal_numbers(rng: np.random.RandomState) -> Draw:
    """N(0, 1): all 53 bits in use."""
    return lambda shape: rng.randn(*shape)


def single_precision(draw: Draw) -> Draw:
    """The same, rounded to single precision."""
    return lambda shape: draw(shape).astype(np.float32)


def numbers_of_all_sizes(rng: np.random.RandomState, key: str) -> Draw:
    """From 1e-12 to 1e6 in size; for logits, of which differences count, up to 30."""
    if key in {"softmax", "logits", "cross_entropy"}:
        return lambda shape: rng.uniform(-30, 30, shape)
    return lambda shape: rng.randn(*shape) * 10.0 ** rng.uniform(-12, 6, shape)
