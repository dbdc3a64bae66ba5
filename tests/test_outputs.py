"""Output paths: links are followed, pipes and devices written to, and what cannot be written is refused at once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reports import cli
from reports.commands import train as train_command
from reports.course.record import record_path
from reports.io.exit_codes import OK, USAGE
from reports.io.files import replacing, write_atomically
from reports.io.lock import only_run_on
from tests.comparing import needs_flint
from tests.submissions import RELU, RIGHT, exit_code, hand_in

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.name != "posix", reason="links, pipes and locks are those of POSIX systems"),
    pytest.mark.usefixtures("elsewhere"),
]

ROOT = Path(__file__).resolve().parent.parent
TRAIN = ("train", "xor", "--epochs", "2")


def names() -> set[str]:
    return {path.name for path in Path().iterdir()}


def test_a_link_is_followed_and_stays() -> None:
    """The file behind a chain of links is made or replaced, in its folder; the links stay links."""
    Path("store").mkdir()
    Path("first").symlink_to("second")
    Path("second").symlink_to("store/file")
    for content in ("made", "replaced"):
        write_atomically(Path("first"), content)
        assert Path("store/file").read_text(encoding="utf-8") == content
    assert Path("first").is_symlink()
    assert Path("second").is_symlink()
    assert not Path("store/file").is_symlink()


def test_a_run_goes_where_its_link_leads_and_resumes_from_there() -> None:
    """`bp train --out LINK` keeps history and weights in the folder behind the link, and --resume finds them."""
    Path("store").mkdir()
    Path("link.json").symlink_to("store/run.json")
    assert cli.main([*TRAIN, "--out", "link.json"]) == OK
    assert cli.main(["train", "xor", "--epochs", "3", "--out", "link.json", "--resume"]) == OK
    assert {path.name for path in Path("store").iterdir()} == {"run.json", "run.weights.npz"}
    assert names() == {"store", "link.json"}


@pytest.mark.parametrize("option", ["out", "csv", "plot"])
def test_a_pipe_is_written_to(option: str) -> None:
    """What goes to a named pipe arrives at its reader, and the pipe is not replaced."""
    pipe = Path("pipe.svg")
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    assert cli.main([*TRAIN, f"--{option}", str(pipe)]) == OK
    reader.join()
    assert {"out": b"loss_train", "csv": b"loss_train", "plot": b"<svg"}[option] in got[0]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert "pipe.svg-weights.npz" not in names()


def test_a_device_is_written_to_and_never_replaced() -> None:
    """A device is still a device after a run: here a copy of /dev/null, since a fault would destroy the node."""
    try:
        os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        Path("null").write_bytes(b"tried")
    except OSError as error:
        pytest.skip(f"no device can be made and written here: {error}")
    assert cli.main([*TRAIN, "--out", "null"]) == OK
    assert stat.S_ISCHR(Path("null").stat().st_mode)
    assert names() == {"null"}
    assert exit_code(*TRAIN, "--out", "null", "--resume") == USAGE


@pytest.mark.parametrize("to_file", [False, True])
def test_a_link_to_standard_output_is_standard_output(to_file: bool) -> None:
    """What /dev/stdout names gets the result alone, also where it is a file; people read standard error."""
    Path("out").symlink_to("/proc/self/fd/1" if Path("/proc/self/fd/1").exists() else "/dev/fd/1")
    command = [sys.executable, "-m", "reports", *TRAIN, "--csv", "out"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with Path("got").open("wb") as stream:
        stdout = stream if to_file else subprocess.PIPE
        done = subprocess.run(command, env=environment, stdout=stdout, stderr=subprocess.PIPE, check=True)
    got = Path("got").read_bytes() if to_file else done.stdout
    assert [line.split(b",")[0] for line in got.splitlines()] == [b"epoch", b"0", b"1", b"2"]
    assert b"xor: 2 of 2 epochs" in done.stderr
    assert Path("out").is_symlink()


def test_a_result_on_standard_output_is_alone_there(capsys: pytest.CaptureFixture[str]) -> None:
    """With --out - the JSON is all that standard output gets, and no weights are kept."""
    assert cli.main([*TRAIN, "--out", "-"]) == OK
    captured = capsys.readouterr()
    assert (captured.out[0], captured.out[-2:]) == ("{", "}\n")
    assert "no weights are kept" in captured.err
    assert names() == set()


@pytest.mark.parametrize(
    "argv",
    [
        (*TRAIN, "--out"),
        (*TRAIN, "--csv"),
        (*TRAIN, "--plot"),
        ("bench", "--json"),
        ("plot", "run.json", "--out"),
        ("check", "--json"),
        ("check", "--html"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    ("path", "said"),
    [
        (".", "expected --"),
        ("folder.svg", "is a folder"),
        ("link.svg", "is a folder"),
        ("missing/file.svg", "there is no folder missing"),
        ("dangling.svg", "there is no folder"),
        ("file/file.svg", "there is no folder file"),
        ("circle.svg", "Too many levels of symbolic links"),
        (f"{'x' * 252}.svg", "name too long"),
        ("/proc/self/file.svg", "can be written"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    argv: tuple[str, ...], path: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each option of each command refuses it alike: exit code 2, one sentence, nothing done and nothing written."""
    if path.startswith("/proc") and not Path("/proc/self").exists():
        pytest.skip("there is no /proc, in which nobody can make a file")
    Path("folder.svg").mkdir()
    Path("file").touch()
    Path("link.svg").symlink_to("folder.svg")
    Path("dangling.svg").symlink_to("nowhere/file.svg")
    Path("circle.svg").symlink_to("circle.svg")
    before = names()
    monkeypatch.setattr(train_command, "load_data", lambda *_: pytest.fail("the work has begun"))
    assert exit_code(*argv, path) == USAGE
    error = capsys.readouterr().err
    assert said.lower() in error.lower()
    assert "Traceback" not in error
    assert names() == before


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_or_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """What the user may not write is refused before the work."""
    Path("folder").mkdir(mode=0o500)
    Path("file").touch(mode=0o400)
    for path in ("folder/file", "file"):
        assert exit_code(*TRAIN, "--out", path) == USAGE
        assert "can be written" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [("report", "--out"), ("check", "--all", "course", "--reports")], ids=" ".join)
