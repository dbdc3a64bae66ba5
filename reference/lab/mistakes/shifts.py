"""What is taken off the logits of a row instead of its largest, before their exponentials are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
#: What is done to an array.
Change = Callable[[Array], Any]

_FAR = "How large is exp of each logit of a row once that number is taken off, and what is their sum?"
_SHIFT = "What is taken off the logits of a row, and is it the row's own largest?"
#: Numbers that are taken off all logits, whatever they are.
_FIXED_SHIFTS = (1.0, 10.0, 50.0, 100.0, 200.0, 300.0, 500.0, 700.0, 709.0)
#: Taken off a row's logits, these may leave exp of all of them 0.
_TOO_LARGE: tuple[Change, ...] = (
    lambda X: np.abs(X).max(axis=1, keepdims=True),
    lambda X: np.maximum(X.max(axis=1, keepdims=True), 0),
    lambda X: np.abs(X).sum(axis=1, keepdims=True),
    lambda X: np.sqrt((X**2).sum(axis=1, keepdims=True)),
    lambda X: X.sum(axis=1, keepdims=True),
)


def shifts() -> Iterator[tuple[Change, str, str]]:
    """What is taken off the logits instead of each row's largest, the word for it, and a hint."""
    for unfit in (np.zeros_like, partial(np.mean, axis=1, keepdims=True), partial(np.min, axis=1, keepdims=True)):
        yield (unfit, "no-shift", _SHIFT)
    for size in _FIXED_SHIFTS:
        yield (lambda X, c=size: np.full((1, 1), c), "no-shift", _SHIFT)  # type: ignore[misc]
    for of in _TOO_LARGE:
        yield (of, "log-of-zero", _FAR)
    for place in (slice(None, 1), slice(-1, None)):
        yield (lambda X, place=place: X[:, place], "no-shift", _SHIFT)  # type: ignore[misc]
    for whole in (
        np.max,
        np.mean,
        np.min,
        lambda X: np.abs(X).max(),
        lambda X: X[0].max(),
        lambda X: X[-1].max(),
        lambda X: X[0, 0],
    ):
        yield (lambda X, of=whole: np.full((1, 1), of(X)), "batch-wide-shift", _SHIFT)  # type: ignore[misc]
    yield (lambda X: X.max(axis=0, keepdims=True), "wrong-axis", _SHIFT)
