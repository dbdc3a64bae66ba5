"""A counterexample of smaller arrays: the same check on a few entries of the given arguments, in short numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine import Check
from reference.findings import Violation
from reference.gradients.arguments import Pattern
from reference.gradients.context import Context
from reference.gradients.specification import Specification

Array = NDArray[Any]

#: Entries of all arguments together that are few enough to be read.
_FEW = 4


def smaller(context: Context, check: Check, violation: Violation) -> Violation | None:
    """A violation of the same check that fails in the same way with smaller arguments; None if there is none.

    Axes of one length are taken for the same axis, and shortened together. Where the functions cannot do with such
    arguments, or the check does not fail in the same way, the next are tried.
    """
    if (
        context.pattern.draw is not None
        or context.pattern.is_large
        or sum(array.size for array in context.pattern.args) <= _FEW
    ):
        return None
    for pattern in _smaller_patterns(context.pattern):
        if not _is_legal(pattern):
            continue
        found = _same_failure(context, pattern, check, violation)
        if found is not None:
            return found
    return None


def _is_legal(pattern: Pattern) -> bool:
    try:
        return pattern.is_legal(pattern.args)
    except (Exception, SystemExit):  # the caller's predicate may not take such shapes
        return False


def _same_failure(context: Context, pattern: Pattern, check: Check, violation: Violation) -> Violation | None:
    subject = replace(context.subject, pattern=pattern)
    try:
        spec = None if context.spec is None else Specification(context.spec.definition, pattern)
        there = Context(subject, spec, context.seed, "quick", owns=context.owns, constant=context.constant)
        there.output(there.cases[0])
        if check.id.startswith("vjp.gradient") and ".answers" not in check.id:
            there.gradients(there.cases[0], there.cotangents(there.cases[0])[0])
        check.run(there)
    except Violation as found:
        return found if _way(found) == _way(violation) else None
    except (Exception, SystemExit):  # the code cannot do with these shapes, or nothing can be judged there
        return None
    return None


def _way(violation: Violation) -> tuple[Any, ...]:
    """In which way a check failed: the mistake, what was expected of which function, and what came, if an exception."""
    due, came = violation.due, violation.came
    return violation.mistake, due.fields.get("what"), came.kind, came.fields.get("error")


def _smaller_patterns(pattern: Pattern) -> Iterator[Pattern]:
    """The smallest first: axes of one entry, of two, and of different short lengths."""
    lengths = sorted({n for array in pattern.args for n in array.shape})
    plans = [
        {n: min(n, 1) for n in lengths},
        {n: min(n, place) for place, n in enumerate(lengths, 1)},
        {n: min(n, 2) for n in lengths},
        {n: min(n, place) for place, n in enumerate(lengths, 2)},
    ]
    for number, plan in enumerate(plans):
        if plan not in plans[:number] and any(plan[n] < n for n in lengths):
            pairs = zip(pattern.args, pattern.domain, strict=True)
            args = tuple(_shortened(array, plan, interval) for array, interval in pairs)
            yield replace(pattern, args=args)


def _shortened(array: Array, plan: dict[int, int], interval: tuple[float, float]) -> Array:
    part = np.array(array[tuple(slice(plan[n]) for n in array.shape)])
    if part.dtype.kind != "f":
        # Class labels say a place along an axis: the shortest that they all fit in.
        axes = [n for n in plan if part.size and n > array.max()]
        return part % max(plan[min(axes)], 1) if axes and array.min() >= 0 else part
    short = np.asarray(np.round(part * 8) / 8).astype(part.dtype)
    short = np.where(short == 0, part, short)
    low, high = interval
    return np.asarray(np.where((low < short) & (short < high), short, part)).astype(part.dtype)
