"""What a rebound function sees in place of modules, and of functions that numpy does not dispatch.

numpy itself is never changed: its own code looks its functions up at run time, and would crash on balls.
"""

from __future__ import annotations

import builtins
import importlib.util
import math
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

from reference.numerics import likeness
from reference.numerics.balls.array import (
    BallArray,
    balls,
    converted,
    elements,
    full,
    holds_balls,
    one_element,
    plain,
    wrapped,
)
from reference.numerics.balls.elementary import UNARY
from reference.numerics.balls.more_functions import log_sum_exp
from reference.numerics.balls.scalar import Ball, power
from reference.numerics.balls.tape import SETTINGS, Refused
from reference.numerics.balls.ufuncs import ONE, PAIRS, TWO


class _Float(type):
    """`float` and `np.float64` for balls: they are those types, and give a ball back as it is."""

    plain_type: type

    def __call__(cls, x: Any = 0.0, *args: Any) -> Any:
        if isinstance(x, BallArray):
            return x.item() if x.size == 1 else x
        return x if type(x) is Ball else cls.plain_type(x, *args)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, cls.plain_type | Ball)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls.plain_type

    def __hash__(cls) -> int:
        return hash(cls.plain_type)


class AnyFloat(float, metaclass=_Float):
    """Stands for the built-in float."""

    plain_type = float


class AnyFloat64(np.float64, metaclass=_Float):
    """Stands for np.float64."""

    plain_type = np.float64


def true_type(dtype: Any) -> Any:
    """The type that numpy knows."""
    return getattr(dtype, "plain_type", dtype)


def _is_floating(dtype: Any) -> bool:
    if dtype is None:
        return True
    kind = np.dtype(true_type(dtype))
    if kind.kind == "f" and kind.itemsize < 8 and not SETTINGS["single"]:  # noqa: PLR2004 - a double's bytes
        raise Refused(f"an array of {kind}", "rounds")
    return bool(kind.kind == "f")


def _maker(name: str) -> Callable[..., Any]:
    """`np.zeros` and the like: arrays of balls in place of doubles, since balls may be written into them."""
    original = getattr(np, name)
    place = 3 if name == "eye" else 1

    def make(*args: Any, **options: Any) -> Any:
        args = tuple(true_type(each) for each in args)
        options = {key: true_type(value) for key, value in options.items() if key != "like"}
        kind = options.get("dtype", args[place] if len(args) > place else None)
        if not _is_floating(kind):
            return original(*args, **options)
        return balls(original(*args, **options).astype(np.float64))

    return make


