"""Commands work whoever reads them: a reader that leaves, another encoding, a terminal without width, a full disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reports.io.exit_codes import FAILED, INTERRUPTED, OK, TOOL

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.name != "posix", reason="starts processes with streams as POSIX systems have them"),
    pytest.mark.usefixtures("elsewhere"),
]

ROOT = Path(__file__).resolve().parent.parent
TRAIN = ("train", "xor", "--epochs", "20", "--overwrite")


def bp(*argv: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "reports", *argv],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.fixture
def without_reader() -> int:
    """The end for writing of a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (TRAIN, OK),
        (("data", "verify", "--from", "."), FAILED),
        (("check", "--list"), OK),
        (("check", "--effort", "quick", "--only", "relu.forward.values", "--json", "-"), OK),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_reader_that_leaves_changes_nothing(argv: tuple[str, ...], code: int, without_reader: int) -> None:
    """The exit code is that of the work, and nothing is said of the reader."""
    done = bp(*argv, stdout=without_reader)
    assert (done.returncode, [b"Errno" in done.stderr, b"Traceback" in done.stderr]) == (code, [False, False])


def test_a_run_is_saved_though_nobody_reads(without_reader: int) -> None:
    """With both streams closed the run is done and saved."""
    command = [sys.executable, "-m", "reports", *TRAIN]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, stdout=without_reader, stderr=without_reader, check=False)
    assert done.returncode == OK
    assert json.loads(Path("history-xor.json").read_text(encoding="utf-8"))["epochs_done"] == 20


def test_a_full_disk_is_told() -> None:
    """If the result cannot be printed, the exit code is 3, and the run is saved nevertheless."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    done = bp(*TRAIN, stdout=os.open("/dev/full", os.O_WRONLY))
    assert done.returncode == TOOL
    assert b"Traceback" not in done.stderr
    assert Path("history-xor.weights.npz").exists()


def test_messages_that_cannot_be_written_stop_nothing() -> None:
    """A full disk for standard error loses what is said there, and neither the run nor its exit code."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    command = [sys.executable, "-m", "reports", *TRAIN]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    full = os.open("/dev/full", os.O_WRONLY)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=full, check=False)
    assert done.returncode == OK
    assert b"xor: 20 of 20 epochs" in done.stdout


def test_a_terminal_that_is_closed_ends_the_run_after_its_epoch() -> None:
    """When its terminal is closed, a run ends after the current epoch, is saved, and can go on."""
    leader, follower = os.openpty()
    command = [sys.executable, "-m", "reports", "train", "spirals", "--epochs", "1000000"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    streams = {"stdin": follower, "stdout": follower, "stderr": follower}
    with subprocess.Popen(command, env=environment, start_new_session=True, **streams) as process:
        os.close(follower)
        seen = b""
        while b"accuracy" not in seen:  # it trains
            seen += os.read(leader, 1000)
        os.close(leader)
        process.send_signal(signal.SIGHUP)
        assert process.wait() == INTERRUPTED
    assert json.loads(Path("history-spirals.json").read_text(encoding="utf-8"))["epochs_done"] > 0


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PYTHONIOENCODING": "ascii", "COLUMNS": "0"}, b"_"),
        ({"PYTHONIOENCODING": "latin-1", "COLUMNS": "9" * 5000}, b"_"),
        ({"PYTHONIOENCODING": "utf-8", "LINES": "²"}, "▁".encode()),
    ],
    ids=["ASCII, no columns", "Latin-1, columns beyond counting", "UTF-8, lines that are no number"],
)
def test_every_terminal_is_served(environment: dict[str, str], expected: bytes) -> None:
    """Encodings that lack a character, and sizes that are none, change how a result looks and nothing else."""
    done = bp(*TRAIN, "--out", "größe.json", **environment)
    assert done.returncode == OK
    assert b"xor: 20 of 20 epochs" in done.stdout
    assert expected in done.stdout
    assert Path("größe.json").exists()


def test_json_is_utf8_in_every_terminal() -> None:
    """A result on standard output is UTF-8, as in a file, whatever the terminal's encoding."""
    Path("größe").mkdir()
    Path("größe/net.py").write_text("class ReLULayer: pass", encoding="utf-8")
    argv = ("check", "größe", "--effort", "quick", "--only", "relu.forward.values", "--json", "-")
    done = bp(*argv, PYTHONIOENCODING="ascii")
    assert "größe" in json.loads(done.stdout.decode("utf-8"))["implementation"]
