"""numpy's universal functions on balls, scipy's included, by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

from reference.numerics import ball_tolerances
from reference.numerics.balls import scalar
from reference.numerics.balls.array import BallArray, elements, plain, wrapped
from reference.numerics.balls.elementary import UNARY
from reference.numerics.balls.scalar import ANSWERS, Ball, boxed, compared, enclosed, is_missing, made, stair
from reference.numerics.balls.tape import TAPE, Refused, Undecided


def _sign(x: Any) -> Ball:
    v = enclosed(x)
    if v > 0 or v < 0:
        return Ball(arb(1 if v > 0 else -1))
    if not v.is_zero():
        raise Undecided("sign")
    compared(boxed(x), 0, "equal")
    return Ball(arb(0))


def _log_add_exp(a: Any, b: Any) -> Any:
    if enclosed(a) < enclosed(b):
        a, b = b, a
    return boxed(a) + UNARY["softplus"](boxed(b) - boxed(a))


def _log_add_exp2(a: Any, b: Any) -> Any:
    two = UNARY["log"](Ball(arb(2)))
    return _log_add_exp(boxed(a) * two, boxed(b) * two) / two


def _x_log_y(x: Any, y: Any) -> Ball:
    return Ball(arb(0)) if type(x) is not Ball and x == 0 else _times_log(boxed(x), UNARY["log"], y)


def _x_log1p_y(x: Any, y: Any) -> Ball:
    return Ball(arb(0)) if type(x) is not Ball and x == 0 else _times_log(boxed(x), UNARY["log1p"], y)


def _times_log(x: Ball, log: Callable[[Any], Ball], y: Any) -> Any:
    if x.value.is_zero() and not x.tracked:
        return Ball(arb(0))
    if x.value.is_zero():
        w = enclosed(y)
        value = (w if log is UNARY["log"] else 1 + w).log()
        return made(arb(0), (x, value), (y, 0))
    return x * log(y)


def _arctan2(a: Any, b: Any) -> Ball:
    y, x = enclosed(a), enclosed(b)
    square = x * x + y * y
    return made(arb.atan2(y, x), (a, x / square), (b, -y / square))


def _hypot(a: Any, b: Any) -> Any:
    x, y = enclosed(a), enclosed(b)
    square = x * x + y * y
    if square > 0:  # without the squares on the tape, which no library has beyond doubles
        size = square.sqrt()
        return made(size, (a, x / size), (b, y / size))
    return UNARY["sqrt"](boxed(a) * boxed(a) + boxed(b) * boxed(b))


def _copysign(a: Any, b: Any) -> Ball:
    size = abs(boxed(a))
    return size if compared(boxed(b), 0, "greater_equal") else -size


def _heaviside(a: Any, middle: Any) -> Ball:
    if enclosed(a).is_zero():
        compared(boxed(a), 0, "equal")
        return boxed(middle)
    return Ball(arb(1 if compared(boxed(a), 0, "greater") else 0))


def _fmod(a: Any, b: Any) -> Any:
    return _copysign(abs(boxed(a)) % abs(boxed(b)), a)


def _extreme(pick: Callable[[Any, Any], Ball], *, skips: bool) -> Callable[[Any, Any], Ball]:
    def extreme(a: Any, b: Any) -> Ball:
        if skips and is_missing(a):
            return boxed(b)
        return boxed(a) if skips and is_missing(b) else pick(a, b)

    return extreme


_HALF = arb(0.5)


def _round_half_even(v: Any) -> Any:
    low = v.floor()
    rest = v - low
    if rest < _HALF:
        return low
    if rest > _HALF:
        return low + 1
    if not (rest == _HALF and low.is_exact()):
        raise Undecided("rint")
    return low if int(low.unique_fmpz()) % 2 == 0 else low + 1


def _toward_zero(v: Any) -> Any:
    return v.floor() if v >= 0 else -(-v).floor()


def _stairs(rounded: Callable[[Any], Any], name: str) -> Callable[[Any], Ball]:
    return lambda x: stair(x, rounded, name)


def _beta_log(a: Any, b: Any) -> Any:
    log_gamma = UNARY["gammaln"]
    return log_gamma(a) + log_gamma(b) - log_gamma(boxed(a) + boxed(b))


def _polygamma(order: Any, x: Any) -> Ball:
    n = int(order)
    if n == 0:
        return UNARY["digamma"](x)
    v, sign = enclosed(x), (-1) ** (n + 1)
    value = sign * arb(n).fac() * arb(n + 1).zeta(v)
    return made(value, (x, -sign * arb(n + 1).fac() * arb(n + 2).zeta(v)))


def _order(ball_of_order: Any) -> Any:
    if type(ball_of_order) is Ball and ball_of_order.tracked:
        raise Refused("the derivative by the order of a Bessel function")
    return enclosed(ball_of_order)


def _bessel(name: str, sign: int) -> Callable[[Any, Any], Ball]:
    def bessel(order: Any, x: Any) -> Ball:
        n, v = _order(order), enclosed(x)
        slope = (getattr(v, name)(n - 1) + sign * getattr(v, name)(n + 1)) / 2
        return made(getattr(v, name)(n), (x, -slope if name == "bessel_k" else slope))

    return bessel


_ONE: dict[str, Callable[[Any], Any]] = {
    **UNARY,
    "absolute": lambda x: abs(boxed(x)),
    "fabs": lambda x: abs(boxed(x)),
    "negative": lambda x: -boxed(x),
    "positive": boxed,
    "conjugate": boxed,
    "sign": _sign,
    "floor": _stairs(lambda v: v.floor(), "floor"),
    "ceil": _stairs(lambda v: v.ceil(), "ceil"),
    "trunc": _stairs(_toward_zero, "trunc"),
    "rint": _stairs(_round_half_even, "rint"),
}
PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: boxed(a) + b,
    "subtract": lambda a, b: boxed(a) - b,
    "multiply": lambda a, b: boxed(a) * b,
    "divide": lambda a, b: boxed(a) / b,
    "true_divide": lambda a, b: boxed(a) / b,
    "power": scalar.power,
    "float_power": scalar.power,
    "pow": scalar.power,
    "remainder": lambda a, b: boxed(a) % b,
    "floor_divide": lambda a, b: boxed(a) // b,
    "fmod": _fmod,
    "maximum": _extreme(scalar.larger, skips=False),
    "minimum": _extreme(scalar.smaller, skips=False),
    "fmax": _extreme(scalar.larger, skips=True),
    "fmin": _extreme(scalar.smaller, skips=True),
    "logaddexp": _log_add_exp,
    "logaddexp2": _log_add_exp2,
    "xlogy": _x_log_y,
    "xlog1py": _x_log1p_y,
    "arctan2": _arctan2,
    "hypot": _hypot,
    "copysign": _copysign,
    "heaviside": _heaviside,
    "betaln": _beta_log,
    "beta": lambda a, b: UNARY["exp"](_beta_log(a, b)),
    "polygamma": _polygamma,
    "jv": _bessel("bessel_j", -1),
    "iv": _bessel("bessel_i", 1),
    "kv": _bessel("bessel_k", 1),
    "yv": _bessel("bessel_y", -1),
    "rel_entr": lambda a, b: _x_log_y(a, boxed(a) / b),
}
_TRUTH_OF_ONE: dict[str, Callable[[Any], Any]] = {
    "isnan": is_missing,
    "isfinite": lambda x: not is_missing(x) and enclosed(x).is_finite(),
    "isinf": lambda x: bool(abs(enclosed(x).mid()) == arb("inf")),  # flint has no hash of infinity
    "signbit": lambda x: compared(boxed(x), 0, "less"),
    "logical_not": lambda x: not bool(x),
}


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    return lambda a, b: compared(boxed(a) if type(b) is not Ball else a, b, name)


_TRUTH_OF_TWO: dict[str, Callable[[Any, Any], Any]] = {
    **{name: _comparison(name) for name in ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")},
    "logical_and": lambda a, b: bool(a) and bool(b),
    "logical_or": lambda a, b: bool(a) or bool(b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
}
ONE = {name: np.frompyfunc(function, 1, 1) for name, function in _ONE.items()}
TWO = {name: np.frompyfunc(function, 2, 1) for name, function in PAIRS.items()}
TRUTH = {
    **{name: np.frompyfunc(function, 1, 1) for name, function in _TRUTH_OF_ONE.items()},
    **{name: np.frompyfunc(function, 2, 1) for name, function in _TRUTH_OF_TWO.items()},
}
#: Products of matrices, which `linalg` enters, and reductions, which `functions` enters: both need this module.
PRODUCTS: dict[str, Callable[..., Any]] = {}
REDUCED: dict[str, Callable[..., Any]] = {}
#: Those for which numpy's own loop over objects does the same, and faster.
_BY_OPERATOR = {"add", "subtract", "multiply"}
_IGNORED = {"dtype", "casting", "order", "subok", "signature", "sig"}


def dispatch(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What `__array_ufunc__` does: a universal function, or its reduce, accumulate, outer, at."""
    if len(TAPE) > ball_tolerances.MOST_OPERATIONS:
        raise Refused(f"more than {ball_tolerances.MOST_OPERATIONS} operations", "take too long in ball arithmetic")
    out = options.pop("out", None)
    if out is not None:
        _check_target(ufunc, out)
    kept = {name: plain(value) for name, value in options.items() if name not in _IGNORED}
    operands = [plain(x) for x in inputs]
    if out is not None and "where" in kept and method == "__call__" and isinstance(out[0], BallArray):
        # Elsewhere nothing is computed, and the target stays as it is.
        where = np.asarray(kept["where"]).astype(bool)
        _computed(ufunc, method, operands, {**kept, "where": where, "out": plain(out[0])})
        return out[0]
    result = _computed(ufunc, method, operands, kept)
    if out is not None:
        target = out[0]
        target[...] = result
        return target
    return result


