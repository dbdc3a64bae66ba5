"""An array of balls: a numpy array of objects that says its dtype is float64 and dispatches everything to balls.

Views, writes in place, fancy indexing and sorting are numpy's own, since a derivative belongs to an element and not to
an array. Every element is a `Ball`; whatever is written into the array becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from reference.numerics.balls.elementary import UNARY
from reference.numerics.balls.scalar import ANSWERS, Ball, boxed
from reference.numerics.balls.tape import SETTINGS, Refused

FLOAT64 = np.dtype(np.float64)
_box = np.frompyfunc(boxed, 1, 1)


class BallArray(np.ndarray[Any, Any]):
    """An array of balls."""

    __array_priority__ = 2000.0

    @property
    def dtype(self) -> Any:
        """What the elements stand for."""
        return FLOAT64

    @property
    def itemsize(self) -> int:
        """The bytes of a double, which the elements stand for."""
        return 8

    @property  # type: ignore[misc]
    def real(self) -> Any:
        """The same elements: numpy would ask each of an array of objects for its real part."""
        return self.view()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return ANSWERS["__array_ufunc__"](ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return ANSWERS["__array_function__"](function, args, options)

    def __getitem__(self, index: Any) -> Any:
        return wrapped(np.ndarray.__getitem__(self, plain(index)))

    def __setitem__(self, index: Any, value: Any) -> None:
        np.ndarray.__setitem__(self.view(np.ndarray), plain(index), elements(value))

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __reduce__(self) -> Any:
        raise Refused("pickling")

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """Whole numbers and truth values where the elements are known well enough; else a copy."""
        del args, options
        return converted(self, dtype)

    def item(self, *args: Any) -> Any:
        """One element as a ball; of several, the one at these places."""
        return self.view(np.ndarray).item(*args)

    def view(self, *args: Any, **options: Any) -> Any:
        """Another view of the same elements; their bits cannot be looked at."""
        kinds = (*args, *options.values())
        if any(kind is not None and not (isinstance(kind, type) and issubclass(kind, np.ndarray)) for kind in kinds):
            if all(_is_float64(kind) for kind in kinds):
                return super().view()
            raise Refused("ndarray.view", "looks at the bits of a number")
        return super().view(*args, **options)

    def clip(self, min: Any = None, max: Any = None, **options: Any) -> Any:  # type: ignore[override]  # noqa: A002
        """As of an array; before numpy 2.1 the function demands both limits."""
        return np.clip(self, min, max, **options)

    def fill(self, value: Any) -> None:
        """Set every element."""
        self[...] = value

    def sort(self, axis: int = -1, **options: Any) -> None:  # type: ignore[override]
        """Sort in place."""
        self[...] = np.sort(self, axis=axis, **options)

    def partition(self, kth: Any, axis: int = -1, **options: Any) -> None:  # type: ignore[override]
        """Sort in place, which is a partition too."""
        del kth
        self.sort(axis, **options)

    def argpartition(self, kth: Any, axis: int = -1, **options: Any) -> Any:  # type: ignore[override]
        """Sort indirectly, which is a partition too."""
        del kth
        return np.argsort(self, axis=axis, **options)

    def put(self, places: Any, values: Any, mode: str = "raise") -> None:
        """Set elements by their flat places."""
        super().put(places, elements(values), mode)  # type: ignore[arg-type]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        del copy
        if dtype is None or np.dtype(dtype) == object:
            return self.view(np.ndarray)
        if np.dtype(dtype).kind in "iub":
            return converted(self, dtype)
        raise Refused("a conversion to doubles", "would lose the enclosures")


def _refusing(name: str) -> Any:
    def refuse(self: BallArray, *args: Any, **options: Any) -> Any:
        raise Refused(f"ndarray.{name}", "hands out the bits of numbers")

    return refuse


for _name in ("tobytes", "tofile", "dump", "dumps", "byteswap", "getfield", "setfield"):
    setattr(BallArray, _name, _refusing(_name))
for _name in ("data", "ctypes", "__array_interface__"):
    setattr(BallArray, _name, property(_refusing(_name)))


def _as_function(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: Any, *args: Any, **options: Any) -> Any:
        return function(self, *args, **options)

    return method


for _name in ("mean", "var", "std", "max", "min", "dot", "argmax", "argmin", "argsort", "round", "ptp"):
    setattr(BallArray, _name, _as_function(_name))
for _name in ("trace", "cumsum", "cumprod", "prod", "sum", "all", "any", "searchsorted", "nonzero", "take", "repeat"):
    setattr(BallArray, _name, _as_function(_name))


def of_scalar(ball: Ball, name: str) -> Any:
    """An attribute of a single ball: that of an array without axes, where numpy's scalars have it."""
    own = {
        "real": ball,
        "T": ball,
        "imag": 0.0,
        "copy": lambda *_: ball,
        "astype": lambda dtype, *_, **__: converted(ball, dtype),
    }
    if name in own:
        return own[name]
    if name in UNARY:  # numpy calls the method of that name on the elements of an array of objects
        return lambda: UNARY[name](ball)
    if hasattr(np.ndarray, name) and not hasattr(np.generic, name):
        raise AttributeError(name)
    if not hasattr(np.ndarray, name):
        raise AttributeError(f"a number in ball arithmetic has no attribute {name!r}")
    return getattr(one_element(ball), name)


