"""Objects that behave like arrays note each step, become constants where nothing depends on an argument, or refuse."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.diagnosis import recorded
from reference.gradients.diagnosis.graph import Graph, Node, evaluate, pulled_back
from reference.gradients.diagnosis.recorded import NotTracedError, Traced, first_traced, is_computing, leaf, plain
from reference.gradients.diagnosis.tracing import trace
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y, WHOLE = drawn(3, 4), drawn(3, 4) + 2.0, np.array([1, 0, 2])


def traced(array: Array = X) -> Traced:
    nodes: list[Node] = []
    return Traced(leaf("argument", array, nodes), nodes)


def ops(function: Callable[..., Any], *args: Array) -> list[str]:
    return [each.op for each in trace(function, args or (X,)).nodes]


def output(graph: Graph, *args: Array) -> Array:
    return evaluate(graph, args)[id(graph.output)]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sum(axis=0), lambda x: x.mean(), lambda x: x.max(1), lambda x: x.min(),
        lambda x: x.prod(0), lambda x: x.var(axis=1),
        lambda x: x.std(), lambda x: x.dot(Y.T), lambda x: x.ravel(), lambda x: x.clip(-1.0, 1.0),
        lambda x: x.clip(max=0.5), lambda x: x.cumsum(1),
        lambda x: x[:1].squeeze(), lambda x: x.swapaxes(0, 1), lambda x: x.repeat(2, axis=0),
        lambda x: x.take([0, 2], axis=1), lambda x: x.trace(),
        lambda x: x.diagonal(), lambda x: x.T, lambda x: x.flatten(), lambda x: x.copy(), lambda x: x.astype(float),
        lambda x: x * x.shape[0] + x.ndim + x.size + len(x), lambda x: sum(row * 2.0 for row in x),
        lambda x: x[1] if x[0, 0] < 9.0 else x[0],
        lambda x: x[x.argmax(axis=0)[0]], lambda x: x * (x > 0).any() + x.argsort(0)[0],
        lambda x: x[x[:, 0].astype(int) * 0],
        lambda x: x.transpose(1, 0), lambda x: x.transpose(), lambda x: x.reshape(-1),
        lambda x: x.reshape((4, 3)), lambda x: x.reshape(2, 6),
        lambda x: +x - -x, abs, lambda x: 2.0 / x, lambda x: x // 1.0 * x, lambda x: x @ Y.T,
        lambda x: Y.T @ x, lambda x: 1.0 - x,
        lambda x: x ** 2.0, lambda x: x[np.newaxis, ..., ::-1], lambda x: x[(x > 0)],
        lambda x: np.multiply(x, Y), lambda x: np.where(x > 0, x, Y),
        np.add.reduce, lambda x: np.maximum.reduce(x, axis=1),
        lambda x: np.multiply.reduce(x, axis=None), np.minimum.reduce,
        lambda x: x * np.logical_or.reduce(x, axis=0), lambda x: np.logical_and.reduce(x, axis=1, keepdims=True) * x,
        lambda x: x * np.logical_or.reduce(x * (x > 0), axis=1, keepdims=True),
        lambda x: np.average(x, axis=1, keepdims=True) * x,
        lambda x: x * np.logical_or.reduce(x > 0, axis=0), lambda x: np.array([x[0], x[1]]),
        lambda x: np.asarray(x) * 1.0, lambda x: np.array([x[0, 0], 2.0]),
        lambda x: np.zeros(4) + x[0], lambda x: np.full_like(x, 2.0) * x, lambda x: np.ones((3, 4)) * x,
        lambda x: x * np.array([1, 2, 3, 4]),
        lambda x: x * np.array([True, False, True, False]), lambda x: np.sin(x, dtype=float),
        lambda x: np.add(x, 1.0, casting="same_kind"),
        lambda x: np.add.reduce(x, dtype=float), lambda x: x.round() * 0.0 + x,
        lambda x: x * len(np.nonzero(x > 0)[0]), lambda x: np.multiply.outer(x[0], x[1]),
    ],
)  # fmt: skip
def test_what_arrays_can_do(function: Callable[[Any], Any]) -> None:
    """The values are those of numpy, for other arguments too; most steps are numpy's functions of the same name."""
    graph = trace(function, [X])
    moved = X * (1 + 1 / 64)
    assert np.allclose(output(graph, X), function(X))
    assert output(graph, X).shape == np.shape(function(X))
    if np.array_equal(np.sign(X), np.sign(moved)):
        assert np.allclose(output(graph, moved), function(moved))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.item(), lambda x: x.tolist(), lambda x: float(x[0, 0]), lambda x: x.sort(),
        lambda x: x.fill(0.0), lambda x: x.nothing,
        lambda x: x._private, np.add.accumulate, lambda x: np.add.at(x, 0, 1.0),
        lambda x: np.multiply(x, x, where=X > 0),
        lambda x: np.add(x, 1.0, out=Y.copy()), lambda x: np.add.reduce(x, initial=1.0),
        lambda x: np.add.reduce(x, where=X > 0),
        np.bitwise_and.reduce, np.arctan2.reduce, lambda x: np.arctan2.outer(x, x),
        lambda x: np.gcd(x, x), lambda x: x + "a",
        lambda x: x + 1j, np.linalg.svd, np.fft.fft, lambda x: 3.0, lambda x: X,
        lambda x: None, lambda x: 1 / 0, lambda x: x[7],
        lambda x: x.reshape(5), lambda x: np.modf(x)[0], lambda x: np.sum(x, where=X > 0), lambda x: {x: 1},
        lambda x: np.interp(x, Y, Y),
    ],
)  # fmt: skip
def test_what_is_refused(function: Callable[[Any], Any]) -> None:
    """What has no rule, what is no recorded array in the end, and whatever raises an exception."""
    with pytest.raises(NotTracedError):
        trace(function, [X])


