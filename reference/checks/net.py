"""What the network promises: which layers run, what it costs, and its gradient; with and without output layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import definitions, rounding
from reference.compare import differing_entry, worst_entry
from reference.contract import one_hot
from reference.draws import normal_numbers, short_numbers
from reference.estimate import Estimate
from reference.exam import Asked, Exam, as_numbers, word_of
from reference.findings import Violation
from reference.oracles import finite_differences
from reference.protocol import Call, Get, New, Put, Ref, Reply, Seed, Step
from reference.showing import short

Array = NDArray[np.float64]

#: Widths from the input to the classes, and samples: from the smallest that can show a mistake to deep ones.
_SHAPES = (
    ((1, 2), 1), ((1, 2), 2), ((2, 1, 2), 2), ((1, 2, 2), 3), ((2, 2, 2), 2), ((2, 3), 2), ((2, 3, 2), 3),
    ((4, 3, 5, 2, 3), 6), ((3, 5, 4, 3), 4),
)  # fmt: skip
_METHODS = ("propagate", "evaluate", "gradient")
_EVERY, _COMPOUND = frozenset({1, 2, 3}), frozenset({2, 3})
#: A network that calls its own propagate inherits what is wrong there.
_PROPAGATE = ("propagate.values", "propagate.without_output_layers", "propagate.to_last_layer")
_LOSS_TYPES = ("cross_entropy.forward.types", "logits.forward.types")
#: What finite differences may be off, relative to the terms of the sum, besides their own estimate: the rounding of the
#: gradient itself, with a wide margin, since the values have been judged sharply already.
_DIFFERENCES = 2.0**-36
#: Units nearer to 0 than this are drawn anew: rounding must not decide what ReLU does.
_MARGIN = 1e-6


@dataclass(frozen=True)
class NetCheck:
    """A promise of the network: see `reference.checks.catalogue.Check`, whose ids begin with ``mlp.``."""

    run: Callable[[Exam], None]
    name: str
    method: str
    needs: tuple[str, ...] = ()
    excuses: tuple[str, ...] = ()
    assignments: frozenset[int] = _EVERY


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


def check_net_answers(exam: Exam, method: str) -> None:
    """A network can be made of the layers by the contract's argument names, and the method can be called."""
    for question in _questions(exam):
        T = {} if method == "propagate" else {"T": question.T}
        _reply(exam, question, Call("net", method, {"X": question.X, **T}))


def check_propagate(exam: Exam) -> None:
    """``propagate(X)`` gives the probabilities, through the output layers where there are any."""

    def judge(question: Question) -> None:
        truth = exam.truth().value(question.probabilities, question.theta)
        reply = _reply(exam, question, Call("net", "propagate", {"X": question.X}))
        _judge(exam, question, "propagate(X)", reply, truth, question.bounds().probabilities)

    _judge_each(_questions(exam), judge)


def check_propagate_without_output_layers(exam: Exam) -> None:
    """``propagate(X, output_layers=False)`` stops where the loss takes over: at the logits, with the compound loss."""

    def judge(question: Question) -> None:
        truth = exam.truth().value(question.hidden, question.theta)
        reply = _reply(exam, question, Call("net", "propagate", {"X": question.X, "output_layers": False}))
        _judge(exam, question, "propagate(X, output_layers=False)", reply, truth, question.bounds().logits)

    _judge_each(_questions(exam, compound_only=True), judge)


def check_propagate_to_last_layer(exam: Exam) -> None:
    """``propagate(X, last_layer=name)`` gives the outputs of the layer of that name."""

    def judge(question: Question) -> None:
        for depth in range(1, len(question.widths) - 1):
            name = f"ReLU_{depth}"
            truth = exam.truth().value(partial(question.hidden, depth=depth), question.theta)
            bound = np.full(truth.value.shape, question.bounds().logits.max())
            reply = _reply(exam, question, Call("net", "propagate", {"X": question.X, "last_layer": name}))
            _judge(exam, question, f"propagate(X, last_layer={name!r})", reply, truth, bound)

    _judge_each(_questions(exam), judge)


def check_evaluate(exam: Exam) -> None:
    """``evaluate(X, T)`` gives one loss a sample, of what comes before the output layers."""

    def judge(question: Question) -> None:
        truth = exam.truth().value(question.losses, question.theta)
        reply = _reply(exam, question, Call("net", "evaluate", {"X": question.X, "T": question.T}))
        _judge(exam, question, "evaluate(X, T)", reply, truth, question.bounds().losses)

    _judge_each(_questions(exam), judge)


