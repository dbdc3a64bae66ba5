"""The worker process from outside: its pipes, its output, its processor time, how it ends and how it is stopped."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from reference.execution import processor_time, worker_process
from reference.execution.worker_process import EndedError, SecondsLeft, StartError, WorkerProcess

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc"),
    pytest.mark.system,
]

#: Runs before the code of each process here.
BEGIN = """
import json, os, resource, signal, sys, time
requests, replies = map(int, sys.argv[1:])
signal.alarm(120)  # whatever becomes of the test
def read(n):
    data = b""
    while len(data) < n:
        data += os.read(requests, n - len(data))
    return data
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def tell(data):
    while data:
        data = data[os.write(replies, data):]
"""


def for_ever() -> float:
    """No limit: a process here ends by itself after two minutes, whatever the test does."""
    return 1.0


def no_longer() -> float:
    """A limit that is reached at once."""
    raise EndedError("timeout", "took too long")


class Started:
    """A process that runs some code, and its output."""

    def __init__(self, folder: Path, code: str, environment: dict[str, str]) -> None:
        self.written, self._stopped = bytearray(), False
        command = [sys.executable, "-I", "-S", "-c", BEGIN + code]
        self.worker = WorkerProcess(lambda *pipes: [*command, *map(str, pipes)], folder, environment, self.written)

    def heard(self, n: int, left: SecondsLeft = for_ever) -> bytes:
        return self.worker.receiver(left)(n)

    def send(self, data: bytes, left: SecondsLeft = for_ever) -> None:
        self.worker.send(data, left)

    def stop(self) -> bytes:
        """Stop the process; its output, once nothing of it is left."""
        if not self._stopped:
            self._stopped = True
            self.worker.stop(cannot_fork=False)
        return bytes(self.written)

    def end(self) -> EndedError:
        """How it ended, once it has closed its pipes."""
        with pytest.raises(EOFError):
            self.heard(1)
        return self.worker.end_reason(for_ever)


Start = Callable[..., Started]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts processes, stops them after the test, and checks that they leave no descriptor open."""
    before, all_of_them = descriptors(), list[Started]()

    def begin(code: str, environment: dict[str, str] | None = None) -> Started:
        all_of_them.append(Started(tmp_path, code, environment or {}))
        return all_of_them[-1]

    yield begin
    for started in all_of_them:
        started.stop()
        assert started.worker.process.returncode is not None
    assert descriptors() == before


def test_frames_go_and_come(start: Start) -> None:
    """Bytes arrive unchanged in both directions, also more than a pipe holds and in parts."""
    data = os.urandom(2**20)
    started = start("for n in (2**20, 3): tell(read(n)[::-1])")
    started.send(data)
    assert started.heard(5) == data[::-1][:5]
    assert started.heard(2**20 - 5) == data[::-1][5:]
    started.send(b"abc")
    assert started.heard(3) == b"cba"
    assert started.end() == EndedError("exits", "ended the process (exit code 0)")


def test_process_is_given_no_more_than_that(start: Start, tmp_path: Path) -> None:
    """The process gets its folder, its environment, an empty input, two pipes, two streams and its own session."""
    told = """
with os.scandir("/proc/self/fd") as found:
    links = {each.name: os.readlink(each.path) for each in found if os.path.exists(each.path)}
tell(json.dumps([os.getcwd(), dict(os.environ), sys.stdin.read(), os.getsid(0) == os.getpid(), links]).encode())
"""
    started = start(told, {"ONLY": "this", "LC_CTYPE": "C.UTF-8"})
    folder, environment, typed, cannot_fork, links = json.loads(_all(started))
    assert Path(folder) == tmp_path
    assert environment == {"ONLY": "this", "LC_CTYPE": "C.UTF-8"}
    assert typed == ""
    assert cannot_fork
    assert links.pop("0") == os.devnull
    assert sum(link.startswith("pipe:") for link in links.values()) == 4


def _all(started: Started) -> bytes:
    data = b""
    try:
        while True:
            data += started.heard(1)
    except EOFError:
        return data


def test_what_it_writes_is_kept_up_to_a_limit(start: Start) -> None:
    """The first 64 KiB of both output streams are kept in order; the rest is read and dropped."""
    pieces = ('1, b"one"', '2, b"two"', "1, bytes(2**18)")
    started = start("; ".join(f'os.write({piece}); tell(b"."); read(1)' for piece in pieces))
    for _ in pieces:
        assert started.heard(1) == b"."
        started.send(b"x")
    assert started.stop() == b"onetwo" + bytes(2**16 - 6)


