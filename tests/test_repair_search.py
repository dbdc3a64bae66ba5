"""The search tries edits from the likeliest on, in all cases, and ends neither by an exception nor without end."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.repair import arithmetic, indices, relations, replacing, search, statements
from reference.gradients.repair.influence import Influence
from reference.gradients.repair.places import Edit
from reference.gradients.repair.running import Running, quiet
from reference.gradients.repair.search import Repair
from reference.gradients.repair.sent import Loaded, Sent, SentPattern
from reference.gradients.repair.view import View
from tests.repair_views import place_of
from tests.test_repair_running import G, X, named, sample

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
Right = Callable[..., tuple[Array, ...]]
#: One family, so that a search takes little time.
SIGNS = ((arithmetic.signs,),)


def asked(text: str, right: Right, *args: Array) -> tuple[Loaded, list[Sent]]:
    names = named(text)
    vjp, args = names["vjp"], args or (X,)
    others = tuple(each + 0.125 for each in args)
    samples = [
        sample(vjp, right, *args),
        sample(vjp, right, *args, cotangent=G[::-1].copy()),
        sample(vjp, right, *others),
    ]
    samples[1] = replace(samples[1], args=samples[0].args)  # one case
    known = Loaded(names.get("forward", lambda *_: None), vjp, SentPattern(args, range(len(args))), np.dtype(float))
    return known, samples


def repairs(text: str, right: Right, *args: Array) -> list[Repair]:
    return search.repairs(*asked(text, right, *args))


WRONG = "def vjp(g, x):\n    t = np.tanh(x)\n    return (g * (1 + t**2),)\n"


def right(g: Array, x: Array) -> tuple[Array]:
    return (g * (1 - np.tanh(x) ** 2),)


@pytest.fixture
def only_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_FAMILIES", SIGNS)


@pytest.mark.usefixtures("only_signs")
def test_a_repair_tells_the_edit() -> None:
    """Its word, its place in the file, what it changes and which gradients it repairs."""
    found, *_ = repairs(WRONG, right)
    assert (found.word, found.line, found.positions, found.cost) == ("sign", 3, (0,), pytest.approx(1.0, abs=0.2))
    assert found.file.startswith("<running ")
    assert (found.source, found.expression) == ("return (g * (1 + t ** 2),)", "1 + t ** 2")
    assert found.edit is not None
    assert ast.unparse(found.edit.new or ast.Pass()) == "1 - t ** 2"


@pytest.mark.usefixtures("only_signs")
def test_nothing_is_repaired_that_is_right() -> None:
    """Nor a gradient that is 0, as many edits make it so; nor where the code is not at hand, or answers otherwise."""
    assert repairs(WRONG, lambda g, x: (g * (1 + np.tanh(x) ** 2),)) == []
    assert repairs(WRONG, lambda g, x: (0 * x,)) == []
    known, samples = asked(WRONG, right)
    other = [Sent(each.args, each.cotangent, (each.answers[0] + 1,), each.truths, each.slack) for each in samples]
    assert search.repairs(known, other) == []
    names: dict[str, Any] = {"np": np}
    exec(WRONG, names)  # noqa: S102 - code without a file
    assert search.repairs(Loaded(known.forward, names["vjp"], known.pattern, known.dtype), samples) == []


@pytest.mark.usefixtures("only_signs")
def test_an_edit_has_to_repair_all_cases() -> None:
    """One that is right in the first case alone is none, and so is one that spoils another gradient."""
    sometimes = lambda g, x: (g * (1 - np.tanh(x) ** 2) if x[0, 0] == X[0, 0] else g * x,)  # noqa: E731 - of one row
    assert repairs(WRONG, sometimes) == []
    both = "def vjp(g, x, y):\n    t = 1 + x\n    return (g * t, g * t)\n"
    assert repairs(both, lambda g, x, y: (g * (1 - x), g * (1 + x)), X, X) == []
    found, *_ = repairs(both, lambda g, x, y: (g * (1 - x), g * (1 - x)), X, X)
    assert found.positions == (0, 1)


@pytest.mark.usefixtures("only_signs")
def test_the_repair_of_most_gradients_comes_first() -> None:
    """Then the likeliest."""
    text = "def vjp(g, x, y):\n    t = 1 + x\n    return (g * t, g * t)\n"
    found = repairs(text, lambda g, x, y: (g * (1 - x), g * (1 - x)), X, X)
    counts = [(-len(each.positions), each.cost) for each in found]
    assert counts == sorted(counts)


def test_a_gradient_without_an_answer_in_the_first_case_is_looked_at_where_it_fails() -> None:
    """The case in which the answers differ is the first that is tried."""
    text = "def vjp(g, x):\n    return (g * np.maximum(x, 0.0) + g * np.minimum(x, 0.0) * 1.0,)\n"
    known, samples = asked(text, lambda g, x: (g * x,))
    assert search.repairs(known, samples) == []


def searching(text: str, right: Right, *args: Array) -> search.Search:
    known, samples = asked(text, right, *args)
    return search.Search(Running(known, samples), known)


def test_answers_that_are_no_numbers_are_the_same_too() -> None:
    """Instrumented code gives them in the same entries; other answers, or none, are not those of the code."""
    text = "def vjp(g, x):\n    return (g * np.sqrt(x) * k[0],)\nk = [1.0]\n"
    with quiet():
        looking = searching(text, lambda g, x: (g * x,))
        known = looking._context.subject.vjp.__globals__
        with looking._running:
            assert looking._is_faithful()
            for other in (1.0 + 1e-6, np.ones((2, 1, 1)), "a"):
                known["k"][0] = other
                assert not looking._is_faithful()


def test_a_search_begins_with_a_case_that_fails() -> None:
    """Which gradients are wrong, by all cases; those that are 0 are not looked at."""
    text = "def vjp(g, x, y):\n    return (g * (1 + x), g * y)\n"
    looking = searching(text, lambda g, x, y: (g * (1 - x), g * y), np.zeros((2, 3)), X)
    assert (looking.wrong, looking._right) == ([0], [1])
    assert looking._first is looking._samples[2]
    looking = searching(text, lambda g, x, y: (0 * x, g * (y + 1)), X, X)
    assert (looking.wrong, looking._first is looking._samples[0]) == ([1], True)
    looking = searching(text, lambda g, x, y: (g * (1 + x), g * y), X, X)
    assert (looking.wrong, looking._right, looking._first is looking._samples[0]) == ([], [0, 1], True)


def test_the_four_runs_of_a_view() -> None:
    """As asked, for twice the cotangent, in another case, and for another cotangent."""
    looking = searching("def vjp(g, x):\n    return (g * x,)\n", lambda g, x: (g * x + 1,))
    with quiet(), looking._running:
        view = looking._view()
    values = {each.text: each.values for each in view.places}
    assert [np.array_equal(one, two) for one, two in zip(values["g"], (G, 2 * G, G, G[::-1]), strict=True)] == [
        True
    ] * 4
    assert [np.array_equal(one, two) for one, two in zip(values["x"], (X, X, X + 0.125, X), strict=True)] == [True] * 4
    one, another, other = looking._samples
    assert looking._cases == [(0, one), (2, other), (3, another)]
    assert looking._running.state.most_ticks == 20


def test_what_is_missing_is_looked_for_with_what_places_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the view that all edits are made of, and again where each turn of a loop has what it lacks."""
    looked = []

    def spy(*args: Any) -> Iterator[Edit]:
        looked.append(args)
        return iter(())

    monkeypatch.setattr(search, "_FAMILIES", ((), (), ()))
    monkeypatch.setattr(search, "missing", spy)
    looking = searching("def vjp(g, x):\n    return (g * x,)\n", lambda g, x: (g * x + 1,))
    with quiet(), looking._running:
        assert looking.repairs() == []
    ((view, found, work, correcting),) = looked
    assert (view, work, correcting.running) == (looking._seen, looking._running.work, looking._running)
    assert "g * x" in [each.place.text for each in found]
    one, another, other = looking._samples
    assert [*correcting.samples] == [one, one, other, another]
    assert correcting.runs == view._runs


