"""Sums of two doubles keep what rounding takes, and the exponential and the logarithm made of them have 57 bits."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bp import exponential
from bp.exponential import RAISE, exp_of_differences, log_of_sum
from bp.pairs import constant, exact_sum, lowered, upper_half
from bp.softmax import Softmax, in_precision_of
from tests.memory import peak_of
from tests.strategies import Array, arrays

#: The largest double.
LARGEST = float(np.finfo(np.float64).max)


def exact(*parts: float) -> Fraction:
    """The sum of these numbers."""
    return sum(map(Fraction, map(float, parts)), Fraction(0))


def off(high: Array, low: Array, truth: list[Decimal]) -> float:
    """The largest distance of 2^-256 (high + low) from the truth, relative to it."""
    scale = Decimal(2) ** RAISE
    pairs = zip(high.tolist(), low.tolist(), truth, strict=True)
    return max(float(abs((Decimal(a) + Decimal(b)) / scale / true - 1)) for a, b, true in pairs)


@pytest.mark.parametrize("value", [1, 2.0**-256])
def test_a_constant_is_a_double_that_never_changes(value: float) -> None:
    """A constant is the number in double precision, without axes, and nobody can write to it."""
    made = constant(value)
    assert (made.dtype, made.shape, made[()]) == (np.float64, (), value)
    with pytest.raises(ValueError, match="read-only"):
        made[...] = 0


def test_upper_half_is_what_can_be_squared() -> None:
    """The upper half of a number has 26 bits, so that products of two halves are exact (Dekker 1971)."""
    z = np.random.RandomState(3).uniform(1, 2, 1000)
    out = np.empty_like(z)
    assert upper_half(z, out) is out
    for upper in (upper_half(z), out):
        assert upper.tolist() == (np.floor(z * 2.0**25) / 2.0**25).tolist()


#: high, low and by, whose 2^-by (high + low) is between two doubles: near the middle, where rounding twice goes wrong.
HALVES = [
    (1.5 * 2.0**-30, 2.0**-83, 1044),
    (1.5 * 2.0**-30, -(2.0**-83), 1044),
    (2.5 * 2.0**-30, 2.0**-83, 1044),
    (2.5 * 2.0**-30, -(2.0**-83), 1044),
    (2.0**-30 + 2.0**-60, 2.0**-83, 1044),
    (1.5, 2.0**-54, 3),
    ((1 + 2.0**-52) * 2.0**-20, 1.6 * 2.0**-74, 1000),
    (0.0, 0.0, 1000),
]


def test_numbers_are_lowered_with_one_rounding() -> None:
    """What is scaled down is the double nearest to the exact value, also where that is subnormal."""
    pairs = [(sign * high, sign * low, by) for high, low, by in HALVES for sign in (1, -1)]
    high, low, by = (np.array(column) for column in zip(*pairs, strict=True))
    found = lowered(high, low, by)
    expected = [float(exact(*pair[:2]) / 2 ** pair[2]) for pair in pairs]
    assert found.dtype == np.float64
    assert found.tolist() == expected


def test_numbers_that_are_raised_overflow_only_where_they_must() -> None:
    """Up to half a unit above the largest number a number is raised to it, and beyond that to infinity."""
    u = 2.0**-54
    high = np.array([1.0, 1.0, 1.0, 1 - 2 * u, 2.0**-70, 2.0, 4.0, np.inf])
    low = np.array([-u, 0.0, -0.75 * u, u / 2, 0.0, -4 * u, -8 * u, 0.0])
    with np.errstate(over="ignore", invalid="ignore"):
        found = lowered(high, low, np.array([-1024] * 8))
    assert found.dtype == np.float64
    assert found.tolist() == [LARGEST, np.inf, np.inf, LARGEST, 2.0**954, *[np.inf] * 3]


@pytest.mark.parametrize("k", [1, 2, 3, 63])
def test_exact_sum_loses_half_a_unit_a_term(k: int) -> None:
    """Each term of a sum, with what is added to it, is rounded once, to 2^-92 of a power of two above all sizes."""
    rng = np.random.RandomState(k)
    terms = rng.uniform(-1, 1, (k, 100))
    more = terms * 2.0**-53 * rng.uniform(-1, 1, terms.shape)
    largest = np.full(100, 1.0)
    high, low = exact_sum(terms, more, largest, *np.empty((2, *terms.shape)))
    unit = 2.0**-92 * 2.0 ** (k.bit_length() + 1) * 2
    for column in range(100):
        lost = exact(high[column], low[column]) - exact(*terms[:, column], *more[:, column])
        assert abs(lost) <= k * Fraction(unit) / 2


def test_exact_sum_of_many_large_negative_terms_is_exact() -> None:
    """A sum of many terms of one sign and of the largest size is exact."""
    terms = -(1 - np.random.RandomState(2).randint(1, 2**20, (63, 5)) * 2.0**-53)
    high, low = exact_sum(terms, None, -terms.min(axis=0), np.empty_like(terms), np.empty_like(terms))
    for column in range(5):
        assert exact(high[column], low[column]) == exact(*terms[:, column])


@given(st.data())
def test_exact_sum_is_the_same_in_any_order(data: st.DataObject) -> None:
    """The sum is the same in any order and right to the last digit, for terms of all sizes."""
    k = data.draw(st.integers(1, 40))
    terms = data.draw(arrays(k, 1, elements=st.floats(-1, 1).filter(lambda z: z == 0 or abs(z) > 2.0**-900)))
    order = data.draw(st.permutations(range(k)))

    def total(z: Array) -> Array:
        high, low = exact_sum(z, None, np.abs(z).max(axis=0), np.empty_like(z), np.empty_like(z))
        return np.asarray(high + low)

    found = total(terms)
    assert found.tobytes() == total(np.ascontiguousarray(terms[order])).tobytes()
    truth, largest = exact(*terms[:, 0]), float(np.abs(terms).max())
    assert abs(exact(found[0]) - truth) <= abs(truth) * Fraction(2.0**-53) + Fraction(largest * k * 2.0**-90)


def test_the_table_of_exponentials_has_76_bits() -> None:
    """An entry of the table and what it lacks are 2^256 exp(g) to 2^-76, but 0 the last, which stands for all below."""
    high, low = exponential._table.__wrapped__()
    places = np.r_[0:64, 64 : len(high) - 65 : 61, len(high) - 65 : len(high) - 1]
    with decimal.localcontext(prec=50):
        truth = [(32 - Decimal(int(place)) / 64).exp() for place in places]
        assert off(high[places], low[places], truth) <= 2.0**-76
    assert (high[-1], low[-1]) == (0, 0)
    assert len(high) == len(low) == (32 - exponential.LOWEST) * 64 + 1


def test_exponentials_of_differences_have_57_bits() -> None:
    """exp(x - m) is right to 2^-57, although the difference may not be a double, in memory that is handed in."""
    rng = np.random.RandomState(0)
    m = rng.uniform(-1, 1, 500)
    x = m - rng.uniform(0, 700, (1, 500))
    head, tail, spare = np.empty((3, *x.shape))
    exp_of_differences(x, m, head, tail, spare)
    with decimal.localcontext(prec=50):
        truth = [(Decimal(a) - Decimal(b)).exp() for a, b in zip(x[0].tolist(), m.tolist(), strict=True)]
        assert off(head[0], tail[0], truth) <= 2.0**-57
    assert (np.abs(tail) < head / 63).all()


def test_logarithms_of_sums_have_57_bits() -> None:
    """log(1 + R + rest) is right to 2^-57, also where R is small."""
    rng = np.random.RandomState(0)
    R = 2.0 ** rng.uniform(-9, 3, 500)
    rest = R * 2.0**-53 * rng.uniform(-1, 1, 500)
    high, low = log_of_sum(R * 2.0**RAISE, rest * 2.0**RAISE)
    with decimal.localcontext(prec=50):
        truth = [(1 + Decimal(a) + Decimal(b)).ln() for a, b in zip(R.tolist(), rest.tolist(), strict=True)]
        assert off(high, low, truth) <= 2.0**-57


def test_terms_and_their_sums_are_made_in_memory_that_is_handed_in() -> None:
    """Exponentials of differences and exact sums allocate less than one array of the terms' size."""
    x, head, tail, spare, more = np.zeros((5, 64, 1000))
    exponential._table()
    assert peak_of(lambda: exp_of_differences(x, x[0], head, tail, spare)) < x.nbytes / 4
    assert peak_of(lambda: exact_sum(head, tail, None, spare, more)) < x.nbytes / 4


@pytest.mark.parametrize(("gap", "more"), [(0.0, 0.5), (800.0, 1.5)])
def test_memory_is_used_again(gap: float, more: float) -> None:
    """Softmax takes five arrays of the logits' size, its probabilities at most one and a half more."""
    X = np.random.RandomState(0).randn(1000, 60)
    X[0, 0] -= gap
    Softmax(X)
    made: list[Softmax] = []
    assert peak_of(lambda: made.append(Softmax(X))) < 5.5 * X.nbytes
    assert peak_of(made[0].probabilities) < more * X.nbytes
    assert in_precision_of(made[0].X, X) is made[0].X
