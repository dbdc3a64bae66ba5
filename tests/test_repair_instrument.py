"""Instrumented code: what is recorded of it, and what is put into it."""

from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from reference.gradients.repair.instrument import MOST_TURNS, EndlessError, Sites, State, kept
from reference.gradients.repair.sources import NoSourceError, Source
from tests.repair_views import arguments_of, recorded, sites_of, view_of

pytestmark = pytest.mark.catalogue


def number_of(sites: Sites, text: str) -> int:
    """The number of the first expression with this code."""
    return next(number for number, node in sites.expressions.items() if ast.unparse(node) == text)


def run_with(sites: Sites, state: State, run: int = 0, *, recording: bool = False) -> Any:
    """What the function answers with a state in it."""
    function = sites.source.function
    before = function.__code__
    function.__code__ = sites.code(state, recording=recording)
    try:
        return function(**arguments_of(run))
    finally:
        function.__code__ = before


def values_of(state: State, sites: Sites) -> dict[str, Any]:
    """By code: the first value of each expression that was computed."""
    return {ast.unparse(node): state.values[n] for n, node in sites.expressions.items() if n in state.values}


# What is recorded


def test_the_value_of_each_expression_is_recorded() -> None:
    """Of parts too, but not of what is stored into, and not of slices; the answer is what it was."""
    sites = sites_of("d = x * 0; d[1:, 0] = y[1:, 0] * n; return d + v[None]")
    args = arguments_of(0)
    state = State()
    answer = run_with(sites, state, recording=True)
    values = values_of(state, sites)
    due = args["x"] * 0
    due[1:, 0] = args["y"][1:, 0] * 2
    assert np.array_equal(answer, due + args["v"][None])
    assert np.array_equal(values["y[1:, 0] * n"], due[1:, 0])
    assert {"x", "0", "x * 0", "y", "1", "y[1:, 0]", "n", "d + v[None]", "v[None]", "None"} <= set(values)
    assert values["n"] == 2
    assert {"1:", "d[1:, 0]", "(1:, 0)"}.isdisjoint(values)


def test_values_of_the_first_turns_are_recorded() -> None:
    """The first few times of each expression, copies of them, and how often it was computed in all."""
    sites = sites_of("for i in range(20):\n  v += 1; return v")
    state = recorded(sites, 0)
    one = number_of(sites, "1")
    assert state.visits[one] == 20
    assert len(state.turns[one]) == MOST_TURNS
    body = next(n for n, node in sites.statements.items() if isinstance(node, ast.AugAssign))
    scopes = state.turn_scopes[body]
    assert len(scopes) == MOST_TURNS
    assert [scope["i"] for scope in scopes] == list(range(MOST_TURNS))
    assert state.scopes[body] is scopes[0]
    assert np.allclose(scopes[3]["v"] - scopes[0]["v"], 3)
    assert state.ticks == 20


def test_a_loop_that_does_not_end_is_ended() -> None:
    """It begins again as often as is allowed, in whatever loops, and no more."""
    state = State(most_ticks=3)
    for _ in range(3):
        state.tick()
    with pytest.raises(EndlessError):
        state.tick()
    sites = sites_of("while True:\n  v = v + 1")
    with pytest.raises(EndlessError):
        run_with(sites, State(most_ticks=5))
    with pytest.raises(EndlessError):
        run_with(sites_of("for i in range(9):\n  pass; return v"), State(most_ticks=5))


def test_large_arrays_are_not_copied() -> None:
    """They take time, and few codes change them."""
    small, large = np.zeros(20_000), np.zeros(20_001)
    assert kept(small) is not small
    assert kept(large) is large
    pair = kept([(small, large), "a"])
    assert pair[0][0] is not small
    assert pair[0][1] is large
    assert pair[1] == "a"
    named = SimpleNamespace(a=1)
    assert kept(named) is named
    assert kept({"a": small})["a"] is small


# What is put in the place of an expression


@pytest.mark.parametrize(("text", "new", "due"), [
    ("x", "y", "y * y + u[0] * v"),
    ("x * y", "y - x", "(y - x) + u[0] * v"),
    ("u[0]", "n", "x * y + n * v"),
    ("0", "2", "x * y + u[2] * v"),
    ("x * y + u[0] * v", "np.sin(x)", "np.sin(x)"),
])  # fmt: skip
def test_an_expression_is_replaced_by_its_number(text: str, new: str, due: str) -> None:
    """The rest of the code stays, and names mean what they mean there."""
    sites = sites_of("x * y + u[0] * v")
    compiled = compile(new, "new", "eval")
    state = State(at=number_of(sites, text), code=compiled, names=sites.source.function.__globals__)
    known = {**sites.source.function.__globals__, **arguments_of(0)}
    assert np.array_equal(run_with(sites, state), eval(due, known))  # noqa: S307 - of the table
    assert np.array_equal(run_with(sites, State()), eval("x * y + u[0] * v", known))  # noqa: S307 - the same


def test_nothing_is_put_in_unless_it_was_given() -> None:
    """To ask for another value where there is none is a mistake of the search."""
    with pytest.raises(LookupError, match="no expression is replaced"):
        State().new({})


