"""Functions of one and two numbers in ball arithmetic: values, slopes, and what they say where these are not known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

flint = pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")

from reference.numerics.balls import Refused, Undecided, ufuncs  # noqa: E402
from reference.numerics.balls.scalar import Ball, enclosed  # noqa: E402
from reference.numerics.balls.tape import TIES, accumulate, recording  # noqa: E402
from reference.numerics.oracles.ball import precision  # noqa: E402

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
    with recording():
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


@pytest.mark.parametrize("name", ["sign", "rint", "floor", "trunc"])
def test_a_ball_that_is_too_wide_is_undecided(name: str) -> None:
    """Its function has several values there."""
    with pytest.raises(Undecided):
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
        with pytest.raises(Refused, match="Bessel"):
            ufuncs.PAIRS[name](Ball(flint.arb(1), True), Ball(flint.arb(1)))
    assert enclosed(ufuncs.PAIRS["polygamma"](0, Ball(flint.arb(1)))).overlaps(-flint.arb.const_euler())
    found = enclosed(ufuncs.PAIRS["polygamma"](2, Ball(flint.arb(1))))
    assert found.overlaps(-2 * flint.arb(3).zeta())
