"""Bounds on rounding are at least what the roundings of an honest coding add up to, and at most a stated multiple.

What they add up to is counted with fifty digits along the coding's own operations (`tests.first_order`), by no formula
of `reference.numerics.rounding`. That bounds hold for real arithmetic, too, is for `test_honest.py`, and here for
questions that were searched for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import localcontext
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.lab.cases import Case, Sizes
from reference.lab.contract import MESSAGES, Message, one_hot
from reference.numerics import rounding, tolerances
from reference.numerics.oracles import ball
from reference.numerics.rounding import DOUBLE, SINGLE, Precision
from reference.numerics.sampling import normal_numbers
from tests import conventional, honest
from tests.comparing import needs_flint
from tests.first_order import FIFTY_DIGITS, Number, errors, underflows
from tests.measuring import asked

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]

PRECISIONS = {
    "double": DOUBLE,
    "single": SINGLE,
    "ten bits": Precision(2.0**-11, 2.0**-24),
    "early underflow": Precision(2.0**-53, 2.0**-80),
}
#: The sizes of the arguments.
SIZES = {"ordinary": 1.0, "small": 1e-10, "large": 30.0}
#: Numbers of units or classes.
WIDTHS = (2, 4)


@dataclass(frozen=True)
class Arguments:
    """Arguments of every message: logits Z, probabilities P, and outputs Y that sum to exactly 1."""

    X: Array
    W: Array
    b: Array
    d: Array
    Z: Array
    P: Array
    Y: Array
    T: Array


@cache
def arguments(size: str, width: int) -> Arguments:
    rng = np.random.RandomState(7)
    shapes = ((3, 2), (2, width), (width,), (3, width), (3, width))
    X, W, b, d, Z = (rng.randn(*shape) * SIZES[size] for shape in shapes)
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    # The bound grows with the distance of the outputs' sum from 1. Here it is 0: they are multiples of 2^-30, none 0.
    Y = np.maximum(np.rint(P * 2.0**30), 1) / 2.0**30
    Y[np.arange(3), Y.argmax(axis=1)] += 1 - Y.sum(axis=1)
    return Arguments(X, W, b, d, Z, P, Y, one_hot(np.array([0, width - 1, 1]), width))


@dataclass(frozen=True)
class Law:
    """A bound, the codings that it must cover, and how wide it may be.

    Attributes
    ----------
    granted
        The bound of `reference.numerics.rounding`.
    codings
        The codings that it must cover.
    most
        Limits on the bound divided by the error of the worst coding: for some entry at most the first, for all entries
        at most the second, or the third where something underflows.
    """

    granted: Callable[[Arguments, Precision], Any]
    codings: Callable[[Arguments], list[Array]]
    most: tuple[float, float, float] = (1.15, 2.0, 2.1)


#: Ratios above 2 are stated where numbers underflow, since the error of underflow is granted twice, for a few
#: operations more than a coding has; and for the reasons given below.
LAWS = {
    "linear forward": Law(
        lambda a, p: rounding.linear_forward(a.X, a.W, a.b, p),
        lambda a: conventional.linear_forward(a.X, a.W, a.b),
    ),
    "linear delta": Law(lambda a, p: rounding.linear_delta(a.W, a.d, p), lambda a: conventional.linear_delta(a.W, a.d)),
    "linear grad": Law(
        lambda a, p: rounding.linear_grad(a.X, a.d, p),
        lambda a: conventional.linear_grad(a.X, a.d),
        (1.15, 2.0, 2.7),
    ),
    # The bound takes each step of logaddexp to be the worst of the three that four classes need; also for the loss.
    "softmax": Law(lambda a, p: rounding.softmax(a.Z, a.P, p), lambda a: conventional.softmax(a.Z), (1.15, 2.25, 2.5)),
    # The bound has |d_k| + <|d|, y> in place of differences that cancel where one output is nearly 1.
    "softmax delta": Law(
        lambda a, p: rounding.softmax_delta(a.Y, a.d, p),
        lambda a: conventional.softmax_delta(a.Y, a.d),
        (1.25, 5.1, 5.1),
    ),
    "cross-entropy": Law(
        lambda a, p: rounding.cross_entropy(a.Y, a.T, p),
        lambda a: conventional.cross_entropy(a.Y, a.T),
        (1.15, 1.4, 1.4),
    ),
    "cross-entropy delta": Law(
        lambda a, p: rounding.cross_entropy_delta(a.Y, a.T, p),
        lambda a: conventional.cross_entropy_delta(a.Y, a.T),
    ),
    # The error of log p_t is granted also where p_t underflows, although that coding is not honest there.
    "loss of logits": Law(
        lambda a, p: rounding.logits_loss(a.Z, a.T, a.P, p),
        lambda a: conventional.logits_loss(a.Z, a.T),
        (1.15, 2.25, 5.0),
    ),
    # The bound adds the roundings of three codings, none of which has all of them.
    "delta of logits": Law(
        lambda a, p: rounding.logits_delta(a.Z, a.T, a.P, p),
        lambda a: conventional.logits_delta(a.Z, a.T),
        (1.2, 3.1, 3.1),
    ),
}


def most(message: str, p: Precision) -> tuple[float, float, float]:
    """How many times the needed error a bound may be: see `Law`."""
    if message == "softmax delta" and p.u == DOUBLE.u:
        # The error of the outputs' computed sum, K roundings of doubles, is granted twice in addition to K + 3.
        return 2.6, 9.1, 9.1
    return LAWS[message].most


def is_meant(name: str, number: Number, error: float, p: Precision) -> bool:
    """Whether a coding is honest at these arguments: see `reference.numerics.rounding`."""
    if ("not shifted, e" in name or name.startswith("-log")) and underflows(number, p):
        return False
    if "through" not in name:
        return True
    # The error of log-sum-exp without a shift is granted up to a thousandth of a probability, or of a loss of 1.
    probability = number.parents[0][0] if name.startswith("p - t") else number
    is_loss = name.startswith(("-log", "through p - 1", "through the others"))
    return error <= 2.0**-10 * (1 if is_loss else abs(float(probability.value)))


@dataclass(frozen=True)
class Need:
    """The error of the worst coding of an entry, which coding that is, and whether anything underflows in it."""

    error: float
    coding: str
    has_underflow: bool


@cache
def needs(message: str, size: str, width: int) -> dict[str, list[Need]]:
    """For each precision what each entry needs."""
    found: dict[str, list[Need]] = {name: [] for name in PRECISIONS}
    with localcontext(FIFTY_DIGITS):
        for codings in [each for part in LAWS[message].codings(arguments(size, width)) for each in part.ravel()]:
            each_error = {name: errors(number, list(PRECISIONS.values())) for name, number in codings.items()}
            for place, (precision, p) in enumerate(PRECISIONS.items()):
                meant = {
                    name: each_error[name][place]
                    for name, number in codings.items()
                    if is_meant(name, number, each_error[name][place], p)
                }
                worst = max(meant, key=lambda name: meant[name], default="")
                has_underflow = any(underflows(number, p) for number in codings.values())
                found[precision].append(Need(meant.get(worst, 0.0), worst, has_underflow))
    return found


def ratios(message: str, precision: str) -> Iterator[tuple[float, Need, str]]:
    """For each entry the bound divided by what is needed, and where that is."""
    for size, width in itertools.product(SIZES, WIDTHS):
        granted = LAWS[message].granted(arguments(size, width), PRECISIONS[precision])
        parts = granted if isinstance(granted, tuple) else (granted,)
        numbers = np.concatenate([np.ravel(part) for part in parts])
        for entry, (bound, need) in enumerate(zip(numbers, needs(message, size, width)[precision], strict=True)):
            if need.error:
                yield float(bound / need.error), need, f"{size} arguments, width {width}, entry {entry}"


def too_narrow(message: str, precision: str) -> list[str]:
    """Descriptions of the entries for which an honest coding needs more than the bound."""
    return [
        f"{where}: {ratio:.3f} of what is needed by {need.coding}"
        for ratio, need, where in ratios(message, precision)
        if ratio < 1
    ]


def too_wide(message: str, precision: str) -> list[str]:
    """Descriptions of the entries whose bound is larger than the stated multiple of what is needed."""
    somewhere, anywhere, at_underflow = most(message, PRECISIONS[precision])
    found = list(ratios(message, precision))
    smallest = min(ratio for ratio, _, _ in found)
    return [f"everywhere: {smallest:.3f} of what is needed"] * (smallest > somewhere) + [
        f"{where}: {ratio:.3f} times what is needed by {need.coding}"
        for ratio, need, where in found
        if ratio > (at_underflow if need.has_underflow else anywhere)
    ]


each_message = pytest.mark.parametrize("message", LAWS)
each_precision = pytest.mark.parametrize("precision", PRECISIONS)


@each_message
@each_precision
def test_bounds_are_at_least_what_honest_roundings_add_up_to(message: str, precision: str) -> None:
    """Each bound is at least the first-order error of every honest coding in the worst order with the worst signs."""
    assert too_narrow(message, precision) == []


@each_message
@each_precision
def test_bounds_are_at_most_twice_that(message: str, precision: str) -> None:
    """Each bound is at most twice that error, or a stated multiple; for some entry at most 15 per cent above it."""
    assert too_wide(message, precision) == []


@each_message
def test_narrower_and_wider_bounds_are_seen(message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that is 2.5 times too narrow or too wide is detected."""
    right = tolerances.SECOND_ORDER
    monkeypatch.setattr(tolerances, "SECOND_ORDER", 0.4 * right)
    assert too_narrow(message, "single")
    monkeypatch.setattr(tolerances, "SECOND_ORDER", 2.5 * right)
    assert too_wide(message, "single")