def test_last_words_are_heard(start: Start) -> None:
    """Output written after the last reply is kept."""
    started = start('tell(b"."); read(1); os.write(2, b"last words"); os._exit(0)')
    assert started.heard(1) == b"."
    started.send(b"x")
    started.worker.process.wait()
    assert started.written == b""
    assert started.stop() == b"last words"


XCPU = "was ended by SIGXCPU, as one that has used up its processor time"


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("", "exits", "ended the process (exit code 0)"),
        ("os._exit(3)", "exits", "ended the process (exit code 3)"),
        ("os._exit(128)", "exits", "ended the process (exit code 128)"),
        ("os._exit(128 + 9)", "crash", "was ended by SIGKILL"),  # as bubblewrap and shells tell it
        ("os.kill(os.getpid(), signal.SIGKILL)", "crash", "was ended by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGUSR1)", "crash", "was ended by SIGUSR1"),
        ("os.kill(os.getpid(), 40)", "crash", "was ended by signal 40"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "timeout", XCPU),
        ("os._exit(128 + signal.SIGXCPU)", "timeout", XCPU),
    ],
)
def test_end_is_told(start: Start, code: str, kind: str, message: str) -> None:
    """The reason for the end follows from the exit code or the signal."""
    assert start(code).end() == EndedError(kind, message)


