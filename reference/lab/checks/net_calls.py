"""How a network can be called: in other dtypes, memory layouts and batch sizes, by position, and with other layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine import promises
from reference.execution.worker.protocol import Laid, Layout
from reference.findings import Violation
from reference.lab.context import Context
from reference.lab.contract import one_hot
from reference.lab.net_run import NetRun
from reference.lab.network import NetCase, drawn, is_decided
from reference.numerics.sampling import normal_numbers

Array = NDArray[np.float64]
_LAYOUTS: tuple[Layout, ...] = ("Fortran", "strided", "reversed", "read-only")
#: Sizes of a small batch, of a usual one, and of one that is larger than any other, from and to.
_FEW, _USUAL, _LARGE = (7, 32), (32, 128), (256, 400)


def check_single_precision(context: Context, method: str) -> None:
    """With X and T in single precision the answer is as right as with the same numbers in double precision.

    This is the lab's own setting: its data are in single precision, and its parameters in double.
    """
    for case in _of_sizes(context, "single", ((4, 3, 3, 3), 6), ((3, 5, 2), 1)):
        net = NetRun(context, case)
        call = net.call(method)
        cast = {name: array.astype(np.float32) for name, array in call.arguments.items()}
        try:
            net.judge_answer(method, net.reply(replace(call, arguments=cast)))
        except Violation as violation:
            due = violation.due.and_("in single precision")
            raise violation.but(due=due, repro=None) from None


def check_layouts(context: Context, method: str) -> None:
    """The same X and T in another memory layout get the same answer: Fortran order, strides, reversed, read-only."""
    for case in _of_sizes(context, "layouts", ((3, 3, 3), 3)):
        for layout in _LAYOUTS:
            net = NetRun(context, case)
            call = net.call(method)
            laid = {name: Laid(array, layout) for name, array in call.arguments.items()}
            try:
                net.judge_answer(method, net.reply(replace(call, arguments=laid)))
            except Violation as violation:
                raise promises.in_layout(violation, layout) from None


def check_batch_sizes(context: Context, method: str) -> None:
    """A batch of one sample, or of many, is a batch like any other."""
    rng = context.rng("net.sizes")
    large = int(rng.randint(*_LARGE))
    few, many = int(rng.randint(*_FEW)), int(rng.randint(*_USUAL))
    for case in _of_sizes(context, "sizes", ((3, 4, 3), 1), ((2, 3, 2), few), ((2, 3, 2), many), ((2, 3, 2), large)):
        net = NetRun(context, case)
        try:
            net.judge_answer(method, net.reply(net.call(method)))
        except Violation as violation:
            raise violation.but(mistake=violation.mistake or "batch-size-dependent") from None


def check_by_position(context: Context, method: str) -> None:
    """Arguments may be given in the contract's order instead of by name: to the class and to the method."""
    for case in _of_sizes(context, "position", ((3, 3, 3), 3)):
        net = NetRun(context, replace(case, by_position=True))
        for options in _by_position(case, method):
            call = replace(net.call(method, **options), by_position=True)
            try:
                net.judge_answer(method, net.reply(call), **options)
            except Violation as violation:
                due = violation.due.and_("by position", names=tuple(call.arguments))
                by_name = violation.mistake is None and _is_right_by_name(context, case, method, options)
                raise violation.but(due=due, mistake="argument-order" if by_name else violation.mistake) from None


def _is_right_by_name(context: Context, case: NetCase, method: str, options: Mapping[str, Any]) -> bool:
    """Whether the same call is answered rightly with the names of its arguments."""
    net = NetRun(context.of(context.executor, []), case)
    try:
        net.judge_answer(method, net.reply(net.call(method, **options)), **options)
    except Violation:
        return False
    return True


def _by_position(case: NetCase, method: str) -> Iterator[Mapping[str, Any]]:
    yield {}
    if method == "propagate":
        yield {"output_layers": False}
        yield {"output_layers": True}
        for name in case.row_names:
            yield {"output_layers": True, "last_layer": name}
        for name in case.row_names[: len(case.all_kinds)]:
            yield {"output_layers": False, "last_layer": name}