def test_where_no_value_helps_is_known_beside_what_was_known_before() -> None:
    """Places that had no influence stay excluded."""
    looking = searching("def vjp(g, x):\n    h = x * 2\n    return (g * x,)\n", lambda g, x: (g * x + 1,))
    with quiet(), looking._running:
        view = looking._view()
        influence = Influence(looking._running, view, looking._first, looking.wrong, [])
        before = set(influence.excluded)
        influence.excluded = {ast.Pass()}
        (known,) = influence.excluded
        looking._required(view, influence)
    assert before
    assert before | {known} <= influence.excluded


@pytest.mark.parametrize(("number", "count"), [(1, 1), (3, 0)])
def test_arrays_at_hand_are_tried_until_it_is_known_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, number: int, count: int
) -> None:
    """From then on what each place lacks tells more than trying does."""
    groups = [(replacing.plain_factors,) if each == number else () for each in range(4)]
    monkeypatch.setattr(search, "_FAMILIES", tuple(groups))
    monkeypatch.setattr(search, "missing", lambda *_: iter(()))
    found = repairs("def vjp(g, x):\n    h = np.sin(x)\n    return (g * x,)\n", lambda g, x: (g * x * np.sin(x),))
    assert bool(found) is bool(count)


def test_a_view_of_two_cases_alone() -> None:
    """The other case is also that of the other cotangent; one case alone is all of them."""
    known, samples = asked(WRONG, right)
    for chosen, due in ((samples[::2], samples[2]), (samples[:1], samples[0])):
        looking = search.Search(Running(known, chosen), known)
        with quiet(), looking._running:
            looking._view()
        assert looking._cases == [(0, samples[0]), (2, due), (3, due)]


