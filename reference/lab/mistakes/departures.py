"""Departures: what goes wrong before a method's formula or after it, whatever the formula is.

A departure changes the arguments, or the answer. Some have a constant, such as the limit at which something is clipped,
which is estimated from answers (`reference.lab.estimation`). Departures are composed with each other, and with the
formulas of the catalogue, in `reference.lab.composition`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
#: The parts of an answer: one, or two for ``grad``.
Parts = tuple[Array, ...]
#: The arguments of a call, and the parameters of its object, by name.
Given = Mapping[str, Array]
#: A formula: from what is given to the parts of the answer.
Formula = Callable[[Given], Parts]


@dataclass(frozen=True)
class Departure:
    """One way in which a method is wrong.

    Attributes
    ----------
    word
        Of the vocabulary.
    hint
        What to think about.
    change
        Makes a wrong formula of another formula.
    estimated
        The constants in it, by name, as they are told.
    further
        More words, where it is two mistakes at once.
    specific
        Whether it is made for one method's formula: then it is told rather than one that fits all methods.
    """

    word: str
    hint: str
    change: Callable[[Formula], Formula]
    estimated: Mapping[str, str]
    further: tuple[str, ...] = ()
    specific: bool = False


@dataclass(frozen=True)
class Family:
    """Departures that differ by a constant.

    Attributes
    ----------
    name
        Of the constant, as it is told.
    make
        The departure with a given constant.
    low, high
        Between which sizes the constant is looked for.
    signed
        Whether it may be negative.
    """

    name: str
    make: Callable[[float], Departure]
    low: float = 1e-320
    high: float = 1.0
    signed: bool = False


_CLIPPED = "Which numbers does the limit change, and who asks for one?"
_EPSILON = "What does the small number change where the numbers beside it are small too?"
_SINGLE = "Some digits are right and the rest is not: where does float32 or float16 come in?"


def before(word: str, hint: str, name: str, change: Callable[[Array], Array], **estimated: str) -> Departure:
    """The departure that changes one of the arrays that are given."""

    def changed(formula: Formula) -> Formula:
        return lambda given: formula({**given, name: change(given[name])})

    return Departure(word, hint, changed, estimated)


def after(word: str, hint: str, change: Callable[[Parts, Given], Parts], **estimated: str) -> Departure:
    """The departure that changes the answer."""

    def changed(formula: Formula) -> Formula:
        return lambda given: change(formula(given), given)

    return Departure(word, hint, changed, estimated)


def of_arguments(names: tuple[str, ...]) -> list[Family]:
    """Those with a constant that concern one of these arguments."""
    found = []
    for name in names:
        if name == "T":
            continue
        found += [
            Family("limit", lambda c, name=name: _clip_before(name, c, None), 1e-320, 1e308, signed=True),  # type: ignore[misc]
            Family("limit", lambda c, name=name: _clip_before(name, None, c), 1e-320, 1e308, signed=True),  # type: ignore[misc]
            Family("limit", lambda c, name=name: _clip_before(name, -c, c), 1e-320, 1e308),  # type: ignore[misc]
            Family("limit", lambda c, name=name: _clip_before(name, c, 1 - c), 1e-17, 0.5),  # type: ignore[misc]
            Family("epsilon", lambda c, name=name: _add_before(name, c), 1e-320, 1.0, signed=True),  # type: ignore[misc]
        ]
    return found


def of_answers() -> list[Family]:
    """Those with a constant that concern the answer."""
    return [
        Family("limit", lambda c: _clip_after(c, None), 1e-320, 1e308, signed=True),
        Family("limit", lambda c: _clip_after(None, c), 1e-320, 1e308, signed=True),
        Family("limit", lambda c: _clip_after(-c, c), 1e-320, 1e308),
        Family("limit", lambda c: _clip_after(c, 1 - c), 1e-17, 0.5),
        Family("epsilon", _add_after, 1e-320, 1.0, signed=True),
    ]


def _told(number: float | None) -> str:
    return repr(number)


def _limits(low: float | None, high: float | None) -> dict[str, str]:
    bounds = {"lower limit": low, "upper limit": high}
    return {name: _told(bound) for name, bound in bounds.items() if bound is not None}


def _clip_before(name: str, low: float | None, high: float | None) -> Departure:
    return before("clipped", _CLIPPED, name, lambda A: np.clip(A, low, high), **_limits(low, high))


def _clip_after(low: float | None, high: float | None) -> Departure:
    return after(
        "clipped", _CLIPPED, lambda parts, _: tuple(np.clip(part, low, high) for part in parts), **_limits(low, high)
    )


def _add_before(name: str, c: float) -> Departure:
    return before("epsilon-added", _EPSILON, name, lambda A: A + c, epsilon=_told(c))


def _add_after(c: float) -> Departure:
    return after("epsilon-added", _EPSILON, lambda parts, _: tuple(part + c for part in parts), epsilon=_told(c))


def rounded(names: tuple[str, ...]) -> list[Departure]:
    """Those that take numbers of fewer bits for some of the arrays, or for the answer."""
    found = []
    for dtype in (np.float32, np.float16):
        to = _rounds_to(dtype)
        for chosen in (*((name,) for name in names), names):
            found.append(Departure("low-precision", _SINGLE, _round_before(chosen, to), {"precision": dtype.__name__}))
        found.append(after("low-precision", _SINGLE, _round_after(to), precision=dtype.__name__))
    for digits in range(1, 13):
        found.append(
            after("low-precision", _SINGLE, _round_after(lambda A, d=digits: np.round(A, d)), decimals=str(digits))  # type: ignore[misc]
        )
    return found


def _rounds_to(dtype: Any) -> Callable[[Array], Array]:
    return lambda A: A.astype(dtype).astype(np.float64)


def _round_before(names: tuple[str, ...], to: Callable[[Array], Array]) -> Callable[[Formula], Formula]:
    return lambda formula: lambda given: formula({**given, **{name: to(given[name]) for name in names if name in given}})


def _round_after(to: Callable[[Array], Array]) -> Callable[[Parts, Given], Parts]:
    return lambda parts, _: tuple(to(part) for part in parts)


def over_samples(*, per_sample: bool) -> list[Departure]:
    """Those that mix the samples of an answer that has a row for each."""
    if not per_sample:
        return []

    def rows(reduce: Callable[..., Array]) -> Callable[[Parts, Given], Parts]:
        return lambda parts, _: tuple(
            np.broadcast_to(reduce(part, axis=0, keepdims=True), part.shape).copy() for part in parts
        )

    def all_of(reduce: Callable[..., Array]) -> Callable[[Parts, Given], Parts]:
        return lambda parts, _: tuple(np.full(part.shape, reduce(part)) for part in parts)

    mean = "Each sample has an answer of its own; who takes the mean over the batch?"
    total = "Each sample has an answer of its own: over which axes does the sum run?"
    first = "Each sample has an answer of its own: whose is given for all?"
    return [
        after("averaged-over-batch", mean, rows(np.mean)),
        after("summed-over-batch", total, rows(np.sum)),
        after("averaged-over-batch", mean, all_of(np.mean)),
        after("summed-over-batch", total, all_of(np.sum)),
        after("sample-dependence", first, lambda parts, _: tuple(np.repeat(p[:1], len(p), axis=0) for p in parts)),
        after("sample-dependence", first, lambda parts, _: tuple(np.repeat(p[-1:], len(p), axis=0) for p in parts)),
        after("sample-dependence", first, lambda parts, _: tuple(p - p.mean(axis=0) for p in parts)),
        after("wrong-axis", "In which order come the rows of the answer?", lambda parts, _: tuple(p[::-1] for p in parts)),
    ]
