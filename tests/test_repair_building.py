"""The pieces of code that edits are made of, and how names are read by their definitions."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.repair import building as b
from reference.gradients.repair.applied import transposed
from reference.gradients.repair.definitions import Definitions, Difference, difference, factors, is_same, terms
from tests.repair_views import code

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


#: What is asked for, with x, y, ``one = x[1]`` and ``two = x[1, ::2]`` at hand, and the code that is made.
MADE = [
    ("number(2)", "2"), ("number(-2)", "-2"), ("number(0)", "0"), ("number(-0.5)", "-0.5"), ("number(None)", "None"),
    ("number(True)", "True"), ("number(False)", "False"), ("number(0.5)", "0.5"),
    ("numbers(3)", "3"), ("numbers(None)", "None"), ("numbers((0, -1))", "(0, -1)"), ("numbers((2,))", "(2,)"),
    ("numbers(())", "()"),
    ("function('sum')", "np.sum"), ("function('linalg.norm')", "np.linalg.norm"),
    ("numpy('sum', x, axis=number(0))", "np.sum(x, axis=0)"), ("numpy('linalg.inv')", "np.linalg.inv()"),
    ("times(x, plus(x, y))", "x * (x + y)"), ("over(minus(x, y), y)", "(x - y) / y"),
    ("plus_given(x)", "x + given()"), ("transposed(x, y)", "transposed(x, y)"),
    ("negative(plus(x, y))", "-(x + y)"), ("power(x, 2)", "x ** 2"), ("power(x, -0.5)", "x ** (-0.5)"),
    ("backwards(x, 1)", "np.flip(x, axis=1)"), ("backwards(x, -1)", "np.flip(x, axis=-1)"),
    ("subscript(one, [number(0)])", "x[0]"), ("subscript(two, [number(0), y])", "x[0, y]"),
    ("subscript(two, [y])", "x[y,]"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "text"), MADE)
def test_a_piece_is_named_after_its_code(asked: str, text: str) -> None:
    """Each function gives the expression that it is named after, with brackets where they are due."""
    known = {"x": expression("x"), "y": expression("y"), "one": expression("x[1]"), "two": expression("x[1, ::2]")}
    made = eval(asked, vars(b) | known)  # noqa: S307 - of the table
    assert code(made) == ast.unparse(ast.parse(text))


def test_a_constant_has_the_type_of_its_value() -> None:
    """A truth value is no number, and a negative number is one with a minus, as Python reads it."""
    assert isinstance(b.number(True), ast.Constant)
    assert ast.dump(b.number(-3)) == ast.dump(expression("-3"))
    assert ast.dump(b.number(0.0)) == ast.dump(expression("0.0"))


def test_the_code_for_an_expression() -> None:
    """It is the same whether the expression is read or stored into."""
    (assigned,) = ast.parse("x[1:] = x[1:]").body
    assert isinstance(assigned, ast.Assign)
    assert b.text_of(assigned.targets[0]) == b.text_of(assigned.value) == "x[1:]"


def test_what_a_subscript_says_for_each_axis() -> None:
    """A tuple says one thing for each axis, and all else is said of one axis."""
    for text, parts in [
        ("x[1, ::2]", ["1", "::2"]),
        ("x[1]", ["1"]),
        ("x[n:]", ["n:"]),
        ("x[()]", []),
        ("x[...]", ["..."]),
    ]:
        node = expression(text)
        assert isinstance(node, ast.Subscript)
        assert [ast.unparse(each) for each in b.index_parts(node)] == parts


def test_two_items_in_each_others_place() -> None:
    """The others stay, and so does the list that was given."""
    items = ["a", "b", "c"]
    assert b.exchanged(items, 0, 2) == ["c", "b", "a"]
    assert b.exchanged(items, 1, 1) == items == ["a", "b", "c"]


def test_modules_of_mathematics_are_known_by_their_usual_names() -> None:
    """A name of the writer's, or an attribute of a module, is none."""
    assert all(b.is_module(expression(name)) for name in ("np", "numpy", "scipy", "math", "torch", "jnp"))
    assert not any(b.is_module(expression(text)) for text in ("n", "np.linalg", "'np'"))


def test_the_names_that_an_expression_reads() -> None:
    """Each as often as it stands there; an attribute and a keyword are no names."""
    assert sorted(b.names_in(expression("np.sum(x * y.T, axis=x)"))) == ["np", "x", "x", "y"]


