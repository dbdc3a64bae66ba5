"""The graph of a computation, by itself: values, gradients and changes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.diagnosis import rules
from reference.gradients.diagnosis.graph import (
    Edge,
    Graph,
    Node,
    adjoints,
    contribution,
    evaluate,
    pulled_back,
    to_input,
    unbroadcast,
)
from reference.gradients.diagnosis.tracing import NotTracedError, trace
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y, W = drawn(3, 4), drawn(3, 4) + 3.0, drawn(4, 2)
C = drawn(3, 2) + 1.0


def layer(x: Any, w: Any) -> Any:
    return np.tanh(x) @ w + 2.0 * np.sin(x) @ w


def graph_of(function: Callable[..., Any], *args: Array) -> tuple[Graph, Any]:
    found = trace(function, args)
    return found, evaluate(found, args)


def numbered(graph: Graph, op: str, number: int = 0) -> Node:
    return [each for each in graph.nodes if each.op == op][number]


# Derivatives, against differences


def slope(function: Callable[[Array], Any], at: Array) -> Array:
    """The derivative of an elementwise function, by Richardson's extrapolation of differences."""
    one, two = ((function(at + h) - function(at - h)) / (2 * h) for h in (1e-4, 2e-4))
    return np.asarray((4 * one - two) / 3)


OF_ONE = sorted(name for name in rules.ELEMENTWISE if getattr(np, name).nin == 1)
OF_TWO = sorted(set(rules.ELEMENTWISE) - set(OF_ONE))


@pytest.mark.parametrize("name", OF_ONE)
def test_the_derivative_of_a_function_of_one_number(name: str) -> None:
    """Above and below 0, as far as it is defined there."""
    function = getattr(np, name)
    with np.errstate(all="ignore"):
        at = np.array([-0.7, -0.3, 0.2, 0.6, 0.9, -1.7, 1.3])
        at = at[np.isfinite(function(at))]
        (found,) = rules.ELEMENTWISE[name](at, function(at))
    assert len(at) > 2
    assert np.allclose(found * np.ones(len(at)), slope(function, at), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", OF_TWO)
def test_the_derivatives_of_a_function_of_two_numbers(name: str) -> None:
    """For each of them, the larger one first and last, as far as it is defined there."""
    function = getattr(np, name)
    with np.errstate(all="ignore"):
        a, b = np.array([0.7, 1.65, 0.3, -0.5, -1.5, 0.9]), np.array([1.3, 0.4, -0.8, 0.6, -0.2, 2.0])
        there = np.isfinite(function(a, b))
        a, b = a[there], b[there]
        first, second = rules.ELEMENTWISE[name](a, b, function(a, b))
    assert len(a) > 2
    assert np.allclose(first * np.ones(len(a)), slope(lambda at: function(at, b), a), rtol=1e-8, atol=1e-8)
    positive = a > 0
    assert positive.sum() > 2
    a, b, second = a[positive], b[positive], (second * np.ones(len(positive)))[positive]
    assert np.allclose(second, slope(lambda at: function(a, at), b), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "due"), [("maximum", (0.5, 0.5)), ("minimum", (0.5, 0.5)), ("fmax", (1.0, 0.0)), ("fmin", (1.0, 0.0))]
)
def test_the_derivatives_of_a_tie(name: str, due: tuple[float, float]) -> None:
    """Half for each, or all for the first: in any case they add up to one."""
    one = np.ones(1)
    first, second = rules.ELEMENTWISE[name](one, one, one)
    assert (float(first[0]), float(second[0])) == due


def test_a_power_of_nothing() -> None:
    """The logarithm of what is not above 0 does not come into it."""
    _, second = rules.ELEMENTWISE["power"](np.array([0.0, -2.0]), np.array([2.0, 2.0]), np.array([0.0, 4.0]))
    assert second.tolist() == [0.0, 0.0]


def test_flat_functions_are_functions_of_numpy() -> None:
    """None of them has a derivative besides."""
    assert set(rules.ELEMENTWISE).isdisjoint(rules.FLAT)
    assert all(isinstance(getattr(np, name), np.ufunc) for name in rules.FLAT)


