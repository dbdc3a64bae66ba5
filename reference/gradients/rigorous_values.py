"""Answers are compared with a truth that is known as a whole: of a definition, or of a forward pass on balls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.cases import Case
from reference.gradients.consistency import answers_of, not_a_number
from reference.gradients.context import Context
from reference.gradients.judge import Comparison
from reference.gradients.specification import Specification
from reference.gradients.subject import asked
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate

Array = NDArray[Any]
#: From a cotangent, arguments, and errors that are small enough, to the gradients.
Gradient = Callable[[Array, Sequence[Array], Sequence[Any]], tuple[Estimate, ...]]


def compare_with_known(
    context: Context, gradient: Gradient, number: int, comparison: Comparison, cases: Iterable[Case]
) -> list[Case]:
    """Compare with gradients that are known as a whole, case by case; the cases in which they are not are returned."""
    position = context.pattern.differentiable.index(number)
    left = []
    for case in cases:
        for cotangent in context.cotangents(case):
            answered = answers_of(context, comparison, case, cotangent)
            if answered is None:
                continue
            answers, bounds = answered
            enough = [tolerances.RESOLUTION * bound for bound in bounds]
            truth = gradient(cotangent, case.args, enough)[position]
            if truth.value.size and not np.isfinite(truth.error).any():
                left.append(case)
                break
            reached = _where_doubles_reach(context, case, answers[position], truth)
            excused = partial(context.is_excused, case, cotangent, answers, bounds)
            comparison.add(answers[position], reached, bounds[position], asked(case.args, cotangent), excused)
            not_a_number(comparison, case, cotangent, answers[position], truth, excused)
    return left


def _where_doubles_reach(context: Context, case: Case, actual: Array, truth: Estimate) -> Estimate:
    """The truth; unknown where an answer is no finite number and the definition passes through numbers beyond doubles.

    The derivative of |x| exp(-x^2) at 1e200 is 0, but whoever computes it as the definition is written meets 0 times
    infinity.
    """
    strange = ~np.isfinite(actual) & np.isfinite(truth.value)
    if context.spec is None or not strange.any() or not context.spec.rigorous.leaves_doubles(case.args):
        return truth
    return Estimate(truth.value, np.where(strange, np.inf, truth.error))


def good_enough(spec: Specification, case: Case, actual: Array, truth: Estimate, bound: Array) -> Estimate:
    """The truth of a forward pass; where the answer is what the definition computes in doubles, that is good enough."""
    if not (np.abs(actual - truth.value) > truth.error + bound).any():
        return truth
    plain = spec.in_doubles(case.args)
    return Estimate(np.where(np.abs(actual - plain) <= bound, plain, truth.value), truth.error)
