"""The parts of the search along random directions: scales, exact halves of numbers, sums, and halving."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.numerics import tolerances
from reference.numerics.directions import Part, Verdict, _halves, _powers_of_two, _sum, followed


@pytest.mark.parametrize(
    ("usual", "scales"),
    [
        ([1.0, 0.5, 3.0, 0.75], [0.5, 1.0, 0.25, 1.0]),
        ([0.0, 0.0], [1.0, 1.0]),
        ([1.0, 0.0, 2.0**-50], [0.5, 2.0**39, 2.0**39]),  # at most 2^40 times the smallest
        ([1e300], [2.0**-400]),
        ([1e-300], [2.0**400]),
        ([], []),
    ],
)
def test_scales_are_powers_of_two(usual: list[float], scales: list[float]) -> None:
    """A scale is the power of two next to 1 / usual; very small and very large ones are limited."""
    assert _powers_of_two(np.array(usual)).tolist() == scales


@given(st.floats(-1e300, 1e300).filter(lambda x: x == 0 or abs(x) > 1e-250))
def test_halves_have_half_the_digits(number: float) -> None:
    """Two numbers of at most 27 bits make the number exactly."""
    high, low = (float(each[0]) for each in _halves(np.array([number])))
    assert high + low == number
    for half in (high, low):
        assert (math.frexp(half)[0] * 2**27).is_integer()
    assert abs(low) <= abs(number) * 2.0**-26


@pytest.mark.parametrize(
    ("numbers", "total", "units"),
    [
        ([], 0.0, 0.0),
        ([0.0, -0.0], 0.0, 0.0),
        ([1.0, 2.0, 3.0], 6.0, 1.01),
        ([1e16, 1.0, -1e16], 1.0, 75.0),
        ([2.0**-60, 1.0], 1.0 + 2.0**-60, 1.01),
    ],
)
def test_error_of_a_sum_is_about_one_rounding(numbers: list[float], total: float, units: float) -> None:
    """A sum without loss has an error of one rounding; one that cancels is far nearer than plain summation."""
    found, error = _sum(np.array(numbers))
    assert found == total
    assert error <= units * tolerances.DOUBLE_UNIT * max(abs(total), 1e-300)
    assert error > 0 or total == 0


@pytest.mark.parametrize(
    ("discrepancy", "allowed", "is_suspicious", "ratio"),
    [(2.0, 1.0, True, 2.0), (-2.0, 1.0, True, 2.0), (1.0, 1.0, False, 1.0), (0.5, 1.0, False, 0.5),
     (0.0, 0.0, False, 0.0), (2.0**-50, 0.0, True, 8.0), (5.0, math.inf, False, 0.0)],
)  # fmt: skip
def test_parts_are_suspicious_beyond_what_is_allowed(
    discrepancy: float, allowed: float, is_suspicious: bool, ratio: float
) -> None:
    """A part is suspicious beyond what is allowed, on either side; where nothing is, the ratio is one to u."""
    part = Part(discrepancy, allowed)
    assert (part.is_suspicious, part.ratio) == (is_suspicious, ratio)


def test_larger_errors_are_missed_less() -> None:
    """By the ratio of their sizes, once for each direction; none at all and very small ones always."""
    verdict = Verdict((), True, 3, 5, 1.0, 0.0, (np.ones(2), np.full(1, 0.5)))
    one, other = (verdict.missed([[30.0 * size, 40.0 * size], [0.0]]) for size in (1, 10))
    assert other == pytest.approx(one / 1000)
    assert verdict.missed([[0.0, 0.0], [100.0]]) == pytest.approx(one)
    for size in (0.0, 1e-3):
        assert verdict.missed([[size, 0.0], [0.0]]) == 1


def searched(off: Sequence[float], allowed: float = 0.5) -> tuple[list[int], int]:
    """The places that are followed where each entry is off by so much, and the number of halvings."""
    calls: list[Any] = []

    def part(members: Any) -> Part:
        return Part(float(sum(off[place] for place in members)), allowed)

    def halved(left: Any, right: Any, whole: Part) -> tuple[Part, Part]:
        assert whole == part([*left, *right])
        calls.append((left, right))
        return part(left), part(right)

    members = np.arange(len(off))
    return list(followed(members, part(members), halved)), len(calls)


@pytest.mark.parametrize(
    ("off", "places", "halvings"),
    [
        ([0, 0, 0, 0, 0, 9, 0, 0], [5], 3),
        ([1, 0, 0, 0, 0, 9, 0, 0], [5, 0], 5),  # the worse half first
        ([9, 0, 0, 0, 0, 1, 0, 0], [0, 5], 5),
        ([0, 0, 9, 1, 0, 0, 0, 0], [2, 3], 3),
        ([9], [0], 0),
        ([0, 9, 0], [1], 2),
        ([0.25, 0.25, 0.25, 0.25], [3], 2),  # no half is suspicious, and one of them must be to blame
    ],
)
def test_entries_are_followed_by_halving(off: list[float], places: list[int], halvings: int) -> None:
    """The worse half is always looked into, the other one where it is suspicious itself."""
    assert searched(off) == (places, halvings)
