"""The parts of ball arithmetic: what stands beside a ball, which attributes it has, and what stands for scipy."""

from __future__ import annotations

import operator
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

flint = pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")

from reference.numerics.balls import Undecided, proxies, scalar  # noqa: E402
from reference.numerics.balls.array import BallArray, balls, of_scalar, one_element, plain  # noqa: E402
from reference.numerics.balls.scalar import Ball, boxed, compared, enclosed  # noqa: E402
from reference.numerics.balls.tape import TIES, accumulate, recording  # noqa: E402
from reference.numerics.oracles.ball import precision  # noqa: E402
from tests.balls_judge import refuses  # noqa: E402
from tests.operations import POSITIVE, A  # noqa: E402

BITS = 200


def ball(value: Any, tracked: bool = False) -> Ball:
    return Ball(flint.arb(value), tracked)


def middles(x: Any) -> Any:
    return np.vectorize(lambda each: float(enclosed(each).mid()), otypes=[float])(plain(balls(x)))


# scipy.special


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
def test_log_sum_exp_is_its_formula(axis: Any) -> None:
    """Along axes, with weights, with the axes kept; and the two that are made of it."""
    find = proxies.SPECIAL["logsumexp"]
    due = np.log(np.exp(A).sum(axis=axis, keepdims=True))
    assert np.allclose(middles(find(balls(A), axis=axis, keepdims=True)), due, rtol=1e-14)
    assert middles(find(balls(A), axis=axis, keepdims=True)).shape == due.shape
    assert middles(find(balls(A), axis)).shape == np.sum(A, axis=axis).shape
    assert np.allclose(middles(find(balls(A), axis)), due.reshape(np.sum(A, axis=axis).shape), rtol=1e-14)
    weighted = np.log((POSITIVE * np.exp(A)).sum(axis=axis))
    assert np.allclose(middles(find(balls(A), axis=axis, b=POSITIVE)), weighted, rtol=1e-14)
    assert np.allclose(middles(proxies.SPECIAL["log_softmax"](balls(A), axis)), A - due, rtol=1e-13)
    assert np.allclose(middles(proxies.SPECIAL["softmax"](balls(A), axis=axis)), np.exp(A - due), rtol=1e-13)
    assert np.allclose(middles(proxies.SPECIAL["softmax"](balls(A))), np.exp(A) / np.exp(A).sum(), rtol=1e-13)


def test_options_of_log_sum_exp_are_refused() -> None:
    """A sign that is asked for, and what nobody knows."""
    for options in ({"return_sign": True}, {"where": A > 0}):
        with refuses("return_sign"):
            proxies.SPECIAL["logsumexp"](balls(A), **options)
    assert middles(proxies.SPECIAL["polygamma"](1, balls([1.0]))) == pytest.approx(np.pi**2 / 6, rel=1e-14)


# What stands beside a ball


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("0.1", Fraction(1, 10)), ("-0.1", Fraction(-1, 10)), ("123.456", Fraction(123456, 1000)), ("1e-05",
         Fraction(1, 10**5)),
        ("2.5e-07", Fraction(25, 10**8)), ("1.5e+20", Fraction(15 * 10**19)), ("0.5", Fraction(1, 2)), ("3.0",
         Fraction(3)),
    ],
)  # fmt: skip
def test_a_short_decimal_means_itself(text: str, exact: Fraction) -> None:
    """Where constants are read as decimals; elsewhere a double is what it is."""
    due = flint.arb(flint.fmpq(exact.numerator, exact.denominator))
    with precision(BITS):
        due = flint.arb(flint.fmpq(exact.numerator, exact.denominator))
        with recording(decimal=True):
            assert enclosed(float(text)).overlaps(due)
            assert enclosed(np.float64(text)).overlaps(due)
            assert float(enclosed(float(text)).rad()) <= 1e-50 * abs(float(text))
        assert enclosed(float(text)) == flint.arb(float(text))


def test_a_long_decimal_has_been_rounded() -> None:
    """It means anything within a few of its last places."""
    with precision(BITS), recording(decimal=True):
        third = enclosed(1 / 3)
        assert third.overlaps(flint.arb(1) / 3)
        assert float(third.rad()) == pytest.approx(8 * np.spacing(1 / 3), rel=1e-6)
        assert enclosed(0.12345678901234).is_exact() or float(enclosed(0.12345678901234).rad()) < 1e-50
        assert float(enclosed(0.123456789012345).rad()) > 1e-17
        single = enclosed(np.float32(0.1))
        assert single.overlaps(flint.arb("0.1"))
        assert float(single.rad()) == pytest.approx(0.1 * np.finfo(np.float32).eps, rel=1e-3)
        assert not enclosed(float("inf")).is_finite()


