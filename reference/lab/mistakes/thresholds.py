"""Numbers beyond a threshold, or smaller than one, that are let through or left out: found in the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from reference.lab.estimation import neat_between
from reference.lab.mistakes.departures import Array, Departure, Given
from reference.lab.mistakes.plain import softmax


def thresholds(subject: str, cases: Sequence[tuple[Given, Array]]) -> Iterator[Departure]:
    """The departures of a ReLU layer's unit that is on from elsewhere than 0, or off again from somewhere, if any."""
    if subject.startswith("SoftmaxLayer."):
        yield from _left_out(subject, cases)
    if not subject.startswith("ReLULayer."):
        return
    forward = subject == "ReLULayer.forward"
    low = up_to = -np.inf
    high = off_from = large = np.inf
    small = 0.0
    for given, answer in cases:
        key, full = (given["X"], given["X"]) if forward else (given["Y"], given["delta_next"])
        passed, stopped = (key[(answer == each) & (full != 0)] for each in (full, 0))
        low, high = max(low, stopped.max(initial=-np.inf)), min(high, passed.min(initial=np.inf))
        up_to = max(up_to, passed.max(initial=-np.inf))
        off_from = min(off_from, stopped[stopped > 0].min(initial=np.inf))
        if not forward:
            sizes = np.abs(full[(key > 0) & (full != 0)])
            on = (answer == full)[(key > 0) & (full != 0)]
            small, large = max(small, sizes[~on].max(initial=0.0)), min(large, sizes[on].min(initial=np.inf))
    if 0 < small < large < np.inf:
        yield _only_large(neat_between(float(np.nextafter(small, large)), large))
    if np.isfinite([low, high]).all() and low < high:
        yield _beyond(subject, 0.0 if low <= 0 < high else neat_between(low, float(np.nextafter(high, low))))
    if 0 < up_to < off_from < np.inf:
        yield _below(subject, neat_between(float(np.nextafter(up_to, off_from)), off_from))


def _only_large(c: float) -> Departure:
    """A unit that passes only gradients of at least the size c."""
    hint = "Whose size decides whether a unit is on: that of its input, or that of the gradient?"
    return Departure(
        "mask-from-delta",
        hint,
        lambda _: lambda given: (given["delta_next"] * ((given["Y"] > 0) & (np.abs(given["delta_next"]) >= c)),),
        {"smallest gradient": repr(float(c))},
        specific=True,
    )


def _below(subject: str, c: float) -> Departure:
    """A unit that is switched off again where its input, or output, is c or larger."""

    def formula(given: Given) -> tuple[Any, ...]:
        if subject == "ReLULayer.forward":
            return (np.where((given["X"] > 0) & (given["X"] < c), given["X"], 0),)
        return (given["delta_next"] * ((given["Y"] > 0) & (given["Y"] < c)),)

    hint = "Up to which output does it change with the input?"
    return Departure(
        "mask-wrong-threshold", hint, lambda _: formula, {"upper threshold": repr(float(c))}, specific=True
    )


def _beyond(subject: str, c: float) -> Departure:
    """A unit that is switched on where its input, or output, is larger than c."""

    def formula(given: Given) -> tuple[Any, ...]:
        if subject == "ReLULayer.forward":
            return (np.where(given["X"] > c, given["X"], 0),)
        return (given["delta_next"] * (given["Y"] > c),)

    hint = "From which output on does it change with the input?"
    return Departure("mask-wrong-threshold", hint, lambda _: formula, {"threshold": repr(float(c))}, specific=True)


def _behind(P: Array, delta_next: Array) -> Array:
    """The gradient behind a softmax layer with these probabilities."""
    return np.asarray(P * (delta_next - (delta_next * P).sum(axis=1, keepdims=True)))


def _left_out(subject: str, cases: Sequence[tuple[Given, Array]]) -> Iterator[Departure]:
    """The departures of a softmax layer that takes small probabilities for 0, if any."""
    small, large = 0.0, np.inf
    for given, answer in cases:
        P = given["Y"] if "Y" in given else softmax(given["X"])
        due = _behind(P, given["delta_next"]) if "Y" in given else P
        small = max(small, P[(answer == 0) & (due != 0)].max(initial=0.0))
        large = min(large, P[answer != 0].min(initial=np.inf))
    if not 0 < small < large < np.inf:
        return
    c = neat_between(float(np.nextafter(small, large)), large)

    def formula(given: Given) -> tuple[Any, ...]:
        P = given["Y"] if "Y" in given else softmax(given["X"])
        P = np.where(c > P, 0, P)
        if subject == "SoftmaxLayer.forward":
            return (P,)
        return (_behind(P, given["delta_next"]),)

    hint = "A probability may be as small as it is: who takes it for 0?"
    yield Departure("clipped", hint, lambda _: formula, {"smallest probability": repr(float(c))}, specific=True)
