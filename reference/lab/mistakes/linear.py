"""Known mistakes in the linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from reference.lab.mistakes.catalogue import wrong

# forward


@wrong("LinearLayer.forward", "bias-missing")
def forward_without_bias(self: Any, X: Any) -> Any:
    """With an input of zeros, what should come out of the layer?"""
    return X @ self.W


@wrong("LinearLayer.forward", "sign")
def forward_subtracts_bias(self: Any, X: Any) -> Any:
    """Compare with the formula Y = X W + b, sign by sign."""
    return X @ self.W - self.b


@wrong("LinearLayer.forward", "scaled")
def forward_adds_bias_twice(self: Any, X: Any) -> Any:
    """With an input of zeros, what should come out of the layer, and what does?"""
    return X @ self.W + 2 * self.b


@wrong("LinearLayer.forward", "averaged-over-batch")
def forward_divides_by_samples(self: Any, X: Any) -> Any:
    """Would a sample get the same output in a batch twice as large?"""
    return (X @ self.W) / len(X) + self.b


@wrong("LinearLayer.forward", "sample-dependence")
def forward_centres_the_batch(self: Any, X: Any) -> Any:
    """Would a sample get the same output if the others in its batch were different?"""
    return (X - X.mean(axis=0)) @ self.W + self.b


@wrong("LinearLayer.forward", "low-precision")
def forward_in_single_precision(self: Any, X: Any) -> Any:
    """About seven digits are right and the rest is not: where does float32 come in?"""
    return (X.astype(np.float32) @ self.W.astype(np.float32) + self.b.astype(np.float32)).astype(np.float64)


@wrong("LinearLayer.forward", "wrong-function")
def forward_applies_relu(self: Any, X: Any) -> Any:
    """Which layer is it that turns negative numbers into zeros?"""
    return np.maximum(X @ self.W + self.b, 0)


# delta


@wrong("LinearLayer.delta", "wrong-function")
def delta_through_inverse(self: Any, Y: Any, delta_next: Any) -> Any:
    """Which matrix carries a change of the outputs back to the inputs: one that undoes W, or one that weighs by it?"""
    return delta_next @ np.linalg.pinv(self.W)


@wrong("LinearLayer.delta", "transposed")
def delta_with_reshaped_weights(self: Any, Y: Any, delta_next: Any) -> Any:
    """Is an array of the right shape also one with its entries at the right places?"""
    return delta_next @ self.W.reshape(self.W.shape[::-1])


@wrong("LinearLayer.delta", "averaged-over-batch")
def delta_divides_by_samples(self: Any, Y: Any, delta_next: Any) -> Any:
    """delta belongs to each sample alone. Where does the contract divide by the number of samples, and where not?"""
    return delta_next @ self.W.T / len(delta_next)


@wrong("LinearLayer.delta", "sign")
def delta_negated(self: Any, Y: Any, delta_next: Any) -> Any:
    """If an input with a positive weight grows, does the output grow or shrink?"""
    return -delta_next @ self.W.T


@wrong("LinearLayer.delta", "delta-next-ignored")
def delta_of_ones(self: Any, Y: Any, delta_next: Any) -> Any:
    """The chain rule is a product: what has the layer after this one to say?"""
    return np.ones_like(delta_next) @ self.W.T


@wrong("LinearLayer.delta", "factor-missing")
def delta_without_weights(self: Any, Y: Any, delta_next: Any) -> Any:
    """The chain rule is a product: how much does an output change with an input?"""
    return np.repeat(delta_next.sum(axis=1, keepdims=True), self.W.shape[0], axis=1)


@wrong("LinearLayer.delta", "wrong-function")
def delta_times_outputs(self: Any, Y: Any, delta_next: Any) -> Any:
    """Do the outputs of a linear layer enter its derivative with respect to the inputs?"""
    return (delta_next * Y) @ self.W.T


@wrong("LinearLayer.delta", "sample-dependence")
def delta_summed_over_samples(self: Any, Y: Any, delta_next: Any) -> Any:
    """delta belongs to each sample alone: what is summed over the batch here?"""
    return np.repeat((delta_next @ self.W.T).sum(axis=0, keepdims=True), len(delta_next), axis=0)


@wrong("LinearLayer.delta", "low-precision")
def delta_in_single_precision(self: Any, Y: Any, delta_next: Any) -> Any:
    """About seven digits are right and the rest is not: where does float32 come in?"""
    return (delta_next.astype(np.float32) @ self.W.T.astype(np.float32)).astype(np.float64)


# grad


@wrong("LinearLayer.grad", "extra-term")
def grad_with_weight_decay(self: Any, X: Any, delta_next: Any) -> Any:
    """Which terms does the derivative of the loss have, and which one stands in the code besides?"""
    return [X.T @ delta_next / len(X) + 1e-3 * self.W, delta_next.mean(axis=0)]


@wrong("LinearLayer.grad", "not-averaged")
def grad_summed(self: Any, X: Any, delta_next: Any) -> Any:
    """The loss is a mean over the batch. What follows for its gradient when the batch is twice as large?"""
    return [X.T @ delta_next, delta_next.sum(axis=0)]


@wrong("LinearLayer.grad", "not-averaged")
def grad_of_bias_summed(self: Any, X: Any, delta_next: Any) -> Any:
    """The gradient of W is a mean over the batch; is that of b one too?"""
    return [X.T @ delta_next / len(X), delta_next.sum(axis=0)]


@wrong("LinearLayer.grad", "not-averaged")
def grad_of_weights_summed(self: Any, X: Any, delta_next: Any) -> Any:
    """The gradient of b is a mean over the batch; is that of W one too?"""
    return [X.T @ delta_next, delta_next.mean(axis=0)]


@wrong("LinearLayer.grad", "averaged-twice")
def grad_averaged_twice(self: Any, X: Any, delta_next: Any) -> Any:
    """How often is the sum over the batch divided by the number of samples?"""
    return [X.T @ delta_next / len(X) ** 2, delta_next.mean(axis=0) / len(X)]


@wrong("LinearLayer.grad", "averaged-twice")
def grad_of_bias_averaged_twice(self: Any, X: Any, delta_next: Any) -> Any:
    """How often is the sum over the batch divided by the number of samples, for b?"""
    return [X.T @ delta_next / len(X), delta_next.mean(axis=0) / len(X)]


@wrong("LinearLayer.grad", "scaled")
def grad_divided_by_all_entries(self: Any, X: Any, delta_next: Any) -> Any:
    """A mean over the samples: by how many numbers is divided here?"""
    return [X.T @ delta_next / X.size, delta_next.sum(axis=0) / X.size]


@wrong("LinearLayer.grad", "scaled")
def grad_of_bias_over_all_entries(self: Any, X: Any, delta_next: Any) -> Any:
    """A mean over the samples alone: over which axes does `mean` run here?"""
    return [X.T @ delta_next / len(X), delta_next.sum(axis=0) / delta_next.size]


@wrong("LinearLayer.grad", "scaled")
def grad_averaged_by_samples_less_one(self: Any, X: Any, delta_next: Any) -> Any:
    """A mean divides by the number of samples; which mean divides by one less?"""
    return [X.T @ delta_next / max(len(X) - 1, 1), delta_next.sum(axis=0) / max(len(X) - 1, 1)]


@wrong("LinearLayer.grad", "sign")
def grad_negated(self: Any, X: Any, delta_next: Any) -> Any:
    """Who takes the step downhill, the gradient or the one who uses it?"""
    return [-X.T @ delta_next / len(X), -delta_next.mean(axis=0)]


@wrong("LinearLayer.grad", "bias-gradient-missing")
def grad_of_bias_zero(self: Any, X: Any, delta_next: Any) -> Any:
    """By how much does an output change when its bias grows by one?"""
    return [X.T @ delta_next / len(X), np.zeros(self.b.shape)]


@wrong("LinearLayer.grad", "bias-gradient-missing")
def grad_of_bias_one(self: Any, X: Any, delta_next: Any) -> Any:
    """An output grows by one with its bias: and the loss, by the chain rule?"""
    return [X.T @ delta_next / len(X), np.ones(self.b.shape)]


@wrong("LinearLayer.grad", "term-missing")
def grad_of_bias_from_first_sample(self: Any, X: Any, delta_next: Any) -> Any:
    """Which samples have a say in the gradient of b?"""
    return [X.T @ delta_next / len(X), delta_next[0].copy()]


@wrong("LinearLayer.grad", "delta-next-ignored")
def grad_ignores_delta(self: Any, X: Any, delta_next: Any) -> Any:
    """The chain rule is a product: what has the layer after this one to say?"""
    ones = np.ones_like(delta_next)
    return [X.T @ ones / len(X), ones.mean(axis=0)]


@wrong("LinearLayer.grad", "transposed")
def grad_reshaped(self: Any, X: Any, delta_next: Any) -> Any:
    """Is an array of the right shape also one with its entries at the right places?"""
    return [(delta_next.T @ X / len(X)).reshape(self.W.shape), delta_next.mean(axis=0)]


@wrong("LinearLayer.grad", "wrong-shape")
def grad_transposed(self: Any, X: Any, delta_next: Any) -> Any:
    """The gradient of W has an entry for each entry of W, at the same place."""
    return [delta_next.T @ X / len(X), delta_next.mean(axis=0)]


@wrong("LinearLayer.grad", "wrong-shape")
def grad_of_bias_as_a_row(self: Any, X: Any, delta_next: Any) -> Any:
    """The gradient of b has the shape of b: how many axes does b have?"""
    return [X.T @ delta_next / len(X), delta_next.mean(axis=0, keepdims=True)]


@wrong("LinearLayer.grad", "wrong-argument")
def grad_through_weights(self: Any, X: Any, delta_next: Any) -> Any:
    """How does an output change with a weight: which factor stands beside that weight in the sum?"""
    return [self.W * delta_next.mean(axis=0), delta_next.mean(axis=0)]


@wrong("LinearLayer.grad", "wrong-function")
def grad_of_mean_input(self: Any, X: Any, delta_next: Any) -> Any:
    """Is the mean of products the product of the means?"""
    return [np.outer(X.mean(axis=0), delta_next.mean(axis=0)), delta_next.mean(axis=0)]


@wrong("LinearLayer.grad", "low-precision")
def grad_in_single_precision(self: Any, X: Any, delta_next: Any) -> Any:
    """About seven digits are right and the rest is not: where does float32 come in?"""
    X, d = X.astype(np.float32), delta_next.astype(np.float32)
    return [(X.T @ d / len(X)).astype(np.float64), d.mean(axis=0).astype(np.float64)]


@wrong("LinearLayer.grad", "wrong-type")
def grad_as_one_array(self: Any, X: Any, delta_next: Any) -> Any:
    """Two gradients are asked for, of W and of b, in a list."""
    return np.vstack([X.T @ delta_next, delta_next.sum(axis=0)]) / len(X)


@wrong("LinearLayer.grad", "batch-size-dependent")
def grad_squeezes_a_single_sample(self: Any, X: Any, delta_next: Any) -> Any:
    """What does a batch of one sample look like after `squeeze`, and what does a sum over its first axis give?"""
    if len(X) == 1:
        return [np.outer(X, delta_next), np.full(self.b.shape, delta_next.sum())]
    return [X.T @ delta_next / len(X), delta_next.mean(axis=0)]


# the parameters


@wrong("LinearLayer.update_params", "update-sign")
def update_subtracts(self: Any, dtheta: Any) -> None:
    """The trainer passes -alpha times the gradient: what is left to be done with it?"""
    self.W -= dtheta[0]
    self.b -= dtheta[1]


@wrong("LinearLayer.update_params", "update-replaces")
def update_replaces(self: Any, dtheta: Any) -> None:
    """What comes is a step from where the parameters are, not where they shall be."""
    self.W, self.b = dtheta[0].copy(), dtheta[1].copy()


@wrong("LinearLayer.update_params", "update-missing")
def update_does_nothing(self: Any, dtheta: Any) -> None:
    """After the call the parameters are what they were before."""


@wrong("LinearLayer.update_params", "bias-missing")
def update_leaves_bias(self: Any, dtheta: Any) -> None:
    """Two arrays come, and a layer has two parameters."""
    self.W += dtheta[0]


@wrong("LinearLayer.update_params", "scaled")
def update_applies_a_rate_of_its_own(self: Any, dtheta: Any) -> None:
    """Who knows the learning rate, and has it been applied already?"""
    self.W += 0.1 * dtheta[0]
    self.b += 0.1 * dtheta[1]


@wrong("LinearLayer.update_params", "mutates-input")
def update_writes_into_the_step(self: Any, dtheta: Any) -> None:
    """The caller still owns the arrays that it passed: which statement writes into them?"""
    dtheta[0] += self.W
    dtheta[1] += self.b
    self.W, self.b = dtheta[0].copy(), dtheta[1].copy()


@wrong("LinearLayer.initialize", "initialisation")
def initialize_zeros(self: Any) -> None:
    """If all weights are equal, what tells the units of a layer from each other?"""
    self.W, self.b = np.zeros((self.n_inputs, self.n_units)), np.ones(self.n_units)


@wrong("LinearLayer.initialize", "initialisation")
def initialize_by_units(self: Any) -> None:
    """The deviation depends on a number of connections: those that come in, or those that go out?"""
    self.W = self.rng.normal(0, np.sqrt(2 / self.n_units), (self.n_inputs, self.n_units))
    self.b = np.ones(self.n_units)


@wrong("LinearLayer.initialize", "initialisation")
def initialize_with_variance(self: Any) -> None:
    """numpy asks for a standard deviation: is 2 / n_inputs one?"""
    self.W = self.rng.normal(0, 2 / self.n_inputs, (self.n_inputs, self.n_units))
    self.b = np.ones(self.n_units)


@wrong("LinearLayer.initialize", "initialisation")
def initialize_bias_zero(self: Any) -> None:
    """The lab's biases start at a value with which a ReLU is switched on."""
    plain.LinearLayer.initialize(self)
    self.b = np.zeros(self.n_units)


@wrong("LinearLayer.initialize", "initialisation")
def initialize_from_global_generator(self: Any) -> None:
    """Layers share the generator that they were given; which one is asked here?"""
    self.W = np.random.RandomState(0).normal(0, np.sqrt(2 / self.n_inputs), (self.n_inputs, self.n_units))
    self.b = np.ones(self.n_units)


@wrong("LinearLayer.initialize", "initialisation")
def initialize_transposed(self: Any) -> None:
    """In which order are the shape's numbers, and in which order do draws fill it?"""
    self.W = self.rng.normal(0, np.sqrt(2 / self.n_inputs), (self.n_units, self.n_inputs)).T
    self.b = np.ones(self.n_units)


@wrong("LinearLayer.has_params", "layer-skipped")
def has_params_says_no(self: Any) -> Any:
    """Training asks which layers have something to learn."""
    return False
