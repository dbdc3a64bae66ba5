"""What the network promises: which layers run, what it costs, and its gradient; with and without output layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import definitions, rounding
from reference.contract import one_hot
from reference.estimate import Estimate
from reference.exam import Exam, short_numbers, worst_entry
from reference.findings import Violation
from reference.protocol import Call, Get, New, Put, Ref, Reply, Seed, Step
from reference.showing import short

Array = NDArray[np.float64]

#: Widths from the input to the classes, and samples; deep and shallow, none with two equal sizes side by side.
_SHAPES = (((2, 3), 2), ((2, 3, 2), 3), ((3, 5, 4, 2), 4), ((4, 3, 5, 2, 3), 6))
#: Units nearer to 0 than this are drawn anew: rounding must not decide what ReLU does.
_MARGIN = 1e-6


@dataclass(frozen=True)
class Question:
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
    """

    widths: tuple[int, ...]
    theta: tuple[Array, ...]
    X: Array
    T: Array
    compound: bool

    def steps(self) -> list[Step]:
        """How to make the network, as the object "net"."""
        steps: list[Step] = []
        names: list[str] = []
        for number, (d, u) in enumerate(pairwise(self.widths), start=1):
            last = number == len(self.widths) - 1
            name = "Linear_OUT" if last else f"Linear_{number}"
            steps.append(New(name, "LinearLayer", {"n_inputs": d, "n_units": u, "rng": Seed(1), "name": name}))
            steps += [Put(name, "W", self.theta[2 * number - 2]), Put(name, "b", self.theta[2 * number - 1])]
            names.append(name)
            if not last:
                steps.append(New(f"ReLU_{number}", "ReLULayer", {"name": f"ReLU_{number}"}))
                names.append(f"ReLU_{number}")
        steps.append(New("Softmax_OUT", "SoftmaxLayer", {"name": "Softmax_OUT"}))
        loss = "LossCrossEntropyForSoftmaxLogits" if self.compound else "LossCrossEntropy"
        steps.append(New("CE", loss, {"name": "CE"}))
        layers = [Ref(name) for name in names] + ([] if self.compound else [Ref("Softmax_OUT")])
        arguments: dict[str, Any] = {"n_inputs": self.widths[0], "layers": layers, "loss": Ref("CE")}
        if self.compound:
            arguments["output_layers"] = [Ref("Softmax_OUT")]
        return [*steps, New("net", "MLP", arguments)]

    @property
    def linear(self) -> list[str]:
        """Names of the layers with parameters."""
        return [f"Linear_{number}" for number in range(1, len(self.widths) - 1)] + ["Linear_OUT"]

    def bounds(self) -> rounding.NetBounds:
        """How far rounding may take an honest network."""
        return rounding.network(self.X, self.theta, self.T, rounding.DOUBLE)

    def hidden(self, *theta: Any, depth: int | None = None) -> Any:
        """The definition of the logits, or of the outputs of hidden layer ``depth``."""
        X = theta[0].new_tensor(self.X)
        if depth is None:
            return definitions.hidden(X, theta)
        return definitions.relu(definitions.hidden(X, theta[: 2 * depth]))

    def probabilities(self, *theta: Any) -> Any:
        """The definition of what the network predicts."""
        return definitions.softmax(self.hidden(*theta))

    def losses(self, *theta: Any) -> Any:
        """The definition of each sample's loss."""
        return definitions.cross_entropy_of_logits(self.hidden(*theta), self.T)

    def mean_loss(self, *theta: Any) -> Any:
        """The definition of the mean loss."""
        return self.losses(*theta).mean()


def check_net_answers(exam: Exam) -> None:
    """A network can be made of the layers by the contract's argument names, and its methods can be called."""
    question = _question(exam, _SHAPES[1], compound=exam.assignment > 1)
    for method, arguments in (
        ("propagate", {"X": question.X}),
        ("evaluate", {"X": question.X, "T": question.T}),
        ("gradient", {"X": question.X, "T": question.T}),
    ):
        _reply(exam, question, Call("net", method, arguments))


def check_propagate(exam: Exam) -> None:
    """``propagate(X)`` gives the probabilities, through the output layers where there are any."""
    for question in _questions(exam):
        truth = exam.oracle.value(question.probabilities, question.theta)
        reply = _reply(exam, question, Call("net", "propagate", {"X": question.X}))
        mistake = None
        if question.compound and _matches(reply, _logits(exam, question), question.bounds().logits):
            mistake = "output-layers-ignored"
        _judge(question, "propagate(X)", reply, truth, question.bounds().probabilities, mistake)


def check_propagate_without_output_layers(exam: Exam) -> None:
    """``propagate(X, output_layers=False)`` stops where the loss takes over: at the logits, with the compound loss."""
    for question in _questions(exam, compound_only=True):
        reply = _reply(exam, question, Call("net", "propagate", {"X": question.X, "output_layers": False}))
        what = "propagate(X, output_layers=False)"
        _judge(question, what, reply, _logits(exam, question), question.bounds().logits, None)