ANSWERS["__getattr__"] = of_scalar


def one_element(ball: Ball) -> BallArray:
    """An array without axes."""
    array: BallArray = plain(ball).view(BallArray)
    return array


def plain(x: Any) -> Any:
    """Arrays of balls as arrays of objects, also inside tuples and lists."""
    if isinstance(x, BallArray):
        return x.view(np.ndarray)
    if type(x) is Ball:
        array = np.empty((), object)
        array[()] = x
        return array
    if type(x) is tuple:
        return tuple(plain(each) for each in x)
    if type(x) is list:
        return [each if type(each) is Ball else plain(each) for each in x]
    return x


def without_balls(x: Any) -> Any:
    """As `plain`, with single balls in sequences as arrays: numpy would ask a ball for its own answer again."""
    return type(x)(map(without_balls, x)) if type(x) in {list, tuple} else plain(x)


def elements(x: Any) -> Any:
    """Whatever can be written into an array of balls, as balls."""
    if isinstance(x, BallArray):
        return x.view(np.ndarray)
    if type(x) is Ball:
        return x
    if isinstance(x, np.ndarray):
        if x.dtype == object and all(type(each) is Ball for each in x.flat):
            return x
        return _box(x)
    if isinstance(x, list | tuple):
        return elements(np.array(plain(list(x)), dtype=object))
    return boxed(x)


def wrapped(x: Any) -> Any:
    """Arrays of objects as arrays of balls, also inside tuples and lists."""
    if isinstance(x, np.ndarray):
        return x.view(BallArray) if x.dtype == object and type(x) is np.ndarray else x
    if type(x) is tuple:
        return tuple(wrapped(each) for each in x)
    if isinstance(x, list):
        return [wrapped(each) for each in x]
    return x


def balls(x: Any) -> Any:
    """Anything as an array of balls, a copy unless it is one."""
    if isinstance(x, BallArray):
        return x
    found = elements(np.asarray(x) if not isinstance(x, list | tuple | Ball) else x)
    return one_element(found) if type(found) is Ball else np.asarray(found, dtype=object).view(BallArray)


def of_numbers(numbers: Sequence[Ball], shape: tuple[int, ...]) -> BallArray:
    """An array of these balls, in order."""
    array = np.empty(len(numbers), object)
    for place, ball in enumerate(numbers):
        array[place] = ball
    return array.reshape(shape).view(BallArray)


def of_enclosures(values: Iterable[Any], shape: tuple[int, ...]) -> BallArray:
    """An array of balls with these values, in order."""
    return of_numbers([Ball(value) for value in values], shape)


def full(shape: Any, value: Any) -> BallArray:
    """An array of one number, or of numbers that are broadcast."""
    array = np.empty(shape, object)
    array[...] = elements(value)
    return array.view(BallArray)


def holds_balls(x: Any) -> bool:
    """Whether it is a ball or holds one."""
    return isinstance(x, Ball | BallArray) or (isinstance(x, list | tuple) and any(holds_balls(each) for each in x))


def converted(x: Any, dtype: Any) -> Any:
    """`astype` for an array of balls or a single one."""
    kind = np.dtype(getattr(dtype, "plain_type", dtype))
    if kind.kind in "iu":
        result = np.frompyfunc(int, 1, 1)(plain(x))
    elif kind.kind == "b":
        result = np.frompyfunc(bool, 1, 1)(plain(x))
    elif kind.kind == "f":
        if kind.itemsize < FLOAT64.itemsize and not (SETTINGS["single"] and kind == np.float32):
            raise Refused(f"a conversion to {kind}", "rounds")
        return x if type(x) is Ball else x.copy()
    elif kind.kind == "O":
        return x.copy()
    else:
        raise Refused(f"a conversion to {kind}")
    return result.astype(kind) if isinstance(result, np.ndarray) else kind.type(result)


def _is_float64(kind: Any) -> bool:
    try:
        return kind is not None and np.dtype(getattr(kind, "plain_type", kind)) == FLOAT64
    except TypeError:
        return False
