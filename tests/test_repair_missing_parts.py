"""What is offered where it is known what the value of a place has to become."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.repair import missing as module
from reference.gradients.repair.asked import Sample
from reference.gradients.repair.corrected import Correcting
from reference.gradients.repair.missing import missing, requirements
from reference.gradients.repair.operands import Operands
from reference.gradients.repair.places import Place
from reference.gradients.repair.required import Required, Requirement
from reference.gradients.repair.running import Running, Work, quiet
from reference.gradients.repair.view import View
from reference.numerics import likeness
from tests.repair_views import after, code, view_of

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
#: The runs of a view that are of several cases.
RUNS = (0, 2)


def required(view: View, text: str, due: str, *, is_known: bool = True) -> Requirement:
    """What has to be added at a place for its value to be that of another expression; known, or by its effect alone."""
    place = next(each for each in view.places if each.text == text)
    values = view.computed(ast.parse(due, mode="eval").body, place)
    cases = tuple((run, turn) for run in RUNS for turn in range(place.visits))
    now = tuple(np.broadcast_to(place.turns[run][turn], np.shape(values[run][turn])) for run, turn in cases)
    moves = tuple(np.asarray(values[run][turn]) - old for (run, turn), old in zip(cases, now, strict=True))
    matrices = tuple(np.random.RandomState(run).randn(5, moves[0].size) for run, _ in cases)
    dues = tuple(matrix @ move.ravel() for matrix, move in zip(matrices, moves, strict=True))
    return Requirement(place, cases, now, moves if is_known else (), matrices, dues)


def offered(body: str, text: str, due: str, *, is_known: bool = True) -> dict[str, str]:
    """What is offered, each with its word."""
    view = view_of(body)
    with quiet():
        edits = list(missing(view, [required(view, text, due, is_known=is_known)], Work()))
    assert all(1.3 < each.cost < 2.2 for each in edits)
    assert {each.is_solved for each in edits if each.word in {"term-missing", "factor-missing"}} <= {True}
    return {after(each): each.word for each in edits}


#: Lines, a place, what it has to become, the code that is offered, and its word.
ROWS = [
    ("x * y", "x * y", "x * y + u", "x * y + u", "term-missing"),
    ("x * y", "x * y", "x * y + 2 * u", "x * y + 2.0 * u", "term-missing"),
    ("x * y", "x * y", "x * y - x * u", "x * y + -1.0 * (x * u)", "term-missing"),
    ("x * y", "y", "y - u / x", "x * (y + -1.0 * (u / x))", "term-missing"),
    ("x * y", "x * y", "x * y + v + u", "x * y + (v + u)", "term-missing"),
    ("x * y", "x * y", "x * y * np.cos(u)", "x * y * np.cos(u)", "factor-missing"),
    ("x * y", "x * y", "x * y / u", "x * y * (1.0 / u)", "factor-missing"),
    ("g * y", "g", "g + g * u", "(g + g * u) * y", "term-missing"),
    ("x * y", "x", "x * g", "x * g * y", "delta-next-ignored"),
    ("m = y > limit; return x * y + m", "x", "x * (y > limit)", "m = y > limit; return x * m * y + m", "mask-missing"),
    ("x * limit", "limit", "y", "x * (limit * (2.5 * y))", "wrong-argument"),
    ("x * 1.0", "1.0", "y", "x * (1.0 * y)", "factor-missing"),
]


@pytest.mark.parametrize(("body", "text", "due", "new", "word"), ROWS)
@pytest.mark.parametrize("is_known", [True, False], ids=["known", "by its effect"])
def test_what_is_missing_is_found(body: str, text: str, due: str, new: str, word: str, is_known: bool) -> None:
    """A term, or a factor, that makes the value what it has to be; its effect alone tells no sum and no inverse."""
    found = offered(body, text, due, is_known=is_known)
    if is_known or not any(each in new for each in ("(v + u)", "(1.0 / u)")):
        assert found.get(new) == word
    else:
        assert new not in found


#: Lines, a place, what it has to become, and what is not offered.
NOT = [
    ("g * y", "g", "g + u", "(g + u) * y"),  # what is added to the cotangent doubles with it
    ("x * y", "x * y", "x * y + g", "x * y + g"),  # and what is added to anything else does not
    ("x * y", "x * y", "-x * y * u", "x * y * (-1.0 * u)"),
    ("g * y", "g", "g * g", "g * g * y"),
    ("x * y", "x * y", "np.arctan(x * y + v) * np.exp(u * y)", "x * y"),
]


@pytest.mark.parametrize(("body", "text", "due", "new"), NOT)
@pytest.mark.parametrize("is_known", [True, False], ids=["known", "by its effect"])
def test_what_is_missing_is_of_one_degree(body: str, text: str, due: str, new: str, is_known: bool) -> None:
    """The sum doubles with the cotangent if the value does; a factor has no minus, which is another mistake."""
    assert new not in offered(body, text, due, is_known=is_known)


#: Lines, a place, and what it has to become: the entries that are let through, or None.
MASKS = [
    ("x.T @ y", "x.T @ y", "np.tril(x.T @ y)", np.tril(np.ones((4, 4)))),
    ("x.T @ y", "x.T @ y", "np.triu(x.T @ y, 1)", np.triu(np.ones((4, 4)), 1)),
    ("x.T @ y", "x.T @ y", "(x.T @ y) * (1 - np.eye(4))", None),  # as many entries as a row
    ("x.T @ y", "x.T @ y", "(x.T @ y) * np.eye(4)", None),
    ("x.T @ y", "x.T @ y", "2 * np.tril(x.T @ y)", None),
    ("x.T @ y", "x.T @ y", "(x.T @ y) * (x.T @ y > 0.9)", None),  # others in each case
    ("x.sum() * 1", "x.sum()", "x.sum() * 0", None),
]


@pytest.mark.parametrize(("body", "text", "due", "mask"), MASKS)
def test_a_mask_that_is_the_same_in_all_cases(body: str, text: str, due: str, mask: Array | None) -> None:
    """It is offered as an array of zeros and ones, where more than a row is let through and more than that stopped."""
    found = {new: word for new, word in offered(body, text, due).items() if "np.array" in new}
    new = "" if mask is None else f"{text} * np.array({mask.astype(int).tolist()})"
    assert found == ({} if mask is None else {new: "mask-missing"})
    assert not any("np.array" in each for each in offered(body, text, due, is_known=False))


def test_a_value_that_is_zero_is_no_factor() -> None:
    """What is 0 and must not be is not multiplied by anything."""
    found = offered("h = x * (y > 0.4); return h * v", "h", "h + u")
    assert "h = x * (y > 0.4); return (h + u) * v" in found
    assert "factor-missing" not in {*found.values(), *offered("h = x * 0.0; return h + v", "h", "h + u").values()}


class Asked(Required):
    """Says of each place that nothing is known, and notes which were asked about and for which shape."""

    def __init__(self, work: Work, steps: int = 0) -> None:
        self.asked: list[tuple[str, tuple[int, ...]]] = []
        self._work, self._steps = work, steps

    def of(self, place: Place, shape: tuple[int, ...]) -> Requirement | None:
        self.asked.append((place.text, shape))
        self._work.add(self._steps)
        return None


def test_whole_values_are_asked_about_first() -> None:
    """What a statement stores, or gives back, before its parts; a constant never."""
    view = view_of("d = x * y; d += x * limit; return d @ d.T, v")
    work = Work()
    asked = Asked(work)
    assert requirements(view, asked, work) == []
    texts = [text for text, _ in asked.asked]
    whole = ["x * y", "x * limit", "d @ d.T", "(d @ d.T, v)", "v", "d"]
    assert set(texts[: len(whole) - 1]) <= set(whole)
    assert texts.index("x * y") < texts.index("x")
    assert "limit" not in texts


def test_a_value_may_be_as_wide_as_what_it_stands_in() -> None:
    """As a sum or product of arrays, but for a product of matrices."""
    view = view_of("(v * x) @ y.T + u[0]")
    work = Work()
    asked = Asked(work)
    requirements(view, asked, work)
    shapes = dict(asked.asked)
    assert shapes["v"] == (3, 4)
    assert shapes["y.T"] == (4, 3)
    assert shapes["u[0]"] == (3, 3)
    assert shapes["u"] == (4,)
    assert shapes["v * x @ y.T"] == (3, 3)


def test_only_so_many_steps_are_spent_on_requirements() -> None:
    """A quarter of all; then no other place is asked about."""
    view = view_of("(v * x) @ y.T + u[0]")
    work = Work(done=1000)
    asked = Asked(work, steps=likeness.REPAIR_STEPS // 10)
    requirements(view, asked, work)
    assert len(asked.asked) == 3


def test_only_so_many_steps_are_spent_on_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of all; each place is charged what it takes to look for products."""
    view = view_of("x * y")
    found = [required(view, "x * y", "x * y + u")] * 3
    work = Work(done=1000)
    with quiet():
        list(missing(view, found, work))
    per_place = (work.done - 1000) // 3
    assert per_place > 1000
    monkeypatch.setattr(likeness, "REPAIR_STEPS", 3 * per_place)
    work = Work(done=1000)
    with quiet():
        list(missing(view, found, work))
    assert work.done == 1000 + 2 * per_place


