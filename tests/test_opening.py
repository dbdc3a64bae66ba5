"""Whatever a course platform delivers is opened: archives in folders, archives in archives, notebooks."""

from __future__ import annotations

import errno
import json
import os
import zipfile
from pathlib import Path

import pytest

from reports.course.notebooks import NotebookError, modules_of
from reports.course.opening import NotOpenedError, opened
from reports.io.exit_codes import FAILED, OK, USAGE
from tests.submissions import COURSE, RELU, RIGHT, outcome

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("elsewhere")]


def notebook(*cells: str) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]})


def zipped(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return path


def run(notebook: str) -> dict[str, object]:
    """The names that the module of a notebook defines."""
    names: dict[str, object] = {}
    exec(modules_of(notebook.encode(), "a.py")["a.py"], names)  # noqa: S102 - made by the test
    return names


def forbid(monkeypatch: pytest.MonkeyPatch, locked: Path) -> None:
    """Answer as the system does to a user without the right to read that file or folder: root has it always."""
    access, scandir = os.access, os.scandir

    def refusing(path: Path) -> object:
        if Path(path) == locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != locked and access(path, mode))
    monkeypatch.setattr(os, "scandir", refusing)


def test_archive_in_a_students_folder_is_judged(elsewhere: Path) -> None:
    """A folder that holds an archive, as Moodle delivers it, is judged by what is in the archive; archives may nest."""
    student = elsewhere / "Jana_12345_assignsubmission_file_"
    student.mkdir()
    inner = zipped(elsewhere / "inner.zip", layers__py=RIGHT)
    with zipfile.ZipFile(student / "hw.zip", "w") as archive:
        archive.write(inner, "mlp/inner.zip")
    (student / "report.pdf").write_bytes(b"%PDF")
    before = sorted(student.rglob("*"))
    assert outcome(str(student), *RELU) == OK
    assert sorted(student.rglob("*")) == before
    assert outcome(str(student / "hw.zip"), *RELU) == OK


@pytest.mark.parametrize("locked", ["hw/layers.py", "hw/inner", "hw"])
def test_what_may_not_be_read_is_not_judged(elsewhere: Path, monkeypatch: pytest.MonkeyPatch, locked: str) -> None:
    """A folder whose only code may not be read is not judged, instead of as if nothing had been handed in."""
    (elsewhere / "hw" / "inner").mkdir(parents=True)
    place = elsewhere / "hw" / ("layers.py" if locked == "hw/layers.py" else "inner/layers.py")
    place.write_text(RIGHT, encoding="utf-8")
    forbid(monkeypatch, elsewhere / locked)
    with pytest.raises(NotOpenedError, match=r"cannot be read: .*Permission denied"), opened(elsewhere / "hw"):
        pass
    (elsewhere / "other").mkdir()
    place.rename(elsewhere / "other" / "layers.py")
    with opened(elsewhere / "other") as found:
        assert found == elsewhere / "other"


def test_archive_beside_code_is_left_alone(elsewhere: Path) -> None:
    """Where a Python file defines a class of the lab, archives and notebooks beside it are not opened."""
    folder = elsewhere / "hw"
    folder.mkdir()
    (folder / "layers.py").write_text(RIGHT, encoding="utf-8")
    zipped(folder / "old.zip", layers__py="class ReLULayer: pass\n")
    (folder / "b.ipynb").write_text("no notebook", encoding="utf-8")
    with opened(folder) as place:
        assert place == folder


def test_single_file_is_alone_where_that_is_asked_for(elsewhere: Path) -> None:
    """A file of one student is not judged beside the file of another."""
    for name in ("a.py", "b.py"):
        (elsewhere / name).write_text(RIGHT, encoding="utf-8")
    with opened(elsewhere / "a.py", by_itself=True) as place:
        assert [each.name for each in place.parent.iterdir()] == ["a.py"]
    assert not place.exists()


