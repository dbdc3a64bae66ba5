"""Calls of one network, how their answers are judged, and the script that shows a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine.evidence import literal
from reference.execution.worker.protocol import Call, Reply
from reference.findings import Violation
from reference.lab.context import Context, Response, wrong_entry
from reference.lab.network import NetCase
from reference.lab.own_layers import MODULE
from reference.lab.replies import as_numbers, no_numbers, raised, type_of, word_for, word_of
from reference.numerics.estimate import Estimate
from reference.wording import Fact, fact

Array = NDArray[np.float64]


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
        arguments = [
            name if name in {"X", "T"} else repr(value) if call.by_position else f"{name}={value!r}"
            for name, value in call.arguments.items()
        ]
        self.asked = f"net.{call.method}({', '.join(arguments)})"
        for reply in replies:
            if reply.error is not None:
                self.context.log.append(Response((reply.error_kind,)))
                raise self.violation(fact("answers", what=self.asked), raised(reply), word_of(reply))
        return replies[-1]

    def call(self, method: str, **options: Any) -> Call:
        """A call of one of the network's methods with the batch."""
        batch = {"X": self.case.X} if method == "propagate" else {"X": self.case.X, "T": self.case.T}
        return Call("net", method, {**batch, **options})

    def propagate(self, **options: Any) -> Reply:
        """The reply to ``propagate(X, ...)``."""
        return self.reply(self.call("propagate", **options))

    def evaluate(self) -> Reply:
        """The reply to ``evaluate(X, T)``."""
        return self.reply(self.call("evaluate"))

    def gradient(self) -> list[tuple[str, Array]]:
        """The arrays of ``gradient(X, T)`` in the order of theta, with the names of their layers."""
        return self.named_parts(self.reply(self.call("gradient")))

    def judge_answer(self, method: str, reply: Reply, **options: Any) -> None:
        """Compare the answer of a method with the truth; the options are those of ``propagate``.

        Raises
        ------
        Violation
            It is not the right one.
        """
        judges: dict[str, Callable[[Reply], None]] = {
            "propagate": partial(self.judge_outputs, **options),
            "evaluate": self.judge_losses,
            "gradient": self.judge_gradient,
        }
        judges[method](reply)

    def judge_outputs(self, reply: Reply, **options: Any) -> None:
        """Compare outputs with the truth; raises as `judge_answer`."""
        count = self._count(**options)
        self.judge(reply, self.truth(self.case.outputs, count=count), self.case.bound_after(count))

    def _count(self, *, output_layers: bool = True, last_layer: str | None = None) -> int:
        """Through how many layers ``propagate`` goes with these options."""
        case = self.case
        if last_layer is not None:
            return case.row_names.index(last_layer) + 1
        return len(case.all_kinds) if case.compound and not output_layers else len(case.row)

    def judge_losses(self, reply: Reply) -> None:
        """Compare losses with the truth; raises as `judge_answer`. Their shape is judged elsewhere."""
        truth, losses = self.truth(self.case.losses), as_numbers(reply.value)
        if losses is not None and losses.size == truth.value.size:
            reply = replace(reply, value=losses.reshape(truth.value.shape))
        self.judge(reply, truth, self.case.bounds.losses)

    def judge_gradient(self, reply: Reply) -> None:
        """Compare a gradient with the truth; raises as `judge_answer`."""
        truth = self.true_gradient()
        for number, (name, part) in enumerate(self.named_parts(reply)):
            what = f"gradient(X, T)[{name!r}][{number % 2}]"
            self.judge(Reply(part, "ndarray"), truth[number], self.case.bounds.gradient[number], what)

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
            named = reply.value if isinstance(reply.value, dict) else {}
            there = [list(named[name]) for name in linear if isinstance(named.get(name), list | tuple)]
            self.context.log.append(Response((repr(sorted(came.fields.items())), there)))
            raise self.violation(fact("keys", names=linear), came, _word_for_names(reply, linear))
        parts = []
        for name, shapes in zip(linear, zip(theta[::2], theta[1::2], strict=True), strict=True):
            found = reply.value[name]
            self.context.log.append(
                Response(tuple(found) if isinstance(found, list | tuple) else (type(found).__name__,))
            )
            if not isinstance(found, list | tuple) or len(found) != len(shapes):
                came = fact("type", name=type(found).__name__)
                lone = isinstance(found, np.ndarray) and found.shape == shapes[0].shape
                word = "bias-gradient-missing" if lone else "wrong-type"
                raise self.violation(fact("pair under", name=name), came, word)
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
            raise wrong.but(came=self._told(wrong.came), **self._shown())

    def truth(self, definition: Callable[..., Any], **options: int) -> Estimate:
        """The value of a definition of the case at its parameters."""
        context, case = self.context, self.case
        key = (case.key, definition.__name__, *options.items())
        oracle = context.truth()
        return context.known(key, lambda: oracle.value(partial(definition, **options), case.theta))

    def true_gradient(self) -> tuple[Estimate, ...]:
        """The gradient of the mean loss, as `NetCase.true_gradient` gives it."""
        context, case = self.context, self.case
        return context.known((case.key, "gradient"), partial(case.true_gradient, context.truth()))

    def violation(self, due: Fact, came: Fact, mistake: str | None = None, **fields: Any) -> Violation:
        """A broken promise of this network."""
        return Violation(due, self._told(came), mistake=mistake, **self._shown(), **fields)

    def _told(self, came: Fact) -> Fact:
        """What came, with whose layers it came, where they were the examiner's."""
        return came.and_("own layers") if self.case.own else came

    def _shown(self) -> dict[str, Any]:
        """The fields of a violation that show the network and the last call."""
        case = self.case
        arrays = dict(zip(case.labels, case.theta, strict=True)) | {"X": case.X, "T": case.T}
        shown = {name: array.tolist() for name, array in arrays.items()}
        script = _script(self.context, case, [self.before] if self.before else [], self.asked)
        return {"counterexample": shown, "repro": script}


