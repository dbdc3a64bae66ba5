"""A training or test set, checked once and cast once."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from bp.messages import Array


class Samples:
    """Inputs and targets of one set in the precision of a net.

    Attributes
    ----------
    with_ones
        The inputs and a column of ones, (N, D + 1): what `bp.fast` takes.
    X, T
        Inputs (N, D) and targets (N, K).
    """

    def __init__(self, X: Array, T: Array, dtype: DTypeLike) -> None:
        n, d = X.shape
        self.with_ones: Array = np.ones((n, d + 1), dtype)
        self.with_ones[:, :-1] = X
        self.X = self.with_ones[:, :-1]
        self.T: Array = T.astype(dtype, copy=False)

    def __len__(self) -> int:
        return len(self.T)

    @property
    def one_hot(self) -> bool:
        """Whether each target is one class and no other."""
        return bool((self.T.max(axis=1) == 1).all() and np.count_nonzero(self.T) == len(self))
