"""Hostile and careless submissions: none passes that is wrong, none costs more than its limit, none leaves a trace.

Each file of ``tests/attacks`` says in its first line what it tries. It is handed in as ``attack.py``, beside a right
implementation of all other classes; most have a wrong ReLULayer, and want it to pass.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from reference import handing, sandbox
from reference.gate import Judgement, judge
from reference.implementation import NotAnImplementation
from reference.mistakes import plain
from reference.sandbox import Limits, Sandbox
from reference.stage.protocol import Call, New
from tests.comparing import needs_flint
from tests.words import assert_kept

HERE = Path(__file__).parent
SECONDS = 3.0
#: What everything around it may take: a judge's own work, the end of processes, a slow machine.
MARGIN = 20.0
RIGHT = Path(plain.__file__).read_text(encoding="utf-8").replace("ReLULayer", "Right")
WRONG = """
from right import Right, np


class Wrong(Right):
    def forward(self, X):
        return np.abs(X)
"""
ATTACKS = sorted(path.stem for path in (HERE / "attacks").glob("*.py"))
CARELESS = [name for name in ATTACKS if name.startswith("careless_")]
HOSTILE = [name for name in ATTACKS if name not in CARELESS]
#: A different way out each; judged in both sandboxes.
BOTH = [
    "exit_in_call", "base_exception_in_call", "crashes_the_interpreter", "process_bomb", "memory_of_numpy", "signals",
    "writes_outside", "forged_frames", "closes_descriptors", "recursion", "careless_plots", "raises_odd_things",
]  # fmt: skip
#: Where memory, time, stack or disk end is chance, and so is what is said then.
UNSTEADY = {
    "memory_at_import", "memory_of_lists", "memory_of_numpy", "fills_the_disk", "recursion", "recursion_without_limit",
    "deep_lists", "giant_answers", "sleeps_just_under_the_limit", "leaves_a_mess", "process_bomb", "thread_bomb",
    "raises_its_limits", "floods_both_streams",
}  # fmt: skip
ELSEWHERE = ("/dev/shm/bp-attack", "/tmp/bp-attack", "/bp-attack")  # noqa: S108 - where attacks try to write
#: What nothing but Landlock (or bubblewrap) keeps from files.
FILES = {"opens_the_examiner", "writes_outside", "imports_the_examiner", "torch_autograd", "endless_import"}
LANDLOCK = sys.platform == "linux" and ctypes.CDLL(None).syscall(444, None, 0, 1) >= 1
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks for traces in /proc"),
    needs_flint,
    pytest.mark.outside,
]
needs_bubblewrap = pytest.mark.skipif(not sandbox._bubblewrap_works(), reason="bubblewrap does not work here")


class Place:
    """Somewhere to be attacked: a folder for temporary files, one outside, and one handed in."""

    def __init__(self, folder: Path) -> None:
        self.temporary, self.outside, self.submission = (folder / name for name in ("tmp", "outside", "submission"))
        for each in (self.temporary, self.outside, self.submission):
            each.mkdir()
        (self.outside / "kept.txt").write_text("kept", encoding="utf-8")
        self.hand_in("right.py", RIGHT)
        self.hand_in("wrong.py", WRONG)

    def hand_in(self, name: str, text: str) -> None:
        path = self.submission / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def attack(self, name: str, port: int = 1) -> None:
        if name in FILES and not LANDLOCK:
            pytest.skip("this kernel has no Landlock")
        text = (HERE / "attacks" / f"{name}.py").read_text(encoding="utf-8")
        places = {"ROOT": HERE.parent, "PACKAGES": sysconfig.get_path("purelib"), "OUTSIDE": self.outside, "PORT": port}
        for word, value in places.items():
            text = text.replace(f"@{word}@", str(value))
        self.hand_in("attack.py", text)

    def traces(self) -> list[str]:
        """What is left of it: processes, files, descriptors."""
        left = [str(path) for path in self.temporary.iterdir()]
        if [path.name for path in self.outside.iterdir()] != ["kept.txt"]:
            left.append("something outside")
        kept = self.outside / "kept.txt"
        if kept.read_text(encoding="utf-8") != "kept" or not kept.stat().st_mode & 0o400:
            left.append("kept.txt changed")
        left += [path for path in ELSEWHERE if Path(path).exists()]
        return left + [f"process {each}" for each in self.processes()]

    def processes(self) -> Iterator[str]:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes()
                working = str((entry / "cwd").readlink())
            except OSError:
                continue
            if str(self.temporary).encode() in command or working.startswith(str(self.temporary)):
                yield f"{entry.name} {command[:100]!r}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(place.temporary))
    return place


def number_of_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def judged(place: Place, kind: sandbox.Kind = "process", only: str = "relu.*", seconds: float = SECONDS) -> Judgement:
    """The verdict, after which nothing is left, and which took no longer than it may."""
    descriptors, threads = number_of_descriptors(), threading.active_count()
    start = time.monotonic()
    limits = Limits(seconds, 2**30)
    judgement = judge(place.submission, only=only, effort="quick", seed=7, limits=limits, sandbox=kind)
    assert time.monotonic() - start < seconds + MARGIN
    assert number_of_descriptors() == descriptors
    assert threading.active_count() == threads
    assert place.traces() == []
    assert len(judgement.output) <= 2**18
    assert judgement.isolation.startswith("a process of its own: ")
    return judgement


def told(judgement: Judgement) -> list[tuple[str, str, str | None, str | None]]:
    return [(each.check, each.status, each.mistake, each.actual) for each in judgement.findings]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_submission_does_not_pass(place: Place, name: str) -> None:
    """It fails, whatever it does, about what is wrong with it; never by a fault of the examiner's."""
    place.attack(name)
    only = "mlp.gradient.values" if name == "odd_dicts" else "linear.*" if name == "odd_attributes" else "relu.*"
    judgement = judged(place, only=only)
    assert judgement.verdict == "fail"
    assert not [each.actual for each in judgement.findings if each.status == "error"]
    for finding in judgement.findings:
        words = f"{finding.actual}{finding.expected}{finding.mistake}"
        assert words.isprintable()
        assert len(words) < 20_000
    assert all(note.isprintable() for note in judgement.notes)
    assert not {"\x1b", "\x00"} & set(judgement.output)
    failed = [each for each in judgement.findings if each.status == "failed"]
    slow = [each for each in failed if "within" in str(each.actual) or "still running" in str(each.actual)]
    if name not in UNSTEADY and not slow:  # which others are as well on a busy machine
        assert_kept("attacks", name, failed)