@pytest.mark.parametrize(
    ("then", "end"),
    [
        ("time.sleep(60)", EndedError("crash", "closed its pipes and did not end")),
        ("while time.process_time() < 0.5: pass\nos._exit(3)", EndedError("exits", "ended the process (exit code 3)")),
    ],
)
def test_closing_is_an_end_too(start: Start, then: str, end: EndedError, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that closes its pipes and sleeps has ended; one that still computes is given time to exit."""
    monkeypatch.setattr(worker_process, "_SECONDS_TO_EXIT", 0.1)
    assert start(f"os.close(replies)\n{then}").end() == end


def test_last_words_do_not_keep_it_from_ending(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that writes more than a pipe holds before it exits does exit."""
    monkeypatch.setattr(worker_process, "_SECONDS_TO_EXIT", 3600.0)
    started = start("os.close(replies); os.write(1, bytes(2**18)); os._exit(3)")
    assert started.end() == EndedError("exits", "ended the process (exit code 3)")


def test_process_that_never_ends_is_not_waited_for(start: Start) -> None:
    """Waiting for the exit code ends with the limit."""
    started = start("os.close(replies)\nwhile True: pass")
    with pytest.raises(EOFError):
        started.heard(1)
    with pytest.raises(EndedError, match="took too long"):
        started.worker.end_reason(no_longer)


def test_answer_is_awaited_as_long_as_there_is_time(start: Start) -> None:
    """Waiting for a reply ends with the limit; bytes received so far are kept, and bytes that are there are read."""
    started = start('tell(b"ab"); read(1); tell(b"c")')
    assert started.heard(1) == b"a"
    with pytest.raises(EndedError, match="took too long"):
        started.heard(2, no_longer)
    started.send(b"x")
    started.worker.process.wait()
    assert started.heard(2, no_longer) == b"bc"


def test_request_that_is_not_taken(start: Start) -> None:
    """While a request larger than the pipe is sent, the output of the process is read, so that neither blocks."""
    with pytest.raises(EndedError, match="took too long"):
        start("time.sleep(60)").send(bytes(2**20), no_longer)
    busy = start("os.write(1, bytes(2**18)); tell(read(2**20)[:1])")
    busy.send(bytes(2**20))
    assert busy.heard(1) == bytes(1)


def test_request_to_one_that_has_ended(start: Start) -> None:
    """Sending to a process that has ended raises EOFError, and its end is reported."""
    started = start("os._exit(7)")
    started.worker.process.wait()
    with pytest.raises(EOFError):
        started.send(b"x")
    assert started.worker.end_reason(for_ever) == EndedError("exits", "ended the process (exit code 7)")


@pytest.mark.parametrize(("files", "size", "seen"), [(4, 10, False), (5, 10, True), (1, 2**22, True)])
def test_folder_is_looked_at(start: Start, files: int, size: int, seen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many files or bytes in the folder end the wait for a reply."""
    monkeypatch.setattr(worker_process, "_MAX_FILES", 4)
    monkeypatch.setattr(worker_process, "_MAX_BYTES", 2**21)
    monkeypatch.setattr(worker_process, "_CHECK_INTERVAL", 3600.0)
    code = f'for n in range({files}): open(str(n), "wb").write(os.urandom({size}))'
    started = start(f'{code}\ntell(b"."); time.sleep(60)')
    assert started.heard(1) == b"."
    monkeypatch.setattr(worker_process, "_CHECK_INTERVAL", 0.0)
    with pytest.raises(EndedError) as caught:
        started.heard(1, no_longer)
    assert caught.value.message == ("wrote more than 4 files or 2 MiB" if seen else "took too long")
    assert caught.value.kind == ("memory" if seen else "timeout")


@pytest.mark.parametrize("cannot_fork", [True, False])
def test_what_it_starts_counts(start: Start, cannot_fork: bool) -> None:
    """The processor time of children counts, unless the process cannot start any."""
    started = start("tell(b'.'); read(1)\nif not os.fork():\n    burn(0.3); tell(b'.')\n    time.sleep(60)\nread(1)")
    assert started.heard(1) == b"."
    assert started.worker.measure(0.0, cannot_fork=cannot_fork)
    before = started.worker.spent()
    started.send(b"x")
    assert started.heard(1) == b"."
    assert (started.worker.spent() - before >= 0.3) is not cannot_fork


def test_where_nothing_can_be_measured_the_waiting_counts(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """If less is measured than the process reports, the time of waiting is counted instead."""
    started = start("tell(b'.'); time.sleep(60)")
    assert started.heard(1) == b"."
    assert not started.worker.measure(1000.0, cannot_fork=True)
    assert started.worker.spent() == 0.0
    seconds = count()
    monkeypatch.setattr(
        worker_process, "time", SimpleNamespace(monotonic=lambda: float(next(seconds)))
    )  # one at each look
    with pytest.raises(EndedError):
        started.heard(1, no_longer)
    assert started.worker.spent() == 1.0


def test_what_it_has_taken_is_known_when_it_has_ended(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor time of an ended process is kept, even if its number is given to another process."""
    started = start("burn(0.2); tell(b'.'); read(1)")
    assert started.heard(1) == b"."
    taken = started.worker.spent()
    assert taken >= 0.2
    started.stop()
    monkeypatch.setattr(processor_time, "_own_seconds", lambda process: 99.0)
    assert taken <= started.worker.spent() < 99


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    """A command that cannot be started gives the system's reason; other exceptions pass; no descriptor stays open."""
    before = descriptors()
    with pytest.raises(StartError, match=r"No such file or directory: '/no/such/program'"):
        WorkerProcess(lambda *_: ["/no/such/program"], tmp_path, {}, bytearray())

    def faulty(requests: int, replies: int) -> list[str]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        WorkerProcess(faulty, tmp_path, {}, bytearray())
    assert descriptors() == before


def running(executor: int) -> Iterator[str]:
    """The processes of a session that still run; zombies are left out."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, of, *_ = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if state != "Z" and int(of) == executor:
                yield entry.name


@pytest.mark.parametrize("cannot_fork", [True, False])
def test_stopping_ends_it(start: Start, cannot_fork: bool) -> None:
    """Stopping kills the process, its group, and processes that left the group, unless it could start none."""
    started = start("signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork(); tell(b'.'); time.sleep(60)")
    started.heard(2)
    processes = [os.pidfd_open(int(each)) for each in running(started.worker.process.pid)]
    started.worker.stop(cannot_fork=cannot_fork)
    started._stopped = True
    assert started.worker.process.returncode == -signal.SIGKILL
    for process in processes:  # what has been killed may take a moment to end
        select.select([process], [], [])
        os.close(process)
    assert list(running(started.worker.process.pid)) == []


@pytest.mark.parametrize("error", [ProcessLookupError, PermissionError])
def test_one_that_has_gone_is_stopped_all_the_same(
    start: Start, error: type[OSError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group that nobody finds, or may signal, has ended: macOS says the latter of zombies."""

    def refuse(*_: int) -> None:
        raise error

    started = start("os._exit(0)")
    monkeypatch.setattr(os, "killpg", refuse)
    started.worker.stop(cannot_fork=True)
    started._stopped = True
    assert started.worker.process.returncode == 0


def test_one_that_floods_is_stopped_all_the_same(start: Start) -> None:
    """A process that floods its pipes is stopped, and only 64 KiB of its output are kept."""
    started = start("os.fork()\nwhile True: os.write(1, bytes(2**16)); tell(bytes(2**16))")
    started.heard(1)
    assert len(started.stop()) <= 2**16
