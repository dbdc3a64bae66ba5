"""What a place lacks is written as a product or a sum of what is at hand, or as its entries in another order."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.repair.arithmetic import NO_WORD
from reference.gradients.repair.operands import Operand, Operands
from reference.gradients.repair.products import MOST_FOUND, Product, _sums, products, rounded
from reference.gradients.repair.projected import projected
from reference.gradients.repair.rearranged import _of_order, rearranged
from reference.gradients.repair.required import Requirement
from reference.gradients.repair.totals import Total, totals
from tests.repair_views import after, code, view_of

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
SHAPE = (2, 3)
RANDOM = np.random.RandomState(0)
#: By name, in two cases.
KNOWN = {name: [RANDOM.uniform(0.2, 0.9, SHAPE) * sign for _ in range(2)] for name, sign in
         (("a", 1), ("b", -1), ("c", 1), ("d", 1), ("e", -1), ("g", 1))}  # fmt: skip
KNOWN["zero"] = [np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])] * 2
#: How often the cotangent stands in it.
DEGREES = {"g": 1}


def of_names(names: Sequence[str] = tuple(KNOWN), simple: int | None = None) -> Operands:
    found = [
        Operand(ast.Name(name, ast.Load()), tuple(KNOWN[name]), 1.0, varies=True, degree=DEGREES.get(name, 0))
        for name in names
    ]
    return Operands(
        found,
        len(found) if simple is None else simple,
        np.array([[*KNOWN[name]] for name in names]).reshape(len(found), -1),
    )


def in_cases(formula: Callable[..., Array]) -> list[Array]:
    return [np.array(formula(**{name: values[case] for name, values in KNOWN.items()})) for case in range(2)]


def texts(found: Sequence[Product | Total]) -> list[str]:
    return [code(each.node) for each in found]


#: What is due, by its formula, and the code for it: any of these.
PRODUCTS: list[tuple[str, set[str]]] = [
    ("a", {"a"}), ("2 * a", {"2.0 * a"}), ("-a", {"-1.0 * a"}), ("a / 8", {"0.125 * a"}),
    ("1 / a", {"1.0 / a"}),
    ("a * b", {"a * b", "b * a"}), ("a / b", {"a / b"}), ("0.5 * a / b", {"0.5 * (a / b)"}), ("a * a", {"a * a"}),
    ("a * b * c", {f"{x} * {y} * {z}" for x, y, z in ("abc", "acb", "bac", "bca", "cab", "cba")}),
    ("-2 * g * a / b", {"-2.0 * (g * a / b)", "-2.0 * (a * g / b)"}),
    ("g / (a * b)", {"g / a / b", "g / b / a"}),
    ("a**2 / b", {"a * a / b"}), ("a / b**2", {"a / b / b"}),
    ("1.23456789 * a", {"1.23456789 * a"}),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "due"), PRODUCTS, ids=[row[0] for row in PRODUCTS])
def test_a_product_is_found_by_its_logarithm(formula: str, due: set[str]) -> None:
    """With a constant in front, with divisors, of up to three operands; it comes first where it is the simplest."""
    found = products(in_cases(lambda **known: eval(formula, known)), of_names())  # noqa: S307 - of the table
    assert texts(found)[0] in due


@pytest.mark.parametrize(
    "formula", ["0 * a", "a + b", "a * b * c * d", "np.sin(a)", "a * zero + 1", "a + np.nan", "a / 0 * 1e308 * 1e308"]
)
def test_what_is_no_product_has_none(formula: str) -> None:
    """Nor has what is 0, or no number."""
    with np.errstate(all="ignore"):
        due = in_cases(lambda **known: eval(formula, known | {"np": np}))  # noqa: S307 - of the table
        assert products(due, of_names()) == []


def test_two_numbers_are_the_product_of_nearly_anything() -> None:
    """So nothing is said of them, nor where nothing is at hand that is not 0 there."""
    made_of = of_names()
    assert (
        products(
            [KNOWN["a"][0].ravel()[:1], KNOWN["a"][1].ravel()[:1]], Operands(made_of.all, 7, made_of.arrays[:, [0, 6]])
        )
        == []
    )
    three = Operands(made_of.all, 7, made_of.arrays[:, [0, 1, 6]])
    assert texts(products([KNOWN["a"][0].ravel()[:2], KNOWN["a"][1].ravel()[:1]], three))[0] == "a"
    assert products(in_cases(lambda a, **_: a), of_names(["zero"])) == []


def test_arrays_without_entries_are_no_product() -> None:
    """Nor are they a sum."""
    none = Operands(of_names().all, 7, np.zeros((7, 0)))
    assert products([np.zeros((0, 3))] * 2, none) == []
    assert totals([np.zeros((0, 3))] * 2, none, 0) == []


def test_entries_that_are_nearly_nothing_do_not_count() -> None:
    """Their logarithms are made of rounding; all entries are compared in the end."""
    due = in_cases(lambda a, **_: a)
    due[0][0, 0] = 1e-20
    assert products(due, of_names()) == []
    assert products([1e-9 * each for each in due], of_names()) == []
    made_of = of_names(["zero", "a"])
    assert texts(products(in_cases(lambda zero, **_: 2 * zero), made_of))[0] == "2.0 * zero"
    assert texts(products(in_cases(lambda a, zero, **_: a * zero), made_of))[0] in {"a * zero", "zero * a"}


def test_what_is_made_of_others_stands_first_and_once() -> None:
    """Operands that are no part as they stand are never the second factor, and never a divisor alone."""
    made_of = of_names(["a", "b", "c", "d"], simple=2)
    assert texts(products(in_cases(lambda c, a, **_: c * a), made_of)) == ["c * a"]
    assert products(in_cases(lambda c, d, **_: c * d), made_of) == []
    assert products(in_cases(lambda c, **_: 1 / c), made_of) == []
    assert texts(products(in_cases(lambda c, **_: c), made_of)) == ["c"]
    assert texts(products(in_cases(lambda a, **_: 1 / a), made_of))[0] == "1.0 / a"


def test_the_simplest_product_comes_first() -> None:
    """Few operands, few divisors, a usual constant; and no more than a few are given."""
    names = ["a", "b", "g"]
    made_of = Operands(
        [one(f"{name}{k}", 1.0 + k) for k in range(9) for name in names], 27,
        np.array([KNOWN[name] for _ in range(9) for name in names]).reshape(27, -1),
    )  # fmt: skip
    found = products(in_cases(lambda a, b, **_: a * b), made_of)
    assert len(found) == MOST_FOUND
    costs = [each.cost for each in found]
    assert costs == sorted(costs)
    assert costs[0] == 2.0


def one(name: str, cost: float = 1.0, degree: int = 0) -> Operand:
    return Operand(ast.Name(name, ast.Load()), (), cost, varies=True, degree=degree)


@pytest.mark.parametrize(
    ("factors", "number", "cost", "degree", "text"),
    [
        (((one("a"), 1),), 1.0, 1.0, 0, "a"), (((one("a"), -1),), 1.0, 1.4, 0, "1.0 / a"),
        (((one("a"), -1), (one("b", 2.0), 1)), 2.0, 3.4, 0, "2.0 * (b / a)"),
        (((one("a", degree=1), 1), (one("b", degree=1), 1)), -0.5, 2.0, 2, "-0.5 * (a * b)"),
        (((one("a", degree=1), -1),), 7.0, 1.8, -1, "7.0 * (1.0 / a)"),
        (((one("a", degree=1), 1), (one("b", degree=1), -1)), 0.1, 2.8, 0, "0.1 * (a / b)"), ((), 3.0, 0.0, 0, "3.0"),
        *((((one("a"), 1),), number, 1.0, 0, f"{number} * a") for number in (2.0, 0.5, 3.0, 4.0, 0.25, 6.0, 1.5, -1.0)),
        (((one("a"), 1),), 5.0, 1.4, 0, "5.0 * a"),
    ],
)  # fmt: skip
def test_what_a_product_takes(
    factors: tuple[tuple[Operand, int], ...], number: float, cost: float, degree: int, text: str
) -> None:
    """The cost of its parts, more for a divisor and for an unusual constant; the cotangent counts with its power."""
    made = Product(factors, number)
    assert (made.cost, made.degree, code(made.node)) == (pytest.approx(cost), degree, text)


@pytest.mark.parametrize(
    ("number", "short"),
    [(2.0000000001, 2.0), (0.1 + 0.2, 0.3), (1 / 3, 1 / 3), (123456.7, 123456.7), (1.00001, 1.00001),
    (-0.5 - 1e-12, -0.5),
     (1234567.0001, 1234567.0001), (2.001, 2.001), (12345.6, 12345.6), (1.0000002, 1.0000002), (-3.0, -3.0)],
)  # fmt: skip
def test_a_number_with_few_digits_is_meant(number: float, short: float) -> None:
    """Where that makes no difference; a number of many digits stays as it was found."""
    assert rounded(number) == short


def test_sums_of_marks() -> None:
    """Up to three, each added or taken off, none with its own opposite; the first of several is always added."""
    marks = np.random.RandomState(1).randn(5, 2)
    for due, chosen in (
        (marks[3], {(3, 1)}), (-marks[2], {(2, -1)}), (marks[0] - marks[4], {(0, 1), (4, -1)}),
        (marks[0] + marks[1] - marks[2], {(0, 1), (1, 1), (2, -1)}), (2 * marks[0] - marks[1], {(0, 1), (1, -1)}),
    ):  # fmt: skip
        found = list(_sums(marks, due, 5))
        assert chosen in [set(each) for each in found]
        assert all(each[0][1] == 1 for each in found if len(each) > 1)
        assert not any((n, 1) in each[1:] and (n, -1) in each[1:] for each in found for n in range(5))
        for each in found:
            assert np.allclose(sum(power * marks[n] for n, power in each), due)
    assert [set(each) for each in _sums(marks, -marks[2], 2)] == []


# By the effect


def effects(count: int, seed: int = 2) -> list[Array]:
    return [np.random.RandomState(seed + case).randn(count, 6) for case in range(2)]


@pytest.mark.parametrize(
    ("formula", "due"),
    [("a", {"a"}), ("2 * a", {"2.0 * a"}), ("a * b", {"a * b", "b * a"}), ("a / b", {"a / b"}),
    ("-a * b", {"-1.0 * (a * b)", "-1.0 * (b * a)"}),
     ("a * b / c", {"a * b / c", "b * a / c"}),
     ("a * b * g", {f"{x} * {y} * {z}" for x, y, z in ("abg", "agb", "bag", "bga", "gab", "gba")}),
     ("a * a", {"a * a"}), ("a * zero", {"a * zero", "zero * a"})],
)  # fmt: skip
def test_a_product_is_found_by_its_effect(formula: str, due: set[str]) -> None:
    """Where more than one value of the place repairs the gradient, the answers tell it, also where entries are 0."""
    matrices = effects(4)
    wanted = in_cases(lambda **known: eval(formula, known))  # noqa: S307 - of the table
    dues = [matrix @ each.ravel() for matrix, each in zip(matrices, wanted, strict=True)]
    found = projected(matrices, dues, [np.ones(SHAPE)] * 2, of_names())
    assert texts(found)[0] in due


def test_an_effect_of_a_factor() -> None:
    """What the product multiplies is part of the effect."""
    matrices = effects(4)
    dues = [matrix @ (2 * a * c).ravel() for matrix, a, c in zip(matrices, KNOWN["a"], KNOWN["c"], strict=True)]
    assert texts(projected(matrices, dues, KNOWN["c"], of_names()))[0] == "2.0 * a"
    assert projected(matrices, [0 * each for each in dues], KNOWN["c"], of_names()) == []
    assert projected([each[:1] for each in matrices], [each[:1] for each in dues], KNOWN["c"], of_names()) == []
    some = [matrices[0][:2], matrices[1][:1]], [dues[0][:2], dues[1][:1]]
    assert "2.0 * a" in texts(projected(*some, KNOWN["c"], of_names()))
    other = [matrix @ np.sin(5 * a).ravel() for matrix, a in zip(matrices, KNOWN["a"], strict=True)]
    assert projected(matrices, other, KNOWN["c"], of_names()) == []


def test_no_product_by_effect_has_a_factor_and_its_inverse() -> None:
    """Such a product is a shorter one; and what is 0 somewhere divides nothing."""
    matrices = effects(4)
    dues = [matrix @ a.ravel() for matrix, a in zip(matrices, KNOWN["a"], strict=True)]
    assert texts(projected(matrices, dues, [np.ones(SHAPE)] * 2, of_names(["a", "b", "c"]))) == ["a"]
    dues = [matrix @ zero.ravel() for matrix, zero in zip(matrices, KNOWN["zero"], strict=True)]
    assert texts(projected(matrices, dues, [np.ones(SHAPE)] * 2, of_names(["zero"]))) == ["zero"]


def test_products_by_effect_are_few_and_the_simplest_first() -> None:
    """As of those that are found by their logarithms."""
    matrices = effects(4)
    made_of = Operands(
        [one(f"a{k}", 1.0 + k / 10) for k in range(9)], 9, np.array([KNOWN["a"]] * 9).reshape(9, -1),
    )  # fmt: skip
    dues = [matrix @ a.ravel() for matrix, a in zip(matrices, KNOWN["a"], strict=True)]
    found = projected(matrices, dues, [np.ones(SHAPE)] * 2, made_of)
    assert texts(found) == ["a0", "a1", "a2", "a3", "a4", "a5"]


# Sums


@pytest.mark.parametrize(
    ("formula", "degree", "due"),
    [("a + b", 0, ["a + b"]), ("a + b + e", 0, ["a + b + e"]), ("a + b + c + d", 0, ["a + b + c + d"]),
    ("a - b", 0, []), ("a", 0, []),
     ("a + b + c + d + e", 0, []), ("a + b", 1, []), ("a + g", 0, []), ("0 * a", 0, []), ("2 * a + b", 0, [])],
)  # fmt: skip
def test_a_sum_of_operands(formula: str, degree: int, due: list[str]) -> None:
    """Of two to four different ones as they stand in the code, each with the cotangent as often as is due."""
    made_of = of_names()
    found = totals(in_cases(lambda **known: eval(formula, known)), made_of, degree)  # noqa: S307 - of the table
    assert texts(found) == due


def test_what_is_not_summed() -> None:
    """What is made of others, two numbers, and an operand alone; of many sums two are given, with the fewest terms."""
    due = in_cases(lambda a, b, **_: a + b)
    assert totals(due, of_names(["a", "b"], simple=1), 0) == []
    assert texts(totals(due, of_names(["a", "b"], simple=2), 0)) == ["a + b"]
    short = of_names(["a", "b"])
    assert totals([due[0].ravel()[:2]], Operands(short.all, 2, short.arrays[:, :2]), 0) == []
    assert texts(totals([due[0].ravel()[:3]], Operands(short.all, 2, short.arrays[:, :3]), 0)) == ["a + b"]
    tiny = Operands(short.all, 2, 1e-9 * short.arrays)
    assert totals([1e-9 * (a + 2 * b) for a, b in zip(KNOWN["a"], KNOWN["b"], strict=True)], tiny, 0) == []
    assert texts(totals([1e-9 * each for each in due], tiny, 0)) == ["a + b"]
    many = of_names(["a", "b", "a", "b", "zero"])
    assert len(totals(due, many, 0)) == 2
    late = of_names([*["c"] * 23, "a", "b"])
    assert totals(due, late, 0) == []
    assert texts(totals(due, of_names([*["c"] * 22, "a", "b"]), 0)) == ["a + b"]


# Orders


def requirement(body: str, text: str, moves: Callable[[Array, int], Array] | None) -> tuple[Requirement, Any]:
    """What is to be added at a place, from its value and the number of the run, and the view."""
    view = view_of(body)
    place = next(each for each in view.places if each.text == text)
    cases, values = ((0, 0), (2, 0)), (place.values[0], place.values[2])
    told = () if moves is None else tuple(moves(value, run) for value, (run, _) in zip(values, cases, strict=True))
    return Requirement(place, cases, values, told, (), ()), view


def rearrangements(body: str, text: str, moves: Callable[[Array, int], Array] | None) -> set[tuple[str, str]]:
    found, view = requirement(body, text, moves)
    return {(edit.word, after(edit)) for edit in rearranged(found, view.parts(found.place))}


@pytest.mark.parametrize(
    ("right", "word"),
    [(lambda value: value[::-1], "flipped"), (lambda value: value[:, ::-1], "flipped"),
    (lambda value: value[::-1, ::-1], "flipped"),
     (lambda value: np.roll(value, 1, 0), "shifted"), (lambda value: np.roll(value, 1, 1), "shifted"),
     (lambda value: value.T, "transposed"),
     (lambda value: value.ravel()[[4, 2, 0, 8, 6, 1, 3, 5, 7]].reshape(3, 3), NO_WORD)],
)  # fmt: skip
def test_the_entries_of_the_value_itself_in_another_order(right: Callable[[Array], Array], word: str) -> None:
    """The word tells the order, where it has one."""
    found = rearrangements("s * 2.0", "s", lambda value, _: right(value) - value)
    order = right(np.arange(9).reshape(3, 3)).tolist()
    assert (word, f"np.take(s, np.array({order})) * 2.0") in found


def test_the_entries_of_another_array() -> None:
    """Or of itself, as a term, with its sign; 0 where none is due. A mask is told otherwise."""
    due = rearrangements("v * 2.0 + u", "v", lambda value, run: VIEWS["u"][run][[1, 3, 1, 3]] - value)
    assert (NO_WORD, "np.take(u, np.array([1, 3, 1, 3])) * 2.0 + u") in due
    for sign in (1, -1):
        due = rearrangements(
            "v * 2.0 + u", "v", lambda _, run, sign=sign: sign * VIEWS["u"][run][[1, 3, 1, 3]] * [1, 0, 1, 1]
        )
        term = f"np.take(u, np.array([1, 0, 1, 3])) * np.array({[sign, 0, sign, sign]})"
        assert ("term-missing", f"(v + {term}) * 2.0 + u") in due
    stopped = rearrangements("v * 2.0 + u", "v", lambda value, _: -value * [1, 0, 1, 1])
    assert not {text for word, text in stopped if word == "term-missing"}


def test_entries_in_another_order_in_a_loop() -> None:
    """In each turn the same order; an order is likelier than a term."""
    view = view_of("d = v * 0\nfor i in range(2):\n  d = d + (v + i) * 2.0\nreturn d")
    place = next(each for each in view.places if each.text == "v + i")
    cases = ((0, 0), (0, 1), (2, 0), (2, 1))
    values = tuple(place.turns[run][turn] for run, turn in cases)
    found = Requirement(place, cases, values, tuple(each[::-1] - each for each in values), (), ())
    costs = {after(edit).partition("d + ")[2]: edit.cost for edit in rearranged(found, view.parts(place))}
    assert costs["np.take(v + i, np.array([3, 2, 1, 0])) * 2.0; return d"] < 1.6
    term = Requirement(place, cases, values, tuple(each[::-1] for each in values), (), ())
    assert {round(edit.cost, 6) for edit in rearranged(term, view.parts(place)) if edit.word == "term-missing"} == {1.6}


def test_what_is_not_looked_for() -> None:
    """No order is told without the values that are due, of two entries, of other kinds, or of constants."""
    assert rearrangements("v * 2.0", "v", None) == set()
    assert rearrangements("v[:2] * 2.0", "v[:2]", lambda value, _: value[::-1] - value) == set()
    assert rearrangements("v[:3] * 2.0", "v[:3]", lambda value, _: value[::-1] - value) != set()
    cotangent = rearrangements("g[0] * v + u", "g[0]", lambda value, run: VIEWS["u"][run][::-1] - value)
    assert not {text for _, text in cotangent if "take(u" in text}
    constant = rearrangements("v * np.arange(4.0)", "v", lambda value, _: np.arange(4.0)[::-1] - value)
    assert constant == set()
    assert rearrangements("v * at", "v", lambda value, _: np.array([1.0, 0, 2, 2]) - value) == set()
    assert rearrangements("v * 2.0", "v", lambda value, run: value * (run + 1)) == set()


def test_large_arrays_are_not_compared() -> None:
    """Four hundred entries are enough."""
    for size, is_there in ((400, True), (401, False)):
        body = f"w = np.resize(v, {size}) + np.arange({size}); return w * 2.0"
        found = rearrangements(body, "w", lambda value, _: value[::-1] - value)
        assert bool(found) is is_there
        body = f"w = np.resize(u, {size}) + np.arange({size}); return v * 2.0 + w[0]"
        found = rearrangements(body, "v", lambda value, run: VIEWS["u"][run] + np.arange(4) - value)
        assert any("take(w" in text for _, text in found) is is_there


def arrays_of(name: str) -> dict[int, Array]:
    place = next(each for each in view_of(f"{name} * 1.0").places if each.text == name)
    return dict(enumerate(place.values))


VIEWS = {"u": arrays_of("u")}

ORDERS = [
    ([2, 1, 0], (3,), "flipped"), ([0, 1, 2], (3,), NO_WORD), ([1, 2, 0], (3,), "shifted"),
    ([2, 0, 1], (3,), "shifted"),
    ([1, 2, 2], (3,), "shifted"), ([0, 0, 2], (3,), "shifted"), ([0, 3, 1, 2], (4,), "shifted"),
    ([3, 0, 1, 2], (4,), "shifted"),
    ([0, 2, 4, 1, 3, 5], (6,), "transposed"), ([0, 3, 1, 4, 2, 5], (6,), "transposed"),
    ([3, 1, 0, 4, 5, 2], (6,), NO_WORD),
    ([[0, 3], [1, 4], [2, 5]], (2, 3), "transposed"),
    ([0, 0, 0, 4, 4, 4], (6,), NO_WORD), ([[5, 4, 3], [2, 1, 0]], (2, 3), "flipped"), ([[0, 1], [2, 3]], (4,), NO_WORD),
    ([3, 2, 1, 0], (2, 2), NO_WORD), ([2, 1, 0], (4,), NO_WORD),
]  # fmt: skip


@pytest.mark.parametrize(("index", "shape", "word"), ORDERS)
def test_the_word_for_an_order(index: list[Any], shape: tuple[int, ...], word: str) -> None:
    """Reversed along axes, most of them moved by the same step, or read column by column; none for any other order."""
    assert _of_order(np.array(index), shape) == word
