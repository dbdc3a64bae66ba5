"""Measures how many digits of loss and gradient remain when the right class has a larger and larger logit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from reference.lab import definitions
from reference.numerics.oracles import ball
from reports.study.formulas import Array, Formulas, available

#: Logits of the right class; those of the other classes are N(0, 1). They lie densely around 37, beyond which the other
#: classes have less than 2^-53 of the probability, and from 709, where exp overflows, to 745, where exp of the
#: difference becomes 0.
LEADS = (*range(1, 60), *range(60, 700, 20), *range(700, 746, 2))
_CLASSES = 10
_SAMPLES = 4


def measure(leads: Sequence[int] = LEADS) -> dict[str, Any]:
    """Measure, for results.json, the largest errors at each of the logits, in units in the last place of the truth.

    Returns
    -------
    dict
        ``missing``: why there is nothing else, or None. ``leads``: the logits. ``loss`` and ``delta``: the errors of
        each way by its name, infinite for NaN. ``summary``: what the text states about each way. ``thresholds``: where
        something must change, by the format of a double; see `thresholds`.
    """
    if (reason := ball.available()) is not None:
        return {"missing": reason}
    T = np.eye(_CLASSES)[np.zeros(_SAMPLES, dtype=int)]
    others = np.random.RandomState(0).randn(_SAMPLES, _CLASSES) * (1 - T)
    ways, _ = available()
    errors = {way.name: [_errors(way, others + lead * T, T) for lead in leads] for way in ways}
    return {
        "missing": None,
        "leads": list(leads),
        "loss": {name: [loss for loss, _, _ in column] for name, column in errors.items()},
        "delta": {name: [delta for _, delta, _ in column] for name, column in errors.items()},
        "summary": {name: _summary(leads, column) for name, column in errors.items()},
        "thresholds": thresholds(others[:, 1:]),
    }


def thresholds(others: Array) -> dict[str, float]:
    """The logits of the right class at which something changes, by the format of a double alone.

    Parameters
    ----------
    others
        The logits of the other classes, (N, K - 1).

    Returns
    -------
    dict
        ``two_classes``: beyond it exp(-x), which is what one other class with logit 0 adds to 1, is rounded away.
        ``zero_possible``: beyond it the same holds for each single one of the other classes, in one of the samples.
        ``zero_certain``: beyond it the same holds for their sum. ``subnormal``: beyond it exp(-x) is less than 2^-1022,
        and the unit in the last place shrinks no more. ``overflow``: beyond it exp(x) is infinite.
    """
    half_unit = 53 * math.log(2)
    largest = others.max(axis=1)
    log_sums = largest + np.log(np.exp(others - largest[:, None]).sum(axis=1))
    return {
        "two_classes": half_unit,
        "zero_possible": half_unit + float(largest.min()),
        "zero_certain": half_unit + float(log_sums.min()),
        "subnormal": 1022 * math.log(2),
        "overflow": 1024 * math.log(2),
    }


def _errors(way: Formulas, X: Array, T: Array) -> tuple[float, float, bool]:
    """The largest errors of the loss and of the gradient, and whether a loss is a false zero."""
    with np.errstate(all="ignore"):
        losses, gradient = way.loss(X, T), way.delta(X, T)
    spec = partial(definitions.cross_entropy_of_logits, T=T)
    of_losses = ball.ulps(spec, (X,), losses).value
    of_gradient = ball.ulps(spec, (X,), gradient, np.ones((len(X), 1))).value
    false_zero = (losses == 0) & (of_losses > 0.5)  # noqa: PLR2004 - half a unit from 0: another double is next to it
    return float(of_losses.max()), float(of_gradient.max()), bool(false_zero.any())


def _summary(leads: Sequence[int], errors: Sequence[tuple[float, float, bool]]) -> dict[str, Any]:
    """The largest error, and the first logits at which a loss is wrongly 0 and at which something is NaN."""
    return {
        "worst": max(max(loss, delta) for loss, delta, _ in errors),
        "first_false_zero": next((lead for lead, (_, _, zero) in zip(leads, errors, strict=True) if zero), None),
        "first_nan": next(
            (lead for lead, (loss, delta, _) in zip(leads, errors, strict=True) if np.isinf([loss, delta]).any()), None
        ),
    }
