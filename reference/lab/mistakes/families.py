"""Wrong formulas with a constant, by subject: an epsilon or a limit inside the formula, a slope, a threshold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference.lab.mistakes.departures import Array, Departure, Family, sums

_LOSS = "LossCrossEntropyForSoftmaxLogits"
#: By subject.
FAMILIES: dict[str, list[Family]] = {}


def _family(
    subject: str, name: str, word: str, *further: str, low: float = 1e-320, high: float = 1.0, signed: bool = False
) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Enter a formula of the constant and what is given; its docstring is the hint."""

    def enter(formula: Callable[..., Array]) -> Callable[..., Array]:
        hint = " ".join((formula.__doc__ or "").split())

        def make(c: float) -> Departure:
            return Departure(
                word, hint, lambda _: lambda given: (formula(c, **given),), {name: repr(c)}, further, specific=True
            )

        FAMILIES.setdefault(subject, []).append(Family(name, make, low, high, signed))
        return formula

    return enter


def _shifted(X: Array) -> Array:
    return np.asarray(np.exp(X - X.max(axis=1, keepdims=True)))


def _softmax(X: Array) -> Array:
    E = _shifted(X)
    return np.asarray(E / E.sum(axis=1, keepdims=True))


# ReLU


@_family("ReLULayer.forward", "slope", "leaky", high=100.0, signed=True)
def _relu_slope(c: float, X: Array) -> Array:
    """What does the definition say of negative inputs, exactly?"""
    return np.where(X > 0, X, c * X)


@_family("ReLULayer.forward", "slope", "leaky", high=100.0)
def _relu_exponential(c: float, X: Array) -> Array:
    """What does the definition say of negative inputs, exactly?"""
    return np.where(X > 0, X, c * np.expm1(np.minimum(X, 0)))


@_family("ReLULayer.forward", "slope", "leaky", high=100.0)
def _relu_exponential_less_one(c: float, X: Array) -> Array:
    """What does the definition say of negative inputs, exactly?"""
    return np.where(X > 0, X, c * (np.exp(X) - 1))


@_family("ReLULayer.forward", "threshold", "mask-wrong-threshold", high=1e6, signed=True)
def _relu_beyond(c: float, X: Array) -> Array:
    """From which input on does the unit pass it, and how much of it?"""
    return np.maximum(X - c, 0)


@_family("ReLULayer.forward", "threshold", "mask-wrong-threshold", high=1e6, signed=True)
def _relu_at_least(c: float, X: Array) -> Array:
    """Which is the smallest output that the definition allows?"""
    return np.maximum(X, c)


@_family("ReLULayer.delta", "epsilon", "epsilon-added")
def _relu_delta_of_a_quotient(c: float, Y: Array, delta_next: Array) -> Array:
    """Is the mask 1 where the unit was on, or only nearly?"""
    return delta_next * (Y / (Y + c))


@_family("ReLULayer.delta", "epsilon", "epsilon-added")
def _relu_delta_of_a_root(c: float, Y: Array, delta_next: Array) -> Array:
    """Is the mask 1 where the unit was on, or only nearly?"""
    return delta_next * (Y / np.sqrt(Y**2 + c))


@_family("ReLULayer.delta", "steepness", "wrong-function", high=1e9)
def _relu_delta_of_a_soft_mask(c: float, Y: Array, delta_next: Array) -> Array:
    """Is the mask 1 where the unit was on, or only nearly?"""
    return delta_next * np.tanh(c * Y)


@_family("ReLULayer.delta", "slope", "leaky", high=100.0, signed=True)
def _relu_delta_slope(c: float, Y: Array, delta_next: Array) -> Array:
    """What is the slope of the definition left of 0, exactly?"""
    return delta_next * np.where(Y > 0, 1, c)


# softmax


@_family("SoftmaxLayer.forward", "epsilon", "epsilon-added")
def _softmax_epsilon(c: float, X: Array) -> Array:
    """After the shift the sum is at least 1: what is the small number in the denominator for?"""
    E = _shifted(X)
    return np.asarray(E / (sums(E) + c))


@_family("SoftmaxLayer.forward", "epsilon", "epsilon-added")
def _softmax_epsilon_everywhere(c: float, X: Array) -> Array:
    """A small number is added to each exponential: what becomes of small probabilities?"""
    E = _shifted(X) + c
    return np.asarray(E / sums(E))


@_family("SoftmaxLayer.forward", "epsilon", "epsilon-added")
def _softmax_epsilon_in_both(c: float, X: Array) -> Array:
    """A small number is added above and below the fraction: what becomes of small probabilities?"""
    E = _shifted(X)
    return np.asarray((E + c) / (sums(E) + c))


