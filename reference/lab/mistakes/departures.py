"""Departures: what goes wrong before a method's formula or after it, whatever the formula is.

A departure changes the arguments, or the answer. Some have a constant, such as the limit at which something is clipped,
which is estimated from answers (`reference.lab.estimation`). Departures are composed with each other, and with the
formulas of the catalogue, in `reference.lab.composition`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.wording import hint_of

Array = NDArray[Any]
#: The parts of an answer: one, or two for ``grad``.
Parts = tuple[Array, ...]
#: The arguments of a call, and the parameters of its object, by name.
Given = Mapping[str, Array]
#: A formula: from what is given to the parts of the answer.
Formula = Callable[[Given], Parts]


def sums(A: Array) -> Array:
    """Of each row, (N, K) -> (N, 1)."""
    return np.asarray(A.sum(axis=1, keepdims=True))


def sigmoid(A: Array) -> Array:
    """1 / (1 + exp(-a)), entry by entry, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(A / 2)))


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
    outside
        Whether it changes the answer of any formula, by a factor or over the samples.
    leaves
        What it leaves as it is once it is done: answers that this changes do not come from the departure.
    """

    word: str
    hint: str
    change: Callable[[Formula], Formula]
    estimated: Mapping[str, str]
    further: tuple[str, ...] = ()
    specific: bool = False
    outside: bool = False
    leaves: Callable[[Parts], Parts] | None = None


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
    points
        The constants at which the answer to a case may bend; None if it may anywhere.
    solved
        The constants that may lead from one number to another, if they can be written down.
    telling
        How many entries the constant is estimated from, one after the other.
    """

    name: str
    make: Callable[[float], Departure]
    low: float = 1e-320
    high: float = 1.0
    signed: bool = False
    points: Callable[[Given], Array] | None = None
    solved: Callable[[float, float], Sequence[float]] | None = None
    telling: int = 2


_CLIPPED, _EPSILON = hint_of("clipped") or "", hint_of("epsilon-added") or ""
_TERM = "Which terms does the formula add up, and which one stands in the code besides?"
#: A number that is added to others is an epsilon if it is smaller than this.
SMALL = 0.1
_ROUNDED = "Which line rounds numbers, or makes whole ones of them, and who asks for that?"
_SINGLE = "Some digits are right and the rest is not: where does float32 or float16 come in?"


def before(word: str, hint: str, name: str, change: Callable[[Array], Array], **estimated: str) -> Departure:
    """The departure that changes one of the arrays that are given."""

    def changed(formula: Formula) -> Formula:
        return lambda given: formula({**given, name: change(given[name])})

    return Departure(word, hint, changed, estimated)


def after(
    word: str,
    hint: str,
    change: Callable[[Parts, Given], Parts],
    *,
    outside: bool = False,
    estimated: Mapping[str, str] | None = None,
    leaves: Callable[[Parts], Parts] | None = None,
) -> Departure:
    """The departure that changes the answer."""

    def changed(formula: Formula) -> Formula:
        return lambda given: change(formula(given), given)

    return Departure(word, hint, changed, estimated or {}, outside=outside, leaves=leaves)


def of_arguments(names: tuple[str, ...]) -> list[Family]:
    """Those with a constant that concern one of these arguments."""
    found = []
    for name in names:
        if name == "T":
            continue
        found += [
            *_clips(partial(_clip_before, name), points=partial(_entries, name)),
            *(Family("longest", partial(_shorten_before, name, axis), 1e-9, 1e9) for axis in (-1, None)),
            Family("epsilon", partial(_add_before, name), 1e-320, 1.0, signed=True),
        ]
    return found


def of_answers(parts: int) -> list[Family]:
    """Those with a constant that concern the answer: all parts of it, or one."""
    found = []
    for place in (None, *range(parts)) if parts > 1 else (None,):
        found += _clips(partial(_clip_after, place), solved=lambda right, came: (came, -came, 1 - came))
        found += [Family("longest", partial(_shorten_after, place, axis), 1e-9, 1e9) for axis in (-1, None)]
    found += [Family("longest", _shorten_all, 1e-9, 1e9)] if parts > 1 else []
    return [*found, Family("epsilon", _add_after, 1e-320, 1.0, signed=True, solved=lambda right, came: (came - right,))]