def test_a_refusal_tells_why() -> None:
    """With the words of the exception, which is kept, or of numpy's function."""
    with pytest.raises(NotTracedError, match="division by zero") as raised:
        trace(lambda x: 1 / 0, [X])
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    for function, words in (
        (np.add.accumulate, "add.accumulate"), (np.linalg.svd, "svd"),
        (lambda x: np.gcd(x, x), "gcd"),
        (lambda x: x.item(), "item"), (lambda x: x.sort(), "sort"), (lambda x: x + 1j, "complex"),
        (lambda x: float(x[0, 0]), "a number"),
        (lambda x: np.add(x, 1.0, out=Y.copy()), "out"),
        (lambda x: np.multiply(x, x, where=X > 0), "multiply with where"),
        (lambda x: X, "no recorded array"),
    ):  # fmt: skip
        with pytest.raises(NotTracedError, match=words):
            trace(function, [X])


def test_steps_are_noted_in_their_order() -> None:
    """With those that the answer depends on alone, and the arguments always."""

    def function(x: Any, y: Any) -> Any:
        np.exp(x)
        return np.sin(x) * 2.0 + x.sum()

    assert ops(function, X, Y) == ["argument", "argument", "sin", "constant", "multiply", "sum", "add"]


def test_steps_that_take_entries_have_names_of_their_own() -> None:
    """A diagnosis looks for them by these."""
    turned = lambda x: x.reshape(4, 3).transpose(1, 0).T.flatten()[2:] * 1.0  # noqa: E731 - of this test
    assert ops(turned)[:6] == ["argument", "reshape", "transpose", "transpose", "reshape", "gather"]
    (padded,) = [each for each in trace(lambda x: np.diag(x[0, :2], 1) * 1.0, [X]).nodes if each.op == "pad"]
    assert padded.settings["index"].tolist() == [[-1, 0, -1], [-1, -1, 1], [-1, -1, -1]]


