"""Python code around numpy in ball arithmetic: single numbers, new arrays, lists, objects; with the arrays it takes."""

from __future__ import annotations

import copy
import functools
import math
import pickle
from dataclasses import dataclass, field
from math import exp as e_to
from typing import Any, ClassVar

import numpy as np

from tests.operations import BOX, POSITIVE, ROW, SQUARE, WIDE, A, Array, B, Function

INSIDE = np.tanh(A) / 2
SIGNS = np.array([1.0, -1.0, 2.0, 0.5])
TABLE = {"twice": lambda t: 2 * t, "both": [np.sin, np.cos], "scale": np.array([1.0, 2.0, 3.0, 4.0])}


def each(of: Function, other: Array = B) -> Function:
    """A function of single numbers, for each of an array beside one of another."""
    return lambda x: np.array([of(a, b) for a, b in zip(x.ravel(), other.ravel().tolist(), strict=True)])


def by_math(name: str) -> Function:
    return each(lambda a, b: getattr(math, name)(a) * b)


class Base:
    """With what a class may have."""

    factor = 2.0
    weights: ClassVar[Any] = np.arange(4.0)

    def __init__(self, offset: float) -> None:
        self.offset, self.parts = offset, [np.array([1.0, 2.0, 3.0, 4.0]), lambda t: t * t]
        self.kept: Any = None

    @property
    def doubled(self) -> float:
        return 2 * self.offset

    @staticmethod
    def square(x: Any) -> Any:
        return x * x

    @classmethod
    def scaled(cls, x: Any) -> Any:
        return cls.factor * x * cls.weights

    def __call__(self, x: Any) -> Any:
        self.kept = x
        return self.scaled(self.square(x)) + self.doubled * self.parts[1](x) * self.parts[0]


class Derived(Base):
    """Another factor, and a call of the one above."""

    factor = 3.0

    def __call__(self, x: Any) -> Any:
        return super().__call__(x) + math.exp(self.offset) * self.kept


