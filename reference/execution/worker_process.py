"""The worker process seen from outside: pipes for requests and replies, its two output streams, and how it ended."""

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
from reference.execution.worker.protocol import Reply

_MAX_OUTPUT = 2**16
#: What the process may leave in its folder in total. Where the process has a file system of its own, that has this
#: size; elsewhere the folder is looked at from outside.
_MAX_FILES, _MAX_BYTES = 4000, 2**28
#: Seconds between two inspections of that folder and of the clocks.
_CHECK_INTERVAL = 0.25
#: Seconds that a process which has closed its pipes and sleeps is given to exit; one that still computes may go on.
_SECONDS_TO_EXIT = 1.0
#: Seconds to wait, after the processes were killed, until none of them holds a pipe open.
_SECONDS_TO_CLOSE = 5.0
#: Returns for how many seconds the caller may wait before it must ask again; raises EndedError once a limit is reached.
SecondsLeft = Callable[[], float]


@dataclass
class EndedError(Exception):
    """The worker process sends no more replies.

    Attributes
    ----------
    kind
        A word for how it ended: "crash", "exits", "timeout" or "memory".
    message
        What happened, as the end of a sentence whose subject is the submission: "was ended by SIGKILL".
    retry
        Whether the same request may be sent once more to a new process.
    """

    kind: str
    message: str
    retry: bool = True

    @property
    def reply(self) -> Reply:
        """What stands for each reply that does not come."""
        return Reply(error=self.message, error_kind=self.kind)


class StartError(Exception):
    """The worker process cannot be started."""


