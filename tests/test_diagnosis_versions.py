"""Other versions of an array, other entries of it and other turns of a loop: what they are, before any is tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.diagnosis import gathers, loops, variants
from reference.gradients.diagnosis.graph import Edge, Node, evaluate, pulled_back
from reference.gradients.diagnosis.samples import Sample, Samples
from reference.gradients.diagnosis.tracing import trace
from reference.gradients.diagnosis.view import View
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, W, V = drawn(3, 4), drawn(3, 3), drawn(5)


def samples_of(function: Callable[..., Any], *args: Array, wrong: tuple[int, ...] = (0,), position: int = 0) -> Samples:
    """Two samples of a function whose gradients are all wrong by one, or right."""
    found = []
    for case in (args, tuple(each + 0.125 for each in args)):
        graph = trace(function, case)
        values = evaluate(graph, case)
        cotangent = drawn(*values[id(graph.output)].shape) + 1.0
        truths = pulled_back(graph, values, cotangent)
        answers = tuple(each + (n in wrong) for n, each in enumerate(truths))
        slack = tuple(0 * each for each in truths)
        found.append(Sample(case, case, cotangent, answers, truths, slack, (graph, values)))
    return Samples(tuple(found), position, lambda *_: ())


def taking(function: Callable[[Any], Any], array: Array = V) -> tuple[Edge, Sample]:
    """The last edge of a function that takes entries, and a sample of it."""
    sample = samples_of(lambda x: function(x) * 1.0, array).all[0]
    node = [each for each in sample.graph.nodes if each.op in {"gather", "reshape", "transpose"}][-1]
    return Edge(node, 0), sample


# Entries


def contributions(make: Callable[[Sample, Edge], Any], function: Callable[[Any], Any], g: Any) -> Any:
    edge, sample = taking(function)
    change = make(sample, edge)
    return None if change is None else change(np.asarray(g), [V], edge.node.value).tolist()


def test_one_use_of_each_entry_is_kept() -> None:
    """The last or the first; where no entry is used twice there is no such mistake."""
    twice = lambda x: x[np.array([0, 2, 0, 1])]  # noqa: E731 - of this test
    assert contributions(gathers.last_of_each, twice, [1.0, 2.0, 3.0, 4.0]) == [3.0, 4.0, 2.0, 0.0, 0.0]
    assert contributions(gathers.first_of_each, twice, [1.0, 2.0, 3.0, 4.0]) == [1.0, 4.0, 2.0, 0.0, 0.0]
    for make in (gathers.last_of_each, gathers.first_of_each):
        assert contributions(make, lambda x: x[np.array([0, 2, 3, 1])], 1.0) is None
        assert contributions(make, twice, 7.0) == [7.0, 7.0, 7.0, 0.0, 0.0]
    square = lambda x: x[np.array([[0, 2], [0, 1]])]  # noqa: E731 - of this test
    assert contributions(gathers.last_of_each, square, [[1.0, 2.0], [3.0, 4.0]]) == [3.0, 4.0, 2.0, 0.0, 0.0]
    assert contributions(gathers.first_of_each, square, [[1.0, 2.0], [3.0, 4.0]]) == [1.0, 4.0, 2.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("function", "due"),
    [
        (lambda x: np.repeat(x, 2), [[1.0, 5.0, 9.0, 13.0, 17.0], [5.0, 7.0, 9.0, 11.0, 13.0]]),
        (lambda x: np.tile(x, 2), [[1.0, 5.0, 9.0, 13.0, 17.0], [5.0, 7.0, 9.0, 11.0, 13.0]]),
        (lambda x: x[:4], []), (lambda x: np.repeat(x[:1], 4), []), (lambda x: x[[0, 1, 2, 3, 4, 0]], []),
        (lambda x: x[None], []),
        (lambda x: x[[0, 1, 2, 3, 4]], []),
    ],
)  # fmt: skip
def test_uses_side_by_side_or_apart(function: Callable[[Any], Any], due: list[list[float]]) -> None:
    """What comes of repeated entries is folded the one way or the other; nothing where entries are not repeated."""
    edge, sample = taking(function)
    makes = list(gathers.in_other_order(edge.node))
    g = np.arange(10.0)
    assert sorted(make(sample, edge)(g, [V], edge.node.value).tolist() for make in makes) == sorted(due)


def test_uses_along_each_axis() -> None:
    """An array has two ways to be folded along each axis that was repeated."""
    edge, sample = taking(lambda x: np.repeat(x, 3, axis=1), X)
    makes = list(gathers.in_other_order(edge.node))
    g = np.arange(36.0).reshape(3, 12)
    found = [make(sample, edge)(g, [X], edge.node.value) for make in makes]
    assert [each.shape for each in found] == [(3, 4)] * 2
    assert np.array_equal(found[0], g.reshape(3, 4, 3).sum(axis=2))
    assert np.array_equal(found[1], g.reshape(3, 3, 4).sum(axis=1))


def test_later_parts_overwrite_earlier_ones() -> None:
    """What they are taken from is left with nothing of the earlier ones."""
    sample = samples_of(lambda x: x[:3].sum() + x[2:4].sum() + x[4] * 1.0, V).all[0]
    numbers = [n for n, node in enumerate(sample.graph.nodes) if node.op == "gather"]
    edge = Edge(sample.graph.nodes[numbers[0]], 0)
    for later, due in (([(numbers[1], 0)], [2.0, 2.0, 0.0, 0.0, 0.0]), ([], [2.0, 2.0, 2.0, 0.0, 0.0]),
                       ([(each, 0) for each in numbers], [0.0] * 5)):  # fmt: skip
        change = gathers.overwritten(later)(sample, edge)
        assert change is not None
        assert change(np.full(3, 2.0), [V], edge.node.value).tolist() == due


# Versions


def test_constants_of_the_same_numbers_stand_together() -> None:
    """Single numbers are no arrays."""
    samples = samples_of(lambda x: x * np.full(4, 3.0) + x / np.full(4, 3.0) + x * np.arange(4.0) + 2.0 * x, X)
    nodes = samples.graph.nodes
    found = [[nodes[n].value.tolist() for n in numbers] for numbers in variants._alike(samples)]
    assert sorted(found) == [[[0.0, 1.0, 2.0, 3.0]], [[3.0] * 4] * 2]


def test_shifts_of_a_mask() -> None:
    """By one along each axis, both ways; what comes in is shut or open."""
    mask = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 2.0]])
    found = [turn(mask).tolist() for turn in variants._shifts(mask.shape)]
    assert found == [
        [[0, 0, 0], [1, 0, 2]], [[2, 2, 2], [1, 0, 2]], [[0, 0, 2], [0, 0, 0]], [[0, 0, 2], [2, 2, 2]],
        [[0, 1, 0], [0, 0, 0]], [[2, 1, 0], [2, 0, 0]], [[0, 2, 0], [0, 2, 0]], [[0, 2, 2], [0, 2, 2]],
    ]  # fmt: skip
    assert list(variants._shifts((1,))) == []
    assert len(list(variants._shifts((1, 2)))) == 4


def test_orders_of_an_array() -> None:
    """Reversed, turned round by one, and shifted by one with zeros, along each axis longer than one."""
    row = np.array([[1.0, 2.0, 3.0]])
    found = [turn(row).tolist() for turn in variants._orders(row.shape)]
    assert found == [[[3, 2, 1]], [[3, 1, 2]], [[0, 1, 2]], [[2, 3, 1]], [[2, 3, 0]]]


def test_an_array_reversed_along_an_axis_that_it_may_not_have() -> None:
    """Then it stays as it is."""
    assert variants._flipped(X, -2).tolist() == X[::-1].tolist()
    assert variants._flipped(X, -1).tolist() == X[:, ::-1].tolist()
    assert variants._flipped(X, -3) is X


@pytest.mark.parametrize(
    ("function", "vectors"),
    [
        (lambda x: x[1:3, ::2], [[1, 2], [0, 2]]), (lambda x: x[::-1, 1:], [[2, 1, 0], [1, 2, 3]]),
        (lambda x: x[:, [0, 0]], [[0, 1, 2], [0, 0]]),
        (lambda x: x[1], None), (lambda x: x.T, None), (lambda x: x[[0, 1], [1, 0]][:, None], None),
        (lambda x: x[:0], None),
        (lambda x: x[:, None], None),
    ],
)  # fmt: skip
def test_the_places_of_a_window(function: Callable[[Any], Any], vectors: Any) -> None:
    """Along each axis; what is no window along the axes of its array has none."""
    edge, _ = taking(function, X)
    found = variants._vectors(edge.node)
    assert (None if found is None else [each.tolist() for each in found]) == vectors


def test_what_takes_nothing_is_no_window() -> None:
    """Nor is any step but one that takes entries."""
    assert variants._vectors(Node("sum", (), lambda: X, X)) is None


def test_windows_side_by_side() -> None:
    """They begin where the first one does."""
    assert variants._dense(np.array([3, 5, 7])).tolist() == [3, 4, 5]


def test_lists_of_places() -> None:
    """Along each axis, where all entries along the others agree; each once."""
    first, second = np.array([0, 2, 1]), np.array([1, 1, 0])
    samples = samples_of(lambda x: x[first, second] * x[second, first] + x[0, :3] * x[1:].sum(), X)
    found = {tuple(each.tolist()) for each in variants._lists(View(samples, keep_all=True))}
    assert {(0, 2, 1), (1, 1, 0), (0, 0, 0), (0, 1, 2), (1, 2)} == found


def test_other_places_get_the_gradient() -> None:
    """All that come to one place add up."""
    edge, sample = taking(lambda x: x[np.array([0, 1, 2])])
    change = variants._scattered(np.array([4, 0, 4]))(sample, edge)
    assert change is not None
    assert change(np.array([1.0, 2.0, 3.0]), [V], edge.node.value).tolist() == [2.0, 0.0, 0.0, 0.0, 4.0]
    assert change(np.asarray(1.0), [V], edge.node.value).tolist() == [1.0, 0.0, 0.0, 0.0, 2.0]


def test_another_version_of_an_input() -> None:
    """The derivative is taken with it, and the other inputs stay."""
    sample = samples_of(lambda x, y: x * y, X, X + 1).all[0]
    edge = Edge(next(each for each in sample.graph.nodes if each.op == "multiply"), 0)
    change = variants._with_turned(1, np.negative)(sample, edge)
    assert change is not None
    assert np.array_equal(change(X, [X, X + 1], X * (X + 1)), -X * (X + 1))


@pytest.mark.parametrize("keepdims", [True, False])
def test_a_sum_along_another_axis(keepdims: bool) -> None:
    """Or over all, which is given to all; the same axis, and one that an array lacks, are no other."""
    function = lambda x: x - x.sum(axis=1, keepdims=True) if keepdims else x.sum(axis=1)  # noqa: E731 - of this test
    samples = samples_of(function, W)
    (number,) = [n for n, node in enumerate(samples.graph.nodes) if node.op == "sum"]
    node = samples.graph.nodes[number]
    for axis in (0, 1):
        assert np.array_equal(variants._reduced(W, node=node, axis=axis), W.sum(axis=axis, keepdims=keepdims))
    whole = variants._reduced(W, node=node, axis=None)
    assert whole.shape == ((1, 1) if keepdims else (3,))
    assert np.allclose(whole, W.sum())


def test_answers_of_a_sum_along_another_axis() -> None:
    """They agree with that axis alone; the axis of the right formula and one that the array lacks are not tried."""
    samples = samples_of(lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True), W)
    first = samples.all[0]
    (number,) = [n for n, node in enumerate(samples.graph.nodes) if node.op == "sum"]
    for axis in (0, None, 1):
        node = samples.graph.nodes[number]
        answers = first.gradients_with({id(node): lambda x, axis=axis: x.sum(axis=axis, keepdims=True)})
        wrong = Sample(first.args, first.floats, first.cotangent, answers, first.truths, first.slack, first.recorded)
        found = [each for each in (0, 1, 2, None) if variants._agrees_along(samples, wrong, [number], each)]
        assert found == ([] if axis == 1 else [axis])


# Turns of a loop


def turns(x: Any, w: Any) -> Any:
    h, out = np.zeros(3), []
    for each in x:
        h = np.tanh(each[:3] + h @ w) * each[:3]
        out.append(h)
    return np.stack(out)


def test_the_steps_of_one_place_in_the_code() -> None:
    """In their order; what is made once has no turns."""
    samples = samples_of(lambda x, w: np.sin(turns(x, w)), X, W, wrong=(0, 1))
    nodes = samples.graph.nodes
    roles = loops.roles_of(nodes)
    ops = {nodes[role[0]].op: role for role in roles}
    assert {"tanh", "multiply", "add"} <= set(ops)
    assert "sin" not in ops
    assert all(list(role) == sorted(role) and len({nodes[n].op for n in role}) == 1 for role in roles)
    assert len(ops["tanh"]) == 3


def trial_of(wrong: tuple[int, ...], position: int = 0) -> loops._Trial:
    samples = samples_of(turns, X, W, wrong=wrong, position=position)
    roles = loops.roles_of(samples.graph.nodes)
    return loops._Trial(View(samples, of_all=True), roles)


def test_a_place_that_leads_to_right_gradients_is_left_alone() -> None:
    """What is wrong there would make them wrong too."""
    both, one = trial_of((0, 1)), trial_of((0,))
    ops = {role: both.view.nodes[role[0]].op for role in both.roles}
    assert {"tanh", "multiply", "add"} <= {ops[role] for role, _, _ in both.edges()}
    assert "tanh" not in {one.view.nodes[role[0]].op for role, _, _ in one.edges()}
    (tanh,) = [role for role, op in ops.items() if op == "tanh"]
    assert both.leads_to_wrong(tanh)
    assert not one.leads_to_wrong(next(role for role in one.roles if one.view.nodes[role[0]].op == "tanh"))
    assert not trial_of((0,), position=1).leads_to_wrong(tanh)


def test_the_arguments_before_a_step() -> None:
    """An argument itself, and all that comes from it."""
    trial = trial_of((0, 1))
    before = loops._arguments_before(trial.view)
    x, w = trial.view.samples.graph.arguments
    assert (before[id(x)], before[id(w)]) == ({0}, {1})
    last = trial.view.nodes[-1]
    assert before[id(last)] == {0, 1}
    assert all(before[id(node)] == set() for node in trial.view.nodes if node.op == "constant")


def test_the_factor_after_a_step() -> None:
    """By the place of the product that the step enters: the number of what it is multiplied by."""
    trial = trial_of((0, 1))
    nodes = trial.view.nodes
    (tanh,) = [role for role in trial.roles if nodes[role[0]].op == "tanh"]
    ((place, factors),) = loops._next_factors(trial, tanh)
    assert place == 0
    assert set(factors) == set(tanh)
    assert all(nodes[each].op == "gather" for each in factors.values())
    (times,) = [role for role in trial.roles if nodes[role[0]].op == "multiply"]
    assert list(loops._next_factors(trial, times)) == []


def test_other_values_of_each_turn() -> None:
    """Of another line, or of the turn before or after; of the same shape, and never those that are given."""
    trial = trial_of((0, 1))
    nodes = trial.view.nodes
    (tanh,) = [role for role in trial.roles if nodes[role[0]].op == "tanh"]
    found = list(loops._candidates(trial, tanh, tanh))
    assert tanh not in found
    assert len(found) == len(set(found))
    assert (tanh[-1], *tanh[:-1]) in found
    assert (*tanh[1:], tanh[0]) in found
    assert tuple(trial.numbers[id(nodes[n].inputs[0])] for n in tanh) in found
    assert all(len(each) == len(tanh) for each in found)
    assert all(nodes[n].value.shape == (3,) for each in found for n in each)
    assert not any(all(nodes[n].op == "constant" for n in each) for each in found)


def test_nothing_is_said_of_what_has_no_loop() -> None:
    """Then there are no turns."""
    samples = samples_of(lambda x: np.sin(x) * 2.0, X)
    assert loops.roles_of(samples.graph.nodes) == []
    assert list(loops.explanations(samples)) == []
