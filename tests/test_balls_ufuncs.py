"""Functions of one and two numbers in ball arithmetic: values, slopes, and what they say where these are not known."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest

flint = pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")

from reference.numerics.balls import Undecided, ufuncs  # noqa: E402
from reference.numerics.balls.scalar import Ball, compared, enclosed, is_missing, power, whole_power  # noqa: E402
from reference.numerics.balls.tape import TIES, accumulate, recording  # noqa: E402
from reference.numerics.oracles.ball import precision  # noqa: E402
from tests.balls_judge import refuses  # noqa: E402

BITS = 400
STEP = "1e-60"
ONES, TRUTHS = ufuncs._ONE, ufuncs._TRUTH_OF_ONE | ufuncs._TRUTH_OF_TWO
POINTS = [("0.75", "2.5"), ("3.25", "0.5"), ("1.625", "-0.75")]
#: Functions whose first number is an order, which has no slope.
OF_ORDER = {"polygamma", "jv", "iv", "kv", "yv"}
VALUES = {
    "add": (2.5, 0.5, 3.0), "subtract": (2.5, 0.5, 2.0), "multiply": (2.5, 0.5, 1.25), "divide": (2.5, 0.5, 5.0),
    "true_divide": (2.5, 0.5, 5.0), "power": (2.5, 2.0, 6.25), "float_power": (2.5, 2.0, 6.25), "pow": (2.5, 2.0, 6.25),
    "remainder": (-2.5, 0.75, 0.5), "floor_divide": (-2.5, 0.75, -4.0), "fmod": (-2.5, 0.75, -0.25),
    "maximum": (2.5, 0.5, 2.5), "minimum": (2.5, 0.5, 0.5), "fmax": (2.5, 0.5, 2.5), "fmin": (2.5, 0.5, 0.5),
    "logaddexp": (1.0, 2.0, math.log(math.e + math.e**2)), "logaddexp2": (1.0, 2.0, math.log2(6)),
    "xlogy": (2.0, 3.0, 2 * math.log(3)), "xlog1py": (2.0, 3.0, 2 * math.log(4)), "arctan2": (-1.0, -2.0,
     math.atan2(-1, -2)),
    "hypot": (3.0, -4.0, 5.0), "copysign": (2.5, -0.5, -2.5), "heaviside": (-2.5, 0.5, 0.0),
    "betaln": (2.5, 0.5, math.lgamma(2.5) + math.lgamma(0.5) - math.lgamma(3.0)),
    "beta": (2.0, 3.0, 1 / 12), "polygamma": (1, 1.0, math.pi**2 / 6), "rel_entr": (2.0, 3.0, 2 * math.log(2 / 3)),
    "jv": (0, 1.0, 0.7651976865579666), "iv": (0, 1.0, 1.2660658777520084), "kv": (0, 1.0, 0.42102443824070834),
    "yv": (0, 1.0, 0.08825696421567697),
}  # fmt: skip


def test_each_function_has_its_value() -> None:
    """As a pocket calculator or a table gives it; and every function is asked."""
    assert set(VALUES) == set(ufuncs.PAIRS)
    for name, (one, other, value) in VALUES.items():
        found = ufuncs.PAIRS[name](Ball(flint.arb(one)), Ball(flint.arb(other)))
        assert float(enclosed(found).mid()) == pytest.approx(value, rel=1e-14), name


def slopes(name: str, one: Any, other: Any) -> tuple[Any, list[Any]]:
    """The value, and the adjoint of each number."""
    with recording():
        balls = Ball(one, name not in OF_ORDER), Ball(other, True)
        result = ufuncs.PAIRS[name](*balls)
        if type(result) is Ball and result.tracked:
            result.adjoint = flint.arb(1)
            accumulate()
        return enclosed(result), [flint.arb(0) if each.adjoint is None else each.adjoint for each in balls]


@pytest.mark.parametrize("name", ufuncs.PAIRS)
def test_slopes_are_limits_of_differences(name: str) -> None:
    """By either number, to thirty digits, wherever the value is finite."""
    compared = 0
    with precision(BITS):
        h = flint.arb(STEP)
        for point in POINTS:
            x, y = (flint.arb(each) for each in point)
            x = flint.arb(2) if name in OF_ORDER else x
            value, (by_x, by_y) = slopes(name, x, y)
            if not value.is_finite():
                continue
            compared += 1

            def at(a: Any, b: Any) -> Any:
                return enclosed(ufuncs.PAIRS[name](Ball(a), Ball(b)))

            quotients = [(by_y, (at(x, y + h) - at(x, y - h)) / (2 * h))]
            if name not in OF_ORDER:
                quotients.append((by_x, (at(x + h, y) - at(x - h, y)) / (2 * h)))
            for slope, quotient in quotients:
                if slope.is_finite() and quotient.is_finite():
                    assert abs(slope - quotient) <= (1 + abs(quotient)) * flint.arb("1e-30"), (name, point)
    assert compared >= 2


def tied(function: Any, *numbers: Any) -> tuple[Any, set[str]]:
    """The value with tracked numbers, and which ties were noted."""
    with precision(BITS), recording():
        TIES.clear()
        found = function(*(Ball(flint.arb(each), True) for each in numbers))
        return enclosed(found), set(TIES)


def test_zeros_are_told() -> None:
    """The value at a jump, and that it is one."""
    assert tied(ONES["sign"], 0) == (0, {"equal"})
    assert tied(ONES["sign"], -2) == (-1, set())
    assert tied(ONES["sign"], 2) == (1, set())
    for middle in (0.25, 1.0):
        assert tied(ufuncs.PAIRS["heaviside"], 0, middle) == (middle, {"equal"})
    assert tied(ufuncs.PAIRS["heaviside"], 2, 0.5) == (1, set())
    assert tied(ufuncs.PAIRS["copysign"], -2, 0) == (2, {"greater_equal"})
    assert tied(ONES["fabs"], 0)[1] == {"abs"}


@pytest.mark.parametrize("name", ["sign", "rint", "floor", "ceil", "trunc"])
def test_a_ball_that_is_too_wide_is_undecided(name: str) -> None:
    """Its function has several values there, which is told by its name."""
    with pytest.raises(Undecided, match=f"of {name} is"):
        ONES[name](Ball(flint.arb(0.5, 0.75)))


@pytest.mark.parametrize("x", [-2.5, -1.5, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.5, 2.5, 3.0])
def test_roundings_are_those_of_numpy(x: float) -> None:
    """Halves go to the even number."""
    with precision(BITS):
        for name in ("rint", "floor", "ceil", "trunc"):
            assert enclosed(ONES[name](Ball(flint.arb(x)))) == float(getattr(np, name)(x)), name


def test_nothing_times_a_logarithm_is_nothing() -> None:
    """Of 0 without a derivative, as of the number 0; with one, its slope is the logarithm."""
    for name, log in (("xlogy", math.log(3)), ("xlog1py", math.log(4))):
        for zero in (0, 0.0, Ball(flint.arb(0))):
            found = ufuncs.PAIRS[name](zero, Ball(flint.arb(0), True))
            assert enclosed(found) == 0
            assert not found.tracked
        value, (by_x, by_y) = slopes(name, flint.arb(0), flint.arb(3))
        assert (value, by_y) == (0, 0)
        assert float(by_x.mid()) == pytest.approx(log, rel=1e-14)


def test_a_hypotenuse_of_zeros_is_zero() -> None:
    """Its slope has no value there."""
    value, parts = slopes("hypot", flint.arb(0), flint.arb(0))
    assert value == 0
    assert not any(each.is_finite() for each in parts)


def test_fmax_skips_what_is_no_number() -> None:
    """On either side; maximum does not."""
    nan, two = Ball(flint.arb.nan()), Ball(flint.arb(2))
    for name in ("fmax", "fmin"):
        assert enclosed(ufuncs.PAIRS[name](nan, two)) == 2
        assert enclosed(ufuncs.PAIRS[name](two, nan)) == 2
    for name in ("maximum", "minimum"):
        assert enclosed(ufuncs.PAIRS[name](nan, two)).is_nan()


def test_truths_of_numbers() -> None:
    """Which number is NaN, infinite or finite, and the truth of two."""
    inf, nan, one, zero = (Ball(flint.arb(each)) for each in ("inf", "nan", 1, 0))
    asked = {"isnan": [0, 1, 0, 0], "isinf": [1, 0, 0, 0], "isfinite": [0, 0, 1, 1]}
    for name, due in asked.items():
        assert [bool(TRUTHS[name](each)) for each in (inf, nan, one, zero)] == [bool(each) for each in due]
    assert TRUTHS["isinf"](Ball(flint.arb("-inf")))
    assert TRUTHS["logical_not"](zero)
    for name in ("logical_and", "logical_or", "logical_xor"):
        for a in (zero, one):
            for b in (zero, one):
                due = bool(getattr(np, name)(a is one, b is one))
                assert bool(TRUTHS[name](a, b)) is due, name


def test_an_order_has_no_derivative() -> None:
    """Who asks for it is refused."""
    for name in ("jv", "iv", "kv", "yv"):
        with refuses("Bessel"):
            ufuncs.PAIRS[name](Ball(flint.arb(1), True), Ball(flint.arb(1)))
    assert enclosed(ufuncs.PAIRS["polygamma"](0, Ball(flint.arb(1)))).overlaps(-flint.arb.const_euler())
    found = enclosed(ufuncs.PAIRS["polygamma"](2, Ball(flint.arb(1))))
    assert found.overlaps(-2 * flint.arb(3).zeta())


@pytest.mark.parametrize(("name", "jump", "smooth"), [
    ("floor", (2, 0, -3), (2.5, -2.5)), ("ceil", (2, 0, -3), (2.5, -2.5)), ("trunc", (2, -3), (0, 2.5, -0.5)),
    ("rint", (0.5, -1.5, 2.5), (0, 2, -3, 0.25)),
])  # fmt: skip
def test_jumps_are_told(name: str, jump: tuple[float, ...], smooth: tuple[float, ...]) -> None:
    """By the function's name, on whichever side of the number it jumps; of a constant nothing is told."""
    for x in jump:
        assert tied(ONES[name], x) == (float(getattr(np, name)(x)), {name})
    for x in smooth:
        assert tied(ONES[name], x) == (float(getattr(np, name)(x)), set())
    with precision(BITS), recording():
        ONES[name](Ball(flint.arb(jump[0])))
        assert TIES == []


