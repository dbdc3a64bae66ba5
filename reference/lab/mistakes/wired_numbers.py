"""Wrong choices in networks that concern numbers and not layers: precision, sums over the samples so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from reference.lab.mistakes.departures import Array

_DIGITS = "Some digits are right and the rest is not: where does float32 or float16 come in?"


def single(A: Array) -> Array:
    """Rounded to single precision."""
    return A.astype(np.float32).astype(np.float64)


def half(A: Array) -> Array:
    """Rounded to half precision."""
    return A.astype(np.float16).astype(np.float64)


def whole_single(A: Array) -> Array:
    """Of single precision, in which all that follows may be computed."""
    return A.astype(np.float32)


def batch_mean(A: Array) -> Array:
    """The mean over the batch in the place of each sample's numbers."""
    return np.tile(A.mean(axis=0), (len(A), 1))


def precisions() -> Iterator[tuple[str, str, Callable[[Array], Array]]]:
    """The word, a hint, and what is done to an array."""
    yield "low-precision", _DIGITS, single
    yield "low-precision", _DIGITS, half
    yield "low-precision", _DIGITS, whole_single


def running_means(A: Array) -> Array:
    """Means over the samples so far."""
    return np.asarray(np.cumsum(A, axis=0) / np.arange(1, len(A) + 1)[:, None])


def running_sums(A: Array) -> Array:
    """Sums over the samples so far."""
    return np.asarray(np.cumsum(A, axis=0))
