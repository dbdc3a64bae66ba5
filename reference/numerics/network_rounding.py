"""How far rounding can take an honest network's gradient: sharp bounds, for deep nets.

Carrying errors from layer to layer with |W|, as `reference.numerics.running_errors` does, lets every layer multiply
them: by 4 to 9 in a layer of 64 units, by 10^8 through five of them and back. But errors travel as signals do, through
the net's own Jacobian matrices. With masks that no rounding changes, the net is linear between its nonlinear ends, so
that

    error of Z_l = sum over k <= l of eta_k J_kl,    J_kl = D_k W_(k+1) D_(k+1) ... W_l,

holds exactly, eta_k being what layer k rounded itself (`rounding.linear_forward`), D_k its units that are on. Hence
|error of Z_l| <= sum_k |eta_k| |J_kl|: the absolute value of the product, not the product of absolute values. Backwards
the same matrices carry the roundings of delta. This is first-order error analysis by the adjoint (Higham 2002, section
1.6), with what is of second order added to it.

The same sums with squares in place of absolute values give the deviation that the error has where roundings behave like
independent random numbers (Higham and Mary 2019, *A new approach to probabilistic rounding error analysis*, SIAM J.
Sci. Comput. 41(5)): `deviations`. That is a model: it tells where to look for a wrong entry, but decides no verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference.numerics import rounding, tolerances
from reference.numerics.rounding import Precision

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NetRounding:
    """The sizes of the errors that rounding causes in a network.

    Attributes
    ----------
    sums
        Errors of each linear layer's outputs Z, (N, U); the last ones are those of the logits.
    decided
        Whether every hidden unit, as it is computed here, is farther from 0 than twice its error, so that rounding does
        not decide which units ReLU lets pass: the unit is off by one error at most here and in an honest coding. If
        this is False the other attributes mean nothing.
    gradient
        Errors of the gradient of the mean loss, in the shapes of W_1, b_1, W_2, b_2, ...
    """

    sums: tuple[Array, ...]
    decided: bool
    gradient: tuple[Array, ...]


@dataclass(frozen=True)
class _ErrorModel:
    """How the sizes of errors add up: as absolute values (worst case) or as squares (independent random errors).

    Attributes
    ----------
    size
        Turns an error, or a coefficient that multiplies one, into what is added up: its absolute value or its square.
        Errors e behind a Jacobian matrix J become ``total(size(e) @ size(J))``.
    total
        Turns a sum of these back into the size of an error.
    roundings
        ``roundings(n, p)``: the relative error of n roundings in precision p.
    """

    size: Callable[[Array], Array]
    total: Callable[[Array], Array]
    roundings: Callable[[float, Precision], float]


_WORST = _ErrorModel(np.abs, lambda x: x, lambda n, p: p.gamma(n))
_TYPICAL = _ErrorModel(np.square, np.sqrt, lambda n, p: p.u * float(np.sqrt(n)))


def bounds(X: Array, theta: Sequence[Array], T: Array, p: Precision) -> NetRounding:
    """Error bounds for every order of summation, with softmax and cross-entropy as two layers or as one.

    Parameters
    ----------
    X, T
        Inputs (N, D) and targets (N, K).
    theta
        W_1, b_1, W_2, b_2, ... of linear layers with ReLU between them.
    p
        The arithmetic that the implementation is granted.
    """
    return _rounding(X, theta, T, p, _WORST)


def deviations(X: Array, theta: Sequence[Array], T: Array, p: Precision) -> NetRounding:
    """Standard deviations of the errors if roundings are independent random numbers; arguments as in `bounds`."""
    return _rounding(X, theta, T, p, _TYPICAL)


def _rounding(X: Array, theta: Sequence[Array], T: Array, p: Precision, model: _ErrorModel) -> NetRounding:
    weights, biases = theta[::2], theta[1::2]
    inputs, sums, sum_errors, carried = _forward(X, weights, biases, p, model)
    hidden = zip(sums[:-1], sum_errors[:-1], strict=True)
    decided = all(bool((np.abs(Z) > 2 * e).all()) for Z, e in hidden)
    delta, delta_error = _delta_of_loss(sums[-1], T, sum_errors[-1], p, model)
    own: list[Array] = [delta_error]  # what each layer above rounded in its delta, the nearest layer first
    gradient: list[Array] = []
    input_errors = [np.zeros(X.shape)] + [e * (Z > 0) for Z, e in zip(sums[:-1], sum_errors[:-1], strict=True)]
    for layer in reversed(range(len(weights))):
        gradient[:0] = _errors_of_gradient(inputs[layer], input_errors[layer], delta, delta_error, p, model)
        if layer == 0:
            break
        W, on = weights[layer], sums[layer - 1] > 0
        rounded = _error_of_products(np.abs(delta) + delta_error, W.T, W.shape[1], p, model) * on
        delta = (delta @ W.T) * on
        own.insert(0, rounded)
        # The roundings of the layers above arrive through the transposed Jacobian matrices.
        parts = [
            np.einsum("nij,nj->ni", model.size(carried[layer - 1][above]), model.size(e))
            for above, e in enumerate(own[1:], start=layer)
        ]
        delta_error = model.total(model.size(rounded) + sum(parts))
    return NetRounding(tuple(sum_errors), decided, tuple(each * tolerances.OWN_ROUNDING for each in gradient))


def _forward(
    X: Array, weights: Sequence[Array], biases: Sequence[Array], p: Precision, model: _ErrorModel
) -> tuple[list[Array], list[Array], list[Array], list[dict[int, Array]]]:
    """Each layer's inputs and sums, the errors of the sums, and J_kl as ``carried[k][l]``, (N, U_k, U_l), for k < l."""
    inputs: list[Array] = [X]
    sums: list[Array] = []
    errors: list[Array] = []
    carried: list[dict[int, Array]] = []
    own: list[Array] = []
    A, e = X, np.zeros(X.shape)
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        if layer:
            on = (sums[-1] > 0)[:, :, None]
            for k in range(layer):
                before = carried[k].get(layer - 1)
                # J_kl is J_k(l-1) times D_(l-1) W_l; for k = l - 1 it is D_(l-1) W_l alone.
                carried[k][layer] = on * W if before is None else (before * on.transpose(0, 2, 1)) @ W
        Z = A @ W + b
        own.append(_error_of_products(np.abs(A) + e, W, len(W) + 1, p, model, np.abs(b)))
        carried.append({})
        parts = [np.einsum("ni,nij->nj", model.size(own[k]), model.size(carried[k][layer])) for k in range(layer)]
        sums.append(Z)
        errors.append(model.total(model.size(own[layer]) + sum(parts)) * tolerances.OWN_ROUNDING)
        A, e = np.maximum(Z, 0), errors[-1] * (Z > 0)
        inputs.append(A)
    return inputs, sums, errors, carried