def check_propagate_to_last_layer(exam: Exam) -> None:
    """``propagate(X, last_layer=name)`` gives the outputs of the layer of that name."""
    for question in _questions(exam):
        for depth in range(1, len(question.widths) - 1):
            name = f"ReLU_{depth}"
            truth = exam.oracle.value(partial(question.hidden, depth=depth), question.theta)
            bound = np.full(truth.value.shape, question.bounds().logits.max())
            reply = _reply(exam, question, Call("net", "propagate", {"X": question.X, "last_layer": name}))
            _judge(question, f"propagate(X, last_layer={name!r})", reply, truth, bound, None)


def check_evaluate(exam: Exam) -> None:
    """``evaluate(X, T)`` gives one loss a sample, of what comes before the output layers."""
    for question in _questions(exam):
        truth = exam.oracle.value(question.losses, question.theta)
        reply = _reply(exam, question, Call("net", "evaluate", {"X": question.X, "T": question.T}))
        _judge(question, "evaluate(X, T)", reply, truth, question.bounds().losses, None)


def check_gradient(exam: Exam) -> None:
    """``gradient(X, T)`` is the gradient of the mean loss, for every layer that has parameters, under its name."""
    for question in _questions(exam):
        truth = exam.oracle.vjp(question.mean_loss, np.array(1.0), question.theta)
        reply = _reply(exam, question, Call("net", "gradient", {"X": question.X, "T": question.T}))
        for number, (name, part) in enumerate(_named_parts(question, reply)):
            what = f"gradient(X, T)[{name!r}][{number % 2}]"
            bound = question.bounds().gradient[number]
            _judge(question, what, Reply(part, "ndarray"), truth[number], bound, None)


def check_gradient_changes_nothing(exam: Exam) -> None:
    """The gradient is computed without changing the parameters or the batch, and a second call gives the same."""
    for question in _questions(exam):
        call = Call("net", "gradient", {"X": question.X, "T": question.T})
        other = Call("net", "evaluate", {"X": question.X[::-1] * 2, "T": question.T[::-1]})
        looks = [Get(name, attribute) for name in question.linear for attribute in "Wb"]
        replies = exam.session.run([*question.steps(), call, other, call, *looks])
        first, _, second, *after = replies[len(question.steps()) :]
        if first.changed or second.changed:
            changed = " and ".join(first.changed or second.changed)
            raise _violation(question, f"{changed} as before", f"{changed} changed", "mutates-input")
        for name, before, look in zip(_labels(question), question.theta, after, strict=True):
            if not np.array_equal(np.asarray(look.value), before):
                raise _violation(question, f"{name} as before the call", f"{name} changed", "stateful")
        for (name, one), (_, two), bound in zip(
            _named_parts(question, first), _named_parts(question, second), question.bounds().gradient, strict=True
        ):
            if (np.abs(one - two) > 2 * bound).any():
                raise _violation(question, f"the same gradient of {name} twice", "two different ones", "stateful")


def check_training_step(exam: Exam) -> None:
    """One step of gradient descent, ``update_params`` with -alpha times the gradient, gives the parameters due."""
    alpha = 0.125
    for question in _questions(exam):
        truth = exam.oracle.vjp(question.mean_loss, np.array(1.0), question.theta)
        call = Call("net", "gradient", {"X": question.X, "T": question.T})
        parts = [part for _, part in _named_parts(question, _reply(exam, question, call))]
        updates = [
            Call(name, "update_params", {"dtheta": [-alpha * parts[2 * i], -alpha * parts[2 * i + 1]]})
            for i, name in enumerate(question.linear)
        ]
        looks = [Get(name, attribute) for name in question.linear for attribute in "Wb"]
        replies = exam.session.run([*question.steps(), *updates, *looks])[-len(looks) :]
        bounds = question.bounds().gradient
        for label, before, gradient, bound, reply in zip(
            _labels(question), question.theta, truth, bounds, replies, strict=True
        ):
            due = Estimate(before - alpha * gradient.value, alpha * gradient.error)
            rounded = alpha * bound + 2 * 2.0**-53 * (np.abs(before) + np.abs(due.value))
            _judge(question, f"{label} after one step", reply, due, rounded, None)


def _questions(exam: Exam, *, compound_only: bool = False) -> Iterator[Question]:
    """Networks from small to deep. The compound loss is of assignment 2; before that there is the other net alone."""
    kinds = [True] if exam.assignment > 1 else []
    for compound in kinds if compound_only else [*kinds, False]:
        for shape in _SHAPES:
            yield _question(exam, shape, compound=compound)