@pytest.mark.parametrize("name", CARELESS)
def test_careless_submission_passes(place: Place, name: str) -> None:
    """What is right is told so, and what was odd about it is noted."""
    place.attack(name)
    judgement = judged(place)
    assert judgement.verdict == "pass", [str(each) for each in judgement.findings if each.status == "failed"][:1]
    noted = {
        "careless_plots": "stand-ins that do nothing for matplotlib, pandas, seaborn, sklearn, tqdm",
        "careless_training": "attack.py was still running after 0.5 s of being imported: does it train there?",
        "careless_end": "attack.py ended with FileNotFoundError: [Errno 2] No such file or directory: 'mnist.npz'",
    }
    assert list(judgement.notes) == ([noted[name]] if name in noted else [])
    if name == "careless_printing":
        assert judgement.output.startswith("hello\nhello\n")


@needs_bubblewrap
@pytest.mark.parametrize("name", BOTH)
def test_both_sandboxes_say_the_same(place: Place, name: str) -> None:
    """For the same seed: the same findings, word for word."""
    place.attack(name)
    ones, others = (judged(place, kind, "relu.forward.*") for kind in ("process", "bwrap"))
    assert told(ones) == told(others)
    assert "bubblewrap" in others.isolation
    assert "bubblewrap" not in ones.isolation


def test_next_submission_is_judged_as_ever(place: Place) -> None:
    """After the worst, by the same examiner."""
    for name in ("signals_by_descriptor", "writes_over_the_interpreter", "patched_builtins"):
        place.attack(name)
        assert judged(place, only="relu.forward.values").verdict == "fail"
    place.hand_in("attack.py", "from right import Right\nclass ReLULayer(Right): pass\n")
    assert judged(place, only="*").verdict == "pass"