def written(x: Any) -> Any:
    x[0] = 1.0
    return x


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("prod", lambda x: x.prod(0)), ("cumsum", lambda x: x.cumsum(1)), ("sum", np.sum), ("max", np.min),
        ("inv", lambda x: np.linalg.inv(x[:, :3])), ("det", lambda x: np.linalg.det(x[:, :3])),
        ("solve", lambda x: np.linalg.solve(x[:, :3], x[:, 3])), ("logdet", lambda x: np.linalg.slogdet(x[:, :3])[1]),
        ("einsum", lambda x: np.einsum("ij->ji", x)), ("where", lambda x: np.where(x > 0, x, 0.0)),
        ("join", lambda x: np.stack([x, x])), ("pad", lambda x: np.pad(x, 1)), ("power", lambda x: x**2.0),
        ("matmul", lambda x: x @ Y.T), ("assign", written),
    ],
)  # fmt: skip
def test_a_step_has_the_name_of_what_it_does(name: str, function: Callable[..., Any]) -> None:
    """The last of its function."""
    assert ops(function)[-1] == name


def test_arguments_of_other_kinds_are_passed_on() -> None:
    """Whole numbers and masks are what they are."""
    graph = trace(lambda x, n, m: x[n] * m, (X, WHOLE, X > 0))
    assert len(graph.arguments) == 1
    assert np.array_equal(output(graph, X), X[WHOLE] * (X > 0))


def test_fixed_arguments_are_constants() -> None:
    """An argument of floating point that has no gradient is no argument of the graph."""
    graph = trace(lambda x, step, y: x * step + y, (X, np.array(0.25), Y), {1})
    assert [each.op for each in graph.nodes].count("constant") == 1
    assert len(graph.arguments) == 2
    assert np.array_equal(output(graph, X, Y), X * 0.25 + Y)


def test_steps_of_constants_are_constants() -> None:
    """Nothing is noted between them."""
    assert ops(lambda x: x * np.exp(np.zeros(4) + 1.0)) == ["argument", "constant", "multiply"]
    assert ops(lambda x: x * np.full(4, 2.0).sum()) == ["argument", "constant", "multiply"]


def test_code_may_write_into_an_array() -> None:
    """What was taken before stays as it was, and a copy is another array."""

    def function(x: Any) -> Any:
        d = np.zeros((3, 4))
        before = d[0].copy()
        d[0] = x[0]
        d[1:] += x[1:] * 2.0
        d[2, 1] = 5.0
        other = d.copy()
        other[0] = 0.0
        d *= 3.0
        return d + before - other

    assert np.allclose(output(trace(function, [X]), X), function(X))
    assert np.allclose(output(trace(function, [X]), Y), function(Y))
    graph = trace(function, [X])
    (found,) = pulled_back(graph, evaluate(graph, [X]), Y)
    for place in np.ndindex(X.shape):
        step = np.zeros(X.shape)
        step[place] = 1.0  # what is written is linear
        assert found[place] == pytest.approx((Y * (function(X + step) - function(X))).sum())
    kept = X.copy()

    def writing(x: Any) -> Any:
        x[0] = 1.0
        return x * 2.0

    trace(writing, [X])
    assert np.array_equal(X, kept)


def test_a_step_knows_where_in_the_code_it_was_made() -> None:
    """The same for all turns of a loop, and another one for each other line and call."""

    def helper(x: Any) -> Any:
        return np.sin(x)

    def function(x: Any) -> Any:
        for _ in range(3):
            x = helper(x)
        return helper(x) + np.sin(x)

    sites = [each.site for each in trace(function, [X]).nodes if each.op == "sin"]
    assert sites[0] == sites[1] == sites[2]
    assert len(set(sites)) == 3
    assert all(sites)


def test_graphs_are_small() -> None:
    """Each of their places is tried with mistakes."""

    def function(times: int) -> Callable[[Any], Any]:
        def compute(x: Any) -> Any:
            for _ in range(times):
                x = np.sin(x)
            return x

        return compute

    assert len(trace(function(399), [X]).nodes) == 400
    with pytest.raises(NotTracedError, match="too many steps"):
        trace(function(400), [X])


