"""Whatever is offered for whole pages of code is another code that can be tried, and is tried once."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any

import pytest

from reference.gradients.repair.places import Edit
from reference.gradients.repair.running import quiet
from reference.wording import MISTAKES
from tests.repair_pages import FAMILIES, PAGES, view
from tests.repair_views import replaced_by
from tests.test_repair_edits import LEAST, MOST, MOST_OF_OTHERS

pytestmark = pytest.mark.catalogue

#: What is at hand is put into all places by these: thousands of edits, so that one page has to do.
MANY = "replacing."


def code(new: Any) -> str:
    return "; ".join(ast.dump(each) for each in (new if isinstance(new, list) else [new]))


def change(edit: Edit) -> tuple[str, frozenset[tuple[int, str]]]:
    """The word of an edit, what it replaces and by what."""
    return edit.word, frozenset((id(old), code(new)) for old, new in replaced_by(edit).items())


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_offered_for_pages_of_code(name: str) -> None:
    """Each kind has an edit for some page; none is offered twice or changes nothing; each has a word and its price."""
    family, number = FAMILIES[name], 0
    for page in ["short"] if name.startswith(MANY) else PAGES:
        with quiet():
            edits = list(family(view(page)))
        number += len(edits)
        assert all(LEAST < edit.cost < MOST.get(family, MOST_OF_OTHERS) for edit in edits)
        assert {edit.word for edit in edits} <= {*MISTAKES, ""}
        times = Counter(map(change, edits))
        assert not [edit.place.text for edit in edits if times[change(edit)] > 1]
        assert all(any(code(new) != code(old) for old, new in replaced_by(edit).items()) for edit in edits)
    assert number
