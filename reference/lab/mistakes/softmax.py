"""Known mistakes in the softmax layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from reference.lab.mistakes.catalogue import wrong


def _shifted(X: Any) -> Any:
    return np.exp(X - X.max(axis=1, keepdims=True))


def _normalised(E: Any) -> Any:
    return E / E.sum(axis=1, keepdims=True)


# forward


@wrong("SoftmaxLayer.forward", "no-shift")
def forward_without_shift(self: Any, X: Any) -> Any:
    """How large is exp(1000)? Adding a constant to all logits changes nothing (assignment 2): which one helps?"""
    return _normalised(np.exp(X))


@wrong("SoftmaxLayer.forward", "no-shift")
def forward_shifted_by_mean(self: Any, X: Any) -> Any:
    """After the shift, how large can the largest exponent still be?"""
    return _normalised(np.exp(X - X.mean(axis=1, keepdims=True)))


@wrong("SoftmaxLayer.forward", "no-shift")
def forward_shifted_by_minimum(self: Any, X: Any) -> Any:
    """After the shift, how large can the largest exponent still be?"""
    return _normalised(np.exp(X - X.min(axis=1, keepdims=True)))


@wrong("SoftmaxLayer.forward", "batch-wide-shift")
def forward_shifted_by_batch_maximum(self: Any, X: Any) -> Any:
    """If one sample's logits all lie a thousand below another's, what becomes of every exp of its row?"""
    return _normalised(np.exp(X - X.max()))


@wrong("SoftmaxLayer.forward", "wrong-axis")
def forward_shifted_by_column_maximum(self: Any, X: Any) -> Any:
    """Is it a row's own maximum that is subtracted, the same number from the whole row?"""
    return _normalised(np.exp(X - X.max(axis=0)))


@wrong("SoftmaxLayer.forward", "wrong-axis")
def forward_over_the_batch(self: Any, X: Any) -> Any:
    """Each row is a sample. Along which axis do the probabilities of one sample lie?"""
    E = np.exp(X - X.max(axis=0))
    return E / E.sum(axis=0)


@wrong("SoftmaxLayer.forward", "wrong-axis")
def forward_normalised_over_the_batch(self: Any, X: Any) -> Any:
    """Each row is a sample. Along which axis should the probabilities sum to 1?"""
    E = _shifted(X)
    return E / E.sum(axis=0)


@wrong("SoftmaxLayer.forward", "sample-dependence")
def forward_normalised_over_everything(self: Any, X: Any) -> Any:
    """What should the sum of one sample's probabilities be, and what is the sum of all of them here?"""
    E = np.exp(X - X.max())
    return E / E.sum()


@wrong("SoftmaxLayer.forward", "sample-dependence")
def forward_normalised_over_everything_by_rows(self: Any, X: Any) -> Any:
    """What should the sum of one sample's probabilities be, and what is the sum of all of them here?"""
    E = _shifted(X)
    return E / E.sum()


@wrong("SoftmaxLayer.forward", "wrong-function")
def forward_without_normalisation(self: Any, X: Any) -> Any:
    """What should a row of probabilities sum to?"""
    return _shifted(X)


@wrong("SoftmaxLayer.forward", "epsilon-added")
def forward_with_epsilon(self: Any, X: Any) -> Any:
    """After the shift the sum is at least 1: what is the small number in the denominator for?"""
    E = _shifted(X)
    return E / (E.sum(axis=1, keepdims=True) + 1e-8)


@wrong("SoftmaxLayer.forward", "epsilon-added")
def forward_with_smaller_epsilon(self: Any, X: Any) -> Any:
    """After the shift the sum is at least 1: what is the small number in the denominator for?"""
    E = _shifted(X)
    return E / (E.sum(axis=1, keepdims=True) + 1e-12)


@wrong("SoftmaxLayer.forward", "epsilon-added")
def forward_plus_epsilon(self: Any, X: Any) -> Any:
    """A small number is added to each probability: what do they sum to then?"""
    return _normalised(_shifted(X)) + 1e-10


@wrong("SoftmaxLayer.forward", "clipped")
def forward_clipped(self: Any, X: Any) -> Any:
    """A probability may be as small as it is: who needs it to be larger?"""
    return np.clip(_normalised(_shifted(X)), 1e-7, 1 - 1e-7)


