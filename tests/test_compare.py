"""The comparison of numbers: which entry exceeds its bound the most, and when two results are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.numerics.compare import alike, differing_entry, worst_entry
from reference.numerics.estimate import Estimate

Array = NDArray[Any]
INF, NAN = np.inf, np.nan
U = 2.0**-53


def row(*numbers: float) -> Array:
    return np.array([numbers], dtype=np.float64)


@pytest.mark.parametrize(
    ("actual", "truth", "error", "bound", "index"),
    [
        (row(1, 2, 3), row(1, 2, 3), row(0, 0, 0), row(0, 0, 0), None),
        (row(1, 2.5, 3), row(1, 2, 3), row(0, 0.25, 0), row(0, 0.25, 0), None),
        (row(1, 2.5, 3), row(1, 2, 3), row(0, 0.125, 0), row(0, 0.25, 0), (0, 1)),
        (row(1, 1.5, 3), row(1, 2, 3), row(0, 0.125, 0), row(0, 0.25, 0), (0, 1)),
        (row(9, 2, 4), row(1, 2, 3), row(0, 0, 0), row(7.5, 0, 0), (0, 2)),  # beyond its bound by more, not by itself
        (row(9, NAN, 4), row(1, 2, 3), row(0, 0, 0), row(0, 0, 0), (0, 1)),
        (row(-INF, 2, 3), row(INF, 2, 3), row(0, 0, 0), row(0, 0, 0), (0, 0)),
        (row(INF, 2, 3), row(INF, 2, 3), row(0, 0, 0), row(0, 0, 0), None),
        (row(1, 2, INF), row(1, 2, 3), row(0, 0, 0), row(1e300, 1e300, 1e300), (0, 2)),
        (row(-1.7e308, 2, 3), row(1.7e308, 2, 3), row(0, 0, 0), row(0, 0, 0), (0, 0)),
        (row(7, NAN, 3), row(1, 2, 3), row(INF, INF, 0), row(0, 0, 0), None),  # nobody knows the truth there
        (row(7, 2, 4), row(1, 2, 3), row(INF, 0, 0), row(0, 0, 0), (0, 2)),
        (row(INF, 2, 3), row(1, 2, 3), row(0, 0, 0), row(INF, 0, 0), (0, 0)),
    ],
)
def test_farthest_entry_beyond_its_bound(
    actual: Array, truth: Array, error: Array, bound: Array, index: tuple[int, ...] | None
) -> None:
    """The entry farthest beyond its bound is found; a NaN counts as farthest, and at the bound nothing is wrong."""
    assert worst_entry(actual, Estimate(truth, error), bound) == index


def test_index_is_that_of_the_array() -> None:
    """The index is a tuple of plain integers for arrays of any number of axes, a single number included."""
    truth = np.zeros((2, 3, 4))
    actual = truth.copy()
    actual[1, 2, 3], actual[0, 1, 2] = 2.0, 1.0
    index = worst_entry(actual, Estimate(truth, truth), truth)
    assert index == (1, 2, 3)
    assert all(type(each) is int for each in index or ())
    assert worst_entry(np.asarray(1.0), Estimate(np.asarray(0.0), np.asarray(0.0)), np.asarray(0.5)) == ()


@pytest.mark.parametrize(
    ("one", "other", "bound", "index"),
    [
        (row(1, NAN), row(1, NAN), row(0, 0), None),
        (row(1, NAN), row(1, 2), row(0, 0), (0, 1)),
        (row(1, INF), row(1, INF), row(0, 0), None),
        (row(1, INF), row(1, 2), row(0, 0), (0, 1)),
        (row(1, 2), row(1, INF), row(0, 0), (0, 1)),
        (row(1, -INF), row(1, INF), row(1e-9, 1e-9), (0, 1)),
        (row(1 + 31 * U, 2), row(1, 2), row(0, 0), None),
        (row(1 + 1e-11, 2), row(1, 2), row(0, 0), (0, 0)),
        (row(1 + 30e-9, 2), row(1, 2), row(1e-9, 0), None),
        (row(1 + 34e-9, 2), row(1, 2), row(1e-9, 0), (0, 0)),
        (row(0, 1e-300), row(0, 0), row(0, 0), (0, 1)),
    ],
)
def test_entry_that_differs(one: Array, other: Array, bound: Array, index: tuple[int, ...] | None) -> None:
    """Two results differ if an entry differs by more than 32 bounds and 1e-12; NaN equals NaN."""
    assert differing_entry(one, other, bound) == index


@pytest.mark.parametrize(
    ("one", "other", "bound", "same"),
    [
        (row(1, 2), row(1, 2), None, True),
        (row(1, 2), row(1, 2.1), None, False),
        (row(1, 2), row(1, 2 + 1e-12), None, True),
        (row(1, 2), row(1, 2 + 3e-12), None, False),
        (row(1, 2), row(1, 2 + 30e-6), row(0, 1e-6), True),
        (row(1, 2), row(1, 2 + 33e-6), row(0, 1e-6), False),
        (row(1, 2), row(1, 2 + 30e-6), row(0, 1e-6, 0), False),  # bounds of something else
        (row(1, 2), row(1, 2 + 0.5), row(1e-6), False),
        (row(NAN, INF), row(NAN, INF), None, True),
        (row(NAN, 1), row(1, 1), None, False),
        (row(NAN, 1), row(0, 1), None, False),
        (row(1, 1), row(NAN, 1), None, False),
        (row(INF, 1), row(-INF, 1), None, False),
        (row(1, 1), row(INF, 1), row(1e-9, 1e-9), False),
        (row(INF, 1), row(1, 1), row(1e-9, 1e-9), False),
        (row(1.7e308, 1), row(-1.7e308, 1), None, False),
        (row(1, 2), row(1, 2).T, None, False),
        (row(1, 2), row(1, 2).astype(np.float32), None, False),
        (np.array([1, 2]), np.array([1, 2]), None, True),
        (np.array([1, 2]), np.array([1, 3]), None, False),
        (np.array([True, False]), np.array([True, False]), None, True),
        (np.array([True, False]), np.array([True, True]), None, False),
        (np.array([1, 2], np.uint8), np.array([1, 2], np.uint8), None, True),
        (np.array(["a"]), np.array(["a"]), None, False),  # no answer, whatever it is
        (row(1) + 0j, row(1) + 0j, None, False),
        ([row(1), "a"], [row(1), "a"], None, True),
        ([row(1), "a"], [row(1), "b"], None, False),
        ((row(1),), [row(1)], None, True),
        ([row(1)], [row(1), row(1)], None, False),
        ([row(1 + 1e-9)], [row(1)], row(1e-9), False),  # bounds are not those of its parts
        ("a", "a", None, True),
        ("a", "b", None, False),
        (1, 1.0, None, False),
        (1, True, None, False),
        (None, None, None, True),
        (row(1), [1.0], None, False),
    ],
)
def test_answers_that_are_one(one: Any, other: Any, bound: Array | None, same: bool) -> None:
    """Results are alike up to 32 bounds of the right result, where they are known, and 1e-12 of the numbers."""
    assert alike([one], [other], None if bound is None else [bound]) is same


def test_as_many_answers() -> None:
    """Sequences are alike only if they are equally long, and each part has its own bound."""
    assert alike([], [], None)
    assert not alike([1], [], None)
    assert not alike([], [1], None)
    ones, others = [row(1), row(1)], [row(1), row(1 + 1e-6)]
    assert alike(ones, others, [row(0), row(1e-6)])
    assert not alike(ones, others, [row(1e-6), row(0)])
