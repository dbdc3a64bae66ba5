"""What a wrong value is called by how it differs from the right one, in its numbers or in its code."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.repair import naming, relations
from reference.gradients.repair.places import Edit
from reference.gradients.repair.relations import Relation, of_factors, of_withheld, word_of
from tests.test_repair_edits import view_of

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
Rule = Callable[[Relation], str | None]
Make = Callable[[Array], Array]

#: What the code does before; the wrong expression; the right one; the word, or None where nothing more is known.
ROWS: list[tuple[str, str, str, str | None]] = [
    # Seen in the numbers.
    ("h = 2.5 * x", "h", "x", None),  # by the name of another array of the forward pass
    ("h = 2.5 * x", "h", "x + 0.0", "scaled"),
    ("h = -x", "h", "x", "sign"),
    ("h = np.diag(np.diag(s))", "h", "s", "jacobian-diagonal-only"),
    ("h = np.diag(np.diag(s))", "s", "h", "extra-term"),
    ("h = x * (y > limit)", "x", "h", "mask-missing"),
    ("h = np.where(y > limit, x, 0.0); k = np.where(y > limit, 0.0, x)", "h", "k", "mask-inverted"),
    ("h = x - limit; k = np.maximum(h, 0.0)", "h", "k", None),
    ("h = s.T", "s", "h", "transposed"),
    ("h = s.T", "h", "s", "transposed"),
    ("h = v[::-1]", "h", "v", "flipped"),
    ("h = x[:, ::-1]", "x", "h", "flipped"),
    ("h = np.roll(v, 1)", "h", "v", "shifted"),
    ("h = np.roll(v, -1)", "h", "v", "shifted"),
    ("h = np.roll(x, 1, axis=1)", "x", "h", "shifted"),
    ("h = np.roll(v, 2)", "h", "v", None),
    ("", "x", "y", None),
    ("h = x * y", "y ** 2", "h", None),
    ("h = x + 0 * y", "x", "h", "term-missing"),
    ("h = x * (y > 0)", "x", "h", "mask-missing"),
    # Seen in the code.
    ("h = np.sqrt(x + eps)", "np.sqrt(x)", "h", "other-epsilon"),
    ("h = np.sqrt(x + 0.1)", "h", "np.sqrt(x)", "other-epsilon"),
    ("h = np.sqrt(x); k = np.sqrt(x + 0.1)", "h", "k", "other-epsilon"),
    ("h = np.exp(x + y)", "np.exp(x)", "h", "term-missing"),
    ("h = np.exp(x + y)", "h", "np.exp(x)", "extra-term"),
    ("h = np.exp(x * y)", "np.exp(x)", "h", "factor-missing"),
    ("h = np.exp(x * y)", "h", "np.exp(x)", "extra-factor"),
    ("h = np.exp(x / y)", "np.exp(x)", "h", "factor-missing"),
    ("m = (y > limit); h = np.exp(x * m)", "np.exp(x)", "h", "mask-missing"),
    ("m = (y > limit) * 3.0; h = np.exp(x * m)", "np.exp(x)", "h", "factor-missing"),
    ("", "x", "np.abs(x)", None),  # the same in all samples
    ("h = np.exp(x * 3.0)", "np.exp(x)", "h", "scaled"),
    ("h = np.exp(x - y)", "np.exp(x + y)", "h", None),
    ("h = 1.0 / x", "1.0 / x.sum()", "h.sum()", None),
]


def relation(body: str, wrong: str, right: str) -> Relation:
    """Of two expressions behind the statements of a code."""
    view = view_of("; ".join([*filter(None, [body]), f"return ({wrong}) * 1.0"]))
    *_, place = (each for each in view.places if each.text == wrong and isinstance(each.parent, ast.BinOp))
    return Relation(view, place, ast.parse(right, mode="eval").body)


@pytest.mark.parametrize(("body", "wrong", "right", "word"), ROWS)
def test_the_word_tells_how_the_two_differ(body: str, wrong: str, right: str, word: str | None) -> None:
    """The narrowest that holds in all samples; none for two arrays of which nothing more is known."""
    assert word_of(relation(body, wrong, right)) == word


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("x / places.sum()", "scaled"),
        ("x / places.sum() ** 2", "scaled"),
        ("x * places.sum()", None),
        ("x / (places.sum() + x)", None),
        ("places.sum() / x", None),
        ("x / (g.sum() * places).sum()", None),
    ],
)
def test_a_constant_divisor_scales(expression: str, word: str | None) -> None:
    """What is counted or summed for it does not depend on the arguments, and is a number; else it is no constant."""
    view = view_of(f"return {expression}")
    place = next(each for each in view.places if each.text == "places")
    assert word_of(Relation(view, place, ast.parse("order", mode="eval").body)) == word


@pytest.mark.parametrize(
    ("body", "expression", "word"),
    [
        ("h = x + y; return (h - y) * 1.0", "h - y", "term-missing"),
        ("h = x * y; return (h - y) * 1.0", "h - y", None),
        ("h = x + y; return (h - x - y) * 1.0", "h - x - y", None),
        ("return (x - y) * 1.0", "x - y", None),
        ("h = x - y; return (h + y) * 1.0", "h + y", None),
    ],
)
def test_what_is_taken_off_again_is_missing(body: str, expression: str, word: str | None) -> None:
    """A bias that is taken off the sum which it is part of does not enter."""
    view = view_of(body)
    place = next(each for each in view.places if each.text == expression)
    assert of_withheld(Relation(view, place, ast.parse("x", mode="eval").body)) == word


@pytest.mark.parametrize(
    ("body", "wrong", "right", "word"),
    [
        ("h = x * y", "h", "x", "extra-factor"),
        ("h = x / y", "h", "x", "extra-factor"),
        ("h = x * y", "x", "h", None),
        ("h = x + y", "h", "x", None),
    ],
)
def test_a_value_with_a_factor_has_one_too_many(body: str, wrong: str, right: str, word: str | None) -> None:
    """By what the name of the wrong value was given; a factor that is missing keeps its word."""
    assert of_factors(relation(body, wrong, right)) == word


@pytest.mark.parametrize(
    ("body", "part", "word"),
    [
        ("i = n; return v[i:] * 1.0", "n", "shifted"),
        ("i = n + 1; return v[i] * u", "n", "shifted"),
        ("i = n; return v[i] * i", "n", "scaled"),
        ("return v[n] * u", "n", "shifted"),
        ("return np.roll(v, n)", "n", "shifted"),
        ("return v * n", "n", "scaled"),
        ("i = places; return v[i] * u", "places", "factor-missing"),
    ],
)
def test_a_wrong_index_is_a_shift(body: str, part: str, word: str) -> None:
    """So is a wrong number of which an index is made; a number that is also used as a value has its own word."""
    place = next(each for each in view_of(body).places if each.text == part)
    assert naming.final(Edit(place, "factor-missing", 1.0)) == word


A, B = (
    np.array([[1.0, 2.0, 3.0], [4.0, 5.5, 6.0], [7.0, 8.0, 9.25]]),
    np.array([[2.0, 1.0, 4.0], [0.5, 3.0, 7.0], [6.0, 5.0, 8.0]]),
)
EYE, MASK, RELU = np.eye(3), np.array([1.0, 0.0, 1.0]), np.array([[-1.0, 2.0, 3.0]] * 3)

#: A rule, the wrong values and the right ones of two cases, and the word.
NUMBERS: list[tuple[Rule, Make, Make, str | None]] = [
    (relations._scaled, lambda a: a, lambda a: 3 * a, "scaled"), (relations._scaled, lambda a: a, lambda a: -a, "sign"),
    (relations._scaled, lambda a: a, lambda a: -1.0001 * a, "scaled"),
    (relations._scaled, lambda a: a, lambda a: a * a.max(), None),
    (relations._scaled, lambda a: a, lambda a: 0 * a, None), (relations._scaled, lambda a: 0 * a, lambda a: a, None),
    (relations._scaled, lambda a: a, lambda a: a + 1, None),
    (relations._scaled, lambda a: a * (a.max() > 9), lambda a: 3 * a * (a.max() > 9), "scaled"),
    (relations._diagonal, lambda a: EYE * a, lambda a: a, "jacobian-diagonal-only"),
    (relations._diagonal, lambda a: a, lambda a: EYE * a, None),
    (relations._diagonal, lambda a: EYE * a, lambda a: EYE * a, None),
    (relations._diagonal, lambda a: (EYE * a)[:2], lambda a: a[:2], None),
    (relations._diagonal, lambda a: a[0], lambda a: a[0], None),
    (relations._diagonal, lambda a: np.stack([EYE * a] * 2), lambda a: np.stack([a] * 2), "jacobian-diagonal-only"),
    (relations._masked, lambda a: a, lambda a: a * MASK, "mask-missing"),
    (relations._masked, lambda a: a, lambda a: a * EYE, "extra-term"),
    (relations._masked, lambda a: a * MASK, lambda a: a * (1 - MASK), "mask-inverted"),
    (relations._masked, lambda a: a, lambda a: 2 * a * MASK, None),
    (relations._masked, lambda a: RELU * a, lambda a: np.maximum(RELU * a, 0), None),
    (relations._masked, lambda a: RELU * a * MASK, lambda a: np.maximum(RELU * a * MASK, 0), None),
    (relations._moved, lambda a: a[:, :0], lambda a: a[:, :0], None),
    (relations._masked, lambda a: a[:1, :1], lambda a: a[:1, :1], None),
    (relations._masked, lambda a: 0 * a, lambda a: a, None), (relations._masked, lambda a: a, lambda a: 0 * a, None),
    (relations._masked, lambda a: a[:, :1], lambda a: a[:, :1] * MASK[:, None], "mask-missing"),
    (relations._turned, lambda a: a, lambda a: a.T, "transposed"),
    (relations._turned, lambda a: a, lambda a: a + 1, None),
    (relations._turned, lambda a: a[:1, :1], lambda a: a[:1, :1], None),
    (relations._turned, lambda a: a[:2], lambda a: a[:2], None),
    (relations._turned, lambda a: a[0], lambda a: a[0], None),
    (relations._moved, lambda a: a, lambda a: a[::-1], "flipped"),
    (relations._moved, lambda a: a, lambda a: a[:, ::-1], "flipped"),
    (relations._moved, lambda a: a[:2, :2], lambda a: a[1::-1, :2], None),
    (relations._moved, lambda a: a, lambda a: np.roll(a, 1, 0), "shifted"),
    (relations._moved, lambda a: a, lambda a: np.roll(a, -1, 1), "shifted"),
    (relations._moved, lambda a: a, lambda a: np.vstack([a[1:], 0 * a[:1]]), "shifted"),
    (relations._moved, lambda a: a, lambda a: a + 1, None),
    (relations._moved, lambda a: np.ones((3, 3)), lambda a: np.ones((3, 3)), None),
    (relations._moved, lambda a: a[0, 0], lambda a: a[0, 0], None),
    (relations._moved, lambda a: a[0] + 0 * a, lambda a: np.vstack([a[1:2], (a[0] + 0 * a)[1:]]), None),
    (relations._moved, lambda a: a[0] + 0 * a, lambda a: a[0, ::-1] + 0 * a, "flipped"),
]  # fmt: skip


@cache
def plain() -> Relation:
    return relation("h = x", "h", "x")


def of_pairs(pairs: list[tuple[Array, Array]]) -> Relation:
    """A relation of which nothing but these values is looked at."""
    given = Relation(plain().view, plain().place, plain().new)
    given.__dict__["pairs"] = pairs
    return given


@pytest.mark.parametrize(("rule", "wrong", "right", "word"), NUMBERS)
def test_what_two_arrays_have_to_do_with_each_other(rule: Rule, wrong: Make, right: Make, word: str | None) -> None:
    """Each rule by itself: a factor, a diagonal, a mask, a transpose, or another order, in all cases."""
    assert rule(of_pairs([(np.asarray(wrong(a)), np.asarray(right(a))) for a in (A, B)])) == word


def test_what_is_so_in_one_case_alone_has_no_word() -> None:
    """A relation holds in all of them; a case without numbers tells nothing."""
    rules = (
        (relations._scaled, 3 * A),
        (relations._turned, A.T),
        (relations._moved, A[::-1]),
        (relations._masked, A * MASK),
    )
    for rule, right in rules:
        assert rule(of_pairs([(A, right), (B, B + 1)])) is None
    assert relations._diagonal(of_pairs([(EYE * A, A), (B, B)])) is None
    assert relations._masked(of_pairs([(A, A * MASK), (0 * A, B)])) == "mask-missing"
    assert relations._scaled(of_pairs([(0 * A, 0 * A), (A, 2 * A)])) == "scaled"


def test_values_that_cannot_be_compared() -> None:
    """Of other shapes, or no numbers: then the code alone tells."""
    assert relation("h = x", "h", "x[0]").pairs == []
    assert relation("h = x", "h", "'a'").pairs == []
    assert relation("h = x", "h", "missing").pairs == []
    (one, *_), (two, *_) = zip(*relation("h = x", "h", "x + y").pairs, strict=True)
    assert one.shape == two.shape == (3, 4)
    assert relation("h = n", "h", "n + 1").pairs[0] == (2.0, 3.0)
    assert len(relation("h = x", "h", "y").pairs) == 4


@pytest.mark.parametrize(
    ("body", "wrong", "right", "word"),
    [
        ("h = np.exp(x) + np.abs(x, dtype=float)", "np.exp(x)", "h", "term-missing"),
        ("h = x + [0.5][0]", "x", "h", "other-epsilon"),
        ("h = np.sin(x + len('a' 'b'))", "np.sin(x)", "h", "term-missing"),
        ("h = np.exp(x * len('ab'))", "np.exp(x)", "h", "scaled"),
        ("h = np.exp(x + x[0])", "np.exp(x)", "h", "term-missing"),
        ("m = y > limit; h = np.exp(x * m)", "h", "np.exp(x)", "extra-factor"),
        ("h = np.exp(x * np.zeros(4))", "np.exp(x)", "h", "mask-missing"),
        ("h = np.exp(x * np.array([1, 2, 1, 0]))", "np.exp(x)", "h", "factor-missing"),
        ("h = np.sin(x - 0.25)", "np.sin(x)", "h", "other-epsilon"),
        ("h = np.sin(x - 3.0)", "h", "np.sin(x)", "extra-term"),
    ],
)  # fmt: skip
def test_one_term_or_factor_more(body: str, wrong: str, right: str, word: str | None) -> None:
    """A small constant, a mask or a number has a word of its own; what is no number is none of these."""
    assert word_of(relation(body, wrong, right)) == word


def test_a_part_that_cannot_be_computed_tells_nothing_of_its_value() -> None:
    """The word is that of a term or of a factor."""
    given = relation("h = np.exp(x)", "h", "np.exp(x + missing)")
    assert relations._term_beside(given) == "term-missing"
    assert given.values_of(ast.parse("missing", mode="eval").body) == []
    assert relations._factor_beside(relation("h = np.exp(x)", "h", "np.exp(x * missing)")) == "factor-missing"
    assert relations._factor_beside(relation("h = np.exp(x)", "h", "np.exp(x * 'text')")) == "factor-missing"
