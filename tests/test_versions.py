"""Which one of several implementations in a submission is judged: the one that is meant, as a whole, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import reference
from reference.execution.implementation import CLASSES, NotAnImplementation
from reference.execution.worker import loading
from reference.gate import judge
from reports.io.exit_codes import OK, USAGE
from tests.comparing import needs_flint
from tests.lab_layout import lab, module, one_file, within, write
from tests.submissions import outcome

pytestmark = pytest.mark.system

ABSOLUTE, FLAT = (f"from {place}softmax_layer import SoftmaxLayer" for place in ("mlp.", ""))
REST = {name: text for name, text in lab(FLAT).items() if name != "mlp.py"}
BROKEN = {name: f"raise RuntimeError('{name} of an old copy')\n{text}" for name, text in lab(FLAT).items()}


def file_of(cls: Any) -> Path:
    return Path(cls.__init__.__code__.co_filename)


def places_of(found: loading.Found, root: Path) -> set[str]:
    """The folders, or the file, that define the classes that were found."""
    files = {file_of(each).relative_to(root) for each in found.classes.values()}
    return {str(files.pop())} if len(files) == 1 else {str(each.parent) for each in files}


@pytest.mark.parametrize("line", [ABSOLUTE, FLAT])
@pytest.mark.parametrize("old", ["backup", "old", "mlp_old", "archive/mlp", "a/b/mlp", "MLP backup", "mlp/old", "_mlp"])
def test_the_package_is_preferred_to_a_copy(tmp_path: Path, old: str, line: str) -> None:
    """``mlp/`` is judged; no copy beside it or in it is run, and a note mentions the copy."""
    root = write(tmp_path / "handed_in", within("mlp", lab(line)) | within(old, BROKEN))
    found = loading.load(root, CLASSES)
    assert places_of(found, root) == {"mlp"}
    (note,) = found.notes
    assert "mlp/" in note
    assert f"{old}/" in note


def test_file_beside_the_package_is_a_copy(tmp_path: Path) -> None:
    """``mlp/`` is preferred to one file with all classes, even if the file is nearer to the root."""
    root = write(tmp_path / "handed_in", within("mlp", lab(ABSOLUTE)) | {"all_in_one.py": f"1 / 0\n{one_file()}"})
    assert places_of(loading.load(root, CLASSES), root) == {"mlp"}


def test_nearest_is_preferred(tmp_path: Path) -> None:
    """Without a folder ``mlp`` the version nearest to the root is judged."""
    root = write(tmp_path / "handed_in", within("old/code", BROKEN) | within("src", lab(FLAT)))
    assert places_of(loading.load(root, CLASSES), root) == {"src"}
    (root / "net.py").write_text(one_file(), encoding="utf-8")
    assert places_of(loading.load(root, CLASSES), root) == {"net.py"}


def test_file_of_the_name_is_preferred(tmp_path: Path) -> None:
    """``mlp.py`` is preferred to ``mlp_old.py`` and to a file manager's copy."""
    files = {"mlp.py": one_file(), "mlp_old.py": f"1 / 0\n{one_file()}", "mlp (1).py": f"1 / 0\n{one_file()}"}
    root = write(tmp_path / "handed_in", files)
    assert places_of(loading.load(root, CLASSES), root) == {"mlp.py"}


def test_what_a_script_imports_is_preferred(tmp_path: Path) -> None:
    """Of two otherwise equal versions the one that a script imports is judged."""
    files = within("new", lab(FLAT)) | within("first", BROKEN) | {"run.py": "from new.mlp import MLP\n"}
    root = write(tmp_path / "handed_in", files)
    assert places_of(loading.load(root, CLASSES), root) == {"new"}


