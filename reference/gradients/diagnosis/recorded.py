"""Objects that behave like arrays, and note each step that numpy makes with them."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from reference.gradients.diagnosis import rules
from reference.gradients.diagnosis.graph import Node, unbroadcast

Array = NDArray[Any]
#: What numpy's functions do with recorded arrays, by name: see `reference.gradients.diagnosis.functions`.
HANDLERS: dict[str, Callable[..., Any]] = {}


class NotTracedError(Exception):
    """A step cannot be recorded."""


class Traced(NDArrayOperatorsMixin):
    """Behaves like an array, and notes what is done with it."""

    __array_priority__ = 1000.0

    def __init__(self, node: Node, nodes: list[Node]) -> None:
        self.node = node
        self._nodes = nodes

    # What numpy asks

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        outs = kwargs.pop("out", ())
        if kwargs.get("where") is True:
            del kwargs["where"]
        if method == "reduce":
            found = self._reduced(ufunc, inputs[0], **kwargs)
        elif method == "__call__":
            found = self._called(ufunc, inputs, kwargs)
        elif method == "outer" and ufunc.__name__ == "multiply":
            found = HANDLERS["outer"](*inputs)
        else:
            raise NotTracedError(f"{ufunc.__name__}.{method}")
        if outs and isinstance(outs[0], Traced):
            outs[0].node = self.lifted(found).node
            return outs[0]
        if outs:
            raise NotTracedError("out")
        return found

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = function.__name__
        if name in _PLAIN:
            return function(*map(plain, args), **kwargs)
        handler = HANDLERS.get(name)
        if handler is not None:
            return handler(*args, **kwargs)
        if name in _GATHERS:
            return self.lifted(args[0]).gathered(lambda ids: function(ids, *args[1:], **kwargs))
        if _is_constant(args) and _is_constant(kwargs.values()):
            return self.lifted(function(*map(plain, args), **{key: plain(each) for key, each in kwargs.items()}))
        raise NotTracedError(name)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise NotTracedError("converted to an array")

    def __float__(self) -> float:
        raise NotTracedError("converted to a number")

    # Steps

    def lifted(self, value: Any) -> Traced:
        """The value as a recorded one; what is no recorded array is a constant."""
        if isinstance(value, Traced):
            return value
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise NotTracedError(f"values of dtype {array.dtype}")
        if array.dtype.kind == "b":  # a mask, whose values are calculated with
            array = array.astype(float)
        return Traced(leaf("constant", array, self._nodes), self._nodes)

    def step(self, op: str, inputs: Sequence[Traced], run: Callable[..., Any], **more: Any) -> Traced:
        """Note a step, and return its result; that of constants is a constant."""
        with _computing():
            value = np.asarray(run(*(each.value for each in inputs)))
        if all(each.node.op == "constant" for each in inputs):
            return Traced(leaf("constant", value, self._nodes), self._nodes)
        node = Node(op, tuple(each.node for each in inputs), run, value, site=_site(), **more)
        self._nodes.append(node)
        return Traced(node, self._nodes)

    def gathered(self, take: Callable[[Any], Any], op: str = "gather") -> Traced:
        """Note a step that takes entries by their places."""
        with _computing():
            index = np.asarray(take(np.arange(self.value.size).reshape(self.value.shape)))
        settings = {"index": index}
        return self.step(op, [self], take, pulls=(rules.gather_pull(index),), settings=settings)

    def _called(self, ufunc: Any, inputs: Sequence[Any], kwargs: Any) -> Any:
        name = ufunc.__name__
        if set(kwargs) - {"dtype", "casting"}:
            raise NotTracedError(f"{name} with {', '.join(kwargs)}")
        if name in rules.FLAT:
            return ufunc(*map(plain, inputs))
        given = [self.lifted(each) for each in inputs]
        if name == "matmul":
            return self.step("matmul", given, ufunc, pulls=rules.matmul_pulls())
        partials = rules.ELEMENTWISE.get(name)
        if partials is None:
            raise NotTracedError(name)
        return self.step(name, given, ufunc, partials=partials)

    def _reduced(self, ufunc: Any, array: Any, axis: Any = 0, keepdims: Any = False, **kwargs: Any) -> Any:
        if set(kwargs) - {"dtype", "initial"} or kwargs.get("initial") is not None:
            raise NotTracedError("reduce")
        functions: dict[str, Any] = {"add": np.sum, "maximum": np.max, "minimum": np.min, "multiply": np.prod}
        function = functions.get(ufunc.__name__)
        if function is None:
            if ufunc.__name__ in rules.FLAT:
                return ufunc.reduce(plain(array), axis=axis, keepdims=keepdims)
            raise NotTracedError(ufunc.__name__)
        return function(self.lifted(array), axis=axis, keepdims=keepdims)

    # What an array has

    @property
    def value(self) -> Array:
        """The numbers."""
        return self.node.value

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: self.value.dtype)
    T = property(lambda self: self.gathered(lambda ids: ids.T, "transpose"))

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[number] for number in range(len(self.value)))

    def __getitem__(self, key: Any) -> Any:
        key = _plain_key(key)
        return self.gathered(lambda ids: ids[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        key, given = _plain_key(key), self.lifted(value)
        places = np.arange(self.value.size).reshape(self.value.shape)
        kept, taken = places.copy(), places[key]
        kept[key] = -1

        def run(old: Array, new: Array) -> Array:
            array = np.array(old, np.result_type(old, new))
            array[key] = new
            return array

        def pull(g: Array, inputs: Any, _: Array) -> Array:
            return unbroadcast(g.reshape(-1)[taken], inputs[1].shape)

        def of_old(g: Array, inputs: Any, _: Array) -> Array:
            return np.where(kept.reshape(inputs[0].shape) >= 0, g, 0.0)

        self.node = self.step("assign", [self, given], run, pulls=(of_old, pull)).node

    def __getattr__(self, name: str) -> Any:
        """Methods are numpy's functions of the same name."""
        function = getattr(np, {"conj": "conjugate"}.get(name, name), None)
        if name.startswith("_") or name not in _METHODS or function is None:
            raise NotTracedError(name)
        return lambda *args, **kwargs: function(self, *args, **kwargs)

    def clip(self, min: Any = None, max: Any = None, **options: Any) -> Any:  # noqa: A002 - numpy's names
        """As of an array; before numpy 2.1 the function demands both limits."""
        return np.clip(self, min, max, **options)

    def reshape(self, *shape: Any, **_: Any) -> Any:
        """As of an array."""
        wanted = shape[0] if len(shape) == 1 else shape
        return self.gathered(lambda ids: ids.reshape(wanted), "reshape")

    def transpose(self, *axes: Any) -> Any:
        """As of an array."""
        return self.gathered(lambda ids: ids.transpose(*axes), "transpose")

    def flatten(self, *_: Any) -> Any:
        """As of an array."""
        return self.reshape(-1)

    def astype(self, dtype: Any, *_: Any, **__: Any) -> Any:
        """As of an array; to whole numbers it is a constant."""
        return self if np.dtype(dtype).kind == "f" else self.value.astype(dtype)

    def copy(self, *_: Any) -> Any:
        """As of an array: another one, so that writing into it leaves this one as it is."""
        return Traced(self.node, self._nodes)

    def item(self, *args: Any) -> Any:
        """Refused: a plain number would be no part of the graph."""
        raise NotTracedError("item")

    tolist = item
    __hash__ = None  # type: ignore[assignment]