@pytest.mark.parametrize("message", ["softmax", "cross-entropy", "loss of logits", "delta of logits"])
def test_libraries_are_granted_four_units(message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of exp and log other than four units in the last place is detected."""
    right = rounding._LIBRARY
    monkeypatch.setattr(rounding, "_LIBRARY", 0.75 * right)
    assert too_narrow(message, "single")
    monkeypatch.setattr(rounding, "_LIBRARY", 2 * right)
    assert too_wide(message, "single")


def by_roundings(message: Message, coding: type, case: Case) -> float:
    """The largest error of a coding, in units of the bound."""
    answer = message.answer(case, ball)
    parts = zip(asked(coding, message, case), answer.truth, answer.bounds, strict=True)
    return max(float(((np.abs(part - truth.value) - truth.error) / bound).max()) for part, truth, bound in parts)


@needs_flint
@pytest.mark.parametrize(
    "message", [each for each in MESSAGES if each.cls != "ReLULayer"], ids=lambda message: message.subject
)
def test_bounds_hold_where_large_errors_were_searched_for(message: Message) -> None:
    """A search for large errors in single precision makes them grow, but never beyond the bound."""
    rng = np.random.RandomState(11)
    case = message.draw(Sizes(2, 2, 3), lambda shape: normal_numbers(rng)(shape).astype(np.float32))
    coding = (
        honest.loss_class(message.cls, *honest.UNLIKELY_TARGETS_LOSE_DIGITS["through the others alone"])
        if message.cls == "LossCrossEntropy"
        else honest.CODINGS[message.cls]["from the last to the first"]
    )
    first = found = by_roundings(message, coding, case)
    for _ in range(60):
        moved = Case(
            {name: array if name == "T" else _moved(rng, array) for name, array in case.arguments.items()},
            {name: _moved(rng, array) for name, array in case.parameters.items()},
            case.origin,
        )
        ratio = by_roundings(message, coding, moved)
        if ratio > found:
            case, found = moved, ratio
    assert first < found <= 1


def _moved(rng: np.random.RandomState, array: Array) -> Array:
    return array * (1 + rng.randint(-8, 9, array.shape) * np.float32(2.0**-23)).astype(np.float32)
