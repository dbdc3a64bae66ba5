"""The elementary functions of ball arithmetic: their slopes are those of flint's power series."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

flint = pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")

from reference.numerics.balls import elementary  # noqa: E402
from reference.numerics.oracles.ball import precision  # noqa: E402

BITS = 400
PLACES = ("-2.75", "-0.375", "-1e-30", "0.0625", "0.7", "3.5", "41")

#: Where flint has a series of the function, or of what it is made of.
SERIES = {
    "exp": lambda s: s.exp(),
    "exp2": lambda s: (s * flint.arb.const_log2()).exp(),
    "exp10": lambda s: (s * flint.arb.const_log10()).exp(),
    "expm1": lambda s: s.exp() - 1,
    "log": lambda s: s.log(),
    "log2": lambda s: s.log() / flint.arb.const_log2(),
    "log10": lambda s: s.log() / flint.arb.const_log10(),
    "log1p": lambda s: (1 + s).log(),
    "sqrt": lambda s: s.sqrt(),
    "rsqrt": lambda s: s.rsqrt(),
    "square": lambda s: s * s,
    "reciprocal": lambda s: 1 / s,
    "sin": lambda s: s.sin(),
    "cos": lambda s: s.cos(),
    "tan": lambda s: s.tan(),
    "arcsin": lambda s: s.asin(),
    "arccos": lambda s: s.acos(),
    "arctan": lambda s: s.atan(),
    "sinh": lambda s: (s.exp() - (-s).exp()) / 2,
    "cosh": lambda s: (s.exp() + (-s).exp()) / 2,
    "tanh": lambda s: 1 - 2 / ((2 * s).exp() + 1),
    "sinc": lambda s: s.sin_pi() / (s * flint.arb.pi()),
    "erf": lambda s: s.erf(),
    "erfc": lambda s: s.erfc(),
    "erfcx": lambda s: (s * s).exp() * s.erfc(),
    "ndtr": lambda s: (-s / flint.arb(2).sqrt()).erfc() / 2,
    "log_ndtr": lambda s: ((-s / flint.arb(2).sqrt()).erfc() / 2).log(),
    "gamma": lambda s: s.gamma(),
    "gammaln": lambda s: s.lgamma(),
    "expit": lambda s: 1 / (1 + (-s).exp()),
    "log_expit": lambda s: -(1 + (-s).exp()).log(),
    "softplus": lambda s: (1 + s.exp()).log(),
    "logit": lambda s: (s / (1 - s)).log(),
    "entr": lambda s: -s * s.log(),
}


@pytest.mark.parametrize("name", SERIES)
def test_slopes_are_those_of_the_power_series(name: str) -> None:
    """Value and slope overlap the first two terms of the series, wherever both are finite."""
    value, slope = elementary.FUNCTIONS[name]
    compared = 0
    with precision(BITS):
        before, flint.ctx.cap = flint.ctx.cap, 2
        try:
            for place in PLACES:
                x = flint.arb(place)
                series = SERIES[name](flint.arb_series([x, 1], 2))
                due, y = (series[0], series[1]), value(x)
                if not (due[0].is_finite() and due[1].is_finite()):
                    continue
                compared += 1
                for mine, theirs in zip((y, slope(x, y)), due, strict=True):
                    assert _tells_the_same(mine, theirs), (place, mine, theirs)
        finally:
            flint.ctx.cap = before
    assert compared >= 2


@pytest.mark.parametrize("name", sorted(set(elementary.FUNCTIONS) - set(SERIES)))
def test_slopes_without_a_series_are_limits_of_differences(name: str) -> None:
    """Elsewhere the slope is what the values differ by over a distance of 2^-150, to thirty digits."""
    value, slope = elementary.FUNCTIONS[name]
    compared = 0
    with precision(3 * BITS):
        step = flint.arb(2) ** -150
        for place in (*PLACES, "1.5"):
            x = flint.arb(place)
            y = value(x)
            if not (y.is_finite() and slope(x, y).is_finite()):
                continue
            compared += 1
            quotient = (value(x + step) - value(x - step)) / (2 * step)
            off = abs(quotient - slope(x, y))
            assert off <= (1 + abs(quotient)) * flint.arb("1e-30"), place
    assert compared >= 1


def _tells_the_same(one: Any, other: Any) -> bool:
    """Both enclose the same number, and to more than eighty digits."""
    return bool(one.overlaps(other)) and bool(abs(one - other) <= (flint.arb(2) ** -280) * (1 + abs(other)))


#: Values from tables, where neither numpy nor math has the function.
TABLE = {
    "rsqrt": (4.0, 0.5), "erfinv": (0.5, 0.4769362762044699), "erfcx": (1.0, 0.427583576155807),
    "ndtr": (1.0, 0.8413447460685429), "log_ndtr": (-10.0, -53.23128515051247), "digamma": (1.0, -0.5772156649015329),
    "trigamma": (1.0, math.pi**2 / 6), "logit": (0.75, math.log(3)), "exp10": (2.0, 100.0),
    "j0": (1.0, 0.7651976865579666), "j1": (1.0, 0.44005058574493355), "y0": (1.0, 0.08825696421567697),
    "y1": (1.0, -0.7812128213002887), "i0": (1.0, 1.2660658777520084), "i1": (1.0, 0.5651591039924851),
    "i0e": (-1.0, 0.46575960759364043), "entr": (0.5, 0.34657359027997264), "expit": (-3.0, 0.04742587317756678),
    "log_expit": (-800.0, -800.0), "softplus": (2.0, 2.1269280110429727),
}  # fmt: skip


@pytest.mark.parametrize("name", elementary.FUNCTIONS)
def test_values_are_those_of_numpy_and_math(name: str) -> None:
    """At numbers of either sign, small and large, wherever there is a value; or those of a table."""
    other = {"lgamma": "lgamma", "gammaln": "lgamma", "loggamma": "lgamma"}.get(name, name)
    function = getattr(np, name, None) or getattr(math, other, None)
    asked = [float(place) for place in PLACES] + [0.0, 0.5, -0.5, 1.0, -1.0, -27.0, 30.0, -30.0]
    if function is None:
        own = {"psi": "digamma", "sigmoid": "expit"}.get(name, name)
        x, due = TABLE[own]
        function, asked = {x: due}.__getitem__, [x]
    compared = 0
    for x in asked:
        try:
            with np.errstate(all="ignore"):
                due = float(function(x))
        except (ValueError, OverflowError):
            continue
        if not math.isfinite(due):
            continue
        compared += 1
        with precision(BITS):
            found = elementary.UNARY[name](x)
            assert not found.tracked
            assert float(found.value.mid()) == pytest.approx(due, rel=2e-13, abs=1e-15), x
    assert compared == len(asked) or compared >= 3


def test_slopes_at_special_places() -> None:
    """Those of sinc and of the scaled Bessel function at 0, of a cube root of either sign, of the entropy at 0."""
    for name, x, due in (("sinc", 0, 0), ("cbrt", -8, 1 / 12), ("cbrt", 8, 1 / 12)):
        value, slope = elementary.FUNCTIONS[name]
        assert float(slope(flint.arb(x), value(flint.arb(x))).mid()) == pytest.approx(due, rel=1e-14)
    value, slope = elementary.FUNCTIONS["i0e"]
    steep = slope(flint.arb(0), value(flint.arb(0)))
    assert steep.contains(1)
    assert steep.contains(-1)
    assert value(flint.arb(0)) == 1
    value, _ = elementary.FUNCTIONS["entr"]
    assert value(flint.arb(0)) == 0
    assert value(flint.arb(-1)).is_nan()