def test_numbers_keep_all_their_digits() -> None:
    """Those of extended precision too; single and half ones are what they are."""
    with precision(BITS):
        wide = np.longdouble(1) / np.longdouble(3)
        assert abs(enclosed(wide) - flint.arb(1) / 3) <= float(np.finfo(np.longdouble).eps)
        for number in (np.float32(0.1), np.float16(0.1)):
            assert enclosed(number) == flint.arb(float(number))
        for whole in (3, True, np.int8(3), np.bool_(True)):
            assert enclosed(whole) == int(whole)
        assert enclosed(np.array(0.25)) == 0.25
        assert boxed(np.array(ball(2, tracked=True), dtype=object)).tracked
        for other in ("3", None, np.zeros(2)):
            with refuses(type(other).__name__):
                enclosed(other)
            for operate in (lambda a, b: a + b, lambda a, b: a**b, lambda a, b: a % b, lambda a, b: a // b):
                if not isinstance(other, np.ndarray):
                    with pytest.raises(TypeError):
                        operate(ball(2), other)
                    with pytest.raises(TypeError):
                        operate(other, ball(2))


OPERATORS = {
    "greater": operator.gt, "greater_equal": operator.ge, "less": operator.lt, "less_equal": operator.le,
    "equal": operator.eq, "not_equal": operator.ne,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "truths"),
    [
        ("greater", [False, False, True]), ("greater_equal", [False, True, True]), ("less", [True, False, False]),
        ("less_equal", [True, True, False]), ("equal", [False, True, False]), ("not_equal", [True, False, True]),
    ],
)  # fmt: skip
def test_comparisons_are_those_of_numbers(name: str, truths: list[bool]) -> None:
    """With a tie where a tracked one is equal; wide balls that overlap are undecided, and NaN is unequal to all."""
    assert [compared(ball(each), 2, name) for each in (1, 2, 3)] == truths
    by_operator = OPERATORS[name]
    assert [by_operator(ball(each), 2) for each in (1, 2, 3)] == truths
    assert [by_operator(ball(each), ball(2)) for each in (1, 2, 3)] == truths
    assert [by_operator(2, ball(each)) for each in (3, 2, 1)] == truths
    with recording():
        for one, is_told in ((ball(2, tracked=True), True), (ball(2), False), (ball(3, tracked=True), False)):
            TIES.clear()
            compared(one, 2, name)
            assert ([name] if is_told else []) == TIES
            TIES.clear()
            compared(2, one, name)
            assert ([name] if is_told else []) == TIES
    with pytest.raises(Undecided):
        compared(Ball(flint.arb(2, 1)), 2, name)
    wide = Ball(flint.arb(2, 1))
    assert compared(wide, wide, name) is (name in {"greater_equal", "less_equal", "equal"})
    assert compared(ball("nan"), 2, name) is (name == "not_equal")
    assert compared(2, ball("nan"), name) is (name == "not_equal")
    assert compared(ball(2), "3", name) is NotImplemented


def slope(function: Any, x: Any, *others: Any) -> tuple[Any, Any]:
    with recording():
        one = ball(x, tracked=True)
        result = function(one, *others)
        if result.tracked:
            result.adjoint = flint.arb(1)
            accumulate()
        return enclosed(result), one.adjoint


def test_powers_of_zero_and_of_whole_numbers() -> None:
    """Have their values, and slopes where there are any."""
    assert slope(scalar.power, 0, 2) == (0, 0)
    assert slope(scalar.power, -3, 3) == (-27, 27)
    assert slope(scalar.power, 5, 0) == (1, None)
    assert slope(scalar.power, 4, 0.5) == (2, 0.25)
    assert slope(scalar.power, 0, 1.5) == (0, 0)
    value, at_root = slope(scalar.power, 0, 0.75)
    assert value == 0
    assert at_root.is_nan()
    value, by_exponent = slope(lambda y: scalar.power(0, y), 2)
    assert (value, by_exponent) == (0, 0)
    value, by_exponent = slope(lambda y: scalar.power(3, y), 2)
    assert value.overlaps(flint.arb(9))
    assert by_exponent.overlaps(9 * flint.arb(3).log())


def test_the_larger_of_two_passes_its_slope_on() -> None:
    """At a tie any share of it; the others get nothing."""
    for function, sign in ((scalar.larger, 1), (scalar.smaller, -1)):
        assert slope(function, sign * 3, 0) == (sign * 3, 1)
        assert slope(function, -sign * 3, 0) == (0, None)
        value, share = slope(function, 2, 2)
        assert value == 2
        assert share.contains(0)
        assert share.contains(1)
        assert not share.contains(flint.arb("1.01"))
        assert enclosed(function(ball("nan"), 2)).is_nan()
        assert enclosed(function(2, ball("nan"))).is_nan()
        one = ball(7)
        assert enclosed(function(one, one)) == 7
    with recording(wide=True):
        TIES.clear()
        scalar.larger(Ball(flint.arb(2, 1), True), 2)
        assert TIES == ["maximum"]


