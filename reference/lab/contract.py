"""What is promised: each message of each layer, the inputs that it is for, its truth, the rounding it is granted.

A `Message` knows three things about a method of the lab: how to draw cases for it; what the true answer is, from
the definition of the forward pass (`reference.lab.definitions`), which an oracle evaluates or differentiates; and how
far rounding may take an honest coding from that truth (`reference.numerics.rounding`). Checks ask; they know no
formula.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import New, Put, Seed, Step
from reference.lab import definitions
from reference.lab.cases import Case, Sizes
from reference.numerics import rounding
from reference.numerics.estimate import Estimate
from reference.numerics.sampling import Draw

Array = NDArray[Any]
Shapes = tuple[tuple[int, ...], ...]


class Oracle(Protocol):
    """Evaluates and differentiates definitions; each answer bounds its own error."""

    @property
    def NAME(self) -> str:  # noqa: N802 - oracles are modules
        """What it is called in a finding."""

    def value(self, spec: Callable[..., Any], args: tuple[Array, ...]) -> Estimate:
        """spec(*args)."""

    def vjp(self, spec: Callable[..., Any], cotangent: Array, args: tuple[Array, ...]) -> tuple[Estimate, ...]:
        """The gradient of <cotangent, spec(*args)> with respect to each argument."""


@dataclass(frozen=True)
class Expected:
    """The truth, and how far from it an honest answer may be: part by part (``grad`` has two)."""

    truth: tuple[Estimate, ...]
    bounds: tuple[Array, ...]


@dataclass(frozen=True)
class Message:
    """One method of one class.

    Attributes
    ----------
    cls, method
        As in the contract.
    key
        First part of the ids of its checks: ``linear``, ``relu``, ...
    arguments
        Names of the method's arguments, in order.
    parts
        Names of what comes back: one, or two for ``grad``.
    draw
        A case of given sizes, its numbers from the given source.
    answer
        The truth and the bounds for a case.
    shapes
        Of the parts of the answer to a case.
    per_sample
        Whether row n of the answer depends on row n of the arguments alone.
    single_in_lab
        Names of the arguments that are float32 in the lab's own setting, where all else is float64.
    """

    cls: str
    method: str
    key: str
    arguments: tuple[str, ...]
    parts: tuple[str, ...]
    draw: Callable[[Sizes, Draw], Case]
    answer: Callable[[Case, Oracle], Expected]
    shapes: Callable[[Case], Shapes]
    per_sample: bool = True
    single_in_lab: tuple[str, ...] = ()

    @property
    def parameters(self) -> bool:
        """Whether its layer has parameters, W and b."""
        return self.cls == "LinearLayer"

    @property
    def subject(self) -> str:
        """``Class.method``."""
        return f"{self.cls}.{self.method}"

    def setting(self, case: Case) -> list[Step]:
        """The steps that make the object on which the method is called, by the name "layer"."""
        if self.cls != "LinearLayer":
            return [New("layer", self.cls, {"name": "layer"})]
        W, b = case.parameters["W"], case.parameters["b"]
        arguments = {"n_inputs": W.shape[0], "n_units": W.shape[1], "rng": Seed(0), "name": "layer"}
        return [New("layer", self.cls, arguments), Put("layer", "W", W), Put("layer", "b", b)]


def one_hot(labels: Array, n_classes: int) -> Array:
    """Targets (N, K), float64."""
    return np.eye(n_classes)[labels]


# Cases


def _draw_linear_forward(s: Sizes, draw: Draw) -> Case:
    return Case({"X": draw((s.n, s.d))}, _parameters(s, draw))


def _draw_linear_delta(s: Sizes, draw: Draw) -> Case:
    case = _draw_linear_forward(s, draw)
    X, W, b = case.arguments["X"], case.parameters["W"], case.parameters["b"]
    return Case({"Y": X @ W + b, "delta_next": draw((s.n, s.u))}, case.parameters, X)


def _draw_linear_grad(s: Sizes, draw: Draw) -> Case:
    return Case({"X": draw((s.n, s.d)), "delta_next": draw((s.n, s.u))}, _parameters(s, draw))


def _parameters(s: Sizes, draw: Draw) -> dict[str, Array]:
    return {"W": draw((s.d, s.u)), "b": draw((s.u,))}


def _draw_inputs(s: Sizes, draw: Draw) -> Case:
    return Case({"X": draw((s.n, s.u))})


def _draw_relu_delta(s: Sizes, draw: Draw) -> Case:
    X = draw((s.n, s.u))
    return Case({"Y": np.maximum(X, 0), "delta_next": draw((s.n, s.u))}, {}, X)


def _draw_softmax_delta(s: Sizes, draw: Draw) -> Case:
    X = draw((s.n, s.u))
    return Case({"Y": probabilities(X), "delta_next": draw((s.n, s.u))}, {}, X)


def _draw_probabilities(s: Sizes, draw: Draw) -> Case:
    X = draw((s.n, s.u))
    return Case({"X": probabilities(X), "T": _targets(X)})


def _draw_logits(s: Sizes, draw: Draw) -> Case:
    X = draw((s.n, s.u))
    return Case({"X": X, "T": _targets(X)})


def _targets(X: Array) -> Array:
    """One-hot targets, a different class from sample to sample, at places that depend on the draw."""
    n, k = X.shape
    first = int(np.abs(np.float64(X[0, 0])) * 8) if np.isfinite(X[0, 0]) and abs(X[0, 0]) < 2**40 else 0
    return one_hot((np.arange(n) * max(k - 1, 1) + first) % k, k).astype(X.dtype)


def probabilities(X: Array) -> Array:
    """Probabilities near softmax(X), as the input of a case: they need not be exact."""
    with np.errstate(over="ignore", under="ignore"):
        E = np.exp(X - X.max(axis=1, keepdims=True))
        return np.asarray(E / E.sum(axis=1, keepdims=True))


# Shapes


def _outputs(case: Case) -> Shapes:
    """(N, U), where U is D but for a linear layer."""
    n, d = case.arguments["X"].shape
    return ((n, case.parameters["W"].shape[1] if case.parameters else d),)


def _inputs(case: Case) -> Shapes:
    """(N, D)."""
    n, u = next(iter(case.arguments.values())).shape
    return ((n, case.parameters["W"].shape[0] if case.parameters else u),)


def _gradients(case: Case) -> Shapes:
    """Of W and of b."""
    return tuple(array.shape for array in case.parameters.values())


def _losses(case: Case) -> Shapes:
    """(N, 1)."""
    return ((case.n_samples, 1),)


# Truths


def _linear_forward(case: Case, oracle: Oracle) -> Expected:
    X, W, b = _doubles(case.arguments["X"], case.parameters["W"], case.parameters["b"])
    bound = rounding.linear_forward(X, W, b, case.precision())
    return Expected((oracle.value(definitions.linear, (X, W, b)),), (bound,))


def _linear_delta(case: Case, oracle: Oracle) -> Expected:
    X, W, b, d = _doubles(case.origin, *case.parameters.values(), case.arguments["delta_next"])
    truth, _, _ = oracle.vjp(definitions.linear, d, (X, W, b))
    return Expected((truth,), (rounding.linear_delta(W, d, case.precision()),))


def _linear_grad(case: Case, oracle: Oracle) -> Expected:
    X, W, b, d = _doubles(case.arguments["X"], *case.parameters.values(), case.arguments["delta_next"])
    _, *truth = oracle.vjp(lambda X, W, b: definitions.linear(X, W, b) / len(X), d, (X, W, b))
    return Expected(tuple(truth), rounding.linear_grad(X, d, case.precision()))


def _relu_forward(case: Case, oracle: Oracle) -> Expected:
    (X,) = _doubles(case.arguments["X"])
    return Expected((oracle.value(definitions.relu, (X,)),), (rounding.exact(X),))


def _relu_delta(case: Case, oracle: Oracle) -> Expected:
    X, d = _doubles(case.origin, case.arguments["delta_next"])
    return Expected(oracle.vjp(definitions.relu, d, (X,)), (rounding.exact(X),))


def _softmax_forward(case: Case, oracle: Oracle) -> Expected:
    (X,) = _doubles(case.arguments["X"])
    truth = oracle.value(definitions.softmax, (X,))
    return Expected((truth,), (rounding.softmax(X, truth.value, case.precision()),))


def _softmax_delta(case: Case, oracle: Oracle) -> Expected:
    Y, d = _doubles(case.arguments["Y"], case.arguments["delta_next"])

    def softmax_at(shift: Any) -> Any:
        """Softmax of log Y + shift: at a shift of 0 it is Y, whatever that lost in rounding, probabilities of 0 too."""
        E = shift.new_tensor(Y) * shift.exp()
        return E / E.sum(dim=1, keepdim=True)

    truth = oracle.vjp(softmax_at, d, (np.zeros(Y.shape),))
    return Expected(truth, (rounding.softmax_delta(Y, d, case.precision()),))


def _cross_entropy(case: Case, oracle: Oracle) -> Expected:
    P, T = _doubles(case.arguments["X"], case.arguments["T"])
    truth = oracle.value(lambda P: definitions.cross_entropy(P, T), (P,))
    return Expected((truth,), (rounding.cross_entropy(P, T, case.precision()),))


def _cross_entropy_delta(case: Case, oracle: Oracle) -> Expected:
    P, T = _doubles(case.arguments["X"], case.arguments["T"])
    # Each loss depends on its own row alone, so that one cotangent of ones gives every row's gradient.
    truth = oracle.vjp(lambda P: definitions.cross_entropy(P, T), np.ones((len(P), 1)), (P,))
    return Expected(truth, (rounding.cross_entropy_delta(P, T, case.precision()),))


def _logits_loss(case: Case, oracle: Oracle) -> Expected:
    X, T = _doubles(case.arguments["X"], case.arguments["T"])
    P = oracle.value(definitions.softmax, (X,)).value
    truth = oracle.value(lambda X: definitions.cross_entropy_of_logits(X, T), (X,))
    return Expected((truth,), (rounding.logits_loss(X, T, P, case.precision()),))


def _logits_delta(case: Case, oracle: Oracle) -> Expected:
    X, T = _doubles(case.arguments["X"], case.arguments["T"])
    P = oracle.value(definitions.softmax, (X,)).value
    truth = oracle.vjp(lambda X: definitions.cross_entropy_of_logits(X, T), np.ones((len(X), 1)), (X,))
    return Expected(truth, (rounding.logits_delta(X, T, P, case.precision()),))


def _doubles(*arrays: Array | None) -> tuple[NDArray[np.float64], ...]:
    """The same numbers in double precision."""
    return tuple(np.asarray(array, dtype=np.float64) for array in arrays)


_COMPOUND = "LossCrossEntropyForSoftmaxLogits"
#: Every message of the layers and losses, in the order in which a network needs them.
MESSAGES = (
    Message("LinearLayer", "forward", "linear", ("X",), ("Y",), _draw_linear_forward, _linear_forward, _outputs,
            single_in_lab=("X",)),
    Message("LinearLayer", "delta", "linear", ("Y", "delta_next"), ("delta",), _draw_linear_delta, _linear_delta,
            _inputs),
    Message("LinearLayer", "grad", "linear", ("X", "delta_next"), ("dW", "db"), _draw_linear_grad, _linear_grad,
            _gradients, per_sample=False, single_in_lab=("X",)),
    Message("ReLULayer", "forward", "relu", ("X",), ("Y",), _draw_inputs, _relu_forward, _outputs),
    Message("ReLULayer", "delta", "relu", ("Y", "delta_next"), ("delta",), _draw_relu_delta, _relu_delta, _inputs),
    Message("SoftmaxLayer", "forward", "softmax", ("X",), ("Y",), _draw_inputs, _softmax_forward, _outputs),
    Message("SoftmaxLayer", "delta", "softmax", ("Y", "delta_next"), ("delta",), _draw_softmax_delta, _softmax_delta,
            _inputs),
    Message("LossCrossEntropy", "forward", "cross_entropy", ("X", "T"), ("loss",), _draw_probabilities,
            _cross_entropy, _losses, single_in_lab=("T",)),
    Message("LossCrossEntropy", "delta", "cross_entropy", ("X", "T"), ("delta",), _draw_probabilities,
            _cross_entropy_delta, _inputs, single_in_lab=("T",)),
    Message(_COMPOUND, "forward", "logits", ("X", "T"), ("loss",), _draw_logits, _logits_loss, _losses,
            single_in_lab=("T",)),
    Message(_COMPOUND, "delta", "logits", ("X", "T"), ("delta",), _draw_logits, _logits_delta, _inputs,
            single_in_lab=("T",)),
)  # fmt: skip


def forward_of(message: Message) -> Message:
    """The forward message of the same class."""
    return next(each for each in MESSAGES if each.cls == message.cls and each.method == "forward")