def test_unfinished_package_is_not_completed_from_a_copy(tmp_path: Path) -> None:
    """A class missing in ``mlp/`` is missing; the finding says where another version has it."""
    unfinished = {"relu_layer.py": module("relu_layer"), "linear_layer.py": module("linear_layer")}
    root = write(tmp_path / "handed_in", within("mlp", unfinished) | within("backup", lab(FLAT)))
    found = loading.load(root, CLASSES)
    assert set(found.classes) == {"LinearLayer", "ReLULayer"}
    assert set(found.missing) == set(CLASSES) - set(found.classes)
    assert "backup/" in found.missing["MLP"]


@pytest.mark.parametrize(
    "files",
    [
        {
            **within("mlp", {"mlp.py": module("mlp")}),
            **within("layers", REST),
        },
        {**within("mlp", REST), "network.py": module("mlp")},
        {**within("mlp/layers", REST), "mlp/mlp.py": module("mlp")},
    ],
    ids=["two folders", "a file above", "a folder in it"],
)
def test_parts_of_one_implementation_are_put_together(tmp_path: Path, files: dict[str, str]) -> None:
    """Classes spread over several folders, none of them defined twice, are one implementation."""
    found = loading.load(write(tmp_path / "handed_in", files), CLASSES)
    assert (found.missing, found.notes) == ({}, [])


TIED = {
    "folders": (within("a", lab(FLAT)) | within("b", lab(FLAT)), ["a/", "b/"]),
    "files": ({"first.py": one_file(), "second.py": one_file()}, ["first.py", "second.py"]),
    "a folder and a file in it": (lab(FLAT) | {"copy.py": one_file()}, ["the main folder", "copy.py"]),
    "packages": (within("week 1/mlp", lab(FLAT)) | within("week 2/mlp", lab(FLAT)), ["week 1/mlp/", "week 2/mlp/"]),
}


@needs_flint
@pytest.mark.parametrize(("files", "labels"), TIED.values(), ids=TIED)
def test_two_equally_likely_ones_are_wrong_usage(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], labels: list[str]
) -> None:
    """Two equally likely versions are both named, and nothing is run."""
    root = write(elsewhere / "handed_in", {name: f"print('it runs')\n{text}" for name, text in files.items()})
    assert outcome("handed_in", "--effort", "quick", "--only", "relu.*") == USAGE
    said = capsys.readouterr()
    assert [each for each in labels if each not in said.err] == []
    assert "it runs" not in said.out + said.err
    with pytest.raises(NotAnImplementation) as refused:
        reference.check(root)
    assert [each for each in labels if each not in str(refused.value)] == []
    assert "it runs" not in capsys.readouterr().out
    for path in (root / label for label in labels if label != "the main folder"):
        assert outcome(str(path), "--effort", "quick", "--only", "relu.forward.answers") == OK


@needs_flint
def test_class_in_two_folders_is_told_with_its_folder(tmp_path: Path) -> None:
    """The note on a class defined in two files of one name gives their folders."""
    root = write(tmp_path / "two", {f"{folder}/relu_layer.py": module("relu_layer") for folder in "ab"})
    (note,) = judge(root, only="relu.forward.answers", effort="quick", sandbox="process").notes
    assert note.endswith("the one in a/relu_layer.py was taken")


def test_file_of_the_lab_is_preferred_to_its_neighbour(tmp_path: Path) -> None:
    """``relu_layer.py`` is preferred to a copy of it in the same folder."""
    copies = {name: f"1 / 0\n{module('relu_layer')}" for name in ("backup_relu.py", "relu_layer (copy).py")}
    root = write(tmp_path / "mlp", lab(FLAT) | copies)
    found = loading.load(root, CLASSES)
    assert file_of(found.classes["ReLULayer"]).name == "relu_layer.py"


def test_file_that_builds_on_another_is_meant(tmp_path: Path) -> None:
    """A file that imports a class and defines it anew is preferred to the file it imports from."""
    later = "from first import *\nclass ReLULayer(ReLULayer):\n    later = True\n"
    root = write(tmp_path / "handed_in", {"first.py": one_file(), "stable.py": later})
    assert vars(loading.load(root, CLASSES).classes["ReLULayer"])["later"]
