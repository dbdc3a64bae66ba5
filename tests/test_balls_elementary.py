"""The elementary functions of ball arithmetic: their slopes are those of flint's power series."""

from __future__ import annotations

from typing import Any

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