def test_an_answer_that_is_better() -> None:
    """It makes a wrong gradient right, and leaves those that are right as they are; no answer is none."""
    looking = searching("def vjp(g, x, y):\n    return (g * 1.0, g * y)\n", lambda g, x, y: (g * x, g * y), X, X)
    one = looking._first
    assert looking._improved(one, (G * X, G * X), [0]) == [0]
    assert looking._improved(one, (G * X, G), [0]) == []
    assert looking._improved(one, (G, G * X), [0]) == []
    assert looking._improved(one, (G * X, G * X), []) == []
    assert looking._improved(one, None, [0]) == []


def test_what_comes_nearer_to_the_truth_is_kept() -> None:
    """By a fifth at least, in the due shapes, and without spoiling what is right."""
    looking = searching("def vjp(g, x, y):\n    return (g * x + 1, g * y)\n", lambda g, x, y: (g * x, g * y), X, X)
    place = place_of("x", "x * 1")
    edit = Edit(place, "sign", 1.0, place.expression)
    for left, other, parts in (
        (0.5, G * X, [0.5]),
        (0.81, G * X, []),
        (0.79, G * X, [0.79]),
        (0.5, G, []),
        (1.5, G * X, []),
    ):
        looking._partial = []
        looking._note(edit, (G * X + left, other))
        assert [part for part, _ in looking._partial] == pytest.approx(parts)
    looking._partial = []
    looking._note(edit, ((G * X)[0], G * X))
    assert looking._partial == []


def test_a_sum_with_a_part_left_out_may_make_one_row_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The word says so, where a loop ends too early."""
    monkeypatch.setattr(search, "_FAMILIES", ((indices.steps,),))
    text = "def vjp(g, x):\n    d = 0 * x\n    for i in range({}):\n        d[i] = g[i] * x[i]\n    return (d,)\n"
    assert {each.word for each in repairs(text.format(1), lambda g, x: (g * x,))} == {"last-sample-wrong"}
    text = "def vjp(g, x):\n    d = 0 * x\n    for i in range({}):\n        d += g * x\n    return (d,)\n"
    assert {each.word for each in repairs(text.format(1), lambda g, x: (2 * g * x,))} == {"term-missing"}


@pytest.mark.parametrize(("order", "word"), [([2, 1, 0], "flipped"), ([1, 0, 2], "transposed")])
def test_answers_in_reverse_order_are_flipped(monkeypatch: pytest.MonkeyPatch, order: list[int], word: str) -> None:
    """Whatever two places were exchanged for it."""
    monkeypatch.setattr(search, "_FAMILIES", ((statements.exchanges,),))
    found = repairs(f"def vjp(g, x):\n    return ((g * x)[:, {order}],)\n", lambda g, x: (g * x,))
    assert {each.word for each in found} == {word}


def test_values_are_multiplied_by_constants_after_the_likeliest_edits() -> None:
    """With the second of the groups of families."""
    looking = searching("def vjp(g, x):\n    return (g * x * 2.0,)\n", lambda g, x: (g * x,))
    with quiet(), looking._running, pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_FAMILIES", ((), (), ()))
        patch.setattr(search, "missing", lambda *_: iter(()))
        view = looking._view()
        influence = Influence(looking._running, view, looking._first, looking.wrong, [])
        found = [looking._edits(view, influence, number) for number in range(3)]
    assert influence.scalings
    assert [bool(each) for each in found] == [False, True, False]
    assert sorted(map(id, found[1])) == sorted(map(id, influence.scalings))


def boom(_: View) -> Iterator[Edit]:
    raise RuntimeError("a family stumbles")
    yield


def late(view: View) -> Iterator[Edit]:
    yield from arithmetic.signs(view)
    raise IndexError("at the end")


@pytest.mark.parametrize("families", [((boom, arithmetic.signs),), ((late,),), ((boom,), (arithmetic.signs,))])
def test_an_exception_ends_one_family(monkeypatch: pytest.MonkeyPatch, families: Any) -> None:
    """What the family had found before, and the other families, are tried as ever."""
    monkeypatch.setattr(search, "_FAMILIES", families)
    assert {each.word for each in repairs(WRONG, right)} == {"sign"}


def test_an_exception_in_the_search_for_what_is_missing_leaves_the_other_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are tried as if nothing were known of what places lack."""

    def stumble(*_: Any) -> Any:
        raise ValueError("nothing is missing")

    monkeypatch.setattr(search, "_FAMILIES", ((), (arithmetic.signs,)))
    monkeypatch.setattr(search, "requirements", stumble)
    assert {each.word for each in repairs(WRONG, right)} == {"sign"}
    monkeypatch.setattr(search, "_FAMILIES", ((), (), (arithmetic.signs,)))
    monkeypatch.setattr(search, "missing", stumble)
    assert {each.word for each in repairs(WRONG, right)} == {"sign"}


