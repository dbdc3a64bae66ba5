"""An exception is told with its cause and with the submission's own file, line and expression."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from reference.execution.worker import crashes
from reference.execution.worker.perform import perform
from reference.execution.worker.protocol import CAUSES, Call, New, Put, Reply
from reference.findings import Finding
from reference.wording import hint_of
from tests.loaded import file_in, flat_modules, judged
from tests.wording import assert_well_said

pytestmark = pytest.mark.system

X = np.ones((2, 3))
#: The body of a method, the cause of what it raises, and the expression in which it is raised.
BODIES = {
    "an unknown name": ("return np.maximum(X, zero)", "name", "zero"),
    "an unknown attribute": ("return X * self.mask", "attribute", "self.mask"),
    "an unknown attribute of an array": ("return X.relu()", "attribute", "X.relu"),
    "shapes that do not fit": ("return X @ X", "shapes", "X @ X"),
    "a wrong axis": ("return X.sum(axis=2)", "shapes", "X.sum(axis=2)"),
    "shapes that cannot be broadcast": ("return X + np.ones(17)", "shapes", "X + np.ones(17)"),
    "an index": ("return X[5]", "index", "X[5]"),
    "a key": ("return {}[0]", "key", "{}[0]"),
    "an argument too many": ("return np.maximum(X, 0, axes=1)", "call", "np.maximum(X, 0, axes=1)"),
    "an argument too few": ("return self.forward()", "call", "self.forward()"),
    "a division": ("return X / (1 // 0)", "division", "1 // 0"),
    "no end": ("return self.forward(X)", "recursion", "self.forward(X)"),
    "a module that is not there": ("import nothing", "module", "import nothing"),
    "a value": ("return bool(X)", None, "bool(X)"),
    "an own exception": ("raise ValueError('no')", None, "raise ValueError('no')"),
    "several lines": ("return (X +\n            zero)", "name", "zero"),
}


def layer(folder: Path, body: str, head: str = "", arguments: str = "X") -> Path:
    """A submission whose ReLU has this body, in a file of its own that another one imports."""
    flat_modules(folder / "mlp")
    text = f"import numpy as np\n{head}\n\nclass ReLULayer:\n    def __init__(self, name):\n        self.name = name\n"
    text += f"\n    def forward(self, {arguments}):\n        {body}\n"
    (folder / "mlp" / "relu_layer.py").write_text(text, encoding="utf-8")
    return folder


def told(path: Path, only: str = "relu.forward.answers") -> Finding:
    """The failure that the sandbox finds."""
    findings = judged(path, only).findings
    assert_well_said(findings)
    return next(each for each in findings if each.status == "failed")


def place(finding: Finding) -> tuple[str, int, str]:
    assert finding.came is not None
    fields = finding.came.more[0].fields
    return fields["file"], fields["line"], fields["source"]


def told_here(folder: Path) -> Finding:
    """The failure that is found in this process, which takes less time."""
    findings = reference.check(folder / "mlp", only="relu.forward.answers", effort="quick")
    assert_well_said(findings)
    return findings.failed[0]


@pytest.mark.parametrize("kind", BODIES)
def test_a_crash_names_its_cause_and_place(tmp_path: Path, kind: str) -> None:
    """The file in the submission, the line, the expression, and a hint that fits."""
    body, cause, source = BODIES[kind]
    finding = told_here(layer(tmp_path, body))
    assert (finding.came or {"cause": 0})["cause"] == cause
    assert place(finding) == ("relu_layer.py", 9 if "\n" not in body else 10, source)
    assert finding.mistake == "crash"
    assert finding.hint == hint_of("crash", cause)
    assert f"relu_layer.py, line {place(finding)[1]}" in str(finding.actual)


def test_a_process_of_its_own_tells_the_same(tmp_path: Path) -> None:
    """With the path from the folder that was handed in."""
    finding = told(layer(tmp_path, "return np.maximum(X, zero)"))
    assert (finding.came or {"cause": 0})["cause"] == "name"
    assert place(finding) == ("mlp/relu_layer.py", 9, "zero")


def test_hints_about_shapes_are_for_shapes_alone() -> None:
    """Whoever misspelt a name is not sent to count axes."""
    hints = {cause: hint_of("crash", cause) or "" for cause in CAUSES}
    assert [cause for cause, hint in hints.items() if "shape" in hint] == ["shapes"]
    assert "shape" not in str(hint_of("crash"))


def test_a_helper_may_raise_on_behalf_of_a_layer(tmp_path: Path) -> None:
    """It is the innermost call in the submission's own files that counts."""
    folder = layer(tmp_path, "return helped(X)", "from helper import helped")
    (folder / "mlp" / "helper.py").write_text("def helped(X):\n    return X @ X\n", encoding="utf-8")
    assert place(told_here(folder)) == ("helper.py", 2, "X @ X")


