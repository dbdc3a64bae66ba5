"""Running error analysis: how far rounding takes a computation in doubles, from balls of a double's precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.numerics import ball_tolerances
from reference.numerics.balls.array import balls, plain
from reference.numerics.balls.evaluation import Run, is_single
from reference.numerics.balls.formulas import exact
from reference.numerics.balls.tape import Undecided, recording
from reference.numerics.estimate import of_enclosures
from reference.numerics.oracles.ball import precision

Array = NDArray[np.float64]


def roundings(run: Run, args: Sequence[Any]) -> list[Array] | None:
    """How far each result may be from the truth if every operation is rounded to the precision of the arguments.

    Each operation on balls rounds to that precision as well, and adds the error to the radius of its result; so the
    radius of a result bounds what all roundings before it have done. A function of ``math`` is an operation like
    others. Rounding may end such an analysis: an infinite bound says that it may have made anything of the result.

    Parameters
    ----------
    run
        From arrays of balls (and other arguments as they are) to an array of balls, or several.
    args
        Those of floating point are exact.

    Returns
    -------
    list of ndarray of float64, or None
        One for each result; None where rounding decides which way the code goes.

    Raises
    ------
    Refused
        An operation has no form on balls.
    """
    bits = ball_tolerances.SINGLE_BITS if is_single(args) else ball_tolerances.DOUBLE_BITS
    with precision(bits), recording(single=is_single(args)):
        try:
            results = run(*exact(args, []))
        except Undecided:
            return None
        several = results if isinstance(results, tuple) else (results,)
        return [_radius(each) for each in several]


def _radius(result: Any) -> Array:
    array = balls(result)
    found, _ = of_enclosures([ball.value for ball in plain(array).ravel()], array.shape)
    with np.errstate(invalid="ignore"):
        bound = ball_tolerances.RUNNING_SAFETY * np.asarray(found.error)
    return np.where(np.isfinite(found.value) & np.isfinite(bound), bound, np.inf)
