"""How many digits of loss and gradient are left of a sample that is more and more surely right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from reference.lab import definitions
from reference.numerics.oracles import ball
from reports.study.formulas import Array, Formulas, available

#: The logit of the right class, where the others are N(0, 1): densely up to where they are less than 2^-53 of it, near
#: 37, and from where exp overflows, near 709, to where nothing is left of them, near 745.
LEADS = (*range(1, 60), *range(60, 700, 20), *range(700, 746, 2))
_CLASSES = 10
_SAMPLES = 4


def measure(leads: Sequence[int] = LEADS) -> dict[str, Any]:
    """For results.json: the largest errors at each lead, in units in the last place of the truth.

    Returns
    -------
    dict
        ``missing``: why nothing else is there, or None. ``leads``. ``loss`` and ``delta``: errors of each way by its
        name, infinite for NaN. ``facts``: what the text says of each way.
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
        "facts": {name: _facts(leads, column) for name, column in errors.items()},
    }


def _errors(way: Formulas, X: Array, T: Array) -> tuple[float, float, bool]:
    """The largest of the loss and of the gradient, and whether a loss is 0 where the truth is a number that is not."""
    with np.errstate(all="ignore"):
        losses, gradient = way.loss(X, T), way.delta(X, T)
    spec = partial(definitions.cross_entropy_of_logits, T=T)
    of_losses = ball.ulps(spec, (X,), losses).value
    of_gradient = ball.ulps(spec, (X,), gradient, np.ones((len(X), 1))).value
    false_zero = (losses == 0) & (of_losses > 0.5)  # noqa: PLR2004 - half a unit from 0: another double is next to it
    return float(of_losses.max()), float(of_gradient.max()), bool(false_zero.any())


def _facts(leads: Sequence[int], errors: Sequence[tuple[float, float, bool]]) -> dict[str, Any]:
    """The largest error, and the first leads at which a loss is wrongly 0 and at which something is NaN."""
    return {
        "worst": max(max(loss, delta) for loss, delta, _ in errors),
        "first_false_zero": next((lead for lead, (_, _, zero) in zip(leads, errors, strict=True) if zero), None),
        "first_nan": next(
            (lead for lead, (loss, delta, _) in zip(leads, errors, strict=True) if np.isinf([loss, delta]).any()), None
        ),
    }