def test_folder_of_ours_is_not_in_messages(elsewhere: Path) -> None:
    """What is told of a notebook without the classes is the same each time, so that a class gives the same table."""
    (elsewhere / "course").mkdir()
    (elsewhere / "course" / "hw.ipynb").write_text(notebook("x = 1"), encoding="utf-8")
    for name in ("a.csv", "b.csv"):
        assert outcome(*COURSE, "--seed", "1", "--csv", name) == FAILED
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()


@pytest.mark.parametrize("name", ["MLP.PY", "hw/MLP.Py"])
def test_ending_in_capitals_is_read(elsewhere: Path, name: str) -> None:
    """``MLP.PY``, a Python file for Windows, is judged by itself and in a folder."""
    place = elsewhere / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(RIGHT, encoding="utf-8")
    assert outcome(name.partition("/")[0], *RELU) == OK


@pytest.mark.parametrize("name", ["hw.rar", "hw.zip", "hw.ipynb", "hw"])
def test_what_cannot_be_opened_is_told(elsewhere: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """An archive or a notebook that cannot be read is a usage error that says why, also within a folder."""
    if name == "hw":
        (elsewhere / "hw").mkdir()
        (elsewhere / "hw" / "x.7z").write_bytes(b"7z")
    else:
        (elsewhere / name).write_bytes(b"nothing of the kind")
    with pytest.raises(NotOpenedError), opened(elsewhere / name):
        pass
    assert outcome(name, *RELU) == USAGE
    assert f"{name} " in capsys.readouterr().err


def test_notebook_is_judged_by_its_cells(elsewhere: Path) -> None:
    """The classes in a notebook's cells are judged, whatever magics, plots and experiments stand among them."""
    cells = (
        "%matplotlib inline\nimport numpy as np\n!pip install numpy",
        "%%bash\nrm -rf everything",
        "get_ipython().run_line_magic('load_ext', 'autoreload')\nfiles = !ls\nnp.load('nowhere.npy')",
        "x = (1 if True\n",
        RIGHT,
        "%%time\nif True:\n    %timeit 1 + 1\ndisplay(ReLULayer)\nReLULayer?",
    )
    (elsewhere / "Lab 2.ipynb").write_text(notebook(*cells), encoding="utf-8")
    assert outcome("Lab 2.ipynb", *RELU) == OK


def test_cell_that_fails_does_not_cost_the_next_ones() -> None:
    """As in a notebook, a cell is run after one that failed, and what a failed cell did before it failed stays."""
    found = run(notebook("a = 1\n1 / 0\nb = 2", "c = 3", "def f(): return c"))
    assert (found["a"], "b" in found, found["c"]) == (1, False, 3)
    assert found["f"]() == 3  # type: ignore[operator]


def test_definitions_stand_as_they_are() -> None:
    """Classes and functions are in the module's own text, with their decorators, wherever in a cell they stand."""
    cell = "x = 2\nfrom functools import cache\n@cache\ndef f(): return x\nclass A: pass\ny = f(); z = y + 1"
    module = modules_of(notebook(cell).encode(), "a.py")["a.py"]
    assert "\n@cache\ndef f(): return x\nclass A: pass\n" in module
    assert [run(notebook(cell))[name] for name in "xyz"] == [2, 2, 3]


def test_cell_that_writes_a_module_makes_it() -> None:
    """``%%writefile NAME.py`` makes a module of that name, but no path outside the folder and none that cannot be."""
    outside = ("%%writefile ../out.py\nx = 1\n", "%%writefile a\0b.py\nx = 1\n")
    cells = ("%%writefile mlp/layers.py\nx = 1\n", *outside, "import mlp.layers")
    found = modules_of(notebook(*cells).encode(), "a.py")
    assert found["mlp/layers.py"] == "x = 1\n"
    assert set(found) == {"mlp/layers.py", "a.py"}


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"cells": []}', b'{"cells": [1]}', b"\xff", b"[" * 100_000])
def test_no_notebook_is_refused(content: bytes) -> None:
    """What is no notebook, or one without code, is refused with a sentence."""
    with pytest.raises(NotebookError, match=r"is no notebook that can be read|is a notebook without code"):
        modules_of(content, "a.py")
