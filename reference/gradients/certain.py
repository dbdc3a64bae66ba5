"""What balls say for certain of a gradient: that it is the derivative, or outside all gradients nearby."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients import hidden
from reference.gradients.cases import Case
from reference.gradients.known import KnownForward
from reference.gradients.tolerance import beside_cotangent
from reference.numerics import ball_tolerances, function_tolerances
from reference.numerics.estimate import Estimate

Array = NDArray[Any]
Index = tuple[int, ...]


def surely_wrong(
    known: KnownForward,
    case: Case,
    cotangent: Array,
    answers: Sequence[Array],
    bounds: Sequence[Array],
    *,
    at_kinks: bool = True,
) -> tuple[int, Index, Estimate] | None:
    """An entry that lies outside all gradients nearby: its argument, its index, and what encloses these.

    Lost digits count as none: what they leave is small beside the cotangent. ``at_kinks`` tells whether entries count
    for which there are several gradients nearby.
    """
    function, found = known.function, _around(known, cotangent, case)
    if found is None:
        return None
    size = float(np.abs(cotangent.astype(np.float64)).sum())
    lost = beside_cotangent(cotangent, function.unit)
    for position, (answer, bound, near) in enumerate(zip(answers, bounds, found, strict=True)):
        off = np.abs(answer - near.value) - near.error - bound - lost
        if not at_kinks:
            one = function_tolerances.TIE_RELATIVE * np.fmax(size, np.abs(near.value).max(initial=0.0))
            off = np.where(near.error <= one, off, -np.inf)
        if (off > 0).any():
            off = off + bound - np.fmax(bound, hidden.of_gradient(function, case, cotangent, position, near))
        if (off > 0).any():
            index = tuple(int(i) for i in np.unravel_index(int(np.nanargmax(off)), off.shape))
            return position, index, Estimate(near.value[index], near.error[index])
    return None


def is_the_derivative(
    known: KnownForward, case: Case, cotangent: Array, answers: Sequence[Array], bounds: Sequence[Array]
) -> bool:
    """Whether there is a derivative that balls know better than doubles compute it, and the answer is that."""
    enough = [ball_tolerances.RESOLUTION * bound for bound in bounds]
    spec = known.function.spec
    if spec is not None:
        truth = spec.gradient(cotangent, case.args, enough) if spec.is_rigorous else None
    else:
        truth = known.gradient(cotangent, case.args, enough) if known.is_known(case) else None
    if truth is None or not all((one.error <= bound).all() for one, bound in zip(truth, bounds, strict=True)):
        return False
    return all(
        bool((np.abs(answer - one.value) <= bound + one.error).all())
        for answer, one, bound in zip(answers, truth, bounds, strict=True)
    )


def _around(known: KnownForward, cotangent: Array, case: Case) -> tuple[Estimate, ...] | None:
    spec = known.function.spec
    if spec is not None:
        return spec.rigorous.around(cotangent.reshape(spec.shape), case.args)
    return None if known.function.pattern.is_large else known.around(cotangent, case)
