"""The messages of layers and losses as sequences of operations: the ways to code them that a bound has to cover.

Each function gives an array of dicts for each part of an answer: for each entry its codings by name. Where a bound is
meant for arguments of all signs, those that are worst for the coding are taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.first_order import Number, exp, largest, log, log1p, log2, log_of_2, one_by_one, sqrt

Array = NDArray[Any]
Codings = dict[str, Number]


def _orders(terms: Sequence[Number]) -> dict[str, Sequence[Number]]:
    """The terms of a sum in several orders, since the first terms are rounded most often."""
    ascending = sorted(terms, key=lambda each: abs(each.value))
    return {"in order": terms, "largest first": ascending[::-1], "smallest first": ascending}


def _sums(terms: Sequence[Number]) -> Codings:
    return {name: one_by_one(ordered) for name, ordered in _orders(terms).items()}


def _numbers(values: Array) -> list[Number]:
    return [Number(value) for value in values]


def _each(shape: tuple[int, ...], codings: Callable[..., Codings]) -> Array:
    found = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        found[index] = codings(*index)
    return found


def _products(one: Array, other: Array) -> list[Number]:
    return [x * w for x, w in zip(_numbers(np.abs(one)), _numbers(np.abs(other)), strict=True)]


def linear_forward(X: Array, W: Array, b: Array) -> list[Array]:
    """X W + b: sums of positive products, and a bias."""
    return [_each((len(X), len(b)), lambda n, u: _sums([*_products(X[n], W[:, u]), Number(abs(b[u]))]))]


def linear_delta(W: Array, d: Array) -> list[Array]:
    """delta_next W^T: sums of positive products."""
    return [_each((len(d), len(W)), lambda n, i: _sums(_products(d[n], W[i])))]


def linear_grad(X: Array, d: Array) -> list[Array]:
    """Averages of positive products: by a division or a factor, before or after the sum."""
    n = Number(len(X))
    part = Number(1 / Decimal(len(X)), (), 1)
    averages = {"/ N": lambda x: x / n, "times 1 / N": lambda x: x * part}

    def codings(terms: list[Number], **averaged: Callable[[Any], list[Number]]) -> Codings:
        """Averages of terms, and sums of terms that are averaged themselves."""
        found: Codings = {}
        for how, average in averages.items():
            found |= {f"sum {order} {how}": average(total) for order, total in _sums(terms).items()}
            for what, make in averaged.items():
                found |= {f"{what} {how}, sum {order}": total for order, total in _sums(make(average)).items()}
        return found

    def of_weights(i: int, u: int) -> Codings:
        xs, ds = _numbers(np.abs(X[:, i])), _numbers(np.abs(d[:, u]))
        return codings(
            [x * e for x, e in zip(xs, ds, strict=True)],
            x=lambda average: [average(x) * e for x, e in zip(xs, ds, strict=True)],
            d=lambda average: [x * average(e) for x, e in zip(xs, ds, strict=True)],
        )

    def of_biases(u: int) -> Codings:
        ds = _numbers(np.abs(d[:, u]))
        return codings(ds, d=lambda average: [average(e) for e in ds])

    return [_each((X.shape[1], d.shape[1]), of_weights), _each((d.shape[1],), of_biases)]


def _logaddexp(a: Number, b: Number) -> Number:
    high, low = (a, b) if a > b else (b, a)
    return high + log1p(exp(low - high))


def _softmax(x: list[Number]) -> list[Codings]:
    """The codings of softmax for one sample, class by class."""
    m = largest(x)
    z = [logit - m for logit in x]
    found: list[Codings] = [{} for _ in x]
    for shift, logits in (("less the maximum", z), ("not shifted", x)):
        E = [exp(logit) for logit in logits]
        for order, S in _sums(E).items():
            part, log_S = Number(1) / S, log(S)
            lse = m + log_S
            for k, codings in enumerate(found):
                codings[f"{shift}, e / S, {order}"] = E[k] / S
                if logits is z:
                    codings[f"e times 1 / S, {order}"] = E[k] * part
                    codings[f"exp(z - log S), {order}"] = exp(z[k] - log_S)
                    codings[f"through m + log S, {order}"] = exp(x[k] - lse)
        for order, each in _orders(logits).items():
            total = reduce(_logaddexp, each)
            through = "through " if logits is x else ""
            for k, codings in enumerate(found):
                codings[f"{through}logaddexp, {shift}, {order}"] = exp(logits[k] - total)
    return found


def softmax(Z: Array) -> list[Array]:
    """Softmax as quotients and as exponentials of differences."""
    rows = [_softmax(_numbers(z)) for z in Z]
    return [_each(Z.shape, lambda n, k: rows[n][k])]


def softmax_delta(P: Array, d: Array) -> list[Array]:
    """Softmax's delta as y (d - <d, y>) and its equivalents, for cotangents of all signs."""

    def codings(y: list[Number], e: list[Number], k: int) -> Codings:
        products = [a * b for a, b in zip(y, e, strict=True)]
        found: Codings = {}
        for order, total in _sums(products).items():
            found[f"y (d - s), {order}"] = y[k] * (e[k] - total)
            found[f"y d - y s, {order}"] = products[k] - y[k] * total
        for order, total in _sums([a * (e[k] - b) for a, b in zip(y, e, strict=True)]).items():
            found[f"y times sum of y (d - d), {order}"] = y[k] * total
        row = [y[k] - y[k] * y[k] if j == k else -(y[k] * y[j]) for j in range(len(y))]
        for order, total in _sums([a * b for a, b in zip(row, e, strict=True)]).items():
            found[f"matrix, {order}"] = total
        return found

    def of_all_signs(n: int, k: int) -> Codings:
        y, size = _numbers(P[n]), np.abs(d[n])
        signs = itertools.product((1, -1), repeat=len(size))
        return {
            f"{name}, {sign}": number for sign in signs for name, number in codings(y, _numbers(size * sign), k).items()
        }

    return [_each(P.shape, of_all_signs)]


