"""Shapes of arrays."""

from __future__ import annotations

import numpy as np


def broadcasts(shape: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    """Whether an array of the first shape has a number for each entry of one of the second shape."""
    try:
        return np.broadcast_shapes(shape, wide) == wide
    except ValueError:
        return False