def check_other_nets(context: Context, method: str) -> None:
    """Layers stand in any order and have any names: two linear ones in a row, ReLU last, one alone, many."""
    for compound in context.losses:
        for number, plan in enumerate(_PLANS):
            # Deep nets take long, so they have one loss. Output layers come with the compound loss alone.
            if not compound and (plan.before_softmax or (len(plan.kinds) > _MANY and context.assignment > 1)):
                continue
            key = ("other net", context.seed, number, compound)
            case = context.known(key, _Drawing(context, number, plan, compound=compound))
            net = NetRun(context, case)
            last_layers = case.row_names if method == "propagate" and len(case.row) < _MANY else ()
            for options in ({}, *({"last_layer": name} for name in last_layers)):
                net.judge_answer(method, net.reply(net.call(method, **options)), **options)


@dataclass(frozen=True)
class _Plan:
    """Kinds of layers, widths from the input to the logits, samples, names, and output layers before softmax."""

    kinds: tuple[str, ...]
    widths: tuple[int, ...]
    n: int
    names: tuple[str, ...] = ()
    before_softmax: tuple[str, ...] = ()


def _letters(kinds: Sequence[str]) -> tuple[str, ...]:
    """Names that say nothing of what the layers are."""
    return tuple("abcdefghijklmnopqrstuvwxyz"[place % 26] * (1 + place // 26) for place in range(len(kinds)))


def _plan(kinds: str, widths: tuple[int, ...], n: int, **others: Any) -> _Plan:
    """A plan, by the first letters of the kinds; its layers are named by letters."""
    each = tuple({"l": "linear", "r": "relu"}[letter] for letter in kinds)
    return _Plan(each, widths, n, _letters(each), **others)


#: A network has many layers where the outputs of each by itself are no longer asked for.
_MANY = 12
_PLANS = (
    _plan("l", (3, 3), 4),
    _plan("ll", (3, 3, 3), 4),
    _plan("lr", (3, 4), 4),
    _plan("rl", (3, 3), 4),
    _plan("lrrllr", (3, 3, 3, 3), 3),
    _plan("lrlrl", (3, 3, 3, 3), 3),
    _plan("lrl", (3, 4, 3), 3, before_softmax=("relu",)),
    _plan("lr" * 8 + "l", (6,) * 9 + (3,), 1),
    _plan("lr" * 15 + "l", (6,) * 16 + (3,), 1),
)


@dataclass(frozen=True)
class _Drawing:
    """Draws the network of a plan, with inputs and weights that keep the size of signals from layer to layer."""

    context: Context
    number: int
    plan: _Plan
    compound: bool = field(kw_only=True)

    def __call__(self) -> NetCase:
        """The case; no unit of it is near 0."""
        plan, rng = self.plan, self.context.rng(f"net.other.{self.number}")
        while True:
            theta = [
                array
                for d, u in pairwise(plan.widths)
                for array in (rng.randn(d, u) * np.sqrt(2 / d), rng.randn(u) / 4)
            ]
            X, T = rng.randn(plan.n, plan.widths[0]), one_hot(rng.randint(0, plan.widths[-1], plan.n), plan.widths[-1])
            if is_decided(X, theta, plan.kinds):
                return NetCase(
                    plan.widths, tuple(theta), X, T, self.compound, own=True,
                    kinds=plan.kinds, names=plan.names, before_softmax=plan.before_softmax,
                )  # fmt: skip


def _of_sizes(context: Context, key: str, *shapes: tuple[tuple[int, ...], int]) -> Iterator[NetCase]:
    """Networks of these shapes with either loss and normal numbers."""
    for compound in context.losses:
        for shape in shapes:

            def make(shape: tuple[tuple[int, ...], int] = shape, compound: bool = compound) -> NetCase:
                rng = context.rng(f"net.{key}.{shape}")
                while True:
                    case = drawn(rng, normal_numbers(rng), shape, compound=compound)
                    # Single precision holds the inputs.
                    X = case.X.astype(np.float32).astype(np.float64)
                    if is_decided(X, case.theta):
                        return replace(case, X=X, own=True)

            yield context.known(("net", key, context.seed, shape, compound), make)
