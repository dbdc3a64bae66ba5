"""Known mistakes in cross-entropy on probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from reference.lab.mistakes.catalogue import wrong


def _surprise(X: Any, T: Any) -> Any:
    return -np.where(T != 0, T * np.log(np.where(T != 0, X, 1)), 0)


# forward


@wrong("LossCrossEntropy.forward", "log-of-zero")
def forward_takes_every_logarithm(self: Any, X: Any, T: Any) -> Any:
    """What is 0 times log 0 on paper, and what is it for numpy?"""
    return -(T * np.log(X)).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "epsilon-added")
def forward_with_epsilon(self: Any, X: Any, T: Any) -> Any:
    """What does the small number do to the loss of a target with a probability of 1e-20, or of 1?"""
    return -(T * np.log(X + 1e-8)).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "epsilon-added")
def forward_with_smaller_epsilon(self: Any, X: Any, T: Any) -> Any:
    """What does the small number do to the loss of a target with a probability of 1e-20, or of 1?"""
    return -(T * np.log(X + 1e-12)).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "clipped")
def forward_clipped(self: Any, X: Any, T: Any) -> Any:
    """How large can the loss become at most with that limit, and how large should it?"""
    return -(T * np.log(np.clip(X, 1e-12, 1))).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "clipped")
def forward_clipped_on_both_sides(self: Any, X: Any, T: Any) -> Any:
    """How large can the loss become at most with these limits, and how small?"""
    return -(T * np.log(np.clip(X, 1e-15, 1 - 1e-15))).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "wrong-shape")
def forward_flat(self: Any, X: Any, T: Any) -> Any:
    """A loss for each sample, in a column: which axes has the answer?"""
    return _surprise(X, T).sum(axis=1)


@wrong("LossCrossEntropy.forward", "averaged-over-batch")
def forward_mean(self: Any, X: Any, T: Any) -> Any:
    """One loss for each sample is promised; who takes the mean?"""
    return _surprise(X, T).sum(axis=1).mean()


@wrong("LossCrossEntropy.forward", "summed-over-batch")
def forward_sum(self: Any, X: Any, T: Any) -> Any:
    """One loss for each sample is promised: over which axes does the sum run?"""
    return _surprise(X, T).sum()


@wrong("LossCrossEntropy.forward", "averaged-over-batch")
def forward_divided_by_samples(self: Any, X: Any, T: Any) -> Any:
    """One loss for each sample is promised; who takes the mean?"""
    return _surprise(X, T).sum(axis=1, keepdims=True) / len(X)


@wrong("LossCrossEntropy.forward", "divided-by-classes")
def forward_divided_by_classes(self: Any, X: Any, T: Any) -> Any:
    """Is the loss of a sample a sum over the classes, or a mean?"""
    return _surprise(X, T).mean(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "wrong-axis")
def forward_summed_over_samples(self: Any, X: Any, T: Any) -> Any:
    """A loss for each sample: which axis is summed away?"""
    return _surprise(X, T).sum(axis=0, keepdims=True).T


@wrong("LossCrossEntropy.forward", "binary-cross-entropy")
def forward_binary(self: Any, X: Any, T: Any) -> Any:
    """Which formula has a term (1 - t) log(1 - p), and for how many classes?"""
    return -(T * np.log(X) + (1 - T) * np.log(1 - X)).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "sign")
def forward_negated(self: Any, X: Any, T: Any) -> Any:
    """A loss is the smaller the better the prediction: what sign has log p?"""
    return -_surprise(X, T).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "factor-missing")
def forward_of_all_classes(self: Any, X: Any, T: Any) -> Any:
    """Which classes have a say in the loss of a sample?"""
    return -np.log(X).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "wrong-function")
def forward_weighs_by_probability(self: Any, X: Any, T: Any) -> Any:
    """Which of the two distributions stands in front of the logarithm?"""
    return -(X * np.log(X)).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "wrong-function")
def forward_weighs_the_target_by_its_probability(self: Any, X: Any, T: Any) -> Any:
    """Which of the two distributions stands in front of the logarithm?"""
    return -np.where(T != 0, X * np.log(np.where(T != 0, X, 1)), 0).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "scaled")
def forward_in_bits(self: Any, X: Any, T: Any) -> Any:
    """To which base is the logarithm of the definition?"""
    return _surprise(X, T).sum(axis=1, keepdims=True) / np.log(2)


@wrong("LossCrossEntropy.forward", "sample-dependence")
def forward_with_the_first_label(self: Any, X: Any, T: Any) -> Any:
    """Each sample has its own target: whose label is used for all?"""
    return -np.log(X[:, T[0].argmax()])[:, None]


@wrong("LossCrossEntropy.forward", "wrong-function")
def forward_applies_softmax_again(self: Any, X: Any, T: Any) -> Any:
    """X are probabilities already: is softmax due once more?"""
    return _surprise(np.exp(X) / np.exp(X).sum(axis=1, keepdims=True), T).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "wrong-function")
def forward_squared_error(self: Any, X: Any, T: Any) -> Any:
    """Which loss is it that squares differences?"""
    return ((X - T) ** 2).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "arguments-swapped")
def forward_of_the_targets_logarithm(self: Any, X: Any, T: Any) -> Any:
    """Which of the two distributions stands in front of the logarithm, and which inside?"""
    return -(X * np.log(np.where(T > 0, T, 1e-12))).sum(axis=1, keepdims=True)


@wrong("LossCrossEntropy.forward", "low-precision")
def forward_in_single_precision(self: Any, X: Any, T: Any) -> Any:
    """About seven digits are right and the rest is not: where does float32 come in?"""
    return _surprise(X.astype(np.float32), T.astype(np.float32)).sum(axis=1, keepdims=True).astype(np.float64)


@wrong("LossCrossEntropy.forward", "mutates-input")
def forward_in_place(self: Any, X: Any, T: Any) -> Any:
    """The caller still needs its array: which statement writes into it?"""
    X[T == 0] = 1
    return -np.log(X).sum(axis=1, keepdims=True)


# delta


@wrong("LossCrossEntropy.delta", "log-of-zero")
def delta_divides_by_zero(self: Any, X: Any, T: Any) -> Any:
    """A class that is no target adds nothing to the loss: what is 0 / 0 for numpy?"""
    return -T / X


@wrong("LossCrossEntropy.delta", "epsilon-added")
def delta_with_epsilon(self: Any, X: Any, T: Any) -> Any:
    """What does the small number do to the gradient where the target has a probability of 1e-20?"""
    return -T / (X + 1e-8)


@wrong("LossCrossEntropy.delta", "epsilon-added")
def delta_with_smaller_epsilon(self: Any, X: Any, T: Any) -> Any:
    """What does the small number do to the gradient where the target has a probability of 1e-20?"""
    return -T / (X + 1e-12)


@wrong("LossCrossEntropy.delta", "clipped")
def delta_clipped(self: Any, X: Any, T: Any) -> Any:
    """How large can the gradient become at most with that limit, and how large should it?"""
    return -T / np.clip(X, 1e-12, 1)


@wrong("LossCrossEntropy.delta", "sign")
def delta_negated(self: Any, X: Any, T: Any) -> Any:
    """If the target's probability grows, does the loss grow or shrink?"""
    return np.where(T != 0, T / np.where(T != 0, X, 1), 0)


