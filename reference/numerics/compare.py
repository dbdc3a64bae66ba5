"""The only place where numbers are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.numerics.estimate import Estimate

Array = NDArray[Any]

#: Two codings of the same wrong formula round differently: by this many bounds of the right one, and by this much more.
_BOUNDS, _RELATIVE = 32.0, 1e-12


def worst_entry(actual: Array, truth: Estimate, bound: Array) -> tuple[int, ...] | None:
    """The index of the entry that is farthest beyond its bound; None if all are within.

    Entries that are not numbers come before all others; where the oracle knows nothing, nothing is judged. ``bound``
    is for rounding, of the truth's shape; the oracle's own error is added to it.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        excess = np.abs(actual - truth.value) - (bound + truth.error)
        same = actual == truth.value  # inf where inf is due
        excess = np.where(same, -np.inf, np.where(np.isnan(excess), np.inf, excess))
    excess[np.isinf(truth.error)] = -np.inf  # nobody knows the truth there
    # Relative to the bound a small entry that is wrong altogether would hide behind a large one that is wrong a little.
    index = tuple(int(i) for i in np.unravel_index(np.argmax(excess), excess.shape))
    return index if excess[index] > 0 else None


def differing_entry(one: Array, other: Array, bound: Array) -> tuple[int, ...] | None:
    """The index of the entry at which two answers that ought to be one differ most, by more than rounding; or None.

    Either may be wrong as such, so that it is granted more rounding than the right answer, whose ``bound`` this is.
    """
    both_nan = np.isnan(one) & np.isnan(other)
    one, other = np.where(both_nan, 0, one), np.where(both_nan, 0, other)
    return worst_entry(one, Estimate(other, _BOUNDS * bound + _last_digits(other)), np.zeros(other.shape))


def alike(ones: Sequence[Any], others: Sequence[Any], bounds: Sequence[Array] | None) -> bool:
    """Whether two sequences of arrays (or of anything else, compared by ``==``) are one answer but for rounding.

    ``bounds`` are those of the right answer's parts, where they are known.
    """
    if len(ones) != len(others):
        return False
    allowed: Sequence[Any] = [0.0] * len(ones) if bounds is None else bounds
    return all(_alike(one, other, bound) for one, other, bound in zip(ones, others, allowed, strict=True))


def _alike(one: Any, other: Any, bound: Any) -> bool:
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return alike(one, other, None)
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return type(one) is type(other) and bool(one == other)
    if one.shape != other.shape or one.dtype != other.dtype or one.dtype.kind not in "fiub":
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        ones, others = one.astype(np.float64), other.astype(np.float64)
        distance = np.abs(ones - others)
        room = _BOUNDS * np.reshape(bound, one.shape) if np.size(bound) == one.size else 0.0
        same = (ones == others) | (np.isnan(ones) & np.isnan(others))
        return bool((same | (distance <= room + _last_digits(others))).all())


def _last_digits(numbers: Array) -> Array:
    """How far two codings of one formula may be apart besides; infinity is like nothing but itself."""
    return np.asarray(np.where(np.isfinite(numbers), _RELATIVE * np.abs(numbers), 0.0))
