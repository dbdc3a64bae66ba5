"""The process with foreign code in it, seen from outside: what it is given, what is heard of it, and how it ends."""

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

#: Before the code of each process here.
BEGIN = """
import json, os, resource, signal, sys, time
questions, answers = map(int, sys.argv[1:])
signal.alarm(120)  # whatever becomes of the test
def read(n):
    data = b""
    while len(data) < n:
        data += os.read(questions, n - len(data))
    return data
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def tell(data):
    while data:
        data = data[os.write(answers, data):]
"""


def for_ever() -> float:
    """No limit: a process here ends by itself after two minutes, whatever becomes of the test."""
    return 1.0


def no_longer() -> float:
    """Nothing is waited for."""
    raise EndedError("timeout", "took too long")


class Started:
    """A process that runs some code, and what it wrote."""

    def __init__(self, folder: Path, code: str, environment: dict[str, str]) -> None:
        self.written, self._stopped = bytearray(), False
        command = [sys.executable, "-I", "-S", "-c", BEGIN + code]
        self.worker = WorkerProcess(lambda *pipes: [*command, *map(str, pipes)], folder, environment, self.written)

    def heard(self, n: int, left: SecondsLeft = for_ever) -> bytes:
        return self.worker.receiver(left)(n)

    def send(self, data: bytes, left: SecondsLeft = for_ever) -> None:
        self.worker.send(data, left)

    def stop(self) -> bytes:
        """What it has written, when nothing of it is left."""
        if not self._stopped:
            self._stopped = True
            self.worker.stop()
        return bytes(self.written)

    def end(self) -> EndedError:
        """How it ended, once it has closed its side."""
        with pytest.raises(EOFError):
            self.heard(1)
        return self.worker.end_reason(for_ever)


Start = Callable[..., Started]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts processes; after the test they are stopped, and hold nothing."""
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
    """Byte by byte, more of them than any pipe holds, and in pieces as they are asked for."""
    data = os.urandom(2**20)
    started = start("for n in (2**20, 3): tell(read(n)[::-1])")
    started.send(data)
    assert started.heard(5) == data[::-1][:5]
    assert started.heard(2**20 - 5) == data[::-1][5:]
    started.send(b"abc")
    assert started.heard(3) == b"cba"
    assert started.end() == EndedError("exits", "ended the process (exit code 0)")


def test_process_is_given_no_more_than_that(start: Start, tmp_path: Path) -> None:
    """Its folder, its environment, an empty input, two pipes and two streams, and a session of its own."""
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
    """Of both streams, 64 KiB together, in order; the rest is taken, so that nobody waits for it."""
    pieces = ('1, b"one"', '2, b"two"', "1, bytes(2**18)")
    started = start("; ".join(f'os.write({piece}); tell(b"."); read(1)' for piece in pieces))
    for _ in pieces:
        assert started.heard(1) == b"."
        started.send(b"x")
    assert started.stop() == b"onetwo" + bytes(2**16 - 6)


def test_last_words_are_heard(start: Start) -> None:
    """What was written after the last answer."""
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
    """By what the system says of it."""
    assert start(code).end() == EndedError(kind, message)


@pytest.mark.parametrize(
    ("then", "end"),
    [
        ("time.sleep(60)", EndedError("crash", "closed the connection")),
        ("while time.process_time() < 0.5: pass\nos._exit(3)", EndedError("exits", "ended the process (exit code 3)")),
    ],
)
def test_closing_is_an_end_too(start: Start, then: str, end: EndedError, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a process that sleeps on; one that is at work may be about to end, and is waited for."""
    monkeypatch.setattr(worker_process, "_SECONDS_TO_EXIT", 0.1)
    assert start(f"os.close(answers)\n{then}").end() == end