def cross_entropy(P: Array, T: Array) -> list[Array]:
    """Cross-entropy with logarithms to base e and to base 2, of p, 1 / p, sqrt p and through the other classes."""

    def codings(n: int, _: int) -> Codings:
        found: Codings = {}
        two = Number(2)
        ways = (
            ("base e", log),
            ("base 2", lambda x: log2(x) * log_of_2()),
            ("of 1 / p", lambda x: -log(Number(1) / x)),
            ("of 1 / p, base 2", lambda x: -(log2(Number(1) / x) * log_of_2())),
            ("of sqrt p", lambda x: two * log(sqrt(x))),
            ("through p - 1", lambda x: log1p(x - Number(1))),
        )
        for base, logarithm in ways:
            terms = [Number(t) * logarithm(Number(p)) if t else Number(0) for t, p in zip(T[n], P[n], strict=True)]
            found |= {f"{base}, {order}": total for order, total in _sums(terms).items()}
        others = [Number(p) for t, p in zip(T[n], P[n], strict=True) if not t]
        for order, total in _sums(others).items():
            found[f"through the others, {order}"] = -log1p(-total)
        return found

    return [_each((len(P), 1), codings)]


def cross_entropy_delta(P: Array, T: Array) -> list[Array]:
    """The delta of cross-entropy as -t / p and as -t (1 / p)."""

    def codings(n: int, k: int) -> Codings:
        t, p = Number(T[n, k]), Number(P[n, k])
        return {"t / p": t / p, "t (1 / p)": t * (Number(1) / p)} if T[n, k] else {}

    return [_each(P.shape, codings)]


def logits_loss(Z: Array, T: Array) -> list[Array]:
    """The loss as log S minus the shifted logit, as minus the log of softmax, and by logaddexp."""

    def codings(n: int, _: int) -> Codings:
        x, target = _numbers(Z[n]), int(T[n].argmax())
        m = largest(x)
        z = [logit - m for logit in x]
        E = [exp(logit) for logit in z]
        others = [e for e, logit in zip(E, x, strict=True) if logit is not m]
        found: Codings = {}
        for order, S in _sums(E).items():
            found[f"log S - z, {order}"] = log(S) - z[target]
            found[f"m + log S - x, {order}"] = (m + log(S)) - x[target]
        for order, S in _sums(others).items():
            found[f"log1p of S - 1, {order}"] = log1p(S) - z[target]
        for name, p in _softmax(x)[target].items():
            found[f"-log of softmax {name}"] = -log(p)
        for shift, logits in (("not shifted", x), ("less the maximum", z)):
            for order, each in _orders(logits).items():
                found[f"logaddexp, {shift}, {order}"] = reduce(_logaddexp, each) - logits[target]
        for order, each in _orders([logit - x[target] for logit in x]).items():
            found[f"logaddexp of differences, {order}"] = reduce(_logaddexp, each)
        return found

    return [_each((len(Z), 1), codings)]


def logits_delta(Z: Array, T: Array) -> list[Array]:
    """Softmax minus the target, and two codings without that cancellation."""

    def codings(n: int, k: int) -> Codings:
        x = _numbers(Z[n])
        m = largest(x)
        E = [exp(logit - m) for logit in x]
        found = {f"p - t, {name}": p - Number(T[n, k]) for name, p in _softmax(x)[k].items()}
        if T[n, k]:
            for order, S in _sums(E).items():
                found[f"(e - S) / S, {order}"] = (E[k] - S) / S
                for other, rest in _sums([e for j, e in enumerate(E) if j != k]).items():
                    found[f"minus the others / S, {order}, {other}"] = -rest / S
        return found

    return [_each(Z.shape, codings)]
