"""``bp vjp`` judges functions with gradients of a file that nobody trusts, from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reference.gradients import declaration
from reference.gradients.declaration import DeclarationError
from reports.cli import main
from tests.comparing import needs_flint

pytestmark = [pytest.mark.system, needs_flint]

FILE = """
import numpy as np

tanh_args = (np.array([0.5, 2.0]),)
def tanh(x):
    return np.tanh(x)
def tanh_vjp(cotangent, x):
    return (0.5 * cotangent * (1 - np.tanh(x) ** 2),)

root_args = (np.array([0.5, 2.0]),)
root_domain = [(0, None)]
def root(x):
    return 1.5 * np.sqrt(x)
def root_vjp(cotangent, x):
    assert not hasattr(np, "asked"), "the definition shares a process with the gradient"
    return (cotangent / np.sqrt(x) / 2,)
def root_spec(x):
    np.asked = True
    return x ** 0.5

writes_args = (np.array([0.5, 2.0]),)
def writes(x):
    return 2 * x
def writes_vjp(cotangent, x):
    x[0] = 3.0
    return (2 * cotangent,)
"""


def judged(folder: Path, what: str, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the checks that failed by their ids."""
    (folder / "own.py").write_text(FILE, encoding="utf-8")
    out = folder / "verdict.json"
    code = main(["vjp", f"{folder / 'own.py'}{what}", "--json", str(out), "--seed", "1", "--effort", "quick", *options])
    verdict = json.loads(out.read_text(encoding="utf-8"))
    return code, {each["id"]: each for each in verdict["checks"] if each["status"] in {"failed", "error"}}


def test_all_functions_of_a_file(tmp_path: Path) -> None:
    """Each finding has the function's name in its id; the script calls the function of the file."""
    code, failed = judged(
        tmp_path, "", "--only", "vjp.gradient[[]0].*,vjp.forward.values,vjp.gradient.inputs_unchanged"
    )
    assert code == 1
    assert set(failed) == {
        "vjp.tanh.gradient[0].consistent",
        "vjp.root.forward.values",
        "vjp.writes.gradient.inputs_unchanged",
    }
    tanh = failed["vjp.tanh.gradient[0].consistent"]
    assert (tanh["subject"], tanh["mistake"]) == ("tanh.vjp", "scaled")
    assert "from own import tanh_vjp\n" in tanh["repro"]
    assert "print(tanh_vjp(" in tanh["repro"]


def test_one_function_of_a_file(tmp_path: Path) -> None:
    """The definition judges both functions, and the finding says what differentiated it."""
    code, failed = judged(tmp_path, ":root", "--only", "vjp.gradient[[]0].values,vjp.forward.values")
    assert (code, set(failed)) == (1, {"vjp.forward.values"})
    assert failed["vjp.forward.values"]["oracle"] == "numpy"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(x): return x", "declares nothing"),
        ("def f(x): return x\ndef f_vjp(c, x): return (c,)", "says no arguments"),
        ("def f(x:", "is no Python"),
    ],
)
def test_files_that_declare_nothing_are_wrong_usage(
    tmp_path: Path, source: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what was expected."""
    (tmp_path / "own.py").write_text(source, encoding="utf-8")
    assert main(["vjp", str(tmp_path / "own.py")]) == 2
    assert said in capsys.readouterr().err
    assert main(["vjp", str(tmp_path / "nowhere.py")]) == 2


def test_file_that_cannot_run_fails(tmp_path: Path) -> None:
    """As any submission that cannot be imported."""
    (tmp_path / "own.py").write_text(f"{FILE}\nraise ValueError('not today')\n", encoding="utf-8")
    assert main(["vjp", f"{tmp_path / 'own.py'}:tanh", "--effort", "quick"]) == 1


def test_declarations_are_read_without_running_them() -> None:
    """By names; a definition is judged without the gradients beside it."""
    found = declaration.declared(FILE)
    assert [(each.name, each.has_spec, each.has_domain) for each in found] == [
        ("tanh", False, False),
        ("root", True, True),
        ("writes", False, False),
    ]
    assert "_vjp" not in declaration.without_gradients(FILE)
    with pytest.raises(DeclarationError, match="nowhere_vjp"):
        declaration.declared(FILE, "nowhere")