def of_given(names: tuple[str, ...]) -> list[Departure]:
    """Those without a constant that concern what is given: one sample for all, a wrong sign, another layer's factor."""
    first = "Each sample has a say: which of them has it here?"
    arguments = tuple(name for name in names if name not in {"W", "b"})
    # A sum over the samples lacks terms; where each sample has an answer of its own, it depends on others.
    word = "term-missing" if {"X", "delta_next"} <= set(names) else "sample-dependence"
    found = [
        _of_samples(word, first, arguments, lambda A: A[:1]),
        _of_samples(word, first, arguments, lambda A: A[-1:]),
        _of_samples(word, first, arguments, lambda A: A[:-1] if len(A) > 1 else A),
        _of_samples(word, first, arguments, lambda A: A[1:] if len(A) > 1 else A),
    ]
    sign = "Which sign have the numbers that come in?"
    found += [before("sign", sign, name, np.negative) for name in arguments if name in {"X", "delta_next"}]
    if "W" in names:
        laid = "Is an array of the right shape also one with its entries at the right places?"
        found.append(before("transposed", laid, "W", lambda W: W.reshape(W.shape[::-1]).T))
    if "delta_next" in names and "Y" in names:
        factor = "Which factors has the derivative of this layer, and which are another's?"
        factors = (lambda Y: Y > 0, lambda Y: Y, lambda Y: Y * (1 - Y), lambda Y: 1 - Y**2, lambda Y: 1 - Y)
        found += [Departure("wrong-function", factor, _times("delta_next", "Y", of), {}) for of in factors]
    return found


def _times(name: str, other: str, of: Callable[[Array], Array]) -> Callable[[Formula], Formula]:
    return lambda formula: lambda given: formula({**given, name: given[name] * of(given[other])})


def _of_samples(word: str, hint: str, names: tuple[str, ...], chosen: Callable[[Array], Array]) -> Departure:
    """The departure that looks at some of the samples alone; where each has its own answer, the first is all's."""

    def changed(formula: Formula) -> Formula:
        def of(given: Given) -> Parts:
            n = len(given[names[0]])
            parts = formula({**given, **{name: chosen(given[name]) for name in names}})
            if len(parts) > 1 or len(parts[0]) == n:
                return parts
            if len(parts[0]) != 1:
                raise ValueError("no answer for some samples")
            return (np.repeat(parts[0], n, axis=0),)

        return of

    return Departure(word, hint, changed, {})


def hidden() -> list[Departure]:
    """That which puts numbers where NaN or infinity should show."""

    def numbers(parts: Parts) -> Parts:
        return tuple(np.nan_to_num(part) for part in parts)

    hint = "Why is the result no number, and who will notice once another stands in its place?"
    return [after("nan-hidden", hint, lambda parts, _: numbers(parts), leaves=numbers)]


def over_axes(parts: int, *, per_sample: bool) -> list[Departure]:
    """Those that take a mean, or a sum, within the answer, in all its parts or one; along rows if they are samples."""
    hint = "Along which axis does the mean, or the sum, run, and is one due there?"
    found = []
    for place in (None, *range(parts)) if parts > 1 else (None,):
        for axis in (-1,) if per_sample else (-1, None):
            flat = partial(_changed, _reduced(np.mean, axis, place))
            found.append(after("wrong-axis", hint, _reduced(np.mean, axis, place), leaves=flat))
            found.append(after("wrong-axis", hint, _reduced(np.sum, axis, place), leaves=flat))
    ordered = "In which order come the entries of each row?"
    found.append(after("wrong-function", ordered, _sorted, leaves=partial(_changed, _sorted)))
    found.append(after("wrong-function", ordered, lambda parts, _: tuple(part[..., ::-1] for part in parts)))
    return found


def _sorted(parts: Parts, given: Given) -> Parts:
    return tuple(np.sort(part, axis=-1) for part in parts)


def _changed(change: Callable[[Parts, Given], Parts], parts: Parts) -> Parts:
    return change(parts, {})


def _reduced(reduce: Callable[..., Array], axis: int | None, place: int | None) -> Callable[[Parts, Given], Parts]:
    def change(parts: Parts, given: Given) -> Parts:
        return tuple(
            np.broadcast_to(reduce(part, axis=axis, keepdims=True), part.shape) if place in {None, number} else part
            for number, part in enumerate(parts)
        )

    return change


def _told(number: float | None) -> str:
    return repr(number)


def _limits(low: float | None, high: float | None) -> dict[str, str]:
    bounds = {"lower limit": low, "upper limit": high}
    return {name: _told(bound) for name, bound in bounds.items() if bound is not None}


def _clip_before(name: str, low: float | None, high: float | None) -> Departure:
    return before("clipped", _CLIPPED, name, lambda A: np.clip(A, low, high), **_limits(low, high))


