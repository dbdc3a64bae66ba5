"""Processes that follow a script, in place of worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reference.execution.worker import frames
from reference.execution.worker_process import EndedError, SecondsLeft

ENDED = EndedError("exits", "ended the process (exit code 3)")


class Script:
    """The messages that the processes send, in order, or the exceptions that they raise; records the requests.

    A number in the script is processor time in seconds, which the process uses before the next message. Bytes are
    output that it writes.
    """

    def __init__(self, *says: Any) -> None:
        self.says: Iterator[Any] = iter(says)
        self.end, self.measured, self.refuses = ENDED, True, False
        self.begun = 0
        self.asked: list[Any] = []
        self.stopped: list[bool] = []
        self.checked: list[tuple[float, bool]] = []

    def __call__(
        self, command: Callable[[int, int], list[str]], folder: Path, environment: dict[str, str], written: bytearray
    ) -> Process:
        self.begun += 1
        self.command, self.folder, self.environment, self.written = command(5, 6), folder, environment, written
        return Process(self)


class Process:
    """Stands in for `reference.execution.worker_process.WorkerProcess`."""

    def __init__(self, script: Script) -> None:
        self.script, self.used = script, 0.0

    def measure(self, least: float, *, cannot_fork: bool) -> bool:
        self.script.checked.append((least, cannot_fork))
        return self.script.measured

    def spent(self) -> float:
        return self.used

    def send(self, frame: bytes, left: SecondsLeft) -> None:
        self.script.asked.append(frames.unpacked(reader(frame), frames.REQUEST))
        if self.script.refuses:
            raise EOFError

    def receiver(self, left: SecondsLeft) -> Callable[[int], bytes]:
        said = next(self.script.says)
        while isinstance(said, float):
            self.used += said
            left()
            said = next(self.script.says)
        if isinstance(said, bytes):
            self.script.written += said
            said = next(self.script.says)
        if isinstance(said, BaseException):
            raise said
        return reader(frames.packed(said))

    def end_reason(self, left: SecondsLeft) -> EndedError:
        left()
        return self.script.end

    def stop(self, *, cannot_fork: bool) -> None:
        self.script.stopped.append(cannot_fork)


def reader(frame: bytes) -> Callable[[int], bytes]:
    rest = bytearray(frame)

    def receive(n: int) -> bytes:
        part = bytes(rest[:n])
        del rest[:n]
        return part

    return receive
