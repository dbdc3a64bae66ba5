"""A training or test set, converted once to the precision of a net."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike

from bp.messages import Array


class Samples:
    """The inputs and targets of one set in the precision of a net.

    Parameters
    ----------
    X, T, dtype
        Inputs (N, D), targets (N, K) and the net's precision.
    own
        Whether the numbers stay as they are if X changes.

    Attributes
    ----------
    T
        Targets (N, K).
    """

    def __init__(self, X: Array, T: Array, dtype: DTypeLike, *, own: bool = True) -> None:
        self._given, self._dtype, self._own = X, dtype, own
        self.T: Array = T.astype(dtype)

    @cached_property
    def rows(self) -> Array:
        """Inputs (N, D), perhaps in a lower precision: as they were given where some rows are quick to convert.

        A copy of MNIST's images in double precision takes half a gigabyte, and the system longer to hand it out than an
        epoch takes.
        """
        X = self._given
        if not (X.flags.c_contiguous and X.dtype in (np.float32, np.float64) and np.can_cast(X.dtype, self._dtype)):
            return self.X
        if self._own:
            self._given = X.copy()
        return self._given

    @cached_property
    def with_ones(self) -> Array:
        """The inputs and a column of ones, (N, D + 1), in the net's precision."""
        n, d = self._given.shape
        with_ones = np.empty((n, d + 1), self._dtype)
        with_ones[:, :-1], with_ones[:, -1] = self._given, 1
        return with_ones

    @property
    def X(self) -> Array:  # noqa: N802 - the field's name
        """The inputs (N, D) in the net's precision."""
        return self.with_ones[:, :-1]

    def __len__(self) -> int:
        return len(self.T)
