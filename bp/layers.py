"""The layers of the lab: their forward messages, backward messages and parameter gradients.

A layer maps its inputs ``X`` (N, D), one sample a row, to its outputs ``Y`` (N, U). In the other direction it turns
``delta_next``, the gradient of each sample's loss with respect to ``Y``, into the gradient with respect to ``X``. The
lab calls that ``delta``; elsewhere it is the vector-Jacobian product of ``forward`` with the cotangent ``delta_next``.

No message writes into its arguments or remembers anything: each is a function of its arguments and the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import DTypeLike

from bp.messages import Array, checked
from bp.softmax import Softmax, in_precision_of, vector_jacobian

if TYPE_CHECKING:  # numpy imports its generators when they are first used, which takes a while
    from typing import TypeAlias

    Random: TypeAlias = np.random.RandomState | np.random.Generator


class Layer(Protocol):
    """The methods that `MLP` calls on a layer; one with parameters also has ``grad`` and ``update_params``."""

    name: str

    def has_params(self) -> bool:
        """Whether training changes anything in this layer."""

    def forward(self, X: Array) -> Array:
        """The outputs (N, U) for the inputs (N, D)."""

    def delta(self, Y: Array, delta_next: Array) -> Array:
        """dl/dX (N, D) from the layer's own outputs and dl/dY, both (N, U)."""


class LinearLayer:
    """Fully connected: Y = X W + b.

    Parameters
    ----------
    n_inputs, n_units
        D and U.
    rng
        Source of the initial weights. Layers draw from a shared one in the order in which they are made.
    name
        Unique in its network.
    dtype
        Of the parameters. The draw is the same for all: float32 weights are the float64 ones, rounded.

    Attributes
    ----------
    W
        Weights, (D, U).
    b
        Biases, (U,).

    Raises
    ------
    ValueError
        A size is not a positive integer, or the dtype is not a floating one.

    Examples
    --------
    >>> layer = LinearLayer(2, 1, np.random.RandomState(1234), "Linear_1")
    >>> layer.W[...] = [[2], [3]]
    >>> X, delta_next = np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([[1.0], [1.0]])
    >>> print(layer.forward(X).tolist(), layer.delta(layer.forward(X), delta_next).tolist())
    [[6.0], [7.0]] [[2.0, 3.0], [2.0, 3.0]]
    >>> dW, db = layer.grad(X, delta_next)
    >>> print(dW.tolist(), db.tolist())
    [[0.5], [1.5]] [1.0]
    """

    def __init__(self, n_inputs: int, n_units: int, rng: Random, name: str, dtype: DTypeLike = np.float64) -> None:
        for what, size in (("n_inputs", n_inputs), ("n_units", n_units)):
            if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
                raise ValueError(f"{name}: expected {what} to be a positive integer, got {size!r}")
        if np.dtype(dtype).kind != "f":
            raise ValueError(f"{name}: expected a floating dtype, got {np.dtype(dtype)}")
        self.n_inputs = int(n_inputs)
        self.n_units = int(n_units)
        self.rng = rng
        self.name = name
        self.dtype = np.dtype(dtype)
        self.W: Array
        self.b: Array
        self.initialize()

    def has_params(self) -> bool:
        """True: it has W and b."""
        return True

    @checked
    def forward(self, X: Array) -> Array:
        """Y = X W + b, (N, U), from X (N, D)."""
        return X @ self.W + self.b

    @checked
    def delta(self, Y: Array, delta_next: Array) -> Array:
        """dl/dX = delta_next W^T, (N, D), from delta_next (N, U): dY_j/dX_i = W_ij. The outputs Y do not enter."""
        return delta_next @ self.W.T

    @checked
    def grad(self, X: Array, delta_next: Array) -> list[Array]:
        """[dW, db], (D, U) and (U,), averaged over the N samples, from X (N, D) and delta_next (N, U).

        dY_j/dW_ij = X_i and dY_j/db_j = 1, so that dW = X^T delta_next / N and db = 1^T delta_next / N.
        """
        return [X.T @ delta_next / len(X), delta_next.sum(axis=0) / len(X)]

    def initialize(self) -> None:
        """W ~ N(0, 2 / D) (He, Zhang, Ren and Sun 2015, equation 10); b = 1, so that a ReLU starts switched on."""
        W = self.rng.normal(0, np.sqrt(2 / self.n_inputs), (self.n_inputs, self.n_units))
        self.W = W.astype(self.dtype, copy=False)
        self.b = np.ones(self.n_units, self.dtype)

    def update_params(self, dtheta: Sequence[Array]) -> None:
        """Add ``dtheta`` = [dW, db] to W and b in place; gradient descent passes -alpha times the gradient.

        Raises
        ------
        ValueError
            ``dtheta`` is not two arrays of the parameters' shapes; the parameters are then as they were.
        """
        expected, got = [self.W.shape, self.b.shape], [np.shape(step) for step in dtheta]
        if got != expected:
            raise ValueError(f"{self.name}.update_params: expected [dW, db] of shapes {expected}, got {got}")
        dW, db = dtheta
        self.W += dW
        self.b += db


