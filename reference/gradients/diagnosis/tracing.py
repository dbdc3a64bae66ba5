"""Records what a numpy function computes: it is called with objects that behave like arrays and note each step.

What is not supported raises `NotTracedError`; then the function's formula stays unknown, and only what its answers tell
is used.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from reference.gradients.diagnosis import rules
from reference.gradients.diagnosis.graph import Graph, Node

Array = NDArray[Any]
#: Steps of a graph that is small enough to be tried with a mistake in each of its places.
_MOST_NODES = 400


class NotTracedError(Exception):
    """A step cannot be recorded."""


def trace(function: Callable[..., Any], args: Sequence[Array]) -> Graph:
    """The graph of ``function(*args)``; arguments that are not of floating point are passed on as they are.

    Raises
    ------
    NotTracedError
        Something in it cannot be recorded.
    """
    nodes: list[Node] = []
    given = [Traced(_leaf("argument", array, nodes), nodes) if array.dtype.kind == "f" else array for array in args]
    with _arrays_made_by(nodes):
        try:
            answer = function(*given)
        except NotTracedError:
            raise
        except Exception as error:
            raise NotTracedError(str(error)) from error
    if not isinstance(answer, Traced):
        raise NotTracedError("the answer is no recorded array")
    needed = _ancestors(answer.node)
    arguments = tuple(each.node for each in given if isinstance(each, Traced))
    kept = tuple(node for node in nodes if id(node) in needed or node in arguments)
    if len(kept) > _MOST_NODES:
        raise NotTracedError("too many steps")
    return Graph(arguments, kept, answer.node)


class Traced(NDArrayOperatorsMixin):
    """Behaves like an array, and notes what is done with it."""

    __array_priority__ = 1000.0

    def __init__(self, node: Node, nodes: list[Node]) -> None:
        self.node = node
        self._nodes = nodes

    # What numpy asks

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        outs = kwargs.pop("out", ())
        kwargs.pop("where", None) if kwargs.get("where") is True else None
        if method == "reduce":
            found = self._reduced(ufunc, inputs[0], **kwargs)
        elif method == "__call__":
            found = self._called(ufunc, inputs, kwargs)
        elif method == "outer" and ufunc.__name__ == "multiply":
            found = _outer(*inputs)
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
            return function(*map(_value, args), **kwargs)
        handler = _FUNCTIONS.get(name)
        if handler is not None:
            return handler(*args, **kwargs)
        if name in _GATHERS:
            return self.lifted(args[0]).gathered(lambda ids: function(ids, *args[1:], **kwargs))
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
        return Traced(_leaf("constant", array, self._nodes), self._nodes)

    def step(self, op: str, inputs: Sequence[Traced], run: Callable[..., Any], **more: Any) -> Traced:
        """Note a step, and return its result."""
        value = np.asarray(run(*(each.value for each in inputs)))
        node = Node(op, tuple(each.node for each in inputs), run, value, **more)
        self._nodes.append(node)
        return Traced(node, self._nodes)

    def gathered(self, take: Callable[[Any], Any], op: str = "gather") -> Traced:
        """Note a step that takes entries by their places."""
        index = np.asarray(take(np.arange(self.value.size).reshape(self.value.shape)))
        settings = {"index": index}
        return self.step(op, [self], take, pulls=(rules.gather_pull(index),), settings=settings)

    def _called(self, ufunc: Any, inputs: Sequence[Any], kwargs: Any) -> Any:
        name = {"true_divide": "divide"}.get(ufunc.__name__, ufunc.__name__)
        if kwargs and set(kwargs) - {"dtype", "casting"}:
            raise NotTracedError(f"{name} with {', '.join(kwargs)}")
        if name in rules.FLAT:
            return ufunc(*map(_value, inputs))
        given = [self.lifted(each) for each in inputs]
        if name == "matmul":
            return self.step("matmul", given, ufunc, pulls=rules.matmul_pulls())
        if name == "clip":
            return np.minimum(np.maximum(given[0], given[1]), given[2])
        partials = rules.ELEMENTWISE.get(name)
        if partials is None:
            raise NotTracedError(name)
        return self.step(name, given, ufunc, partials=partials)

    def _reduced(self, ufunc: Any, array: Any, axis: Any = 0, keepdims: Any = False, **kwargs: Any) -> Any:
        if set(kwargs) - {"dtype", "initial"} or (kwargs.get("initial") not in {None, np._NoValue}):
            raise NotTracedError("reduce")
        function = {"add": np.sum, "maximum": np.max, "minimum": np.min, "multiply": np.prod}.get(ufunc.__name__)
        if function is None:
            if ufunc.__name__ in rules.FLAT:
                return ufunc.reduce(_value(array), axis=axis, keepdims=keepdims)
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
            from reference.gradients.diagnosis.graph import unbroadcast  # noqa: PLC0415

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
    "sum", "mean", "var", "std", "max", "min", "prod", "dot", "ravel", "clip", "cumsum", "squeeze", "swapaxes", "repeat",
    "take", "argmax", "argmin", "argsort", "all", "any", "nonzero", "round", "trace", "diagonal",
}  # fmt: skip
#: Functions whose answers are constants.
_PLAIN = {
    "argmax", "argmin", "argsort", "shape", "ndim", "size", "zeros_like", "ones_like", "empty_like", "full_like", "all",
    "any", "nonzero", "count_nonzero", "result_type", "isclose", "allclose", "array_equal", "argwhere", "flatnonzero",
    "around", "round", "iscomplexobj", "isrealobj", "may_share_memory", "shares_memory",
}  # fmt: skip
#: Functions that take entries of their first argument.
_GATHERS = {
    "reshape", "transpose", "swapaxes", "moveaxis", "rollaxis", "expand_dims", "squeeze", "ravel", "broadcast_to", "take",
    "take_along_axis", "repeat", "tile", "flip", "fliplr", "flipud", "roll", "rot90", "diagonal", "atleast_2d",
    "atleast_1d", "sliding_window_view",
}  # fmt: skip


def _leaf(op: str, array: Array, nodes: list[Node]) -> Node:
    node = Node(op, (), lambda: array, array)
    nodes.append(node)
    return node


def _value(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(_value, value))
    return value.value if isinstance(value, Traced) else value


def _plain_key(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(map(_plain_key, key))
    return key.value if isinstance(key, Traced) else key


def _ancestors(node: Node) -> set[int]:
    found: set[int] = set()
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if id(each) not in found:
            found.add(id(each))
            waiting.extend(each.inputs)
    return found


def _first_traced(values: Any) -> Traced:
    for each in values:
        if isinstance(each, Traced):
            return each
        if isinstance(each, tuple | list):
            with contextlib.suppress(NotTracedError):
                return _first_traced(each)
    raise NotTracedError("nothing recorded")


# Functions of numpy


def _sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
    keep = bool(keepdims) if keepdims is not np._NoValue else False
    _nothing_else(out, kwargs)
    axis = _normal(axis, a.ndim)
    settings = {"axis": axis, "keepdims": keep}
    return a.step(
        "sum",
        [a],
        lambda x: np.sum(x, axis=axis, keepdims=keep),
        pulls=(rules.sum_pull(axis, keep),),
        settings=settings,
    )


def _mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
    axis = _normal(axis, a.ndim)
    total = _sum(a, axis, dtype, out, keepdims, **kwargs)
    return total / float(rules.count(a.shape, axis))


def _var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, **kw: Any
) -> Any:
    axis = _normal(axis, a.ndim)
    centred = a - _mean(a, axis, keepdims=True)
    return _sum(centred**2, axis, dtype, out, keepdims, **kw) / float(rules.count(a.shape, axis) - ddof)


def _std(a: Any, *args: Any, **kwargs: Any) -> Any:
    return np.sqrt(_var(a, *args, **kwargs))


def _extreme(function: Any, arg: Any) -> Callable[..., Any]:
    def run(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
        _nothing_else(out, kwargs)
        keep = bool(keepdims) if keepdims is not np._NoValue else False
        axis = _normal(axis, a.ndim)
        if isinstance(axis, tuple) and len(axis) not in {1, a.ndim}:
            raise NotTracedError("max over several axes")

        def pull(g: Any, inputs: Any, y: Any) -> Any:
            best = _mask_of_best(inputs[0], axis, arg)
            return best * rules.spread(g, inputs[0].shape, axis, keepdims=keep)

        settings = {"axis": axis, "keepdims": keep}
        return a.step("max", [a], lambda x: function(x, axis=axis, keepdims=keep), pulls=(pull,), settings=settings)

    return run


def _mask_of_best(x: Array, axis: Any, arg: Any) -> Array:
    mask = np.zeros(x.shape)
    if axis is None or (isinstance(axis, tuple) and len(axis) == x.ndim):
        mask.flat[int(arg(x))] = 1.0
        return mask
    axis = axis[0] if isinstance(axis, tuple) else axis
    np.put_along_axis(mask, np.expand_dims(arg(x, axis=axis), axis), 1.0, axis)
    return mask


def _prod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
    keep = bool(keepdims) if keepdims is not np._NoValue else False
    axis = _normal(axis, a.ndim)

    def pull(g: Any, inputs: Any, y: Any) -> Any:
        return rules.spread(g * y, inputs[0].shape, axis, keepdims=keep) / inputs[0]

    return a.step("prod", [a], lambda x: np.prod(x, axis=axis, keepdims=keep), pulls=(pull,))


def _cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    if axis is None:
        a, axis = a.reshape(-1), 0

    def pull(g: Any, inputs: Any, y: Any) -> Any:
        return np.flip(np.cumsum(np.flip(g, axis), axis=axis), axis)

    return a.step("cumsum", [a], lambda x: np.cumsum(x, axis=axis), pulls=(pull,), settings={"axis": axis})


def _where(condition: Any, *args: Any) -> Any:
    plain = _value(condition)
    if not args:
        return np.where(plain)
    first = _first_traced(args)
    chosen = np.asarray(plain, bool)
    given = [first.lifted(chosen), *(first.lifted(each) for each in args)]

    def partials(c: Any, a: Any, b: Any, y: Any) -> tuple[Any, Any, Any]:
        return 0.0, np.asarray(c, float), 1.0 - c

    # The condition is recorded as it came out; it is computed anew for no other arguments.
    return first.step("where", given, lambda c, a, b: np.where(c, a, b), partials=partials)


def _joined(function: Any) -> Callable[..., Any]:
    def run(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        first = _first_traced(arrays)
        given = [first.lifted(each) for each in arrays]
        sizes = np.cumsum([0, *(each.value.size for each in given)])
        ids = [
            np.arange(each.value.size).reshape(each.shape) + start for each, start in zip(given, sizes, strict=False)
        ]
        order = np.asarray(function(ids, *args, **kwargs)).reshape(-1)

        def pull_of(place: int) -> Any:
            def pull(g: Any, inputs: Any, y: Any) -> Any:
                whole = np.zeros(sizes[-1])
                whole[order] = g.reshape(-1)
                return whole[sizes[place] : sizes[place + 1]].reshape(inputs[place].shape)

            return pull

        pulls = tuple(pull_of(place) for place in range(len(given)))
        return first.step("join", given, lambda *parts: function(list(parts), *args, **kwargs), pulls=pulls)

    return run


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    first = _first_traced((a, b))
    a, b = first.lifted(a), first.lifted(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim > 2:  # noqa: PLR2004 - of matrices and vectors dot is matmul
        raise NotTracedError("dot of many axes")
    return np.matmul(a, b)


def _outer(a: Any, b: Any, out: Any = None) -> Any:
    first = _first_traced((a, b))
    return np.multiply(first.lifted(a).reshape(-1, 1), first.lifted(b).reshape(1, -1))


def _inner(a: Any, b: Any) -> Any:
    first = _first_traced((a, b))
    a, b = first.lifted(a), first.lifted(b)
    if a.ndim == b.ndim == 1:
        return np.matmul(a, b)
    raise NotTracedError("inner")


def _einsum(subscripts: Any, *operands: Any, **_: Any) -> Any:
    if not isinstance(subscripts, str):
        raise NotTracedError("einsum")
    first = _first_traced(operands)
    given = [first.lifted(each) for each in operands]
    try:
        pulls = rules.einsum_pulls(subscripts, len(given))
    except ValueError as error:
        raise NotTracedError(f"einsum {subscripts}") from error
    return first.step("einsum", given, lambda *arrays: np.einsum(subscripts, *arrays), pulls=pulls)


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    first = _first_traced((a, b))
    a, b = first.lifted(a), first.lifted(b)
    if isinstance(axes, int):
        axes = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    left, right = ([each] if isinstance(each, int) else list(each) for each in axes)
    letters = "abcdefghijklmnopqrstuvwxyz"
    one = list(letters[: a.ndim])
    two = list(letters[a.ndim : a.ndim + b.ndim])
    for i, j in zip(left, right, strict=True):
        two[j] = one[i]
    kept = [c for n, c in enumerate(one) if n not in [i % a.ndim for i in left]]
    kept += [c for n, c in enumerate(two) if n not in [j % b.ndim for j in right]]
    return _einsum(f"{''.join(one)},{''.join(two)}->{''.join(kept)}", a, b)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, **kwargs: Any) -> Any:
    a_min, a_max = kwargs.get("min", a_min), kwargs.get("max", a_max)
    if a_min is not None and a_min is not np._NoValue:
        a = np.maximum(a, a_min)
    return a if a_max is None or a_max is np._NoValue else np.minimum(a, a_max)


def _pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    if mode != "constant" or kwargs.get("constant_values", 0) != 0:
        raise NotTracedError("pad")
    index = np.pad(np.arange(array.value.size).reshape(array.shape) + 1, pad_width) - 1
    return array.step("pad", [array], lambda x: np.pad(x, pad_width), pulls=(rules.gather_pull(index),))


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:  # noqa: A002 - numpy's name
    if ord not in {None, 2} or (ord == 2 and axis is None and x.ndim > 1):  # noqa: PLR2004
        raise NotTracedError("norm")
    return np.sqrt(_sum(x**2, axis, keepdims=keepdims))


def _sort(a: Any, axis: Any = -1, **_: Any) -> Any:
    order = np.argsort(a.value, axis=axis)
    return a.gathered(lambda ids: np.take_along_axis(ids, order, axis))


def _trace(a: Any, *args: Any, **kwargs: Any) -> Any:
    return a.gathered(lambda ids: np.diagonal(ids, *args, **kwargs)).sum(axis=-1)


def _copied(a: Any, *_: Any, **__: Any) -> Any:
    return a.copy()


def _inv(a: Any) -> Any:
    def pull(g: Any, inputs: Any, y: Any) -> Any:
        turned = np.swapaxes(y, -1, -2)
        return -turned @ g @ turned

    return a.step("inv", [a], np.linalg.inv, pulls=(pull,))


def _nothing_else(out: Any, kwargs: Any) -> None:
    given = {name: value for name, value in kwargs.items() if value is not np._NoValue and value is not True}
    if out is not None or set(given) - {"initial"} or given.get("initial") is not None:
        raise NotTracedError("options")


def _normal(axis: Any, ndim: int) -> Any:
    if axis is None:
        return None
    if isinstance(axis, tuple | list):
        return tuple(int(each) % ndim for each in axis)
    return int(axis) % ndim


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": _sum, "mean": _mean, "average": _mean, "var": _var, "std": _std, "max": _extreme(np.max, np.argmax),
    "amax": _extreme(np.max, np.argmax), "min": _extreme(np.min, np.argmin), "amin": _extreme(np.min, np.argmin),
    "prod": _prod, "cumsum": _cumsum, "where": _where, "concatenate": _joined(np.concatenate), "stack": _joined(np.stack),
    "hstack": _joined(np.hstack), "vstack": _joined(np.vstack), "column_stack": _joined(np.column_stack), "dot": _dot,
    "outer": _outer, "inner": _inner, "vdot": _inner, "einsum": _einsum, "tensordot": _tensordot, "clip": _clip,
    "pad": _pad, "norm": _norm, "sort": _sort, "trace": _trace, "copy": _copied, "inv": _inv,
}  # fmt: skip


@contextlib.contextmanager
def _arrays_made_by(nodes: list[Node]) -> Iterator[None]:
    """Let numpy's constructors make recorded arrays in this thread, so that parts can be written into them."""
    owner = threading.get_ident()
    names = ("zeros", "ones", "empty", "full", "array", "asarray", "asanyarray", "ascontiguousarray", "zeros_like",
             "ones_like", "empty_like", "full_like")  # fmt: skip
    kept = {name: getattr(np, name) for name in names}
    converts = {"array", "asarray", "asanyarray", "ascontiguousarray"}

    def made(name: str) -> Callable[..., Any]:
        original = kept[name]

        def make(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != owner or nested[0]:
                return original(*args, **kwargs)
            nested[0] = True
            try:
                if name in converts:
                    return _converted(original, nodes, *args, **kwargs)
                array = original(*(_value(each) for each in args), **kwargs)
                return Traced(_leaf("constant", array, nodes), nodes) if array.dtype.kind == "f" else array
            finally:
                nested[0] = False

        return make

    nested = [False]
    try:
        for name in names:
            setattr(np, name, made(name))
        yield
    finally:
        for name in names:
            setattr(np, name, kept[name])


def _converted(original: Any, nodes: list[Node], value: Any = None, *args: Any, **kwargs: Any) -> Any:
    if isinstance(value, Traced):
        return value.copy()
    if isinstance(value, tuple | list) and any(isinstance(each, Traced) for each in value):
        return np.stack([_first_traced(value).lifted(each) for each in value])
    return original(value, *args, **kwargs)
