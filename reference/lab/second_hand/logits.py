"""Wrong codings of the compound loss on logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain

from .catalogue import coded, coded_both


def _log_sum_exp(X: Any) -> Any:
    """(N, K) -> (N, 1)."""
    M = X.max(axis=1, keepdims=True)
    return M + np.log(np.exp(X - M).sum(axis=1, keepdims=True))


@coded("LossCrossEntropyForSoftmaxLogits.forward", "no-shift")
def forward_overflows(self: Any, X: Any, T: Any) -> Any:
    """The exponentials are taken of the logits as they are."""
    return np.log(np.exp(X).sum(axis=1))[:, None] - X[T == 1][:, None]


@coded("LossCrossEntropyForSoftmaxLogits.forward", "batch-wide-shift", "sample-dependence")
def forward_one_maximum(self: Any, X: Any, T: Any) -> Any:
    """All samples are shifted by the batch's maximum."""
    Z = X - np.max(X)
    return np.log(np.exp(Z).sum(axis=1, keepdims=True)) - (T * Z).sum(axis=1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "shift-not-undone")
def forward_shift_in_one_term(self: Any, X: Any, T: Any) -> Any:
    """The target's logit is not shifted and the sum of the exponentials is."""
    E = np.exp(X - np.max(X, 1, keepdims=True))
    return -np.sum((X - np.log(E.sum(1, keepdims=True))) * T, 1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "epsilon-added")
def forward_eps_in_the_log(self: Any, X: Any, T: Any) -> Any:
    """1e-15 is added to the softmax before the logarithm."""
    return -(T * np.log(plain.softmax(X) + 1e-15)).sum(axis=1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "clipped")
def forward_clips_softmax(self: Any, X: Any, T: Any) -> Any:
    """Probabilities below 1e-8 are lifted to it."""
    P = plain.softmax(X).clip(min=1e-8, max=None)
    return np.where(T == 1, -np.log(P), 0).sum(axis=1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "clipped")
def forward_clips_logits(self: Any, X: Any, T: Any) -> Any:
    """Logits are clipped to [-50, 50]."""
    Z = np.clip(X, -50, 50)
    return _log_sum_exp(Z) - (T * Z).sum(axis=1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "log-of-zero")
def forward_log_of_softmax(self: Any, X: Any, T: Any) -> Any:
    """The logarithm is taken of probabilities that have become 0."""
    return -np.log(plain.softmax(X)[T > 0]).reshape(-1, 1)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "softmax-missing")
def forward_log_of_logits(self: Any, X: Any, T: Any) -> Any:
    """The logarithm is taken of the raw logits."""
    return -(T * np.log(X)).sum(axis=1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "softmax-missing")
def forward_of_raw_logit(self: Any, X: Any, T: Any) -> Any:
    """Only the target's logit is there, and no normalisation."""
    return -np.sum(X * T, axis=1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "averaged-over-batch", "wrong-shape")
def forward_scalar_mean(self: Any, X: Any, T: Any) -> Any:
    """One number, the mean over the samples."""
    return np.mean(_log_sum_exp(X) - X[T == 1][:, None])


@coded("LossCrossEntropyForSoftmaxLogits.forward", "summed-over-batch")
def forward_sum_for_each(self: Any, X: Any, T: Any) -> Any:
    """Every sample gets the sum over all samples."""
    losses = _log_sum_exp(X) - (X * T).sum(axis=1, keepdims=True)
    return np.full_like(losses, losses.sum())


@coded("LossCrossEntropyForSoftmaxLogits.forward", "binary-cross-entropy")
def forward_of_two_classes(self: Any, X: Any, T: Any) -> Any:
    """Each class enters with a softplus of its own, as if each were a sigmoid."""
    return (np.logaddexp(0, X) - X * T).sum(axis=1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "scaled")
def forward_in_bits(self: Any, X: Any, T: Any) -> Any:
    """The loss is counted in bits."""
    return (_log_sum_exp(X) - X[T == 1][:, None]) * np.log2(np.e)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "wrong-axis", "sample-dependence")
def forward_sums_down(self: Any, X: Any, T: Any) -> Any:
    """The normalisation runs over the samples."""
    Z = X - np.max(X, axis=0)
    return -(T * (Z - np.log(np.exp(Z).sum(axis=0)))).sum(axis=1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "low-precision", "wrong-dtype")
def forward_half(self: Any, X: Any, T: Any) -> Any:
    """The shifted logits are rounded to half precision."""
    Z = (X - X.max(axis=1, keepdims=True)).astype(np.float16).astype(X.dtype)
    return np.log(np.exp(Z).sum(axis=1, keepdims=True)) - (T * Z).sum(axis=1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "batch-size-dependent", "averaged-over-batch", "scaled")
def forward_averages_thousands(self: Any, X: Any, T: Any) -> Any:
    """Batches of 1000 samples and more are divided by their size."""
    losses = _log_sum_exp(X) - (X * T).sum(axis=1, keepdims=True)
    return losses / len(X) if len(X) >= 1000 else losses


@coded("LossCrossEntropyForSoftmaxLogits.forward", "sign")
def forward_negative(self: Any, X: Any, T: Any) -> Any:
    """The sign is that of the log-likelihood."""
    return (X * T).sum(axis=1, keepdims=True) - _log_sum_exp(X)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "mutates-input")
def forward_shifts_in_place(self: Any, X: Any, T: Any) -> Any:
    """The caller's logits are shifted."""
    np.subtract(X, X.max(axis=1, keepdims=True), out=X)
    return np.log(np.exp(X).sum(axis=1, keepdims=True)) - (T * X).sum(axis=1, keepdims=True)


