"""Computes the facts that the report states about a training run, from its history and its network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp

#: The curves of a history that the report shows.
CURVES = ("loss_train", "acc_train", "loss_test", "acc_test")


def of_history(history: bp.History) -> dict[str, Any]:
    """The facts of the discussion: when the run got good, whether the loss still falls, how the weights moved."""
    amplitude = normalised_amplitude(history)
    return {
        "epoch_of_90_percent_train": first_epoch_at_least(history.acc_train, 0.9),
        "epoch_of_all_train": first_epoch_at_least(history.acc_train, 1.0),
        "epoch_of_90_percent_test": first_epoch_at_least(history.acc_test, 0.9),
        "lowest_loss_test_epoch": int(np.argmin(history.loss_test)) if history.loss_test else None,
        "lowest_loss_test": min(history.loss_test, default=None),
        "loss_fall_of_last_tenth": fall_of_last_tenth(history.loss_train),
        "amplitude_ratio": {layer: ratios[-1] for layer, ratios in amplitude.items() if ratios},
        "amplitude_moves_most": max(amplitude, key=lambda layer: abs(amplitude[layer][-1] - 1), default=None),
    }


def of_shallow_net(net: bp.MLP, X: NDArray[np.float32]) -> dict[str, Any]:
    """Facts about a network with one hidden layer: hidden units that are 0 for all of X, classes that it predicts."""
    hidden = net.propagate(X, last_layer="ReLU_1")
    return {
        "hidden_units": hidden.shape[1],
        "dead_units": int(np.count_nonzero(hidden.max(axis=0) == 0)),
        "classes_predicted": len(np.unique(net.propagate(X).argmax(axis=1))),
    }


def of_deep_net(net: bp.MLP, X: NDArray[np.float32]) -> dict[str, Any]:
    """The largest size of a logit of X: what a naive softmax passes to exp."""
    return {
        "largest_logit": max(float(np.abs(net.propagate(part, last_layer="Linear_OUT")).max()) for part in _slices(X))
    }


def relative_gradients(net: bp.MLP, X: NDArray[np.float32], T: NDArray[np.float32]) -> dict[str, float]:
    """Mean |dW| divided by mean |W| for each linear layer: how far a step of rate 1 moves it, relative to its size."""
    gradients = net.gradient(X, T)
    return {
        name: float(np.abs(gradients[name][0]).mean() / np.abs(W).mean()) for name, (W, _) in net.parameters().items()
    }


def _slices(X: NDArray[np.float32], rows: int = 1000) -> list[NDArray[np.float32]]:
    return [X[start : start + rows] for start in range(0, len(X), rows)]


def ending(history: bp.History) -> dict[str, Any]:
    """How a short run ended: its last loss and accuracy, or where it stopped."""
    return {
        "loss": history.loss_train[-1] if history.loss_train and history.stopped is None else None,
        "accuracy": history.acc_train[-1] if history.acc_train and history.stopped is None else None,
        "stopped": history.stopped,
        "stopped_at": history.stopped_at,
    }


def first_epoch_at_least(accuracies: list[float], level: float) -> int | None:
    """The first epoch whose accuracy is at least ``level``; None if there is none."""
    return next((epoch for epoch, accuracy in enumerate(accuracies) if accuracy >= level), None)


def fall_of_last_tenth(losses: list[float]) -> float | None:
    """By which share of itself the loss fell over the last tenth of the run; None if there is only one loss."""
    if len(losses) < 2:  # noqa: PLR2004 - a fall has two ends
        return None
    before = losses[-1 - max((len(losses) - 1) // 10, 1)]
    return (before - losses[-1]) / before if before else 0.0


def normalised_amplitude(history: bp.History) -> dict[str, list[float]]:
    """Mean |W| of each linear layer after each epoch, divided by its value before training."""
    return {layer: [value / values[0] for value in values] for layer, values in history.amplitude.items()}
