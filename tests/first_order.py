"""How far the roundings of a given sequence of operations can take its result, to first order.

An operation that rounds its result v has an error of at most u |v|, and of 8 u |v| if it is a library's exp or log (4
units in the last place are granted to those). Below the smallest normal number the error is the smallest positive
number, or 4 times that. An error e of an intermediate result changes the final one by e times its derivative. The sum
of these over all operations is the error if all roundings go the worst way: no bound may be below it, and only terms
of second order exceed it. Values and derivatives are computed with fifty digits.

No formula of `reference.numerics.rounding` is used here: the sequence of operations is all that enters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Context, Decimal
from functools import reduce
from typing import Any

from reference.numerics.rounding import Precision

FIFTY_DIGITS = Context(prec=50, Emin=-999999, Emax=999999)
_ZERO, _ONE = Decimal(0), Decimal(1)


class Number:
    """A number with its operands, its derivatives with respect to them, and its own rounding error.

    Parameters
    ----------
    value
        The exact value.
    parents
        The operands, each with the derivative of this number with respect to it.
    roundings
        The rounding error of this number in units of u times its size.
    tiny
        The rounding error in units of the smallest positive number, where this number is subnormal.
    """

    __slots__ = ("parents", "roundings", "tiny", "value")

    def __init__(
        self, value: Any, parents: Sequence[tuple[Number, Decimal]] = (), roundings: int = 0, tiny: int = 0
    ) -> None:
        self.value = value if isinstance(value, Decimal) else Decimal(float(value))
        self.parents, self.roundings, self.tiny = parents, roundings, tiny

    def __add__(self, other: Number) -> Number:
        return Number(self.value + other.value, ((self, _ONE), (other, _ONE)), 1)

    def __sub__(self, other: Number) -> Number:
        return Number(self.value - other.value, ((self, _ONE), (other, -_ONE)), 1)

    def __mul__(self, other: Number) -> Number:
        return Number(self.value * other.value, ((self, other.value), (other, self.value)), 1, 1)

    def __truediv__(self, other: Number) -> Number:
        value = self.value / other.value
        return Number(value, ((self, 1 / other.value), (other, -value / other.value)), 1, 1)

    def __neg__(self) -> Number:
        return Number(-self.value, ((self, -_ONE),))

    def __gt__(self, other: Number) -> bool:
        return bool(self.value > other.value)


def exp(x: Number) -> Number:
    """e^x, with the error granted to a library."""
    value = x.value.exp()
    return Number(value, ((x, value),), 8, 4)


def log(x: Number) -> Number:
    """log x, with the error granted to a library; never subnormal, since numbers near 1 are u apart."""
    return Number(x.value.ln(), ((x, 1 / x.value),), 8)


def log1p(x: Number) -> Number:
    """log(1 + x), with the error granted to a library."""
    return Number((1 + x.value).ln(), ((x, 1 / (1 + x.value)),), 8, 4)


def log2(x: Number) -> Number:
    """The logarithm to base 2, with the error granted to a library."""
    ln2 = Decimal(2).ln()
    return Number(x.value.ln() / ln2, ((x, 1 / (x.value * ln2)),), 8)


def sqrt(x: Number) -> Number:
    """The square root, rounded once."""
    value = x.value.sqrt()
    return Number(value, ((x, 1 / (2 * value)),), 1)


def log_of_2() -> Number:
    """log 2, a rounded constant of the program."""
    return Number(Decimal(2).ln(), (), 1)


def largest(numbers: Sequence[Number]) -> Number:
    """The largest of some numbers, without rounding."""
    return max(numbers, key=lambda each: each.value)


def one_by_one(terms: Sequence[Number]) -> Number:
    """The sum of the terms in the order given."""
    return reduce(lambda total, term: total + term, terms)


def errors(result: Number, precisions: Sequence[Precision], power: int = 1) -> list[float]:
    """What the roundings of a result, and of all that is before it, add up to in each arithmetic.

    With a power of 2 they are added up as independent random numbers are, by their squares.
    """
    slopes: dict[Number, Decimal] = {result: _ONE}
    totals = [0.0] * len(precisions)
    for number in _from_the_last(result):
        slope = slopes[number]
        if number.roundings:
            for place, p in enumerate(precisions):
                own = number.roundings * p.u * float(abs(number.value))
                own = number.tiny * p.tiny if _is_subnormal(number, p) else own
                totals[place] += (float(abs(slope)) * own) ** power
        for parent, derivative in number.parents:
            slopes[parent] = slopes.get(parent, _ZERO) + slope * derivative
    return [total ** (1 / power) for total in totals]


def underflows(result: Number, p: Precision) -> bool:
    """Whether a result, or a number on the way to it, is subnormal."""
    return any(_is_subnormal(number, p) for number in _from_the_last(result))


def _is_subnormal(number: Number, p: Precision) -> bool:
    return number.roundings > 0 and 0 < 2 * p.u * float(abs(number.value)) < p.tiny


def _from_the_last(result: Number) -> Iterator[Number]:
    """All numbers that a result depends on, each before its own operands."""
    order: dict[Number, None] = {}
    stack = [(result, False)]
    while stack:
        number, is_done = stack.pop()
        if is_done:
            order[number] = None
        elif number not in order:
            stack.append((number, True))
            stack += [(parent, False) for parent, _ in number.parents]
    return reversed(order)
