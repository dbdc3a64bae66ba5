"""The truth of large cases: what our own coding gives in double precision, and how far that may be from the truth.

Theorem: each formula below is one of the codings for which `reference.numerics.rounding` proves its bounds, and the
arguments are doubles or exact in double precision. So its result is as near to the truth as the bound says, whatever
the order in which a BLAS sums; an honest answer in double precision is no farther than twice the bound from it. That
costs as much as the submission's own call, where an oracle would take seconds, and it judges every entry, so that
nothing is left to chance as it is with random projections of a product (Freivalds 1979). What it cannot see is an
error below twice the bound: some 1e-12 of the largest terms for sums of a thousand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.lab.contract import Case, Expected
from reference.numerics import rounding
from reference.numerics.blocks import by_rows, product
from reference.numerics.estimate import Estimate
from reference.numerics.rounding import DOUBLE, Precision

Array = NDArray[np.float64]
#: Values of the parts of an answer, and a function of the precision that gives their bounds.
_Direct = tuple[tuple[Array, ...], Callable[[Precision], tuple[Array, ...]]]


def answer(subject: str, case: Case) -> Expected:
    """The truth of a case of the message ``Class.method``, and how far an honest answer may be from it."""
    with np.errstate(all="ignore"):
        values, bounds_for = _FORMULAS[subject](*_in_double(case))
        own = bounds_for(DOUBLE)
        granted = own if case.precision() is DOUBLE else bounds_for(case.precision())
    return Expected(tuple(Estimate(value, error) for value, error in zip(values, own, strict=True)), granted)


def _in_double(case: Case) -> list[Array]:
    arrays = [*case.arguments.values(), *case.parameters.values()]
    return [np.asarray(array, dtype=np.float64) for array in arrays]


def _linear_forward(X: Array, W: Array, b: Array) -> _Direct:
    def bounds(p: Precision) -> tuple[Array]:
        return (by_rows(lambda rows: rounding.linear_forward(rows, W, b, p), X, W.size),)

    return (product(X, W) + b,), bounds


def _linear_delta(_: Array, delta_next: Array, W: Array, b: Array) -> _Direct:
    def bounds(p: Precision) -> tuple[Array]:
        return (by_rows(lambda rows: rounding.linear_delta(W, rows, p), delta_next, W.size),)

    return (product(delta_next, W.T),), bounds


def _linear_grad(X: Array, delta_next: Array, W: Array, b: Array) -> _Direct:
    def bounds(p: Precision) -> tuple[Array, Array]:
        weights = by_rows(lambda rows: rounding.linear_grad(rows.T, delta_next, p)[0], X.T, delta_next.size)
        return weights, rounding.linear_grad(X[:, :1], delta_next, p)[1]

    n = len(X)
    return (product(X.T, delta_next) / n, delta_next.sum(axis=0) / n), bounds


def _relu_forward(X: Array) -> _Direct:
    return (np.maximum(X, 0),), lambda p: (rounding.exact(X),)


def _relu_delta(Y: Array, delta_next: Array) -> _Direct:
    return (np.where(Y > 0, delta_next, 0.0),), lambda p: (rounding.exact(Y),)


def _softmax_forward(X: Array) -> _Direct:
    P = _softmax(X)
    return (P,), lambda p: (rounding.softmax(X, P, p),)


def _softmax_delta(Y: Array, delta_next: Array) -> _Direct:
    mean = (delta_next * Y).sum(axis=1, keepdims=True)
    return (Y * (delta_next - mean),), lambda p: (rounding.softmax_delta(Y, delta_next, p),)


def _cross_entropy(P: Array, T: Array) -> _Direct:
    loss = -np.log((T * P).sum(axis=1, keepdims=True))
    return (loss,), lambda p: (rounding.cross_entropy(P, T, p),)


def _cross_entropy_delta(P: Array, T: Array) -> _Direct:
    delta = np.divide(-T, P, out=np.zeros(P.shape), where=T != 0)
    return (delta,), lambda p: (rounding.cross_entropy_delta(P, T, p),)


def _logits_loss(X: Array, T: Array) -> _Direct:
    shifted = X - X.max(axis=1, keepdims=True)
    loss = np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - (T * shifted).sum(axis=1, keepdims=True)
    return (loss,), lambda p: (rounding.logits_loss(X, T, _softmax(X), p),)


def _logits_delta(X: Array, T: Array) -> _Direct:
    P = _softmax(X)
    return (P - T,), lambda p: (rounding.logits_delta(X, T, P, p),)


def _softmax(X: Array) -> Array:
    E = np.exp(X - X.max(axis=1, keepdims=True))
    return np.asarray(E / E.sum(axis=1, keepdims=True))


_FORMULAS: dict[str, Callable[..., Any]] = {
    "LinearLayer.forward": _linear_forward,
    "LinearLayer.delta": _linear_delta,
    "LinearLayer.grad": _linear_grad,
    "ReLULayer.forward": _relu_forward,
    "ReLULayer.delta": _relu_delta,
    "SoftmaxLayer.forward": _softmax_forward,
    "SoftmaxLayer.delta": _softmax_delta,
    "LossCrossEntropy.forward": _cross_entropy,
    "LossCrossEntropy.delta": _cross_entropy_delta,
    "LossCrossEntropyForSoftmaxLogits.forward": _logits_loss,
    "LossCrossEntropyForSoftmaxLogits.delta": _logits_delta,
}
