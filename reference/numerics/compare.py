"""The comparison of computed numbers with expected values, and of two computations with one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.numerics import tolerances
from reference.numerics.estimate import Estimate

Array = NDArray[Any]


def worst_entry(actual: Array, truth: Estimate, bound: Array) -> tuple[int, ...] | None:
    """The index of the entry that exceeds its bound the most; None if no entry does.

    Parameters
    ----------
    actual
        The computed array.
    truth
        The expected values, of the same shape. Entries with an infinite error are not judged.
    bound
        How far rounding may take each entry, of the same shape. The error of ``truth`` is added to it.

    Returns
    -------
    The index, as a tuple of plain integers. A NaN comes before all other wrong entries.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        distance, allowed = np.abs(actual - truth.value), bound + truth.error
        # So nearly always. A NaN is not at most anything; an infinite distance may not hide behind an infinite bound.
        if (distance <= allowed).all() and np.isfinite(distance).all():
            return None
        excess = distance - allowed
        same = actual == truth.value  # also inf where inf is expected
        excess = np.where(same, -np.inf, np.where(np.isnan(excess), np.inf, excess))
    excess[np.isinf(truth.error)] = -np.inf
    # The largest excess in absolute terms: its ratio to the bound would favour entries whose bound is tiny.
    index = tuple(map(int, np.unravel_index(np.argmax(excess), excess.shape)))
    return index if excess[index] > 0 else None


def differing_entry(one: Array, other: Array, bound: Array) -> tuple[int, ...] | None:
    """The index at which two results that should be equal differ the most; None if rounding explains all differences.

    ``bound`` is the rounding bound of the right result, of the same shape. Both results may be wrong, and a wrong
    formula may round more than the right one, so they are granted `tolerances.CODINGS_BOUNDS` times as
    much.
    """
    both_nan = np.isnan(one) & np.isnan(other)
    one, other = np.where(both_nan, 0, one), np.where(both_nan, 0, other)
    return worst_entry(one, Estimate(other, room_for(other, bound)), np.zeros(other.shape))


def alike(ones: Sequence[Any], others: Sequence[Any], bounds: Sequence[Array] | None) -> bool:
    """Whether two sequences of arrays (or of other objects, compared by ``==``) are equal except for rounding.

    ``bounds`` are the rounding bounds of the right results, one array for each, or None if they are not known.
    """
    if len(ones) != len(others):
        return False
    allowed: Sequence[Any] = [0.0] * len(ones) if bounds is None else bounds
    return all(map(_alike, ones, others, allowed))


def _alike(one: Any, other: Any, bound: Any) -> bool:
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return alike(one, other, None)
    if isinstance(one, float) and isinstance(other, float):
        return bool(alike_entries(np.asarray(one), np.asarray(other), 0.0).all())
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return type(one) is type(other) and bool(one == other)
    if one.shape != other.shape or one.dtype != other.dtype or one.dtype.kind not in "fiub":
        return False
    return bool(alike_entries(one, other, bound).all())


def alike_entries(one: Array, other: Array, bound: Any) -> Array:
    """Where two arrays of one shape are equal except for rounding; ``bound`` as in `alike`, for one array."""
    with np.errstate(invalid="ignore", over="ignore"):
        ones, others = one.astype(np.float64), other.astype(np.float64)
        distance = np.abs(ones - others)
        same = (ones == others) | (np.isnan(ones) & np.isnan(others))
        room = room_for(others, np.reshape(bound, one.shape) if np.size(bound) == one.size else 0.0)
        return np.asarray(same | (distance <= room))


def room_for(numbers: Array, bound: Any) -> Array:
    """How far another coding of a formula may be from these numbers, whose right values have these bounds.

    That is a number of bounds and some of the last digits; no digits for infinities: they must be equal.
    """
    last_digits = np.where(np.isfinite(numbers), tolerances.CODINGS_RELATIVE * np.abs(numbers), 0.0)
    return np.asarray(tolerances.CODINGS_BOUNDS * bound + last_digits)
