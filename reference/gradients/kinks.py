"""The promise about points without a derivative: the gradient there is one of the legal ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import certain, ties
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.subject import asked
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact

Array = NDArray[Any]


def check_ties(context: Context) -> None:
    """At equal numbers and zeros, where a function may have no derivative, the gradient is a legal one."""
    if context.pattern.is_large or not context.tied():
        raise NotApplicable(fact("no tie judged"))
    for number in context.pattern.differentiable:
        context.require_shape(number)
    asked_at, undecided = 0, 0
    for case in context.tied():
        asked_at += 1
        cotangent = context.cotangents(case)[0]
        answers, bounds = context.gradients(case, cotangent)
        if _is_own(context, case, cotangent, answers, bounds):
            continue
        if certain.is_the_derivative(context.known, case, cotangent, answers, bounds):
            continue
        wrong = certain.surely_wrong(context.known, case, cotangent, answers, bounds)
        if wrong is not None:
            position, index, near = wrong
            raise _off(context, case, cotangent, answers, position, index, near)
        verdict = context.at_tie(case, cotangent, answers, bounds)
        undecided += verdict.outcome == "unknown"
        if verdict.outcome == "wrong":
            raise _violation(context, verdict, case, cotangent, answers)
    if undecided == asked_at:
        raise NotApplicable(fact("no tie judged"))
    if undecided:
        context.note(fact("ties undecided", count=undecided, asked=asked_at))


def _is_own(context: Context, case: Case, cotangent: Array, answers: Any, bounds: Any) -> bool:
    """Whether the definition's own automatic differentiation answers the same, which is legal whatever it is."""
    own = None if context.spec is None else context.spec.autograd(cotangent, case.args)
    if own is None:
        return False
    return all(
        bool((np.abs(answer - one) <= bound + tolerances.READINGS_AGREE * np.abs(one).max(initial=0.0)).all())
        for answer, one, bound in zip(answers, own, bounds, strict=True)
    )


def _violation(
    context: Context, verdict: ties.Verdict, case: Case, cotangent: Array, answers: tuple[Array, ...]
) -> Violation:
    words = asked(case.args, cotangent)
    if verdict.direction is not None:
        parts = [each.tolist() for each in verdict.direction]
        due = fact("slope along ties", value=verdict.due)
        case_and_direction = {**words, "direction": parts if len(parts) > 1 else parts[0]}
        return Violation(due, fact("number", value=verdict.came), counterexample=case_and_direction)
    middle, error = (verdict.low + verdict.high) / 2, (verdict.high - verdict.low) / 2
    near = Estimate(np.asarray(middle), np.asarray(error))
    return _off(context, case, cotangent, answers, verdict.argument, verdict.index, near)


def _off(
    context: Context,
    case: Case,
    cotangent: Array,
    answers: tuple[Array, ...],
    position: int,
    index: tuple[int, ...],
    near: Estimate,
) -> Violation:
    """The violation that an entry is which is not among the legal ones."""
    name = f"gradient[{context.pattern.differentiable[position]}]"
    return Violation(
        fact("entry near", what=name, index=index, value=float(near.value), error=float(near.error)),
        fact("entry", what=name, index=index, value=float(answers[position][index])),
        index=index,
        bound=float(near.error),
        counterexample=asked(case.args, cotangent),
    )