def test_a_call_that_is_not_taken_is_told_where_it_is_defined(tmp_path: Path) -> None:
    """Nothing of the method has run, so that its first line is the place."""
    finding = told_here(layer(tmp_path, "return X", arguments="inputs"))
    assert (finding.came or {"cause": 0})["cause"] == "arguments"
    assert place(finding) == ("relu_layer.py", 8, "def forward(self, inputs):")


def test_an_import_that_fails_is_told_with_its_line(tmp_path: Path) -> None:
    """Of the file with the class, or of the one that it imports; a class that is missing is so for that reason."""
    folder = layer(tmp_path / "one", "return X", "size = X\n\n@size")
    missing = told(folder, "relu.made")
    assert missing.mistake == "missing"
    assert str(missing.actual).endswith("relu_layer.py ended with NameError: name 'X' is not defined "
                                        "(line 2: X); what stands after that was run all the same")  # fmt: skip
    folder = layer(tmp_path / "two", "return X", "import mask")
    (folder / "mlp" / "mask.py").write_text("\n\nhalf = 1 / 0\n", encoding="utf-8")
    assert "division by zero (mlp/mask.py, line 3: 1 / 0)" in judged(folder, "relu.made").notes[0]


class OddError(Exception):
    def __str__(self) -> str:
        raise SystemExit


class Layer:
    def __init__(self, name: str) -> None:
        self.name = name

    def forward(self, X: Any) -> Any:
        raise OddError


def test_an_exception_that_cannot_be_told_is_told_by_its_type() -> None:
    """Its own method for its text is foreign code; where it was raised is known all the same."""
    reply = perform({"Layer": Layer}, [New("layer", "Layer", {"name": "x"}), Call("layer", "forward", {"X": X})])[-1]
    assert (reply.error, reply.error_kind, reply.cause) == ("OddError", "OddError", None)
    assert reply.place is not None
    assert (reply.place.file, reply.place.source) == ("test_crashes.py", "raise OddError")


def test_frames_of_libraries_are_nobodys_own(tmp_path: Path) -> None:
    """What numpy calls and raises is told at the submission's own line."""
    finding = told_here(layer(tmp_path, "return np.linalg.inv(np.zeros((2, 2)))"))
    assert place(finding) == ("relu_layer.py", 9, "np.linalg.inv(np.zeros((2, 2)))")


def test_an_exception_without_a_place_has_none() -> None:
    """One that was never raised, and one that was raised in code without a file."""
    assert crashes.place_of(ValueError(), []) is None
    with pytest.raises(ZeroDivisionError) as caught:
        exec("1 / 0")  # noqa: S102 - code without a file
    without_this_file = caught.value.with_traceback(caught.tb.tb_next)
    assert crashes.place_of(without_this_file, []) is None


