"""A training or test set, converted once to the precision of a net."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from bp.messages import Array


class Samples:
    """The inputs and targets of one set in the precision of a net.

    Attributes
    ----------
    with_ones
        The inputs and a column of ones, (N, D + 1), for `bp.fast`.
    X, T
        Inputs (N, D) and targets (N, K).
    """

    def __init__(self, X: Array, T: Array, dtype: DTypeLike) -> None:
        n, d = X.shape
        self.with_ones: Array = np.empty((n, d + 1), dtype)
        self.with_ones[:, :-1], self.with_ones[:, -1] = X, 1
        self.X = self.with_ones[:, :-1]
        self.T: Array = T.astype(dtype)

    def __len__(self) -> int:
        return len(self.T)
