"""The ways to compute softmax, its loss and its gradient that are compared: naive, usual, ours, and libraries."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp
from reference.numerics.oracles import torch_autograd

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Formulas:
    """One way to compute softmax, its loss and its gradient.

    Attributes
    ----------
    name
        How tables and figures call this way.
    softmax
        Probabilities (N, K) from logits X (N, K).
    loss
        Cross-entropy (N, 1) from logits and targets T (N, K).
    delta
        The gradient (N, K) of the loss with respect to the logits.
    vector_jacobian
        The gradient (N, K) with respect to the logits, from softmax's outputs and a cotangent; None if this way has no
        function of its own for it.
    """

    name: str
    softmax: Callable[[Array], Array]
    loss: Callable[[Array, Array], Array]
    delta: Callable[[Array, Array], Array]
    vector_jacobian: Callable[[Array, Array], Array] | None


def available() -> tuple[list[Formulas], list[str]]:
    """The ways that can be used here, the naive one first; and the reasons why others cannot."""
    optional = [(_torch, torch_autograd.available()), (_scipy, _no_scipy())]
    libraries = [make() for make, reason in optional if reason is None]
    return [NAIVE, USUAL, OURS, *libraries], [reason for _, reason in optional if reason is not None]


def usual_softmax(X: Array) -> Array:
    """exp(x - m) / sum exp(x - m), where m is the row's maximum."""
    E = np.exp(X - X.max(axis=1, keepdims=True))
    P: Array = E / E.sum(axis=1, keepdims=True)
    return P


def usual_loss(X: Array, T: Array) -> Array:
    """sum_k t_k (log sum exp(x - m) - (x_k - m)), where m is the row's maximum."""
    Z = X - X.max(axis=1, keepdims=True)
    log_total = np.log(np.exp(Z).sum(axis=1, keepdims=True))
    return _expected(log_total - Z, T)


def usual_delta(X: Array, T: Array) -> Array:
    """p - t, where p is the usual softmax."""
    return usual_softmax(X) - T


def _expected(losses: Array, T: Array) -> Array:
    """The sum of the losses of all classes, weighted by their targets; an infinite loss with target 0 adds nothing."""
    weighted: Array = np.multiply(T, losses, out=np.zeros_like(losses), where=T != 0).sum(axis=1, keepdims=True)
    return weighted


def _naive() -> Formulas:
    layer, loss = bp.NaiveSoftmaxLayer("Softmax"), bp.LossCrossEntropy("CE")

    def delta(X: Array, T: Array) -> Array:
        P = layer.forward(X)
        return layer.delta(P, loss.delta(P, T))

    return Formulas("naive", layer.forward, lambda X, T: loss.forward(layer.forward(X), T), delta, None)


def _ours() -> Formulas:
    layer, loss = bp.SoftmaxLayer("Softmax"), bp.LossCrossEntropyForSoftmaxLogits("CE")
    return Formulas("ours", layer.forward, loss.forward, loss.delta, layer.delta)


def _torch() -> Formulas:
    return Formulas(
        "PyTorch",
        torch_autograd.softmax,
        torch_autograd.cross_entropy,
        torch_autograd.cross_entropy_gradient,
        torch_autograd.softmax_vjp,
    )


def _scipy() -> Formulas:
    special = importlib.import_module("scipy.special")
    return Formulas(
        "SciPy",
        lambda X: np.asarray(special.softmax(X, axis=1)),
        lambda X, T: _expected(-special.log_softmax(X, axis=1), T),
        lambda X, T: np.asarray(special.softmax(X, axis=1) - T),
        None,
    )


def _no_scipy() -> str | None:
    return None if importlib.util.find_spec("scipy") else "SciPy is not installed"


#: Assignment 1: exp(x) / sum exp(x), -log p, and the chain rule through both.
NAIVE = _naive()
#: What textbooks and libraries do: subtract the row's maximum.
USUAL = Formulas("usual stable", usual_softmax, usual_loss, usual_delta, bp.NaiveSoftmaxLayer("Softmax").delta)
OURS = _ours()
