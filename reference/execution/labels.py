"""Names for the steps of a request, by which it is remembered what ended the worker process."""

from __future__ import annotations

from collections.abc import Sequence

from reference.execution.worker.protocol import Call, Define, Descend, Get, Keep, New, Put, Step


def labels_of(steps: Sequence[Step]) -> list[str]:
    """A label for each step: ``Class.method`` for a call, ``Class`` for another, "" where it is about no object."""
    classes = {step.name: step.cls for step in steps if isinstance(step, New)}
    return ["" if isinstance(each, Define | Keep) else _label(each, classes.get(each.name)) for each in steps]


def _label(step: New | Put | Call | Get | Descend, cls: str | None) -> str:
    if isinstance(step, Descend):
        return f"{cls}.gradient"
    return f"{cls}.{step.method}" if isinstance(step, Call) else str(cls)
