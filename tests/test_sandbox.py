"""The sandbox with a scripted process in place of the worker: what it makes of everything that may come back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import cache_from_source, source_hash
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference.execution import bubblewrap, limits, sandbox, worker_process
from reference.execution.implementation import CLASSES
from reference.execution.sandbox import Limits, Sandbox, SandboxError
from reference.execution.worker import frames
from reference.execution.worker.protocol import Call, Get, New, Reply
from reference.execution.worker_process import EndedError, StartError
from tests.scripted import ENDED, Script

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="a process is confined on POSIX systems alone"),
    pytest.mark.system,
]

FORCE = {
    "in_force": ["limits on memory", "no processes, threads, signals or network"], "lacking": [],
    "cannot_fork": True, "spent": 0.125,
}  # fmt: skip
FOUND = {
    "classes": ["ReLULayer"], "missing": {}, "causes": {}, "notes": [], "stand_ins": [],
    "modules": {"ReLULayer": "mlp"},
}  # fmt: skip
MADE, ASKED = New("layer", "ReLULayer", {"name": "r"}), Call("layer", "forward", {"X": np.ones((1, 1))})
LIMITS = Limits(12, 2**30)
ALL = "12 s of processor time that --timeout allows for all answers together"


class Opened:
    """A sandbox over a file ``mlp.py``, and the script that replies in it."""

    def __init__(self, box: Sandbox, script: Script) -> None:
        self.box, self.script = box, script

    def missing(self) -> dict[str, str]:
        return dict(self.box.missing())


Open = Callable[..., Opened]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    boxes: list[Sandbox] = []
    (tmp_path / "mlp.py").write_text("", encoding="utf-8")

    def begin(*says: Any, kind: sandbox.Kind = "process", limits: Limits = LIMITS) -> Opened:
        script = Script(*says)
        monkeypatch.setattr(sandbox, "WorkerProcess", script)
        boxes.append(Sandbox(tmp_path / "mlp.py", limits, kind).__enter__())
        return Opened(boxes[-1], script)

    yield begin
    for box in boxes:
        box.__exit__()
        assert not box._folder.exists()


def replies(*values: float) -> list[Reply]:
    return [Reply(), *(Reply(np.full((1, 1), value), "ndarray") for value in values)]


def test_process_is_given_its_limits_and_no_more(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's command, settings and environment hold its limits and nothing else."""
    for name in ("OPENBLAS_CORETYPE", "SECRET"):
        monkeypatch.setenv(name, "Haswell")
    monkeypatch.delenv("OPENBLAS_L2_SIZE", raising=False)
    begun = opened(FORCE, FOUND)
    begun.missing()
    folder, (*command, boot, worker, libraries, settings) = begun.box._folder, begun.script.command
    assert command == [os.path.realpath(sys._base_executable), "-I", "-S", "-B", "-u", "-c"]  # type: ignore[attr-defined]
    assert "from bp_worker.serve import main" in boot
    assert [worker, libraries] == [f"{folder}/bp_worker", f"{folder}/libraries"]
    given = json.loads(settings)
    readable = given.pop("readable")
    assert {
        worker,
        libraries,
        "/dev/null",
        os.path.realpath(json.__path__[0]),
        str(Path(np.__path__[0]).resolve()),
    } <= set(readable)
    assert not [path for path in readable if path.endswith("-packages")]
    assert [Path(path).name for path in given.pop("listable")] == [Path(json.__path__[0]).parent.name]
    assert given == {
        "requests": 5, "replies": 6, "memory": 2**30, "cpu_seconds": 17, "file_size": 2**24,
        "most_files": 4000, "most_bytes": 2**28, "seconds": 12, "wall": 120,
        "writable": [f"{folder}/work"], "root": f"{folder}/work/submission/mlp.py",
        "wanted": list(CLASSES), "optional": ["NaiveSoftmaxLayer"],
    }  # fmt: skip
    assert begun.script.folder == folder / "work"
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    assert begun.script.environment == {
        "PATH": os.defpath, "LANG": "C.UTF-8", "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0",
        **dict.fromkeys(threads, "1"),
        "HOME": f"{folder}/work", "TMPDIR": f"{folder}/work", "OPENBLAS_CORETYPE": "Haswell",
    }  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == ["bp_worker", "libraries", "work"]
    assert (folder / "libraries" / "numpy").resolve() == Path(np.__path__[0]).resolve()
    for path in (folder / "bp_worker").glob("*.py"):  # bytecode that is used for this very source alone
        compiled = Path(cache_from_source(str(path))).read_bytes()
        assert (compiled[4], compiled[8:16]) == (0b11, source_hash(path.read_bytes()))


