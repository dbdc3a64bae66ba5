"""What a confined submission cannot do, and what is done where the system cannot confine it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from reference.execution import bubblewrap, libraries, sandbox, submission_files
from reference.execution.implementation import NotAnImplementation
from reference.execution.sandbox import Limits, Sandbox
from reference.execution.worker.protocol import Call, New
from tests.attacking import HARMLESS, LANDLOCK, MARKS, SECONDS, Place, judged, needs_bubblewrap, told

pytestmark = MARKS


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(place.temporary))
    return place


PLANTED = (
    "conftest", "sitecustomize", "usercustomize", "numpy", "random", "json", "typing", "struct", "os", "sys",
    "reference", "bp_worker", "dataclasses", "linecache", "site",
)  # fmt: skip


def test_planted_modules_do_nothing(place: Place) -> None:
    """Files with names of modules of the examiner, Python or numpy are imported by none of these."""
    place.attack("exit_at_exit")
    for name in PLANTED:
        place.hand_in(f"{name}.py", f"print('PLANTED {name}', flush=True)\nraise SystemExit(0)\n")
    judgement = judged(place, only="relu.forward.answers")
    assert judgement.verdict == "fail"
    assert "PLANTED" not in judgement.output


@pytest.mark.parametrize("name", ["json", "numpy", "bp_worker", "os", "random"])
@pytest.mark.parametrize("package", [False, True])
def test_folder_may_be_named_as_any_module(place: Place, name: str, package: bool) -> None:
    """A submission's folder or file may have the name of any module."""
    folder = place.submission.with_name(name)
    place.submission.rename(folder)
    place.submission = folder
    (folder / "wrong.py").unlink()
    (folder / "right.py").rename(folder / f"{name}.py")
    text = (folder / f"{name}.py").read_text(encoding="utf-8").replace("Right", "ReLULayer")
    place.hand_in(f"{name}.py", text)
    if package:
        place.hand_in("__init__.py", f"from .{name} import *\n")
    judgement = judged(place, only="relu.made")
    assert judgement.verdict == "pass", (judgement.notes, told(judgement))


def strange_files(folder: Path, number: int) -> set[str]:
    """Make every kind of file that a file system can hold; the names of those that must not be copied."""
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
    for each in range(number):
        (folder / "many" / f"{each}.txt").touch()
    return {"passwords", "loop", "parent", "linked.py", "pipe.py", "s.py", "device.py", "huge.bin", "huge.py"}