def test_secrets_stay_secret(place: Place) -> None:
    """Nothing outside can be read, no process reached, no connection made."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for name in ("opens_the_examiner", "signals", "sockets", "becomes_somebody", "raises_its_limits"):
            place.attack(name, server.getsockname()[1])
            output = judged(place, only="relu.forward.values").output
            assert "SENT" not in output
            assert "CONNECTED" not in output
            assert "BECAME" not in output
            assert "RAISED" not in output
            if name == "opens_the_examiner":
                assert "GOT []" in output
        with pytest.raises(BlockingIOError):
            server.accept()


def test_isolation_is_not_the_submissions_to_tell(place: Place) -> None:
    """What it says of its own confinement is neither believed nor shown."""
    place.attack("forged_isolation")
    assert "everything" not in judged(place, only="relu.made").isolation


def test_one_method_that_ends_the_process_costs_no_other_its_verdict(place: Place) -> None:
    """All else is judged as if it were not there; the method is not asked for ever."""
    place.hand_in(
        "attack.py",
        "import os\nfrom right import Right\nclass ReLULayer(Right):\n    def forward(self, X): os._exit(3)\n",
    )
    judgement = judged(place, only="*", seconds=20)
    assert {each.subject for each in judgement.findings if each.status == "failed"} == {"ReLULayer.forward"}
    assert {each.mistake for each in judgement.findings if each.status == "failed"} == {"exits"}
    assert judgement.counts["passed"] > 100


def test_one_method_that_never_ends_costs_no_other_its_verdict(place: Place) -> None:
    """Nor all of the time there is."""
    place.hand_in(
        "attack.py",
        "from right import Right\nclass ReLULayer(Right):\n    def forward(self, X):\n        while True: pass\n",
    )
    judgement = judged(place, only="*", seconds=6)
    assert {each.subject for each in judgement.findings if each.status == "failed"} == {"ReLULayer.forward"}
    assert {each.mistake for each in judgement.findings if each.status == "failed"} == {"timeout"}
    assert judgement.seconds < 8


PLANTED = (
    "conftest", "sitecustomize", "usercustomize", "numpy", "random", "json", "typing", "struct", "os", "sys",
    "reference", "stage", "dataclasses", "linecache", "site",
)  # fmt: skip


def test_planted_modules_do_nothing(place: Place) -> None:
    """Files named as what a grader, Python or numpy import are not imported by them, here or there."""
    place.attack("exit_at_exit")
    for name in PLANTED:
        place.hand_in(f"{name}.py", f"print('PLANTED {name}', flush=True)\nraise SystemExit(0)\n")
    judgement = judged(place, only="relu.forward.values")
    assert judgement.verdict == "fail"
    assert "PLANTED" not in judgement.output


@pytest.mark.parametrize("name", ["json", "numpy", "stage", "os", "random"])
@pytest.mark.parametrize("package", [False, True])
def test_folder_may_be_named_as_any_module(place: Place, name: str, package: bool) -> None:
    """Or a file in it: both are the submission's own."""
    folder = place.submission.with_name(name)
    place.submission.rename(folder)
    place.submission = folder
    (folder / "wrong.py").unlink()
    (folder / "right.py").rename(folder / f"{name}.py")
    text = (folder / f"{name}.py").read_text(encoding="utf-8").replace("Right", "ReLULayer")
    place.hand_in(f"{name}.py", text)
    if package:
        place.hand_in("__init__.py", f"from .{name} import *\n")
    judgement = judged(place, only="*.made")
    assert judgement.verdict == "pass", (judgement.notes, told(judgement))


def strange_files(folder: Path) -> None:
    """All that a file system can hold."""
    (folder / "passwords").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to("loop")
    (folder / "parent").symlink_to("..")
    (folder / "linked.py").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.py")
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(folder)
        listening.bind("s.py")
    if os.geteuid() == 0:
        os.mknod(folder / "device.py", 0o60600, os.makedev(8, 0))
    (folder / "new\nline\x1b[2J.py").write_text("x = 1\n", encoding="utf-8")
    Path(os.fsdecode(bytes(folder) + b"/\xff\xfe.py")).write_text("class MLP:\n", encoding="utf-8")
    with (folder / "huge.bin").open("wb") as huge, (folder / "huge.py").open("wb") as source:
        huge.truncate(2**40)
        source.truncate(2**34)
    (folder / "unreadable.py").write_text("class MLP: pass\n", encoding="utf-8")
    (folder / "unreadable.py").chmod(0)
    (folder / "many").mkdir()
    for number in range(2500):
        (folder / "many" / f"{number}.txt").touch()


def test_strange_files_are_left_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links, pipes, sockets, devices, names with line breaks, what is huge or unreadable, thousands of files."""
    monkeypatch.chdir(place.submission)  # and back, since `strange_files` goes there
    strange_files(place.submission)
    deep = place.submission
    for _ in range(300):
        deep /= "deeper"
    deep.mkdir(parents=True)
    place.hand_in("attack.py", "from right import Right\nclass ReLULayer(Right): pass\n")
    with Sandbox(place.submission, Limits(SECONDS), "process") as box:
        names = {path.name for path in (box._folder / "work" / "submission").iterdir()}
    assert not names & {
        "passwords",
        "loop",
        "parent",
        "linked.py",
        "pipe.py",
        "s.py",
        "device.py",
        "huge.bin",
        "huge.py",
    }
    judgement = judged(place)
    assert judgement.verdict == "pass"
    assert all(note.isprintable() for note in judgement.notes)
    assert any("files were left out" in note for note in judgement.notes)


def test_submission_without_anything_is_told(place: Place) -> None:
    """Before anything is started."""
    shutil.rmtree(place.submission)
    place.submission.mkdir()
    with pytest.raises(NotAnImplementation, match=r"there is no Python file in .*submission"):
        judged(place)


def without_confinement(place: Place, limits: Limits, text: str) -> tuple[Sandbox, list[str]]:
    """A sandbox on a system that has no means at all, and what is left when it has ended."""
    place.hand_in("attack.py", text)
    with Sandbox(place.submission, limits, "process") as box:
        stub = "class Force:\n    def __init__(self, *lacking): self.done, self.lacking = [], list(lacking)\n"
        stub += "def limit(*_): return Force()\ndef confine(*_): return Force('a filter of system calls')\n"
        (box._folder / "stage" / "confine.py").write_text(stub, encoding="utf-8")
        box.missing()
    time.sleep(0.1)
    return box, place.traces()


GRANDCHILD = """
import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        time.sleep(60)
    os._exit(0)
