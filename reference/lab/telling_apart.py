"""Tells mistakes apart that give the same answers within the contract, by a call outside it.

Such an answer is never judged. It decides between the names of a method that is wrong in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Executor
from reference.findings import Violation
from reference.lab.context import Context
from reference.lab.contract import MESSAGES, Case, Message
from reference.lab.mistakes import Mistake, plain
from reference.numerics.compare import alike


def _negative_outputs() -> list[Case]:
    """A ReLU layer's outputs are never negative: a mask that lets 0 through is told from none by such as are."""
    delta_next = np.array([[0.5, -1.25, 0.75], [2.0, 0.25, -0.5]])
    return [
        Case({"Y": np.array([[-0.5, -2.0, 1.5], [0.75, -0.125, -1.0]]), "delta_next": delta_next}),
        Case({"Y": np.array([[0.0, -1e-3, 1e-3], [-1e-12, 1e-12, 0.0]]), "delta_next": delta_next}),
    ]


#: By subject: calls outside the contract.
_CALLS: dict[str, Callable[[], list[Case]]] = {"ReLULayer.delta": _negative_outputs}


def told_apart(mistakes: Sequence[Mistake], context: Context) -> list[Mistake]:
    """Those that give the examined method's answers to calls outside the contract too; all if none does."""
    calls = _CALLS.get(mistakes[0].subject)
    if calls is None or len({each.words for each in mistakes}) == 1:
        return list(mistakes)
    message = next(each for each in MESSAGES if each.subject == mistakes[0].subject)
    cases = calls()
    given = _answers(context, context.executor, message, cases)
    agreeing = [each for each in mistakes if _same(_answers(context, _executor(each), message, cases), given)]
    return agreeing or list(mistakes)


def _executor(mistake: Mistake) -> InProcess:
    return InProcess(mistake.classes, {name: "" for name in plain.CLASSES if name not in mistake.classes})


def _answers(context: Context, executor: Executor, message: Message, cases: Sequence[Case]) -> list[object]:
    other = context.of(executor, [])
    found: list[object] = []
    for case in cases:
        try:
            found.append(other.actual(message, case))
        except Violation as violation:
            found.append(violation.mistake)
    return found


def _same(ones: Sequence[object], others: Sequence[object]) -> bool:
    return all(
        alike(one, other, None) if isinstance(one, tuple) and isinstance(other, tuple) else one == other
        for one, other in zip(ones, others, strict=True)
    )
