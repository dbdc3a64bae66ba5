"""The gradient is compared with differences of the forward pass or its definition: entries, and directions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import Violation
from reference.gradients import hidden, large, lost, staircases
from reference.gradients.cases import PLAIN, Case
from reference.gradients.context import Context
from reference.gradients.differences import Differences, contracted
from reference.gradients.judge import Comparison
from reference.gradients.specification import doubles
from reference.gradients.subject import asked
from reference.numerics import function_tolerances, tolerances
from reference.numerics.directions import Part, followed
from reference.numerics.estimate import Estimate
from reference.numerics.sampling import seeded, signs
from reference.wording import fact

Array = NDArray[Any]
Index = tuple[int, ...]
Answers = tuple[tuple[Array, ...], list[Array]]


def comparison_of(context: Context, number: int) -> Comparison:
    """The comparison of the gradient of one argument."""
    return Comparison(f"gradient[{number}]", context.largest, unit=context.unit)


def compare_with_differences(
    context: Context, oracle: Differences, number: int, comparison: Comparison, cases: Iterable[Case]
) -> None:
    """Compare with differences: entry by entry in ordinary cases, along random directions in all."""
    if context.pattern.is_large:
        context.note_oracle(oracle.oracle)
        for case in cases:
            if comparison.violation is None:
                large.compare(context, oracle, number, comparison, case)
        return
    position = context.pattern.differentiable.index(number)
    calm = [case for case in context.calm() if case.kind in PLAIN]
    oracle.try_complex([doubles(context.pattern.floats(case.args)) for case in calm[:2]])
    context.note_oracle(oracle.oracle)
    for case in cases:
        floats = doubles(context.pattern.floats(case.args))
        entries = context.entries(floats[position]) if case.ordinary else []
        directions = _directions(case, oracle.steps(floats, position))
        slopes = [oracle.along(floats, position, direction) for direction in directions]
        for cotangent in context.cotangents(case):
            answered = answers_of(context, comparison, case, cotangent)
            if answered is None:
                continue
            answers, bounds = answered
            actual, bound = answers[position], bounds[position]
            words = asked(case.args, cotangent)
            excused = partial(is_excused, context, oracle, case, cotangent, answers, bounds, position)
            # Entries that are no numbers are judged one by one, since a sum with them says nothing.
            alone = [*entries, *_not_finite(actual)]
            truth = oracle.gradient(cotangent, floats, position, alone)
            beyond = beyond_doubles(context, case, position, actual)
            judged = Estimate(truth.value, np.where(beyond, np.inf, truth.error))
            unseen = partial(hidden.of_gradient, context, case, cotangent, position, judged)
            comparison.add(actual, judged, bound, words, excused, unseen)
            not_a_number(comparison, case, cotangent, actual, truth, beyond, excused)
            for direction, slope in zip(directions, slopes, strict=True):
                total = contracted(cotangent, slope)
                part = _part(actual, bound, direction, total)
                if not part.is_suspicious:
                    comparison.judged += int(np.isfinite(part.allowed))
                    continue
                index = _locate(oracle, floats, position, cotangent, direction, actual, bound)
                every = [index] if index is not None else []
                truth = oracle.gradient(cotangent, floats, position, every)
                comparison.add(actual, truth, bound, words, excused, unseen)
                if comparison.violation is None and not excused(direction):
                    comparison.violation = _off_along(number, actual, direction, total, words)


def answers_of(context: Context, comparison: Comparison, case: Case, cotangent: Array) -> Answers | None:
    """The gradients for one case, and what rounding is granted; None where there are none, which is noted."""
    try:
        return context.gradients(case, cotangent)
    except Violation as violation:
        # That vjp raises at one input does not hide what it answers at others.
        comparison.crash = comparison.crash or violation
        return None


def beyond_doubles(context: Context, case: Case, position: int, actual: Array) -> Array:
    """Which answers are no finite numbers where the definition passes through numbers that are beyond all doubles.

    The derivative of |x| exp(-x^2) at 1e200 is 0, but whoever computes it as the definition is written meets 0 times
    infinity. That excuses those entries alone whose way through the definition has such numbers.
    """
    strange = np.asarray(~np.isfinite(actual))
    if context.spec is None or not strange.any():
        return np.zeros(actual.shape, dtype=bool)
    found = context.spec.rigorous.beyond_doubles(case.args)
    return np.zeros(actual.shape, dtype=bool) if found is None else strange & found[position]


def not_a_number(
    comparison: Comparison,
    case: Case,
    cotangent: Array,
    actual: Array,
    truth: Estimate,
    beyond: Array,
    excused: Callable[[Any], bool],
) -> None:
    """A NaN is wrong where the forward pass is finite, even where its derivative is not known.

    ``beyond`` tells where the definition passes through numbers beyond doubles.
    """
    strange = np.argwhere(np.isnan(actual) & ~np.isfinite(truth.error) & ~beyond)
    if not len(strange):
        return
    index = tuple(int(i) for i in strange[0])
    if comparison.violation is None and not excused(index):
        comparison.violation = Violation(
            fact("number where finite", what=comparison.name, index=index),
            fact("entry", what=comparison.name, index=index, value=float(actual[index])),
            index=index,
            counterexample=asked(case.args, cotangent),
        )


def is_excused(
    context: Context,
    oracle: Differences,
    case: Case,
    cotangent: Array,
    answers: Sequence[Array],
    bounds: Sequence[Array],
    position: int,
    where: Index | Array,
) -> bool:
    """Whether differences are no judge here, of an entry or along a direction.

    At a kink they are none, nor of a staircase so far away that every double is whole, nor where the values do not
    speak against the answer when shorter steps are taken.
    """
    floats = doubles(context.pattern.floats(case.args))
    largest = max(float(np.abs(each).max(initial=0.0)) for each in floats)
    if largest >= function_tolerances.WHOLE_DOUBLES and staircases.has_steps(oracle.function, floats):
        return True
    if case.ordinary and context.is_excused(case, cotangent, answers, bounds):
        return True
    if not np.isfinite(answers[position]).all():
        index = where if isinstance(where, tuple) else _not_finite(answers[position])[0]
        return lost.is_lost(context, case, cotangent, position, index)
    directions = [np.zeros(each.shape) for each in floats]
    if not isinstance(where, tuple):
        directions[position] = np.asarray(where)  # of an argument without axes it is a number
    else:
        directions[position][where] = oracle.steps(floats, position)[where]
    claimed = float((answers[position] * directions[position]).sum())
    due = contracted(cotangent, oracle.jointly(floats, directions))
    if not np.isfinite(due.error):
        return False
    if not oracle.refutes(floats, directions, cotangent, claimed, float(due.value)):
        return True
    return isinstance(where, tuple) and lost.is_lost(context, case, cotangent, position, where)


def _directions(case: Case, steps: Array) -> list[Array]:
    """One random direction in which each entry is moved as far as it may be."""
    if not steps.any():
        return []
    rng = seeded(case.seed + 1)
    return [steps * rng.uniform(0.25, 1.0, steps.shape) * signs(rng, steps.shape)]


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
        masked[members] = direction.ravel()[members]
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
