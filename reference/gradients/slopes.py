"""Estimates of one slope, put together: what two agree on, whichever is known, all that lies between two."""

from __future__ import annotations

import numpy as np

from reference.numerics.estimate import Estimate


def confirmed(first: Estimate, second: Estimate) -> Estimate:
    """The first estimate where the second agrees, else unknown: steps of whole periods agree among themselves."""
    agrees = np.abs(first.value - second.value) <= first.error + second.error
    known = np.isfinite(first.error) & np.isfinite(second.error) & agrees
    return Estimate(np.where(known, first.value, 0.0), np.where(known, first.error, np.inf))


def first_known(first: Estimate | None, second: Estimate) -> Estimate:
    """The first estimate where it is known, else the second."""
    if first is None:
        return second
    known = np.isfinite(first.error)
    return Estimate(np.where(known, first.value, second.value), np.where(known, first.error, second.error))


def between(ahead: Estimate, behind: Estimate) -> Estimate:
    """The estimate of all numbers between two slopes, their errors included."""
    low = np.minimum(ahead.value - ahead.error, behind.value - behind.error)
    high = np.maximum(ahead.value + ahead.error, behind.value + behind.error)
    known = np.isfinite(low) & np.isfinite(high)
    with np.errstate(invalid="ignore"):  # infinity less infinity is NaN where neither slope is known
        return Estimate(np.where(known, (low + high) / 2, 0.0), np.where(known, (high - low) / 2, np.inf))