def _script(context: Context, case: NetCase, before: Sequence[str], asked: str) -> str:
    """At most ten lines that make the network and ask again."""
    numbers = iter(range(len(case.linear)))
    made = [
        f"linear[{next(numbers)}]" if kind == "linear" else f'{"ReLU" if kind == "relu" else "Softmax"}Layer("{name}")'
        for kind, name in zip(case.row, case.row_names, strict=True)
    ]
    inner = len(case.all_kinds) if case.compound else len(made)
    outputs = f", output_layers=[{', '.join(made[inner:])}]" if case.compound else ""
    lines = [
        "import numpy as np",
        _imports(context, ["LinearLayer", case.loss, "ReLULayer", "SoftmaxLayer"], own=case.own),
        f"names, theta = {case.linear}, [{', '.join(literal(array) for array in case.theta)}]",
        "linear = [LinearLayer(*W.shape, np.random.RandomState(0), name) for W, name in zip(theta[::2], names)]",
        "for layer, layer.W, layer.b in zip(linear, theta[::2], theta[1::2]): pass",
        f"layers = [{', '.join(made[:inner])}]",
        f'net = MLP({case.widths[0]}, layers, {case.loss}("CE"){outputs})',
        f"X, T = {literal(case.X)}, {literal(case.T)}",
        *before,
        f"print({asked})",
    ]
    return "\n".join(lines) + "\n"


def _word_for_names(reply: Reply, linear: Sequence[str]) -> str:
    """The word for a gradient whose keys are not these layers: a dict with more keys is none of their gradients."""
    if not isinstance(reply.value, dict):
        return word_for(reply.value, arrays=False)
    absent = set(linear) - set(reply.value)
    if absent and len(reply.value) >= len(linear):
        # As many gradients as are due stand under other names.
        return "missing"
    return "layer-skipped" if absent else "wrong-type"


def _imports(context: Context, layers: Sequence[str], *, own: bool) -> str:
    """The imports in one line: of the network, and of these layers from the submission or the examiner's ``own``."""
    homes: dict[str, list[str]] = {}
    for cls in ("MLP", *layers):
        home = MODULE if own and cls != "MLP" else context.home(cls)
        homes.setdefault(home, []).append(cls)
    return "; ".join(f"from {home} import {', '.join(names)}" for home, names in homes.items())
