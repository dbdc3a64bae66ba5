"""The structure is the one that docs/architecture.md describes, and it stays small."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.outside

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST_PARTS, MOST_LEVELS, MOST_LINES, MOST_TERMS = 8, 5, 400, 25


@cache
def imports(package: str) -> dict[str, frozenset[str]]:
    """Of each module or package directly in a package: which others of these it imports."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / package).rglob("*.py"):
        part = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        names = found.setdefault(part, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names |= {f"{node.module}.{each.name}" for each in node.names}
            elif isinstance(node, ast.Import):
                names |= {each.name for each in node.names}
    return {
        part: frozenset(each.split(".")[1] for each in names if each.startswith(f"{package}.")) - {part}
        for part, names in found.items()
        if not part.startswith("__")
    }


def levels(package: str, part: str, above: tuple[str, ...] = ()) -> int:
    """How many parts the longest chain of imports from this one has."""
    assert part not in above, f"a cycle: {' -> '.join((*above, part))}"
    below = imports(package).get(part, frozenset()) & set(imports(package))
    return 1 + max((levels(package, each, (*above, part)) for each in below), default=0)


@pytest.mark.parametrize("package", ["reference", "reports"])
def test_a_package_is_found_the_way_in(package: str) -> None:
    """Few parts, on few levels of imports, without a cycle; each is named on the page."""
    parts = imports(package)
    assert len(parts) <= MOST_PARTS
    assert max(levels(package, part) for part in parts) <= MOST_LEVELS
    assert [part for part in parts if not re.search(rf"\b{part}(\.py|/)", PAGE)] == []


def test_files_that_the_page_names_are_there() -> None:
    """From the top, from the package that was named before, or from one of its folders."""
    named = set(re.findall(r"`([\w/.]+(?:\.py|/))`", PAGE))
    names = {path.name for package in ("reference", "reports") for path in (ROOT / package).rglob("*.py")}
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists() and name not in names] == []


def test_glossary_is_short_and_in_order() -> None:
    """Who learns the terms can read everything."""
    terms = re.findall(r"^\| ([\w ]+) \|", PAGE.split("## Glossary")[1], flags=re.MULTILINE)[1:]
    assert len(terms) <= MOST_TERMS
    assert terms == sorted(terms)


@pytest.mark.parametrize("package", ["bp", "reference", "reports", "tests"])
def test_no_file_is_long(package: str) -> None:
    """It can be read at a sitting."""
    paths = (path for path in (ROOT / package).rglob("*.py"))
    assert [path.name for path in paths if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES] == []
