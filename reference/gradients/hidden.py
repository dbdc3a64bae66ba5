"""Roundings that `Context.gradients` and `Context.forward_bound` do not see: those of results that are kept in doubles.

They are estimated, which costs some calls. So they are asked where an answer seems wrong. In single precision there are
none, since the wider type is the one in which results are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.tolerance import estimated
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate

if TYPE_CHECKING:
    from reference.gradients.cases import Case
    from reference.gradients.context import Context

Array = NDArray[Any]


def of_gradient(context: Context, case: Case, cotangent: Array, position: int, truth: Estimate) -> Array:
    """The roundings of one gradient; the bound that it has already where they cannot excuse all of it."""
    answers, bounds = context.gradients(case, cotangent)
    answer, bound = answers[position], bounds[position]
    if context.unit > tolerances.DOUBLE_UNIT:
        return bound
    most = _most(context, case, np.abs(answer) + context.sizes(case, cotangent)[position])
    if (np.abs(answer - truth.value) > truth.error + bound + most).any():
        return bound
    return np.fmin(context.estimated_bounds(case, cotangent)[position], most)


def of_forward(context: Context, case: Case, output: Array) -> Array:
    """The roundings of an output."""
    if context.unit > tolerances.DOUBLE_UNIT:
        return np.zeros(output.shape)
    (estimate,) = estimated(*context.rounded_forward(case, output))
    return np.fmin(estimate, _most(context, case, np.abs(output)))


def _most(context: Context, case: Case, size: Array) -> Array:
    """As much as an estimate may grant to numbers of a size."""
    floats = context.pattern.floats(case.args)
    largest = max((float(np.abs(each).max(initial=1.0)) for each in floats), default=1.0)
    return np.asarray(tolerances.HIDDEN_UNITS * tolerances.DOUBLE_UNIT * largest * size)
