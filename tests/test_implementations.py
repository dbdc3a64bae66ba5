"""What is judged is found and named: classes in a mapping, a module or a file, stand-ins, and steps by their class."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference.execution import implementation, libraries, screening
from reference.execution.absent_modules import notes_on_known, notes_on_unknown
from reference.execution.implementation import CLASSES, EMPTY, NotAnImplementation, find
from reference.execution.in_process import InProcess
from reference.execution.labels import labels_of
from reference.execution.worker.protocol import Call, Define, Descend, Get, Keep, New, Put
from reference.lab.mistakes import plain

pytestmark = pytest.mark.outside

RELU = "class ReLULayer:\n    def __init__(self, name): self.name = name\n    def forward(self, X): return X\n"


def test_classes_are_found_in_a_mapping() -> None:
    """By the contract's names, the naive softmax if it is there; what is no class is none."""
    naive = type("NaiveSoftmaxLayer", (), {})
    found = find({**plain.CLASSES, "NaiveSoftmaxLayer": naive, "other": int, "MLP": "no class"})
    assert found.name == "a mapping"
    assert {*found.classes} == {*CLASSES, "NaiveSoftmaxLayer"} - {"MLP"}
    assert found.classes["ReLULayer"] is plain.ReLULayer
    assert found.missing == {"MLP": "there is no class MLP in a mapping"}
    assert found.causes == {}


def test_classes_are_found_in_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an object, or by its dotted name."""
    module = ModuleType("handed_in")
    module.ReLULayer = plain.ReLULayer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "handed_in", module)
    for given in (module, "handed_in"):
        found = find(given)
        assert (found.name, {**found.classes}) == ("handed_in", {"ReLULayer": plain.ReLULayer})
        assert set(found.missing) == {*CLASSES} - {"ReLULayer"}


def test_classes_are_found_in_a_file(tmp_path: Path) -> None:
    """By its path, with the reasons for those that are missing."""
    file = tmp_path / "relu.py"
    file.write_text(RELU)
    for given in (file, str(file)):
        found = find(given)
        assert found.name == str(file)
        assert {*found.classes} == {"ReLULayer"}
        assert set(found.missing) == {*CLASSES} - {"ReLULayer"}
        assert all(found.missing.values())
    file.write_text(f"{RELU}class NaiveSoftmaxLayer: pass\n")
    assert {*find(file).classes} == {"ReLULayer", "NaiveSoftmaxLayer"}


def test_why_a_class_is_missing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words and as a cause, as its file told."""
    told = SimpleNamespace(
        classes={"ReLULayer": plain.ReLULayer}, missing={"MLP": "it ended"}, causes={"MLP": "not run"}, tied=()
    )
    monkeypatch.setattr(implementation.loading, "load", lambda *_: told)
    found = find(tmp_path)
    assert (found.missing["MLP"], found.causes) == ("it ended", {"MLP": "not run"})
    assert found.missing["SoftmaxLayer"] == f"there is no class SoftmaxLayer in {tmp_path}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "a mapping has none of the classes LinearLayer, "), ("", EMPTY), ("  ", EMPTY), (3, "got int"),
        ("no.such.module", "there is no file, folder or module no.such.module"),
        ("no/such/folder", "there is no file or folder no/such/folder"),
    ],
)  # fmt: skip
def test_what_is_no_implementation_is_told(given: Any, said: str) -> None:
    """With where it was looked for."""
    with pytest.raises(NotAnImplementation) as caught:
        find(given)
    assert said in str(caught.value)


def test_a_module_that_is_not_installed_is_told(tmp_path: Path) -> None:
    """With the command that has stand-ins for it."""
    file = tmp_path / "relu.py"
    file.write_text("import no_such_module\n" + RELU)
    with pytest.raises(NotAnImplementation, match="imports no_such_module, which is not installed; bp check"):
        find(file)


def test_trusted_code_runs_in_this_process() -> None:
    """What is missing is told with its cause; nobody else's work is done meanwhile."""
    executor = InProcess(plain.CLASSES, {"MLP": "gone"}, {"MLP": "not run"})
    assert (executor.missing(), executor.causes(), executor.modules()) == ({"MLP": "gone"}, {"MLP": "not run"}, {})
    assert InProcess({}, {}).causes() == {}
    before = executor.spent()
    assert sum(range(100_000)) > 0
    assert executor.spent() > before
    steps = [New("r", "ReLULayer", {"name": "r"}), Call("r", "forward", {"X": np.array([[-1.0, 2.0]])})]
    works: list[int] = []
    found = list(executor.run_all([steps, steps[:1]], [lambda: works.append(1)] * 2))
    assert [len(replies) for replies in found] == [2, 1]
    assert found[0][1].value.tolist() == [[0.0, 2.0]]
    assert works == []