class WorkerProcess:
    """A started worker process. What it writes on its output streams is kept and never used for the verdict.

    Parameters
    ----------
    command
        Returns the command line, given the two file descriptors for requests and for replies.
    folder
        Its working directory, the only place where it may write.
    environment
        Its complete environment.
    written
        Receives what the process writes on its output streams, up to 64 KiB.

    Raises
    ------
    StartError
        The operating system cannot start the command.
    """

    def __init__(
        self, command: Callable[[int, int], list[str]], folder: Path, environment: dict[str, str], written: bytearray
    ) -> None:
        their_requests, our_requests = os.pipe()
        our_replies, their_replies = os.pipe()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - to run foreign code, confined, is the purpose
                command(their_requests, their_replies),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(their_requests, their_replies),
                start_new_session=True,
            )
        except BaseException as error:
            os.close(our_requests)
            os.close(our_replies)
            if isinstance(error, OSError):
                raise StartError(str(error)) from error
            raise
        finally:
            os.close(their_requests)
            os.close(their_replies)
        self._requests, self._replies, self._written, self._folder = our_requests, our_replies, written, folder
        self._inspected, self._received = time.monotonic(), bytearray()
        self._meter: Meter | None = Meter(self.process.pid)
        self._spent = 0.0
        self._selector = selectors.DefaultSelector()
        self._streams = [stream for stream in (self.process.stdout, self.process.stderr) if stream is not None]
        os.set_blocking(our_requests, False)
        self._writable = select.poll()
        self._writable.register(our_requests, select.POLLOUT)
        for descriptor in (our_replies, *(stream.fileno() for stream in self._streams)):
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ)

    def measure(self, least: float, *, cannot_fork: bool) -> bool:
        """Whether the system tells the processor time of this process; if not, elapsed waiting time is counted instead.

        Parameters
        ----------
        least
            Seconds of processor time that the process itself reported before it ran foreign code. A measurement from
            outside that is smaller cannot be right.
        cannot_fork
            Whether the process can start no other process or thread, so that its members never change.
        """
        if self._meter is not None and self._meter.spent() < least:
            self._meter = None
        elif self._meter is not None and cannot_fork:
            self._meter.fix_members()
        return self._meter is not None

    def spent(self) -> float:
        """Seconds of processor time that the process and its descendants have used so far."""
        # After it has been waited for, the system may give its number to another process.
        if self._meter is not None and self.process.returncode is None:
            self._spent = self._meter.spent()
        return self._spent

    def send(self, frame: bytes, left: SecondsLeft) -> None:
        """Write a frame to the request pipe.

        Raises
        ------
        EOFError
            The process has closed its end of the pipe.
        EndedError
            ``left`` says that a limit is reached.
        """
        rest = memoryview(frame)
        while rest:
            try:
                rest = rest[os.write(self._requests, rest) :]
            except BlockingIOError:
                left()
                self._drain_output()
                with self._waiting():
                    self._writable.poll(1)
            except BrokenPipeError as error:
                raise EOFError from error

    def receiver(self, left: SecondsLeft) -> Callable[[int], bytes]:
        """The function ``receive(n)`` that `frames.unpacked` needs: it returns the next n bytes of the reply pipe.

        Bytes that have arrived are returned even if a limit was reached before we read them. ``receive`` raises
        EOFError where the process has closed the pipe, and EndedError where ``left`` says that a limit is reached or
        the process has filled its folder.
        """

        def receive(n: int) -> bytes:
            while len(self._received) < n:
                if not self._read(0):
                    self._inspect_folder()
                    self._read(min(left(), _CHECK_INTERVAL))
            data = bytes(self._received[:n])
            del self._received[:n]
            return data

        return receive

    def _read(self, seconds: float) -> bool:
        """Wait up to ``seconds`` for output of any kind and store it; returns whether bytes of a reply have come."""
        with self._waiting():
            ready = {key.fd for key, _ in self._selector.select(seconds)}
        for descriptor in ready - {self._replies}:
            self._keep_output(descriptor)
        if self._replies not in ready:
            return False
        part = os.read(self._replies, 2**20)
        if not part:
            raise EOFError
        self._received += part
        return True

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """Add the elapsed time of the block to the time spent if the processor time cannot be measured."""
        start = time.monotonic()
        try:
            yield
        finally:
            if self._meter is None:
                self._spent += time.monotonic() - start

    def _inspect_folder(self) -> None:
        if time.monotonic() - self._inspected < _CHECK_INTERVAL:
            return
        self._inspected = time.monotonic()
        if is_overfull(self._folder):
            raise EndedError("memory", f"wrote more than {_MAX_FILES} files or {_MAX_BYTES >> 20} MiB")

    def _keep_output(self, descriptor: int) -> None:
        try:
            part = os.read(descriptor, 2**16)
        except BlockingIOError:
            return
        if not part:
            self._selector.unregister(descriptor)
        self._written += part[: max(0, _MAX_OUTPUT - len(self._written))]

    def _drain_output(self) -> None:
        for key, _ in self._selector.select(0):
            if key.fd != self._replies:
                self._keep_output(key.fd)

    def end_reason(self, left: SecondsLeft) -> EndedError:
        """How the process ended; to be called once it has closed its pipes."""
        self.spent()  # the last chance to measure: `_exit_code` waits for the process
        code = self._exit_code(left)
        if code is None:
            return EndedError("crash", "closed its pipes and did not end")
        # bubblewrap reports a signal as a shell does: 128 plus its number.
        number = -code if code < 0 else code - 128
        if number == signal.SIGXCPU:
            return EndedError("timeout", "was ended by SIGXCPU, as one that has used up its processor time")
        if number > 0:
            return EndedError("crash", f"was ended by {_name_of(number)}")
        return EndedError("exits", f"ended the process (exit code {code})")

    def _exit_code(self, left: SecondsLeft) -> int | None:
        """The exit code of the process; None if it has closed its pipes and does not exit."""
        deadline = time.monotonic() + _SECONDS_TO_EXIT
        while True:
            self._drain_output()  # a process whose output stream is full could not exit
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(min(left(), _CHECK_INTERVAL / 5))
            if time.monotonic() > deadline and not any(map(processes.is_running, processes.family(self.process.pid))):
                return None

    def stop(self, *, cannot_fork: bool) -> None:
        """Kill the process and everything that it has started, and close all pipes.

        ``cannot_fork`` says that it could start no other process, so that none needs to be looked for.
        """
        self.spent()
        if cannot_fork:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            processes.end(self.process.pid, self._folder)
        self.process.wait()
        self._wait_until_closed()
        self._selector.close()
        for stream in self._streams:
            stream.close()
        os.close(self._requests)
        os.close(self._replies)

    def _wait_until_closed(self) -> None:
        """Read the last output until every pipe is closed: then none of the killed processes is left."""
        deadline, taken = time.monotonic() + _SECONDS_TO_CLOSE, 0
        while self._selector.get_map() and taken < 2**22 and (remaining := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(remaining):
                if key.fd != self._replies:
                    self._keep_output(key.fd)
                elif not (part := os.read(key.fd, 2**16)):
                    self._selector.unregister(key.fd)
                else:
                    taken += len(part)


def most_in_folder() -> tuple[int, int]:
    """How many files and how many bytes a worker may leave in its folder."""
    return _MAX_FILES, _MAX_BYTES


def is_overfull(folder: Path) -> bool:
    """Whether a worker's folder holds more files or bytes than a worker may leave there."""
    return submission_files.exceeds(folder, _MAX_FILES, _MAX_BYTES)


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