def _clips(clip: Callable[[float | None, float | None], Departure], **found: Any) -> list[Family]:
    """Limits below, above, on both sides of 0, and on both sides of a half; ``found``: how each is found."""
    return [
        Family("limit", lambda c: clip(c, None), 1e-320, 1e308, signed=True, **found),
        Family("limit", lambda c: clip(None, c), 1e-320, 1e308, signed=True, **found),
        Family("limit", lambda c: clip(-c, c), 1e-320, 1e308, **found),
        Family("limit", lambda c: clip(c, 1 - c), 1e-17, 0.5, **found),
    ]


def _entries(name: str, given: Given) -> Array:
    """The entries of an array and their distances from 1, at which a limit begins to have an effect."""
    entries = np.ravel(given[name])
    return np.concatenate([entries, -entries, 1 - entries])


def _clip_after(place: int | None, low: float | None, high: float | None) -> Departure:
    def change(parts: Parts, given: Given) -> Parts:
        return tuple(np.clip(part, low, high) if place in {None, number} else part for number, part in enumerate(parts))

    return after("clipped", _CLIPPED, change, estimated=_limits(low, high))


def _shorten_before(name: str, axis: int | None, c: float) -> Departure:
    change = partial(shortened, c=c, axis=axis)
    return before("clipped", _CLIPPED, name, change, **{"greatest length": _told(c)})


def _shorten_after(place: int | None, axis: int | None, c: float) -> Departure:
    def change(parts: Parts, given: Given) -> Parts:
        return tuple(shortened(part, c, axis) if place in {None, number} else part for number, part in enumerate(parts))

    return after("clipped", _CLIPPED, change, estimated={"greatest length": _told(c)})


def _shorten_all(c: float) -> Departure:
    def change(parts: Parts, given: Given) -> Parts:
        length = np.sqrt(sum(float((part**2).sum()) for part in parts))
        return tuple(part * min(1.0, c / length) for part in parts) if length else parts

    return after("clipped", _CLIPPED, change, estimated={"greatest length": _told(c)})


def shortened(A: Array, c: float, axis: int | None) -> Array:
    """The array, or each of its vectors along an axis, no longer than c."""
    largest = np.abs(A).max(axis=axis, keepdims=True, initial=0)
    length = largest * np.sqrt(((A / np.where(largest == 0, 1, largest)) ** 2).sum(axis=axis, keepdims=True))
    return np.asarray(A * np.minimum(1, c / np.where(length == 0, c, length)))


def word_for_sum(c: float) -> tuple[str, str]:
    """The word for a number that is added, and a hint: who adds a tenth does not mean a small number."""
    return ("epsilon-added", _EPSILON) if abs(c) < SMALL else ("extra-term", _TERM)


def _add_before(name: str, c: float) -> Departure:
    word, hint = word_for_sum(c)
    return before(word, hint, name, lambda A: A + c, epsilon=_told(c))


def _add_after(c: float) -> Departure:
    word, hint = word_for_sum(c)
    return after(word, hint, lambda parts, _: tuple(part + c for part in parts), estimated={"epsilon": _told(c)})


def rounded(names: tuple[str, ...]) -> list[Departure]:
    """Those that take numbers of fewer bits for some of the arrays, or for the answer."""
    found = []
    for dtype in (np.float32, np.float16):
        to = _rounds_to(dtype)
        told = {"precision": dtype.__name__}
        each_and_all = (*((name,) for name in names), names)
        found += [Departure("low-precision", _SINGLE, _round_before(chosen, to), told) for chosen in each_and_all]
        change = _round_after(to)
        found.append(after("low-precision", _SINGLE, change, estimated=told, leaves=partial(_changed, change)))
    for digits in range(-1, 13):
        change = _round_after(np.trunc if digits < 0 else partial(_rounded_to, digits))
        told = {"decimals": str(max(digits, 0))}
        found.append(after("low-precision", _ROUNDED, change, estimated=told, leaves=partial(_changed, change)))
    return found


def _rounded_to(digits: int, A: Array) -> Array:
    return np.asarray(np.round(A, digits))


def _rounds_to(dtype: Any) -> Callable[[Array], Array]:
    return lambda A: A.astype(dtype).astype(np.float64)


def _round_before(names: tuple[str, ...], to: Callable[[Array], Array]) -> Callable[[Formula], Formula]:
    return lambda formula: (
        lambda given: formula({**given, **{name: to(given[name]) for name in names if name in given}})
    )


def _round_after(to: Callable[[Array], Array]) -> Callable[[Parts, Given], Parts]:
    return lambda parts, _: tuple(to(part) for part in parts)
