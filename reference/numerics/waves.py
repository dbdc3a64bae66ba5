"""How fast the waves of a function turn: a sum may absorb a wave, and its slope shows in no difference of values.

cos(t) beside 4e15 changes no digit of the sum, and its slope is that of the whole: sin(t). Differences over many
periods tell a slope of 0, with an error of rounding over the step, which is far smaller than 1. So the arguments of
sines and cosines are watched. A wave that rounding hides has at most the size of rounding; times how fast it turns,
that is what a slope may be off.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.numerics import random_rounding, regimes, tolerances
from reference.numerics.estimate import Estimate

Array = NDArray[Any]
_WAVES = frozenset({"sin", "cos", "tan"})


@dataclass
class _Watch(regimes.Trail):
    """Keeps the arguments of waves."""

    angles: list[Array] = field(default_factory=list)

    def watched(self, name: str, operands: Sequence[Any]) -> dict[int, Any]:
        """Nothing is changed."""
        if name in _WAVES:
            self.angles.append(np.array(operands[0]))
        return {}


def angles(compute: random_rounding.Compute, args: Sequence[Array]) -> list[Array]:
    """The arguments of all sines, cosines and tangents, in order, as far as the computation can be followed."""
    watch = _Watch()
    with np.errstate(all="ignore"), contextlib.suppress(np.linalg.LinAlgError):
        random_rounding.followed(compute, args, random_rounding.Run(None, watch))
    return watch.angles


def turning(
    compute: random_rounding.Compute, here: Sequence[Array], place: Callable[[float], Sequence[Array]], scale: float
) -> float:
    """How far the fastest angle moves for each unit of a step.

    Parameters
    ----------
    compute
        From arrays to arrays.
    here
        Its angles at the place itself.
    place
        From a number to the arguments that are so far away.
    scale
        The size of the steps of differences.

    Returns
    -------
    float
        0 where there are no waves; infinite where the code takes another way one step away.
    """
    if not here:
        return 0.0
    step = scale / tolerances.STEP_RATIO
    there = angles(compute, place(step))
    if len(here) != len(there) or any(one.shape != two.shape for one, two in zip(here, there, strict=True)):
        return np.inf
    with np.errstate(all="ignore"):
        moves = [float(np.abs(two - one).max(initial=0.0)) for one, two in zip(here, there, strict=True)]
    return max((each for each in moves if not np.isnan(each)), default=0.0) / step


def absorbed(turning: float, noise: Array) -> Array:
    """How far a slope may be off by waves that rounding hides, each of which has at most the size of this noise."""
    with np.errstate(all="ignore"):
        return np.nan_to_num(tolerances.DIFFERENCE_SAFETY * turning * noise, nan=0.0, posinf=np.inf)


def with_absorbed(
    found: Estimate,
    forward: Callable[..., ArrayLike],
    args: Sequence[Array],
    place: Callable[[float], Sequence[Array]],
    scale: float,
    noise: Any,
) -> Estimate:
    """The slope of a function with what the waves that rounding hides add to its error."""

    def compute(*given: Array) -> tuple[Any, ...]:
        return (forward(*given),)

    speed = turning(compute, angles(compute, args), place, scale)
    if not speed:
        return found
    size = np.abs(np.asarray(forward(*args), dtype=np.float64))
    hidden = absorbed(speed, np.maximum(noise, tolerances.LEAST_DIFFERENCE_ROUNDING * size))
    return Estimate(found.value, found.error + hidden)
