"""The places of code where an edit can be made, with the values that stand there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from reference.gradients.repair import roles
from reference.gradients.repair.instrument import Sites
from reference.numerics import likeness

#: Kinds of numbers that take part in a computation.
_NUMBERS = int | float | np.ndarray | np.generic
_PLANE = 2


@dataclass(frozen=True)
class Edit:
    """One change of code.

    Attributes
    ----------
    place
        The expression or statement that is changed.
    called
        What its inverse, the mistake, is called; or what tells it, for the few edits of many that need a word.
    cost
        How far-fetched it is: of several that repair the gradient, the cheapest tells the mistake.
    new
        What stands there instead; None where ``replaced`` says more.
    replaced
        Nodes of the definition, and what stands in their place.
    is_product
        Whether it adds, or multiplies by, an array at hand: where it is known what a place lacks, no need to try.
    is_solved
        Whether it was computed from what the place lacks.
    steps
        What it takes beside a run, as `running.Work` counts it.
    """

    place: Place
    called: str | Callable[[], str]
    cost: float
    new: ast.expr | None = None
    replaced: Mapping[ast.AST, Any] = field(default_factory=dict)
    is_product: bool = False
    is_solved: bool = False
    steps: int = 0

    @cached_property
    def word(self) -> str:
        """What its inverse is called."""
        return self.called if isinstance(self.called, str) else self.called()


@dataclass(eq=False)
class Place:
    """An expression of the writer's code.

    Attributes
    ----------
    sites
        Of its function.
    number
        Of the expression; of a statement, that of the statement.
    node
        The expression itself.
    values
        Its first value: as asked, for twice the cotangent, for another case, and for another cotangent.
    scope
        What names mean at its statement.
    visits
        How often it is computed.
    turns
        Its values for the first few times, as ``values``.
    """

    sites: Sites
    number: int
    node: ast.AST
    values: tuple[Any, ...]
    scope: Mapping[str, Any]
    visits: int = 1
    turns: tuple[Sequence[Any], ...] = ()

    @property
    def value(self) -> Any:
        """Its first value, as asked."""
        return self.values[0]

    @property
    def expression(self) -> ast.expr:
        """The node, where it is an expression.

        Raises
        ------
        TypeError
            It is a statement.
        """
        if not isinstance(self.node, ast.expr):
            raise TypeError(type(self.node).__name__)
        return self.node

    @property
    def parent(self) -> ast.AST:
        """The node around it."""
        return self.sites.source.parents[self.node][0]

    @property
    def field(self) -> str:
        """The name of the field of its parent that holds it."""
        return self.sites.source.parents[self.node][1]

    @property
    def is_nested(self) -> bool:
        """Whether it stands in a lambda, class or comprehension inside the function."""
        return self.node in self.sites.nested

    @cached_property
    def text(self) -> str:
        """Its code."""
        return ast.unparse(self.node)

    @cached_property
    def is_floating(self) -> bool:
        """Whether it is an array or number of floating point."""
        return isinstance(self.value, float | np.ndarray | np.generic) and np.asarray(self.value).dtype.kind == "f"

    @cached_property
    def is_number(self) -> bool:
        """Whether it is an array or a number."""
        return is_number(self.value)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of its value."""
        return np.shape(self.value) if self.is_number else ()

    @property
    def is_square_gradient(self) -> bool:
        """Whether it is a square matrix, or several, that carry the cotangent and are used as values."""
        is_square = len(self.shape) >= _PLANE and self.shape[-1] == self.shape[-2] > 1
        return is_square and self.is_floating and self.role == "value" and self.is_of_cotangent

    @cached_property
    def is_of_cotangent(self) -> bool:
        """Whether it doubles with the cotangent."""
        return doubles(self.values, self.turns)

    @cached_property
    def varies(self) -> bool:
        """Whether it depends on the arguments or the cotangent."""
        return varies(self.values, self.turns)

    @cached_property
    def role(self) -> str:
        """What it is for: ``index``, ``axis``, ``exponent``, ``compared``, or a ``value``."""
        return roles.role_of(self.node, self.sites.source.parents)


def kind_of(value: Any) -> str:
    """The kind of numbers of an array, or of a number; empty for anything else, such as a list of arrays."""
    return np.asarray(value).dtype.kind if isinstance(value, np.ndarray) or is_number(value) else ""


def is_number(value: Any) -> bool:
    """Whether something is an array of numbers or a real number."""
    if isinstance(value, bool | np.bool_):
        return True
    kinds = "fiubc" if isinstance(value, np.ndarray) and value.ndim else "fiub"
    return isinstance(value, _NUMBERS) and np.asarray(value).dtype.kind in kinds


def is_mask(value: Any, *, varies: bool) -> bool:
    """Whether an array has zeros and ones alone, or, where it does not vary, zeros and another number several times."""
    array = np.asarray(value)
    if not array.ndim or (((array != 0) & (array != 1)).any() and varies):
        return False
    open_at = array[array != 0]
    is_binary = bool((open_at == 1).all())
    return is_binary or (1 < open_at.size < array.size and bool((open_at == open_at[0]).all()))


def varies(values: Sequence[Any], turns: Sequence[Sequence[Any]] = ()) -> bool:
    """Whether the values of a `Place` are not the same in all runs, the first time or later."""
    times = [values, *zip(*turns, strict=False)]
    return not all(_is_equal(each[0], other) for each in times for other in each[1:])


def doubles(values: Sequence[Any], turns: Sequence[Sequence[Any]] = ()) -> bool:
    """Whether the second value of a `Place`, for twice the cotangent, is twice the first, at its first time but 0."""
    for one, two in zip(*turns[:2], strict=False) if is_number(values[0]) else ():
        if np.any(np.asarray(one) != 0):
            return _is_twice(one, two)
    return _is_twice(*values[:2])


def _is_equal(one: Any, two: Any) -> bool:
    if not (is_number(one) and is_number(two)):
        return type(one) is type(two)
    return bool(np.array_equal(one, two, equal_nan=True))


def _is_twice(one: Any, two: Any) -> bool:
    if not (is_number(one) and is_number(two)) or np.shape(one) != np.shape(two):
        return False
    array, other = np.asarray(one), np.asarray(two)
    if array.dtype.kind not in "fc" or not array.any():
        return False
    return bool(np.allclose(2 * array, other, rtol=likeness.SAME_ANSWER, atol=0, equal_nan=True))