def _add_shifted(words: tuple[str, ...], shift: Callable[[Array], Array]) -> None:
    """Enter the epsilon in the denominator, with logits that are shifted wrongly besides."""

    @_family("SoftmaxLayer.forward", "epsilon", *words)
    def _(c: float, X: Array) -> Array:
        """What is taken off the logits, and what is the small number in the denominator for?"""
        E = np.exp(X - shift(X))
        return np.asarray(E / (sums(E) + c))

    @_family(f"{_LOSS}.forward", "epsilon", *words)
    def _in_the_logarithm(c: float, X: Array, T: Array) -> Array:
        """What is taken off the logits, and what is the small number in the logarithm for?"""
        E = np.exp(X - shift(X))
        return sums(-T * np.log(E / sums(E) + c))

    @_family(f"{_LOSS}.delta", "epsilon", *words)
    def _in_the_gradient(c: float, X: Array, T: Array) -> Array:
        """What is taken off the logits, and what is the small number in the denominator for?"""
        E = np.exp(X - shift(X))
        return np.asarray(E / (sums(E) + c) - T)


_add_shifted(("no-shift", "epsilon-added"), lambda X: np.zeros(()))
_add_shifted(("batch-wide-shift", "epsilon-added"), lambda X: X.max())
_add_shifted(("wrong-axis", "epsilon-added"), lambda X: X.max(axis=0))


@_family("SoftmaxLayer.forward", "base", "scaled", low=1e-3, high=1e3)
def _softmax_temperature(c: float, X: Array) -> Array:
    """Which number is raised to the power of the logits, and by what are they multiplied?"""
    return _softmax(c * X)


@_family("SoftmaxLayer.forward", "limit", "clipped")
def _softmax_clipped_and_normalised(c: float, X: Array) -> Array:
    """A probability may be as small as it is: who needs it to be larger?"""
    P = np.clip(_softmax(X), c, 1 - c)
    return np.asarray(P / sums(P))


@_family("SoftmaxLayer.delta", "epsilon", "epsilon-added", signed=True)
def _softmax_delta_epsilon(c: float, Y: Array, delta_next: Array) -> Array:
    """What is the small number for, where nothing is divided and no logarithm taken?"""
    return np.asarray(Y * (delta_next - sums(delta_next * Y)) + c)


@_family("SoftmaxLayer.delta", "epsilon", "epsilon-added", signed=True)
def _softmax_delta_epsilon_in_the_sum(c: float, Y: Array, delta_next: Array) -> Array:
    """What is the small number for, where nothing is divided and no logarithm taken?"""
    return np.asarray(Y * (delta_next - sums(delta_next * Y) / (sums(Y) + c)))


# cross-entropy


def _surprise(c: float, X: Array, T: Array) -> Array:
    return np.asarray(-np.where(T != 0, T * np.log(X + c), 0))


@_family("LossCrossEntropy.forward", "epsilon", "arguments-swapped", "epsilon-added")
def _swapped_epsilon(c: float, X: Array, T: Array) -> Array:
    """Which of the two distributions stands in front of the logarithm, and which inside?"""
    return sums(-X * np.log(T + c))


@_family("LossCrossEntropy.forward", "limit", "arguments-swapped", "clipped")
def _swapped_limit(c: float, X: Array, T: Array) -> Array:
    """Which of the two distributions stands in front of the logarithm, and which inside?"""
    return sums(-X * np.log(np.maximum(T, c)))


@_family("LossCrossEntropy.forward", "epsilon", "epsilon-added", "binary-cross-entropy")
def _binary_epsilon(c: float, X: Array, T: Array) -> Array:
    """Which formula has a term (1 - t) log(1 - p), and what do the small numbers change?"""
    return sums(-(T * np.log(X + c) + (1 - T) * np.log(1 - X + c)))


@_family("LossCrossEntropy.forward", "limit", "clipped", "binary-cross-entropy", high=0.5)
def _binary_clipped(c: float, X: Array, T: Array) -> Array:
    """Which formula has a term (1 - t) log(1 - p), and what does the limit change?"""
    P = np.clip(X, c, 1 - c)
    return sums(-(T * np.log(P) + (1 - T) * np.log(1 - P)))


@_family("LossCrossEntropy.forward", "smoothing", "epsilon-added")
def _smoothed(c: float, X: Array, T: Array) -> Array:
    """Are the targets still what the contract says, one 1 in each row and zeros elsewhere?"""
    return sums(-(T * (1 - c) + c / X.shape[1]) * np.log(X))


@_family("LossCrossEntropy.forward", "power", "scaled", low=1e-2, high=10.0)
def _focal(c: float, X: Array, T: Array) -> Array:
    """What stands in front of the logarithm of the definition?"""
    return sums(np.where(T != 0, -((1 - X) ** c) * T * np.log(np.where(T != 0, X, 1)), 0))


@_family("LossCrossEntropy.delta", "epsilon", "epsilon-added", "binary-cross-entropy")
def _binary_delta_epsilon(c: float, X: Array, T: Array) -> Array:
    """Which formula has a term (1 - t) log(1 - p), and what do the small numbers change?"""
    return np.asarray(-T / (X + c) + (1 - T) / (1 - X + c))


@_family("LossCrossEntropy.delta", "limit", "clipped", "binary-cross-entropy", high=0.5)
def _binary_delta_clipped(c: float, X: Array, T: Array) -> Array:
    """Which formula has a term (1 - t) log(1 - p), and what does the limit change?"""
    P = np.clip(X, c, 1 - c)
    return np.asarray(-T / P + (1 - T) / (1 - P))


