"""The limits of a submission: processor time, measured from outside, and elapsed time for the whole."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from reference.execution import processor_time
from reference.execution.limits import IMPORT, REQUEST, Budget, Deadline, Limits
from reference.execution.processes import family, is_running
from reference.execution.processor_time import Meter
from reference.execution.sandbox import Sandbox
from reference.execution.worker import import_time, loading
from reference.execution.worker.protocol import Call, New
from reference.execution.worker_process import EndedError
from reference.lab.mistakes import plain

pytestmark = pytest.mark.system
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are measured on Linux alone")

PROCESSOR = "60 s of processor time that --timeout allows for all answers together"
WALL = "360 s of elapsed time that everything together may take (5 times --timeout and a minute)"


# Processor time


BURN = "import time\ndef burn(s):\n    end = time.process_time() + s\n    while time.process_time() < end: pass\n"
THREADS = """
from threading import Thread
threads = [Thread(target=burn, args=(seconds,)) for seconds in (0.2, 0.4)]
for each in threads: each.start()
for each in threads: each.join()
"""
#: Kinds of work: the code, and the seconds of processor time that it uses before the process waits to be ended.
WORK: dict[str, tuple[str, float]] = {
    "nothing": ("", 0.0),
    "itself": ("burn(0.2)", 0.2),
    "threads": (THREADS, 0.4),
    "children": ("import os\nif not os.fork():\n    burn(0.2)\n    told()\nelse: burn(0.1)", 0.3),
    "grandchildren": ("import os\nif not os.fork():\n    if not os.fork():\n        burn(0.2)\n        told()", 0.2),
    # The system gives the time of ended children in hundredths of a second, rounded down.
    "ended children": ("import os\nif os.fork(): os.wait()\nelse:\n    burn(0.22)\n    os._exit(0)", 0.2),
    "ended thread": (
        "import threading\neach = threading.Thread(target=burn, args=(0.2,))\neach.start()\neach.join()",
        0.2,
    ),
}
WAIT = "\nimport sys\ndef told():\n    print(flush=True)\n    sys.stdin.read()\n"
#: Seconds of processor time that a process needs in addition to what it is asked to use.
START = 5.0

Begin = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Starts a process and waits until it has reported ``times`` times; the process ends with the test."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(code: str, times: int = 1) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-S", "-c", f"{BURN}{WAIT}{code}\ntold()\n"]
        begun.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        for _ in range(times):
            assert begun[-1].stdout is not None
            assert begun[-1].stdout.readline() == b"\n"
        return begun[-1]

    yield start
    for process in begun:
        process.communicate()


@on_linux
@pytest.mark.parametrize("work", WORK)
def test_processor_time_is_measured_from_outside(begin: Begin, work: str) -> None:
    """The processor time of threads, child processes and ended children is measured."""
    code, least = WORK[work]
    process = begin(code, 1 + code.count("fork()") * ("told()" in code))
    assert least <= Meter(process.pid).spent() < least + START


@on_linux
def test_measured_time_is_never_taken_back(begin: Begin) -> None:
    """A measurement never decreases, even when the process has ended or can no longer be measured."""
    process = begin("burn(0.2)")
    meter = Meter(process.pid)
    measured = meter.spent()
    process.communicate()
    assert meter.spent() == measured >= 0.2


@on_linux
def test_fixed_meter_measures_the_same_processes(begin: Begin) -> None:
    """After ``fix_members`` only the processes present then are measured."""
    code = "import os\nsys.stdin.readline(); burn(0.3)\nif os.fork(): told()\nelse:\n    burn(0.5); told()"
    process = begin(code, 0)
    meter = Meter(process.pid)
    meter.fix_members()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    for _ in range(2):
        process.stdout.readline()
    everything = Meter(process.pid).spent()
    assert 0.3 <= meter.spent() <= everything - 0.5


@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_where_there_is_no_clock_nothing_is_measured(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no clock for a process the measurement is 0."""

    def refused(clock: int) -> float:
        assert platform == "linux"
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(processor_time.time, "clock_gettime", refused)
    monkeypatch.setattr(processor_time.sys, "platform", platform)
    assert processor_time._own_seconds(os.getpid()) == 0.0


