"""Gradients that are each other's: those of two arguments of one shape, returned in the wrong order."""

from __future__ import annotations

from reference.findings import Violation
from reference.gradients.context import Context
from reference.gradients.differences import contracted
from reference.gradients.specification import doubles
from reference.numerics import tolerances
from reference.numerics.sampling import seeded


def other_argument(context: Context, number: int) -> int | None:
    """The argument whose gradient is returned for this one, and which got this one's; None if there is none."""
    places = context.pattern.differentiable
    alike = [n for n in places if n != number and context.pattern.args[n].shape == context.pattern.args[number].shape]
    calm = [case for case in context.calm() if not case.tied]
    if not alike or not calm:
        return None
    oracle = context.differences if context.spec is None else context.spec.differences
    case = calm[-1]
    cotangent = context.cotangents(case)[0]
    try:
        answers, _ = context.gradients(case, cotangent)
    except Violation:
        return None
    floats = doubles(context.pattern.floats(case.args))
    direction = seeded(case.seed).uniform(0.25, 1.0, context.pattern.args[number].shape) / 16

    def slope(place: int) -> float:
        return float(contracted(cotangent, oracle.along(floats, places.index(place), direction)).value)

    def claimed(place: int) -> float:
        return float((answers[places.index(place)] * direction).sum())

    own = slope(number)
    for other in alike:
        its = slope(other)
        room = tolerances.READINGS_AGREE * max(abs(own), abs(its))
        if abs(own - its) > 2 * room and abs(claimed(number) - its) <= room and abs(claimed(other) - own) <= room:
            return other
    return None