def _error_of_products(
    sizes: Array, W: Array, n: int, p: Precision, model: _ErrorModel, b: Array | float = 0.0
) -> Array:
    """The error of computing A W + b with |A| <= ``sizes``: n roundings of each sum, and underflow."""
    spread = model.total(model.size(sizes) @ model.size(W) + model.size(np.asarray(b)))
    return np.asarray(model.roundings(n, p) * spread + 2 * n * p.tiny)


def _delta_of_loss(Z: Array, T: Array, error: Array, p: Precision, model: _ErrorModel) -> tuple[Array, Array]:
    """P - T, the delta of the mean loss times N, and its error, both (N, K).

    Errors e of the logits move p_k by p_k e_k - p_k sum_c p_c e_c to first order; the rest is below 4 p_k max e^2.
    The roundings of softmax are those of `rounding.softmax`; those of the losses are `rounding.roundings_of_delta`.
    """
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    slopes = P[:, :, None] * (np.eye(P.shape[1]) - P[:, None, :])
    moved = np.einsum("nkc,nc->nk", model.size(slopes), model.size(error))
    own = rounding.softmax(Z, P, p) + p.gamma(rounding.roundings_of_delta(P.shape[1])) * (P + T)
    if model is _TYPICAL:
        own = tolerances.TYPICAL_LOSS_UNITS * p.u * (P + T)  # a typical size instead of a bound
    largest = error.max(axis=1, keepdims=True)
    return P - T, model.total(moved + model.size(own)) + 4 * P * largest**2


def _errors_of_gradient(
    A: Array, e: Array, delta: Array, e_delta: Array, p: Precision, model: _ErrorModel
) -> tuple[Array, Array]:
    """The errors of A^T delta / N and of the mean of delta, given those of A and delta: see `rounding.linear_grad`."""
    n, roundings = len(A), model.roundings(len(A) + 2, p)
    size, total = model.size, model.total
    largest_A, largest_delta = np.abs(A) + e, np.abs(delta) + e_delta
    W = total(
        size(largest_A).T @ size(e_delta)
        + size(e).T @ size(np.abs(delta))
        + size(roundings * largest_A).T @ size(largest_delta)
    )
    b = total((size(e_delta) + size(roundings * largest_delta)).sum(axis=0))
    return W / n + 2 * n * p.tiny, b / n + 2 * n * p.tiny
