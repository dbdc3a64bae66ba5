"""Known mistakes in the compound layer, softmax with cross-entropy on logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from reference.lab.mistakes.catalogue import wrong
from reference.lab.mistakes.plain import softmax

_LOSS = "LossCrossEntropyForSoftmaxLogits"


def _losses(X: Any, T: Any) -> Any:
    Z = X - X.max(axis=1, keepdims=True)
    return np.where(T != 0, T * (np.log(np.exp(Z).sum(axis=1, keepdims=True)) - Z), 0).sum(axis=1, keepdims=True)


# forward


@wrong(f"{_LOSS}.forward", "no-shift")
def forward_without_shift(self: Any, X: Any, T: Any) -> Any:
    """How large is exp(1000), and its logarithm on paper?"""
    return np.log(np.exp(X).sum(axis=1, keepdims=True)) - (X * T).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "log-of-zero")
def forward_log_of_softmax(self: Any, X: Any, T: Any) -> Any:
    """The probability of a class a thousand behind is 0 for the computer: must its logarithm go through it?"""
    return -np.where(T != 0, T * np.log(softmax(X)), 0).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "log-of-zero")
def forward_log_of_every_probability(self: Any, X: Any, T: Any) -> Any:
    """What is 0 times log 0 on paper, and what is it for numpy?"""
    return -(T * np.log(softmax(X))).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "epsilon-added")
def forward_with_epsilon(self: Any, X: Any, T: Any) -> Any:
    """How large can the loss become at most with the small number in the logarithm?"""
    return -(T * np.log(softmax(X) + 1e-8)).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "epsilon-added")
def forward_with_smaller_epsilon(self: Any, X: Any, T: Any) -> Any:
    """How large can the loss become at most with the small number in the logarithm?"""
    return -(T * np.log(softmax(X) + 1e-12)).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "clipped")
def forward_clipped(self: Any, X: Any, T: Any) -> Any:
    """How large can the loss become at most with that limit, and how large should it?"""
    return -(T * np.log(np.clip(softmax(X), 1e-15, 1))).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "batch-wide-shift")
def forward_shifted_by_batch_maximum(self: Any, X: Any, T: Any) -> Any:
    """If one sample's logits all lie a thousand below another's, what becomes of every exp of its row?"""
    Z = X - X.max()
    return np.log(np.exp(Z).sum(axis=1, keepdims=True)) - np.where(T != 0, T * Z, 0).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "shift-not-undone")
def forward_shift_not_undone(self: Any, X: Any, T: Any) -> Any:
    """The maximum was taken off in one term of the loss: and in the other?"""
    Z = X - X.max(axis=1, keepdims=True)
    return np.log(np.exp(Z).sum(axis=1, keepdims=True)) - np.where(T != 0, T * X, 0).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "shift-not-undone")
def forward_shift_in_target_alone(self: Any, X: Any, T: Any) -> Any:
    """The maximum was taken off in one term of the loss: and in the other?"""
    m = X.max(axis=1, keepdims=True)
    return (
        m
        + np.log(np.exp(X - m).sum(axis=1, keepdims=True))
        - np.where(T != 0, T * (X - m), 0).sum(axis=1, keepdims=True)
    )


@wrong(f"{_LOSS}.forward", "softmax-missing")
def forward_of_logits_as_probabilities(self: Any, X: Any, T: Any) -> Any:
    """X are logits: may one take their logarithm?"""
    return -np.where(T != 0, T * np.log(np.where(T != 0, X, 1)), 0).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "softmax-missing")
def forward_of_every_logits_logarithm(self: Any, X: Any, T: Any) -> Any:
    """X are logits: may one take their logarithm?"""
    return -(T * np.log(X)).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "batch-wide-shift", "log-of-zero")
def forward_log_of_softmax_shifted_by_batch_maximum(self: Any, X: Any, T: Any) -> Any:
    """If one sample's logits all lie a thousand below another's, what becomes of every exp of its row?"""
    E = np.exp(X - X.max())
    return -(T * np.log(E / E.sum(axis=1, keepdims=True))).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "no-shift", "log-of-zero")
def forward_log_of_softmax_without_shift(self: Any, X: Any, T: Any) -> Any:
    """How large is exp(1000), and what is its share of the sum?"""
    E = np.exp(X)
    return -(T * np.log(E / E.sum(axis=1, keepdims=True))).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "softmax-missing")
def forward_without_normaliser(self: Any, X: Any, T: Any) -> Any:
    """Which term of the loss sees the logits of the other classes?"""
    return -np.where(T != 0, T * X, 0).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "wrong-shape")
def forward_flat(self: Any, X: Any, T: Any) -> Any:
    """A loss for each sample, in a column: which axes has the answer?"""
    return _losses(X, T)[:, 0]


@wrong(f"{_LOSS}.forward", "averaged-over-batch")
def forward_mean(self: Any, X: Any, T: Any) -> Any:
    """One loss for each sample is promised; who takes the mean?"""
    return _losses(X, T).mean()


@wrong(f"{_LOSS}.forward", "summed-over-batch")
def forward_sum(self: Any, X: Any, T: Any) -> Any:
    """One loss for each sample is promised: over which axes does the sum run?"""
    return _losses(X, T).sum()


@wrong(f"{_LOSS}.forward", "divided-by-classes")
def forward_divided_by_classes(self: Any, X: Any, T: Any) -> Any:
    """Is the loss of a sample a sum over the classes, or a mean?"""
    return _losses(X, T) / X.shape[1]


@wrong(f"{_LOSS}.forward", "wrong-axis")
def forward_over_the_batch(self: Any, X: Any, T: Any) -> Any:
    """Each row is a sample: along which axis does the sum of the exponentials run?"""
    return np.where(T != 0, T * (np.log(np.exp(X).sum(axis=0)) - X), 0).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "sign")
def forward_negated(self: Any, X: Any, T: Any) -> Any:
    """A loss is the smaller the better the prediction."""
    return -_losses(X, T)


@wrong(f"{_LOSS}.forward", "binary-cross-entropy")
def forward_binary(self: Any, X: Any, T: Any) -> Any:
    """Do the classes compete, or is each judged for itself by a logistic function?"""
    return (np.logaddexp(0, X) - np.where(T != 0, T * X, 0)).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "binary-cross-entropy")
def forward_binary_of_softmax(self: Any, X: Any, T: Any) -> Any:
    """Which formula has a term (1 - t) log(1 - p), and for how many classes?"""
    P = softmax(X)
    return -(T * np.log(P) + (1 - T) * np.log(1 - P)).sum(axis=1, keepdims=True)


@wrong(f"{_LOSS}.forward", "sample-dependence")
def forward_with_the_first_label(self: Any, X: Any, T: Any) -> Any:
    """Each sample has its own target: whose label is used for all?"""
    return _losses(X, np.repeat(T[:1], len(T), axis=0))


@wrong(f"{_LOSS}.forward", "low-precision")
def forward_in_single_precision(self: Any, X: Any, T: Any) -> Any:
    """About seven digits are right and the rest is not: where does float32 come in?"""
    return _losses(X.astype(np.float32), T.astype(np.float32)).astype(np.float64)


@wrong(f"{_LOSS}.forward", "mutates-input")
def forward_in_place(self: Any, X: Any, T: Any) -> Any:
    """The caller still needs its array: which statement writes into it?"""
    X -= X.max(axis=1, keepdims=True)
    return _losses(X, T)


# delta


@wrong(f"{_LOSS}.delta", "no-shift")
def delta_without_shift(self: Any, X: Any, T: Any) -> Any:
    """How large is exp(1000), and what is infinity divided by infinity?"""
    E = np.exp(X)
    return E / E.sum(axis=1, keepdims=True) - T


@wrong(f"{_LOSS}.delta", "batch-wide-shift")
def delta_shifted_by_batch_maximum(self: Any, X: Any, T: Any) -> Any:
    """If one sample's logits all lie a thousand below another's, what becomes of every exp of its row?"""
    E = np.exp(X - X.max())
    return E / E.sum(axis=1, keepdims=True) - T


@wrong(f"{_LOSS}.delta", "softmax-missing")
def delta_of_logits(self: Any, X: Any, T: Any) -> Any:
    """p - t: which of the two is X?"""
    return X - T


@wrong(f"{_LOSS}.delta", "target-subtracted-twice")
def delta_minus_targets_twice(self: Any, X: Any, T: Any) -> Any:
    """What should the entries of a row of p - t sum to?"""
    return softmax(X) - 2 * T


@wrong(f"{_LOSS}.delta", "term-missing")
def delta_without_targets(self: Any, X: Any, T: Any) -> Any:
    """What should the entries of a row of p - t sum to?"""
    return softmax(X)


@wrong(f"{_LOSS}.delta", "sign")
def delta_negated(self: Any, X: Any, T: Any) -> Any:
    """If the target's logit grows, does the loss grow or shrink?"""
    return T - softmax(X)