def test_operands_are_computed_once_for_a_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places of one statement, shape and degree share them; another degree or shape has others."""
    calls = []

    def counted(*args: Any) -> Operands:
        calls.append(args[1:])
        return module_operands(*args)

    module_operands = module.operands
    monkeypatch.setattr(module, "operands", counted)
    view = view_of("x * y + g * u[0]")
    whole = "x * y + g * u[0]"
    found = [required(view, text, due) for text, due in [
        ("x * y", "x * y + u"), ("x", "x + u"), ("g", "g + g * x"), (whole, f"{whole} + u"), ("u[0]", "u[0] + v[1]"),
    ]]  # fmt: skip
    with quiet():
        list(missing(view, found, Work()))
    assert [(call[1], call[2]) for call in calls] == [((3, 4), 0), ((3, 4), 1), ((), 0)]


class Recording:
    """In the place of running code: notes what it is asked to run, and gives back what was recorded before."""

    def __init__(self, sites: Any, run: Any) -> None:
        self.sites, self._run = sites, run
        self.asked: list[tuple[int, float, str, list[Any]]] = []
        self.places: list[Place] = []

    def corrected(self, sample: int, factor: float, place: Place, new: ast.expr, given: Array) -> Any:
        self.asked.append((sample, factor, code(new), given.tolist()))
        self.places.append(place)
        return self._run


def test_a_loop_is_run_again_with_what_its_place_requires() -> None:
    """Each run with what is to be added in each turn of it, twice of that for twice the cotangent; others stay."""
    body = "h = v * 0; for i in range(2):\n  h = h * u + v; return h"
    view = view_of(body)
    found = required(view, "h * u", "h * u + u")
    running = Recording(view.functions, view._runs[0])
    samples = [type("Of", (), {"cotangent": np.ones(3), "number": n})() for n in range(4)]
    correcting = Correcting(cast("Running", running), cast("Sequence[Sample]", samples), view._runs, ())
    there = correcting.view(found)
    moves = [
        np.array([move for case, move in zip(found.cases, found.moves, strict=True) if case[0] == run]) for run in RUNS
    ]
    assert [each[1:3] for each in running.asked] == [
        (1.0, "h * u + given()"),
        (2.0, "h * u + given()"),
        (1.0, "h * u + given()"),
    ]
    assert [each[0] for each in running.asked] == [samples[0], samples[1], samples[2]]
    assert running.places == [found.place] * 3
    assert [each[3] for each in running.asked] == [moves[0].tolist(), (2 * moves[0]).tolist(), moves[1].tolist()]
    assert there._runs[3] is view._runs[3]
    assert there.functions is view.functions
    with quiet():
        asked = len(running.asked)
        list(missing(view, [found], Work(), correcting))
        assert len(running.asked) == 2 * asked
        list(missing(view_of("x * y"), [required(view_of("x * y"), "x * y", "x * y + u")], Work(), correcting))
    assert len(running.asked) == 2 * asked
