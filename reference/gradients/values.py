"""What is promised of the numbers: forward against its specification, vjp against it or against forward itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients.cases import Question, short_numbers
from reference.gradients.context import Examination
from reference.gradients.differences import Differences, contracted
from reference.gradients.judge import Comparison, compare
from reference.gradients.specification import Specification, doubles
from reference.gradients.subject import asked
from reference.numerics.estimate import Estimate

Array = NDArray[Any]
Index = tuple[int, ...]

_NO_SPEC = "no specification was given to hold the forward pass against"
_NOWHERE_FINITE = "judged nothing: the specification is finite at none of the inputs that were tried"
_NOTHING_TOLD = (
    "judged nothing: at none of the inputs that were tried is the forward pass finite, with a derivative that its "
    "values tell"
)
_FEW = 8
_PLAIN = {"short numbers", "ordinary numbers"}
#: Powers of two, so that they multiply without rounding.
_SCALES = (2.0**-30, 2.0**30)


def check_forward_values(context: Examination) -> None:
    """The forward pass gives what the specification gives, but for rounding."""
    spec = _spec(context)
    comparison = Comparison("forward", context.largest)
    for question in context.judged():
        output, truth = context.output(question), spec.value(question.args)
        if truth is None:
            continue
        if [n for n in output.shape if n > 1] != [n for n in truth.value.shape if n > 1]:
            raise NotApplicable(f"the output has shape {output.shape} instead of {truth.value.shape}")
        bound = context.forward_bound(question, output)
        shape = truth.value.shape
        comparison.add(output.reshape(shape).astype(np.float64), truth, bound.reshape(shape), asked(question.args))
    comparison.settle(_NOWHERE_FINITE)


def check_gradient_values(context: Examination, number: int) -> None:
    """The gradient is the derivative of the specification, but for rounding."""
    spec = _spec(context)
    if not spec.is_differentiated:
        _check_by_differences(
            context, spec.differences, number, "judged nothing: the specification's values tell no slope"
        )
        return
    position = context.pattern.differentiable.index(number)
    comparison = Comparison(f"gradient[{number}]", context.largest)
    for question in context.judged():
        floats = doubles(context.pattern.floats(question.args))
        for cotangent in context.cotangents(question):
            truth = spec.gradient(cotangent, question.args)[position]
            answers, bounds = context.gradients(question, cotangent)

            def legal(index: Index, cotangent: Array = cotangent, floats: Sequence[Array] = floats) -> Estimate | None:
                return spec.differences.at_kink(cotangent, floats, position, index)

            words = asked(question.args, cotangent)
            comparison.add(answers[position], truth, bounds[position], words, legal)
    comparison.settle(_NOWHERE_FINITE)


def check_gradient_consistent(context: Examination, number: int) -> None:
    """The gradient is the derivative of the given forward pass, as its values tell it."""
    if context.spec is not None:
        raise NotApplicable("the specification is the judge, so that a wrong forward pass cannot blame a right vjp")
    _check_by_differences(context, context.differences, number, _NOTHING_TOLD)


def check_linear(context: Examination) -> None:
    """The gradient is linear in the cotangent: of a sum it is the sum, of a multiple the multiple, of 0 it is 0."""
    calm = context.calm()
    judged = False
    for question in [*calm[:2], *calm[2:][-1:]]:
        rng = np.random.RandomState(question.seed)
        one, two = (short_numbers(rng, context.shape).astype(context.dtype) for _ in range(2))
        first, second = context.gradients(question, one), context.gradients(question, two)
        if not all(np.isfinite(array).all() for array in (*first[0], *second[0])):
            continue
        judged = True
        _check_combination(context, question, 2 * one - two / 2, [(2.0, first), (-0.5, second)])
        for scale in _SCALES:
            _check_combination(context, question, (scale * one).astype(context.dtype), [(scale, first)])
        _check_combination(context, question, np.zeros_like(one), [(0.0, first)])
    if not judged:
        raise NotApplicable("judged nothing: the gradient is finite at none of the inputs that were tried")


def _check_combination(
    context: Examination, question: Question, cotangent: Array, terms: list[tuple[float, tuple[Any, list[Array]]]]
) -> None:
    answers, bounds = context.gradients(question, cotangent)
    for position, number in enumerate(context.pattern.differentiable):
        due = sum(factor * found[position] for factor, (found, _) in terms)
        bound = bounds[position] + sum(abs(factor) * granted[position] for factor, (_, granted) in terms)
        words = asked(question.args, cotangent)
        try:
            compare(f"gradient[{number}]", answers[position], np.asarray(due), bound, words)
        except Violation as violation:
            violation.expected += ", by what vjp answers for the cotangents that this one is made of"
            raise


def _check_by_differences(context: Examination, oracle: Differences, number: int, nothing: str) -> None:
    """Every entry at ordinary inputs, random directions at all."""
    comparison = Comparison(f"gradient[{number}]", context.largest)
    position = context.pattern.differentiable.index(number)
    calm = [question for question in context.calm() if question.kind in _PLAIN]
    oracle.try_complex([doubles(context.pattern.floats(question.args)) for question in calm[:2]])
    for question in context.judged():
        floats = doubles(context.pattern.floats(question.args))
        entries = context.entries(floats[position]) if question.ordinary else []
        directions = _directions(question, oracle.steps(floats, position))
        slopes = [oracle.along(floats, position, direction) for direction in directions]
        for cotangent in context.cotangents(question):
            answers, bounds = context.gradients(question, cotangent)
            actual, bound = answers[position], bounds[position]
            words = asked(question.args, cotangent)
            # What is not a number has no part in a sum.
            alone = [*entries, *_not_finite(actual)]
            comparison.add(actual, oracle.gradient(cotangent, floats, position, alone), bound, words)
            for direction, slope in zip(directions, slopes, strict=True):
                total = contracted(cotangent, slope)
                if _agrees(actual, bound, direction, total):
                    comparison.judged += int(np.isfinite(total.error))
                    continue
                index = _locate(oracle, floats, position, cotangent, direction, actual, bound)
                every = [index] if index is not None else []
                comparison.add(actual, oracle.gradient(cotangent, floats, position, every), bound, words)
                if comparison.violation is None:
                    comparison.violation = _off_along(number, actual, direction, total, words)
    comparison.settle(nothing)


def _directions(question: Question, steps: Array) -> list[Array]:
    """Random, dense, and as long as each entry may be moved."""
    if not steps.any():
        return []
    rng = np.random.RandomState(question.seed + 1)
    return [steps * rng.uniform(0.25, 1.0, steps.shape) * rng.choice([-1.0, 1.0], steps.shape)]


def _not_finite(actual: Array) -> list[Index]:
    """The first few entries that are no numbers."""
    return [tuple(int(i) for i in index) for index in np.argwhere(~np.isfinite(actual))[:_FEW]]


def _agrees(actual: Array, bound: Array, direction: Array, total: Estimate) -> bool:
    """Whether <gradient, direction> is what it should be; what cannot be told agrees."""
    products = actual * direction
    allowed = float(total.error) + float((bound * np.abs(direction)).sum())
    allowed += 2.0**-52 * products.size * float(np.abs(products).sum())
    if not np.isfinite(total.error) or not np.isfinite(actual).all():
        return True
    return bool(np.isnan(allowed) or abs(products.sum() - float(total.value)) <= allowed)


def _locate(
    oracle: Differences,
    floats: Sequence[Array],
    position: int,
    cotangent: Array,
    direction: Array,
    actual: Array,
    bound: Array,
) -> Index | None:
    """An entry that is off, by halves: the derivative along half a direction agrees or does not."""
    flat = (
        np.flatnonzero(np.ones(direction.shape)) if np.isfinite(actual).all() else np.flatnonzero(~np.isfinite(actual))
    )
    while flat.size > 1:
        halves = flat[: flat.size // 2], flat[flat.size // 2 :]
        for half in halves:
            masked = np.zeros(direction.size)
            masked[half] = direction.reshape(-1)[half]
            part = masked.reshape(direction.shape)
            slope = contracted(cotangent, oracle.along(floats, position, part))
            if not _agrees(actual, bound, part, slope):
                flat = half
                break
        else:
            return None
    return tuple(int(i) for i in np.unravel_index(flat[0], direction.shape))


def _off_along(number: int, actual: Array, direction: Array, total: Estimate, words: dict[str, Any]) -> Violation:
    return Violation(
        f"<gradient[{number}], direction> = {float(total.value)!r}, as the forward pass changes along the direction",
        f"{float((actual * direction).sum())!r}",
        bound=float(total.error),
        counterexample={**words, "direction": direction.tolist()},
    )


def _spec(context: Examination) -> Specification:
    if context.spec is None:
        raise NotApplicable(_NO_SPEC)
    return context.spec