def _full(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    kind = true_type(dtype)
    whole = isinstance(fill_value, bool | int | np.integer | np.bool_) and kind is None
    if whole or (kind is not None and not _is_floating(kind)):
        return np.full(shape, fill_value, kind, **options)
    return full(shape, fill_value)


def _converter(name: str, *, copies: bool) -> Callable[..., Any]:
    """`np.array` and the like, which keep arrays of balls, and make such arrays of lists that hold balls."""
    original = getattr(np, name)

    def convert(x: Any = None, dtype: Any = None, *args: Any, **options: Any) -> Any:
        x = options.pop("object", options.pop("a", x))
        kind = true_type(dtype)
        if not holds_balls(x):
            found = original(x, kind, *args, **options) if kind is not None else original(x, *args, **options)
            return balls(found.astype(np.float64)) if copies and found.dtype == np.float64 else found
        if kind is not None and np.dtype(kind).kind in "iub":
            return converted(balls(x), kind)
        if kind is not None and np.dtype(kind) != object:
            _is_floating(kind)
        if isinstance(x, BallArray):
            found = x.copy() if copies and options.get("copy", True) is True else x
        else:
            found = one_element(x) if type(x) is Ball else _of_list(x)
        least = options.get("ndmin", 0)
        return found.reshape((1,) * max(0, least - found.ndim) + found.shape)

    return convert


def _of_list(x: Any) -> BallArray:
    found = np.array([_unpacked(each) for each in x], dtype=object)
    return np.asarray(elements(found)).view(BallArray)


def _unpacked(x: Any) -> Any:
    if type(x) is Ball:
        return x
    if isinstance(x, list | tuple):
        return [_unpacked(each) for each in x]
    array = plain(x)
    return array.item() if isinstance(array, np.ndarray) and array.ndim == 0 else array


def _vectorize(pyfunc: Any = None, **options: Any) -> Any:
    def vectorized(*args: Any) -> Any:
        if not any(holds_balls(each) for each in args):
            return np.vectorize(pyfunc, **options)(*args)
        found = np.frompyfunc(pyfunc, len(args), 1)(*(plain(balls(each)) for each in args))
        return wrapped(elements(found)) if isinstance(found, np.ndarray) else found

    return vectorized


def _constants(name: str) -> Callable[..., Any]:
    """A universal function that computes with a ball where numpy would compute a constant in doubles."""
    original = getattr(np, name)

    def function(*args: Any, **options: Any) -> Any:
        if SETTINGS["decimal"] and args and not options and all(type(each) in _SCALARS for each in args):
            return (UNARY if len(args) == 1 else PAIRS)[name](*args)
        return original(*args, **options)

    return function


_SCALARS = {int, float, np.float64, Ball}


def _finfo(kind: Any) -> Any:
    return np.finfo(true_type(kind) if isinstance(kind, type) else getattr(kind, "dtype", kind))


def _from_iterable(iterable: Any, dtype: Any = None, count: int = -1) -> Any:
    del count
    return NUMPY["array"](list(iterable), dtype)


def _of_values(original: Any) -> Callable[..., Any]:
    """`np.linspace` and `np.arange` with balls among their arguments are refused; else constants."""

    def values(*args: Any, **options: Any) -> Any:
        if any(holds_balls(each) for each in args):
            raise Refused(f"np.{original.__name__} of arguments of the function")
        return original(*(true_type(each) for each in args), **{k: true_type(v) for k, v in options.items()})

    return values


NUMPY: dict[str, Any] = {
    **{name: _maker(name) for name in ("zeros", "ones", "empty", "eye", "identity")},
    **{name: _converter(name, copies=name in {"array", "copy"}) for name in ("array", "asarray", "asanyarray")},
    **{name: _converter(name, copies=False) for name in ("ascontiguousarray", "asfortranarray", "asarray_chkfinite")},
    **{name: _constants(name) for name in ("sqrt", "exp", "log", "log2", "tanh", "sin", "cos", "cbrt", "power")},
    "empty": _maker("zeros"),
    "full": _full,
    "float64": AnyFloat64,
    "double": AnyFloat64,
    "vectorize": _vectorize,
    "finfo": _finfo,
    "fromiter": _from_iterable,
    "dtype": lambda kind, *args: np.dtype(true_type(kind), *args),
    **{name: _of_values(getattr(np, name)) for name in ("linspace", "arange", "logspace", "geomspace")},
}

_NAMES = {"atan": "arctan", "asin": "arcsin", "acos": "arccos", "lgamma": "gammaln"}
_NAMES |= {"asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "radians": "deg2rad", "degrees": "rad2deg"}


def _of_math(name: str) -> Callable[..., Any]:
    original, function = getattr(math, name), UNARY[_NAMES.get(name, name)]

    def of_math(x: Any, *base: Any) -> Any:
        x = x.item() if isinstance(x, BallArray) else x
        if type(x) is not Ball and not SETTINGS["decimal"]:
            return original(x, *base)
        return function(x) / UNARY["log"](base[0]) if base else function(x)

    return of_math


def _floor(name: str) -> Callable[[Any], Any]:
    def floor(x: Any) -> Any:
        return int(balls(ONE[name](plain(balls(x)))).item()) if holds_balls(x) else getattr(math, name)(x)

    return floor


def _product(numbers: Any, *, start: Any = 1) -> Any:
    for number in numbers:
        start = start * number
    return start


def _fsum(numbers: Any) -> Any:
    found = list(numbers)
    return builtins.sum(found, Ball(arb(0))) if holds_balls(found) else math.fsum(found)


def _of_two(name: str) -> Callable[..., Any]:
    def of_two(*args: Any) -> Any:
        given = [each.item() if isinstance(each, BallArray) else each for each in args]
        two = len(given) == 2  # noqa: PLR2004 - math.hypot takes any number of them
        return PAIRS[name](*given) if two and holds_balls(given) else getattr(math, _NAMES2[name])(*given)

    return of_two


_NAMES2 = {"hypot": "hypot", "arctan2": "atan2", "copysign": "copysign", "fmod": "fmod"}

MATH: dict[str, Any] = {
    **{name: _of_math(name) for name in ("exp", "log", "sqrt", "tanh", "sin", "cos", "tan", "atan", "asin", "acos")},
    **{name: _of_math(name) for name in ("erf", "erfc", "gamma", "lgamma", "expm1", "log1p", "cosh", "sinh", "log2")},
    **{name: _of_math(name) for name in ("log10", "asinh", "acosh", "atanh", "radians", "degrees", "cbrt", "exp2")},
    **{original: _of_two(name) for name, original in _NAMES2.items()},
    **{name: _floor(name) for name in ("floor", "ceil", "trunc")},
    "pow": lambda a, b: power(a, b) if holds_balls([a, b]) else math.pow(a, b),
    "fsum": _fsum,
    "prod": _product,
    "fabs": lambda x: abs(x) if holds_balls(x) else math.fabs(x),
    "isnan": lambda x: bool(np.isnan(x)),
    "isinf": lambda x: bool(np.isinf(x)),
    "isfinite": lambda x: bool(np.isfinite(x)),
    "isclose": lambda a, b, rel_tol=likeness.MATH_ISCLOSE, abs_tol=0.0: bool(
        abs(a - b) <= max(rel_tol * max(abs(a), abs(b)), abs_tol)
    ),
}
if not hasattr(math, "cbrt"):  # pragma: no cover - every Python that we support has it
    del MATH["cbrt"]


class Proxy(types.ModuleType):
    """A module with some of its names replaced.

    Parameters
    ----------
    module
        The module itself.
    replaced
        What is seen instead, by name.
    """

    def __init__(self, module: types.ModuleType, replaced: dict[str, Any]) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(_module=module, _replaced=replaced)

    def __getattr__(self, name: str) -> Any:
        if name in {"pi", "e", "euler_gamma"} and SETTINGS["decimal"] and self._module in {np, math}:
            return Ball({"pi": arb.pi, "e": arb.const_e, "euler_gamma": arb.const_euler}[name]())
        replaced = self._replaced
        return replaced[name] if name in replaced else getattr(self._module, name)


def _log_sum_exp(
    a: Any, axis: Any = None, b: Any = None, keepdims: Any = False, return_sign: Any = False, **options: Any
) -> Any:
    if return_sign or options:
        raise Refused("scipy.special.logsumexp with return_sign=")
    total = log_sum_exp(balls(a), axis, b)
    if keepdims:
        return total
    return total.ravel()[0] if axis is None else np.squeeze(total, axis=axis)


def _softmax(x: Any, axis: Any = None) -> Any:
    return np.exp(_log_softmax(x, axis))


def _log_softmax(x: Any, axis: Any = None) -> Any:
    return balls(x) - _log_sum_exp(x, axis, keepdims=True)


SPECIAL: dict[str, Any] = {
    "logsumexp": _log_sum_exp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "polygamma": lambda n, x: wrapped(TWO["polygamma"](n, plain(balls(x)))),
}


def modules() -> dict[int, Proxy]:
    """The proxies by the identity of what they stand for; scipy's where it has been imported."""
    found = {id(np): Proxy(np, NUMPY), id(math): Proxy(math, MATH)}
    if "scipy.special" in sys.modules and importlib.util.find_spec("scipy"):
        special = Proxy(sys.modules["scipy.special"], SPECIAL)
        found[id(sys.modules["scipy.special"])] = special
        found[id(sys.modules["scipy"])] = Proxy(sys.modules["scipy"], {"special": special})
    return found


def objects() -> dict[int, Any]:
    """Functions and types that a function may have imported by name, by their identity, and what stands for them."""
    pairs = [(np, NUMPY), (math, MATH)]
    if "scipy.special" in sys.modules:
        pairs.append((sys.modules["scipy.special"], SPECIAL))
    return {
        id(getattr(module, name)): replacement
        for module, replaced in pairs
        for name, replacement in replaced.items()
        if hasattr(module, name)
    }
