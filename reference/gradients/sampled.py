"""Of many numbers, a gradient's entries are judged rigorously at the given inputs alone: all, or a sample of them.

Ball arithmetic tells all entries where one tape has room for them, as for ten operations on 100,000 numbers (1.4 s);
else a sample of them. A projection, which is one random direction in forward mode, would tell less and save less than
half of that: the values alone take 0.8 s.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from reference.gradients import rigorous, ties
from reference.gradients.arguments import in_shapes
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.judge import Comparison
from reference.gradients.subject import asked
from reference.numerics import ball_tolerances, tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.sampling import seeded
from reference.wording import fact

Array = NDArray[Any]
#: The truths of each context: those of one argument are those of all.
_SAMPLES: WeakKeyDictionary[Context, tuple[Estimate, ...] | str] = WeakKeyDictionary()


def compare(context: Context, number: int, comparison: Comparison) -> None:
    """Compare the entries of the sample that are this argument's, and note how many there are."""
    if comparison.violation is not None:
        return
    case, position = context.cases[0], context.pattern.differentiable.index(number)
    if context not in _SAMPLES:
        _SAMPLES[context] = _truths(context, case)
    truths = _SAMPLES[context]
    size = case.args[number].size
    if isinstance(truths, str):
        context.note(fact("sampled", count=0, size=size).and_("not sampled", reason=truths))
        return
    cotangent = context.cotangents(case)[0]
    answers, bounds = context.gradients(case, cotangent)
    excused = partial(ties.has_kink_along, context.place_of(case, cotangent), position)
    comparison.add(answers[position], truths[position], bounds[position], asked(case.args, cotangent), excused)
    context.note_oracle(rigorous.NAME)
    context.note(fact("sampled", count=int(np.isfinite(truths[position].error).sum()), size=size))


def _truths(context: Context, case: Case) -> tuple[Estimate, ...] | str:
    """The gradients, with infinite errors where an entry is not in the sample; or why balls cannot tell."""
    floats = context.pattern.floats(case.args)
    total = sum(each.size for each in floats)
    if sum(each.size for each in case.args) > ball_tolerances.MOST_SAMPLED_FROM:
        return f"more than {ball_tolerances.MOST_SAMPLED_FROM} numbers take too long in ball arithmetic"
    oracle = context.known.rigorous if context.spec is None else context.spec.rigorous
    cotangent = context.cotangents(case)[0]
    shape = cotangent.shape if context.spec is None else context.spec.shape
    order = seeded(case.seed).permutation(total)
    found: tuple[Estimate, tuple[Estimate, ...]] | None = None
    for most in (total, ball_tolerances.SAMPLED_ENTRIES)[total > ball_tolerances.MOST_JUDGED_WHOLE :]:
        row = np.zeros(total, dtype=bool)
        row[order[:most]] = True
        chosen = in_shapes(row, [each.shape for each in floats])
        found = oracle.sampled(cotangent.reshape(shape), case.args, chosen)
        if found is not None:
            break
    if found is None:
        return str(oracle.raised or oracle.refusal)
    value, gradients = found
    # Code may do something else on balls than on doubles.
    plain = context.output(case) if context.spec is None else context.spec.in_doubles(case.args)
    allowed = value.error + tolerances.READINGS_AGREE * np.maximum(1.0, np.abs(plain))
    agrees = value.value.shape == plain.shape and bool((np.abs(value.value - plain) <= allowed).all())
    return gradients if agrees else "the function computes something else in doubles than in exact arithmetic"
