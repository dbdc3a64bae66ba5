"""Validation of what a caller of `check_vjp` gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.numerics import function_tolerances

Array = NDArray[Any]
Interval = tuple[float, float]

EVERYWHERE: Interval = (-np.inf, np.inf)


@dataclass(frozen=True)
class Pattern:
    """The arguments that a function is asked with: their shapes, dtypes and legal values.

    Attributes
    ----------
    args
        As given, each an array of its own.
    domain
        The open interval of each argument's elements.
    fixed
        The places of arguments that are held as given, and have no gradient that is judged.
    legal
        Whether arguments are legal, as the caller tells; None: all of them are.
    draw
        Draws legal arguments from a generator; None: we draw.
    """

    args: tuple[Array, ...]
    domain: tuple[Interval, ...]
    fixed: frozenset[int] = frozenset()
    legal: Callable[..., Any] | None = None
    draw: Callable[..., Any] | None = None

    @cached_property
    def differentiable(self) -> tuple[int, ...]:
        """The places of the arguments that have a gradient: those of floating point that are not fixed."""
        floats = (number for number, array in enumerate(self.args) if array.dtype.kind == "f")
        return tuple(number for number in floats if number not in self.fixed)

    @cached_property
    def is_large(self) -> bool:
        """Whether there are so many numbers that calls are counted."""
        return sum(self.args[number].size for number in self.differentiable) > function_tolerances.LARGE

    def is_legal(self, args: Sequence[Array]) -> bool:
        """Whether arguments are in their domains and the caller's predicate, if there is one, says so."""
        for array, (low, high) in zip(args, self.domain, strict=True):
            if not ((low < array) & (array < high)).all():
                return False
        return self.legal is None or bool(np.all(self.legal(*(array.copy() for array in args))))

    def drawn(self, rng: np.random.RandomState) -> tuple[Array, ...]:
        """Arguments from the caller's ``draw``, the fixed ones as given.

        Raises
        ------
        ValueError
            They do not have the shapes of the given ones.
        """
        found = self.draw(rng) if self.draw is not None else self.args
        answers = tuple(found) if isinstance(found, tuple | list) and len(self.args) > 1 else (found,)
        if isinstance(found, tuple | list) and len(self.args) == 1 and len(found) == 1:
            answers = tuple(found)
        if len(answers) != len(self.args):
            raise ValueError(f"draw: expected {len(self.args)} arguments, got {len(answers)}")
        args = list(self.args)
        for number, (answer, given) in enumerate(zip(answers, self.args, strict=True)):
            if number not in self.fixed:
                array = np.asarray(answer)
                if array.shape != given.shape:
                    raise ValueError(f"draw: expected args[{number}] of shape {given.shape}, got {array.shape}")
                args[number] = array.astype(given.dtype)
        return tuple(args)

    def with_floats(self, floats: Sequence[Array]) -> tuple[Array, ...]:
        """All arguments, with those of floating point replaced by ``floats`` in turn."""
        args = list(self.args)
        for number, array in zip(self.differentiable, floats, strict=True):
            args[number] = array
        return tuple(args)

    def floats(self, args: Sequence[Array]) -> tuple[Array, ...]:
        """The arguments of floating point among all of them."""
        return tuple(args[number] for number in self.differentiable)


def pattern(
    args: Sequence[Any],
    domain: Sequence[Any] | None,
    *,
    fixed: Sequence[int] = (),
    legal: Callable[..., Any] | None = None,
    draw: Callable[..., Any] | None = None,
) -> Pattern:
    """The pattern that a caller gave.

    Raises
    ------
    TypeError
        An argument holds no real numbers of a kind that can be judged, or the domain is no sequence.
    ValueError
        There is nothing to differentiate, or an argument or the domain is not legal.
    """
    if not args:
        raise ValueError("args: expected at least one argument to call forward with, got none")
    arrays = tuple(_array(number, value) for number, value in enumerate(args))
    if not any(array.dtype.kind == "f" and array.size for array in arrays):
        kinds = ", ".join(f"{array.dtype} of shape {array.shape}" for array in arrays)
        raise ValueError(f"args: expected at least one of floating point with entries to differentiate, got {kinds}")
    for name, function in (("legal", legal), ("draw", draw)):
        if function is not None:
            check_callable(name, function)
    found = Pattern(arrays, _domain(domain, len(arrays)), _fixed(fixed, len(arrays)), legal, draw)
    if not any(arrays[number].size for number in found.differentiable):
        raise ValueError(f"fixed: expected at least one argument that is not fixed, got {sorted(found.fixed)}")
    for number, (array, (low, high)) in enumerate(zip(arrays, found.domain, strict=True)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"args[{number}]: expected finite numbers, got {_first(array[~np.isfinite(array)])}")
        if not ((low < array) & (array < high)).all():
            outside = _first(array[~((low < array) & (array < high))])
            raise ValueError(f"args[{number}]: expected elements in the open interval ({low}, {high}), got {outside}")
    if not found.is_legal(arrays):
        raise ValueError("args: expected arguments that legal says are legal, got others")
    return found