@pytest.mark.parametrize(
    ("axis", "number"), [(None, 24), (0, 2), (1, 3), (-1, 4), ((0, 2), 8), ((-1, 0), 8), ((1,), 3), ((), 1)]
)
@pytest.mark.parametrize("keepdims", [True, False])
def test_a_sum_gives_its_gradient_to_all_that_was_added(axis: Any, number: int, keepdims: bool) -> None:
    """As many entries as it adds get it, whether the axes are kept or not."""
    box = drawn(2, 3, 4)
    total = box.sum(axis=axis, keepdims=keepdims)
    g = np.arange(1.0, 1 + total.size).reshape(total.shape)
    found = rules.spread(g, box.shape, axis, keepdims=keepdims)
    assert found.shape == box.shape
    assert np.allclose((found * box).sum(), (g * total).sum())
    assert rules.count(box.shape, axis) == number
    assert np.array_equal(rules.sum_pull(axis, keepdims)(g, [box], total), found)
    found[...] = 0.0
    assert g.any()


SHAPES = [((3, 4), (4, 2)), ((3, 4), (4,)), ((4,), (4, 2)), ((4,), (4,)), ((5, 3, 4), (4, 2)), ((5, 3, 4),
(5, 4, 2)), ((5, 3, 4), (4,)),
          ((4,), (5, 4, 2)), ((1, 3, 4), (5, 4, 2)), ((5, 3, 4), (1, 4, 2)), ((3, 4), (5, 4, 2))]  # fmt: skip


@pytest.mark.parametrize(("one", "two"), SHAPES)
def test_a_matrix_product(one: tuple[int, ...], two: tuple[int, ...]) -> None:
    """Both gradients, of vectors and of batches that are broadcast: the product is linear in each."""
    rng = np.random.RandomState(0)
    a, b = rng.randn(*one), rng.randn(*two)
    y = a @ b
    g = rng.randn(*np.shape(y))
    for place, (pull, other) in enumerate(zip(rules.matmul_pulls(), (rng.randn(*one), rng.randn(*two)), strict=True)):
        found = pull(np.asarray(g), [a, b], y)
        assert found.shape == (one, two)[place]
        moved = other @ b if place == 0 else a @ other
        assert np.allclose((found * other).sum(), (g * moved).sum())


@pytest.mark.parametrize(
    "subscripts",
    ["ij,jk->ik", "ij,jk->k", "ij,jk->", "ij,jk->ki", "ij,jk->jik", "i j , j k -> i k", "ij,jk->i", "ij,jk->j"],
)
def test_a_sum_of_products(subscripts: str) -> None:
    """In Einstein's notation, also where a letter stands in one array alone."""
    rng = np.random.RandomState(0)
    a, b = rng.randn(3, 4), rng.randn(4, 2)
    g = rng.randn(*np.shape(np.einsum(subscripts, a, b)))
    for place, pull in enumerate(rules.einsum_pulls(subscripts, 2)):
        other = rng.randn(*(a, b)[place].shape)
        given = [other if n == place else each for n, each in enumerate((a, b))]
        found = pull(np.asarray(g), [a, b], g)
        assert np.allclose((found * other).sum(), (g * np.einsum(subscripts, *given)).sum())


@pytest.mark.parametrize(
    ("subscripts", "number"), [("ij,jk", 2), ("...i->i", 1), ("ii->i", 1), ("ij,jk->ik", 1), ("ij,jj->i", 2)]
)
def test_sums_of_products_that_are_not_supported(subscripts: str, number: int) -> None:
    """Without an arrow, with dots, with a diagonal, or with another number of arrays."""
    with pytest.raises(ValueError, match=subscripts.replace(".", "[.]")):
        rules.einsum_pulls(subscripts, number)


def test_entries_that_are_taken_get_what_their_uses_get() -> None:
    """All uses of one add up; a place of -1 is none."""
    pull = rules.gather_pull(np.array([[0, 2], [2, -1]]))
    found = pull(np.array([[1.0, 10.0], [100.0, 1000.0]]), [np.zeros((2, 2))], np.zeros((2, 2)))
    assert found.tolist() == [[1.0, 0.0], [110.0, 0.0]]
    assert pull(np.asarray(2.0), [np.zeros(4)], np.zeros((2, 2))).tolist() == [2.0, 0.0, 4.0, 0.0]


# Graphs


