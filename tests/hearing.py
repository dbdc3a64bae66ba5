"""Implementations that note what checks ask of them, and contexts in which the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Laid, Reply
from reference.findings import Violation
from reference.lab.context import Context
from reference.lab.contract import MESSAGES, Case, Expected, Message, Sizes
from reference.lab.mistakes import plain
from reference.numerics.estimate import Estimate

Array = NDArray[Any]
Check = Callable[[Context, Message], None]
OF = {message.subject: message for message in MESSAGES}
RELU, DELTA, GRAD = OF["ReLULayer.forward"], OF["ReLULayer.delta"], OF["LinearLayer.grad"]
LINEAR, LOSS, LOGITS = OF["LinearLayer.forward"], OF["LossCrossEntropy.forward"], (
    OF["LossCrossEntropyForSoftmaxLogits.forward"])  # fmt: skip


each_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.subject)


class Hearing(InProcess):
    """Answers as the given classes do, and notes all requests."""

    def __init__(self, classes: Any = plain.CLASSES) -> None:
        super().__init__(classes, {})
        self.heard: list[list[Any]] = []

    def run(self, steps: Any) -> list[Reply]:
        self.heard.append(list(steps))
        return super().run(steps)


class Known(Context):
    """A context in which the truth is what the textbook's classes answer, and rounding is a billionth."""

    def answer(self, message: Message, case: Case) -> Expected:
        asks = Context(InProcess(plain.CLASSES, {}), "none", "x")
        parts = asks.actual(message, case)
        bounds = [np.full(part.shape, 1e-9) * (1 + np.abs(part)) for part in parts]
        return Expected(tuple(Estimate(part, np.zeros(part.shape)) for part in parts), tuple(bounds))


def context(classes: Any = plain.CLASSES, **options: Any) -> Known:
    return Known(Hearing(classes), "none", "x", **{"effort": "quick", **options})


def heard(asks: Context) -> list[list[Any]]:
    assert isinstance(asks.executor, Hearing)
    return asks.executor.heard


def arguments(call: Any) -> dict[str, Array]:
    return {name: each.array if isinstance(each, Laid) else each for name, each in call.arguments.items()}


def given(asks: Context) -> list[dict[str, Array]]:
    """The arguments of each last call."""
    return [arguments(steps[-1]) for steps in heard(asks)]


def shapes(asked: Sequence[dict[str, Array]], message: Message) -> list[tuple[int, ...]]:
    return [each[message.arguments[0]].shape for each in asked]


def shape_of(message: Message, sizes: Sizes) -> tuple[int, int]:
    return sizes.n, sizes.d if message.parameters and message.arguments[0] == "X" else sizes.u


def caught(check: Check, message: Message, classes: Any, **options: Any) -> Violation:
    with pytest.raises(Violation) as found:
        check(context(classes, **options), message)
    return found.value
