"""A disk that fills up: the command says so, what was there stays whole, and with more room it goes on."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reports.io.exit_codes import OK, TOOL

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parent.parent
#: Runs a command whose mounts no other process sees.
OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]
#: Runs the commands in the folder `disk`, which is given more room before the last one; tells what became of each.
SCRIPT = """
import json, subprocess, sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from reports import cli
commands = json.loads(sys.argv[1])
for number, command in enumerate(commands, start=1):
    if number == len(commands):
        subprocess.run(["mount", "-o", "remount,size=2m", "disk"], check=True)
    with redirect_stderr(StringIO()) as said, redirect_stdout(StringIO()):
        code = cli.main(command)
    sizes = {path.name: len(path.read_bytes()) for path in sorted(Path("disk").iterdir())}
    print(json.dumps([code, said.getvalue(), sizes]))
"""


@functools.cache
def can_mount() -> bool:
    """Whether a process may mount a small disk of its own here, which no other process sees."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return False
    with_disk = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(with_disk, capture_output=True, check=False).returncode == 0


def on_a_small_disk(folder: Path, size: str, *commands: list[str]) -> list[tuple[int, str, dict[str, int]]]:
    """The exit code of each command, what it said of errors, and the sizes of all files on the disk after it."""
    if not can_mount():
        pytest.skip("no small disk can be mounted here")
    (folder / "disk").mkdir()
    mounted = f'mount -t tmpfs -o size={size} tmpfs disk && exec "$@"'
    done = subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", mounted, "sh", sys.executable, "-c", SCRIPT, json.dumps(commands)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_a_run_on_a_full_disk_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    """A run that finds no room ends with 3 and says what to do; the files of before stay, and it goes on from them."""
    train = ["train", "xor", "--out", "disk/h.json", "--epochs"]
    short, full, resumed = on_a_small_disk(
        tmp_path, "24k", [*train, "20"], [*train, "2000", "--resume"], [*train, "2000", "--resume"]
    )
    assert short[0] == OK
    assert (full[0], full[2]) == (TOOL, short[2])
    assert "No space left on device" in full[1]
    assert "disk/h.weights.npz'; make room" in full[1]
    assert resumed[0] == OK
    assert resumed[2].keys() == short[2].keys()