def test_parts_are_put_in_the_place_of_others() -> None:
    """Within lists and calls too; the expression that was given stays as it was."""
    node, x, y = (expression(text) for text in ("f([x, y], key=x) + x[1]", "x", "y"))
    assert isinstance(node, ast.BinOp)
    assert isinstance(node.left, ast.Call)
    (items,) = node.left.args
    assert isinstance(items, ast.List)
    changed = b.substituted(
        node, {items.elts[0]: y, node.right: b.number(3), node.left.keywords[0].value: b.number(None)}
    )
    assert code(changed) == "f([y, y], key=None) + 3"
    assert code(node) == "f([x, y], key=x) + x[1]"
    assert b.substituted(node, {node: x}) is x


LINEAR = [
    (lambda z: np.roll(z, 1, axis=-1), lambda z: np.roll(z, -1, axis=-1)),
    (
        lambda z: z * np.arange(float(z.size)).reshape(z.shape) + 3.0,
        lambda z: z * np.arange(float(z.size)).reshape(z.shape),
    ),
    (lambda z: np.cumsum(z).reshape(z.shape), lambda z: np.cumsum(z.ravel()[::-1])[::-1].reshape(z.shape)),
    (lambda z: z.tolist(), lambda z: z),
]


@pytest.mark.parametrize("shape", [(4,), (2, 3), (1,), (0,), (2, 0)])
@pytest.mark.parametrize(("function", "transpose"), LINEAR)
def test_the_transpose_of_a_linear_function(function: Any, transpose: Any, shape: tuple[int, ...]) -> None:
    """It is found by unit arrays; a constant that is added does not count, and the answer has the given shape."""
    given = np.random.RandomState(0).randn(*shape)
    found = transposed(function, given)
    assert found.shape == shape
    assert np.allclose(found, transpose(given), rtol=1e-12, atol=1e-12)
    assert np.allclose(transposed(function, given.tolist()), found.reshape(np.shape(given.tolist())))


DEFINED = """
def f(g, x):
    a = x * 2
    b = a + 1
    c, (d, e) = g, (x.T, b)
    twice = 1
    twice = 2
    once = a
    both = more = x
    g += 1
    p, q = x
    deep1 = x
    deep2 = deep1
    deep3 = deep2
    deep4 = deep3
    deep5 = deep4
    deep6 = deep5
    x.real = 3
    return a * b + once + c
"""

#: A name, what it was given as its value, and whether that is meant by whoever writes the name.
MEANT = [
    ("b", "a + 1", False), ("once", "x * 2", True), ("c", "g", True), ("d", "x.T", True), ("e", "a + 1", True),
    ("twice", "twice", True), ("both", "both", True), ("x", "x", True), ("p", "p", True), ("unknown", "unknown", True),
    ("x + a", "x + a", True), ("deep4", "x", True), ("deep6", "deep2", True), ("deep5", "deep1", True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "is_alias"), MEANT, ids=[name for name, *_ in MEANT])
def test_what_a_name_was_given(name: str, value: str, is_alias: bool) -> None:
    """Its value, through a few other names, where it gets one once; an alias is read once."""
    known = Definitions(ast.parse(DEFINED))
    assert code(known.of(expression(name))) == value
    assert code(known.of_alias(expression(name))) == (value if is_alias else name)


#: Two expressions, and where they differ.
DIFFERENT = [
    ("x + y", "x + y", "x + y", "x + y"),
    ("x * y", "x * u", "y", "u"),
    ("x * (y + 1)", "x * (u + 1)", "y", "u"),
    ("x * (y + 1)", "x * (u - 1)", "y + 1", "u - 1"),
    ("x * y", "u * v", "x * y", "u * v"),
    ("x * y", "x + y", "x * y", "x + y"),
    ("-x", "-y", "x", "y"),
    ("-x", "+x", "-x", "+x"),
    ("-x", "x", "-x", "x"),
    ("x", "-x", "x", "-x"),
    ("x", "x * y", "x", "x * y"),
    ("x * y", "x", "x * y", "x"),
    ("np.sin(x)", "np.sin(y)", "x", "y"),
    ("np.sin(x)", "np.cos(x)", "np.sin", "np.cos"),
    ("np.sin(x)", "math.sin(x)", "np", "math"),
    ("f(x, k=y)", "f(x, k=u)", "y", "u"),
    ("f(x, k=y)", "f(x, m=y)", "f(x, k=y)", "f(x, m=y)"),
    ("f(x, y)", "f(x)", "f(x, y)", "f(x)"),
    ("f(x)", "x", "f(x)", "x"),
    ("x.T", "y.T", "x", "y"),
    ("x.T", "x.real", "x.T", "x.real"),
    ("x[1]", "y[1]", "x", "y"),
    ("x[1]", "x[2]", "x[1]", "x[2]"),
    ("x[1]", "x.T", "x[1]", "x.T"),
    ("x.T", "x[1]", "x.T", "x[1]"),
]