class Slotted:
    """An object that keeps its attributes in slots and has no dictionary."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x


@dataclass
class Pair:
    """Two arrays."""

    one: Any
    two: Any = field(default_factory=lambda: np.ones(4))

    def product(self) -> Any:
        return self.one * self.two


def logged(function: Function) -> Function:
    @functools.wraps(function)
    def run(*args: Any, by: float = 1.5, **options: Any) -> Any:
        return by * function(*args, **options)

    return run


@logged
def power(x: Any, scale: Any = SIGNS, *, times: Function = np.multiply, n: int = 3) -> Any:
    return times(scale, x**n) if n > 1 else x


def falling(x: Any, n: int = 4) -> Any:
    return x if n == 0 else x * falling(x - n / 4, n - 1)


def turned(x: Any) -> Any:
    from math import cos, sin  # noqa: PLC0415

    import numpy as other  # noqa: PLC0415 - as people write it

    return other.array([[cos(x[0]), -sin(x[0])], [sin(x[0]), cos(x[0])]]) @ x[1:3]


def changed(x: Any, how: Function) -> Any:
    y = x.copy()
    how(y)
    return y * x


#: What has a value and a gradient.
FORMS: list[tuple[Function, tuple[Array, ...]]] = [
    # Single numbers
    *((each(of), (A,)) for of in (
        lambda a, b: a + b - (b - a) * 2, lambda a, b: a * b + b * a, lambda a, b: a / b + b / a, lambda a,
         b: -a + +a * b,
        lambda a, b: abs(a) * b, lambda a, b: a**3 + a**2 * b, lambda a, b: 2.5**a, lambda a, b: a % 0.75 + a % b,
        lambda a, b: 7.25 % a, lambda a, b: a // 0.5 * a, lambda a, b: 7.25 // a * a, lambda a, b: divmod(a,
         0.5)[1] * a,
        lambda a, b: divmod(a, b)[0] * a, lambda a, b: a if a > b else 2 * a, lambda a, b: a if a >= b else 2 * a,
        lambda a, b: a if a < b else 2 * a, lambda a, b: a if a <= b else 2 * a, lambda a, b: a if a == b else 2 * a,
        lambda a, b: a if a != b else 2 * a, lambda a, b: a if a else 1.0, lambda a, b: int(3 * a) * a,
        lambda a, b: math.floor(3 * a) * a + math.ceil(3 * a) * b * a + math.trunc(3 * a) * a * a,
        lambda a, b: max(a, b) * min(a, b), lambda a, b: sum([a, b, a * b]), lambda a,
         b: a.real * a.T + a.conj() - a.copy(),
        lambda a, b: a.item() * a.conjugate() * a.astype(float) + a.imag, lambda a,
         b: a.sum() * a.mean() + a.flat[0] * b,
        lambda a, b: a.reshape(1)[0] * a.max() + a.astype(int), lambda a, b: np.float64(b) * a + float(b) * a,
        lambda a, b: np.sin(a) * np.exp(b) + np.maximum(a, b) * np.abs(a), lambda a, b: a.astype(bool) * a,
        lambda a, b: np.where(a > b, a, b) * a, lambda a, b: np.clip(a, -0.5, 0.5) * a, lambda a, b: np.sqrt(2.0) * a,
    )),
    *((by_math(name), (A,)) for name in (
        "exp", "tanh", "sin", "cos", "tan", "atan", "erf", "erfc", "expm1", "cosh", "sinh", "asinh", "radians",
         "degrees",
        "exp2", "fabs", "floor",
    )),
    *((by_math(name), (POSITIVE,)) for name in ("log", "sqrt", "gamma", "lgamma", "log1p", "log2", "log10", "cbrt")),
    *((by_math(name), (INSIDE,)) for name in ("asin", "acos", "atanh")),
    (by_math("acosh"), (POSITIVE + 1,)),
    (each(lambda a, b: math.log(a, 3) + math.log(2.5) * math.log(a, a + 1)), (POSITIVE,)),
    (each(lambda a, b: math.hypot(a, b) + math.atan2(a, b) * math.atan2(b, a) + math.hypot(3.0, 4.0) * a), (A,)),
    (each(lambda a, b: math.copysign(a, b) + math.fmod(a, 0.5) * math.fmod(5.0, 3.0) + math.copysign(b, a)), (A,)),
    (each(lambda a, b: math.pow(a, 3) + math.pow(2.0, 3.0) * math.pow(2.0, a)), (A,)),
    (lambda x: math.fsum(x[0]) * math.prod(x[1]) + math.prod(x[2], start=2.0) * math.fsum([0.5, 0.25]), (A,)),
    (each(lambda a, b: a * (2 if math.isclose(a, a * (1 + 1e-12)) else 3) * (5 if math.isclose(a, b) else 7)), (A,)),
    (each(lambda a, b: a * (2 if math.isclose(a, b, abs_tol=1.0) else 3) * (5 if math.isclose(a, b,
     rel_tol=0.5) else 7)), (A,)),
    (each(lambda a, b: a * (2 if math.isfinite(a) else 3) * (5 if math.isnan(a) or math.isinf(a) else 7)), (A,)),
    (each(lambda a, b: e_to(a) + math.pi * a - math.e + np.pi * np.e * a), (A,)),
    (lambda x: math.exp(x.sum()) * math.sqrt(x.max()), (POSITIVE / 4,)),
    # New arrays, into which balls may be written
    *((lambda x, m=make: filled(m(), x), (A,)) for make in (
        lambda: np.zeros((3, 4)), lambda: np.ones((3, 4), dtype=float), lambda: np.zeros((3, 4), np.float64),
        lambda: np.empty((3, 4)) * 0, lambda: np.full((3, 4), 2.0), lambda: np.eye(3, 4), lambda: np.eye(3, 4, 1),
        lambda: np.ones((3, 4), order="F"), lambda: np.full((3, 4), ROW), lambda: np.full((3, 4), 2.0, dtype=float),
    )),
    (lambda x: np.eye(4) @ x.T + np.identity(4) @ x.T * np.eye(4, 3, -1), (A,)),
    (lambda x: x[np.zeros(2, int)] * x[np.ones(2, dtype=np.int64)] + np.full(4, 3) * np.full(4, 1, dtype=int), (A,)),
    (lambda x: x * np.zeros((3, 4), dtype=bool) + np.full((3, 4), x[0, 1]) * np.full(4, True), (A,)),
    (lambda x: np.array([[x[0, 0], 1.0], [2, x[0, 1] * x[1, 1]]]) * np.array([[1.0, 2.0], [3.0, 4.0]]), (A,)),
    (lambda x: np.array([x[0], 2 * x[1]]) * np.array((x[0], ROW)) + np.array(x[0, 0]), (A,)),
    (lambda x: np.array(x, dtype=float) * np.asarray(x, float) + np.asanyarray(x) - np.ascontiguousarray(x.T).T, (A,)),
    (lambda x: np.array(3 * x, dtype=int) * x + np.asarray(x > 0, dtype=bool) * x + np.array(x, dtype=bool), (A,)),
    (lambda x: np.array(x[0], ndmin=2) * x + np.array(ROW, ndmin=2) + np.array(object=x, copy=True), (A,)),
    (lambda x: written(np.array(x), 0, 2.0) * x + written(np.array([1.0, 2.0, 3.0, 4.0]), 1, x[0, 0]), (A,)),
    (lambda x: np.fromiter((t * t for t in x[0]), float, count=4) + np.fromiter([1, 2, 3, 4], int), (A,)),
    (np.vectorize(lambda t: t * t if t > 0 else 3 * t), (A,)),
    (lambda x: np.vectorize(lambda t, u: t * u, otypes=[float])(x, B) + np.vectorize(abs)(ROW), (A,)),
    (lambda x: np.linspace(0, 1, 4) * x + np.arange(4.0) * np.arange(4) + np.linspace(0.0, 1.0, num=4, dtype=float),
     (A,)),
    (lambda x: x / (np.finfo(float).eps + np.abs(x)) + np.finfo(x.dtype).eps + np.finfo(np.float64).tiny, (A,)),
    (lambda x: x * (2 if x.dtype == np.float64 else 3) + x * (5 if x.dtype == np.dtype(float) else 7), (A,)),
    (lambda x: x * (2 if isinstance(x, np.ndarray) else 3) * (5 if isinstance(x[0, 0], float) else 7), (A,)),
    # Methods of an array
    (lambda x: x.mean(0) * x.var(0) + x.std(axis=0) * x.max(0) - x.min(axis=0) + x.prod(0) * x.sum(0), (A,)),
    (lambda x: x.clip(-0.5, 0.5) * x.round(1) + x.cumsum(1) * x.cumprod(axis=1) + x.trace(), (A,)),
    (lambda x: x.dot(WIDE) * x.take([0, 1], axis=1) + x.repeat(2, axis=0)[1:4, :2], (A,)),
    (lambda x: x * (2 if (x > -9).all() else 3) * (5 if (x > 9).any() else 7) * x[x.nonzero()].size, (A,)),
    (lambda x: x * np.sort(x[0]).searchsorted(0.1) + x.argsort(axis=1) * x + x.argmax() * x.argmin(0) * x, (A,)),
    (lambda x: changed(x, lambda y: y.sort(0)) + changed(x, lambda y: y.sort()), (A,)),
    (lambda x: changed(x, lambda y: y.fill(0.5)) + changed(x, lambda y: y.put([1, 3], x[0, :2])), (A,)),
    (lambda x: changed(x, lambda y: y.__setitem__(slice(1, None), x[:2] * 2)) + x.view() * 2, (A,)),
    (lambda x: np.partition(x, 2, axis=0)[2] * x.max(1, keepdims=True) + x.astype(int) * x + x.astype("f8"), (A,)),
    (lambda x: x.item(2, 1) * x + x.item(3) + x[1, 2].item() * x.flat[5] + x.ravel().tolist()[2] * 2, (A,)),
    (lambda x: x if x[0, 0].any() and bool(x[:1, :1] > -9) else 2 * x, (A,)),
    (lambda x: copy.copy(x) * copy.deepcopy(2.0), (A,)),
    # Objects, closures and what else holds functions and arrays
    (Base(0.5), (A,)),
    (Derived(0.25), (A,)),
    (Derived(0.25).scaled, (A,)),
    (lambda x: Slotted(x * x).x + Pair(x).product() * Pair(x, 2 * x).two, (A,)),
    (power, (A,)),
    (functools.partial(power, n=2, by=0.5), (A,)),
    (functools.partial(np.add, ROW), (A,)),
    (falling, (A,)),
    (turned, (ROW,)),
    (lambda x: TABLE["twice"](x) * TABLE["both"][1](x) + TABLE["scale"], (A,)),
    (lambda x: functools.reduce(lambda a, b: a @ b, [x, x.T, x]), (A,)),
    (lambda x: np.stack([row / (1 + row @ row) for row in x]), (A,)),
    (lambda x: sum((row * k for k, row in enumerate(reversed(x))), start=np.zeros(4)), (A,)),
    (lambda x: np.stack([*sorted(x[0]), max(x[1]), min(x[1])]) * np.hstack((x[0, 0], x[1], 2.0)), (A,)),
    (lambda x: np.concatenate([[x[0, 0], x[1, 1]], x[2]]) * np.append(x[0], x[0, 1])[:1], (A,)),
    (lambda x: x[..., None] * x[:, None] if x.ndim == 2 and len(x) == 3 and x.size == 12 else x, (A,)),
    (lambda x, y: (x @ y).sum(axis=0) if x.shape[-1] == y.shape[0] else x, (BOX, WIDE)),
    (lambda x: x @ np.linalg.inv(x + 5 * np.eye(len(x))), (SQUARE,)),
]  # fmt: skip


def filled(array: Any, x: Any) -> Any:
    array[1] = x[1] * x[0]
    array[2, 1:3] += x[0, :2]
    return array * x


def written(array: Any, key: Any, value: Any) -> Any:
    array[key] = value
    return array


#: What is refused.
REFUSED: list[tuple[Function, tuple[Array, ...]]] = [
    (lambda x: x * complex(x[0, 0]).real, (A,)),
    (lambda x: x * round(x[0, 0]), (A,)),
    (lambda x: x * [1.0, 2.0][x[0, 0]], (A,)),
    (lambda x: np.linspace(0, x[0, 0], 4) * x, (A,)),
    (lambda x: np.arange(0, x[0, 0], 0.5)[0] * x, (A,)),
    (lambda x: pickle.loads(pickle.dumps(x)), (A,)),  # noqa: S301 - our own
    (lambda x: np.frombuffer(x.tobytes()).reshape(3, 4) * x, (A,)),
    (lambda x: np.asarray(x.data) * x, (A,)),
    (lambda x: x.view(np.int64) * x, (A,)),
    (lambda x: x.byteswap() * x, (A,)),
    (lambda x: np.zeros(4, np.float32) + x, (A,)),
    (lambda x: np.full(4, 1.0, dtype=np.float32) + x, (A,)),
    (lambda x: np.array(x, dtype=np.float32), (A,)),
    (lambda x: x.astype("f4"), (A,)),
    (lambda x: x.astype(complex).real, (A,)),
    (lambda x: x.astype(str).astype(float), (A,)),
]
