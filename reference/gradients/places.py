"""The places at which `reference.gradients.ties` judges gradients of a context."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import Violation
from reference.gradients import ties
from reference.gradients.cases import Case
from reference.gradients.differences import contracted
from reference.gradients.specification import doubles
from reference.numerics import function_tolerances

if TYPE_CHECKING:
    from reference.gradients.context import Context

Array = NDArray[Any]


def place_of(context: Context, case: Case, cotangent: Array) -> ties.Place:
    """A case with the number <cotangent, forward> and its gradients nearby, for `reference.gradients.ties`."""
    oracle = context.differences if context.spec is None else context.spec.differences
    weights = cotangent.astype(np.float64)

    def value(floats: ties.Arrays) -> float | None:
        if not context.pattern.is_legal(context.pattern.with_floats(floats)):
            return None
        output = np.asarray(oracle.function(*doubles(floats)), dtype=np.float64)
        return float((weights.reshape(output.shape) * output).sum())

    def slope(directions: ties.Arrays) -> tuple[float, float]:
        found = contracted(weights, oracle.jointly(doubles(context.pattern.floats(case.args)), directions))
        return float(found.value), float(found.error)

    return ties.Place(context.pattern.floats(case.args), value, partial(_nearby, context, cotangent=cotangent), slope)


def _nearby(context: Context, floats: ties.Arrays, cotangent: Array) -> ties.Arrays | None:
    """The gradients at arguments near a case: the definition's, or else what ``vjp`` answers."""
    args = context.pattern.with_floats(floats)
    if not context.pattern.is_legal(args):
        return None
    if context.spec is not None and context.spec.is_differentiated:
        coarse = [np.full(each.shape, function_tolerances.TIE_RELATIVE) for each in floats]
        found = context.spec.gradient(cotangent, args, coarse)
        return tuple(each.value for each in found) if all(np.isfinite(e.error).all() for e in found) else None
    try:
        context.run_forward(args)
        return doubles(context.subject.gradients(cotangent, args))
    except Violation:
        return None
