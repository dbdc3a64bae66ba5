"""The end of a net: from the last linear layer's outputs to losses, hits and the first delta.

These are the usual formulas, which are faster than those of `bp.softmax` and not as accurate. For each sample of K
classes losses and gradients are right to (2 K + 4) 2^-53 in absolute terms, losses above 1 to that part of their
size: most of it comes from the sum of K numbers. For K = 10 a search found up to 13.4 2^-53
(``bp bench --only search``). The naive softmax loses more where its exponentials are subnormal, on any path.

Arrays are (K, n), classes down and samples across. What a step computes is given as a list of calls on memory that
stays where it is: so whoever takes many steps prepares the calls once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bp.fast.memory import empty, full
from bp.messages import Array

Places = NDArray[np.intp]
Call: TypeAlias = "partial[Any]"
#: What a gradient is multiplied by: a number, or one for each sample, (n,).
Step: TypeAlias = float | Array
#: How a net ends: with the naive or the stable softmax and the cross-entropy of probabilities, or the compound loss.
Ending = Literal["naive", "stable", "logits"]

#: Up to so many classes the maximum of each sample is found faster row by row than by one reduction.
_FEW_CLASSES = 4


def perform(calls: Iterable[Call]) -> None:
    """Make these calls in order."""
    for call in calls:
        call()


def copying(to: Array, source: Array) -> Call:
    """The call that copies ``source`` into ``to``; it takes a third of the time of `numpy.copyto`."""
    return partial(to.__setitem__, ..., source)


class Targets(NamedTuple):
    """The targets of n samples.

    Attributes
    ----------
    T
        The targets, (K, n).
    places
        The positions, (n,), of each sample's largest target in the flattened array; of several the first.
    one_hot
        Whether each sample's target is 1 for one class and 0 for all others.
    """

    T: Array
    places: Places
    one_hot: bool

    @classmethod
    def of(cls, T: Array) -> Targets:
        """Make them from rows T (n, K)."""
        n, columns = len(T), T.T.copy()
        places = T.argmax(axis=1) * n + np.arange(n)
        one_hot = np.count_nonzero(T) == n == np.count_nonzero(columns.take(places) == 1)
        return cls(columns, places, one_hot)


class Head(ABC):
    """The end of a net, with its working memory for n samples of K classes."""

    #: Whether its exponentials may underflow, or differences of logits overflow, without anything being wrong.
    quiet = True

    @abstractmethod
    def outputs(self, Y: Array) -> list[Call]:
        """The calls that turn the logits Y (K, n_forward), in place, into what the loss takes."""

    @abstractmethod
    def delta(self, Y: Array, targets: Targets, step: Step, out: Array) -> list[Call]:
        """The calls that write ``step`` times the gradient of the losses with respect to the logits into ``out``.

        Y are the outputs of n samples, (K, n), as is ``out``.
        """

    @abstractmethod
    def losses(self, Y: Array, targets: Targets, of_target: Array | None = None) -> Array:
        """The loss of each sample, (..., n), for outputs (..., K, n).

        ``of_target`` is what `at_targets` gives for them, if that is known. Then the losses are written over it, and Y
        is worked in: new memory would take longer.
        """

    def breaks(self, Y: Array, targets: Targets, of_target: Array | None = None) -> bool:
        """Whether the plain path's gradient of one of these samples is not finite, although that of `delta` is."""
        return False

    def state(self) -> AbstractContextManager[Any]:
        """What to put around calls: numpy's error state in which nothing is reported that is not wrong."""
        return np.errstate(over="ignore", under="ignore") if self.quiet else nullcontext()


def head_of(ending: Ending, n_classes: int, n_forward: int, n: int, dtype: np.dtype[Any]) -> Head:
    """The head of a net that ends so, for ``n_forward`` samples forward and the first ``n`` of them back."""
    if ending == "logits":
        return LogitsHead(n_classes, n, dtype)
    kind = NaiveHead if ending == "naive" else StableHead
    return kind(n_classes, n_forward, dtype)