@wrong(f"{_LOSS}.delta", "sign")
def delta_plus_targets(self: Any, X: Any, T: Any) -> Any:
    """What should the entries of a row of p - t sum to?"""
    return softmax(X) + T


@wrong(f"{_LOSS}.delta", "averaged-over-batch")
def delta_divides_by_samples(self: Any, X: Any, T: Any) -> Any:
    """delta belongs to each sample alone. Where does the contract divide by the number of samples, and where not?"""
    return (softmax(X) - T) / len(X)


@wrong(f"{_LOSS}.delta", "divided-by-classes")
def delta_divides_by_classes(self: Any, X: Any, T: Any) -> Any:
    """Is the loss of a sample a sum over the classes, or a mean?"""
    return (softmax(X) - T) / X.shape[1]


@wrong(f"{_LOSS}.delta", "wrong-function")
def delta_with_respect_to_probabilities(self: Any, X: Any, T: Any) -> Any:
    """-t / p is the derivative with respect to the probabilities; with respect to what is this one asked for?"""
    return -T / softmax(X)


@wrong(f"{_LOSS}.delta", "wrong-axis")
def delta_over_the_batch(self: Any, X: Any, T: Any) -> Any:
    """Each row is a sample: along which axis do the probabilities of one sample lie?"""
    E = np.exp(X - X.max(axis=0))
    return E / E.sum(axis=0) - T


