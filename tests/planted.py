"""Functions with one mistake planted in their gradients, each with the word that it has to get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.gradients import drawn

X, S, W, B, G = drawn(4, 3), drawn(3, 3), drawn(3, 2), drawn(2), drawn(3)
PLACES = np.array([0, 1, 1, 2])


@dataclass(frozen=True)
class Planted:
    """A right forward pass, a wrong gradient, and the word of the mistake; None where nobody knows."""

    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    args: tuple[Any, ...]
    word: str | None


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_vjp(c: Any, x: Any, axis: int | None = 1, rest: float = 1.0) -> Any:
    p = softmax(x)
    return (p * (c - rest * (c * p).sum(axis=axis, keepdims=True)),)


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def layer_norm(x: Any, gain: Any) -> Any:
    centred = x - x.mean(axis=1, keepdims=True)
    return gain * centred / np.sqrt(x.var(axis=1, keepdims=True) + 1e-3)


def layer_norm_vjp(
    c: Any, x: Any, gain: Any, mean: float = 1.0, variance: float = 1.0, axis: int = 1, epsilon: float = 1e-3
) -> Any:
    deviation = np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
    h, d = (x - x.mean(axis=1, keepdims=True)) / deviation, c * gain
    dx = d - mean * d.mean(axis, keepdims=True) - variance * h * (d * h).mean(axis, keepdims=True)
    return dx / deviation, (c * h).sum(0)


def affine(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b


def residual(x: Any, w: Any) -> Any:
    return x + np.tanh(x @ w)


def residual_vjp(c: Any, x: Any, w: Any, around: float = 1.0, power: int = 2) -> Any:
    d = c * (1 - np.tanh(x @ w) ** power)
    return around * c + d @ w.T, x.T @ d


def embed(table: Any) -> Any:
    return table[PLACES]


def overwritten(c: Any, table: Any) -> Any:
    found = np.zeros_like(table)
    found[PLACES] = c
    return (found,)


def convolve(x: Any, w: Any) -> Any:
    out = np.zeros(len(x) - len(w) + 1)
    for place in range(len(out)):
        out[place] = (x[place : place + len(w)] * w).sum()
    return out


def convolve_vjp(c: Any, x: Any, w: Any) -> Any:
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for place in range(len(c)):
        dx[place : place + len(w)] = c[place] * w  # should add
        dw += c[place] * x[place : place + len(w)]
    return dx, dw


def differences(step: float) -> Callable[..., Any]:
    def vjp(c: Any, x: Any) -> Any:
        return (c * (np.tanh(x + step) - np.tanh(x)) / step,)

    return vjp


def tanh_but(change: Callable[[Any], Any]) -> Callable[..., Any]:
    def vjp(c: Any, x: Any) -> Any:
        return (change(c * (1 - np.tanh(x) ** 2)),)

    return vjp


def without_last(gradient: Any) -> Any:
    return np.concatenate([gradient[:-1], np.zeros_like(gradient[-1:])])


def doubled_entry(gradient: Any) -> Any:
    gradient[1, 1] *= 2
    return gradient


OPEN = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]) / 0.75
FRESH = np.roll(OPEN, 1, axis=0)


def kernel_turned(c: Any, x: Any, w: Any) -> Any:
    return np.convolve(c, w[::-1]), np.correlate(x, c)


def without_factor(c: Any, x: Any) -> Any:
    p = softmax(x)
    return (c - (c * p).sum(axis=1, keepdims=True),)


def variance_of_less(c: Any, x: Any, gain: Any) -> Any:
    deviation = np.sqrt(x.var(axis=1, keepdims=True, ddof=1) + 1e-3)
    h, d = (x - x.mean(axis=1, keepdims=True)) / deviation, c * gain
    return (d - d.mean(1, keepdims=True) - h * (d * h).mean(1, keepdims=True)) / deviation, (c * h).sum(0)


def epsilon_outside(c: Any, x: Any, gain: Any) -> Any:
    deviation = np.sqrt(x.var(axis=1, keepdims=True)) + 1e-3
    h, d = (x - x.mean(axis=1, keepdims=True)) / deviation, c * gain
    return (d - d.mean(1, keepdims=True) - h * (d * h).mean(1, keepdims=True)) / deviation, (c * h).sum(0)


def smallest(c: Any, x: Any) -> Any:
    return (c[:, None] * (x == x.min(axis=1, keepdims=True)),)


def solved(a: Any, b: Any) -> Any:
    return np.linalg.solve(a + 5 * np.eye(3), b) * b


def solved_vjp(c: Any, a: Any, b: Any) -> Any:
    m = a + 5 * np.eye(3)
    y = np.linalg.solve(m, b)
    d = np.linalg.solve(m.T, c * b)
    return -np.outer(d, y), d  # should add c * y


PLANTED = {
    "a constant factor": Planted(np.tanh, tanh_but(lambda g: 0.7 * g), (X,), "scaled"),
    "the sum for the mean": Planted(lambda x: x.mean(0), lambda c, x: (np.tile(c, (len(x), 1)),), (X,), "scaled"),
    "sign": Planted(np.tanh, tanh_but(np.negative), (X,), "sign"),
    "sign inside": Planted(lambda x: x * np.sin(x), lambda c, x: (c * (np.sin(x) - x * np.cos(x)),), (X,), "sign"),
    "no square": Planted(np.tanh, lambda c, x: (c * (1 - np.tanh(x)),), (X,), "factor-missing"),
    "no derivative": Planted(logistic, lambda c, x: (c * logistic(x),), (X,), "factor-missing"),
    "the input": Planted(logistic, lambda c, x: (c * x * (1 - x),), (X,), "wrong-argument"),
    "no cotangent": Planted(np.tanh, lambda c, x: (1 - np.tanh(x) ** 2,), (X,), "delta-next-ignored"),
    "diagonal": Planted(softmax, lambda c, x: (c * softmax(x) * (1 - softmax(x)),), (X,), "jacobian-diagonal-only"),
    "no sum": Planted(softmax, lambda c, x: softmax_vjp(c, x, rest=0.0), (X,), "term-missing"),
    "sum over samples": Planted(softmax, lambda c, x: softmax_vjp(c, x, axis=0), (X,), "wrong-axis"),
    "sum over all": Planted(softmax, lambda c, x: softmax_vjp(c, x, axis=None), (X,), "wrong-axis"),
    "no mask": Planted(relu, lambda c, x: (1.0 * c,), (X,), "mask-missing"),
    "mask of the cotangent": Planted(relu, lambda c, x: (c * (c > 0),), (X,), "mask-from-delta"),
    "leak": Planted(relu, lambda c, x: (c * np.where(x > 0, 1, 0.03),), (X,), "leaky"),
    "product not transposed": Planted(lambda x, s: x @ s, lambda c, x, s: (c @ s, x.T @ c), (X, S), "transposed"),
    "swapped": Planted(lambda a, b: a * b, lambda c, a, b: (c * a, c * b), (X, X + 1), "swapped"),
    "bias not summed": Planted(affine, lambda c, x, w, b: (c @ w.T, x.T @ c, 1 * c), (X, W, B), "not-summed"),
    "bias along rows": Planted(affine, lambda c, x, w, b: (c @ w.T, x.T @ c, c.sum(1)), (X, W, B), "wrong-axis"),
    "no mean": Planted(layer_norm, lambda c, x, g: layer_norm_vjp(c, x, g, mean=0.0), (X, G), "term-missing"),
    "no variance": Planted(layer_norm, lambda c, x, g: layer_norm_vjp(c, x, g, variance=0.0), (X, G), "term-missing"),
    "epsilon": Planted(layer_norm, lambda c, x, g: layer_norm_vjp(c, x, g, epsilon=0.02), (X, G), "other-epsilon"),
    "no way around": Planted(residual, lambda c, x, w: residual_vjp(c, x, w, around=0.0), (X, S), "term-missing"),
    "no square inside": Planted(residual, lambda c, x, w: residual_vjp(c, x, w, power=1), (X, S), "factor-missing"),
    "places overwritten": Planted(embed, overwritten, (X[:3],), "not-summed"),
    "windows overwritten": Planted(convolve, convolve_vjp, (drawn(7), G), "not-summed"),
    "differences": Planted(np.tanh, differences(3e-6), (X,), "finite-differences"),
    "single precision": Planted(
        np.tanh, lambda c, x: (c * (1 - np.tanh(x.astype(np.float32)).astype(float) ** 2),), (X,), "low-precision"
    ),
    "last sample": Planted(np.tanh, tanh_but(without_last), (X,), "last-sample-wrong"),
    "one entry": Planted(np.tanh, tanh_but(doubled_entry), (X,), "entry-wrong"),
    # What nobody knows has no name.
    "last sample of a product": Planted(
        affine, lambda c, x, w, b: (c @ w.T, x[:-1].T @ c[:-1], c.sum(0)), (X, W, B), "last-sample-wrong"
    ),
    "kernel turned": Planted(convolve, kernel_turned, (drawn(7), G), "flipped"),
    "running sum forwards": Planted(
        lambda x: np.cumsum(x * x), lambda c, x: (np.cumsum(c) * 2 * x,), (drawn(7),), "transposed"
    ),
    "fixed mask inverted": Planted(lambda x: x * OPEN, lambda c, x: (c * (1 / 0.75 - OPEN),), (X,), "mask-inverted"),
    "fixed mask afresh": Planted(lambda x: x * OPEN, lambda c, x: (c * FRESH,), (X,), "mask-from-other"),
    "the smallest": Planted(lambda x: x.max(axis=1), smallest, (X,), "mask-from-other"),
    "divisor of the variance": Planted(layer_norm, variance_of_less, (X, G), "scaled"),
    "epsilon outside": Planted(layer_norm, epsilon_outside, (X, G), "other-epsilon"),
    "softmax as a factor": Planted(softmax, without_factor, (X,), "factor-missing"),
    "constant of one term": Planted(
        lambda x: np.sin(x) + 0.3 * x**3, lambda c, x: (c * (np.cos(x) + 3 * x**2),), (X,), "scaled"
    ),
    "penalty without cotangent": Planted(
        lambda x: (np.sin(x) ** 3).sum() + 0.7 * (x * x).sum(),
        lambda c, x: (c * 3 * np.sin(x) ** 2 * np.cos(x) + 1.4 * x,),
        (X,),
        "delta-next-ignored",
    ),
    "two arrays exchanged": Planted(
        lambda x, s: np.tanh(x) * np.sin(s),
        lambda c, x, s: (c * np.sin(s) * (1 - np.sin(s) ** 2), c * np.tanh(x) * np.cos(s)),
        (S, S + 1),
        "wrong-argument",
    ),
    "one side of a system": Planted(solved, solved_vjp, (S, G), "term-missing"),
    "another function": Planted(np.sin, lambda c, x: (c * np.sin(x),), (X,), None),
    "noise": Planted(np.tanh, tanh_but(lambda g: g + 0.01 * np.cos(37 * g)), (X,), None),
    "logarithm": Planted(lambda x: np.log(x * x + 1), lambda c, x: (c * np.arctan(x),), (X,), None),
}
