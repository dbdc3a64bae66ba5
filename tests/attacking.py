"""A place for attacks: a submission, a folder for temporary files, and a check that nothing is left of either."""

from __future__ import annotations

import contextlib
import ctypes
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference.execution import bubblewrap, sandbox
from reference.execution.sandbox import Limits
from reference.gate import Judgement, judge
from reference.lab.mistakes import plain
from tests.comparing import needs_flint

HERE = Path(__file__).parent
#: Seconds of processor time for a submission: ten times what it needs, so that only endless code reaches the limit.
SECONDS = 10.0
RIGHT = Path(plain.__file__).read_text(encoding="utf-8").replace("ReLULayer", "Right")
WRONG = """
from right import Right, np


class Wrong(Right):
    def forward(self, X):
        return np.abs(X)
"""
HARMLESS = "from right import Right\nclass ReLULayer(Right): pass\n"
ELSEWHERE = ("/dev/shm/bp-attack", "/tmp/bp-attack", "/bp-attack")  # noqa: S108 - where attacks try to write
#: Attacks that only Landlock or bubblewrap keeps from files.
FILES = {"opens_the_examiner", "writes_outside", "imports_the_examiner", "torch_autograd", "endless_import"}
LANDLOCK = sys.platform == "linux" and ctypes.CDLL(None).syscall(444, None, 0, 1) >= 1
MARKS = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks for traces in /proc"),
    needs_flint,
    pytest.mark.system,
]
needs_bubblewrap = pytest.mark.skipif(not bubblewrap.works(), reason="bubblewrap is not there or may do nothing here")
#: How often to look for traces until there are none, since a killed process takes a moment to end.
_LOOKS = 6000


class Place:
    """A submission, a folder for temporary files and a folder outside, for one attack."""

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
        """The files, file descriptors and running processes that are left."""
        left = [str(path) for path in self.temporary.iterdir()]
        if [path.name for path in self.outside.iterdir()] != ["kept.txt"]:
            left.append("something outside")
        kept = self.outside / "kept.txt"
        if kept.read_text(encoding="utf-8") != "kept" or not kept.stat().st_mode & 0o400:
            left.append("kept.txt changed")
        left += [path for path in ELSEWHERE if Path(path).exists()]
        for _ in range(_LOOKS):
            processes = list(self._processes())
            if not processes:
                break
            time.sleep(0.05)
        return left + processes

    def _processes(self) -> Iterator[str]:
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command, working = (entry / "cmdline").read_bytes(), str((entry / "cwd").readlink())
                if str(self.temporary).encode() in command or working.startswith(str(self.temporary)):
                    yield f"process {entry.name} {command[:100]!r}"


def judged(
    place: Place, kind: sandbox.Kind = "process", only: str = "relu.forward.values", seconds: float = SECONDS
) -> Judgement:
    """The judgement of the submission; asserts that it leaves no trace."""
    descriptors, threads = _descriptors(), threading.active_count()
    limits = Limits(seconds, 2**30)
    judgement = judge(place.submission, only=only, effort="quick", seed=7, limits=limits, sandbox=kind)
    assert _descriptors() == descriptors
    assert threading.active_count() == threads
    assert place.traces() == []
    assert len(judgement.output) <= 2**18
    assert judgement.isolation.startswith("a process of its own: ")
    return judgement


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def told(judgement: Judgement) -> list[tuple[str, str, str | None, str | None]]:
    return [(each.check, each.status, each.mistake, each.actual) for each in judgement.findings]
