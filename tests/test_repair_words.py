"""What the inverse of an edit is called, by the place, by what stands there and by what is due."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference.gradients.repair import naming, search
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.search import Repair
from reference.gradients.repair.view import Part
from tests.repair_views import place_of, view_of

pytestmark = pytest.mark.catalogue


def place_and_part(body: str, wrong: str, due: str) -> tuple[Place, Part]:
    """The first place of an expression where something else is at hand, and that part."""
    view = view_of(body)
    places = [each for each in view.places if each.text == wrong]
    return next((place, part) for place in places for part in view.parts(place) if part.text == due)


#: Lines, what stands there, what is due, and what that is called.
REPLACED = [
    # By what the place is for.
    ("v[n:] * u[at[0]]", "n", "at[0]", "shifted"),
    ("v[n] * u[at[0]]", "n", "at[0]", "wrong-argument"),
    ("np.roll(v, n) * u[at[0]]", "n", "at[0]", "wrong-argument"),
    ("np.arange(n) * u[at[0]]", "n", "at[0]", "wrong-argument"),
    ("x * (y > limit) * eps", "limit", "eps", "mask-wrong-threshold"),
    ("x * (y > limit) * u", "y", "u", "mask-from-other"),
    ("x * (g > limit) * u", "g", "u", "mask-from-delta"),
    ("h = g * 2; return x * (g > limit) * h", "g", "h", "mask-from-other"),
    ("m = x > limit; k = y > limit; return x * m", "m", "k", "mask-from-other"),
    # By what is due.
    ("x + 0 * y", "0", "y", "term-missing"),
    ("x + 0 * limit", "0", "limit", "scaled"),
    ("x * 1 * y", "1", "y", "wrong-argument"),
    ("x * y", "x", "g", "delta-next-ignored"),
    ("h = g + 0; return h * y", "h", "g", "wrong-argument"),
    ("x * n * limit", "n", "limit", "scaled"),
    ("x + eps * limit", "eps", "limit", "other-epsilon"),
    ("x + 0.7 - limit", "0.7", "limit", "other-epsilon"),
    ("x + 2.0 - limit", "2.0", "limit", "scaled"),
    ("x + (n + limit) * n", "n + limit", "n", "scaled"),
    # By the numbers.
    ("h = 2.5 * x; return x * y + h", "x", "h", "wrong-argument"),
    ("h = 2.5 * g; return g * y[0, 0] + h", "g", "h", "scaled"),
    ("h = 2.5 * x; return (x + 0.0) * y + h", "x + 0.0", "h", "scaled"),
    ("h = -x; return h * y + x", "h", "x", "sign"),
    ("(x * 2.0) * y + x", "x * 2.0", "x", "scaled"),
    ("h = x * 0; return x * y + h", "x", "h", "wrong-argument"),
    ("h = g * x; return h * y", "h", "g", "factor-missing"),
    ("h = g * x; k = g / x; return h * y + k", "h", "k", "factor-missing"),
    ("h = g + x; return h * y", "h", "g", "delta-next-ignored"),
    ("h = x * x; return h * y", "h", "x", "wrong-argument"),
    ("h = x * at; return h * y", "h", "x", "wrong-argument"),
    ("h = v * (1.0 * small); return h * x", "h", "v", "wrong-argument"),
    # By the code, where a part is made of what it stands for.
    ("np.sin(x) + (np.sin(x) * y) * u", "np.sin(x)", "np.sin(x) * y", "factor-missing"),
    ("np.sin(x) + (y / np.sin(x)) * u", "np.sin(x)", "y / np.sin(x)", "factor-missing"),
    ("np.sin(x) * (np.sin(x) + y)", "np.sin(x)", "np.sin(x) + y", "term-missing"),
    ("np.sin(x) * (y - np.sin(x))", "np.sin(x)", "y - np.sin(x)", "term-missing"),
    ("np.sin(x) * np.sin(x) ** y", "np.sin(x)", "np.sin(x) ** y", "wrong-argument"),
    ("h = v * v + limit; return h + 2 / (v * v)", "v * v", "h", "other-epsilon"),
    ("h = v * v + u; return h + 2 / (v * v)", "v * v", "h", "term-missing"),
    ("h = v * v + limit; h = h * 1; return h + 2 / (v * v)", "v * v", "h", "wrong-argument"),
    ("h = v * v * u; return h + 2 / (v * v)", "v * v", "h", "factor-missing"),
    ("h = v + limit; return h * v", "v", "h", "wrong-argument"),
    ("u[0] * x + (u[0] * v[1]) * y", "u[0]", "u[0] * v[1]", "factor-missing"),
    ("u[0] * x + (u[0] * 3.0) * y", "u[0]", "u[0] * 3.0", "scaled"),
    # By the code, where other entries are due.
    ("x[0] * v + x[1]", "x[0]", "x[1]", "shifted"),
    ("s[0, 1] * v[0] + s[1, 0]", "s[0, 1]", "s[1, 0]", "transposed"),
    ("s[0, 1] * v[0] + s[0, 0]", "s[0, 1]", "s[0, 0]", "shifted"),
    ("s[1] * v[0] + t[2]", "s[1]", "t[2]", "wrong-argument"),
    ("i = 1; return x[3 - 1 - i] * v[0] + x[i]", "x[3 - 1 - i]", "x[i]", "flipped"),
    ("i = 1; return x[i] * v[0] + x[2 - i]", "x[i]", "x[2 - i]", "flipped"),
    ("i = 1; return x[i - 1] * v[0] + x[i]", "x[i - 1]", "x[i]", "shifted"),
    ("x[:2].T * v[:2] + x[1:].T", "x[:2].T", "x[1:].T", "shifted"),
    ("x[:2].T * v[:2] + x.T[:, 1:]", "x[:2].T", "x.T[:, 1:]", "wrong-argument"),
    ("p = {'a': x, 'b': y}; return p['a'] * v + p['b']", "p['a']", "p['b']", "wrong-argument"),
    # By the code, where another axis is due.
    ("along(x, 0) * v + along(x, 1)", "along(x, 0)", "along(x, 1)", "wrong-axis"),
    ("along(x, 0) * v + along(y, 0)", "along(x, 0)", "along(y, 0)", "wrong-argument"),
    ("along(x, 0) * v + along(y, 1)", "along(x, 0)", "along(y, 1)", "wrong-argument"),
    ("np.cumsum(x, 0) * v + np.cumsum(x, 1)", "np.cumsum(x, 0)", "np.cumsum(x, 1)", "wrong-argument"),
    ("softplus(x) * v + half(x)", "softplus(x)", "half(x)", "wrong-argument"),
    ("f = along; return along(x, 0) * v + f(x, 1)", "along(x, 0)", "f(x, 1)", "wrong-argument"),
    ("f = along; return f(x, 0) * v + f(x, 1)", "f(x, 0)", "f(x, 1)", "wrong-argument"),
    ("along(x, 0) * v + along(x, axis=1)", "along(x, 0)", "along(x, axis=1)", "wrong-argument"),
    # By the code, where a part of it is due alone.
    ("np.sin(x) * y + u * (np.sin(x) * y) ", "np.sin(x) * y", "np.sin(x)", "extra-factor"),
    ("(np.sin(x) / y) * u", "np.sin(x) / y", "np.sin(x)", "extra-factor"),
    ("(np.sin(x) - y) * u", "np.sin(x) - y", "np.sin(x)", "extra-term"),
    ("(np.sin(x) + y) * u", "np.sin(x) + y", "y", "extra-term"),
    ("(np.sin(x) * y + y) * u", "np.sin(x) * y + y", "np.sin(x)", "extra-term"),
    ("(np.sin(x) ** y) * u", "np.sin(x) ** y", "np.sin(x)", "wrong-argument"),
    ("(y * (np.sin(x) + y)) * u", "y * (np.sin(x) + y)", "np.sin(x)", "wrong-argument"),
]


@pytest.mark.parametrize(("body", "wrong", "due", "word"), REPLACED)
def test_a_value_that_stands_where_another_is_due(body: str, wrong: str, due: str, word: str) -> None:
    """The word tells how the two differ, if that is known, and else that it is another one."""
    assert naming.of_replacement(*place_and_part(body, wrong, due)) == word


#: Lines, where something is missing, what it is, and what that is called: as a factor, as a divisor and as a term.
MISSING = [
    ("x * y", "x", "y", "factor-missing", "factor-missing", "term-missing"),
    ("x * y", "x", "x", "factor-missing", "factor-missing", "scaled"),
    ("x * y * limit", "x", "limit", "scaled", "scaled", "other-epsilon"),
    ("x * y * n", "x", "n", "scaled", "scaled", "term-missing"),
    ("k = 3.0; return x * y * k", "x", "k", "scaled", "scaled", "term-missing"),
    ("x * y * at", "x", "at", "factor-missing", "factor-missing", "term-missing"),
    ("m = (y > limit) * 1.0; return x * m", "x", "m", "mask-missing", "mask-missing", "term-missing"),
    ("x * y + g", "x", "g", "delta-next-ignored", "delta-next-ignored", "term-missing"),
    ("h = g * x; return h * y + g", "h", "g", "factor-missing", "wrong-argument", "term-missing"),
    ("x * (y > limit)", "y", "x", "factor-missing", "factor-missing", "mask-wrong-threshold"),
    ("np.exp(x) * y", "x", "y", "factor-missing", "factor-missing", "wrong-argument"),
    ("np.exp(x + u) * y", "x + u", "y", "factor-missing", "factor-missing", "term-missing"),
    ("np.exp(x) * limit", "x", "limit", "scaled", "scaled", "other-epsilon"),
    ("np.sum(x) * y", "x", "y", "factor-missing", "factor-missing", "term-missing"),
    ("np.exp(g) * y", "g", "y", "factor-missing", "factor-missing", "term-missing"),
    ("h = x * y; return h * u", "h", "y", "factor-missing", "wrong-argument", "term-missing"),
    ("h = x * y; return u * v * h", "u", "x", "factor-missing", "wrong-argument", "term-missing"),
    ("h = x * u * y; return v * h", "v", "u", "factor-missing", "wrong-argument", "term-missing"),
    ("h = x + y; return h * u", "h", "y", "factor-missing", "factor-missing", "term-missing"),
    ("h = x - y; return u * (h > limit)", "x - y", "limit", "scaled", "scaled", "mask-wrong-threshold"),
    ("h = x - y; return h * (h > limit)", "x - y", "limit", "scaled", "scaled", "other-epsilon"),
    ("h = x - y; return u * (h > v)", "x - y", "v", "factor-missing", "factor-missing", "term-missing"),
    ("m = np.array([0, 2.5, 2.5, 0]); return x * m", "x", "m", "mask-missing", "mask-missing", "term-missing"),
    ("m = np.array([0, 2.5, 0, 0]); return x * m", "x", "m", "factor-missing", "factor-missing", "term-missing"),
    ("m = np.full(4, 2.5); return x * m", "x", "m", "factor-missing", "factor-missing", "term-missing"),
    (
        "m = 2.5 * (v > v[1]); m[0] *= v[0]; m[2:] *= v[0]; return x * m",
        "x",
        "m",
        "factor-missing",
        "factor-missing",
        "term-missing",
    ),
    ("h = x * y; return u + v * h", "u", "y", "factor-missing", "factor-missing", "term-missing"),
]


@pytest.mark.parametrize(("body", "where", "what", "factor", "divisor", "term"), MISSING)
def test_what_is_missing(body: str, where: str, what: str, factor: str, divisor: str, term: str) -> None:
    """The word tells what it is for; a divisor is part of the name that stands for a product with it."""
    place, part = place_and_part(body, where, what)
    found = [function(place, part) for function in (naming.of_factor, naming.of_divisor, naming.of_term)]
    assert found == [factor, divisor, term]


#: Lines, two expressions, and what it is called that they stand in each other's place.
EXCHANGED = [
    ("s[0, 1] * v", "0", "1", "transposed"),
    ("x * y", "x", "y", "wrong-argument"),
    ("g * (g + 0)", "g", "g + 0", "swapped"),
    ("g * (2 * g)", "g", "2 * g", "swapped"),
    ("at * order * v", "at", "order", "transposed"),
    ("at * v", "at", "v", "wrong-argument"),
    ("p = [0, 1]; q = [1, 2]; return s[p, q]", "p", "q", "transposed"),
    ("p = [0, 1]; q = [1, x]; return s[p].sum() * q[1]", "[0, 1]", "[1, x]", "wrong-argument"),
    ("n * v + 1", "n", "1", "wrong-argument"),
]


@pytest.mark.parametrize(("body", "one", "two", "word"), EXCHANGED)
def test_two_values_in_each_others_place(body: str, one: str, two: str, word: str) -> None:
    """Two indices are transposed, two parts of the cotangent are swapped, and others stand where they are not due."""
    places = view_of(body).places
    first, second = ([each for each in places if each.text == text][-1] for text in (one, two))
    assert naming.of_exchange(first, second) == naming.of_exchange(second, first) == word
    assert naming.of_exchange(None, second) == naming.of_exchange(first, None) == "wrong-argument"


#: Lines, a place, and the word for an edit of it that says only that a factor, or a term, is missing.
FINAL = [
    ("x * y", "y", "factor-missing", "term-missing"),
    ("x * (y > limit)", "y", "mask-from-other", "mask-from-other"),
    ("x * (y > limit)", "limit", "mask-wrong-threshold", "mask-wrong-threshold"),
    ("v[n] * u", "n", "shifted", "shifted"),
    ("v[::n] * limit", "n", "flipped", "flipped"),
    ("np.roll(v, n)", "n", "shifted", "shifted"),
    ("np.arange(n) * limit", "n", "factor-missing", "term-missing"),
    ("k = n + 1; return v[k] * u", "1", "shifted", "shifted"),
    ("k = n + 1; return v[k:] * (k > 2)", "n", "shifted", "shifted"),
    ("k = n + 1; return v[k] * k", "1", "scaled", "scaled"),
    ("k = n + 1; return v", "1", "scaled", "scaled"),
    ("k = 1.0; return v * k", "1.0", "scaled", "scaled"),
    ("x * limit", "limit", "scaled", "scaled"),
    ("x + limit", "limit", "other-epsilon", "other-epsilon"),
    ("x * eps", "eps", "other-epsilon", "other-epsilon"),
    ("x + 0", "0", "scaled", "term-missing"),
    ("x + 0 * y", "0 * y", "factor-missing", "term-missing"),
    ("v if True else u", "True", "factor-missing", "term-missing"),
    ("np.sum(x, keepdims=True)", "True", "factor-missing", "term-missing"),
    ("np.sum(x, axis=0)", "0", "factor-missing", "term-missing"),
    ("x ** 2", "2", "factor-missing", "term-missing"),
    ("[v, x][n - 1]", "[v, x]", "factor-missing", "term-missing"),
]


@pytest.mark.parametrize(("body", "where", "factor", "term"), FINAL)
def test_the_word_by_what_the_place_is_for(body: str, where: str, factor: str, term: str) -> None:
    """An index is shifted, a limit is another one, a constant is scaled; a word that says more is kept."""
    place = next(each for each in view_of(body).places if each.text == where)
    assert naming.final(Edit(place, "factor-missing", 1.0)) == factor
    assert naming.final(Edit(place, lambda: "term-missing", 1.0)) == term
    assert naming.final(Edit(place, "swapped", 1.0)) == "swapped"


def test_the_word_for_a_statement_is_kept() -> None:
    """A statement is for nothing else."""
    (place,) = view_of("x + y").statements()
    assert naming.final(Edit(place, "factor-missing", 1.0)) == "factor-missing"


#: An answer, the truth, and whether the answer is in reverse order.
REVERSED = [
    ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], True), ([1.0, 2.0, 3.0], [3.0, 1.0, 2.0], False),
    ([1.0, 2.0], [2.0, 1.0], False), ([[1.0, 2.0, 4.0], [3.0, 0.0, 5.0]], [[4.0, 2.0, 1.0], [5.0, 0.0, 3.0]], True),
    ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 3.0], [2.0, 4.0]], False), ([1.0, 2.0, 3.0], [3.0, 2.0], False),
    ([[3.0, 2.0, 1.0]], [1.0, 2.0, 3.0], False),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "truth", "expected"), REVERSED)
def test_which_answers_are_in_reverse_order(answer: Any, truth: Any, expected: bool) -> None:
    """Those with all entries along an axis the other way round, where that is no chance; one that is not tells."""
    pair = np.array(answer), np.array(truth)
    assert naming.are_reversed([pair]) is expected
    assert not naming.are_reversed([pair, (np.arange(4.0), np.arange(4.0))])


#: A constant, whether it is a term, and whether it keeps something from 0.
EPSILONS = [
    (0.01, False, True), (-0.01, False, True), (0.05, False, True), (0.06, False, False), (0.06, True, True),
    (2.5, True, True), (-2.5, True, True), (2.0, True, False), (0.0, True, False), (0.0, False, False),
    (2.5, False, False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "is_term", "expected"), EPSILONS)
def test_which_constants_keep_something_from_zero(value: float, is_term: bool, expected: bool) -> None:
    """Small ones, and terms that are no whole numbers."""
    assert naming.is_epsilon(value, is_term=is_term) is expected


#: Errors of the gradients of two arguments, and the word for where they are.
WHERE: list[tuple[list[Any], str | None]] = [
    ([[0.0, 1.0], [1.0, 0.0]], "entry-wrong"),
    ([[0.0, 1.0], [0.0, 0.0]], "entry-wrong"),
    ([[0.0, 1.0], [1.0, 1.0]], None),
    ([[], [0.0, 1.0]], "entry-wrong"),
    ([[], []], None),
    ([[[0.0, 1.0], [0.0, 0.0]], [1.0, 0.0]], "row-wrong"),
    ([[[0.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [2.0, 1.0]]], "last-sample-wrong"),
    ([[[0.0, 0.0], [0.0, 1.0]], [[2.0, 1.0], [0.0, 0.0]]], "row-wrong"),
    ([[[[1.0, 0.0]], [[0.0, 0.0]]], [[[0.0, 0.0]], [[0.0, -1.0]]]], "row-wrong"),
]  # fmt: skip


@pytest.mark.parametrize(("errors", "word"), WHERE)
def test_where_errors_are(errors: list[Any], word: str | None) -> None:
    """One word for all gradients; where several are due, that a row is wrong."""
    assert naming.of_one_place([np.array(each) for each in errors]) == word


def test_a_word_is_computed_when_it_is_asked_for() -> None:
    """Most edits need none, so that a function stands for it until then, and it is called once."""
    asked: list[int] = []

    def called() -> str:
        asked.append(1)
        return "sign"

    function: Callable[[], str] = called
    (place,) = view_of("x + y").statements()
    edit = Edit(place, function, 1.0, ast.Constant(value=1))
    assert not asked
    assert edit.word == edit.word == "sign"
    assert asked == [1]


def test_values_of_other_shapes_in_another_run_have_no_ratio() -> None:
    """Such as entries that are chosen by the signs of the cotangent: no factor leads from one to the other."""
    place, part = place_and_part("h = g * x; return h * y", "h", "g")
    assert naming.of_replacement(place, part) == "factor-missing"
    place.values = (*place.values[:3], place.values[3][1:])
    part.values = (*part.values[:3], part.values[3][1:])
    assert naming.of_replacement(place, part) == "wrong-argument"


def repair(word: str, cost: float, positions: tuple[int, ...] = (0,), *, is_solved: bool | None = True) -> Repair:
    edit = None if is_solved is None else Edit(place_of("x", "x * 1"), word, cost, is_solved=is_solved)
    return Repair(word, "file.py", 1, "x * 1", "x", positions, cost, edit)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([repair("sign", 1.0), repair("scaled", 1.05)], ["sign", ""]),
        ([repair("sign", 1.0), repair("scaled", 1.0)], ["", ""]),
        ([repair("sign", 1.03), repair("scaled", 1.0, is_solved=False)], ["", "scaled"]),
        ([repair("sign", 1.0), repair("scaled", 1.03, is_solved=False)], ["", "scaled"]),
        ([repair("sign", 1.0), repair("scaled", 1.05, is_solved=False)], ["sign", "scaled"]),
        ([repair("sign", 1.0), repair("sign", 1.0)], ["sign", "sign"]),
        ([repair("sign", 1.0), repair("scaled", 1.0, (1,))], ["sign", "scaled"]),
        ([repair("sign", 1.0, (0, 1)), repair("scaled", 1.0, (1,))], ["", ""]),
        ([repair("sign", 1.0, is_solved=None), repair("scaled", 1.0, is_solved=None)], ["sign", "scaled"]),
        ([repair("sign", 1.0, is_solved=False), repair("scaled", 1.0, is_solved=False)], ["sign", "scaled"]),
    ],
)  # fmt: skip
def test_a_computed_edit_with_a_rival_has_no_word(found: list[Repair], words: list[str]) -> None:
    """Another one is a rival where it is as simple, repairs one of the same gradients, and has another word."""
    assert [each.word for each in search._without_rivals(found)] == words


def test_a_repair_by_the_name_of_another_array() -> None:
    """One that was found elsewhere tells it of none."""
    place = place_of("x", "x * y")
    for new, is_one in (("y", True), ("np.sin(x)", False)):
        edit = Edit(place, "wrong-argument", 1.0, ast.parse(new, mode="eval").body)
        assert search._repair(edit, (0,), "wrong-argument").is_renamed is is_one
    assert not repair("wrong-argument", 1.0, is_solved=None).is_renamed


def test_the_place_of_a_repair() -> None:
    """The first lines of the statement and of what is changed, which may be the statement itself."""
    view_place = place_of("u * 2", "d = v * 1; d = d + u * 2; return d")
    made = search._repair(Edit(view_place, "sign", 1.25, view_place.expression), (0, 2), "sign")
    assert (made.source, made.expression, made.line, made.file) == ("d = d + u * 2", "u * 2", 3, "<view>")
    assert (made.word, made.positions, made.cost) == ("sign", (0, 2), 1.25)
    (after, *_) = view_of("d = v * 1; d += u; return d * 1").afters
    made = search._repair(Edit(after, "sign", 1.25, after.expression), (0,), "sign")
    assert (made.source, made.expression, made.line) == ("d", "d", 3)
    statement = next(iter(view_of("if n > 1:\n  d = u\nreturn d").statements()))
    made = search._repair(Edit(statement, "sign", 1.25, None, {}), (0,), "sign")
    assert (made.source, made.expression, made.line) == ("if n > 1:", "if n > 1:", 2)
