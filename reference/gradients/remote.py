"""Functions that run in a sandbox, as functions of this process: arrays go out, and answers come back."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import Call, Executor, Laid, Layout, New, Step, Unusable

Array = NDArray[Any]


class RemoteError(Exception):
    """The process that runs the code has ended, or has answered with something that is no array."""


def method(executor: Executor, cls: str, name: str, shown: str) -> Callable[..., Any]:
    """A method of a class in the sandbox, as a function of arrays that is called ``shown`` in findings.

    What it raises there is raised here. Where it writes into an argument, the array here is changed too, so that a
    check sees it.
    """

    def call(*args: Any) -> Any:
        sent = {f"args[{number}]": _sent(each) for number, each in enumerate(args)}
        steps: list[Step] = [New("one", cls), Call("one", name, sent, by_position=True)]
        reply = executor.run(steps)[-1]
        if reply.error is not None:
            raise _exception(reply.error, reply.error_kind)
        for place in reply.changed:
            _change(args[int(place.removeprefix("args[").removesuffix("]"))])
        return _usable(reply.value)

    call.__name__ = call.__qualname__ = shown
    call.__module__ = "your_module"
    return call


def _sent(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        if isinstance(value, np.generic | bool | int | float | str | None):
            return value
        raise TypeError(f"only arrays can be sent to the sandbox, not {type(value).__name__}")
    if type(value) is not np.ndarray:  # balls, or numbers that round at random: what they know would be lost
        raise TypeError(f"the code runs in a sandbox, which is sent plain arrays alone, not {type(value).__name__}")
    if value.dtype == np.longdouble:  # which frames do not carry; the answer in double precision shows that
        value = value.astype(np.float64)
    layout = _layout(value)
    return value if layout == "C" else Laid(np.ascontiguousarray(value), layout)


def _layout(array: Array) -> Layout:
    """How an array lies in memory, as the sandbox makes it again."""
    if any(stride < 0 for stride in array.strides):
        return "reversed"
    if array.ndim and array.size and array.strides[0] == 0 and array.shape[0] > 1:
        return "broadcast"
    if not array.flags.writeable:
        return "read-only"
    if array.flags.c_contiguous:
        return "C"
    return "Fortran" if array.flags.f_contiguous else "strided"


def _exception(error: str, kind: str | None) -> Exception:
    raised = None if kind is None else getattr(builtins, kind, None)
    if isinstance(raised, type) and issubclass(raised, Exception):
        try:
            return raised(error.removeprefix(f"{kind}: "))
        except TypeError:  # such as UnicodeDecodeError, which takes more
            return RemoteError(error)
    return RemoteError(error)


def _usable(value: Any) -> Any:
    if isinstance(value, Unusable):
        return object()
    if isinstance(value, tuple | list):
        return type(value)(_usable(each) for each in value)
    return value


def _change(array: Any) -> None:
    if isinstance(array, np.ndarray) and array.flags.writeable and array.size:
        array.flat[0] = array.flat[0] + 1 if np.isfinite(array.flat[0]) else 0
