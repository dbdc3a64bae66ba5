"""Several calls of one network: what its methods leave alone, and that no answer depends on an earlier call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine import promises
from reference.execution.worker.protocol import Call, Get, Keep, Ref, Reply, Step
from reference.findings import Violation
from reference.lab.context import Context
from reference.lab.net_run import NetRun
from reference.lab.network import SHAPES, NetCase, case_of, drawn, is_decided
from reference.lab.replies import as_numbers
from reference.numerics.compare import differing_entry
from reference.numerics.sampling import short_numbers
from reference.wording import fact

Array = NDArray[np.float64]

_OUTPUT, _LOGITS = {"output_layers": True}, {"output_layers": False}
#: Of the networks that are asked several times. Equal widths, so that a wrong network hardly crashes.
_WIDTHS = (3, 4, 4, 3)
#: Batches: rows of one that is drawn as a whole. Two are of one size, one is of a single sample.
_BATCHES = (slice(0, 4), slice(4, 8), slice(8, 15), slice(15, 16))
_SAMPLES = 16


@dataclass(frozen=True)
class Turn:
    """One call in a sequence of calls.

    Attributes
    ----------
    method
        Of the network; ``update_params`` of all its layers is a turn as well.
    batch
        Which batch it is called with; for an update: which step.
    options
        Of ``propagate``.
    """

    method: str
    batch: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


_UPDATES = (Turn("update_params", 0), Turn("update_params", 1), Turn("update_params", 2))
_OTHERS = (Turn("propagate", 1, _LOGITS), Turn("evaluate", 1), Turn("gradient", 1))


def check_changes_nothing(context: Context, method: str) -> None:
    """The call leaves the batch and the parameters as they were, its answer is a new one, and a second is the same."""
    for compound in context.losses:
        for shape in (SHAPES[0], SHAPES[2], SHAPES[-2]):
            net = NetRun(context, case_of(context, shape, compound=compound))
            call = net.call(method)
            looks = [Get(name, attribute) for name in net.case.linear for attribute in "Wb"]
            replies = context.executor.run([*net.case.steps(), call, *looks, call])
            made = len(net.case.steps())
            first, second = replies[made], replies[-1]
            _check_reply(net, call, [*replies[:made], first])
            try:
                _check_reply(net, call, [*replies[:made], second])
            except Violation as violation:
                # The first call was answered.
                raise violation.but(mistake=violation.mistake if second.changed else "stateful") from None
            _check_parameters(net, replies[made + 1 : -1])
            _check_same(net, method, first, second)


def _check_reply(net: NetRun, call: Call, replies: Sequence[Reply]) -> None:
    reply = net.last(call, replies)
    promises.check_unchanged(reply.changed, net.violation)
    promises.check_memory(reply.aliases, altered=reply.altered, blame=net.violation)


def _check_parameters(net: NetRun, replies: Sequence[Reply]) -> None:
    for label, before, look in zip(net.case.labels, net.case.theta, replies, strict=True):
        now = as_numbers(look.value)
        if now is None or not np.array_equal(now, before):
            due, came = fact("as before the call", what=label), fact("changed", names=(label,))
            raise net.violation(due, came, "stateful")


def _check_same(net: NetRun, method: str, first: Reply, second: Reply) -> None:
    """Both answers are the same, but for rounding."""
    due, came = fact("same twice", what=method), fact("different answers")
    if not _is_same(net, method, first, second):
        # A network of which nothing else was asked tells chance from memory.
        fresh = NetRun(net.context.of(net.context.executor, []), net.case)
        chance = not _is_same(net, method, first, fresh.reply(fresh.call(method)))
        raise net.violation(due, came, "nondeterministic" if chance else "stateful")


def _is_same(net: NetRun, method: str, first: Reply, second: Reply) -> bool:
    bounds = net.case.bounds
    if method == "gradient":
        once = [part for _, part in net.named_parts(first)]
        try:
            twice = [part for _, part in net.named_parts(second)]
        except Violation as violation:
            raise violation.but(mistake="stateful") from None
        return _are_alike(once, twice, bounds.gradient)
    one, two = as_numbers(first.value), as_numbers(second.value)
    bound = bounds.losses if method == "evaluate" else bounds.probabilities
    # What has another shape, or is no numbers, is for other checks.
    if one is None or two is None or not one.shape == two.shape == bound.shape:
        return True
    return _are_alike([one], [two], [bound])


def _are_alike(ones: Sequence[Array], others: Sequence[Array], bounds: Sequence[Array]) -> bool:
    return all(differing_entry(*each) is None for each in zip(ones, others, bounds, strict=True))


def check_no_state(context: Context, method: str) -> None:
    """The answer depends on no earlier call of the same method with another batch or before a step of training.

    The answers stay as they are, too: no later call writes into them. And the method spoils no other's answer.
    """
    options: Sequence[Mapping[str, Any]] = (_OUTPUT, _LOGITS, {}) if method == "propagate" else ({},)
    own = [Turn(method, batch, each) for batch in (0, 1, 2, 3, 0) for each in options]
    # After each step of training the very call before it first: who kept its answer gives it again.
    turns = [*own, _UPDATES[0], own[-1], *own[:2], _UPDATES[1], own[1], *own[:3]]
    for compound in context.losses[: context.rounds]:  # with little effort, with one of them
        # The others in turn, so that the first answer of each is judged before another could have spoilt it.
        for other in _OTHERS:
            if other.method != method:
                for each in _played(context, [*turns, other], "net.state", compound=compound):
                    try:
                        each.judge()
                    except Violation:
                        if each.turn.method == method or each.is_right_at_first():
                            raise


def check_in_any_order(context: Context, method: str) -> None:
    """The answer depends on no earlier call of any method, in whatever order, with steps of training between them."""
    turns: list[Turn] = []
    for number in range(4):
        batch = number % len(_BATCHES)
        options = (_OUTPUT, _LOGITS, {}, _LOGITS)[number]
        turns += [Turn("propagate", batch, options), Turn("evaluate", (batch + 1) % 4), Turn("gradient", batch)]
        turns += [*_UPDATES[number : number + 1], Turn("gradient", (batch + 2) % 4), Turn("evaluate", batch)]
    for compound in context.losses[: context.rounds]:
        for each in _played(context, turns, "net.order", compound=compound):
            if each.turn.method == method:
                each.judge()


@dataclass(frozen=True)
class _Played:
    """One turn, the network with the parameters and the batch of the turn, and all replies to it."""

    turn: Turn
    net: NetRun
    call: Call
    replies: Sequence[Reply]

    def is_right_at_first(self) -> bool:
        """Whether a network of which nothing else was asked answers this rightly."""
        fresh = NetRun(self.net.context.of(self.net.context.executor, []), self.net.case)
        try:
            fresh.judge_answer(self.turn.method, fresh.reply(self.call), **self.turn.options)
        except Violation:
            return False
        return True

    def judge(self) -> None:
        """Judge the answer of this turn; raises a Violation where it is wrong, or where a later call has changed it."""
        try:
            reply = self.net.last(self.call, self.replies)
            self.net.judge_answer(self.turn.method, reply, **self.turn.options)
            promises.check_memory((), altered=reply.altered, blame=self.net.violation)
        except Violation as violation:
            if self.is_right_at_first():
                raise promises.after_any_call(violation) from None
            raise  # a new network is wrong, too: that is no matter of what was called before


def _played(context: Context, turns: Sequence[Turn], key: str, *, compound: bool) -> list[_Played]:
    """Call one network turn by turn; the turns that are no updates."""
    case, steps_of_training = context.known(
        ("net in turns", context.seed, key, compound), lambda: _drawn(context, key, compound=compound)
    )
    steps: list[Step] = case.steps()
    made = len(steps)
    asked: list[tuple[int, Turn, NetCase, Call]] = []
    theta, updates = case.theta, 0
    for turn in turns:
        if turn.method == "update_params":
            updates += 1
            step = steps_of_training[turn.batch]
            theta = tuple(array + part for array, part in zip(theta, step, strict=True))
            pairs = zip(case.linear, step[::2], step[1::2], strict=True)
            steps += [Call(name, "update_params", {"dtheta": [dW, db]}) for name, dW, db in pairs]
        else:
            rows = _BATCHES[turn.batch]
            # The same object again, since it remembers its bounds.
            now = context.known(
                ("net at a turn", context.seed, key, compound, turn.batch, updates),
                partial(replace, case, theta=theta, X=case.X[rows], T=case.T[rows]),
            )
            call = NetRun(context, now).call(turn.method, **turn.options)
            steps += _with_the_same_arrays(call, turn.batch)
            asked.append((len(steps) - 1, turn, now, call))
    replies = context.executor.run(steps)
    return [
        _Played(turn, NetRun(context, now), call, [*replies[:made], replies[place]]) for place, turn, now, call in asked
    ]


def _with_the_same_arrays(call: Call, batch: int) -> list[Step]:
    """The call with the very arrays that earlier calls with this batch had, as in each epoch of a training.

    Their numbers are written once more, so that nobody is blamed for what an earlier call has written into them.
    """
    arrays = {name: value for name, value in call.arguments.items() if isinstance(value, np.ndarray)}
    kept = {name: f"{name} of batch {batch}" for name in arrays}
    refs = {name: Ref(each) for name, each in kept.items()}
    writes = [Keep(kept[name], array) for name, array in arrays.items()]
    return [*writes, replace(call, arguments={**call.arguments, **refs})]


def _drawn(context: Context, key: str, *, compound: bool) -> tuple[NetCase, list[tuple[Array, ...]]]:
    """A network with a batch of all samples, and steps of training. The steps are exact, and no unit gets near 0."""
    rng = context.rng(key)
    draw = short_numbers(rng)
    while True:
        case = replace(drawn(rng, draw, (_WIDTHS, _SAMPLES), compound=compound), own=True)
        steps = [tuple(draw(array.shape) / 4 for array in case.theta) for _ in _UPDATES]
        theta, fit = case.theta, True
        for step in steps:
            theta = tuple(array + part for array, part in zip(theta, step, strict=True))
            fit = fit and is_decided(case.X, theta)
        if fit:
            return case, steps