@wrong(f"{_LOSS}.delta", "binary-cross-entropy")
def delta_logistic(self: Any, X: Any, T: Any) -> Any:
    """Do the classes compete, or is each judged for itself by a logistic function?"""
    return 1 / (1 + np.exp(-X)) - T


@wrong(f"{_LOSS}.delta", "term-missing")
def delta_by_diagonal(self: Any, X: Any, T: Any) -> Any:
    """Does a probability change with the logit of another class?"""
    return -T * (1 - softmax(X))


@wrong(f"{_LOSS}.delta", "clipped")
def delta_clipped(self: Any, X: Any, T: Any) -> Any:
    """Whose work is it to limit a gradient, and does the contract ask for it?"""
    return np.clip(softmax(X) - T, -0.5, 0.5)


@wrong(f"{_LOSS}.delta", "clipped")
def delta_zero_where_confident(self: Any, X: Any, T: Any) -> Any:
    """A small gradient is not zero: what does the sample still have to teach?"""
    P = softmax(X)
    confident = 0.99
    return (P - T) * (P.max(axis=1, keepdims=True) <= confident)


@wrong(f"{_LOSS}.delta", "epsilon-added")
def delta_with_epsilon(self: Any, X: Any, T: Any) -> Any:
    """After the shift the sum is at least 1: what is the small number in the denominator for?"""
    E = np.exp(X - X.max(axis=1, keepdims=True))
    return E / (E.sum(axis=1, keepdims=True) + 1e-8) - T


@wrong(f"{_LOSS}.delta", "low-precision")
def delta_in_single_precision(self: Any, X: Any, T: Any) -> Any:
    """About seven digits are right and the rest is not: where does float32 come in?"""
    return (softmax(X.astype(np.float32)) - T.astype(np.float32)).astype(np.float64)


@wrong(f"{_LOSS}.delta", "finite-differences")
def delta_by_differences(self: Any, X: Any, T: Any) -> Any:
    """Differences of nearby values lose half the digits: the derivative can be written down (assignment 2)."""
    found, h = np.empty(X.shape), 1e-5
    for k in range(X.shape[1]):
        step = h * np.eye(X.shape[1])[k]
        found[:, k] = (_losses(X + step, T) - _losses(X - step, T))[:, 0] / (2 * h)
    return found


@wrong(f"{_LOSS}.delta", "mutates-input")
def delta_in_place(self: Any, X: Any, T: Any) -> Any:
    """The caller still needs its array: which statement writes into it?"""
    X -= X.max(axis=1, keepdims=True)
    return softmax(X) - T


@wrong(f"{_LOSS}.delta", "batch-size-dependent")
def delta_with_squeezed_targets(self: Any, X: Any, T: Any) -> Any:
    """What does an array of one row become when it is squeezed, and what when it is broadcast?"""
    return softmax(X) - (T if len(T) > 1 else T.mean())


@wrong(f"{_LOSS}.delta", "stateful")
class ProbabilitiesFromLastForward(plain.LossCrossEntropyForSoftmaxLogits):
    """All that is needed comes as an argument. Of which batch is the array that was kept?"""

    def forward(self, X: Any, T: Any) -> Any:
        """Right, but remembers."""
        self.P = softmax(X)
        return _losses(X, T)

    def delta(self, X: Any, T: Any) -> Any:
        """Of whatever batch came last."""
        return self.P - T
