"""Tells mistakes apart that give the same answers so far, by calls that no check makes.

Such an answer is never judged. It decides between the names of a method that is wrong in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.execution.worker.protocol import Call, Executor, Step
from reference.lab.cases import Case
from reference.lab.context import ORDINARY_SIZES, Context
from reference.lab.contract import MESSAGES, Message
from reference.lab.mistakes import Mistake
from reference.lab.network import case_of
from reference.numerics import tolerances
from reference.numerics.compare import alike_entries

#: Lists of steps, of which each last one's answer tells mistakes apart.
_Calls = list[list[Step]]


def _negative_outputs(context: Context) -> _Calls:
    """A ReLU layer's outputs are never negative: a mask that lets 0 through is told from none by such as are."""
    message = next(each for each in MESSAGES if each.subject == "ReLULayer.delta")
    sizes = np.array([1.0, 1e-3, 1e-12])
    Y = np.stack([sizes, -sizes, 0 * sizes])
    return [context.steps(message, Case({"Y": Y, "delta_next": np.arange(1.0, 10.0).reshape(Y.shape)}))]


def _equal_widths(context: Context) -> _Calls:
    """In a net of equal widths nothing crashes that has taken a wrong array: its numbers tell which."""
    found: _Calls = []
    for compound in context.losses:
        for widths, n in (((3, 3, 3, 3), 4), ((4, 4, 4), 4), ((2, 2, 2, 2, 2), 3)):
            case = case_of(context, (widths, n), compound=compound)
            found.append([*case.steps(), Call("net", "gradient", {"X": case.X, "T": case.T})])
    return found


#: By subject.
_CALLS: dict[str, Callable[[Context], _Calls]] = {
    "ReLULayer.delta": _negative_outputs,
    "MLP.gradient": _equal_widths,
}


def told_apart(mistakes: Sequence[Mistake], context: Context) -> list[Mistake]:
    """Those that give the examined method's answers to further calls too; all of them where no further call is known.

    None of them if none does.
    """
    calls = _CALLS.get(mistakes[0].subject)
    if calls is None:
        return list(mistakes)
    further = calls(context)
    given = _answers(context.executor, further)
    return [each for each in mistakes if _same(_answers(each.executor(), further), given)]


def seen_elsewhere(mistakes: Sequence[Mistake], context: Context, message: Message) -> list[Mistake]:
    """Those that also give the examined method's answers to positive numbers; none if these are all NaN too."""
    rng = context.rng("positive")
    cases = [message.draw(sizes, lambda shape: np.abs(rng.randn(*shape)) + 1 / 8) for sizes in ORDINARY_SIZES]
    further = [context.steps(message, case) for case in cases]
    given = _answers(context.executor, further)
    arrays = [np.asarray(each) for each in given if isinstance(each, np.ndarray) and each.dtype.kind == "f"]
    if all(np.isnan(each).all() for each in arrays):
        return []
    return [each for each in mistakes if _same(_answers(each.executor(), further), given)]


def _answers(executor: Executor, calls: _Calls) -> list[Any]:
    replies = [executor.run(steps)[-1] for steps in calls]
    return [reply.error_kind or reply.value for reply in replies]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return type(one) is type(other) and bool(one == other)
    if one.shape != other.shape or one.dtype.kind not in "fiub" or other.dtype.kind not in "fiub":
        return False
    return bool(
        alike_entries(one, other, tolerances.CODINGS_APART * np.abs(other).max(initial=0) * np.ones(other.shape)).all()
    )
