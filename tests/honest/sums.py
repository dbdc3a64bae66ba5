"""Sums, in different orders."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Fun = Callable[..., Any]


def one_by_one(terms: Iterable[Array]) -> Array:
    """From the first to the last, as a loop does it."""
    return functools.reduce(lambda total, term: total + term, terms)


def kahan(terms: Iterable[Array]) -> Array:
    """With the lost digits carried along (Kahan 1965)."""
    total, lost = 0, 0
    for term in terms:
        corrected = term - lost
        new = total + corrected
        lost = (new - total) - corrected
        total = new
    return np.asarray(total)


def halves(terms: Sequence[Array]) -> Array:
    """Each half by itself, and then the two together."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return halves(terms[:middle]) + halves(terms[middle:])


def columns(X: Array) -> list[Array]:
    """The columns of a matrix, each (N, 1)."""
    return [X[:, [k]] for k in range(X.shape[1])]


def exact_sum(rows: Array) -> Array:
    """(N, K) -> (N, 1), rounded once."""
    return np.array([[math.fsum(row)] for row in rows], rows.dtype)
