"""Faults, injected at random: killed and interrupted runs, damaged files, full disks, readers that leave, odd paths.

`pytest -m measure -s tests/test_faults.py` prints how often each was tried, survived and lost. Survived means: exit
code and message are those that are promised, the files of before are whole, and going on gives what an undisturbed run
gives, to the last bit.
"""

from __future__ import annotations

import csv
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bp
from reports import cli
from reports.io.archive import NotOursError, read_archive, write_archive
from reports.io.exit_codes import INTERRUPTED, OK, TOOL, USAGE
from reports.training.saved_history import NoHistoryError, read_history
from tests import test_train_interrupted as library
from tests.submissions import RIGHT, hand_in

pytestmark = [pytest.mark.measure, pytest.mark.usefixtures("elsewhere")]

ROOT = Path(__file__).resolve().parent.parent
RNG = np.random.RandomState(0)
#: (tried, survived) by the kind of fault.
TALLY: Counter[tuple[str, bool]] = Counter()
EPOCHS = "3000"
TRAIN = ("train", "spirals", "--epochs", EPOCHS)
#: Saves a hundred times as often as a user's run does, so that many faults hit a run that saves.
OFTEN = "import sys; from reports import cli; from reports.commands import train; train._SAVE_EVERY = 0.02; "


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Print the tally at the end."""
    yield
    kinds = sorted({kind for kind, _ in TALLY})
    print(f"\n{'fault':44} tried survived lost")  # noqa: T201 - a measurement prints its figures
    for kind in kinds:
        good, bad = TALLY[kind, True], TALLY[kind, False]
        print(f"{kind:44} {good + bad:5} {good:8} {bad:4}")  # noqa: T201 - the same
    assert not any(number for (_, survived), number in TALLY.items() if not survived)


def count(kind: str, *, survived: bool) -> None:
    """Add a trial to the tally; that nothing is lost is asserted at the end, so that the others are tried as well."""
    TALLY[kind, survived] += 1


def started(*argv: str, **more: Any) -> subprocess.Popen[bytes]:
    """A command in a process of its own, which saves often."""
    command = [sys.executable, "-c", f"{OFTEN}sys.exit(cli.main({list(argv)}))"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of an undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    assert cli.main([*TRAIN, "--out", str(folder / "history-spirals.json")]) == OK
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def goes_on(whole: dict[str, bytes]) -> bool:
    """Whether what a run has left can be resumed, or begun again where nothing was saved, as if nothing had been."""
    resumed = (Path.cwd() / "history-spirals.weights.npz").exists()
    code = cli.main([*TRAIN, *(["--resume"] if resumed else [])])
    found = {path.name: path.read_bytes() for path in Path.cwd().iterdir()}
    for path in Path.cwd().iterdir():
        path.unlink()
    return code == OK and found == whole


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_runs_that_are_ended(number: signal.Signals, whole: dict[str, bytes]) -> None:
    """A run that is killed loses what it had not saved, one that is interrupted loses nothing; both can go on."""
    for _ in range(40):
        with started(*TRAIN) as process:
            assert process.stdout is not None
            process.stdout.readline()  # it trains
            time.sleep(float(RNG.uniform(0, 0.5)))
            process.send_signal(number)
            process.stdout.read()
        expected = {OK, INTERRUPTED} if number != signal.SIGKILL else {OK, -number}
        count(f"bp train: {number.name}", survived=process.returncode in expected and goes_on(whole))


def verdicts() -> list[tuple[str, str, str]]:
    """Names, verdicts and counts in the table of a course, which has also how long each took."""
    with Path("t.csv").open(encoding="utf-8", newline="") as stream:
        return [(row["name"], row["verdict"], row["passed"]) for row in csv.DictReader(stream)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_courses_that_are_ended(number: signal.Signals) -> None:
    """A course that is killed or interrupted goes on with --resume, and gives the table of an undisturbed one."""
    hand_in(Path("course"), a=RIGHT, b=RIGHT, c=RIGHT, d=RIGHT)
    argv = ("check", "--all", "course", "--csv", "t.csv", "--effort", "quick", "--only", "relu.*", "--seed", "1", "-j1")
    assert cli.main(argv) == OK
    expected = verdicts()
    for _ in range(8):
        with started(*argv) as process:
            assert process.stdout is not None
            process.stdout.readline()  # the first is judged
            time.sleep(float(RNG.uniform(0, 0.8)))
            process.send_signal(number)
            process.stdout.read()
        code = cli.main([*argv, "--resume"])
        count(f"bp check --all: {number.name}", survived=code == OK and verdicts() == expected)


def test_reports_that_are_ended() -> None:
    """A report that is ended leaves whole files and no process, and goes on from the parts that it has done."""
    argv = ("report", "--quick", "--out", "ended")
    for number in (signal.SIGKILL, signal.SIGTERM) * 4:
        with started(*argv) as process:
            time.sleep(float(RNG.uniform(0.5, 12)))
            process.send_signal(number)
            assert process.stdout is not None
            process.stdout.read()  # until the other process has ended, too
        expected = {OK, INTERRUPTED} if number != signal.SIGKILL else {OK, -number}
        for part in Path("ended").glob(".cache/*.npz"):
            read_archive(part)
        count(f"bp report: {number.name}", survived=process.returncode in expected)
    assert cli.main(argv) == OK
    count("bp report: goes on", survived=not [*Path("ended").rglob("*.part"), *Path("ended").glob(".*.lock")])


def test_full_disks(whole: dict[str, bytes]) -> None:
    """A run that can write only so many bytes ends with exit code 3, and goes on from the last whole files."""
    for most in map(int, RNG.randint(0, min(map(len, whole.values())), 30)):
        assert cli.main(["train", "spirals", "--epochs", "100"]) == OK
        limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (most, most))
        with started(*TRAIN, "--resume", preexec_fn=limit) as process:
            said = process.communicate()[0]
        told = process.returncode == TOOL and b"Traceback" not in said and b"history-spirals" in said
        read_archive(Path("history-spirals.weights.npz"))
        read_history(Path("history-spirals.json"))
        count("bp train: file size limit", survived=told and goes_on(whole))


def test_flipped_bits(whole: dict[str, bytes]) -> None:
    """A file in which a bit has flipped is refused with one sentence, unless what is read is the same."""
    readers: dict[str, Callable[[Path], object]] = {
        "history-spirals.weights.npz": read_archive,
        "history-spirals.json": read_history,
    }
    for name, read in readers.items():
        path = Path(name)
        path.write_bytes(whole[name])
        expected = repr(read(path))
        for _ in range(300):
            content = bytearray(whole[name])
            content[RNG.randint(len(content))] ^= 1 << RNG.randint(8)
            path.write_bytes(content)
            try:
                same = repr(read(path)) == expected
            except (NotOursError, NoHistoryError):
                same = True
            count(f"flipped bit: {path.suffix}", survived=same)
        path.write_bytes(content)
        argv = [*TRAIN, "--resume"] if path.suffix == ".npz" else ["plot", name]
        count(f"flipped bit: {path.suffix}", survived=cli.main(argv) == USAGE)
    write_archive(Path("part.npz"), {}, {})


def test_readers_that_leave() -> None:
    """A reader that leaves after any number of bytes changes no exit code, and the run is saved."""
    commands = {
        "bp train": ("train", "xor", "--overwrite"),
        "bp check --list": ("check", "--list"),
        "bp data verify": ("data", "verify", "--from", "."),
        "bp check --json -": ("check", "--effort", "quick", "--only", "relu.*", "--json", "-"),
    }
    for name, argv in commands.items():
        command = [sys.executable, "-m", "reports", *argv]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        code = subprocess.run(command, env=environment, capture_output=True, check=False).returncode
        for both in (False, True):
            for n in RNG.randint(0, 3000, 6):
                stderr = subprocess.STDOUT if both else subprocess.DEVNULL
                with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr) as process:
                    assert process.stdout is not None
                    os.read(process.stdout.fileno(), int(n)) if n else None
                    process.stdout.close()
                count(f"reader leaves: {name}", survived=process.returncode == code)


def test_odd_paths() -> None:
    """What is at an output path is written to, or the command is refused; nothing else is changed."""
    hand_in(Path("folder"), a=RIGHT)
    Path("empty").touch()
    Path("circle").symlink_to("circle")
    bad = (".", "folder", "circle", "empty/x", "no/x", "x" * 300, "/proc/self/x", "/dev/null/x")
    options = (
        ("train", "xor", "--out"), ("train", "xor", "--csv"), ("bench", "--only", "calls", "--json"),
        ("check", "--json"), ("check", "--junit"), ("check", "--markdown"), ("check", "--html"),
        ("check", "--all", "folder", "--csv"), ("check", "--all", "folder", "--json"), ("report", "--out"),
        ("check", "--all", "folder", "--reports"),
    )  # fmt: skip
    before = sorted(Path.cwd().iterdir())
    for argv in options:
        for path in bad:
            if argv[-1] in {"--reports", "--out"} and argv[0] != "train" and path in {".", "folder"}:
                continue  # there a folder is right
            code = cli.main([*argv, path])
            count(
                "output path that cannot be written", survived=(code, sorted(Path.cwd().iterdir())) == (USAGE, before)
            )


@pytest.mark.parametrize("run", library.RUNS)
def test_interrupted_library(run: str) -> None:
    """`bp.train`, interrupted anywhere, goes on as if it had never been."""
    make, settings = library.RUNS[run]
    library.trained(make(), bp.History(), settings)
    net, history = make(), bp.History()
    with library.interrupted_after(0) as calls:
        expected, parameters = library.trained(net, history, settings)
    for at in RNG.randint(1, calls[0] - 5, 60):
        net, history = make(), bp.History()
        with pytest.raises(KeyboardInterrupt), library.interrupted_after(int(at)):
            library.trained(net, history, settings)
        found, changed = library.trained(net, history, settings)
        count("bp.train: Ctrl-C", survived=found == expected and changed.tobytes() == parameters.tobytes())
