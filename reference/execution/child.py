"""The process with foreign code in it, seen from outside: two pipes for frames, two streams, and its end."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reference.execution import processes, submission_files
from reference.execution.processor_time import Meter

_MOST_OUTPUT = 2**16
#: What the process may leave in its folder: files, and bytes. Limits of its own hold for each file alone.
_MOST_FILES, _MOST_BYTES = 4000, 2**28
#: Between looks at that folder, and at the clocks.
_LOOK = 0.25
#: For a process that has closed its side and sleeps; one that is at work may be about to end.
_TO_END = 1.0
#: Until what has been killed holds no pipe any more.
_TO_CLOSE = 5.0
#: Tells how many seconds may pass until it is asked again; raises EndedError where nothing is waited for any more.
Left = Callable[[], float]


@dataclass
class EndedError(Exception):
    """The process gives no more answers: a word for how it came to that, and what there is to say of it.

    ``again``: whether it may be asked the same once more.
    """

    kind: str
    said: str
    again: bool = True


class StartError(Exception):
    """The process cannot be started."""


class Child:
    """The process. What it writes on its standard streams is kept and never believed.

    Parameters
    ----------
    command
        Makes the command of the two descriptors, for questions and for answers.
    folder
        Its working directory, in which alone it may write.
    environment
        All of it.
    written
        Where what it writes goes, up to 64 KiB.
    """

    def __init__(
        self, command: Callable[[int, int], list[str]], folder: Path, environment: dict[str, str], written: bytearray
    ) -> None:
        their_questions, our_questions = os.pipe()
        our_answers, their_answers = os.pipe()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - to run what is foreign, confined, is the purpose
                command(their_questions, their_answers),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(their_questions, their_answers),
                start_new_session=True,
            )
        except BaseException as error:
            os.close(our_questions)
            os.close(our_answers)
            if isinstance(error, OSError):
                raise StartError(str(error)) from error
            raise
        finally:
            os.close(their_questions)
            os.close(their_answers)
        self._questions, self._answers, self._written, self._folder = our_questions, our_answers, written, folder
        self._looked, self._heard = time.monotonic(), bytearray()
        self._meter: Meter | None = Meter(self.process.pid)
        self._spent = 0.0
        self._selector = selectors.DefaultSelector()
        self._streams = [stream for stream in (self.process.stdout, self.process.stderr) if stream is not None]
        os.set_blocking(our_questions, False)
        self._taking = select.poll()
        self._taking.register(our_questions, select.POLLOUT)
        for descriptor in (our_answers, *(stream.fileno() for stream in self._streams)):
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ)

    def measure(self, least: float, *, alone: bool) -> bool:
        """Whether its processor time can be measured here; else the time that it is waited for is taken instead.

        Parameters
        ----------
        least
            Seconds of processor time that it has taken at least, as it has said before it ran foreign code.
        alone
            It can start nothing.
        """
        if self._meter is not None and self._meter.spent() < least:
            self._meter = None
        elif self._meter is not None and alone:
            self._meter.fix()
        return self._meter is not None

    def spent(self) -> float:
        """Seconds of processor time that it has taken, with all that belongs to it."""
        # Once it has been waited for its number may be another's.
        if self._meter is not None and self.process.returncode is None:
            self._spent = self._meter.spent()
        return self._spent

    def send(self, frame: bytes, left: Left) -> None:
        """Write a frame. Raises EOFError where the process has closed."""
        rest = memoryview(frame)
        while rest:
            try:
                rest = rest[os.write(self._questions, rest) :]
            except BlockingIOError:
                left()
                self._drain()
                with self._waiting():
                    self._taking.poll(1)
            except BrokenPipeError as error:
                raise EOFError from error

    def receiver(self, left: Left) -> Callable[[int], bytes]:
        """``receive(n)`` for `frames.unpacked`: raises EOFError where the process has closed.

        What is there already is taken, however long it has taken until we look.
        """

        def receive(n: int) -> bytes:
            while len(self._heard) < n:
                if not self._hear(0):
                    self._look()
                    self._hear(min(left(), _LOOK))
            data = bytes(self._heard[:n])
            del self._heard[:n]
            return data

        return receive

    def _hear(self, seconds: float) -> bool:
        """Wait for anything; whether a part of an answer has come."""
        with self._waiting():
            ready = {key.fd for key, _ in self._selector.select(seconds)}
        for descriptor in ready - {self._answers}:
            self._keep(descriptor)
        if self._answers not in ready:
            return False
        part = os.read(self._answers, 2**20)
        if not part:
            raise EOFError
        self._heard += part
        return True

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """Counts the time within, where the processor time cannot be measured."""
        start = time.monotonic()
        try:
            yield
        finally:
            if self._meter is None:
                self._spent += time.monotonic() - start

    def _look(self) -> None:
        if time.monotonic() - self._looked < _LOOK:
            return
        self._looked = time.monotonic()
        if is_overfull(self._folder):
            raise EndedError("memory", f"wrote more than {_MOST_FILES} files or {_MOST_BYTES >> 20} MiB")

    def _keep(self, descriptor: int) -> None:
        try:
            part = os.read(descriptor, 2**16)
        except BlockingIOError:
            return
        if not part:
            self._selector.unregister(descriptor)
        self._written += part[: max(0, _MOST_OUTPUT - len(self._written))]

    def _drain(self) -> None:
        for key, _ in self._selector.select(0):
            if key.fd != self._answers:
                self._keep(key.fd)

    def ended(self, left: Left) -> EndedError:
        """How the process came to its end."""
        self.spent()  # for the last time, if it has ended
        code = self._code(left)
        if code is None:
            return EndedError("crash", "closed the connection")
        # bubblewrap passes a signal on as a shell does.
        number = -code if code < 0 else code - 128
        if number == signal.SIGXCPU:
            return EndedError("timeout", "was ended by SIGXCPU, as one that has used up its processor time")
        if number > 0:
            return EndedError("crash", f"was ended by {_name_of(number)}")
        return EndedError("exits", f"ended the process (exit code {code})")

    def _code(self, left: Left) -> int | None:
        """Its exit code; None if it has closed its side and lives on."""
        deadline = time.monotonic() + _TO_END
        while True:
            self._drain()  # or it could wait at its end for somebody who reads its last words
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(min(left(), _LOOK / 5))
            if time.monotonic() > deadline and not any(map(processes.is_at_work, processes.family(self.process.pid))):
                return None

    def stop(self, *, alone: bool = False) -> None:
        """End the process and all that it has started, and close everything; ``alone``: it could start nothing."""
        self.spent()
        if alone:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            processes.end(self.process.pid, self._folder)
        self.process.wait()
        self._until_closed()
        self._selector.close()
        for stream in self._streams:
            stream.close()
        os.close(self._questions)
        os.close(self._answers)

    def _until_closed(self) -> None:
        """Hear the last of it, and wait until nobody holds the pipes any more: then nobody is left."""
        deadline, taken = time.monotonic() + _TO_CLOSE, 0
        while self._selector.get_map() and taken < 2**22 and (remaining := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(remaining):
                if key.fd != self._answers:
                    self._keep(key.fd)
                elif not (part := os.read(key.fd, 2**16)):
                    self._selector.unregister(key.fd)
                else:
                    taken += len(part)


def is_overfull(folder: Path) -> bool:
    """Whether there is more in a process's folder than may be."""
    return submission_files.is_too_much(folder, _MOST_FILES, _MOST_BYTES)


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