class ReadOnly:
    """W is a property without a setter; it gives the private array, or what ``given`` makes of it."""

    given = staticmethod(lambda W: W)
    dtype: Any = float

    def __init__(self, name: str) -> None:
        self._W = np.zeros((2, 3), self.dtype)

    @property
    def W(self) -> Any:
        return type(self).given(self._W)

    def forward(self, X: Any) -> Any:
        return X @ self._W


def put(**changes: Any) -> tuple[Reply, Reply]:
    """The replies to setting W, and to a call that computes with it."""
    cls = type("Layer", (ReadOnly,), changes)
    steps = [New("layer", "Layer", {"name": "x"}), Put("layer", "W", X), Call("layer", "forward", {"X": np.eye(2)})]
    _, done, came = perform({"Layer": cls}, steps)
    return done, came


def test_properties_that_give_the_array_can_be_written() -> None:
    """A read-only W is written into, and the layer computes with what was written."""
    done, came = put()
    assert done.error is None
    assert (came.value == X).all()
    assert put(given=staticmethod(lambda W: W[:]))[1].value.tolist() == X.tolist()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"given": staticmethod(np.copy)}, "has no setter"),
        ({"given": staticmethod(lambda W: W.tolist())}, "has no setter"),
        ({"given": staticmethod(lambda W: W.T)}, "has no setter"),
        ({"dtype": bool}, "has no setter"),
        ({"W": property(np.copy, lambda self, W: None)}, "W gives an array of shape () and dtype object"),
    ],
)
def test_parameters_that_cannot_be_set_are_told(changes: Any, said: str) -> None:
    """Copies, lists, other shapes, other types, and setters that forget: the step says what W gives instead."""
    done, _ = put(**changes)
    assert done.cause == "not set"
    assert said in str(done.error)


def test_layers_whose_parameters_cannot_be_set_are_told_that(tmp_path: Path) -> None:
    """Once, of the class; a layer with read-only properties that give its own arrays passes."""
    text = """
    class LinearLayer(LinearLayer):
        def initialize(self):
            self._W = self.rng.normal(0, np.sqrt(2 / self.n_inputs), (self.n_inputs, self.n_units))
            self._b = np.ones(self.n_units)
        def update_params(self, dtheta):
            self._W += dtheta[0]
            self._b += dtheta[1]
        W = property(lambda self: self._W{copy})
        b = property(lambda self: self._b)
    """
    assert judged(file_in(tmp_path, text.format(copy="")), "linear.*").verdict == "pass"
    finding = told(file_in(tmp_path, text.format(copy=".copy()")), "linear.forward.answers")
    assert (finding.check, finding.mistake) == ("linear.made", "missing")
    assert str(finding.expected).startswith("the attribute W to take an array")
    assert finding.hint == hint_of("missing", "not set")


#: What the sandbox refuses: the body of a method, and the words in which that is told.
REFUSED = {
    "a thread": ("import threading; threading.Thread(target=print).start()", "threads are not available here"),
    "a pool": ("import multiprocessing; multiprocessing.Pool(2)", "other processes are not available here"),
    "a program": ("import subprocess; subprocess.run(['true'])", "other programs are not available here"),
    "a connection": ("import socket; socket.create_connection(('127.0.0.1', 1))", "the network is not available here"),
    "an address": ("import urllib.request as u; u.urlopen('http://localhost')", "the network is not available here"),
    "a file of others": ("open('/etc/bp-lab', 'w')", "that file is not available here"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a submission cannot be confined")
@pytest.mark.parametrize("kind", REFUSED)
def test_what_the_sandbox_refuses_is_told_as_that(tmp_path: Path, kind: str) -> None:
    """The student reads once that it is this place which forbids it, and gets the hint for that."""
    body, words = REFUSED[kind]
    findings = judged(layer(tmp_path, body) / "mlp", "relu.forward.answers").findings
    finding = next(each for each in findings if each.status == "failed")
    assert (finding.came or {"cause": 0})["cause"] == "refused"
    assert finding.hint == hint_of("crash", "refused")
    assert str(finding.actual).count(words) == 1
