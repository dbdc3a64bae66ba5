"""One number as a ball: an enclosure of its value, on a tape that knows what it was made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flint
import numpy as np
from flint import arb

from reference.numerics import ball_tolerances
from reference.numerics.balls.constants import decimal, floating
from reference.numerics.balls.tape import SETTINGS, TAPE, TIES, Refused, Undecided, count_comparison

_NUMBERS = (int, float, np.number, np.bool_)
#: What numpy and Python ask of balls, by name. Who answers needs balls: `array`, `ufuncs` and `functions` enter here.
ANSWERS: dict[str, Callable[..., Any]] = {}


class Ball:
    """A real number that is known to lie in ``value``, an `flint.arb`.

    It takes the place of a numpy scalar of float64: with operators, comparisons that are decided or raise `Undecided`,
    and the methods of arrays. It never becomes a Python float, which would lose the enclosure and the derivative.

    Parameters
    ----------
    value
        The enclosure.
    tracked
        Whether it depends on an argument.
    """

    __slots__ = ("adjoint", "tracked", "value")
    __array_priority__ = 1000.0
    shape = ()
    ndim = 0
    size = 1
    itemsize = 8
    dtype = np.dtype(np.float64)

    def __init__(self, value: Any, tracked: bool = False) -> None:
        self.value = value
        self.tracked = tracked
        self.adjoint: Any = None

    # Arithmetic

    def __add__(self, other: Any) -> Any:
        w = _operand(other)
        return NotImplemented if w is None else _two(self.value + w, self, None, other, None)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        w = _operand(other)
        return NotImplemented if w is None else _two(self.value - w, self, None, other, -1)

    def __rsub__(self, other: Any) -> Any:
        w = _operand(other)
        return NotImplemented if w is None else made(w - self.value, (self, -1))

    def __mul__(self, other: Any) -> Any:
        w = _operand(other)
        return NotImplemented if w is None else _two(self.value * w, self, w, other, self.value)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        w = _operand(other)
        if w is None:
            return NotImplemented
        quotient = self.value / w
        if type(other) is Ball and other.tracked:
            return _two(quotient, self, 1 / w, other, -quotient / w)
        return made(quotient, (self, 1 / w))

    def __rtruediv__(self, other: Any) -> Any:
        w = _operand(other)
        return NotImplemented if w is None else Ball(w).__truediv__(self)

    def __neg__(self) -> Ball:
        return made(-self.value, (self, -1))

    def __pos__(self) -> Ball:
        return self

    def __abs__(self) -> Ball:
        if self.value > 0:
            return self
        if self.value < 0:
            return -self
        _tie(self, "abs")
        return made(abs(self.value), (self, arb(0, 1)))

    def __pow__(self, other: Any) -> Any:
        return NotImplemented if _operand(other) is None else power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return NotImplemented if _operand(other) is None else power(other, self)

    def __mod__(self, other: Any) -> Any:
        w = _operand(other)
        if w is None:
            return NotImplemented
        steps = _step(self, self.value / w, "mod")
        return made(self.value - steps * w, (self, None), (other, -steps))

    def __rmod__(self, other: Any) -> Any:
        w = _operand(other)
        return NotImplemented if w is None else Ball(w) % self

    def __floordiv__(self, other: Any) -> Any:
        w = _operand(other)
        return NotImplemented if w is None else Ball(_step(self, self.value / w, "floor_divide"))

    def __rfloordiv__(self, other: Any) -> Any:
        w = _operand(other)
        return NotImplemented if w is None else Ball(w) // self

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    # Comparisons

    def __gt__(self, other: Any) -> Any:
        return compared(self, other, "greater")

    def __ge__(self, other: Any) -> Any:
        return compared(self, other, "greater_equal")

    def __lt__(self, other: Any) -> Any:
        return compared(self, other, "less")

    def __le__(self, other: Any) -> Any:
        return compared(self, other, "less_equal")

    def __eq__(self, other: Any) -> Any:
        return compared(self, other, "equal")

    def __ne__(self, other: Any) -> Any:
        return compared(self, other, "not_equal")

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return bool(compared(self, 0, "not_equal"))

    # What a number can become

    def __float__(self) -> float:
        raise Refused("float()", "of a number in ball arithmetic would lose its enclosure and its derivative")

    def __int__(self) -> int:
        steps = self.value.floor() if self.value >= 0 else -(-self.value).floor()
        if not (self.value >= 0 or self.value < 0) or not steps.is_exact():
            raise Undecided("int")
        return int(steps.unique_fmpz())

    __trunc__ = __int__

    def __index__(self) -> int:
        raise Refused("an index", "made of a number in ball arithmetic is no whole number")

    def __complex__(self) -> complex:
        raise Refused("complex()")

    def __round__(self, digits: int | None = None) -> Any:
        raise Refused("round()")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return ANSWERS["__array_ufunc__"](ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return ANSWERS["__array_function__"](function, args, options)

    def __getattr__(self, name: str) -> Any:
        """The methods of a numpy scalar are those of an array without axes."""
        if name.startswith("_"):
            raise AttributeError(name)
        return ANSWERS["__getattr__"](self, name)

    def __repr__(self) -> str:
        return f"Ball({self.value})"


def enclosed(x: Any) -> Any:
    """The `arb` of a ball or of a plain number."""
    w = _operand(x)
    if w is None:
        if isinstance(x, np.ndarray) and x.ndim == 0:
            return enclosed(x[()])
        raise Refused(f"a value of type {type(x).__name__}")
    return w


def boxed(x: Any) -> Ball:
    """A ball as it is; a plain number as a constant."""
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return boxed(x[()])
    return x if type(x) is Ball else Ball(enclosed(x))


def made(value: Any, *pairs: tuple[Any, Any]) -> Ball:
    """The result of an operation on the operands with these slopes (None is 1), on the tape if one of them is."""
    kept = [pair for pair in pairs if type(pair[0]) is Ball and pair[0].tracked]
    result = Ball(value, bool(kept))
    if kept:
        TAPE.append((result, kept))
    return result


def _two(value: Any, one: Ball, slope: Any, other: Any, other_slope: Any) -> Ball:
    if type(other) is Ball and other.tracked:
        pairs = [(one, slope), (other, other_slope)] if one.tracked else [(other, other_slope)]
    elif one.tracked:
        pairs = [(one, slope)]
    else:
        return Ball(value)
    result = Ball(value, True)
    TAPE.append((result, pairs))
    return result


def _operand(x: Any) -> Any:
    """The `arb` of what may stand beside a ball in an operation, or None."""
    kind = type(x)
    if kind is Ball:
        return x.value
    if kind is float or kind is np.float64:
        return decimal(float(x)) if SETTINGS["decimal"] else arb(float(x))
    if kind is int or isinstance(x, int | np.integer | np.bool_):
        return arb(int(x))
    if isinstance(x, float | np.floating):
        return floating(x)
    return None


def compared(one: Any, other: Any, name: str) -> Any:
    """Whether a comparison holds.

    Raises
    ------
    Undecided
        The balls are too wide to tell.
    """
    count_comparison()
    a, b = _operand(one), _operand(other)
    if a is None or b is None:
        return NotImplemented
    if one is other and not a.is_nan():
        return name in {"greater_equal", "less_equal", "equal"}
    if a.is_nan() or b.is_nan():
        if not (is_missing(one) or is_missing(other)):
            raise Undecided(name)
        return name == "not_equal"
    yes, no = _ORDER[name](a, b)
    if not (yes or no):
        raise Undecided(name)
    if a == b:
        _tie(one, name, other)
    return bool(yes)


_ORDER: dict[str, Callable[[Any, Any], tuple[bool, bool]]] = {
    "greater": lambda a, b: (a > b, a <= b),
    "greater_equal": lambda a, b: (a >= b, a < b),
    "less": lambda a, b: (a < b, a >= b),
    "less_equal": lambda a, b: (a <= b, a > b),
    "equal": lambda a, b: (a == b, a != b),
    "not_equal": lambda a, b: (a != b, a == b),
}


def _tie(one: Any, name: str, other: Any = None) -> None:
    """Note that the slope here depends on which way a comparison goes, if an argument has a part in it."""
    if (type(one) is Ball and one.tracked) or (type(other) is Ball and other.tracked):
        TIES.append(name)


def is_missing(number: Any) -> bool:
    """Whether a number is NaN, so that numpy skips it.

    Raises
    ------
    Undecided
        The ball is NaN because it is too wide: more bits may make a number of it, such as the logarithm of what may be
        0 or not.
    """
    if not enclosed(number).mid().is_nan():
        return False
    if type(number) is Ball and number.tracked:
        if flint.ctx.prec < ball_tolerances.BALL_BITS[-1]:
            raise Undecided("a test for NaN")
        TIES.append("isnan")  # at the edge of a domain there may be no derivative
    return True


def larger(one: Any, other: Any) -> Ball:
    """max(one, other); at a tie every slope between 0 and 1 to either is enclosed."""
    return _extreme(one, other, 1)


def smaller(one: Any, other: Any) -> Ball:
    """min(one, other); see `larger`."""
    return _extreme(one, other, -1)


def _extreme(one: Any, other: Any, sign: int) -> Ball:
    a, b = enclosed(one), enclosed(other)
    if a.mid().is_nan() or b.mid().is_nan():
        return made(arb.nan(), (one, arb.nan()), (other, arb.nan()))  # the slopes are not known either
    if one is other or (a > b if sign > 0 else a < b):
        return boxed(one)
    if a < b if sign > 0 else a > b:
        return boxed(other)
    if a == b or SETTINGS["wide"]:
        _tie(one, "maximum" if sign > 0 else "minimum", other)
    either = arb(0.5, 0.5)
    return made(arb.max(a, b) if sign > 0 else arb.min(a, b), (one, either), (other, either))


def whole_power(x: Any, k: int) -> Any:
    """An enclosure to a whole power; flint has none where it holds 0 beside other numbers."""
    if k < 0 or not x.contains(0):
        return x**k
    if k == 0:
        return arb(1)
    if k % 2:
        return x * whole_power(x, k - 1)
    half = abs(whole_power(x, k // 2))
    return half * half


def power(base: Any, exponent: Any) -> Ball:
    """Base to an exponent, either a ball or a plain number."""
    x, w = enclosed(base), enclosed(exponent)
    if type(exponent) is Ball and exponent.tracked:
        y = x**w
        slope = arb(0) if x.is_zero() and w > 0 else y * x.log()
        return made(y, (base, w * x ** (w - 1)), (exponent, slope))
    if w.is_zero():
        return Ball(arb(1))
    if w.is_integer():
        k = int(w.unique_fmpz())
        return made(whole_power(x, k), (base, k * whole_power(x, k - 1)))
    if x.is_zero() and w > 0:
        return made(arb(0), (base, arb(0) if w > 1 else arb.nan()))
    if w == _HALF:
        y = x.sqrt()
        return made(y, (base, 1 / (2 * y)))
    return made(x**w, (base, w * x ** (w - 1)))


_HALF = arb(0.5)
#: From a jump to where a function has its other value.
_NEXT = arb(2) ** -60


def _step(one: Ball, value: Any, name: str) -> Any:
    steps = value.floor()
    if not steps.is_exact():
        raise Undecided(name)
    if value == steps:
        _tie(one, name)
    return steps


def stair(one: Any, rounded: Callable[[Any], Any], name: str) -> Ball:
    """A function that is constant between jumps; at a jump the tie is noted."""
    value = enclosed(one)
    level = rounded(value)
    if not level.is_exact():
        raise Undecided(name)
    if value.is_exact() and any(rounded(value + side * _NEXT) != level for side in (-1, 1)):
        _tie(one, name)
    return Ball(level)