ANSWERS["__array_ufunc__"] = dispatch


def _computed(ufunc: Any, method: str, operands: list[Any], options: dict[str, Any]) -> Any:  # noqa: PLR0911 - one kind of function a line
    name = ufunc.__name__
    if method == "at":
        return _at(name, operands)
    if name in PRODUCTS:
        if method != "__call__" or options:
            raise Refused(f"np.{name} with {', '.join(options) or method}")
        return wrapped(PRODUCTS[name](*operands))
    if name in TRUTH:
        result = getattr(TRUTH[name], method)(*operands, **options)
        return result.astype(bool) if isinstance(result, np.ndarray) else np.bool_(result)
    if name == "clip":
        return wrapped(TWO["minimum"](TWO["maximum"](*operands[:2]), operands[2]))
    if method == "reduce" and name in REDUCED:
        return REDUCED[name](operands[0], **options)
    if name in ONE:
        return wrapped(getattr(ONE[name], method)(*operands, **options))
    if name in TWO:
        by_operator = name in _BY_OPERATOR and all(isinstance(x, np.ndarray) for x in operands)
        return wrapped(getattr(ufunc if by_operator else TWO[name], method)(*operands, **options))
    raise Refused(f"the function {name}")


def _at(name: str, operands: list[Any]) -> None:
    target, places, *values = operands
    function = TWO.get(name)
    if function is None or not values:
        raise Refused(f"np.{name}.at")
    function.at(target, places, np.asarray(elements(values[0]), dtype=object))  # a bare ball would answer for itself


def _check_target(ufunc: Any, out: tuple[Any, ...]) -> None:
    for target in out:
        floats = isinstance(target, np.ndarray) and not isinstance(target, BallArray) and target.dtype.kind == "f"
        if floats or len(out) > 1:
            raise Refused(f"np.{ufunc.__name__}", "writes into an array of doubles from outside the function")