@wrong("SoftmaxLayer.forward", "clipped")
def forward_of_clipped_logits(self: Any, X: Any) -> Any:
    """Two logits beyond the limit become one: what should their probabilities be?"""
    return _normalised(_shifted(np.clip(X, -500, 500)))


@wrong("SoftmaxLayer.forward", "sign")
def forward_of_negated_logits(self: Any, X: Any) -> Any:
    """Which class is the likeliest, that of the largest logit or that of the smallest?"""
    return _normalised(_shifted(-X))


@wrong("SoftmaxLayer.forward", "wrong-function")
def forward_logistic(self: Any, X: Any) -> Any:
    """Do the classes compete, or is each judged for itself?"""
    return 1 / (1 + np.exp(-X))


@wrong("SoftmaxLayer.forward", "scaled")
def forward_to_base_two(self: Any, X: Any) -> Any:
    """Which number is raised to the power of the logits?"""
    return _normalised(np.exp2(X - X.max(axis=1, keepdims=True)))


@wrong("SoftmaxLayer.forward", "shift-not-undone")
def forward_shift_in_numerator_alone(self: Any, X: Any) -> Any:
    """A fraction keeps its value if numerator and denominator are divided by the same number: are they?"""
    return _shifted(X) / np.exp(X).sum(axis=1, keepdims=True)


@wrong("SoftmaxLayer.forward", "low-precision")
def forward_in_single_precision(self: Any, X: Any) -> Any:
    """About seven digits are right and the rest is not: where does float32 come in?"""
    return _normalised(_shifted(X.astype(np.float32))).astype(np.float64)


@wrong("SoftmaxLayer.forward", "low-precision")
def forward_rounded(self: Any, X: Any) -> Any:
    """Who needs the probabilities rounded?"""
    return np.round(_normalised(_shifted(X)), 8)


@wrong("SoftmaxLayer.forward", "mutates-input")
def forward_in_place(self: Any, X: Any) -> Any:
    """The caller still needs its array: which statement writes into it?"""
    X -= X.max(axis=1, keepdims=True)
    return _normalised(np.exp(X))


@wrong("SoftmaxLayer.forward", "batch-size-dependent")
def forward_flattens_a_single_sample(self: Any, X: Any) -> Any:
    """What does a batch of one sample look like after `squeeze`?"""
    E = np.exp(np.squeeze(X) - X.max()) if len(X) == 1 else _shifted(X)
    return (E / (len(X) * np.ones(1) if len(X) == 1 else E.sum(axis=1, keepdims=True))).reshape(X.shape)


# delta


@wrong("SoftmaxLayer.delta", "jacobian-diagonal-only")
def delta_diagonal(self: Any, Y: Any, delta_next: Any) -> Any:
    """Does a probability change with the logit of another class?"""
    return delta_next * Y * (1 - Y)


@wrong("SoftmaxLayer.delta", "factor-missing")
def delta_without_probabilities(self: Any, Y: Any, delta_next: Any) -> Any:
    """Differentiate the fraction again: which factor has every entry of the Jacobian matrix?"""
    return delta_next - (delta_next * Y).sum(axis=1, keepdims=True)


@wrong("SoftmaxLayer.delta", "term-missing")
def delta_numerator_alone(self: Any, Y: Any, delta_next: Any) -> Any:
    """The denominator depends on the logits too."""
    return delta_next * Y


@wrong("SoftmaxLayer.delta", "sign")
def delta_negated(self: Any, Y: Any, delta_next: Any) -> Any:
    """If a class's logit grows, does its probability grow or shrink?"""
    return -Y * (delta_next - (delta_next * Y).sum(axis=1, keepdims=True))


@wrong("SoftmaxLayer.delta", "sign")
def delta_plus_mean(self: Any, Y: Any, delta_next: Any) -> Any:
    """If another class's logit grows, does this one's probability grow or shrink?"""
    return Y * (delta_next + (delta_next * Y).sum(axis=1, keepdims=True))


@wrong("SoftmaxLayer.delta", "delta-next-ignored")
def delta_of_ones(self: Any, Y: Any, delta_next: Any) -> Any:
    """The chain rule is a product: what has the layer after this one to say?"""
    return Y * (1 - Y)


