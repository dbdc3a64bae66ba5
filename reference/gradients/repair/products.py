"""Writes an array as a product of few operands: those whose logarithms add up to its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair import building as b
from reference.gradients.repair.operands import Operand, Operands
from reference.numerics import likeness

Array = NDArray[Any]
#: Operands of which products of two are looked up for a third.
_MOST_SMALL = 70
#: Products of one array.
MOST_FOUND = 6
#: Numbers that stand in formulas.
_USUAL = (1.0, 2.0, 0.5, 3.0, 4.0, 0.25, 6.0, 1.5)


@dataclass(frozen=True)
class Product:
    """A product that is an array in all cases.

    Attributes
    ----------
    factors
        The operands, each with the power in which it stands: 1, or -1 for a divisor.
    number
        The constant in front of it.
    """

    factors: tuple[tuple[Operand, int], ...]
    number: float

    @property
    def cost(self) -> float:
        """How much code it takes, in parts."""
        is_usual = any(abs(abs(self.number) - each) < likeness.SAME_CONSTANT for each in _USUAL)
        return sum(operand.cost + 0.4 * (power < 0) for operand, power in self.factors) + (0.0 if is_usual else 0.4)

    @property
    def degree(self) -> int:
        """How often the cotangent stands in it."""
        return sum(operand.degree * power for operand, power in self.factors)

    @property
    def node(self) -> ast.expr:
        """The code for it."""
        made: ast.expr | None = None
        for operand, power in sorted(self.factors, key=lambda each: -each[1]):
            if made is None:
                made = operand.node if power > 0 else b.over(b.number(1.0), operand.node)
            else:
                made = b.times(made, operand.node) if power > 0 else b.over(made, operand.node)
        if made is None:
            return b.number(self.number)
        return made if self.number == 1.0 else b.times(b.number(self.number), made)


def products(targets: Sequence[Array], operands: Operands) -> list[Product]:
    """The products that are the targets, in all cases with one constant, the simplest first.

    Parameters
    ----------
    targets
        The array in each case.
    operands
        What it may be made of.
    """
    target = np.concatenate([each.ravel() for each in targets])
    size = float(np.abs(target).max(initial=0.0))
    told = np.abs(target) > likeness.NOTHING_BESIDE * size
    if size == 0 or told.sum() < 3:  # noqa: PLR2004 - two numbers are the product of nearly anything and a constant
        return []
    arrays = operands.arrays
    able = [int(n) for n in np.flatnonzero((arrays[:, told] != 0).all(axis=1))]
    if not able:
        return []
    weights = _weights(int(told.sum()))
    marks = np.log(np.abs(arrays[able][:, told])) @ weights.T
    due = weights @ np.log(np.abs(target[told]))
    found = []
    for chosen in _sums(marks, due, sum(n < operands.simple for n in able)):
        factors = tuple((operands.all[able[n]], power) for n, power in chosen)
        values = np.prod([arrays[able[n]] ** power for n, power in chosen], axis=0)
        number = float(np.median(target[told] / values[told]))
        if np.abs(target - number * values).max() <= likeness.SAME_CONSTANT * size:
            found.append(Product(factors, rounded(number)))
    return sorted(found, key=lambda each: each.cost)[:MOST_FOUND]


def _weights(count: int) -> Array:
    """Weights without a mean, so that constant factors have no weight."""
    weights = np.random.default_rng(count).normal(size=(2, count))
    return np.asarray(weights - weights.mean(axis=1, keepdims=True))


def rounded(number: float) -> float:
    """The number with few digits, where that makes no difference."""
    near = float(f"{number:.7g}")
    return near if abs(near - number) <= likeness.SAME_FACTOR * abs(number) and len(repr(near)) < 8 else number  # noqa: PLR2004


def _sums(marks: Array, due: Array, simple: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Choices of up to three marks, each added or taken off, that come to what is due; the first is always added."""
    order = np.argsort(marks[:, 0])
    ordered = marks[order]
    for sign in (1, -1):
        for at in _near(ordered, sign * due[None])[1]:
            if sign > 0 or order[at] < simple:
                yield ((int(order[at]), sign),)
    small = min(simple, _MOST_SMALL)
    signs = np.array([1, -1])
    ones = (signs[None, :, None] * marks[:small, None, :]).reshape(-1, 2)
    for which, at in zip(*_near(ordered, due - ones), strict=True):
        yield ((int(order[at]), 1), (int(which) // 2, int(signs[which % 2])))
    first, second = np.triu_indices(len(ones))
    for which, at in zip(*_near(ordered, due - ones[first] - ones[second]), strict=True):
        one, two = int(first[which]), int(second[which])
        if not (one // 2 == two // 2 and one != two):
            yield (
                (int(order[at]), 1),
                (one // 2, int(signs[one % 2])),
                (two // 2, int(signs[two % 2])),
            )


def _near(ordered: Array, wanted: Array) -> tuple[list[int], list[int]]:
    """The pairs of a wanted mark and an ordered one that are the same."""
    low = np.searchsorted(ordered[:, 0], wanted[:, 0] - likeness.SAME_MARK)
    high = np.searchsorted(ordered[:, 0], wanted[:, 0] + likeness.SAME_MARK)
    which, at = [], []
    for number in np.flatnonzero(high > low):
        for place in range(int(low[number]), int(high[number])):
            if abs(ordered[place, 1] - wanted[number, 1]) <= likeness.SAME_MARK:
                which.append(int(number))
                at.append(place)
    return which, at
