"""Cases of networks: how a network is made and called, what is true of it, and how far rounding may go."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import New, Put, Ref, Seed, Step, own
from reference.lab import definitions
from reference.lab.context import Context
from reference.lab.contract import Oracle, one_hot
from reference.lab.own_layers import OWN_LAYERS
from reference.numerics import rounding, running_errors, tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.memo import digest
from reference.numerics.sampling import Draw, short_numbers

Array = NDArray[np.float64]

#: By kind of layer.
_CLASSES = {"linear": "LinearLayer", "relu": "ReLULayer", "softmax": "SoftmaxLayer"}

#: Widths from the input to the classes, and samples: from the smallest that can show a mistake to deep ones.
SHAPES = (
    ((1, 2), 1), ((1, 2), 2), ((2, 1, 2), 2), ((1, 2, 2), 3), ((2, 2, 2), 2), ((2, 3), 2), ((2, 3, 2), 3),
    ((4, 3, 5, 2, 3), 6), ((3, 5, 4, 3), 4),
)  # fmt: skip


@dataclass(frozen=True)
class NetCase:
    """A network with its weights, and a batch.

    Attributes
    ----------
    widths
        Of the input, the hidden layers and the output.
    theta
        W_1, b_1, W_2, b_2, ...
    X, T
        Inputs (N, D) and one-hot targets (N, K).
    compound
        True: the compound loss on logits, softmax as an output layer. False: softmax as a layer, cross-entropy on its
        probabilities.
    own
        True: the layers and the loss are the examiner's own, so that whatever is wrong is wrong with the network.
        False: they are the submission's.
    kinds
        Of the layers whose outputs the loss takes as logits, "linear" and "relu"; empty: ReLU between every two linear
        layers.
    names
        Of these layers; empty: Linear_1, ReLU_1, ..., Linear_OUT.
    before_softmax
        Kinds of the output layers before softmax, "relu" alone; with the compound loss.
    by_position
        Whether the network gets its arguments in their order instead of by name.
    """

    widths: tuple[int, ...]
    theta: tuple[Array, ...]
    X: Array
    T: Array
    compound: bool
    own: bool = False
    kinds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    before_softmax: tuple[str, ...] = ()
    by_position: bool = False

    def steps(self) -> list[Step]:
        """How to make the network, as the object "net"."""
        return list(self._steps)

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        made = own if self.own else str
        steps: list[Step] = [OWN_LAYERS] if self.own else []
        row, theta = list(zip(self.row, self.row_names, strict=True)), iter(self.theta)
        for kind, name in row:
            if kind == "linear":
                W, b = next(theta), next(theta)
                d, u = W.shape
                arguments = {"n_inputs": d, "n_units": u, "rng": Seed(1), "name": name}
                steps += [New(name, made("LinearLayer"), arguments), Put(name, "W", W), Put(name, "b", b)]
            else:
                steps.append(New(name, made(_CLASSES[kind]), {"name": name}))
        steps.append(New("CE", made(self.loss), {"name": "CE"}))
        inner = len(self.all_kinds) if self.compound else len(row)
        layers, outputs = ([Ref(name) for _, name in part] for part in (row[:inner], row[inner:]))
        given: dict[str, Any] = {"n_inputs": self.widths[0], "layers": layers, "loss": Ref("CE")}
        if self.compound:
            given["output_layers"] = outputs
        return (*steps, New("net", "MLP", given, self.by_position))

    @property
    def loss(self) -> str:
        """The class of the loss."""
        return "LossCrossEntropyForSoftmaxLogits" if self.compound else "LossCrossEntropy"

    @property
    def all_kinds(self) -> tuple[str, ...]:
        """Kinds of the layers up to the logits."""
        return self.kinds or running_errors.alternating(len(self.theta) // 2)

    @property
    def row(self) -> tuple[str, ...]:
        """Kinds of all layers that an input passes, softmax last."""
        return (*self.all_kinds, *self.before_softmax, "softmax")

    @property
    def row_names(self) -> tuple[str, ...]:
        """Names of all layers that an input passes."""
        names = self.names
        if not names:
            count = len(self.theta) // 2
            hidden = [name for k in range(1, count) for name in (f"Linear_{k}", f"ReLU_{k}")]
            names = (*hidden, "Linear_OUT")
        return (*names, *(f"{kind}_OUT" for kind in self.before_softmax), "Softmax_OUT")

    @property
    def linear(self) -> list[str]:
        """Names of the layers with parameters."""
        return [name for kind, name in zip(self.row, self.row_names, strict=True) if kind == "linear"]

    @property
    def labels(self) -> list[str]:
        """Names of the arrays of theta."""
        return [f"{name}.{attribute}" for name in self.linear for attribute in "Wb"]

    @cached_property
    def key(self) -> Hashable:
        """Tells what is true of this case from what is true of others, whoever made the layers."""
        return self.row, self.compound, digest(*self.theta, self.X, self.T)

    @cached_property
    def bounds(self) -> running_errors.NetBounds:
        """How far rounding may take an honest network."""
        return running_errors.network(self.X, self.theta, self.T, rounding.DOUBLE, self.all_kinds, self.before_softmax)

    def outputs(self, *theta: Any, count: int) -> Any:
        """The definition of what comes out of the first ``count`` layers."""
        X, parameters = theta[0].new_tensor(self.X), iter(theta)
        for kind in self.row[:count]:
            if kind == "linear":
                X = definitions.linear(X, next(parameters), next(parameters))
            else:
                X = definitions.relu(X) if kind == "relu" else definitions.softmax(X)
        return X

    def bound_after(self, count: int) -> Array:
        """How far rounding may take what comes out of the first ``count`` layers."""
        bounds = self.bounds
        if count == len(self.row):
            return bounds.probabilities
        # An output layer that is ReLU enlarges no error of the logits, which come last.
        return bounds.after[min(count, len(bounds.after)) - 1]

    def hidden(self, *theta: Any) -> Any:
        """The definition of the logits."""
        return self.outputs(*theta, count=len(self.all_kinds))

    def probabilities(self, *theta: Any) -> Any:
        """The definition of what the network predicts."""
        return self.outputs(*theta, count=len(self.row))

    def losses(self, *theta: Any) -> Any:
        """The definition of each sample's loss."""
        return definitions.cross_entropy_of_logits(self.hidden(*theta), self.T)

    def mean_loss(self, *theta: Any) -> Any:
        """The definition of the mean loss."""
        return self.losses(*theta).mean()

    def kink_free(self, directions: Sequence[Array]) -> float:
        """A factor t such that no unit changes its sign while theta moves by up to t times the directions, either way.

        A unit's input Z = A W + b moves by (A(t) - A) W + t A(t) dW + t db, with |A(t) - A| at most as much as the Z
        before it moves where that is positive, and 0 elsewhere.
        """
        t = 1.0
        while not self._keeps_signs(directions, t):
            t /= 2
        return t

    def _keeps_signs(self, directions: Sequence[Array], t: float) -> bool:
        A, moves = self.X, np.zeros(self.X.shape)
        layers = zip(self.theta[::2], self.theta[1::2], directions[::2], directions[1::2], strict=True)
        for W, b, dW, db in list(layers)[:-1]:
            Z = A @ W + b
            moves = moves @ np.abs(W) + t * ((np.abs(A) + moves) @ np.abs(dW) + np.abs(db))
            if (np.abs(Z) <= moves).any():
                return False
            A, moves = np.maximum(Z, 0), np.where(Z > 0, moves, 0)
        return True

    def true_gradient(self, oracle: Oracle) -> tuple[Estimate, ...]:
        """The gradient of the mean loss: for W_1, b_1, W_2, b_2, ..."""
        return oracle.vjp(self.mean_loss, np.array(1.0), self.theta)


