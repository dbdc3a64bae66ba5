"""Whether a backward message is the derivative of the implementation's own forward message, by finite differences.

That is another question than whether it is right: it knows no definition, needs no oracle but differences, and sees a
delta and a forward that belong to different functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reference.lab.cases import Case, Sizes
from reference.lab.context import ORDINARY, Context
from reference.lab.contract import Message, forward_of
from reference.numerics import tolerances
from reference.numerics.compare import worst_entry
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import finite_differences
from reference.numerics.sampling import normal_numbers
from reference.wording import fact

Array = NDArray[np.float64]


def check_derivative_of_own_forward(context: Context, message: Message) -> None:
    """By finite differences of the implementation's own ``forward``, this is its derivative, in random directions."""
    rng = context.rng(f"{message.subject}.own forward")
    context.note_oracle(finite_differences.NAME)
    for sizes in (Sizes(1, 1, 2), Sizes(2, 2, 2), ORDINARY):
        case = message.draw(sizes, normal_numbers(rng))
        points = _points(message, case)
        directions = [_legal(message, normal_numbers(rng)(point.shape)) for point in points]
        cotangent = case.arguments.get("delta_next", np.ones((case.n_samples, 1)))
        parts = context.actual(message, case)
        # delta has one gradient for each sample; grad is their mean.
        factor = 1.0 if message.per_sample else float(case.n_samples)
        terms = np.concatenate([(factor * p * d).ravel() for p, d in zip(parts, directions, strict=True)])
        slope = _along(context, message, case, points, directions, cotangent)
        if (
            worst_entry(np.asarray(terms.sum()), slope, np.asarray(tolerances.OWN_FORWARD_MARGIN * np.abs(terms).sum()))
            is not None
        ):
            due = fact("slope of forward", value=float(slope.value))
            raise context.violation(message, case, due, fact("number", value=float(terms.sum())))


def _legal(message: Message, direction: Array) -> Array:
    """The direction, made one in which probabilities keep their sum of 1.

    Off that plane cross-entropy is not defined: -log p_t and -log(1 - the sum of the others) are one function on it,
    and two functions elsewhere, with other derivatives.
    """
    return direction - direction.mean(axis=1, keepdims=True) if message.key == "cross_entropy" else direction


def _room(message: Message, point: Array, direction: Array) -> float:
    """How far the inputs may be moved along the direction: probabilities stay positive, or ``math.log`` raises."""
    if message.key != "cross_entropy":
        return math.inf
    return float((point[direction != 0] / np.abs(direction[direction != 0])).min(initial=math.inf)) / 2


def _points(message: Message, case: Case) -> list[Array]:
    """The arrays with respect to which the message is a derivative: the inputs, or the parameters."""
    if not message.per_sample:
        return list(case.parameters.values())
    return [case.arguments["X"] if case.origin is None else case.origin]


def _along(
    context: Context,
    message: Message,
    case: Case,
    points: Sequence[Array],
    directions: Sequence[Array],
    cotangent: Array,
) -> Estimate:
    """The derivative of <cotangent, forward> along the directions."""
    forward = forward_of(message)
    others = {"T": case.arguments["T"]} if "T" in forward.arguments else {}

    def outputs(points: list[list[Array]]) -> list[Array]:
        cases = []
        for moved in points:
            if message.per_sample:
                cases.append(Case({"X": moved[0], **others}, case.parameters))
            else:
                parameters = dict(zip(case.parameters, moved, strict=True))
                cases.append(Case({"X": case.arguments["X"]}, parameters))
        return [answer[0] for answer in context.actual_of_each(forward, cases)]

    room = _room(message, points[0], directions[0])
    slopes = finite_differences.directional(outputs, points, directions, within=room, together=True)
    counted = cotangent != 0  # elsewhere it does not matter that no difference tells a slope
    error = np.abs(cotangent[counted]) * slopes.error[counted]
    return Estimate(np.asarray((cotangent * slopes.value).sum()), np.asarray(error.sum()))
