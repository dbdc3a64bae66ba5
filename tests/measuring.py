"""Draws that reach every corner of the contract, and the error of a coding in units of what it is granted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.lab.cases import Case, Sizes
from reference.lab.contract import Expected, Message
from reference.numerics.compare import worst_entry
from reference.numerics.oracles import ball

Array = NDArray[Any]
Draw = Callable[[np.random.RandomState, tuple[int, ...]], Array]


def _powers(low: float, high: float) -> Draw:
    """Numbers of either sign from 10^low to 10^high in size."""
    return lambda rng, shape: rng.randn(*shape) * 10.0 ** rng.uniform(low, high, shape)


def _with_zeros(rng: np.random.RandomState, shape: tuple[int, ...]) -> Array:
    return np.where(rng.rand(*shape) < 0.3, 0.0, rng.randn(*shape))


def _short(rng: np.random.RandomState, shape: tuple[int, ...]) -> Array:
    return rng.randint(-16, 17, shape) / 8


def _cancelling(rng: np.random.RandomState, shape: tuple[int, ...]) -> Array:
    return rng.choice([-1, 1], shape) * (1 + rng.randint(0, 4, shape) * 2.0**-22)


#: For layers of which sizes count; the last ones by precision.
NUMBERS: tuple[Draw, ...] = (
    _short,
    lambda rng, shape: rng.randn(*shape),
    _with_zeros,
    _cancelling,
    _powers(-12, 8),
)
TINY = {np.float64: _powers(-323, -150), np.float32: _powers(-45, -18)}


def _ahead(low: float, high: float) -> Draw:
    """One class ahead of the others of its row."""

    def draw(rng: np.random.RandomState, shape: tuple[int, ...]) -> Array:
        X = rng.randn(*shape)
        X[np.arange(len(X)), rng.randint(0, shape[-1], len(X))] += rng.uniform(low, high, len(X))
        return X

    return draw


def _ties(rng: np.random.RandomState, shape: tuple[int, ...]) -> Array:
    return rng.randint(0, 3, shape) * rng.choice([1.0, 40.0, 0.5, 1e3]) + rng.choice([0.0, -500.0, 1e4])


def _uniform(size: float) -> Draw:
    return lambda rng, shape: rng.uniform(-size, size, shape)


def _ends(size: float) -> Draw:
    return lambda rng, shape: rng.choice([-size, size, 0.0, 1.0], shape)


def _near(place: float) -> Draw:
    """Logits that differ by little and are large."""
    return lambda rng, shape: place * rng.choice([-1, 1]) + rng.randn(*shape) * rng.choice([1.0, 30.0])


def logits_up_to(size: float) -> tuple[Draw, ...]:
    """For layers of which differences count."""
    families = (
        (3, _short),
        (6, lambda rng, shape: rng.randn(*shape)),
        (30, _uniform(30)),
        (800, _uniform(800)),
        (20, _ahead(0, 20)),
        (100, _ahead(15, 100)),
        (750, _ahead(80, 110)),
        (750, _ahead(600, 750)),
        (2e4, _ties),
        (1e4, _near(1e3)),
        (1e4, _uniform(1e4)),
        (1e8, _uniform(1e8)),
        (1e8, _near(0.9e8)),
        (size, _uniform(size / 2)),
        (size, _ends(size)),
    )
    return tuple(draw for most, draw in families if most <= size)


def questions(message: Message, rng: np.random.RandomState, dtype: Any, most: float) -> Iterator[Case]:
    """Questions without end; logits up to ``most``."""
    of_differences = message.key in {"softmax", "logits", "cross_entropy"}
    families = logits_up_to(most) if of_differences else (*NUMBERS, TINY[dtype])
    while True:
        for family in families:
            yield _question(message, rng, dtype, family)


def _question(message: Message, rng: np.random.RandomState, dtype: Any, family: Draw) -> Case:
    sizes = Sizes(*(int(k) for k in (rng.randint(1, 5), rng.randint(1, 6), rng.randint(1, 8))))
    if rng.rand() < 0.01:
        sizes = Sizes(*(int(k) for k in rng.randint(2, 40, 3)))
    with np.errstate(over="ignore"):
        case = message.draw(sizes, lambda shape: family(rng, shape).astype(dtype))
    if message.key == "softmax" and message.method == "delta":
        # The cotangent is no logit.
        cotangent = NUMBERS[rng.randint(len(NUMBERS))](rng, case.arguments["Y"].shape).astype(dtype)
        case = Case({**case.arguments, "delta_next": cotangent}, {}, case.origin)
    if message.key == "cross_entropy":
        # An impossible target costs infinity: no question of rounding.
        P, T = case.arguments["X"], case.arguments["T"]
        P = np.where((P == 0) & (T == 1), rng.randint(1, 9, P.shape) * np.finfo(dtype).smallest_subnormal, P)
        if message.method == "delta":  # 1 / p must not overflow
            P = np.where(T == 1, np.maximum(P, np.finfo(dtype).tiny), P)
        case = Case({"X": P.astype(dtype), "T": T})
    return case


@dataclass
class Tally:
    """What came of it."""

    examples: int = 0
    alarms: int = 0
    #: Largest error in units of the bound, and by which coding.
    ratio: float = 0.0
    worst: str = ""
    first: list[str] = field(default_factory=list)

    def add(self, name: str, case: Case, actual: tuple[Array, ...], answer: Expected) -> None:
        """Count one answer."""
        self.examples += 1
        for array, truth, bound in zip(actual, answer.truth, answer.bounds, strict=True):
            doubles = np.asarray(array, dtype=np.float64)
            with np.errstate(all="ignore"):
                beyond = np.abs(doubles - truth.value) - truth.error
                ratios = np.where((bound > 0) & (beyond > 0), beyond / bound, 0.0)
            ratio = float(np.nanmax(ratios))
            if ratio > self.ratio:
                self.ratio, self.worst = ratio, name
            index = worst_entry(doubles, truth, bound)
            if index is not None:
                self.alarms += 1
                self.first.append(f"{name}: {doubles[index]!r} for {truth.value[index]!r} +- {bound[index]!r}: {case}")


def set_parameters(layer: Any, W: Array, b: Array) -> None:
    """Give a layer its parameters, by assignment or, where that is refused, written into the arrays that it has."""
    for name, value in (("W", W), ("b", b)):
        try:
            setattr(layer, name, value)
        except AttributeError:
            getattr(layer, name)[...] = value


def asked(coding: type, message: Message, case: Case) -> tuple[Array, ...]:
    """What a coding answers."""
    if message.cls == "LinearLayer":
        W, b = case.parameters["W"], case.parameters["b"]
        layer = coding(*W.shape, np.random.RandomState(0), "layer")
        set_parameters(layer, W, b)
    else:
        layer = coding("layer")
    with np.errstate(all="ignore"):
        answer = getattr(layer, message.method)(**case.arguments)
    return tuple(answer) if len(message.parts) > 1 else (answer,)


def tally(
    codings: dict[str, type], message: Message, dtype: Any, n: int, *, most: float, seed: int = 0
) -> dict[str, Tally]:
    """Put ``n`` questions to each coding."""
    rng = np.random.RandomState(seed)
    tallies = {name: Tally() for name in codings}
    for case, _ in zip(questions(message, rng, dtype, most), range(n), strict=False):
        with np.errstate(all="ignore"):
            answer = message.answer(case, ball)
        for name, coding in codings.items():
            tallies[name].add(name, case, asked(coding, message, case), answer)
    return tallies