def in_shapes(row: Array, shapes: Sequence[tuple[int, ...]]) -> tuple[Array, ...]:
    """A row with the entries of several arrays, one after the other, as views of these shapes."""
    parts = np.split(row, np.cumsum([math.prod(shape) for shape in shapes])[:-1])
    return tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))


def check_callable(name: str, value: object) -> None:
    """Raise a TypeError unless it can be called."""
    if not callable(value):
        raise TypeError(f"{name}: expected a function, got {type(value).__name__}")


def name_of(function: Callable[..., Any], otherwise: str) -> str:
    """What to call a function in a finding."""
    name = str(getattr(function, "__qualname__", otherwise)).rpartition("<locals>.")[2]
    return otherwise if name == "<lambda>" else name


def _array(number: int, value: Any) -> Array:
    try:
        array = np.array(value, subok=False)
    except ValueError as error:  # ragged lists
        raise TypeError(f"args[{number}]: expected an array of real numbers, got {type(value).__name__}") from error
    if array.dtype.kind not in "fiub" or (array.dtype.kind == "f" and array.dtype not in (np.float32, np.float64)):
        raise TypeError(
            f"args[{number}]: expected an array of float64, float32 or whole numbers (give float16 as float32, and "
            f"complex numbers as two arguments of real numbers), "
            f"got {type(value).__name__} of dtype {array.dtype}"
        )
    return array


def _fixed(fixed: Any, count: int) -> frozenset[int]:
    places = [fixed] if isinstance(fixed, int | np.integer) else fixed
    if isinstance(places, str) or not isinstance(places, Sequence | set | frozenset):
        raise TypeError(f"fixed: expected the numbers of the arguments that are held, got {type(fixed).__name__}")
    for each in places:
        if isinstance(each, bool) or not isinstance(each, int | np.integer) or not 0 <= each < count:
            raise ValueError(f"fixed: expected numbers from 0 to {count - 1}, got {each!r}")
    return frozenset(int(each) for each in places)


def _domain(domain: Any, count: int) -> tuple[Interval, ...]:
    if domain is None:
        return (EVERYWHERE,) * count
    if isinstance(domain, str) or not isinstance(domain, Sequence):
        raise TypeError(f"domain: expected a sequence, one entry for each argument, got {type(domain).__name__}")
    if is_interval(domain):
        return (_interval(0, domain),) * count
    if len(domain) != count:
        raise ValueError(f"domain: expected one entry for each of the {count} arguments, got {len(domain)}")
    return tuple(_interval(number, entry) for number, entry in enumerate(domain))


def is_interval(domain: Any) -> bool:
    """Whether it is one pair of numbers, and not an entry for each of two arguments."""
    if not isinstance(domain, tuple | list) or len(domain) != 2:  # noqa: PLR2004 - its two ends
        return False
    return all(np.isscalar(each) for each in domain)


def _interval(number: int, entry: Any) -> Interval:
    if entry is None:
        return EVERYWHERE
    try:
        low, high = (end if bound is None else float(bound) for bound, end in zip(entry, EVERYWHERE, strict=True))
    except (TypeError, ValueError) as error:
        raise TypeError(f"domain[{number}]: expected None or a pair of numbers (low, high), got {entry!r}") from error
    if not low < high:
        raise ValueError(f"domain[{number}]: expected low < high, got ({low}, {high})")
    return low, high


def _first(values: Array) -> str:
    return str(values.flat[0])