@on_linux
def test_family_is_found(begin: Begin) -> None:
    """The family is the process first, then all its descendants, also those started by its threads."""
    code = (
        "import os, threading\nbelow = lambda: os.fork() or told()\nabove = threading.Thread(target=below)\n"
        "above.start()\nabove.join()\nif not os.fork():\n    if not os.fork(): told()\n"
    )
    process = begin(code, 4)
    found = family(process.pid)
    assert found[0] == process.pid
    assert len(found) == 4
    assert family(2**22 + 1) == [2**22 + 1]


@on_linux
def test_who_sleeps_is_not_at_work(begin: Begin) -> None:
    """A process counts as running while it computes or waits for a processor, not while it sleeps or has ended."""
    assert is_running(os.getpid())
    sleeper = begin("")
    while Path(f"/proc/{sleeper.pid}/wchan").exists() and is_running(sleeper.pid):
        pass  # it has told, and is on its way
    assert not is_running(sleeper.pid)
    assert not is_running(2**22 + 1)


# The limits


class Clocks:
    """Clocks of processor time and of elapsed time that stand still until the test moves them."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.processor = self.elapsed = 0.0
        self.budget = Budget(limits or Limits(), lambda: self.elapsed)
        self.budget.count(lambda: self.processor)


def refused(act: Callable[[], object]) -> tuple[str, bool]:
    with pytest.raises(EndedError) as caught:
        act()
    assert caught.value.kind == "timeout"
    return caught.value.message, caught.value.retry


def test_elapsed_time_is_five_times_the_processor_time_and_a_minute() -> None:
    """The default limit of elapsed time is five times that of processor time plus a minute."""
    assert (Limits().whole, Limits(2).whole, Limits(2, wall=7).whole) == (360, 70, 7)


def test_all_answers_together_have_a_processor_time() -> None:
    """Processor time is summed over all processes, and the message gives the limit that was set."""
    clocks = Clocks()
    clocks.processor = 59.0
    another = [0.0]
    clocks.budget.count(lambda: another[0])
    another[0] = 0.75
    assert clocks.budget.left()[0] == 0.25
    another[0] = 1.0
    assert refused(clocks.budget.left) == (f"took more than the {PROCESSOR}", True)
    assert refused(lambda: Deadline(clocks.budget, REQUEST))[0] == f"took more than the {PROCESSOR}"


def test_everything_together_has_an_elapsed_time() -> None:
    """Elapsed time counts from the beginning, and exceeding it forbids a retry."""
    clocks = Clocks()
    with Deadline(clocks.budget, IMPORT).waiting():
        clocks.elapsed = 180.0
    assert clocks.budget.left()[1] == 180
    clocks.elapsed = 360.0
    assert refused(clocks.budget.left) == (f"was not done within the {WALL}", False)


def test_elapsed_time_that_is_not_the_submissions_does_not_end_it() -> None:
    """Elapsed time ends a submission only if at least half of it was spent waiting for the submission."""
    clocks = Clocks()
    clocks.elapsed = 10_000.0
    patience = Deadline(clocks.budget, REQUEST)
    with patience.waiting() as left:
        clocks.elapsed += 89
        assert left() == 1
    with Deadline(clocks.budget, REQUEST).waiting():
        clocks.elapsed += 90
    with Deadline(clocks.budget, REQUEST).waiting() as left:
        clocks.elapsed += 1
        assert refused(left)[0] == f"was not done within the {WALL}"


@pytest.mark.parametrize(
    ("share", "processor", "wall", "said"),
    [
        (REQUEST, 10.0, 90.0, ("took more for one case than a sixth of", "did not answer within a quarter of")),
        (IMPORT, 31.0, 180.0, ("took more than half of", "did not end within half of")),
    ],
    ids=["request", "import"],
)
def test_one_answer_has_its_share_of_both(share: object, processor: float, wall: float, said: tuple[str, str]) -> None:
    """One reply may use a share of each limit, and the message gives the limit that was set."""
    assert isinstance(share, type(REQUEST))
    clocks = Clocks()
    clocks.processor = 5.0
    patience = Deadline(clocks.budget, share)
    clocks.processor += processor - 0.5
    clocks.elapsed = 20.0  # of our own work, while it works
    with patience.waiting():
        clocks.elapsed += wall - 1
    with patience.waiting() as left:
        assert left() == 0.5
        clocks.elapsed += 0.75
        assert left() == 0.25
    clocks.elapsed += 20
    with patience.waiting() as left:
        assert left() == 0.25
        clocks.elapsed += 0.25
        assert refused(left) == (f"{said[1]} the {WALL}", False)
    clocks.processor += 0.5
    assert refused(patience.left) == (f"{said[0]} the {PROCESSOR}", True)


def test_last_answer_may_take_no_more_than_all() -> None:
    """The last reply ends with the total limit, and the clocks are never read without a pause."""
    clocks = Clocks()
    clocks.processor = 55.0
    patience = Deadline(clocks.budget, REQUEST)
    clocks.processor = 59.9999
    assert patience.left() == 0.005
    clocks.processor = 60.0
    assert refused(patience.left)[0] == f"took more than the {PROCESSOR}"


def test_elapsed_time_that_was_given_is_told_as_such() -> None:
    """The message about an elapsed time that was set does not say that it was derived."""
    assert Limits(2, wall=7.5).in_words()[1] == "7.5 s of elapsed time that everything together may take"


# An import


IMPORTS = """
import signal

