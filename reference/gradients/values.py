"""What is promised of the numbers: forward is compared with its definition, vjp with the derivative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import hidden, lost, noise, rigorous, sampled
from reference.gradients.cases import Case, short_numbers
from reference.gradients.consistency import compare_with_differences, comparison_of
from reference.gradients.context import Context
from reference.gradients.judge import Comparison, compare
from reference.gradients.rigorous_values import compare_with_known, good_enough
from reference.gradients.specification import Specification
from reference.gradients.subject import asked
from reference.numerics import tolerances
from reference.numerics.sampling import seeded
from reference.wording import fact

Array = NDArray[Any]


def check_forward_values(context: Context) -> None:
    """The forward pass gives what the specification gives, but for rounding."""
    spec = _spec(context)
    context.note_oracle(spec.evaluator)
    comparison = Comparison("forward", context.largest)
    for case in context.judged():
        output, truth = context.output(case), spec.value(case.args)
        if truth is None:
            continue
        if [n for n in output.shape if n > 1] != [n for n in truth.value.shape if n > 1]:
            raise NotApplicable(fact("output of another shape", shape=output.shape, due=truth.value.shape))
        bound = context.forward_bound(case, output).reshape(truth.value.shape)
        actual = output.reshape(truth.value.shape).astype(np.float64)
        unseen = partial(_unseen, context, case, output, actual.shape)
        due = good_enough(spec, case, actual, truth, bound)
        comparison.add(actual, due, bound, asked(case.args), hidden=unseen)
    comparison.settle(fact("specification nowhere finite"))
    context.check_enough()


def _unseen(context: Context, case: Case, output: Array, shape: tuple[int, ...]) -> Array:
    return hidden.of_forward(context, case, output).reshape(shape)


def check_gradient_values(context: Context, number: int) -> None:
    """The gradient is the derivative of the specification, but for rounding."""
    spec = _spec(context)
    context.require_shape(number)
    if not spec.is_differentiated:
        comparison = comparison_of(context, number)
        compare_with_differences(context, spec.differences, number, comparison, context.generic())
        if context.pattern.is_large:
            sampled.compare(context, number, comparison)
        comparison.settle(fact("specification tells no slope"))
        context.check_enough()
        return
    context.note_oracle(spec.oracle)
    comparison = comparison_of(context, number)
    unknown = compare_with_known(context, spec.gradient, number, comparison, context.generic())
    if unknown:
        compare_with_differences(context, spec.differences, number, comparison, unknown)
    if context.pattern.is_large and not spec.is_rigorous:
        sampled.compare(context, number, comparison)
    comparison.settle(fact("specification nowhere finite"))
    context.check_enough()


def check_gradient_consistent(context: Context, number: int) -> None:
    """The gradient is the derivative of the given forward pass: in ball arithmetic, or as its values tell it."""
    if context.spec is not None:
        raise NotApplicable(fact("specification judges"))
    context.require_shape(number)
    comparison = comparison_of(context, number)
    known: list[Case] = []
    unknown: list[Case] = []
    for case in context.generic():
        (known if not context.pattern.is_large and context.known.is_known(case) else unknown).append(case)
    if known:
        context.note_oracle(rigorous.NAME)
        unknown += compare_with_known(context, context.known.gradient, number, comparison, known)
    if unknown:
        compare_with_differences(context, context.differences, number, comparison, unknown)
        if context.pattern.is_large:
            context.note(fact("along directions", count=len(unknown), size=context.cases[0].args[number].size))
            sampled.compare(context, number, comparison)
        else:
            noise.tell(context, context.differences)
    comparison.settle(fact("forward tells nothing"))
    context.check_enough()


def check_linear(context: Context) -> None:
    """The gradient is linear in the cotangent: of a sum it is the sum, of a multiple the multiple, of 0 it is 0."""
    calm = context.calm()
    judged = False
    for case in calm[:1] if context.pattern.is_large else [*calm[:2], *calm[2:][-1:]]:
        rng = seeded(case.seed)
        one, two = (short_numbers(rng, context.shape).astype(context.dtype) for _ in range(2))
        first, second = context.gradients(case, one), context.gradients(case, two)
        if not all(np.isfinite(array).all() for array in (*first[0], *second[0])):
            continue
        judged = True
        _check_combination(context, case, 2 * one - two / 2, {2.0: (one, first), -0.5: (two, second)})
        for scale in tolerances.LINEARITY_SCALES:
            _check_combination(context, case, (scale * one).astype(context.dtype), {scale: (one, first)})
        _check_combination(context, case, np.zeros_like(one), {0.0: (one, first)})
    if not judged:
        raise NotApplicable(fact("gradient nowhere finite"))


def _check_combination(
    context: Context, case: Case, cotangent: Array, terms: Mapping[float, tuple[Array, tuple[Any, list[Array]]]]
) -> None:
    """Compare with the sum of what was answered to other cotangents, each times its factor."""
    answers, bounds = _answered(context, case, cotangent)
    for position, number in enumerate(context.pattern.differentiable):
        due = sum(factor * found[position] for factor, (_, (found, _)) in terms.items())
        bound = bounds[position] + sum(abs(factor) * granted[position] for factor, (_, (_, granted)) in terms.items())
        words = asked(case.args, cotangent)
        try:
            compare(f"gradient[{number}]", answers[position], np.asarray(due), bound, words)
        except Violation as violation:
            asked_with = [cotangent, *(term for term, _ in terms.values())]
            if not all(_is_lost(context, case, each, position, violation.index) for each in asked_with):
                raise violation.but(due=violation.due.and_("from other cotangents")) from None


def _is_lost(context: Context, case: Case, cotangent: Array, position: int, index: Any) -> bool:
    """Whether an entry is as its right formula computes it: then it is rounding that is not linear."""
    return index is not None and lost.is_lost(context, case, cotangent, position, index)


def _answered(context: Context, case: Case, cotangent: Array) -> tuple[Sequence[Array], Sequence[Array]]:
    """The gradients for a combined cotangent, with a bound; of many numbers that of its terms is enough."""
    if not context.pattern.is_large:
        return context.gradients(case, cotangent)
    floats = context.pattern.floats(case.args)
    least = tolerances.UNDERFLOWS * float(np.finfo(context.dtype).tiny)
    answers = context.gradient_function(case)(cotangent, *floats)
    return answers, [np.full(each.shape, least) for each in floats]


def _spec(context: Context) -> Specification:
    if context.spec is None:
        raise NotApplicable(fact("no specification"))
    return context.spec
