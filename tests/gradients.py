"""Right functions with right hand-written gradients, as people write them: for a judge who must not cry wolf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
POSITIVE = (0.0, np.inf)


@dataclass(frozen=True)
class Right:
    """A function, its gradient, the pattern of its arguments, and definitions of it.

    Attributes
    ----------
    tensors
        The definition on torch tensors.
    arrays
        The definition on numpy arrays, where it is another text than ``forward``.
    """

    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    args: tuple[Any, ...]
    tensors: Callable[..., Any]
    arrays: Callable[..., Any] | None = None
    domain: tuple[tuple[float, float] | None, ...] | None = None


def drawn(*shape: int) -> Array:
    return np.random.RandomState(sum(shape)).randn(*shape)


def logistic(x: Array) -> Array:
    return np.where(x > 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def softmax_vjp(c: Array, x: Array) -> tuple[Array]:
    p = softmax(x)
    return (p * (c - (c * p).sum(axis=1, keepdims=True)),)


def log_sum_exp(x: Array) -> Array:
    m = x.max(axis=1)
    return np.asarray(m + np.log(np.exp(x - m[:, None]).sum(axis=1)))


def layer_norm(x: Array, gain: Array, shift: Array) -> Array:
    centred = x - x.mean(axis=1, keepdims=True)
    return np.asarray(gain * centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) + shift)


def layer_norm_vjp(c: Array, x: Array, gain: Array, shift: Array) -> tuple[Array, Array, Array]:
    centred = x - x.mean(axis=1, keepdims=True)
    inverse = 1 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    unit, weighted = centred * inverse, c * gain
    mean, along = weighted.mean(axis=1, keepdims=True), (weighted * unit).mean(axis=1, keepdims=True)
    return inverse * (weighted - mean - unit * along), (c * unit).sum(axis=0), c.sum(axis=0)


def convolution(x: Array, kernel: Array) -> Array:
    n = len(x) - len(kernel) + 1
    y = np.zeros(n, dtype=x.dtype)
    for i in range(n):
        y[i] = (x[i : i + len(kernel)] * kernel).sum()
    return y


def convolution_vjp(c: Array, x: Array, kernel: Array) -> tuple[Array, Array]:
    dx, dk = np.zeros(x.shape), np.zeros(kernel.shape)  # buffers of doubles, whatever comes
    for i in range(len(c)):
        dx[i : i + len(kernel)] += c[i] * kernel
        dk += c[i] * x[i : i + len(kernel)]
    return dx, dk


def largest(x: Array) -> Array:
    return np.asarray(x.max(axis=1))


def largest_vjp(c: Array, x: Array) -> tuple[Array]:
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), x.argmax(axis=1)] = c  # the first of several
    return (dx,)


def cross_entropy(x: Array, labels: Array) -> Array:
    return np.asarray(log_sum_exp(x) - x[np.arange(len(x)), labels])


def cross_entropy_vjp(c: Array, x: Array, labels: Array) -> tuple[Array, None]:
    return c[:, None] * (softmax(x) - np.eye(x.shape[1])[labels]), None


def tanh_vjp(c: Array, x: Array) -> tuple[Array]:
    return (c * (1 - np.tanh(x) ** 2),)


def tanh_vjp_with_conversion(c: Any, x: Any) -> tuple[Array]:
    c, x = np.asarray(c, dtype=float), np.asarray(x, dtype=float)
    return (c * (1 - np.tanh(x) ** 2),)


def mean_square(x: Array, t: Array) -> Any:
    return ((x - t) ** 2).mean()


def mean_square_vjp(c: Array, x: Array, t: Array) -> tuple[Array, Array]:
    dx = c * 2 * (x - t) / x.size
    return dx, -dx


def unit_rows(x: Array) -> Array:
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True))


def unit_rows_vjp(c: Array, x: Array) -> tuple[Array]:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    u = x / length
    return ((c - u * (c * u).sum(axis=1, keepdims=True)) / length,)


def _torch(name: str, *args: Any, **named: Any) -> Any:
    import torch  # noqa: PLC0415 - optional and slow to import

    found: Any = torch
    for part in name.split("."):
        found = getattr(found, part)
    return found(*args, **named)


LABELS = np.array([0, 2, 1, 2])

RIGHT: dict[str, Right] = {
    "tanh": Right(np.tanh, tanh_vjp, (drawn(2, 3),), lambda x: x.tanh()),
    "tanh by cosh": Right(np.tanh, lambda c, x: (c / np.cosh(x) ** 2,), (drawn(5),), lambda x: x.tanh()),
    "tanh in doubles": Right(np.tanh, tanh_vjp_with_conversion, (drawn(2, 3),), lambda x: x.tanh()),
    "logistic": Right(logistic, lambda c, x: (c * logistic(x) * logistic(-x),), (drawn(4),), lambda x: x.sigmoid()),
    "logistic by p (1 - p)": Right(
        logistic, lambda c, x: (c * logistic(x) * (1 - logistic(x)),), (drawn(2, 2),), lambda x: x.sigmoid()
    ),
    "softmax": Right(softmax, softmax_vjp, (drawn(3, 4),), lambda x: x.softmax(dim=1)),
    "log-sum-exp": Right(
        log_sum_exp, lambda c, x: (c[:, None] * softmax(x),), (drawn(3, 4),), lambda x: x.logsumexp(dim=1)
    ),
    "layer norm": Right(
        layer_norm,
        layer_norm_vjp,
        (drawn(3, 4), drawn(4), drawn(4)),
        lambda x, g, b: _torch("nn.functional.layer_norm", x, (4,), g, b),
    ),
    "matrix product": Right(
        lambda A, B: A @ B, lambda c, A, B: (c @ B.T, A.T @ c), (drawn(2, 3), drawn(3, 4)), lambda A, B: A @ B
    ),
    "convolution": Right(
        convolution,
        convolution_vjp,
        (drawn(6), drawn(3)),
        lambda x, k: _torch("nn.functional.conv1d", x[None, None], k[None, None])[0, 0],
        lambda x, k: np.convolve(x, k[::-1], "valid"),
    ),
    "cumulative sum": Right(
        lambda x: np.cumsum(x, axis=1),
        lambda c, x: (np.cumsum(c[:, ::-1], axis=1)[:, ::-1].copy(),),
        (drawn(2, 5),),
        lambda x: x.cumsum(dim=1),
    ),
    "square root": Right(
        np.sqrt, lambda c, x: (c / (2 * np.sqrt(x)),), (np.array([0.5, 2.0]),), lambda x: x.sqrt(), None, (POSITIVE,)
    ),
    "logarithm": Right(
        np.log, lambda c, x: (c / x,), (np.array([[0.5, 2.0]]),), lambda x: x.log(), None, (POSITIVE,)
    ),
    "logit": Right(
        lambda p: np.log(p) - np.log1p(-p),
        lambda c, p: (c / (p * (1 - p)),),
        (np.array([0.25, 0.75]),),
        lambda p: p.log() - (-p).log1p(),
        None,
        ((0.0, 1.0),),
    ),
    "division": Right(
        lambda x, y: x / y,
        lambda c, x, y: (c / y, -c * x / y**2),
        (drawn(3), np.array([0.5, 1.0, 2.0])),
        lambda x, y: x / y,
    ),
    "absolute value": Right(np.abs, lambda c, x: (c * np.sign(x),), (drawn(2, 3),), lambda x: x.abs()),
    "ReLU, 0 at 0": Right(
        lambda x: np.maximum(x, 0), lambda c, x: (c * (x > 0),), (np.array([[0.0, -1.0, 2.0]]),), lambda x: x.relu()
    ),
    "ReLU, 1 at 0": Right(
        lambda x: np.maximum(x, 0), lambda c, x: (c * (x >= 0),), (np.array([[0.0, -1.0, 2.0]]),), lambda x: x.relu()
    ),
    "maximum": Right(largest, largest_vjp, (np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 2.0]]),), lambda x: x.amax(dim=1)),
    "cross-entropy of labels": Right(
        cross_entropy,
        cross_entropy_vjp,
        (drawn(4, 3), LABELS),
        lambda x, t: _torch("nn.functional.cross_entropy", x, t, reduction="none"),
    ),
    "mean square": Right(
        mean_square, mean_square_vjp, (drawn(3, 2), drawn(2, 3).T), lambda x, t: ((x - t) ** 2).mean()
    ),
    "rows of length 1": Right(
        unit_rows, unit_rows_vjp, (drawn(2, 3),), lambda x: x / x.norm(dim=1, keepdim=True)
    ),
    "softplus, naive": Right(
        lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0),
        lambda c, x: (c * logistic(x),),
        (drawn(3),),
        lambda x: _torch("nn.functional.softplus", x, threshold=1000),
    ),
    "sine": Right(np.sin, lambda c, x: (c * np.cos(x),), (drawn(3),), lambda x: x.sin()),
    "exponential": Right(np.exp, lambda c, x: (c * np.exp(x),), (drawn(2, 2),), lambda x: x.exp()),
    "cube of a number": Right(lambda x: x**3, lambda c, x: (c * 3 * x**2,), (0.5,), lambda x: x**3),
    "sum of everything": Right(
        lambda x: x.sum(), lambda c, x: (np.full(x.shape, c, dtype=x.dtype),), (drawn(2, 3),), lambda x: x.sum()
    ),
    "transpose, copied": Right(
        lambda x: x.T.copy(), lambda c, x: (c.T.copy(),), (drawn(2, 3),), lambda x: x.T
    ),
}  # fmt: skip
