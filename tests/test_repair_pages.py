"""What the search sees on whole pages of code, and what it offers there, is what `repair_pages.txt` says."""

from __future__ import annotations

import pytest

from tests.repair_pages import FILE, NAMES, lines

pytestmark = pytest.mark.catalogue


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_a_page(name: str) -> None:
    """No edit is lost, none comes in, and none has another word or cost, unless the file says so too."""
    _, _, said = FILE.read_text(encoding="utf-8").partition(f"# {name}\n")
    assert list(lines(name)) == said.partition("\n# ")[0].splitlines()