def check_evaluate_shape(exam: Exam) -> None:
    """``evaluate(X, T)`` gives the losses in a column, (N, 1)."""

    def judge(question: Question) -> None:
        reply = _reply(exam, question, Call("net", "evaluate", {"X": question.X, "T": question.T}))
        exam.log.append(Asked((reply.value,)))
        if np.shape(reply.value) != (len(question.X), 1):
            raise _violation(question, f"shape {(len(question.X), 1)}", f"shape {np.shape(reply.value)}", "wrong-shape")

    _judge_each(_questions(exam), judge)


def check_gradient(exam: Exam) -> None:
    """``gradient(X, T)`` is the gradient of the mean loss, for every layer that has parameters, under its name."""

    def judge(question: Question) -> None:
        truth = exam.truth().vjp(question.mean_loss, np.array(1.0), question.theta)
        reply = _reply(exam, question, Call("net", "gradient", {"X": question.X, "T": question.T}))
        for number, (name, part) in enumerate(_named_parts(exam, question, reply)):
            what = f"gradient(X, T)[{name!r}][{number % 2}]"
            bound = question.bounds().gradient[number]
            _judge(exam, question, what, Reply(part, "ndarray"), truth[number], bound)

    _judge_each(_questions(exam), judge)


def check_gradient_of_own_loss(exam: Exam) -> None:
    """The gradient is not zero, and by finite differences it is that of the network's own mean loss."""
    for compound in [True, False] if exam.assignment > 1 else [False]:
        question = _question(exam, _SHAPES[-2], compound=compound)
        call = Call("net", "gradient", {"X": question.X, "T": question.T})
        gradient = [part for _, part in _named_parts(exam, question, _reply(exam, question, call))]
        if not any(part.any() for part in gradient):
            raise _violation(question, "a gradient that is not zero everywhere", "zeros", None)
        rng = exam.rng("own loss")
        directions = [normal_numbers(rng)(part.shape) for part in gradient]
        slope = finite_differences.directional(partial(_mean_loss, exam, question), question.theta, directions)
        terms = np.concatenate([(part * d).ravel() for part, d in zip(gradient, directions, strict=True)])
        bound = np.asarray(_DIFFERENCES * np.abs(terms).sum())
        exam.log.append(Asked(tuple(gradient)))
        if worst_entry(np.asarray(terms.sum()), slope, bound) is not None:
            raise _violation(
                question,
                f"<gradient, random direction> = {short(slope.value)}, by finite differences of evaluate",
                f"{short(terms.sum())}",
                None,
            )


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
            _named_parts(exam, question, first),
            _named_parts(exam, question, second),
            question.bounds().gradient,
            strict=True,
        ):
            if differing_entry(one, two, bound) is not None:
                raise _violation(question, f"the same gradient of {name} twice", "two different ones", "stateful")


def check_training_step(exam: Exam) -> None:
    """One step of gradient descent, ``update_params`` with -alpha times the gradient, gives the parameters due."""
    alpha = 0.125
    for question in _questions(exam):
        truth = exam.truth().vjp(question.mean_loss, np.array(1.0), question.theta)
        call = Call("net", "gradient", {"X": question.X, "T": question.T})
        parts = [part for _, part in _named_parts(exam, question, _reply(exam, question, call))]
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
            _judge(exam, question, f"{label} after one step", reply, due, rounded)


def _mean_loss(exam: Exam, question: Question, *theta: Array) -> Array:
    """What the network itself says that the mean loss is, at other parameters."""
    moved = replace(question, theta=theta)
    losses = as_numbers(_reply(exam, moved, Call("net", "evaluate", {"X": moved.X, "T": moved.T})).value)
    if losses is None:
        raise _violation(moved, "evaluate(X, T) to be an array of numbers", "something else", "wrong-type")
    return np.asarray(losses.mean())


def _judge_each(questions: Iterable[Question], judge: Callable[[Question], None]) -> None:
    """Put all the questions; the first violation is told: the questions come from small to large."""
    first: Violation | None = None
    for question in questions:
        try:
            judge(question)
        except Violation as violation:
            first = first or violation
    if first is not None:
        raise first


def _questions(exam: Exam, *, compound_only: bool = False) -> Iterator[Question]:
    """Networks from small to deep. The compound loss is of assignment 2; before that there is the other net alone."""
    kinds = [True] if exam.assignment > 1 else []
    for compound in kinds if compound_only else [*kinds, False]:
        for shape in _SHAPES:
            yield _question(exam, shape, compound=compound)


def _question(exam: Exam, shape: tuple[Sequence[int], int], *, compound: bool) -> Question:
    (*widths,), n = shape
    rng = exam.rng(f"net.{widths}.{n}")
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


def _labels(question: Question) -> list[str]:
    return [f"{name}.{attribute}" for name in question.linear for attribute in "Wb"]


