"""Operations of numpy with their options, each as a function and the arrays for which it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.gradients import drawn

Array = NDArray[Any]
Function = Callable[..., Any]

A = drawn(3, 4) + np.copysign(0.25, drawn(3, 4))  # far from 0, where differences tell little
B, POSITIVE = A[::-1] * 1.5, np.abs(A)
BOX, LINE, ROW = drawn(2, 3, 4), drawn(5), drawn(4)
WIDE, SQUARE = drawn(4, 2), drawn(3, 3) + 4 * np.eye(3)
INSIDE = np.tanh(A) / 2


def numpy_has(function: Function, args: tuple[Array, ...]) -> bool:
    """Whether this numpy has the functions and options that a form uses."""
    try:
        function(*args)
    except (AttributeError, TypeError):
        return False
    return True


#: Functions of arrays, each with the arrays for which it is recorded.
ALL: list[tuple[Function, tuple[Array, ...]]] = [
    # Elementwise, with broadcasting of either side
    *((ufunc, (A, B)) for ufunc in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum)),
    *((ufunc, (A, B)) for ufunc in (np.fmax, np.fmin, np.logaddexp, np.hypot, np.arctan2)),
    *((ufunc, (POSITIVE, B)) for ufunc in (np.power, np.float_power)),
    *((ufunc, (A,)) for ufunc in (np.negative, np.positive, np.exp, np.exp2, np.expm1, np.square, np.reciprocal)),
    *((ufunc, (A,)) for ufunc in (np.tanh, np.sinh, np.cosh, np.sin, np.cos, np.tan, np.arctan, np.arcsinh, np.fabs)),
    *((ufunc, (POSITIVE,)) for ufunc in (np.log, np.log2, np.log10, np.log1p, np.sqrt, np.cbrt)),
    *((ufunc, (INSIDE,)) for ufunc in (np.arcsin, np.arccos, np.arctanh, np.absolute)),
    *((lambda x, y, f=f: f(x, y), (A, ROW)) for f in (np.add, np.subtract, np.multiply, np.divide)),
    *((lambda x, y, f=f: f(y, x[:, :1]), (A, ROW)) for f in (np.subtract, np.divide, np.maximum)),
    (lambda x, y: x[None] * y + y, (A, BOX)),
    (lambda x: 2.0 - x / 4.0 + 3.0 / (x * x + 1.0), (A,)),
    (lambda x: (x**2.0).sum() ** 0.5, (A,)),
    (lambda x: np.logaddexp2(x, x[::-1]) * x, (A,)),
    (lambda x: np.copysign(x, B) * np.heaviside(x, 0.5) + np.sign(x) * x, (A,)),
    (lambda x: x % 0.75 + np.fmod(x, -0.5) + np.remainder(x, B) + x // 0.5 * x, (A,)),
    (lambda x: np.clip(x, -0.5, 0.5) * x, (A,)),
    (lambda x: x.clip(-0.25) * x, (A,)),
    (lambda x: np.clip(x, None, 0.25) * x, (A,)),
    (lambda x: np.clip(x, a_min=-0.5, a_max=0.75) + x, (A,)),
    (lambda x: np.clip(x, min=-0.5, max=0.75) + x, (A,)),
    (lambda x: np.where(x > 0.25, x * x, 3 * x), (A,)),
    (lambda x, y: np.where(y[:, :1] > 0, x, y), (A, B)),
    (lambda x: np.select([x > 0.5, x > -0.5], [x * x, 3 * x], 0.5), (A,)),
    (lambda x: x[np.where(x > 0)] ** 2 + np.where(x)[0][0] * x[0, 0], (A,)),
    # Sums and what is made of them, over all axes, one, several, the last, and with the axes kept
    *(
        (lambda x, f=f, o=options: f(x * x[:, :1], **o), (POSITIVE,))
        for f in (np.sum, np.mean, np.var, np.std, np.prod, np.max, np.min, np.ptp)
        for options in ({}, {"axis": 0}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"keepdims": True})
    ),
    *(
        (lambda x, f=f, o=options: f(x * x, **o), (BOX,))
        for f in (np.sum, np.mean, np.var, np.std)
        for options in ({"axis": (0, 2)}, {"axis": (-1, 0), "keepdims": True}, {"axis": 1})
    ),
    (lambda x: np.var(x, axis=1, ddof=1), (A,)),
    (lambda x: x.std(ddof=1, keepdims=True), (A,)),
    (lambda x: np.max(x, axis=(0, 1)) + np.min(x, axis=(1,)), (A,)),
    (lambda x: x.max(-1, keepdims=True) * x + x.min(0), (A,)),
    *((lambda x, f=f: f.reduce(x), (POSITIVE,)) for f in (np.add, np.multiply, np.maximum, np.minimum)),
    *((lambda x, f=f: f.reduce(x, axis=1, keepdims=True) * x, (POSITIVE,)) for f in (np.add, np.maximum)),
    (lambda x: np.add.reduce(x, axis=None), (A,)),
    (lambda x: np.cumsum(x) * np.arange(12.0), (A,)),
    (lambda x: np.cumsum(x, axis=0) * x + np.cumsum(x, axis=-1), (A,)),
    (np.linalg.norm, (A,)),
    (lambda x: np.linalg.norm(x, axis=1, keepdims=True) * x, (A,)),
    (lambda x: np.linalg.norm(x, 2, axis=0), (A,)),
    (lambda x, y: np.average(x, axis=1, weights=y), (A, np.abs(ROW) + 1)),
    (lambda x, y: np.average(x, axis=-2, weights=y, keepdims=True), (A, np.abs(drawn(3)) + 1)),
    (lambda x, y: np.average(x, weights=y), (A, POSITIVE)),
    (lambda x: np.average(x, axis=0, keepdims=True) * x, (A,)),
    (lambda y: np.trapezoid(y, dx=0.25), (A,)),
    (lambda y, x: np.trapezoid(y, x, axis=1), (A, np.cumsum(np.abs(ROW) + 0.25))),
    (lambda y, x: np.trapezoid(y, x, axis=0), (A, np.cumsum(np.abs(drawn(3)) + 0.25))),
    # Products of vectors, matrices and batches
    *((np.matmul, (one, two)) for one, two in [
        (A, WIDE), (A, ROW), (drawn(3), A), (ROW, drawn(4)), (BOX, WIDE), (BOX, ROW), (drawn(3), BOX),
        (BOX, drawn(2, 4, 3)), (drawn(2, 3), BOX), (drawn(1, 2, 3), BOX),
    ]),
    *((np.dot, given) for given in [(A, WIDE), (A, ROW), (ROW, drawn(4)), (np.array(1.5), A), (A, np.array(2.5))]),
    (np.inner, (ROW, drawn(4))),
    (np.vdot, (ROW, drawn(4))),
    (np.outer, (A, ROW)),
    (np.multiply.outer, (drawn(3), ROW)),
    *((lambda x, y, s=s: np.einsum(s, x, y), (A, WIDE)) for s in ("ij,jk->ik", "ij,jk->k", "ij, jk -> ", "ij,jk->ki")),
    (lambda x: np.einsum("bij->jb", x), (BOX,)),
    (lambda x: np.einsum("bij->i", x * x), (BOX,)),
    (lambda x, y: np.tensordot(x, y, axes=1), (A, WIDE)),
    (np.tensordot, (BOX, A)),
    (lambda x, y: np.tensordot(x, y, axes=([2, 1], [0, -1])), (BOX, drawn(4, 3))),
    (lambda x, y: np.tensordot(x, y, axes=(1, 0)), (A, WIDE)),
    (np.cross, (drawn(2, 3), drawn(2, 3)[::-1] + 1)),
    (np.linalg.inv, (SQUARE,)),
    (np.linalg.inv, (SQUARE + drawn(2, 3, 3) / 4,)),
    (np.linalg.solve, (SQUARE, drawn(3))),
    (np.linalg.solve, (SQUARE, drawn(3, 2))),
    (np.linalg.det, (SQUARE,)),
    (np.linalg.det, (SQUARE + drawn(2, 3, 3) / 4,)),
    (lambda x: np.linalg.slogdet(x)[1], (SQUARE,)),
    (lambda x: np.linalg.slogdet(x)[0] * np.trace(x), (-SQUARE,)),
    # Entries at other places
    (lambda x: x.T * 2, (A,)),
    (lambda x: x.transpose(1, 2, 0) ** 2, (BOX,)),
    (lambda x: x.reshape(4, 3) ** 2, (A,)),
    (lambda x: x.reshape((2, -1)) ** 2, (A,)),
    (lambda x: x.flatten() * np.arange(12.0), (A,)),
    (lambda x: x.ravel() * x.squeeze().swapaxes(0, 1).ravel(), (A,)),
    (lambda x: np.moveaxis(x, 0, -1) * np.expand_dims(ROW[:2], 0), (BOX,)),
    (lambda x: x[1:, ::-2] * x[0, -1] + x[[0, 2]][:, [1, 1]], (A,)),
    (lambda x: x[x > 0] ** 3, (A,)),
    (lambda x: sum(each * number for number, each in enumerate(x)), (A,)),
    (lambda x: np.take(x, [2, 0, 2], axis=1) + x.take([0, 1, 1], axis=1), (A,)),
    (lambda x: np.take_along_axis(x, np.argsort(-x.value if hasattr(x, "value") else -x, axis=1), 1) * ROW, (A,)),
    (lambda x: np.sort(x, axis=0) * np.arange(3.0)[:, None] + np.sort(x) * ROW, (A,)),
    (lambda x: np.repeat(x, 2, axis=0) * drawn(6, 4), (A,)),
    (lambda x: np.tile(x, (2, 1)) * drawn(6, 4), (A,)),
    (lambda x: np.roll(x, 1, axis=1) * ROW + np.flip(x, 0), (A,)),
    (lambda x: np.broadcast_to(x, (3, 4)) * A, (ROW,)),
    (lambda x: np.diagonal(x, 1, 0, 1) * 2 + np.trace(x) + np.trace(x, 1) + np.trace(x, offset=-1), (A,)),
    (lambda x: np.diag(x) ** 2, (SQUARE,)),
    (lambda x: np.diag(x, 1) ** 2, (A,)),
    (lambda x: np.diag(x, -1) @ np.arange(5.0), (ROW,)),
    (lambda x: np.tril(x) ** 2 + np.triu(x, 1) * 3 + np.tril(x, -1), (A,)),
    (lambda x: np.diff(x) * 2, (A,)),
    (lambda x: np.diff(x, 2, axis=0) * ROW, (A,)),
    (lambda x: np.diff(x, axis=-2) * ROW, (A,)),
    (lambda x: np.pad(x, 1) * drawn(5, 6), (A,)),
    (lambda x: np.pad(x, ((0, 1), (2, 0)), "constant", constant_values=0) * drawn(4, 6), (A,)),
    # Several put together, and one taken apart
    (lambda x, y: np.concatenate([x, y]) * drawn(6, 4), (A, B)),
    (lambda x, y: np.concatenate((x, 2 * y, np.ones((3, 1))), axis=1) * drawn(3, 9), (A, B)),
    (lambda x, y: np.stack([y, x], axis=-1) ** 2, (A, B)),
    (lambda x, y: np.hstack([x, y, ROW]) * np.arange(12.0), (ROW, drawn(4) + 1)),
    (lambda x, y: np.vstack([x, y[None]]) ** 2, (A, ROW)),
    (lambda x, y: np.column_stack([x, y]) * drawn(3, 5), (A, drawn(3))),
    (lambda x, y: np.append(x, y) * np.arange(16.0), (A, ROW)),
    (lambda x, y: np.append(x, y, axis=0) * drawn(6, 4), (A, B)),
    (lambda x: np.split(x, 2, axis=1)[1] ** 2, (A,)),
    (lambda x: np.split(x, [1, 2])[2] * np.split(x, [1])[0], (A,)),
    (lambda x: np.array_split(x, 3, axis=1)[0] * np.array_split(x, 2)[1][:1, :1], (A,)),
    (lambda x: np.array([x[0], x[1] * x[2]]), (A,)),
    # Arrays that are written into
    (lambda x: written(np.zeros((3, 4)), (slice(1, None), slice(None)), x[1:] ** 2), (A,)),
    (lambda x: written(np.zeros_like(x), (slice(None), 1), x[:, 0] * x[:, 1]), (A,)),
    (lambda x: written(x.copy(), x < 0, 0.25), (A,)),
    (lambda x: written(np.full((3, 4), 2.0), 0, x[0].sum()) * x, (A,)),
    (lambda x: written(np.array(x), (slice(None), [0, 2]), x[:, :2]) * x, (A,)),
    (lambda x: added(np.ones(x.shape), x), (A,)),
    # numpy's random numbers are not recorded, and the same for each call
    (lambda x: x * np.random.RandomState(0).rand(3, 4), (A,)),
    (lambda x: x * np.random.default_rng(0).standard_normal((3, 4)), (A,)),
]  # fmt: skip


def written(array: Any, key: Any, value: Any) -> Any:
    array[key] = value
    return array


def added(array: Any, x: Any) -> Any:
    array += x
    array *= x
    return array


#: What is not recorded, with its arguments.
REFUSED: list[tuple[Function, tuple[Array, ...]]] = [
    (lambda x: np.max(x, axis=(0, 2)), (BOX,)),
    (lambda x: np.sum(x, initial=2.0), (A,)),
    (lambda x: np.sum(x, where=A > 0), (A,)),
    (lambda x: np.max(x, initial=5.0), (A,)),
    (lambda x: np.add.reduce(x, initial=2.0), (A,)),
    (lambda x: np.add.reduce(x, where=A > 0), (A,)),
    (lambda x: np.add(x, 1.0, where=A > 0), (A,)),
    (lambda x: np.add(x, 1.0, out=np.empty((3, 4), np.int64), casting="unsafe") * x, (A,)),
    (np.add.accumulate, (A,)),
    (np.logaddexp.reduce, (A,)),
    (lambda x: np.add.outer(x, x), (A,)),
    (lambda x: np.dot(A, x), (BOX.transpose(0, 2, 1),)),
    (lambda x: np.inner(x, A), (A,)),
    (lambda x: np.einsum("ij,jk", x, WIDE), (A,)),
    (lambda x: np.einsum("ii->i", x), (SQUARE,)),
    (lambda x: np.einsum("...i->...", x), (A,)),
    (lambda x: np.pad(x, 1, mode="edge"), (A,)),
    (lambda x: np.pad(x, 1, constant_values=2.0), (A,)),
    (lambda x: np.linalg.norm(x, 1), (A,)),
    (lambda x: np.linalg.norm(x, 2), (A,)),
    (lambda x: np.diff(x, prepend=1.0), (A,)),
    (lambda x: np.diff(x, append=1.0), (A,)),
    (lambda x: np.cross(x, x, axis=0), (SQUARE,)),
    (lambda x: np.average(x, returned=True)[0], (A,)),
    (lambda x: np.linalg.solve(x, drawn(2, 3, 1)), (SQUARE + np.zeros((2, 1, 1)),)),
    (lambda x: x * float(x.sum()), (A,)),
    (lambda x: x * x.sum().item(), (A,)),
    (lambda x: x * np.median(x), (A,)),
    (lambda x: x.tolist(), (A,)),
    (lambda x: 1j * x, (A,)),
    (lambda x: A * 2, (A,)),
    (lambda x: x.real, (A,)),
    (lambda x: x.no_such_attribute, (A,)),
    (lambda x: sum([x * n for n in range(401)], x), (A,)),
]
#: Those that this numpy has.
FORMS = [form for form in ALL if numpy_has(*form)]