def test_ties_of_two_are_told_by_either() -> None:
    """By the name of the operation, whichever of the two depends on an argument."""
    for name, function in (("maximum", ufuncs.PAIRS["maximum"]), ("minimum", ufuncs.PAIRS["minimum"])):
        for tracked in ((True, False), (False, True)):
            with recording():
                found = function(*(Ball(flint.arb(2), each) for each in tracked))
                assert [name] == TIES
                assert found.tracked
        with recording():
            assert not function(Ball(flint.arb(2)), 2).tracked
            assert TIES == []


def test_what_is_no_number_may_become_one_with_more_bits() -> None:
    """So it is undecided before the last precision, and a tie there; a constant is what it is."""
    nan = flint.arb("nan")
    for asks in (is_missing, TRUTHS["isnan"]):
        with precision(128), recording(), pytest.raises(Undecided, match="a test for NaN"):
            asks(Ball(nan, True))
        with precision(4096), recording():
            assert asks(Ball(nan, True))
            assert TIES == ["isnan"]
        with precision(128), recording():
            assert asks(Ball(nan))
            assert asks(float("nan"))
            assert not asks(Ball(flint.arb(1), True))
            assert TIES == []


def test_numbers_that_are_no_numbers_are_unequal() -> None:
    """To themselves too; a ball that may be none is undecided."""
    nan = Ball(flint.arb("nan"))
    for name in ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"):
        assert compared(nan, nan, name) is (name == "not_equal")
    one = Ball(flint.arb(1))
    assert [compared(one, one, name) for name in ("equal", "greater_equal", "less_equal")] == [True] * 3
    assert [compared(one, one, name) for name in ("not_equal", "greater", "less")] == [False] * 3


