"""The process with foreign code in it, seen from outside: what it is given, what is heard of it, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reference import child
from reference.child import Child, EndedError, StartError

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc"),
    pytest.mark.outside,
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
def tell(data):
    while data:
        data = data[os.write(answers, data):]
"""
SOON = 20.0  # seconds, which no test waits for


class Started:
    """A process that runs some code, and what it wrote."""

    def __init__(self, folder: Path, code: str, environment: dict[str, str]) -> None:
        self.written, self._stopped = bytearray(), False
        command = [sys.executable, "-I", "-S", "-c", BEGIN + code]
        self.child = Child(lambda *pipes: [*command, *map(str, pipes)], folder, environment, self.written)

    def heard(self, n: int, seconds: float = SOON) -> bytes:
        return self.child.receiver(time.monotonic() + seconds)(n)

    def stop(self) -> bytes:
        """What it has written, when nothing of it is left."""
        if not self._stopped:
            self._stopped = True
            self.child.stop()
        return bytes(self.written)

    def end(self) -> EndedError:
        """How it ended, once it has closed its side."""
        with pytest.raises(EOFError):
            self.heard(1)
        return self.child.ended()


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
        assert started.child.process.returncode is not None
    assert descriptors() == before


def test_frames_go_and_come(start: Start) -> None:
    """Byte by byte, more of them than any pipe holds, and in pieces as they are asked for."""
    data = os.urandom(2**20)
    started = start("for n in (2**20, 3): tell(read(n)[::-1])")
    started.child.send(data)
    assert started.heard(5) == data[::-1][:5]
    assert started.heard(2**20 - 5) == data[::-1][5:]
    started.child.send(b"abc")
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
    folder, environment, typed, alone, links = json.loads(_all(started))
    assert Path(folder) == tmp_path
    assert environment == {"ONLY": "this", "LC_CTYPE": "C.UTF-8"}
    assert typed == ""
    assert alone
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
        started.child.send(b"x")
    assert started.stop() == b"onetwo" + bytes(2**16 - 6)


def test_last_words_are_heard(start: Start) -> None:
    """What was written after the last answer."""
    started = start('tell(b"."); os.write(2, b"last words"); os._exit(0)')
    assert started.heard(1) == b"."
    started.child.process.wait()
    assert started.stop() == b"last words"


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("", "exits", "ended the process (exit code 0)"),
        ("os._exit(3)", "exits", "ended the process (exit code 3)"),
        ("os._exit(128)", "exits", "ended the process (exit code 128)"),
        ("os._exit(128 + 9)", "crash", "was ended by SIGKILL"),  # as bubblewrap and shells tell it
        ("os.kill(os.getpid(), signal.SIGKILL)", "crash", "was ended by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGUSR1)", "crash", "was ended by SIGUSR1"),
        ("os.kill(os.getpid(), 40)", "crash", "was ended by signal 40"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "timeout", "used up its processor time"),
        ("os._exit(128 + signal.SIGXCPU)", "timeout", "used up its processor time"),
    ],
)
def test_end_is_told(start: Start, code: str, kind: str, said: str) -> None:
    """By what the system says of it."""
    assert start(code).end() == EndedError(kind, said)


def test_closing_is_an_end_too(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a process that lives on; it is waited for a moment, and ended with all the others."""
    monkeypatch.setattr(child, "_TO_END", 0.2)
    started = start("os.close(answers); time.sleep(60)")
    assert started.end() == EndedError("crash", "closed the connection")


def test_answer_is_awaited_until_the_deadline(start: Start) -> None:
    """And no longer; what came of it so far stays for the next who asks."""
    started = start('tell(b"ab"); read(1); tell(b"c"); time.sleep(60)')
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        started.heard(3, 0.4)
    assert time.monotonic() - began >= 0.4
    started.child.send(b"x")
    assert started.heard(3) == b"abc"
    with pytest.raises(TimeoutError):
        started.heard(1, 0)


def test_question_that_is_not_taken(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within seconds, more than the pipe holds; what the process writes meanwhile is taken, or it would wait."""
    monkeypatch.setattr(child, "_TO_TAKE", 0.4)
    started, began = start("time.sleep(60)"), time.monotonic()
    with pytest.raises(EndedError) as caught:
        started.child.send(bytes(2**20))
    assert caught.value == EndedError("timeout", "did not take the question")
    assert time.monotonic() - began >= 0.4
    monkeypatch.setattr(child, "_TO_TAKE", SOON)
    busy = start("os.write(1, bytes(2**18)); tell(read(2**20)[:1])")
    busy.child.send(bytes(2**20))
    assert busy.heard(1) == bytes(1)


def test_question_to_one_that_has_ended(start: Start) -> None:
    """Is answered by how it ended."""
    started = start("os._exit(7)")
    started.child.process.wait()
    with pytest.raises(EndedError) as caught:
        started.child.send(b"x")
    assert caught.value == EndedError("exits", "ended the process (exit code 7)")


@pytest.mark.parametrize(("files", "size", "seen"), [(4, 10, False), (5, 10, True), (1, 2**22, True)])
def test_folder_is_looked_at(start: Start, files: int, size: int, seen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an answer is awaited: many files and large ones."""
    monkeypatch.setattr(child, "_MOST_FILES", 4)
    monkeypatch.setattr(child, "_MOST_BYTES", 2**21)
    code = f'for n in range({files}): open(str(n), "wb").write(os.urandom({size}))'
    started = start(f'{code}\nread(1); time.sleep({SOON / 2 if seen else 0.7}); tell(b"."); time.sleep(60)')
    started.child.send(b"x")
    if not seen:
        assert started.heard(1) == b"."
        return
    with pytest.raises(EndedError) as caught:
        started.heard(1)
    assert caught.value == EndedError("memory", "wrote more than 4 files or 2 MiB")


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    """With the system's reason; a fault of ours stays what it is. Neither leaves a descriptor behind."""
    before = descriptors()
    with pytest.raises(StartError, match=r"No such file or directory: '/no/such/program'"):
        Child(lambda *_: ["/no/such/program"], tmp_path, {}, bytearray())

    def faulty(questions: int, answers: int) -> list[str]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Child(faulty, tmp_path, {}, bytearray())
    assert descriptors() == before


def running(session: int) -> Iterator[str]:
    """What is still at work of a session: those that have ended may wait for ever to be asked for it."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, of, *_ = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if state != "Z" and int(of) == session:
                yield entry.name


@pytest.mark.parametrize("alone", [True, False])
def test_stopping_ends_it(start: Start, alone: bool) -> None:
    """By force, with its group, at once; whoever has left the group is looked for unless there can be nobody."""
    started = start("signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork(); tell(b'.'); time.sleep(60)")
    started.heard(2)
    started.child.stop(alone=alone)
    started._stopped = True
    assert started.child.process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + SOON
    while list(running(started.child.process.pid)):  # what has been killed may take a moment to end
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_that_floods_is_stopped_all_the_same(start: Start) -> None:
    """Its answers are taken until the pipes are closed, its words are not all kept."""
    started = start("os.fork()\nwhile True: os.write(1, bytes(2**16)); tell(bytes(2**16))")
    started.heard(1)
    assert len(started.stop()) <= 2**16