_METHODS = {
    "sum", "mean", "var", "std", "max", "min", "prod", "dot", "ravel", "clip", "cumsum", "squeeze", "swapaxes",
    "repeat", "take", "argmax", "argmin", "argsort", "all", "any", "nonzero", "round", "trace", "diagonal",
}  # fmt: skip
#: Functions whose answers are constants.
_PLAIN = {
    "argmax", "argmin", "argsort", "shape", "ndim", "size", "zeros_like", "ones_like", "empty_like", "full_like", "all",
    "any", "nonzero", "count_nonzero", "result_type", "isclose", "allclose", "array_equal", "argwhere", "flatnonzero",
    "around", "round", "iscomplexobj", "isrealobj", "may_share_memory", "shares_memory",
}  # fmt: skip
#: Functions that take entries of their first argument.
_GATHERS = {
    "reshape", "transpose", "swapaxes", "moveaxis", "rollaxis", "expand_dims", "squeeze", "ravel", "broadcast_to",
    "take", "take_along_axis", "repeat", "tile", "flip", "fliplr", "flipud", "roll", "rot90", "diagonal", "atleast_2d",
    "atleast_1d", "sliding_window_view",
}  # fmt: skip


_THREAD = threading.local()


@contextlib.contextmanager
def _computing() -> Iterator[None]:
    """While a step is computed, numpy makes plain arrays for itself."""
    before = is_computing()
    _THREAD.computes = True
    try:
        yield
    finally:
        _THREAD.computes = before


def is_computing() -> bool:
    """Whether numpy is computing a step, in this thread."""
    return bool(getattr(_THREAD, "computes", False))


#: The code of the functions that call the one that is recorded.
OUTERMOST: set[CodeType] = set()


def _site() -> tuple[tuple[int, int], ...]:
    """Where in the recorded function numpy was called: each call on the way there."""
    found = []
    frame = sys._getframe(1)
    while frame is not None and frame.f_code not in OUTERMOST:
        found.append((id(frame.f_code), frame.f_lasti))
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(found)


def leaf(op: str, array: Array, nodes: list[Node]) -> Node:
    """Note an argument or a constant."""
    node = Node(op, (), lambda: array, array)
    nodes.append(node)
    return node


def plain(value: Any) -> Any:
    """The numbers of what is recorded; anything else as it is."""
    if isinstance(value, tuple | list):
        return type(value)(map(plain, value))
    return value.value if isinstance(value, Traced) else value


def _is_constant(values: Any) -> bool:
    """Whether nothing among some values depends on an argument."""
    if isinstance(values, Traced):
        return values.node.op == "constant"
    if isinstance(values, str) or not isinstance(values, Iterable):
        return True
    return isinstance(values, np.ndarray) or all(map(_is_constant, values))


def _plain_key(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(map(_plain_key, key))
    return key.value if isinstance(key, Traced) else key


def first_traced(values: Any) -> Traced:
    """The first recorded array among some values; raises `NotTracedError` if there is none."""
    for each in values:
        if isinstance(each, Traced):
            return each
        if isinstance(each, tuple | list):
            with contextlib.suppress(NotTracedError):
                return first_traced(each)
    raise NotTracedError("nothing recorded")