class LogitsHead(Head):
    """Softmax and cross-entropy in one, on logits.

    With m the largest logit, e_k = exp(s_k - m) and R_t the sum of the e_k of all classes but the target's,

        l = log(R_t + e_t) - (s_t - m),    dl/ds_k = e_k / (R_t + e_t),    dl/ds_t = -R_t / (R_t + e_t).

    R_t is never added to 1 and then recovered by a subtraction. So the gradient and the loss of a sample that is surely
    right do not vanish too early; the logarithm is log1p(R_t + (e_t - 1)). That keeps all digits except those that
    s_k - m loses, which `bp.softmax` keeps as well, at twice the cost. For soft targets it is p - t.
    """

    def __init__(self, n_classes: int, n: int, dtype: np.dtype[Any]) -> None:
        self._terms, self._spare = (empty((n_classes, n), dtype) for _ in range(2))
        self._of_target, self._others = np.empty((2, n), dtype)

    def outputs(self, Y: Array) -> list[Call]:
        """None: the loss takes logits."""
        return []

    def delta(self, Y: Array, targets: Targets, step: Step, out: Array) -> list[Call]:
        """The calls that write ``step`` times dl/ds, as the class gives it, into ``out``."""
        terms, others, over_sum, places = self._terms, self._others, self._of_target, targets.places
        exponentials = [*_less_the_largest(Y, self._spare, terms), partial(np.exp, terms, terms)]
        if not targets.one_hot:
            return [
                *exponentials,
                partial(np.add.reduce, terms, out=over_sum),
                partial(np.divide, targets.T.sum(axis=0) * step, over_sum, over_sum),
                partial(np.multiply, terms, over_sum, out),
                partial(np.subtract, out, targets.T * step, out),
            ]
        return [
            *exponentials,
            partial(terms.take, places, out=over_sum, mode="clip"),
            partial(terms.put, places, 0),
            partial(np.add.reduce, terms, out=others),
            partial(np.add, others, over_sum, over_sum),
            partial(np.divide, np.array(step, out.dtype), over_sum, over_sum),  # numpy would convert a number each time
            partial(np.multiply, terms, over_sum, out),
            partial(np.multiply, others, over_sum, others),
            partial(np.negative, others, others),
            partial(out.put, places, others),
        ]

    def losses(self, Y: Array, targets: Targets, of_target: Array | None = None) -> Array:
        """The losses l of the class, (..., n), for logits (..., K, n)."""
        memory, spare, places = of_target, None if of_target is None else Y, targets.places
        with self.state():
            below = np.subtract(Y, Y.max(axis=-2, keepdims=True), spare)
            of_target = at_targets(below, places)
            terms = np.exp(below)
            terms.reshape(_flat(Y))[..., places] = 0
            log_sum: Array = np.log1p(terms.sum(axis=-2) + np.expm1(of_target))
            if targets.one_hot:
                return np.subtract(log_sum, of_target, memory)
            below[..., targets.T == 0] = 0  # it may be infinite, and 0 times that is 0 here
            np.subtract(log_sum[..., np.newaxis, :], below, below)
            np.multiply(below, targets.T, below)
            return np.asarray(np.add.reduce(below, axis=-2, out=memory))


class _ProbabilitiesHead(Head):
    """Softmax and the cross-entropy of its probabilities y, which is minus the sum of t log y."""

    def __init__(self, n_classes: int, n_forward: int, dtype: np.dtype[Any]) -> None:
        self._ones = np.ones((n_classes, n_classes), dtype)
        self._sums = empty((n_classes, n_forward), dtype)

    def outputs(self, Y: Array) -> list[Call]:
        """The calls that turn the logits into probabilities, exp(s_k) / sum_c exp(s_c), in place."""
        # A product with ones sums faster than a reduction does, and gives a row for each class at once.
        sums = partial(self._ones.dot, Y, self._sums)
        return [partial(np.exp, Y, Y), sums, partial(np.divide, Y, self._sums, Y)]

    def delta(self, Y: Array, targets: Targets, step: Step, out: Array) -> list[Call]:
        """The calls that write ``step`` times (y - t) into ``out``; y is multiplied by the sum of the targets."""
        T = targets.T
        if targets.one_hot:
            # Steps are an array, since numpy would convert a number each time.
            return [partial(np.subtract, Y, T, out), partial(np.multiply, out, full(T.shape, step, T.dtype), out)]
        steps = np.repeat(T.sum(axis=0, keepdims=True) * step, len(T), axis=0)
        return [partial(np.multiply, Y, steps, out), partial(np.subtract, out, T * step, out)]

    def losses(self, Y: Array, targets: Targets, of_target: Array | None = None) -> Array:
        """-sum_k t_k log y_k for each sample, (..., n)."""
        memory, spare = of_target, None if of_target is None else Y
        if targets.one_hot:
            losses: Array = np.log(at_targets(Y, targets.places) if of_target is None else of_target, memory)
            return np.subtract(0, losses, out=losses)  # not the negative, which is -0 for a loss of 0
        if not targets.T.all():
            # A class without a share in the target adds 0 times log 1, whatever its probability; that is faster than to
            # leave classes out.
            Y = np.maximum(Y, (targets.T == 0).astype(Y.dtype), out=spare)
        return np.asarray(np.einsum("...kn,kn->...n", np.log(Y, spare), -targets.T, out=memory))

    def breaks(self, Y: Array, targets: Targets, of_target: Array | None = None) -> bool:
        """Whether some t / y, which the loss's delta is made of, is infinite or NaN."""
        largest = np.finfo(Y.dtype).max
        if targets.one_hot:
            if of_target is None:
                of_target = at_targets(Y, targets.places)
            return not of_target.min() * largest >= 1  # written so that it is true for NaN
        return not (Y.min() * largest >= targets.T.max() or (Y * largest >= targets.T).all())