@coded("LossCrossEntropyForSoftmaxLogits.forward", "stateful")
class RemembersByFirstLogit(plain.LossCrossEntropyForSoftmaxLogits):
    """Losses are remembered under the first logit and the shape, although other batches begin alike."""

    def __init__(self, name: Any) -> None:
        super().__init__(name)
        self.known: dict[Any, Any] = {}

    def forward(self, X: Any, T: Any) -> Any:
        """From memory."""
        key = (X.shape, float(X[0, 0]))
        if key not in self.known:
            self.known[key] = super().forward(X, T)
        return self.known[key].copy()


@coded("LossCrossEntropyForSoftmaxLogits.delta", "softmax-missing")
def delta_of_raw_logits(self: Any, X: Any, T: Any) -> Any:
    """The logits are used as if they were probabilities."""
    return X - T


@coded("LossCrossEntropyForSoftmaxLogits.delta", "averaged-over-batch")
def delta_averaged(self: Any, X: Any, T: Any) -> Any:
    """Divided by the number of samples."""
    G = plain.softmax(X)
    G[np.arange(len(X)), T.argmax(1)] -= 1
    return G / len(X)


@coded("LossCrossEntropyForSoftmaxLogits.delta", "sign")
def delta_backwards(self: Any, X: Any, T: Any) -> Any:
    """Targets minus probabilities."""
    return T - plain.softmax(X)


@coded("LossCrossEntropyForSoftmaxLogits.delta", "target-subtracted-twice")
def delta_two_targets(self: Any, X: Any, T: Any) -> Any:
    """The target is subtracted by index and once more as an array."""
    G = plain.softmax(X)
    G[T == 1] -= 1
    return G - T


@coded("LossCrossEntropyForSoftmaxLogits.delta", "batch-wide-shift", "sample-dependence")
def delta_one_maximum(self: Any, X: Any, T: Any) -> Any:
    """All samples are shifted by the batch's maximum."""
    E = np.exp(X - np.max(X))
    return -T + E / np.sum(E, axis=1)[:, None]


@coded("LossCrossEntropyForSoftmaxLogits.delta", "no-shift")
def delta_overflows(self: Any, X: Any, T: Any) -> Any:
    """The exponentials are taken of the logits as they are."""
    E = np.exp(X)
    return E / E.sum(axis=1, keepdims=True) - T


@coded("LossCrossEntropyForSoftmaxLogits.delta", "factor-missing", "wrong-function")
def delta_of_target_alone(self: Any, X: Any, T: Any) -> Any:
    """Only the target's class gets a gradient."""
    return (plain.softmax(X) - 1) * T


@coded("LossCrossEntropyForSoftmaxLogits.delta", "factor-missing", "term-missing")
def delta_without_target(self: Any, X: Any, T: Any) -> Any:
    """The targets are never subtracted."""
    return plain.softmax(X) + 0 * T


@coded("LossCrossEntropyForSoftmaxLogits.delta", "sign")
def delta_sign_in_single_precision(self: Any, X: Any, T: Any) -> Any:
    """The sign is wrong for float32 logits."""
    G = plain.softmax(X) - T
    return -G if X.dtype.itemsize == 4 else G


@coded("LossCrossEntropyForSoftmaxLogits.delta", "clipped")
def delta_never_small(self: Any, X: Any, T: Any) -> Any:
    """Probabilities are clipped to [0.001, 0.999]."""
    return np.clip(plain.softmax(X), 0.001, 0.999) - T


@coded("LossCrossEntropyForSoftmaxLogits.delta", "sign", "scaled")
def delta_eleven_classes(self: Any, X: Any, T: Any) -> Any:
    """The sign is wrong for eleven classes and more."""
    return (plain.softmax(X) - T) * (1 if X.shape[1] < 11 else -1)


@coded("LossCrossEntropyForSoftmaxLogits.delta", "low-precision", "wrong-dtype")
def delta_rounded(self: Any, X: Any, T: Any) -> Any:
    """Rounded to six decimals."""
    return np.round(plain.softmax(X) - T, 6)


@coded("LossCrossEntropyForSoftmaxLogits.delta", "crash")
def delta_asks_torch(self: Any, X: Any, T: Any) -> Any:
    """A function of another library is asked of numpy."""
    return np.softmax(X, dim=1) - T  # type: ignore[attr-defined]


@coded_both("LossCrossEntropyForSoftmaxLogits.forward", "divided-by-classes", "wrong-shape")
def forward_mean_over_classes_flat(self: Any, X: Any, T: Any) -> Any:
    """The mean over the classes, and of shape (N,)."""
    return (T * (_log_sum_exp(X) - X)).mean(axis=1)


@coded_both("LossCrossEntropyForSoftmaxLogits.forward", "shift-not-undone", "averaged-over-batch")
def forward_shifted_mean(self: Any, X: Any, T: Any) -> Any:
    """The shift is not made up for, and one mean over the samples is given."""
    E = np.exp(X - X.max(axis=1, keepdims=True))
    return (np.log(E.sum(axis=1)) - (X * T).sum(axis=1)).mean()


@coded_both("LossCrossEntropyForSoftmaxLogits.forward", "epsilon-added", "averaged-over-batch")
class EpsAndAveraged(plain.LossCrossEntropyForSoftmaxLogits):
    """1e-6 is added in the logarithm, and the gradient is divided by the number of samples."""

    def forward(self, X: Any, T: Any) -> Any:
        """With 1e-6."""
        return -np.sum(np.log(plain.softmax(X) + 1e-6) * T, axis=1, keepdims=True)

    def delta(self, X: Any, T: Any) -> Any:
        """Averaged."""
        return super().delta(X, T) / len(X)