def test_powers_at_the_edges() -> None:
    """0 to the power 0 is 1, without a slope by the exponent; both sides pass their slopes on."""
    value, (_, by_exponent) = slopes("power", flint.arb(0), flint.arb(0))
    assert value == 1
    assert not by_exponent.is_finite()
    value, (by_base, by_exponent) = slopes("power", flint.arb(0), flint.arb(2))
    assert (value, by_base, by_exponent) == (0, 0, 0)
    with recording():
        assert enclosed(power(Ball(flint.arb(4), True), -2)).overlaps(flint.arb(1) / 16)
        assert not power(Ball(flint.arb(4), True), 0).tracked
    assert whole_power(flint.arb(0.5, 1), 0) == 1
    assert not whole_power(flint.arb(0.5, 1), -1).is_finite()
    assert whole_power(flint.arb(2), -3) == flint.arb(0.125)


def test_signs_and_steps_of_what_stands_on_either_side() -> None:
    """Plain numbers on the left or the right of a ball, in each operation."""
    x = Ball(flint.arb(2.5))
    for operate in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod,
                    operator.floordiv):  # fmt: skip
        for number in (3, 1.5, np.float64(0.75), np.int8(2)):
            for given, due in (((x, number), operate(2.5, float(number))), ((number, x), operate(float(number), 2.5))):
                assert float(enclosed(operate(*given)).mid()) == pytest.approx(due, rel=1e-14)
    assert [enclosed(each) for each in divmod(x, 2)] == [1, 0.5]
    assert enclosed(abs(-x)) == enclosed(+x) == 2.5
