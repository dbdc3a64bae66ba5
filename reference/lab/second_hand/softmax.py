"""Wrong codings of the softmax layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain

from .catalogue import coded, coded_both


@coded("SoftmaxLayer.forward", "no-shift")
def forward_of_the_book(self: Any, X: Any) -> Any:
    """The formula as it is printed, which overflows for large logits."""
    return np.exp(X) / np.sum(np.exp(X), axis=1)[:, None]


@coded("SoftmaxLayer.forward", "batch-wide-shift", "sample-dependence")
def forward_shifts_by_one_maximum(self: Any, X: Any) -> Any:
    """The maximum of the whole batch is subtracted, so that samples far below it become 0 / 0."""
    E = np.exp(X - np.amax(X))
    return E / E.sum(axis=1, keepdims=True)


# The nearest word: there is a shift, but not by the maximum.
@coded("SoftmaxLayer.forward", "no-shift")
def forward_shifts_by_mean(self: Any, X: Any) -> Any:
    """The mean of the logits is subtracted instead of their maximum, so that large ones still overflow."""
    E = np.exp(X - X.mean(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


@coded("SoftmaxLayer.forward", "wrong-axis", "sample-dependence")
def forward_normalised_down(self: Any, X: Any) -> Any:
    """Each class is normalised over the samples."""
    E = np.exp(X - X.max(axis=0))
    return E / E.sum(axis=0)


@coded("SoftmaxLayer.forward", "wrong-axis", "shift-not-undone", "sample-dependence")
def forward_maximum_down(self: Any, X: Any) -> Any:
    """Each class is shifted by its own maximum over the samples, which does not cancel."""
    E = np.exp(X - np.max(X, axis=0, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


@coded("SoftmaxLayer.forward", "wrong-axis", "sample-dependence")
def forward_normalised_by_everything(self: Any, X: Any) -> Any:
    """The sum runs over the whole batch."""
    E = np.exp(X - X.max(axis=1, keepdims=True))
    return E / np.sum(E)


@coded("SoftmaxLayer.forward", "epsilon-added")
def forward_eps_in_the_sum(self: Any, X: Any) -> Any:
    """A small number is added to the denominator, which cannot be zero anyway."""
    E = np.exp(X - X.max(axis=1, keepdims=True))
    return E / (E.sum(axis=1, keepdims=True) + 1e-7)


@coded("SoftmaxLayer.forward", "clipped")
def forward_never_below_1e_12(self: Any, X: Any) -> Any:
    """Probabilities are at least 1e-12."""
    return np.maximum(plain.softmax(X), 1e-12)


@coded("SoftmaxLayer.forward", "clipped")
def forward_logits_within_100(self: Any, X: Any) -> Any:
    """Logits are clipped to [-100, 100] against overflow."""
    E = np.exp(np.clip(X, -100, 100))
    return E / E.sum(axis=1, keepdims=True)


@coded("SoftmaxLayer.forward", "low-precision", "wrong-dtype")
def forward_in_half_precision(self: Any, X: Any) -> Any:
    """The exponentials are rounded to half precision."""
    E = np.exp(X - X.max(axis=1, keepdims=True)).astype(np.float16).astype(X.dtype)
    return E / E.sum(axis=1, keepdims=True)


@coded("SoftmaxLayer.forward", "low-precision")
def forward_allocates_single(self: Any, X: Any) -> Any:
    """The answer is collected row by row in a float32 array, and cast back."""
    P = np.zeros(X.shape, np.float32)
    for n in range(len(X)):
        E = np.exp(X[n] - X[n].max())
        P[n] = E / E.sum()
    return P.astype(X.dtype)


@coded("SoftmaxLayer.forward", "mutates-input")
def forward_shifts_in_place(self: Any, X: Any) -> Any:
    """The maximum is subtracted from the caller's array."""
    X -= X.max(axis=1, keepdims=True)
    E = np.exp(X)
    return E / E.sum(axis=1, keepdims=True)


@coded("SoftmaxLayer.forward", "batch-size-dependent")
def forward_64_samples(self: Any, X: Any) -> Any:
    """From the 64th sample on nothing is normalised."""
    E = np.exp(X - X.max(axis=1, keepdims=True))
    E[:64] /= E[:64].sum(axis=1, keepdims=True)
    return E


# The nearest words; there is none for a number of classes.
@coded("SoftmaxLayer.forward", "wrong-axis", "batch-size-dependent", "scaled")
def forward_ten_classes(self: Any, X: Any) -> Any:
    """The sum takes the first ten classes alone."""
    E = np.exp(X - X.max(axis=1, keepdims=True))
    return E / E[:, :10].sum(axis=1, keepdims=True)


