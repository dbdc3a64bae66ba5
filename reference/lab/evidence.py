"""Evidence of several cases in one picture. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.findings import Evidence
from reference.lab.cases import Case
from reference.lab.contract import Expected, Message

Array = NDArray[Any]


def point_of(
    message: Message, case: Case, actual: tuple[Array, ...], answer: Expected
) -> list[tuple[float, float, float]]:
    """One point of `Evidence.trend`, the error and its bound where it is worst; none if the case has no logits."""
    logits = case.arguments.get("X") if case.origin is None else case.origin
    if message.key not in {"softmax", "logits"} or logits is None:
        return []
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.concatenate([np.abs(a - t.value).ravel() for a, t in zip(actual, answer.truth, strict=True)])
        pairs = zip(answer.bounds, answer.truth, strict=True)
        allowed = np.concatenate([(bound + truth.error).ravel() for bound, truth in pairs])
        worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors - allowed)))
    return [(float(np.abs(logits).max()), float(errors[worst]), float(allowed[worst]))]


def most_telling(evidence: Sequence[Evidence | None], trend: Sequence[tuple[float, float, float]]) -> Evidence | None:
    """The evidence with the largest array, with the trend over all cases; None if there is no evidence."""
    found = list(filter(None, evidence))
    if not found:
        return None
    return replace(max(found, key=lambda each: np.size(each.actual)), trend=tuple(trend))
