"""Runs an implementation's code in this process: for code that is trusted, such as one's own."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.protocol import Call, Get, Laid, New, Put, Ref, Reply, Seed, Step, lay_out

_PLAIN = (int, float, complex, str, bool, np.generic)


class InProcess:
    """A `Session` over classes of this process.

    Parameters
    ----------
    classes
        The contract's names and the classes that bear them.
    missing
        Names that are not there, and why not.
    """

    def __init__(self, classes: Mapping[str, type], missing: Mapping[str, str]) -> None:
        self._classes = dict(classes)
        self._missing = dict(missing)

    def missing(self) -> Mapping[str, str]:
        """See `Session`."""
        return self._missing

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        """See `Session`."""
        stage = _Stage(self._classes)
        # What numpy or the code has to say of overflows and the like is no verdict; the answers are.
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            replies = [stage.perform(step) for step in steps]
        return stage.with_hindsight(replies)


class _Stage:
    """The objects of one examination."""

    def __init__(self, classes: Mapping[str, type]) -> None:
        self.classes = classes
        self.objects: dict[str, Any] = {}
        self.generators: dict[int, np.random.RandomState] = {}
        self.answers: list[Any] = []

    def perform(self, step: Step) -> Reply:
        try:
            reply, answer = self._act(step)
        except (Exception, SystemExit) as error:  # whatever foreign code raises is an answer
            reply, answer = Reply(error=f"{type(error).__name__}: {error}", error_kind=type(error).__name__), None
        self.answers.append(answer)
        return reply

    def with_hindsight(self, replies: list[Reply]) -> list[Reply]:
        """Mark the answers that later steps have changed."""
        return [
            replace(reply, altered=not _same(reply.value, _copied(answer)))
            for reply, answer in zip(replies, self.answers, strict=True)
        ]

    def _act(self, step: Step) -> tuple[Reply, Any]:
        match step:
            case New():
                arguments = {name: self._given(value) for name, value in step.arguments.items()}
                self.objects[step.name] = self.classes[step.cls](**arguments)
                return Reply(), None
            case Put():
                self._put(self.objects[step.name], step.attribute, step.value)
                return Reply(), None
            case Get():
                answer = getattr(self.objects[step.name], step.attribute)
                return Reply(_copied(answer), type(answer).__name__), answer
            case Call():
                return self._call(step)

    def _call(self, step: Call) -> tuple[Reply, Any]:
        given = {name: self._given(value) for name, value in step.arguments.items()}
        before = {name: _copied(value) for name, value in given.items()}
        answer = getattr(self.objects[step.name], step.method)(**given)
        changed = tuple(name for name in given if not _same(before[name], _copied(given[name])))
        arrays = list(_arrays(answer))
        aliases = tuple(
            name
            for name, value in given.items()
            if any(np.shares_memory(array, other) for array in arrays for other in _arrays(value))
        )
        return Reply(_copied(answer), type(answer).__name__, changed=changed, aliases=aliases), answer

    def _given(self, value: Any) -> Any:
        """What a step's argument stands for."""
        match value:
            case Ref():
                return self.objects[value.name]
            case Seed():
                return self.generators.setdefault(value.value, np.random.RandomState(value.value))
            case Laid():
                return lay_out(value.array, value.layout)
            case np.ndarray():
                return lay_out(value, "C")
            case list():
                return [self._given(item) for item in value]
            case _:
                return value

    def _put(self, target: Any, attribute: str, value: NDArray[Any]) -> None:
        present = getattr(target, attribute, None)
        if isinstance(present, np.ndarray) and present.shape == value.shape and present.dtype == value.dtype:
            present[...] = value
        else:
            setattr(target, attribute, np.array(value))


def _copied(value: Any) -> Any:
    """Arrays and containers of them, copied; None for what the examiner cannot use."""
    if isinstance(value, np.ndarray):
        return np.array(value)  # a plain array, whatever its subclass
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value) if type(value) in {list, tuple} else None
    if isinstance(value, dict):
        return {str(name): _copied(item) for name, item in value.items()}
    return None


def _arrays(value: Any) -> list[NDArray[Any]]:
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, list | tuple):
        return [array for item in value for array in _arrays(item)]
    if isinstance(value, dict):
        return [array for item in value.values() for array in _arrays(item)]
    return []


def _same(one: Any, other: Any) -> bool:
    """Equal to the bit, NaN equal to NaN; values as `_copied` makes them."""
    ones, others = _arrays(one), _arrays(other)
    return len(ones) == len(others) and all(
        a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        for a, b in zip(ones, others, strict=True)
    )
