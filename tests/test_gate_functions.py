"""How functions of a file are judged, by the parts: what is declared, missing or refused; without a sandbox."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.findings import Finding
from reference.gate import functions
from reference.gradients.declaration import DeclarationError, Declared

pytestmark = pytest.mark.outside


class Root:
    """As the sandbox has it: a function, and what is declared beside it."""

    factor = 1.0
    asked: ClassVar[list[Any]] = []

    def forward(self, x: Any) -> Any:
        self.asked.append(x.copy())
        return self.factor * np.sqrt(x)

    def vjp(self, cotangent: Any, x: Any) -> Any:
        return (cotangent / np.sqrt(x) / 2,)

    def args(self) -> Any:
        return (np.array([0.5, 2.0]),)

    def domain(self) -> Any:
        return [(0, None)]


def found_in(cls: type, spec: type | None = None, **options: Any) -> list[Finding]:
    box: Any = InProcess({"Declared_root": cls}, {})
    other: Any = None if spec is None else InProcess({"Declared_root": spec}, {})
    declared = Declared("root", spec is not None, True)
    usual = {"only": "vjp.forward.*", "seed": 1, "effort": "quick"}
    return functions._findings(declared, "mine", box, other, usual | options)


def test_a_function_is_asked_where_it_is_legal() -> None:
    """As its domain says: nothing else is asked of it."""
    Root.asked.clear()
    found = found_in(Root)
    assert {each.status for each in found} <= {"passed", "skipped"}
    assert any(each.status == "passed" for each in found)
    assert Root.asked
    assert all((x >= 0).all() for x in Root.asked)


def test_a_definition_judges_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked where it runs, the function and its gradient where they do; scripts have the names of the file."""

    def judged(forward: Any, vjp: Any, *args: Any, domain: Any, spec: Any = None, **options: Any) -> list[Finding]:
        (x,) = args
        assert domain == [(0, float("inf"))]
        assert options == {"only": "vjp.forward.*", "seed": 1, "effort": "quick"}
        assert np.array_equal(forward(x), wrong().forward(x))
        assert np.array_equal(vjp(x, x)[0], wrong().vjp(x, x)[0])
        assert spec is None or np.array_equal(spec(x), Root().forward(x))
        named.append([each and each.__name__ for each in (forward, vjp, spec)])
        script = "from your_module import forward\nprint(forward(x))\n"
        return [Finding("vjp.forward.values", "root.forward", "failed", "It holds.", repro=script)]

    named: list[Any] = []
    monkeypatch.setattr(functions, "check_vjp", judged)
    wrong = type("Wrong", (Root,), {"factor": 1.5})
    for spec in (Root, None):
        (found,) = found_in(wrong, spec)
        assert found.repro == "from mine import root\nprint(root(x))\n"
        assert (found.check, found.status) == ("vjp.forward.values", "failed")
    assert named == [["root.forward", "root.vjp", "root_spec"], ["root.forward", "root.vjp", None]]


def raising(self: Any) -> Any:
    raise ValueError("not today")


@pytest.mark.parametrize("what", ["args", "domain"])
def test_what_cannot_be_asked_is_missing(what: str) -> None:
    """The finding says which exception was raised instead of an answer."""
    (found,) = found_in(type("Odd", (Root,), {what: raising}))
    assert (found.check, found.mistake) == ("vjp.forward.answers", "missing")
    assert found.came is not None
    assert "not today" in found.came["said"]
    assert found.subject == "root.forward"


def test_a_function_that_could_not_be_imported_is_missing() -> None:
    """For the reason that the sandbox gives."""
    box: Any = InProcess({}, {"Declared_root": "its import ended"})
    (found,) = functions._findings(Declared("root", False, False), "mine", box, None, {})
    assert found.came is not None
    assert (found.check, found.came["said"]) == ("vjp.forward.answers", "its import ended")


def test_what_no_check_can_take_is_told_of_the_file() -> None:
    """And patterns that match nothing of the options."""
    with pytest.raises(DeclarationError, match=r"^cannot be judged: root: "):
        found_in(type("Odd", (Root,), {"args": lambda self: ("x",)}))
    with pytest.raises(ValueError, match=r"^no check matches 'nothing'"):
        found_in(Root, only="nothing")