def cases(context: Context, *, compound_only: bool = False, together: bool = False) -> Iterator[NetCase]:
    """Networks from small to deep, with the compound loss (from assignment 2 on) and without it.

    Made of the examiner's own layers, or ``together`` with the submission's.
    """
    for compound in (each for each in context.losses if each or not compound_only):
        for shape in SHAPES:
            yield case_of(context, shape, compound=compound, together=together)


def case_of(context: Context, shape: tuple[Sequence[int], int], *, compound: bool, together: bool = False) -> NetCase:
    """A network of that shape with short weights, and a batch; ``together`` with the submission's own layers."""
    key = ("net", context.seed, shape, compound, together)
    return context.known(key, lambda: replace(_drawn(context, shape, compound=compound), own=not together))


def _drawn(context: Context, shape: tuple[Sequence[int], int], *, compound: bool) -> NetCase:
    (*widths,), n = shape
    rng = context.rng(f"net.{widths}.{n}")
    return drawn(rng, short_numbers(rng), shape, compound=compound)


def drawn(rng: np.random.RandomState, draw: Draw, shape: tuple[Sequence[int], int], *, compound: bool) -> NetCase:
    """A network of that shape with numbers as ``draw`` draws them: no unit is near 0, and no probability underflows."""
    (*widths,), n = shape
    while True:
        theta = [array for d, u in pairwise(widths) for array in (draw((d, u)), draw((u,)) / 2 + 1 / 64)]
        X, T = draw((n, widths[0])), one_hot(rng.randint(0, widths[-1], n), widths[-1])
        if is_decided(X, theta):
            return NetCase(tuple(widths), tuple(theta), X, T, compound)


def is_decided(X: Array, theta: Sequence[Array], kinds: Sequence[str] = ()) -> bool:
    """Whether rounding decides nothing: no unit is near 0, and no probability underflows.

    ``kinds`` are those of a `NetCase`; ReLU of what ReLU gives decides nothing.
    """
    smallest, parameters, before = np.inf, iter(theta), ""
    for kind in kinds or running_errors.alternating(len(theta) // 2):
        if kind == "linear":
            X = X @ next(parameters) + next(parameters)
        else:
            smallest = smallest if before == "relu" else min(smallest, float(np.abs(X).min()))
            X = np.maximum(X, 0)
        before = kind
    return smallest > tolerances.UNIT_MARGIN and float(np.ptp(X, axis=1).max()) < tolerances.LOGIT_SPREAD
