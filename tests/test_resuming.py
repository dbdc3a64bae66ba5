"""A line at the top of a file that raises an exception costs no class: what stands before and after it counts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reference.execution.implementation import CLASSES
from reference.execution.worker import loading
from tests.loaded import SOURCE, file_in, judged

pytestmark = pytest.mark.system


@pytest.mark.parametrize("end", ["input('name? ')", "1 / 0", "exit()", "quit()"])
def test_what_comes_after_the_classes_may_fail(tmp_path: Path, end: str) -> None:
    """Classes defined before an exception are judged, and a note gives the exception."""
    judgement = judged(file_in(tmp_path, end))
    assert judgement.verdict == "pass"
    assert re.match(r"solution.py ended with (EOFError|SystemExit|ZeroDivisionError)", judgement.notes[0])
    assert ("SystemExit" in judgement.notes[0]) == ("xit" in end or "quit" in end)


#: What a file may do before its classes, and what works for its author alone.
BEFORE = """
import argparse, socket, sys
import numpy as np
parser = argparse.ArgumentParser()
parser.add_argument('--epochs', required=True)
arguments = parser.parse_args()
X = np.load('mnist.npz')
name = input('Your name: ')
epochs = int(sys.argv[1])
socket.create_connection(('127.0.0.1', 9))
"""


def test_what_comes_before_the_classes_may_fail(tmp_path: Path) -> None:
    """Classes that stand after exceptions are judged, and a note gives the first of these."""
    future, _, rest = SOURCE.partition("from __future__ import annotations\n")
    path = tmp_path / "solution.py"
    path.write_text(f"{future}from __future__ import annotations\n{BEFORE}{rest}", encoding="utf-8")
    judgement = judged(path)
    assert judgement.verdict == "pass", judgement.notes
    (note,) = judgement.notes
    assert re.match(r"solution.py ended with SystemExit: 2 \(line \d+: parser.parse_args\(\)\)", note)


@pytest.mark.parametrize("word", ["raise SystemExit", "exit()"])
def test_file_that_ends_itself_has_ended(tmp_path: Path, word: str) -> None:
    """Classes after the end of a file count as little as in Python itself."""
    path = tmp_path / "solution.py"
    path.write_text(f"import numpy\n{word}\nclass ReLULayer: pass\n", encoding="utf-8")
    (finding,) = judged(path, "relu.made").findings
    assert finding.mistake == "missing"


@pytest.mark.parametrize("first", ["", "1 / 0\n"])
@pytest.mark.parametrize("again", ["class ReLULayer(Layer): pass", "ReLULayer = faster(ReLULayer)"])
def test_class_that_could_not_be_replaced_is_not_judged(tmp_path: Path, first: str, again: str) -> None:
    """Where a later definition of a class raises an exception, the earlier one is not what the file means."""
    path = tmp_path / "solution.py"
    path.write_text(f"{SOURCE}\n{first}{again}\n", encoding="utf-8")
    found = loading.load(path, CLASSES, seconds=10.0)
    assert set(CLASSES) - set(found.classes) == {"ReLULayer"}
    assert found.notes


def test_what_fails_after_an_exception_is_passed_over(tmp_path: Path) -> None:
    """Each statement after an exception is run by itself; one that takes too long ends the file."""
    path = tmp_path / "solution.py"
    path.write_text("1 / 0\nx = 1\nx + y\n@z\nclass MLP: pass\nclass ReLULayer: pass\nwhile True: pass\n", "utf-8")
    found = loading.load(path, CLASSES, seconds=1.0)
    assert set(found.classes) == {"ReLULayer"}
    (note,) = found.notes
    assert note.startswith("solution.py ended with ZeroDivisionError")
    assert note.endswith("still running when the time for it was up")
