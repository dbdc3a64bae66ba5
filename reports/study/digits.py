"""Analyses what a trained network predicts for MNIST's test images: which digits it confuses, and how surely."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp
from bp.datasets import mnist_array
from reports.study import causes, facts
from reports.study.part import Arrays
from reports.training.experiments import Data, Experiment, build_net

#: Images in the figure of samples, and in the figure of mistakes.
_SAMPLES, _MISTAKES = 20, 12


class DigitAnalysis:
    """Analyses the predictions of a trained network, and its gradient before and after training.

    The images that are shown are read from MNIST's files.
    """

    __name__ = "digits"

    def __init__(self, experiment: Experiment, folder: Path | None) -> None:
        self._experiment, self._folder = experiment, folder

    def __call__(self, net: bp.MLP, data: Data) -> tuple[dict[str, Any], Arrays]:
        """The numbers for results.json, and the images for the figures."""
        X, T, X_test, T_test = data
        rows = self._experiment.batch_size
        assert X_test is not None  # noqa: S101 - MNIST has a test set
        assert T_test is not None  # noqa: S101
        images = mnist_array("t10k-images-idx3-ubyte", self._folder).reshape(-1, 28, 28)
        found, worst = predictions(net.propagate(X_test), T_test.argmax(axis=1))
        # On the same batch before and after the training, so that only the weights differ.
        found["gradient"] = {
            moment: causes.of_gradient(each, X[:rows], T[:rows])
            for moment, each in (("first", build_net(self._experiment)), ("last", net))
        }
        found["compared"] = {
            moment: causes.compare(layers, "Linear_OUT", "Linear_1") for moment, layers in found["gradient"].items()
        }
        return facts.of_deep_net(net, X) | found, {"samples": images[:_SAMPLES], "mistakes": images[worst]}


def predictions(P: NDArray[Any], labels: NDArray[np.intp]) -> tuple[dict[str, Any], NDArray[np.intp]]:
    """The confusion matrix (a row for each true class) and the mistakes with the highest probabilities.

    Second comes where these mistakes are in the test set.

    Parameters
    ----------
    P
        Probabilities, (N, K).
    labels
        True classes, (N,).
    """
    k = P.shape[1]
    predicted = P.argmax(axis=1)
    confusion = np.zeros((k, k), dtype=int)
    np.add.at(confusion, (labels, predicted), 1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-P[wrong, predicted[wrong]], kind="stable")[:_MISTAKES]]
    off_diagonal = confusion - np.diag(np.diag(confusion))
    label, taken_for = (int(place) for place in np.unravel_index(off_diagonal.argmax(), off_diagonal.shape))
    shares = np.diag(confusion) / np.maximum(confusion.sum(axis=1), 1)
    return {
        "confusion": confusion.tolist(),
        "wrong": len(wrong),
        "tested": len(labels),
        "most_confused": {"label": label, "taken_for": taken_for, "times": int(off_diagonal[label, taken_for])},
        "hardest": {"label": int(shares.argmin()), "right": float(shares.min())},
        "easiest": {"label": int(shares.argmax()), "right": float(shares.max())},
        "surest_mistakes": [
            {"label": int(labels[i]), "predicted": int(predicted[i]), "probability": float(P[i, predicted[i]])}
            for i in worst
        ],
    }, worst
