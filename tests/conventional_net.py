"""As `tests.conventional`, for a whole network, forward and back: linear layers with ReLU between them, and a loss."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.first_order import Number, exp, largest, log, log1p, one_by_one, sqrt

Array = NDArray[Any]


@dataclass(frozen=True)
class Coding:
    """How a network is computed.

    Attributes
    ----------
    is_compound
        Softmax and cross-entropy in one; else one after the other.
    is_averaged_first
        Deltas are divided by N before they are summed up.
    has_largest_first
        The largest term of each sum comes first, which is rounded most often; else they come in order.
    logarithm
        How the loss follows from the probabilities and the target, if it is no compound.
    """

    is_compound: bool
    is_averaged_first: bool
    has_largest_first: bool
    logarithm: Callable[[Sequence[Number], int], Number] = lambda p, target: -log(p[target])

    def sum(self, terms: Sequence[Number]) -> Number:
        """Add the terms one by one."""
        return one_by_one(sorted(terms, key=lambda each: -abs(each.value)) if self.has_largest_first else terms)

    def products(self, A: Array, B: Array, *more: Array) -> Array:
        """A B, plus rows that are added to each row."""
        return _each((len(A), B.shape[1]), lambda n, u: self.sum([*(A[n] * B[:, u]), *(row[u] for row in more)]))

    def answers(self, X: Array, theta: Sequence[Array], T: Array) -> dict[str, list[Array]]:
        """The arrays of `reference.numerics.running_errors.NetBounds`, by their names."""
        weights, biases = [_exactly(W) for W in theta[::2]], [_exactly(b) for b in theta[1::2]]
        A = [_exactly(X)]
        for W, b in zip(weights, biases, strict=True):
            Z = self.products(A[-1], W, b)
            A.append(_each(Z.shape, lambda n, u, Z=Z: Z[n, u] if Z[n, u].value > 0 else Number(0)))
        P, losses, delta = self._ends(Z, T)
        gradient: list[Array] = []
        for layer in reversed(range(len(weights))):
            gradient[:0] = self._averages(A[layer], delta)
            back = self.products(delta, weights[layer].T)
            delta = _each(
                back.shape, lambda n, u, back=back, A=A[layer]: back[n, u] if A[n, u].value > 0 else Number(0)
            )
        return {"hidden": A[1:-1], "logits": [Z], "probabilities": [P], "losses": [losses], "gradient": gradient}

    def _ends(self, Z: Array, T: Array) -> tuple[Array, Array, Array]:
        P, losses, delta = np.empty_like(Z), np.empty((len(Z), 1), dtype=object), np.empty_like(Z)
        for n, (z, t) in enumerate(zip(Z, T, strict=True)):
            target, m = int(t.argmax()), largest(list(z))
            shifted = [logit - m for logit in z]
            E = [exp(logit) for logit in shifted]
            S = self.sum(E)
            P[n] = [e / S for e in E]
            if self.is_compound:
                losses[n, 0] = log(S) - shifted[target]
                delta[n] = [p - Number(y) for p, y in zip(P[n], t, strict=True)]
            else:
                losses[n, 0] = self.logarithm(P[n], target)
                d = [-(Number(1) / p) if k == target else Number(0) for k, p in enumerate(P[n])]
                mean = self.sum([p * e for p, e in zip(P[n], d, strict=True)])
                delta[n] = [p * (e - mean) for p, e in zip(P[n], d, strict=True)]
        return P, losses, delta

    def _averages(self, A: Array, delta: Array) -> list[Array]:
        n, columns = Number(len(A)), range(delta.shape[1])
        each = delta / n if self.is_averaged_first else delta
        W, b = self.products(A.T, each), np.array([self.sum(list(each[:, u])) for u in columns], dtype=object)
        return [W, b] if self.is_averaged_first else [W / n, b / n]


def _through_the_others(p: Sequence[Number], target: int) -> Number:
    others = one_by_one([each for k, each in enumerate(p) if k != target])
    return -log1p(-others) if p[target].value > others.value else -log(p[target])


CODINGS = [Coding(*choice) for choice in itertools.product((True, False), repeat=3)] + [
    Coding(False, True, True, _through_the_others),
    Coding(False, True, True, lambda p, target: log(Number(1) / p[target])),
    Coding(False, True, True, lambda p, target: -(Number(2) * log(sqrt(p[target])))),
]


def _each(shape: tuple[int, ...], number: Any) -> Array:
    found = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        found[index] = number(*index)
    return found


def _exactly(values: Array) -> Array:
    return _each(values.shape, lambda *index: Number(values[index]))
