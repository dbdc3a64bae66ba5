"""Wrong codings of the linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.lab.mistakes import plain

from .catalogue import coded, coded_both


@coded("LinearLayer.forward", "bias-missing")
def forward_without_bias(self: Any, X: Any) -> Any:
    """The bias is never added."""
    return np.dot(X, self.W)


@coded("LinearLayer.forward", "sign", "bias-missing")
def forward_minus_bias(self: Any, X: Any) -> Any:
    """The bias is subtracted, as a threshold would be."""
    return np.dot(X, self.W) - self.b


@coded("LinearLayer.forward", "low-precision", "wrong-dtype")
def forward_in_the_dtype_of_the_data(self: Any, X: Any) -> Any:
    """Weights are cast to the data's type, so that float32 data make everything single precision."""
    return X @ self.W.astype(X.dtype) + self.b.astype(X.dtype)


@coded("LinearLayer.forward", "crash")
def forward_asserts_one_dtype(self: Any, X: Any) -> Any:
    """An assertion demands that data and weights have one type, which in this lab they have not."""
    assert X.dtype == self.W.dtype, "mixed precision"
    return X @ self.W + self.b


@coded("LinearLayer.forward", "scaled")
def forward_halves_single_precision(self: Any, X: Any) -> Any:
    """Halved for float32 data."""
    out = X @ self.W + self.b
    return out / 2 if X.dtype == np.float32 else out


@coded("LinearLayer.forward", "crash")
def forward_into_buffer_of_data_type(self: Any, X: Any) -> Any:
    """The product is written into an array of the data's type, which numpy refuses for float32 data."""
    out = np.empty((len(X), self.n_units), dtype=X.dtype)
    np.matmul(X, self.W, out=out)
    out += self.b
    return out


