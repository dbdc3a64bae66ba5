"""Computes the facts that the report states about a training run, from its history and its network."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp

#: The curves of a history that the report shows.
CURVES = ("loss_train", "acc_train", "loss_test", "acc_test")
#: What the report states about the epoch with the lowest test loss.
_AT_LOWEST = ("loss_test", "acc_test", "loss_train")
#: The beginning of a training, where a large rate does its damage.
_FIRST_STEPS = 10


def of_history(history: bp.History) -> dict[str, Any]:
    """The facts of the discussion: when the run got good, whether the loss still falls, how the weights moved."""
    amplitude = normalised_amplitude(history)
    lowest = int(np.argmin(history.loss_test)) if history.loss_test else None
    return {
        "epoch_of_90_percent_train": first_epoch_at_least(history.acc_train, 0.9),
        "epoch_of_all_train": first_epoch_at_least(history.acc_train, 1.0),
        "epoch_of_90_percent_test": first_epoch_at_least(history.acc_test, 0.9),
        "lowest_loss_test_epoch": lowest,
        **{f"lowest_{name}": history[name][lowest] if lowest is not None else None for name in _AT_LOWEST},
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


def distance_from(start: NDArray[Any], now: NDArray[Any]) -> float:
    """The norm of the change of a matrix, relative to the norm it started with: it sees what mean |W| does not.

    If one entry grows by what another loses, mean |W| stays as it is.
    """
    with np.errstate(all="ignore"):  # the weights of a run that fails may be infinite
        size = float(np.linalg.norm(start))
        return float(np.linalg.norm(now - start)) / size if size else 0.0


def crossings(probabilities: list[NDArray[Any]], T: NDArray[Any]) -> list[dict[str, Any]]:
    """Where a sample becomes right or wrong.

    Returns
    -------
    list of dict
        In the order of the epochs: ``epoch``, the first one with the new state; ``sample``, from 1; ``right``, the new
        state; ``before`` and ``after``, the probability of the true class in the epoch before and in this one.
    """
    labels = T.argmax(axis=1)
    found = []
    for epoch, (before, after) in enumerate(pairwise(probabilities), start=1):
        states = [P.argmax(axis=1) == labels for P in (before, after)]
        for sample in np.flatnonzero(states[0] != states[1]):
            label = labels[sample]
            found.append({
                "epoch": epoch, "sample": int(sample) + 1, "right": bool(states[1][sample]),
                "before": float(before[sample, label]), "after": float(after[sample, label]),
            })  # fmt: skip
    return found


def all_parameters(net: bp.MLP) -> NDArray[Any]:
    """All parameters of a network in one vector, a copy."""
    return np.concatenate([array.ravel() for pair in net.parameters().values() for array in pair])


def of_rises(losses: list[float]) -> dict[str, Any]:
    """How often the loss rose from one epoch to the next, in the whole run and in its first steps, and how high."""
    rose = np.diff(losses) > 0
    first = rose[:_FIRST_STEPS]
    return {
        "number": len(rose),
        "rose": int(rose.sum()),
        "first": len(first),
        "rose_first": int(first.sum()),
        "worst_loss": float(max(losses)),
        "worst_epoch": int(np.argmax(losses)),
    }


def of_steps(losses: list[float], lengths: list[float], alpha: float) -> dict[str, Any]:
    """How the steps of a run, one an epoch, compare with what the gradient promises.

    To first order the loss falls by alpha times the gradient's square. A step is alpha times the gradient, so that
    this is the step's squared length over alpha.

    Returns
    -------
    dict
        The facts of `of_rises`, and of the first step what it ``promised`` and by how much the loss ``fell``, which is
        negative if the loss rose.
    """
    fell = float(losses[0] - losses[1]) if len(losses) > 1 else None
    return of_rises(losses) | {"promised": lengths[0] ** 2 / alpha, "fell": fell}