def test_what_is_added_is_given_for_each_time() -> None:
    """In turn; 0 where a place is computed more often than is known."""
    state = State(given=np.array([2.0, 3.0]))
    assert [state.next_given() for _ in range(4)] == [2.0, 3.0, 0.0, 0.0]
    assert state.turn == 4


def test_what_cannot_be_replaced_alone_is_computed_as_ever() -> None:
    """Expressions of inner functions that have names of their own, functions that are called, and modules."""
    sites = sites_of("f = lambda q: q + 1; return f(x) + sum([r for r in y]) + np.sin(x)")
    for text in ("q + 1", "q", "r", "f", "sum", "np", "np.sin"):
        for number in [n for n, node in sites.expressions.items() if ast.unparse(node) == text]:
            state = State(at=number, code=compile("1 / 0", "new", "eval"))
            assert np.array_equal(run_with(sites, state), run_with(sites, State())), text
    assert {ast.unparse(each) for each in sites.nested} >= {"q + 1", "q", "1", "r"}
    assert not any(isinstance(node, ast.Lambda | ast.NamedExpr | ast.Starred) for node in sites.expressions.values())


def test_code_with_other_nodes() -> None:
    """A statement gives way to several, or to none that does anything; an expression to another one."""
    sites = sites_of("d = x * y; d += v; return d")
    first, second = sites.source.tree.body[:2]
    assert isinstance(first, ast.Assign)
    args = arguments_of(0)
    for replaced, due in [
        ({second: ast.Pass()}, args["x"] * args["y"]),
        ({second: [second, second]}, args["x"] * args["y"] + 2 * args["v"]),
        ({first.value: ast.Name("x", ast.Load())}, args["x"] + args["v"]),
        ({first: ast.parse("d = y * 1").body, second: ast.Pass()}, args["y"]),
    ]:
        function = sites.source.function
        before = function.__code__
        function.__code__ = sites.edited(State(), {**replaced})
        try:
            assert np.allclose(function(**arguments_of(0)), due, rtol=1e-14, atol=0)
        finally:
            function.__code__ = before


# The values of names behind statements


#: Lines, and the names that have a place behind each statement, by its first line.
BEHIND = [
    ("d = x * 1; d += y; return d", {"d += y": ["d"]}),
    ("d = x * 1; d[0] = v; return d", {"d[0] = v": ["d"]}),
    ("d = x * 1; d[0][1] += 2; return d", {"d[0][1] += 2": ["d"]}),
    ("d = x * 1; np.add.at(d, 0, v); return d", {"np.add.at(d, 0, v)": ["d"]}),
    ("d = x * 1; print(d); return d", {}),
    ("d = x * 1; d = y * 1; return d", {}),
    ("d = x * 1; for i in range(2):\n  d = d + v; return d", {"for i in range(2):": ["d"]}),
    ("d = x * 1; if n > 1:\n  d = d + v; return d", {"if n > 1:": ["d"]}),
    ("for i in range(2):\n  e = x * i; return e", {}),
    ("x += y; return x", {"x += y": ["x"]}),
    ("d, (e, f) = x, (y, v); e += d; f[0] -= 1; return e + f", {"e += d": ["e"], "f[0] -= 1": ["e", "f"]}),
    ("d = x * 1; e = y * 1; f = v * 1; return d * e * f", {"f = v * 1": ["d", "e"]}),
    ("d = x * 1; e = y * 1; return d * e", {"e = y * 1": ["d"]}),
    ("def f(z):\n  z += 1\n  return z\nreturn f(x)", {}),
    ("d = [x]; d[0].T[0] = 1; return d[0]", {}),
]


@pytest.mark.parametrize(("body", "due"), BEHIND)
def test_names_that_change_have_places_behind_the_statement(body: str, due: dict[str, list[str]]) -> None:
    """What it changes in place or in a block, and what is read next behind several statements in which it did not."""
    sites = sites_of(body)
    found = {
        ast.unparse(each).splitlines()[0]: [name.id for name in names] for each, names in sites.afters.items() if names
    }
    assert {key: sorted(names) for key, names in found.items()} == due


def test_the_value_behind_a_statement() -> None:
    """It is recorded behind it, and can be replaced there for all that follows."""
    sites = sites_of("d = x * 1; d += y; return d * v")
    args = arguments_of(0)
    (name,) = next(names for names in sites.afters.values() if names)
    number = sites.numbers[name]
    assert np.array_equal(recorded(sites, 0).values[number], args["x"] + args["y"])
    state = State(at=number, code=compile("d * 2", "new", "eval"), names=sites.source.function.__globals__)
    assert np.allclose(run_with(sites, state), 2 * (args["x"] + args["y"]) * args["v"], rtol=1e-14, atol=0)
    assert sites.source.parents[name][1:] == ("after", None)
    assert name.lineno == 3
    view = view_of("d = x * 1; d += y; return d * v")
    assert [each.text for each in view.afters] == ["d"]
    assert "after" not in {each.field for each in view.places}


