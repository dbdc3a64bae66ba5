"""What came back instead of an array of numbers, an exception or another object: as a fact, and as a word."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import Reply, Unusable
from reference.wording import Fact, fact

Array = NDArray[Any]


def raised(reply: Reply) -> Fact:
    """The exception that came instead of an answer, and where in the submission's own files it was raised."""
    came = fact("raised", error=reply.error_kind, said=reply.error, cause=reply.cause)
    if reply.place is not None:
        kind = "takes no such arguments" if reply.cause == "arguments" else "raised at"
        if not reply.place.source:
            kind = "raised in"
        came = came.and_(kind, file=reply.place.file, line=reply.place.line, source=reply.place.source)
    return came


def word_of(reply: Reply) -> str:
    """The word for what was raised instead of an answer."""
    if reply.cause in {"absent", "not set"}:
        return "missing"
    words = {
        "NotImplementedError": "not-implemented",
        "SystemExit": "exits",
        "MemoryError": "memory",
        "_ArrayMemoryError": "memory",
        # The process ended, as `reference.execution.sandbox` says.
        **{word: word for word in ("exits", "timeout", "memory")},
    }
    return words.get(reply.error_kind or "", "crash")


def word_by_position(reply: Reply) -> str:
    """The word for what was raised by a call with arguments by position, where the names alone are known to fit."""
    return "argument-order" if reply.cause == "arguments" else word_of(reply)


def type_of(reply: Reply) -> Fact:
    """The type of what came."""
    cause = "stand-in" if isinstance(reply.value, Unusable) and reply.value.problem == "stand-in" else None
    return fact("type", name="None" if reply.value is None else reply.kind, cause=cause)


def no_numbers(value: Any) -> Fact:
    """What came instead of an array of numbers."""
    if isinstance(value, np.ndarray):
        return fact("type", name=f"array of dtype {value.dtype}")
    if isinstance(value, Unusable):
        return fact("type", name=value.kind, cause="stand-in" if value.problem == "stand-in" else None)
    return fact("type", name="None" if value is None else type(value).__name__)


def word_for(value: Any, *, arrays: bool = True) -> str:
    """The word for an answer that is no array of numbers; ``arrays``: an array was due, if one of numbers."""
    if value is None:
        return "not-implemented"
    if isinstance(value, np.ndarray) and arrays:
        return "wrong-dtype"
    problem = value.problem if isinstance(value, Unusable) else "type"
    return {"dtype": "wrong-dtype", "shape": "wrong-shape"}.get(problem, "wrong-type")


def as_numbers(value: Any) -> Array | None:
    """An array of real numbers, or one number as such; None for anything else."""
    if value is None or isinstance(value, str | dict | list | tuple | Unusable):
        return None
    array = np.asarray(value)
    return array if array.dtype.kind in "fiub" else None


def part_of(gradient: Any, name: str, place: int) -> Any:
    """dW or db under a layer's name, as ``place`` 0 or 1, in what ``gradient`` answered; None where there is none."""
    try:
        return gradient[name][place]
    except (TypeError, LookupError):
        return None


def in_shape(array: Array, shape: tuple[int, ...]) -> Array | None:
    """The array in the due shape, where its entries have one place each there; None elsewhere.

    With rows and columns exchanged it is transposed, with as many entries in another shape it is reshaped, and one
    number stands for all entries.
    """
    if array.shape != shape and array.shape == shape[::-1]:
        return array.T
    if array.size == int(np.prod(shape)):
        return array.reshape(shape)
    return np.broadcast_to(array.reshape(()), shape) if array.size == 1 else None
