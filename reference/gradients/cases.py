"""The cases of a function: the given arguments, and drawn ones of the same shapes, short numbers to extreme ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine import Effort
from reference.gradients.arguments import EVERYWHERE, Interval, Pattern, in_shapes
from reference.numerics import sampling, tolerances
from reference.numerics.sampling import seeded, signs

Array = NDArray[Any]
#: The kinds of cases with equal numbers on purpose.
TIED = frozenset({"ties", "zeros", "nothing but zeros"})
#: The kinds of cases in which nothing is special.
PLAIN = frozenset({"short numbers", "ordinary numbers", "near the given inputs"})
#: The absolute values of short numbers.
_SHORT = np.arange(1, 17) / 8
Draw = Callable[[np.random.RandomState, tuple[int, ...]], Array]


@dataclass(frozen=True)
class Case:
    """The arguments of one call.

    Attributes
    ----------
    kind
        What is special about it.
    args
        All arguments, whole numbers as given.
    seed
        Of its cotangents.
    ordinary
        Neither extreme nor saturated: every entry of a gradient can be told by differences.
    tied
        With equal numbers, or zeros, on purpose: where a function may have a kink.
    """

    kind: str
    args: tuple[Array, ...]
    seed: int
    ordinary: bool = True
    tied: bool = False


def cases(pattern: Pattern, seed: int, effort: Effort) -> list[Case]:
    """All cases, those that are easiest to read first.

    An argument outside what the caller says is legal is drawn anew; where that does not help, the case is left out.
    """
    rng = seeded(seed % 2**32)
    asked = [Case("as given", pattern.args, rng.randint(2**31))]
    if pattern.draw is not None:
        for number in range(tolerances.DRAWN_CASES[effort]):
            args = _first_legal(pattern, lambda: pattern.drawn(rng))
            kind = "drawn by the caller" if number else "ordinary numbers"
            asked += [] if args is None else [Case(kind, args, rng.randint(2**31), ordinary=number == 0)]
        return asked
    for kind, draw, ordinary in kinds(pattern, effort):
        args = _first_legal(pattern, lambda draw=draw: _drawn(pattern, draw, rng))  # type: ignore[misc]  # a default has no type in a lambda
        case_seed = rng.randint(2**31)
        if args is not None:
            asked.append(Case(kind, args, case_seed, ordinary, tied=kind in TIED))
    return asked


def near_given(pattern: Pattern, seed: int, effort: Effort) -> list[Case]:
    """Cases around the given arguments, where what is drawn freely is not legal: a matrix that has to be definite.

    Numbers are moved by parts of themselves, or of the largest one, and all together multiplied; a symmetric matrix
    stays symmetric.
    """
    rng = seeded(seed % 2**32)
    found = []
    for number in range(tolerances.NEAR_CASES[effort]):
        part = tolerances.NEAR_PARTS[number % len(tolerances.NEAR_PARTS)]
        factor = tolerances.NEAR_FACTORS[number % len(tolerances.NEAR_FACTORS)]
        for _ in range(tolerances.LEGAL_TRIES):
            floats = [
                _near(array, part, factor, rng, together=number % 2 == 1) for array in pattern.floats(pattern.args)
            ]
            args = pattern.with_floats(floats)
            if pattern.is_legal(args):
                found.append(Case("near the given inputs", args, rng.randint(2**31)))
                break
    return found


def _near(array: Array, part: float, factor: float, rng: np.random.RandomState, *, together: bool) -> Array:
    """An array moved by a part of each number, or of the largest one, and multiplied by a factor."""
    size = np.full(array.shape, np.abs(array).max(initial=0.0)) if together else np.abs(array)
    moves = rng.uniform(-1, 1, array.shape)
    turned = np.swapaxes(array, -1, -2) if array.ndim > 1 else None
    if turned is not None and np.array_equal(array, turned):
        moves = (moves + np.swapaxes(moves, -1, -2)) / 2
    return np.asarray((factor * (array + part * moves * size)).astype(array.dtype))


def expected_number(pattern: Pattern, effort: Effort) -> int:
    """How many cases are drawn, legal or not."""
    return tolerances.DRAWN_CASES[effort] if pattern.draw is not None else len(kinds(pattern, effort))


def kinds(pattern: Pattern, effort: Effort) -> list[tuple[str, Draw, bool]]:
    """The kinds of drawn cases; of many numbers only ordinary ones."""
    found = list(_kinds(effort))
    return [each for each in found if each[0] in PLAIN][:2] if pattern.is_large else found


def _first_legal(pattern: Pattern, draw: Callable[[], tuple[Array, ...]]) -> tuple[Array, ...] | None:
    """The first legal arguments of a few draws."""
    for _ in range(tolerances.LEGAL_TRIES if pattern.legal is not None else 1):
        args = draw()
        if pattern.legal is None or pattern.is_legal(args):
            return args
    return None


def _drawn(pattern: Pattern, draw: Draw, rng: np.random.RandomState) -> tuple[Array, ...]:
    shapes = [pattern.args[number].shape for number in pattern.differentiable]
    drawn = _apart(rng, shapes) if draw is short_numbers else [draw(rng, shape) for shape in shapes]
    return pattern.with_floats(
        [
            _inside(array, pattern.domain[number], pattern.args[number].dtype)
            for array, number in zip(drawn, pattern.differentiable, strict=True)
        ]
    )


def _apart(rng: np.random.RandomState, shapes: list[tuple[int, ...]]) -> list[Array]:
    """Short numbers, no two of which are equal where there are few enough: coincidences are asked on purpose alone."""
    size = sum(math.prod(shape) for shape in shapes)
    if size > len(_SHORT):
        return [short_numbers(rng, shape) for shape in shapes]
    return list(in_shapes(rng.permutation(_SHORT)[:size] * signs(rng, size), shapes))


def cotangents(case: Case, shape: tuple[int, ...], dtype: Any, effort: Effort) -> list[Array]:
    """Weights of the outputs for one case, short numbers first.

    Never constant: the entries of a softmax sum to 1, so that ones would make its gradient invisible. No entry is 0, so
    that no output is invisible; the only one of a scalar is not 1, so that a forgotten cotangent is seen.
    """
    rng = seeded(case.seed)
    found = []
    for number in range(tolerances.COTANGENTS[effort]):
        drawn = short_numbers(rng, shape) if number == 0 else np.asarray(rng.randn(*shape))
        if drawn.size and (drawn == drawn.flat[0]).all():
            drawn.flat[0] = -0.75 if drawn.flat[0] > 0 else 0.625
        found.append(drawn.astype(dtype))
    return found


def short_numbers(rng: np.random.RandomState, shape: tuple[int, ...]) -> Array:
    """An array of short numbers, as `reference.numerics.sampling.short_numbers` draws them."""
    return np.asarray(sampling.short_numbers(rng)(shape))


def _kinds(effort: Effort) -> Iterator[tuple[str, Draw, bool]]:
    """The kinds of drawn cases: a name, how it is drawn, and whether it is ordinary."""
    everything = effort != "quick"
    yield "short numbers", short_numbers, True
    yield "ties", lambda rng, shape: np.asarray(rng.choice([-0.5, 1.0], shape)), True
    yield "zeros", lambda rng, shape: short_numbers(rng, shape) * rng.randint(0, 2, shape), True
    if everything:
        yield "nothing but zeros", lambda rng, shape: np.zeros(shape), True
    for _ in range(tolerances.NORMAL_CASES[effort]):
        yield "ordinary numbers", lambda rng, shape: np.asarray(rng.randn(*shape)), False
    for size in (1e-8, 1e-3, 30.0, 1e3) if everything else (30.0,):
        yield f"numbers of size {size:g}", _of_size(size), False
    for lead in (20.0, 36.0, 500.0) if everything else (36.0,):
        yield f"one entry ahead by {lead:g}", _ahead(lead), False
    for size in (1e-100, 745.0, 1e4, 1e8, 1e30, 1e100, 1e300) if everything else (745.0, 1e300):
        yield f"numbers of size {size:g}", _of_size(size), False
    if everything:
        yield "numbers of all sizes", lambda rng, shape: rng.randn(*shape) * 10.0 ** rng.uniform(-6, 6, shape), False


def _of_size(size: float) -> Draw:
    return lambda rng, shape: np.asarray(rng.uniform(-size, size, shape))


def _ahead(lead: float) -> Draw:
    """The first entry along the last axis, say one class of each sample, is far above the others."""

    def draw(rng: np.random.RandomState, shape: tuple[int, ...]) -> Array:
        drawn = short_numbers(rng, shape)
        drawn[(..., slice(1)) if shape else ()] += lead  # a slice, for there may be no entries
        return drawn

    return draw


def _inside(drawn: Array, interval: Interval, dtype: Any) -> Array:
    """The numbers moved into an open interval: 0 to its middle, or next to its only end, large ones to the far ends."""
    low, high = interval
    if dtype == np.float32:
        size = float(np.abs(drawn).max(initial=0.0)) or 1.0
        drawn = drawn / size * np.clip(size, 1 / tolerances.LARGEST_SINGLE, tolerances.LARGEST_SINGLE)
    if np.isfinite(low) and np.isfinite(high):
        drawn = low + (high - low) * (0.5 + 0.5 * drawn / (1 + np.abs(drawn)))
    elif np.isfinite(low):
        drawn = low + np.where(drawn == 0, 0.125, np.abs(drawn))
    elif np.isfinite(high):
        drawn = high - np.where(drawn == 0, 0.125, np.abs(drawn))
    array = np.asarray(drawn).astype(dtype)
    if interval == EVERYWHERE:
        return array
    first, last = (_within(bound, towards, dtype) for bound, towards in ((low, high), (high, low)))
    return np.asarray(np.clip(array, first, last))


def _within(bound: float, towards: float, dtype: Any) -> Array:
    """The number of this type that is next to ``bound``, on the side of ``towards``."""
    return np.asarray(np.nextafter(np.asarray(bound, dtype), np.asarray(towards, dtype)))