def test_before_the_worker_is_started_nothing_is_known(opened: Open) -> None:
    """No cause, no module and no time; the folder has a name by which its owner knows whose it is."""
    box = opened(FORCE, FOUND).box
    assert (box.causes(), box.modules(), box.spent()) == ({}, {}, 0.0)
    assert box._folder.name.startswith("bp-check-")


@pytest.mark.parametrize("works", [True, False])
def test_isolation_is_told(opened: Open, works: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """``isolation`` names what is in force; a process that could start none is not searched for others at the end."""
    monkeypatch.setattr(bubblewrap, "works", lambda: works)
    begun = opened(FORCE, FOUND, kind="auto")
    begun.missing()
    words = "limits on memory; no processes, threads, signals or network"
    assert begun.box.isolation == f"a process of its own: {'bubblewrap; ' if works else ''}{words}"
    assert (Path(begun.script.command[0]).name == "bwrap") == works
    assert begun.script.checked == [(0.125, True)]
    begun.box.__exit__()
    assert begun.script.stopped == [True]


@pytest.mark.parametrize(("in_force", "message"), [([], "no further means"), (["limits"], "limits")])
def test_what_is_not_in_force_is_told(opened: Open, in_force: list[str], message: str) -> None:
    """``isolation`` names what is lacking; without a filter the processes it has started are searched for."""
    missing = ["a filter of files", "a filter of calls"]
    begun = opened({"in_force": in_force, "lacking": missing, "cannot_fork": False, "spent": 0.5}, FOUND)
    begun.script.measured = bool(in_force)
    begun.missing()
    lacking = ["a filter of files", "a filter of calls"]
    if not in_force:
        lacking.append("a measure of its processor time (the time that it is waited for is limited instead)")
    assert begun.box.isolation == f"a process of its own: {message}. NOT in force here: {'; '.join(lacking)}"
    assert begun.script.checked == [(0.5, False)]
    begun.box.__exit__()
    assert begun.script.stopped == [False]


def test_what_was_found_is_told(opened: Open) -> None:
    """Missing classes, modules and notes are passed on: unknown stand-ins first, well-known ones last."""
    found = {
        **FOUND, "classes": ["ReLULayer", "MLP"], "missing": {"SoftmaxLayer": "it raised NameError"},
        "notes": ["ended early"],
        "stand_ins": ["helpers", "matplotlib", "tqdm"], "modules": {"ReLULayer": "layers.relu", "MLP": "not a name"},
    }  # fmt: skip
    begun = opened(FORCE, found)
    assert begun.missing() == {
        "LinearLayer": "there is no class LinearLayer in mlp.py",
        "SoftmaxLayer": "it raised NameError",
        "LossCrossEntropy": "there is no class LossCrossEntropy in mlp.py",
        "LossCrossEntropyForSoftmaxLogits": "there is no class LossCrossEntropyForSoftmaxLogits in mlp.py",
    }
    assert begun.box.modules() == {"ReLULayer": "layers.relu"}
    assert begun.box.notes == [
        (
            "the module helpers was not handed in and is not installed: a stand-in that does nothing took its place "
            "here, but elsewhere its import fails"
        ),
        "ended early",
        "stand-ins that do nothing took the place of matplotlib, tqdm",
    ]
    assert begun.missing()
    assert begun.script.begun == 1


@pytest.mark.parametrize(
    ("hello", "why"),
    [
        (EOFError(), "ended the process (exit code 3)"),
        (7.5, f"took more than half of the {ALL}"),
        (frames.FrameError("malformed"), "sent no reply that can be read (malformed)"),
        (["ReLULayer"], "sent something other than what it had found"),
        (EndedError("memory", "wrote more than it may"), "wrote more than it may"),
    ],
)
def test_import_that_goes_wrong_is_told_of_all_classes(opened: Open, hello: Any, why: str) -> None:
    """If the import fails every class is missing for that reason; an import may take half the time and 1 s."""
    begun = opened(FORCE, hello)
    assert begun.missing() == dict.fromkeys(CLASSES, f"the import of mlp.py {why}")
    assert begun.box.causes() == dict.fromkeys(CLASSES, "not run")
    assert begun.script.stopped == [True]


@pytest.mark.parametrize(
    ("force", "why"),
    [
        (frames.FrameError("x"), "FrameError"), (EOFError(), "EOFError"),
        (EndedError("memory", "x"), "EndedError"),
    ],
)  # fmt: skip
def test_process_that_does_not_come_up(opened: Open, force: Exception, why: str) -> None:
    """A worker that never reports its confinement raises a SandboxError with its last output."""
    begun = opened(b"x" * 600 + b"broken\nworker\xff", force)
    with pytest.raises(SandboxError) as caught:
        begun.missing()
    assert str(caught.value) == f"the worker process did not become ready ({why}): {'x' * 486}broken worker\ufffd"
    assert begun.script.stopped == [False]


def test_process_that_never_comes_up(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that takes too long to report its confinement raises a SandboxError."""
    monkeypatch.setattr(sandbox, "_SECONDS_TO_START", 0.0)
    with pytest.raises(SandboxError, match=r"did not become ready \(EndedError\)"):
        opened(1.0, FORCE).missing()


def test_process_that_cannot_be_started(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SandboxError gives the system's reason."""
    begun = opened()

    def refused(*_: Any) -> Any:
        raise StartError("no such program")

    monkeypatch.setattr(sandbox, "WorkerProcess", refused)
    with pytest.raises(SandboxError, match=r"^the worker process cannot be started: no such program$"):
        begun.missing()


def test_bubblewrap_that_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where bubblewrap is asked for and is not there, nothing is run."""
    monkeypatch.setattr(bubblewrap, "works", lambda: False)
    (tmp_path / "mlp.py").touch()
    with pytest.raises(SandboxError) as caught:
        Sandbox(tmp_path / "mlp.py", kind="bwrap").__enter__()
    assert str(caught.value).startswith("bubblewrap cannot be used here")


@pytest.mark.parametrize(
    ("came", "kind", "message"),
    [
        (EOFError(), "exits", "ended the process (exit code 3)"),
        (2.5, "timeout", f"took more for one case than a sixth of the {ALL}"),
        (frames.FrameError("malformed"), "crash", "sent no reply that can be read (malformed)"),
        ("text", "crash", "sent something other than one reply for each step"),
        ([Reply()], "crash", "sent something other than one reply for each step"),
        ([Reply(), "text"], "crash", "sent something other than a reply"),
    ],
)
def test_call_that_goes_wrong_is_told(opened: Open, came: Any, kind: str, message: str) -> None:
    """Every step of the request gets the error as its reply, and the next request goes to a new process."""
    begun = opened(FORCE, 5.0, FOUND, 1.5, came, FORCE, FOUND, replies(2.0))
    begun.missing()
    first = begun.box.run([MADE, ASKED])
    assert first == [Reply(error=message, error_kind=kind)] * 2
    assert begun.script.begun == 1
    assert begun.script.stopped == [True]
    assert begun.box.run([MADE, ASKED])[-1].value.tolist() == [[2.0]]
    assert begun.script.begun == 2


def test_method_that_ends_the_process_twice_is_not_asked_again(opened: Open) -> None:
    """A method that ends the process twice is left out; a request that ends with it is not sent."""
    again = (FORCE, FOUND)
    begun = opened(*again, EOFError(), *again, EOFError(), *again, replies(1.0, 3.0))
    begun.missing()
    for _ in range(2):
        assert begun.box.run([MADE, ASKED])[-1].error == "ended the process (exit code 3)"
    asked = len(begun.script.asked)
    why = "was not called any more, since ReLULayer.forward ended the process (exit code 3) again and again"
    why += " (its process was started 2 times)"
    refused = Reply(error=why, error_kind="exits")
    assert begun.box.run([MADE, ASKED]) == [refused] * 2
    assert len(begun.script.asked) == asked
    found = begun.box.run([MADE, ASKED, Get("layer", "name"), Call("layer", "delta", {})])
    assert found[1] == refused
    assert [each.value.tolist() for each in found[2:]] == [[[1.0]], [[3.0]]]
    assert [type(step) for step in begun.script.asked[-1]] == [New, Get, Call]


def test_method_that_sleeps_is_not_asked_again(opened: Open) -> None:
    """A method that sleeps past its limit is not called a second time."""
    begun = opened(FORCE, FOUND, EndedError("timeout", "did not answer", retry=False), FORCE, FOUND, replies(1.0))
    begun.missing()
    assert begun.box.run([MADE, ASKED])[-1] == Reply(error="did not answer", error_kind="timeout")
    why = "was not called any more, since ReLULayer.forward did not answer"
    assert begun.box.run([MADE, ASKED])[-1] == Reply(error=why, error_kind="timeout")
    assert begun.box.run([MADE, Call("layer", "delta", {})])[-1].value.tolist() == [[1.0]]


def test_process_that_does_not_take_the_request_has_ended(opened: Open) -> None:
    """A process that has closed its request pipe is reported as ended."""
    begun = opened(FORCE, FOUND)
    begun.missing()
    begun.script.refuses = True
    assert begun.box.run([MADE, ASKED])[-1] == Reply(error=ENDED.message, error_kind="exits")


def test_too_much_that_was_left_is_removed(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that the last process has overfilled is renewed before the next process starts."""
    monkeypatch.setattr(worker_process, "_MAX_FILES", 10)
    again = (EOFError(), FORCE, FOUND, replies(1.0))
    begun = opened(FORCE, FOUND, *again, *again)
    begun.missing()
    for number, left in ((5, True), (15, False)):
        for each in range(number):
            (begun.box._work / f"{number}-{each}").touch()
        assert begun.box.run([MADE, ASKED])[-1].error == ENDED.message
        assert begun.box.run([MADE, Get("layer", "name")])[-1].error is None
        assert (begun.box._work / f"{number}-0").exists() is left
        assert begun.box._root.is_file()


def test_limit_that_the_system_keeps_is_told(opened: Open) -> None:
    """If the kernel ends the process at its limit the message gives the limit that was set."""
    begun = opened(FORCE, FOUND, EOFError())
    begun.missing()
    begun.script.end = EndedError("timeout", "was ended by SIGXCPU")
    assert begun.box.run([MADE, ASKED])[-1].error == f"was ended by SIGXCPU: there are {ALL}"


def test_time_that_is_used_up_is_told(opened: Open) -> None:
    """All replies, the import and new processes share one limit; after it nothing is started any more."""
    begun = opened(FORCE, 5.0, FOUND, 1.0, EOFError(), FORCE, 5.0, FOUND, 1.5, replies(1.0))
    begun.missing()
    assert begun.box.run([MADE, ASKED])[-1].error == ENDED.message
    late = Reply(error=f"took more than the {ALL}", error_kind="timeout")
    assert begun.box.run([MADE, ASKED])[-1] == late
    assert begun.box.run([MADE, Get("layer", "name")])[-1] == late
    assert begun.script.begun == 2
    assert begun.script.stopped == [True, True]


def test_folder_is_not_told(opened: Open) -> None:
    """The path of the temporary folder, which differs from run to run, appears in no error and no output."""
    begun = opened(FORCE, FOUND)
    begun.missing()
    work = begun.box._work
    raised = Reply(error=f"no such file: {work}/data.npz in {work.parent}", error_kind="OSError")
    begun.script.says = iter([f"read {work}/data.npz\nof \x1b {work.parent}/x\xff".encode(), [Reply(), raised]])
    assert begun.box.run([MADE, ASKED])[-1].error == "no such file: data.npz in "
    begun.box.__exit__()
    assert begun.box.output == "read data.npz\nof \\x1b /x\xff"


def test_time_is_over_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left gets less and is never 0; then the limit is told."""
    clock = iter([100.0, 103.0, 104.5, 105.0])
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    left = limits.time_limit(5.0)
    assert [left(), left()] == [2.0, 0.5]
    with pytest.raises(EndedError, match="5 s") as caught:
        left()
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(
    ("found", "outcome", "works"),
    [
        (None, 0, False), ("/usr/bin/bwrap", 0, True), ("/usr/bin/bwrap", 1, False),
        ("/usr/bin/bwrap", OSError(), False),
    ],
)  # fmt: skip
def test_bubblewrap_is_tried(found: str | None, outcome: Any, works: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bubblewrap counts as usable only if a trial run succeeds, however long that takes."""
    tried: list[list[str]] = []

    def run(command: list[str], *, stdin: int, capture_output: bool, check: bool) -> Any:
        tried.append(command)
        assert (stdin, capture_output, check) == (subprocess.DEVNULL, True, False)
        if isinstance(outcome, Exception):
            raise outcome
        return subprocess.CompletedProcess(command, outcome)

    monkeypatch.setattr(bubblewrap.shutil, "which", {"bwrap": found}.get)
    monkeypatch.setattr(bubblewrap.subprocess, "run", run)
    assert bubblewrap.works() is works
    probe = f"{found} --unshare-all --die-with-parent --ro-bind / / --proc /proc --dev /dev --remount-ro /dev true"
    assert [" ".join(command) for command in tried] == ([] if found is None else [probe])
