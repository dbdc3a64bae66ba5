"""What is promised of the numbers: forward is compared with its definition, vjp with the derivative."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import rigorous
from reference.gradients.cases import Case, short_numbers
from reference.gradients.context import Context
from reference.gradients.differences import Differences, contracted
from reference.gradients.judge import Comparison, compare
from reference.gradients.specification import Specification, doubles
from reference.gradients.subject import asked
from reference.numerics import tolerances
from reference.numerics.directions import Part, followed
from reference.numerics.estimate import Estimate
from reference.wording import Fact, fact

Array = NDArray[Any]
Index = tuple[int, ...]

_PLAIN = {"short numbers", "ordinary numbers"}


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
        comparison.add(actual, _as_good_as_doubles(spec, case, actual, truth, bound), bound, asked(case.args))
    comparison.settle(fact("specification nowhere finite"))


def _as_good_as_doubles(spec: Specification, case: Case, actual: Array, truth: Estimate, bound: Array) -> Estimate:
    """The truth; where the answer is what the definition itself computes in doubles, that is good enough."""
    if not (np.abs(actual - truth.value) > truth.error + bound).any():
        return truth
    plain = spec.in_doubles(case.args)
    same = np.abs(actual - plain) <= bound
    return Estimate(np.where(same, plain, truth.value), truth.error)


def check_gradient_values(context: Context, number: int) -> None:
    """The gradient is the derivative of the specification, but for rounding."""
    spec = _spec(context)
    if not spec.is_differentiated:
        _check_by_differences(context, spec.differences, number, fact("specification tells no slope"))
        return
    context.note_oracle(spec.oracle)
    comparison = Comparison(f"gradient[{number}]", context.largest)
    unknown = _compare_with_known(context, spec.gradient, spec.differences, number, comparison, context.judged())
    if unknown:
        _compare_with_differences(context, spec.differences, number, comparison, unknown)
    comparison.settle(fact("specification nowhere finite"))


def check_gradient_consistent(context: Context, number: int) -> None:
    """The gradient is the derivative of the given forward pass: in ball arithmetic, or as its values tell it."""
    if context.spec is not None:
        raise NotApplicable(fact("specification judges"))
    comparison = Comparison(f"gradient[{number}]", context.largest)
    known: list[Case] = []
    unknown: list[Case] = []
    for case in context.judged():
        (known if context.is_known(case) else unknown).append(case)
    if known:
        context.note_oracle(rigorous.NAME)
        unknown += _compare_with_known(
            context, context.known_gradient, context.differences, number, comparison, known
        )
    if unknown:
        _compare_with_differences(context, context.differences, number, comparison, unknown)
    comparison.settle(fact("forward tells nothing"))


def _compare_with_known(
    context: Context,
    gradient: Callable[..., tuple[Estimate, ...]],
    differences: Differences,
    number: int,
    comparison: Comparison,
    cases: Iterable[Case],
) -> list[Case]:
    """Compare with gradients that are known as a whole, case by case; the cases in which they are not are returned."""
    position = context.pattern.differentiable.index(number)
    unknown = []
    for case in cases:
        floats = doubles(context.pattern.floats(case.args))
        for cotangent in context.cotangents(case):
            answers, bounds = context.gradients(case, cotangent)
            enough = [tolerances.RESOLUTION * bound for bound in bounds]
            truth = gradient(cotangent, case.args, enough)[position]
            if truth.value.size and not np.isfinite(truth.error).any():
                unknown.append(case)
                break

            def legal(index: Index, cotangent: Array = cotangent, floats: Sequence[Array] = floats) -> Estimate | None:
                return differences.at_kink(cotangent, floats, position, index)

            words = asked(case.args, cotangent)
            comparison.add(answers[position], truth, bounds[position], words, legal)
    return unknown


def check_linear(context: Context) -> None:
    """The gradient is linear in the cotangent: of a sum it is the sum, of a multiple the multiple, of 0 it is 0."""
    calm = context.calm()
    judged = False
    for case in [*calm[:2], *calm[2:][-1:]]:
        rng = np.random.RandomState(case.seed)
        one, two = (short_numbers(rng, context.shape).astype(context.dtype) for _ in range(2))
        first, second = context.gradients(case, one), context.gradients(case, two)
        if not all(np.isfinite(array).all() for array in (*first[0], *second[0])):
            continue
        judged = True
        _check_combination(context, case, 2 * one - two / 2, [(2.0, first), (-0.5, second)])
        for scale in tolerances.LINEARITY_SCALES:
            _check_combination(context, case, (scale * one).astype(context.dtype), [(scale, first)])
        _check_combination(context, case, np.zeros_like(one), [(0.0, first)])
    if not judged:
        raise NotApplicable(fact("gradient nowhere finite"))


def _check_combination(
    context: Context, case: Case, cotangent: Array, terms: list[tuple[float, tuple[Any, list[Array]]]]
) -> None:
    answers, bounds = context.gradients(case, cotangent)
    for position, number in enumerate(context.pattern.differentiable):
        due = sum(factor * found[position] for factor, (found, _) in terms)
        bound = bounds[position] + sum(abs(factor) * granted[position] for factor, (_, granted) in terms)
        words = asked(case.args, cotangent)
        try:
            compare(f"gradient[{number}]", answers[position], np.asarray(due), bound, words)
        except Violation as violation:
            raise violation.but(due=violation.due.and_("from other cotangents")) from None


def _check_by_differences(context: Context, oracle: Differences, number: int, nothing: Fact) -> None:
    """Compare the gradient with differences in all cases, and settle what came of it."""
    comparison = Comparison(f"gradient[{number}]", context.largest)
    _compare_with_differences(context, oracle, number, comparison, context.judged())
    comparison.settle(nothing)


def _compare_with_differences(
    context: Context, oracle: Differences, number: int, comparison: Comparison, cases: Iterable[Case]
) -> None:
    """Compare with differences: entry by entry in ordinary cases, along random directions in all."""
    position = context.pattern.differentiable.index(number)
    calm = [case for case in context.calm() if case.kind in _PLAIN]
    oracle.try_complex([doubles(context.pattern.floats(case.args)) for case in calm[:2]])
    context.note_oracle(oracle.oracle)
    for case in cases:
        floats = doubles(context.pattern.floats(case.args))
        entries = context.entries(floats[position]) if case.ordinary else []
        directions = _directions(case, oracle.steps(floats, position))
        slopes = [oracle.along(floats, position, direction) for direction in directions]
        for cotangent in context.cotangents(case):
            answers, bounds = context.gradients(case, cotangent)
            actual, bound = answers[position], bounds[position]
            words = asked(case.args, cotangent)
            # Entries that are no numbers are judged one by one, since a sum with them says nothing.
            alone = [*entries, *_not_finite(actual)]
            comparison.add(actual, oracle.gradient(cotangent, floats, position, alone), bound, words)
            for direction, slope in zip(directions, slopes, strict=True):
                total = contracted(cotangent, slope)
                if not _part(actual, bound, direction, total).is_suspicious:
                    comparison.judged += int(np.isfinite(total.error))
                    continue
                index = _locate(oracle, floats, position, cotangent, direction, actual, bound)
                every = [index] if index is not None else []
                comparison.add(actual, oracle.gradient(cotangent, floats, position, every), bound, words)
                if comparison.violation is None:
                    comparison.violation = _off_along(number, actual, direction, total, words)


def _directions(case: Case, steps: Array) -> list[Array]:
    """One random direction in which each entry is moved as far as it may be."""
    if not steps.any():
        return []
    rng = np.random.RandomState(case.seed + 1)
    return [steps * rng.uniform(0.25, 1.0, steps.shape) * rng.choice([-1.0, 1.0], steps.shape)]


def _not_finite(actual: Array) -> list[Index]:
    """The first few entries that are no numbers."""
    return [
        tuple(int(i) for i in index) for index in np.argwhere(~np.isfinite(actual))[: tolerances.NOT_FINITE_ENTRIES]
    ]


def _part(actual: Array, bound: Array, direction: Array, total: Estimate) -> Part:
    """<gradient, direction> less what it should be; where that is not known, anything is allowed."""
    if not np.isfinite(actual).all():
        return Part(0.0, np.inf)
    products = actual * direction
    allowed = float(total.error) + float((bound * np.abs(direction)).sum())
    allowed += tolerances.SUM_ROUNDING * products.size * float(np.abs(products).sum())
    if not np.isfinite(allowed):
        return Part(0.0, np.inf)
    return Part(float(products.sum() - float(total.value)), allowed)


def _locate(
    oracle: Differences,
    floats: Sequence[Array],
    position: int,
    cotangent: Array,
    direction: Array,
    actual: Array,
    bound: Array,
) -> Index | None:
    """An entry that is no number, or else one that is off, by halving the direction."""
    strange = _not_finite(actual)
    if strange:
        return strange[0]

    def part(members: Any) -> Part:
        masked = np.zeros(direction.size)
        masked[members] = direction.reshape(-1)[members]
        along = masked.reshape(direction.shape)
        return _part(actual, bound, along, contracted(cotangent, oracle.along(floats, position, along)))

    def halved(left: Any, right: Any, _: Part) -> tuple[Part, Part]:
        # Differences along a half are as good as along the whole: what one half leaves to the other is not.
        return part(left), part(right)

    members = np.flatnonzero(np.ones(direction.shape))
    place = next(followed(members, part(members), halved), None)
    return None if place is None else tuple(int(i) for i in np.unravel_index(place, direction.shape))


def _off_along(number: int, actual: Array, direction: Array, total: Estimate, words: dict[str, Any]) -> Violation:
    return Violation(
        fact("slope along direction", what=f"gradient[{number}]", value=float(total.value)),
        fact("number", value=float((actual * direction).sum())),
        bound=float(total.error),
        counterexample={**words, "direction": direction.tolist()},
    )


def _spec(context: Context) -> Specification:
    if context.spec is None:
        raise NotApplicable(fact("no specification"))
    return context.spec