def _named_parts(exam: Exam, question: Question, reply: Reply) -> list[tuple[str, Array]]:
    """The gradient's arrays in the order of theta, with the names of their layers."""
    if not isinstance(reply.value, dict) or set(reply.value) != set(question.linear):
        names = sorted(reply.value) if isinstance(reply.value, dict) else reply.kind
        exam.log.append(Asked((str(names),)))
        mistake = "layer-skipped" if isinstance(reply.value, dict) else _no_value(reply)
        raise _violation(question, f"a dict with the keys {question.linear}", f"{names}", mistake)
    parts = []
    for name, shapes in zip(question.linear, zip(question.theta[::2], question.theta[1::2], strict=True), strict=True):
        found = reply.value[name]
        exam.log.append(Asked(tuple(found) if isinstance(found, list | tuple) else (type(found).__name__,)))
        if not isinstance(found, list | tuple) or len(found) != len(shapes):
            raise _violation(question, f"[dW, db] under {name}", type(found).__name__, "wrong-type")
        for part, like in zip(found, shapes, strict=True):
            array = as_numbers(part)
            if array is None or array.size != like.size:
                got = type(part).__name__ if array is None else f"shape {array.shape}"
                raise _violation(question, f"an array of shape {like.shape} under {name}", got, "wrong-shape")
            parts.append((name, array.reshape(like.shape).astype(np.float64)))
    return parts


def _reply(exam: Exam, question: Question, call: Call) -> Reply:
    replies = exam.session.run([*question.steps(), call])
    for reply in replies:
        if reply.error is not None:
            exam.log.append(Asked((reply.error_kind,)))
            given = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items() if name not in {"X", "T"})
            raise _violation(
                question, f"MLP.{call.method}({given}) to answer", reply.error, word_of(reply, call.method)
            )
    return replies[-1]


def _judge(exam: Exam, question: Question, what: str, reply: Reply, truth: Estimate, bound: Array) -> None:
    array = as_numbers(reply.value)
    if array is None:
        exam.log.append(Asked((reply.kind,)))
        raise _violation(question, f"{what} to be an array of numbers", reply.kind, _no_value(reply))
    exam.log.append(Asked((array,), (bound,)))
    if array.size != truth.value.size:
        raise _violation(question, f"{what} of shape {truth.value.shape}", f"shape {array.shape}", "wrong-shape")
    array = array.reshape(truth.value.shape)
    index = worst_entry(array, truth, bound)
    if index is not None:
        violation = _violation(
            question,
            f"{what}{list(index)} = {short(truth.value[index])}",
            f"{what}{list(index)} = {short(array[index])}",
            None,
        )
        violation.index, violation.bound = index, float(bound[index] + truth.error[index])
        raise violation


def _no_value(reply: Reply) -> str:
    return "not-implemented" if reply.kind == "NoneType" else "wrong-type"


def _violation(question: Question, expected: str, actual: str, mistake: str | None) -> Violation:
    arrays = dict(zip(_labels(question), question.theta, strict=True)) | {"X": question.X, "T": question.T}
    shown = {name: array.tolist() for name, array in arrays.items()}
    return Violation(expected, actual, counterexample=shown, mistake=mistake)


#: In order: the promise, the method that it is about, the checks without which it says nothing, those that may be to
#: blame where it is broken, the assignments.
CHECKS: tuple[NetCheck, ...] = (
    *(NetCheck(partial(check_net_answers, method=method), f"{method}.answers", method) for method in _METHODS),
    NetCheck(check_propagate, "propagate.values", "propagate", needs=("propagate.answers",)),
    NetCheck(
        check_propagate_without_output_layers,
        "propagate.without_output_layers",
        "propagate",
        needs=("propagate.answers",),
        assignments=_COMPOUND,
    ),
    NetCheck(check_propagate_to_last_layer, "propagate.to_last_layer", "propagate", needs=("propagate.answers",)),
    NetCheck(check_evaluate_shape, "evaluate.types", "evaluate", needs=("evaluate.answers",), excuses=_LOSS_TYPES),
    NetCheck(check_evaluate, "evaluate.values", "evaluate", needs=("evaluate.answers",), excuses=_PROPAGATE),
    NetCheck(check_gradient, "gradient.values", "gradient", needs=("gradient.answers",), excuses=_PROPAGATE),
    NetCheck(
        check_gradient_of_own_loss,
        "gradient.of_own_loss",
        "gradient",
        needs=("gradient.answers", "evaluate.values"),
        excuses=_PROPAGATE,
    ),
    NetCheck(check_gradient_changes_nothing, "gradient.changes_nothing", "gradient", needs=("gradient.answers",)),
    NetCheck(check_training_step, "gradient.training_step", "gradient", needs=("gradient.values",)),
)