"""
RUNAWAYS: dict[str, str] = {
    "child": "import subprocess; subprocess.Popen(['sleep', '60'])\n",
    "session": "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)\n",
    "grandchild": GRANDCHILD,
    "silent": GRANDCHILD.replace("os.setsid()", "os.setsid(); os.closerange(0, 64)"),
}


@pytest.mark.parametrize("runaway", RUNAWAYS)
def test_without_a_filter_runaways_are_found(place: Place, runaway: str) -> None:
    """Where nothing keeps it from starting processes they are looked for; and what is not in force is said."""
    box, traces = without_confinement(place, Limits(SECONDS), RUNAWAYS[runaway])
    assert traces == []
    assert box.isolation == "a process of its own: no further means. NOT in force here: a filter of system calls"


def test_child_that_does_not_come_up_is_our_own_fault(place: Place) -> None:
    """Until it has said what is in force nothing of the submission has run."""
    with Sandbox(place.submission, Limits(SECONDS), "process") as box:
        (box._folder / "stage" / "serve.py").write_text("raise RuntimeError('broken stage')\n", encoding="utf-8")
        with pytest.raises(sandbox.SandboxError, match=r"did not come up .*broken stage"):
            box.missing()
    assert place.traces() == []


@needs_bubblewrap
def test_what_is_installed_is_not_there(place: Place) -> None:
    """Even where nothing but bubblewrap keeps it: its place is empty, and stays so."""
    packages = Path(sysconfig.get_path("stdlib")).resolve() / "site-packages"
    code = f"import os\nprint(os.listdir({str(packages)!r}))\nopen({str(packages / 'x')!r}, 'w')"
    with Sandbox(place.submission, Limits(SECONDS), "bwrap") as box:
        python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
        command = [*box._wrapping([]), str(python), "-I", "-S", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n"
    assert "Read-only file system" in done.stderr


def test_work_is_done_while_answers_are_awaited(place: Place) -> None:
    """Each question has its own answer all the same, whatever goes wrong in the work, and in frames beyond any pipe."""
    place.hand_in("attack.py", "from right import Right\nclass ReLULayer(Right): pass\n")
    arrays = [np.full((200, 100), float(number)) for number in range(30)]
    done: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        if number % 3 == 0:
            raise ZeroDivisionError

    with Sandbox(place.submission, Limits(20 * SECONDS), "process") as box:
        assert "ReLULayer" not in box.missing()
        questions = [[New("layer", "ReLULayer", {"name": "r"}), Call("layer", "forward", {"X": X})] for X in arrays]
        answers = box.run_all(questions, [partial(work, number) for number in range(30)])
        first = next(answers)
        assert len(done) == sandbox._TOGETHER
        replies = [first, *answers]
    assert done == list(range(30))
    assert all(np.array_equal(reply[-1].value, X) for reply, X in zip(replies, arrays, strict=True))


@pytest.mark.parametrize("number", [1, 1500])
def test_any_folder_is_removed(tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However deep, and whatever rights its parts have."""
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for _ in range(number):
        os.mkdir("d" * 50)  # noqa: PTH102 - a path from the root would be too long
        os.chdir("d" * 50)
        Path("file").touch()
        Path("link").symlink_to(tmp_path)
    os.chdir(tmp_path)
    (folder / "locked" / "locked" / "locked").mkdir(parents=True)
    for place in ("locked/locked/locked", "locked/locked", "locked", "d" * 50):
        (folder / place).chmod(0)
    (tmp_path / "kept").touch()
    handing.remove(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_limits_of_the_folder_are_seen(tmp_path: Path) -> None:
    """Files, and bytes on the disk; a sparse file has none."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    with (tmp_path / "a" / "sparse").open("wb") as file:
        file.truncate(2**40)
    (tmp_path / "a" / "b" / "c").write_bytes(bytes(2**16))
    assert not handing.is_too_much(tmp_path, 4, 2**17)
    assert handing.is_too_much(tmp_path, 3, 2**17)
    assert handing.is_too_much(tmp_path, 4, 2**15)
    assert not handing.is_too_much(tmp_path / "gone", 4, 2**15)