def test_numbers_follow_each_other() -> None:
    """Each expression and statement has its own; those of the next function begin where these end."""
    text = "d = x * 1; d += y; return d"
    sites = sites_of(text)
    numbers = [*sites.expressions, *sites.statements]
    behind = {sites.statement_of[name] for names in sites.afters.values() for name in names}
    assert behind
    assert sorted([*numbers, *behind]) == list(range(sites.next))
    other = Sites(sites_of(text).source, sites.next)
    assert min([*other.expressions, *other.statements]) == sites.next
    assert {number - sites.next for number in other.expressions} == set(sites.expressions)
    assert all(sites.numbers[node] == number for number, node in sites.expressions.items())
    statement = next(iter(sites.statements))
    assert sites.statement_of[sites.statements[statement]] == statement


def test_each_expression_knows_its_statement() -> None:
    """That of the innermost block; expressions of inner functions too, and of lambdas that around them."""
    sites = sites_of("def f(z):\n  h = z * 2\n  return h\nreturn f(x) + (lambda q: q)(1)")
    of = {
        ast.unparse(node): ast.unparse(sites.statements[sites.statement_of[node]])
        for node in sites.expressions.values()
    }
    assert of["z * 2"] == "h = z * 2"
    assert of["q"] == "return f(x) + (lambda q: q)(1)"
    assert sites.nested == {node for node in sites.nested if ast.unparse(node) == "q"}


#: Lines with each kind of statement and expression, which answer the same when they are instrumented.
SYNTAX = [
    "match n:\n  case 2:\n    v = v + 1\n  case _:\n    v = v - 1; return v",
    (
        "match (n, x):\n  case (2, np.ndarray()) if n > 1:\n    v = v * n\n"
        "  case [a, *_] | {'k': a}:\n    v = v * a; return v"
    ),
    "k = f'a{n}b{x.sum():.{n}f}{n!r}'; return x * len(k)",
    "k: float = 1.5; x[0] += k; return x * k",
    "k = x; del k; assert x.ndim == 2, 'axes'; return x",
    "def f(z, *a, b=1.0, **c):\n  return z * b\nreturn f(x, *[1], b=2.0)",
    "def gen():\n  yield x\n  yield y\nreturn sum(gen())",
    "k = 0.0; def add(z):\n  nonlocal k\n  k += z; add(2.0); return k * x",
    "try:\n  x = x[:, 9]\nexcept (IndexError, ValueError) as e:\n  x = x * 2\nfinally:\n  x = x * 3; return x",
    "with np.errstate(all='ignore') as q:\n  x = x / 1; return x",
    "class C:\n  a: int = 2\n  def m(self, z):\n    return z * self.a; return C().m(x)",
    "from math import pi as p; return x * p",
    "global limit2; limit2 = 2.0; return x * limit2",
    "while True:\n  v = v * 2\n  if v.sum() > 5:\n    break\n  continue\nelse:\n  v = v * 0; return v",
    "a, *b, c2 = v; return x * a * c2 * b[0]",
    "x[*[0, 1],] * [*v, *u][0] * {**{'a': x}}['a'] * sum({1.0, 2.0})",
    "x if (k := n) > 1 else y * k",
    "[k for r in v if (k := r) > 0.0][0] * x * (lambda z=n, *a, k=2: z * k)()",
    "@staticmethod\ndef f(z): return z * 2\nreturn f(x)",
    "not x.any() or n << 1 | n & 3 ^ ~n or ...",
    "return",
]


@pytest.mark.parametrize("body", SYNTAX)
def test_instrumented_code_answers_as_the_code_did(body: str) -> None:
    """Whatever it is made of; recorded, with a choice in each place, and as it is copied for an edit."""
    sites = sites_of(body)
    function, due = sites.source.function, sites.source.function(**arguments_of(0))
    before = function.__code__
    for compiled in (sites.code(State()), sites.code(State(), recording=True), sites.edited(State(), {})):
        function.__code__ = compiled
        try:
            assert (
                np.array_equal(function(**arguments_of(0)), due) if isinstance(due, np.ndarray) else due is None or due
            )
        finally:
            function.__code__ = before


def test_code_that_cannot_be_compiled_has_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search ends without a repair, and not with an exception."""
    sites = sites_of("x * y")
    for error in (SyntaxError("a"), ValueError("b"), TypeError("c")):
        monkeypatch.setattr(sites.source, "compiled", Mock(side_effect=error))
        with pytest.raises(NoSourceError, match="vjp"):
            sites.code(State())


def test_all_parameters_are_bound_from_the_start() -> None:
    """Those by position alone, and those by keyword alone."""
    text = "def f(g, /, x, *, y):\n    g += 1\n    x += 1\n    y += 1\n    z += 1\n"
    (tree,) = ast.parse(text).body
    assert isinstance(tree, ast.FunctionDef)
    known: dict[str, Any] = {}
    exec(text, known)  # noqa: S102 - the same
    sites = Sites(Source(known["f"], tree, (known["f"],)), 0)
    assert [[name.id for name in names] for names in sites.afters.values()] == [["g"], ["x"], ["y"], []]
