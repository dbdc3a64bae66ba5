"""The assignment's experiments: their settings, their networks, their data, and how one is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import threadpoolctl
from numpy.typing import NDArray

import bp
from reports.io.cores import cores

#: X_train, T_train, X_test, T_test; the latter two are None if there is no test set.
Data = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None, NDArray[np.float32] | None]


@dataclass(frozen=True)
class Experiment:
    """All settings of an experiment, which decide its numbers.

    Attributes
    ----------
    name
        The name on the command line.
    data
        The data set.
    widths
        The widths of the input, the hidden layers and the output.
    stable
        True: the loss takes logits, and the stable softmax makes predictions (assignment 3). False: the naive softmax
        is the last layer, and the cross-entropy takes its probabilities (assignment 1).
    batch_size, alpha, n_epochs
        As in `bp.train`.
    dtype
        The precision of the parameters, hence of all arithmetic.
    seed
        The seed of the ``RandomState`` that draws the initial weights.
    input_scale
        A factor on the inputs: 1 in the assignment; a larger one provokes overflow.
    """

    name: str
    data: Literal["XOR", "spirals", "MNIST"]
    widths: tuple[int, ...]
    stable: bool
    batch_size: int
    alpha: float
    n_epochs: int
    dtype: Literal["float64", "float32"] = "float64"
    seed: int = 1234
    input_scale: float = 1.0


_DEEP = (784, 64, 64, 64, 64, 64, 10)

#: The experiments with the lab's settings, by the names that ``bp train`` takes.
EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment("xor", "XOR", (2, 4, 2), stable=False, batch_size=4, alpha=0.1, n_epochs=100),
        Experiment("spirals", "spirals", (2, 10, 3), stable=False, batch_size=300, alpha=1.0, n_epochs=1000),
        Experiment("mnist", "MNIST", _DEEP, stable=True, batch_size=3000, alpha=0.1, n_epochs=100),
        Experiment("mnist-unstable", "MNIST", _DEEP, stable=False, batch_size=3000, alpha=0.1, n_epochs=10),
    )
}


def build_net(experiment: Experiment) -> bp.MLP:
    """The network with fresh weights and the lab's names: Linear_1, ReLU_1, ..., Linear_OUT, Softmax_OUT."""
    rng = np.random.RandomState(experiment.seed)
    *hidden, (n_last, n_classes) = list(zip(experiment.widths, experiment.widths[1:], strict=False))
    layers: list[bp.LinearLayer | bp.ReLULayer | bp.NaiveSoftmaxLayer] = []
    for number, (n_inputs, n_units) in enumerate(hidden, start=1):
        layers.append(bp.LinearLayer(n_inputs, n_units, rng, f"Linear_{number}", dtype=experiment.dtype))
        layers.append(bp.ReLULayer(f"ReLU_{number}"))
    layers.append(bp.LinearLayer(n_last, n_classes, rng, "Linear_OUT", dtype=experiment.dtype))
    if experiment.stable:
        loss = bp.LossCrossEntropyForSoftmaxLogits("CE")
        return bp.MLP(experiment.widths[0], layers, loss, output_layers=[bp.SoftmaxLayer("Softmax_OUT")])
    layers.append(bp.NaiveSoftmaxLayer("Softmax_OUT"))
    return bp.MLP(experiment.widths[0], layers, bp.LossCrossEntropy("CE"))


def load_data(experiment: Experiment, mnist_folder: Path | None = None) -> Data:
    """Load the data of an experiment; ``mnist_folder`` is as in `bp.load_MNIST`. XOR has no test set."""
    X_test = T_test = None
    if experiment.data == "XOR":
        X_train, T_train = bp.load_XOR()
    elif experiment.data == "spirals":
        X_train, T_train, X_test, T_test = bp.load_spirals()
    else:
        X_train, T_train, X_test, T_test = bp.load_MNIST(mnist_folder)
    scale = np.float32(experiment.input_scale)
    if scale != 1:
        X_train, X_test = X_train * scale, None if X_test is None else X_test * scale
    return X_train, T_train, X_test, T_test


def sets_of(data: Data) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """(X, T) of the training set and, if there is one, of the test set."""
    X_train, T_train, X_test, T_test = data
    return [(X_train, T_train)] if X_test is None or T_test is None else [(X_train, T_train), (X_test, T_test)]


def run(
    experiment: Experiment,
    data: Data,
    net: bp.MLP,
    history: bp.History | None = None,
    on_epoch: Callable[[bp.History], bool | None] | None = None,
) -> bp.History:
    """Train ``net`` as the experiment says; the arguments are those of `bp.train`.

    Each matrix product has one thread, and the cores work on different pieces of a batch. So the order of summation,
    and with it the last digits of the result, does not depend on the number of cores.
    """
    X_train, T_train, X_test, T_test = data
    with threadpoolctl.threadpool_limits(1, user_api="blas"), _error_state(experiment):
        return bp.train(
            net,
            X_train,
            T_train,
            batch_size=experiment.batch_size,
            n_epochs=experiment.n_epochs,
            alpha=experiment.alpha,
            X_test=X_test,
            T_test=T_test,
            history=history,
            on_epoch=on_epoch,
            threads=cores(),
        )


def _error_state(experiment: Experiment) -> np.errstate:
    """Numpy's error state with which the lab runs MNIST; `bp.train` stops if it raises an error."""
    if experiment.data == "MNIST":
        return np.errstate(all="raise", under="warn", over="warn")
    return np.errstate()
