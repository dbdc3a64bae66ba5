"""The README does what it says, and the page on the architecture describes the code as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from graphlib import CycleError
from pathlib import Path

import pytest

from tests.comparing import needs_flint
from tests.import_graph import graph_of, graph_of_files, longest_chain

pytestmark = pytest.mark.outside

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@cache
def python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run, once for all tests, in a process of its own that sees the checkout."""
    command = [sys.executable, *arguments]
    seen = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=seen)


def output_below(sentence: str) -> str:
    """The first block of output after a sentence."""
    return blocks("text", README.split(sentence, maxsplit=1)[1])[0]


@pytest.mark.parametrize("name", ["softmax_gradient.py", "spirals.py"])
def test_example_is_the_file(name: str) -> None:
    """The README shows the whole code of an example's file, above the sentence that names the file."""
    _, code = (ROOT / "examples" / name).read_text(encoding="utf-8").split("\n\n", maxsplit=1)
    before = README.split(f"This is `examples/{name}`.", maxsplit=1)[0]
    assert blocks("python", before)[-1] == code


def test_readme_opens_with_a_wrong_gradient() -> None:
    """The first code in the README is a wrong gradient that is found; training comes later."""
    assert README.index("examples/softmax_gradient.py") < README.index("examples/spirals.py")
    assert "reference.check(" in blocks("python")[0]


@pytest.mark.parametrize("name", [pytest.param("softmax_gradient.py", marks=needs_flint), "spirals.py"])
def test_example_prints_what_the_readme_says(name: str) -> None:
    """The output shown below an example is its output."""
    result = python(ROOT / "examples" / name)
    assert result.stdout == output_below(f"This is `examples/{name}`.")


@needs_flint
def test_own_function_is_judged_as_shown() -> None:
    """The example with a function of one's own prints what stands below it."""
    (code,) = (block for block in blocks("python") if "check_vjp(" in block)
    result = python("-c", code)
    assert result.stdout == output_below(code)


def test_ci_runs_the_readmes_test_command() -> None:
    """What CI looks for in the README is there once, and it runs the whole default list of environments."""
    pattern = re.search(r"grep .*'(.*)' README\.md", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert pattern is not None
    commands = re.findall(pattern[1], README, flags=re.MULTILINE)
    assert len(commands) == 1
    assert "-e" not in commands[0].split("/tox")[1]


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_examples_run(name: str) -> None:
    """Each by itself, with something to say and no complaint."""
    result = python(ROOT / "examples" / name)
    assert result.stdout
    assert not result.stderr


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "tests/README.md", "docs/architecture.md"])
def test_files_that_are_named_are_there(document: str) -> None:
    """Every path between backticks that looks like one of ours exists, from the top or from the document's folder."""
    text = without_comments((ROOT / document).read_text(encoding="utf-8"))
    named = set(re.findall(r"`((?:[\w.-]+/)*[\w.-]+(?:\.py|\.md|\.toml|\.typ|/))`", text)) - {
        "report/"
    }  # which is made
    places = (ROOT, (ROOT / document).parent)
    assert named
    assert [name for name in sorted(named) if not any((place / name).exists() for place in places)] == []


@cache
def graph(package: str) -> dict[str, set[str]]:
    """The imports among the parts of one of our packages, read once for all tests."""
    return graph_of(ROOT / package)


def without_comments(text: str) -> str:
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def test_glossary_is_short_and_has_no_term_twice() -> None:
    """The glossary has at most 25 terms, each of them once."""
    terms = re.findall(r"^\| ([^|]+) \|", ARCHITECTURE.split("## Glossary")[1], flags=re.MULTILINE)
    terms.remove("term")
    assert 0 < len(terms) <= 25
    assert len(set(terms)) == len(terms)


@pytest.mark.parametrize("package", ["reference", "reports"])
def test_packages_are_few_and_shallow(package: str) -> None:
    """At most 8 modules and packages lie directly in a package; no chain of imports among them is longer than 5."""
    assert len(graph(package)) <= 8
    assert longest_chain(graph(package)) <= 5  # which raises an error if there is a cycle


@pytest.mark.parametrize("package", ["bp", "reference", "reports"])
def test_no_file_imports_itself_by_way_of_others(package: str) -> None:
    """There is no circle of imports, not even one that is made late or for types alone."""
    files = graph_of_files(ROOT / package)
    assert sum(map(len, files.values())) > len(files) / 2
    longest_chain(files)  # which raises an error if there is a cycle


@pytest.mark.parametrize("package", ["reference", "reports"])
def test_drawing_shows_the_imports(package: str) -> None:
    """The drawing has every module and package, with an arrow for each import among them and for no other."""
    drawing = next(block for block in blocks("text", ARCHITECTURE) if f"{package}\n" in block)
    lines = drawing.split(f"{package}\n")[1].split("\n\n")[0].splitlines()
    arrows = (line.partition("->") for line in lines)
    assert {name.strip(): set(re.findall(r"\w+", imported)) for name, _, imported in arrows} == graph(package)


def test_numbers_of_the_structure_are_true() -> None:
    """The numbers "now" below the drawing are those of the code."""
    graphs = [graph(package) for package in ("reference", "reports")]
    assert numbers("modules and packages") == [len(each) for each in graphs]
    assert numbers("imports among them") == [sum(map(len, each.values())) for each in graphs]
    assert numbers("longest chain") == [longest_chain(each) for each in graphs]


def numbers(line: str) -> list[int]:
    """What stands after the arrows in a line of the page."""
    (found,) = re.findall(rf"^{line}\b(.*)$", ARCHITECTURE, flags=re.MULTILINE)
    return [int(each) for each in re.findall(r"-> *(\d+)", found)]


def test_files_are_short() -> None:
    """No Python file has more than 400 lines."""
    files = [path for package in ("bp", "reference", "reports", "tests") for path in (ROOT / package).rglob("*.py")]
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_bytes().splitlines()) for path in files}
    assert len(lengths) > 100
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_imports_are_seen_wherever_they_stand(tmp_path: Path) -> None:
    """Absolute and relative imports count, in functions too; a cycle is an error."""
    package = tmp_path / "house"
    (package / "roof").mkdir(parents=True)
    (package / "roof" / "tile.py").write_text("from ..wall import brick\nfrom . import other\n", encoding="utf-8")
    (package / "wall.py").write_text("def brick():\n    from house import floor\n", encoding="utf-8")
    (package / "floor.py").write_text("import os\n", encoding="utf-8")
    assert graph_of(package) == {"roof": {"wall"}, "wall": {"floor"}, "floor": set()}
    assert longest_chain(graph_of(package)) == 3
    (package / "roof" / "__init__.py").write_text("from house.roof import tile", encoding="utf-8")
    files = graph_of_files(package)
    assert files == {"house.roof": {"house.roof.tile"}, "house.roof.tile": {"house.wall", "house.roof"},
                     "house.wall": {"house.floor"}, "house.floor": set()}  # fmt: skip
    with pytest.raises(CycleError):
        longest_chain(files)
    (package / "floor.py").write_text("import house.roof.tile\n", encoding="utf-8")
    with pytest.raises(CycleError):
        longest_chain(graph_of(package))
