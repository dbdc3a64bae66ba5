"""Further functions of torch on arrays of balls: searches, sums by groups, solvers, losses over paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.numerics.balls.array import balls, full, of_numbers, plain
from reference.numerics.balls.scalar import Ball
from reference.numerics.balls.tape import Refused
from reference.numerics.balls.ufuncs import PAIRS, TWO


def _running(name: str) -> Callable[..., Any]:
    """The largest entry so far along an axis, or the smallest, and its place."""
    is_ahead = np.greater_equal if name == "maximum" else np.less_equal

    def running(x: Any, dim: int) -> Any:
        moved = np.moveaxis(balls(x), dim, 0)
        places = np.zeros(moved.shape, np.int64)
        for k in range(1, len(moved)):
            before = np.take_along_axis(moved, places[k - 1 : k], 0)[0]
            places[k] = np.where(is_ahead(moved[k], before), k, places[k - 1])
        return np.moveaxis(np.take_along_axis(moved, places, 0), 0, dim), np.moveaxis(places, 0, dim)

    return running


def _searched(sequence: Any, values: Any, right: bool = False, side: Any = None, **options: Any) -> Any:
    if options.get("sorter") is not None or np.ndim(sequence) != 1:
        raise Refused("torch's searchsorted in several sequences, or with a sorter")
    return np.searchsorted(balls(sequence), balls(values), side=side or ("right" if right else "left"))


def _scattered(x: Any, dim: int, index: Any, source: Any, reduce: str, include_self: bool = True) -> Any:
    """Entries along an axis, put together by groups."""
    ufuncs = {"sum": "add", "mean": "add", "prod": "multiply", "amax": "maximum", "amin": "minimum"}
    start = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "amax": -np.inf, "amin": np.inf}[reduce]
    result, index = balls(x).copy(), np.asarray(index)
    places: list[Any] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    places[dim] = index
    place = tuple(places)
    counts = np.zeros(result.shape, int)
    np.add.at(counts, place, 1)
    if not include_self:
        result[counts > 0] = start
    values = balls(source)[tuple(slice(n) for n in index.shape)]
    TWO[ufuncs[reduce]].at(plain(result), place, plain(values))
    return result / np.maximum(counts + include_self, 1) if reduce == "mean" else result


def _bags(weight: Any, indices: Any, offsets: Any, by_frequency: bool = False, mode: int = 0, *more: Any) -> Any:
    """Sums, means or largest entries of rows, bag by bag."""
    defaults = (False, None, False, -1)
    given: tuple[Any, ...] = (*more, *defaults[len(more) :])
    _, weights, has_last, padding = given
    if weights is not None or has_last or padding >= 0 or by_frequency:
        raise Refused("torch's embedding_bag with weights, padding or a last offset")
    ends = [*np.asarray(offsets)[1:].tolist(), len(indices)]
    take = (np.sum, np.mean, np.max)[mode]
    rows = [take(balls(weight)[np.asarray(indices)[a:b]], axis=0) for a, b in zip(offsets, ends, strict=True)]
    nothing = np.zeros(0, np.int64)
    return np.stack(rows), nothing, nothing, nothing


def _cholesky_solved(b: Any, factor: Any, upper: bool = False) -> Any:
    part = np.swapaxes(np.triu(balls(factor)), -1, -2) if upper else np.tril(balls(factor))
    return np.linalg.solve(np.swapaxes(part, -1, -2), np.linalg.solve(part, balls(b)))


def _least_squares(a: Any, b: Any, *_: Any, **__: Any) -> Any:
    nothing = balls(np.zeros(0))
    return np.linalg.pinv(balls(a)) @ balls(b), nothing, np.zeros((), np.int64), nothing


def _ctc(
    log_p: Any, targets: Any, lengths: Any, target_lengths: Any, blank: int = 0, zero_infinity: bool = False
) -> Any:
    """-log of the probability of all paths that read as a target, for each sequence (Graves and others, 2006)."""
    if zero_infinity:
        raise Refused("torch's ctc_loss with zero_infinity")
    sizes, flat = [int(n) for n in target_lengths], np.asarray(targets)
    ends = np.cumsum(sizes)
    words = [
        flat[k, :n] if flat.ndim > 1 else flat[e - n : e] for k, (n, e) in enumerate(zip(sizes, ends, strict=True))
    ]
    found = [
        _all_paths(balls(log_p)[: int(n), k], word, blank)
        for k, (n, word) in enumerate(zip(lengths, words, strict=True))
    ]
    return of_numbers(found, (len(found),)), full((), 0.0)


def _all_paths(log_p: Any, word: Any, blank: int) -> Ball:
    letters = [blank]
    for letter in word.tolist():
        letters += [letter, blank]
    ahead: list[Any] = [log_p[0, letter] if k < 2 else None for k, letter in enumerate(letters)]  # noqa: PLR2004 - the first two
    for row in log_p[1:]:
        before = ahead
        ahead = []
        for k, letter in enumerate(letters):
            jumps = k > 1 and letter not in {blank, letters[k - 2]}
            total = _added([before[j] for j in ((k, k - 1, k - 2) if jumps else (k, k - 1)) if j >= 0])
            ahead.append(None if total is None else total + row[letter])
    total = _added(ahead[-2:])
    if total is None:
        raise Refused("torch's ctc_loss of a sequence that is too short")
    return -total  # type: ignore[no-any-return]


def _added(logarithms: list[Any]) -> Any:
    """log of the sum of what these are logarithms of; None stands for that of 0."""
    known = [each for each in logarithms if each is not None]
    if not known:
        return None
    total = known[0]
    for each in known[1:]:
        total = PAIRS["logaddexp"](total, each)
    return total


def _leaky(x: Any, noise: Any, lower: Any = 1 / 8, upper: Any = 1 / 3, training: bool = False, *_: Any) -> Any:
    del noise
    if training:
        raise Refused("torch's rrelu in training", "is random")
    return np.where(balls(x) >= 0, balls(x), balls(x) * ((balls(lower) + balls(upper)) / 2))


MORE: dict[str, Callable[..., Any]] = {
    "cummax": _running("maximum"),
    "cummin": _running("minimum"),
    "searchsorted": _searched,
    "bucketize": lambda x, boundaries, **options: _searched(boundaries, x, **options),
    "scatter_reduce": _scattered,
    "_embedding_bag": _bags,
    "_embedding_bag_forward_only": _bags,
    "cholesky_solve": _cholesky_solved,
    "linalg_lstsq": _least_squares,
    "_ctc_loss": _ctc,
    "rrelu_with_noise": _leaky,
}