def test_steps_are_told_by_their_names() -> None:
    """Where a quotient is whole; where it may be either of two, it is undecided."""
    with recording():
        for operate, name in ((lambda a: a % 2, "mod"), (lambda a: a // 2, "floor_divide")):
            TIES.clear()
            operate(ball(4, tracked=True))
            assert [name] == TIES
            TIES.clear()
            operate(ball(5, tracked=True))
            assert TIES == []
            with pytest.raises(Undecided):
                operate(Ball(flint.arb(4, 1)))


def test_whole_numbers_of_balls() -> None:
    """Toward zero; a ball that holds several is undecided."""
    for number in (-2.75, -2.0, -0.25, 0.0, 0.25, 2.0, 2.75):
        assert int(ball(number)) == int(number)
    for wide in (flint.arb(2, 0.5), flint.arb(0, 0.5)):
        with pytest.raises(Undecided):
            int(Ball(wide))


# Attributes


def test_a_ball_has_what_numbers_of_numpy_have() -> None:
    """And nothing that only arrays have."""
    one = ball(2.5)
    for name in ("real", "T"):
        assert of_scalar(one, name) is one
    for name in ("conj", "conjugate", "copy", "item"):
        assert of_scalar(one, name)() is one
    assert of_scalar(one, "imag") == 0
    assert list(of_scalar(one, "flat")) == [one]
    assert of_scalar(one, "astype")(float) is one
    assert of_scalar(one, "astype")(int) == 2
    assert of_scalar(one, "astype")(bool)
    assert one.shape == ()
    assert one.ndim == 0
    assert float(enclosed(one.exp()).mid()) == pytest.approx(np.exp(2.5), rel=1e-15)
    for name in ("argpartition2", "no_such", "ctypes", "partition"):  # the last two are of arrays alone
        with pytest.raises(AttributeError, match=name):
            getattr(one, name)
    assert one.sum() == one.max() == one.reshape(1)[0] == 2.5
    with pytest.raises(AttributeError):
        one._private  # noqa: B018 - it is asked for
    assert repr(one) == f"Ball({one.value})"


def test_an_array_behaves_as_one_of_doubles() -> None:
    """By its bytes, its truth, its items and its views; it is not pickled, and no bits are handed out."""
    array = balls(A)
    assert (array.itemsize, array.dtype) == (8, np.float64)
    assert bool(balls([[3.0]]))
    assert not bool(balls([0.0]))
    assert int(balls([3.5])) == 3
    assert array.item(1, 2) is plain(array)[1, 2]
    assert array.view().shape == array.shape
    assert isinstance(array.view(np.float64), BallArray)
    for kind in (np.int64, np.float32, "V8"):
        with refuses("view"):
            array.view(kind)
    with refuses("pickling"):
        pickle.dumps(array)
    for name in ("data", "ctypes", "__array_interface__"):
        with refuses(name):
            getattr(array, name)
    for name in ("tobytes", "dump", "dumps", "byteswap", "getfield", "tofile"):
        with refuses(name):
            getattr(array, name)("x")
    with refuses("doubles"):
        array.__array__(np.float64)
    assert array.__array__(object).dtype == array.__array__().dtype == object
    assert array.__array__(int).tolist() == A.astype(int).tolist()
    assert array.__array__(bool).all()
    assert one_element(ball(3)).shape == ()


@pytest.mark.parametrize("k", [1, 2, 3, 4, 7])
def test_whole_powers_are_known_around_zero(k: int) -> None:
    """A ball around 0 has the powers of its ends; flint alone has none."""
    found = scalar.whole_power(flint.arb(0.25, 0.5), k)
    for end in (0.75, -0.25, 0.0):
        assert found.contains(flint.arb(end) ** k)
    assert found.abs_upper() <= 2 * 0.75**k
    value = boxed(ball(flint.arb(0, 1e-30), True)) ** k
    assert value.value.is_finite()


def test_an_array_is_sorted_in_place() -> None:
    """Along an axis, by sort and by partition; indirectly too."""
    for axis in (0, 1, -1):
        due = np.sort(A, axis=axis)
        array = balls(A.copy())
        array.sort(axis)
        assert (middles(array) == due).all()
        array = balls(A.copy())
        array.partition(1, axis)
        assert (middles(array) == due).all()
        assert (balls(A).argpartition(1, axis) == np.argsort(A, axis=axis)).all()
    array = balls(A.copy())
    array.put([0, 5], [7.0, 8.0])
    array.put([20], [9.0], mode="clip")
    due = A.copy()
    due.put([0, 5, 11], [7.0, 8.0, 9.0])
    assert (middles(array) == due).all()
    array.fill(2)
    assert (middles(array) == 2).all()