class _Elementwise:
    """A layer without parameters, as wide at its outputs as at its inputs."""

    n_inputs: int | None = None
    n_units: int | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def has_params(self) -> bool:
        """False: it has no parameters."""
        return False


class ReLULayer(_Elementwise):
    """Rectified linear units: Y = max(X, 0), element by element.

    Examples
    --------
    >>> layer = ReLULayer("ReLU_1")
    >>> Y = layer.forward([[-1.0, 0.0, 2.0]])
    >>> print(Y.tolist(), layer.delta(Y, [[5.0, 5.0, 5.0]]).tolist())
    [[0.0, 0.0, 2.0]] [[0.0, 0.0, 5.0]]
    """

    @checked
    def forward(self, X: Array) -> Array:
        """max(X, 0), (N, D); NaN stays NaN."""
        return np.maximum(X, 0)

    @checked
    def delta(self, Y: Array, delta_next: Array) -> Array:
        """dl/dX = delta_next where Y > 0, else 0, (N, D). Y > 0 exactly where X > 0; at X = 0 we take 0."""
        return delta_next * (Y > 0)


class NaiveSoftmaxLayer(_Elementwise):
    """Softmax as assignment 1 writes it: p_k = exp(s_k) / sum_c exp(s_c).

    exp overflows above 709.78 in float64 (88.72 in float32), which makes inf / inf = NaN; and where every exp of a row
    underflows, below about -745 (-103), 0 / 0 = NaN. `SoftmaxLayer` avoids both.

    Examples
    --------
    >>> with np.errstate(over="ignore", invalid="ignore"):
    ...     print(NaiveSoftmaxLayer("Softmax_OUT").forward([[1000.0, 1000.0]]).tolist())
    [[nan, nan]]
    """

    @checked
    def forward(self, X: Array) -> Array:
        """Probabilities (N, K) from logits (N, K)."""
        E = np.exp(X)
        total: Array = E.sum(axis=1, keepdims=True)
        return E / total

    @checked
    def delta(self, Y: Array, delta_next: Array) -> Array:
        """dl/ds_i = y_i (d_i - sum_j d_j y_j), with y = Y and d = delta_next, both (N, K).

        dy_j/ds_i = y_j ([i = j] - y_i), hence sum_j d_j dy_j/ds_i = d_i y_i - y_i sum_j d_j y_j.
        """
        mean: Array = (delta_next * Y).sum(axis=1, keepdims=True)
        return Y * (delta_next - mean)


# Logits more than the largest number apart have a difference of -inf, and exp(-inf) = 0 is then the right answer, as is
# an exp that underflows beside a sum of at least 1. Neither is an accident that numpy should report.
quiet = np.errstate(over="ignore", under="ignore")


class SoftmaxLayer(_Elementwise):
    """Softmax of the logits less their row's maximum, which changes nothing (assignment 2) and cannot overflow.

    Computed in double precision with the roundings carried along (`bp.softmax`): right to 0.6 units in the last place
    for every finite logit, subnormal probabilities included; and the same in any order of the classes.

    Examples
    --------
    >>> print(SoftmaxLayer("Softmax_OUT").forward([[1000.0, 1000.0]]).tolist())
    [[0.5, 0.5]]
    """

    @checked
    @quiet
    def forward(self, X: Array) -> Array:
        """Probabilities (N, K) from logits (N, K), for every finite logit."""
        return in_precision_of(Softmax(X).probabilities().T, X)

    @checked
    @quiet
    def delta(self, Y: Array, delta_next: Array) -> Array:
        """dl/ds_i = y_i (d_i - sum_j d_j y_j), with y = Y and d = delta_next, both (N, K); see `NaiveSoftmaxLayer`."""
        return in_precision_of(vector_jacobian(Y, delta_next).T, Y, delta_next)
