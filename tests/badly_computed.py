"""Fifty right formulas of gradients that lose digits in doubles: forward, vjp, and an input at which they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any
Bad = tuple[Callable[[Array], Array], Callable[[Array, Array], Array], list[float]]


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max())
    return e / e.sum()


def of_softmax(c: Array, x: Array) -> Array:
    p = softmax(x)
    return p * (c - (c * p).sum())


SATURATED, NEAR_0, LARGE = [15.0, -14.0, 3.0], [1e-7, -2e-8, 1e-6], [1e5, -2e6, 3e4]
#: Functions of one number whose gradients cancel where the number is large.
FAR: list[Bad] = [
    (np.tanh, lambda c, x: c * (1 - np.tanh(x) ** 2), SATURATED),
    (np.tanh, lambda c, x: c * (1 - np.tanh(x)) * (1 + np.tanh(x)), SATURATED),
    (np.tanh, lambda c, x: c * (1 - np.tanh(x) * np.tanh(x)), [12.0, -9.0, 2.0]),
    (lambda x: 2 * np.tanh(x / 2), lambda c, x: c * (1 - np.tanh(x / 2) ** 2), [30.0, -28.0, 6.0]),
    (logistic, lambda c, x: c * logistic(x) * (1 - logistic(x)), [25.0, 20.0, -3.0]),
    (logistic, lambda c, x: c * (logistic(x) - logistic(x) ** 2), [25.0, 22.0, 1.0]),
    (lambda x: np.log1p(np.exp(-x)), lambda c, x: c * (logistic(x) - 1), [25.0, 30.0, 1.0]),
    (lambda x: x - np.log(1 + np.exp(x)), lambda c, x: c * (1 - np.exp(x) / (1 + np.exp(x))), [25.0, 20.0, 1.0]),
    (lambda x: np.log(logistic(x)), lambda c, x: c * (1 - logistic(x)), [22.0, 18.0, 1.0]),
    (lambda x: np.arctan(x) - np.pi / 2, lambda c, x: c * (1 - x * x / (1 + x * x)), [1e5, -3e5, 2.0]),
    (lambda x: np.sqrt(x * x + 1) - x, lambda c, x: c * (x / np.sqrt(x * x + 1) - 1), [1e5, 3e4, 2.0]),
    (
        lambda x: np.sqrt(x + 1) - np.sqrt(x),
        lambda c, x: c * (0.5 / np.sqrt(x + 1) - 0.5 / np.sqrt(x)),
        [1e8, 2e7, 3.0],
    ),
    (lambda x: np.log(x + 1) - np.log(x), lambda c, x: c * (1 / (x + 1) - 1 / x), [1e8, 2e7, 3.0]),
    (lambda x: 1 / (x + 1) - 1 / x, lambda c, x: c * (1 / x**2 - 1 / (x + 1) ** 2), [1e8, 2e7, 3.0]),
    (
        lambda x: x / np.sqrt(1 + x * x),
        lambda c, x: c * (1 - x * x / (1 + x * x)) / np.sqrt(1 + x * x),
        [1e5, 2e4, 1.0],
    ),
    (
        lambda x: x / (1 + np.abs(x)),
        lambda c, x: c * (1 / (1 + np.abs(x)) - np.abs(x) / (1 + np.abs(x)) ** 2),
        [1e6, 4e7, 1.0],
    ),
    (
        lambda x: x / (1 + np.exp(-x)) - x,
        lambda c, x: c * (logistic(x) * (1 + x * (1 - logistic(x))) - 1),
        [30.0, 25.0, 1.0],
    ),
    (lambda x: np.log(np.cosh(x)) - x, lambda c, x: c * (np.tanh(x) - 1), [15.0, 12.0, 1.0]),
    (lambda x: x * np.tanh(x) - x, lambda c, x: c * (np.tanh(x) - 1 + x * (1 - np.tanh(x) ** 2)), [15.0, 12.0, 1.0]),
    (lambda x: np.exp(-x) * (1 + x), lambda c, x: c * (np.exp(-x) - np.exp(-x) * (1 + x)), [1e-9, 3e-8, 1.0]),
]
#: The same near 0.
NEAR: list[Bad] = [
    (lambda x: x - np.sin(x), lambda c, x: c * (1 - np.cos(x)), [1e-6, -3e-6, 1.0]),
    (lambda x: np.exp(x) - x, lambda c, x: c * (np.exp(x) - 1), NEAR_0),
    (np.cosh, lambda c, x: c * (np.exp(x) - np.exp(-x)) / 2, NEAR_0),
    (lambda x: np.tan(x) - x, lambda c, x: c * (1 / np.cos(x) ** 2 - 1), [1e-6, -3e-6, 1.0]),
    (lambda x: x - np.tanh(x), lambda c, x: c * (1 - (1 - np.tanh(x) ** 2)), [1e-6, -3e-6, 1.0]),
    (lambda x: x - np.arctan(x), lambda c, x: c * (1 - 1 / (1 + x * x)), [1e-6, -3e-6, 1.0]),
    (lambda x: x - np.log(1 + x), lambda c, x: c * (1 - 1 / (1 + x)), [1e-9, 3e-8, 1.0]),
    (lambda x: np.sinh(x) - x, lambda c, x: c * (np.cosh(x) - 1), [1e-6, -3e-6, 1.0]),
    (lambda x: x * x / 2 - np.cos(x), lambda c, x: c * ((x + 1) - (1 - np.sin(x))), [1e-9, 3e-8, 1.0]),
    (lambda x: np.sqrt(1 + x) - x / 2, lambda c, x: c * (0.5 / np.sqrt(1 + x) - 0.5), [1e-9, 3e-8, 1.0]),
    (lambda x: x - np.arcsinh(x), lambda c, x: c * (1 - 1 / np.sqrt(1 + x * x)), [1e-6, -3e-6, 1.0]),
    (lambda x: 2 * x - np.sin(2 * x), lambda c, x: c * 2 * (1 - np.cos(2 * x)), [1e-6, -3e-6, 1.0]),
    (lambda x: x**3, lambda c, x: c * ((x + 1) ** 3 - x**3 - 3 * x - 1), [1e-7, -2e-6, 1.0]),
    (lambda x: x * x, lambda c, x: c * ((x + 1) ** 2 - x * x - 1), NEAR_0),
    (lambda x: x * x * x / 3, lambda c, x: c * ((1 + x * x) - 1), NEAR_0),
]
#: The same beside large numbers.
BESIDE: list[Bad] = [
    (np.cos, lambda c, x: -c * ((np.sin(x) + 1e9) - 1e9), [1.0, 2.0, 3.0]),
    (lambda x: x * x / 2, lambda c, x: c * ((x + 1e9) - 1e9), [0.3, 0.7, -0.2]),
    (np.sin, lambda c, x: c * ((np.cos(x) + 1e8) - 1e8), [0.3, 0.7, -0.2]),
    (np.exp, lambda c, x: (c * np.exp(x) + 1e10) - 1e10, [0.3, 0.7, -0.2]),
    (np.log, lambda c, x: c * ((1 / x + 1e7) - 1e7), [0.3, 0.7, 2.0]),
    (lambda x: ((x - x.mean()) ** 2).sum() / 2, lambda c, x: c * (x - x.mean()), [1e9 + 1, 1e9 + 2, 1e9 + 5]),
    (
        lambda x: (x * x).mean() / 2 - x.mean() ** 2 / 2,
        lambda c, x: c * (x / x.size - x.sum() / x.size**2),
        [1e8, 1e8 + 1, 1e8 + 3],
    ),
    (
        lambda x: (x[0] - x[1]) ** 2 / 2,
        lambda c, x: c * np.array([x[0] / 3 - x[1] / 3, x[1] / 3 - x[0] / 3, 0 * x[0]]) * 3,
        [1e9, 1e9 + 1, 1.0],
    ),
]
#: Of several numbers together.
TOGETHER: list[Bad] = [
    (softmax, of_softmax, [30.0, 0.0, -2.0]),
    (softmax, lambda c, x: (np.diag(softmax(x)) - np.outer(softmax(x), softmax(x))) @ c, [30.0, 1.0, -2.0]),
    (
        lambda x: x[:1] - np.log(np.exp(x).sum()),
        lambda c, x: c * (np.array([1.0, 0.0, 0.0]) - softmax(x)),
        [30.0, 1.0, -2.0],
    ),
    (
        lambda x: -(x[0] - np.log(np.exp(x).sum())),
        lambda c, x: c * (softmax(x) - np.array([1.0, 0.0, 0.0])),
        [35.0, 1.0, -2.0],
    ),
    (
        lambda x: x / np.sqrt((x * x).sum()),
        lambda c, x: c / np.sqrt((x * x).sum()) - x * (c * x).sum() / np.sqrt((x * x).sum()) ** 3,
        [1e9, 1.0, 2.0],
    ),
    (
        lambda x: np.sqrt((x * x).sum() + 1) - x.sum(),
        lambda c, x: c * (x / np.sqrt((x * x).sum() + 1) - 1),
        [1e9, 2.0, 1.0],
    ),
    (
        lambda x: np.log(np.exp(x).sum()) - x.max(),
        lambda c, x: c * (softmax(x) - np.eye(3)[np.argmax(x)]),
        [35.0, 1.0, -2.0],
    ),
]
BADLY = [*FAR, *NEAR, *BESIDE, *TOGETHER]
