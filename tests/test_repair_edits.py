"""Each kind of edit that the search for a repair tries: the mistake that it undoes, and what that is called."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import arguments
from reference.gradients.context import Context
from reference.gradients.diagnosis.samples import Sample
from reference.gradients.repair import arithmetic, axes, indices, masks, naming, orders, replacing, sources, statements
from reference.gradients.repair.instrument import kept
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.running import Running, quiet
from reference.gradients.repair.view import View
from reference.gradients.subject import Subject
from reference.wording import MISTAKES

pytestmark = [pytest.mark.outside]

Array = NDArray[Any]
Family = Callable[[View], Iterator[Edit]]


def drawn(seed: int) -> dict[str, Array]:
    """The arguments of every code of the table: no two entries are equal, and all are between 0.1 and 0.9."""
    rng = np.random.RandomState(seed)
    shapes = {"x": (3, 4), "y": (3, 4), "s": (3, 3), "t": (3, 3), "v": (6,), "u": (6,), "c": (2, 3, 4)}
    return {name: rng.uniform(0.1, 0.9, shape) for name, shape in shapes.items()}


NAMES: dict[str, Any] = {
    "np": np, "n": 2, "eps": 1e-3, "limit": 0.4, "places": np.array([0, 2, 0, 1, 2, 5]),
    "softplus": lambda z: np.log1p(np.exp(z)),
}  # fmt: skip

#: The family of edits, code that is wrong, the same code put right, and the word for the mistake.
ROWS: list[tuple[Family, str, str, str]] = [
    (arithmetic.signs, "x * (1 + y)", "x * (1 - y)", "sign"),
    (arithmetic.signs, "x * (1 - y)", "x * (1 + y)", "sign"),
    (arithmetic.signs, "x + -y", "x + y", "sign"),
    (arithmetic.signs, "x ** (1 + y)", "x ** (1 - y)", "sign"),
    (arithmetic.signs, "np.sin(x) * y", "-np.sin(x) * y", "sign"),
    (arithmetic.drops, "x * 2", "x", "scaled"),
    (arithmetic.drops, "2 * x", "x", "scaled"),
    (arithmetic.drops, "x / 3", "x", "scaled"),
    (arithmetic.drops, "x * 3", "x / 3", "scaled"),
    (arithmetic.drops, "x * y", "x", "extra-factor"),
    (arithmetic.drops, "x * y", "y", "extra-factor"),
    (arithmetic.drops, "x / y", "x", "factor-missing"),
    (arithmetic.drops, "x * y", "x / y", "factor-missing"),
    (arithmetic.drops, "x * y", "y / x", "factor-missing"),
    (arithmetic.drops, "x / y", "x * y", "factor-missing"),
    (arithmetic.drops, "x / y", "y / x", "wrong-argument"),
    (arithmetic.drops, "x + y", "x", "extra-term"),
    (arithmetic.drops, "x + y", "y", "extra-term"),
    (arithmetic.drops, "x - y", "-y", "extra-term"),
    (arithmetic.drops, "x - y", "y", "extra-term"),
    (arithmetic.drops, "x + eps", "x", "other-epsilon"),
    (arithmetic.drops, "1 - x", "x", "wrong-argument"),
    (arithmetic.drops, "1 - x", "-x", "wrong-argument"),
    (arithmetic.drops, "x**2", "x", "factor-missing"),
    *((arithmetic.drops, "x**3", f"x**{power}", "factor-missing") for power in (1, 2, 4, 5, 2.5, 3.5, -3)),
    *((arithmetic.drops, "np.exp(x)", f"np.{name}(x)", "wrong-function") for name in
      ("log", "sin", "cos", "tanh", "sqrt", "square", "abs", "sign", "sinh", "cosh", "log1p", "expm1")),
    *((arithmetic.drops, "np.floor(9 * x - 5)", f"np.{name}(9 * x - 5)", "wrong-function") for name in
      ("ceil", "rint", "trunc")),
    (arithmetic.drops, "np.round(9 * x)", "np.floor(9 * x)", "wrong-function"),
    (arithmetic.drops, "np.sqrt(x + eps)", "np.sqrt(x) + eps", "other-epsilon"),
    (arithmetic.drops, "np.sqrt(x) + eps", "np.sqrt(x + eps)", "other-epsilon"),
    (arithmetic.drops, "np.sqrt(x) - eps", "np.sqrt(x - eps)", "other-epsilon"),
    (arithmetic.drops, "np.sqrt(x)", "x", "factor-missing"),
    (arithmetic.drops, "np.square(x)", "x", "factor-missing"),
    (arithmetic.drops, "np.tanh(x)", "x", "wrong-argument"),
    (arithmetic.drops, "np.arctan(x)", "x", ""),
    (arithmetic.drops, "softplus(x) * softplus(y)", "x * softplus(y)", "wrong-argument"),
    (arithmetic.options, "x.astype(np.float32) * y", "x * y", "low-precision"),
    (arithmetic.options, "np.sum(x, dtype=np.float32) * y", "np.sum(x) * y", "low-precision"),
    (arithmetic.options, "np.var(x, axis=0, ddof=1) * y", "np.var(x, axis=0) * y", "scaled"),
    (arithmetic.options, "np.var(x, axis=0) * y", "np.var(x, axis=0, ddof=1) * y", "scaled"),
    (arithmetic.options, "x.std() * y", "x.std(ddof=1) * y", "scaled"),
    (arithmetic.powers, "x + y", "x + y**2", "factor-missing"),
    (arithmetic.powers, "x + y", "x + np.sqrt(y)", "factor-missing"),
    (arithmetic.powers, "x + y", "x + (1 - y)", "wrong-argument"),
    (arithmetic.powers, "x + y", "x + 1 / y", "factor-missing"),
    (arithmetic.powers, "-y", "np.abs(-y)", "wrong-argument"),
    (arithmetic.powers, "x * (y > 0.4)", "x * (y**2 > 0.4)", "factor-missing"),
    (arithmetic.functions, "x + y", "x + np.sin(y)", "wrong-argument"),
    (arithmetic.functions, "np.tanh(x) + y", "np.tanh(x) + np.tanh(y)", "wrong-argument"),
    (arithmetic.functions, "softplus(x) + y", "softplus(x) + softplus(y)", "wrong-argument"),
    (axes.other_axes, "s.sum(axis=0) * t", "s.sum(axis=1) * t", "wrong-axis"),
    (axes.other_axes, "np.sum(s, 1) * t", "np.sum(s, 0) * t", "wrong-axis"),
    (axes.other_axes, "s.sum(axis=1) * t", "s.sum(axis=None) * t", "wrong-axis"),
    (axes.other_axes, "c.sum(axis=(0, 1), keepdims=True) * c", "c.sum(axis=(1, 2), keepdims=True) * c", "wrong-axis"),
    (axes.other_axes, "c.sum(axis=2, keepdims=True) * c", "c.sum(axis=(0, 1, 2), keepdims=True) * c", "wrong-axis"),
    (axes.other_axes, "np.transpose(c, (0, 2, 1)) * 1.0", "np.transpose(c, (2, 1, 0)) * 1.0", "wrong-axis"),
    (axes.reductions, "np.trace(s) * t", "np.sum(s) * t", "jacobian-diagonal-only"),
    (axes.reductions, "np.sum(s) * t", "np.trace(s) * t", "extra-term"),
    (axes.reductions, "x.sum(axis=0) * y", "x.mean(axis=0) * y", "scaled"),
    (axes.reductions, "np.mean(x, 0) * y", "np.sum(x, 0) * y", "scaled"),
    (axes.reductions, "x.max(axis=0) * y", "x.min(axis=0) * y", "wrong-function"),
    (axes.reductions, "x.min() * y", "x.max() * y", "wrong-function"),
    (axes.reductions, "x.sum() * y", "x * y", "extra-term"),
    (axes.reductions, "np.mean(x) * y", "np.sum(x * y) * y", "factor-missing"),
    (axes.reductions, "x.sum() * y", "x.sum(axis=0) * y", "wrong-axis"),
    (axes.reductions, "x.sum() * y", "x.sum(axis=1, keepdims=True) * y", "wrong-axis"),
    (axes.reductions, "s.sum(axis=1) * t", "s.sum(axis=1, keepdims=True) * t", "wrong-axis"),
    (axes.reductions, "s.sum(axis=1, keepdims=True) * t", "s.sum(axis=1) * t", "wrong-axis"),
    (axes.sums, "x * y", "(x * y).sum(axis=0)", "not-summed"),
    (axes.sums, "x * y", "x * y.sum(axis=1, keepdims=True)", "not-summed"),
    (axes.sums, "x * y", "x * y.sum()", "not-summed"),
    (axes.sums, "c * 2", "c.sum(axis=(0, 2), keepdims=True) * 2", "not-summed"),
    (orders.reshapes, "x.reshape(4, 3) * 2", "x.reshape(3, 4).T * 2", "transposed"),
    (orders.reshapes, "x.reshape(4, 3).T * y", "x.reshape(3, 4) * y", "transposed"),
    (orders.reshapes, "np.reshape(c, (4, 3, 2)) * 2", "np.reshape(c, (2, 3, 4)).swapaxes(0, 2) * 2", "transposed"),
    (orders.turned, "s.T * t", "s * t", "transposed"),
    (orders.turned, "s.swapaxes(0, 1) * t", "s * t", "transposed"),
    (orders.turned, "np.transpose(s) * t", "s * t", "transposed"),
    *((orders.turned, f"np.{name}(s) * t", "s * t", "flipped") for name in ("flip", "fliplr", "flipud", "rot90")),
    (orders.turned, "v[::-1] * u", "v * u", "flipped"),
    (orders.turned, "s[::-1, ::-1] * t", "s * t", "flipped"),
    (orders.turned, "s[::-1, ::-1] * t", "s[:, ::-1] * t", "flipped"),
    (orders.turned, "c[::-1, :, ::-1]", "c[::-1]", "flipped"),
    (orders.turned, "s @ t", "t @ s", "transposed"),
    (orders.orders, "s * t", "s.T * t", "transposed"),
    (orders.orders, "c * 2", "c.swapaxes(0, 2) * 2", "transposed"),
    (orders.orders, "x * y", "x * y[:, ::-1]", "flipped"),
    (orders.orders, "x * y", "x * y[::-1]", "flipped"),
    (orders.orders, "x * y", "x * y[::-1, ::-1]", "flipped"),
    (orders.orders, "x * y", "x * np.roll(y, 1, axis=1)", "shifted"),
    (orders.orders, "x * y", "x * np.roll(y, -1, axis=0)", "shifted"),
    (orders.conjugated, "np.cumsum(x, axis=0)", "np.cumsum(x[::-1], axis=0)[::-1]", "flipped"),
    (orders.conjugated, "v.cumprod()", "np.cumprod(v[::-1])[::-1]", "flipped"),
    (orders.conjugated, "np.cumsum(x, axis=0)", "x", "term-missing"),
    (orders.letters, "np.einsum('ij,jk->ik', s, t)", "np.einsum('ji,jk->ik', s, t)", "transposed"),
    (orders.letters, "np.einsum('ij, jk -> ik', s, t)", "np.einsum('ij,jk->ki', s, t)", "transposed"),
    (orders.letters, "np.einsum('ij,jk->ik', s, t)", "np.einsum('ij,jk->ij', s, t)", "wrong-axis"),
    (orders.letters, "np.einsum('ij,jk->ik', s, t)", "np.einsum('ij,jk->k', s, t)", "not-summed"),
    *((indices.steps, "v[3] * u", f"v[{at}] * u", "shifted") for at in (1, 2, 4, 5)),
    (indices.steps, "v[places] * u", "v[places - 1] * u", "shifted"),
    (indices.steps, "v[n + 1] * u", "v[n] * u", "shifted"),
    (indices.steps, "v[n + 1] * u", "v[n - 1] * u", "shifted"),
    (indices.steps, "v[3 - n] * u", "v[n] * u", "flipped"),
    (indices.steps, "v[:3]", "v[:4]", "term-missing"),
    (indices.steps, "np.arange(3) * 1.0", "np.arange(5) * 1.0", "term-missing"),
    (indices.steps, "np.roll(v, n) * u", "np.roll(v, -n) * u", "shifted"),
    (indices.steps, "np.roll(v, n) * u", "np.roll(v, n + 1) * u", "shifted"),
    (indices.steps, "v[n * 1]", "v[1]", "shifted"),
    (indices.steps, "v[2 * n]", "v[n]", "shifted"),
    (indices.steps, "v[1] * u[n]", "v[1 * n] * u[n]", "shifted"),
    (indices.steps, "v[3] * u[n]", "v[3 + n] * u[n]", "shifted"),
    (indices.steps, "v[3] * u[n]", "v[3 - n] * u[n]", "shifted"),
    (indices.negated, "np.roll(v, -1) * u", "np.roll(v, 1) * u", "shifted"),
    (indices.negated, "np.roll(v, -2) * u", "np.roll(v, -3) * u", "shifted"),
    (indices.negated, "np.roll(v, -2) * u", "np.roll(v, -1) * u", "shifted"),
    (indices.negated, "np.roll(v, shift=n) * u", "np.roll(v, shift=-n) * u", "shifted"),
    (indices.negated, "np.roll(v, 3) * u", "v * u", "shifted"),
    (indices.negated, "v[:-2]", "v[:2]", "term-missing"),
    (indices.negated, "v[-2] * u", "v[2] * u", "shifted"),
    *((indices.slices, "v[2:4]", f"v[{low}:{low + 2}]", "shifted") for low in (1, 3, 0, 4)),
    (indices.slices, "v[2:4]", "v[:]", "term-missing"),
    (indices.slices, "v[:].sum() * u", "v[1:].sum() * u", "extra-term"),
    (indices.slices, "v[:].sum() * u", "v[:-1].sum() * u", "extra-term"),
    (indices.slices, "v[:] * u", "v[::-1] * u", "flipped"),
    (indices.slices, "v[:4]", "v[:]", "term-missing"),
    (indices.slices, "v[:4]", "v[-4:]", "shifted"),
    (indices.slices, "v[:4]", "v[1:5]", "shifted"),
    (indices.slices, "v[:4]", "v[2:6]", "shifted"),
    (indices.slices, "v[:-2]", "v[2:]", "shifted"),
    (indices.slices, "v[2:]", "v[:]", "term-missing"),
    (indices.slices, "v[2:]", "v[:-2]", "shifted"),
    (indices.slices, "v[2:]", "v[1:-1]", "shifted"),
    (indices.slices, "v[:4:2] * n", "v[1:5:2] * n", "shifted"),
    (indices.slices, "x[:, 1:n]", "x[:, 2:n + 1]", "shifted"),
    (indices.slices, "v[:3] * u[n]", "v[n:n + 3] * u[n]", "shifted"),
    (masks.comparisons, "x * (y > 0.4)", "x * (y <= 0.4)", "mask-inverted"),
    (masks.comparisons, "x * (y <= 0.4)", "x * (y > 0.4)", "mask-inverted"),
    (masks.comparisons, "x * (y < x)", "x * (y >= x)", "mask-inverted"),
    (masks.comparisons, "x * (y >= x)", "x * (y < x)", "mask-inverted"),
    (masks.comparisons, "v * (places > 1)", "v * (places < 1)", "mask-inverted"),
    (masks.comparisons, "v * (places >= 1)", "v * (places <= 1)", "mask-inverted"),
    (masks.comparisons, "v * (places == 1)", "v * (places != 1)", "mask-inverted"),
    *((masks.comparisons, f"v * (places {one} 1)", f"v * (places {two} 1)", "mask-wrong-threshold")
      for one, two in ((">", ">="), (">=", ">"), ("<", "<="), ("<=", "<"))),
    (masks.comparisons, "x * (y - x > 0.1)", "x * (np.abs(y - x) > 0.1)", "mask-from-other"),
    (masks.comparisons, "x * (y > 0.4)", "x * (y > 0)", "mask-wrong-threshold"),
    (masks.comparisons, "x * (y > 0.4)", "x * (y > 1)", "mask-wrong-threshold"),
    (masks.comparisons, "x * (y > 0.6) * limit", "x * (y > limit) * limit", "mask-wrong-threshold"),
    (masks.comparisons, "x * ~(y > 0.4)", "x * (y > 0.4)", "mask-inverted"),
    (masks.choices, "np.where(y > 0.4, x, y)", "np.where(y > 0.4, y, x)", "mask-inverted"),
    (masks.choices, "np.where(y > 0.4, x, y)", "x", "mask-missing"),
    (masks.choices, "np.where(y > 0.4, x, y)", "y", "mask-missing"),
    (masks.choices, "np.where(y > 0.4, x, y)", "np.where(y > 0.4, x, 0)", "mask-missing"),
    (masks.choices, "np.where(y > 0.4, x, y)", "np.where(y > 0.4, 0, y)", "mask-missing"),
    (masks.choices, "np.tril(s)", "np.tril(s, 1)", "mask-wrong-threshold"),
    (masks.choices, "np.tril(s, k=1)", "np.tril(s)", "mask-wrong-threshold"),
    (masks.choices, "np.triu(s, 1)", "np.triu(s, 2)", "mask-wrong-threshold"),
    (masks.choices, "np.triu(s, 1)", "np.tril(s, 1)", "mask-inverted"),
    (masks.choices, "np.triu(s, 1)", "np.tril(s, -1)", "mask-inverted"),
    (masks.choices, "np.tril(s, 1)", "np.triu(s, 2)", "mask-inverted"),
    (masks.choices, "np.argmax(v) * u", "np.argmin(v) * u", "mask-inverted"),
    (masks.choices, "v.argmin() * u", "v.argmax() * u", "mask-inverted"),
    (masks.choices, "np.maximum(x, y)", "np.minimum(x, y)", "mask-inverted"),
    (masks.choices, "np.minimum(x, y)", "np.maximum(x, y)", "mask-inverted"),
    (replacing.names, "x * x + y", "x * y + y", "wrong-argument"),
    (replacing.names, "x * n + limit", "x * limit + limit", "scaled"),
    (replacing.names, "x * n + limit", "x * n + n", "other-epsilon"),
    (replacing.names, "g * v + u", "g * v + g", "delta-next-ignored"),
    (replacing.names, "v[n] * u", "v[n] * v", "wrong-argument"),
    (replacing.names, "x * (y > 0.5) * limit", "x * (x > 0.5) * limit", "mask-from-other"),
    (replacing.expressions, "x * y + np.sin(x)", "np.sin(x) * y + np.sin(x)", "wrong-argument"),
    (replacing.expressions, "np.sin(x) * y + x**2", "np.sin(x) * y + x", "wrong-argument"),
    (replacing.expressions, "u * (g * v)", "u * g", "extra-factor"),
    (replacing.expressions, "u * (g / v)", "u * g", "factor-missing"),
    (replacing.expressions, "v * (u + v)", "v * u", "extra-term"),
    (replacing.expressions, "g * v + u", "g * v + g * v", "wrong-argument"),
    (replacing.plain_factors, "x + y", "x * y + y", "factor-missing"),
    (replacing.plain_factors, "x + y", "x / y + y", "factor-missing"),
    (replacing.plain_factors, "x + n", "n * x + n", "scaled"),
    (replacing.plain_terms, "x * y", "(x + y) * y", "term-missing"),
    (replacing.plain_terms, "x * y", "(x - y) * y", "term-missing"),
    (replacing.plain_terms, "x * eps", "(x + eps) * eps", "other-epsilon"),
    (replacing.plain_terms, "x * y", "(x + x) * y", "scaled"),
    (replacing.factors, "np.sin(x) + y", "np.sin(x) + y * np.sin(x)", "factor-missing"),
    (replacing.factors, "np.sin(x) + y", "np.sin(x) + y / np.sin(x)", "factor-missing"),
    (replacing.factors, "(x > 0.5) * x + y", "(x > 0.5) * x + y * (x > 0.5)", "mask-missing"),
    (replacing.terms, "np.sin(x) * y", "np.sin(x) * (y + np.sin(x))", "term-missing"),
    (replacing.terms, "np.sin(x) * y", "np.sin(x) * (y - np.sin(x))", "term-missing"),
]  # fmt: skip

#: The same of codes of several statements.
STATEMENTS: list[tuple[Family, str, str, str]] = [
    (statements.stores, "d[1] = v[0]; d[1] = v[1]", "d[1] = v[0]; d[1] += v[1]", "not-summed"),
    (statements.stores, "d[places] = v", "np.add.at(d, places, v)", "not-summed"),
    (statements.stores, "d[places] += v", "np.add.at(d, places, v)", "not-summed"),
    (statements.stores, "d[places] -= v", "np.subtract.at(d, places, v)", "not-summed"),
    (statements.stores, "d[1:3] += v[:2]; d[:] -= v", "np.add.at(d, slice(1, 3), v[:2]); d[:] -= v", "not-summed"),
    (statements.stores, "d[:] = v; d[0] = 7", "d[:] = v", "row-wrong"),
    (statements.stores, "e = v; e = u; d = e", "e = v; e = e + u; d = e", "term-missing"),
    (statements.stores, "d += v", "d -= v", "sign"),
    (statements.stores, "d -= v", "d += v", "sign"),
    (statements.stores, "d += v; d += u", "d += v; d *= u", "wrong-function"),
    (statements.stores, "d += v; d += u", "d += v; d /= u", "wrong-function"),
    (statements.stores, "d += v; d += u", "d += v; d = u", "extra-term"),
    (statements.stores, "d += v; d += u", "d += v", "extra-term"),
    (statements.stores, "d += v; d *= n", "d += v", "scaled"),
    (statements.stores, "d += v; d *= u", "d += v", "extra-factor"),
    (statements.stores, "d += v; d /= u", "d += v", "factor-missing"),
    (statements.stores, "d += u; np.add.at(d, places, v)", "d += u", "extra-term"),
    (statements.stores, "np.add.at(d, places, v)", "np.subtract.at(d, places, v)", "sign"),
    (statements.stores, "np.subtract.at(d, places, v)", "np.add.at(d, places, v)", "sign"),
    (statements.stores, "if n > 1:\n  d += v", "d = d", "extra-term"),
    (statements.stores, "if n > 1:\n  d += v\nelse:\n  d -= u", "d -= u", "mask-inverted"),
    (statements.exchanges, "return v, u", "return u, v", "swapped"),
    (statements.exchanges, "p = [v, u]; d = p[0] - 2 * p[1]", "d = u - 2 * v", "wrong-argument"),
    (statements.exchanges, "p = [v, u]; d = p[0] - 2 * p[1]", "d = u - 2 * v", "flipped"),
    (statements.exchanges, "d = np.subtract(v, u)", "d = np.subtract(u, v)", "arguments-swapped"),
    (statements.exchanges, "e, f = v, u; d = e - f", "d = u - v", "wrong-argument"),
    (statements.two_names, "d = v * v - u", "d = u * u - v", "wrong-argument"),
    (statements.two_names, "d = v * v - 2 * u", "d = u * u - 2 * u", "wrong-argument"),
    (indices.orders, "for i in range(6):\n  d = d / 2 + v[i]", "for i in range(5, -1, -1):\n  d = d / 2 + v[i]",
     "flipped"),
    (indices.orders, "for i in reversed(range(6)):\n  d = d / 2 + v[i]", "for i in range(6):\n  d = d / 2 + v[i]",
     "flipped"),
    (indices.steps, "for i in range(4):\n  d[i] = v[i]", "d[:5] = v[:5]", "term-missing"),
]  # fmt: skip

#: What an edit costs is compared: the most far-fetched one costs less than two of the likeliest together.
MOST = {replacing.expressions: 2.05, arithmetic.functions: 2.15}
LEAST, MOST_OF_OTHERS = 0.94, 1.94


def written(body: str, name: str) -> Callable[..., Any]:
    """A gradient with this code, as if it stood in a file of its own."""
    lines = [f"    {line}" for statement in body.split("; ") for line in statement.split("\n")]
    text = "\n".join([f"def vjp(g, {', '.join(drawn(0))}):", "    d = 0.0 * g", *lines, "    return d", ""])
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    names = dict(NAMES)
    exec(compile(text, name, "exec"), names)  # noqa: S102 - code of this table
    function: Callable[..., Any] = names["vjp"]
    return function


def sample(seed: int) -> Sample:
    args = tuple(drawn(seed).values())
    cotangent = np.random.RandomState(seed + 10).uniform(0.1, 0.9, 6)
    return Sample(args, args, cotangent, (), (), ())


def forward(*args: Array) -> Array:
    return args[4]


def running_of(subject: Subject, samples: list[Sample]) -> Running:
    """The instrumented code, which is found without a search among all objects of this process: that takes long."""
    with patch.object(sources, "_referrers", lambda _: [subject.vjp]):
        return Running(Context(subject, None, 0, "normal"), samples)


def answers_of(function: Callable[..., Any], asked: Sample) -> list[Array]:
    raw = function(asked.cotangent.copy(), *(np.array(each) for each in asked.args))
    return [np.asarray(each, dtype=float) for each in (raw if isinstance(raw, tuple) else (raw,))]


def judge(family: Family, wrong: str, right: str, word: str, name: str) -> None:
    one, other = sample(1), sample(2)
    further = replace(one, cotangent=other.cotangent)
    vjp = written(wrong, f"{name} wrong")
    due = [answers_of(written(right, f"{name} right"), each) for each in (one, other)]
    count = len(due[0])
    subject = Subject(forward, vjp, arguments.pattern(one.args, None))
    running = running_of(subject, [one, other])
    running._positions = tuple(range(count))  # the answers of the code, whatever it differentiates
    found = []
    with quiet(), running:
        runs = [running.recorded(one), running.recorded(one, 2.0), running.recorded(other), running.recorded(further)]
        for edit in family(View(running.sites, runs, one.cotangent)):
            assert edit.word in MISTAKES or edit.word == arithmetic.NO_WORD
            assert edit.new is not None or edit.replaced
            assert LEAST < edit.cost < MOST.get(family, MOST_OF_OTHERS)
            with running.edited(edit) as done:
                assert done, "the edited code can be compiled"
                if edit.word == word:
                    answers = [running.answers(each) for each in (one, other)]
                    found.append(all(map(are_equal, answers, due)))
    assert any(found)


def are_equal(answers: tuple[Any, ...] | None, due: list[Array]) -> bool:
    return answers is not None and all(
        given.shape == wanted.shape and np.allclose(given, wanted, rtol=1e-12, atol=0)
        for given, wanted in zip(answers, due, strict=True)
    )


@pytest.mark.parametrize(("family", "wrong", "right", "word"), ROWS, ids=lambda each: getattr(each, "__name__", each))
def test_an_edit_of_the_expression_undoes_the_mistake(family: Family, wrong: str, right: str, word: str) -> None:
    """One edit of this family gives what the right code gives, and names the mistake; all its edits are code."""
    judge(family, f"return {wrong}", f"return {right}", word, "expression")


@pytest.mark.parametrize(
    ("family", "wrong", "right", "word"), STATEMENTS, ids=lambda each: getattr(each, "__name__", each)
)
def test_an_edit_of_a_statement_undoes_the_mistake(family: Family, wrong: str, right: str, word: str) -> None:
    """One edit of this family gives what the right code gives, and names the mistake; all its edits are code."""
    judge(family, wrong, right, word, "statement")


#: An expression, a part of it, and what that is for.
PURPOSES = [
    ("v[n] * u", "n", "index"),
    ("v[n + 1] * u", "1", "index"),
    ("v[n:].sum() * u", "n", "index"),
    ("v.reshape(n, 3)", "3", "size"),
    ("np.zeros(n)", "n", "size"),
    ("np.arange(n) * 1.0", "n", "range"),
    ("np.roll(v, n)", "n", "shift"),
    ("np.roll(v, n)", "v", "value"),
    ("np.roll(x, 1, 0)", "0", "axis"),
    ("x.sum(1)", "1", "axis"),
    ("np.sum(x, 1)", "1", "axis"),
    ("np.sum(x, 1)", "x", "value"),
    ("x.transpose((1, 0))", "(1, 0)", "axis"),
    ("np.sum(x, axis=1)", "1", "axis"),
    ("np.sum(x, axis=-1)", "-1", "axis"),
    ("np.sum(x, axis=0, keepdims=True)", "True", "option"),
    ("np.clip(x, a_min=limit, a_max=1)", "limit", "value"),
    ("np.maximum(x, limit)", "limit", "value"),
    ("np.swapaxes(c, 0, n)", "n", "value"),
    ("x ** n", "n", "exponent"),
    ("x ** n", "x", "value"),
    ("x ** (n - 1)", "1", "exponent"),
    ("x * (y > limit)", "limit", "compared"),
    ("x * (y > limit)", "y", "compared"),
    ("x * y", "y", "value"),
]


@pytest.mark.parametrize(("expression", "part", "purpose"), PURPOSES)
def test_what_a_part_of_an_expression_is_for(expression: str, part: str, purpose: str) -> None:
    """An index, an axis or an exponent is told from a value by where it stands."""
    assert purpose in {place.role for place in places_of(f"return {expression}") if ast.unparse(place.node) == part}


def test_what_a_loop_runs_over_is_a_range() -> None:
    """It says which entries are meant, as an index does."""
    places = places_of("for i in range(n):\n  d[i] = v[i]")
    assert {ast.unparse(each.node): each.role for each in places}["range(n)"] == "range"


#: An expression, a part of it, and the word where a factor is missing at that part.
FINAL = [
    ("x * (y > 0.5)", "y", "mask-from-other"),
    ("x * (y > limit)", "limit", "mask-wrong-threshold"),
    ("v[::n] * 1.0", "n", "flipped"),
    ("x + 0.7", "0.7", "other-epsilon"),
    ("x - 2.5", "2.5", "other-epsilon"),
    ("x + 2.0", "2.0", "scaled"),
    ("x * 0.7", "0.7", "scaled"),
    ("x * eps", "eps", "other-epsilon"),
    ("x * y", "y", "factor-missing"),
]


@pytest.mark.parametrize(("expression", "part", "word"), FINAL)
def test_the_word_says_what_the_part_is_for(expression: str, part: str, word: str) -> None:
    """A factor is called a threshold, a constant or a step where the edited part is one."""
    (place,) = [each for each in places_of(f"return {expression}") if ast.unparse(each.node) == part]
    assert naming.final(Edit(place, "factor-missing", 1.0)) == word
    assert naming.final(Edit(place, "transposed", 1.0)) == "transposed"


def places_of(body: str) -> list[Place]:
    one = sample(1)
    vjp = written(body, "places")
    subject = Subject(forward, vjp, arguments.pattern(one.args, None))
    running = running_of(subject, [one, sample(2)])
    with quiet(), running:
        runs = [running.recorded(each) for each in (one, replace(one, cotangent=2 * one.cotangent), sample(2), one)]
        return View(running.sites, runs, one.cotangent).places


#: Errors of gradients, and the word for where they are.
WHERE = [
    ([np.diag([0.0, 1.0, 0.0])], "row-wrong"),
    ([np.diag([0.0, 0.0, 1.0])], "last-sample-wrong"),
    ([np.array([0.0, 0.0, 1.0])], "entry-wrong"),
    ([np.array([[0.0, 1.0], [0.0, 1.0]])], "row-wrong"),
    ([np.array([[0.0, 0.0], [1.0, 1.0]])], "last-sample-wrong"),
    ([np.array([[1.0, 0.0], [0.0, 1.0]])], None),
    ([np.array([1.0, 1.0])], None),
    ([np.array([1.0, 1e-30])], "entry-wrong"),
    ([np.zeros(3), np.array([[0.0, 0.0], [1.0, 1.0]])], "last-sample-wrong"),
    ([np.array([0.0, 1.0]), np.array([[0.0, 0.0], [1.0, 1.0]])], "row-wrong"),
    ([np.zeros(3)], None),
]


@pytest.mark.parametrize(("errors", "word"), WHERE)
def test_errors_in_one_place_have_a_word(errors: list[Array], word: str | None) -> None:
    """One entry of a vector, one row, or the last sample; errors all over have none."""
    assert naming.of_one_place(errors) == word


def test_what_is_kept_of_a_value_is_a_copy() -> None:
    """Code that writes into an array later does not change what was recorded of it, in a tuple or list either."""
    array = np.arange(3.0)
    found = [kept(array), *kept((array, 1)), *kept([array, "a"])]
    array[:] = 7
    assert [type(each) for each in (kept((array,)), kept([array]))] == [tuple, list]
    assert [each.tolist() if isinstance(each, np.ndarray) else each for each in found] == [
        [0, 1, 2], [0, 1, 2], 1, [0, 1, 2], "a",
    ]  # fmt: skip