def test_a_graph_computes_what_the_function_does() -> None:
    """For other arguments too, with some steps computed otherwise, and with old values along some edges."""
    graph, values = graph_of(layer, X, W)
    assert np.allclose(values[id(graph.output)], layer(X, W))
    assert np.allclose(evaluate(graph, (Y, W))[id(graph.output)], layer(Y, W))
    tanh, sine = numbered(graph, "tanh"), numbered(graph, "sin")
    changed = evaluate(graph, (X, W), {id(tanh): np.exp})
    assert np.allclose(changed[id(graph.output)], np.exp(X) @ W + 2 * np.sin(X) @ W)
    held = evaluate(graph, (Y, W), held=({(id(sine), 0)}, values))
    assert np.allclose(held[id(graph.output)], np.tanh(Y) @ W + 2 * np.sin(X) @ W)


def test_a_graph_is_pulled_back() -> None:
    """The gradient of each argument; of one that nothing depends on it is 0."""
    graph, values = graph_of(layer, X, W)
    of_x, of_w = pulled_back(graph, values, C)
    assert np.allclose(of_x, (C @ W.T) * (1 - np.tanh(X) ** 2 + 2 * np.cos(X)))
    assert np.allclose(of_w, (np.tanh(X) + 2 * np.sin(X)).T @ C)
    unused, known = graph_of(lambda x, _: x * 2.0, X, W)
    assert np.array_equal(pulled_back(unused, known, X)[1], np.zeros(W.shape))
    flat, known = graph_of(lambda x: x * 2.0, X)
    assert np.array_equal(pulled_back(flat, known, X.ravel())[0], 2.0 * X)


def test_a_gradient_with_changes() -> None:
    """Along an edge comes something else; past some steps all comes at once."""
    graph, values = graph_of(layer, X, W)
    tanh, sine = numbered(graph, "tanh"), numbered(graph, "sin")
    changed, _ = pulled_back(graph, values, C, {(id(tanh), 0): lambda g, inputs, y: g * inputs[0] + y})
    back = C @ W.T
    assert np.allclose(changed, back * (X + 2 * np.cos(X)) + np.tanh(X))
    alone, _ = pulled_back(graph, values, C, {(id(sine), 0): lambda g, inputs, y: np.asarray(0.0)})
    assert np.allclose(alone, back * (1 - np.tanh(X) ** 2))
    (argument, _) = graph.arguments
    passed, of_w = pulled_back(graph, values, C, None, {id(tanh): (argument, lambda g: 3.0 * g)})
    assert np.allclose(passed, back * (3.0 + 2 * np.cos(X)))
    assert np.allclose(of_w, (np.tanh(X) + 2 * np.sin(X)).T @ C)
    first, _ = pulled_back(
        graph, values, C, None, {id(sine): (argument, np.negative), id(tanh): (argument, np.negative)}
    )
    assert np.allclose(first, -3.0 * back)


def test_steps_that_are_passed_by_get_nothing() -> None:
    """What comes to a later one goes to an earlier one at once."""
    graph, values = graph_of(lambda x: np.sin(np.exp(x)), X)
    jump = {id(graph.output): (graph.arguments[0], lambda g: 2.0 * g)}
    found = adjoints(graph, values, Y, None, jump)
    assert id(numbered(graph, "exp")) not in found
    assert np.allclose(found[id(graph.arguments[0])], 2.0 * Y)


def test_constants_get_nothing() -> None:
    """Nor do steps that the output does not depend on."""

    def function(x: Any) -> Any:
        np.exp(x)
        return x * np.full(3, 2.0)

    graph, values = graph_of(function, X[:, :3])
    found = adjoints(graph, values, X[:, :3])
    assert {node.op for node in graph.nodes if id(node) in found} == {"argument", "multiply"}
    assert "exp" not in {node.op for node in graph.nodes}


def test_edges_lead_from_what_depends_on_an_argument_to_what_does() -> None:
    """Those to constants are none."""
    graph, _ = graph_of(lambda x: x * np.ones(4) + np.sin(x), X)
    assert [(edge.node.op, edge.place, edge.source.op) for edge in graph.edges()] == [
        ("multiply", 0, "argument"), ("sin", 0, "argument"), ("add", 0, "multiply"), ("add", 1, "sin"),
    ]  # fmt: skip
    assert numbered(graph, "sin").is_elementwise
    assert not Node("gather", (), lambda: X, X).is_elementwise
    sine = numbered(graph, "sin")
    assert Edge(sine, 0).source is graph.arguments[0]


