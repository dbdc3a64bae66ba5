"""What goes wrong with the samples of an answer that has a row for each: they are mixed, or one is left out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference.lab.mistakes.departures import Array, Departure, Given, Parts, after


def over_samples(*, per_sample: bool) -> list[Departure]:
    """Those that mix the samples of an answer that has a row for each."""
    if not per_sample:
        return []

    def rows(reduce: Callable[..., Array]) -> Callable[[Parts, Given], Parts]:
        return lambda parts, _: tuple(
            np.broadcast_to(reduce(part, axis=0, keepdims=True), part.shape).copy() for part in parts
        )

    def all_of(reduce: Callable[..., Array]) -> Callable[[Parts, Given], Parts]:
        return lambda parts, _: tuple(np.full(part.shape, reduce(part)) for part in parts)

    mean = "Each sample has an answer of its own; who takes the mean over the batch?"
    total = "Each sample has an answer of its own: over which axes does the sum run?"
    first = "Each sample has an answer of its own: whose is given for all?"
    backwards = "In which order come the rows of the answer?"

    def same(parts: Parts) -> Parts:
        return tuple(np.repeat(part[:1], len(part), axis=0) for part in parts)

    def centred(parts: Parts) -> Parts:
        return tuple(part - part.mean(axis=0) for part in parts)

    def last(parts: Parts) -> Parts:
        return tuple(np.repeat(part[-1:], len(part), axis=0) for part in parts)

    return [
        after("averaged-over-batch", mean, rows(np.mean), outside=True, leaves=same),
        after("summed-over-batch", total, rows(np.sum), outside=True, leaves=same),
        after("averaged-over-batch", mean, all_of(np.mean), outside=True, leaves=same),
        after("summed-over-batch", total, all_of(np.sum), outside=True, leaves=same),
        after("sample-dependence", first, lambda parts, _: same(parts), leaves=same),
        after("sample-dependence", first, lambda parts, _: last(parts), leaves=same),
        after("sample-dependence", first, lambda parts, _: centred(parts), leaves=centred),
        after("wrong-axis", backwards, lambda parts, _: tuple(p[::-1] for p in parts)),
        *(_without_row(word, row) for word, row in (("last-sample-wrong", -1), ("row-wrong", 0))),
        *(_without_column(column) for column in (-1, 0)),
    ]


def _without_column(column: int) -> Departure:
    """The departure that leaves one column of the answer at the zeros that stood there before."""

    def emptied(parts: Parts) -> Parts:
        return tuple(with_empty_row(part.T, column).T for part in parts)

    hint = "Where does the loop over the columns begin, and where does it end?"
    return after("wrong-function", hint, lambda parts, _: emptied(parts), leaves=emptied)


def _without_row(word: str, row: int) -> Departure:
    """The departure that leaves one row of the answer at the zeros that stood there before."""

    def emptied(parts: Parts) -> Parts:
        return tuple(with_empty_row(part, row) for part in parts)

    hint = "Where does the loop over the samples begin, and where does it end?"
    return after(word, hint, lambda parts, _: emptied(parts), leaves=emptied)


def with_empty_row(A: Array, row: int) -> Array:
    """The array with zeros in one of its rows."""
    found = A.copy()
    found[row] = 0
    return found
