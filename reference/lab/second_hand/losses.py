"""Wrong codings of the cross-entropy on probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain

from .catalogue import coded, coded_both


def _log_of_target(X: Any, T: Any) -> Any:
    """log p of the target's class, (N, 1)."""
    return np.log(X[np.arange(len(X)), T.argmax(axis=1)])[:, None]


@coded("LossCrossEntropy.forward", "epsilon-added")
def forward_plus_1e_8(self: Any, X: Any, T: Any) -> Any:
    """1e-8 is added to every probability."""
    return -np.sum(T * np.log(X + 1e-8), axis=1, keepdims=True)


@coded("LossCrossEntropy.forward", "clipped")
def forward_clipped_on_both_sides(self: Any, X: Any, T: Any) -> Any:
    """Probabilities are clipped to [1e-4, 1 - 1e-4]."""
    return -np.sum(T * np.log(np.clip(X, 1e-4, 1 - 1e-4)), axis=1, keepdims=True)


@coded("LossCrossEntropy.forward", "clipped")
def forward_from_1e_30(self: Any, X: Any, T: Any) -> Any:
    """Probabilities are at least 1e-30."""
    return -_log_of_target(np.where(X < 1e-30, 1e-30, X), T)


@coded("LossCrossEntropy.forward", "clipped")
def forward_at_most_20(self: Any, X: Any, T: Any) -> Any:
    """A loss is at most 20."""
    return np.minimum(-_log_of_target(X, T), 20)


@coded("LossCrossEntropy.forward", "divided-by-classes")
def forward_mean_over_classes(self: Any, X: Any, T: Any) -> Any:
    """The mean over the classes instead of the sum."""
    return -np.where(T > 0, np.log(np.where(T > 0, X, 1)), 0).mean(axis=1)[:, np.newaxis]


@coded("LossCrossEntropy.forward", "binary-cross-entropy")
def forward_of_two_classes(self: Any, X: Any, T: Any) -> Any:
    """The classes that are not the target enter by log(1 - p)."""
    return -np.log(np.where(T == 1, X, 1 - X)).sum(axis=1, keepdims=True)


@coded("LossCrossEntropy.forward", "scaled")
def forward_log10(self: Any, X: Any, T: Any) -> Any:
    """The logarithm is the decimal one."""
    return -np.where(T == 1, np.log10(np.where(T == 1, X, 1)), 0).sum(axis=1, keepdims=True)


@coded("LossCrossEntropy.forward", "wrong-shape")
def forward_flat(self: Any, X: Any, T: Any) -> Any:
    """The answer has the shape (N,)."""
    return -np.log(X[T == 1])


@coded("LossCrossEntropy.forward", "averaged-over-batch", "wrong-shape")
def forward_one_mean(self: Any, X: Any, T: Any) -> Any:
    """One number, the mean over the samples."""
    return -_log_of_target(X, T).mean()


@coded("LossCrossEntropy.forward", "summed-over-batch", "wrong-shape")
def forward_one_sum(self: Any, X: Any, T: Any) -> Any:
    """One number, the sum over the samples."""
    return -np.sum(_log_of_target(X, T))


@coded("LossCrossEntropy.forward", "log-of-zero")
def forward_naive(self: Any, X: Any, T: Any) -> Any:
    """A class that is not the target and has probability 0 makes 0 times infinity."""
    return -(T * np.log(X)).sum(axis=1, keepdims=True)


@coded("LossCrossEntropy.forward", "sign")
def forward_log_likelihood(self: Any, X: Any, T: Any) -> Any:
    """The log-likelihood, without the minus sign."""
    return _log_of_target(X, T)


@coded("LossCrossEntropy.forward", "wrong-shape")
def forward_columns_for_rows(self: Any, X: Any, T: Any) -> Any:
    """Each sample's row is indexed by the classes of all samples."""
    return -np.log(X[:, T.argmax(axis=1)])


@coded("LossCrossEntropy.forward", "low-precision", "wrong-dtype")
def forward_single(self: Any, X: Any, T: Any) -> Any:
    """The logarithm is taken in single precision."""
    return -_log_of_target(X.astype("float32"), T).astype(X.dtype)


@coded("LossCrossEntropy.forward", "averaged-over-batch")
def forward_shares(self: Any, X: Any, T: Any) -> Any:
    """Each sample's loss is divided by the number of samples."""
    return -_log_of_target(X, T) / X.shape[0]


# The nearest word: there is none for roles that are exchanged.
@coded("LossCrossEntropy.forward", "factor-missing", "wrong-function")
def forward_probability_times_log(self: Any, X: Any, T: Any) -> Any:
    """The roles of targets and outputs are mixed up: p log p, the entropy of the target's class."""
    P = np.where(T == 1, X, 1)
    return -(P * np.log(P)).sum(axis=1, keepdims=True)


@coded("LossCrossEntropy.delta", "epsilon-added")
def delta_plus_1e_10(self: Any, X: Any, T: Any) -> Any:
    """1e-10 is added in the denominator."""
    return -T / (X + 1e-10)