def test_what_a_step_passes_back() -> None:
    """Of an elementwise one the local derivative, summed where the input was broadcast; of another one its pull."""
    graph, values = graph_of(lambda x, y: x * y[:1] + y.T.sum(), X, Y)
    times = numbered(graph, "multiply")
    inputs, output = [values[id(each)] for each in times.inputs], values[id(times)]
    assert np.allclose(contribution(times, 0, Y, inputs, output), Y * Y[:1])
    assert np.allclose(contribution(times, 1, Y, inputs, output), (Y * X).sum(axis=0, keepdims=True))
    turned = numbered(graph, "transpose")
    assert np.array_equal(contribution(turned, 0, Y.T, [Y], Y.T), Y)


@pytest.mark.parametrize(
    ("shape", "to"),
    [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 4), (1, 4)), ((3, 4), (3, 1)), ((3, 4), (1, 1)), ((3, 4), ()),
    ((2, 3, 4), (3, 1)),
     ((2, 3, 4), (1,)), ((1, 4), (1, 4)), ((2, 1, 4), (1, 4))],
)  # fmt: skip
def test_what_was_broadcast_is_summed(shape: tuple[int, ...], to: tuple[int, ...]) -> None:
    """Summing is the transpose of broadcasting."""
    given, other = np.random.RandomState(0).randn(*shape), np.random.RandomState(1).randn(*to)
    found = unbroadcast(given, to)
    assert found.shape == to
    assert np.allclose((found * other).sum(), (given * np.broadcast_to(other, shape)).sum())


@pytest.mark.parametrize(
    ("given", "source", "output", "found"),
    [((3, 4), (3, 4), (3, 4), (3, 4)), ((3, 4), (4,), (3, 4), (4,)), ((), (4,), (3, 4), (4,)), ((4,), (1, 4), (3, 4),
    (1, 4)),
     ((2, 3, 4), (3, 4), (3, 4), (2, 3, 4)), ((2, 3, 4), (4,), (3, 4), (2, 3, 4)), ((5,), (4,), (3, 4), (5,)),
     ((3, 1), (4,), (3, 4), (4,))],
)  # fmt: skip
def test_a_gradient_that_is_too_wide_is_left_so(
    given: tuple[int, ...], source: tuple[int, ...], output: tuple[int, ...], found: tuple[int, ...]
) -> None:
    """As numpy would leave it; else it gets the shape of the input."""
    assert to_input(np.ones(given), np.ones(source), np.ones(output)).shape == found


def test_more_of_numpys_functions() -> None:
    """Results by name, along another axis, and refusals of what is not supported."""
    matrix = drawn(3, 3) + 4 * np.eye(3)
    if hasattr(np.linalg.slogdet(matrix), "logabsdet"):
        graph, values = graph_of(lambda x: np.linalg.slogdet(x).logabsdet + np.linalg.slogdet(x).sign, matrix)
        assert np.allclose(pulled_back(graph, values, np.array(1.0))[0], np.linalg.inv(matrix).T)
    area = getattr(np, "trapezoid", getattr(np, "trapz", None))  # before numpy 2
    assert area is not None
    graph, values = graph_of(lambda y, x: area(y, x, axis=0), X, np.cumsum(Y, axis=0))
    assert np.allclose(values[id(graph.output)], area(X, np.cumsum(Y, axis=0), axis=0))
    plain, known = graph_of(area, X)
    assert np.allclose(known[id(plain.output)], area(X))
    assert np.allclose(pulled_back(graph, values, np.ones(4))[0].sum(), (np.cumsum(Y, axis=0)[-1] - Y[0]).sum())
    for refused in (
        lambda x: np.diff(x, prepend=0.0), lambda x: np.diff(x, append=0.0), lambda x: np.cross(x[:, :2], x[:, :2]),
        lambda x: np.cross(x[:, :3], x[:, :3], axis=0), lambda x: np.average(x, weights=X, returned=True)[0],
        lambda x: np.average(x, axis=0, weights=np.ones((1, 3, 4))), lambda x: np.add.at(x, 0, 1.0),
        lambda x: x.item(0),
    ):  # fmt: skip
        with pytest.raises(NotTracedError):
            trace(refused, [X])
