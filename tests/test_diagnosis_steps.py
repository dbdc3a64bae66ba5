"""The whole gradient as the answers tell it, and single steps that are differentiated wrongly, without a diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.diagnosis import changes, whole
from reference.gradients.diagnosis.graph import Edge
from tests.gradients import drawn
from tests.test_diagnosis_mechanisms import samples_of
from tests.test_diagnosis_parts import X, Y, asked, forward, vjp

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


# The whole gradient


def test_a_factor_between_arrays_is_that_of_least_squares() -> None:
    """Of all of them together; between zeros there is none."""
    assert whole.factor_between([X, X.T], [3 * X, 3 * X.T]) == pytest.approx(3.0)
    assert whole.factor_between([np.array([1.0, 1.0])], [np.array([1.0, 3.0])]) == 2.0
    assert whole.factor_between([0 * X], [X]) is None


def test_places_of_differences_are_all_or_some() -> None:
    """Differences look at all entries of a few, and at some of many, in order and at each once."""
    few = whole._places(asked())
    assert few.tolist() == list(range(12))
    long = samples_of(np.sin, lambda c, x: (c,), (drawn(400),), 0)
    some = whole._places(long)
    assert 0 < len(some) < 400
    assert (np.diff(some) > 0).all()


@pytest.mark.parametrize(
    ("places", "word"),
    [
        ([(1, 2)], "entry-wrong"), ([(1, 2), (1, 0)], "row-wrong"), ([(2, 2), (2, 0)], "last-sample-wrong"),
        ([(0, 1), (2, 1)], None), ([(0, 1), (1, 1), (2, 1)], None), ([], None),
    ],
)  # fmt: skip
def test_what_is_wrong_in_one_place_has_its_word(places: list[tuple[int, int]], word: str | None) -> None:
    """An entry, a row or the last one; several rows are no place."""

    def wrong(c: Any, x: Any, y: Any) -> Any:
        found = vjp(c, x, y)[0]
        for each in places:
            found[each] += 1.0
        return found, c

    found = whole.in_one_place(asked(wrong))
    assert (found and found.word) == word


def test_a_sum_in_another_shape_is_no_sum_along_another_axis() -> None:
    """It has the right numbers."""

    def kept(c: Any, x: Any, s: Any) -> Any:
        return c * np.cos(x), c.sum(axis=0, keepdims=True)

    assert whole._other_axis(samples_of(lambda x, s: np.sin(x) + s, kept, (X, Y[0]), 1)) is None


def test_answers_of_low_precision_are_rounded() -> None:
    """What is as near to the truth and has all its digits is none."""

    def near(c: Any, x: Any, y: Any) -> Any:
        return vjp(c, x, y)[0] * (1 + 1e-8 * np.sin(5 * x)), c

    assert whole._low_precision(asked(near)) is None
    assert whole._low_precision(asked(lambda c, x, y: [each.astype(np.float32) for each in near(c, x, y)])) is not None


def test_differences_are_those_of_the_forward_pass() -> None:
    """Ahead, back or both ways, of the entries that are asked for."""
    sample = asked().all[0]
    c, places = sample.cotangent, np.array([0, 7])
    for scheme, ends in (("forward", (0.25, 0.0)), ("backward", (0.0, 0.25)), ("central", (0.25, 0.25))):
        found = whole._differences(sample, 0, scheme, 0.25, places)
        due = c * (forward(X + ends[0], Y) - forward(X - ends[1], Y)) / sum(ends)
        assert np.allclose(found, due.flat[places])


def test_a_sum_along_another_axis_takes_factors_out_of_it() -> None:
    """As many as are said; a mean divides by the length of its own axis."""
    found = samples_of(lambda x, y: x * y[0], lambda c, x, y: (c, y), (X, Y), 1)
    node = next(each for each in found.graph.nodes if each.op == "multiply")
    edge, g = Edge(node, 1), np.arange(12.0).reshape(3, 4)
    inputs, y = [X, Y[0]], X * Y[0]
    for power in (0, 1, 2):
        change = changes.along_axis(None, power)(found.all[0], edge)
        assert change is not None
        assert np.allclose(change(g, inputs, y), (g * X * Y[0] ** power).sum() / Y[0] ** power)
    by_step = changes.along_axis(None, 1, number=found.graph.nodes.index(node.inputs[1]))(found.all[0], edge)
    assert by_step is not None
    assert np.allclose(by_step(g, inputs, y), (g * X * Y[0]).sum() / Y[0])
    plain = samples_of(lambda x, y: x + y[0], lambda c, x, y: (c, y), (X, Y), 1)
    added = next(each for each in plain.graph.nodes if each.op == "add")
    change = changes.along_axis(None, 2)(plain.all[0], Edge(added, 1))
    assert change is not None
    assert np.allclose(change(g, inputs, y), np.full(4, g.sum()))
    mean = changes.along_axis(1, 0, is_mean=True)(found.all[0], edge)
    assert mean is not None
    assert np.allclose(mean(g, inputs, y) / 3, (g * X).mean(axis=1))


# A single step


def local(function: Callable[..., Any], op: str, place: int, *args: Array) -> list[tuple[str, Any]]:
    """The wrong ways to pull ones back through a step, each with its word and what it gives."""
    found = samples_of(function, lambda c, *x: x, args, 0)
    node = next(each for each in found.graph.nodes if each.op == op)
    sample, inputs = found.all[0], [each.value for each in node.inputs]
    g = np.arange(1.0, 1 + node.value.size).reshape(node.value.shape)
    made = [(word, make(sample, Edge(node, place))) for word, make in changes.local(found, node, place, alone=True)]
    return [(word, None if change is None else change(g, inputs, node.value)) for word, change in made]


S, G = drawn(3, 3), np.arange(1.0, 10.0).reshape(3, 3)


@pytest.mark.parametrize("place", [0, 1])
def test_a_product_of_matrices_is_pulled_back_wrongly(place: int) -> None:
    """With the other factor as it is, turned before or afterwards, or with ones."""
    found = local(lambda x, w: x @ w, "matmul", place, S, S + 2.0)
    first, second = S, S + 2.0
    due = (
        [G @ second, second @ G.T, G.T @ second.T, G @ np.ones((3, 3))]
        if place == 0
        else [first @ G, G.T @ first, first.T @ G.T, np.ones((3, 3)) @ G]
    )
    assert [word for word, _ in found] == ["transposed"] * 3 + ["factor-missing"]
    for (_, one), right in zip(found, due, strict=True):
        assert np.allclose(one, right)


def test_a_sum_is_pulled_back_wrongly() -> None:
    """Spread along another axis, or divided by the sum along it."""
    x = np.abs(S) + 0.5
    found = local(lambda x: x.sum(axis=1) * 1.0, "sum", 0, x)
    g = np.arange(1.0, 4.0)
    due = [np.tile(g, (3, 1)), np.tile(g[:, None], 3)]
    due += [np.tile((g * x.sum(axis=1))[:, None], 3) / x.sum(axis=axis, keepdims=True) for axis in (0, 1)]
    assert {word for word, _ in found} == {"wrong-axis"}
    for (_, one), right in zip(found, due, strict=True):
        assert np.allclose(one, right)


def test_a_maximum_is_pulled_back_wrongly() -> None:
    """To all entries, to the smallest, to the largest in size; over all entries to all of them alone."""
    x = np.array([[1.0, -3.0, 2.0], [0.5, 0.25, -1.0]])
    (word, everywhere), (_, smallest), (_, in_size) = local(lambda x: x.max(axis=1) * 1.0, "max", 0, x)
    assert word == "mask-missing"
    assert everywhere.tolist() == [[1.0] * 3, [2.0] * 3]
    assert smallest.tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]
    assert in_size.tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]
    assert [each is None for _, each in local(lambda x: x.max() * 1.0, "max", 0, x)] == [False, True, True]
    kept = local(lambda x: x.max(axis=0, keepdims=True) * 1.0, "max", 0, x)
    assert kept[1][1].tolist() == [[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]]


def test_a_choice_is_pulled_back_wrongly() -> None:
    """Open, inverted, or where what comes in is above 0 or below; a size has no other side."""
    x = np.array([[1.0, -3.0], [-0.5, 0.25]])

    def chosen(x: Any) -> Any:
        return np.maximum(x, 0.0) * 1.0

    found = local(chosen, "maximum", 0, x)
    g = np.array([[1.0, 2.0], [3.0, 4.0]])
    due = [g, g * (x <= 0), g, 0 * g]
    words = ["mask-missing", "mask-inverted", "mask-from-delta", "mask-from-delta"]
    assert [word for word, _ in found] == words
    for (_, one), right in zip(found, due, strict=True):
        assert np.allclose(one, right)
    assert [word for word, _ in local(lambda x: np.abs(x) * 1.0, "absolute", 0, x)] == ["mask-missing"]


def test_a_step_whose_derivative_is_constant_has_no_factor_to_miss() -> None:
    """What is broadcast may be summed along another axis, or not at all."""
    assert local(lambda x: x * 2.0 + x, "multiply", 0, S) == []
    words = [word for word, _ in local(lambda x, b: x + b, "add", 1, S, S[0])]
    assert words == ["wrong-axis"] * 9 + ["not-summed"]


def test_what_is_normalised_is_taken_as_it_was_before() -> None:
    """That tells more than any other word, of what is divided by a statistic of it."""

    def exact(function: Callable[..., Any], op: str, place: int) -> list[str]:
        found = samples_of(function, lambda c, x: (x,), (S,), 0)
        node = next(each for each in found.graph.nodes if each.op == op)
        return [word for word, _ in changes.exact(node, place)]

    assert exact(lambda x: x / x.sum(axis=0), "divide", 1) == ["wrong-argument"]
    for function, op, place in (
        (lambda x: x / x.sum(axis=0), "divide", 0), (lambda x: x / np.exp(x), "divide", 1),
        (lambda x: 1.0 / x.sum(axis=0), "divide", 1), (lambda x: x / np.full(3, 2.0), "divide", 1),
        (lambda x: x * x.sum(axis=0), "multiply", 1),
    ):  # fmt: skip
        assert exact(function, op, place) == []