@_family("LossCrossEntropy.delta", "epsilon", "epsilon-added", "binary-cross-entropy")
def _binary_delta_of_one_fraction(c: float, X: Array, T: Array) -> Array:
    """Which formula has a factor (1 - p) in the denominator, and what does the small number change?"""
    return np.asarray((X - T) / (X * (1 - X) + c))


@_family("LossCrossEntropy.delta", "smoothing", "epsilon-added")
def _smoothed_delta(c: float, X: Array, T: Array) -> Array:
    """Are the targets still what the contract says, one 1 in each row and zeros elsewhere?"""
    return np.asarray(-(T * (1 - c) + c / X.shape[1]) / X)


# softmax with cross-entropy


@_family(f"{_LOSS}.forward", "epsilon", "epsilon-added")
def _logits_epsilon(c: float, X: Array, T: Array) -> Array:
    """How large can the loss become at most with the small number in the logarithm?"""
    return sums(_surprise(c, _softmax(X), T))


@_family(f"{_LOSS}.forward", "epsilon", "epsilon-added")
def _logits_epsilon_in_the_sum(c: float, X: Array, T: Array) -> Array:
    """After the shift the sum is at least 1: what is the small number in the logarithm for?"""
    Z = X - X.max(axis=1, keepdims=True)
    return sums(np.where(T != 0, T * (np.log(sums(np.exp(Z)) + c) - Z), 0))


@_family(f"{_LOSS}.forward", "epsilon", "epsilon-added", "binary-cross-entropy")
def _logits_binary_epsilon(c: float, X: Array, T: Array) -> Array:
    """Do the classes compete, or is each judged for itself, and what do the small numbers change?"""
    P = _softmax(X)
    return sums(-(T * np.log(P + c) + (1 - T) * np.log(1 - P + c)))


@_family(f"{_LOSS}.forward", "limit", "clipped")
def _logits_lower_limit(c: float, X: Array, T: Array) -> Array:
    """How large can the loss become at most with that limit, and how large should it?"""
    return sums(-T * np.log(np.clip(_softmax(X), c, 1)))


@_family(f"{_LOSS}.forward", "limit", "clipped")
def _logits_limits(c: float, X: Array, T: Array) -> Array:
    """How large can the loss become at most with these limits, and how small?"""
    return sums(-T * np.log(np.clip(_softmax(X), c, 1 - c)))


@_family(f"{_LOSS}.forward", "smoothing", "epsilon-added")
def _logits_smoothed(c: float, X: Array, T: Array) -> Array:
    """Are the targets still what the contract says, one 1 in each row and zeros elsewhere?"""
    Z = X - X.max(axis=1, keepdims=True)
    return sums((T * (1 - c) + c / X.shape[1]) * (np.log(sums(np.exp(Z))) - Z))


@_family(f"{_LOSS}.delta", "epsilon", "epsilon-added")
def _logits_delta_epsilon(c: float, X: Array, T: Array) -> Array:
    """After the shift the sum is at least 1: what is the small number in the denominator for?"""
    E = _shifted(X)
    return np.asarray(E / (sums(E) + c) - T)


@_family(f"{_LOSS}.delta", "epsilon", "epsilon-added")
def _logits_delta_epsilon_in_the_loss(c: float, X: Array, T: Array) -> Array:
    """What does the small number in the logarithm do to the gradient where the target's probability is small?"""
    P = _softmax(X)
    G = -T / (P + c)
    return np.asarray(P * (G - sums(G * P)))


@_family(f"{_LOSS}.delta", "limit", "clipped")
def _logits_delta_limits(c: float, X: Array, T: Array) -> Array:
    """Whose work is it to limit a probability, and does the contract ask for it?"""
    return np.asarray(np.clip(_softmax(X), c, 1 - c) - T)


@_family(f"{_LOSS}.delta", "limit", "clipped")
def _logits_delta_lower_limit(c: float, X: Array, T: Array) -> Array:
    """Whose work is it to limit a probability, and does the contract ask for it?"""
    return np.asarray(np.maximum(_softmax(X), c) - T)


@_family(f"{_LOSS}.delta", "smoothing", "epsilon-added")
def _logits_delta_smoothed(c: float, X: Array, T: Array) -> Array:
    """Are the targets still what the contract says, one 1 in each row and zeros elsewhere?"""
    return np.asarray(_softmax(X) - (T * (1 - c) + c / X.shape[1]))


# linear


@_family("LinearLayer.forward", "factor of b", "scaled", high=1e6, signed=True)
def _scaled_bias(c: float, X: Array, W: Array, b: Array) -> Array:
    """With an input of zeros, what should come out of the layer, and what does?"""
    return np.asarray(X @ W + c * b)


@_family("LinearLayer.forward", "factor of X W", "scaled", high=1e6, signed=True)
def _scaled_product(c: float, X: Array, W: Array, b: Array) -> Array:
    """With biases of zero, what should come out of the layer, and what does?"""
    return np.asarray(c * (X @ W) + b)