def test_an_exception_of_a_rule_for_the_word_leaves_the_repair_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place is known all the same."""

    def stumble(_: relations.Relation) -> str:
        raise ValueError("no word")

    monkeypatch.setattr(search, "_FAMILIES", SIGNS)
    monkeypatch.setattr(search, "_REFINED", {"sign": stumble})
    assert {(each.word, each.line) for each in repairs(WRONG, right)} == {("", 3)}


def test_the_rule_of_a_word_may_say_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or nothing: then the word is that of the edit."""
    monkeypatch.setattr(search, "_FAMILIES", SIGNS)
    words = {"1 + t ** 2": "scaled"}
    monkeypatch.setattr(search, "_REFINED", {"sign": lambda relation: words.get(relation.place.text)})
    assert {each.word for each in repairs(WRONG, right) if each.expression in words} == {"scaled"}
    monkeypatch.setattr(search, "_REFINED", {"sign": lambda _: None})
    assert {each.word for each in repairs(WRONG, right)} == {"sign"}


PAIR = "def vjp(g, x):\n    d = g * x\n    d[0] += 1.0\n    d[1] {} 1.0\n    return (d,)\n"


@pytest.mark.parametrize(
    ("sign", "due", "words"),
    [("+=", [[0.0], [0.0]], {"extra-term"}), ("+=", [[-1.0], [-1.0]], {"sign"}), ("+=", [[0.0], [-1.0]], set()),
     ("+=", [[1.0], [0.0]], {"extra-term"}), ("-=", [[-1.0], [0.0]], set())],
)  # fmt: skip
def test_two_edits_of_one_kind(monkeypatch: pytest.MonkeyPatch, sign: str, due: Any, words: set[str]) -> None:
    """They are tried together where each of them repairs a part; two of two kinds are two mistakes without a word."""
    monkeypatch.setattr(search, "_FAMILIES", ((statements.stores,),))
    found = repairs(PAIR.format(sign), lambda g, x: (g * x + due,))
    assert {each.word for each in found} == words
    assert all(each.positions == (0,) for each in found)


def test_a_search_ends_after_so_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not begun where too few edits could be tried."""
    text = "def vjp(g, x):\n    for i in range(40):\n        x = x * 1.0\n    return (g * (1 + np.tanh(x) ** 2),)\n"
    assert [each.word for each in repairs(text, right)][:1] == ["sign"]
    for steps in (1_000, 30_000):
        monkeypatch.setattr("reference.numerics.likeness.REPAIR_STEPS", steps)
        assert repairs(text, right) == []


def test_the_likely_edits_may_not_take_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are left for what is missing, and for the edits that come with it."""
    monkeypatch.setattr(search, "_PART_BEFORE", 0.0)
    for families, count in (
        (((arithmetic.signs,),), 0),
        (((), (arithmetic.signs,)), 0),
        (((), (), (arithmetic.signs,)), 1),
    ):
        monkeypatch.setattr(search, "_FAMILIES", families)
        assert bool(repairs(WRONG, right)) is bool(count)


def test_a_store_into_an_array_that_nothing_else_has_is_no_edit() -> None:
    """It leaves the statement out, which is another edit."""
    body = "d = v * 0; d[1:] = u[1:]; return d"
    stored = place_of("d", body)
    for new, is_lost in (("v * 2", True), ("np.zeros(4)", True), ("u", False), ("c[0, 0]", False), ("x.T", False)):
        edit = Edit(stored, "sign", 1.0, ast.parse(new, mode="eval").body)
        assert search._stores_nowhere(edit) is is_lost
    assert not search._stores_nowhere(Edit(place_of("u", body), "sign", 1.0, ast.parse("v * 2", mode="eval").body))
    assert not search._stores_nowhere(Edit(stored, "sign", 1.0, None, {}))
    deep = place_of("d", "d = x * 0; d[1:][0] = u; return d")
    assert search._stores_nowhere(Edit(deep, "sign", 1.0, ast.parse("v * 2", mode="eval").body))
    index = place_of("n", "d = v * 0; d[n] = u[n]; return d")
    assert not search._stores_nowhere(Edit(index, "sign", 1.0, ast.parse("n + 1", mode="eval").body))
