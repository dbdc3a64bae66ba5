"""The end of a net: from the last linear layer's outputs to losses, hits and the first delta.

Arrays are (K, n), classes down and samples across.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bp.messages import Array

Places = NDArray[np.intp]


class Targets(NamedTuple):
    """One-hot targets of n samples, (K, n), and the positions, (n,), of their ones in the flattened array."""

    one_hot: Array
    places: Places

    @classmethod
    def of(cls, T: Array) -> Targets:
        """Make them from one-hot rows T (n, K)."""
        return cls(np.ascontiguousarray(T.T), T.argmax(axis=1) * len(T) + np.arange(len(T)))


class Head(ABC):
    """The end of a net, with its working memory for n samples of K classes."""

    @abstractmethod
    def outputs(self, Y: Array) -> None:
        """Turn the logits Y (K, n), in place, into what the loss takes."""

    @abstractmethod
    def delta(self, Y: Array, targets: Targets, step: float, out: Array) -> None:
        """Write ``step`` times the gradient of the losses with respect to the logits, (K, n), into ``out``."""

    @abstractmethod
    def losses(self, Y: Array, places: Places) -> Array:
        """The loss of each sample, (..., n), for outputs (..., K, n)."""

    def breaks(self, Y: Array, places: Places) -> bool:
        """Whether the plain path's gradient of one of these samples is not finite, although `delta`'s is."""
        return False


class LogitsHead(Head):
    """Softmax and cross-entropy in one, on logits.

    With m the largest logit, e_k = exp(s_k - m) and R_t the sum of the e_k of all classes but the target's,

        l = log(R_t + e_t) - (s_t - m),    dl/ds_k = e_k / (R_t + e_t),    dl/ds_t = -R_t / (R_t + e_t).

    R_t is never added to 1 and then recovered by a subtraction. So the gradient and the loss of a sample that is surely
    right do not vanish too early; the logarithm is log1p(R_t + (e_t - 1)). That keeps all digits except those that
    s_k - m loses, which `bp.softmax` keeps as well, at twice the cost.
    """

    def __init__(self, n_classes: int, n: int, dtype: np.dtype[Any]) -> None:
        self._terms = np.empty((n_classes, n), dtype)
        self._max, self._of_target, self._others = np.empty((3, n), dtype)

    def outputs(self, Y: Array) -> None:
        """Leave the logits as they are: the loss takes logits."""

    def delta(self, Y: Array, targets: Targets, step: float, out: Array) -> None:
        """Write ``step`` times dl/ds, as the class gives it, into ``out``."""
        terms, others, over_sum, places = self._terms, self._others, self._of_target, targets.places
        # An exp that underflows, or is that of -inf, is rightly 0, since the largest one is 1.
        with np.errstate(over="ignore", under="ignore"):
            np.maximum.reduce(Y, axis=0, out=self._max)
            np.subtract(Y, self._max, out=terms)
            np.exp(terms, out=terms)
            terms.take(places, out=over_sum, mode="clip")
            terms.put(places, 0)
            np.add.reduce(terms, axis=0, out=others)
            np.add(others, over_sum, out=over_sum)
            np.divide(step, over_sum, out=over_sum)
            np.multiply(terms, over_sum, out=out)
            np.multiply(others, over_sum, out=others)
            out.put(places, np.negative(others, out=others))

    def losses(self, Y: Array, places: Places) -> Array:
        """The losses l of the class, (..., n), for logits (..., K, n)."""
        with np.errstate(over="ignore", under="ignore"):
            below = Y - Y.max(axis=-2, keepdims=True)
            of_target = _at(below, places)
            terms = np.exp(below, out=below)
            terms.reshape(_flat(Y))[..., places] = 0
            losses: Array = np.log1p(terms.sum(axis=-2) + np.expm1(of_target)) - of_target
        return losses


class ProbabilitiesHead(Head):
    """The naive softmax and the cross-entropy of its probabilities, y.

    The loss's delta is -1 / y_t at the target and 0 elsewhere; softmax turns it into y_i (d_i - sum_j d_j y_j), which
    is y - t wherever 1 / y_t is finite. Where it is not, the plain path gives NaN, as the naive softmax should, and y -
    t would hide that: `breaks` tells.
    """

    def __init__(self, n_classes: int, n_forward: int, n: int, dtype: np.dtype[Any]) -> None:
        self._ones = np.ones((n_classes, n_classes), dtype)
        self._sums = np.empty((n_classes, n_forward), dtype)
        # An array, since numpy would convert a number each time.
        self._step, self._steps = 0.0, np.zeros((n_classes, n), dtype)

    def outputs(self, Y: Array) -> None:
        """Turn the logits into probabilities, exp(s_k) / sum_c exp(s_c), in place."""
        np.exp(Y, out=Y)
        # A product with ones sums faster than a sum does, and gives a row for each class at once.
        np.divide(Y, np.dot(self._ones, Y, out=self._sums), out=Y)

    def delta(self, Y: Array, targets: Targets, step: float, out: Array) -> None:
        """Write ``step`` times (y - t) into ``out``."""
        if step != self._step:
            self._step = step
            self._steps.fill(step)
        np.subtract(Y, targets.one_hot, out=out)
        np.multiply(out, self._steps, out=out)

    def losses(self, Y: Array, places: Places) -> Array:
        """-log y_t for each sample, (..., n)."""
        losses: Array = 0 - np.log(_at(Y, places))
        return losses

    def breaks(self, Y: Array, places: Places) -> bool:
        """Whether some 1 / y_t is infinite or some y_t is NaN."""
        return not _at(Y, places).min() * np.finfo(Y.dtype).max >= 1  # written so that it is true for NaN


def hits(Y: Array, places: Places) -> NDArray[np.bool_]:
    """Whether the target's class is the first of those with the largest output, (..., n), for outputs (..., K, n)."""
    largest = Y.max(axis=-2, keepdims=True)
    at_largest = np.equal(Y, largest)
    found: NDArray[np.bool_] = at_largest.reshape(_flat(Y)).take(places, axis=-1)
    if np.count_nonzero(at_largest) > found.size:  # ties
        found = Y.argmax(axis=-2) == places // Y.shape[-1]
    return found


def _flat(Y: Array) -> tuple[int, ...]:
    return (*Y.shape[:-2], Y.shape[-2] * Y.shape[-1])


def _at(Y: Array, places: Places) -> Array:
    taken: Array = Y.reshape(_flat(Y)).take(places, axis=-1)
    return taken
