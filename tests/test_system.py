"""A system without what the sandbox needs, as Windows is: what works there, and what refuses and says why."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import reference
from reference.execution.sandbox import Sandbox, SandboxError
from reference.execution.system import require_confinement
from reports.cli import main
from reports.io.exit_codes import TOOL

for each in ("flint", "platformdirs", "rich"):
    pytest.importorskip(each)

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="takes away what only POSIX systems have"),
    pytest.mark.system,
]

ROOT = Path(__file__).resolve().parent.parent
#: Takes away what Python has on Linux and not on Windows, as far as the standard library and the packages that are
#: imported before can do without it.
ELSEWHERE = """
import ctypes, importlib, multiprocessing.connection, os, select, signal, subprocess, sys, tempfile
import numpy, platformdirs, rich.console, rich.progress
for name in ("O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "O_CLOEXEC", "O_PATH", "fork", "killpg", "geteuid", "getuid",
             "setsid", "sysconf", "set_blocking", "sched_getaffinity", "mkfifo", "getpgid", "wait4", "pread"):
    delattr(os, name)
for name in ("SIGKILL", "SIGXCPU", "SIGALRM", "SIGPROF", "SIGHUP", "SIGUSR1", "setitimer", "ITIMER_PROF"):
    delattr(signal, name)
del select.poll
for name in ("resource", "fcntl", "pwd", "grp", "termios", "pty", "syslog"):
    sys.modules[name] = None
from reports.cli import main
"""


def on_windows(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a folder, in a Python that lacks what Windows lacks."""
    code = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{ELSEWHERE}\n{code}"
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        (os, "O_NOFOLLOW", "os.O_NOFOLLOW"),
        (os, "O_DIRECTORY", "os.O_DIRECTORY"),
        (os, "fork", "os.fork"),
        (select, "poll", "select.poll"),
        (signal, "SIGXCPU", "signal.SIGXCPU"),
    ],
)
def test_what_is_absent_is_named(module: ModuleType, name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name that the sandbox needs is told where it is absent, with what to do instead."""
    require_confinement()
    monkeypatch.delattr(module, name)
    with pytest.raises(SandboxError) as caught:
        require_confinement()
    assert all(each in str(caught.value) for each in (said, "WSL", "reference.check("))


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that is not POSIX cannot confine a process, whatever names its Python has."""
    monkeypatch.setattr(os, "name", "nt")
    with pytest.raises(SandboxError, match=r"Python lacks the POSIX interface\. Use Linux"):
        require_confinement()
    monkeypatch.undo()


def test_functions_without_descriptors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of a submission are opened by descriptors alone, which not every system's functions take."""
    monkeypatch.setattr(os, "supports_dir_fd", set())
    monkeypatch.setattr(os, "supports_fd", set())
    with pytest.raises(SandboxError, match=r"os\.open with dir_fd, os\.scandir of a descriptor"):
        require_confinement()


@pytest.mark.parametrize("enter", [reference.judge, lambda path: Sandbox(path).__enter__()], ids=["judge", "Sandbox"])
def test_nothing_is_begun(enter: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judging is refused before anything of the submission is looked at, and leaves nothing behind."""
    monkeypatch.delattr(os, "O_NOFOLLOW")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SandboxError):
        enter(tmp_path / "absent.py")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ["check", "wrong"], ["check"], ["check", "--all", "."],
        ["report", "--implementation", "wrong"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_commands_refuse(
    command: list[str],
    elsewhere: Path,
    small_world: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each command that would run foreign code says what is absent and what to do, with exit code 3 and no verdict."""
    (elsewhere / "wrong").mkdir()
    (elsewhere / "wrong" / "mlp.py").write_text("class ReLULayer:\n    pass\n", encoding="utf-8")
    monkeypatch.delattr(os, "O_NOFOLLOW")
    assert main(command) == TOOL
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.startswith(f"bp {command[0]}: expected a system that can confine foreign code")
    assert "os.O_NOFOLLOW" in printed.err


def test_training_works_everywhere(tmp_path: Path) -> None:
    """Training needs nothing that only some systems have."""
    done = on_windows("raise SystemExit(main(['train', 'xor', '--epochs', '3']))", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "history-xor.json").is_file()


@pytest.mark.parametrize(
    "findings",
    ["reference.check(bp, effort='quick')", "reference.check_vjp(np.tanh, lambda d, X: (d * (1 - np.tanh(X)**2),), X)"],
    ids=["check", "check_vjp"],
)
def test_trusted_code_is_judged_everywhere(findings: str, tmp_path: Path) -> None:
    """What the refusal recommends works where it is recommended."""
    setting = "import bp, reference, numpy as np; X = np.array([[0.5, -1.0], [2.0, 0.0]])"
    done = on_windows(f"{setting}\nraise SystemExit(not reference.passed({findings}))", tmp_path)
    assert done.returncode == 0, done.stderr


def test_gate_refuses_where_all_is_absent(tmp_path: Path) -> None:
    """`bp check` refuses politely where everything is absent that Windows lacks: no traceback, exit code 3."""
    (tmp_path / "mlp.py").write_text("class ReLULayer:\n    pass\n", encoding="utf-8")
    done = on_windows("raise SystemExit(main(['check', 'mlp.py']))", tmp_path)
    assert done.returncode == TOOL
    assert "WSL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["check --list", "data verify", "--version", "bench --help"])
def test_other_commands_touch_nothing_absent(command: str, tmp_path: Path) -> None:
    """A command that runs no foreign code does its work, or says what is wrong, and is at no fault of its own."""
    done = on_windows(f"raise SystemExit(main({command.split()!r}))", tmp_path)
    assert "Traceback" not in done.stderr
