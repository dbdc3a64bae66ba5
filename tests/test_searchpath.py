"""No Python process that we start looks for modules in a submission or in the current folder."""

from __future__ import annotations

import ast
import os
import py_compile
import subprocess
import sys
import sysconfig
from collections.abc import Set
from functools import cache
from pathlib import Path

import pytest

from reports.io import searchpath
from reports.io.exit_codes import OK
from reports.io.workers import run_in_workers
from tests.comparing import needs_flint
from tests.parallel_work import look_around
from tests.submissions import RELU, RIGHT, hand_in

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.name != "posix", reason="processes get their pipes as POSIX systems do it"),
]

ROOT = Path(__file__).resolve().parent.parent


def plant(folder: Path, names: Set[str], marks: Path) -> None:
    """Put modules into a folder, each of which leaves a mark if it is imported."""
    marks.mkdir(exist_ok=True)
    source, compiled = marks.parent / "planted.py", marks.parent / "planted.pyc"
    source.write_text(f"open({str(marks)!r} + '/' + __name__, 'w')\nraise ImportError('planted')\n", encoding="utf-8")
    py_compile.compile(str(source), str(compiled), doraise=True)
    for name in names:
        (folder / f"{name}.pyc").hardlink_to(compiled)


def marked(marks: Path) -> list[str]:
    return sorted(each.name for each in marks.iterdir())


def modules_at_the_first_line(folder: Path) -> set[str]:
    """The modules that Python has imported before the first line of a program that is started with ``-m``."""
    (folder / "probe.py").write_text("import sys\nprint(*sys.modules)\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "probe"], cwd=folder, capture_output=True, text=True, check=True)
    (folder / "probe.py").unlink()
    return {name.partition(".")[0] for name in done.stdout.split()}


@cache
def names_to_plant() -> frozenset[str]:
    """The names of all modules that a worker has imported after it has judged, and of all of Python's own."""
    (outcome,) = run_in_workers(look_around, ["reports.course.task"], 1)
    assert outcome.value is not None
    top = {name.partition(".")[0] for name in outcome.value["modules"]} | set(sys.stdlib_module_names)
    return frozenset(name for name in top if name.isidentifier()) - {"__main__", "tests"}


def environment(**more: str) -> dict[str, str]:
    """The environment of a user who has installed our packages, or has the path of our source in PYTHONPATH."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


COMMANDS = {
    "bp": [str(Path(sysconfig.get_path("scripts"), "bp"))],
    "python -P -m reports": [sys.executable, "-P", "-m", "reports"],
    "python -m reports": [sys.executable, "-m", "reports"],
}


@needs_flint
@pytest.mark.parametrize("command", COMMANDS)
def test_course_in_the_current_folder_imports_nothing_into_us(tmp_path: Path, command: str) -> None:
    """``cd course; bp check --all .`` imports no file of the folder, although they have the names of our modules."""
    if not Path(COMMANDS[command][0]).exists():
        pytest.skip(f"{COMMANDS[command][0]} is not installed")
    folder, marks = tmp_path / "course", tmp_path / "marks"
    folder.mkdir()
    names = names_to_plant()
    if command == "python -m reports":
        # Python imports these before our first line; docs/gate.md says what to do about that.
        names -= {*modules_at_the_first_line(folder), "reports"}
    plant(folder, names - {"struct", "secrets", "json"}, marks)
    # A submission may run in its sandbox, and nowhere else.
    spy = f"\nimport sys\nif 'bp_worker' not in sys.modules:\n    open({str(marks)!r} + '/hand-in', 'w')\n"
    hand_in(folder, **dict.fromkeys(("struct", "secrets", "json"), RIGHT + spy))
    options = ["check", "--all", ".", "-j", "1", *RELU, "--csv", "-"]
    state = environment(XDG_STATE_HOME=str(tmp_path / "state"))
    done = subprocess.run(
        [*COMMANDS[command], *options], cwd=folder, env=state, capture_output=True, text=True, check=False
    )
    assert marked(marks) == []
    assert done.returncode == OK, done.stderr
    assert done.stdout.count(",pass,") == 3


def test_environment_does_not_lead_the_workers_to_the_course(tmp_path: Path) -> None:
    """``PYTHONPATH`` with an empty entry, a dot, or a folder of the course does not lead the workers there."""
    folder = tmp_path / "course"
    (folder / "anna").mkdir(parents=True)
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from reports.io.workers import run_in_workers\nfrom tests.parallel_work import look_around\n"
        "outcome = next(run_in_workers(look_around, ['secrets'], 1, foreign=[Path(sys.argv[1])]))\n"
        "print(*outcome.value['path'], sep='\\n')\n"
    )
    path = os.pathsep.join([str(ROOT), "", ".", str(folder), str(folder / "anna")])
    command = [sys.executable, "-P", "-c", script, str(folder)]
    done = subprocess.run(
        command, cwd=folder, env=environment(PYTHONPATH=path), capture_output=True, text=True, check=True
    )
    places = [Path(line) for line in done.stdout.splitlines()]
    assert ROOT in places
    assert [each for each in places if each == folder or folder in each.parents] == []


def test_workers_look_where_we_do_but_for_the_current_folder(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find installed modules, also in a hidden environment inside the folder of the course."""
    (elsewhere / "course" / ".venv" / "lib").mkdir(parents=True)
    libraries = [str(elsewhere / "libraries"), str(elsewhere / "course" / ".venv" / "lib")]
    for each in ("", str(elsewhere), str(elsewhere / "course"), str(elsewhere / "course" / "anna"), *libraries):
        monkeypatch.syspath_prepend(each)
    found = searchpath.folders([elsewhere / "course"])
    assert [each for each in found if each == "" or str(elsewhere) in each] == libraries[::-1]
    (outcome,) = run_in_workers(look_around, ["struct"], 1, foreign=[elsewhere / "course"])
    assert outcome.value is not None
    assert outcome.value["path"] == [os.path.abspath(each) for each in found]  # noqa: PTH100
    assert [each for each in outcome.value["files"] if each.startswith(str(elsewhere))] == []


def test_source_folder_that_is_the_current_one_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is kept if it holds our own source."""
    monkeypatch.chdir(ROOT)
    assert str(ROOT) in searchpath.folders()
    done = subprocess.run(
        [sys.executable, "-S", "-m", "reports", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("bp "), done.stderr


@pytest.mark.parametrize("package", ["bp", "reference", "reports"])
def test_nothing_else_starts_a_python(package: str) -> None:
    """Only `reports.io.searchpath` and the sandbox start an interpreter, both with ``-I``."""
    starters = {"executable", "_base_executable", "ProcessPoolExecutor", "get_context", "Process", "Pool"}
    found, users = set(), set()
    for path in sorted((ROOT / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not any(name in text for name in {*starters, "interpreter"}):
            continue  # most files, which need no parser
        for node in ast.walk(ast.parse(text)):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
            if name in starters:
                found.add(path.relative_to(ROOT).as_posix())
            if name == "interpreter":  # of `reference.execution.libraries`
                users.add(path.relative_to(ROOT).as_posix())
    assert found <= {"reports/io/searchpath.py", "reference/execution/libraries.py"}
    assert users <= {
        "reference/execution/sandbox.py",
        "reference/execution/bubblewrap.py",
        "reference/execution/libraries.py",
    }
    assert all(
        '"-I"' in (ROOT / each).read_text("utf-8")
        for each in ("reports/io/searchpath.py", "reference/execution/sandbox.py")
    )