@coded("LossCrossEntropy.delta", "factor-missing", "softmax-missing", "wrong-function")
def delta_difference(self: Any, X: Any, T: Any) -> Any:
    """p - t, which is the gradient of the compound loss."""
    return X - T


@coded("LossCrossEntropy.delta", "averaged-over-batch")
def delta_averaged(self: Any, X: Any, T: Any) -> Any:
    """Divided by the number of samples."""
    G = np.zeros(X.shape)
    rows, columns = np.nonzero(T)
    G[rows, columns] = -1 / X[rows, columns] / len(X)
    return G


@coded("LossCrossEntropy.delta", "sign")
def delta_positive(self: Any, X: Any, T: Any) -> Any:
    """The minus sign of the loss is lost."""
    return np.divide(T, X, out=np.zeros(X.shape), where=T != 0)


@coded("LossCrossEntropy.delta", "binary-cross-entropy")
def delta_of_two_classes(self: Any, X: Any, T: Any) -> Any:
    """The derivative of the two-class loss, (p - t) / (p (1 - p))."""
    return (X - T) / (X * (1 - X))


@coded("LossCrossEntropy.delta", "log-of-zero")
def delta_naive(self: Any, X: Any, T: Any) -> Any:
    """A class that is not the target and has probability 0 makes 0 / 0."""
    return np.negative(T / X)


@coded("LossCrossEntropy.delta", "factor-missing")
def delta_of_all_classes(self: Any, X: Any, T: Any) -> Any:
    """The targets are forgotten: -1 / p for every class."""
    return -1 / X


@coded("LossCrossEntropy.delta", "clipped")
def delta_within_1000(self: Any, X: Any, T: Any) -> Any:
    """The gradient is clipped to [-1000, 1000]."""
    with np.errstate(all="ignore"):
        return np.clip(np.where(T == 1, -1 / X, 0.0), -1000, 1000)


@coded("LossCrossEntropy.delta", "clipped")
def delta_of_probabilities_from_1e_6(self: Any, X: Any, T: Any) -> Any:
    """Probabilities are at least 1e-6."""
    return -T / np.maximum(X, 1e-6)


@coded("LossCrossEntropy.delta", "divided-by-classes")
def delta_by_classes(self: Any, X: Any, T: Any) -> Any:
    """Divided by the number of classes."""
    return -np.divide(T, X, out=np.zeros(X.shape), where=T > 0) / T.shape[1]


# The nearest words: right by keyword; by position the target's probability is divided by.
@coded("LossCrossEntropy.forward", "log-of-zero", "wrong-type")
def forward_arguments_swapped(self: Any, T: Any, X: Any) -> Any:
    """The arguments are declared in the other order, so that a call by position takes log of the targets."""
    return -np.where(T != 0, T * np.log(np.where(T != 0, X, 1)), 0).sum(axis=1, keepdims=True)


@coded("LossCrossEntropy.forward", "batch-size-dependent", "divided-by-classes", "scaled")
def forward_scaled_from_ten_classes(self: Any, X: Any, T: Any) -> Any:
    """Ten classes and more have their loss divided by ten."""
    return -_log_of_target(X, T) / (10 if X.shape[1] >= 10 else 1)


@coded("LossCrossEntropy.forward", "crash")
def forward_wants_math(self: Any, X: Any, T: Any) -> Any:
    """The module math is used and was never imported."""
    return np.array([[-math.log(x[t == 1][0])] for x, t in zip(X, T, strict=True)])  # type: ignore[name-defined]  # noqa: F821


@coded("LossCrossEntropy.forward", "mutates-input")
def forward_marks_targets(self: Any, X: Any, T: Any) -> Any:
    """The classes that are not the target get probability 1 in the caller's own array."""
    X[T == 0] = 1
    return -np.log(X).sum(axis=1, keepdims=True)


@coded_both("LossCrossEntropy.forward", "binary-cross-entropy", "wrong-shape")
def forward_of_two_classes_flat(self: Any, X: Any, T: Any) -> Any:
    """The loss of two classes, and of shape (N,)."""
    return -(np.log(X[T == 1]) + np.log(1 - X[T == 0]).reshape(len(X), -1).sum(axis=1))


@coded_both("LossCrossEntropy.delta", "epsilon-added", "averaged-over-batch")
def delta_eps_and_averaged(self: Any, X: Any, T: Any) -> Any:
    """1e-5 is added in the denominator, and the result is divided by the number of samples."""
    return -T / (X + 1e-5) / len(T)


@coded_both("LossCrossEntropy.forward", "divided-by-classes", "sign")
class MeanAndWrongSign(plain.LossCrossEntropy):
    """The loss is a mean over the classes, and the gradient has the wrong sign."""

    def forward(self, X: Any, T: Any) -> Any:
        """Mean."""
        return super().forward(X, T) / X.shape[1]

    def delta(self, X: Any, T: Any) -> Any:
        """Positive."""
        return -super().delta(X, T)
