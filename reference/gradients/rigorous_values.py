"""Answers are compared with a truth that is known as a whole: of a definition, or of a forward pass on balls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients import hidden, lost, ties
from reference.gradients.cases import Case
from reference.gradients.consistency import answers_of, beyond_doubles, not_a_number
from reference.gradients.context import Context
from reference.gradients.judge import Comparison
from reference.gradients.specification import Specification
from reference.gradients.subject import asked
from reference.numerics import ball_tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.sampling import seeded, signs

Array = NDArray[Any]
Index = tuple[int, ...]
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
            enough = [ball_tolerances.RESOLUTION * bound for bound in bounds]
            truth = gradient(cotangent, case.args, enough)[position]
            if truth.value.size and not np.isfinite(truth.error).any():
                left.append(case)
                break
            beyond = beyond_doubles(context, case, position, answers[position])
            reached = Estimate(truth.value, np.where(beyond, np.inf, truth.error))
            off = np.abs(answers[position] - reached.value) > reached.error + bounds[position]
            if comparison.violation is None and off.any():
                moves = _by_rounded_arguments(context, gradient, case, cotangent, enough)[position]
                reached = Estimate(reached.value, reached.error + moves)
            excused = partial(_is_excused, context, case, cotangent, answers, bounds, position)
            unseen = partial(hidden.of_gradient, context, case, cotangent, position, reached)
            comparison.add(
                answers[position],
                reached,
                bounds[position],
                asked(case.args, cotangent),
                excused,
                None if context.pattern.is_large else unseen,  # they are in the bounds
            )
            not_a_number(comparison, case, cotangent, answers[position], truth, beyond, excused)
    return left


def _is_excused(
    context: Context,
    case: Case,
    cotangent: Array,
    answers: Sequence[Array],
    bounds: Sequence[Array],
    position: int,
    index: tuple[int, ...],
) -> bool:
    """Whether an entry that seems wrong is at a kink, or was lost to rounding.

    Of many numbers the function is asked along that entry alone.
    """
    if not context.pattern.is_large:
        at_kink = context.is_excused(case, cotangent, answers, bounds)
        return at_kink or lost.is_lost(context, case, cotangent, position, index)
    return ties.has_kink_along(context.place_of(case, cotangent), position, index)


def _by_rounded_arguments(
    context: Context, gradient: Gradient, case: Case, cotangent: Array, enough: Sequence[Any]
) -> list[Array]:
    """How far the exact gradients move when each argument is moved by its last rounding, entry by entry.

    Code that multiplies by pi, or divides by the root of 2, works with a constant that is rounded, in every precision:
    that is what no repetition in a wider type shows. It does what a rounding of the argument does.
    """
    rng = seeded(case.seed)
    floats = context.pattern.floats(case.args)
    here = gradient(cotangent, case.args, enough)
    most = [np.zeros(each.value.shape) for each in here]
    for number in range(ball_tolerances.ROUNDED_ARGUMENTS):
        moved = []
        for each in floats:
            drawn = signs(rng, each.shape) if number else np.ones(each.shape)
            moved.append((each * (1 + drawn * float(np.finfo(each.dtype).eps))).astype(each.dtype))
        there = gradient(cotangent, context.pattern.with_floats(moved), enough)
        for place, (one, two) in enumerate(zip(here, there, strict=True)):
            known = np.isfinite(one.error) & np.isfinite(two.error)
            most[place] = np.fmax(most[place], np.where(known, np.abs(one.value - two.value), 0.0))
    return most


def good_enough(spec: Specification, case: Case, actual: Array, truth: Estimate, bound: Array) -> Estimate:
    """The truth of a forward pass; where the answer is what the definition computes in doubles, that is good enough."""
    if not (np.abs(actual - truth.value) > truth.error + bound).any():
        return truth
    plain = spec.in_doubles(case.args)
    return Estimate(np.where(np.abs(actual - plain) <= bound, plain, truth.value), truth.error)