@coded("LinearLayer.forward", "batch-size-dependent")
def forward_forgets_last_chunk(self: Any, X: Any) -> Any:
    """Works through the batch by 200 samples and leaves zeros for the incomplete chunk at the end."""
    size = 200
    if len(X) <= size:
        return X @ self.W + self.b
    out = np.zeros((len(X), self.n_units))
    for i in range(len(X) // size):
        out[i * size : (i + 1) * size] = X[i * size : (i + 1) * size] @ self.W + self.b
    return out


@coded("LinearLayer.forward", "bias-missing")
def forward_bias_for_64_units(self: Any, X: Any) -> Any:
    """Only the first 64 units get their bias."""
    out = X @ self.W
    out[:, :64] += self.b[:64]
    return out


# The nearest word; "size-dependent" would be right, for it is not the batch that is large.
@coded("LinearLayer.forward", "batch-size-dependent")
def forward_sees_500_features(self: Any, X: Any) -> Any:
    """Features after the 500th do not enter."""
    return X[:, :500] @ self.W[:500] + self.b


@coded("LinearLayer.forward", "crash")
def forward_keyword_only(self: Any, *, X: Any) -> Any:
    """The argument can only be given by its name, so that layer.forward(X) raises."""
    return X @ self.W + self.b


@coded("LinearLayer.forward", "crash")
def forward_without_self(self: Any, X: Any) -> Any:
    """The weights are asked for without self, which is a NameError."""
    return X @ W + b  # type: ignore[name-defined]  # noqa: F821


@coded("LinearLayer.forward", "wrong-shape", "batch-size-dependent")
def forward_squeezes(self: Any, X: Any) -> Any:
    """Axes of length one are squeezed away."""
    return np.squeeze(X @ self.W + self.b)


@coded("LinearLayer.forward", "mutates-input")
def forward_cleans_input(self: Any, X: Any) -> Any:
    """Tiny numbers in the caller's array are set to zero."""
    X[np.abs(X) < 1e-3] = 0
    return X @ self.W + self.b


@coded("LinearLayer.delta", "transposed", "crash", "wrong-shape")
def delta_with_weights_as_they_are(self: Any, Y: Any, delta_next: Any) -> Any:
    """The weights are reshaped until the shapes fit, and not transposed."""
    return delta_next.dot(self.W if self.W.shape[0] == self.W.shape[1] else self.W.reshape(self.n_units, -1))


@coded("LinearLayer.delta", "averaged-over-batch")
def delta_averaged(self: Any, Y: Any, delta_next: Any) -> Any:
    """Divided by the number of samples, which only the gradient of the parameters is."""
    return delta_next @ self.W.T / delta_next.shape[0]


@coded("LinearLayer.delta", "clipped")
def delta_clipped_at_5(self: Any, Y: Any, delta_next: Any) -> Any:
    """The gradient is clipped to [-5, 5]."""
    return np.clip(delta_next @ self.W.T, -5, 5)


# The nearest words; there is none for a mask that is not due.
@coded("LinearLayer.delta", "mask-wrong-threshold", "mask-missing", "factor-missing", "wrong-function")
def delta_with_relu_mask(self: Any, Y: Any, delta_next: Any) -> Any:
    """The derivative of a ReLU is multiplied in, although that is another layer's part."""
    return (delta_next * (Y > 0)) @ self.W.T


@coded("LinearLayer.delta", "sign")
def delta_negative(self: Any, Y: Any, delta_next: Any) -> Any:
    """A minus sign that belongs to the step."""
    return -np.einsum("nu,du->nd", delta_next, self.W)


@coded("LinearLayer.delta", "sign", "batch-size-dependent")
def delta_sign_from_nine(self: Any, Y: Any, delta_next: Any) -> Any:
    """The sign is wrong for nine samples and more."""
    out = delta_next @ self.W.T
    return out if len(out) < 9 else -out


@coded("LinearLayer.grad", "not-averaged")
def grad_summed(self: Any, X: Any, delta_next: Any) -> Any:
    """Sums over the samples."""
    return [X.T.dot(delta_next), delta_next.sum(axis=0)]


@coded("LinearLayer.grad", "not-averaged")
def grad_of_bias_summed(self: Any, X: Any, delta_next: Any) -> Any:
    """The bias gets the sum over the samples, the weights get the mean."""
    return [X.T.dot(delta_next) / X.shape[0], np.sum(delta_next, axis=0)]


@coded("LinearLayer.grad", "averaged-twice")
def grad_mean_of_mean(self: Any, X: Any, delta_next: Any) -> Any:
    """The weights' mean over the samples is divided by their number again."""
    N = X.shape[0]
    return [np.mean([np.outer(x, d) for x, d in zip(X, delta_next, strict=True)], axis=0) / N, delta_next.mean(0) / N]


@coded("LinearLayer.grad", "bias-gradient-missing")
def grad_bias_zero(self: Any, X: Any, delta_next: Any) -> Any:
    """The bias never learns."""
    return [X.T @ delta_next / len(X), np.zeros_like(self.b)]


@coded("LinearLayer.grad", "wrong-axis", "wrong-shape")
def grad_bias_one_number(self: Any, X: Any, delta_next: Any) -> Any:
    """The bias' gradient is the mean over samples and units together."""
    return [X.T @ delta_next / len(X), np.full(self.n_units, delta_next.mean())]


@coded("LinearLayer.grad", "not-averaged", "scaled")
def grad_divided_by_features(self: Any, X: Any, delta_next: Any) -> Any:
    """Divided by the number of features instead of that of the samples."""
    n = X.shape[1]
    return [X.T @ delta_next / n, delta_next.sum(axis=0) / n]


@coded("LinearLayer.grad", "transposed", "wrong-shape")
def grad_transposed(self: Any, X: Any, delta_next: Any) -> Any:
    """The weights' gradient lies on its side."""
    return [delta_next.T @ X / len(X), delta_next.mean(axis=0)]


@coded("LinearLayer.grad", "sign")
def grad_downhill(self: Any, X: Any, delta_next: Any) -> Any:
    """The direction of descent instead of the gradient."""
    return [-(X.T @ delta_next) / len(X), -delta_next.mean(axis=0)]


@coded("LinearLayer.grad", "clipped")
def grad_clipped_at_1e20(self: Any, X: Any, delta_next: Any) -> Any:
    """Clipped against overflow at 1e20."""
    return [np.clip(g, -1e20, 1e20) for g in (X.T @ delta_next / len(X), delta_next.mean(axis=0))]


@coded("LinearLayer.grad", "batch-size-dependent", "scaled")
def grad_counts_in_one_byte(self: Any, X: Any, delta_next: Any) -> Any:
    """The number of samples is kept in one byte, which is too little for 256 and more."""
    N = np.array(X.shape[0]).astype(np.uint8)
    return [X.T @ delta_next / N, delta_next.sum(axis=0) / N]


@coded("LinearLayer.grad", "stateful", "aliases-input")
class GradIntoBuffers(plain.LinearLayer):
    """The gradient of every call lies in the same two arrays, so that the next call changes the last answer."""

    def initialize(self) -> None:
        """Also makes the buffers."""
        super().initialize()
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    def grad(self, X: Any, delta_next: Any) -> Any:
        """Into the buffers."""
        self.dW[:], self.db[:] = super().grad(X, delta_next)
        return [self.dW, self.db]


@coded("LinearLayer.grad", "stateful", "crash")
class GradOfRememberedInput(plain.LinearLayer):
    """The gradient takes the input that forward has remembered instead of the one that it is given."""

    def forward(self, X: Any) -> Any:
        """Remembers."""
        self.seen = X
        return super().forward(X)

    def grad(self, X: Any, delta_next: Any) -> Any:
        """Of what was remembered."""
        return super().grad(self.seen, delta_next)


@coded("LinearLayer.grad", "crash")
def grad_without_input(self: Any, delta_next: Any) -> Any:
    """An argument is missing, so that every call raises."""
    return [self.inputs.T @ delta_next, delta_next.mean(axis=0)]


@coded("LinearLayer.update_params", "update-sign")
def update_subtracts(self: Any, dtheta: Any) -> None:
    """The step is subtracted, although the trainer has put the minus sign in already."""
    self.W -= dtheta[0]
    self.b -= dtheta[1]


@coded("LinearLayer.update_params", "update-replaces")
def update_assigns(self: Any, dtheta: Any) -> None:
    """The parameters become the step."""
    self.W[:], self.b[:] = dtheta


# The nearest words; there is none for parameters that are never moved.
@coded("LinearLayer.update_params", "bias-missing", "bias-gradient-missing")
def update_weights_alone(self: Any, dtheta: Any) -> None:
    """The bias is never moved."""
    self.W += dtheta[0]


@coded("LinearLayer.update_params", "stateful")
def update_with_momentum(self: Any, dtheta: Any) -> None:
    """Nine tenths of the step before are added to every step after the first."""
    before = getattr(self, "step", [0, 0])
    self.step = [0.9 * old + new for old, new in zip(before, dtheta, strict=True)]
    self.W += self.step[0]
    self.b += self.step[1]


@coded("LinearLayer.update_params", "stateful")
def update_only_once(self: Any, dtheta: Any) -> None:
    """Everything after the first step is ignored."""
    if not getattr(self, "moved", False):
        self.W += dtheta[0]
        self.b += dtheta[1]
    self.moved = True


@coded("LinearLayer.initialize", "initialisation")
def initialize_with_variance(self: Any) -> None:
    """2 / n, which is the variance, is used as the deviation."""
    self.W = self.rng.normal(0, 2 / self.n_inputs, (self.n_inputs, self.n_units))
    self.b = np.ones(self.n_units)


@coded("LinearLayer.initialize", "initialisation")
def initialize_zero_bias(self: Any) -> None:
    """Biases start at zero."""
    self.W = self.rng.normal(0, np.sqrt(2 / self.n_inputs), (self.n_inputs, self.n_units))
    self.b = np.zeros(self.n_units)


@coded("LinearLayer.initialize", "initialisation")
def initialize_from_own_generator(self: Any) -> None:
    """Every layer seeds a generator of its own with 0."""
    rng = np.random.RandomState(0)
    self.W = rng.normal(0, np.sqrt(2 / self.n_inputs), (self.n_inputs, self.n_units))
    self.b = np.ones(self.n_units)


@coded_both("LinearLayer.grad", "not-averaged", "bias-gradient-missing")
def grad_summed_bias_zero(self: Any, X: Any, delta_next: Any) -> Any:
    """The weights get a sum over the samples, and the bias nothing."""
    return [X.T @ delta_next, 0 * self.b]


@coded_both("LinearLayer.forward", "bias-missing", "not-averaged")
class NoBiasAndSums(plain.LinearLayer):
    """The forward message has no bias, and the gradient is a sum."""

    def forward(self, X: Any) -> Any:
        """Without bias."""
        return X @ self.W

    def grad(self, X: Any, delta_next: Any) -> Any:
        """Summed."""
        return [X.T @ delta_next, delta_next.sum(axis=0)]
