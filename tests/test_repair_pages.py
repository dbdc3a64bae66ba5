"""What each kind of edit offers for whole pages of code, in number, is what ``repair_pages.txt`` says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.repair_pages import FAMILIES, FILE, offered

pytestmark = pytest.mark.catalogue


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_what_is_offered_for_a_page(name: str) -> None:
    """No edit is lost, none comes in, and none has another word or cost, unless the file says so too."""
    due = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line.startswith(f"{name} in ")]
    with np.errstate(all="ignore"):
        assert list(offered(name)) == due
