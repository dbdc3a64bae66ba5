"""Cases of networks: how a network is made and called, what is true of it, and how far rounding may go."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine.scripts import literal
from reference.execution.worker.protocol import Call, New, Put, Ref, Reply, Seed, Step
from reference.findings import Violation
from reference.lab import definitions
from reference.lab.context import Context, Response, as_numbers, no_numbers, type_of, word_for, wrong_entry
from reference.lab.contract import Oracle, one_hot
from reference.lab.raising import raised, word_of
from reference.numerics import rounding, tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.memo import digest
from reference.numerics.sampling import short_numbers
from reference.wording import Fact, fact

Array = NDArray[np.float64]

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

    @property
    def labels(self) -> list[str]:
        """Names of the arrays of theta."""
        return [f"{name}.{attribute}" for name in self.linear for attribute in "Wb"]

    @cached_property
    def key(self) -> Hashable:
        """Tells this case from every other one."""
        return self.widths, self.compound, digest(*self.theta, self.X, self.T)

    @cached_property
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
        for W, b, dW, db in zip(
            self.theta[:-2:2], self.theta[1:-2:2], directions[:-2:2], directions[1:-2:2], strict=True
        ):
            Z = A @ W + b
            moves = moves @ np.abs(W) + t * ((np.abs(A) + moves) @ np.abs(dW) + np.abs(db))
            if (np.abs(Z) <= moves).any():
                return False
            A, moves = np.maximum(Z, 0), np.where(Z > 0, moves, 0)
        return True

    def true_gradient(self, oracle: Oracle) -> tuple[Estimate, ...]:
        """The gradient of the mean loss: for W_1, b_1, W_2, b_2, ..."""
        return oracle.vjp(self.mean_loss, np.array(1.0), self.theta)


@dataclass
class NetRun:
    """Calls of one network, and how their answers are judged.

    Attributes
    ----------
    context, case
        What the check works with, and the network.
    asked
        What a script would print to see the last answer.
    before
        A line of the script that comes before; empty for none.
    """

    context: Context
    case: NetCase
    asked: str = "net"
    before: str = ""

    def reply(self, call: Call) -> Reply:
        """The reply of the network to one call.

        Raises
        ------
        Violation
            It could not be made, or raised an exception.
        """
        return self.last(call, self.context.executor.run([*self.case.steps(), call]))

    def last(self, call: Call, replies: Sequence[Reply]) -> Reply:
        """The last of the replies to steps that end with ``call``; raises as `reply`."""
        arguments = [name if name in {"X", "T"} else f"{name}={value!r}" for name, value in call.arguments.items()]
        self.asked = f"net.{call.method}({', '.join(arguments)})"
        for reply in replies:
            if reply.error is not None:
                self.context.log.append(Response((reply.error_kind,)))
                raise self.violation(fact("answers", what=self.asked), raised(reply), word_of(reply))
        return replies[-1]

    def propagate(self, **options: Any) -> Reply:
        """The reply to ``propagate(X, ...)``."""
        return self.reply(Call("net", "propagate", {"X": self.case.X, **options}))

    def evaluate(self) -> Reply:
        """The reply to ``evaluate(X, T)``."""
        return self.reply(Call("net", "evaluate", {"X": self.case.X, "T": self.case.T}))

    def gradient(self) -> list[tuple[str, Array]]:
        """The arrays of ``gradient(X, T)`` in the order of theta, with the names of their layers."""
        return self.named_parts(self.reply(Call("net", "gradient", {"X": self.case.X, "T": self.case.T})))

    def named_parts(self, reply: Reply) -> list[tuple[str, Array]]:
        """The arrays of a reply to ``gradient``.

        Raises
        ------
        Violation
            It is no dict of [dW, db] by layer's name, or the arrays have other shapes.
        """
        linear, theta = self.case.linear, self.case.theta
        if not isinstance(reply.value, dict) or set(reply.value) != set(linear):
            came = type_of(reply)
            if isinstance(reply.value, dict):
                came = fact("value", value=sorted(reply.value))
            self.context.log.append(Response((repr(sorted(came.fields.items())),)))
            raise self.violation(fact("keys", names=linear), came, _word_for_names(reply, linear))
        parts = []
        for name, shapes in zip(linear, zip(theta[::2], theta[1::2], strict=True), strict=True):
            found = reply.value[name]
            self.context.log.append(
                Response(tuple(found) if isinstance(found, list | tuple) else (type(found).__name__,))
            )
            if not isinstance(found, list | tuple) or len(found) != len(shapes):
                came = fact("type", name=type(found).__name__)
                raise self.violation(fact("pair under", name=name), came, "wrong-type")
            for part, like in zip(found, shapes, strict=True):
                array = as_numbers(part)
                if array is None or array.shape != like.shape:
                    came = no_numbers(part) if array is None else fact("shape", shape=array.shape)
                    word = "wrong-shape" if array is not None else "wrong-type" if part is None else word_for(part)
                    raise self.violation(fact("array under", name=name, shape=like.shape), came, word)
                parts.append((name, array.astype(np.float64)))
        return parts

    def judge(self, reply: Reply, truth: Estimate, bound: Array, what: str | None = None) -> None:
        """Compare an answer with the truth; ``what`` names it, if not the last call.

        Raises
        ------
        Violation
            It is no array of numbers, has another shape, or an entry is wrong.
        """
        what = what or self.asked
        array = as_numbers(reply.value)
        if array is None:
            self.context.log.append(Response((reply.kind,)))
            raise self.violation(fact("numbers", what=what), no_numbers(reply.value), word_for(reply.value))
        self.context.log.append(Response((array,), (bound,)))
        if array.shape != truth.value.shape:
            due = fact("shape of", what=what, shape=truth.value.shape)
            raise self.violation(due, fact("shape", shape=array.shape), "wrong-shape")
        wrong = wrong_entry(what, array, truth, bound)
        if wrong is not None:
            raise wrong.but(**self._shown())

    def truth(self, definition: Callable[..., Any], **options: int) -> Estimate:
        """The value of a definition of the case at its parameters."""
        context, case = self.context, self.case
        key = (case.key, definition.__name__, *options.items())
        return context.true(key, lambda oracle: oracle.value(partial(definition, **options), case.theta))

    def true_gradient(self) -> tuple[Estimate, ...]:
        """The gradient of the mean loss, as `NetCase.true_gradient` gives it."""
        context, case = self.context, self.case
        return context.true((case.key, "gradient"), case.true_gradient)

    def violation(self, due: Fact, came: Fact, mistake: str | None = None, **fields: Any) -> Violation:
        """A broken promise of this network."""
        return Violation(due, came, mistake=mistake, **self._shown(), **fields)

    def _shown(self) -> dict[str, Any]:
        """The fields of a violation that show the network and the last call."""
        case = self.case
        arrays = dict(zip(case.labels, case.theta, strict=True)) | {"X": case.X, "T": case.T}
        shown = {name: array.tolist() for name, array in arrays.items()}
        script = _script(self.context, case, [self.before] if self.before else [], self.asked)
        return {"counterexample": shown, "repro": script}


def cases(context: Context, *, compound_only: bool = False) -> Iterator[NetCase]:
    """Networks from small to deep, with the compound loss (from assignment 2 on) and without it."""
    kinds = [True] if context.assignment > 1 else []
    for compound in kinds if compound_only else [*kinds, False]:
        for shape in SHAPES:
            yield case_of(context, shape, compound=compound)


def case_of(context: Context, shape: tuple[Sequence[int], int], *, compound: bool) -> NetCase:
    """A network of that shape with short weights, and a batch."""
    return context.known(("net", context.seed, shape, compound), lambda: _drawn(context, shape, compound=compound))


def _drawn(context: Context, shape: tuple[Sequence[int], int], *, compound: bool) -> NetCase:
    (*widths,), n = shape
    rng = context.rng(f"net.{widths}.{n}")
    draw = short_numbers(rng)
    while True:
        theta = [array for d, u in pairwise(widths) for array in (draw((d, u)), draw((u,)) / 2 + 1 / 64)]
        X, T = draw((n, widths[0])), one_hot(rng.randint(0, widths[-1], n), widths[-1])
        if _smallest_unit(X, theta) > tolerances.UNIT_MARGIN:
            return NetCase(tuple(widths), tuple(theta), X, T, compound)


def _smallest_unit(X: Array, theta: Sequence[Array]) -> float:
    smallest = np.inf
    for W, b in zip(theta[:-2:2], theta[1:-2:2], strict=True):
        Z = X @ W + b
        smallest = min(smallest, float(np.abs(Z).min()))
        X = np.maximum(Z, 0)
    logits = X @ theta[-2] + theta[-1]
    return smallest if np.ptp(logits, axis=1).max() < tolerances.LOGIT_SPREAD else 0.0


def _script(context: Context, case: NetCase, before: Sequence[str], asked: str) -> str:
    """At most ten lines that make the network and ask again."""
    loss = "LossCrossEntropyForSoftmaxLogits" if case.compound else "LossCrossEntropy"
    softmax = '[SoftmaxLayer(name="Softmax_OUT")]'
    layers, end = ("layers", f", output_layers={softmax}") if case.compound else (f"layers + {softmax}", "")
    lines = [
        "import numpy as np",
        _imports(context, ["MLP", "LinearLayer", loss, "ReLULayer", "SoftmaxLayer"]),
        f"names, theta = {case.linear}, [{', '.join(literal(array) for array in case.theta)}]",
        "linear = [LinearLayer(*W.shape, np.random.RandomState(0), name) for W, name in zip(theta[::2], names)]",
        "for layer, layer.W, layer.b in zip(linear, theta[::2], theta[1::2]): pass",
        'layers = [each for i, layer in enumerate(linear, 1) for each in (layer, ReLULayer(f"ReLU_{i}"))][:-1]',
        f'net = MLP({case.widths[0]}, {layers}, {loss}("CE"){end})',
        f"X, T = {literal(case.X)}, {literal(case.T)}",
        *before,
        f"print({asked})",
    ]
    return "\n".join(lines) + "\n"


def _word_for_names(reply: Reply, linear: Sequence[str]) -> str | None:
    """The word for a gradient whose keys are not these layers; None where there are only too many keys."""
    if not isinstance(reply.value, dict):
        return word_for(reply.value, arrays=False)
    return "layer-skipped" if set(linear) - set(reply.value) else None


def _imports(context: Context, classes: Sequence[str]) -> str:
    """The imports of these classes in one line, from all their modules."""
    homes: dict[str, list[str]] = {}
    for cls in classes:
        homes.setdefault(context.home(cls), []).append(cls)
    return "; ".join(f"from {home} import {', '.join(names)}" for home, names in homes.items())