@wrong("LossCrossEntropy.delta", "averaged-over-batch")
def delta_divides_by_samples(self: Any, X: Any, T: Any) -> Any:
    """delta belongs to each sample alone. Where does the contract divide by the number of samples, and where not?"""
    return -np.where(T != 0, T / np.where(T != 0, X, 1), 0) / len(X)


@wrong("LossCrossEntropy.delta", "divided-by-classes")
def delta_divides_by_classes(self: Any, X: Any, T: Any) -> Any:
    """Is the loss of a sample a sum over the classes, or a mean?"""
    return -np.where(T != 0, T / np.where(T != 0, X, 1), 0) / X.shape[1]


@wrong("LossCrossEntropy.delta", "wrong-function")
def delta_of_the_compound_layer(self: Any, X: Any, T: Any) -> Any:
    """p - t is the derivative with respect to the logits; with respect to what is this one asked for?"""
    return X - T


@wrong("LossCrossEntropy.delta", "factor-missing")
def delta_of_all_classes(self: Any, X: Any, T: Any) -> Any:
    """Which classes have a say in the loss of a sample?"""
    return -1 / X


@wrong("LossCrossEntropy.delta", "factor-missing")
def delta_without_division(self: Any, X: Any, T: Any) -> Any:
    """What is the derivative of log p?"""
    return -T * 1.0


@wrong("LossCrossEntropy.delta", "binary-cross-entropy")
def delta_binary(self: Any, X: Any, T: Any) -> Any:
    """Which formula has a term (1 - t) log(1 - p), and for how many classes?"""
    return -T / X + (1 - T) / (1 - X)


@wrong("LossCrossEntropy.delta", "low-precision")
def delta_in_single_precision(self: Any, X: Any, T: Any) -> Any:
    """About seven digits are right and the rest is not: where does float32 come in?"""
    return -np.where(T != 0, T / np.where(T != 0, X, 1), 0).astype(np.float32).astype(np.float64)


@wrong("LossCrossEntropy.delta", "finite-differences")
def delta_by_differences(self: Any, X: Any, T: Any) -> Any:
    """Differences of nearby values lose half the digits: the derivative of a logarithm can be written down."""
    return (_surprise(X * (1 + 1e-6), T) - _surprise(X * (1 - 1e-6), T)) / (2e-6 * X)


@wrong("LossCrossEntropy.delta", "stateful")
class TargetsFromLastForward(plain.LossCrossEntropy):
    """All that is needed comes as an argument. Of which batch is the array that was kept?"""

    def forward(self, X: Any, T: Any) -> Any:
        """Right, but remembers."""
        self.T = T.copy()
        return _surprise(X, T).sum(axis=1, keepdims=True)

    def delta(self, X: Any, T: Any) -> Any:
        """Of whatever batch came last."""
        return -np.where(self.T != 0, self.T / np.where(self.T != 0, X, 1), 0)
