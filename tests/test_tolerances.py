"""The table of tolerances is the only place where they stand, and it gives the reason of each."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.catalogue

ROOT = Path(__file__).resolve().parent.parent
TABLES = [
    ROOT / "reference" / "numerics" / name
    for name in ("tolerances.py", "function_tolerances.py", "ball_tolerances.py", "likeness.py")
]
FILES = [
    path
    for package in ("engine", "lab", "gradients", "numerics")
    for path in sorted((ROOT / "reference" / package).rglob("*.py"))
    if path not in TABLES and not {"mistakes", "second_hand"} & set(path.parts)
]
#: What is asked may be small: these modules choose the numbers of cases.
CASES = {
    ROOT / "reference" / name
    for name in ("lab/checks/edges.py", "lab/checks/ranges.py", "lab/telling_apart.py", "gradients/cases.py")
}
#: Names that a tolerance would have.
NAMED = re.compile(r"(^|_)(SAFETY|MARGIN|TOLERANCE|FACTOR|RELATIVE|SLACK)$")
SMALL = 1e-3


def assigned(tree: ast.Module) -> list[tuple[str, ast.expr]]:
    """The constants of a module with their values."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            found += [(each.id, node.value) for each in ast.walk(target) if isinstance(each, ast.Name)]
    return found


def is_small(node: ast.AST) -> bool:
    """Whether this is a small number such as 1e-12, or a power such as 2.0**-36."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float) and 0 < node.value <= SMALL
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Pow)
        and isinstance(node.left, ast.Constant)
        and isinstance(node.right, ast.UnaryOp)
        and isinstance(node.right.op, ast.USub)
        and isinstance(node.right.operand, ast.Constant)
    )


def tolerances_of(tree: ast.Module, *, cases: bool = False) -> list[str]:
    """A module's own tolerances: constants with such names, and small numbers anywhere unless it draws cases."""
    named = [name for name, _ in assigned(tree) if NAMED.search(name)]
    small = [] if cases else [f"line {node.lineno}: {ast.unparse(node)}" for node in ast.walk(tree) if is_small(node)]
    return named + small


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_module_has_a_tolerance(path: Path) -> None:
    """A module has no tolerance of its own, neither as a constant nor inside a function: it takes it from the table."""
    assert tolerances_of(ast.parse(path.read_text(encoding="utf-8")), cases=path in CASES) == []


@pytest.mark.parametrize(
    ("source", "cases", "found"),
    [
        ("_X = 2.0**-36", False, ["line 1: 2.0 ** (-36)"]),
        ("_X, _Y = 8, 1 + 2.0**-20", False, ["line 1: 2.0 ** (-20)"]),
        ("_X: float = 1e-12", False, ["line 1: 1e-12"]),
        ("def f(x):\n    return x < 1e-9", False, ["line 2: 1e-09"]),
        ("def f(x):\n    return x < 1e-9", True, []),
        ("_STEPS = tuning()", False, []),
        ("_ITS_SAFETY = 16.0", True, ["_ITS_SAFETY"]),
        ("UNIT_MARGIN = 7", False, ["UNIT_MARGIN"]),
        ("_ALPHA = 0.125\nHUGE = 1e300\nx = y ** -2", False, []),
    ],
)
def test_tolerances_are_found(source: str, *, cases: bool, found: list[str]) -> None:
    """The search finds names and small numbers, and not what is asked."""
    assert tolerances_of(ast.parse(source), cases=cases) == found


def names_read(path: Path) -> set[str]:
    """The constants of the table that a module reads."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    through_module = {
        each.attr
        for each in nodes
        if isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Name)
        and each.value.id in {table.stem for table in TABLES}
    }
    return through_module | {each.id for each in nodes if path in TABLES and is_read(each)}  # type: ignore[attr-defined]


def is_read(node: ast.AST) -> bool:
    """Whether this is the name of a constant, which is read."""
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id.isupper()


def test_each_has_a_reason_and_a_user() -> None:
    """Each constant has a comment above it, and is read by a module or by another constant; no module reads others."""
    lines = [line for table in TABLES for line in table.read_text(encoding="utf-8").splitlines()]
    tables = [ast.parse(table.read_text(encoding="utf-8")) for table in TABLES]
    names = [name for table in tables for name, _ in assigned(table)]
    assert len(names) > 70
    assert len(set(names)) == len(names)
    for name in names:
        place = next(number for number, line in enumerate(lines) if line.startswith(f"{name} = "))
        assert lines[place - 1].startswith("#: "), name
    assert set().union(*map(names_read, [*FILES, *TABLES])) == set(names)