class NaiveHead(_ProbabilitiesHead):
    """The naive softmax and the cross-entropy of its probabilities.

    The loss's delta is -1 / y_t at the target and 0 elsewhere; softmax turns it into y_i (d_i - sum_j d_j y_j), which
    is y - t wherever 1 / y_t is finite. Where it is not, the plain path gives NaN, as the naive softmax should, and y -
    t would hide that: `breaks` tells.
    """

    quiet = False


class StableHead(_ProbabilitiesHead):
    """The stable softmax and the cross-entropy of its probabilities: every logit less the largest, always.

    For one-hot targets the delta at the target is minus the sum of all other probabilities, which does not cancel as
    y_t - 1 does.
    """

    def outputs(self, Y: Array) -> list[Call]:
        """The calls that turn the logits into probabilities, in place."""
        return [*_less_the_largest(Y, self._sums, Y), *super().outputs(Y)]

    def delta(self, Y: Array, targets: Targets, step: Step, out: Array) -> list[Call]:
        """The calls that write ``step`` times y, but minus the sum of the others at the target, into ``out``."""
        if not targets.one_hot:
            return super().delta(Y, targets, step, out)
        at_target = targets.T == 1
        steps = full(out.shape, step, out.dtype)
        steps[at_target] = 0
        sums = empty(out.shape, out.dtype)
        return [
            partial(np.multiply, Y, steps, out),
            partial((-self._ones).dot, out, sums),
            partial(np.putmask, out, at_target, sums),
        ]


def _less_the_largest(Y: Array, spare: Array, out: Array) -> list[Call]:
    """The calls that write each sample's outputs Y (K, n) less the largest of them into ``out``; ``spare`` is (K, n).

    A NaN among them stays NaN.
    """
    if not 1 < len(Y) <= _FEW_CLASSES:
        return [partial(np.maximum.reduce, Y, out=spare[0]), partial(np.subtract, Y, spare[0], out)]
    # Not `numpy.maximum`: its result has to be named by keyword, which takes longer. The copies are worth it, since
    # numpy is faster at a difference of arrays of one shape.
    first = spare[0]
    rows = [partial(np.fmax, first, row, first) for row in Y[2:]]
    return [partial(np.fmax, Y[0], Y[1], first), *rows, copying(spare[1:], first), partial(np.subtract, Y, spare, out)]


def hits(
    Y: Array,
    places: Places,
    of_target: Array | None = None,
    largest: Array | None = None,
    equal: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Whether the target's class is the first of those with the largest output, (..., n), for outputs (..., K, n).

    ``of_target`` is what `at_targets` gives for them, if that is known. ``largest`` (..., n) and ``equal`` (..., K, n)
    are memory to work in.
    """
    largest = np.maximum.reduce(Y, axis=-2, out=largest)
    equal = np.equal(Y, largest[..., np.newaxis, :], equal)
    if np.count_nonzero(equal) > largest.size:  # ties
        return np.asarray(Y.argmax(axis=-2) == places // Y.shape[-1])
    found = np.equal(at_targets(Y, places) if of_target is None else of_target, largest, equal[..., 0, :])
    return np.asarray(found)


def _flat(Y: Array) -> tuple[int, ...]:
    return (*Y.shape[:-2], Y.shape[-2] * Y.shape[-1])


def at_targets(Y: Array, places: Places, out: Array | None = None) -> Array:
    """The output of each sample's class, (..., n), for outputs (..., K, n)."""
    # No place is outside; numpy would check that in a copy.
    taken: Array = Y.reshape(_flat(Y)).take(places, axis=-1, out=out, mode="wrap")
    return taken
