"""The parts of a verdict: what it is made of, whom it asks, how findings of functions are named; without a sandbox."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reference.execution.implementation import EMPTY, NotAnImplementation
from reference.execution.in_process import InProcess
from reference.execution.sandbox import Limits
from reference.findings import Finding
from reference.gate import Judgement, classes, functions
from reference.gradients.declaration import DeclarationError
from reference.lab.mistakes import plain
from tests.examining import with_methods
from tests.wording import assert_sentence

pytestmark = pytest.mark.outside

RELU = "class ReLULayer:\n    pass\n"


class Box(InProcess):
    """What a sandbox answers, in this process, and how it was made."""

    made: tuple[Any, ...] = ()
    isolation = "none at all"
    output = "hello"
    given: dict[str, type] = plain.CLASSES

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(self.given, {})
        type(self).made = (*args, options)
        self.notes = ["a note"]

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_: object) -> None:
        self.left = True


@pytest.fixture
def handed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(classes, "Sandbox", Box)
    monkeypatch.setattr(Box, "given", plain.CLASSES)
    file = tmp_path / "relu.py"
    file.write_text(RELU)
    return file


def test_a_judgement_tells_how_it_was_made(handed_in: Path) -> None:
    """With the options that were given, what was in force, and how long each finding took."""
    limits = Limits(seconds=3.0)
    heard: list[tuple[str, int]] = []
    found = classes.judge(
        handed_in, assignment=2, only="relu.made", seed=7, effort="quick", limits=limits, sandbox="none",
        on_finding=lambda finding, number: heard.append((finding.check, number)),
    )  # fmt: skip
    assert Box.made == (handed_in, limits, "none", {})
    assert (found.implementation, found.assignment, found.effort, found.seed) == (str(handed_in), 2, "quick", 7)
    assert (found.isolation, found.notes, found.output) == ("none at all", ("a note",), "hello")
    assert (found.only, found.of_lab, found.verdict) == ("relu.made", True, "pass")
    assert [each.check for each in found.findings] == ["relu.made"]
    assert heard == [("relu.made", 1)]
    assert list(found.durations) == ["relu.made"]
    assert 0 <= found.durations["relu.made"] <= found.seconds


def test_seconds_are_those_of_the_clock(handed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each check alone, and of everything."""
    clock = [100.0]

    class Slow(plain.ReLULayer):
        def __init__(self, name: str) -> None:
            clock[0] += 2.0

    def hear(*_: object) -> None:
        clock[0] += 5.0

    monkeypatch.setattr(Box, "given", {"ReLULayer": Slow})
    monkeypatch.setattr(classes, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    found = classes.judge(handed_in, only="relu.made", effort="quick", on_finding=hear)
    assert found.durations["relu.made"] == clock[0] - 105.0 > 0
    assert found.seconds == clock[0] - 100.0


def test_a_judgement_has_usual_options(handed_in: Path) -> None:
    """A fresh seed each time, the usual limits, and all checks of the third assignment; another name if it is given."""
    seeds = set()
    for _ in range(3):
        found = classes.judge(handed_in, only="relu.*", effort="quick", name="somebody's")
        seeds.add(found.seed)
        assert 0 <= found.seed < 2**31
        assert Box.made == (handed_in, Limits(), "auto", {})
        assert (found.implementation, found.assignment) == ("somebody's", 3)
    assert len(seeds) > 1
    assert len(found.findings) > 10


def test_a_judgement_may_end_with_the_first_failure(handed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after it is not asked."""
    monkeypatch.setattr(Box, "given", with_methods("ReLULayer", {"has_params": lambda self: True}))
    whole = classes.judge(handed_in, only="relu.*", effort="quick", seed=0)
    heard: list[int] = []
    part = classes.judge(handed_in, only="relu.*", effort="quick", seed=0, first=True,
                         on_finding=lambda _, number: heard.append(number))  # fmt: skip
    assert whole.verdict == part.verdict == "fail"
    assert [each.check for each in part.findings] == [each.check for each in whole.findings[: len(part.findings)]]
    assert part.findings[-1].status == "failed"
    assert len(part.findings) < len(whole.findings)
    assert heard == [len(whole.findings)] * len(part.findings)


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (["passed", "failed", "error"], "fail"), (["passed", "error"], "error"), (["passed", "skipped"], "pass"),
        (["skipped"], "fail"), ([], "fail"),
    ],
)  # fmt: skip
def test_statuses_decide_on_the_verdict(statuses: list[Any], verdict: str) -> None:
    """Fail until proven otherwise; each status is counted, none included."""
    given = tuple(Finding("a.b", "A.b", status, "It holds.") for status in statuses)
    found = Judgement("a", given, 3, "quick", 0, 0.0, "none")
    assert found.verdict == verdict
    assert found.counts == {name: statuses.count(name) for name in ("passed", "failed", "skipped", "error")}
    assert list(found.counts) == ["passed", "failed", "skipped", "error"]


def test_what_is_meant_is_located(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, a folder, a module of the path or of this folder, and at last nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package" / "inner").mkdir(parents=True)
    for each in ("package", "package/inner"):
        (tmp_path / each / "__init__.py").write_text("")
    (tmp_path / "single.py").write_text(RELU)
    (tmp_path / "program").write_text("")
    assert classes.located("single.py") == tmp_path / "single.py"
    assert classes.located(tmp_path / "single.py") == tmp_path / "single.py"
    assert classes.located("single") == tmp_path / "single.py"
    assert classes.located("package") == tmp_path / "package"
    assert classes.located("package.inner") == tmp_path / "package" / "inner"
    assert classes.located("program") == tmp_path / "program"
    for name, kinds in (("no.module", "file, folder or module"), ("no/file", "file or folder")):
        with pytest.raises(NotAnImplementation, match=f"^there is no {kinds} {name}$"):
            classes.located(name)
    for name in ("", " "):
        with pytest.raises(NotAnImplementation, match=EMPTY):
            classes.located(name)
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "single.py").write_text(RELU)
    monkeypatch.setattr(sys, "path", [str(other), *sys.path])
    assert classes.located("single") == other / "single.py"
    (other / "inner").mkdir()
    (other / "inner" / "one.py").write_text(RELU)
    assert classes.located("inner.one") == other / "inner" / "one.py"
    with pytest.raises(NotAnImplementation, match=r"^there is no file or folder inner/one$"):
        classes.located("inner/one")  # a path is looked for here alone


def test_ends_of_intervals_are_infinite() -> None:
    """Where none is given."""
    assert functions._intervals(None) is None
    inf = float("inf")
    assert functions._intervals([None, (0, None), (None, 1.5), (None, None), (-1, 2)]) == [
        None, (0, inf), (-inf, 1.5), (-inf, inf), (-1, 2),
    ]  # fmt: skip


def test_a_function_that_is_missing_is_told() -> None:
    """As the first check of a gradient would."""
    found = functions._missing("tanh", "it is not there")
    assert (found.check, found.subject, found.status) == ("vjp.forward.answers", "tanh.forward", "failed")
    assert (found.mistake, found.mistakes) == ("missing", ("missing",))
    assert found.due is not None
    assert found.came is not None
    assert (found.due.kind, found.due["what"], found.came.kind) == ("answers", "tanh", "absent")
    assert found.came["said"] == "it is not there"
    assert (found.expected, found.actual) == (str(found.due), str(found.came))
    assert_sentence(found.rationale)


def test_findings_of_several_functions_have_names_of_their_own() -> None:
    """With what they depend on."""
    given = Finding("vjp.gradient.types", "f", "passed", "It holds.", depends_on=("vjp.forward.answers", "vjp.a"))
    found = functions._prefixed(given, "tanh")
    assert found.check == "vjp.tanh.gradient.types"
    assert found.depends_on == ("vjp.tanh.forward.answers", "vjp.tanh.a")
    assert (found.subject, found.status) == ("f", "passed")


def test_a_script_has_the_names_of_the_file() -> None:
    """In place of those that stand for any function."""
    script = "from your_module import forward\nprint(forward(x))\nfrom your_module import vjp\nprint(vjp(c, x))\n"
    assert functions._script(script, "tanh", "mine") == (
        "from mine import tanh\nprint(tanh(x))\nfrom mine import tanh_vjp\nprint(tanh_vjp(c, x))\n"
    )
    assert functions._script(None, "tanh", "mine") is None


TANH = """import numpy as np

tanh_args = (np.array([0.5, -1.0]),)

def tanh(x):
    return np.tanh(x)

def tanh_vjp(c, x):
    return (c * (1 - np.tanh(x) ** 2),)
"""


def test_a_file_that_declares_nothing_is_refused(tmp_path: Path) -> None:
    """Before any process begins."""
    file = tmp_path / "nothing.py"
    file.write_text("x = 1\n")
    with pytest.raises(DeclarationError):
        functions.judge_functions(file)


def test_functions_are_judged_with_the_options_that_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them; the judgement tells how, and is not about the lab."""
    file = tmp_path / "mine.py"
    file.write_text(TANH + TANH.replace("tanh", "other").replace("np.other", "np.tanh"))
    asked: list[dict[str, Any]] = []
    made: list[tuple[Any, ...]] = []

    class Known(Box):
        def __init__(self, folder: Path, *args: Any, **options: Any) -> None:
            super().__init__(folder, *args, **options)
            assert folder.name.startswith("bp-functions-")
            names = sorted(each.name for each in folder.iterdir())
            made.append((names, *args, len(options["wanted"])))

    def judged(function: Any, stem: str, box: Any, other: Any, options: dict[str, Any]) -> list[Finding]:
        asked.append({"name": function.name, "stem": stem, "other": other, **options})
        return [Finding("vjp.forward.answers", function.name, "passed", "It holds.")]

    monkeypatch.setattr(functions, "Sandbox", Known)
    monkeypatch.setattr(functions, "_findings", judged)
    limits = Limits(seconds=2.0)
    found = functions.judge_functions(file, only="vjp.*", seed=5, effort="quick", limits=limits, sandbox="none")
    names = [each["name"] for each in asked]
    assert set(names) == {"tanh", "other"}
    assert made == [(["bp_declared_functions.py", "mine.py"], limits, "none", 2)]
    for each in asked:
        assert (each["only"], each["seed"], each["effort"], each["stem"]) == ("vjp.*", 5, "quick", "mine")
        assert each["other"] is None
        assert each["repairs"] is not None
    assert [each.check for each in found.findings] == [f"vjp.{name}.forward.answers" for name in names]
    assert (found.implementation, found.effort, found.seed, found.only) == (str(file), "quick", 5, "vjp.*")
    assert (found.isolation, found.notes, found.output, found.of_lab) == ("none at all", ("a note",), "hello", False)
    one = functions.judge_functions(file, "tanh", sandbox="none")
    assert one.implementation == f"{file}:tanh"
    assert [each.check for each in one.findings] == ["vjp.forward.answers"]
    assert 0 <= one.seed < 2**31
    assert (one.effort, one.only) == ("normal", "*")
    clock = [100.0]

    def slowly(*_: Any) -> list[Finding]:
        clock[0] += 2.0
        return []

    monkeypatch.setattr(functions, "_findings", slowly)
    monkeypatch.setattr(functions, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    assert functions.judge_functions(file).seconds == 4.0
    assert made[-1][1:] == (Limits(), "auto", 2)


def test_a_definition_runs_apart_from_the_gradients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sandbox of its own, whose file has none of them, and only of the functions that have one."""
    file = tmp_path / "my functions.py"
    file.write_text(TANH + TANH.replace("tanh", "other") + "def tanh_spec(x):\n    return x\n")
    made: list[dict[str, str]] = []
    asked: list[tuple[Any, Any]] = []

    class Known(Box):
        def __init__(self, folder: Path, *args: Any, **options: Any) -> None:
            super().__init__(folder, *args, **options)
            made.append({each.name: each.read_text() for each in folder.iterdir()} | dict.fromkeys(options["wanted"]))
            assert args == (Limits(seconds=2.0), "process")

    def judged(function: Any, stem: str, box: Any, other: Any, options: dict[str, Any]) -> list[Finding]:
        asked.append((box, other))
        search, cls, names, name, source = options["repairs"]
        assert isinstance(search(), Known)
        assert (cls, names) == (f"Declared_{function.name}", (function.name, f"{function.name}_vjp"))
        assert (name, source) == ("my functions.py", file.read_text())
        return []

    monkeypatch.setattr(functions, "Sandbox", Known)
    monkeypatch.setattr(functions, "_findings", judged)
    monkeypatch.setattr(functions, "RemoteSearch", lambda *args: args)
    functions.judge_functions(file, limits=Limits(seconds=2.0), sandbox="process")
    own, apart, third = made
    assert third == own  # where repairs are looked for, once for all functions
    assert set(own) == {"functions.py", "bp_declared_functions.py", "Declared_tanh", "Declared_other"}
    assert set(apart) == {"functions.py", "bp_declared_functions.py", "Declared_tanh"}
    assert "tanh_vjp" in own["functions.py"]
    assert "tanh_vjp" not in apart["functions.py"]
    assert "_module.tanh_spec(" in apart["bp_declared_functions.py"]
    assert "_module.tanh_spec(" not in own["bp_declared_functions.py"]
    assert asked[0] == asked[1]
    assert asked[0][0] is not asked[0][1]
