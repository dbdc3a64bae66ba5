"""The promise about points without a derivative: the gradient there is one of the legal ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import ties
from reference.gradients.cases import Case
from reference.gradients.consistency import comparison_of
from reference.gradients.context import Context
from reference.gradients.rigorous_values import compare_with_known
from reference.gradients.subject import asked
from reference.numerics import tolerances
from reference.wording import fact

Array = NDArray[Any]


def check_ties(context: Context) -> None:
    """At equal numbers and zeros, where a function may have no derivative, the gradient is a legal one."""
    if context.pattern.is_large or (context.pattern.draw is not None and not context.tied()):
        raise NotApplicable(fact("no tie judged"))
    for number in context.pattern.differentiable:
        context.require_shape(number)
    asked_at, undecided = 0, 0
    for case in context.tied():
        asked_at += 1
        if context.is_smooth(case) and _is_judged_by_derivative(context, case):
            continue
        cotangent = context.cotangents(case)[0]
        answers, bounds = context.gradients(case, cotangent)
        if _is_own(context, case, cotangent, answers, bounds):
            continue
        verdict = context.at_tie(case, cotangent, answers, bounds)
        undecided += verdict.outcome == "unknown"
        if verdict.outcome == "wrong":
            raise _violation(context, verdict, case, cotangent, answers)
    if undecided == asked_at:
        raise NotApplicable(fact("no tie judged"))
    if undecided:
        context.note(fact("ties undecided", count=undecided, asked=asked_at))


def _is_judged_by_derivative(context: Context, case: Case) -> bool:
    """Whether the gradient could be compared with the derivative, which there is where the function has no kink.

    Raises
    ------
    Violation
        It is another one.
    """
    gradient = context.known.gradient if context.spec is None else context.spec.gradient
    for number in context.pattern.differentiable:
        comparison = comparison_of(context, number)
        left = compare_with_known(context, gradient, number, comparison, [case])
        wrong = comparison.violation or comparison.crash
        if wrong is not None:
            raise wrong
        if left or not comparison.judged:
            return False
    return True


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
    name = f"gradient[{context.pattern.differentiable[verdict.argument]}]"
    came = float(answers[verdict.argument][verdict.index])
    middle, error = (verdict.low + verdict.high) / 2, (verdict.high - verdict.low) / 2
    return Violation(
        fact("entry near", what=name, index=verdict.index, value=middle, error=error),
        fact("entry", what=name, index=verdict.index, value=came),
        index=verdict.index,
        bound=error,
        counterexample=words,
    )
