"""The repairs of the gradients of a context, which are looked for once for all its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from reference.gradients.context import Context
from reference.gradients.diagnosis.samples import Sample, all_samples
from reference.gradients.repair import search
from reference.gradients.repair.search import Repair

_FOUND: WeakKeyDictionary[Context, list[Repair]] = WeakKeyDictionary()


def repaired(context: Context, position: int) -> Repair | None:
    """The likeliest edit after which the gradient of an argument is right in all samples; None if there is none."""
    if context not in _FOUND:
        _FOUND[context] = []
        samples = all_samples(context)
        if len(samples) > 1:
            _FOUND[context] = _search(context, samples)
    return next((each for each in _FOUND[context] if position in each.positions), None)


def _search(context: Context, samples: Sequence[Sample]) -> list[Repair]:
    if context.repairs is not None:  # the code is not in this process
        return list(context.repairs(context, samples))
    return search.repairs(context, samples)