class ReLULayer: pass

assert 0 < signal.getitimer(signal.ITIMER_PROF)[0] < 10.1  # it counts in hundredths
assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] < 90.1
"""
SWALLOWED = """
try: signal.raise_signal(signal.SIGPROF)
except BaseException: pass
assert 0 < signal.getitimer(signal.ITIMER_PROF)[0] < 0.1
while True: pass
"""
#: Of a file that has gone on until the alarm, which it gives itself here.
LATE = {
    "processor": ("signal.raise_signal(signal.SIGPROF)", "60 s of processor time that --timeout allows"),
    "wall": ("signal.raise_signal(signal.SIGALRM)", "360 s of elapsed time that everything together may take"),
    "swallowed": (SWALLOWED, "60 s of processor time that --timeout allows"),
}


@pytest.mark.skipif(os.name != "posix", reason="there are no such alarms elsewhere")
@pytest.mark.parametrize("late", LATE)
def test_import_has_its_share_of_both(tmp_path: Path, late: str) -> None:
    """One import may use a sixth of the processor time and a quarter of the elapsed time; its classes count."""
    code, limit = LATE[late]
    path = tmp_path / f"imported_{late}.py"
    path.write_text(IMPORTS + code, encoding="utf-8")
    found = loading.load(path, ["ReLULayer"], seconds=60.0, wall=360.0)
    assert list(found.classes) == ["ReLULayer"]
    (note,) = found.notes
    assert note.startswith(f"{path.name} was still running after its share of the {limit}")
    assert signal.getitimer(signal.ITIMER_PROF)[0] == signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_imports_share_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next import gets what is left, at least a moment, and all imports end before the process is ended."""
    now = [1000.0, 2000.0]
    monkeypatch.setattr(import_time, "time", SimpleNamespace(process_time=lambda: now[0], monotonic=lambda: now[1]))
    clock = import_time.Clock(60.0, 400.0)
    assert clock.shares() == (10, 100)
    now[:] = [1025.0, 2150.0]
    assert clock.shares() == (5, 10)
    now[:] = [1031.0, 2161.0]
    assert clock.shares() == (0.01, 0.01)
    assert import_time.Clock(None, 400.0).shares() is None


# A process


