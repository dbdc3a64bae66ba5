"""What the report says about a run, computed from its history and its net."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp

#: The curves of a history.
CURVES = ("loss_train", "acc_train", "loss_test", "acc_test")


def of_history(history: bp.History) -> dict[str, Any]:
    """The claims of the discussion: when the run was first good, how far it still moves, what its weights did."""
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
    """What became of a net with one hidden layer: units that are off for all of X, classes that it still predicts."""
    hidden = net.propagate(X, last_layer="ReLU_1")
    return {
        "hidden_units": hidden.shape[1],
        "dead_units": int(np.count_nonzero(hidden.max(axis=0) == 0)),
        "classes_predicted": len(np.unique(net.propagate(X).argmax(axis=1))),
    }


def of_deep_net(net: bp.MLP, X: NDArray[np.float32]) -> dict[str, Any]:
    """How large the logits of X have become: what a naive softmax passes to exp."""
    return {
        "largest_logit": max(float(np.abs(net.propagate(part, last_layer="Linear_OUT")).max()) for part in _parts(X))
    }


def relative_gradients(net: bp.MLP, X: NDArray[np.float32], T: NDArray[np.float32]) -> dict[str, float]:
    """Mean |dW| over mean |W| of each linear layer: by which share of itself a step of rate 1 would move it."""
    gradients = net.gradient(X, T)
    return {
        name: float(np.abs(gradients[name][0]).mean() / np.abs(W).mean()) for name, (W, _) in net.parameters().items()
    }


def _parts(X: NDArray[np.float32], rows: int = 1000) -> list[NDArray[np.float32]]:
    return [X[start : start + rows] for start in range(0, len(X), rows)]


def ending(history: bp.History) -> dict[str, Any]:
    """How a short run ended: its last numbers, or where it stopped."""
    return {
        "loss": history.loss_train[-1] if history.loss_train and history.stopped is None else None,
        "accuracy": history.acc_train[-1] if history.acc_train and history.stopped is None else None,
        "stopped": history.stopped,
        "stopped_at": history.stopped_at,
    }


def first_epoch_at_least(accuracies: list[float], level: float) -> int | None:
    """The first epoch with that accuracy; None if there is none."""
    return next((epoch for epoch, accuracy in enumerate(accuracies) if accuracy >= level), None)


def fall_of_last_tenth(losses: list[float]) -> float | None:
    """By which share the loss fell over the last tenth of the run: 0 where nothing moves any more."""
    if len(losses) < 2:  # noqa: PLR2004 - a fall has two ends
        return None
    before = losses[-1 - max((len(losses) - 1) // 10, 1)]
    return (before - losses[-1]) / before if before else 0.0


def normalised_amplitude(history: bp.History) -> dict[str, list[float]]:
    """Mean |W| of each linear layer over its value before training."""
    return {layer: [value / values[0] for value in values] for layer, values in history.amplitude.items()}
