"""What each kind of edit offers for a few lines is what its name says, and it is offered nowhere else."""

from __future__ import annotations

import ast

import pytest

from reference.gradients.repair import adjoints, arithmetic, folds, indices
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


#: A subscript, the shape before and behind it, and by axis how many entries it cuts off at each end.
WIDTHS = [
    ("v[1:-1]", (6,), (4,), ((1, 1),)),
    ("v[2:-1]", (6,), (3,), ((2, 1),)),
    ("v[n:-n]", (8,), (4,), ((2, 2),)),
    ("v[n:-1]", (9,), (4,), ((2, 3),)),
    ("v[0:4]", (6,), (4,), ((0, 2),)),
    ("v[:4]", (6,), (4,), ((0, 2),)),
    ("v[2:]", (6,), (4,), ((2, 0),)),
    ("v[..., 1:-1]", (5, 6), (5, 4), ((0, 0), (1, 1))),
    ("v[1:-1, ...]", (6, 4, 5), (4, 4, 5), ((1, 1), (0, 0), (0, 0))),
    ("v[1:, ..., :-2]", (6, 4, 5), (5, 4, 3), ((1, 0), (0, 0), (0, 2))),
    ("v[1:, ..., :-2, 1:]", (6, 4, 5), (5, 2, 4), ((1, 0), (0, 2), (1, 0))),
    ("v[1:-1]", (6, 3), (4, 3), ((1, 1), (0, 0))),
    ("v[:]", (4,), (4,), None),
    ("v[...]", (4,), (4,), None),
    ("v[::2]", (4,), (2,), None),
    ("v[0]", (4, 3), (3,), None),
    ("v[0, None]", (4, 3), (1, 3), None),
    ("v[at]", (4,), (3,), None),
    ("v[at, ...]", (4,), (3,), None),
    ("v[..., None, 0]", (3, 4), (3, 1), None),
    ("v['a':'b']", (4,), (2,), None),
    ("v[5:3]", (4,), (2,), None),
    ("v[4:]", (4,), (0,), None),
]


@pytest.mark.parametrize(("text", "shape", "left", "widths"), WIDTHS)
def test_how_much_a_subscript_cuts_off(
    text: str, shape: tuple[int, ...], left: tuple[int, ...], widths: tuple[tuple[int, int], ...] | None
) -> None:
    """At both ends of each axis; as much at each where that is not written; None if it does anything else."""
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Subscript)
    assert folds._widths(node, shape, left) == widths


#: A way to fill borders, their widths at both ends, how many entries there are, and whether that is enough.
ENOUGH = [
    ("reflect", (0, 2), 2, False), ("reflect", (1, 1), 2, True), ("reflect", (0, 0), 1, True),
    ("edge", (9, 9), 1, True), ("wrap", (2, 0), 2, True), ("wrap", (3, 0), 2, False),
    ("symmetric", (0, 2), 2, True), ("symmetric", (0, 3), 2, False),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "width", "size", "is_enough"), ENOUGH)
def test_how_wide_a_border_can_be(mode: str, width: tuple[int, int], size: int, is_enough: bool) -> None:
    """As wide as there are entries; one less where the one at the edge does not come twice; any, if only that does."""
    assert folds._can(mode, (width, (0, 0)), (size, 5)) is is_enough


def test_a_subscript_that_is_read_is_edited_where_it_is_read() -> None:
    """Such an edit takes less time to try than one of a statement, which only what is stored into needs."""
    found = list(indices.slices(view_of("d = v * 0; d[1:3] = v[:2]; return d")))
    assert {each.place.text for each in found if each.new is not None} == {"v[:2]"}
    assert {each.place.text for each in found if each.new is None} == {"d[1:3] = v[:2]"}
    (turned,) = indices.orders(view_of("for i in range(3):\n  v += i; return v"))
    assert turned.place.text == "range(3)"


def test_a_transpose_takes_a_call_for_each_entry() -> None:
    """Its steps are as many times more as there are entries, turns, and functions that are called."""
    once, *_ = adjoints.transposes(view_of("np.roll(g, 1)"))
    turned, *_ = adjoints.transposes(view_of("for i in range(3):\n  d = np.roll(g, i); return d"))
    twice = max(adjoints.transposes(view_of("np.roll(np.flip(g), 1)")), key=lambda each: each.steps)
    part, *_ = adjoints.transposes(view_of("np.roll(g[0], 1)"))
    assert once.steps > 12
    assert [turned.steps, twice.steps, 3 * part.steps] == [3 * once.steps, 2 * once.steps, once.steps]


def test_large_arrays_have_no_borders() -> None:
    """All entries of an array are written down where it may have one, which takes long."""
    size = folds._MOST_ENTRIES
    assert list(folds.folds(view_of(f"np.zeros({size})[1:] * limit")))
    assert not list(folds.folds(view_of(f"np.zeros({size + 1})[1:] * limit")))