def test_numpy_is_what_it_was_afterwards() -> None:
    """Its constructors make recorded arrays in the function that is recorded alone, in its thread alone."""
    before, seen = np.zeros, []

    def function(x: Any) -> Any:
        thread = threading.Thread(target=lambda: seen.append(type(np.zeros(2))))
        thread.start()
        thread.join()
        seen.append(type(np.zeros(2)))
        seen.append(type(np.zeros(2, dtype=int)))
        return x * 2.0

    trace(function, [X])
    assert seen == [np.ndarray, Traced, np.ndarray]
    assert np.zeros is before
    with pytest.raises(NotTracedError):
        trace(lambda x: 1 / 0, [X])
    assert np.zeros is before
    assert not is_computing()


def test_numpy_computes_with_plain_arrays() -> None:
    """While it does, also where a step stumbles."""
    seen = []

    def run(x: Array) -> Array:
        seen.append(is_computing())
        return x

    def stumble(_: Array) -> Array:
        raise ValueError("stumbles")

    x = traced()
    x.step("run", [x], run)
    with pytest.raises(ValueError, match="stumbles"):
        x.step("stumble", [x], stumble)
    assert (seen, is_computing()) == ([True], False)


def test_a_value_becomes_a_recorded_one() -> None:
    """A constant of its numbers; a mask becomes numbers, and what has none is refused."""
    x = traced()
    assert x.lifted(x) is x
    for value, kind in (
        (2.0, "f"),
        (3, "i"),
        (True, "f"),
        (np.array([True, False]), "f"),
        (np.uint8(3), "u"),
        ([1.0, 2.0], "f"),
    ):
        made = x.lifted(value)
        assert (made.node.op, made.dtype.kind) == ("constant", kind)
        assert np.array_equal(made.value, np.asarray(value))
    for value in (1j, "a", None):
        with pytest.raises(NotTracedError, match="dtype"):
            x.lifted(value)


@pytest.mark.parametrize(
    ("values", "is_one"),
    [
        (1.0, True),
        ("a", True),
        (None, True),
        (X, True),
        ([1.0, "ab", (X,)], True),
        ({1.0: 2.0}, True),
        (np.array(["a"]), True),
    ],
)
def test_what_depends_on_no_argument(values: Any, is_one: bool) -> None:
    """Plain values, wherever they stand."""
    assert recorded._is_constant(values) is is_one


def test_what_depends_on_an_argument() -> None:
    """It is found in lists in lists; a recorded constant is none."""
    x = traced()
    assert not recorded._is_constant(x)
    assert not recorded._is_constant([1.0, ("a", [x])])
    assert recorded._is_constant(x.lifted(1.0))
    assert recorded._is_constant([x.lifted(1.0), "a"])


def test_the_numbers_of_what_is_recorded() -> None:
    """In lists and tuples too, which stay what they are."""
    x = traced()
    assert plain(x) is x.value
    assert plain("a") == "a"
    found = plain([x, (x, 1)])
    assert isinstance(found, list)
    assert found[0] is x.value
    assert isinstance(found[1], tuple)
    assert found[1][0] is x.value
    assert recorded._plain_key((x, slice(None), (x,)))[0] is x.value
    assert recorded._plain_key(slice(1, 2)) == slice(1, 2)


def test_the_first_recorded_array() -> None:
    """Of the innermost ones too; where there is none it is refused."""
    one, other = traced(), traced(Y)
    assert first_traced([1.0, one, other]) is one
    assert first_traced((X, [[], ["a"], [other]], one)) is other
    for values in ([], [X, [1.0, ()]], "ab"):
        with pytest.raises(NotTracedError, match="nothing recorded"):
            first_traced(values)


def test_a_recorded_array_has_no_hash_and_a_truth_of_its_own() -> None:
    """It has no hash, and it is true or false where an array is."""
    x = traced(np.array([2.0]))
    assert bool(x)
    assert not bool(traced(np.array([0.0])))
    with pytest.raises(TypeError):
        hash(x)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(traced())
    with pytest.raises(NotTracedError, match="array"):
        x.__array__()