def test_strange_files_are_left_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links, pipes, sockets, devices, huge, unreadable and too many files are not copied, and this is noted."""
    monkeypatch.chdir(place.submission)  # and back, since `strange_files` goes there
    monkeypatch.setattr(submission_files, "_MAX_FILES", 100)
    left_out = strange_files(place.submission, 150)
    deep = place.submission
    for _ in range(300):
        deep /= "deeper"
    deep.mkdir(parents=True)
    place.hand_in("attack.py", HARMLESS)
    with Sandbox(place.submission, Limits(SECONDS), "process") as box:
        copied = list(box._root.rglob("*"))
    assert not {path.name for path in copied} & left_out
    assert len([path for path in copied if path.is_file()]) <= 100
    judgement = judged(place)
    assert judgement.verdict == "pass"
    assert all(note.isprintable() for note in judgement.notes)
    assert any("files were left out" in note for note in judgement.notes)


def test_submission_without_anything_is_told(place: Place) -> None:
    """A folder without Python files is refused before any process starts."""
    shutil.rmtree(place.submission)
    place.submission.mkdir()
    with pytest.raises(NotAnImplementation, match=r"there is no Python file in .*submission"):
        judged(place)


def without_confinement(place: Place, limits: Limits, text: str) -> Sandbox:
    """A sandbox, left again, that has run a text on a system without any means of confinement."""
    place.hand_in("attack.py", f"print('RUN', flush=True)\n{text}\nclass ReLULayer: pass\n")
    with Sandbox(place.submission, limits, "process") as box:
        stub = "class Measures:\n    in_force, cannot_fork = [], False\n"
        stub += "    def __init__(self, *lacking): self.lacking = list(lacking)\n"
        stub += "def limit(*_): return Measures()\ndef confine(*_): return Measures('a filter of system calls')\n"
        (box._folder / "bp_worker" / "confine.py").write_text(stub, encoding="utf-8")
        box.missing()
    assert "RUN\n" in box.output
    return box


@pytest.mark.skipif(not LANDLOCK, reason="this kernel has no Landlock")
def test_without_a_file_system_of_its_own_nothing_can_be_removed(place: Place) -> None:
    """Where the worker gets no private file system, its files stay where they are counted: it cannot remove them."""
    removing = "open('kept', 'w').close()\ntry:\n    os.unlink('kept')\nexcept PermissionError:\n    print('KEPT')"
    place.hand_in("attack.py", f"import os\n{removing}\n{HARMLESS}")
    with Sandbox(place.submission, Limits(SECONDS), "process") as box:
        file = box._folder / "bp_worker" / "private_files.py"
        file.write_text("def take(*_): return False\n", encoding="utf-8")
        assert "ReLULayer" not in box.missing()
    assert box.output == "KEPT\n"
    assert "of which none can be removed" in box.isolation


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
    """Without a filter of system calls, processes that were started are found and killed."""
    box = without_confinement(place, Limits(SECONDS), RUNAWAYS[runaway])
    assert place.traces() == []
    assert box.isolation == "a process of its own: no further means. NOT in force here: a filter of system calls"


def test_without_a_filter_children_take_of_the_processor_time(place: Place) -> None:
    """The processor time of child processes counts as the submission's."""
    burning = "import os, time\nif not os.fork():\n    while True: pass\nwhile True: time.sleep(0.01)\n"
    box = without_confinement(place, Limits(1.5), burning)
    whole = "1.5 s of processor time that --timeout allows"
    assert all(whole in why for why in box.missing().values())
    assert place.traces() == []


def test_worker_that_does_not_come_up_is_our_own_fault(place: Place) -> None:
    """A worker that breaks before it reports its confinement is a SandboxError."""
    with Sandbox(place.submission, Limits(SECONDS), "process") as box:
        (box._folder / "bp_worker" / "serve.py").write_text("raise RuntimeError('broken worker')\n", encoding="utf-8")
        with pytest.raises(sandbox.SandboxError, match=r"did not become ready .*broken worker"):
            box.missing()
    assert place.traces() == []


@needs_bubblewrap
def test_what_is_installed_is_not_there(place: Place) -> None:
    """Under bubblewrap alone the folders of installed packages are empty and read-only."""
    code = (
        "import os, sys\nfor path in sys.argv[1:]:\n    print(os.listdir(path))\n    try: open(path + '/x', 'w')\n"
        "    except OSError as error: print(error.strerror)"
    )
    folders = [str(each) for each in libraries.installed_folders()]
    with Sandbox(place.submission, Limits(SECONDS), "bwrap") as box:
        python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
        command = [*bubblewrap.command_prefix([], box._work), str(python), "-I", "-S", "-c", code, *folders]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert folders
    assert done.stdout.splitlines() == ["[]", "Read-only file system"] * len(folders), done.stderr


def test_work_is_done_while_answers_are_awaited(place: Place) -> None:
    """Work beside the requests may fail or use large frames; each request still gets its own replies."""
    place.hand_in("attack.py", HARMLESS)
    arrays = [np.full((200, 100), float(number)) for number in range(30)]
    done: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        if number % 3 == 0:
            raise ZeroDivisionError

    with Sandbox(place.submission, Limits(6 * SECONDS), "process") as box:
        assert "ReLULayer" not in box.missing()
        requests = [[New("layer", "ReLULayer", {"name": "r"}), Call("layer", "forward", {"X": X})] for X in arrays]
        answers = box.run_all(requests, [partial(work, number) for number in range(30)])
        first = next(answers)
        assert len(done) == sandbox._REQUESTS_PER_FRAME
        replies = [first, *answers]
    assert done == list(range(30))
    assert all(np.array_equal(reply[-1].value, X) for reply, X in zip(replies, arrays, strict=True))