@pytest.mark.parametrize(("wrong", "right", "one", "two"), DIFFERENT)
def test_the_smallest_parts_that_differ(wrong: str, right: str, one: str, two: str) -> None:
    """Outside of them two expressions are the same."""
    found = difference(expression(wrong), expression(right), Definitions(ast.parse("")))
    assert (code(found.wrong), code(found.right)) == (one, two)


#: Definitions, and where two expressions differ when names are read by them.
READ = [
    ("h = x * y", "z = h", "x * u", "y", "u"),  # a name that is read once means its definition
    ("h = x * y", "z = h + h", "x * u", "h", "x * u"),  # a name that is read twice means itself
    ("k = x * u", "z = x * y + k + k", "k", "y", "u"),  # the name that is due means its definition however often
    ("k = x * u; m = k", "z = h", "m", "y", "u"),
]


@pytest.mark.parametrize(("before", "reads", "right", "one", "two"), READ)
def test_names_are_read_by_their_definitions(before: str, reads: str, right: str, one: str, two: str) -> None:
    """The wrong expression means its definition where it is read once, and the right one always."""
    known = Definitions(ast.parse(f"h = x * y; {before}; {reads}" if "h =" not in before else f"{before}; {reads}"))
    wrong = expression("h" if "h" in reads else "x * y")
    found = difference(wrong, expression(right), known)
    assert (code(found.wrong), code(found.right)) == (one, two)


def test_a_difference_is_two_parts() -> None:
    """Two of them are the same where their parts are."""
    x, y = expression("x"), expression("y")
    assert Difference(x, y) == Difference(x, y) != Difference(y, x)


#: An expression, what it adds up, and what it multiplies: each with its sign, or with whether it divides.
SUMS = [
    ("x", {"+x"}), ("-x", {"-x"}), ("x + y", {"+x", "+y"}), ("x - y", {"+x", "-y"}), ("--x", {"+x"}), ("+x", {"++x"}),
    ("x - (y - u)", {"+x", "-y", "+u"}), ("-(x - y)", {"-x", "+y"}), ("x * y - u", {"+x * y", "-u"}),
]  # fmt: skip
PRODUCTS = [
    ("x", {"*x"}), ("x * y", {"*x", "*y"}), ("x / y", {"*x", "/y"}), ("x / (y / u)", {"*x", "/y", "*u"}),
    ("x / (y * u)", {"*x", "/y", "/u"}), ("x + y", {"*x + y"}), ("-x * y", {"*-x", "*y"}), ("x @ y", {"*x @ y"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "parts"), SUMS)
def test_what_an_expression_adds_up(text: str, parts: set[str]) -> None:
    """Each term has its sign, and the key of a term tells its code and its sign."""
    found = list(terms(expression(text)))
    assert {key[0] + code(node) for key, node in found} == parts
    assert all(key[1:] == ast.dump(node) for key, node in found)


@pytest.mark.parametrize(("text", "parts"), PRODUCTS)
def test_what_an_expression_multiplies(text: str, parts: set[str]) -> None:
    """Each factor says whether it divides, and the key of a factor tells its code and that."""
    found = list(factors(expression(text)))
    assert {key[0] + code(node) for key, node in found} == parts
    assert all(key[1:] == ast.dump(node) for key, node in found)


def test_the_same_code_is_the_same() -> None:
    """Wherever it stands; another number, name or function is another code."""
    assert is_same(expression("f(x, 1)"), expression("f( x,1 )"))
    assert not is_same(expression("f(x)"), expression("g(x)"))
    assert not is_same(expression("f(x, 1)"), expression("f(x, 2)"))
