"""Elementary functions of one number: their enclosures and their slopes.

The slopes are held against the power series of flint (`arb_series`) by a test, or against differences of wide balls
where flint has no series. Nothing here is a formula of a function under test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb

from reference.numerics.balls.scalar import Ball, enclosed, made

Value = Callable[[Any], Any]
#: The slope from the argument and the value.
Slope = Callable[[Any, Any], Any]


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + (-x).exp())


def _log_sigmoid(x: Any) -> Any:
    return -((-x).exp().log1p()) if x > 0 else x - x.exp().log1p()


def _root_of_pi(of: Any = 1) -> Any:
    return (arb.pi() * of).sqrt()


def _cbrt(x: Any) -> Any:
    return -((-x).root(3)) if x < 0 else x.root(3)


def _sinc_slope(x: Any, y: Any) -> Any:
    return arb(0) if x.is_zero() else ((arb.pi() * x).cos() - y) / x


def _gamma_slope(x: Any, y: Any) -> Any:
    return y * x.digamma()


def _bell(x: Any) -> Any:
    """The density of the normal distribution."""
    return (-x * x / 2).exp() / _root_of_pi(2)


#: By numpy's and scipy's names.
FUNCTIONS: dict[str, tuple[Value, Slope]] = {
    "exp": (lambda x: x.exp(), lambda x, y: y),
    "exp2": (lambda x: arb(2) ** x, lambda x, y: y * arb.const_log2()),
    "exp10": (lambda x: arb(10) ** x, lambda x, y: y * arb.const_log10()),
    "expm1": (lambda x: x.expm1(), lambda x, y: x.exp()),
    "log": (lambda x: x.log(), lambda x, y: 1 / x),
    "log2": (lambda x: x.log() / arb.const_log2(), lambda x, y: 1 / (x * arb.const_log2())),
    "log10": (lambda x: x.log() / arb.const_log10(), lambda x, y: 1 / (x * arb.const_log10())),
    "log1p": (lambda x: x.log1p(), lambda x, y: 1 / (1 + x)),
    "sqrt": (lambda x: x.sqrt(), lambda x, y: 1 / (2 * y)),
    "rsqrt": (lambda x: x.rsqrt(), lambda x, y: -y / (2 * x)),
    "cbrt": (_cbrt, lambda x, y: 1 / (3 * y * y)),
    "square": (lambda x: x * x, lambda x, y: 2 * x),
    "reciprocal": (lambda x: 1 / x, lambda x, y: -y * y),
    "sin": (lambda x: x.sin(), lambda x, y: x.cos()),
    "cos": (lambda x: x.cos(), lambda x, y: -x.sin()),
    "tan": (lambda x: x.tan(), lambda x, y: x.sec() ** 2),
    "arcsin": (lambda x: x.asin(), lambda x, y: (1 - x * x).rsqrt()),
    "arccos": (lambda x: x.acos(), lambda x, y: -(1 - x * x).rsqrt()),
    "arctan": (lambda x: x.atan(), lambda x, y: 1 / (1 + x * x)),
    "sinh": (lambda x: x.sinh(), lambda x, y: x.cosh()),
    "cosh": (lambda x: x.cosh(), lambda x, y: x.sinh()),
    "tanh": (lambda x: x.tanh(), lambda x, y: x.sech() ** 2),
    "arcsinh": (lambda x: x.asinh(), lambda x, y: (1 + x * x).rsqrt()),
    "arccosh": (lambda x: x.acosh(), lambda x, y: (x * x - 1).rsqrt()),
    "arctanh": (lambda x: x.atanh(), lambda x, y: 1 / (1 - x * x)),
    "sinc": (lambda x: x.sinc_pi(), _sinc_slope),
    "deg2rad": (lambda x: x * arb.pi() / 180, lambda x, y: arb.pi() / 180),
    "rad2deg": (lambda x: x * 180 / arb.pi(), lambda x, y: 180 / arb.pi()),
    "erf": (lambda x: x.erf(), lambda x, y: 2 * (-x * x).exp() / _root_of_pi()),
    "erfc": (lambda x: x.erfc(), lambda x, y: -2 * (-x * x).exp() / _root_of_pi()),
    "erfinv": (lambda x: x.erfinv(), lambda x, y: (y * y).exp() * _root_of_pi() / 2),
    "erfcx": (lambda x: (x * x).exp() * x.erfc(), lambda x, y: 2 * x * y - 2 / _root_of_pi()),
    "ndtr": (lambda x: (-x / arb(2).sqrt()).erfc() / 2, lambda x, y: _bell(x)),
    "log_ndtr": (
        lambda x: ((-x / arb(2).sqrt()).erfc() / 2).log(),
        lambda x, y: 2 * _bell(x) / (-x / arb(2).sqrt()).erfc(),
    ),
    "gamma": (lambda x: x.gamma(), _gamma_slope),
    "gammaln": (lambda x: x.lgamma() if x > 0 else abs(x.gamma()).log(), lambda x, y: x.digamma()),
    "digamma": (lambda x: x.digamma(), lambda x, y: arb(2).zeta(x)),
    "trigamma": (lambda x: arb(2).zeta(x), lambda x, y: -2 * arb(3).zeta(x)),
    "expit": (_sigmoid, lambda x, y: _sigmoid(x) * _sigmoid(-x)),
    "log_expit": (_log_sigmoid, lambda x, y: _sigmoid(-x)),
    "softplus": (lambda x: -_log_sigmoid(-x), lambda x, y: _sigmoid(x)),
    "logit": (lambda x: (x / (1 - x)).log(), lambda x, y: 1 / (x * (1 - x))),
    "j0": (lambda x: x.bessel_j(0), lambda x, y: -x.bessel_j(1)),
    "j1": (lambda x: x.bessel_j(1), lambda x, y: (x.bessel_j(0) - x.bessel_j(2)) / 2),
    "y0": (lambda x: x.bessel_y(0), lambda x, y: -x.bessel_y(1)),
    "y1": (lambda x: x.bessel_y(1), lambda x, y: (x.bessel_y(0) - x.bessel_y(2)) / 2),
    "i0": (lambda x: x.bessel_i(0), lambda x, y: x.bessel_i(1)),
    "i1": (lambda x: x.bessel_i(1), lambda x, y: (x.bessel_i(0) + x.bessel_i(2)) / 2),
    "i0e": (
        lambda x: x.bessel_i(0) * (-abs(x)).exp(),
        lambda x, y: (x.bessel_i(1) - x.bessel_i(0) * _sign(x)) * (-abs(x)).exp(),
    ),
    "entr": (lambda x: arb(0) if x.is_zero() else -x * x.log(), lambda x, y: -1 - x.log()),
}
for _name, _other in {
    "psi": "digamma",
    "radians": "deg2rad",
    "degrees": "rad2deg",
    "lgamma": "gammaln",
    "loggamma": "gammaln",
    "sigmoid": "expit",
}.items():
    FUNCTIONS[_name] = FUNCTIONS[_other]


def _sign(x: Any) -> Any:
    return arb(1) if x > 0 else arb(-1) if x < 0 else arb(0, 1)


def on_balls(name: str) -> Callable[[Any], Ball]:
    """The function of that name on balls and plain numbers, as it is written on the tape."""
    value, slope = FUNCTIONS[name]

    def function(x: Any) -> Ball:
        v = x.value if type(x) is Ball else enclosed(x)
        y = value(v)
        if type(x) is Ball and x.tracked:
            return made(y, (x, slope(v, y)))
        return Ball(y)

    return function


UNARY: dict[str, Callable[[Any], Ball]] = {name: on_balls(name) for name in FUNCTIONS}
