"""What a wrong value is called by how it differs from the right one, in its numbers or in its code."""

from __future__ import annotations

import ast

import pytest

from reference.gradients.repair import naming
from reference.gradients.repair.places import Edit
from reference.gradients.repair.relations import Relation, of_factors, of_withheld, word_of
from tests.test_repair_edits import view_of

pytestmark = pytest.mark.catalogue

#: What the code does before; the wrong expression; the right one; the word, or None where nothing more is known.
ROWS: list[tuple[str, str, str, str | None]] = [
    # Seen in the numbers.
    ("h = 2.5 * x", "h", "x", "scaled"),
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
