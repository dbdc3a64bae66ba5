"""What a number of floating point that stands in a formula means, as a ball."""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb, fmpq

from reference.numerics import ball_tolerances
from reference.numerics.balls.tape import SETTINGS


def floating(x: Any) -> Any:
    """The `arb` of a number of numpy's or of Python's, in any precision."""
    if isinstance(x, np.longdouble) and np.finfo(np.longdouble).eps < np.finfo(np.float64).eps:
        high = float(x)
        return arb(high) + arb(float(x - np.longdouble(high)))
    if isinstance(x, np.float32 | np.float16) and SETTINGS["decimal"]:
        return arb(float(x)) * arb(1, float(np.finfo(type(x)).eps))
    return arb(float(x))


def decimal(x: float) -> Any:
    """What a double that is written in a formula means: its shortest decimal, or what was rounded to so many digits."""
    if not np.isfinite(x) or x == int(x):
        return arb(x)
    digits, _, exponent = repr(abs(x)).partition("e")
    whole, _, part = digits.partition(".")
    if len((whole + part).strip("0")) >= ball_tolerances.DECIMAL_DIGITS:
        return arb(x, ball_tolerances.DECIMAL_UNITS * float(np.spacing(abs(x))))
    ten = int(exponent or 0) - len(part)
    numerator = int(whole + part) * 10 ** max(ten, 0)
    exact = arb(fmpq(numerator, 10 ** max(-ten, 0)))
    return -exact if x < 0 else exact
