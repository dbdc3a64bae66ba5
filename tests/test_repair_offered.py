"""What each kind of edit offers for a few lines is what its name says, and it is offered nowhere else."""

from __future__ import annotations

import pytest

from reference.gradients.repair import arithmetic
from reference.gradients.repair.instrument import State
from reference.gradients.repair.running import quiet
from reference.wording import MISTAKES
from tests import repair_offers, repair_offers_elsewhere
from tests.repair_views import Family, after, costs, offers, replaced_by, view_of
from tests.test_repair_edits import LEAST, MOST, MOST_OF_OTHERS

pytestmark = pytest.mark.catalogue


ROWS = [*repair_offers.ROWS, *repair_offers_elsewhere.ROWS]
NOTHING = [*repair_offers.NOTHING, *repair_offers_elsewhere.NOTHING]


def label(given: object) -> str | None:
    return getattr(given, "__name__", given if isinstance(given, str) else "")


@pytest.mark.parametrize(("family", "body", "due", "undue"), ROWS, ids=label)
def test_what_is_offered(family: Family, body: str, due: dict[str, list[str]], undue: list[str]) -> None:
    """What undoes a mistake is offered with the word for it, and what undoes none is not."""
    view = view_of(body)
    edits = list(family(view))
    for edit in edits:
        assert LEAST < edit.cost < MOST.get(family, MOST_OF_OTHERS)
        with quiet():
            edit.place.sites.edited(State(), replaced_by(edit))  # it compiles
    found = {(edit.word, after(edit)) for edit in edits}
    assert {(word, text) for word, texts in due.items() for text in texts} <= found
    assert {text for _, text in found}.isdisjoint(undue)
    assert {word for word, _ in found} <= {*MISTAKES, arithmetic.NO_WORD}


@pytest.mark.parametrize(("family", "body"), NOTHING, ids=label)
def test_nothing_is_offered(family: Family, body: str) -> None:
    """A family is silent where its mistake cannot be."""
    assert not offers(family, body)


#: A family, lines, and what it offers, the likelier first.
LIKELIER = [
    (arithmetic.powers, "x * y.sum()", "x ** 2 * y.sum()", "x * y.sum() ** 2"),
    *((arithmetic.powers, "x * 1", f"{one} * 1", f"{two} * 1") for one, two in (
        ("x ** 2", "np.sqrt(x)"), ("x ** 2", "(1 - x)"), ("np.sqrt(x)", "1 / x"), ("1 / x", "np.abs(x)"),
    )),
    (arithmetic.functions, "np.tanh(x) * y", "np.tanh(x) * np.tanh(y)", "np.tanh(x) * np.sin(y)"),
    (arithmetic.functions, "np.tanh(x) * y.T.T", "np.tanh(x) * np.tanh(y).T.T", "np.tanh(x) * np.tanh(y.T.T)"),
    (arithmetic.drops, "x ** 3", "x ** (3 + 1)", "x ** (3 + 2)"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "body", "one", "two"), LIKELIER, ids=label)
def test_what_is_likelier_costs_less(family: Family, body: str, one: str, two: str) -> None:
    """Of two edits that repair a gradient the likelier one tells the mistake."""
    found = costs(family, body)
    assert found[one] < found[two]