def test_steps_are_called_by_their_class() -> None:
    """And a call by its method; what is about no object has no name."""
    array = np.zeros(1)
    steps = [
        Define("x = 1"), New("a", "ReLULayer"), New("net", "MLP"), Keep("X", array), Put("a", "W", array),
        Get("a", "W"), Call("a", "forward"), Descend("net", ("a",), array, array, 0.1), Call("b", "forward"),
    ]  # fmt: skip
    assert labels_of(steps) == [
        "", "ReLULayer", "MLP", "", "ReLULayer", "ReLULayer", "ReLULayer.forward", "MLP.gradient", "None.forward",
    ]  # fmt: skip


def test_stand_ins_are_told() -> None:
    """All well-known modules in one sentence; each of the others in its own."""
    known, unknown = notes_on_known(["torch", "mine", "matplotlib"]), notes_on_unknown(["torch", "mine", "yours"])
    assert len(known) == 1
    assert known[0].endswith("the place of torch, matplotlib")
    assert [note.split()[2] for note in unknown] == ["mine", "yours"]
    assert notes_on_known(["mine"]) == notes_on_known([]) == notes_on_unknown(["torch"]) == []


def test_what_cannot_be_judged_is_refused_at_once(tmp_path: Path) -> None:
    """A folder without Python files, a notebook, another file; folders that are skipped do not count."""

    def refused(path: Path) -> str:
        with pytest.raises(NotAnImplementation) as caught:
            screening.refuse_what_cannot_be_judged(path, "it")
        return str(caught.value)

    folder = tmp_path / "handed_in"
    folder.mkdir()
    assert refused(folder) == "there is no Python file in it"
    (folder / "a.txt").write_text("")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "relu.py").write_text(RELU)
    assert refused(folder) == "there is no Python file in it"
    (folder / "a.ipynb").write_text("{}")
    assert refused(folder).startswith("there is no Python file in it, only a notebook")
    assert refused(folder / "a.ipynb").startswith("there is no Python file in it, only a notebook")
    assert refused(folder / "a.txt").startswith("it is no Python file")
    (folder / "relu.py").write_text(RELU)
    screening.refuse_what_cannot_be_judged(folder, "it")
    screening.refuse_what_cannot_be_judged(folder / "relu.py", "it")


def test_not_all_of_many_files_is_screened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for Python files nor for notebooks, and of many Python files only the first are read."""
    monkeypatch.setattr(screening.submission_files, "files", lambda root: (root / each for each in listed))
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text("".join(f"class {each}:\n    pass\n" for each in CLASSES))
    listed = ["a.txt", "a.ipynb"]
    for seen, said in ((1, "there is no Python file in it"), (2, "there is no Python file in it, only a notebook: ")):
        monkeypatch.setattr(screening, "_MAX_SEEN", seen)
        with pytest.raises(NotAnImplementation) as caught:
            screening.refuse_what_cannot_be_judged(tmp_path, "it")
        assert str(caught.value).startswith(said)
        assert ("notebook" in str(caught.value)) is (seen == 2)
    listed = ["a.txt", "one.py", "two.py"]
    monkeypatch.setattr(screening, "_MAX_SEEN", 1)
    with pytest.raises(NotAnImplementation, match="no Python file"):
        screening.refuse_what_cannot_be_judged(tmp_path, "it")
    monkeypatch.setattr(screening, "_MAX_SEEN", 3)
    with pytest.raises(NotAnImplementation, match=r"^it holds 2 implementations \(one\.py, two\.py\)"):
        screening.refuse_what_cannot_be_judged(tmp_path, "it")
    monkeypatch.setattr(screening, "_MAX_FILES", 1)
    screening.refuse_what_cannot_be_judged(tmp_path, "it")


def test_libraries_come_with_the_objects_that_they_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them that is installed, with the folder of its shared objects where it has one."""
    for name in ("numpy", "numpy.libs", "scipy"):
        (tmp_path / name).mkdir()
    specs = {name: SimpleNamespace(origin=str(tmp_path / name / "__init__.py")) for name in ("numpy", "scipy")}
    monkeypatch.setattr(libraries.importlib.util, "find_spec", specs.get)
    assert libraries.package_folders() == [tmp_path / "numpy", tmp_path / "numpy.libs", tmp_path / "scipy"]
    del specs["numpy"]
    assert libraries.package_folders() == [tmp_path / "scipy"]
    specs["scipy"].origin = None
    assert libraries.package_folders() == []


def test_libraries_of_this_python_are_found() -> None:
    """Its executable, its library without what was installed, numpy, and the system's shared objects."""
    assert libraries.interpreter().is_file()
    assert not libraries.interpreter().is_symlink()
    folders = libraries.package_folders()
    assert Path(np.__file__).resolve().parent in folders
    assert all(each.is_dir() for each in folders)
    files = libraries.system_files()
    library = libraries.standard_library()
    assert str(library / "os.py") in files
    assert not {str(library / name) for name in libraries.PACKAGES} & set(files)
    assert {"/lib", "/usr/lib", "/dev/null", "/dev/urandom"} <= set(files)
    assert all(each.is_dir() for each in libraries.installed_folders())
