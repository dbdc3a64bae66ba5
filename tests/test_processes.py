"""Processes are found by whose child they are, and those that have ended are none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reference.execution import processes

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc"),
    pytest.mark.system,
]


def test_children_are_found_until_they_have_ended(tmp_path: Path) -> None:
    """Then they wait to be asked how they ended, perhaps for ever: they are neither waited for nor killed again."""
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.pid in processes._related({os.getpid()}, tmp_path)
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert child.pid not in processes._related({os.getpid()}, tmp_path)
