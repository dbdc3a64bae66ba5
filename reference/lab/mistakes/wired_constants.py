"""Wrong choices in networks with a constant, such as a factor or a limit, which is estimated from one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from reference.lab.mistakes import scales
from reference.lab.mistakes.departures import Array, shortened
from reference.lab.mistakes.wired_choices import Choice
from reference.lab.mistakes.wired_gradient import each_part

#: How many limits of delta are tried: a choice of time.
_LIMITS = 4
#: Of N, D and K in a factor.
_POWERS = ((0, 0, 0), (-1, 0, 0), (1, 0, 0), (0, 0, -1), (0, -1, 0), (0, 0, 1), (0, 1, 0), (-2, 0, 0), (2, 0, 0))


def estimated(
    subject: str,
    right: float,
    wrong: float,
    sizes: Mapping[str, int],
    parts: Sequence[Array] = (),
    biases: Sequence[Array] = (),
) -> list[Choice]:
    """Choices with a constant that is estimated from one entry, what was due and what came, or from all that came."""
    between = list(_limits_of_delta(biases)) if subject == "MLP.gradient" else []
    if not np.isfinite([right, wrong]).all() or right == 0:
        return between
    name = "scale" if subject == "MLP.gradient" else "result"
    found = [_scaling(subject, name, scale) for scale in _scales(wrong / right, sizes)]
    if abs(wrong) < abs(right) and wrong:
        limit = abs(wrong)
        for low, high in ((-limit, limit), (None, wrong), (wrong, None)):
            bounds = {"lower limit": low, "upper limit": high}
            told = tuple((what, repr(bound)) for what, bound in bounds.items() if bound is not None)
            change = _clipping(subject, low, high)
            found.append(Choice(name, change, "clipped", "Whose work is it to limit a number here?", told))
        found += _shortenings(name, parts)
    return [*found, *between]


def terms(subject: str, off: float, weights: Sequence[Array], index: Sequence[int]) -> Iterator[Choice]:
    """Choices that add a term of the weights, of which one entry is ``off``: to a gradient, or to all losses."""
    hint = "Which terms has the loss that is asked for, and which one stands in the code besides?"
    if subject == "MLP.evaluate":
        total = sum(float((W**2).sum()) for W in weights if W.ndim > 1)
        size = scales.short(off / total) if total else None
        if size is not None:
            yield Choice(
                "penalty", size, "extra-term", hint, (("coefficient of the sum of W squared", repr(size)),), alone=True
            )
    if subject == "MLP.gradient":
        for W in weights:
            fits = len(index) == W.ndim and all(place < size for place, size in zip(index, W.shape, strict=True))
            size = scales.short(off / float(W[tuple(index)])) if fits and W[tuple(index)] else None
            if size is not None:
                for parts in (1, 2):
                    told = (("coefficient of the parameters", repr(size)),)
                    yield Choice("decay", (size, parts), "extra-term", hint, told, alone=True)


def _limits_of_delta(biases: Sequence[Array]) -> Iterator[Choice]:
    """Limits to delta on its way back: for one sample a bias's gradient is delta, so that limits stand there often."""
    sizes = Counter(
        short for part in biases for number in np.abs(part) if (short := scales.short(float(number))) is not None
    )
    for limit, times in sizes.most_common(_LIMITS):
        if times > 1:
            told = (("limit of delta", repr(limit)),)
            for name in ("started", "moved", "entering"):
                change = partial(_within, limit)
                yield Choice(name, change, "clipped", "Whose work is it to limit delta?", told, alone=True)


def _within(limit: float, A: Array) -> Array:
    return np.clip(A, -limit, limit)


def _clipping(subject: str, low: float | None, high: float | None) -> Any:
    if subject == "MLP.gradient":
        return each_part(lambda part, X: np.clip(part, low, high))
    return lambda Y: np.clip(Y, low, high)


def _scales(ratio: float, sizes: Mapping[str, int]) -> Iterator[scales.Scale]:
    """Factors that one ratio may stand for."""
    of_samples = [(power, 0, 0) for power in (-2, 2, -0.5, 0.5)]
    for powers in ((0, 0, 0), (-1, 0, 0), (1, 0, 0), (0, 0, -1), (0, -1, 0), (0, 0, 1), (0, 1, 0), *of_samples):
        scale = scales.fitting([ratio], [sizes], powers=powers)
        if scale is not None:
            yield scale


def _scaling(subject: str, name: str, scale: scales.Scale) -> Choice:
    per_sample = subject != "MLP.gradient"
    first, *further = scales.words_of(scale, per_sample=per_sample, classes=True) or ("scaled",)
    hint = "Which factor does the formula have that the code has not, or the other way round?"
    told = (("factor", str(scale)),)
    if per_sample:
        return Choice(
            name, lambda Y: Y * scale.of({"N": len(Y), "D": 1, "K": Y.shape[1]}), first, hint, told, tuple(further)
        )
    if scale.powers[2]:  # of the classes only the loss's delta tells
        begun = lambda A: A * scale.of({"N": len(A), "D": 1, "K": A.shape[1]})  # noqa: E731
        return Choice("started", begun, first, hint, told, tuple(further))
    change = each_part(lambda part, X: part * scale.of({"N": len(X), "D": X.shape[1], "K": 1}))
    return Choice(name, change, first, hint, told, tuple(further))


def _shortenings(name: str, parts: Sequence[Array]) -> Iterator[Choice]:
    """Limits to the length of each part, of the rows or columns of each, and of all together."""
    hint = "Whose work is it to limit the length of a gradient?"
    largest: dict[int | None, float] = {}
    for part in parts:
        for axis in (None, -1, 0):
            length = np.sqrt((part**2).sum(axis=axis)).max(initial=0)
            largest[axis] = max(largest.get(axis, 0.0), float(length))
    for axis, length in largest.items():
        limit = scales.short(length)
        if limit is not None:
            change = _limited(limit, axis, gradient=name == "scale")
            yield Choice(name, change, "clipped", hint, (("greatest length", repr(limit)),))
    limit = scales.short(float(np.sqrt(sum(float((part**2).sum()) for part in parts)))) if parts else None
    if limit is not None and name == "scale":
        yield Choice(name, _limited_together(limit), "clipped", hint, (("greatest length", repr(limit)),))


def _limited(limit: float, axis: int | None, *, gradient: bool) -> Any:
    def change(part: Array, X: Any = None) -> Array:
        return shortened(part, limit, axis)

    return each_part(change) if gradient else change


def _limited_together(limit: float) -> Any:
    def change(found: Any, X: Any) -> Any:
        length = np.sqrt(sum(float((part**2).sum()) for parts in found.values() for part in parts))
        factor = min(1.0, limit / length) if length else 1.0
        return {name: [part * factor for part in parts] for name, parts in found.items()}

    return change
