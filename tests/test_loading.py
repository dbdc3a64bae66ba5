"""Submissions as people really hand them in, and what is found in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bp
from reference.execution.implementation import CLASSES, NotAnImplementation
from reference.execution.worker import loading
from tests.loaded import HEAD, MODULES, NAMED, RELU, SOURCE, failed, file_in, flat_modules, judged

pytestmark = pytest.mark.system


@pytest.mark.parametrize(
    "layout", ["flat", "package", "package in src", "relative", "by its own name", "no __init__", "deep"]
)
def test_layouts(tmp_path: Path, layout: str) -> None:
    """Flat modules, a package, and ``src/`` above it are found, with plain, relative and absolute imports."""
    root = tmp_path / ("handed_in" if layout == "no __init__" else "mlp")
    home = {"package in src": root / "src" / "mlp", "deep": root / "a" / "b" / "code"}.get(layout, root)
    prefix = {"relative": ".", "package in src": ".", "by its own name": "mlp.", "no __init__": "handed_in."}.get(
        layout, ""
    )
    flat_modules(home, prefix)
    if layout in {"package", "package in src", "relative", "by its own name"}:
        (home / "__init__.py").write_text("", encoding="utf-8")
    judgement = judged(root, "mlp.evaluate.*")
    assert judgement.verdict == "pass", (judgement.notes, failed(judgement.findings))
    assert judgement.notes == ()


def test_our_own_package() -> None:
    """Our own package is found by its name and by its folder."""
    folder = Path(bp.__file__).parent
    for path in ("bp", folder):
        judgement = judged(path)
        assert judgement.verdict == "pass"
        assert judgement.notes == ()


def test_one_file(tmp_path: Path) -> None:
    """One file with all classes is found by its path."""
    assert judged(file_in(tmp_path, "")).verdict == "pass"


def test_file_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a package is found by its path and its dotted name, and its relative imports work."""
    flat_modules(tmp_path / "work_of_a_student" / "layers", "..layers.")
    for folder in ("work_of_a_student", "work_of_a_student/layers"):
        (tmp_path / folder / "__init__.py").write_text("", encoding="utf-8")
    path = tmp_path / "work_of_a_student" / "everything.py"
    path.write_text("".join(f"from .layers.{module} import *\n" for module in MODULES), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in (path, "work_of_a_student.everything"):
        judgement = judged(name)
        assert judgement.verdict == "pass", judgement.notes


def test_what_lies_beside_a_file_comes_with_it(tmp_path: Path) -> None:
    """A file may import the modules beside it."""
    (tmp_path / "other.py").write_text(SOURCE, encoding="utf-8")
    path = tmp_path / "mine.py"
    path.write_text("from other import *\nclass ReLULayer(ReLULayer): pass\n", encoding="utf-8")
    assert judged(path).verdict == "pass"


def test_training_at_import_is_cut_off(tmp_path: Path) -> None:
    """A long import is interrupted, its classes are judged, and a note gives the limit."""
    path = file_in(tmp_path, "epoch = 0\nwhile True:\n    epoch += 1\n")
    judgement = judged(path, seconds=3)
    assert judgement.verdict == "pass"
    (note,) = judgement.notes
    assert re.fullmatch("solution.py was still running after its share of the 3 s of processor time .*", note)


def test_several_files_that_train_share_the_time(tmp_path: Path) -> None:
    """All imports together use at most half of the time, so that calls can still be answered."""
    flat_modules(tmp_path / "mlp")
    for path in (tmp_path / "mlp").glob("*l*.py"):
        path.write_text(path.read_text(encoding="utf-8") + "\nwhile True: pass\n", encoding="utf-8")
    judgement = judged(tmp_path / "mlp", seconds=3)
    assert judgement.verdict == "pass"
    assert len(judgement.notes) == 6
    assert all("its share of the 3 s of processor time" in note for note in judgement.notes)


def test_missing_class_is_one_finding(tmp_path: Path) -> None:
    """A missing class is one finding, which says where it was looked for."""
    flat_modules(tmp_path / "mlp")
    (tmp_path / "mlp" / "relu_layer.py").unlink()
    findings = judged(tmp_path / "mlp").findings
    assert failed(findings) == {"ReLULayer": ("missing", "there is no class ReLULayer in mlp")}


@pytest.mark.parametrize(
    ("body", "mistake"),
    [
        ("pass", "not-implemented"),
        ("return None", "not-implemented"),
        ("raise NotImplementedError", "not-implemented"),
        ("return X.tolist()", "wrong-type"),
        ("return 'Y'", "wrong-type"),
        ("raise ValueError('no')", "crash"),
        ("return self.nothing", "crash"),
        ("return X[:, :0]", "wrong-shape"),
        ("import sys; sys.exit(1)", "exits"),
        ("import os; os._exit(0)", "exits"),
        ("return np.ones(10**12)", "memory"),
    ],
)
def test_unfinished_method_is_told_where_it_is(tmp_path: Path, body: str, mistake: str) -> None:
    """A method that is not finished fails alone, and the other methods are judged."""
    path = file_in(tmp_path, f"class ReLULayer(ReLULayer):\n    def forward(self, X):\n        {body}\n")
    judgement = judged(path, "*.answers")
    found = {each.subject: each.mistake for each in judgement.findings if each.status == "failed"}
    assert found == {"ReLULayer.forward": mistake}
    assert judgement.counts["passed"] > 10
    assert judgement.counts["error"] == 0


def test_class_of_almost_that_name_is_told(tmp_path: Path) -> None:
    """The reason for which a class is missing names the class that was meant to be it, and no other one."""
    path = tmp_path / "solution.py"
    path.write_text("class Relu_Layer: pass\nclass NaiveSoftmaxLayer: pass\nclass Layer: pass\n", "utf-8")
    missing = loading.load(path, CLASSES, ("NaiveSoftmaxLayer",), seconds=1.0).missing
    assert missing.pop("ReLULayer") == "there is no class ReLULayer in solution.py, but there is Relu_Layer"
    assert missing == {name: f"there is no class {name} in solution.py" for name in missing}


def test_second_definition_is_told(tmp_path: Path) -> None:
    """A class defined twice is taken from the end of its file or from the file the lab names; a note says which."""
    flat_modules(tmp_path / "mlp")
    (tmp_path / "mlp" / "old_relu.py").write_text(f"{HEAD}{NAMED}\n{RELU}", encoding="utf-8")
    judgement = judged(tmp_path / "mlp")
    note = "ReLULayer is defined 2 times (relu_layer.py, old_relu.py): the one in relu_layer.py was taken"
    assert judgement.notes == (note,)
    judgement = judged(file_in(tmp_path, "class MLP(MLP):\n    pass\n"))
    assert judgement.notes == ("MLP is defined 2 times (solution.py): the last one was taken",)


def test_class_by_another_name_is_found(tmp_path: Path) -> None:
    """A class made by an assignment, an import or a call is found."""
    (tmp_path / "mlp").mkdir()
    text = SOURCE.replace("ReLULayer", "Rectifier").replace("MLP", "Net")
    (tmp_path / "mlp" / "parts.py").write_text(text, encoding="utf-8")
    extra = "from parts import *\nfrom parts import Rectifier as ReLULayer\nMLP = type('MLP', (Net,), {})\n"
    (tmp_path / "mlp" / "all_of_it.py").write_text(extra, encoding="utf-8")
    assert judged(tmp_path / "mlp").verdict == "pass"


@pytest.mark.parametrize("name", ["solution.ipynb", "notebooks"])
def test_notebook_is_told(tmp_path: Path, name: str) -> None:
    """A submission that is only a notebook is refused with what to do."""
    path = tmp_path / name
    if path.suffix:
        path.write_text('{"cells": []}', encoding="utf-8")
    else:
        path.mkdir()
        (path / "solution.ipynb").write_text('{"cells": []}', encoding="utf-8")
    said = rf"there is no Python file in .*{name}, only a notebook: save its code as a \.py file"
    with pytest.raises(NotAnImplementation, match=said):
        judged(path)


def test_what_is_no_python_is_told_at_once(tmp_path: Path) -> None:
    """A path without Python is refused in one line."""
    folder = tmp_path / "mine"
    (folder / ".hidden").mkdir(parents=True)
    (folder / ".hidden" / "net.py").write_text(SOURCE, encoding="utf-8")
    for name in ("notes.txt", "solution.zip"):
        (folder / name).write_text("no Python", encoding="utf-8")
        with pytest.raises(NotAnImplementation, match=f"{name} is no Python file"):
            judged(folder / name)
    with pytest.raises(NotAnImplementation, match=r"there is no Python file in .*mine$"):
        judged(folder)


@pytest.mark.parametrize("layout", ["flat", "package in src", "split", "files", "below another"])
def test_several_submissions_are_not_one(tmp_path: Path, layout: str) -> None:
    """Two or three complete implementations are refused, since nothing says which one is meant."""
    folder = tmp_path / "handed_in"
    root = folder / "week 3" if layout == "below another" else folder
    for name in ("anna", "ben", "carl"):
        if layout == "files":
            root.mkdir(exist_ok=True)
            file_in(root, "", f"{name}.py")
        else:
            flat_modules(root / name / "src" / "mlp" if layout == "package in src" else root / name)
        if layout == "split":
            (root / name / "losses").mkdir()
            for path in (root / name).glob("loss*.py"):
                path.rename(root / name / "losses" / path.name)
        if name == "ben":
            with pytest.raises(NotAnImplementation, match=r"holds 2 implementations \(.*anna.*ben"):
                judged(folder)
    with pytest.raises(NotAnImplementation, match=r"holds 3 implementations \(.*anna.*ben.*carl.*--all"):
        judged(folder)


def test_trusted_code_keeps_its_exceptions(tmp_path: Path) -> None:
    """Without a time limit an exception of the file passes through."""
    path = tmp_path / "raises_at_import.py"
    path.write_text("class MLP: pass\nraise ArithmeticError('own fault')\n", encoding="utf-8")
    with pytest.raises(ArithmeticError, match="own fault"):
        loading.load(path, CLASSES)


#: Where the code and its settings lie, the path by which it opens them, and what is handed in.
BESIDE = {
    "beside a file": ("solution.py", "config.json", "config.json", "solution.py"),
    "in the folder": ("solution.py", "config.json", "config.json", "."),
    "in the package's folder": ("mlp/solution.py", "mlp/config.json", "config.json", "."),
    "seen from above the package": ("mlp/solution.py", "mlp/config.json", "mlp/config.json", "."),
    "in a folder of data": ("solution.py", "data/config.json", "data/config.json", "solution.py"),
}


@pytest.mark.parametrize("where", BESIDE)
def test_files_beside_the_code_are_found(tmp_path: Path, where: str) -> None:
    """By their paths from the folder in which one starts Python; files that no code names are not carried along."""
    code, settings, opened, handed_in = BESIDE[where]
    for name in (code, settings, "private.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    text = SOURCE.replace(
        "import numpy as np", f'import json\nimport numpy as np\nSIZE = json.load(open("{opened}"))', 1
    )
    text += 'import os\nassert not os.path.exists("private" + ".txt")\n' if handed_in != "." else ""
    (tmp_path / code).write_text(text, encoding="utf-8")
    (tmp_path / settings).write_text("3", encoding="utf-8")
    (tmp_path / "private.txt").write_text("private", encoding="utf-8")
    judgement = judged(tmp_path / handed_in)
    assert (judgement.verdict, judgement.notes) == ("pass", ())


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the line that opens it."""
    (tmp_path / "solution.py").write_text(f'SIZE = open("config.json")\n{SOURCE.partition("annotations")[2]}')
    (note,) = judged(tmp_path).notes
    assert note.startswith("solution.py ended with FileNotFoundError")
    assert '(line 1: open("config.json"))' in note


@pytest.mark.parametrize(
    ("name", "size"), [("images.bin", 3 * 2**20), ("images.bin", 20 * 2**20), ("images.py", 3 * 2**20)]
)
def test_large_files_beside_the_code_do_not_matter(tmp_path: Path, name: str, size: int) -> None:
    """What is too large to be carried along is named in a note; all else is there."""
    file_in(tmp_path, "")
    with (tmp_path / name).open("wb") as file:
        file.write(b"#")
        file.truncate(size)
    judgement = judged(tmp_path)
    assert judgement.verdict == "pass"
    assert len(judgement.notes) == (size > 2**24)
    assert all(name in note for note in judgement.notes)


def test_a_large_file_may_hold_the_classes(tmp_path: Path) -> None:
    """Someone pasted data into the module."""
    file_in(tmp_path, f"DATA = '{'0' * 3 * 2**20}'")
    assert judged(tmp_path).verdict == "pass"
