"""The table of tolerances is the only place where they stand, and it gives the reason of each."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "reference" / "numerics" / "tolerances.py"
FILES = [
    path
    for package in ("lab", "gradients", "numerics")
    for path in sorted((ROOT / "reference" / package).rglob("*.py"))
    if path != TABLE and "mistakes" not in path.parts
]
#: Names that a tolerance would have.
NAMED = re.compile(r"_(SAFETY|MARGIN|TOLERANCE|FACTOR|RELATIVE|SLACK)$")
SMALL = 1e-3


def assigned(path: Path) -> list[tuple[str, ast.expr]]:
    """The constants of a module with their values."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            found += [(each.id, node.value) for each in ast.walk(target) if isinstance(each, ast.Name)]
    return found


def is_tolerance(name: str, value: ast.expr) -> bool:
    """By its name, or because it is a small number or a power of two with a negative exponent."""
    parts = [value, *(value.elts if isinstance(value, ast.Tuple) else [])]
    small = any(
        isinstance(each, ast.Constant) and isinstance(each.value, float) and 0 < each.value <= SMALL for each in parts
    )
    powers = any(
        isinstance(each, ast.BinOp) and isinstance(each.op, ast.Pow) and "-" in ast.unparse(each) for each in parts
    )
    return bool(NAMED.search(name)) or small or powers


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_module_has_a_tolerance(path: Path) -> None:
    """A new one goes into the table, with its reason."""
    assert [name for name, value in assigned(path) if is_tolerance(name, value)] == []


def test_each_has_a_reason_and_a_user() -> None:
    """A comment above it, and some other module that reads it."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    read = "".join(path.read_text(encoding="utf-8") for path in FILES) + TABLE.read_text(encoding="utf-8")
    names = [name for name, _ in assigned(TABLE)]
    assert len(names) > 50
    for name in names:
        place = next(number for number, line in enumerate(lines) if line.startswith(f"{name} = "))
        assert lines[place - 1].startswith("#: "), name
        assert len(re.findall(rf"\b{name}\b", read)) > 1, name
