"""Formulas that are sums of terms: which coefficient of which term is wrong is estimated from answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reference.lab.mistakes import scales
from reference.lab.mistakes.departures import Array, Departure, Given, Parts, sums
from reference.lab.mistakes.plain import softmax

_LOSS = "LossCrossEntropyForSoftmaxLogits"
#: How exactly coefficients are known where they count, as a fraction, and how far rounding may take a sum of terms.
_EXACT, _ROUNDING = 1e-6, 1e-13
#: Terms whose matrix has a larger condition cannot be told from one another in that case.
_CONDITION = 1e4


@dataclass(frozen=True)
class Term:
    """One term of a sum.

    Attributes
    ----------
    name
        As it is told.
    of
        The term itself.
    due
        Its right coefficient.
    missing
        The word where the coefficient is 0 and should not be, or where it is not 0 and should be.
    """

    name: str
    of: Callable[[Given], Array]
    due: float
    missing: str


def _largest(X: Array) -> Array:
    return np.asarray(X.max(axis=1, keepdims=True))


def _log(A: Array) -> Array:
    return np.asarray(np.log(np.where(A > 0, A, 1)))


#: By subject; for ``grad`` those of dW, which is its first part.
TERMS: Mapping[str, Sequence[Term]] = {
    "LinearLayer.forward": (
        Term("X W", lambda g: np.asarray(g["X"] @ g["W"]), 1, "term-missing"),
        Term("b", lambda g: np.broadcast_to(g["b"], (len(g["X"]), len(g["b"]))), 1, "bias-missing"),
    ),
    "LinearLayer.grad": (
        Term("the mean", lambda g: np.asarray(g["X"].T @ g["delta_next"] / len(g["X"])), 1, "term-missing"),
        Term("W", lambda g: g["W"], 0, "extra-term"),
    ),
    "SoftmaxLayer.delta": (
        Term("Y delta_next", lambda g: g["Y"] * g["delta_next"], 1, "term-missing"),
        Term("Y times the sum", lambda g: g["Y"] * sums(g["Y"] * g["delta_next"]), -1, "term-missing"),
    ),
    "LossCrossEntropy.forward": (
        Term("t log p", lambda g: -sums(g["T"] * _log(g["X"])), 1, "term-missing"),
        Term("(1 - t) log(1 - p)", lambda g: -sums((1 - g["T"]) * _log(1 - g["X"])), 0, "binary-cross-entropy"),
    ),
    f"{_LOSS}.forward": (
        Term("the logarithm", lambda g: np.log(sums(np.exp(g["X"] - _largest(g["X"])))), 1, "term-missing"),
        Term("the shift", lambda g: _largest(g["X"]), 1, "shift-not-undone"),
        Term("the target's logit", lambda g: sums(g["T"] * g["X"]), -1, "term-missing"),
    ),
    f"{_LOSS}.delta": (
        Term("p", lambda g: softmax(g["X"]), 1, "softmax-missing"),
        Term("t", lambda g: g["T"], -1, "term-missing"),
    ),
}


def estimated(
    subject: str, cases: Sequence[tuple[Given, Array]], *, per_sample: bool, classes: bool
) -> Departure | None:
    """The departure with wrong coefficients that gives these answers; None if there is none, or only one factor."""
    terms = TERMS.get(subject)
    if terms is None:
        return None
    rows = [_coefficients(terms, given, answer) for given, answer in cases]
    known = [(*row, scales.sizes_of(given)) for row, (given, _) in zip(rows, cases, strict=True) if row is not None]
    if not known:
        return None
    found = []
    for number in range(len(terms)):
        clear = [
            (float(row[number]), sizes) for row, noise, sizes in known if abs(row[number]) > noise[number] / _EXACT
        ]
        if not clear:
            if any(abs(row[number]) > noise[number] for row, noise, _ in known):
                return None
            found.append(scales.Scale(0.0))
            continue
        scale = scales.fitting([value for value, _ in clear], [sizes for _, sizes in clear], within=_EXACT)
        if scale is None:
            return None
        found.append(scale)
    return _departure(terms, found, per_sample=per_sample, classes=classes)


def _coefficients(terms: Sequence[Term], given: Given, answer: Array) -> tuple[Array, Array] | None:
    """The coefficients of the terms in one answer, and how exact they are; None where it is no sum of them."""
    columns = [np.asarray(term.of(given), dtype=np.float64).ravel() for term in terms]
    matrix, due = np.stack(columns, axis=1), answer.ravel()
    if len(due) <= len(terms) or not np.isfinite(matrix).all() or not np.isfinite(due).all():
        return None
    sizes = np.abs(matrix).max(axis=0)
    condition = np.linalg.cond(matrix / sizes) if sizes.all() else np.inf
    if condition > _CONDITION:
        return None
    found = np.linalg.lstsq(matrix / sizes, due, rcond=None)[0] / sizes
    off = np.abs(matrix @ found - due).max()
    noise = _ROUNDING * condition * np.abs(due).max() / sizes
    return (found, noise) if off <= _ROUNDING * condition * np.abs(due).max() else None


def _departure(
    terms: Sequence[Term], found: Sequence[scales.Scale], *, per_sample: bool, classes: bool
) -> Departure | None:
    relative = [
        scales.Scale(scale.constant / (term.due or 1), scale.powers, scale.less_one)
        for term, scale in zip(terms, found, strict=True)
    ]
    common = {each for each, term in zip(relative, terms, strict=True) if term.due}
    others = [scale.constant for scale, term in zip(found, terms, strict=True) if not term.due]
    if len(common) == 1 and not any(others):
        # One factor for all terms is no matter of the terms.
        return None
    words: list[str] = []
    told: dict[str, str] = {}
    for term, scale, factor in zip(terms, found, relative, strict=True):
        if scale == scales.Scale(float(term.due)):
            continue
        told[f"coefficient of {term.name}"] = str(scale)
        if term.due == 0 or scale.constant == 0:
            words.append(term.missing)
        elif term.name == "t" and scale == scales.Scale(-2.0):
            words.append("target-subtracted-twice")
        elif term.name == "the shift":
            words.append("shift-not-undone")
        else:
            words += scales.words_of(factor, per_sample=per_sample, classes=classes)
    if not words:
        return None
    first, *further = dict.fromkeys(words)

    def formula(given: Given) -> Parts:
        sizes = scales.sizes_of(given)
        summed = (scale.of(sizes) * term.of(given) for term, scale in zip(terms, found, strict=True))
        return (sum(summed, np.zeros(())),)

    def change(inner: Callable[[Given], Parts]) -> Callable[[Given], Parts]:
        return lambda given: (*formula(given), *inner(given)[1:])

    hint = "The formula is a sum: has each of its terms the factor that is due?"
    return Departure(first, hint, change, told, tuple(further), specific=True)
