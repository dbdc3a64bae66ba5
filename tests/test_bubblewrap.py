"""What bubblewrap is told, read as bubblewrap reads it, and what a command finds that runs under it.

Where it is not installed, `own_bubblewrap` does what its manual says. Attacks under it are for `test_attacks.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from reference.execution import bubblewrap, libraries
from reference.execution.sandbox import Limits
from reference.gate import judge
from tests import own_bubblewrap
from tests.attacking import HARMLESS, RIGHT
from tests.comparing import needs_flint

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="a process is confined on POSIX systems alone"),
    pytest.mark.system,
]


def read(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Option by option, with what belongs to it."""
    rest, found = list(words), []
    while rest:
        n = 1 + own_bubblewrap.FOLLOWING[rest[0]]
        found.append(tuple(rest[:n]))
        assert len(found[-1]) == n
        del rest[:n]
    return found


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Where something is installed in Python's own library, and numpy is given from there."""
    library = tmp_path / "library"
    (library / "site-packages" / "numpy").mkdir(parents=True)
    (library / "os.py").touch()
    monkeypatch.setattr(libraries, "standard_library", lambda: library)
    given = [str(library / "site-packages" / "numpy")]
    return read(bubblewrap.command_prefix(given, tmp_path / "work")[1:])


def test_the_program_is_called_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the worker's environment has another search path; by its name where it is not found."""
    for found, called in (("/opt/bwrap", "/opt/bwrap"), (None, "bwrap")):
        monkeypatch.setattr(bubblewrap.shutil, "which", {"bwrap": found}.get)
        assert bubblewrap.command_prefix([], tmp_path)[0] == called


def test_paths_within_are_those_outside(told: list[tuple[str, ...]]) -> None:
    """The programs of the system among them; nothing is given under another name."""
    bound = [each[1:] for each in told if "bind" in each[0]]
    assert all(Path(place).is_absolute() and place == within for place, within in bound)
    assert {"/bin", "/usr/bin"} <= {place for place, _ in bound}


def test_what_is_installed_is_hidden_but_for_what_is_given(told: list[tuple[str, ...]], tmp_path: Path) -> None:
    """Python's library is there as a whole; over what is installed in it lies an empty folder with numpy in it."""
    installed = tmp_path / "library" / "site-packages"
    steps = [
        ("--ro-bind-try", *[str(installed.parent)] * 2),
        ("--tmpfs", str(installed)),
        ("--ro-bind-try", *[str(installed / "numpy")] * 2),
        ("--remount-ro", str(installed)),
    ]
    places = [told.index(step) for step in steps]
    assert places == sorted(places)


def test_a_submission_may_do_nothing_and_write_in_its_folder_alone(told: list[tuple[str, ...]], tmp_path: Path) -> None:
    """It has no rights and no network, and ends with us."""
    assert [each[1] for each in told if each[0] == "--bind"] == [str(tmp_path / "work")]
    assert {("--unshare-all",), ("--die-with-parent",), ("--cap-drop", "ALL"), ("--new-session",)} <= set(told)
    assert {("--proc", "/proc"), ("--dev", "/dev"), ("--remount-ro", "/dev")} <= set(told)
    assert told[-1] == ("--remount-ro", "/")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bubblewrap, or what does the same here."""
    if bubblewrap.works():
        return
    program = tmp_path / "bwrap"
    text = Path(own_bubblewrap.__file__).read_text(encoding="utf-8")
    program.write_text(f"#!{libraries.interpreter()} -ISB\n{text}", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "_path_of_bwrap", lambda: str(program))
    if not bubblewrap.works():
        pytest.skip("the system does not let us make namespaces")


#: Tells what it sees, and what it may do.
LOOK = """
import json, os, socket
def errors(*paths):
    for path in paths:
        try:
            open(path, "w").close()
        except OSError as error:
            yield type(error).__name__ + " " + os.strerror(error.errno)
seen = {
    "processes": len([each for each in os.listdir("/proc") if each.isdigit()]),
    "network": [name for _, name in socket.if_nameindex()],
    "refused": list(errors("/new", "/usr/bin/new", "/dev/new", "/etc/new")),
    "own": list(errors("mine")),
    "rights": [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")],
}
print(json.dumps(seen))
"""


@pytest.mark.usefixtures("installed")
def test_a_command_sees_the_system_and_its_own_folder_alone(tmp_path: Path) -> None:
    """Under it there are a few processes, no network, no rights, and one folder that can be written in."""
    (tmp_path / "work").mkdir()
    command = [*bubblewrap.command_prefix([], tmp_path / "work"), str(libraries.interpreter()), "-ISc", LOOK]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["processes"] <= 3
    assert set(seen["network"]) <= {"lo"}
    assert len(seen["refused"]) == 4
    assert (seen["own"], seen["rights"]) == ([], ["0000000000000000"])
    assert (tmp_path / "work" / "mine").exists()


@needs_flint
@pytest.mark.usefixtures("installed")
def test_a_submission_is_judged_under_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A right submission passes, the verdict says what confined it, and nothing is left of it."""
    for name in ("hw", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "hw" / "right.py").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "hw" / "relu.py").write_text(HARMLESS, encoding="utf-8")
    judgement = judge(tmp_path / "hw", only="relu.*", effort="quick", seed=3, limits=Limits(20.0), sandbox="bwrap")
    assert judgement.verdict == "pass", [str(each) for each in judgement.findings if each.status == "failed"][:1]
    assert judgement.isolation.startswith("a process of its own: bubblewrap; ")
    assert list((tmp_path / "tmp").iterdir()) == []
