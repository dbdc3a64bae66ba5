"""numpy's functions on arrays of balls: those with a form of their own, and the others by numpy's code for objects."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, reduce
from operator import mul
from typing import Any

import numpy as np
from flint import arb

from reference.numerics import likeness
from reference.numerics.balls.array import (
    FLOAT64,
    BallArray,
    balls,
    elements,
    full,
    holds_balls,
    of_numbers,
    plain,
    without_balls,
    wrapped,
)
from reference.numerics.balls.scalar import ANSWERS, Ball, boxed, is_missing, made
from reference.numerics.balls.tape import Refused
from reference.numerics.balls.ufuncs import ONE, PAIRS, REDUCED

OWN: dict[Any, Callable[..., Any]] = {}
#: Functions whose result is not made of the elements' values: shapes, places, types.
_PLACES = {"shape", "ndim", "size", "nonzero", "argwhere", "flatnonzero", "count_nonzero", "iscomplexobj", "isrealobj"}
_PLACES |= {"may_share_memory", "shares_memory", "ravel_multi_index", "unravel_index", "indices", "broadcast_shapes"}
#: Functions that compare all elements: what is no number has no place among them.
_ORDERED = {np.sort, np.partition, np.argpartition, np.argmax, np.argmin}


def own(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the form on balls of these functions of numpy."""

    def register(form: Callable[..., Any]) -> Callable[..., Any]:
        OWN.update(dict.fromkeys(functions, form))
        return form

    return register


