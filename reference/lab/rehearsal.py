"""The lab's experiments, as its trainer runs them: their networks, data, learning rates, batches and calls.

Nothing is judged here: see `reference.lab.checks.rehearsal`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import Call, Descend, Get, Grey, Keep, New, Ref, Rows, Seed, Step
from reference.lab.contract import one_hot

Single = NDArray[np.float32]

#: The seed of the generator that all layers of a network share.
LAB_SEED = 1234
#: Of the lab's net for MNIST, from the pixels to the ten digits.
DEEP_WIDTHS = (784, 64, 64, 64, 64, 64, 10)
#: The images of a mini-batch.
DEEP_BATCH = 3000
#: The points of each arm of the spirals.
_POINTS = 100
#: The share of the pixels that a shape covers, and of those that are black in every image: about those of MNIST.
_SHARE = 0.2


@dataclass(frozen=True)
class Experiment:
    """One of the lab's experiments.

    Attributes
    ----------
    name
        For a person.
    widths
        Of the input, the hidden layers and the output.
    X, T
        The training set, in single precision.
    batch
        Samples in a mini-batch; consecutive ones form one.
    rate
        The learning rate.
    epochs
        How often the whole training set is used.
    compound
        True: the compound loss on logits, softmax as an output layer. False: softmax as a layer, cross-entropy on its
        probabilities.
    seed
        Of the generator that the layers share.
    grey
        The images that give X, if it is made of grey ones: these are sent instead, since they are smaller.
    """

    name: str
    widths: tuple[int, ...]
    X: Single
    T: Single
    batch: int
    rate: float
    epochs: int
    compound: bool
    seed: int = LAB_SEED
    grey: Grey | None = None

    @property
    def linear(self) -> list[str]:
        """Names of the layers with parameters."""
        return [f"Linear_{number}" for number in range(1, len(self.widths) - 1)] + ["Linear_OUT"]

    @property
    def loss(self) -> str:
        """The class of the loss."""
        return "LossCrossEntropyForSoftmaxLogits" if self.compound else "LossCrossEntropy"

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it needs."""
        return ("MLP", "LinearLayer", "ReLULayer", "SoftmaxLayer", self.loss)

    def batches(self) -> Iterator[tuple[int, int, slice]]:
        """Epoch and batch, counted from 1, and the batch's rows."""
        for epoch in range(1, self.epochs + 1):
            for number, start in enumerate(range(0, len(self.X), self.batch), start=1):
                yield epoch, number, slice(start, min(start + self.batch, len(self.X)))

    def groups(self) -> list[list[Step]]:
        """All steps of the training: what makes the network, a group for each batch, and what is asked at the end.

        The first group ends with a look at the parameters. That of a batch asks for losses, takes a step of gradient
        descent, and looks at the parameters; before an epoch the predictions are asked for as well. The last group asks
        for predictions and losses of the first batch once more.
        """
        kept: list[Step] = [Keep("all X", self.X if self.grey is None else self.grey), Keep("all T", self.T)]
        groups = [[*self._network(), *kept, *self._looks()]]
        for _, number, rows in self.batches():
            X, T = _of(rows)
            asked = [_propagate(rows), _evaluate(rows)] if number == 1 else [_evaluate(rows)]
            groups.append([*asked, Descend("net", tuple(self.linear), X, T, self.rate), *self._looks()])
        _, _, first = next(self.batches())
        return [*groups, [_propagate(first), _evaluate(first)]]

    def _network(self) -> list[Step]:
        steps: list[Step] = []
        layers: list[Ref] = []
        for number, (d, u) in enumerate(pairwise(self.widths), start=1):
            name = self.linear[number - 1]
            steps.append(_new(name, "LinearLayer", {"n_inputs": d, "n_units": u, "rng": Seed(self.seed), "name": name}))
            layers.append(Ref(name))
            if number < len(self.linear):
                steps.append(_new(f"ReLU_{number}", "ReLULayer", {"name": f"ReLU_{number}"}))
                layers.append(Ref(f"ReLU_{number}"))
        steps += [_new("Softmax_OUT", "SoftmaxLayer", {"name": "Softmax_OUT"}), _new("CE", self.loss, {"name": "CE"})]
        softmax = [Ref("Softmax_OUT")]
        options = {"output_layers": softmax} if self.compound else {}
        layers = layers if self.compound else layers + softmax
        arguments = {"n_inputs": self.widths[0], "layers": layers, "loss": Ref("CE"), **options}
        return [*steps, _new("net", "MLP", arguments)]

    def _looks(self) -> list[Step]:
        return [Get(name, attribute) for name in self.linear for attribute in "Wb"]


def _new(name: str, cls: str, arguments: dict[str, Any]) -> New:
    return New(name, cls, arguments, by_position=True)


def _propagate(rows: slice) -> Step:
    X, _ = _of(rows)
    return Call("net", "propagate", {"X": X}, by_position=True)


def _evaluate(rows: slice) -> Step:
    X, T = _of(rows)
    return Call("net", "evaluate", {"X": X, "T": T}, by_position=True)


def _of(rows: slice) -> tuple[Rows, Rows]:
    return Rows("all X", rows.start, rows.stop), Rows("all T", rows.start, rows.stop)


def xor() -> tuple[Single, Single]:
    """The four points of XOR and their one-hot targets."""
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    return X, one_hot(np.array([1, 0, 0, 1]), 2).astype(np.float32)


def spirals(rng: np.random.RandomState) -> tuple[Single, Single]:
    """The training set of the spirals: three arms of points and their one-hot targets."""
    arms, radius = [], np.linspace(0, 2.5, _POINTS)
    for arm in range(3):
        angle = np.linspace(4 * arm, 4 * (arm + 1), _POINTS) + 0.2 * rng.randn(_POINTS)
        arms.append(np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]))
    return np.vstack(arms).astype(np.float32), one_hot(np.repeat(range(3), _POINTS), 3).astype(np.float32)


def images(rng: np.random.RandomState, n: int) -> tuple[Single, Single, Grey]:
    """Made-up images of MNIST's kind: ten shapes of grey pixels on black, standardised as the lab standardises.

    Returns X, T, and the images as they are sent.
    """
    digits = rng.randint(0, DEEP_WIDTHS[-1], n)
    shapes = rng.random_sample((DEEP_WIDTHS[-1], DEEP_WIDTHS[0])) < _SHARE
    shapes[:, rng.random_sample(DEEP_WIDTHS[0]) < _SHARE] = False  # black in every image, as the edges are
    grey = rng.randint(0, 256, (n, DEEP_WIDTHS[0]), dtype=np.uint8)
    levels = grey * shapes[digits]
    brightness = levels.astype(np.float32) / np.float32(255)
    deviations = brightness.std(axis=0)
    sent = Grey(levels, brightness.mean(axis=0), np.where(deviations > 0, deviations, np.float32(1)))
    return sent.standardised(), one_hot(digits, DEEP_WIDTHS[-1]).astype(np.float32), sent