@wrong("SoftmaxLayer.delta", "factor-missing")
def delta_passes_through(self: Any, Y: Any, delta_next: Any) -> Any:
    """The chain rule is a product: what has this layer's Jacobian matrix to say?"""
    return delta_next + 0


@wrong("SoftmaxLayer.delta", "wrong-axis")
def delta_summed_over_batch(self: Any, Y: Any, delta_next: Any) -> Any:
    """The sum runs over the classes of one sample: along which axis do they lie?"""
    return Y * (delta_next - (delta_next * Y).sum(axis=0, keepdims=True))


@wrong("SoftmaxLayer.delta", "sample-dependence")
def delta_summed_over_everything(self: Any, Y: Any, delta_next: Any) -> Any:
    """The sum runs over the classes of one sample: over what does it run here?"""
    return Y * (delta_next - (delta_next * Y).sum())


@wrong("SoftmaxLayer.delta", "averaged-over-batch")
def delta_divides_by_samples(self: Any, Y: Any, delta_next: Any) -> Any:
    """delta belongs to each sample alone. Where does the contract divide by the number of samples, and where not?"""
    return Y * (delta_next - (delta_next * Y).sum(axis=1, keepdims=True)) / len(Y)


@wrong("SoftmaxLayer.delta", "divided-by-classes")
def delta_subtracts_mean(self: Any, Y: Any, delta_next: Any) -> Any:
    """The probabilities are the weights of that average: is it divided once more?"""
    return Y * (delta_next - (delta_next * Y).mean(axis=1, keepdims=True))


@wrong("SoftmaxLayer.delta", "factor-missing")
def delta_subtracts_plain_sum(self: Any, Y: Any, delta_next: Any) -> Any:
    """In the sum over the classes, which factor stands beside delta_next?"""
    return Y * (delta_next - delta_next.sum(axis=1, keepdims=True))


@wrong("SoftmaxLayer.delta", "wrong-function")
def delta_applies_softmax_again(self: Any, Y: Any, delta_next: Any) -> Any:
    """Y are the layer's outputs already: is softmax due once more?"""
    P = _normalised(np.exp(Y))
    return P * (delta_next - (delta_next * P).sum(axis=1, keepdims=True))


@wrong("SoftmaxLayer.delta", "epsilon-added")
def delta_with_epsilon(self: Any, Y: Any, delta_next: Any) -> Any:
    """What is the small number for, where nothing is divided and no logarithm taken?"""
    P = Y + 1e-8
    return P * (delta_next - (delta_next * P).sum(axis=1, keepdims=True))


@wrong("SoftmaxLayer.delta", "low-precision")
def delta_in_single_precision(self: Any, Y: Any, delta_next: Any) -> Any:
    """About seven digits are right and the rest is not: where does float32 come in?"""
    P, d = Y.astype(np.float32), delta_next.astype(np.float32)
    return (P * (d - (d * P).sum(axis=1, keepdims=True))).astype(np.float64)


@wrong("SoftmaxLayer.delta", "mutates-input")
def delta_in_place(self: Any, Y: Any, delta_next: Any) -> Any:
    """The caller still needs its array: which statement writes into it?"""
    delta_next -= (delta_next * Y).sum(axis=1, keepdims=True)
    return Y * delta_next


@wrong("SoftmaxLayer.delta", "finite-differences")
def delta_by_differences(self: Any, Y: Any, delta_next: Any) -> Any:
    """Differences of nearby values lose half the digits: the Jacobian matrix can be written down."""
    S, h = np.log(Y), 1e-6
    found = np.empty(Y.shape)
    for k in range(Y.shape[1]):
        step = h * np.eye(Y.shape[1])[k]
        ahead, behind = _normalised(np.exp(S + step)), _normalised(np.exp(S - step))
        found[:, k] = (delta_next * (ahead - behind)).sum(axis=1) / (2 * h)
    return found


@wrong("SoftmaxLayer.delta", "stateful")
class OutputsFromLastForward(plain.SoftmaxLayer):
    """All that is needed comes as an argument. Of which batch is the array that was kept?"""

    def forward(self, X: Any) -> Any:
        """Right, but remembers."""
        self.Y = _normalised(_shifted(X))
        return self.Y.copy()

    def delta(self, Y: Any, delta_next: Any) -> Any:
        """Of whatever batch came last."""
        return self.Y * (delta_next - (delta_next * self.Y).sum(axis=1, keepdims=True))