@pytest.mark.parametrize("path", ["file", "missing/folder", "file/folder"])
def test_folders_are_refused_alike(argv: tuple[str, ...], path: str) -> None:
    """A folder to write to is made if its parent exists; a file, and a parent that is missing, are refused."""
    Path("file").touch()
    Path("course").mkdir()
    Path("course/net.py").touch()
    assert exit_code(*argv, path) == USAGE
    assert names() == {"file", "course"}


def test_every_history_has_weights_of_its_own() -> None:
    """Names that differ after their last dot do not share a file of weights."""
    for name in ("res.0.1", "res.0.5", "res", "res.json"):
        assert cli.main([*TRAIN, "--out", name]) == OK
    assert len(names()) == 8
    assert exit_code(*TRAIN, "--out", "res.weights.npz") == USAGE


def test_the_second_of_two_runs_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """While one run writes a file, another on the same file is refused; afterwards nothing is left of the lock."""
    with only_run_on(Path("history-xor.weights.npz")):
        assert exit_code(*TRAIN) == USAGE
        assert "another run is writing history-xor.weights.npz" in capsys.readouterr().err
    assert exit_code(*TRAIN) == OK
    assert names() == {"history-xor.json", "history-xor.weights.npz"}


def test_the_second_of_two_reports_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """While one run writes a report, another into the same folder is refused."""
    Path("report").mkdir()
    with only_run_on(Path("report/report")):
        assert exit_code("report", "--quick") == USAGE
    assert "another run" in capsys.readouterr().err
    assert list(Path("report").iterdir()) == []


def test_a_lock_of_a_killed_run_locks_nothing() -> None:
    """The hidden file that a killed run has left does not keep others out, and goes with the next run."""
    Path(".history-xor.weights.npz.lock").touch()
    assert exit_code(*TRAIN) == OK
    assert names() == {"history-xor.json", "history-xor.weights.npz"}


def test_leftovers_of_killed_runs_are_cleared() -> None:
    """The temporary file of a run that was killed is removed by the next; that of a run at work is not."""
    with replacing(Path("one")) as at_work:
        at_work.touch()
        Path(".one.killed.bp.part").touch()
        Path(".foreign.part").touch()
        write_atomically(Path("two"), "")
        assert names() == {at_work.name, "two", ".foreign.part"}
    assert names() == {"one", "two", ".foreign.part"}


@needs_flint
def test_the_second_of_two_runs_on_a_course_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """While a course is judged, a second run on it is refused, since both would write its record."""
    hand_in(Path("course"), a=RIGHT)
    argv = ("check", "--all", "course", *RELU)
    record = record_path(Path("course"), None)
    record.parent.mkdir(parents=True)
    with only_run_on(record):
        assert exit_code(*argv) == USAGE
        assert "another run" in capsys.readouterr().err
    assert exit_code(*argv) == OK
