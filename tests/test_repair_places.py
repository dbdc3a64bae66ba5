"""What is known of a place of the code: its value, what it is for, and what is at hand there."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.repair import roles
from reference.gradients.repair.instrument import MOST_TURNS
from reference.gradients.repair.places import Edit, Place, doubles, is_number, kind_of, varies
from reference.gradients.repair.view import Part, View, _evaluated
from reference.wording.vocabulary import MISTAKES
from tests.repair_views import arguments_of, code, part_of, place_of, view_of

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
TWO = np.array([1.0, 2.0])

NUMBERS = [
    (1, True), (1.5, True), (True, True), (np.bool_(True), True), (np.float32(1), True), (np.uint8(1), True),
    (np.zeros(2), True), (np.zeros(2, dtype=bool), True), (np.zeros(0, dtype=int), True), (1j, False),
    (np.zeros(2, dtype=complex), True), ("a", False), (np.str_("a"), False), (np.array(["a"]), False),
    (np.array([None]), False), (None, False), ([1.0], False), ((1.0,), False), (len, False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "is_one"), NUMBERS, ids=lambda each: repr(each)[:20])
def test_what_a_number_is(value: Any, is_one: bool) -> None:
    """A real number, or an array of numbers; no list, no text, and no complex number alone."""
    assert is_number(value) is is_one


@pytest.mark.parametrize(
    ("value", "kind"), [(1.0, "f"), (np.arange(2), "i"), (True, "b"), ("a", ""), (None, ""), ([1.0], ""), (len, "")]
)
def test_the_kind_of_numbers(value: Any, kind: str) -> None:
    """What is no number has none."""
    assert kind_of(value) == kind


@pytest.mark.parametrize(
    ("values", "does"),
    [
        ((1.0, 1.0, 1.0), False), ((1.0, 1.0, 2.0), True), ((1.0, 2.0, 1.0), True), ((TWO, TWO.copy()), False),
        ((TWO, TWO + 1), True), ((TWO, TWO[:1]), True), ((np.nan, np.nan), False), ((1.0, "a"), True),
        (("a", "b"), False), ((None, None), False), ((None, 1.0), True), ((True, 1.0), False), ((1.0,), False),
    ],
)  # fmt: skip
def test_what_varies(values: tuple[Any, ...], does: bool) -> None:
    """Numbers that are not the same in all runs; of anything else only the type counts."""
    assert varies(values) is does


@pytest.mark.parametrize(
    ("values", "turns", "does"),
    [
        ((1.0, 2.0), (), True), ((1.0, 1.0), (), False), ((1.0, 4.0), (), False), ((0.0, 0.0), (), False),
        ((TWO, 2 * TWO), (), True), ((TWO, 2 * TWO[:1]), (), False), ((TWO, 2 * TWO + 1e-6), (), False),
        ((TWO, 2 * TWO * (1 + 1e-12)), (), True), ((1, 2), (), False), ((np.array([1, 2]), np.array([2, 4])),
        (), False),
        (("a", "aa"), (), False), ((None, None), (), False), ((1.0, None), (), False),
        ((np.array([np.nan, 1.0]), np.array([np.nan, 2.0])), (), True),
        ((np.array([0.0, 1.0]), np.array([0.0, 2.0])), (), True), ((np.array([0.0, 1.0]), np.array([1.0, 2.0])),
        (), False),
        ((0.0, 0.0), ((0.0, 3.0), (0.0, 6.0)), True), ((0.0, 0.0), ((0.0, 3.0), (0.0, 3.0)), False),
        ((0.0, 0.0), ((0.0, 3.0, 1.0), (0.0, 6.0, 1.0)), True), ((0.0, 0.0), ((0.0,), (0.0,)), False),
        ((0.0, 0.0), ((0.0, 3.0), (0.0, 6.0), (1.0, 1.0)), True), ((0.0, 0.0), ((0.0,), (0.0, 6.0)), False),
        (("a", "a"), (("a", 3.0), ("a", 6.0)), False),
    ],
)  # fmt: skip
def test_what_doubles_with_the_cotangent(values: tuple[Any, ...], turns: tuple[Any, ...], does: bool) -> None:
    """Its second value is twice the first, at the first time that it is not 0; what is always 0 tells nothing."""
    assert doubles(values, turns) is does


def test_a_place_tells_what_stands_there() -> None:
    """Its value and its values in all runs, its code, its kind and what it depends on."""
    place = place_of("g * x", "g * x * n")
    asked = arguments_of(0)
    assert np.array_equal(place.value, asked["g"] * asked["x"])
    assert np.array_equal(place.values[1], 2 * asked["g"] * asked["x"])
    assert len(place.values) == len(place.turns) == 4
    assert (place.text, place.shape, place.role, place.field, place.visits) == ("g * x", (3, 4), "value", "left", 1)
    assert code(place.parent) == "g * x * n"
    assert (place.is_floating, place.is_number, place.varies, place.is_of_cotangent) == (True, True, True, True)
    assert not place.is_nested
    assert np.array_equal(place.scope["x"], asked["x"])
    assert np.array_equal(place.scope["g"], asked["g"])


@pytest.mark.parametrize(
    ("text", "body", "facts"),
    [
        ("n", "x * n", (False, True, False, False)), ("x", "x * n", (True, True, True, False)),
        ("limit", "x * limit", (True, True, False, False)), ("x > y", "(x > y) * 1", (False, True, True, False)),
        ("'a'", "x * len('a')", (False, False, False, False)), ("[x]", "np.sum([x])", (False, False, False, False)),
        ("at", "v[at]", (False, True, False, False)), ("g.sum()", "x * g.sum()", (True, True, True, True)),
        ("g * g", "g * g", (True, True, True, False)),
    ],
)  # fmt: skip
def test_the_kind_of_a_value(text: str, body: str, facts: tuple[bool, ...]) -> None:
    """Whether it is of floating point, a number, changes with the arguments, and doubles with the cotangent."""
    place = place_of(text, body)
    assert (place.is_floating, place.is_number, place.varies, place.is_of_cotangent) == facts


def test_what_is_no_number_has_no_shape() -> None:
    """A list of arrays is no array."""
    assert place_of("[x]", "np.sum([x])").shape == ()


def test_a_statement_is_no_expression() -> None:
    """Its place has a node and no expression."""
    (statement,) = view_of("return x * 1").statements()
    with pytest.raises(TypeError, match="Return"):
        _ = statement.expression


@pytest.mark.parametrize(
    ("body", "text", "is_nested"),
    [("[a * x for a in v][0]", "a * x", True), ("softplus(x) * 1", "softplus(x)", False),
     ("(lambda a: a + 1)(x)", "a + 1", True)],
)  # fmt: skip
def test_what_is_inside_of_something_else(body: str, text: str, is_nested: bool) -> None:
    """In a comprehension or a lambda an edit has to be made in the definition."""
    assert place_of(text, body).is_nested is is_nested


def test_a_word_may_be_asked_for_later() -> None:
    """Most of many edits need none, so that it is found by a function, once."""
    asked = []

    def word() -> str:
        asked.append(1)
        return "sign"

    place = place_of("x", "x * 1")
    edits = [Edit(place, word, 1.0), Edit(place, "sign", 1.0)]
    assert [each.word for each in (*edits, *edits)] == ["sign"] * 4
    assert len(asked) == 1
    assert "sign" in MISTAKES


#: An expression, a part of it, and what the part is for.
ROLES = [
    ("np.sum(x, 0)", "0", "axis"), ("x.sum(0)", "0", "axis"), ("x.sum(-1)", "-1", "axis"),
    ("np.sum(x, (0, 1))", "(0, 1)", "axis"),
    ("np.sum(x, 0)", "x", "value"), ("np.sum(3, 0)", "3", "value"), ("x.sum(n)", "n", "value"),
    ("np.sum(x, n - 1)", "n - 1", "value"),
    ("np.roll(v, 1)", "1", "shift"), ("v.roll(1)", "1", "shift"), ("np.roll(1, 2)", "1", "value"),
    ("np.roll(x, 1, 0)", "0", "axis"),
    ("np.roll(v, n)", "n", "shift"), ("np.roll(v, -n)", "n", "shift"),
    ("roll(v, 1)", "1", "shift"), ("v.roll(1, 0)", "0", "axis"),
    ("range(3)", "3", "range"), ("np.arange(n)", "n", "range"), ("np.zeros((n, 3))", "n", "size"),
    ("x.reshape(n, -1)", "n", "size"),
    ("np.full(3, 2.0)", "3", "size"), ("np.tile(v, 2)", "2", "size"),
    ("np.full(3, 2.0)", "2.0", "value"), ("np.tile(v, 2)", "v", "value"), ("v.tile(2)", "2", "size"),
    ("np.reshape(x * 2, n)", "2", "value"), ("np.broadcast_to(x, n)", "x", "value"), ("np.eye(n)", "n", "size"),
    ("np.sum(x, axis=1)", "1", "axis"), ("np.moveaxis(x, 1, 0)", "1", "axis"), ("np.sum(x, axes=1)", "1", "axis"),
    ("np.diagonal(x, axis1=1)", "1", "axis"), ("np.diagonal(x, axis2=1)", "1", "axis"),
    ("np.sum(x, keepdims=True)", "True", "option"), ("np.sum(x, dtype=n)", "n", "option"),
    ("np.clip(x, a_min=2)", "2", "value"),
    ("f(**n)", "n", "value"),
    ("x ** 2", "2", "exponent"), ("2 ** x", "2", "value"), ("x ** (n - 1)", "n", "exponent"), ("x * 2", "2", "value"),
    ("x[1]", "1", "index"), ("x[1]", "x", "value"), ("x[1:n]", "n", "index"), ("x[n + 1]", "n", "index"),
    ("x[::2]", "2", "index"),
    ("x > 2", "2", "compared"), ("np.sum(x > 2)", "2", "compared"), ("x[y > 2]", "2", "compared"),
    ("x[np.sum(y)]", "y", "index"),
    ("np.sin(2)", "2", "value"), ("(x, 2)", "2", "value"), ("np.sort(x, -1)", "-1", "axis"),
    ("torch.sum(x, 0)", "0", "axis"),
    ("self.sum(x, 0)", "0", "axis"), ("f[0](x, 1)", "1", "value"),
]  # fmt: skip


def role_in(text: str, part: str) -> set[str]:
    tree = ast.parse(text)
    parents: dict[ast.AST, tuple[ast.AST, str, int | None]] = {}
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            for number, each in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(each, ast.AST) and not isinstance(each, ast.expr_context | ast.operator):
                    parents[each] = parent, name, number
    nodes = [each for each in ast.walk(tree) if isinstance(each, ast.expr) and ast.unparse(each) == part]
    return {roles.role_of(each, parents) for each in nodes}


@pytest.mark.parametrize(("text", "part", "role"), ROLES)
def test_what_a_part_is_for(text: str, part: str, role: str) -> None:
    """It is told by where the part stands."""
    assert role_in(text, part) == {role}


def test_what_a_loop_runs_over() -> None:
    """It is a range, whatever it is; what a condition or an assignment reads is a value."""
    assert role_in("for i in v:\n    x = v[0]", "v") == {"range", "value"}
    assert role_in("while v: pass", "v") == role_in("x = v", "v") == role_in("if v: pass", "v") == {"value"}
    assert role_in("for i in (v, u):\n    pass", "v") == {"range"}


@pytest.mark.parametrize(
    ("text", "name"),
    [("np.sum(x)", "sum"), ("f(x)", "f"), ("np.add.at(x)", "at"), ("f[0](x)", ""), ("x + y", ""), ("f(x)(y)", "")],
)
def test_the_name_of_what_is_called(text: str, name: str) -> None:
    """The last part of it; what has none, or is no call, has none."""
    assert roles.called_name(ast.parse(text, mode="eval").body) == name


# What is at hand


def texts_at(place: Place, view: View) -> list[str]:
    return [each.text for each in view.parts(place)]


def test_names_come_first() -> None:
    """Of what is at hand at a place: names of numbers that are known by then, and entries; then other expressions."""
    view = view_of("h = x[0]; k = np.sin(x) * limit; p = (v, 'a'); return h * k + p[0] * len(p[1]) * 2")
    places = {each.text: each for each in view.places}
    found = texts_at(places["h * k"], view)
    assert {"x", "y", "g", "v", "h", "k", "limit", "x[0]", "p[0]", "np.sin(x)"} <= set(found)
    assert {"np", "p", "len", "'a'", "p[1]", "at", "2"}.isdisjoint(found)
    assert max(map(found.index, ("x", "h", "limit", "x[0]", "p[0]"))) < min(map(found.index, ("np.sin(x)", "h * k")))
    assert len(found) == len(set(found))
    assert [part_of(each, places["h * k"], view).is_plain for each in ("x[0]", "h", "np.sin(x)")] == [True, True, False]
    before = texts_at(places["x[0]"], view)
    assert {"h", "k", "h * k", "p[0]"}.isdisjoint(before)
    assert "np.sin(x)" in before


def test_code_of_the_forward_pass_is_at_hand_where_its_names_are() -> None:
    """It comes last, and what cannot be computed at the place is left out."""
    view = view_of("x * limit", ("np.cos(x) + limit", "np.cos(h)", "missing(x)", "x", "len(x[7])", "'a' * n", "eps"))
    place = next(each for each in view.places if each.text == "x")
    found = texts_at(place, view)
    assert found[-1] == "np.cos(x) + limit"
    assert found.count("x") == 1
    assert "eps" in found[:-1]
    assert np.array_equal(part_of("np.cos(x) + limit", place, view).value, np.cos(arguments_of(0)["x"]) + 0.4)


def test_what_is_known_of_a_part() -> None:
    """As of a place; and whether it is the cotangent itself, a mask, or nothing."""
    view = view_of("m = (x > 2 * limit) * 1.0; z = 0.0 * g; k = 2 * g; return (m + z) * k")
    place = next(each for each in view.places if each.text == "m + z")
    facts = {
        name: (p.varies, p.is_of_cotangent, p.is_cotangent, p.is_plain, p.is_mask, p.is_nothing)
        for name in ("m", "z", "k", "g", "x", "limit", "m + z") for p in [part_of(name, place, view)]
    }  # fmt: skip
    assert facts == {
        "m": (True, False, False, True, True, False),
        "z": (False, False, False, True, True, True),
        "k": (True, True, False, True, False, False),
        "g": (True, True, True, True, False, False),
        "x": (True, False, False, True, False, False),
        "limit": (False, False, False, True, False, False),
        "m + z": (True, False, False, False, True, False),
    }


def test_arrays_that_are_too_large_are_not_at_hand() -> None:
    """To put them into every place would take all steps."""
    for size, is_there in ((20_000, True), (20_001, False)):
        view = view_of("x * big[0] + np.cos(big)[0]", ("np.sin(big)",), big=np.ones(size))
        found = texts_at(view.places[0], view)
        assert [name in found for name in ("big", "np.cos(big)", "np.sin(big)")] == [is_there] * 3


def test_there_are_not_too_many_parts() -> None:
    """Ninety are tried in a place."""
    view = view_of(f"p = [{', '.join(f'v * {n}.5' for n in range(100))}]; return p[0]")
    assert len(view.parts(view.places[0])) == 90


def test_the_values_of_a_part_in_a_loop() -> None:
    """By run and time, for the first few times; the value of a name is that at the statement."""
    view = view_of("d = v * 0\nfor i in range(12):\n  e = v * i\n  d = d + e * g[0]\nreturn d")
    place = next(each for each in view.places if each.text == "e * g[0]")
    part = part_of("e", place, view)
    asked = arguments_of(0)["v"]
    assert all(np.array_equal(part.at(0, turn), asked * turn) for turn in range(MOST_TURNS))
    assert part.at(0, MOST_TURNS) is None
    assert place.visits == 12
    assert len(place.turns[0]) == MOST_TURNS
    alone = Part(part.node, (1.0, 2.0), varies=True, is_of_cotangent=False)
    assert [alone.at(1, 0), alone.at(1, 1), alone.shape, alone.is_plain, alone.is_cotangent] == [
        2.0,
        None,
        (),
        True,
        False,
    ]


def test_an_expression_is_computed_at_a_place() -> None:
    """By run and time; None where it cannot be."""
    view = view_of("d = v * 0\nfor i in range(2):\n  d = d + v * i\nreturn d")
    place = next(each for each in view.places if each.text == "v * i")
    found = view.computed(ast.parse("i + 1", mode="eval").body, place)
    assert found == [[1, 2]] * 4
    assert view.computed(ast.parse("missing", mode="eval").body, place) == [[None, None]] * 4
    assert _evaluated(ast.parse("1 / 0", mode="eval").body, place.sites, {}) is None


def test_the_statements_that_were_run() -> None:
    """Others have no place; simple ones hold no other statement."""
    view = view_of("d = v * 1\nif n > 5:\n  d = u\nd += u\nnp.add.at(d, at, u)\nreturn d")
    assert [type(each.node).__name__ for each in view.statements()] == ["Assign", "If", "AugAssign", "Expr", "Return"]
    assert [type(each.node).__name__ for each in view.simple_statements()] == ["Assign", "AugAssign", "Expr"]
    last = list(view.statements())[-1]
    assert (last.value, set(last.scope) >= {"d", "v", "u"}) == (None, True)


def test_what_was_not_run_has_no_place() -> None:
    """Code that was not run has no place, and a module has none."""
    view = view_of("d = v * 1\nif n > 5:\n  d = u * 2\nreturn d * np.cos(v)")
    assert {"u", "u * 2", "np"}.isdisjoint({each.text for each in view.places})


def test_what_was_run_in_some_cases_alone() -> None:
    """It has no values in the others."""
    view = view_of("d = v * 1\nif g[0, 0] == first:\n  d = u * 2\nreturn d", first=arguments_of(0)["g"][0, 0])
    place = next(each for each in view.places if each.text == "u * 2")
    assert [len(each) for each in place.turns] == [1, 0, 0, 0]
    assert place.values[1] is None
    known = part_of("u", place, view)
    assert [len(each) for each in known.turns] == [1, 0, 0, 0]
    assert [len(each) for each in view.computed(place.expression, place)] == [1, 0, 0, 0]


def test_the_value_of_a_name_behind_a_statement_is_a_place_of_its_own() -> None:
    """Where the statement changes what has this name."""
    view = view_of("d = v * 1; d += u; return d * 1")
    (after,) = [each for each in view.afters if each.text == "d"]
    asked = arguments_of(0)
    assert np.array_equal(after.value, asked["v"] + asked["u"])
    assert after not in view.places
    assert view.of_node[after.node] is after


@pytest.mark.parametrize(
    ("body", "texts", "around"),
    [("np.sin(x) * y + v", ["x", "y"], "np.sin(x) * y"), ("np.sin(x) * y + v", ["v", "y"], "np.sin(x) * y + v"),
     ("np.sin(x) * y + v", ["x"], "x"), ("d = x * y; return d + v", ["x", "v"], None)],
)  # fmt: skip
def test_the_smallest_expression_around_some_others(body: str, texts: list[str], around: str | None) -> None:
    """There is none for parts of two statements."""
    view = view_of(body)
    nodes = [next(each.node for each in view.places if each.text == text) for text in texts]
    found = view.around(nodes)
    assert (None if found is None else found.text) == around
