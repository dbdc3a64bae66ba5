"""The operations of numpy that can be recorded, each with its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis.graph import Partials, Pull, unbroadcast

Array = NDArray[Any]


def _mask(condition: Any) -> Any:
    return np.asarray(condition).astype(float)


def _power(a: Any, p: Any, y: Any) -> tuple[Any, Any]:
    return p * np.power(a, p - 1.0), y * np.log(np.where(a > 0, a, 1.0))


#: By the name of numpy's function, which takes the inputs.
ELEMENTWISE: dict[str, Partials] = {
    "add": lambda a, b, y: (1.0, 1.0),
    "subtract": lambda a, b, y: (1.0, -1.0),
    "multiply": lambda a, b, y: (b, a),
    "divide": lambda a, b, y: (1 / b, -a / b**2),
    "power": _power,
    "float_power": _power,
    "maximum": lambda a, b, y: (_mask(a > b) + 0.5 * (a == b), _mask(b > a) + 0.5 * (a == b)),
    "minimum": lambda a, b, y: (_mask(a < b) + 0.5 * (a == b), _mask(b < a) + 0.5 * (a == b)),
    "fmax": lambda a, b, y: (_mask(a >= b), _mask(b > a)),
    "fmin": lambda a, b, y: (_mask(a <= b), _mask(b < a)),
    "logaddexp": lambda a, b, y: (np.exp(a - y), np.exp(b - y)),
    "logaddexp2": lambda a, b, y: (np.exp2(a - y), np.exp2(b - y)),
    "hypot": lambda a, b, y: (a / y, b / y),
    "arctan2": lambda a, b, y: (b / (a * a + b * b), -a / (a * a + b * b)),
    "copysign": lambda a, b, y: (np.copysign(1.0, a) * np.copysign(1.0, b), 0.0 * b),
    "remainder": lambda a, b, y: (1.0, -np.floor(a / b)),
    "fmod": lambda a, b, y: (1.0, -np.trunc(a / b)),
    "negative": lambda x, y: (-1.0,),
    "positive": lambda x, y: (1.0,),
    "exp": lambda x, y: (y,),
    "exp2": lambda x, y: (y * np.log(2.0),),
    "expm1": lambda x, y: (y + 1,),
    "log": lambda x, y: (1 / x,),
    "log2": lambda x, y: (1 / (x * np.log(2.0)),),
    "log10": lambda x, y: (1 / (x * np.log(10.0)),),
    "log1p": lambda x, y: (1 / (1 + x),),
    "sqrt": lambda x, y: (0.5 / y,),
    "cbrt": lambda x, y: (1 / (3 * y * y),),
    "square": lambda x, y: (2 * x,),
    "reciprocal": lambda x, y: (-y * y,),
    "radians": lambda x, y: (np.pi / 180.0,),
    "degrees": lambda x, y: (180.0 / np.pi,),
    "deg2rad": lambda x, y: (np.pi / 180.0,),
    "rad2deg": lambda x, y: (180.0 / np.pi,),
    "tanh": lambda x, y: (1 - y * y,),
    "sinh": lambda x, y: (np.cosh(x),),
    "cosh": lambda x, y: (np.sinh(x),),
    "sin": lambda x, y: (np.cos(x),),
    "cos": lambda x, y: (-np.sin(x),),
    "tan": lambda x, y: (1 + y * y,),
    "arctan": lambda x, y: (1 / (1 + x * x),),
    "arcsin": lambda x, y: (1 / np.sqrt(1 - x * x),),
    "arccos": lambda x, y: (-1 / np.sqrt(1 - x * x),),
    "arcsinh": lambda x, y: (1 / np.sqrt(1 + x * x),),
    "arctanh": lambda x, y: (1 / (1 - x * x),),
    "absolute": lambda x, y: (np.sign(x),),
    "fabs": lambda x, y: (np.sign(x),),
}
#: Operations whose answers are constants as far as derivatives go.
FLAT = {
    "sign", "floor", "ceil", "rint", "trunc", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal",
    "logical_and", "logical_or", "logical_not", "logical_xor", "isfinite", "isnan", "isinf", "signbit", "heaviside",
    "bitwise_and", "bitwise_or", "invert", "floor_divide",
}  # fmt: skip


def sum_pull(axis: Any, keepdims: bool) -> Pull:
    """Of a sum over an axis."""
    return lambda g, inputs, _: spread(g, inputs[0].shape, axis, keepdims=keepdims)


def spread(g: Any, shape: tuple[int, ...], axis: Any, *, keepdims: bool) -> Array:
    """The gradient of a sum, given back to all that was added."""
    if axis is not None and not keepdims:
        axes = axis if isinstance(axis, tuple) else (axis,)
        g = np.expand_dims(g, tuple(each % len(shape) for each in axes))
    return np.broadcast_to(g, shape).copy()


def count(shape: tuple[int, ...], axis: Any) -> int:
    """How many entries are added in a sum over an axis."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return int(np.prod([shape[each] for each in axes]))


def matmul_pulls() -> tuple[Pull, Pull]:
    """Of a matrix product, with vectors and batches."""

    def first(g: Array, inputs: Any, _: Array) -> Array:
        a, b = inputs
        if b.ndim == 1:
            return unbroadcast(np.expand_dims(g, -1) * b if a.ndim > 1 else g * b, a.shape)
        g_2 = np.expand_dims(g, -2) if a.ndim == 1 else g
        found = g_2 @ np.swapaxes(b, -1, -2)
        return unbroadcast(found[..., 0, :] if a.ndim == 1 else found, a.shape)

    def second(g: Array, inputs: Any, _: Array) -> Array:
        a, b = inputs
        if a.ndim == 1:
            return unbroadcast(np.expand_dims(a, -1) * np.expand_dims(g, -2) if b.ndim > 1 else g * a, b.shape)
        g_2 = np.expand_dims(g, -1) if b.ndim == 1 else g
        found = np.swapaxes(a, -1, -2) @ g_2
        return unbroadcast(found[..., 0] if b.ndim == 1 else found, b.shape)

    return first, second


def gather_pull(index: NDArray[np.int_]) -> Pull:
    """Of a step that takes entries of its input, by their places; -1 is none."""

    def pull(g: Array, inputs: Any, _: Array) -> Array:
        found = np.zeros(inputs[0].size)
        there = index >= 0
        np.add.at(found, index[there], np.broadcast_to(g, index.shape)[there])
        return found.reshape(inputs[0].shape)

    return pull


def einsum_pulls(subscripts: str, number: int) -> tuple[Pull, ...]:
    """Of a sum of products in Einstein's notation; raises ValueError for what is not supported."""
    spec = subscripts.replace(" ", "")
    if "->" not in spec or "." in spec:
        raise ValueError(subscripts)
    left, out = spec.split("->")
    terms = left.split(",")
    if any(len(set(term)) < len(term) for term in terms) or len(terms) != number:
        raise ValueError(subscripts)

    def pull_of(place: int) -> Pull:
        def pull(g: Array, inputs: Any, _: Array) -> Array:
            others = [each for n, each in enumerate(terms) if n != place]
            arrays = [each for n, each in enumerate(inputs) if n != place]
            known = set(out).union(*others)
            ones = [
                (letter, n) for letter, n in zip(terms[place], inputs[place].shape, strict=True) if letter not in known
            ]
            arrays += [np.ones(n) for _, n in ones]
            others += [letter for letter, _ in ones]
            return np.asarray(np.einsum(",".join([out, *others]) + "->" + terms[place], g, *arrays))

        return pull

    return tuple(pull_of(place) for place in range(number))