RIGHT = Path(plain.__file__).read_text(encoding="utf-8")
ASK = [New("layer", "ReLULayer", {"name": "r"}), Call("layer", "forward", {"X": np.array([[-1.0, 2.0]])})]
#: A layer whose forward takes a second of processor time at its third call.
BUSY = RIGHT + (
    "\nimport itertools, time\nright, count = ReLULayer.forward, itertools.count(1)\n"
    "def forward(self, X):\n    end = time.process_time() + (next(count) == 3)\n"
    "    while time.process_time() < end: pass\n    return right(self, X)\nReLULayer.forward = forward\n"
)


def opened(folder: Path, text: str, limits: Limits) -> Sandbox:
    (folder / "mlp.py").write_text(text, encoding="utf-8")
    return Sandbox(folder / "mlp.py", limits, "process")


@on_linux
def test_stopped_process_is_waited_for(tmp_path: Path) -> None:
    """A process that gets no processor time, as on a busy machine, is waited for."""
    with opened(tmp_path, RIGHT, Limits(3.0)) as box:
        assert box.missing() == {}
        assert box._worker is not None
        before, process = box._worker.spent(), box._worker.process.pid
        os.kill(process, signal.SIGSTOP)
        later = threading.Timer(1.0, os.kill, (process, signal.SIGCONT))  # more than its share of processor time
        later.start()
        replies = box.run(ASK)
        later.join()
        assert replies[-1].error is None
        assert replies[-1].value.tolist() == [[0.0, 2.0]]
        assert box._worker.spent() - before < 0.5


@on_linux
def test_process_that_burns_is_ended_at_its_share(tmp_path: Path) -> None:
    """A call that uses up its share of processor time is ended; calls before and after it are answered."""
    with opened(tmp_path, BUSY, Limits(3.0)) as box:
        errors = [box.run(ASK)[-1].error for _ in range(4)]
        assert errors[:2] == [None, None]
        assert re.fullmatch(r"took more for one case than a sixth of the 3 s of processor time .*", errors[2] or "")
        assert errors[3] is None
        assert box._budget.spent() < 3.0


@on_linux
def test_process_that_sleeps_is_ended_by_elapsed_time(tmp_path: Path) -> None:
    """A call that sleeps past its share of elapsed time is ended and not repeated; all other calls are answered."""
    sleeping = "\nimport time\ndef forward(self, X):\n    open('asleep', 'w').close()\n    time.sleep(10**6)\n"
    with opened(tmp_path, RIGHT + sleeping + "ReLULayer.forward = forward\n", Limits(60.0)) as box:
        now, asleep, looks = box._budget.now, box._work / "submission" / "asleep", itertools.count(1)
        # While it sleeps 100 s pass until the first look at the clock, which may come before the waiting begins, and
        # 100 s until the second, so that no test has to wait.
        box._budget.now = lambda: now() + (100 * min(next(looks), 2) if asleep.exists() else 0)
        for often in ("", "was not called any more, since ReLULayer.forward "):
            assert box.run(ASK)[-1].error == f"{often}did not answer within a quarter of the {WALL}"
        others = [ASK[0], Call("layer", "delta", {"Y": np.ones((1, 2)), "delta_next": np.ones((1, 2))})]
        assert box.run(others)[-1].value.tolist() == [[1.0, 1.0]]


def test_where_nothing_is_measured_waiting_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a measurement of processor time waiting is limited instead, and ``isolation`` says so."""
    monkeypatch.setattr(processor_time, "_own_seconds", lambda process: 0.0)
    monkeypatch.setattr(processor_time, "_seconds_of_ended_children", lambda process: 0.0)
    with opened(tmp_path, RIGHT, Limits(600.0)) as box:
        assert box.missing() == {}
        lacking = "a measure of its processor time (the time that it is waited for is limited instead)"
        assert box.isolation.endswith(lacking)
        assert box._worker is not None
        box._budget.limits = Limits(box._budget.spent() + 0.1)
        os.kill(box._worker.process.pid, signal.SIGSTOP)
        assert re.search(r"than .* s of processor time that --timeout allows", box.run(ASK)[-1].error or "")