@coded("SoftmaxLayer.delta", "jacobian-diagonal-only")
def delta_like_a_sigmoid(self: Any, Y: Any, delta_next: Any) -> Any:
    """The derivative of a sigmoid, which is the diagonal of the Jacobian."""
    return delta_next * Y * (1 - Y)


@coded("SoftmaxLayer.delta", "sample-dependence")
def delta_of_first_jacobian(self: Any, Y: Any, delta_next: Any) -> Any:
    """The Jacobian of the first sample is used for all."""
    J = np.diag(Y[0]) - np.outer(Y[0], Y[0])
    return delta_next @ J


@coded("SoftmaxLayer.delta", "sample-dependence")
def delta_of_mean_jacobian(self: Any, Y: Any, delta_next: Any) -> Any:
    """The Jacobian is averaged over the batch before it is applied."""
    J = np.mean([np.diag(y) - np.outer(y, y) for y in Y], axis=0)
    return delta_next.dot(J)


@coded("SoftmaxLayer.delta", "divided-by-classes")
def delta_mean_over_classes(self: Any, Y: Any, delta_next: Any) -> Any:
    """The mean over the classes stands where the sum is due."""
    return Y * (delta_next - np.mean(Y * delta_next, axis=1, keepdims=True))


@coded("SoftmaxLayer.delta", "sign")
def delta_negative(self: Any, Y: Any, delta_next: Any) -> Any:
    """The Jacobian has the wrong sign."""
    return np.stack([(np.outer(y, y) - np.diag(y)) @ d for y, d in zip(Y, delta_next, strict=True)])


@coded("SoftmaxLayer.delta", "wrong-axis", "sample-dependence")
def delta_sums_down(self: Any, Y: Any, delta_next: Any) -> Any:
    """The sum runs over the samples."""
    return Y * (delta_next - (Y * delta_next).sum(axis=0, keepdims=True))


@coded("SoftmaxLayer.delta", "factor-missing")
def delta_without_outer_factor(self: Any, Y: Any, delta_next: Any) -> Any:
    """The probability in front of the bracket is missing."""
    return delta_next - (Y * delta_next).sum(axis=1, keepdims=True)


@coded("SoftmaxLayer.delta", "delta-next-ignored")
def delta_is_row_sum_of_squares(self: Any, Y: Any, delta_next: Any) -> Any:
    """Only the derivative of the softmax, without the next layer's gradient."""
    return Y * (1 - Y)


@coded("SoftmaxLayer.delta", "finite-differences")
def delta_by_differences(self: Any, Y: Any, delta_next: Any) -> Any:
    """Each derivative is a difference quotient of step 1e-6."""
    Z, out = np.log(np.maximum(Y, 1e-300)), np.empty(Y.shape)
    for k in range(Y.shape[1]):
        moved = Z.copy()
        moved[:, k] += 1e-6
        out[:, k] = ((plain.softmax(moved) - plain.softmax(Z)) / 1e-6 * delta_next).sum(axis=1)
    return out


@coded("SoftmaxLayer.delta", "stateful", "crash")
class DeltaOfRememberedOutput(plain.SoftmaxLayer):
    """The Jacobian is made of the output that forward has kept, not of the one that is given."""

    def forward(self, X: Any) -> Any:
        """Keeps the output."""
        self.out = plain.softmax(X)
        return self.out.copy()

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """Of the kept output."""
        return super().delta(self.out, delta_next)


@coded("SoftmaxLayer.delta", "averaged-over-batch")
def delta_averaged(self: Any, Y: Any, delta_next: Any) -> Any:
    """Divided by the number of samples."""
    return Y * (delta_next - (Y * delta_next).sum(axis=1, keepdims=True)) / len(Y)


@coded("SoftmaxLayer.delta", "crash")
def delta_transposed_product(self: Any, Y: Any, delta_next: Any) -> Any:
    """The batch is taken for one vector, so that the product fails."""
    return delta_next @ (np.diagflat(Y) - np.outer(Y, Y))


@coded_both("SoftmaxLayer.forward", "batch-wide-shift", "epsilon-added")
def forward_batch_maximum_and_eps(self: Any, X: Any) -> Any:
    """The maximum of the batch is subtracted, and 1e-5 is added to the sum."""
    E = np.exp(X - X.max())
    return E / (1e-5 + E.sum(axis=1, keepdims=True))


@coded_both("SoftmaxLayer.forward", "no-shift", "jacobian-diagonal-only")
class NaiveSigmoidLike(plain.SoftmaxLayer):
    """Forward is not shifted, and the gradient is that of a sigmoid."""

    def forward(self, X: Any) -> Any:
        """Not shifted."""
        E = np.exp(X)
        return E / E.sum(axis=1, keepdims=True)

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """The diagonal."""
        return (Y - Y**2) * delta_next
