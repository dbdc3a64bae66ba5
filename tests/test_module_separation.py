"""Several submissions in one process: each imports its own modules, and all other modules stay as they were."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import reference
from reference.execution.implementation import CLASSES
from reference.execution.worker import loading, module_separation
from tests.comparing import needs_flint
from tests.lab_layout import lab, module, within, write

pytestmark = pytest.mark.system

LINES = [f"from {place}softmax_layer import SoftmaxLayer" for place in ("mlp.", ".", "")]
NAMES = ("mlp", "losses", "relu_layer", "softmax_layer", "linear_layer")


@pytest.fixture(autouse=True)
def process_as_it_was() -> Iterator[None]:
    """No test sees the modules of the submissions of another one."""
    module_separation._hide_earlier_submissions(module_separation._SubmissionFinder(set()))
    modules, path, finders = dict(sys.modules), list(sys.path), list(sys.meta_path)
    yield
    sys.modules.clear()
    sys.modules.update(modules)
    sys.path[:], sys.meta_path[:] = path, finders


def hand_in(folder: Path, line: str, mark: str) -> Path:
    """Write the lab's files with a mark in the softmax layer and in what the losses know of it."""
    files = lab(f"{line}\nMARK = SoftmaxLayer.mark")
    files["softmax_layer.py"] += f"\nSoftmaxLayer.mark = {mark!r}\n"
    return write(folder, within("mlp", files))


@pytest.mark.parametrize("second", LINES)
@pytest.mark.parametrize("first", LINES)
def test_second_submission_finds_its_own_files(tmp_path: Path, first: str, second: str) -> None:
    """Two submissions with modules of the same names each import their own, however they import."""
    for mark, line in {"first": first, "second": second}.items():
        found = loading.load(hand_in(tmp_path / mark, line, mark), CLASSES)
        losses: Any = found.classes["LossCrossEntropy"]
        softmax: Any = found.classes["SoftmaxLayer"]
        assert (softmax.mark, losses.forward.__globals__["MARK"]) == (mark, mark)


@needs_flint
def test_verdict_in_this_process_is_about_each_ones_own(tmp_path: Path) -> None:
    """Judging wrong and right submissions in turn gives each its own verdict."""
    wrong = module("softmax_layer").replace("return softmax(X)", "return softmax(X) + 1")
    for name, text in {"right": module("softmax_layer"), "wrong": wrong}.items():
        write(tmp_path / name, within("mlp", lab(LINES[0]) | {"softmax_layer.py": text}))
    for name in ("right", "wrong", "right", "wrong"):
        findings = reference.check(tmp_path / name, only="softmax.forward.values", effort="quick")
        assert {each.status for each in findings if each.check == "softmax.forward.values"} == {
            "passed" if name == "right" else "failed"
        }


def test_changed_file_is_read_anew(tmp_path: Path) -> None:
    """A file that was changed is loaded again."""
    for mark in ("before", "after"):
        root = hand_in(tmp_path / "handed_in", LINES[0], mark)
        softmax: Any = loading.load(root, CLASSES).classes["SoftmaxLayer"]
        assert softmax.mark == mark


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("raises", [False, True])
def test_modules_of_others_are_as_they_were(tmp_path: Path, line: str, raises: bool) -> None:
    """A package ``mlp`` imported before is in its place afterwards, also if the submission raises."""
    root = hand_in(tmp_path / "handed_in", line, "theirs")
    if raises:
        (root / "mlp" / "relu_layer.py").write_text("class ReLULayer: pass\nraise ArithmeticError", encoding="utf-8")
    own = {name: ModuleType(name) for name in (*NAMES, "mlp.deeper")}
    sys.modules.update(own)
    before, path = dict(sys.modules), list(sys.path)
    if raises:
        with pytest.raises(ArithmeticError):
            loading.load(root, CLASSES)
    else:
        softmax: Any = loading.load(root, CLASSES).classes["SoftmaxLayer"]
        assert softmax.mark == "theirs"
    assert {name: sys.modules.get(name) for name in own} == own
    assert {name: sys.modules.get(name) for name in before} == before
    assert sys.path == path


def test_what_python_and_numpy_have_is_left_to_them(tmp_path: Path) -> None:
    """A file named like a module of Python or numpy is run by another name."""
    files = {f"{name}.py": text for name, text in zip(("numpy", "json"), ("1 / 0", module("relu_layer")), strict=True)}
    before = {name: sys.modules[name] for name in ("json", "numpy", "numpy.random")}
    found = loading.load(write(tmp_path / "handed_in", files), CLASSES)
    assert set(found.classes) == {"ReLULayer"}
    assert {name: sys.modules[name] for name in before} == before


def test_last_submission_is_not_found_by_the_next(tmp_path: Path) -> None:
    """A module that only the first submission has is missing in the second."""
    write(tmp_path / "first", {"helper.py": "", "net.py": f"import helper\n{module('relu_layer')}"})
    write(tmp_path / "second", {"net.py": f"import helper\n{module('relu_layer')}"})
    loading.load(tmp_path / "first", CLASSES)
    with pytest.raises(ModuleNotFoundError, match="helper"):
        loading.load(tmp_path / "second", CLASSES)


def test_files_of_a_submission_are_found_for_itself_alone(tmp_path: Path) -> None:
    """An import in a submission's method finds the submission's file; the same import elsewhere does not."""
    late = "class ReLULayer:\n    def forward(self, X):\n        import helper_of_mine\n        return helper_of_mine\n"
    write(tmp_path / "handed_in", {"net.py": late, "helper_of_mine.py": "", "another_of_mine.py": ""})
    layer: Any = loading.load(tmp_path / "handed_in", CLASSES).classes["ReLULayer"]()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("another_of_mine")
    assert layer.forward(None).__name__ == "helper_of_mine"


@pytest.mark.parametrize("line", LINES)
def test_each_finds_its_own_later(tmp_path: Path, line: str) -> None:
    """An import in a method finds the own submission's module, also after other modules of that name were loaded."""
    nets = {}
    for mark in ("first", "second"):
        root = hand_in(tmp_path / mark, line, mark)
        late = module("mlp").replace(
            "self.n_inputs, self.layers", f"{line}; self.late = SoftmaxLayer; self.n_inputs, _", 1
        )
        (root / "mlp" / "mlp.py").write_text(late, encoding="utf-8")
        nets[mark] = loading.load(root, CLASSES).classes["MLP"]
    for mark, net in nets.items():
        made: Any = net(2, [], None)
        assert made.late.mark == mark
        for name in [each for each in sys.modules if each.partition(".")[0] in NAMES]:
            del sys.modules[name]  # a user's own may have come in between


def test_user_imports_the_own_package_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own package is imported after a submission of the same name was judged."""
    loading.load(hand_in(tmp_path / "submission", LINES[2], "submission"), CLASSES)
    monkeypatch.syspath_prepend(str(hand_in(tmp_path / "user", LINES[0], "user")))
    assert importlib.import_module("mlp.softmax_layer").SoftmaxLayer.mark == "user"


def test_what_the_user_has_imported_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the user has imported the file already, its classes are those of the loaded module."""
    root = hand_in(tmp_path / "handed_in", LINES[0], "once")
    monkeypatch.syspath_prepend(str(root))
    module_of_user = importlib.import_module("mlp.softmax_layer")
    assert loading.load(root, CLASSES).classes["SoftmaxLayer"] is module_of_user.SoftmaxLayer
