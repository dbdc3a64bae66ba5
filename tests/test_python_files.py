"""What Python can read of a submission, and how it is told what it cannot."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from reference.execution.implementation import CLASSES
from reference.execution.worker import loading, newer_syntax
from tests.loaded import SOURCE, failed, flat_modules, judged

pytestmark = pytest.mark.system


def test_python_2_is_named(tmp_path: Path) -> None:
    """A file of Python 2 is reported with its line, and the other files are judged."""
    flat_modules(tmp_path / "mlp")
    path = tmp_path / "mlp" / "relu_layer.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nprint 'trained'\n", encoding="utf-8")
    judgement = judged(tmp_path / "mlp")
    (line,) = [n for n, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if "trained" in text]
    said = f"relu_layer.py is Python 2 source (line {line}: print 'trained'); the lab is in Python 3"
    assert failed(judgement.findings) == {"ReLULayer": ("missing", said)}
    assert judgement.notes == (said,)


NEWER = {
    "type Array = list": "3.12",
    "class Layer[T]: pass": "3.12",
    "def made[T = int](x): pass": "3.13",
    'name = f"{names["a"]}"': "3.12",
    "except ValueError, TypeError:": "3.14",
    "said = t'{name}'": "3.14",
}


@pytest.mark.parametrize("line", NEWER)
def test_newer_syntax_is_told_as_that(line: str) -> None:
    """What a later Python can parse is no mistake; what none can, and what Python 2 could, is not told as newer."""
    assert newer_syntax.version_needed(line, (3, 11)) == NEWER[line]
    assert newer_syntax.version_needed(line, (3, 14)) is None
    assert not any(newer_syntax.version_needed(each, (3, 11)) for each in ("except E, e:", "print 'a'", "x = f'{x"))


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python knows the syntax")
def test_file_for_a_newer_python_says_which(tmp_path: Path) -> None:
    """The class is missing since its file needs a later Python, and the versions of both are told."""
    flat_modules(tmp_path / "mlp")
    path = tmp_path / "mlp" / "relu_layer.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nname = t'x'\n", encoding="utf-8")
    (_, said), *_ = failed(judged(tmp_path / "mlp").findings).values()
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert said.startswith(f"relu_layer.py needs Python 3.14 or later, and is judged with Python {here} (line ")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("def f(:\n", r"relu_layer.py is no Python: invalid syntax \(line \d+: def f\(:\)"),
        ("x = (1,\n", r"relu_layer.py is no Python: '\(' was never closed \(line \d+: x = \(1,\)"),
        ("if True:\n", r"relu_layer.py is no Python: expected an indented block.*"),
        ("x = '\0'\n", r"relu_layer.py is no Python: source code string cannot contain null bytes"),
        ("  x = 1\n y = 2\n", r"relu_layer.py is no Python: unindent does not match .* \(line \d+: x = 1\)"),
    ],
)
def test_syntax_errors_are_placed(tmp_path: Path, broken: str, message: str) -> None:
    """A syntax error is reported with file, line and text for each class of the file; other files are judged."""
    flat_modules(tmp_path / "mlp")
    path = tmp_path / "mlp" / "relu_layer.py"
    path.write_text(path.read_text(encoding="utf-8") + broken, encoding="utf-8")
    found = failed(judged(tmp_path / "mlp").findings)
    assert set(found) == {"ReLULayer"}
    assert re.fullmatch(message, found["ReLULayer"][1] or "")


def test_classes_of_a_submission_that_cannot_be_parsed_are_missing_for_that(tmp_path: Path) -> None:
    """Where Python can read no file, that is the reason, also for classes that the text does not show."""
    path = tmp_path / "solution.py"
    path.write_text("def f(:\n", "utf-8")
    found = loading.load(path, CLASSES, seconds=1.0)
    said = "solution.py is no Python: invalid syntax (line 1: def f(:)"
    assert (found.missing, found.causes) == (dict.fromkeys(CLASSES, said), dict.fromkeys(CLASSES, "not run"))


def test_encodings(tmp_path: Path) -> None:
    """A byte order mark, a declared encoding and Windows line ends are read."""
    for number, data in enumerate(
        (
            b"\xef\xbb\xbf" + SOURCE.encode(),
            b"# -*- coding: latin-1 -*-\n# \xe9\n" + SOURCE.encode(),
            SOURCE.replace("\n", "\r\n").encode(),
        )
    ):
        path = tmp_path / f"solution_{number}.py"
        path.write_bytes(data)
        judgement = judged(path)
        assert judgement.verdict == "pass", judgement.notes


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(tmp_path: Path, encoding: str) -> None:
    """A file that an editor or a shell of Windows has saved in UTF-16 is told as that."""
    path = tmp_path / "solution.py"
    path.write_bytes(SOURCE.encode(encoding))
    found = loading.load(path, CLASSES, seconds=1.0)
    said = "solution.py is in UTF-16, which Python cannot read: save it as UTF-8"
    assert found.missing == dict.fromkeys(CLASSES, said)