def _question(exam: Exam, shape: tuple[Sequence[int], int], *, compound: bool) -> Question:
    (*widths,), n = shape
    rng = exam.rng(f"net.{widths}")
    draw = short_numbers(rng)
    while True:
        theta = [array for d, u in pairwise(widths) for array in (draw((d, u)), draw((u,)) / 2 + 1 / 64)]
        X, T = draw((n, widths[0])), one_hot(rng.randint(0, widths[-1], n), widths[-1])
        if _smallest_unit(X, theta) > _MARGIN:
            return Question(tuple(widths), tuple(theta), X, T, compound)


def _smallest_unit(X: Array, theta: Sequence[Array]) -> float:
    smallest = np.inf
    for W, b in zip(theta[:-2:2], theta[1:-2:2], strict=True):
        Z = X @ W + b
        smallest = min(smallest, float(np.abs(Z).min()))
        X = np.maximum(Z, 0)
    # Logits so far apart that probabilities underflow are for other checks.
    logits = X @ theta[-2] + theta[-1]
    return smallest if np.ptp(logits, axis=1).max() < 100 else 0.0  # noqa: PLR2004


def _logits(exam: Exam, question: Question) -> Estimate:
    return exam.oracle.value(question.hidden, question.theta)


def _labels(question: Question) -> list[str]:
    return [f"{name}.{attribute}" for name in question.linear for attribute in "Wb"]


def _named_parts(question: Question, reply: Reply) -> list[tuple[str, Array]]:
    """The gradient's arrays in the order of theta, with the names of their layers."""
    if not isinstance(reply.value, dict) or set(reply.value) != set(question.linear):
        names = sorted(reply.value) if isinstance(reply.value, dict) else reply.kind
        raise _violation(question, f"a dict with the keys {question.linear}", f"{names}", "wrong-type")
    parts = []
    for name, shapes in zip(question.linear, zip(question.theta[::2], question.theta[1::2], strict=True), strict=True):
        found = reply.value[name]
        if not isinstance(found, list | tuple) or len(found) != len(shapes):
            raise _violation(question, f"[dW, db] under {name}", type(found).__name__, "wrong-type")
        for part, like in zip(found, shapes, strict=True):
            array = np.asarray(part)
            if array.dtype.kind not in "fiu" or array.size != like.size:
                raise _violation(
                    question, f"an array of shape {like.shape} under {name}", f"{array.shape}", "wrong-shape"
                )
            parts.append((name, array.reshape(like.shape).astype(np.float64)))
    return parts


def _reply(exam: Exam, question: Question, call: Call) -> Reply:
    replies = exam.session.run([*question.steps(), call])
    for reply in replies:
        if reply.error is not None:
            given = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items() if name not in {"X", "T"})
            raise _violation(question, f"MLP.{call.method}({given}) to answer", reply.error, "crash")
    return replies[-1]


def _matches(reply: Reply, truth: Estimate, bound: Array) -> bool:
    array = np.asarray(reply.value)
    return array.shape == truth.value.shape and array.dtype.kind == "f" and worst_entry(array, truth, bound) is None


def _judge(question: Question, what: str, reply: Reply, truth: Estimate, bound: Array, mistake: str | None) -> None:
    array = np.asarray(reply.value)
    if array.dtype.kind not in "fiu" or array.size != truth.value.size:
        raise _violation(question, f"{what} of shape {truth.value.shape}", f"{reply.kind} {array.shape}", "wrong-shape")
    array = array.reshape(truth.value.shape)
    index = worst_entry(array, truth, bound)
    if index is not None:
        violation = _violation(
            question,
            f"{what}{list(index)} = {short(truth.value[index])}",
            f"{what}{list(index)} = {short(array[index])}",
            mistake,
        )
        violation.index, violation.bound = index, float(bound[index] + truth.error[index])
        raise violation


def _violation(question: Question, expected: str, actual: str, mistake: str | None) -> Violation:
    arrays = dict(zip(_labels(question), question.theta, strict=True)) | {"X": question.X, "T": question.T}
    shown = {name: array.tolist() for name, array in arrays.items()}
    return Violation(expected, actual, counterexample=shown, mistake=mistake)


#: What a network is made of: if that does not even answer, nothing can be said of the network.
NEEDS = (
    "linear.forward.answers",
    "linear.delta.answers",
    "linear.grad.answers",
    "relu.forward.answers",
    "relu.delta.answers",
    "softmax.forward.answers",
)
_EVERY, _COMPOUND = frozenset({1, 2, 3}), frozenset({2, 3})
#: In order; the method; the assignments.
CHECKS: tuple[tuple[Callable[[Exam], None], str, frozenset[int]], ...] = (
    (check_net_answers, "propagate", _EVERY),
    (check_propagate, "propagate", _EVERY),
    (check_propagate_without_output_layers, "propagate", _COMPOUND),
    (check_propagate_to_last_layer, "propagate", _EVERY),
    (check_evaluate, "evaluate", _EVERY),
    (check_gradient, "gradient", _EVERY),
    (check_gradient_changes_nothing, "gradient", _EVERY),
    (check_training_step, "gradient", _EVERY),
)
