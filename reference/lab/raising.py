"""What is told of an exception that came instead of an answer."""

from __future__ import annotations

from reference.execution.worker.protocol import Reply
from reference.wording import Fact, fact


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