def dispatch(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What `__array_function__` does.

    Raises
    ------
    Refused
        The function would leave the balls, or numpy's code for it does not know objects.
    """
    form = OWN.get(function)
    if form is not None:
        return form(*args, **options)
    name = f"np{function.__module__.removeprefix('numpy')}.{function.__name__}"
    if name.startswith("np.fft."):
        raise Refused(name)
    if function in _ORDERED:
        refuse_missing(name, balls(args[0] if args else options["a"]))
    given = {key: plain(value) for key, value in options.items() if key != "dtype"}
    try:
        result = function(*map(without_balls, args), **given)
    except (Refused, ArithmeticError):
        raise
    except (TypeError, AttributeError, NotImplementedError) as error:
        raise Refused(name, "has no form in ball arithmetic") from error
    return _checked(name, result)


ANSWERS["__array_function__"] = dispatch


def refuse_missing(name: str, array: BallArray) -> None:
    """Refuse what is no number in a function that compares all elements."""
    if any(is_missing(number) for number in plain(array).ravel()):
        raise Refused(f"{name} of what is no number")


def _checked(name: str, result: Any) -> Any:
    """The result, with all numbers among it as balls; a double would have left the balls on the way."""
    if isinstance(result, tuple | list):
        parts = [_checked(name, each) for each in result]
        return type(result)(parts) if type(result) in {tuple, list} else tuple(parts)
    if isinstance(result, np.ndarray):
        if result.dtype == object:
            if any(type(each) is not Ball for each in result.flat):
                return np.asarray(elements(result)).view(BallArray)
            return result.view(BallArray)
        if result.dtype.kind not in "iub":
            raise Refused(name, "leaves ball arithmetic")
        return result
    if isinstance(result, float | complex | np.inexact):
        raise Refused(name, "leaves ball arithmetic")
    return result


def axes_of(array: Any, axis: Any) -> tuple[int, ...]:
    """The axes that a reduction goes over."""
    if axis is None:
        return tuple(range(array.ndim))
    return tuple(int(each) % array.ndim for each in (axis if isinstance(axis, tuple | list) else (axis,)))


def count(array: Any, axis: Any) -> int:
    """The number of elements that a reduction takes together."""
    return math.prod(array.shape[each] for each in axes_of(array, axis))


def _sum(numbers: list[Any]) -> Ball:
    total = arb(0)
    for number in numbers:
        total += number.value
    return made(total, *((number, None) for number in numbers))


def _product(numbers: list[Any]) -> Ball:
    return reduce(mul, numbers, Ball(arb(1)))


def _folded(name: str) -> Callable[[list[Any]], Ball]:
    fold = PAIRS[name]

    def folded(numbers: list[Any]) -> Ball:
        if not numbers:
            raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
        return reduce(fold, numbers[1:], boxed(numbers[0]))

    return folded


#: Reductions by name: from the numbers to one.
_REDUCTIONS: dict[str, Callable[[list[Any]], Ball]] = {
    "add": _sum,
    "multiply": _product,
    **{name: _folded(name) for name in ("maximum", "minimum", "fmax", "fmin", "logaddexp", "hypot")},
}

#: The number that changes nothing.
_NEUTRAL = {"add": 0.0, "multiply": 1.0, "maximum": -np.inf, "minimum": np.inf}


def reduced(
    name: str, x: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False, **options: Any
) -> Any:
    """One number for each group along the axes."""
    del dtype, out
    rows, shape = rows_along(_with_options(name, np.asarray(plain(balls(x))), options), axis, keepdims=bool(keepdims))
    results = [_REDUCTIONS[name](list(row)) for row in rows.reshape(math.prod(rows.shape[:-1]), -1)]
    kept = of_numbers(results, shape)
    return kept if kept.ndim else kept.item()


REDUCED.update({name: partial(reduced, name) for name in _REDUCTIONS})


def rows_along(array: Any, axis: Any, *, keepdims: bool) -> tuple[Any, tuple[int, ...]]:
    """The array with the axes of a reduction flattened into the last one, and the shape of the result."""
    axes = axes_of(array, axis)
    rest = tuple(each for each in range(array.ndim) if each not in axes)
    kept = tuple(array.shape[each] for each in rest)
    shape = tuple(1 if each in axes else n for each, n in enumerate(array.shape)) if keepdims else kept
    return array.transpose(rest + axes).reshape((*kept, -1)), shape


def _with_options(name: str, array: Any, options: dict[str, Any]) -> Any:
    """Options of numpy's reductions: which elements count, and what is added to them."""
    where, initial = options.pop("where", True), options.pop("initial", None)
    if options:
        raise Refused(f"np.{name}.reduce with {list(options)}")
    if initial is not None and not _is_default(name, initial):
        raise Refused(f"np.{name}.reduce with initial=")
    if where is True or is_absent(where):
        return array
    if name not in _NEUTRAL:
        raise Refused(f"np.{name}.reduce with where=")
    return elements(np.where(where, array, _NEUTRAL[name]))


def _is_default(name: str, initial: Any) -> bool:
    return is_absent(initial) or bool(initial == _NEUTRAL.get(name))


def is_absent(value: Any) -> bool:
    """Whether it is what numpy's functions have for an option that was not given."""
    return type(value).__name__ == "_NoValueType"


def _reduction(name: str) -> Callable[..., Any]:
    def reduction(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **k: Any) -> Any:
        return stored(reduced(name, a, axis, dtype, None, keepdims is True, **k), out)

    return reduction


def stored(result: Any, out: Any) -> Any:
    """The result, written into the array that the caller gave for it, if any."""
    if out is None:
        return result
    if not isinstance(out, BallArray):
        raise Refused("out=", "writes into an array of doubles from outside the function")
    out[...] = result
    return out


own(np.sum)(_reduction("add"))
own(np.prod)(_reduction("multiply"))


def _extreme(name: str) -> Callable[..., Any]:
    def extreme(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **options: Any) -> Any:
        return stored(reduced(name, a, axis, None, None, keepdims is True, **options), out)

    return extreme


own(np.max, np.amax)(_extreme("maximum"))
own(np.min, np.amin)(_extreme("minimum"))


@own(np.mean)
def _mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    del dtype
    array = balls(a)
    if where is not True and not is_absent(where):
        chosen = np.broadcast_to(where, array.shape)
        counts = np.count_nonzero(chosen, axis=axis, keepdims=keepdims is True)
        return stored(np.sum(array, axis=axis, keepdims=keepdims is True, where=chosen) / counts, out)
    total = np.sum(array, axis=axis, keepdims=keepdims is True)
    return stored(total / count(array, axis), out)


@own(np.var)
def _var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    mean: Any = None,
    correction: Any = None,
    **options: Any,
) -> Any:
    del dtype
    _none(options, "np.var")
    array = balls(a)
    less = correction if isinstance(correction, int | float) else ddof
    centre = mean if holds_balls(mean) else np.mean(array, axis=axis, keepdims=True)
    off = array - centre
    total = np.sum(off * off, axis=axis, keepdims=keepdims is True)
    return stored(total / (count(array, axis) - less), out)


@own(np.std)
def _std(a: Any, *args: Any, out: Any = None, **options: Any) -> Any:
    return stored(np.sqrt(_var(a, *args, **options)), out)


