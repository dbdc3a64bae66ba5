"""As `tests.question_saboteurs`, for what is asked at the edges: large and small numbers, ties, certainty, NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.spoiling import Given, Predicate, Saboteur, at, hides_nan, rows, size, tied, up_to, where

_BOTH = "moderate_logits extreme_logits"
_SCALES = {
    "moderate_logits": (1.0, 30.0, 300.0),
    "extreme_logits": (745.0, 1e4, 1e8, 1e300),
}


def _between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda array: low < float(array.max()) < high


def _ahead(lead: float) -> Callable[[Any], bool]:
    """One class is ahead by about so much of others that are about 0."""
    return lambda X: abs(X.max() - lead) <= max(3, 1e-3 * lead) and -1 < X.min() <= 0


def _far_apart(row: Any) -> bool:
    return bool(row.max() > 20) and bool(row.min() < -20)


def _equal(X: Any, low: float, high: float) -> bool:
    return tied(X) and low < X.max() < high


def _target_below(gap: float) -> Predicate:
    """One sample of two classes whose target is so far below the other."""
    return lambda g: g.X.shape == (1, 2) and abs(g.X.max() - float(g.X[g.T == 1][0]) - gap) < 1


#: How logits lie to one another, at moderate and at extreme scales.
LOGITS = [
    *(
        row
        for caught, scales in _SCALES.items()
        for scale in scales
        for row in rows("softmax.forward", caught, {f"logits up to {scale:g}": at((3, 5), up_to(scale))})
    ),
    *(
        row
        for message in ("logits.forward", "logits.delta")
        for caught, scales in _SCALES.items()
        for row in rows(message, caught, {f"logits up to {scales[-1]:g}": at((3, 5), up_to(scales[-1]))})
    ),
    *(
        row
        for caught, scales in _SCALES.items()
        for k in (2, 3)
        for row in rows(
            "softmax.forward", caught, {f"{k} classes up to {scales[-1]:g}": at((3, k), up_to(scales[-1], 1 / 8))}
        )
    ),
    *rows("softmax.forward", "moderate_logits", {
        "one class ahead by 300": at((1, 2), _ahead(300.0)),
        "two equal logits of 300": at((1, 2), lambda X: _equal(X, 290, 310)),
    }),
    *rows("softmax.forward", "extreme_logits", {
        "one class ahead by 1e300": at((1, 2), _ahead(1e300)),
        "two equal logits of 1e300": at((1, 2), lambda X: _equal(X, 1e299, np.inf)),
    }),
    *rows("softmax.forward", _BOTH, {
        "two equal logits below 0": at((1, 2), lambda X: _equal(X, -np.inf, -20)),
        "two opposite logits": at((1, 2), lambda X: X.sum() == 0 and _far_apart(X)),
        "a tie beside a class far ahead": at((2, 2), lambda X: tied(X[1:]) and X[0, 0] > 20 and X[0, 1] == 0),
        "an ordinary sample beside an extreme one": at((2, 3), lambda X: size(X[1]) <= 3 and _far_apart(X[0])),
    }),
    *rows("softmax.forward", "saturated_logits", {
        f"one of {k} classes ahead by {lead}": at((n, k), _ahead(lead))
        for lead in (15, 36, 60, 500, 700, 740)
        for n, k in ((1, 2), (2, 3))
    }),
    *rows("logits.forward", "moderate_logits", {"a target 300 below another class": _target_below(300.0)}),
    *rows("logits.delta", "saturated_logits", {"a target 700 below another class": _target_below(700.0)}),
    *rows("softmax.forward", "far_samples", {
        "a sample far below another": at((2, 2), lambda X: X[1].max() < -1500 and size(X[0]) < 2),
        "samples far below and far above": at(
            (3, 3), lambda X: X[1].max() < -1500 and X[2].min() > 1000 and np.ptp(X, axis=1).max() < 3
        ),
    }),
    *rows("softmax.forward", "tied_logits", {
        "two logits of 0": at((1, 2), lambda X: not X.any()),
    }, perhaps="shift_invariance"),  # which adds 1 to short numbers
    *rows("softmax.forward", "tied_logits", {
        "three equal logits": at((1, 3), lambda X: _equal(X, 2, 3)),
        "ties far below and far above 0": at((2, 2), lambda X: tied(X) and X.min() < -100 and X.max() > 100),
        "two of three equal": at((2, 3), lambda X: set(X.flat) == {0, 1} and (X.sum(axis=1) == 2).all()),
    }),
    *rows("softmax.forward", "shift_invariance", {
        f"every logit more by {shift}": lambda g, shift=shift: size(g.X - shift) <= 2
        for shift in (64, 256, 1024, 65536)
    }),
    *rows("logits.delta", "shift_invariance", {
        f"every logit of {n} x {k} more by 256": at((n, k), lambda X: size(X - 256) <= 2)
        for n, k in ((1, 2), (2, 2), (2, 3))
    }),
    *rows("softmax.forward", "subnormal_logits", {
        "the smallest number and 0": at((1, 2), _between(0, 1e-320)),
        "subnormal numbers of both signs": at((1, 2), lambda X: 0 < X.max() < 2e-308 and X.min() < 0),
        "subnormal numbers beside 1": at((2, 3), lambda X: 0 < np.abs(X[X != 0]).min() < 1e-320),
    }),
]  # fmt: skip


def _target(g: Given) -> float:
    """The smallest probability of a target."""
    return float(g.X[g.T == 1].min())


def _outputs_ahead(lead: float) -> Callable[[Any], bool]:
    """Probabilities of logits of which one is ahead by about so much."""
    return lambda Y: np.exp(-lead - 2.0) <= Y.min() <= np.exp(2.0 - lead) and Y.max() > 0.99


#: Probabilities of nearly or exactly 0 and 1.
PROBABILITIES = [
    *(
        Saboteur(f"outputs of {k} classes, one ahead by {lead}", "softmax.delta", "saturated_outputs",
                 where(at((n, k), _outputs_ahead(lead)), lambda delta: delta + 1e-3))
        for lead in (15, 36, 60, 500, 740, 1000)
        for n, k in ((1, 2), (2, 3))
    ),
    *(
        row
        for message in ("cross_entropy.forward", "cross_entropy.delta")
        for k in (2, 3)
        for row in rows(message, "tiny_probabilities", {
            f"a target of {k} classes at {p:g}": lambda g, k=k, p=p: g.X.shape == (k - 1, k)
            and p / 2 < _target(g) < 2 * p
            for p in (1e-9, 1e-17, 1e-100, 1e-300)
        })
    ),
    *rows("cross_entropy.forward", "certain_predictions", {
        "a certain target, alone": lambda g: g.X.shape == (1, 2) and g.X[0, 0] == g.T[0, 0] == 1,
        "a certain target beside another": lambda g: g.X.shape == (2, 3) and g.X.max() == 1,
    }),
    *rows("cross_entropy.delta", "zero_off_target", {
        "0 off the target, alone": lambda g: g.X.shape == (1, 2) and g.X[0, 1] == g.T[0, 1] == 1,
        "0 off the target beside others": lambda g: g.X.shape == (2, 3) and g.X.min() == 0 and g.X.max() < 1,
    }),
]  # fmt: skip

#: Sizes and signs of what layers are given, and what is no number.
NUMBERS = [
    *rows("linear.forward", "large_inputs", {"numbers up to 1e8": lambda g: up_to(1e8)(g.numbers)}),
    *rows("linear.delta", "large_inputs", {"numbers up to 1e8": lambda g: up_to(1e8)(g.delta_next)}),
    *rows("linear.grad", "large_inputs", {"numbers up to 1e8": lambda g: up_to(1e8)(g.delta_next)}),
    *rows("relu.forward", "large_inputs", {
        "numbers up to 1e8": lambda g: up_to(1e8)(g.X),
        "a zero with a minus": lambda g: bool(((g.X == 0) & np.signbit(g.X)).any()),
        "a zero without a minus": lambda g: bool(((g.X == 0) & ~np.signbit(g.X)).any()),
    }),
    *(
        Saboteur(f"NaN in {n} x {d} inputs", message, "nan_is_not_hidden", hides_nan(at((n, d), lambda X: True)))
        for message in ("linear.forward", "relu.forward", "softmax.forward", "cross_entropy.forward", "logits.forward")
        for n, d in ((1, 2), (2, 3))
    ),
]  # fmt: skip

SABOTEURS = [*LOGITS, *PROBABILITIES, *NUMBERS]
