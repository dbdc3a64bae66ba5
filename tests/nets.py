"""Random networks in every coding, and their errors in units of what they are granted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.lab import definitions
from reference.lab.cases import Case
from reference.lab.contract import Expected, one_hot
from reference.numerics import rounding, running_errors
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball
from tests.measuring import Tally, set_parameters

Array = NDArray[Any]

#: Probabilities of targets must not underflow, in single precision either.
_FARTHEST = 60.0


def hidden(X: Any, parameters: Sequence[Any]) -> Any:
    """The definition of linear layers with ReLU between them: W_1, b_1, W_2, b_2, ...; the logits (N, K)."""
    for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        X = definitions.relu(definitions.linear(X, W, b))
    return definitions.linear(X, parameters[-2], parameters[-1])


@dataclass(frozen=True)
class Net:
    """Weights W_1, b_1, W_2, b_2, ... and a batch."""

    theta: tuple[Array, ...]
    X: Array
    T: Array

    def truths(self) -> dict[str, tuple[Estimate, ...]]:
        """Of each array that a net gives, by the names of `running_errors.NetBounds`."""
        X, T = np.float64(self.X), np.float64(self.T)
        theta = [np.float64(array) for array in self.theta]

        def logits(*theta: Any) -> Any:
            return hidden(theta[0].new_tensor(X), theta)

        def losses(*theta: Any) -> Any:
            return definitions.cross_entropy_of_logits(logits(*theta), T)

        return {
            "logits": (ball.value(logits, theta),),
            "probabilities": (ball.value(lambda *theta: definitions.softmax(logits(*theta)), theta),),
            "losses": (ball.value(losses, theta),),
            "gradient": ball.vjp(lambda *theta: losses(*theta).mean(), np.array(1.0), theta),
        }

    def bounds(self) -> dict[str, tuple[Array, ...]]:
        """What is granted, by the same names."""
        theta = [np.float64(array) for array in self.theta]
        found = running_errors.network(
            np.float64(self.X), theta, np.float64(self.T), rounding.precision_of(self.X, *self.theta)
        )
        each = {name: (getattr(found, name),) for name in ("logits", "probabilities", "losses")}
        return {**each, "gradient": found.gradient}

    def answers(self, classes: Mapping[str, Any], *, compound: bool) -> dict[str, tuple[Array, ...]]:
        """What a coding gives, by the same names; the logits with the compound loss alone."""
        net, names = self._made(classes, compound=compound)
        with np.errstate(all="ignore"):
            gradient = net.gradient(self.X, self.T)
            answers = {
                "probabilities": (net.propagate(self.X),),
                "losses": (net.evaluate(self.X, self.T),),
                "gradient": tuple(part for name in names for part in gradient[name]),
            }
            return answers | ({"logits": (net.propagate(self.X, output_layers=False),)} if compound else {})

    def _made(self, classes: Mapping[str, Any], *, compound: bool) -> tuple[Any, list[str]]:
        layers: list[Any] = []
        for W, b in zip(self.theta[::2], self.theta[1::2], strict=True):
            if layers:
                layers.append(classes["ReLULayer"](name=f"ReLU_{len(layers)}"))
            linear = classes["LinearLayer"](*W.shape, np.random.RandomState(0), f"Linear_{len(layers)}")
            set_parameters(linear, W.copy(), b.copy())
            layers.append(linear)
        names = [layer.name for layer in layers if layer.has_params()]
        softmax = classes["SoftmaxLayer"](name="Softmax_OUT")
        if compound:
            loss = classes["LossCrossEntropyForSoftmaxLogits"](name="CE")
            return classes["MLP"](len(self.theta[0]), layers, loss, [softmax]), names
        return classes["MLP"](len(self.theta[0]), [*layers, softmax], classes["LossCrossEntropy"](name="CE")), names


def drawn(rng: np.random.RandomState, dtype: Any) -> Iterator[Net]:
    """Nets without end, shallow and deep; with short numbers units are often exactly 0."""
    while True:
        widths = [int(width) for width in rng.randint(1, 6, rng.randint(2, 6))]
        short, scale, n = rng.rand() < 0.4, 10.0 ** rng.uniform(-1, 0.7), int(rng.randint(1, 6))

        def draw(*shape: int, short: bool = short) -> Array:
            return rng.randint(-8, 9, shape) / 8 if short else rng.randn(*shape)

        theta = [array for d, u in pairwise(widths) for array in (draw(d, u) * (1 if short else scale), draw(u))]
        X, T = draw(n, widths[0]), one_hot(rng.randint(0, widths[-1], n), widths[-1])
        if np.ptp(_logits(X, theta), axis=1).max() < _FARTHEST:
            yield Net(tuple(array.astype(dtype) for array in theta), X.astype(dtype), T.astype(dtype))


def _logits(X: Array, theta: Sequence[Array]) -> Array:
    for W, b in zip(theta[:-2:2], theta[1:-2:2], strict=True):
        X = np.maximum(X @ W + b, 0)
    return np.asarray(X @ theta[-2] + theta[-1])


def tally(
    codings: Mapping[str, Mapping[str, Any]], dtype: Any, n: int, *, codings_a_question: int, seed: int = 0
) -> dict[str, Tally]:
    """Make ``n`` nets, each in some of the codings, with both losses; part by part."""
    rng = np.random.RandomState(seed)
    tallies: dict[str, Tally] = {}
    for net, _ in zip(drawn(rng, dtype), range(n), strict=False):
        truths, bounds = net.truths(), net.bounds()
        case = Case({"X": net.X, "T": net.T}, {str(number): array for number, array in enumerate(net.theta)})
        for name in rng.choice(list(codings), codings_a_question, replace=False):
            for compound in (True, False):
                for part, given in net.answers(codings[name], compound=compound).items():
                    answer = Expected(truths[part], bounds[part])
                    tallies.setdefault(part, Tally()).add(str(name), case, given, answer)
    return tallies