def test_last_words_do_not_keep_it_from_ending(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though they are more than a pipe holds: they are taken while its end is awaited."""
    monkeypatch.setattr(worker_process, "_SECONDS_TO_EXIT", 3600.0)
    started = start("os.close(answers); os.write(1, bytes(2**18)); os._exit(3)")
    assert started.end() == EndedError("exits", "ended the process (exit code 3)")


def test_process_that_never_ends_is_not_waited_for(start: Start) -> None:
    """As little as an answer."""
    started = start("os.close(answers)\nwhile True: pass")
    with pytest.raises(EOFError):
        started.heard(1)
    with pytest.raises(EndedError, match="took too long"):
        started.worker.end_reason(no_longer)


def test_answer_is_awaited_as_long_as_there_is_time(start: Start) -> None:
    """And no longer; what came of it so far stays for the next who asks, and what is there already is taken."""
    started = start('tell(b"ab"); read(1); tell(b"c")')
    assert started.heard(1) == b"a"
    with pytest.raises(EndedError, match="took too long"):
        started.heard(2, no_longer)
    started.send(b"x")
    started.worker.process.wait()
    assert started.heard(2, no_longer) == b"bc"


def test_question_that_is_not_taken(start: Start) -> None:
    """Though it is more than the pipe holds: what the process writes meanwhile is taken, or it would wait."""
    with pytest.raises(EndedError, match="took too long"):
        start("time.sleep(60)").send(bytes(2**20), no_longer)
    busy = start("os.write(1, bytes(2**18)); tell(read(2**20)[:1])")
    busy.send(bytes(2**20))
    assert busy.heard(1) == bytes(1)


def test_question_to_one_that_has_ended(start: Start) -> None:
    """Is answered by how it ended."""
    started = start("os._exit(7)")
    started.worker.process.wait()
    with pytest.raises(EOFError):
        started.send(b"x")
    assert started.worker.end_reason(for_ever) == EndedError("exits", "ended the process (exit code 7)")


@pytest.mark.parametrize(("files", "size", "seen"), [(4, 10, False), (5, 10, True), (1, 2**22, True)])
def test_folder_is_looked_at(start: Start, files: int, size: int, seen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an answer is awaited: many files and large ones."""
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
    """Unless it can start nothing, as the system says: then it is not looked for each time."""
    started = start("tell(b'.'); read(1)\nif not os.fork():\n    burn(0.3); tell(b'.')\n    time.sleep(60)\nread(1)")
    assert started.heard(1) == b"."
    assert started.worker.measure(0.0, cannot_fork=cannot_fork)
    before = started.worker.spent()
    started.send(b"x")
    assert started.heard(1) == b"."
    assert (started.worker.spent() - before >= 0.3) is not cannot_fork


def test_where_nothing_can_be_measured_the_waiting_counts(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is the case where less is measured than the process has taken, as it has said itself."""
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
    """Though its number may be another process's then."""
    started = start("burn(0.2); tell(b'.'); read(1)")
    assert started.heard(1) == b"."
    taken = started.worker.spent()
    assert taken >= 0.2
    started.stop()
    monkeypatch.setattr(processor_time, "_own_seconds", lambda process: 99.0)
    assert taken <= started.worker.spent() < 99


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    """With the system's reason; a fault of ours stays what it is. Neither leaves a descriptor behind."""
    before = descriptors()
    with pytest.raises(StartError, match=r"No such file or directory: '/no/such/program'"):
        WorkerProcess(lambda *_: ["/no/such/program"], tmp_path, {}, bytearray())

    def faulty(questions: int, answers: int) -> list[str]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        WorkerProcess(faulty, tmp_path, {}, bytearray())
    assert descriptors() == before


def running(executor: int) -> Iterator[str]:
    """What is still at work of a session: those that have ended may wait for ever to be asked for it."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, of, *_ = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if state != "Z" and int(of) == executor:
                yield entry.name


@pytest.mark.parametrize("cannot_fork", [True, False])
def test_stopping_ends_it(start: Start, cannot_fork: bool) -> None:
    """By force, with its group, at once; whoever has left the group is looked for unless there can be nobody."""
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


def test_one_that_floods_is_stopped_all_the_same(start: Start) -> None:
    """Its answers are taken until the pipes are closed, its words are not all kept."""
    started = start("os.fork()\nwhile True: os.write(1, bytes(2**16)); tell(bytes(2**16))")
    started.heard(1)
    assert len(started.stop()) <= 2**16
