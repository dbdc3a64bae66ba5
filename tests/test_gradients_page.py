"""The page "Check your own gradient" does what it says: each example runs, and its mistake is found and named."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from reference.gradients import declaration

pytestmark = pytest.mark.outside

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "gradients.md").read_text(encoding="utf-8")
#: Heading, what it needs besides numpy, and the code below it.
EXAMPLES = re.findall(
    r"(?:<!-- needs (\w+) -->\n\n)?```python\n((?:(?!```).)*?check_(?:(?!```).)*?)```", PAGE, flags=re.DOTALL
)[1:]
FIRST = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[0]
#: The mistake that each example has, in their order on the page.
WORDS = ["scaled", "factor-missing", "not-summed", "sign", "scaled", "scaled", "scaled"]


def test_every_shape_has_an_example() -> None:
    """Each door is used, and each example has a word here."""
    assert len(EXAMPLES) == len(WORDS)
    assert all(f"{door}(" in PAGE for door in ("check_gradient", "check_vjp", "check_layer", "check_function"))


@pytest.mark.parametrize("number", range(len(WORDS)))
def test_example_finds_its_mistake(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    """And prints it in at most twenty lines; the word is told in the text below where the example is ours."""
    needs, code = EXAMPLES[number]
    if needs and importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    names: dict[str, Any] = {"__name__": "example"}
    exec(FIRST, names)  # noqa: S102 - the page is ours
    exec(code, names)  # noqa: S102
    printed = capsys.readouterr().out
    assert names["findings"].failed[0].mistake == WORDS[number]
    assert f"mistake  {WORDS[number]}" in printed
    assert len(printed.splitlines()) <= 20
    assert needs in {"jax", "autograd"} or f"`{WORDS[number]}`" in PAGE.split(code)[1].split("```")[1]


def test_declaration_is_one() -> None:
    """What the page shows as a declaration is read as one."""
    (code,) = [each for each in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL) if "tanh_args" in each]
    (found,) = declaration.declared(code)
    assert (found.name, found.has_spec, found.has_domain) == ("tanh", True, True)