@own(np.average)
def _average(a: Any, axis: Any = None, weights: Any = None, returned: Any = False, *, keepdims: Any = False) -> Any:
    array = balls(a)
    if weights is None:
        return np.mean(array, axis=axis, keepdims=keepdims is True)
    if returned:
        raise Refused("np.average with returned=True")
    by = weights if np.ndim(weights) else np.asarray([weights])
    by = balls(by) if not isinstance(by, BallArray) else by
    if axis is not None and by.ndim == 1 and array.ndim > 1:
        by = by.reshape([-1 if each in axes_of(array, axis) else 1 for each in range(array.ndim)])
    full = np.broadcast_to(by, array.shape)
    total = np.sum(full, axis=axis, keepdims=keepdims is True)
    return np.sum(array * full, axis=axis, keepdims=keepdims is True) / total


@own(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **options: Any) -> Any:
    options.pop("dtype", None)
    low, high = options.pop("min", a_min), options.pop("max", a_max)
    _none(options, "np.clip")
    result = balls(a)
    result = result if low is None else np.maximum(result, low)
    result = result if high is None else np.minimum(result, high)
    return stored(result, out)


@own(np.ptp)
def _ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    spread = np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)
    return stored(spread, out)


@own(np.sinc)
def _sinc(x: Any) -> Any:
    return wrapped(ONE["sinc"](plain(balls(x))))


@own(np.isclose)
def _is_close(
    a: Any,
    b: Any,
    rtol: Any = likeness.ISCLOSE_PART,
    atol: Any = likeness.ISCLOSE_BESIDE,
    equal_nan: Any = False,
) -> Any:
    del equal_nan
    return np.less_equal(abs(balls(a) - b), atol + rtol * abs(balls(b)))


@own(np.allclose)
def _all_close(a: Any, b: Any, **options: Any) -> bool:
    return bool(np.all(_is_close(a, b, **options)))


@own(np.array_equal)
def _array_equal(a: Any, b: Any, **options: Any) -> bool:
    del options
    return np.shape(a) == np.shape(b) and bool(np.all(np.equal(balls(a), b)))


@own(np.result_type, np.promote_types, np.common_type)
def _result_type(*kinds: Any) -> Any:
    return np.result_type(*(FLOAT64 if isinstance(each, Ball | BallArray) else each for each in kinds))


@own(np.can_cast)
def _can_cast(given: Any, to: Any, *args: Any, **options: Any) -> Any:
    return np.can_cast(FLOAT64 if isinstance(given, Ball | BallArray) else given, to, *args, **options)


def _like(number: Any) -> Callable[..., Any]:
    def like(a: Any, *args: Any, dtype: Any = None, shape: Any = None, **options: Any) -> Any:
        del options
        value, *more = args if number is None else (number, *args)
        kind = getattr(dtype if not more else more[0], "plain_type", dtype if not more else more[0])
        sizes = np.shape(a) if shape is None else shape
        if kind is None and not isinstance(a, Ball | BallArray):
            kind = np.asarray(a).dtype
        if kind is not None and np.dtype(kind).kind not in "f":
            return np.full(sizes, value, kind)
        return full(sizes, value)

    return like


own(np.zeros_like, np.empty_like)(_like(0.0))
own(np.ones_like)(_like(1.0))
own(np.full_like)(_like(None))


@own(np.copyto)
def _copyto(dst: Any, src: Any, casting: Any = None, where: Any = True) -> None:
    del casting
    if not isinstance(dst, BallArray):
        raise Refused("np.copyto", "writes into an array of doubles from outside the function")
    chosen = np.broadcast_to(where, dst.shape)
    dst[chosen] = np.broadcast_to(src, dst.shape)[chosen]


@own(np.apply_along_axis)
def _apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **options: Any) -> Any:
    rows = np.moveaxis(balls(arr), axis, -1)
    results = [balls(func1d(rows[place], *args, **options)) for place in np.ndindex(rows.shape[:-1])]
    shape = results[0].shape
    whole = np.stack(results).reshape(rows.shape[:-1] + shape)
    return np.moveaxis(whole, -1, axis) if shape else whole


def _none(options: dict[str, Any], name: str) -> None:
    left = [key for key, value in options.items() if not is_absent(value) and value is not True]
    if left:
        raise Refused(f"{name} with {left[0]}=")


@own(np.argsort)
def _argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    del kind, order, stable
    array = balls(a)
    refuse_missing("np.argsort", array)
    # Ties are told once, here; sorting compares far too many pairs to leave them to chance.
    return np.argsort(plain(array), axis=axis, kind="stable")


@own(np.where)
def _where(condition: Any, *choices: Any) -> Any:
    test = condition.astype(bool) if isinstance(condition, BallArray) else plain(condition)
    if type(condition) is Ball:
        test = bool(condition)
    if not choices:
        return np.where(test)
    return np.where(test, *(plain(elements(each)) for each in choices)).view(BallArray)
